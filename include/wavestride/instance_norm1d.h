// Normalisation over the whole signal: torch.nn.functional.instance_norm and group_norm.
#pragma once

#include <wavestride/op.h>

namespace WAVESTRIDE_API wavestride {

namespace op {

/// y[c, n] = (x[c, n] − mean[c]) / sqrt(var[c] + eps) · weight[c] + bias[c], with the mean and the biased
/// variance of channel c over all frames; weight and bias of `channels` values, or empty for 1 and 0. x and
/// y: channels × T; one frame, which PyTorch refuses, gives the bias. Does not stream: the statistics are
/// those of the whole signal. Throws std::invalid_argument on other shapes and on eps that is not positive.
Op instance_norm1d(Index channels, std::span<const float> weight = {}, std::span<const float> bias = {},
                   double eps = 1e-5);

/// The same with the mean and the biased variance of each of `groups` groups of neighbouring channels: all
/// values of its channels/groups × T. Throws also unless groups divides the channels.
Op group_norm(Index channels, Index groups, std::span<const float> weight = {},
              std::span<const float> bias = {}, double eps = 1e-5);

}  // namespace op

/// The same on whole signals.
Signal instance_norm1d(FramesView x, std::span<const float> weight = {}, std::span<const float> bias = {},
                       double eps = 1e-5);
Signal group_norm(FramesView x, Index groups, std::span<const float> weight = {},
                  std::span<const float> bias = {}, double eps = 1e-5);

}  // namespace wavestride
