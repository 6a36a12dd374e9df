// Probabilities: torch.nn.functional.softmax and log_softmax over the channels of a frame.
#pragma once

#include <wavestride/op.h>

namespace WAVESTRIDE_API wavestride {

namespace op {

/// y[c] = e^x[c] / Σ_k e^x[k] over a frame's channels, whatever their size: torch.nn.functional.softmax(x,
/// 0). A frame with NaN, with +∞ or with −∞ alone is NaN. Throws std::invalid_argument unless channels is
/// positive.
Op softmax(Index channels);

/// y[c] = x[c] − ln Σ_k e^x[k]: torch.nn.functional.log_softmax(x, 0). Throws as softmax.
Op log_softmax(Index channels);

}  // namespace op

/// The same on whole signals.
Signal softmax(FramesView x);
Signal log_softmax(FramesView x);

}  // namespace wavestride
