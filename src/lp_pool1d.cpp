#include <wavestride/activation.h>
#include <wavestride/avg_pool1d.h>
#include <wavestride/lp_pool1d.h>
#include <wavestride/stack.h>

#include <cmath>

#include "pool1d.h"

namespace wavestride {

// A power, a mean, and a root of as many times it as a window has taps.
Op op::lp_pool1d(Index channels, const LpPool1dOptions& o) {
  const auto windows = pool::check_windows("lp_pool1d", o.kernel_size,
                                           o.stride == 0 ? o.kernel_size : o.stride, 0, 1, o.ceil_mode);
  require(channels > 0, "lp_pool1d: channels must be positive, got ", channels);
  const auto p = static_cast<float>(o.norm_type), root = static_cast<float>(1 / o.norm_type);
  require(std::isnormal(p) && std::isnormal(root), "lp_pool1d: norm_type must be finite and not 0, got ",
          o.norm_type);
  std::vector<Op> ops{avg_pool1d(channels, {o.kernel_size, o.stride, 0, o.ceil_mode}),
                      scale(channels, static_cast<float>(o.kernel_size))};
  if (p != 1) {
    ops.insert(ops.begin(), pow(channels, p));
    ops.push_back(p == 2 ? sqrt(channels) : pow(channels, root));
  }
  return Stack(ops, message("lp_pool1d(", channels, " channels, norm_type ", o.norm_type, ", kernel_size ",
                            windows.kernel, ", stride ", windows.stride, o.ceil_mode ? ", ceil_mode)" : ")"));
}

Signal lp_pool1d(FramesView x, const LpPool1dOptions& options) {
  return op::lp_pool1d(x.channels(), options)(x);
}

}  // namespace wavestride
