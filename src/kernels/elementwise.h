// Kernels that treat every value alike. All of them run each element through the same vector code, remainders
// included, so that its bits depend on its own value and never on where in memory it lies.
#pragma once

#include <wavestride/geometry.h>

#include <cstdint>
#include <span>

#include "kernels/finish.h"

namespace wavestride::kernels {

/// Functions of one value; `a` and `b` are their parameters.
enum class Function {
  relu,        ///< max(x, 0)
  leaky_relu,  ///< x > 0 ? x : a·x
  elu,         ///< x > 0 ? b·x : a·(eˣ − 1)
  celu,        ///< x > 0 ? x : a·(e^(x/a) − 1)
  tanh,
  sigmoid,
  silu,         ///< x / (1 + e⁻ˣ)
  gelu,         ///< x·Φ(x) by the error function
  gelu_tanh,    ///< x·sigmoid(√(8/π)·(x + 0.044715·x³))
  mish,         ///< x·tanh(ln(1 + eˣ))
  softplus,     ///< a·x > b ? x : ln(1 + e^(a·x))/a
  softsign,     ///< x / (1 + |x|)
  hardsigmoid,  ///< min(max(x + 3, 0), 6) / 6
  hardswish,    ///< x times that
  shrink,       ///< |x| > a ? x − sign(x)·b : 0
  exp,
  log,   ///< −∞ of 0, NaN below
  sqrt,  ///< NaN below 0
  abs,
  sin,
  cos,
  clip,   ///< min(max(x, a), b)
  scale,  ///< a·x
};

/// out[i] = f(in[i]) for i in [0, size). NaN stays NaN. `out` may be `in`.
void map(Function f, float a, float b, const float* in, Index size, float* out) noexcept;

/// out[i] = in[i] for i in [0, size). `out` may overlap `in` where it begins before it. As std::memmove, but
/// never by the processor's string instructions, which take eight times as long where `in` and `out` lie a
/// whole number of pages apart, as large blocks of memory do (seen on Zen 3).
void copy(const float* in, Index size, float* out) noexcept;

/// The same, to memory that is not read soon, apart from `in`: it neither comes into the caches nor takes the
/// place of what is there.
void copy_past_caches(const float* in, Index size, float* out) noexcept;

/// `frames` runs of `size` values, at least one, each so many steps behind the one before; they may not
/// overlap.
void copy_frames(const float* in, Index in_step, Index size, Index frames, float* out,
                 Index out_step) noexcept;

/// Values near each other that one vector moves: out[to + i] = in[from + lane[i]]; of a piece that is `more`
/// than the one before, whose `to` it has, those where `mine[i]` is −1, and else 0. What is written behind
/// them, up to a whole vector, is for the next.
struct Shuffle {
  Index from, to, lanes;  ///< `lanes`: shuffle_lanes() when it was made
  bool more;
  std::int32_t lane[16], mine[16];
};

/// Of a vector: 1, which can move nothing at once, to 16.
Index shuffle_lanes() noexcept;

/// All pieces of every step in turn. With weights, of each value of `out` in a step, they are as far from a
/// to b as those say, as blend() has it, where b lies `next` values behind a. Reads and writes whole vectors,
/// and does nothing where theirs have another number of lanes. Returns the steps made.
Index shuffle(std::span<const Shuffle> pieces, const float* weights, Index next, const float* in,
              Index in_step, Index steps, float* out, Index out_step) noexcept;

/// out[i] = (in[0][i] + in[1][i] + …)·scale, in that order, for i in [0, size). `out` may be one of the
/// inputs.
void sum(std::span<const float* const> in, float scale, Index size, float* out) noexcept;

/// out[i] = in[0][i]·in[1][i]·…, in that order, for i in [0, size). `out` may be one of the inputs.
void product(std::span<const float* const> in, Index size, float* out) noexcept;

/// For every frame: out[c] = tanh(in[c]) · sigmoid(in[channels + c]), c in [0, channels).
void gated(const float* in, Index channels, Index frames, float* out) noexcept;

/// The same without the tanh.
void glu(const float* in, Index channels, Index frames, float* out) noexcept;

/// out = the `frames` frames before `end`, the last of them first.
void flip(const float* end, Index channels, Index frames, float* out) noexcept;

/// The most values that a vector holds.
inline constexpr std::size_t most_lanes = 16;

/// What a layer_norm is made of; behind the weights and the biases of the channels lie most_lanes more.
struct LayerNorm {
  const float *weight, *bias;
  float eps;
  bool centred = true;  ///< else the mean m counts as 0, as in an rms_norm
};

/// For every frame: out[c] = (in[c] − m)/√(v + eps)·weight[c] + bias[c], with its mean m and variance v.
void layer_norm(const LayerNorm& norm, const float* in, Index channels, Index frames, float* out) noexcept;

/// out[i] = in[i]·gain[i mod run] + bias[i mod run] for i in [0, size), of one rounding where the processor
/// has such an instruction.
void scale_runs(const float* gain, const float* bias, Index run, const float* in, Index size,
                float* out) noexcept;

/// out[i] = in[i] > 0 ? in[i] : slopes[i mod run]·in[i] for i in [0, size). Behind the slopes lie most_lanes
/// more values. `out` may be `in`.
void slope_runs(const float* slopes, Index run, const float* in, Index size, float* out) noexcept;

/// out[i] = ±ln(1 + mu·|in[i]|)/log, or its inverse ±(e^(log·|in[i]|) − 1)/mu, where `log` is ln(1 + mu), of
/// the sign of in[i]; made in double within 1e-15, and rounded to float. Infinity and NaN stay.
void mu_law(bool expand, double mu, double log, const float* in, Index size, float* out) noexcept;

/// out[i] = counter_normal(seed, first + i), made in double within 1e-15, and rounded to float.
void normal(std::uint64_t seed, std::uint64_t first, Index size, float* out) noexcept;

/// out[i] = bias + Σ over t, in that order, of w[t] · in[offsets[t] + i] for i in [0, size).
void weighted_sum(const float* w, const Index* offsets, Index terms, float bias, const float* in, Index size,
                  float* out) noexcept;

/// Two frames, and how far from the first to the second what is wanted lies.
struct Blend {
  const float *a, *b;
  float weight;
};

/// Frame j of `out`, of `size` values, is (1 − weight)·a + weight·b of frames[j]. Where the weight is 0, b is
/// not read, so that its NaN does not spread.
void blend(std::span<const Blend> frames, Index size, float* out) noexcept;

/// The same for steps that are alike, of fewest_stepped values or more: of frames j and j + 1 of `in` as many
/// as there are weights, in the order of `out`.
inline constexpr Index fewest_stepped = 8;
void blend_steps(const float* in, Index size, Index steps, std::span<const float> weights,
                 float* out) noexcept;

/// Whether none of the values is infinite or NaN.
bool finite(const float* x, Index size) noexcept;

}  // namespace wavestride::kernels
