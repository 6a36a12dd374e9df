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

// What is made of the sum of output channels `at` on of frame j.
HWY_INLINE void Finish(const GemvCall& a, hn::Vec<D> sum, Index j, Index at) {
  const D d;
  if (a.bias != nullptr) sum = hn::Add(sum, hn::LoadU(d, a.bias + at));
  if (a.addend.data != nullptr)
    sum = hn::Mul(hn::Add(sum, hn::LoadU(d, a.addend.data + j * a.addend.step + at)), hn::Set(d, a.scale));
  hn::StoreU(sum, d, a.out.data + j * a.out.step + at);
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

}  // namespace wavestride::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
