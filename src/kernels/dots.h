// Convolution of many inputs to few outputs. In dense() these leave most lanes of a vector idle. Here lanes
// are inputs that lie one behind the other, and the sums of several frames are added across lanes together.
#pragma once

#include <wavestride/geometry.h>

#include <algorithm>
#include <span>

#include "kernels/dense.h"

namespace wavestride::kernels {

/// Weights of the outputs of all groups, by output, then tap, then input.
class DotWeights {
 public:
  /// So many inputs are a vector.
  static constexpr Index fewest_inputs = 4;

  DotWeights() = default;
  /// Of `in` channels, at least fewest_inputs, and `out` channels to a group; `value` counts the outputs of
  /// all groups. An empty bias is zero.
  DotWeights(Index in, Index out, Index groups, Index taps, const WeightAt& value,
             std::span<const float> bias)
      : in_(in),
        out_(out * groups),
        groups_(groups),
        taps_(taps),
        bias_(static_cast<std::size_t>(out_), 0.0f) {
    std::copy(bias.begin(), bias.end(), bias_.begin());
    weights_.reserve(static_cast<std::size_t>(out_ * size()));
    for (Index o = 0; o < out_; ++o)
      for (Index t = 0; t < taps; ++t)
        for (Index c = 0; c < in; ++c) weights_.push_back(value(o, c, t));
  }

  bool empty() const { return weights_.empty(); }
  Index in_channels() const { return in_; }
  Index out_channels() const { return out_; }
  Index groups() const { return groups_; }
  Index taps() const { return taps_; }
  /// Weights of an output.
  Index size() const { return taps_ * in_; }
  const float* weights() const { return weights_.data(); }
  const float* bias() const { return bias_.data(); }

 private:
  Index in_ = 0, out_ = 0, groups_ = 0, taps_ = 0;
  Aligned<float> weights_, bias_;
};

/// Whether so many outputs of runs of `in` inputs take less time than `rows` rows of dense() to a frame.
bool dots_pay(Index outputs, Index in, Index taps, Index rows) noexcept;

/// For j in [0, frames) and each output o of group g: out[j·out_step + o] = Σ of w[o][c][t] ·
/// in[offsets[t] + j·in_step + g·in_channels + c], in an order that depends on nothing but the weights, and
/// then bias[o], and then `finish`.
void dots(const DotWeights& w, const float* in, const Index* offsets, Index in_step, Index frames, float* out,
          Index out_step, const Finish& finish = {}) noexcept;

/// Whether mix() is for so many channels on this machine: two or four.
bool mixes(Index channels) noexcept;

/// out[j] = Σ of w[c] · in[j·channels + c], and then `bias`, for j in [0, frames), with dense()'s bits.
void mix(const float* w, Index channels, float bias, const float* in, Index frames, float* out) noexcept;

}  // namespace wavestride::kernels
