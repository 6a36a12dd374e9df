// Kernels that move frames more than they compute: what costs is memory.
#pragma once

#include <wavestride/geometry.h>

namespace wavestride::kernels {

/// The taps of windows over frames: tap t of window j starts at in + j·in_step + t·tap_step.
struct WindowTaps {
  const float* in;
  Index in_step, tap_step, taps;
};

/// out[j·channels + c] = max over the taps; −inf without taps. NaN wins; zeros of either sign are equal.
void max_over(const WindowTaps& w, Index channels, Index windows, float* out) noexcept;

/// out[j·channels + c] = t·gap of the tap t that max_over() takes, of equal ones the first and of several NaN
/// the last, for at least one tap.
void place_of_max(const WindowTaps& w, float gap, Index channels, Index windows, float* out) noexcept;

/// out[j·channels + c] = scale · Σ over the taps, in their order, in float.
void sum_over(const WindowTaps& w, float scale, Index channels, Index windows, float* out) noexcept;

/// out[j·channels + c] = Σ over the taps / divisor, in double, for at least one tap. The order of the sum
/// depends on the taps, the channels and whether in_step is channels, not on the windows.
void mean_over(const WindowTaps& w, double divisor, Index channels, Index windows, float* out) noexcept;

/// For every frame of parts·size values: out[r·size + i] = in[i·parts + r] for i in [0, size), r in [0,
/// parts), a transposition.
void deinterleave(const float* in, Index parts, Index size, Index frames, float* out) noexcept;
/// The reverse: out[i·parts + r] = in[r·size + i].
void interleave(const float* in, Index parts, Index size, Index frames, float* out) noexcept;

}  // namespace wavestride::kernels
