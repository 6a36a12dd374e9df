// Maximum over windows of frames: torch.nn.functional.max_pool1d.
#pragma once

#include <wavestride/op.h>

namespace WAVESTRIDE_API wavestride {

/// Of op::max_pool1d, as in PyTorch.
struct MaxPool1dOptions {
  Index kernel_size = 0;   ///< must be given
  Index stride = 0;        ///< 0: kernel_size
  Index padding = 0;       ///< frames of −inf on both sides, at most half of kernel_size
  Index dilation = 1;      ///< frames from one tap of the window to the next
  bool ceil_mode = false;  ///< also windows that reach past the right padding, if they start before it
};

/// Maxima and the frames that they come from, both channels × output frames.
struct MaxPooled {
  Signal values;
  IndexSignal indices;
};

namespace op {

/// y[c, n] = max over k of x[c, n·stride − padding + k·dilation]. NaN is greater than every number.
/// x: channels × T, y: channels × floor((T + 2·padding − dilation·(kernel_size−1) − 1)/stride) + 1 frames
/// (ceil with ceil_mode). Throws std::invalid_argument on the options that PyTorch refuses.
Op max_pool1d(Index channels, const MaxPool1dOptions& options);

/// Two outputs, both channels × frames: the maxima, and their offsets in frames from the start of the window
/// (the maximum of output n stands at input frame n·stride − padding + offset). Offsets stay below 2^24
/// (larger windows throw), so that they are exact as floats however long the stream is. Of equal maxima the
/// first counts, of several NaN the last, as in PyTorch.
Op max_pool1d_with_offsets(Index channels, const MaxPool1dOptions& options);

}  // namespace op

/// The whole-signal result of op::max_pool1d.
Signal max_pool1d(FramesView x, const MaxPool1dOptions& options);
/// PyTorch's return_indices: positions in x, counted from its first frame. A window with no tap on the signal
/// (dilation can do that) gives −inf and the position of its first tap past frame 0.
MaxPooled max_pool1d_with_indices(FramesView x, const MaxPool1dOptions& options);

}  // namespace wavestride
