// Max pooling undone, as in SegNet (Badrinarayanan et al. 2017): every maximum returns to the frame that it
// came from, all other frames are 0. torch.nn.functional.max_unpool1d.
#pragma once

#include <wavestride/op.h>

namespace WAVESTRIDE_API wavestride {

/// Of op::max_unpool1d: those of the pooling that it undoes.
struct MaxUnpool1dOptions {
  Index kernel_size = 0;  ///< that of the pooling; must be given
  Index stride = 0;       ///< 0: kernel_size
  Index padding = 0;
};

namespace op {

/// Two inputs, the outputs of op::max_pool1d_with_offsets: y[c, n·stride − padding + offsets[c, n]] =
/// values[c, n], and 0 elsewhere; of two values for one frame the later n holds, offsets outside 0 …
/// kernel_size − 1 are ignored. Inputs: channels × T, y: channels × (T−1)·stride − 2·padding + kernel_size +
/// output_padding frames; output_padding, between −stride and stride exclusive, restores what pooling
/// rounded. After a dilated pooling, kernel_size here is dilation·(kernel_size−1) + 1 there. Throws
/// std::invalid_argument on the options that max_pool1d refuses.
Op max_unpool1d(Index channels, const MaxUnpool1dOptions& options, Index output_padding = 0);

}  // namespace op

/// y[c, indices[c, n]] = x[c, n], with the indices of max_pool1d_with_indices. Output (T−1)·stride −
/// 2·padding + kernel_size frames, or output_size, which must be less than a stride away from that. Throws
/// std::invalid_argument on other sizes, on an index that is not in the output, when shapes differ.
Signal max_unpool1d(FramesView x, const IndexSignal& indices, const MaxUnpool1dOptions& options,
                    std::optional<Index> output_size = std::nullopt);

}  // namespace wavestride
