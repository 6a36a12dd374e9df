#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/bfloat16.cpp"
#include "kernels/bfloat16.h"

#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/amx.h"

// Highway 1.0.3 has no product of bfloat16 but its emulation: here the instruction is used as such, by GCC,
// which can add it to the target's other ones. Nothing but what asks for it is compiled to it; whether the
// machine has it is seen when it runs.
#if HWY_TARGET == HWY_AVX3 && HWY_COMPILER_GCC_ACTUAL
#define WAVESTRIDE_BFLOAT16_PRODUCTS 1
#include <immintrin.h>
#pragma GCC push_options
#pragma GCC target("avx512bf16")
#else
#define WAVESTRIDE_BFLOAT16_PRODUCTS 0
#endif

#include "kernels/dense_tiles-inl.h"

HWY_BEFORE_NAMESPACE();
namespace wavestride::kernels::HWY_NAMESPACE {

constexpr double emulation_speed = 0.4;

template <class D>
struct EmulatedBfloat16 {
  using U = hn::RebindToUnsigned<D>;
  struct Value {
    hn::Vec<D> first, second;
  };
  using Weight = Value;
  static constexpr bool small = true;

  static HWY_INLINE Value broadcast(const Bfloat16Pair* x) {
    return {hn::BitCast(D(), hn::Set(U(), *x << 16)), hn::BitCast(D(), hn::Set(U(), *x & 0xffff0000))};
  }
  static HWY_INLINE Weight load(const Bfloat16Pair* w) {
    const auto both = hn::LoadU(U(), w);
    return {hn::BitCast(D(), hn::ShiftLeft<16>(both)),
            hn::BitCast(D(), hn::And(both, hn::Set(U(), 0xffff0000)))};
  }
  static HWY_INLINE hn::Vec<D> mul_add(Value x, Weight w, hn::Vec<D> sum) {
    return hn::MulAdd(x.first, w.first, hn::MulAdd(x.second, w.second, sum));
  }
};

void EmulatedRound(const float* HWY_RESTRICT in, float slope, Index pairs, Bfloat16Pair* HWY_RESTRICT out) {
  const Whole d;
  const hn::RebindToUnsigned<Whole> u;
  const auto N = static_cast<Index>(hn::Lanes(u));
  const auto below = hn::Set(d, slope);
  const auto rounded = [&](hn::Vec<Whole> x) HWY_ATTR {
    const auto bits = hn::BitCast(u, Sloped(d, x, below));
    const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(u, 1));
    const auto nearest = hn::Add(bits, hn::Add(odd, hn::Set(u, 0x7fff)));
    const auto nan = hn::IsNaN(hn::BitCast(d, bits));
    return hn::IfThenElse(hn::RebindMask(u, nan), hn::Or(bits, hn::Set(u, 0x400000)), nearest);
  };
  Index p = 0;
  for (; p + N <= pairs; p += N) {
    hn::Vec<Whole> first, second;
    hn::LoadInterleaved2(d, in + 2 * p, first, second);
    const auto high = hn::And(rounded(second), hn::Set(u, 0xffff0000));
    hn::StoreU(hn::Or(hn::ShiftRight<16>(rounded(first)), high), u, out + p);
  }
  const auto sloped = [&](float x) { return x <= 0 ? slope * x : x; };
  for (; p < pairs; ++p) out[p] = bfloat16_pair(sloped(in[2 * p]), sloped(in[2 * p + 1]));
}

#if WAVESTRIDE_BFLOAT16_PRODUCTS

template <class D>
struct Bfloat16;

template <>
struct Bfloat16<Whole> {
  using Value = __m512bh;
  using Weight = __m512bh;
  static constexpr bool small = false;
  static HWY_INLINE Value broadcast(const Bfloat16Pair* x) {
    return (__m512bh)_mm512_set1_epi32(static_cast<int>(*x));
  }
  static HWY_INLINE Weight load(const Bfloat16Pair* w) { return (__m512bh)_mm512_loadu_si512(w); }
  static HWY_INLINE hn::Vec<Whole> mul_add(Value x, Weight w, hn::Vec<Whole> sum) {
    return hn::Vec<Whole>{_mm512_dpbf16_ps(sum.raw, x, w)};
  }
};

template <>
struct Bfloat16<Half> {
  using Value = __m256bh;
  using Weight = __m256bh;
  static constexpr bool small = false;
  static HWY_INLINE Value broadcast(const Bfloat16Pair* x) {
    return (__m256bh)_mm256_set1_epi32(static_cast<int>(*x));
  }
  static HWY_INLINE Weight load(const Bfloat16Pair* w) {
    return (__m256bh)_mm256_loadu_si256(reinterpret_cast<const __m256i*>(w));
  }
  static HWY_INLINE hn::Vec<Half> mul_add(Value x, Weight w, hn::Vec<Half> sum) {
    return hn::Vec<Half>{_mm256_dpbf16_ps(sum.raw, x, w)};
  }
};

Products Best() {
  if (!__builtin_cpu_supports("avx512bf16")) return Products::plain;
  return amx_available() ? Products::tiles : Products::vectors;
}

double Speed(Products by) {
  if (by == Products::plain) return emulation_speed;
  if (by == Products::tiles) return 6;
  return __builtin_cpu_is("intel") ? 0.5 : 2;  // measured on Emerald Rapids, Zen 4 and Zen 5
}

void Round(const float* HWY_RESTRICT in, float slope, Index pairs, Bfloat16Pair* HWY_RESTRICT out,
           Products by) {
  if (by == Products::plain) return EmulatedRound(in, slope, pairs, out);
  const auto rounded = [slope](__m512 first, __m512 second) HWY_ATTR {
    const Whole d;
    const auto below = hn::Set(d, slope);
    return (__m512i)_mm512_cvtne2ps_pbh(Sloped(d, hn::Vec<Whole>{second}, below).raw,
                                        Sloped(d, hn::Vec<Whole>{first}, below).raw);
  };
  for (; pairs >= 16; pairs -= 16, in += 32, out += 16)
    _mm512_storeu_si512(out, rounded(_mm512_loadu_ps(in), _mm512_loadu_ps(in + 16)));
  if (pairs > 0) {
    const auto floats = (std::uint32_t{1} << (2 * pairs)) - 1;
    const auto low = static_cast<__mmask16>(floats), high = static_cast<__mmask16>(floats >> 16);
    _mm512_mask_storeu_epi32(out, static_cast<__mmask16>((1u << pairs) - 1),
                             rounded(_mm512_maskz_loadu_ps(low, in), _mm512_maskz_loadu_ps(high, in + 16)));
  }
}

void Dense(const Bfloat16Weights& w, const Bfloat16Pair* in, const Index* offsets, Index in_step,
           Index frames, float* out, Index out_step, Products by) {
  by == Products::plain ? DenseOf<EmulatedBfloat16>(w, in, offsets, in_step, frames, out, out_step)
                        : DenseOf<Bfloat16>(w, in, offsets, in_step, frames, out, out_step);
}

#else

Products Best() {
  return Products::plain;
}

double Speed(Products /*by*/) {
  return emulation_speed;
}

void Round(const float* in, float slope, Index pairs, Bfloat16Pair* out, Products /*by*/) {
  EmulatedRound(in, slope, pairs, out);
}

void Dense(const Bfloat16Weights& w, const Bfloat16Pair* in, const Index* offsets, Index in_step,
           Index frames, float* out, Index out_step, Products /*by*/) {
  DenseOf<EmulatedBfloat16>(w, in, offsets, in_step, frames, out, out_step);
}

#endif

}  // namespace wavestride::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if WAVESTRIDE_BFLOAT16_PRODUCTS
#pragma GCC pop_options
#endif
#undef WAVESTRIDE_BFLOAT16_PRODUCTS

#if HWY_ONCE
namespace wavestride::kernels {

HWY_EXPORT(Best);
HWY_EXPORT(Speed);
HWY_EXPORT(Round);
HWY_EXPORT(Dense);

Products bfloat16_products() noexcept {
  return std::min(best_products(), HWY_DYNAMIC_DISPATCH(Best)());
}

Index bfloat16_row_block() noexcept {
  return bfloat16_products() == Products::tiles ? amx_row_block : 0;
}

double bfloat16_speed() noexcept {
  return HWY_DYNAMIC_DISPATCH(Speed)(bfloat16_products());
}

void round_to_bfloat16(const float* in, float slope, Index pairs, Bfloat16Pair* out) noexcept {
  HWY_DYNAMIC_DISPATCH(Round)(in, slope, pairs, out, bfloat16_products());
}

void dense(const Bfloat16Weights& w, const Bfloat16Pair* in, const Index* offsets, Index in_step,
           Index frames, float* out, Index out_step) noexcept {
  if (w.row_block() == amx_row_block) return amx_dense(w, in, offsets, in_step, frames, out, out_step);
  HWY_DYNAMIC_DISPATCH(Dense)(w, in, offsets, in_step, frames, out, out_step, bfloat16_products());
}

}  // namespace wavestride::kernels
#endif
