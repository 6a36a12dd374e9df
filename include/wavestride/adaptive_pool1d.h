// Pooling to a given number of frames: torch.nn.functional.adaptive_avg_pool1d and adaptive_max_pool1d.
#pragma once

#include <wavestride/max_pool1d.h>

namespace WAVESTRIDE_API wavestride {

/// What a bin of frames becomes.
enum class Pooling { max, mean };

namespace op {

/// y[c, i] = mean of x[c, floor(i·T/output_size)] … x[c, ceil((i+1)·T/output_size) − 1]: bins that cover the
/// T frames of x evenly, overlapping by a frame where T is no multiple. x: channels × T, y: channels ×
/// output_size for any T ≥ 1, also one below output_size; no frames for T = 0. Does not stream: the bins
/// depend on T. Throws std::invalid_argument on a negative output_size.
Op adaptive_avg_pool1d(Index channels, Index output_size);
/// The same with the maximum; NaN is greater than every number.
Op adaptive_max_pool1d(Index channels, Index output_size);

}  // namespace op

/// The results of op::adaptive_avg_pool1d and op::adaptive_max_pool1d.
Signal adaptive_avg_pool1d(FramesView x, Index output_size);
Signal adaptive_max_pool1d(FramesView x, Index output_size);
/// PyTorch's return_indices: the frame of each maximum; of equal ones the first, of several NaN the last.
MaxPooled adaptive_max_pool1d_with_indices(FramesView x, Index output_size);

}  // namespace wavestride
