// The one kernel: window × packed weights over frames. Convolution (strided, dilated, grouped, pointwise) and
// every phase of a transposed convolution are calls of it.
#pragma once

#include <wavestride/geometry.h>

#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "kernels/aligned.h"

namespace wavestride::kernels {

using AlignedFloats = Aligned<float>;

/// Output channels that stand side by side in packed weights: 32 where a vector has 16 lanes, else 16.
Index dense_panel_width() noexcept;

/// Weights of one group, packed as panels [tap][input channel][width] of dense_panel_width() output channels
/// each, of 16 in the last one where that suffices; padded with zeros.
class DenseWeights {
 public:
  DenseWeights() = default;
  /// value(o, c, tap) gives the weight of output channel o, input channel c. An empty bias is zero.
  template <class F>
  DenseWeights(Index out_channels, Index in_channels, Index taps, F&& value, std::span<const float> bias)
      : out_(out_channels), in_(in_channels), taps_(taps) {
    const Index padded = (out_ + 15) / 16 * 16;
    weights_.assign(static_cast<std::size_t>(padded * in_ * taps_), 0.0f);
    bias_.assign(static_cast<std::size_t>(padded), 0.0f);
    std::copy(bias.begin(), bias.end(), bias_.begin());
    for (Index o = 0; o < out_; ++o) {
      const Index panel = o / width_ * width_, width = std::min(width_, padded - panel);
      float* to = weights_.data() + panel * in_ * taps_ + (o - panel);
      for (Index t = 0; t < taps_; ++t)
        for (Index c = 0; c < in_; ++c) to[(t * in_ + c) * width] = value(o, c, t);
    }
  }

  Index out_channels() const { return out_; }
  Index in_channels() const { return in_; }
  Index taps() const { return taps_; }
  Index panel_width() const { return width_; }
  /// The weight of output channel o, input channel c.
  float value(Index o, Index c, Index tap) const {
    const Index panel = o / width_ * width_, width = std::min(width_, (out_ + 15) / 16 * 16 - panel);
    return weights_[static_cast<std::size_t>((panel * taps_ + tap * width) * in_ + c * width + o - panel)];
  }
  const float* weights() const { return weights_.data(); }
  const float* bias() const { return bias_.data(); }

 private:
  AlignedFloats weights_, bias_;
  Index out_ = 0, in_ = 0, taps_ = 0, width_ = dense_panel_width();
};

/// For j in [0, frames): out[j·out_step + o] = bias[o] + Σ over taps t, then channels c, in that order, of
/// w[o][c][t] · in[offsets[t] + j·in_step + c]. Each output is one chain of multiply-adds, so its bits do not
/// depend on `frames`. `offsets` and steps are in floats.
void dense(const DenseWeights& w, const float* in, const Index* offsets, Index in_step, Index frames,
           float* out, Index out_step) noexcept;

/// For j in [0, frames) and c in [0, channels): out[j·out_step + c] = bias[c] + Σ over t of
/// w[t·channels + c] · in[offsets[t] + j·in_step + c]: one filter per channel (groups = channels).
void depthwise(const float* w, const float* bias, Index channels, Index taps, const float* in,
               const Index* offsets, Index in_step, Index frames, float* out, Index out_step) noexcept;

/// The SIMD targets that this machine can run, best first, by Highway's names; and a way to make tests use
/// one.
std::vector<std::string> simd_targets();
/// Uses the named target from now on in this process; an empty name returns to the best one.
void use_simd_target(const std::string& name);

}  // namespace wavestride::kernels
