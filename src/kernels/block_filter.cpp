#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/block_filter.cpp"
#include "kernels/block_filter.h"

#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <type_traits>

HWY_BEFORE_NAMESPACE();
namespace wavestride::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class T>
using Tag = hn::ScalableTag<T>;

// Floats as they are, or in double.
template <class T>
HWY_INLINE auto LoadFloats(const float* from) {
  const Tag<T> d;
  if constexpr (std::is_same_v<T, float>)
    return hn::LoadU(d, from);
  else
    return hn::PromoteTo(d, hn::LoadU(hn::Rebind<float, Tag<T>>(), from));
}

template <class T, class V>
HWY_INLINE void StoreFloats(V v, float* to) {
  if constexpr (std::is_same_v<T, float>)
    hn::StoreU(v, Tag<T>(), to);
  else
    hn::StoreU(hn::DemoteTo(hn::Rebind<float, Tag<T>>(), v), hn::Rebind<float, Tag<T>>(), to);
}

template <class T>
void ToComplex(const float* a, const float* b, Index step, Index count, T* HWY_RESTRICT z) {
  const Tag<T> d;
  const auto N = static_cast<Index>(hn::Lanes(d));
  Index i = 0;
  if (step == 1)
    for (; i + N <= count; i += N)
      hn::StoreInterleaved2(LoadFloats<T>(a + i), LoadFloats<T>(b + i), d, z + 2 * i);
  for (; i < count; ++i) {
    z[2 * i] = static_cast<T>(a[i * step]);
    z[2 * i + 1] = static_cast<T>(b[i * step]);
  }
}

template <class T>
void FromComplex(const T* HWY_RESTRICT z, Index count, float* a, float* b, Index step) {
  const Tag<T> d;
  const auto N = static_cast<Index>(hn::Lanes(d));
  Index i = 0;
  if (step == 1)
    for (; i + N <= count; i += N) {
      hn::Vec<Tag<T>> re, im;
      hn::LoadInterleaved2(d, z + 2 * i, re, im);
      StoreFloats<T>(re, a + i);
      StoreFloats<T>(im, b + i);
    }
  for (; i < count; ++i) {
    a[i * step] = static_cast<float>(z[2 * i]);
    b[i * step] = static_cast<float>(z[2 * i + 1]);
  }
}

template <class T>
void ComplexProduct(const T* HWY_RESTRICT h, const T* HWY_RESTRICT x, Index count, bool add,
                    T* HWY_RESTRICT z) {
  const auto product = [&](auto d, Index i) {
    hn::Vec<decltype(d)> h_re, h_im, x_re, x_im, re = hn::Zero(d), im = re;
    hn::LoadInterleaved2(d, h + 2 * i, h_re, h_im);
    hn::LoadInterleaved2(d, x + 2 * i, x_re, x_im);
    if (add) hn::LoadInterleaved2(d, z + 2 * i, re, im);
    re = hn::NegMulAdd(h_im, x_im, hn::MulAdd(h_re, x_re, re));
    im = hn::MulAdd(h_im, x_re, hn::MulAdd(h_re, x_im, im));
    hn::StoreInterleaved2(re, im, d, z + 2 * i);
  };
  const Tag<T> d;
  const auto N = static_cast<Index>(hn::Lanes(d));
  Index i = 0;
  for (; i + N <= count; i += N) product(d, i);
  for (; i < count; ++i) product(hn::CappedTag<T, 1>(), i);
}

void ToComplexFloat(const float* a, const float* b, Index step, Index count, float* z) {
  ToComplex(a, b, step, count, z);
}
void ToComplexDouble(const float* a, const float* b, Index step, Index count, double* z) {
  ToComplex(a, b, step, count, z);
}
void FromComplexFloat(const float* z, Index count, float* a, float* b, Index step) {
  FromComplex(z, count, a, b, step);
}
void FromComplexDouble(const double* z, Index count, float* a, float* b, Index step) {
  FromComplex(z, count, a, b, step);
}
void ComplexProductFloat(const float* h, const float* x, Index count, bool add, float* z) {
  ComplexProduct(h, x, count, add, z);
}
void ComplexProductDouble(const double* h, const double* x, Index count, bool add, double* z) {
  ComplexProduct(h, x, count, add, z);
}

}  // namespace wavestride::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace wavestride::kernels {

HWY_EXPORT(ToComplexFloat);
HWY_EXPORT(ToComplexDouble);
HWY_EXPORT(FromComplexFloat);
HWY_EXPORT(FromComplexDouble);
HWY_EXPORT(ComplexProductFloat);
HWY_EXPORT(ComplexProductDouble);

template <>
void to_complex(const float* a, const float* b, Index step, Index count, float* z) noexcept {
  HWY_DYNAMIC_DISPATCH(ToComplexFloat)(a, b, step, count, z);
}
template <>
void to_complex(const float* a, const float* b, Index step, Index count, double* z) noexcept {
  HWY_DYNAMIC_DISPATCH(ToComplexDouble)(a, b, step, count, z);
}
template <>
void from_complex(const float* z, Index count, float* a, float* b, Index step) noexcept {
  HWY_DYNAMIC_DISPATCH(FromComplexFloat)(z, count, a, b, step);
}
template <>
void from_complex(const double* z, Index count, float* a, float* b, Index step) noexcept {
  HWY_DYNAMIC_DISPATCH(FromComplexDouble)(z, count, a, b, step);
}
template <>
void complex_product(const float* h, const float* x, Index count, bool add, float* z) noexcept {
  HWY_DYNAMIC_DISPATCH(ComplexProductFloat)(h, x, count, add, z);
}
template <>
void complex_product(const double* h, const double* x, Index count, bool add, double* z) noexcept {
  HWY_DYNAMIC_DISPATCH(ComplexProductDouble)(h, x, count, add, z);
}

}  // namespace wavestride::kernels
#endif
