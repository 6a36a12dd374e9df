// One filter per channel: convolution whose groups have one input and one output.
#pragma once

#include <wavestride/geometry.h>

#include <algorithm>
#include <functional>
#include <span>

#include "kernels/aligned.h"

namespace wavestride::kernels {

/// Channels that are made at once.
Index depthwise_lanes() noexcept;

/// Weights as panels [tap][channel] of depthwise_lanes() channels each, and of one each for those that are
/// left.
class DepthwiseWeights {
 public:
  DepthwiseWeights() = default;
  /// value(c, t) gives a weight. An empty bias is zero.
  DepthwiseWeights(Index channels, Index taps, const std::function<float(Index, Index)>& value,
                   std::span<const float> bias)
      : bias_(static_cast<std::size_t>(channels), 0.0f), channels_(channels), taps_(taps) {
    std::copy(bias.begin(), bias.end(), bias_.begin());
    weights_.reserve(static_cast<std::size_t>(channels * taps));
    const Index lanes = depthwise_lanes();
    for (Index first = 0; first < channels;) {
      const Index end = first + (channels - first < lanes ? 1 : lanes);
      for (Index t = 0; t < taps; ++t)
        for (Index c = first; c < end; ++c) weights_.push_back(value(c, t));
      first = end;
    }
  }

  bool empty() const { return weights_.empty(); }
  Index channels() const { return channels_; }
  Index taps() const { return taps_; }
  const float* weights() const { return weights_.data(); }
  const float* bias() const { return bias_.data(); }

 private:
  Aligned<float> weights_, bias_;
  Index channels_ = 0, taps_ = 0;
};

/// For j in [0, frames) and each channel c: out[j·out_step + c] = Σ over taps t of
/// w[c][t] · in[offsets[t] + j·in_step + c], one chain of multiply-adds, and then bias[c], as dense() does
/// it.
void depthwise(const DepthwiseWeights& w, const float* in, const Index* offsets, Index in_step, Index frames,
               float* out, Index out_step) noexcept;

}  // namespace wavestride::kernels
