#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/elementwise.cpp"
#include "kernels/elementwise.h"

#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// After foreach_target.h, which includes this file once per target.
#include <hwy/contrib/math/math-inl.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "kernels/finish-inl.h"

HWY_BEFORE_NAMESPACE();
namespace wavestride::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::CappedTag<float, 16>;
using V = hn::Vec<D>;

// f(loads at i) for every i: whole vectors in place, the rest through a buffer.
template <class F>
HWY_INLINE void ForEach(Index size, float* out, F&& f) {
  const D d;
  const auto N = static_cast<Index>(hn::Lanes(d));
  Index i = 0;
  for (; i + N <= size; i += N) hn::StoreU(f(i, [&](const float* p) { return hn::LoadU(d, p); }), d, out + i);
  if (i == size) return;
  const auto partial = [&](const float* p) {
    HWY_ALIGN float lanes[16] = {};
    std::copy_n(p, size - i, lanes);
    return hn::Load(d, lanes);
  };
  HWY_ALIGN float lanes[16];
  hn::Store(f(i, partial), d, lanes);
  std::copy_n(lanes, size - i, out + i);
}

// Highway's functions do not keep NaN, and wrap beyond the range of float.
HWY_INLINE V KeepNaN(V x, V y) {
  return hn::IfThenElse(hn::IsNaN(x), x, y);
}

HWY_INLINE V Exp(D d, V x) {
  return hn::Exp(d, hn::Min(hn::Max(x, hn::Set(d, -105.0f)), hn::Set(d, 89.0f)));
}

// Numerator and denominator are sums of positive terms, so that nothing cancels at either end.
HWY_INLINE V Sigmoid(D d, V x) {
  const V one = hn::Set(d, 1.0f), e = Exp(d, hn::Neg(hn::Abs(x)));
  return hn::Div(hn::IfThenElse(hn::Ge(x, hn::Zero(d)), one, e), hn::Add(one, e));
}

HWY_INLINE V Tanh(D d, V x) {
  return hn::Tanh(d, x);
}

// e^x = 2^n·(1 + p), where |x| is at most 87: n is x/ln 2 rounded, in the lower bits of a large number, and p
// a polynomial of what is left, that of the least relative error (1.4e-8) up to ln 2/2.
struct Power {
  V scale, p;
};
HWY_INLINE Power PowerOf(D d, V x) {
  const hn::RebindToUnsigned<D> bits;
  const V large = hn::Set(d, 0x1.8p23f + 127), shifted = hn::MulAdd(x, hn::Set(d, 1.44269504f), large);
  const V n = hn::Sub(shifted, large);
  const V r = hn::NegMulAdd(n, hn::Set(d, -2.12194440e-4f), hn::NegMulAdd(n, hn::Set(d, 0.693359375f), x));
  V q = hn::Set(d, 0.0013882513158f);
  for (const float c : {0.0083665475249f, 0.0416672006249f, 0.1666654348374f, 0.4999999701977f})
    q = hn::MulAdd(q, r, hn::Set(d, c));
  return {hn::BitCast(d, hn::ShiftLeft<23>(hn::BitCast(bits, shifted))), hn::MulAdd(hn::Mul(r, r), q, r)};
}

// tanh(x)·sigmoid(y) by one division: tanh|x| = t/(t + 2), t = e^(2|x|) − 1, is 1 from |x| = 20 on.
HWY_INLINE V Gate(D d, V x, V y) {
  const V one = hn::Set(d, 1.0f);
  const Power a = PowerOf(d, hn::Min(hn::Abs(hn::Add(x, x)), hn::Set(d, 40.0f))),
              b = PowerOf(d, hn::Max(hn::Neg(hn::Abs(y)), hn::Set(d, -87.0f)));
  const V t = hn::MulAdd(a.scale, a.p, hn::Sub(a.scale, one));
  const V e = hn::IfThenElseZero(hn::Le(hn::Abs(y), hn::Set(d, 87.0f)), hn::MulAdd(b.scale, b.p, b.scale));
  const V above = hn::Mul(t, hn::IfThenElse(hn::Ge(y, hn::Zero(d)), one, e));
  return hn::CopySign(hn::Div(above, hn::Mul(hn::Add(t, hn::Set(d, 2.0f)), hn::Add(one, e))), x);
}

HWY_INLINE V Elu(D d, V x, V alpha) {
  const V below = hn::Expm1(d, hn::Max(hn::Min(x, hn::Zero(d)), hn::Set(d, -105.0f)));
  return hn::IfThenElse(hn::Gt(x, hn::Zero(d)), x, hn::Mul(alpha, below));
}

// Q(u) = 1 − Φ(u) = exp(−u²/2)·R(u), u ≥ 0, where R(u) = erfcx(u/√2)/2 is smooth and, as a polynomial of
// t = 1/(1 + 0.35·u), within 3e-8 of its value up to u = 14.5, where Q leaves the range of float. The
// rounding error of u² is carried along, since exp would magnify it.
HWY_INLINE V Gelu(D d, V x) {
  constexpr float r[] = {-1.4536680564164504e-06f, 0.13965357341738338f, 0.13956173648093276f,
                         0.12138469380772786f,     0.100595499376855f,   -0.013205350029054314f,
                         0.14641281184745503f,     -0.2455473890689345f, 0.13941196334485884f,
                         -0.028266099396536095f};
  const V one = hn::Set(d, 1.0f), half = hn::Set(d, 0.5f);
  const V u = hn::Min(hn::Abs(x), hn::Set(d, 14.5f));
  const V t = hn::Div(one, hn::MulAdd(hn::Set(d, 0.35f), u, one));
  V p = hn::Set(d, r[9]);
  for (int i = 8; i >= 0; --i) p = hn::MulAdd(p, t, hn::Set(d, r[i]));
  const hn::RebindToUnsigned<D> du;
  const V high = hn::BitCast(d, hn::And(hn::BitCast(du, u), hn::Set(du, 0xFFFFF000u))),
          low = hn::Sub(u, high);
  const V square = hn::Mul(high, high), rest = hn::Mul(low, hn::Add(u, high));
  const V q =
      hn::Mul(hn::Mul(Exp(d, hn::Neg(hn::Mul(half, square))), Exp(d, hn::Neg(hn::Mul(half, rest)))), p);
  const V below = hn::Mul(x, q), above = hn::NegMulAdd(x, q, x);
  return hn::IfThenElse(hn::Lt(x, hn::Zero(d)), below, hn::IfThenElse(hn::Eq(q, hn::Zero(d)), x, above));
}

// Highway reduces arguments up to 39000; beyond, each lane by itself.
template <class F>
HWY_INLINE V Periodic(D d, V x, V y, F&& scalar) {
  const auto far = hn::Not(hn::Lt(hn::Abs(x), hn::Set(d, 39000.0f)));
  if (HWY_LIKELY(hn::AllFalse(d, far))) return y;
  HWY_ALIGN float lanes[16] = {};
  hn::Store(x, d, lanes);
  for (float& lane : lanes) lane = scalar(lane);
  return hn::IfThenElse(far, hn::Load(d, lanes), y);
}

void Map(Function f, float a, float b, const float* in, Index size, float* out) {
  const D d;
  const V va = hn::Set(d, a), vb = hn::Set(d, b), zero = hn::Zero(d);
  const auto each = [&](auto&& g) {
    ForEach(size, out, [&](Index i, auto&& load) {
      const V x = load(in + i);
      return KeepNaN(x, g(x));
    });
  };
  switch (f) {
    case Function::relu:
      return each([&](V x) { return hn::Max(x, zero); });
    case Function::leaky_relu:
      return each([&](V x) { return Sloped(d, x, va); });
    case Function::elu:
      return each([&](V x) { return Elu(d, x, va); });
    case Function::tanh:
      return each([&](V x) { return Tanh(d, x); });
    case Function::sigmoid:
      return each([&](V x) { return Sigmoid(d, x); });
    case Function::gelu:
      return each([&](V x) { return Gelu(d, x); });
    case Function::exp:
      return each([&](V x) { return Exp(d, x); });
    case Function::sin:
      return each([&](V x) { return Periodic(d, x, hn::Sin(d, x), [](float v) { return std::sin(v); }); });
    case Function::cos:
      return each([&](V x) { return Periodic(d, x, hn::Cos(d, x), [](float v) { return std::cos(v); }); });
    case Function::clip:
      return each([&](V x) { return hn::Min(hn::Max(x, va), vb); });
    case Function::scale:
      return each([&](V x) { return hn::Mul(va, x); });
  }
}

void Sum(std::span<const float* const> in, float scale, Index size, float* out) {
  const V factor = hn::Set(D(), scale);
  ForEach(size, out, [&](Index i, auto&& load) {
    V sum = load(in[0] + i);
    for (std::size_t k = 1; k < in.size(); ++k) sum = hn::Add(sum, load(in[k] + i));
    return scale == 1 ? sum : hn::Mul(sum, factor);
  });
}

void Product(std::span<const float* const> in, Index size, float* out) {
  ForEach(size, out, [&](Index i, auto&& load) {
    V product = load(in[0] + i);
    for (std::size_t k = 1; k < in.size(); ++k) product = hn::Mul(product, load(in[k] + i));
    return product;
  });
}

void Gated(const float* HWY_RESTRICT in, Index channels, Index frames, float* HWY_RESTRICT out) {
  const D d;
  for (Index j = 0; j < frames; ++j, in += 2 * channels, out += channels)
    ForEach(channels, out, [&](Index i, auto&& load) {
      const V a = load(in + i), b = load(in + channels + i);
      return KeepNaN(a, KeepNaN(b, Gate(d, a, b)));
    });
}

void Copy(const float* in, Index size, float* out) {
  const D d;
  const auto N = static_cast<Index>(hn::Lanes(d));
  Index i = 0;
  for (; i + 4 * N <= size; i += 4 * N) {
    const V a = hn::LoadU(d, in + i), b = hn::LoadU(d, in + i + N), c = hn::LoadU(d, in + i + 2 * N),
            e = hn::LoadU(d, in + i + 3 * N);
    hn::StoreU(a, d, out + i);
    hn::StoreU(b, d, out + i + N);
    hn::StoreU(c, d, out + i + 2 * N);
    hn::StoreU(e, d, out + i + 3 * N);
  }
  for (; i + N <= size; i += N) hn::StoreU(hn::LoadU(d, in + i), d, out + i);
  if (i < size) std::memmove(out + i, in + i, static_cast<std::size_t>(size - i) * sizeof(float));
}

void WeightedSum(const float* HWY_RESTRICT w, const Index* HWY_RESTRICT offsets, Index terms, float bias,
                 const float* HWY_RESTRICT in, Index size, float* HWY_RESTRICT out) {
  const D d;
  ForEach(size, out, [&](Index i, auto&& load) {
    V sum = hn::Set(d, bias);
    for (Index t = 0; t < terms; ++t) sum = hn::MulAdd(hn::Set(d, w[t]), load(in + offsets[t] + i), sum);
    return sum;
  });
}

// Frames between the same two, of whole vectors of values; those of each lie `size` apart.
template <std::size_t count, class T>
HWY_INLINE void BlendVectors(T d, std::span<const Blend> frames, Index size, Index& i,
                             float* HWY_RESTRICT out) {
  const auto N = static_cast<Index>(hn::Lanes(d));
  const float *const a = frames[0].a, *const b = frames[0].b;
  const auto store = [&](std::size_t k, hn::Vec<T> v)
                         HWY_ATTR { hn::StoreU(v, d, out + static_cast<Index>(k) * size + i); };
  if (frames[0].weight == 0) {
    for (; i + N <= size; i += N) {
      const auto value = hn::LoadU(d, a + i);
#pragma GCC unroll 4
      for (std::size_t k = 0; k < count; ++k) store(k, value);
    }
    return;
  }
  hn::Vec<T> of_a[count], of_b[count];
#pragma GCC unroll 4
  for (std::size_t k = 0; k < count; ++k) {
    of_a[k] = hn::Set(d, 1.0f - frames[k].weight);
    of_b[k] = hn::Set(d, frames[k].weight);
  }
  for (; i + N <= size; i += N) {
    const auto x = hn::LoadU(d, a + i), y = hn::LoadU(d, b + i);
#pragma GCC unroll 4
    for (std::size_t k = 0; k < count; ++k) store(k, hn::MulAdd(of_b[k], y, hn::Mul(of_a[k], x)));
  }
}

// Two frames between the same two read these once.
void BlendFrames(std::span<const Blend> frames, Index size, float* HWY_RESTRICT out) {
  const auto alike = [](const Blend& f, const Blend& g) {
    return f.a == g.a && f.b == g.b && (f.weight == 0) == (g.weight == 0);
  };
  const auto next = [&](auto count) HWY_ATTR {
    Index i = 0;
    BlendVectors<count>(D(), frames, size, i, out);
    BlendVectors<count>(hn::CappedTag<float, 1>(), frames, size, i, out);
    frames = frames.subspan(count);
    out += static_cast<Index>(count) * size;
  };
  while (!frames.empty())
    if (frames.size() > 1 && alike(frames[0], frames[1]))
      next(std::integral_constant<std::size_t, 2>());
    else
      next(std::integral_constant<std::size_t, 1>());
}

void FinishSums(const Finish& f, Index size, float* sums) {
  FinishRows<D>(f, 1, size, sums, size);
}

// Of the bits without the sign, those of what is not finite are the largest.
bool Finite(const float* HWY_RESTRICT x, Index size) {
  const D d;
  const hn::RebindToSigned<D> di;
  const auto N = static_cast<Index>(hn::Lanes(d));
  constexpr std::int32_t infinity = 0x7f800000;
  auto most = hn::Zero(di);
  Index i = 0;
  for (; i + N <= size; i += N) most = hn::Max(most, hn::BitCast(di, hn::Abs(hn::LoadU(d, x + i))));
  bool result = hn::AllTrue(di, hn::Lt(most, hn::Set(di, infinity)));
  for (; i < size; ++i) result = result && (std::bit_cast<std::int32_t>(x[i]) & 0x7fffffff) < infinity;
  return result;
}

}  // namespace wavestride::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace wavestride::kernels {

HWY_EXPORT(Map);
HWY_EXPORT(Sum);
HWY_EXPORT(Product);
HWY_EXPORT(Gated);
HWY_EXPORT(Copy);
HWY_EXPORT(WeightedSum);
HWY_EXPORT(BlendFrames);
HWY_EXPORT(FinishSums);
HWY_EXPORT(Finite);

void map(Function f, float a, float b, const float* in, Index size, float* out) noexcept {
  HWY_DYNAMIC_DISPATCH(Map)(f, a, b, in, size, out);
}

void copy(const float* in, Index size, float* out) noexcept {
  // What no cache holds is better written past them, as the C library does.
  constexpr Index beyond_caches = 2 << 20;
  if (size > beyond_caches)
    std::memmove(out, in, static_cast<std::size_t>(size) * sizeof(float));
  else
    HWY_DYNAMIC_DISPATCH(Copy)(in, size, out);
}

void sum(std::span<const float* const> in, float scale, Index size, float* out) noexcept {
  HWY_DYNAMIC_DISPATCH(Sum)(in, scale, size, out);
}

void product(std::span<const float* const> in, Index size, float* out) noexcept {
  HWY_DYNAMIC_DISPATCH(Product)(in, size, out);
}

void gated(const float* in, Index channels, Index frames, float* out) noexcept {
  HWY_DYNAMIC_DISPATCH(Gated)(in, channels, frames, out);
}

void weighted_sum(const float* w, const Index* offsets, Index terms, float bias, const float* in, Index size,
                  float* out) noexcept {
  HWY_DYNAMIC_DISPATCH(WeightedSum)(w, offsets, terms, bias, in, size, out);
}

void blend(std::span<const Blend> frames, Index size, float* out) noexcept {
  HWY_DYNAMIC_DISPATCH(BlendFrames)(frames, size, out);
}

void finish(const Finish& f, Index size, float* sums) noexcept {
  if (!f.none()) HWY_DYNAMIC_DISPATCH(FinishSums)(f, size, sums);
}

bool finite(const float* x, Index size) noexcept {
  return HWY_DYNAMIC_DISPATCH(Finite)(x, size);
}

}  // namespace wavestride::kernels
#endif
