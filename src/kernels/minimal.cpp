#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/minimal.cpp"
#include "kernels/minimal.h"

#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <type_traits>

#include "kernels/finish-inl.h"

#ifndef WAVESTRIDE_MINIMAL_POINTS
#define WAVESTRIDE_MINIMAL_POINTS
namespace wavestride::kernels {

// Points of F(Outputs, Taps), in the order of storage: +a, −a for each of these, then 0 where their number is
// odd, then ∞. Of the small fractions, those that magnify rounding errors least.
template <Index Outputs, Index Taps>
inline constexpr std::array<float, 0> point_pairs{};
template <>
inline constexpr std::array point_pairs<6, 3> = {0.5f, 1.0f, 2.0f};
template <>
inline constexpr std::array point_pairs<6, 6> = {0.1875f, 0.5625f, 0.875f, 1.3125f, 2.4375f};
template <>
inline constexpr std::array point_pairs<6, 7> = {0.375f, 0.6875f, 1.0f, 1.4375f, 2.8125f};
template <>
inline constexpr std::array point_pairs<5, 11> = {0.125f, 0.4375f, 0.6875f, 0.9375f, 1.1875f, 1.75f, 3.4375f};

// Coefficients of the product of (z − a²) over all pairs but one, or over all, from the lowest power of z on.
template <std::size_t Pairs>
constexpr std::array<float, Pairs + 1> product_without(const std::array<float, Pairs>& pairs,
                                                       std::size_t omitted) {
  std::array<double, Pairs + 1> product{1};
  for (std::size_t k = 0; k < Pairs; ++k)
    if (k != omitted)
      for (std::size_t i = Pairs + 1; i-- > 0;)
        product[i] = (i > 0 ? product[i - 1] : 0) -
                     static_cast<double>(pairs[k]) * static_cast<double>(pairs[k]) * product[i];
  std::array<float, Pairs + 1> result{};
  for (std::size_t i = 0; i <= Pairs; ++i) result[i] = static_cast<float>(product[i]);
  return result;
}

// f(outputs, taps) with those of a filter as constants.
template <class F>
decltype(auto) with_constants(MinimalFilter filter, F&& f) {
  using std::integral_constant;
  if (filter.taps == 3) return f(integral_constant<Index, 6>(), integral_constant<Index, 3>());
  if (filter.taps == 6) return f(integral_constant<Index, 6>(), integral_constant<Index, 6>());
  if (filter.taps == 7) return f(integral_constant<Index, 6>(), integral_constant<Index, 7>());
  return f(integral_constant<Index, 5>(), integral_constant<Index, 11>());
}

}  // namespace wavestride::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace wavestride::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::CappedTag<float, 16>;
using V = hn::Vec<D>;

// The row of a point p holds the coefficients of the product of (x − q) over all other finite points q: of
//     (x + p) · Π (x² − q²) over the other pairs, times x where 0 is a point,
// what is even and what is odd in p, which −p shares; that of 0 and of ∞ the product over all pairs.
template <Index Outputs, Index Taps>
HWY_INLINE void InputVector(const float* HWY_RESTRICT in, float slope, Index row, float* HWY_RESTRICT out,
                            Index point_step) {
  const D d;
  constexpr auto pairs = point_pairs<Outputs, Taps>;
  constexpr auto n = static_cast<int>(pairs.size());
  constexpr int zero = Outputs + Taps - 2 - 2 * n;
  static_assert(zero == 0 || zero == 1);
  V x[Outputs + Taps - 1];
#pragma GCC unroll 16
  for (int i = 0; i < Outputs + Taps - 1; ++i) x[i] = hn::LoadU(d, in + i * row);
  if (slope != 1) {
    const V below = hn::Set(d, slope);
#pragma GCC unroll 16
    for (V& v : x) v = Sloped(d, v, below);
  }
  // Σ c_i · x[from + 2i]; the last coefficient is 1.
  const auto sum = [&](const auto& c, int terms, int from) HWY_ATTR {
    V s = x[from + 2 * (terms - 1)];
#pragma GCC unroll 8
    for (int i = terms - 2; i >= 0; --i)
      s = hn::MulAdd(hn::Set(d, c[static_cast<std::size_t>(i)]), x[from + 2 * i], s);
    return s;
  };
#pragma GCC unroll 8
  for (int p = 0; p < n; ++p) {
    const auto others = product_without(pairs, static_cast<std::size_t>(p));
    const V even = sum(others, n, zero + 1), odd = sum(others, n, zero);
    const V point = hn::Set(d, pairs[static_cast<std::size_t>(p)]);
    hn::StoreU(hn::MulAdd(point, odd, even), d, out + 2 * p * point_step);
    hn::StoreU(hn::NegMulAdd(point, odd, even), d, out + (2 * p + 1) * point_step);
  }
  constexpr auto all = product_without(pairs, pairs.size());
  for (int i = 0; i <= zero; ++i) hn::StoreU(sum(all, n + 1, i), d, out + (2 * n + i) * point_step);
}

template <Index Outputs, Index Taps>
void Input(const float* in, float slope, Index channels, Index tiles, float* out, Index point_step) {
  const auto N = static_cast<Index>(hn::Lanes(D()));
  for (Index j = 0; j < tiles; ++j)
    for (Index c = 0; c < channels; c += N)
      InputVector<Outputs, Taps>(in + j * Outputs * channels + c, slope, channels, out + j * channels + c,
                                 point_step);
}

// Output i is the sum over points p of pⁱ times the value at p; that at ∞ is for the last output alone.
template <Index Outputs, Index Taps>
HWY_INLINE void OutputVector(const float* HWY_RESTRICT in, Index point_step, const float* HWY_RESTRICT bias,
                             const Finish& finish, float* HWY_RESTRICT out, Index row) {
  const D d;
  constexpr auto pairs = point_pairs<Outputs, Taps>;
  constexpr auto n = static_cast<int>(pairs.size());
  constexpr int points = Outputs + Taps - 1;
  const auto at = [&](Index point) HWY_ATTR { return hn::LoadU(d, in + point * point_step); };
  const V start = hn::LoadU(d, bias);
  V y[Outputs];
#pragma GCC unroll 8
  for (int i = 0; i < Outputs; ++i) y[i] = start;
  y[Outputs - 1] = hn::Add(start, at(points - 1));
#pragma GCC unroll 8
  for (int p = 0; p < n; ++p) {
    const V plus = at(2 * p), minus = at(2 * p + 1), sum = hn::Add(plus, minus), diff = hn::Sub(plus, minus);
    const float point = pairs[static_cast<std::size_t>(p)];
    y[0] = hn::Add(y[0], sum);
    float power = point;
#pragma GCC unroll 8
    for (int i = 1; i < Outputs; ++i, power *= point)
      y[i] = hn::MulAdd(hn::Set(d, power), i % 2 == 0 ? sum : diff, y[i]);
  }
  if constexpr (points - 1 > 2 * n) y[0] = hn::Add(y[0], at(2 * n));
  FinishVectors(d, finish, row, y);
#pragma GCC unroll 8
  for (int i = 0; i < Outputs; ++i) hn::StoreU(y[i], d, out + i * row);
}

template <Index Outputs, Index Taps>
void Output(const float* in, Index point_step, const float* bias, Index channels, Index tiles, Index dilation,
            const Finish& finish, float* out, Index out_step) {
  const auto N = static_cast<Index>(hn::Lanes(D()));
  const Index row = dilation * out_step;
  for (Index first = 0; first < tiles; first += dilation)
    for (Index phase = 0; phase < dilation; ++phase, in += channels) {
      const Index at = (first * Outputs + phase) * out_step;
      for (Index c = 0; c < channels; c += N)
        OutputVector<Outputs, Taps>(in + c, point_step, bias + c, finish.behind(at + c), out + at + c, row);
    }
}

void MinimalInput(MinimalFilter f, const float* in, float slope, Index channels, Index tiles, float* out,
                  Index point_step) {
  with_constants(f, [&](auto outputs, auto taps) {
    Input<outputs(), taps()>(in, slope, channels, tiles, out, point_step);
  });
}

void MinimalOutput(MinimalFilter f, const float* in, Index point_step, const float* bias, Index channels,
                   Index tiles, Index dilation, const Finish& finish, float* out, Index out_step) {
  with_constants(f, [&](auto outputs, auto taps) {
    Output<outputs(), taps()>(in, point_step, bias, channels, tiles, dilation, finish, out, out_step);
  });
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
  return with_constants(*this, [&](auto m, auto r) {
    const auto at = [&](Index p) {
      constexpr auto pairs = point_pairs<m(), r()>;
      const auto k = static_cast<std::size_t>(p / 2);
      return k == pairs.size() ? 0.0 : static_cast<double>(pairs[k]) * (p % 2 == 0 ? 1 : -1);
    };
    double scale = 1;
    for (Index q = 0; q < last; ++q)
      if (q != point) scale *= at(point) - at(q);
    return std::pow(at(point), tap) / scale;
  });
}

void minimal_input(MinimalFilter f, const float* in, float slope, Index channels, Index tiles, float* out,
                   Index point_step) noexcept {
  HWY_DYNAMIC_DISPATCH(MinimalInput)(f, in, slope, channels, tiles, out, point_step);
}

void minimal_output(MinimalFilter f, const float* in, Index point_step, const float* bias, Index channels,
                    Index tiles, Index dilation, const Finish& finish, float* out, Index out_step) noexcept {
  HWY_DYNAMIC_DISPATCH(MinimalOutput)
  (f, in, point_step, bias, channels, tiles, dilation, finish, out, out_step);
}

}  // namespace wavestride::kernels
#endif
