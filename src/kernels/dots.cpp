#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/dots.cpp"
#include "kernels/dots.h"

#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "kernels/finish-inl.h"
#include "kernels/registers.h"

HWY_BEFORE_NAMESPACE();
namespace wavestride::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Long = hn::CappedTag<float, 16>;
using Short = hn::CappedTag<float, 4>;

// Of the vectors that so many inputs make; 1 where there are none.
Index DotLanes(Index in) {
  return in < static_cast<Index>(hn::Lanes(Long())) ? static_cast<Index>(hn::Lanes(Short()))
                                                    : static_cast<Index>(hn::Lanes(Long()));
}

#if HWY_TARGET == HWY_SCALAR
template <class D>
hn::Vec<D> SumsOfVectors(D, const hn::Vec<D>* v) {
  return *v;
}
#else
// Sums of the halves of blocks, those of `a` in the first one.
template <class D>
HWY_INLINE hn::Vec<D> SumsOfPairs(D d, hn::Vec<D> a, hn::Vec<D> b) {
  const hn::Repartition<double, D> pairs;
  const auto apart = hn::BitCast(d, hn::OddEven(hn::BitCast(pairs, b), hn::BitCast(pairs, a)));
  return hn::Add(apart, hn::CombineShiftRightBytes<8>(d, b, a));
}

// The sums of four vectors, block by block: what lane k of a block adds are those of vector k.
template <class D>
HWY_INLINE hn::Vec<D> SumsOfBlocks(D d, const hn::Vec<D>* v) {
  const auto even = SumsOfPairs(d, v[0], v[2]), odd = SumsOfPairs(d, v[1], v[3]);
  return hn::Add(hn::OddEven(odd, even), hn::Shuffle2301(hn::OddEven(even, odd)));
}

// Sums of the halves of vectors, those of `a` in the first one.
template <class D>
HWY_INLINE hn::Vec<D> SumsOfHalves(D d, hn::Vec<D> a, hn::Vec<D> b) {
  return hn::Add(hn::ConcatUpperLower(d, b, a), hn::ConcatLowerUpper(d, b, a));
}

// The sums of as many vectors as one has lanes.
template <class D>
HWY_INLINE hn::Vec<D> SumsOfVectors(D d, const hn::Vec<D>* v) {
  constexpr int N = static_cast<int>(hn::MaxLanes(D()));
  const auto a = SumsOfBlocks(d, v);
  if constexpr (N == 4) {
    return a;
  } else if constexpr (N == 8) {
    return SumsOfHalves(d, a, SumsOfBlocks(d, v + 4));
  } else {
    const auto even = SumsOfHalves(d, a, SumsOfBlocks(d, v + 8)),
               odd = SumsOfHalves(d, SumsOfBlocks(d, v + 4), SumsOfBlocks(d, v + 12));
    return hn::Add(hn::OddEvenBlocks(odd, even), hn::SwapAdjacentBlocks(hn::OddEvenBlocks(even, odd)));
  }
}

// The same of four, in the first lanes.
template <class D>
HWY_INLINE hn::Vec<D> SumsOfFour(D d, const hn::Vec<D>* v) {
  constexpr int N = static_cast<int>(hn::MaxLanes(D()));
  auto sums = SumsOfBlocks(d, v);
  if constexpr (N > 4) sums = SumsOfHalves(d, sums, sums);
  if constexpr (N > 8) sums = hn::Add(sums, hn::SwapAdjacentBlocks(sums));
  return sums;
}
#endif

// Adds a vector of inputs of each of F frames, of which each pointer of `x` leads to so many, times those of
// P outputs, whose weights lie `next` apart; but for the first `skipped` lanes, in the last vector of a run.
template <int F, int P, bool last, class D>
HWY_INLINE void AddVectors(D d, const float* HWY_RESTRICT w, Index next, const float* const* x, Index in_step,
                           hn::Mask<D> skipped, hn::Vec<D> (&sum)[F * P]) {
  constexpr int each = std::min(F, 4);
  hn::Vec<D> weight[P];
#pragma GCC unroll 4
  for (int p = 0; p < P; ++p) weight[p] = hn::LoadU(d, w + p * next);
#pragma GCC unroll 16
  for (int f = 0; f < F; ++f) {
    const auto value = hn::LoadU(d, x[f / each] + f % each * in_step);
#pragma GCC unroll 4
    for (int p = 0; p < P; ++p) {
      auto& s = sum[f * P + p];
      const auto more = hn::MulAdd(value, weight[p], s);
      s = last ? hn::IfThenElse(skipped, s, more) : more;
    }
  }
}

// Sums that a tile keeps in registers: those of a vector, and enough to hide the latency of one.
template <class D>
constexpr int dot_sums = hn::MaxLanes(D()) == 1 ? 1 : std::max(static_cast<int>(hn::MaxLanes(D())), 8);

// P outputs of as many frames as `tiles` of F have.
template <int F, int P, class D>
HWY_INLINE void DotTiles(D d, const DotWeights& weights, Index o, const float* HWY_RESTRICT in,
                         const Index* HWY_RESTRICT offsets, Index in_step, Index tiles,
                         float* HWY_RESTRICT out, Index out_step) {
  constexpr auto N = static_cast<Index>(hn::MaxLanes(D()));
  constexpr int each = std::min(F, 4);
  const Index whole = weights.in_channels() / N, rest = weights.in_channels() % N, next = weights.size();
  const Index taps = weights.taps();
  const auto skipped = hn::FirstN(d, static_cast<std::size_t>(N - rest));
  auto bias = hn::Set(d, weights.bias()[o]);
  if constexpr (P == 2) bias = hn::OddEven(hn::Set(d, weights.bias()[o + 1]), bias);
  // Short frames that several windows share are many short streams, of which those a few kilobytes ahead are
  // fetched by the output that reads them first.
  constexpr std::uintptr_t ahead_bytes = 4096;
  constexpr Index short_frame = 32;
  const Index fetched = o == 0 && in_step <= short_frame && in_step < next ? F * in_step : 0;
  for (; tiles > 0; --tiles, in += F * in_step, out += F * out_step) {
#pragma GCC unroll 1
    for (Index i = 0; i < fetched; i += 16)
      __builtin_prefetch(
          reinterpret_cast<const void*>(reinterpret_cast<std::uintptr_t>(in + i) + ahead_bytes));
    const float* HWY_RESTRICT w = weights.weights() + o * next;
    hn::Vec<D> sum[F * P];
#pragma GCC unroll 16
    for (auto& s : sum) s = hn::Zero(d);
    for (Index t = 0; t < taps; ++t) {
      const float* x[F / each];
#pragma GCC unroll 16
      for (int i = 0; i < F / each; ++i) x[i] = in + offsets[t] + i * each * in_step;
      for (Index i = 0; i < whole; ++i, w += N) {
        AddVectors<F, P, false>(d, w, next, x, in_step, skipped, sum);
#pragma GCC unroll 16
        for (const float*& pointer : x) {
          pointer += N;
          keep_in_register(pointer);
        }
      }
      if (rest == 0) continue;
#pragma GCC unroll 16
      for (const float*& pointer : x) pointer += rest - N;
      AddVectors<F, P, true>(d, w + rest - N, next, x, in_step, skipped, sum);
      w += rest;
    }
    HWY_ALIGN float made[F * P];
    float* const to = out_step == P ? out : made;
#pragma GCC unroll 4
    for (int i = 0; i < F * P; i += static_cast<int>(N))
      hn::StoreU(hn::Add(SumsOfVectors(d, sum + i), bias), d, to + i);
    if (out_step == P) continue;
#pragma GCC unroll 16
    for (int i = 0; i < F * P; ++i) out[i / P * out_step + i % P] = made[i];
  }
}

// One output of up to four frames.
template <class D>
HWY_INLINE void DotFew(D d, const DotWeights& weights, Index o, const float* HWY_RESTRICT in,
                       const Index* HWY_RESTRICT offsets, Index in_step, Index frames,
                       float* HWY_RESTRICT out, Index out_step) {
  constexpr auto N = static_cast<Index>(hn::MaxLanes(D()));
  const Index channels = weights.in_channels(), rest = channels % N;
  const float* HWY_RESTRICT w = weights.weights() + o * weights.size();
  const auto skipped = hn::FirstN(d, static_cast<std::size_t>(N - rest));
  hn::Vec<D> sum[4];
#pragma GCC unroll 4
  for (auto& s : sum) s = hn::Zero(d);
  // The last frame is made again for those that there are not.
  const Index second = std::min<Index>(1, frames - 1) * in_step,
              third = std::min<Index>(2, frames - 1) * in_step;
  for (Index t = 0; t < weights.taps(); ++t) {
    const float* const x = in + offsets[t];
    const float* const starts[4] = {x, x + second, x + third, x + (frames - 1) * in_step};
    for (Index c = 0; c < channels; c += N) {
      const Index from = std::min(c, channels - N);
      const auto weight = hn::LoadU(d, w + from);
#pragma GCC unroll 4
      for (int f = 0; f < 4; ++f) {
        const auto more = hn::MulAdd(hn::LoadU(d, starts[f] + from), weight, sum[f]);
        sum[f] = from < c ? hn::IfThenElse(skipped, sum[f], more) : more;
      }
    }
    w += channels;
  }
  HWY_ALIGN float made[N];
  hn::Store(hn::Add(SumsOfFour(d, sum), hn::Set(d, weights.bias()[o])), d, made);
  for (Index f = 0; f < frames; ++f) out[f * out_step] = made[f];
}

template <class D>
HWY_INLINE void DotsOf(D d, const DotWeights& w, const float* in, const Index* offsets, Index in_step,
                       Index frames, float* out, Index out_step, const Finish& finish) {
  constexpr int F = dot_sums<D>;
  // Outputs two by two, of long vectors; of short ones that would be code for little.
  constexpr bool pairs = hn::MaxLanes(D()) > 4;
  // Inputs that stay in the nearest cache until all outputs have read them.
  constexpr Index near = 2 << 10;
  const Index most = std::max(near / in_step / F, Index{1}), of_group = w.out_channels() / w.groups();
  for (Index j = 0, some; j < frames; j += some) {
    const Index tiles = std::min((frames - j) / F, most);
    some = tiles > 0 ? tiles * F : std::min<Index>(frames - j, 4);
    const float* from = in + j * in_step;
    float* to = out + j * out_step;
    for (Index g = 0, o = 0; g < w.groups(); ++g, from += w.in_channels())
      for (Index left = of_group; left > 0; --left, ++o, ++to) {
        if constexpr (F > 1)
          if (tiles == 0) {
            DotFew(d, w, o, from, offsets, in_step, some, to, out_step);
            continue;
          }
        if constexpr (pairs)
          if (left > 1) {
            DotTiles<F / 2, 2>(d, w, o, from, offsets, in_step, 2 * tiles, to, out_step);
            --left, ++o, ++to;
            continue;
          }
        DotTiles<F, 1>(d, w, o, from, offsets, in_step, tiles, to, out_step);
      }
    if (!finish.none())
      FinishRows<Long>(finish.behind(j * out_step), some, w.out_channels(), out + j * out_step, out_step);
  }
}

void Dots(const DotWeights& w, const float* in, const Index* offsets, Index in_step, Index frames, float* out,
          Index out_step, const Finish& finish) {
  if (w.in_channels() >= static_cast<Index>(hn::Lanes(Long())))
    DotsOf(Long(), w, in, offsets, in_step, frames, out, out_step, finish);
  else if constexpr (hn::MaxLanes(Long()) > hn::MaxLanes(Short()))
    DotsOf(Short(), w, in, offsets, in_step, frames, out, out_step, finish);
}

#if HWY_TARGET == HWY_SCALAR
void Mix(const float*, Index, float, const float*, Index, float*) {}
#else
// As many frames as a vector has lanes at a time, each channel of them in a vector; of fewer, copies.
template <int channels>
HWY_NOINLINE void MixFrames(const float* HWY_RESTRICT w, float bias, const float* HWY_RESTRICT in,
                            Index frames, float* HWY_RESTRICT out) {
  const Long d;
  using V = hn::Vec<Long>;
  constexpr auto N = static_cast<Index>(hn::MaxLanes(Long()));
  HWY_ALIGN float some[N * channels] = {}, made[N];
  while (frames > 0) {
    const bool whole = frames >= N;
    if (!whole) std::memcpy(some, in, static_cast<std::size_t>(frames * channels) * sizeof(float));
    const float* const from = whole ? in : some;
    V even[2], odd[2];
#pragma GCC unroll 2
    for (int i = 0; i < channels / 2; ++i) {
      const V a = hn::LoadU(d, from + 2 * i * N), b = hn::LoadU(d, from + (2 * i + 1) * N);
      even[i] = hn::ConcatEven(d, b, a);
      odd[i] = hn::ConcatOdd(d, b, a);
    }
    const auto weight = [&](int c) HWY_ATTR { return hn::Set(d, w[c]); };
    V sum;
    if constexpr (channels == 2) {
      sum = hn::MulAdd(odd[0], weight(1), hn::MulAdd(even[0], weight(0), hn::Zero(d)));
    } else {
      sum = hn::MulAdd(hn::ConcatEven(d, even[1], even[0]), weight(0), hn::Zero(d));
      sum = hn::MulAdd(hn::ConcatEven(d, odd[1], odd[0]), weight(1), sum);
      sum = hn::MulAdd(hn::ConcatOdd(d, even[1], even[0]), weight(2), sum);
      sum = hn::MulAdd(hn::ConcatOdd(d, odd[1], odd[0]), weight(3), sum);
    }
    sum = hn::Add(sum, hn::Set(d, bias));
    if (!whole) {
      hn::Store(sum, d, made);
      return void(std::memcpy(out, made, static_cast<std::size_t>(frames) * sizeof(float)));
    }
    hn::StoreU(sum, d, out);
    frames -= N;
    in += N * channels;
    out += N;
  }
}

void Mix(const float* w, Index channels, float bias, const float* in, Index frames, float* out) {
  channels == 2 ? MixFrames<2>(w, bias, in, frames, out) : MixFrames<4>(w, bias, in, frames, out);
}
#endif

}  // namespace wavestride::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace wavestride::kernels {

HWY_EXPORT(DotLanes);
HWY_EXPORT(Dots);
HWY_EXPORT(Mix);

bool dots_pay(Index outputs, Index in, Index taps, Index rows) noexcept {
  const Index lanes = HWY_DYNAMIC_DISPATCH(DotLanes)(in);
  if (lanes == 1 || in < DotWeights::fewest_inputs) return false;
  const Index vectors = in / lanes + (in % lanes > 0 ? 2 : 0);
  // A vector takes four parts of the time that a row takes three of, the last one twice that where it is not
  // whole; adding across lanes and storing, seven. A row of shorter vectors takes two. Inputs of more than
  // two outputs are read again.
  const Index time = outputs * (4 * taps * vectors + 7), again = outputs > 2 ? time / 3 : 0;
  return time + again < 3 * rows * (HWY_DYNAMIC_DISPATCH(DotLanes)(16) < 8 ? 2 : 1);
}

void dots(const DotWeights& w, const float* in, const Index* offsets, Index in_step, Index frames, float* out,
          Index out_step, const Finish& finish) noexcept {
  HWY_DYNAMIC_DISPATCH(Dots)(w, in, offsets, in_step, frames, out, out_step, finish);
}

bool mixes(Index channels) noexcept {
  return (channels == 2 || channels == 4) && HWY_DYNAMIC_DISPATCH(DotLanes)(16) > 1;
}

void mix(const float* w, Index channels, float bias, const float* in, Index frames, float* out) noexcept {
  HWY_DYNAMIC_DISPATCH(Mix)(w, channels, bias, in, frames, out);
}

}  // namespace wavestride::kernels
#endif
