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

// Finishes rows of `channels` sums, `step` floats apart.
template <class D>
HWY_NOINLINE void FinishRows(const Finish& f, Index rows, Index channels, float* out, Index step) {
  for (Index j = 0; j < rows; ++j, out += step) {
    Index c = 0;
    const auto run = [&](auto d) HWY_ATTR {
      const auto N = static_cast<Index>(hn::Lanes(d));
      for (; c + N <= channels; c += N) {
        auto sum = hn::LoadU(d, out + c);
        if (f.added != nullptr) sum = hn::Add(sum, hn::LoadU(d, f.added + j * step + c));
        hn::StoreU(Sloped(d, sum, hn::Set(d, f.slope)), d, out + c);
      }
    };
    run(D());
    run(hn::CappedTag<float, 1>());
  }
}

}  // namespace wavestride::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
