#include <wavestride/instance_norm1d.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "check.h"
#include "kernels/moments.h"
#include "whole_signal.h"

namespace wavestride {
namespace {

using kernels::moment_lanes;

constexpr Index few_channels = 64;

class SignalNorm final : public WholeSignalKernel {
 public:
  /// `together`: neighbouring channels that share a mean and a variance.
  SignalNorm(std::string name, Index channels, Index together, std::span<const float> weight,
             std::span<const float> bias, double eps)
      : WholeSignalKernel(std::move(name), channels, channels,
                          "every frame is normalised by the mean and variance of the whole signal"),
        together_(together),
        weight_(weight.begin(), weight.end()),
        bias_(bias.begin(), bias.end()),
        parameters_(static_cast<Index>(weight.size() + bias.size())),
        eps_(eps),
        row_(channels < few_channels ? std::lcm(channels, moment_lanes) : channels) {
    weight_.resize(static_cast<std::size_t>(channels), 1.0f);
    bias_.resize(static_cast<std::size_t>(channels), 0.0f);
  }

  Index parameters() const override { return parameters_; }

  std::unique_ptr<KernelState> make_state() const override {
    return std::make_unique<Statistics>(static_cast<std::size_t>(row_ + moment_lanes - 1));
  }

  void compute(const Work& work) const noexcept override {
    auto& s = static_cast<Statistics&>(*work.state);
    if (work.n == 0) measure(work.in[0], work.length[0], s);
    const Index from = work.n * out_channels();
    kernels::normalise({s.mean.data(), s.gain.data(), s.bias.data(), row_}, from % row_, work.in[0] + from,
                       work.count * out_channels(), work.out);
  }

 private:
  // Of the values of a row: of few channels it is more than a frame, so that it has whole vectors; and the
  // first few once more, so that any value begins a vector.
  struct Statistics final : KernelState {
    explicit Statistics(std::size_t size) : mean(size), gain(size), bias(size) {}
    Index bytes() const noexcept override { return static_cast<Index>(3 * mean.size() * sizeof(double)); }
    std::vector<double> mean, gain, bias;
  };

  // In double and in two passes: signals are long, and their mean may be large beside their deviation.
  void measure(const float* x, Index frames, Statistics& s) const noexcept {
    average(x, frames, nullptr, s.mean);
    average(x, frames, s.mean.data(), s.gain);
    for (std::size_t i = 0; i < s.gain.size(); ++i) {
      const std::size_t c = i % weight_.size();
      s.gain[i] = static_cast<double>(weight_[c]) / std::sqrt(s.gain[i] + eps_);
      s.bias[i] = static_cast<double>(bias_[c]);
    }
  }

  /// Of each column of rows, then of their channels, and of what these have together; a part of the rows at a
  /// time, for the cache.
  void average(const float* x, Index frames, const double* mean, std::vector<double>& sum) const noexcept {
    std::fill(sum.begin(), sum.end(), 0.0);
    const Index rows = frames * out_channels() / row_, part = std::max<Index>(4096 / row_, 8);
    for (Index from = 0; from < rows; from += part)
      kernels::add_rows(x + from * row_, std::min(part, rows - from), row_, mean, sum.data());
    if (const Index rest = frames * out_channels() - rows * row_; rest > 0)
      kernels::add_rows(x + rows * row_, 1, rest, mean, sum.data());
    const auto channels = weight_.size();
    for (auto i = static_cast<std::size_t>(row_); i-- > channels;) sum[i - channels] += sum[i];
    const auto together = static_cast<std::size_t>(together_);
    for (std::size_t c = 0; c < channels; c += together) {
      double all = sum[c];
      for (std::size_t i = 1; i < together; ++i) all += sum[c + i];
      std::fill_n(&sum[c], together, all / static_cast<double>(frames * together_));
    }
    for (std::size_t i = channels; i < sum.size(); ++i) sum[i] = sum[i - channels];
  }

  Index together_;
  std::vector<float> weight_, bias_;
  Index parameters_;
  double eps_;
  Index row_;
};

/// Of as many groups as channels where `groups` is 0.
[[gnu::cold]] Op signal_norm(const char* op, Index channels, Index groups, std::span<const float> weight,
                             std::span<const float> bias, double eps) {
  require(channels >= 1, op, ": channels must be at least 1, got ", channels);
  for (const auto& [what, values] : {std::pair{"weight", weight}, std::pair{"bias", bias}})
    require(values.empty() || static_cast<Index>(values.size()) == channels, op, ": ", what, " must have ",
            channels, " values, got ", values.size());
  require(eps > 0, op, ": eps must be positive, got ", eps);
  std::string name = message(op, "(", channels, " channels");
  if (groups > 0) name += message(", groups ", groups);
  return Op(std::make_shared<SignalNorm>(name + ")", channels, groups > 0 ? channels / groups : 1, weight,
                                         bias, eps));
}

}  // namespace

Op op::instance_norm1d(Index channels, std::span<const float> weight, std::span<const float> bias,
                       double eps) {
  return signal_norm("instance_norm1d", channels, 0, weight, bias, eps);
}

Op op::group_norm(Index channels, Index groups, std::span<const float> weight, std::span<const float> bias,
                  double eps) {
  require(groups >= 1 && channels % groups == 0, "group_norm: groups must divide the ", channels,
          " channels, got ", groups);
  return signal_norm("group_norm", channels, groups, weight, bias, eps);
}

Signal instance_norm1d(FramesView x, std::span<const float> weight, std::span<const float> bias, double eps) {
  return op::instance_norm1d(x.channels(), weight, bias, eps)(x);
}

Signal group_norm(FramesView x, Index groups, std::span<const float> weight, std::span<const float> bias,
                  double eps) {
  return op::group_norm(x.channels(), groups, weight, bias, eps)(x);
}

}  // namespace wavestride
