#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/continuous.cpp"
#include "kernels/continuous.h"

#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <array>
#include <cmath>

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

// Σ over j of weights[j] · rows[j·stride + k], whole vectors of them.
void Weighted(const double* HWY_RESTRICT rows, Index stride, const double* HWY_RESTRICT weights, Index count,
              double* HWY_RESTRICT to) {
  const D d;
  const auto w0 = hn::Set(d, weights[0]), w1 = hn::Set(d, weights[1]), w2 = hn::Set(d, weights[2]),
             w3 = hn::Set(d, weights[3]);
  for (Index k = 0; k < count; k += lanes) {
    const auto row = [&](Index j) HWY_ATTR { return hn::LoadU(d, rows + j * stride + k); };
    const auto outer = hn::MulAdd(w3, row(3), hn::Mul(w0, row(0)));
    hn::StoreU(hn::MulAdd(w2, row(2), hn::MulAdd(w1, row(1), outer)), d, to + k);
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

// The same of the two channels of frames x, in the order of Dot.
void DotOfTwo(const double* h, const float* x, Index count, double* sums) {
  const D d;
  const hn::Rebind<float, D> df;
  auto left = hn::Zero(d), right = hn::Zero(d), other_left = hn::Zero(d), other_right = hn::Zero(d);
  const auto add = [&](Index k, hn::Vec<D>& l, hn::Vec<D>& r) HWY_ATTR {
    hn::Vec<decltype(df)> first, second;
    hn::LoadInterleaved2(df, x + 2 * k, first, second);
    const auto weight = hn::LoadU(d, h + k);
    l = hn::MulAdd(weight, hn::PromoteTo(d, first), l);
    r = hn::MulAdd(weight, hn::PromoteTo(d, second), r);
  };
  Index k = 0;
  for (; k + 2 * lanes <= count; k += 2 * lanes) {
    add(k, left, right);
    add(k + lanes, other_left, other_right);
  }
  sums[0] = hn::GetLane(hn::SumOfLanes(d, hn::Add(left, other_left)));
  sums[1] = hn::GetLane(hn::SumOfLanes(d, hn::Add(right, other_right)));
  for (; k < count; ++k)
    for (Index c = 0; c < 2; ++c) sums[c] += h[k] * static_cast<double>(x[2 * k + c]);
}

}  // namespace wavestride::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace wavestride::kernels {
namespace {

constexpr Index margin = 4;    // zeros around the table, so that the outermost cubics have four points
constexpr Index overhang = 8;  // zeros behind a row, for whole vectors

HWY_EXPORT(Coefficients);
HWY_EXPORT(Weighted);
HWY_EXPORT(Dot);
HWY_EXPORT(DotOfTwo);

// Lagrange's through the points −1, 0, 1 and 2.
std::array<double, 4> cubic_weights(double t) {
  const double a = t + 1, b = t - 1, c = t - 2;
  return {-t * b * c / 6, a * b * c / 2, -a * t * c / 2, a * t * b / 6};
}

}  // namespace

ContinuousFilter::ContinuousFilter(std::span<const double> h, Index step)
    : points_(static_cast<Index>(h.size())),
      step_(step),
      last_((points_ + 1) / step),
      length_(last_ + 2),
      table_(h.size() + 2 * margin),
      rows_(static_cast<std::size_t>((step + 3) * (length_ + overhang))) {
  std::copy(h.begin(), h.end(), table_.begin() + margin);
  for (Index r = -1; r < step + 2; ++r)
    for (Index n = 0; n < length_; ++n)
      if (const Index point = (last_ - n) * step + r; point >= 0 && point < points_)
        rows_[static_cast<std::size_t>((r + 1) * (length_ + overhang) + n)] =
            h[static_cast<std::size_t>(point)];
}

void ContinuousFilter::apply(const float* x, Index frames, Index channels, double position, double step,
                             double gain, float* out) const noexcept {
  const auto point = static_cast<Index>(std::floor(position));
  if (step != static_cast<double>(step_) || point < 0) {
    const double* table = table_.data() + margin - 1;
    const double highest = static_cast<double>(points_ + 1);
    return weigh(x, frames, channels, gain, out, [&](Index from, Index size, double* h) {
      HWY_DYNAMIC_DISPATCH(Coefficients)
      (table, position - static_cast<double>(from) * step, step, -2.0, highest, size, h);
    });
  }
  // All points lie between the same two rows, and none is beyond the table.
  const Index turn = point / step_, stride = length_ + overhang;
  const Index begin = std::max<Index>(0, turn - last_), end = std::min(frames, turn + 2);
  const double* const row = rows_.data() + (point - turn * step_) * stride + last_ - turn + begin;
  const std::array<double, 4> weights = cubic_weights(position - static_cast<double>(point));
  weigh(x + begin * channels, std::max<Index>(end - begin, 0), channels, gain, out,
        [&](Index from, Index size, double* h) {
          HWY_DYNAMIC_DISPATCH(Weighted)(row + from, stride, weights.data(), size, h);
        });
}

template <class Make>
void ContinuousFilter::weigh(const float* x, Index frames, Index channels, double gain, float* out,
                             Make&& coefficients) {
  constexpr Index block = 256, together = 8;
  HWY_ALIGN double h[block];  // whole vectors
  float samples[block];       // of one channel
  for (Index c = 0; c < channels; c += together) {
    const Index count = std::min(together, channels - c);
    double sum[together] = {};
    for (Index from = 0; from < frames; from += block) {
      const Index size = std::min(block, frames - from);
      coefficients(from, size, h);
      if (channels == 2) {
        double both[2];
        HWY_DYNAMIC_DISPATCH(DotOfTwo)(h, x + 2 * from, size, both);
        sum[0] += both[0];
        sum[1] += both[1];
        continue;
      }
      for (Index j = 0; j < count; ++j) {
        const float* in = x + from;
        if (channels > 1) {
          for (Index k = 0; k < size; ++k) samples[k] = x[(from + k) * channels + c + j];
          in = samples;
        }
        sum[j] += HWY_DYNAMIC_DISPATCH(Dot)(h, in, size);
      }
    }
    for (Index j = 0; j < count; ++j) out[c + j] = static_cast<float>(gain * sum[j]);
  }
}

}  // namespace wavestride::kernels
#endif
