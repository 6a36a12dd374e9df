// What may follow a sum where it is made, before it leaves the nearest cache.
#pragma once

#include <wavestride/geometry.h>

namespace wavestride::kernels {

/// y = sum + added, then y > 0 ? y : slope·y.
struct Finish {
  const float* added = nullptr;  ///< laid out as the outputs; nullptr: nothing is added
  float slope = 1;

  bool none() const { return added == nullptr && slope == 1; }
  /// For the outputs that lie `floats` behind the first.
  Finish behind(Index floats) const { return {added == nullptr ? nullptr : added + floats, slope}; }
};

/// Finishes `size` sums where they are.
void finish(const Finish& f, Index size, float* sums) noexcept;

}  // namespace wavestride::kernels
