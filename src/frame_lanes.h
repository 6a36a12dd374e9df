// Convolution of stride 1 to few output channels, several frames at once in the lanes of one vector.
#pragma once

#include <wavestride/kernel.h>

#include <algorithm>
#include <span>
#include <vector>

#include "idle_lanes.h"
#include "kernels/dense.h"

namespace wavestride::detail {

/// P frames, `dilation` apart, side by side as output channels of one dense product. Together they read
/// kernel + P − 1 frames; where a frame has no tap its weight is zero (idle_lanes.h).
class FrameLanes {
 public:
  FrameLanes() = default;
  FrameLanes(Index in_channels, Index out_channels, Index kernel, Index dilation,
             const kernels::WeightAt& value, std::span<const float> bias)
      : in_(in_channels), out_(out_channels), dilation_(dilation), frames_(lanes_of_vector() / out_channels) {
    // Of one or two taps frames hardly share inputs: it is the stores that they save, for weights that are
    // many times as many.
    constexpr Index most = 2048;
    const bool few = kernel == 1 ? in_channels * out_channels <= 16 : in_channels <= 64;
    if (kernel < 3 && (in_channels * frames_ > most || (!few && parts_are_stored_at_once()))) frames_ = 1;
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

  /// Makes as many of `count` frames as fill vectors and come out finite, from the first on, and says how
  /// many these are.
  Index make(const float* in, Index count, float* out, const kernels::Finish& finish) const noexcept {
    if (frames_ < 2) return 0;
    const Index span = frames_ * dilation_, at_once = std::max(fewest_spans, most_spans / dilation_);
    const auto make = [&](const float* from, Index spans, float* to) {
      if (dilation_ == 1)
        kernels::dense(weights_, from, offsets_.data(), span * in_, spans, to, frames_ * out_);
      else
        make_apart(from, spans, to);
    };
    return span * make_while_finite(in, span * in_, count / span, at_once, out, span * out_, finish, make);
  }

 private:
  /// So many stay in the nearest cache until they are finished.
  static constexpr Index most_spans = 240, fewest_spans = 48;

  /// Frames that lie `dilation` apart in the output, too.
  void make_apart(const float* in, Index spans, float* out) const noexcept {
    const Index lanes = frames_ * out_, span = frames_ * dilation_, apart = dilation_ * out_;
    float made[most_spans / 2 * 16];
    for (Index phase = 0; phase < dilation_; ++phase, in += in_, out += out_) {
      if (frames_ == 2 && lanes == 16) {
        kernels::dense_apart(weights_, in, offsets_.data(), span * in_, spans, out, span * out_, apart);
        continue;
      }
      kernels::dense(weights_, in, offsets_.data(), span * in_, spans, made, lanes);
      for (Index f = 0; f < spans * frames_; ++f) std::copy_n(made + f * out_, out_, out + f * apart);
    }
  }

  kernels::DenseWeights weights_;
  std::vector<Index> offsets_;
  Index in_ = 0, out_ = 0, dilation_ = 1, frames_ = 1;
};

}  // namespace wavestride::detail
