// Finish in vectors.
#if defined(WAVESTRIDE_FINISH_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef WAVESTRIDE_FINISH_INL
#undef WAVESTRIDE_FINISH_INL
#else
#define WAVESTRIDE_FINISH_INL
#endif

#include <hwy/highway.h>

#include "kernels/finish.h"

HWY_BEFORE_NAMESPACE();
namespace wavestride::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// x > 0 ? x : slope·x; of NaN, itself.
template <class D>
HWY_INLINE hn::Vec<D> Sloped(D d, hn::Vec<D> x, hn::Vec<D> slope) {
  return hn::IfThenElse(hn::Le(x, hn::Zero(d)), hn::Mul(slope, x), x);
}

// Finishes a vector of each of F rows, `step` floats apart, before they are stored.
template <class D, int F>
HWY_INLINE void FinishVectors(D d, const Finish& f, Index step, hn::Vec<D> (&sums)[F]) {
  if (f.added != nullptr)
#pragma GCC unroll 24
    for (int i = 0; i < F; ++i) sums[i] = hn::Add(sums[i], hn::LoadU(d, f.added + i * step));
  if (f.slope != 1) {
    const auto slope = hn::Set(d, f.slope);
#pragma GCC unroll 24
    for (auto& sum : sums) sum = Sloped(d, sum, slope);
  }
}

// Finishes rows of `channels` sums, `step` floats apart.
template <class D>
HWY_NOINLINE void FinishRows(const Finish& f, Index rows, Index channels, float* HWY_RESTRICT out,
                             Index step) {
  if (step == channels) {  // rows that lie one behind the other are one
    step = channels *= rows;
    rows = 1;
  }
  const float slope = f.slope;
  const auto all = [&](auto sum_at) HWY_ATTR {
    for (Index row = 0; row < rows * step; row += step) {
      Index at = row;
      const auto run = [&](auto d) HWY_ATTR {
        const auto N = static_cast<Index>(hn::Lanes(d));
        for (; at + N <= row + channels; at += N)
          hn::StoreU(Sloped(d, sum_at(d, at), hn::Set(d, slope)), d, out + at);
      };
      run(D());
      run(hn::CappedTag<float, 1>());
    }
  };
  if (const float* HWY_RESTRICT added = f.added)
    all([=](auto d, Index at) HWY_ATTR { return hn::Add(hn::LoadU(d, out + at), hn::LoadU(d, added + at)); });
  else
    all([=](auto d, Index at) HWY_ATTR { return hn::LoadU(d, out + at); });
}

}  // namespace wavestride::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
