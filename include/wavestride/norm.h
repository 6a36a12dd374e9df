// Normalisation and gains per frame: torch.nn.functional.layer_norm and rms_norm over the channels,
// batch_norm as it is after training, ConvNeXt's layer scale, feature normalisation by mean and deviation.
#pragma once

#include <wavestride/op.h>

#include <limits>

namespace WAVESTRIDE_API wavestride {

namespace op {

/// y[c] = (x[c] − m)/√(v + eps) · weight[c] + bias[c], with mean m and biased variance v of a frame's
/// channels: torch.nn.functional.layer_norm(xᵀ, (channels,)). weight and bias hold `channels` values or are
/// empty (1 and 0). Throws std::invalid_argument on other sizes and on an eps that is not 0 or more.
Op layer_norm(Index channels, std::span<const float> weight = {}, std::span<const float> bias = {},
              float eps = 1e-5f);

/// y[c] = x[c]/√(q + eps) · weight[c], with the mean q of the squares of a frame's channels:
/// torch.nn.functional.rms_norm(xᵀ, (channels,)), of float's epsilon as there. weight may be empty (1).
/// Throws std::invalid_argument on another size of it and on an eps that is not 0 or more.
Op rms_norm(Index channels, std::span<const float> weight = {},
            float eps = std::numeric_limits<float>::epsilon());

/// y[c] = gain[c]·x[c] + bias[c]; bias may be empty. Throws std::invalid_argument when gain is empty or the
/// sizes differ.
Op channel_scale(std::span<const float> gain, std::span<const float> bias = {});

/// (x[c] − mean[c])/√(variance[c] + eps)·weight[c] + bias[c]: torch.nn.functional.batch_norm of what was
/// measured in training, as the channel_scale that it is. weight and bias may be empty. Throws
/// std::invalid_argument on other sizes, on a variance below 0 and on an eps that is not 0 or more.
Op batch_norm(std::span<const float> mean, std::span<const float> variance,
              std::span<const float> weight = {}, std::span<const float> bias = {}, double eps = 1e-5);

}  // namespace op

/// The same on whole signals.
Signal layer_norm(FramesView x, std::span<const float> weight = {}, std::span<const float> bias = {},
                  float eps = 1e-5f);
Signal rms_norm(FramesView x, std::span<const float> weight = {},
                float eps = std::numeric_limits<float>::epsilon());
Signal channel_scale(FramesView x, std::span<const float> gain, std::span<const float> bias = {});
Signal batch_norm(FramesView x, std::span<const float> mean, std::span<const float> variance,
                  std::span<const float> weight = {}, std::span<const float> bias = {}, double eps = 1e-5);

}  // namespace wavestride
