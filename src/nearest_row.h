// Codes: numbers of the rows of a table that come as floats, as all values of signals do.
#pragma once

#include <wavestride/geometry.h>

namespace wavestride {

/// Of `rows` rows, at most 2²⁴, that which x names: x cut towards 0, what is none of them the nearest, NaN 0.
inline Index nearest_row(float x, Index rows) noexcept {
  if (!(x >= 1)) return 0;  // NaN, too
  return x < static_cast<float>(rows) ? static_cast<Index>(x) : rows - 1;
}

}  // namespace wavestride
