#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/gemv.cpp"
#include "kernels/gemv.h"

#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <bit>

HWY_BEFORE_NAMESPACE();
namespace wavestride::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::CappedTag<float, 16>;

// Sums in registers: as many as hide the latency of a multiply-add, and no more than there are registers.
#if HWY_TARGET == HWY_SSSE3 || HWY_TARGET == HWY_SSE4 || HWY_TARGET == HWY_AVX2
constexpr int most_sums = 12, tile_frames = 6;
#else
constexpr int most_sums = 24, tile_frames = 12;
#endif

struct Call {
  const GemvWeights& w;
  Rows<const float> start, in;
  const Index* offsets;
  const float* bias;
  Rows<const float> addend;
  float scale;
  Rows<float> out;
};

// A row of weights: of one input channel, or rounded ones of two. A bfloat16 is the upper half of a float, so
// that a shift or a mask makes floats of either.
template <class Weight>
struct Row;

template <>
struct Row<float> {
  using Vector = hn::Vec<D>;
  static constexpr int channels = 1;
  static HWY_INLINE Vector Load(const float* w) { return hn::LoadU(D(), w); }
  template <int I>
  static HWY_INLINE hn::Vec<D> Channel(Vector row) {
    return row;
  }
};

template <>
struct Row<Bfloat16Pair> {
  using Bits = hn::RebindToUnsigned<D>;
  using Vector = hn::Vec<Bits>;
  static constexpr int channels = 2;
  static HWY_INLINE Vector Load(const Bfloat16Pair* w) { return hn::LoadU(Bits(), w); }
  template <int I>
  static HWY_INLINE hn::Vec<D> Channel(Vector row) {
    if constexpr (I == 0)
      return hn::BitCast(D(), hn::ShiftLeft<16>(row));
    else
      return hn::BitCast(D(), hn::And(row, hn::Set(Bits(), 0xffff0000u)));
  }
};

// What is made of the sum of output channels `at` on of frame j.
HWY_INLINE void Finish(const Call& a, hn::Vec<D> sum, Index j, Index at) {
  const D d;
  if (a.bias != nullptr) sum = hn::Add(sum, hn::LoadU(d, a.bias + at));
  if (a.addend.data != nullptr)
    sum = hn::Mul(hn::Add(sum, hn::LoadU(d, a.addend.data + j * a.addend.step + at)), hn::Set(d, a.scale));
  hn::StoreU(sum, d, a.out.data + j * a.out.step + at);
}

// F frames from j on, V vectors of output channels from o on. `w` points at the first of these channels in a
// block of `width`.
template <int F, int V, class Weight>
HWY_INLINE void Tile(const Call& a, const Weight* HWY_RESTRICT w, Index width, Index o, Index j) {
  using R = Row<Weight>;
  const D d;
  const auto N = static_cast<Index>(hn::Lanes(d));
  hn::Vec<D> sum[F][V];
#pragma GCC unroll 16
  for (int f = 0; f < F; ++f)
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v)
      sum[f][v] = a.start.data == nullptr ? hn::Zero(d)
                                          : hn::LoadU(d, a.start.data + (j + f) * a.start.step + o + v * N);
  const Index channels = a.w.in_channels(), step = a.in.step;
  for (Index t = 0; t < a.w.taps(); ++t) {
    const float* HWY_RESTRICT x = a.in.data + a.offsets[t] + j * step;
    const auto add = [&](auto i, Index c, const auto(&row)[V]) HWY_ATTR {
      hn::Vec<D> weight[V];
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) weight[v] = R::template Channel<i>(row[v]);
#pragma GCC unroll 16
      for (int f = 0; f < F; ++f) {
        const auto value = hn::Set(d, x[f * step + c]);
#pragma GCC unroll 8
        for (int v = 0; v < V; ++v) sum[f][v] = hn::MulAdd(value, weight[v], sum[f][v]);
      }
    };
    for (Index c = 0; c < channels; c += R::channels, w += width) {
      typename R::Vector row[V];
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) row[v] = R::Load(w + v * N);
      add(std::integral_constant<int, 0>(), c, row);
      if constexpr (R::channels == 2) {
        if (c + 1 == channels) continue;  // an odd last one
        add(std::integral_constant<int, 1>(), c + 1, row);
      }
    }
  }
#pragma GCC unroll 16
  for (int f = 0; f < F; ++f)
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) Finish(a, sum[f][v], j + f, o + v * N);
}

// Calls tile(V, channel within the block, width of the block) for all vectors of one, V at a time, of which F
// frames have as many sums as there should be.
template <int F, class TileOf>
HWY_INLINE void AllVectors(Index out_channels, Index block, TileOf&& tile) {
  constexpr int most_vectors = most_sums / F >= 8 ? 8 : most_sums / F >= 4 ? 4 : 2;
  const auto N = static_cast<Index>(hn::Lanes(D()));
  const Index width = std::min(GemvWeights::block_width, out_channels - block);
  Index within = 0;
  const auto run = [&](auto vectors) HWY_ATTR {
    for (; within + vectors * N <= width; within += vectors * N) tile(vectors, within, width);
  };
  if constexpr (most_vectors >= 8) run(std::integral_constant<int, 8>());
  if constexpr (most_vectors >= 4) run(std::integral_constant<int, 4>());
  run(std::integral_constant<int, 2>());
  run(std::integral_constant<int, 1>());
}

// F frames from j on, one block of output channels.
template <int F, class Weight>
HWY_INLINE void Block(const Call& a, Index block, Index j) {
  const Weight* w = a.w.weights<Weight>() + block * a.w.rows() * a.w.taps();
  AllVectors<F>(a.w.out_channels(), block, [&](auto vectors, Index within, Index width) HWY_ATTR {
    Tile<F, vectors>(a, w + within, width, block + within, j);
  });
}

// Blocks outside, so that their weights come from the cache for all frames but the first.
template <class Weight>
HWY_INLINE void Blocks(const Call& a, Index frames) {
  for (Index block = 0; block < a.w.out_channels(); block += GemvWeights::block_width) {
    Index j = 0;
    for (; j + tile_frames <= frames; j += tile_frames) Block<tile_frames, Weight>(a, block, j);
    for (; j + 4 <= frames; j += 4) Block<4, Weight>(a, block, j);
    for (; j + 2 <= frames; j += 2) Block<2, Weight>(a, block, j);
    for (; j < frames; ++j) Block<1, Weight>(a, block, j);
  }
}

// ---- 8-bit weights: frames become 16-bit integers, sums are of 32 bits and exact ----

// Of as many output channels as D has lanes, the weights of two input channels each; and two of a frame.
using Int32 = hn::RebindToSigned<D>;
#if HWY_TARGET == HWY_SCALAR
using Pairs = std::array<int, 2>;
HWY_INLINE Pairs LoadPairs(const Int8Pair* w) {
  return {(*w)[0], (*w)[1]};
}
HWY_INLINE Pairs SetPairs(const Int16Pair& x) {
  return {x[0], x[1]};
}
HWY_INLINE hn::Vec<Int32> AddPairs(Pairs a, Pairs b, hn::Vec<Int32> sum) {
  return hn::Add(sum, hn::Set(Int32(), a[0] * b[0] + a[1] * b[1]));
}
#else
using Int16 = hn::Repartition<std::int16_t, Int32>;
using Pairs = hn::Vec<Int16>;
HWY_INLINE Pairs LoadPairs(const Int8Pair* w) {
  return hn::PromoteTo(Int16(), hn::LoadU(hn::Rebind<std::int8_t, Int16>(), w->data()));
}
HWY_INLINE Pairs SetPairs(const Int16Pair& x) {
  return hn::BitCast(Int16(), hn::Set(Int32(), std::bit_cast<std::int32_t>(x)));
}
HWY_INLINE hn::Vec<Int32> AddPairs(Pairs a, Pairs b, hn::Vec<Int32> sum) {
  const Int32 d;
#if HWY_ARCH_X86
  auto unused = hn::Zero(d);
  auto next = hn::ReorderWidenMulAccumulate(d, a, b, sum, unused);
#if HWY_COMPILER_GCC || HWY_COMPILER_CLANG
  // Where compilers put off additions to the end of a loop, products fill the registers.
  asm volatile("" : "+v"(next.raw));
#endif
  return next;
#else
  const auto even = [&](auto v) { return hn::ShiftRight<16>(hn::ShiftLeft<16>(hn::BitCast(d, v))); };
  const auto odd = [&](auto v) { return hn::ShiftRight<16>(hn::BitCast(d, v)); };
  return hn::Add(sum, hn::Add(hn::Mul(even(a), even(b)), hn::Mul(odd(a), odd(b))));
#endif
}
#endif

// Frames as integers, [frame][tap][pair of channels], and what one unit of each stands for.
struct Integers {
  const Int16Pair* x;
  const float* scales;
};

// F frames from j on, V vectors of output channels from o on. `w` points at the first of these channels in a
// block of `width`.
template <int F, int V>
HWY_INLINE void Int8Tile(const Call& a, const Integers& in, const Int8Pair* HWY_RESTRICT w, Index width,
                         Index o, Index j) {
  const D d;
  const auto N = static_cast<Index>(hn::Lanes(d));
  const Index pairs = a.w.rows() * a.w.taps();
  hn::Vec<Int32> sum[F][V];
#pragma GCC unroll 16
  for (int f = 0; f < F; ++f)
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) sum[f][v] = hn::Zero(Int32());
  for (Index p = 0; p < pairs; ++p, w += width) {
    Pairs weight[V];
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) weight[v] = LoadPairs(w + v * N);
#pragma GCC unroll 16
    for (int f = 0; f < F; ++f) {
      const auto value = SetPairs(in.x[f * pairs + p]);
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) sum[f][v] = AddPairs(value, weight[v], sum[f][v]);
    }
  }
#pragma GCC unroll 16
  for (int f = 0; f < F; ++f)
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) {
      const Index at = o + v * N;
      const auto unit = hn::Mul(hn::LoadU(d, a.w.scales() + at), hn::Set(d, in.scales[f]));
      const auto start =
          a.start.data == nullptr ? hn::Zero(d) : hn::LoadU(d, a.start.data + (j + f) * a.start.step + at);
      Finish(a, hn::MulAdd(hn::ConvertTo(d, sum[f][v]), unit, start), j + f, at);
    }
}

// F frames from j on.
template <int F>
HWY_INLINE void Int8Frames(const Call& a, const Integers& in, Index j) {
  for (Index block = 0; block < a.w.out_channels(); block += GemvWeights::block_width)
    AllVectors<F>(a.w.out_channels(), block, [&](auto vectors, Index within, Index width) HWY_ATTR {
      const auto* w = a.w.weights<Int8Pair>() + block * a.w.rows() * a.w.taps();
      Int8Tile<F, vectors>(a, in, w + within, width, block + within, j);
    });
}

// Frame j, the largest of it being so large that no sum overflows; says what one unit stands for, NaN where
// a value is not finite.
HWY_INLINE float ToIntegers(const Call& a, Index j, std::int16_t* out) {
  const D d;
  const auto N = static_cast<Index>(hn::Lanes(d));
  const Index channels = a.w.in_channels(), padded_channels = 2 * a.w.rows(), taps = a.w.taps();
  const auto largest_integer =
      static_cast<float>(std::min<Index>(32767, 0x7fffffff / (127 * padded_channels * taps)));
  auto most = hn::Zero(d), finite = hn::Zero(d);
  const auto look = [&](hn::Vec<D> x) HWY_ATTR {
    most = hn::Max(most, hn::Abs(x));
    finite = hn::MulAdd(x, hn::Zero(d), finite);
  };
  for (Index t = 0; t < taps; ++t) {
    const float* x = a.in.data + a.offsets[t] + j * a.in.step;
    Index c = 0;
    for (; c + N <= channels; c += N) look(hn::LoadU(d, x + c));
    for (; c < channels; ++c) look(hn::Set(d, x[c]));
  }
  const float largest = hn::GetLane(hn::MaxOfLanes(d, most));
  const float per_unit = largest > 0 ? largest_integer / largest : 0.0f;
  const hn::Rebind<std::int16_t, D> narrow;
  for (Index t = 0; t < taps; ++t, out += padded_channels) {
    const float* x = a.in.data + a.offsets[t] + j * a.in.step;
    const auto integers = [&](hn::Vec<D> v) HWY_ATTR {
      return hn::DemoteTo(narrow, hn::NearestInt(hn::Mul(v, hn::Set(d, per_unit))));
    };
    Index c = 0;
    for (; c + N <= channels; c += N) hn::StoreU(integers(hn::LoadU(d, x + c)), narrow, out + c);
    for (; c < channels; ++c) out[c] = hn::GetLane(integers(hn::Set(d, x[c])));
    if (channels < padded_channels) out[channels] = 0;
  }
  return largest / largest_integer + hn::GetLane(hn::SumOfLanes(d, finite));
}

void Int8Blocks(const Call& a, Index frames) {
  // More frames at a time are no faster.
  constexpr int most_frames = 4;
  HWY_ALIGN Int16Pair x[most_frames * GemvWeights::most_int8_channels / 2];
  float scales[most_frames];
  const Index pairs = a.w.rows() * a.w.taps();
  const auto run = [&](auto count, Index j) {
    for (Index f = 0; f < count; ++f) scales[f] = ToIntegers(a, j + f, x[f * pairs].data());
    Int8Frames<count>(a, {x, scales}, j);
  };
  Index j = 0;
  for (; j + most_frames <= frames; j += most_frames) run(std::integral_constant<int, most_frames>(), j);
  for (; j + 2 <= frames; j += 2) run(std::integral_constant<int, 2>(), j);
  for (; j < frames; ++j) run(std::integral_constant<int, 1>(), j);
}

void Gemv(const GemvWeights& w, Rows<const float> start, Rows<const float> in, const Index* offsets,
          Index frames, const float* bias, Rows<const float> addend, float scale, Rows<float> out) {
  const Call call{w, start, in, offsets, bias, addend, scale, out};
  if (w.integers()) return Int8Blocks(call, frames);
  w.rounded() ? Blocks<Bfloat16Pair>(call, frames) : Blocks<float>(call, frames);
}

}  // namespace wavestride::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace wavestride::kernels {

HWY_EXPORT(Gemv);

void gemv(const GemvWeights& w, Rows<const float> start, Rows<const float> in, const Index* offsets,
          Index frames, const float* bias, Rows<const float> addend, float scale, Rows<float> out) noexcept {
  HWY_DYNAMIC_DISPATCH(Gemv)(w, start, in, offsets, frames, bias, addend, scale, out);
}

}  // namespace wavestride::kernels
#endif
