// The register tiles of dense(), for whatever four-byte units a row of weights and an input consist of: a
// float, or a pair of bfloat16. A product P<D>, for vectors V of D, has
//     Value and Weight; Value broadcast(const Unit*), Weight load(const Unit*), V mul_add(Value, Weight, V);
//     small: whether few tiles, and little code, matter more than speed.
#if defined(WAVESTRIDE_DENSE_TILES) == defined(HWY_TARGET_TOGGLE)
#ifdef WAVESTRIDE_DENSE_TILES
#undef WAVESTRIDE_DENSE_TILES
#else
#define WAVESTRIDE_DENSE_TILES
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "kernels/dense.h"
#include "kernels/finish-inl.h"
#include "kernels/registers.h"
#include "kernels/store_part-inl.h"

HWY_BEFORE_NAMESPACE();
namespace wavestride::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Half a vector is for the last few channels.
using Whole = hn::CappedTag<float, 16>;
using Half = hn::CappedTag<float, 8>;

// Frames of a register tile that is two vectors of output channels wide, and of one that is one vector wide.
constexpr int most_frames = WAVESTRIDE_MOST_SUMS / 2, most_frames_of_one = 12;
// So much of a panel stays in the second-level cache while all frames of a call pass by.
constexpr Index cached_units = 32 << 10;
// So many weights are there anyway, however many frames pass by; and a tile of more reads inputs that are too
// far apart, and each for too long, to be better off with what it fetches than with what the processor
// foresees.
constexpr Index near_units = 7 << 10;

// The first `count` lanes of each of some vectors, to rows `step` floats apart.
template <class D>
HWY_NOINLINE void StoreParts(const float* HWY_RESTRICT vectors, Index rows, Index count,
                             float* HWY_RESTRICT out, Index step) {
  const D d;
  constexpr auto N = static_cast<Index>(hn::MaxLanes(D()));
  const float* end = vectors + rows * N;
  keep_in_register(end);  // one function serves all numbers of rows
  for (; vectors < end; vectors += N, out += step) StorePart(d, hn::Load(d, vectors), count, out);
}

// A run of rows of a panel, and what it is multiplied with: `channels` units of each of `taps` taps.
template <class Unit>
struct Run {
  const Unit* w;  // the first row of the run, at the first output channel that is made
  Index width;    // units from row to row
  Index panel;    // units from panel to panel
  Index taps, channels;
  const Index* offsets;
  Index in_step, out_step;
  const float* bias;  // nullptr until the last run
  Index last;         // output channels in the last vector
  Index ahead_step;   // bytes of the next run that are fetched with each row
  Finish finish;      // for the first frame; none until the last run
  Index apart;        // floats from one half of a frame's only vector to the other; 0: they are neighbours
};

// Adds U rows, `width` units apart, to the sums of F frames, of which each pointer of `x` leads to three, and
// V vectors. `ahead` is fetched on the way.
template <template <class> class P, class D, int U, int F, int V, class Unit>
HWY_INLINE void AddRows(const Unit* HWY_RESTRICT w, Index width, Index panel, const Unit* (&x)[(F + 2) / 3],
                        Index in_step, std::uintptr_t ahead, hn::Vec<D> (&acc)[F][V]) {
  const auto N = static_cast<Index>(hn::Lanes(D()));
#pragma GCC unroll 8
  for (int u = 0; u < U; ++u, w += width) {
    __builtin_prefetch(reinterpret_cast<const void*>(ahead + 64 * static_cast<std::uintptr_t>(u)), 0, 2);
    if constexpr (F >= V) {
      typename P<D>::Weight weight[V];
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) weight[v] = P<D>::load(w + v / 2 * panel + v % 2 * N);
#pragma GCC unroll 16
      for (int f = 0; f < F; ++f) {
        const auto value = P<D>::broadcast(x[f / 3] + f % 3 * in_step + u);
#pragma GCC unroll 8
        for (int v = 0; v < V; ++v) acc[f][v] = P<D>::mul_add(value, weight[v], acc[f][v]);
      }
    } else {
      typename P<D>::Value value[F];
#pragma GCC unroll 16
      for (int f = 0; f < F; ++f) value[f] = P<D>::broadcast(x[f / 3] + f % 3 * in_step + u);
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) {
        const auto weight = P<D>::load(w + v / 2 * panel + v % 2 * N);
#pragma GCC unroll 16
        for (int f = 0; f < F; ++f) acc[f][v] = P<D>::mul_add(value[f], weight, acc[f][v]);
      }
    }
  }
#pragma GCC unroll 8
  for (const Unit*& pointer : x) {
    pointer += U;
    keep_in_register(pointer);
  }
}

// F frames of V vectors of output channels: out = start + Σ. Vectors 0 and 1 are neighbours in one panel,
// 2 and 3 in the next. `ahead` is fetched on the way.
template <template <class> class P, class D, int F, int V, class Unit>
HWY_INLINE void Tile(const Run<Unit>& r, const Unit* HWY_RESTRICT in, const float* start, float* out,
                     std::uintptr_t ahead) {
  const D d;
  const auto N = static_cast<Index>(hn::Lanes(d));
  const Unit* HWY_RESTRICT w = r.w;
  const Index width = r.width, channels = r.channels, in_step = r.in_step;
  const auto ahead_step = static_cast<std::uintptr_t>(r.ahead_step);
  hn::Vec<D> acc[F][V];
#pragma GCC unroll 16
  for (int f = 0; f < F; ++f)
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v)
      acc[f][v] = start == nullptr ? hn::Zero(d) : hn::LoadU(d, start + f * r.out_step + v * N);
  // Rows that are as wide as they are added by twos or fours: what else a row takes, to move pointers and
  // count, would keep instructions for its products waiting.
  constexpr int several = F < most_frames || V != 2 || P<D>::small ? 1 : most_frames <= 6 ? 2 : 4;
  for (Index t = 0; t < r.taps; ++t) {
    const Unit* x[(F + 2) / 3];
#pragma GCC unroll 8
    for (int i = 0; i < (F + 2) / 3; ++i) x[i] = in + r.offsets[t] + 3 * i * in_step;
    // Counted by where the weights are: another counter would be one register too many.
    const Unit* const end = w + channels * width;
    if constexpr (several > 1)
      if (width == V * N)
        for (; end - w >= several * V * N; w += several * V * N, ahead += several * ahead_step)
          AddRows<P, D, several>(w, V * N, r.panel, x, in_step, ahead, acc);
    for (; w != end; w += width, ahead += ahead_step)
      AddRows<P, D, 1>(w, width, r.panel, x, in_step, ahead, acc);
  }
  if (r.bias != nullptr) {
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) {
      const auto bias = hn::LoadU(d, r.bias + v * N);
#pragma GCC unroll 16
      for (int f = 0; f < F; ++f) acc[f][v] = hn::Add(acc[f][v], bias);
    }
  }
  if constexpr (V == 1 && hn::MaxLanes(D()) == 16)
    if (r.apart != 0) {
#pragma GCC unroll 16
      for (int f = 0; f < F; ++f) StoreApart(d, acc[f][0], out + f * r.out_step, r.apart);
      return;
    }
#pragma GCC unroll 16
  for (int f = 0; f < F; ++f)
#pragma GCC unroll 8
    for (int v = 0; v + 1 < V; ++v) hn::StoreU(acc[f][v], d, out + f * r.out_step + v * N);
  out += (V - 1) * N;
  // Of frames without a gap the next overwrites what a whole vector writes beyond the last channel.
  const bool gapless = !masked_stores && V == 1 && r.out_step == r.last && 2 * r.last >= N;
  if (masked_stores || gapless || r.last == N) {
#pragma GCC unroll 16
    for (int f = 0; f + 1 < F; ++f)
      if constexpr (masked_stores)
        StorePart(d, acc[f][V - 1], r.last, out + f * r.out_step);
      else
        hn::StoreU(acc[f][V - 1], d, out + f * r.out_step);
    StorePart(d, acc[F - 1][V - 1], r.last, out + (F - 1) * r.out_step);
    return;
  }
  HWY_ALIGN float parts[F * hn::MaxLanes(D())];
#pragma GCC unroll 16
  for (int f = 0; f < F; ++f) hn::Store(acc[f][V - 1], d, parts + f * N);
  StoreParts<D>(parts, F, r.last, out, r.out_step);
}

// The tile of V vectors and `frames` ≤ F frames.
template <template <class> class P, class D, int F, int V, class Unit>
HWY_INLINE void AnyTile(Index frames, const Run<Unit>& r, const Unit* in, const float* start, float* out,
                        std::uintptr_t ahead) {
  if constexpr (F > 1)
    if (frames < F) return AnyTile<P, D, F - 1, V>(frames, r, in, start, out, ahead);
  Tile<P, D, F, V>(r, in, start, out, ahead);
}

// Of `frames`, how many tiles of F come first: whole tiles of many sums take the least time for a
// frame, and then two that are no smaller than half of one. Those of few sums are of about one size, lest one
// wait for itself.
template <int F, int V>
HWY_INLINE Index WholeTiles(Index frames) {
  return F * V < 24 || 2 * frames < 3 * F ? 0 : (2 * frames - 3 * F) / (2 * F) + 1;
}

// All frames in tiles of at most F. Together they fetch the next run, which lies behind this one, from
// wherever the weights of a large layer are.
template <template <class> class P, class D, int F, int V, class Unit>
HWY_NOINLINE void Tiles(const Run<Unit>& run, Index frames, const Unit* in, const float* start, float* out) {
  Run<Unit> r = run;  // which no store can be taken to change
  const Index rows = r.taps * r.channels, channels = (V - 1) * static_cast<Index>(hn::Lanes(D())) + r.last;
  const float* const first = out;
  Index tiles = (frames + F - 1) / F, whole = WholeTiles<F, V>(frames);
  r.ahead_step = (r.width * static_cast<Index>(sizeof(Unit)) + tiles - 1) / tiles;
  auto ahead = reinterpret_cast<std::uintptr_t>(r.w + rows * r.width);
  // Where a tile has few weights for them, its frames are many short streams, of which it fetches what the
  // next tile reads.
  if constexpr (V == 1 && std::is_same_v<Unit, float>)
    if (tiles > 1 && r.in_step <= rows && rows * r.width <= near_units) {
      const Index past = r.offsets[r.taps - 1] + r.channels + (F - 1) * r.in_step;
      ahead = reinterpret_cast<std::uintptr_t>(in) + static_cast<std::uintptr_t>(past) * sizeof *in;
      r.ahead_step = 4 * frames * r.in_step / (rows * tiles) + 1;
    }
  for (; tiles > 0; --tiles) {
    const Index size = whole-- > 0 ? F : (frames + tiles - 1) / tiles;
    // What is added lies beyond the nearest cache, and arrives while the sums are made.
    if (r.finish.added != nullptr)
      for (Index f = 0; f < size; ++f)
        for (Index c = 0; c < channels; c += 16)
          __builtin_prefetch(r.finish.added + (out - first) + f * r.out_step + c);
    AnyTile<P, D, F, V>(size, r, in, start, out, ahead);
    if (!r.finish.none()) FinishRows<D>(r.finish.behind(out - first), size, channels, out, r.out_step);
    ahead += static_cast<std::uintptr_t>(rows * r.ahead_step);
    frames -= size;
    in += size * r.in_step;
    if (start != nullptr) start += size * r.out_step;
    out += size * r.out_step;
  }
}

// Whether the taps of one frame, as those of a convolution without dilation, lie one behind the other.
HWY_INLINE bool Contiguous(const Index* offsets, Index taps, Index channels) {
  for (Index t = 1; t < taps; ++t)
    if (offsets[t] != offsets[t - 1] + channels) return false;
  return true;
}

// Columns of tiles: of `vectors` vectors of `lanes` output channels, and at most `frames` frames.
template <class Unit>
struct Columns {
  Index lanes, vectors, frames;
  void (*tiles)(const Run<Unit>&, Index frames, const Unit* in, const float* start, float* out);
};

template <template <class> class P, class D, int F, int V, class Unit>
HWY_INLINE Columns<Unit> ColumnsOf() {
  return {static_cast<Index>(hn::Lanes(D())), V, F, Tiles<P, D, F, V, Unit>};
}

// Those for the output channels from `o` on.
template <template <class> class P, class Unit>
HWY_INLINE Columns<Unit> BestColumns(const PackedWeights<Unit>& w, Index o, Index frames) {
  const auto N = static_cast<Index>(hn::Lanes(Whole()));
  const Index left = w.out_channels() - o, in_panel = w.panel_width() - o % w.panel_width();
  const bool pairs = w.panel_width() == 2 * N;
  if constexpr (P<Whole>::small) {
    return ColumnsOf<P, Whole, 4, 1, Unit>();
  } else {
#if HWY_TARGET <= HWY_AVX3
    if (left <= N / 2) return ColumnsOf<P, Half, most_frames_of_one, 1, Unit>();
#endif
    // Few frames need more vectors, so that enough sums are under way to hide the latency of one.
    if (pairs && frames == 1 && left > 7 * N) return ColumnsOf<P, Whole, 1, 8, Unit>();
    if (pairs && frames <= 3 && left > 3 * N) return ColumnsOf<P, Whole, 3, 4, Unit>();
    if (left > N && in_panel >= 2 * N) return ColumnsOf<P, Whole, most_frames, 2, Unit>();
    return ColumnsOf<P, Whole, most_frames_of_one, 1, Unit>();
  }
}

// Makes columns of all rows, the sum cut into runs of rows that stay in the cache where that pays.
template <class Unit>
HWY_INLINE void AddRuns(Run<Unit>& r, const Columns<Unit>& columns, Index frames, const Unit* in,
                        float* out) {
  const Index taps = r.taps, channels = r.channels;
  const Index* const offsets = r.offsets;
  const float* const bias = r.bias;
  const Finish finish = r.finish;
  Index tap_step = taps, parts = 1;
  if (frames > columns.frames && r.last == columns.lanes && r.apart == 0 &&
      taps * channels * r.width > cached_units) {
    const Index most = cached_units / r.width;
    tap_step = std::max<Index>(1, most / channels);
    parts = (channels + most - 1) / most;
  }
  const float* start = nullptr;
  for (Index t = 0; t < taps; t += tap_step)
    for (Index part = 0, c = 0, end; part < parts; ++part, c = end) {
      end = part + 1 < parts ? (part + 1) * channels / parts : channels;
      const bool last = t + tap_step >= taps && part + 1 == parts;
      r.taps = std::min(tap_step, taps - t);
      r.channels = end - c;
      r.offsets = offsets + t;
      r.bias = last ? bias : nullptr;
      r.finish = last ? finish : Finish{};
      columns.tiles(r, frames, in + c, start, out);
      r.w += r.taps * r.channels * r.width;
      start = out;
    }
}

template <template <class> class P, class Unit>
void DenseOf(const PackedWeights<Unit>& w, const Unit* in, const Index* offsets, Index in_step, Index frames,
             float* out, Index out_step, const Finish& finish = {}, Index apart = 0) {
  if (frames == 0) return;
  Index taps = w.taps(), channels = w.rows();
  if (Contiguous(offsets, taps, channels)) channels *= std::exchange(taps, 1);
  const Index padded = (w.out_channels() + 15) / 16 * 16;
  for (Index o = 0; o < w.out_channels();) {
    const Columns<Unit> columns = BestColumns<P>(w, o, frames);
    const Index panel = o / w.panel_width() * w.panel_width(),
                width = std::min(w.panel_width(), padded - panel);
    const Index last = std::min(columns.lanes, w.out_channels() - o - (columns.vectors - 1) * columns.lanes);
    Run<Unit> r{w.weights() + panel * channels * taps + (o - panel),
                width,
                w.panel_width() * channels * taps,
                taps,
                channels,
                offsets,
                in_step,
                out_step,
                w.bias() + o,
                last,
                0,
                finish.behind(o),
                apart};
    AddRuns(r, columns, frames, in, out + o);
    o += columns.vectors * static_cast<Index>(hn::Lanes(Whole()));
  }
}

}  // namespace wavestride::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
