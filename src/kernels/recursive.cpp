#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/recursive.cpp"
#include "kernels/recursive.h"

#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "kernels/store_part-inl.h"

HWY_BEFORE_NAMESPACE();
namespace wavestride::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if HWY_NATIVE_FMA && HWY_TARGET != HWY_SCALAR
// V vectors of channels, whose multiply-adds fill the time that each waits for its last; of one, the first
// `count` lanes.
template <int V, class D>
HWY_NOINLINE void DecayVectors(D d, float coefficient, const float* HWY_RESTRICT in, Index channels,
                               Index count, Index frames, float* HWY_RESTRICT last, float* HWY_RESTRICT out) {
  const auto N = static_cast<Index>(hn::Lanes(d));
  const auto by = hn::Set(d, coefficient);
  const auto lanes = hn::FirstN(d, static_cast<std::size_t>(count));
  hn::Vec<D> y[V];
#pragma GCC unroll 4
  for (int v = 0; v < V; ++v) y[v] = V > 1 ? hn::LoadU(d, last + v * N) : hn::MaskedLoad(lanes, d, last);
  const auto run = [&](auto&& step) HWY_ATTR {
#pragma GCC unroll 4
    for (Index n = 0; n < frames; ++n, in += channels, out += channels) step();
  };
  if (V > 1 || count == N)
    run([&]() HWY_ATTR {
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) {
        y[v] = hn::MulAdd(by, y[v], hn::LoadU(d, in + v * N));
        hn::StoreU(y[v], d, out + v * N);
      }
    });
  else
    run([&]() HWY_ATTR {
      y[0] = hn::MulAdd(by, y[0], hn::MaskedLoad(lanes, d, in));
      StorePart(d, y[0], count, out);
    });
#pragma GCC unroll 4
  for (int v = 0; v < V; ++v) V > 1 ? hn::StoreU(y[v], d, last + v * N) : StorePart(d, y[v], count, last);
}

void Decay(float coefficient, const float* in, Index channels, Index frames, float* last, float* out) {
  const hn::CappedTag<float, 16> d;
  const hn::CappedTag<float, 4> four;
  const auto N = static_cast<Index>(hn::Lanes(d));
  const auto make = [&](auto count, auto tag, Index c, Index lanes) HWY_ATTR {
    DecayVectors<count()>(tag, coefficient, in + c, channels, lanes, frames, last + c, out + c);
  };
  Index c = 0;
  for (; c + 4 * N <= channels; c += 4 * N) make(std::integral_constant<int, 4>(), d, c, N);
  for (; c + 2 * N <= channels; c += 2 * N) make(std::integral_constant<int, 2>(), d, c, N);
  for (; c < channels; c += N) {
    const Index left = std::min(N, channels - c);
    if (left == 1)
      make(std::integral_constant<int, 1>(), hn::CappedTag<float, 1>(), c, left);
    else if (left <= 4)
      make(std::integral_constant<int, 1>(), four, c, left);
    else
      make(std::integral_constant<int, 1>(), d, c, left);
  }
}
#else
void Decay(float coefficient, const float* in, Index channels, Index frames, float* last, float* out) {
  for (Index n = 0; n < frames; ++n)
    for (Index c = 0; c < channels; ++c) *out++ = last[c] = std::fma(coefficient, last[c], *in++);
}
#endif

}  // namespace wavestride::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace wavestride::kernels {

HWY_EXPORT(Decay);

void decay(float coefficient, const float* in, Index channels, Index frames, float* last,
           float* out) noexcept {
  HWY_DYNAMIC_DISPATCH(Decay)(coefficient, in, channels, frames, last, out);
}

}  // namespace wavestride::kernels
#endif
