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

// As many floats as there are values of T in a vector.
template <class T>
using Floats = hn::Rebind<float, Tag<T>>;

// Interleaved by 1, 2 or 3.
template <int phases, class D, class V>
HWY_INLINE void Load(D d, const float* from, V (&v)[phases]) {
  if constexpr (phases == 1)
    v[0] = hn::LoadU(d, from);
  else if constexpr (phases == 2)
    hn::LoadInterleaved2(d, from, v[0], v[1]);
  else
    hn::LoadInterleaved3(d, from, v[0], v[1], v[2]);
}

template <int phases, class D, class V>
HWY_INLINE void Store(D d, const V (&v)[phases], float* to) {
  if constexpr (phases == 1)
    hn::StoreU(v[0], d, to);
  else if constexpr (phases == 2)
    hn::StoreInterleaved2(v[0], v[1], d, to);
  else
    hn::StoreInterleaved3(v[0], v[1], v[2], d, to);
}

template <class T, class V>
HWY_INLINE auto Promoted(V v) {
  if constexpr (std::is_same_v<T, float>)
    return v;
  else
    return hn::PromoteTo(Tag<T>(), v);
}

template <class T, class V>
HWY_INLINE auto Demoted(V v) {
  if constexpr (std::is_same_v<T, float>)
    return v;
  else
    return hn::DemoteTo(Floats<T>(), v);
}

// Whole vectors of `count`; returns how many.
template <int phases, class T>
HWY_INLINE Index ToComplexVectors(const float* a, const float* b, Index count, Index apart,
                                  T* HWY_RESTRICT z) {
  const Floats<T> d;
  const auto N = static_cast<Index>(hn::Lanes(d));
  Index i = 0;
  for (; i + N <= count; i += N) {
    hn::Vec<Floats<T>> re[phases], im[phases];
    Load(d, a + phases * i, re);
    Load(d, b + phases * i, im);
    for (int p = 0; p < phases; ++p)
      hn::StoreInterleaved2(Promoted<T>(re[p]), Promoted<T>(im[p]), Tag<T>(), z + 2 * (p * apart + i));
  }
  return i;
}

template <int phases, class T>
HWY_INLINE Index FromComplexVectors(const T* HWY_RESTRICT z, Index count, Index apart, float* a, float* b) {
  const Floats<T> d;
  const auto N = static_cast<Index>(hn::Lanes(d));
  Index i = 0;
  for (; i + N <= count; i += N) {
    hn::Vec<Floats<T>> re[phases], im[phases];
    for (int p = 0; p < phases; ++p) {
      hn::Vec<Tag<T>> r, j;
      hn::LoadInterleaved2(Tag<T>(), z + 2 * (p * apart + i), r, j);
      re[p] = Demoted<T>(r);
      im[p] = Demoted<T>(j);
    }
    Store(d, re, a + phases * i);
    Store(d, im, b + phases * i);
  }
  return i;
}

template <class T>
void ToComplex(const float* a, const float* b, Index step, Index phases, Index count, Index apart,
               T* HWY_RESTRICT z) {
  Index i = 0;
  if (step == 1 && phases == 1) i = ToComplexVectors<1>(a, b, count, apart, z);
  if (step == 1 && phases == 2) i = ToComplexVectors<2>(a, b, count, apart, z);
  if (step == 1 && phases == 3) i = ToComplexVectors<3>(a, b, count, apart, z);
  for (Index p = 0; p < phases; ++p) {
    T* const to = z + 2 * p * apart;
    for (Index n = i, at = (i * phases + p) * step; n < count; ++n, at += phases * step) {
      to[2 * n] = static_cast<T>(a[at]);
      to[2 * n + 1] = static_cast<T>(b[at]);
    }
  }
}

template <class T>
void FromComplex(const T* HWY_RESTRICT z, Index phases, Index count, Index apart, float* a, float* b,
                 Index step) {
  Index i = 0;
  if (step == 1 && phases == 1) i = FromComplexVectors<1>(z, count, apart, a, b);
  if (step == 1 && phases == 2) i = FromComplexVectors<2>(z, count, apart, a, b);
  if (step == 1 && phases == 3) i = FromComplexVectors<3>(z, count, apart, a, b);
  for (Index p = 0; p < phases; ++p) {
    const T* const from = z + 2 * p * apart;
    for (Index n = i, at = (i * phases + p) * step; n < count; ++n, at += phases * step) {
      a[at] = static_cast<float>(from[2 * n]);
      b[at] = static_cast<float>(from[2 * n + 1]);
    }
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

void ToComplexFloat(const float* a, const float* b, Index step, Index phases, Index count, Index apart,
                    float* z) {
  ToComplex(a, b, step, phases, count, apart, z);
}
void ToComplexDouble(const float* a, const float* b, Index step, Index phases, Index count, Index apart,
                     double* z) {
  ToComplex(a, b, step, phases, count, apart, z);
}
void FromComplexFloat(const float* z, Index phases, Index count, Index apart, float* a, float* b,
                      Index step) {
  FromComplex(z, phases, count, apart, a, b, step);
}
void FromComplexDouble(const double* z, Index phases, Index count, Index apart, float* a, float* b,
                       Index step) {
  FromComplex(z, phases, count, apart, a, b, step);
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

void to_complex(const float* a, const float* b, Index step, Index phases, Index count, Index apart,
                float* z) noexcept {
  HWY_DYNAMIC_DISPATCH(ToComplexFloat)(a, b, step, phases, count, apart, z);
}
void to_complex(const float* a, const float* b, Index step, Index phases, Index count, Index apart,
                double* z) noexcept {
  HWY_DYNAMIC_DISPATCH(ToComplexDouble)(a, b, step, phases, count, apart, z);
}
void from_complex(const float* z, Index phases, Index count, Index apart, float* a, float* b,
                  Index step) noexcept {
  HWY_DYNAMIC_DISPATCH(FromComplexFloat)(z, phases, count, apart, a, b, step);
}
void from_complex(const double* z, Index phases, Index count, Index apart, float* a, float* b,
                  Index step) noexcept {
  HWY_DYNAMIC_DISPATCH(FromComplexDouble)(z, phases, count, apart, a, b, step);
}
void complex_product(const float* h, const float* x, Index count, bool add, float* z) noexcept {
  HWY_DYNAMIC_DISPATCH(ComplexProductFloat)(h, x, count, add, z);
}
void complex_product(const double* h, const double* x, Index count, bool add, double* z) noexcept {
  HWY_DYNAMIC_DISPATCH(ComplexProductDouble)(h, x, count, add, z);
}

}  // namespace wavestride::kernels
#endif
