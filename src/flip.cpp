#include <wavestride/flip.h>

#include <algorithm>

#include "check.h"
#include "whole_signal.h"

namespace wavestride {
namespace {

class Flip final : public WholeSignalKernel {
 public:
  explicit Flip(Index channels)
      : WholeSignalKernel(message("flip(", channels, ")"), channels, channels,
                          "the last frame of the signal comes first") {}

  void compute(const Work& work) const noexcept override {
    const Index channels = out_channels();
    const float* from = work.in[0] + (work.length[0] - work.n) * channels;
    float* out = work.out;
    for (Index n = 0; n < work.count; ++n) out = std::copy_n(from -= channels, channels, out);
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
