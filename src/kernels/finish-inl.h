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

}  // namespace wavestride::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
