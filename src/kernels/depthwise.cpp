#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/depthwise.cpp"
#include "kernels/depthwise.h"

#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace wavestride::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Whole = hn::CappedTag<float, 16>;
using One = hn::CappedTag<float, 1>;

Index DepthwiseLanes() {
  return static_cast<Index>(hn::Lanes(Whole()));
}

// F frames of V panels from channel c on: each weight is loaded once for all frames.
template <class D, int F, int V>
HWY_INLINE void DepthwiseTile(const DepthwiseWeights& w, Index c, const float* HWY_RESTRICT in,
                              const Index* HWY_RESTRICT offsets, Index in_step, float* HWY_RESTRICT out,
                              Index out_step) {
  const D d;
  constexpr auto N = static_cast<Index>(hn::MaxLanes(D()));
  const Index taps = w.taps(), panel = taps * N;
  const float* HWY_RESTRICT weights = w.weights() + c * taps;
  hn::Vec<D> sum[F][V];
#pragma GCC unroll 8
  for (int v = 0; v < V; ++v)
#pragma GCC unroll 8
    for (int f = 0; f < F; ++f) sum[f][v] = hn::Zero(d);
  in += c;
  for (Index t = 0; t < taps; ++t, weights += N) {
    const float* x = in + offsets[t];
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) {
      const auto weight = hn::LoadU(d, weights + v * panel);
#pragma GCC unroll 8
      for (int f = 0; f < F; ++f)
        sum[f][v] = hn::MulAdd(hn::LoadU(d, x + f * in_step + v * N), weight, sum[f][v]);
    }
  }
  out += c;
#pragma GCC unroll 8
  for (int v = 0; v < V; ++v) {
    const auto bias = hn::LoadU(d, w.bias() + c + v * N);
#pragma GCC unroll 8
    for (int f = 0; f < F; ++f) hn::StoreU(hn::Add(sum[f][v], bias), d, out + f * out_step + v * N);
  }
}

// F frames, in which `whole` channels are in panels.
template <int F, int V>
HWY_NOINLINE void DepthwiseFrames(const DepthwiseWeights& w, Index c, Index end, Index whole, const float* in,
                                  const Index* offsets, Index in_step, float* out, Index out_step) {
  const Index N = DepthwiseLanes(), last = std::min(end, whole);
  const auto run = [&](auto tile, Index width, Index until) HWY_ATTR {
    for (; c + width <= until; c += width) tile(w, c, in, offsets, in_step, out, out_step);
  };
  if constexpr (V > 1) run([](auto&&... a) HWY_ATTR { DepthwiseTile<Whole, F, V>(a...); }, V * N, last);
  run([](auto&&... a) HWY_ATTR { DepthwiseTile<Whole, F, 1>(a...); }, N, last);
  run([](auto&&... a) HWY_ATTR { DepthwiseTile<One, F, 1>(a...); }, 1, end);
}

void Depthwise(const DepthwiseWeights& w, const float* in, const Index* offsets, Index in_step, Index frames,
               float* out, Index out_step) {
  const Index channels = w.channels(), N = DepthwiseLanes(), whole = channels / N * N;
  // So many weights stay in the nearest cache while all frames pass by.
  constexpr Index cached = 4 << 10;
  const Index at_once = std::max<Index>(cached / w.taps() / N, 1) * N;
  // One or two taps of many channels take as long as memory does, which is fastest in its own order.
  constexpr Index few = 3;
  const bool by_eights = w.taps() >= few || channels < 4 * N;
  for (Index c = 0; c < channels; c += at_once) {
    const Index end = std::min(c + at_once, channels);
    Index j = 0;
    const auto run = [&](auto make, Index some) HWY_ATTR {
      for (; j + some <= frames; j += some)
        make(w, c, end, whole, in + j * in_step, offsets, in_step, out + j * out_step, out_step);
    };
    if (by_eights) run([](auto&&... a) HWY_ATTR { DepthwiseFrames<8, 1>(a...); }, 8);
    run([](auto&&... a) HWY_ATTR { DepthwiseFrames<1, 4>(a...); }, 1);
  }
}

}  // namespace wavestride::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace wavestride::kernels {

HWY_EXPORT(DepthwiseLanes);
HWY_EXPORT(Depthwise);

Index depthwise_lanes() noexcept {
  return HWY_DYNAMIC_DISPATCH(DepthwiseLanes)();
}

void depthwise(const DepthwiseWeights& w, const float* in, const Index* offsets, Index in_step, Index frames,
               float* out, Index out_step) noexcept {
  HWY_DYNAMIC_DISPATCH(Depthwise)(w, in, offsets, in_step, frames, out, out_step);
}

}  // namespace wavestride::kernels
#endif
