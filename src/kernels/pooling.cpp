#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/pooling.cpp"
#include "kernels/pooling.h"

#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <type_traits>

HWY_BEFORE_NAMESPACE();
namespace wavestride::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Calls step(tag, i) for whole vectors, then for single values.
template <class F>
HWY_INLINE void ForEach(Index size, F&& step) {
  const hn::CappedTag<float, 16> d;
  const hn::CappedTag<float, 1> one;
  const auto N = static_cast<Index>(hn::Lanes(d));
  Index i = 0;
  for (; i + N <= size; i += N) step(d, i);
  for (; i < size; ++i) step(one, i);
}

// Loads a vector of a window's tap, and fetches what windows a few kilobytes later read: taps are whole
// frames apart, an order that the processor does not guess.
template <class D>
HWY_INLINE hn::Vec<D> LoadTap(D d, const float* from) {
  constexpr std::uintptr_t ahead_bytes = 4096;
  if constexpr (hn::MaxLanes(D()) > 1)
    __builtin_prefetch(reinterpret_cast<const void*>(reinterpret_cast<std::uintptr_t>(from) + ahead_bytes));
  return hn::LoadU(d, from);
}

// The larger one, the first of equal ones; NaN where either is.
template <class V>
HWY_INLINE V Larger(V best, V v) {
#if HWY_ARCH_X86 && HWY_TARGET != HWY_SCALAR
  const V larger = hn::Max(v, best);  // of NaN, by x86, the second
#else
  const V larger = hn::IfThenElse(hn::Gt(v, best), v, best);
#endif
  return hn::IfThenElse(hn::IsNaN(v), v, larger);
}

// Every window by itself: out = last(join(join(first(tap 0), tap 1), tap 2) …), or `none` without taps.
template <class Count, class First, class Join, class Last>
HWY_INLINE void PoolTaps(Count taps, const WindowTaps& w, Index channels, Index windows,
                         float* HWY_RESTRICT out, First first, Join join, Last last) {
  const Index tap_step = w.tap_step;
  for (Index j = 0; j < windows; ++j, out += channels) {
    const float* HWY_RESTRICT in = w.in + j * w.in_step;
    ForEach(channels, [&](auto d, Index c) HWY_ATTR {
      auto result = first(d, LoadTap(d, in + c));
      for (Index t = 1; t < taps; ++t) result = join(result, LoadTap(d, in + t * tap_step + c));
      hn::StoreU(last(d, result), d, out + c);
    });
  }
}

// Without a loop over the taps where they are few.
template <class... Rules>
HWY_INLINE void Pool(float none, const WindowTaps& w, Index channels, Index windows, float* HWY_RESTRICT out,
                     Rules... rules) {
  const auto run = [&](auto taps) HWY_ATTR { PoolTaps(taps, w, channels, windows, out, rules...); };
  switch (w.taps) {
    case 0:
      return void(std::fill_n(out, channels * windows, none));
#if HWY_TARGET != HWY_SCALAR
    case 2:
      return run(std::integral_constant<Index, 2>());
    case 3:
      return run(std::integral_constant<Index, 3>());
    case 4:
      return run(std::integral_constant<Index, 4>());
#endif
  }
  run(w.taps);
}

void MaxOver(const WindowTaps& w, Index channels, Index windows, float* HWY_RESTRICT out) {
  Pool(
      -std::numeric_limits<float>::infinity(), w, channels, windows, out,
      [](auto, auto v) HWY_ATTR { return v; }, [](auto best, auto v) HWY_ATTR { return Larger(best, v); },
      [](auto, auto best) HWY_ATTR { return best; });
}

void SumOver(const WindowTaps& w, float scale, Index channels, Index windows, float* HWY_RESTRICT out) {
  Pool(
      0.0f, w, channels, windows, out, [](auto d, auto v) HWY_ATTR { return hn::Add(hn::Zero(d), v); },
      [](auto sum, auto v) HWY_ATTR { return hn::Add(sum, v); },
      [=](auto d, auto sum) HWY_ATTR { return hn::Mul(sum, hn::Set(d, scale)); });
}

// Vectors of the values at even and odd places, again and again, until to[r] holds every parts-th value from
// the r-th of v[0 … parts) on.
template <int parts, int step = 1, class D>
HWY_INLINE void Unzip(D d, const hn::Vec<D>* v, hn::Vec<D>* to) {
  if constexpr (parts == 1) {
    to[0] = v[0];
  } else {
#if HWY_TARGET != HWY_SCALAR
    hn::Vec<D> even[parts / 2], odd[parts / 2];
#pragma GCC unroll 8
    for (int k = 0; k < parts / 2; ++k) {
      even[k] = hn::ConcatEven(d, v[2 * k + 1], v[2 * k]);
      odd[k] = hn::ConcatOdd(d, v[2 * k + 1], v[2 * k]);
    }
    Unzip<parts / 2, 2 * step>(d, even, to);
    Unzip<parts / 2, 2 * step>(d, odd, to + step);
#endif
  }
}

// The reverse, for vectors that one block of a shuffle holds.
template <int parts, int step = 1, class D>
HWY_INLINE void Zip(D d, const hn::Vec<D>* v, hn::Vec<D>* to) {
  if constexpr (parts == 1) {
    to[0] = v[0];
  } else {
#if HWY_TARGET != HWY_SCALAR
    hn::Vec<D> even[parts / 2], odd[parts / 2];
    Zip<parts / 2, 2 * step>(d, v, even);
    Zip<parts / 2, 2 * step>(d, v + step, odd);
#pragma GCC unroll 8
    for (int k = 0; k < parts / 2; ++k) {
      to[2 * k] = hn::InterleaveLower(d, even[k], odd[k]);
      to[2 * k + 1] = hn::InterleaveUpper(d, even[k], odd[k]);
    }
#endif
  }
}

// Values from `i` on of the parts of a frame, as many as whole vectors hold; returns where they end.
template <int parts, int lanes>
HWY_INLINE Index DeinterleaveVectors(const float* HWY_RESTRICT in, Index i, Index size,
                                     float* HWY_RESTRICT out) {
  const hn::CappedTag<float, lanes> d;
  const auto N = static_cast<Index>(hn::Lanes(d));
  for (; i + N <= size; i += N) {
    hn::Vec<decltype(d)> v[parts], apart[parts];
#pragma GCC unroll 8
    for (int r = 0; r < parts; ++r) v[r] = hn::LoadU(d, in + i * parts + r * N);
    Unzip<parts>(d, v, apart);
#pragma GCC unroll 8
    for (int r = 0; r < parts; ++r) hn::StoreU(apart[r], d, out + r * size + i);
  }
  return i;
}

template <int parts>
HWY_INLINE Index InterleaveVectors(const float* HWY_RESTRICT in, Index i, Index size,
                                   float* HWY_RESTRICT out) {
  const hn::CappedTag<float, 4> d;
  const auto N = static_cast<Index>(hn::Lanes(d));
  for (; i + N <= size; i += N) {
    hn::Vec<decltype(d)> v[parts], together[parts];
#pragma GCC unroll 8
    for (int r = 0; r < parts; ++r) v[r] = hn::LoadU(d, in + r * size + i);
    Zip<parts>(d, v, together);
#pragma GCC unroll 8
    for (int r = 0; r < parts; ++r) hn::StoreU(together[r], d, out + i * parts + r * N);
  }
  return i;
}

template <int parts>
void DeinterleaveFrames(const float* HWY_RESTRICT in, Index size, Index frames, float* HWY_RESTRICT out) {
  for (Index j = 0; j < frames; ++j, in += parts * size, out += parts * size) {
    Index i = 0;
#if HWY_TARGET != HWY_SCALAR
    i = DeinterleaveVectors<parts, 16>(in, i, size, out);
    i = DeinterleaveVectors<parts, 8>(in, i, size, out);
    i = DeinterleaveVectors<parts, 4>(in, i, size, out);
#endif
    for (; i < size; ++i)
      for (Index r = 0; r < parts; ++r) out[r * size + i] = in[i * parts + r];
  }
}

template <int parts>
void InterleaveFrames(const float* HWY_RESTRICT in, Index size, Index frames, float* HWY_RESTRICT out) {
  for (Index j = 0; j < frames; ++j, in += parts * size, out += parts * size) {
    Index i = 0;
#if HWY_TARGET != HWY_SCALAR
    if constexpr (parts <= 4) {
      const hn::CappedTag<float, 16> d;
      const auto N = static_cast<Index>(hn::Lanes(d));
      const auto part = [&](Index r) { return hn::LoadU(d, in + r * size + i); };
      for (; i + N <= size; i += N)
        if constexpr (parts == 2)
          hn::StoreInterleaved2(part(0), part(1), d, out + 2 * i);
        else
          hn::StoreInterleaved4(part(0), part(1), part(2), part(3), d, out + 4 * i);
    }
    i = InterleaveVectors<parts>(in, i, size, out);
#endif
    for (; i < size; ++i)
      for (Index r = 0; r < parts; ++r) out[i * parts + r] = in[r * size + i];
  }
}

void Deinterleave(const float* HWY_RESTRICT in, Index parts, Index size, Index frames,
                  float* HWY_RESTRICT out) {
  switch (parts) {
    case 2:
      return DeinterleaveFrames<2>(in, size, frames, out);
    case 4:
      return DeinterleaveFrames<4>(in, size, frames, out);
    case 8:
      return DeinterleaveFrames<8>(in, size, frames, out);
  }
  for (Index j = 0; j < frames; ++j, in += parts * size, out += parts * size)
    for (Index r = 0; r < parts; ++r)
      for (Index i = 0; i < size; ++i) out[r * size + i] = in[i * parts + r];
}

void Interleave(const float* HWY_RESTRICT in, Index parts, Index size, Index frames,
                float* HWY_RESTRICT out) {
  switch (parts) {
    case 2:
      return InterleaveFrames<2>(in, size, frames, out);
    case 4:
      return InterleaveFrames<4>(in, size, frames, out);
    case 8:
      return InterleaveFrames<8>(in, size, frames, out);
  }
  for (Index j = 0; j < frames; ++j, in += parts * size, out += parts * size)
    for (Index r = 0; r < parts; ++r)
      for (Index i = 0; i < size; ++i) out[i * parts + r] = in[r * size + i];
}

}  // namespace wavestride::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace wavestride::kernels {

HWY_EXPORT(MaxOver);
HWY_EXPORT(SumOver);
HWY_EXPORT(Deinterleave);
HWY_EXPORT(Interleave);

void max_over(const WindowTaps& w, Index channels, Index windows, float* out) noexcept {
  HWY_DYNAMIC_DISPATCH(MaxOver)(w, channels, windows, out);
}

void sum_over(const WindowTaps& w, float scale, Index channels, Index windows, float* out) noexcept {
  HWY_DYNAMIC_DISPATCH(SumOver)(w, scale, channels, windows, out);
}

void deinterleave(const float* in, Index parts, Index size, Index frames, float* out) noexcept {
  HWY_DYNAMIC_DISPATCH(Deinterleave)(in, parts, size, frames, out);
}

void interleave(const float* in, Index parts, Index size, Index frames, float* out) noexcept {
  HWY_DYNAMIC_DISPATCH(Interleave)(in, parts, size, frames, out);
}

}  // namespace wavestride::kernels
#endif
