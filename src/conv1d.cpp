#include <wavestride/conv1d.h>

#include "check.h"
#include "kernels/dense.h"
#include "minimal_conv1d.h"

namespace wavestride {

ConvPadding::ConvPadding(const std::string& rule) : same_(rule == "same") {
  require(same_ || rule == "valid", "conv1d: padding must be frames, \"same\" or \"valid\", got \"", rule,
          "\"");
}

ConvPadding::Sides ConvPadding::sides(Index kernel, Index stride, Index dilation) const {
  if (same_) {
    require(stride == 1, "conv1d: padding \"same\" needs stride 1, got ", stride);
    const Index both = (kernel - 1) * dilation;
    return {both / 2, both - both / 2};
  }
  require(left_ >= 0 && right_ >= 0, "conv1d: padding must not be negative, got (", left_, ", ", right_, ")");
  return {left_, right_};
}

namespace {

struct Conv1dShape {
  Index in, out, kernel, groups, stride, dilation;
  ConvPadding::Sides pad;
};

Conv1dShape check(const Tensor& weight, std::span<const float> bias, const Conv1dOptions& o) {
  require(weight.shape.size() == 3 && !weight.empty(),
          "conv1d: weight must have shape (out, in/groups, kernel), got ", shape_string(weight.shape));
  require(o.stride >= 1, "conv1d: stride must be at least 1, got ", o.stride);
  require(o.dilation >= 1, "conv1d: dilation must be at least 1, got ", o.dilation);
  require(o.groups >= 1 && weight.dim(0) % o.groups == 0, "conv1d: groups must divide the ", weight.dim(0),
          " output channels, got ", o.groups);
  require(bias.empty() || static_cast<Index>(bias.size()) == weight.dim(0), "conv1d: bias must have ",
          weight.dim(0), " values, got ", bias.size());
  constexpr Index most = Index{1} << 40;
  require(o.stride < most && o.dilation < most / weight.dim(2),
          "conv1d: stride and dilation must stay below 2^40, got ", o.stride, " and ", o.dilation);
  const auto pad = o.padding.sides(weight.dim(2), o.stride, o.dilation);
  require(pad.left < most && pad.right < most, "conv1d: padding must stay below 2^40, got (", pad.left, ", ",
          pad.right, ")");
  return {weight.dim(1) * o.groups, weight.dim(0), weight.dim(2), o.groups, o.stride, o.dilation, pad};
}

class Conv1d final : public Kernel, public detail::HasMinimal {
 public:
  Conv1d(const Conv1dShape& s, const Tensor& weight, std::span<const float> bias, PadMode mode)
      : Kernel(message("conv1d(", s.in, " → ", s.out, ", kernel ", s.kernel, ", stride ", s.stride,
                       ", dilation ", s.dilation, ", groups ", s.groups, ")"),
               {{s.in, conv_geometry(s.kernel, s.stride, s.dilation, s.pad.left, s.pad.right), {mode, 0.0f}}},
               s.out),
        shape_(s),
        parameters_(weight.size() + static_cast<Index>(bias.size())) {
    for (Index k = 0; k < s.kernel; ++k) offsets_.push_back(k * s.dilation * s.in);
    const Index in = s.in / s.groups, out = s.out / s.groups;
    if (in == 1 && out == 1 && s.groups > 1) {
      for (Index k = 0; k < s.kernel; ++k)
        for (Index c = 0; c < s.out; ++c)
          depthwise_.push_back(weight.data[static_cast<std::size_t>(c * s.kernel + k)]);
      depthwise_bias_.assign(static_cast<std::size_t>(s.out), 0.0f);
      std::copy(bias.begin(), bias.end(), depthwise_bias_.begin());
      return;
    }
    for (Index g = 0; g < s.groups; ++g) {
      const float* w = weight.data.data() + g * out * in * s.kernel;
      groups_.emplace_back(
          out, in, s.kernel, [&](Index o, Index c, Index k) { return w[(o * in + c) * s.kernel + k]; },
          bias.empty() ? bias
                       : bias.subspan(static_cast<std::size_t>(g * out), static_cast<std::size_t>(out)));
    }
  }

  void compute(const Work& work) const noexcept override {
    const Index in_step = shape_.stride * shape_.in;
    if (!depthwise_.empty()) {
      kernels::depthwise(depthwise_.data(), depthwise_bias_.data(), shape_.out, shape_.kernel, work.in[0],
                         offsets_.data(), in_step, work.count, work.out, shape_.out);
      return;
    }
    for (Index g = 0; g < shape_.groups; ++g)
      kernels::dense(groups_[static_cast<std::size_t>(g)], work.in[0] + g * (shape_.in / shape_.groups),
                     offsets_.data(), in_step, work.count, work.out + g * (shape_.out / shape_.groups),
                     shape_.out);
  }

  std::shared_ptr<const Kernel> minimal() const override {
    const detail::MinimalConvShape shape{
        shape_.in,       shape_.out,       shape_.kernel,           shape_.dilation,
        shape_.pad.left, shape_.pad.right, inputs()[0].padding.mode};
    if (shape_.stride != 1 || shape_.groups != 1 || !detail::minimal_pays(shape)) return nullptr;
    const kernels::DenseWeights& w = groups_.front();
    return detail::minimal_conv1d(shape, [&](Index o, Index c, Index k) { return w.value(o, c, k); },
                                  {w.bias(), static_cast<std::size_t>(shape_.out)});
  }

  Index parameters() const override { return parameters_; }
  double macs_per_frame() const override {
    return static_cast<double>(shape_.out) * static_cast<double>(shape_.in / shape_.groups * shape_.kernel);
  }

 private:
  Conv1dShape shape_;
  std::vector<Index> offsets_;
  std::vector<kernels::DenseWeights> groups_;
  kernels::AlignedFloats depthwise_, depthwise_bias_;
  Index parameters_;
};

}  // namespace

namespace op {

Op conv1d(const Tensor& weight, std::span<const float> bias, const Conv1dOptions& options) {
  const Conv1dShape shape = check(weight, bias, options);
  return Op(std::make_shared<Conv1d>(shape, weight, bias, options.padding_mode));
}

Op linear(const Tensor& weight, std::span<const float> bias) {
  Tensor w = weight;
  if (w.shape.size() == 2) w.shape.push_back(1);
  require(w.shape.size() == 3 && w.shape[2] == 1, "linear: weight must have shape (out, in), got ",
          shape_string(weight.shape));
  return conv1d(w, bias);
}

}  // namespace op

Signal conv1d(FramesView x, const Tensor& weight, std::span<const float> bias, const Conv1dOptions& options) {
  return op::conv1d(weight, bias, options)(x);
}

Signal linear(FramesView x, const Tensor& weight, std::span<const float> bias) {
  return op::linear(weight, bias)(x);
}

}  // namespace wavestride
