#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/recursive.cpp"
#include "kernels/recursive.h"

#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cmath>

#include "kernels/store_part-inl.h"

HWY_BEFORE_NAMESPACE();
namespace wavestride::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if HWY_NATIVE_FMA && HWY_TARGET != HWY_SCALAR
// A vector of channels, of which the first `count` are there.
template <class D>
HWY_NOINLINE void DecayVector(D d, float coefficient, const float* HWY_RESTRICT in, Index channels,
                              Index count, Index frames, float* HWY_RESTRICT last, float* HWY_RESTRICT out) {
  const auto by = hn::Set(d, coefficient);
  const auto lanes = hn::FirstN(d, static_cast<std::size_t>(count));
  const auto load = [&](const float* from) HWY_ATTR {
    // The mask of a single lane is one of four on AVX2.
    if constexpr (hn::MaxLanes(D()) == 1)
      return hn::LoadU(d, from);
    else
      return hn::MaskedLoad(lanes, d, from);
  };
  auto y = load(last);
  for (Index n = 0; n < frames; ++n, in += channels, out += channels) {
    y = hn::MulAdd(by, y, load(in));
    StorePart(d, y, count, out);
  }
  StorePart(d, y, count, last);
}

void Decay(float coefficient, const float* HWY_RESTRICT in, Index channels, Index frames,
           float* HWY_RESTRICT last, float* HWY_RESTRICT out) {
  const hn::CappedTag<float, 16> d;
  const auto N = static_cast<Index>(hn::Lanes(d));
  const auto by = hn::Set(d, coefficient);
  Index c = 0;
  // Two vectors at a time, each of which waits for its last.
  for (; c + 2 * N <= channels; c += 2 * N) {
    auto a = hn::LoadU(d, last + c), b = hn::LoadU(d, last + c + N);
    for (Index n = 0, at = c; n < frames; ++n, at += channels) {
      a = hn::MulAdd(by, a, hn::LoadU(d, in + at));
      b = hn::MulAdd(by, b, hn::LoadU(d, in + at + N));
      hn::StoreU(a, d, out + at);
      hn::StoreU(b, d, out + at + N);
    }
    hn::StoreU(a, d, last + c);
    hn::StoreU(b, d, last + c + N);
  }
  for (; c < channels; c += N) {
    const Index left = std::min(N, channels - c);
    const auto make = [&](auto tag) HWY_ATTR {
      DecayVector(tag, coefficient, in + c, channels, left, frames, last + c, out + c);
    };
    if (left == 1)
      make(hn::CappedTag<float, 1>());
    else if (left <= 4)
      make(hn::CappedTag<float, 4>());
    else
      make(d);
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
