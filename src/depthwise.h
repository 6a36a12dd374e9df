// One filter per channel, of few channels for several frames at once.
#pragma once

#include <numeric>

#include "kernels/depthwise.h"

namespace wavestride::detail {

/// A few channels do not fill a vector: where frames lie one behind the other, so many of them as do fill
/// some are made as one frame of all their channels. Each sum stays one chain of multiply-adds, with the same
/// bits.
class Depthwise {
 public:
  Depthwise() = default;
  /// value(c, t) gives a weight. An empty bias is zero.
  Depthwise(Index channels, Index taps, const std::function<float(Index, Index)>& value,
            std::span<const float> bias)
      : one_(channels, taps, value, bias) {
    const Index lanes = kernels::depthwise_lanes();
    frames_ = channels < 4 * lanes ? lanes / std::gcd(lanes, channels) : 1;
    if (frames_ == 1) return;
    std::vector<float> biases;
    for (Index f = 0; f < frames_; ++f) biases.insert(biases.end(), bias.begin(), bias.end());
    several_ = {frames_ * channels, taps, [&](Index c, Index t) { return value(c % channels, t); }, biases};
  }

  bool empty() const { return one_.empty(); }

  /// kernels::depthwise().
  void make(const float* in, const Index* offsets, Index in_step, Index frames, float* out,
            Index out_step) const noexcept {
    const Index channels = one_.channels();
    if (frames_ > 1 && in_step == channels && out_step == channels) {
      const Index turns = frames / frames_, made = turns * frames_ * channels;
      kernels::depthwise(several_, in, offsets, frames_ * channels, turns, out, frames_ * channels);
      in += made;
      out += made;
      frames -= turns * frames_;
    }
    kernels::depthwise(one_, in, offsets, in_step, frames, out, out_step);
  }

 private:
  kernels::DepthwiseWeights one_, several_;
  Index frames_ = 1;
};

}  // namespace wavestride::detail
