#include <wavestride/stretch_fir.h>

#include <algorithm>

#include "check.h"
#include "kernels/elementwise.h"

namespace wavestride {
namespace {

struct Shape {
  Index bins, scale, bin_taps, frame_taps, left;
};

Shape check(Index bins, Index scale, const Tensor& kernel, bool causal) {
  constexpr Index most_scale = 1 << 20;
  require(bins > 0, "stretch_fir: bins must be positive, got ", bins);
  require(scale >= 1 && scale <= most_scale, "stretch_fir: scale must be 1 to ", most_scale, ", got ", scale);
  const std::vector<Index>& shape = kernel.shape;
  const bool conv2d = shape.size() == 4 && shape[0] == 1 && shape[1] == 1;
  require((shape.size() == 2 || conv2d) && !kernel.empty() && shape[shape.size() - 2] % 2 == 1,
          "stretch_fir: kernel must have shape (F, K) or (1, 1, F, K) with F odd, got ", shape_string(shape));
  kernel.check();
  const Index taps = shape.back();
  return {bins, scale, shape[shape.size() - 2], taps, causal ? taps - 1 : (taps - 1) / 2};
}

Geometry stretch_geometry(const Shape& s) {
  return {{1, s.scale, -s.left, s.frame_taps - 1 - s.left}, {s.scale, 0, 1, 0}};
}

class StretchFir final : public Kernel {
 public:
  StretchFir(const Shape& s, const Tensor& kernel, float bias)
      : Kernel(message("stretch_fir(", s.bins, " bins, scale ", s.scale, ", kernel ", s.bin_taps, " × ",
                       s.frame_taps, ")"),
               {{s.bins, stretch_geometry(s), {}}}, s.bins),
        shape_(s),
        bias_(bias) {
    for (Index r = 0; r < s.scale; ++r) phases_.push_back(make_phase(r, kernel));
  }

  void compute(const Work& work) const noexcept override {
    const Window& window = inputs()[0].geometry.window;
    const Index first = window.first(work.n);
    for (Index j = 0; j < work.count; ++j) {
      const Index n = work.n + j;
      compute_frame(phases_[static_cast<std::size_t>(n % shape_.scale)],
                    work.in[0] + (window.first(n) - first) * shape_.bins, work.out + j * shape_.bins);
    }
  }

  Index parameters() const override { return shape_.bin_taps * shape_.frame_taps; }
  double macs_per_frame() const override {
    const double frames =
        static_cast<double>(shape_.frame_taps - 1) / static_cast<double>(shape_.scale) + 1.0;
    return frames * static_cast<double>(shape_.bins * shape_.bin_taps);
  }

 private:
  /// The filter of one phase: for every tap over bins, the taps over the frames of its window.
  struct Phase {
    Index frames = 0;
    std::vector<float> weights;
    std::vector<Index> offsets;  ///< in floats, from the same bin of the window's first frame
  };

  Phase make_phase(Index r, const Tensor& kernel) const {
    const Window& window = inputs()[0].geometry.window;
    Phase phase;
    phase.frames = window.last(r) - window.first(r) + 1;
    for (Index f = 0; f < shape_.bin_taps; ++f) {
      std::vector<double> sums(static_cast<std::size_t>(phase.frames), 0.0);
      for (Index t = 0; t < shape_.frame_taps; ++t) {
        const Index frame = detail::affine_floor(r - shape_.left + t, 1, 0, shape_.scale) - window.first(r);
        sums[static_cast<std::size_t>(frame)] +=
            static_cast<double>(kernel.data[static_cast<std::size_t>(f * shape_.frame_taps + t)]);
      }
      for (Index k = 0; k < phase.frames; ++k) {
        phase.weights.push_back(static_cast<float>(sums[static_cast<std::size_t>(k)]));
        phase.offsets.push_back(k * shape_.bins + f - shape_.bin_taps / 2);
      }
    }
    return phase;
  }

  // Bins whose taps all lie within the frame make one run; near the edges a bin sums the taps that do.
  void compute_frame(const Phase& phase, const float* in, float* out) const noexcept {
    const Index half = shape_.bin_taps / 2;
    for (Index b = 0, run = 1; b < shape_.bins; b += run) {
      const Index from = std::max<Index>(0, half - b);
      const Index to = std::min(shape_.bin_taps, shape_.bins + half - b);
      const bool inside = from == 0 && to == shape_.bin_taps;
      run = inside ? shape_.bins - half - b : 1;
      kernels::weighted_sum(phase.weights.data() + from * phase.frames,
                            phase.offsets.data() + from * phase.frames, (to - from) * phase.frames, bias_,
                            in + b, run, out + b);
    }
  }

  Shape shape_;
  float bias_;
  std::vector<Phase> phases_;
};

}  // namespace

namespace op {

[[gnu::cold]] Op stretch_fir(Index bins, Index scale, const Tensor& kernel,
                             const StretchFirOptions& options) {
  const Shape shape = check(bins, scale, kernel, options.causal);
  return Op(std::make_shared<StretchFir>(shape, kernel, options.bias));
}

}  // namespace op

Signal stretch_fir(FramesView x, Index scale, const Tensor& kernel, const StretchFirOptions& options) {
  return op::stretch_fir(x.channels(), scale, kernel, options)(x);
}

}  // namespace wavestride
