#include <wavestride/flip.h>

#include "check.h"
#include "kernels/elementwise.h"
#include "whole_signal.h"

namespace wavestride {
namespace {

class Flip final : public WholeSignalKernel {
 public:
  explicit Flip(Index channels)
      : WholeSignalKernel(message("flip(", channels, ")"), channels, channels,
                          "the last frame of the signal comes first") {}

  void compute(const Work& work) const noexcept override {
    kernels::flip(work.in[0] + (work.length[0] - work.n) * out_channels(), out_channels(), work.count,
                  work.out);
  }
};

}  // namespace

Op op::flip(Index channels) {
  require(channels > 0, "flip: channels must be positive, got ", channels);
  return Op(std::make_shared<Flip>(channels));
}

Signal flip(FramesView x) {
  return op::flip(x.channels())(x);
}

}  // namespace wavestride
