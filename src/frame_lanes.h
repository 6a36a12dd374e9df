// Convolution of stride 1 to few output channels, several frames at once in the lanes of one vector.
#pragma once

#include <wavestride/kernel.h>

#include <algorithm>
#include <span>
#include <vector>

#include "kernels/dense.h"
#include "kernels/elementwise.h"

namespace wavestride::detail {

/// P frames, `dilation` apart, side by side as output channels of one dense product. Together they read
/// kernel + P − 1 frames; where a frame has no tap its weight is zero, which leaves its sum and all of its
/// bits as dense() of one frame makes them, of finite inputs.
class FrameLanes {
 public:
  FrameLanes() = default;
  /// value(o, c, k) gives a weight.
  template <class F>
  FrameLanes(Index in_channels, Index out_channels, Index kernel, Index dilation, F&& value,
             std::span<const float> bias)
      : in_(in_channels), out_(out_channels), dilation_(dilation), frames_(most_lanes() / out_channels) {
    if (kernel < 3) frames_ = 1;  // would multiply by as many zeros as there are idle lanes
    if (frames_ < 2) return;
    const Index taps = kernel + frames_ - 1;
    std::vector<float> biases;
    for (Index f = 0; f < frames_ && !bias.empty(); ++f)
      biases.insert(biases.end(), bias.begin(), bias.end());
    weights_ = kernels::DenseWeights(
        frames_ * out_, in_, taps,
        [&](Index lane, Index c, Index tap) {
          const Index k = tap - lane / out_;
          return k >= 0 && k < kernel ? value(lane % out_, c, k) : 0.0f;
        },
        biases);
    for (Index tap = 0; tap < taps; ++tap) offsets_.push_back(tap * dilation_ * in_);
  }

  /// Makes as many of `count` frames as fill vectors, from the first on, and says how many these are: none
  /// where one comes out infinite or NaN, which zero times an input of its neighbours may have done.
  Index make(const float* in, Index count, float* out) const noexcept {
    if (frames_ < 2) return 0;
    const Index span = frames_ * dilation_, spans = count / span;
    if (dilation_ == 1)
      kernels::dense(weights_, in, offsets_.data(), span * in_, spans, out, frames_ * out_);
    else
      make_apart(in, spans, out);
    return kernels::finite(out, spans * span * out_) ? spans * span : 0;
  }

 private:
  /// Frames that lie `dilation` apart in the output, too.
  void make_apart(const float* in, Index spans, float* out) const noexcept {
    const Index span = frames_ * dilation_, lanes = frames_ * out_;
    constexpr Index most_spans = 48;
    float made[most_spans * 16];
    for (Index first = 0; first < spans; first += most_spans) {
      const Index some = std::min(most_spans, spans - first);
      for (Index phase = 0; phase < dilation_; ++phase) {
        const Index at = first * span + phase;
        kernels::dense(weights_, in + at * in_, offsets_.data(), span * in_, some, made, lanes);
        float* to = out + at * out_;
        if (out_ == 8)
          scatter<8>(made, some, to);
        else
          scatter<0>(made, some, to);
      }
    }
  }

  /// `size` is out_, or zero where that is not known beforehand.
  template <Index size>
  void scatter(const float* made, Index spans, float* out) const noexcept {
    const Index each = size > 0 ? size : out_;
    for (Index s = 0; s < spans; ++s)
      for (Index f = 0; f < frames_; ++f, made += each)
        std::copy_n(made, each, out + (s * frames_ + f) * dilation_ * each);
  }

  /// Those of one vector.
  static Index most_lanes() { return kernels::dense_panel_width() / 2; }

  kernels::DenseWeights weights_;
  std::vector<Index> offsets_;
  Index in_ = 0, out_ = 0, dilation_ = 1, frames_ = 1;
};

}  // namespace wavestride::detail
