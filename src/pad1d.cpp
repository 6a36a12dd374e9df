#include <wavestride/pad1d.h>

#include <algorithm>

#include "check.h"
#include "kernels/elementwise.h"

namespace wavestride {
namespace {

class Pad1d final : public Kernel {
 public:
  Pad1d(Index channels, const Pad1dOptions& o)
      : Kernel(message("pad1d(", channels, ", left ", o.left, ", right ", o.right, ")"),
               {{channels, conv_geometry(1, 1, 1, o.left, o.right), {o.mode, o.value}}}, channels) {}

  void compute(const Work& work) const noexcept override {
    kernels::copy(work.in[0], work.count * out_channels(), work.out);
  }
};

}  // namespace

namespace op {

Op pad1d(Index channels, const Pad1dOptions& options) {
  constexpr Index most = Index{1} << 40;
  require(channels > 0, "pad1d: channels must be positive, got ", channels);
  for (const Index side : {options.left, options.right})
    require(side >= 0 && side <= most, "pad1d: left and right must be 0 to 2^40, got ", options.left, " and ",
            options.right);
  return Op(std::make_shared<Pad1d>(channels, options));
}

}  // namespace op

Signal pad1d(FramesView x, const Pad1dOptions& options) {
  return op::pad1d(x.channels(), options)(x);
}

}  // namespace wavestride
