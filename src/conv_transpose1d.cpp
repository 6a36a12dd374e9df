#include <wavestride/conv_transpose1d.h>

#include <algorithm>

#include "check.h"
#include "kernels/dense.h"

namespace wavestride {
namespace {

struct Shape {
  Index in, out, kernel, groups;
};

Shape check(const Tensor& weight, std::span<const float> bias, const ConvTranspose1dOptions& o) {
  require(weight.shape.size() == 3 && !weight.empty(),
          "conv_transpose1d: weight must have shape (in, out/groups, kernel), got ",
          shape_string(weight.shape));
  constexpr Index most = Index{1} << 40, most_phases = 1 << 20;
  require(o.stride >= 1 && o.stride <= most_phases, "conv_transpose1d: stride must be 1 to ", most_phases,
          ", got ", o.stride);
  require(o.dilation >= 1 && o.dilation < most / weight.dim(2),
          "conv_transpose1d: dilation must be at least 1 and dilation·kernel below 2^40, got ", o.dilation);
  require(o.padding >= 0 && o.padding < most, "conv_transpose1d: padding must be 0 or more, below 2^40, got ",
          o.padding);
  require(o.output_padding >= 0 && o.output_padding < std::max(o.stride, o.dilation),
          "conv_transpose1d: output_padding must be 0 or more and smaller than stride or dilation, got ",
          o.output_padding, " with stride ", o.stride, " and dilation ", o.dilation);
  require(o.groups >= 1 && weight.dim(0) % o.groups == 0, "conv_transpose1d: groups must divide the ",
          weight.dim(0), " input channels, got ", o.groups);
  const Index out = weight.dim(1) * o.groups;
  require(bias.empty() || static_cast<Index>(bias.size()) == out, "conv_transpose1d: bias must have ", out,
          " values, got ", bias.size());
  return {weight.dim(0), out, weight.dim(2), o.groups};
}

class ConvTranspose1d final : public Kernel {
 public:
  ConvTranspose1d(const Shape& s, const Tensor& weight, std::span<const float> bias,
                  const ConvTranspose1dOptions& o)
      : Kernel(message("conv_transpose1d(", s.in, " → ", s.out, ", kernel ", s.kernel, ", stride ", o.stride,
                       ", dilation ", o.dilation, ", groups ", s.groups, ")"),
               {{s.in,
                 conv_transpose_geometry(s.kernel, o.stride, o.padding, o.output_padding, o.dilation),
                 {}}},
               s.out),
        shape_(s),
        stride_(o.stride),
        padding_(o.padding),
        parameters_(weight.size() + static_cast<Index>(bias.size())),
        bias_(static_cast<std::size_t>(s.out), 0.0f),
        phases_(static_cast<std::size_t>(o.stride)) {
    std::copy(bias.begin(), bias.end(), bias_.begin());
    std::vector<std::vector<Index>> taps(phases_.size());
    for (Index k = s.kernel; k-- > 0;) taps[static_cast<std::size_t>(k * o.dilation % stride_)].push_back(k);
    for (std::size_t r = 0; r < phases_.size(); ++r)
      if (!taps[r].empty()) phases_[r] = make_phase(taps[r], o.dilation, weight);
  }

  void compute(const Work& work) const noexcept override {
    const Index first = inputs()[0].geometry.window.first(work.n);
    for (Index j = 0; j < std::min(stride_, work.count); ++j) {
      const Index position = work.n + j + padding_, frames = (work.count - j + stride_ - 1) / stride_;
      const Phase& phase = phases_[static_cast<std::size_t>(position % stride_)];
      float* out = work.out + j * shape_.out;
      if (phase.offsets.empty()) {
        for (Index f = 0; f < frames; ++f)
          std::copy(bias_.begin(), bias_.end(), out + f * stride_ * shape_.out);
        continue;
      }
      const float* in = work.in[0] + (position / stride_ - phase.reach - first) * shape_.in;
      compute_phase(phase, in, frames, out);
    }
  }

  Index parameters() const override { return parameters_; }
  double macs_per_frame() const override {
    return static_cast<double>(shape_.in) * static_cast<double>(shape_.out / shape_.groups * shape_.kernel) /
           static_cast<double>(stride_);
  }

 private:
  /// The taps that reach the output frames of one phase, earliest input frame first; empty without any.
  struct Phase {
    Index reach = 0;  ///< how many frames before its own position the first tap reads
    std::vector<Index> offsets;
    std::vector<kernels::DenseWeights> groups;
    kernels::AlignedFloats depthwise;
  };

  Phase make_phase(const std::vector<Index>& taps, Index dilation, const Tensor& weight) const {
    Phase phase;
    phase.reach = taps.front() * dilation / stride_;
    for (const Index k : taps) phase.offsets.push_back((phase.reach - k * dilation / stride_) * shape_.in);
    const Index in = shape_.in / shape_.groups, out = shape_.out / shape_.groups, kernel = shape_.kernel;
    const auto count = static_cast<Index>(taps.size());
    const auto value = [&](Index c, Index o, Index tap) {
      return weight
          .data[static_cast<std::size_t>((c * out + o) * kernel + taps[static_cast<std::size_t>(tap)])];
    };
    if (in == 1 && out == 1 && shape_.groups > 1) {
      for (Index t = 0; t < count; ++t)
        for (Index c = 0; c < shape_.in; ++c) phase.depthwise.push_back(value(c, 0, t));
      return phase;
    }
    for (Index g = 0; g < shape_.groups; ++g)
      phase.groups.emplace_back(
          out, in, count, [&](Index o, Index c, Index t) { return value(g * in + c, o, t); },
          std::span<const float>(bias_).subspan(static_cast<std::size_t>(g * out),
                                                static_cast<std::size_t>(out)));
    return phase;
  }

  void compute_phase(const Phase& phase, const float* in, Index frames, float* out) const noexcept {
    const Index out_step = stride_ * shape_.out;
    if (!phase.depthwise.empty()) {
      kernels::depthwise(phase.depthwise.data(), bias_.data(), shape_.out,
                         static_cast<Index>(phase.offsets.size()), in, phase.offsets.data(), shape_.in,
                         frames, out, out_step);
      return;
    }
    for (Index g = 0; g < shape_.groups; ++g)
      kernels::dense(phase.groups[static_cast<std::size_t>(g)], in + g * (shape_.in / shape_.groups),
                     phase.offsets.data(), shape_.in, frames, out + g * (shape_.out / shape_.groups),
                     out_step);
  }

  Shape shape_;
  Index stride_, padding_;
  Index parameters_;
  kernels::AlignedFloats bias_;
  std::vector<Phase> phases_;
};

}  // namespace

namespace op {

Op conv_transpose1d(const Tensor& weight, std::span<const float> bias,
                    const ConvTranspose1dOptions& options) {
  const Shape shape = check(weight, bias, options);
  return Op(std::make_shared<ConvTranspose1d>(shape, weight, bias, options));
}

}  // namespace op

Signal conv_transpose1d(FramesView x, const Tensor& weight, std::span<const float> bias,
                        const ConvTranspose1dOptions& options) {
  return op::conv_transpose1d(weight, bias, options)(x);
}

}  // namespace wavestride
