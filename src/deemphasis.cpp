#include <wavestride/conv1d.h>
#include <wavestride/deemphasis.h>
#include <wavestride/stack.h>

#include <cmath>

#include "check.h"
#include "kernels/recursive.h"

namespace wavestride {
namespace {

struct Last final : KernelState {
  std::vector<float> frame;
  explicit Last(Index channels) : frame(static_cast<std::size_t>(channels)) {}
  void reset() noexcept override { std::fill(frame.begin(), frame.end(), 0.0f); }
  Index bytes() const noexcept override { return static_cast<Index>(frame.size() * sizeof(float)); }
};

class Deemphasis final : public Kernel {
 public:
  Deemphasis(Index channels, float coefficient)
      : Kernel(message("deemphasis(", channels, ", coefficient ", coefficient, ")"),
               {{channels, conv_geometry(1, 1, 1, 0, 0), {}}}, channels),
        coefficient_(coefficient) {}

  std::unique_ptr<KernelState> make_state() const override { return std::make_unique<Last>(out_channels()); }

  void compute(const Work& work) const noexcept override {
    std::vector<float>& last = static_cast<Last*>(work.state)->frame;
    kernels::decay(coefficient_, work.in[0], out_channels(), work.count, last.data(), work.out);
  }

 private:
  float coefficient_;
};

}  // namespace

namespace op {

Op deemphasis(Index channels, float coefficient) {
  require(channels > 0, "deemphasis: channels must be positive, got ", channels);
  require(std::abs(coefficient) < 1, "deemphasis: coefficient must be between -1 and 1, got ", coefficient);
  return Op(std::make_shared<Deemphasis>(channels, coefficient));
}

Op preemphasis(Index channels, float coefficient) {
  require(channels > 0, "preemphasis: channels must be positive, got ", channels);
  require(std::isfinite(coefficient), "preemphasis: coefficient must be finite, got ", coefficient);
  Tensor taps({channels, 1, 2});
  for (std::size_t i = 0; i < taps.data.size(); ++i) taps.data[i] = i % 2 == 0 ? -coefficient : 1.0f;
  return Stack({conv1d(taps, {}, {.padding = {1, 0}, .groups = channels})},
               message("preemphasis(", channels, ", coefficient ", coefficient, ")"));
}

}  // namespace op

Signal deemphasis(FramesView x, float coefficient) {
  return op::deemphasis(x.channels(), coefficient)(x);
}

Signal preemphasis(FramesView x, float coefficient) {
  return op::preemphasis(x.channels(), coefficient)(x);
}

}  // namespace wavestride
