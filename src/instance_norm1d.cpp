#include <wavestride/instance_norm1d.h>

#include <cmath>

#include "check.h"
#include "whole_signal.h"

namespace wavestride {
namespace {

class InstanceNorm1d final : public WholeSignalKernel {
 public:
  InstanceNorm1d(Index channels, std::span<const float> weight, std::span<const float> bias, double eps)
      : WholeSignalKernel(message("instance_norm1d(", channels, " channels)"), channels, channels,
                          "every frame is normalised by the mean and variance of the whole signal"),
        weight_(weight.begin(), weight.end()),
        bias_(bias.begin(), bias.end()),
        parameters_(static_cast<Index>(weight.size() + bias.size())),
        eps_(eps) {
    weight_.resize(static_cast<std::size_t>(channels), 1.0f);
    bias_.resize(static_cast<std::size_t>(channels), 0.0f);
  }

  Index parameters() const override { return parameters_; }

  std::unique_ptr<KernelState> make_state() const override {
    return std::make_unique<Statistics>(weight_.size());
  }

  void compute(const Work& work) const noexcept override {
    auto& s = static_cast<Statistics&>(*work.state);
    const std::size_t channels = weight_.size();
    if (work.n == 0) measure(work.in[0], work.length[0], s);
    const float* x = work.in[0] + work.n * out_channels();
    float* y = work.out;
    for (Index j = 0; j < work.count; ++j)
      for (std::size_t c = 0; c < channels; ++c)
        *y++ = static_cast<float>((static_cast<double>(*x++) - s.mean[c]) * s.gain[c] +
                                  static_cast<double>(bias_[c]));
  }

 private:
  struct Statistics final : KernelState {
    explicit Statistics(std::size_t channels) : mean(channels), gain(channels) {}
    Index bytes() const noexcept override { return static_cast<Index>(2 * mean.size() * sizeof(double)); }
    std::vector<double> mean, gain;
  };

  // In double and in two passes: signals are long, and their mean may be large beside their deviation.
  void measure(const float* x, Index frames, Statistics& s) const noexcept {
    const std::size_t channels = weight_.size();
    const auto T = static_cast<double>(frames);
    const auto average = [&](std::vector<double>& sum, auto&& term) {
      std::fill(sum.begin(), sum.end(), 0.0);
      const float* at = x;
      for (Index n = 0; n < frames; ++n)
        for (std::size_t c = 0; c < channels; ++c) sum[c] += term(c, static_cast<double>(*at++));
      for (double& v : sum) v /= T;
    };
    average(s.mean, [](std::size_t, double v) { return v; });
    average(s.gain, [&](std::size_t c, double v) { return (v - s.mean[c]) * (v - s.mean[c]); });
    for (std::size_t c = 0; c < channels; ++c)
      s.gain[c] = static_cast<double>(weight_[c]) / std::sqrt(s.gain[c] + eps_);
  }

  std::vector<float> weight_, bias_;
  Index parameters_;
  double eps_;
};

}  // namespace

Op op::instance_norm1d(Index channels, std::span<const float> weight, std::span<const float> bias,
                       double eps) {
  require(channels >= 1, "instance_norm1d: channels must be at least 1, got ", channels);
  for (const auto& [what, values] : {std::pair{"weight", weight}, std::pair{"bias", bias}})
    require(values.empty() || static_cast<Index>(values.size()) == channels, "instance_norm1d: ", what,
            " must have ", channels, " values, got ", values.size());
  require(eps > 0, "instance_norm1d: eps must be positive, got ", eps);
  return Op(std::make_shared<InstanceNorm1d>(channels, weight, bias, eps));
}

Signal instance_norm1d(FramesView x, std::span<const float> weight, std::span<const float> bias, double eps) {
  return op::instance_norm1d(x.channels(), weight, bias, eps)(x);
}

}  // namespace wavestride
