// Convolution of stride 1 to eight output channels, two frames at once in the lanes of one vector.
#pragma once

#include <algorithm>
#include <array>
#include <span>

#include "idle_lanes.h"
#include "kernels/shared_taps.h"

namespace wavestride::detail {

/// Frames of a pair lie `dilation` apart. One without another is made beside a frame of zeros, in the same
/// order.
class FramePairs {
 public:
  /// Where frames of many channels lie far apart, most of a block has no other to make a pair with.
  static bool pay(Index in_channels, Index out_channels, Index kernel, Index dilation) noexcept {
    return in_channels <= (kernel > 3 ? most_channels : 16) && dilation <= most_channels / in_channels &&
           kernels::paired_taps_pay(out_channels, kernel);
  }

  FramePairs() = default;
  FramePairs(Index in_channels, Index kernel, Index dilation, const kernels::WeightAt& value,
             std::span<const float> bias)
      : weights_(in_channels, kernel, value, bias), dilation_(dilation) {}

  bool empty() const { return weights_.empty(); }

  void make(const float* in, Index count, float* out, const kernels::Finish& finish) const noexcept {
    const Index channels = weights_.channels(), span = 2 * dilation_;
    const Index at_once = std::max<Index>(1, most_frames / span);
    const auto make = [&](const float* from, Index spans, float* to) {
      for (Index phase = 0; phase < dilation_; ++phase)
        kernels::paired_taps(weights_, from + phase * channels, dilation_ * channels, spans,
                             to + phase * outputs, span * outputs, dilation_ * outputs);
    };
    const Index made = span * make_while_finite(in, span * channels, count / span, at_once, out,
                                                span * outputs, finish, make);
    for (Index n = made; n < count; ++n) make_one(in + n * channels, out + n * outputs);
    kernels::finish(finish.behind(made * outputs), (count - made) * outputs, out + made * outputs);
  }

 private:
  static constexpr Index outputs = 8, most_channels = 64, most_kernel = 11;
  /// So many stay in the nearest cache until they are finished.
  static constexpr Index most_frames = 480;

  void make_one(const float* in, float* out) const noexcept {
    const Index channels = weights_.channels(), taps = weights_.inputs() - 1;
    std::array<float, (most_kernel + 1) * most_channels> window;
    for (Index k = 0; k < taps; ++k)
      std::copy_n(in + k * dilation_ * channels, channels, window.data() + k * channels);
    std::fill_n(window.data() + taps * channels, channels, 0.0f);
    std::array<float, 2 * outputs> pair;
    kernels::paired_taps(weights_, window.data(), channels, 1, pair.data(), 2 * outputs, outputs);
    std::copy_n(pair.data(), outputs, out);
  }

  kernels::PairedTaps weights_;
  Index dilation_ = 1;
};

}  // namespace wavestride::detail
