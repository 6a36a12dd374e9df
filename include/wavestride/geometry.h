// The arithmetic of rate-changing operators: which input frames an output frame reads, how many output
// frames an input gives, and what follows from these two (latency, receptive field, what a stream must keep).
#pragma once

#include <wavestride/export.h>

#include <cstdint>
#include <limits>
#include <numeric>

namespace WAVESTRIDE_API wavestride {

/// Counts and positions of frames (and channels): signed, 64 bits, frame 0 is the start of the stream.
using Index = std::int64_t;

namespace detail {

__extension__ using Wide = __int128;

constexpr Index saturate(Wide v) {
  constexpr Wide lo = std::numeric_limits<Index>::min(), hi = std::numeric_limits<Index>::max();
  return static_cast<Index>(v < lo ? lo : v > hi ? hi : v);
}

constexpr Wide floor_div(Wide a, Wide b) {  // b > 0
  return a >= 0 ? a / b : -((-a + b - 1) / b);
}

/// floor((n·mul + add) / div) without overflow on the way; saturates when the result itself does not fit.
constexpr Index affine_floor(Index n, Index mul, Index add, Index div) {
  // In as few bits as it fits, since streams ask this many times a push and some processors divide slowly.
  Index dividend = 0;
  if (!__builtin_mul_overflow(n, mul, &dividend) && !__builtin_add_overflow(dividend, add, &dividend)) {
    if (div == 1) return dividend;
    if (((dividend | div) >> 32) == 0)
      return static_cast<std::uint32_t>(dividend) / static_cast<std::uint32_t>(div);
    return dividend / div - (dividend % div < 0 ? 1 : 0);
  }
  return saturate(floor_div(static_cast<Wide>(n) * mul + add, div));
}

constexpr Index add_sat(Index a, Index b) {
  Index sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? saturate(static_cast<Wide>(a) + b) : sum;
}

constexpr Index mul_sat(Index a, Index b) {
  Index product = 0;
  return __builtin_mul_overflow(a, b, &product) ? saturate(static_cast<Wide>(a) * b) : product;
}

}  // namespace detail

/// A reduced fraction: input frames per output frame, or the reverse.
struct Ratio {
  Index num = 1, den = 1;
  constexpr Ratio() = default;
  constexpr Ratio(Index n, Index d) : num(n), den(d) {
    if (const Index g = std::gcd(n, d); g > 1) num /= g, den /= g;
  }
  constexpr bool operator==(const Ratio&) const = default;
};

/// The input frames that output frame n reads: floor((n·num + lo) / den) … floor((n·num + hi) / den).
/// Indices before 0 and past the end are virtual frames, made by the operator's own padding rule.
struct Window {
  Index num = 1, den = 1;  ///< input frames per output frame, as a fraction
  Index lo = 0, hi = 0;    ///< offsets of the first and last frame read, in units of 1/den

  constexpr Index first(Index n) const { return detail::affine_floor(n, num, lo, den); }
  constexpr Index last(Index n) const { return detail::affine_floor(n, num, hi, den); }

  /// How many output frames have their whole window within the first `received` input frames.
  constexpr Index ready(Index received) const {
    const Index last_ready = detail::affine_floor(received, den, -hi - 1, num);
    return last_ready < 0 ? 0 : detail::add_sat(last_ready, 1);
  }

  /// A bound on the number of frames that any output frame reads (exact for den = 1).
  constexpr Index span() const { return detail::affine_floor(hi - lo, 1, den - 1, den) + 1; }
};

/// The output length of T input frames: floor((T·mul + add) / div) + plus, never negative, and 0 for T = 0
/// (where PyTorch refuses an empty or too short signal, the result here is an empty signal).
struct Length {
  Index mul = 1, add = 0, div = 1, plus = 0;
};

/// A window and a length together: everything that a stream needs to know about an operator's arithmetic.
struct Geometry {
  Window window;
  Length length;
  bool starts_inside =
      false;  ///< ceil_mode: an output frame whose window starts at or past the end is dropped

  /// Output frames of a whole signal of T frames.
  constexpr Index total(Index T) const {
    if (T <= 0) return 0;
    Index n = detail::add_sat(detail::affine_floor(T, length.mul, length.add, length.div), length.plus);
    while (starts_inside && n > 0 && window.first(n - 1) >= T) --n;
    return n < 0 ? 0 : n;
  }

  /// Output frames that can be made when `received` frames have arrived and more may come. The total of what
  /// has arrived bounds it, so that frames which a right crop would remove are held back.
  constexpr Index available(Index received) const {
    const Index r = window.ready(received), t = total(received);
    return r < t ? r : t;
  }

  /// Input frames per output frame.
  constexpr Ratio rate() const { return {window.num, window.den}; }
};

/// Convolution and pooling: kernel K, stride s, dilation d, padding L and R. Output
/// floor((T+L+R−(K−1)d−1)/s)+1; with ceil_mode rounded up, without frames that would start in the right
/// padding (torch.nn.functional's rule).
constexpr Geometry conv_geometry(Index kernel, Index stride, Index dilation, Index left, Index right,
                                 bool ceil_mode = false) {
  const Index reach = (kernel - 1) * dilation;
  return {{stride, 1, -left, reach - left},
          {1, left + right - reach - 1 + (ceil_mode ? stride - 1 : 0), stride, 1},
          ceil_mode};
}

/// Transposed convolution, gathered: output (T−1)s − 2p + (K−1)d + output_padding + 1.
constexpr Geometry conv_transpose_geometry(Index kernel, Index stride, Index padding, Index output_padding,
                                           Index dilation) {
  const Index reach = (kernel - 1) * dilation;
  return {{1, stride, padding - reach + stride - 1, padding},
          {stride, -stride - 2 * padding + reach + output_padding + 1, 1, 0}};
}

/// Each input frame gives r output frames (pixel shuffle, nearest neighbour by an integer): output r·T.
constexpr Geometry repeat_geometry(Index r) {
  return {{1, r, 0, 0}, {r, 0, 1, 0}};
}

/// r input frames give one output frame (pixel unshuffle): output floor(T/r).
constexpr Geometry group_geometry(Index r) {
  return {{r, 1, 0, r - 1}, {1, 0, r, 0}};
}

/// Nearest neighbour by L/M: output n reads floor(n·M/L); output floor(T·L/M).
constexpr Geometry nearest_geometry(Index L, Index M) {
  return {{M, L, 0, 0}, {L, 0, M, 0}};
}

/// "nearest-exact" by L/M: output n reads floor((n + ½)·M/L); output floor(T·L/M).
constexpr Geometry nearest_exact_geometry(Index L, Index M) {
  return {{2 * M, 2 * L, M, M}, {L, 0, M, 0}};
}

/// Linear interpolation by L/M with half-pixel centres (align_corners=False); output floor(T·L/M). An output
/// that lies upon a frame reads that frame alone.
constexpr Geometry linear_geometry(Index L, Index M) {
  return {{2 * M, 2 * L, M - L, M + L - 1}, {L, 0, M, 0}};
}

/// Windowed-sinc resampling by L/M with a filter of half-width H/L input frames; output ceil(T·L/M).
constexpr Geometry sinc_geometry(Index L, Index M, Index half_width) {
  return {{M, L, L - 1 - half_width, half_width}, {L, M - 1, M, 0}};
}

/// Frames of n_fft samples every hop samples, after `left` and `right` samples of padding.
constexpr Geometry stft_geometry(Index n_fft, Index hop, Index left, Index right) {
  return conv_geometry(n_fft, hop, 1, left, right);
}

}  // namespace wavestride
