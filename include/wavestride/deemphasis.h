// The filter that undoes a pre-emphasis: first order, recursive.
#pragma once

#include <wavestride/op.h>

namespace WAVESTRIDE_API wavestride {

namespace op {

/// y[n] = x[n] + coefficient·y[n − 1] per channel, from silence: torchaudio's deemphasis, the inverse of x[n]
/// − coefficient·x[n − 1]. An output depends on all samples before it, whatever reads() says. Throws
/// std::invalid_argument unless channels is positive and |coefficient| < 1.
Op deemphasis(Index channels, float coefficient = 0.97f);

}  // namespace op

/// The whole-signal result of op::deemphasis.
Signal deemphasis(FramesView x, float coefficient = 0.97f);

}  // namespace wavestride
