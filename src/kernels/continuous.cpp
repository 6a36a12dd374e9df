#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/continuous.cpp"
#include "kernels/continuous.h"

#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <utility>

#ifndef WAVESTRIDE_FILTER_ROWS
#define WAVESTRIDE_FILTER_ROWS
namespace wavestride::kernels {

// The rows of a ContinuousFilter, from that of point −1 on, each from the value of number `last` down to −1.
struct FilterRows {
  static constexpr Index block = 256;  // frames that are summed at a time
  const double* rows;
  Index stride, step, last;

  // Of frames whose first one lies `turn` steps behind a row's first point, those that the table reaches.
  std::pair<Index, Index> read(Index turn, Index frames) const {
    const Index begin = std::max<Index>(0, turn - last);
    return {begin, std::max(std::min(frames, turn + 2), begin)};
  }
};

}  // namespace wavestride::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace wavestride::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::CappedTag<double, 8>;
constexpr Index lanes = hn::MaxLanes(D());

// A vector of four points, where there are such.
using Four = hn::CappedTag<double, 4>;
using FourIndices = hn::Rebind<int32_t, Four>;

// points[i] = table[at + i] in every lane.
HWY_INLINE void Points(const double* HWY_RESTRICT table, hn::Vec<FourIndices> at,
                       hn::Vec<Four> (&points)[4]) {
  const Four d;
#if HWY_MAX_BYTES >= \
    32  // to load each lane's four and turn them round takes less than half the time of gathers
  HWY_ALIGN int32_t index[4];
  hn::Store(at, FourIndices(), index);
  const auto a = hn::LoadU(d, table + index[0]), b = hn::LoadU(d, table + index[1]),
             e = hn::LoadU(d, table + index[2]), f = hn::LoadU(d, table + index[3]);
  const auto even = hn::InterleaveLower(d, a, b), odd = hn::InterleaveUpper(d, a, b);
  const auto even2 = hn::InterleaveLower(d, e, f), odd2 = hn::InterleaveUpper(d, e, f);
  points[0] = hn::ConcatLowerLower(d, even2, even);
  points[1] = hn::ConcatLowerLower(d, odd2, odd);
  points[2] = hn::ConcatUpperUpper(d, even2, even);
  points[3] = hn::ConcatUpperUpper(d, odd2, odd);
#else
  for (Index i = 0; i < 4; ++i)
    points[i] = hn::GatherIndex(d, table + i, hn::PromoteTo(hn::RebindToSigned<Four>(), at));
#endif
}

// Values at position, position − step, …, whole vectors of them, of cubics through four points each; `table`
// is point −1 and positions below `lowest` or above `highest` are moved there.
void Coefficients(const double* table, double position, double step, double lowest, double highest,
                  Index count, double* to) {
  const Four d;
  const FourIndices di;
  const auto third = hn::Set(d, 1.0 / 6), half = hn::Set(d, 0.5), one = hn::Set(d, 1.0);
  for (Index k = 0; k < count; k += hn::MaxLanes(d)) {
    const auto p = hn::NegMulAdd(hn::Iota(d, static_cast<double>(k)), hn::Set(d, step), hn::Set(d, position));
    const auto at = hn::Min(hn::Max(p, hn::Set(d, lowest)), hn::Set(d, highest));
    const auto whole = hn::Floor(at), t = hn::Sub(at, whole);
    hn::Vec<Four> y[4];
    Points(table, hn::DemoteTo(di, whole), y);
    const auto a = hn::Add(t, one), b = hn::Sub(t, one), c = hn::Sub(b, one);
    const auto outer = hn::Mul(hn::Mul(t, b), hn::NegMulAdd(c, y[0], hn::Mul(a, y[3])));
    const auto inner = hn::Mul(hn::Mul(a, c), hn::NegMulAdd(t, y[2], hn::Mul(b, y[1])));
    hn::StoreU(hn::MulAdd(outer, third, hn::Mul(inner, half)), d, to + k);
  }
}

using V = hn::Vec<D>;

// Coefficients k … k+lanes−1 of frames whose points lie between the same two rows, `turn` steps and a part
// `t` of a point behind the first of these.
struct Rows {
  const double* HWY_RESTRICT row;
  Index stride;
  V w0, w1, w2, w3;  // Lagrange's, of the points −1, 0, 1 and 2

  Rows(const FilterRows& f, Index point, Index turn, double t)
      : row(f.rows + (point - turn * f.step) * f.stride + f.last - turn), stride(f.stride) {
    const double a = t + 1, b = t - 1, c = t - 2;
    const D d;
    w0 = hn::Set(d, -t * b * c / 6);
    w1 = hn::Set(d, a * b * c / 2);
    w2 = hn::Set(d, -a * t * c / 2);
    w3 = hn::Set(d, a * t * b / 6);
  }
  HWY_INLINE V operator()(Index k) const {
    const auto at = [&](Index r) HWY_ATTR { return hn::LoadU(D(), row + r * stride + k); };
    return hn::MulAdd(w2, at(2), hn::MulAdd(w1, at(1), hn::MulAdd(w3, at(3), hn::Mul(w0, at(0)))));
  }
};

void CoefficientsOfRows(const FilterRows& f, Index point, double t, Index from, Index count,
                        double* HWY_RESTRICT to) {
  const Rows h(f, point, point / f.step, t);
  for (Index k = 0; k < count; k += lanes) hn::StoreU(h(from + k), D(), to + k);
}

// Σ h(k) · x[k] over `count` frames x, of one channel or two, all in the same order; h(k) is a vector, and
// finite beyond them.
template <Index channels, class H>
HWY_INLINE void Products(H&& h, const float* HWY_RESTRICT x, Index count, double* HWY_RESTRICT sums) {
  const D d;
  const hn::Rebind<float, D> df;
  V sum[2][channels];
  for (auto& half : sum)
    for (V& v : half) v = hn::Zero(d);
  const auto add = [&](Index k, const float* frames, V(&to)[channels]) HWY_ATTR {
    const V weight = h(k);
    if constexpr (channels == 1) {
      to[0] = hn::MulAdd(weight, hn::PromoteTo(d, hn::LoadU(df, frames)), to[0]);
    } else {
      hn::Vec<decltype(df)> left, right;
      hn::LoadInterleaved2(df, frames, left, right);
      to[0] = hn::MulAdd(weight, hn::PromoteTo(d, left), to[0]);
      to[1] = hn::MulAdd(weight, hn::PromoteTo(d, right), to[1]);
    }
  };
  const auto both = [&](Index k, const float* frames) HWY_ATTR {
    add(k, frames, sum[0]);
    add(k + lanes, frames + lanes * channels, sum[1]);
  };
  Index k = 0;
  for (; k + 2 * lanes <= count; k += 2 * lanes) both(k, x + k * channels);
  if (k < count) {
    float rest[2 * lanes * channels] = {};
    std::copy(x + k * channels, x + count * channels, rest);
    both(k, rest);
  }
  for (Index c = 0; c < channels; ++c)
    sums[c] = hn::GetLane(hn::SumOfLanes(d, hn::Add(sum[0][c], sum[1][c])));
}

// Of one channel, or two.
template <class H>
HWY_INLINE void Sums(H&& h, const float* x, Index channels, Index count, double* sums) {
  channels == 1 ? Products<1>(h, x, count, sums) : Products<2>(h, x, count, sums);
}

void Dot(const double* h, const float* x, Index channels, Index count, double* sums) {
  Sums([&](Index k) HWY_ATTR { return hn::LoadU(D(), h + k); }, x, channels, count, sums);
}

// ContinuousFilter::apply() by rows, of one channel or two.
void ByRows(const FilterRows& f, double position, const float* x, Index frames, Index channels, double gain,
            float* HWY_RESTRICT out) {
  const auto point = static_cast<Index>(position), turn = point / f.step;
  const Rows rows(f, point, turn, position - static_cast<double>(point));
  const auto [begin, end] = f.read(turn, frames);
  double sum[2] = {}, part[2] = {};
  for (Index from = begin; from < end; from += f.block) {
    Sums([&](Index k) HWY_ATTR { return rows(from + k); }, x + from * channels, channels,
         std::min(f.block, end - from), part);
    for (Index j = 0; j < channels; ++j) sum[j] += part[j];
  }
  for (Index j = 0; j < channels; ++j) out[j] = static_cast<float>(gain * sum[j]);
}

}  // namespace wavestride::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace wavestride::kernels {
namespace {

constexpr Index margin = 4;  // zeros around the table, so that the outermost cubics have four points
constexpr Index block = FilterRows::block;
constexpr Index overhang = 16;  // zeros behind a row, for whole pairs of vectors

HWY_EXPORT(Coefficients);
HWY_EXPORT(Dot);
HWY_EXPORT(CoefficientsOfRows);
HWY_EXPORT(ByRows);

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
  if (step != static_cast<double>(step_) || position < 0) {
    const double* table = table_.data() + margin - 1;
    const double highest = static_cast<double>(points_ + 1);
    return weigh(x, frames, channels, gain, out, [&](Index from, Index size, double* h) {
      HWY_DYNAMIC_DISPATCH(Coefficients)
      (table, position - static_cast<double>(from) * step, step, -2.0, highest, size, h);
    });
  }
  const FilterRows rows{rows_.data(), length_ + overhang, step_, last_};
  if (channels <= 2) return HWY_DYNAMIC_DISPATCH(ByRows)(rows, position, x, frames, channels, gain, out);
  const auto point = static_cast<Index>(position);
  const auto [begin, end] = rows.read(point / step_, frames);
  weigh(x + begin * channels, end - begin, channels, gain, out,
        [&, from_first = begin](Index from, Index size, double* h) {
          HWY_DYNAMIC_DISPATCH(CoefficientsOfRows)
          (rows, point, position - static_cast<double>(point), from_first + from, size, h);
        });
}

template <class Make>
void ContinuousFilter::weigh(const float* x, Index frames, Index channels, double gain, float* out,
                             Make&& coefficients) {
  constexpr Index together = 8;
  HWY_ALIGN double h[block];  // whole pairs of vectors
  float samples[block];       // of one channel
  for (Index c = 0; c < channels; c += together) {
    const Index count = std::min(together, channels - c);
    double sum[together] = {}, part[2] = {};
    for (Index from = 0; from < frames; from += block) {
      const Index size = std::min(block, frames - from);
      coefficients(from, (size + overhang - 1) / overhang * overhang, h);
      if (channels <= 2) {
        HWY_DYNAMIC_DISPATCH(Dot)(h, x + from * channels, channels, size, part);
        for (Index j = 0; j < channels; ++j) sum[j] += part[j];
        continue;
      }
      for (Index j = 0; j < count; ++j) {
        for (Index k = 0; k < size; ++k) samples[k] = x[(from + k) * channels + c + j];
        HWY_DYNAMIC_DISPATCH(Dot)(h, samples, 1, size, part);
        sum[j] += part[0];
      }
    }
    for (Index j = 0; j < count; ++j) out[c + j] = static_cast<float>(gain * sum[j]);
  }
}

}  // namespace wavestride::kernels
#endif
