// Choosing channels: torch.index_select over dim 1, and what splits and interleavings are made of.
#pragma once

#include <wavestride/op.h>

namespace WAVESTRIDE_API wavestride {

namespace op {

/// y[i, n] = x[index[i], n]. x: channels × T, y: as many channels as `index` has × T. Throws
/// std::invalid_argument when `index` is empty or names a channel that is not there.
Op index_select(Index channels, std::vector<Index> index);

/// Channels first … first+count−1.
Op channel_slice(Index channels, Index first, Index count);

}  // namespace op

/// The whole-signal result of op::index_select.
Signal index_select(FramesView x, std::vector<Index> index);

}  // namespace wavestride
