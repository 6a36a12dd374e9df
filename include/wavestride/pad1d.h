// Padding as an operator of its own: torch.nn.functional.pad over frames. Convolutions, poolings and
// transforms pad by themselves; this is for networks that pad where nothing else does.
#pragma once

#include <wavestride/op.h>

namespace WAVESTRIDE_API wavestride {

/// Of op::pad1d.
struct Pad1dOptions {
  Index left = 0, right = 0;  ///< frames
  PadMode mode = PadMode::constant;
  float value = 0.0f;  ///< of constant
};

namespace op {

/// y[n] = x[n − left], beyond the signal by `mode`. x: channels × T, y: channels × T + left + right, empty
/// for an empty x. Circular padding needs the whole signal, others stream. Throws std::invalid_argument
/// unless channels is positive and left and right are 0 to 2^40.
Op pad1d(Index channels, const Pad1dOptions& options);

}  // namespace op

/// The whole-signal result of op::pad1d.
Signal pad1d(FramesView x, const Pad1dOptions& options);

}  // namespace wavestride
