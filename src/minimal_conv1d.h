// Convolution of frames by minimal filtering.
#pragma once

#include <wavestride/kernel.h>

#include <functional>

namespace wavestride::detail {

/// A convolution with stride 1 and one group.
struct MinimalConvShape {
  Index in, out, kernel, dilation, left, right;
  PadMode padding_mode;
  bool rough = false;  ///< whether it may err as much as products of bfloat16 hide
};

/// Whether minimal filtering takes well less time than the sum itself.
bool minimal_pays(const MinimalConvShape& shape);
/// How many times as fast as the sum itself it is to be expected, of shapes for which it pays.
double minimal_speed(const MinimalConvShape& shape);

/// The convolution, with weight(o, c, k); of the shapes for which it pays.
std::shared_ptr<const Kernel> minimal_conv1d(const MinimalConvShape& shape,
                                             const std::function<float(Index, Index, Index)>& weight,
                                             std::span<const float> bias);

}  // namespace wavestride::detail
