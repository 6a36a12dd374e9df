#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/grouped.cpp"
#include "kernels/grouped.h"

#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/store_part-inl.h"

HWY_BEFORE_NAMESPACE();
namespace wavestride::kernels::HWY_NAMESPACE {

using D = hn::CappedTag<float, 16>;

Index GroupedLanes() {
  return static_cast<Index>(hn::Lanes(D()));
}

// F frames of a vector of output channels.
template <int F>
HWY_INLINE void GroupedTile(const GroupedWeights& w, Index vector, const float* HWY_RESTRICT in,
                            const Index* HWY_RESTRICT offsets, Index in_step, float* HWY_RESTRICT out,
                            Index out_step) {
  const D d;
  const auto N = static_cast<Index>(hn::Lanes(d));
  const Index begin = w.begin(vector), end = w.begin(vector + 1), taps = w.taps();
  const float* HWY_RESTRICT weights = w.weights() + begin * taps * N;
  hn::Vec<D> sum[F];
#pragma GCC unroll 8
  for (auto& s : sum) s = hn::Zero(d);
  for (Index t = 0; t < taps; ++t)
    for (Index step = begin; step < end; ++step, weights += N) {
      const float* HWY_RESTRICT x = in + offsets[t] + w.firsts()[step];
      const auto indices = hn::SetTableIndices(d, w.indices() + step * N);
      const auto weight = hn::Load(d, weights);
#pragma GCC unroll 8
      for (int f = 0; f < F; ++f)
        sum[f] = hn::MulAdd(hn::TableLookupLanes(hn::LoadU(d, x + f * in_step), indices), weight, sum[f]);
    }
  const auto bias = hn::Load(d, w.bias() + vector * N);
  const Index count = std::min(N, w.out_channels() - vector * N);
  out += vector * N;
#pragma GCC unroll 8
  for (auto& s : sum) s = hn::Add(s, bias);
  if (count == N) {
#pragma GCC unroll 8
    for (int f = 0; f < F; ++f) hn::StoreU(sum[f], d, out + f * out_step);
    return;
  }
  HWY_ALIGN float parts[F * hn::MaxLanes(D())];
#pragma GCC unroll 8
  for (int f = 0; f < F; ++f) hn::Store(sum[f], d, parts + f * N);
#pragma GCC unroll 1
  for (int f = 0; f < F; ++f) StorePart(d, hn::Load(d, parts + f * N), count, out + f * out_step);
}

void Grouped(const GroupedWeights& w, const float* in, const Index* offsets, Index in_step, Index frames,
             float* out, Index out_step) {
  const auto N = static_cast<Index>(hn::Lanes(D()));
  if (hn::MaxLanes(D()) == 1) return;  // there are no such weights
  const Index vectors = (w.out_channels() + N - 1) / N;
  // So many weights stay in the nearest cache while all frames pass by.
  constexpr Index cached = 4 << 10;
  for (Index v = 0, end; v < vectors; v = end) {
    for (end = v + 1; end < vectors && (w.begin(end + 1) - w.begin(v)) * w.taps() * N <= cached;) ++end;
    Index j = 0;
    const auto run = [&](auto tile, Index some) HWY_ATTR {
      for (; j + some <= frames; j += some)
        for (Index i = v; i < end; ++i)
          tile(w, i, in + j * in_step, offsets, in_step, out + j * out_step, out_step);
    };
    run([](auto&&... a) HWY_ATTR { GroupedTile<8>(a...); }, 8);
    run([](auto&&... a) HWY_ATTR { GroupedTile<1>(a...); }, 1);
  }
}

}  // namespace wavestride::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace wavestride::kernels {

HWY_EXPORT(GroupedLanes);
HWY_EXPORT(Grouped);

GroupedWeights::GroupedWeights(Index in, Index out, Index groups, Index taps, const WeightAt& value,
                               std::span<const float> bias)
    : out_(out * groups), taps_(taps) {
  const Index lanes = HWY_DYNAMIC_DISPATCH(GroupedLanes)(), all = in * groups;
  if (lanes == 1 || all < lanes) return;
  const auto input_of = [&](Index o, Index c) { return o / out * in + c; };
  for (Index o = 0; o < out_; o += lanes) {
    begins_.push_back(static_cast<Index>(firsts_.size()));
    const Index end = std::min(o + lanes, out_);
    for (Index c = 0; c < in; ++c)
      for (Index lane = o; lane < end;) {
        firsts_.push_back(std::min(input_of(lane, c), all - lanes));
        while (lane < end && input_of(lane, c) < firsts_.back() + lanes) ++lane;
      }
  }
  const auto steps = static_cast<Index>(firsts_.size());
  begins_.push_back(steps);
  // A step takes as long as three rows of dense(), of which all together have as many as there are inputs;
  // and what else its tiles take is that of some rows.
  constexpr Index rows_to_step = 3, rows_to_vector = 4;
  if (rows_to_step * taps * steps > taps * all + rows_to_vector * static_cast<Index>(begins_.size() - 1))
    return;
  indices_.assign(static_cast<std::size_t>(steps * lanes), 0);
  weights_.assign(static_cast<std::size_t>(steps * taps * lanes), 0.0f);
  bias_.assign(static_cast<std::size_t>((out_ + lanes - 1) / lanes * lanes), 0.0f);
  std::copy(bias.begin(), bias.end(), bias_.begin());
  for (Index o = 0; o < out_; ++o) {
    const Index begin = begins_[static_cast<std::size_t>(o / lanes)];
    const Index count = begins_[static_cast<std::size_t>(o / lanes) + 1] - begin;
    for (Index c = 0, step = begin; c < in; ++step) {
      const Index index = input_of(o, c) - firsts_[static_cast<std::size_t>(step)];
      if (index < 0 || index >= lanes) continue;
      indices_[static_cast<std::size_t>(step * lanes + o % lanes)] = static_cast<std::int32_t>(index);
      for (Index t = 0; t < taps; ++t)
        weights_[static_cast<std::size_t>((begin * taps + t * count + step - begin) * lanes + o % lanes)] =
            value(o, c, t);
      ++c;
    }
  }
}

void grouped(const GroupedWeights& w, const float* in, const Index* offsets, Index in_step, Index frames,
             float* out, Index out_step) noexcept {
  HWY_DYNAMIC_DISPATCH(Grouped)(w, in, offsets, in_step, frames, out, out_step);
}

}  // namespace wavestride::kernels
#endif
