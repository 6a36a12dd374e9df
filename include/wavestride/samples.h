// Samples as files and devices hold them: integers and floats, interleaved, to and from signals.
#pragma once

#include <wavestride/signal.h>

#include <cstdint>
#include <optional>

namespace WAVESTRIDE_API wavestride {

/// Of from_samples() and to_samples().
struct SampleOptions {
  /// Of integers: 16 for int16_t, 32 or 24 for int32_t (24: in the low bits, sign extended); 0 is all of the
  /// type.
  int bits = 0;
  /// Adds triangular noise of ±1 step before rounding, the same on every platform and in every chunking.
  std::optional<std::uint64_t> dither_seed{};
};

/// Interleaved samples to channels × frames; integers of b bits are divided by 2^(b−1). T is std::int16_t,
/// std::int32_t, float or double. Throws std::invalid_argument when samples are no whole frames.
template <class T>
WAVESTRIDE_API Signal from_samples(std::span<const T> samples, Index channels,
                                   const SampleOptions& options = {});

/// round(x · 2^(b−1) + dither), saturated, ties to even; floats pass as they are, and NaN becomes 0 in
/// integers. `first_frame` counts from the start of the signal, for the dither. Returns how many samples were
/// saturated. Throws std::invalid_argument when `out` is not x.channels() · x.frames() long.
template <class T>
WAVESTRIDE_API Index to_samples(FramesView x, std::span<T> out, const SampleOptions& options = {},
                                Index first_frame = 0);

/// Triangular noise in −1 … 1 by seed and position: SplitMix64, its halves subtracted.
double triangular_noise(std::uint64_t seed, std::uint64_t position);

}  // namespace wavestride
