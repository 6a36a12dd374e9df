// Doubles as floats.
#if defined(WAVESTRIDE_NARROW_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef WAVESTRIDE_NARROW_INL
#undef WAVESTRIDE_NARROW_INL
#else
#define WAVESTRIDE_NARROW_INL
#endif

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace wavestride::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Infinity stays infinite: where there are no vectors, DemoteTo() makes it the largest float.
template <class D>
HWY_INLINE hn::Vec<hn::Rebind<float, D>> Narrowed([[maybe_unused]] D d, hn::Vec<D> v) {
  const hn::Rebind<float, D> narrow;
#if HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128
  HWY_ALIGN double wide[hn::MaxLanes(D())];
  HWY_ALIGN float lanes[hn::MaxLanes(D())];
  hn::Store(v, d, wide);
  for (std::size_t i = 0; i < hn::MaxLanes(D()); ++i) lanes[i] = static_cast<float>(wide[i]);
  return hn::Load(narrow, lanes);
#else
  return hn::DemoteTo(narrow, v);
#endif
}

}  // namespace wavestride::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
