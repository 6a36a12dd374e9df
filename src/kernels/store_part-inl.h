// Parts of a vector.
#if defined(WAVESTRIDE_STORE_PART_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef WAVESTRIDE_STORE_PART_INL
#undef WAVESTRIDE_STORE_PART_INL
#else
#define WAVESTRIDE_STORE_PART_INL
#endif

#include <hwy/highway.h>
#include <wavestride/geometry.h>

HWY_BEFORE_NAMESPACE();
namespace wavestride::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET <= HWY_AVX3
constexpr bool masked_stores = true;
#else
constexpr bool masked_stores = false;  // they may write the other lanes, too, or take long
#endif

// The first `count` lanes, one at least, and no byte beyond.
template <class D>
HWY_INLINE void StorePart(D d, hn::Vec<D> v, [[maybe_unused]] Index count, float* HWY_RESTRICT out) {
#if HWY_TARGET == HWY_SCALAR
  hn::StoreU(v, d, out);
#else
  if constexpr (masked_stores) {
    hn::BlendedStore(v, hn::FirstN(d, static_cast<std::size_t>(count)), d, out);
  } else if constexpr (hn::MaxLanes(D()) == 1) {
    hn::StoreU(v, d, out);
  } else {
    const hn::Half<D> half;
    constexpr auto N = static_cast<Index>(hn::MaxLanes(half));
    if (count < N) return StorePart(half, hn::LowerHalf(half, v), count, out);
    hn::StoreU(hn::LowerHalf(half, v), half, out);
    if (count > N) StorePart(half, hn::UpperHalf(half, v), count - N, out + N);
  }
#endif
}

// One half of a vector, and the other `apart` floats behind it.
template <class D>
HWY_INLINE void StoreApart(D, hn::Vec<D> v, float* HWY_RESTRICT out, Index apart) {
#if HWY_TARGET != HWY_SCALAR
  const hn::Half<D> half;
  hn::StoreU(hn::LowerHalf(half, v), half, out);
  hn::StoreU(hn::UpperHalf(half, v), half, out + apart);
#endif
}

}  // namespace wavestride::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
