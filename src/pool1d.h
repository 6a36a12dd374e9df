// What the pooling operators share: windows over frames, the taps of a window that lie on the signal, and
// maxima and means over taps.
#pragma once

#include <wavestride/adaptive_pool1d.h>

#include <algorithm>
#include <limits>

#include "check.h"
#include "kernels/pooling.h"

namespace wavestride::pool {

/// `count` taps from tap `first` on.
struct Taps {
  Index first, count;
};

/// The windows of a pooling operator.
struct Windows {
  Index kernel, stride, padding, dilation;
  bool ceil_mode;

  Index reach() const { return (kernel - 1) * dilation; }
  /// The position of tap 0 of window n; tap k is dilation·k frames later.
  Index start(Index n) const { return n * stride - padding; }
  Geometry geometry() const { return conv_geometry(kernel, stride, dilation, padding, padding, ceil_mode); }

  /// The taps of window n that lie on a signal of `length` frames.
  Taps taps(Index n, Index length) const {
    const Index at = start(n);
    if (at >= 0 && at + reach() < length) return {0, kernel};
    const Index first = at < 0 ? (-at + dilation - 1) / dilation : 0;
    const Index end = detail::affine_floor(detail::add_sat(length, -at), 1, dilation - 1, dilation);
    return {first, std::max<Index>(0, std::min(kernel, end) - first)};
  }

  /// How many of the windows n … n+count−1, counted from n, lie whole on a signal of `length` frames.
  Index whole(Index n, Index count, Index length) const {
    if (start(n) < 0) return 0;
    if (length == Work::unknown) return count;
    const Index end = detail::affine_floor(length - reach() - 1 + padding, 1, 0, stride) + 1;
    return std::clamp<Index>(end - n, 0, count);
  }

  std::string description(const char* what, Index channels) const {
    return message(what, "(", channels, " channels, kernel_size ", kernel, ", stride ", stride, ", padding ",
                   padding, dilation > 1 ? message(", dilation ", dilation) : "",
                   ceil_mode ? ", ceil_mode" : "", ")");
  }
};

/// Throws std::invalid_argument where PyTorch refuses. Stride 0 stands for kernel_size.
inline Windows check_windows(const char* what, Index kernel_size, Index stride, Index padding,
                             Index dilation = 1, bool ceil_mode = false) {
  constexpr Index limit = Index{1} << 31;
  require(kernel_size >= 1, what, ": kernel_size must be at least 1, got ", kernel_size);
  require(stride >= 0, what, ": stride must be at least 1, or 0 for kernel_size, got ", stride);
  require(padding >= 0 && padding <= kernel_size / 2, what, ": padding must be 0 to half of kernel_size ",
          kernel_size, ", got ", padding);
  require(dilation >= 1, what, ": dilation must be at least 1, got ", dilation);
  require(kernel_size < limit && stride < limit && dilation < limit / kernel_size, what,
          ": stride and kernel_size times dilation must stay below 2^31, got ", stride, " and ", kernel_size,
          " times ", dilation);
  return {kernel_size, stride == 0 ? kernel_size : stride, padding, dilation, ceil_mode};
}

/// Why pooling into bins can't stream.
inline constexpr const char* bins_reason = "the bins divide the length of the whole signal";

/// Bin i of `bins` over T frames, as in PyTorch's adaptive pooling: frames floor(i·T/bins) up to, without,
/// ceil((i+1)·T/bins). Neighbours share a frame where bins does not divide T.
inline Taps adaptive_bin(Index i, Index bins, Index T) {
  const Index first = detail::affine_floor(i, T, 0, bins);
  return {first, detail::affine_floor(i + 1, T, bins - 1, bins) - first};
}

/// Whether v takes the place of the maximum so far: ties keep the earlier one, NaN wins (the last of
/// several).
inline bool exceeds(float v, float best) {
  return (v > best) | (v != v);
}

/// best[c] = max over k in [0, taps) of in[k·step + c]; −inf without taps.
inline void max_over(const float* in, Index channels, Index step, Index taps, float* best) noexcept {
  kernels::max_over({in, 0, step, taps}, channels, 1, best);
}

/// The same, and where it is: at[c] = first + k·gap, `first` where no tap exceeds −inf.
template <class Position>
void max_over(const float* in, Index channels, Index step, Index taps, float* __restrict best,
              Position* __restrict at, Position first, Position gap) noexcept {
  std::fill_n(best, channels, -std::numeric_limits<float>::infinity());
  std::fill_n(at, channels, first);
  for (Index k = 0; k < taps; ++k, in += step, first += gap)
    for (Index c = 0; c < channels; ++c) {
      const bool more = exceeds(in[c], best[c]);
      best[c] = more ? in[c] : best[c];
      at[c] = more ? first : at[c];
    }
}

/// Channels that a reduction works on at a time, in a buffer on the stack.
inline constexpr Index channel_block = 64;

/// Calls f(first channel, channels) block by block.
template <class F>
void for_channel_blocks(Index channels, F&& f) {
  for (Index c = 0; c < channels; c += channel_block) f(c, std::min(channel_block, channels - c));
}

/// Sums of more taps are taken in double: a bin may be as long as the signal.
inline constexpr Index most_float_taps = 64;

/// mean[c] = Σ over k in [0, taps) of in[k·step + c], divided by `divisor`.
inline void mean_over(const float* in, Index channels, Index step, Index taps, Index divisor,
                      float* mean) noexcept {
  if (taps <= most_float_taps)
    return kernels::sum_over({in, 0, step, taps}, 1 / static_cast<float>(divisor), channels, 1, mean);
  kernels::mean_over({in, 0, step, taps}, static_cast<double>(divisor), channels, 1, mean);
}

/// The maximum of taps, or their mean.
inline void reduce(Pooling pooling, const float* in, Index channels, Index step, Index taps,
                   float* out) noexcept {
  if (pooling == Pooling::max)
    max_over(in, channels, step, taps, out);
  else
    mean_over(in, channels, step, taps, taps, out);
}

}  // namespace wavestride::pool
