// Sub-pixel shuffle in one dimension: factor·C channels at a low rate and C channels at factor times that
// rate are two readings of the same values.
#pragma once

#include <wavestride/op.h>

namespace WAVESTRIDE_API wavestride {

/// Which of the factor·C channels holds channel c of phase i (frame n·factor + i).
enum class ShuffleOrder {
  channel_major,  ///< c·factor + i: PyTorch's PixelShuffle
  phase_major,    ///< i·C + c: TensorFlow's subpixel; here a plain copy of memory
};

namespace op {

/// y[c, n·factor + i] = x[channel of (c, i), n]. x: channels × T, y: channels/factor × factor·T.
/// Throws std::invalid_argument when factor is below 1 or does not divide channels.
Op pixel_shuffle1d(Index channels, Index factor, ShuffleOrder order = ShuffleOrder::channel_major);
/// The inverse, y[channel of (c, i), n] = x[c, n·factor + i]. x: channels × T, y: factor·channels ×
/// floor(T/factor): frames after the last whole group are dropped (PyTorch refuses such lengths).
Op pixel_unshuffle1d(Index channels, Index factor, ShuffleOrder order = ShuffleOrder::channel_major);

}  // namespace op

/// The whole-signal results of op::pixel_shuffle1d and op::pixel_unshuffle1d.
Signal pixel_shuffle1d(FramesView x, Index factor, ShuffleOrder order = ShuffleOrder::channel_major);
Signal pixel_unshuffle1d(FramesView x, Index factor, ShuffleOrder order = ShuffleOrder::channel_major);

}  // namespace wavestride
