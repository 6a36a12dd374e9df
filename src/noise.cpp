#include <wavestride/noise.h>

#include "check.h"
#include "kernels/elementwise.h"

namespace wavestride {
namespace {

class NormalNoise final : public Kernel {
 public:
  NormalNoise(Index in_channels, Index channels, std::uint64_t seed)
      : Kernel(message("normal_noise(", channels, ", seed ", seed, ")"),
               {{in_channels, conv_geometry(1, 1, 1, 0, 0), {}}}, channels),
        seed_(seed) {}

  void compute(const Work& work) const noexcept override {
    const auto first = static_cast<std::uint64_t>(work.n * out_channels());
    kernels::normal(seed_, first, work.count * out_channels(), work.out);
  }

 private:
  std::uint64_t seed_;
};

}  // namespace

namespace op {

Op normal_noise(Index in_channels, Index channels, std::uint64_t seed) {
  require(in_channels > 0 && channels > 0, "normal_noise: channels must be positive, got ", in_channels,
          " and ", channels);
  return Op(std::make_shared<NormalNoise>(in_channels, channels, seed));
}

}  // namespace op

Signal normal_noise(Index channels, Index frames, std::uint64_t seed) {
  require(frames >= 0, "normal_noise: frames must not be negative, got ", frames);
  return op::normal_noise(1, channels, seed)(Signal(Signal::Zero(1, frames)));
}

}  // namespace wavestride
