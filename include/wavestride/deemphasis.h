// Pre-emphasis, and the recursive filter that undoes it: both of first order.
#pragma once

#include <wavestride/op.h>

namespace WAVESTRIDE_API wavestride {

namespace op {

/// y[n] = x[n] + coefficient·y[n − 1] per channel, from silence: torchaudio's deemphasis, the inverse of x[n]
/// − coefficient·x[n − 1]. An output depends on all samples before it, whatever reads() says. Throws
/// std::invalid_argument unless channels is positive and |coefficient| < 1.
Op deemphasis(Index channels, float coefficient = 0.97f);

/// y[n] = x[n] − coefficient·x[n − 1] per channel, from silence: torchaudio's preemphasis. Throws
/// std::invalid_argument unless channels is positive and coefficient finite.
Op preemphasis(Index channels, float coefficient = 0.97f);

}  // namespace op

/// The same on whole signals.
Signal deemphasis(FramesView x, float coefficient = 0.97f);
Signal preemphasis(FramesView x, float coefficient = 0.97f);

}  // namespace wavestride
