// Where a convolution is faster as dot products (kernels/dots.h) than as products of dense(), and these.
#pragma once

#include <span>

#include "kernels/dots.h"

namespace wavestride::detail {

/// A convolution, of `in` and `out` channels to a group.
struct DotShape {
  Index in, out, groups, taps;
  bool gapless;  ///< the inputs of all taps lie one behind the other

  Index run() const { return gapless ? in * taps : in; }
  Index runs() const { return gapless ? 1 : taps; }
};

/// Whether dot products take less time than dense() does: of stride 1 that makes several frames side by side
/// in a vector (frame_lanes.h), where `frames_share` them.
bool dots_pay(const DotShape& s, bool frames_share);

/// Whether the phases of a transposed convolution may be made side by side in a vector.
bool side_by_side(const DotShape& s, Index stride);

/// Whether dot products make all phases of a transposed convolution, of so many taps in all, in less time.
/// They make none side by side that have different numbers of taps.
bool dots_pay_phases(DotShape s, Index stride, Index dilation);

/// Weights are of the outputs of all groups.
kernels::DotWeights dot_products(const DotShape& s, const kernels::WeightAt& value,
                                 std::span<const float> bias);

}  // namespace wavestride::detail
