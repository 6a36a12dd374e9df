#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/continuous.cpp"
#include "kernels/continuous.h"

#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>

HWY_BEFORE_NAMESPACE();
namespace wavestride::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::CappedTag<double, 8>;
using I = hn::RebindToSigned<D>;
constexpr Index lanes = hn::MaxLanes(D());

// Values at position, position − step, …, whole vectors of them, of cubics through four points each; `table`
// is point −1 and positions below `lowest` or above `highest` are moved there.
void Coefficients(const double* table, double position, double step, double lowest, double highest,
                  Index count, double* to) {
  const D d;
  const I di;
  const auto third = hn::Set(d, 1.0 / 6), half = hn::Set(d, 0.5), one = hn::Set(d, 1.0);
  for (Index k = 0; k < count; k += lanes) {
    const auto p = hn::NegMulAdd(hn::Iota(d, static_cast<double>(k)), hn::Set(d, step), hn::Set(d, position));
    const auto at = hn::Min(hn::Max(p, hn::Set(d, lowest)), hn::Set(d, highest));
    const auto whole = hn::Floor(at), t = hn::Sub(at, whole);
    const auto index = hn::ConvertTo(di, whole);
    const auto y0 = hn::GatherIndex(d, table, index), y1 = hn::GatherIndex(d, table + 1, index),
               y2 = hn::GatherIndex(d, table + 2, index), y3 = hn::GatherIndex(d, table + 3, index);
    const auto a = hn::Add(t, one), b = hn::Sub(t, one), c = hn::Sub(b, one);
    const auto outer = hn::Mul(hn::Mul(t, b), hn::NegMulAdd(c, y0, hn::Mul(a, y3)));
    const auto inner = hn::Mul(hn::Mul(a, c), hn::NegMulAdd(t, y2, hn::Mul(b, y1)));
    hn::StoreU(hn::MulAdd(outer, third, hn::Mul(inner, half)), d, to + k);
  }
}

// Σ h[k] · x[k].
double Dot(const double* h, const float* x, Index count) {
  const D d;
  const hn::Rebind<float, D> df;
  auto a = hn::Zero(d), b = hn::Zero(d);
  Index k = 0;
  for (; k + 2 * lanes <= count; k += 2 * lanes) {
    a = hn::MulAdd(hn::LoadU(d, h + k), hn::PromoteTo(d, hn::LoadU(df, x + k)), a);
    b = hn::MulAdd(hn::LoadU(d, h + k + lanes), hn::PromoteTo(d, hn::LoadU(df, x + k + lanes)), b);
  }
  double sum = hn::GetLane(hn::SumOfLanes(d, hn::Add(a, b)));
  for (; k < count; ++k) sum += h[k] * static_cast<double>(x[k]);
  return sum;
}

}  // namespace wavestride::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace wavestride::kernels {
namespace {

constexpr Index margin = 4;  // zeros around the table, so that the outermost cubics have four points

HWY_EXPORT(Coefficients);
HWY_EXPORT(Dot);

}  // namespace

ContinuousFilter::ContinuousFilter(std::span<const double> h)
    : points_(static_cast<Index>(h.size())), table_(h.size() + 2 * margin) {
  std::copy(h.begin(), h.end(), table_.begin() + margin);
}

void ContinuousFilter::apply(const float* x, Index frames, Index channels, double position, double step,
                             double gain, float* out) const noexcept {
  constexpr Index block = 256, together = 8;
  const double* table = table_.data() + margin - 1;
  const double highest = static_cast<double>(points_ + 1);
  HWY_ALIGN double h[block];  // whole vectors
  for (Index c = 0; c < channels; c += together) {
    const Index count = std::min(together, channels - c);
    double sum[together] = {};
    for (Index from = 0; from < frames; from += block) {
      const Index size = std::min(block, frames - from);
      HWY_DYNAMIC_DISPATCH(Coefficients)
      (table, position - static_cast<double>(from) * step, step, -2.0, highest, size, h);
      if (channels == 1) {
        sum[0] += HWY_DYNAMIC_DISPATCH(Dot)(h, x + from, size);
        continue;
      }
      for (Index k = 0; k < size; ++k)
        for (Index j = 0; j < count; ++j)
          sum[j] += h[k] * static_cast<double>(x[(from + k) * channels + c + j]);
    }
    for (Index j = 0; j < count; ++j) out[c + j] = static_cast<float>(gain * sum[j]);
  }
}

}  // namespace wavestride::kernels
#endif
