// Convolution of stride 1 to eight or sixteen output channels, where these are one vector. In dense() such a
// tile waits for its inputs: each is loaded for one multiply-add. Here it serves up to four taps at once.
#pragma once

#include <wavestride/geometry.h>

#include <algorithm>
#include <span>

#include "kernels/dense.h"

namespace wavestride::kernels {

/// Weights of `channels` inputs for 8 or 16 outputs, as rows of so many: by next_taps(), then channel, then
/// tap.
class SharedTaps {
 public:
  /// How many of the taps that are left are next: at most four, none much fewer than the others.
  static constexpr Index next_taps(Index left) {
    const Index times = (left + 3) / 4;
    return (left + times - 1) / times;
  }

  SharedTaps() = default;
  /// An empty bias is zero.
  SharedTaps(Index out_channels, Index channels, Index taps, const WeightAt& value,
             std::span<const float> bias)
      : bias_(static_cast<std::size_t>(out_channels), 0.0f),
        out_channels_(out_channels),
        channels_(channels),
        taps_(taps) {
    std::copy(bias.begin(), bias.end(), bias_.begin());
    weights_.reserve(static_cast<std::size_t>(taps * channels * out_channels));
    for (Index first = 0; first < taps;) {
      const Index end = first + next_taps(taps - first);
      for (Index c = 0; c < channels; ++c)
        for (Index k = first; k < end; ++k)
          for (Index o = 0; o < out_channels; ++o) weights_.push_back(value(o, c, k));
      first = end;
    }
  }

  bool empty() const { return weights_.empty(); }
  Index out_channels() const { return out_channels_; }
  Index channels() const { return channels_; }
  Index taps() const { return taps_; }
  const float* weights() const { return weights_.data(); }
  const float* bias() const { return bias_.data(); }

 private:
  Aligned<float> weights_, bias_;
  Index out_channels_ = 0, channels_ = 0, taps_ = 0;
};

/// Two frames to eight outputs each, `kernel` + 1 inputs of which both read all but one: in lanes of one
/// vector, with weights of zero where a frame has no tap. Rows of 16: by channel, then input.
class PairedTaps {
 public:
  PairedTaps() = default;
  /// An empty bias is zero.
  PairedTaps(Index channels, Index kernel, const WeightAt& value, std::span<const float> bias)
      : bias_(16, 0.0f), channels_(channels), inputs_(kernel + 1) {
    for (std::size_t o = 0; o < bias.size(); ++o) bias_[o] = bias_[o + 8] = bias[o];
    weights_.reserve(static_cast<std::size_t>(channels * inputs_ * 16));
    for (Index c = 0; c < channels; ++c)
      for (Index i = 0; i < inputs_; ++i)
        for (Index lane = 0; lane < 16; ++lane) {
          const Index k = i - lane / 8;
          weights_.push_back(k >= 0 && k < kernel ? value(lane % 8, c, k) : 0.0f);
        }
  }

  bool empty() const { return weights_.empty(); }
  Index channels() const { return channels_; }
  Index inputs() const { return inputs_; }
  const float* weights() const { return weights_.data(); }
  const float* bias() const { return bias_.data(); }

 private:
  Aligned<float> weights_, bias_;
  Index channels_ = 0, inputs_ = 0;
};

/// Whether they are faster than dense() on this machine.
bool shared_taps_pay(Index channels, Index out_channels, Index taps, Index dilation) noexcept;

/// For j in [0, frames): out[j·out_step + o] = Σ of w[o][c][k] · in[(j + k)·in_step + c], one chain of
/// multiply-adds in the order of the weights, and then bias[o], and then `finish`.
void shared_taps(const SharedTaps& w, const float* in, Index in_step, Index frames, float* out,
                 Index out_step, const Finish& finish) noexcept;

/// Whether there is a kernel of so many taps, and it is faster than dense() on this machine.
bool paired_taps_pay(Index out_channels, Index kernel) noexcept;

/// For j in [0, pairs) and f = 0, 1: out[j·out_step + f·apart + o] = Σ of w[o][c][k] · in[(2·j + f +
/// k)·in_step + c], one chain of multiply-adds by c, then k, and then bias[o]; as long as all these inputs
/// are finite.
void paired_taps(const PairedTaps& w, const float* in, Index in_step, Index pairs, float* out, Index out_step,
                 Index apart) noexcept;

}  // namespace wavestride::kernels
