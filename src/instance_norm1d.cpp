#include <wavestride/instance_norm1d.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <type_traits>

#include "check.h"
#include "whole_signal.h"

namespace wavestride {
namespace {

constexpr int lanes = 8;  // values side by side that the compiler makes vectors of
constexpr Index few_channels = 64;

/// Of `count` values that follow one another in the signal, over all of its rows of `row` values: adds their
/// squared distances from `mean` to `sum`, or them where there is no mean.
template <int count>
void add_columns(const float* x, Index rows, Index row, const double* mean, double* sum) {
  double sums[count];
  std::copy_n(sum, count, sums);
  const auto add_all = [&](auto&& term) {
    for (; rows > 0; --rows, x += row)
      for (int i = 0; i < count; ++i) sums[i] += term(static_cast<double>(x[i]), i);
  };
  if (mean)
    add_all([mean](double v, int i) { return (v - mean[i]) * (v - mean[i]); });
  else
    add_all([](double v, int) { return v; });
  std::copy_n(sums, count, sum);
}

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
        row_(channels < few_channels ? std::lcm(channels, Index{lanes}) : channels) {
    weight_.resize(static_cast<std::size_t>(channels), 1.0f);
    bias_.resize(static_cast<std::size_t>(channels), 0.0f);
  }

  Index parameters() const override { return parameters_; }

  std::unique_ptr<KernelState> make_state() const override {
    return std::make_unique<Statistics>(static_cast<std::size_t>(row_ + lanes - 1));
  }

  void compute(const Work& work) const noexcept override {
    auto& s = static_cast<Statistics&>(*work.state);
    if (work.n == 0) measure(work.in[0], work.length[0], s);
    const Index from = work.n * out_channels(), values = work.count * out_channels();
    const float* x = work.in[0] + from;
    float* y = work.out;
    Index at = from % row_, left = values;
    const auto normalise = [&](auto count) {
      float v[lanes] = {};
      std::copy_n(x, count, v);
      for (int k = 0; k < lanes; ++k) {
        const auto i = static_cast<std::size_t>(at + k);
        v[k] = static_cast<float>((static_cast<double>(v[k]) - s.mean[i]) * s.gain[i] + s.bias[i]);
      }
      std::copy_n(v, count, y);
    };
    for (; left >= lanes; left -= lanes, x += lanes, y += lanes) {
      normalise(std::integral_constant<int, lanes>());
      at += lanes;
      if (at >= row_) at -= row_;
    }
    normalise(left);
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
    const auto add = [&](auto width, Index from, Index count, Index at) {
      add_columns<width()>(x + from * row_ + at, count, row_, mean ? mean + at : nullptr, sum.data() + at);
    };
    for (Index from = 0; from < rows; from += part) {
      const Index count = std::min(part, rows - from);
      Index at = 0;
      for (; at + lanes <= row_; at += lanes) add(std::integral_constant<int, lanes>(), from, count, at);
      for (; at < row_; ++at) add(std::integral_constant<int, 1>(), from, count, at);
    }
    for (Index at = 0; at < frames * out_channels() - rows * row_; ++at)
      add(std::integral_constant<int, 1>(), rows, 1, at);
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
