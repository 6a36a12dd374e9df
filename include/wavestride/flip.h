// A signal backwards, for what reads it from its end, as half of a bidirectional layer does.
#pragma once

#include <wavestride/op.h>

namespace WAVESTRIDE_API wavestride {

namespace op {

/// y[n] = x[T − 1 − n]: torch.flip over frames. x and y: channels × T. Does not stream: the last frame comes
/// first. A bidirectional torch.nn.LSTM or GRU layer is branches({lstm({{there}}), Stack({flip(in),
/// lstm({{back}}), flip(hidden)})}, concatenate({hidden, hidden})), whose weights are "…_l0" and
/// "…_l0_reverse". Throws std::invalid_argument unless channels is positive.
Op flip(Index channels);

}  // namespace op

/// The whole-signal result of op::flip.
Signal flip(FramesView x);

}  // namespace wavestride
