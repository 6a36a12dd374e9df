#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/pooling.cpp"
#include "kernels/pooling.h"

#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <limits>

HWY_BEFORE_NAMESPACE();
namespace wavestride::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Calls step(tag, i) for whole vectors, then for single values.
template <class F>
HWY_INLINE void ForEach(Index size, F&& step) {
  const hn::CappedTag<float, 16> d;
  const hn::CappedTag<float, 1> one;
  const auto N = static_cast<Index>(hn::Lanes(d));
  Index i = 0;
  for (; i + N <= size; i += N) step(d, i);
  for (; i < size; ++i) step(one, i);
}

void MaxOver(const WindowTaps& w, Index channels, Index windows, float* HWY_RESTRICT out) {
  const Index taps = w.taps, tap_step = w.tap_step;
  for (Index j = 0; j < windows; ++j, out += channels) {
    const float* HWY_RESTRICT in = w.in + j * w.in_step;
    ForEach(channels, [&](auto d, Index c) {
      auto best = hn::Set(d, -std::numeric_limits<float>::infinity());
      for (Index t = 0; t < taps; ++t) {
        const auto v = hn::LoadU(d, in + t * tap_step + c);
        best = hn::IfThenElse(hn::Or(hn::Gt(v, best), hn::IsNaN(v)), v, best);
      }
      hn::StoreU(best, d, out + c);
    });
  }
}

void SumOver(const WindowTaps& w, float scale, Index channels, Index windows, float* HWY_RESTRICT out) {
  const Index taps = w.taps, tap_step = w.tap_step;
  for (Index j = 0; j < windows; ++j, out += channels) {
    const float* HWY_RESTRICT in = w.in + j * w.in_step;
    ForEach(channels, [&](auto d, Index c) {
      auto sum = hn::Zero(d);
      for (Index t = 0; t < taps; ++t) sum = hn::Add(sum, hn::LoadU(d, in + t * tap_step + c));
      hn::StoreU(hn::Mul(sum, hn::Set(d, scale)), d, out + c);
    });
  }
}

void Deinterleave(const float* HWY_RESTRICT in, Index parts, Index size, float* HWY_RESTRICT out) {
  if (parts == 2) {
    ForEach(size, [&](auto d, Index i) {
      hn::Vec<decltype(d)> a, b;
      hn::LoadInterleaved2(d, in + 2 * i, a, b);
      hn::StoreU(a, d, out + i);
      hn::StoreU(b, d, out + size + i);
    });
  } else if (parts == 4) {
    ForEach(size, [&](auto d, Index i) {
      hn::Vec<decltype(d)> a, b, c, e;
      hn::LoadInterleaved4(d, in + 4 * i, a, b, c, e);
      hn::StoreU(a, d, out + i);
      hn::StoreU(b, d, out + size + i);
      hn::StoreU(c, d, out + 2 * size + i);
      hn::StoreU(e, d, out + 3 * size + i);
    });
  } else {
    for (Index r = 0; r < parts; ++r)
      for (Index i = 0; i < size; ++i) out[r * size + i] = in[i * parts + r];
  }
}

void Interleave(const float* HWY_RESTRICT in, Index parts, Index size, float* HWY_RESTRICT out) {
  if (parts == 2) {
    ForEach(size, [&](auto d, Index i) {
      hn::StoreInterleaved2(hn::LoadU(d, in + i), hn::LoadU(d, in + size + i), d, out + 2 * i);
    });
  } else if (parts == 4) {
    ForEach(size, [&](auto d, Index i) {
      hn::StoreInterleaved4(hn::LoadU(d, in + i), hn::LoadU(d, in + size + i),
                            hn::LoadU(d, in + 2 * size + i), hn::LoadU(d, in + 3 * size + i), d, out + 4 * i);
    });
  } else {
    for (Index r = 0; r < parts; ++r)
      for (Index i = 0; i < size; ++i) out[i * parts + r] = in[r * size + i];
  }
}

}  // namespace wavestride::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace wavestride::kernels {

HWY_EXPORT(MaxOver);
HWY_EXPORT(SumOver);
HWY_EXPORT(Deinterleave);
HWY_EXPORT(Interleave);

void max_over(const WindowTaps& w, Index channels, Index windows, float* out) noexcept {
  HWY_DYNAMIC_DISPATCH(MaxOver)(w, channels, windows, out);
}

void sum_over(const WindowTaps& w, float scale, Index channels, Index windows, float* out) noexcept {
  HWY_DYNAMIC_DISPATCH(SumOver)(w, scale, channels, windows, out);
}

void deinterleave(const float* in, Index parts, Index size, float* out) noexcept {
  HWY_DYNAMIC_DISPATCH(Deinterleave)(in, parts, size, out);
}

void interleave(const float* in, Index parts, Index size, float* out) noexcept {
  HWY_DYNAMIC_DISPATCH(Interleave)(in, parts, size, out);
}

}  // namespace wavestride::kernels
#endif
