#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/minimal.cpp"
#include "kernels/minimal.h"

#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#ifndef WAVESTRIDE_MINIMAL_POINTS
#define WAVESTRIDE_MINIMAL_POINTS
namespace wavestride::kernels {

// In the order of storage: +a, −a, +b, −b, then 0 or +c, −c, then ∞.
template <Index Taps>
inline constexpr float point_pairs[3] = {};
template <>
inline constexpr float point_pairs<3>[3] = {0.75f, 1.5f, 0.0f};
template <>
inline constexpr float point_pairs<4>[3] = {0.375f, 0.875f, 1.5f};

}  // namespace wavestride::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace wavestride::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::CappedTag<float, 16>;
using V = hn::Vec<D>;

constexpr float Square(float x) {
  return x * x;
}

// The row of a point p holds the coefficients of the product of (x − q) over all other finite points q.
template <Index Taps>
HWY_INLINE void InputVector(const float* HWY_RESTRICT in, Index row, float* HWY_RESTRICT out,
                            Index point_step) {
  const D d;
  constexpr float a = point_pairs<Taps>[0], b = point_pairs<Taps>[1], c = point_pairs<Taps>[2];
  constexpr float a2 = Square(a), b2 = Square(b), c2 = Square(c);
  const auto x = [&](Index i) { return hn::LoadU(d, in + i * row); };
  const auto k = [&](float value) { return hn::Set(d, value); };
  const auto store = [&](Index p, V v) { hn::StoreU(v, d, out + p * point_step); };
  const auto pair = [&](Index p, float point, V even, V odd) {
    store(p, hn::MulAdd(k(point), odd, even));
    store(p + 1, hn::NegMulAdd(k(point), odd, even));
  };
  if constexpr (Taps == 3) {
    const V x1 = x(1), x2 = x(2), x3 = x(3), x4 = x(4);
    pair(0, a, hn::NegMulAdd(k(b2), x2, x4), hn::NegMulAdd(k(b2), x1, x3));
    pair(2, b, hn::NegMulAdd(k(a2), x2, x4), hn::NegMulAdd(k(a2), x1, x3));
    store(4, hn::MulAdd(k(a2 * b2), x(0), hn::NegMulAdd(k(a2 + b2), x2, x4)));
    store(5, hn::MulAdd(k(a2 * b2), x1, hn::NegMulAdd(k(a2 + b2), x3, x(5))));
  } else {
    const V x0 = x(0), x1 = x(1), x2 = x(2), x3 = x(3), x4 = x(4), x5 = x(5);
    const auto without = [&](Index p, float point, float q2, float r2) {
      pair(p, point, hn::MulAdd(k(q2 * r2), x1, hn::NegMulAdd(k(q2 + r2), x3, x5)),
           hn::MulAdd(k(q2 * r2), x0, hn::NegMulAdd(k(q2 + r2), x2, x4)));
    };
    without(0, a, b2, c2);
    without(2, b, a2, c2);
    without(4, c, a2, b2);
    V last = hn::NegMulAdd(k(a2 + b2 + c2), x4, x(6));
    last = hn::MulAdd(k(a2 * b2 + a2 * c2 + b2 * c2), x2, last);
    store(6, hn::NegMulAdd(k(a2 * b2 * c2), x0, last));
  }
}

template <Index Taps>
void Input(const float* in, Index channels, Index tiles, float* out, Index point_step) {
  const auto N = static_cast<Index>(hn::Lanes(D()));
  for (Index j = 0; j < tiles; ++j)
    for (Index c = 0; c < channels; c += N)
      InputVector<Taps>(in + j * minimal_tile * channels + c, channels, out + j * channels + c, point_step);
}

// Output i is the sum over points p of pⁱ times the value at p; that at ∞ is for the last output alone.
template <Index Taps>
void Output(const float* HWY_RESTRICT in, Index point_step, const float* HWY_RESTRICT bias, Index channels,
            float* HWY_RESTRICT out, Index out_step) {
  const D d;
  const auto N = static_cast<Index>(hn::Lanes(d));
  constexpr const float* p = point_pairs<Taps>;
  const auto k = [&](float value) { return hn::Set(d, value); };
  for (Index c = 0; c < channels; c += N) {
    const auto at = [&](Index point) { return hn::LoadU(d, in + point * point_step + c); };
    const V start = hn::LoadU(d, bias + c);
    V y[minimal_tile] = {start, start, start, hn::Add(start, at(Taps + 2))};
#pragma GCC unroll 3
    for (int i = 0; i < Taps - 1; ++i) {
      const V plus = at(2 * i), minus = at(2 * i + 1), sum = hn::Add(plus, minus),
              diff = hn::Sub(plus, minus);
      y[0] = hn::Add(y[0], sum);
      y[1] = hn::MulAdd(k(p[i]), diff, y[1]);
      y[2] = hn::MulAdd(k(p[i] * p[i]), sum, y[2]);
      y[3] = hn::MulAdd(k(p[i] * p[i] * p[i]), diff, y[3]);
    }
    if constexpr (Taps == 3) y[0] = hn::Add(y[0], at(4));
#pragma GCC unroll 4
    for (int i = 0; i < minimal_tile; ++i) hn::StoreU(y[i], d, out + i * out_step + c);
  }
}

void MinimalInput(MinimalFilter f, const float* in, Index channels, Index tiles, float* out,
                  Index point_step) {
  f.taps == 3 ? Input<3>(in, channels, tiles, out, point_step)
              : Input<4>(in, channels, tiles, out, point_step);
}

void MinimalOutput(MinimalFilter f, const float* in, Index point_step, const float* bias, Index channels,
                   float* out, Index out_step) {
  f.taps == 3 ? Output<3>(in, point_step, bias, channels, out, out_step)
              : Output<4>(in, point_step, bias, channels, out, out_step);
}

}  // namespace wavestride::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <cmath>

namespace wavestride::kernels {

HWY_EXPORT(MinimalInput);
HWY_EXPORT(MinimalOutput);

double MinimalFilter::weight(Index point, Index tap) const {
  const Index last = points() - 1;
  if (point == last) return tap == taps - 1 ? 1 : 0;
  const auto at = [&](Index p) {
    const float* pairs = taps == 3 ? point_pairs<3> : point_pairs<4>;
    return static_cast<double>(pairs[p / 2]) * (p % 2 == 0 ? 1 : -1);
  };
  double scale = 1;
  for (Index q = 0; q < last; ++q)
    if (q != point) scale *= at(point) - at(q);
  return std::pow(at(point), tap) / scale;
}

void minimal_input(MinimalFilter f, const float* in, Index channels, Index tiles, float* out,
                   Index point_step) noexcept {
  HWY_DYNAMIC_DISPATCH(MinimalInput)(f, in, channels, tiles, out, point_step);
}

void minimal_output(MinimalFilter f, const float* in, Index point_step, const float* bias, Index channels,
                    float* out, Index out_step) noexcept {
  HWY_DYNAMIC_DISPATCH(MinimalOutput)(f, in, point_step, bias, channels, out, out_step);
}

}  // namespace wavestride::kernels
#endif
