#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/continuous.cpp"
#include "kernels/continuous.h"

#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <type_traits>

#ifndef WAVESTRIDE_INTERPOLATED
#define WAVESTRIDE_INTERPOLATED
namespace wavestride::kernels {

// Outputs: their first frames, from that of the first output on, how many frames they read, and how many
// points they lie behind these. Whole numbers, as double, in which vectors reckon.
struct Places {
  static constexpr Index most = ContinuousScratch::most_outputs;
  alignas(64) double first[most], frames[most], position[most];
};

// Rows of a table, and the samples of two channels.
template <class T>
struct Tabulated {
  const T* rows;
  Index stride, step, last;
  const T* samples;
  Index apart;
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
  const auto from_0 = hn::Iota(d, 0.0);
  const auto third = hn::Set(d, 1.0 / 6), half = hn::Set(d, 0.5), one = hn::Set(d, 1.0);
  for (Index k = 0; k < count; k += hn::MaxLanes(d)) {
    const auto n = hn::Add(from_0, hn::Set(d, static_cast<double>(k)));
    const auto p = hn::NegMulAdd(n, hn::Set(d, step), hn::Set(d, position));
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

// Where the coefficients of outputs lie in their rows, where the samples that they meet, how many these are,
// and how far outputs lie behind their rows. Outputs beyond `number` may be anything.
struct Located {
  alignas(64) int32_t row[Places::most], sample[Places::most], count[Places::most];
  alignas(64) double behind[Places::most];
};

HWY_NOINLINE void Locate(const Places& places, Index number, double step, double stride, double last_of_row,
                         Located& to) {
  const D d;
  const hn::Rebind<int32_t, D> whole;
  const auto last = hn::Set(d, last_of_row);
  for (Index i = 0; i < number; i += lanes) {
    const auto position = hn::Load(d, places.position + i), point = hn::Floor(position),
               turn = hn::Floor(hn::Mul(hn::Add(point, hn::Set(d, 0.5)), hn::Set(d, 1 / step))),
               phase = hn::NegMulAdd(turn, hn::Set(d, step), point);
    // Those that the table reaches.
    const auto begin = hn::Max(hn::Sub(turn, last), hn::Zero(d)),
               end = hn::Min(hn::Load(d, places.frames + i), hn::Add(turn, hn::Set(d, 2.0)));
    const auto store = [&](auto v, int32_t* at)
                           HWY_ATTR { hn::Store(hn::DemoteTo(whole, v), whole, at + i); };
    store(hn::MulAdd(phase, hn::Set(d, stride), hn::Add(hn::Sub(last, turn), begin)), to.row);
    store(hn::Add(hn::Load(d, places.first + i), begin), to.sample);
    store(hn::Sub(end, begin), to.count);
    hn::Store(hn::Sub(position, point), d, to.behind + i);
  }
}

// Lagrange's weights of the points −1, 0, 1 and 2.
template <class T>
HWY_INLINE void Weights(const double* behind, Index number, T (*weights)[Places::most]) {
  const hn::Rebind<T, D> d;
  const auto one = hn::Set(d, T{1}), two = hn::Set(d, T{2});
  for (Index i = 0; i < number; i += lanes) {
    hn::Vec<decltype(d)> t;
    if constexpr (std::is_same_v<T, double>)
      t = hn::Load(d, behind + i);
    else
      t = hn::DemoteTo(d, hn::Load(D(), behind + i));
    const auto a = hn::Add(t, one), b = hn::Sub(t, one), c = hn::Sub(t, two),
               outer = hn::Div(hn::Mul(t, b), hn::Set(d, T{6})), inner = hn::Div(hn::Mul(a, c), two);
    hn::Store(hn::Mul(hn::Neg(outer), c), d, weights[0] + i);
    hn::Store(hn::Mul(inner, b), d, weights[1] + i);
    hn::Store(hn::Mul(hn::Neg(inner), t), d, weights[2] + i);
    hn::Store(hn::Mul(outer, a), d, weights[3] + i);
  }
}

// sums[j·most_outputs + i] of the samples of channel j, for C of them, and output i: all in the same order,
// whatever lies beside them.
template <Index C, class T>
HWY_INLINE void InterpolateChannels(const Located& at, const T (*weights)[Places::most], Index number,
                                    const Tabulated<T>& table, T* HWY_RESTRICT sums) {
  const hn::CappedTag<T, 8> d;
  constexpr Index N = hn::MaxLanes(hn::CappedTag<T, 8>());
  for (Index i = 0; i < number; ++i) {
    const T *const row = table.rows + at.row[i], *const x = table.samples + at.sample[i];
    const Index count = at.count[i];
    const auto weight = [&](Index r) HWY_ATTR { return hn::Set(d, weights[r][i]); };
    const auto w0 = weight(0), w1 = weight(1), w2 = weight(2), w3 = weight(3);
    hn::Vec<hn::CappedTag<T, 8>> sum[C];
    for (auto& v : sum) v = hn::Zero(d);
    for (Index k = 0; k < count; k += N) {
      const auto of_row = [&](Index r) HWY_ATTR { return hn::LoadU(d, row + r * table.stride + k); };
      const auto h = hn::MulAdd(w2, of_row(2),
                                hn::MulAdd(w1, of_row(1), hn::MulAdd(w3, of_row(3), hn::Mul(w0, of_row(0)))));
      const auto mask = hn::FirstN(d, static_cast<std::size_t>(count - k));
      for (Index j = 0; j < C; ++j)
        sum[j] = hn::MulAdd(h, hn::IfThenElseZero(mask, hn::LoadU(d, x + j * table.apart + k)), sum[j]);
    }
    for (Index j = 0; j < C; ++j) sums[j * Places::most + i] = hn::GetLane(hn::SumOfLanes(d, sum[j]));
  }
}

template <class T>
void Interpolate(const Places& places, Index number, const Tabulated<T>& table, Index channels, T* sums) {
  Located at;
  Locate(places, number, static_cast<double>(table.step), static_cast<double>(table.stride),
         static_cast<double>(table.last), at);
  alignas(64) T weights[4][Places::most];
  Weights(at.behind, number, weights);
  channels == 1 ? InterpolateChannels<1>(at, weights, number, table, sums)
                : InterpolateChannels<2>(at, weights, number, table, sums);
}
void InterpolateFloats(const Places& places, Index number, const Tabulated<float>& table, Index channels,
                       float* sums) {
  Interpolate(places, number, table, channels, sums);
}
void InterpolateDoubles(const Places& places, Index number, const Tabulated<double>& table, Index channels,
                        double* sums) {
  Interpolate(places, number, table, channels, sums);
}

using V = hn::Vec<D>;

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

void Dot(const double* h, const float* x, Index channels, Index count, double* sums) {
  const auto weights = [&](Index k) HWY_ATTR { return hn::LoadU(D(), h + k); };
  channels == 1 ? Products<1>(weights, x, count, sums) : Products<2>(weights, x, count, sums);
}

}  // namespace wavestride::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace wavestride::kernels {
namespace {

constexpr Index margin = 4;     // zeros around the table, so that the outermost cubics have four points
constexpr Index overhang = 16;  // zeros behind a row, for whole pairs of vectors

HWY_EXPORT(Coefficients);
HWY_EXPORT(Dot);
HWY_EXPORT(InterpolateFloats);
HWY_EXPORT(InterpolateDoubles);

}  // namespace

ContinuousFilter::ContinuousFilter(std::span<const double> h, Index step, bool precise)
    : points_(static_cast<Index>(h.size())),
      step_(step),
      last_((points_ + 1) / step),
      stride_(last_ + 2 + overhang),
      table_(h.size() + 2 * margin) {
  std::copy(h.begin(), h.end(), table_.begin() + margin);
  const auto fill = [&](auto& rows) {
    rows.resize(static_cast<std::size_t>((step + 3) * stride_));
    for (Index r = -1; r < step + 2; ++r)
      for (Index n = 0; n < last_ + 2; ++n)
        if (const Index point = (last_ - n) * step + r; point >= 0 && point < points_)
          rows[static_cast<std::size_t>((r + 1) * stride_ + n)] =
              static_cast<std::decay_t<decltype(rows[0])>>(h[static_cast<std::size_t>(point)]);
  };
  precise ? fill(exact_rows_) : fill(rows_);
}

Index ContinuousFilter::bytes() const {
  return static_cast<Index>((table_.size() + exact_rows_.size()) * sizeof(double) +
                            rows_.size() * sizeof(float));
}

ContinuousScratch::ContinuousScratch(const ContinuousFilter& filter, Index frames)
    : room_(frames + overhang) {
  const auto room = static_cast<std::size_t>(2 * room_);
  filter.precise() ? exact_samples_.resize(room) : samples_.resize(room);
}

Index ContinuousScratch::bytes() const {
  return static_cast<Index>(samples_.size() * sizeof(float) + exact_samples_.size() * sizeof(double));
}

void ContinuousFilter::apply(const float* x, Index frames, Index channels, double position, double step,
                             double gain, float* out) const noexcept {
  constexpr Index together = 8, block = 256;
  HWY_ALIGN double h[block];  // whole pairs of vectors
  float samples[block];       // of one channel
  for (Index c = 0; c < channels; c += together) {
    const Index count = std::min(together, channels - c);
    double sum[together] = {}, part[2] = {};
    for (Index from = 0; from < frames; from += block) {
      const Index size = std::min(block, frames - from);
      HWY_DYNAMIC_DISPATCH(Coefficients)
      (table_.data() + margin - 1, position - static_cast<double>(from) * step, step, -2.0,
       static_cast<double>(points_ + 1), (size + overhang - 1) / overhang * overhang, h);
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

template <class T, class In, class Out>
void ContinuousFilter::interpolate(const Aligned<T>& rows, Aligned<T>& samples, Index room, const In* x,
                                   std::span<const Output> outputs, Index channels, double gain,
                                   Out* out) const {
  constexpr Index most = ContinuousScratch::most_outputs;
  const Index low = outputs.front().first, frames = outputs.back().first + outputs.back().frames - low;
  const auto number = static_cast<Index>(outputs.size());
  Places places;
  for (Index i = 0; i < number; ++i) {
    const Output& o = outputs[static_cast<std::size_t>(i)];
    places.first[i] = static_cast<double>(o.first - low);
    places.frames[i] = static_cast<double>(o.frames);
    places.position[i] = o.position;
  }
  // Those that fill the last vectors.
  for (double* const rest : {places.first, places.frames, places.position})
    std::fill(rest + number, rest + (number + 7) / 8 * 8, 0.0);
  const Tabulated<T> table{rows.data(), stride_, step_, last_, samples.data(), room};
  T sums[2 * most];
  for (Index c = 0; c < channels; c += 2) {
    const Index both = std::min<Index>(2, channels - c);
    for (Index j = 0; j < both; ++j) {
      const In* from = x + low * channels + c + j;
      T* const to = samples.data() + j * room;
      if (channels == 1)
        std::copy_n(from, frames, to);
      else
        for (Index k = 0; k < frames; ++k) to[k] = static_cast<T>(from[k * channels]);
    }
    if constexpr (std::is_same_v<T, float>)
      HWY_DYNAMIC_DISPATCH(InterpolateFloats)(places, number, table, both, sums);
    else
      HWY_DYNAMIC_DISPATCH(InterpolateDoubles)(places, number, table, both, sums);
    for (Index j = 0; j < both; ++j)
      for (Index i = 0; i < number; ++i)
        out[i * channels + c + j] = static_cast<Out>(static_cast<T>(gain) * sums[j * most + i]);
  }
}

template <class In, class Out>
void ContinuousFilter::apply(const In* x, std::span<const Output> outputs, Index channels, double gain,
                             Out* out, ContinuousScratch& s) const noexcept {
  if (outputs.empty()) return;
  if (precise())
    interpolate(exact_rows_, s.exact_samples_, s.room_, x, outputs, channels, gain, out);
  else if constexpr (std::is_same_v<In, Out>)
    interpolate(rows_, s.samples_, s.room_, x, outputs, channels, gain, out);
}

template void ContinuousFilter::apply(const float*, std::span<const Output>, Index, double, float*,
                                      ContinuousScratch&) const noexcept;
template void ContinuousFilter::apply(const float*, std::span<const Output>, Index, double, double*,
                                      ContinuousScratch&) const noexcept;
template void ContinuousFilter::apply(const double*, std::span<const Output>, Index, double, float*,
                                      ContinuousScratch&) const noexcept;

}  // namespace wavestride::kernels
#endif
