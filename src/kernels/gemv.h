// The one kernel for a few frames at a time, as autoregressive models make them: what counts is that weights
// stream through the core once, in the order of memory, with enough sums in flight. Rows of results are whole
// vectors, so that there are no remainders: everything is padded to padded(channels) floats.
#pragma once

#include <wavestride/geometry.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <type_traits>

#include "kernels/aligned.h"
#include "kernels/bfloat16.h"
#include "kernels/dense.h"
#include "large_pages.h"

namespace wavestride::kernels {

/// Channels rounded up to whole vectors of any SIMD target.
constexpr Index padded(Index channels) {
  return (channels + 15) / 16 * 16;
}

/// Four neighbouring channels of a weight.
using Int8Quad = std::array<std::int8_t, 4>;

/// What is packed once and read from then on: in memory of its own, or in a part of some that others share.
template <class T>
class Packed {
 public:
  bool empty() const { return size_ == 0; }
  const T* data() const { return shared_ ? shared_ : own_.data(); }
  std::size_t bytes() const { return size_ * sizeof(T); }

  /// Zeros, to be filled. As many as `behind` may be read behind them.
  T* make(std::size_t size, std::size_t behind = 0) {
    own_.assign(size + behind, T{});
    size_ = size;
    return own_.data();
  }
  void move_to(const std::shared_ptr<detail::LargePages<std::byte>>& memory, std::size_t at) {
    auto* const to = memory->data() + at;
    if (!empty()) std::memcpy(to, data(), bytes());
    memory_ = memory;
    shared_ = reinterpret_cast<const T*>(to);
    own_ = {};
  }

 private:
  Aligned<T> own_;
  std::shared_ptr<const detail::LargePages<std::byte>> memory_;
  const T* shared_ = nullptr;
  std::size_t size_ = 0;
};

/// Weights, float, rounded to bfloat16 or to 8-bit integers, packed as panels [tap][row][panel_width()] of
/// output channels, all whole. A row is of one input channel, or of two or four of what is narrower, with
/// zeros beside the last ones.
class GemvWeights {
 public:
  GemvWeights();
  GemvWeights(const GemvWeights&);
  GemvWeights(GemvWeights&&) noexcept;
  GemvWeights& operator=(const GemvWeights&);
  GemvWeights& operator=(GemvWeights&&) noexcept;
  ~GemvWeights();
  /// value(o, c, tap) gives the weight of output channel o, input channel c.
  template <class F>
  GemvWeights(Index out_channels, Index in_channels, Index taps, F&& value)
      : out_(padded(out_channels)), in_(in_channels), taps_(taps) {
    float* const weights = weights_.make(units());
    for (Index o = 0; o < out_channels; ++o)
      for (Index t = 0; t < taps_; ++t)
        for (Index c = 0; c < in_; ++c) weights[place(o, t * in_ + c)] = value(o, c, t);
  }

  Index out_channels() const { return out_; }  ///< padded
  Index in_channels() const { return in_; }
  Index taps() const { return taps_; }

  /// The same weights, rounded and held in half the memory: what is read of it decides how long one frame
  /// takes.
  GemvWeights bfloat16() const {
    GemvWeights w = *this;
    w.row_channels_ = 2;
    Bfloat16Pair* const rounded = w.rounded_.make(w.units());
    for_each_unit<2>([&](Index o, Index row, const auto& pair) {
      rounded[w.place(o, row)] = bfloat16_pair(pair[0], pair[1]);
    });
    w.weights_ = {};
    return w;
  }
  bool rounded() const { return !rounded_.empty(); }

  /// The same weights as integers up to 127 times a scale of each output channel, in a quarter of the memory;
  /// of as many input channels, a multiple of four for each tap, as most_int8_channels.
  GemvWeights int8() const {
    GemvWeights w = *this;
    w.row_channels_ = 4;
    w.width_ = int8_width;
    w.scales_.assign(static_cast<std::size_t>(out_), 0.0f);
    for_each_unit<4>([&](Index o, Index, const auto& quad) {
      float& scale = w.scales_[static_cast<std::size_t>(o)];
      for (const float v : quad) scale = std::max(scale, std::abs(v) / 127);
    });
    w.offsets_.resize((w.scales_.size() + int8_width - 1) / int8_width * int8_width);
    Int8Quad* const quads = w.integers_.make(w.units(), behind);
    for_each_unit<4>([&](Index o, Index row, const auto& quad) {
      const auto at = static_cast<std::size_t>(o);
      const float per_unit = w.scales_[at] > least_largest ? 1 / w.scales_[at] : 0.0f;
      auto& integers = quads[w.place(o, row)];
      for (std::size_t i = 0; i < quad.size(); ++i) {
        integers[i] = static_cast<std::int8_t>(std::lrint(quad[i] * per_unit));
        w.offsets_[at] -= static_cast<std::uint32_t>(integers[i]) << 15;
      }
    });
    w.weights_ = {};
    return w;
  }
  bool integers() const { return !integers_.empty(); }
  const float* scales() const { return scales_.data(); }
  /// -2^15 times the sum of each output channel's integers, modulo 2^32; of whole blocks.
  const std::uint32_t* offsets() const { return offsets_.data(); }
  /// The first row of output channel o, from which int8_width leads to the next.
  const Int8Quad* quads(Index o) const { return integers_.data() + place(o, 0); }

  /// Moves what some weights consist of into large pages, one behind the other, where there is enough of it.
  static void gather(std::span<GemvWeights* const> all);

  /// Of one tap.
  Index rows() const { return (in_ + row_channels_ - 1) / row_channels_; }
  /// Of a panel; from one row to the next.
  Index panel_width() const { return width_; }
  /// The first row of output channel o as they are held, but for integers: float or Bfloat16Pair.
  template <class Weight>
  const Weight* row(Index o) const {
    if constexpr (std::is_same_v<Weight, float>)
      return weights_.data() + place(o, 0);
    else
      return rounded_.data() + place(o, 0);
  }

  /// For tiles of two times 16 output channels on all machines.
  static constexpr Index int8_width = 32;
  static constexpr Index most_int8_channels = 2048;
  /// What is not larger is no integer but 0.
  static constexpr float least_largest = 0x1p-100f;

 private:
  /// Rows of a tile, which may be read, and count for nothing, behind the last of the integers.
  static constexpr std::size_t behind = 16 * int8_width;

  /// Of a unit, in a row of those of all taps.
  std::size_t place(Index o, Index row) const {
    return static_cast<std::size_t>((o / width_ * rows() * taps_ + row) * width_ + o % width_);
  }
  std::size_t units() const {
    return static_cast<std::size_t>((out_ + width_ - 1) / width_ * rows() * taps_ * width_);
  }

  /// f(output channel, row of those of all taps, weights of N input channels).
  template <std::size_t N, class F>
  void for_each_unit(F&& f) const {
    constexpr auto step = static_cast<Index>(N);
    for (Index o = 0; o < out_; ++o)
      for (Index t = 0, row = 0; t < taps_; ++t)
        for (Index c = 0; c < in_; c += step, ++row) {
          std::array<float, N> unit{};
          for (Index i = 0; i < std::min(step, in_ - c); ++i)
            unit[static_cast<std::size_t>(i)] = weights_.data()[place(o, t * in_ + c + i)];
          f(o, row, unit);
        }
  }

  Packed<float> weights_;
  Packed<Bfloat16Pair> rounded_;
  Packed<Int8Quad> integers_;
  Aligned<float> scales_;
  Aligned<std::uint32_t> offsets_;
  Index out_ = 0, in_ = 0, taps_ = 0, row_channels_ = 1, width_ = dense_panel_width();
};

/// Rows of floats, one per frame.
template <class T>
struct Rows {
  T* data = nullptr;
  Index step = 0;  ///< floats from a row to the next; 0: the same row for all frames
};

/// What gemv() is called with, but for the number of frames.
struct GemvCall {
  const GemvWeights& w;
  Rows<const float> start, in;
  const Index* offsets;
  const float* bias;
  Rows<const float> addend;
  float scale;
  Rows<float> out;
};

/// For j in [0, frames) and all padded outputs o, with the chain of multiply-adds
///     sum = start[j][o] + Σ w[o][c][t] · in[j][offsets[t] + c],
/// over taps t, then channels c, in that order, and then the bias, out[j][o] = sum, or (sum + addend[j][o]) ·
/// scale where there is an addend, which may be `out` itself. No start is zero, and no bias none. The chain
/// is dense()'s: a sum that goes on from that of earlier taps has the same bits. Rounded weights are widened
/// to float first. For integers a frame, with all taps, is rounded to 16-bit integers, the largest being
/// 32767 (less where sums might overflow), whose sums are exact: Σ = the sum of integers times both scales.
void gemv(const GemvWeights& w, Rows<const float> start, Rows<const float> in, const Index* offsets,
          Index frames, const float* bias, Rows<const float> addend, float scale, Rows<float> out) noexcept;

/// Some calls of gemv() with the same input, and weights that differ in output channels alone: integers are
/// made of the input once.
void gemv(std::span<const GemvCall> calls, Index frames) noexcept;

/// gemv() of integers, on every way to multiply them the same bits.
void gemv_int8(std::span<const GemvCall> calls, Index frames) noexcept;

}  // namespace wavestride::kernels
