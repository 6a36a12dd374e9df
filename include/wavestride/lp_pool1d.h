// p-norms of windows of frames: torch.nn.functional.lp_pool1d.
#pragma once

#include <wavestride/op.h>

namespace WAVESTRIDE_API wavestride {

/// Of op::lp_pool1d, as in PyTorch.
struct LpPool1dOptions {
  double norm_type = 2;    ///< the power p: 1 is the sum, 2 the Euclidean norm
  Index kernel_size = 0;   ///< must be given
  Index stride = 0;        ///< 0: kernel_size
  bool ceil_mode = false;  ///< also a last window that reaches past the end
};

namespace op {

/// y[c, n] = (Σ_k x[c, n·stride + k]^p)^(1/p); of a window that reaches past the end, kernel_size times the
/// mean of its powers. NaN where a power or a root is: of negative values only if p is even and at most
/// 16, or 1. x:
/// channels × T, y: channels × floor((T − kernel_size)/stride) + 1 frames (ceil with ceil_mode). Throws
/// std::invalid_argument on the options that avg_pool1d refuses and unless p is finite and not 0.
Op lp_pool1d(Index channels, const LpPool1dOptions& options);

}  // namespace op

/// The whole-signal result of op::lp_pool1d.
Signal lp_pool1d(FramesView x, const LpPool1dOptions& options);

}  // namespace wavestride
