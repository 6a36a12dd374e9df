#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/gemv.cpp"
#include "kernels/gemv.h"

#include <hwy/foreach_target.h>
#include <hwy/highway.h>

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

// A row of weights: of one input channel, or rounded ones of two. A bfloat16 is the upper half of a float.
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
struct Row<std::uint32_t> {
  using Bits = hn::RebindToUnsigned<D>;
  using Vector = hn::Vec<Bits>;
  static constexpr int channels = 2;
  static HWY_INLINE Vector Load(const std::uint32_t* w) { return hn::LoadU(Bits(), w); }
  template <int I>
  static HWY_INLINE hn::Vec<D> Channel(Vector row) {
    if constexpr (I == 0)
      return hn::BitCast(D(), hn::ShiftLeft<16>(row));
    else
      return hn::BitCast(D(), hn::And(row, hn::Set(Bits(), 0xffff0000u)));
  }
};

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
  const auto scale = hn::Set(d, a.scale);
#pragma GCC unroll 16
  for (int f = 0; f < F; ++f)
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) {
      const Index at = o + v * N;
      if (a.bias != nullptr) sum[f][v] = hn::Add(sum[f][v], hn::LoadU(d, a.bias + at));
      if (a.addend.data != nullptr)
        sum[f][v] =
            hn::Mul(hn::Add(sum[f][v], hn::LoadU(d, a.addend.data + (j + f) * a.addend.step + at)), scale);
      hn::StoreU(sum[f][v], d, a.out.data + (j + f) * a.out.step + at);
    }
}

// F frames from j on, one block of output channels.
template <int F, class Weight>
HWY_INLINE void Block(const Call& a, Index block, Index j) {
  constexpr int most_vectors = most_sums / F >= 8 ? 8 : most_sums / F >= 4 ? 4 : 2;
  const auto N = static_cast<Index>(hn::Lanes(D()));
  const Index width = std::min(GemvWeights::block_width, a.w.out_channels() - block);
  const Weight* w = a.w.weights<Weight>() + block * a.w.rows() * a.w.taps();
  Index within = 0;
  const auto run = [&](auto tile, Index size) {
    for (; within + size <= width; within += size) tile(a, w + within, width, block + within, j);
  };
  if constexpr (most_vectors >= 8) run([](auto... x) { Tile<F, 8>(x...); }, 8 * N);
  if constexpr (most_vectors >= 4) run([](auto... x) { Tile<F, 4>(x...); }, 4 * N);
  run([](auto... x) { Tile<F, 2>(x...); }, 2 * N);
  run([](auto... x) { Tile<F, 1>(x...); }, N);
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

void Gemv(const GemvWeights& w, Rows<const float> start, Rows<const float> in, const Index* offsets,
          Index frames, const float* bias, Rows<const float> addend, float scale, Rows<float> out) {
  const Call call{w, start, in, offsets, bias, addend, scale, out};
  w.rounded() ? Blocks<std::uint32_t>(call, frames) : Blocks<float>(call, frames);
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
