// The one kernel for a few frames at a time, as autoregressive models make them: what counts is that weights
// stream through the core once, in the order of memory, with enough sums in flight. Rows of results are whole
// vectors, so that there are no remainders: everything is padded to padded(channels) floats.
#pragma once

#include <wavestride/geometry.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <type_traits>

#include "kernels/aligned.h"
#include "kernels/bfloat16.h"

namespace wavestride::kernels {

/// Channels rounded up to whole vectors of any SIMD target.
constexpr Index padded(Index channels) {
  return (channels + 15) / 16 * 16;
}

/// Two neighbouring channels of a weight, and of a frame.
using Int8Pair = std::array<std::int8_t, 2>;
using Int16Pair = std::array<std::int16_t, 2>;

/// Weights, float, rounded to bfloat16 or to 8-bit integers, packed as [block of 128 output
/// channels][tap][row][128]; the last block is as narrow as padded() allows. A row is of one input channel,
/// or of two of what is narrower, with zero beside an odd last one.
class GemvWeights {
 public:
  GemvWeights() = default;
  /// value(o, c, tap) gives the weight of output channel o, input channel c.
  template <class F>
  GemvWeights(Index out_channels, Index in_channels, Index taps, F&& value)
      : out_(padded(out_channels)), in_(in_channels), taps_(taps) {
    weights_.assign(static_cast<std::size_t>(out_ * in_ * taps_), 0.0f);
    for (Index o = 0; o < out_channels; ++o) {
      const Index block = o / block_width * block_width, width = std::min(block_width, out_ - block);
      float* to = weights_.data() + block * in_ * taps_ + (o - block);
      for (Index t = 0; t < taps_; ++t)
        for (Index c = 0; c < in_; ++c) to[(t * in_ + c) * width] = value(o, c, t);
    }
  }

  Index out_channels() const { return out_; }  ///< padded
  Index in_channels() const { return in_; }
  Index taps() const { return taps_; }

  /// The same weights, rounded and held in half the memory: what is read of it decides how long one frame
  /// takes.
  GemvWeights bfloat16() const {
    GemvWeights w = *this;
    w.rounded_.resize(pairs());
    for_each_pair([&](std::size_t at, Index, float first, float second) {
      w.rounded_[at] = bfloat16_pair(first, second);
    });
    w.weights_ = {};
    return w;
  }
  bool rounded() const { return !rounded_.empty(); }

  /// The same weights as integers up to 127 times a scale of each output channel, in a quarter of the memory;
  /// of as many input channels, an even number for each tap, as most_int8_channels.
  GemvWeights int8() const {
    GemvWeights w = *this;
    Aligned<float> largest(static_cast<std::size_t>(out_), 0.0f);
    for_each_pair([&](std::size_t, Index o, float first, float second) {
      float& l = largest[static_cast<std::size_t>(o)];
      l = std::max({l, std::abs(first), std::abs(second)});
    });
    for (const float l : largest) w.scales_.push_back(l / 127);
    w.integers_.resize(pairs());
    for_each_pair([&](std::size_t at, Index o, float first, float second) {
      const float l = largest[static_cast<std::size_t>(o)], per_unit = l > 0 ? 127 / l : 0.0f;
      w.integers_[at] = {static_cast<std::int8_t>(std::lrint(first * per_unit)),
                         static_cast<std::int8_t>(std::lrint(second * per_unit))};
    });
    w.weights_ = {};
    return w;
  }
  bool integers() const { return !integers_.empty(); }
  const float* scales() const { return scales_.data(); }

  /// Of one tap.
  Index rows() const { return rounded() || integers() ? pair_rows() : in_; }
  /// As they are held: float, Bfloat16Pair or Int8Pair.
  template <class Weight>
  const Weight* weights() const {
    if constexpr (std::is_same_v<Weight, float>)
      return weights_.data();
    else if constexpr (std::is_same_v<Weight, Int8Pair>)
      return integers_.data();
    else
      return rounded_.data();
  }

  static constexpr Index block_width = 128;
  static constexpr Index most_int8_channels = 2048;

 private:
  Index pair_rows() const { return (in_ + 1) / 2; }
  std::size_t pairs() const { return static_cast<std::size_t>(out_ * pair_rows() * taps_); }

  /// f(place among all pairs, output channel, weights of two input channels).
  template <class F>
  void for_each_pair(F&& f) const {
    std::size_t at = 0;
    for (Index block = 0; block < out_; block += block_width) {
      const Index width = std::min(block_width, out_ - block);
      const float* from = weights_.data() + block * in_ * taps_;
      for (Index t = 0; t < taps_; ++t, from += in_ * width)
        for (Index c = 0; c < in_; c += 2)
          for (Index o = 0; o < width; ++o)
            f(at++, block + o, from[c * width + o], c + 1 < in_ ? from[(c + 1) * width + o] : 0.0f);
    }
  }

  Aligned<float> weights_;
  Aligned<Bfloat16Pair> rounded_;
  Aligned<Int8Pair> integers_;
  Aligned<float> scales_;
  Index out_ = 0, in_ = 0, taps_ = 0;
};

/// Rows of floats, one per frame.
template <class T>
struct Rows {
  T* data = nullptr;
  Index step = 0;  ///< floats from a row to the next; 0: the same row for all frames
};

/// For j in [0, frames) and all padded outputs o, with the chain of multiply-adds
///     sum = start[j][o] + Σ over taps t, then channels c, in that order, of w[o][c][t] · in[j][offsets[t] +
///     c],
/// and then the bias, out[j][o] = sum, or (sum + addend[j][o]) · scale where there is an addend, which may be
/// `out` itself. No start is zero, and no bias none. The chain is dense()'s: a sum that goes on from that of
/// earlier taps has the same bits. Rounded weights are widened to float first. For integers a frame, with all
/// taps, is rounded to 16-bit integers, the largest being 32767 (less where sums might overflow), whose sums
/// are exact: Σ = the sum of integers times both scales.
void gemv(const GemvWeights& w, Rows<const float> start, Rows<const float> in, const Index* offsets,
          Index frames, const float* bias, Rows<const float> addend, float scale, Rows<float> out) noexcept;

}  // namespace wavestride::kernels
