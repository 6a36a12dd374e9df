// Snake, x + sin²(alpha·x)/beta, by itself and at twice its rate between two low-pass filters.
#pragma once

#include <wavestride/geometry.h>

#include <algorithm>
#include <array>
#include <span>

#include "kernels/aligned.h"

namespace wavestride::kernels {

/// An alpha and a gain, 1/(beta + 1e-9), for each channel. Behind them come the first again, as many as a
/// vector may hold.
class SnakeWeights {
 public:
  SnakeWeights(std::span<const float> alpha, std::span<const float> beta);

  Index channels() const { return channels_; }
  const float* alpha() const { return alpha_.data(); }
  const float* gain() const { return gain_.data(); }

 private:
  static constexpr std::size_t longest_vector = 16;
  Aligned<float> alpha_, gain_;
  Index channels_;
};

/// out[i] = in[i] + gain·sin²(alpha·in[i]) for i in [0, size), where in[0] is of the first channel. NaN stays
/// NaN. `out` may be `in`.
void snake(const SnakeWeights& w, const float* in, Index size, float* out) noexcept;

inline constexpr Index snake_taps = 12;

/// The filters of anti_aliased_snake().
struct SnakeFilters {
  std::array<float, snake_taps> up, down;
};

/// What anti_aliased_snake() makes at once: so many channels, of as many frames as stay in the nearest cache.
struct SnakeBlock {
  explicit SnakeBlock(Index all)
      : channels(std::min<Index>(all, 64)), frames(std::max<Index>(2048 / channels, 1)) {}
  Index channels, frames;
  /// The floats that it works in.
  Index scratch() const { return 2 * (channels * (frames + snake_taps / 2) + snake_taps * 2); }
};

/// Frames n to n + count − 1 of a signal of `length` frames: the signal at twice its rate is y[m] = Σ over i
/// of up[m + 5 − 2·i]·x[i], and of z = snake(y) the output is Σ over k of down[k]·z[2·n − 5 + k]. Beyond
/// their ends x and z have their first and last values; `in` has those of x, beginning with frame n − 5.
void anti_aliased_snake(const SnakeWeights& w, const SnakeFilters& filters, const float* in, Index n,
                        Index count, Index length, float* out, float* scratch) noexcept;

}  // namespace wavestride::kernels
