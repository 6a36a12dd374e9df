// What gemv() has in common for weights of all kinds.
#if defined(WAVESTRIDE_GEMV_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef WAVESTRIDE_GEMV_INL
#undef WAVESTRIDE_GEMV_INL
#else
#define WAVESTRIDE_GEMV_INL
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <type_traits>

#include "kernels/gemv.h"
#include "kernels/registers.h"

HWY_BEFORE_NAMESPACE();
namespace wavestride::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::CappedTag<float, 16>;

constexpr int most_sums = WAVESTRIDE_MOST_SUMS, tile_frames = most_sums / 2;

// What is made of the sums of F frames from j on, of V vectors of output channels from `at` on.
template <int F, int V>
HWY_INLINE void Finish(const GemvCall& a, hn::Vec<D> (&sums)[F][V], Index j, Index at) {
  const D d;
  const auto N = static_cast<Index>(hn::Lanes(d));
  if (a.bias != nullptr) {
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) {
      const auto bias = hn::LoadU(d, a.bias + at + v * N);
#pragma GCC unroll 16
      for (int f = 0; f < F; ++f) sums[f][v] = hn::Add(sums[f][v], bias);
    }
  }
  if (a.addend.data != nullptr) {
    const auto scale = hn::Set(d, a.scale);
    const float* addend = a.addend.data + j * a.addend.step + at;
#pragma GCC unroll 16
    for (int f = 0; f < F; ++f, addend += a.addend.step)
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v)
        sums[f][v] = hn::Mul(hn::Add(sums[f][v], hn::LoadU(d, addend + v * N)), scale);
  }
  float* out = a.out.data + j * a.out.step + at;
#pragma GCC unroll 16
  for (int f = 0; f < F; ++f, out += a.out.step)
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) hn::StoreU(sums[f][v], d, out + v * N);
}

HWY_INLINE void Finish(const GemvCall& a, hn::Vec<D> sum, Index j, Index at) {
  hn::Vec<D> sums[1][1] = {{sum}};
  Finish(a, sums, j, at);
}

// Calls tile(V, output channel) for all vectors of output channels from `o` to `end`, V at a time, of which F
// frames have as many sums as there should be. Two of them lie side by side in a panel, which weights that
// were packed for a machine with smaller vectors need not be wide enough for. Of small vectors there is a
// whole number of pairs, since channels are padded.
template <int F, class TileOf>
HWY_INLINE void AllVectors(const GemvWeights& w, Index o, Index end, TileOf&& tile) {
  constexpr int vectors = most_sums / F;
  const auto N = static_cast<Index>(hn::Lanes(D()));
  const bool pairs = w.panel_width() >= 2 * N;
  const auto run = [&](auto count) HWY_ATTR {
    for (; (pairs || count == 1) && o + count * N <= end; o += count * N) tile(count, o);
  };
  if constexpr (vectors >= 8) run(std::integral_constant<int, 8>());
  if constexpr (vectors >= 4) run(std::integral_constant<int, 4>());
  if constexpr (vectors >= 2) run(std::integral_constant<int, 2>());
  if constexpr (vectors < 2 || hn::MaxLanes(D()) > padded(1) / 2) run(std::integral_constant<int, 1>());
}

// Calls block(o, end) for all output channels, as many at a time as one frame makes at once.
template <class Block>
HWY_INLINE void AllBlocks(Index out_channels, Block&& block) {
  const Index width = 8 * static_cast<Index>(hn::Lanes(D()));
  for (Index o = 0; o < out_channels; o += width) block(o, std::min(o + width, out_channels));
}

// Calls run(F, first frame, end) for runs of tiles of F ≤ Most frames.
template <int Most, class RunOf>
HWY_INLINE void AllFrames(Index frames, RunOf&& run) {
  Index j = 0;
  const auto some = [&](auto count) HWY_ATTR {
    const Index end = j + (frames - j) / count * count;
    if (end > j) run(count, j, end);
    j = end;
  };
  some(std::integral_constant<int, Most>());
  if constexpr (Most > 4) some(std::integral_constant<int, 4>());
  if constexpr (Most > 2) some(std::integral_constant<int, 2>());
  if constexpr (Most > 1) some(std::integral_constant<int, 1>());
}

}  // namespace wavestride::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
