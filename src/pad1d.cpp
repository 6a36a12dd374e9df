#include <wavestride/pad1d.h>
#include <wavestride/stack.h>

#include <algorithm>

#include "check.h"
#include "circular.h"
#include "kernels/elementwise.h"
#include "whole_signal.h"

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

class CircularPad1d final : public WholeSignalKernel {
 public:
  CircularPad1d(Index channels, Index left, Index right)
      : WholeSignalKernel(message("pad1d(", channels, ", left ", left, ", right ", right, ", circular)"),
                          channels, channels, "the last frames of the signal come before the first"),
        left_(left),
        more_(left + right) {}

  Index total(std::span<const Index> lengths) const override {
    return lengths[0] > 0 ? detail::add_sat(lengths[0], more_) : 0;
  }

  void compute(const Work& work) const noexcept override {
    const Index T = work.length[0], channels = out_channels();
    Index at = (work.n - left_) % T;
    if (at < 0) at += T;
    for (Index n = 0; n < work.count; at = 0) {
      const Index frames = std::min(work.count - n, T - at);
      kernels::copy(work.in[0] + at * channels, frames * channels, work.out + n * channels);
      n += frames;
    }
  }

 private:
  Index left_, more_;
};

}  // namespace

Op detail::behind_circular(Index left, Index right, const Op& op) {
  if (left == 0 && right == 0) return op;
  return Stack({op::pad1d(op.in_channels(), {left, right, PadMode::circular}), op}, op.name());
}

namespace op {

Op pad1d(Index channels, const Pad1dOptions& options) {
  constexpr Index most = Index{1} << 40;
  require(channels > 0, "pad1d: channels must be positive, got ", channels);
  for (const Index side : {options.left, options.right})
    require(side >= 0 && side <= most, "pad1d: left and right must be 0 to 2^40, got ", options.left, " and ",
            options.right);
  if (options.mode == PadMode::circular)
    return Op(std::make_shared<CircularPad1d>(channels, options.left, options.right));
  return Op(std::make_shared<Pad1d>(channels, options));
}

}  // namespace op

Signal pad1d(FramesView x, const Pad1dOptions& options) {
  return op::pad1d(x.channels(), options)(x);
}

}  // namespace wavestride
