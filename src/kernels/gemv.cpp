#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/gemv.cpp"
#include "kernels/gemv.h"

#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <cstdint>

#include "kernels/gemv-inl.h"

HWY_BEFORE_NAMESPACE();
namespace wavestride::kernels::HWY_NAMESPACE {

// A row of weights: of one input channel, or rounded ones of two. A bfloat16 is the upper half of a float, so
// that a shift or a mask makes floats of either.
template <class Weight>
struct Row;

template <>
struct Row<float> {
  using Vector = hn::Vec<D>;
  static constexpr int channels = 1, frames = tile_frames;
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
  // Where registers are few, what both channels are made of takes some of them from the sums.
  static constexpr int channels = 2, frames = most_sums <= 12 ? 4 : tile_frames;
  static HWY_INLINE Vector Load(const Bfloat16Pair* w) { return hn::LoadU(Bits(), w); }
  template <int I>
  static HWY_INLINE hn::Vec<D> Channel(Vector row) {
    if constexpr (I == 0)
      return hn::BitCast(D(), hn::ShiftLeft<16>(row));
    else
      return hn::BitCast(D(), hn::And(row, hn::Set(Bits(), 0xffff0000u)));
  }
};

// F frames from j on, V vectors of output channels from o on. With each row, of one tile of `tiles` that have
// these weights, its part of what is behind them is fetched.
template <int F, int V, class Weight>
HWY_INLINE void Tile(const GemvCall& a, Index o, Index j, Index tile, Index tiles) {
  using R = Row<Weight>;
  const D d;
  const auto N = static_cast<Index>(hn::Lanes(d));
  hn::Vec<D> sum[F][V];
  if (const float* start = a.start.data; start == nullptr) {
#pragma GCC unroll 16
    for (auto& row : sum)
#pragma GCC unroll 8
      for (auto& s : row) s = hn::Zero(d);
  } else {
    start += j * a.start.step + o;
#pragma GCC unroll 16
    for (int f = 0; f < F; ++f, start += a.start.step)
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) sum[f][v] = hn::LoadU(d, start + v * N);
  }
  const Index channels = a.w.in_channels(), step = a.in.step, width = a.w.panel_width();
  const Weight* w[(V + 1) / 2];
#pragma GCC unroll 8
  for (int v = 0; v < V; v += 2) w[v / 2] = a.w.template row<Weight>(o + v * N);
  const Index rows = a.w.rows() * a.w.taps();
  const Index ahead_step = (width * static_cast<Index>(sizeof(Weight)) + tiles - 1) / tiles;
  auto ahead = reinterpret_cast<std::uintptr_t>(w[0] + rows * width) +
               static_cast<std::uintptr_t>(tile * rows * ahead_step);
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
    for (Index c = 0; c < channels; c += R::channels) {
      typename R::Vector row[V];
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) row[v] = R::Load(w[v / 2] + v % 2 * N);
#pragma GCC unroll 8
      for (const Weight*& pointer : w) pointer += width;
      if constexpr (V == 2) {
        __builtin_prefetch(reinterpret_cast<const void*>(ahead), 0, 2);
        ahead += static_cast<std::uintptr_t>(ahead_step);
      }
      add(std::integral_constant<int, 0>(), c, row);
      if constexpr (R::channels == 2) {
        if (c + 1 == channels) continue;  // an odd last one
        add(std::integral_constant<int, 1>(), c + 1, row);
      }
    }
  }
  Finish(a, sum, j, o);
}

// A tile of output channels takes all frames before the next, so that its weights stay in the nearest cache.
template <class Weight>
HWY_INLINE void Blocks(const GemvCall& a, Index frames) {
  AllBlocks(a.w.out_channels(), [&](Index o, Index end) HWY_ATTR {
    AllFrames<Row<Weight>::frames>(frames, [&](auto count, Index from, Index to) HWY_ATTR {
      AllVectors<count>(a.w, o, end, [&](auto vectors, Index at) HWY_ATTR {
        const Index tiles = (to - from) / count;
        for (Index i = 0; i < tiles; ++i) Tile<count, vectors, Weight>(a, at, from + i * count, i, tiles);
      });
    });
  });
}

void Gemv(const GemvCall& call, Index frames) {
  call.w.rounded() ? Blocks<Bfloat16Pair>(call, frames) : Blocks<float>(call, frames);
}

}  // namespace wavestride::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace wavestride::kernels {

// Once, here: inline they would be most of the code of what makes networks.
GemvWeights::GemvWeights() = default;
GemvWeights::GemvWeights(const GemvWeights&) = default;
GemvWeights::GemvWeights(GemvWeights&&) noexcept = default;
GemvWeights& GemvWeights::operator=(const GemvWeights&) = default;
GemvWeights& GemvWeights::operator=(GemvWeights&&) noexcept = default;
GemvWeights::~GemvWeights() = default;

void GemvWeights::gather(std::span<GemvWeights* const> all) {
  constexpr std::size_t line = 64;
  const auto each = [&](auto&& f) {
    for (GemvWeights* w : all) f(w->weights_), f(w->rounded_), f(w->integers_);
  };
  const auto lines = [](const auto& packed) { return (packed.bytes() + line - 1) / line * line; };
  std::size_t size = behind * sizeof(Int8Quad);
  each([&](const auto& packed) { size += lines(packed); });
  if (size < detail::large_page / 2) return;
  const auto memory = std::make_shared<detail::LargePages<std::byte>>(size);
  std::size_t at = 0;
  each([&](auto& packed) {
    if (packed.empty()) return;
    packed.move_to(memory, at);
    at += lines(packed);
  });
}

HWY_EXPORT(Gemv);

void gemv(std::span<const GemvCall> calls, Index frames) noexcept {
  if (calls[0].w.integers()) return gemv_int8(calls, frames);
  for (const GemvCall& call : calls) HWY_DYNAMIC_DISPATCH(Gemv)(call, frames);
}

void gemv(const GemvWeights& w, Rows<const float> start, Rows<const float> in, const Index* offsets,
          Index frames, const float* bias, Rows<const float> addend, float scale, Rows<float> out) noexcept {
  const GemvCall call{w, start, in, offsets, bias, addend, scale, out};
  gemv({&call, 1}, frames);
}

}  // namespace wavestride::kernels
#endif
