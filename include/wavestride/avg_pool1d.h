// Mean over windows of frames: torch.nn.functional.avg_pool1d.
#pragma once

#include <wavestride/op.h>

namespace WAVESTRIDE_API wavestride {

/// Of op::avg_pool1d, as in PyTorch.
struct AvgPool1dOptions {
  Index kernel_size = 0;          ///< must be given
  Index stride = 0;               ///< 0: kernel_size
  Index padding = 0;              ///< zero frames on both sides, at most half of kernel_size
  bool ceil_mode = false;         ///< also windows that reach past the right padding, if they start before it
  bool count_include_pad = true;  ///< whether padding counts in the number that the sum is divided by
};

namespace op {

/// y[c, n] = Σ_k x[c, n·stride − padding + k] / N, where N counts the frames of the window that lie on the
/// signal and, with count_include_pad, on its padding; what ceil_mode adds beyond that never counts.
/// x: channels × T, y: channels × floor((T + 2·padding − kernel_size)/stride) + 1 frames (ceil with
/// ceil_mode). Throws std::invalid_argument on the options that PyTorch refuses.
Op avg_pool1d(Index channels, const AvgPool1dOptions& options);

}  // namespace op

/// The whole-signal result of op::avg_pool1d.
Signal avg_pool1d(FramesView x, const AvgPool1dOptions& options);

}  // namespace wavestride
