// Helpers of the tests of pooling.
#pragma once

#include "contract.h"
#include "golden.h"

namespace wavestride::testing {

/// The indices of a golden case, written as floats.
inline IndexSignal indices_of(const GoldenCase& c) {
  return c.signal("indices").cast<Index>();
}

inline bool same_indices(const IndexSignal& a, const IndexSignal& b) {
  return a.rows() == b.rows() && a.cols() == b.cols() && a == b;
}

}  // namespace wavestride::testing
