// Convolutions for what must have the bits of kernels/gemv.h, as a network that a generator steps through.
#pragma once

#include <wavestride/conv1d.h>

namespace wavestride::detail {

/// op::conv1d(), each sum of which is one chain of multiply-adds, tap by tap, however few outputs there are.
Op chained_conv1d(const Tensor& weight, std::span<const float> bias, const Conv1dOptions& options);

/// The same of op::linear().
Op chained_linear(const Tensor& weight, std::span<const float> bias);

}  // namespace wavestride::detail
