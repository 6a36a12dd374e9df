// dense() on bfloat16: products of two rounded numbers, summed in float, two input channels at a time.
#pragma once

#include <bit>
#include <cstdint>

#include "kernels/dense.h"
#include "kernels/products.h"

namespace wavestride::kernels {

/// Two neighbouring channels of a frame or of a weight, the first in the lower half.
using Bfloat16Pair = std::uint32_t;
using Bfloat16Weights = PackedWeights<Bfloat16Pair>;

/// The nearest bfloat16, ties to even; a NaN stays one.
constexpr std::uint16_t to_bfloat16(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  if ((bits & 0x7fffffff) > 0x7f800000) return static_cast<std::uint16_t>(bits >> 16 | 0x40);
  return static_cast<std::uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

constexpr Bfloat16Pair bfloat16_pair(float first, float second) {
  return to_bfloat16(first) | static_cast<Bfloat16Pair>(to_bfloat16(second)) << 16;
}

/// Rounds 2·pairs floats, of which x is taken as x > 0 ? x : slope·x. What is too small to be a normal number
/// may become zero.
void round_to_bfloat16(const float* in, float slope, Index pairs, Bfloat16Pair* out) noexcept;

/// For j in [0, frames): out[j·out_step + o] = Σ over taps t, then rows r, in that order, of the second and
/// then the first channel's product in w[o][r][t] and in[offsets[t] + j·in_step + r], and then bias[o].
/// `offsets` and in_step are in pairs. Each output is one chain of additions, so its bits do not depend on
/// `frames`. Weights packed for tiles are multiplied by amx_dense(), in its order.
void dense(const Bfloat16Weights& w, const Bfloat16Pair* in, const Index* offsets, Index in_step,
           Index frames, float* out, Index out_step) noexcept;

/// The best that the target in use has for bfloat16.
Products bfloat16_products() noexcept;
/// The row_block of weights for them.
Index bfloat16_row_block() noexcept;
/// How many times as fast as sums of floats a large convolution is by bfloat16_products().
double bfloat16_speed() noexcept;

}  // namespace wavestride::kernels
