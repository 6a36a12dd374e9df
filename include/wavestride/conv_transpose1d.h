// Transposed convolution over frames: torch.nn.functional.conv_transpose1d. An output frame gathers the input
// frames whose kernel reaches it, instead of inputs adding into outputs, so that it is summed in one order
// and streams without overlap buffers: the outputs of one phase (n + padding mod stride) are an ordinary
// convolution with every stride-th tap.
#pragma once

#include <wavestride/op.h>

namespace WAVESTRIDE_API wavestride {

/// Of op::conv_transpose1d, as in PyTorch.
struct ConvTranspose1dOptions {
  Index stride = 1;
  Index padding = 0;         ///< frames cropped at both ends
  Index output_padding = 0;  ///< frames appended at the end
  Index groups = 1;
  Index dilation = 1;
};

namespace op {

/// y[o, n] = bias[o] + Σ_c Σ_k weight[c, o, k] · x[c, (n + padding − k·dilation)/stride] over those k where
/// the division is exact; weight (in, out/groups, kernel), bias (out) or empty. x: in × T, y: out ×
/// (T−1)·stride − 2·padding + dilation·(kernel−1) + output_padding + 1, or an empty signal where that is
/// below 1. Throws std::invalid_argument on contradicting shapes, and on output_padding that is not below
/// the larger of stride and dilation.
Op conv_transpose1d(const Tensor& weight, std::span<const float> bias = {},
                    const ConvTranspose1dOptions& options = {});

}  // namespace op

/// The whole-signal result of op::conv_transpose1d. Packs the weights at every call.
Signal conv_transpose1d(FramesView x, const Tensor& weight, std::span<const float> bias = {},
                        const ConvTranspose1dOptions& options = {});

}  // namespace wavestride
