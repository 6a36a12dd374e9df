#include "frame_shuffle.h"

#include <algorithm>

namespace wavestride::detail {

FrameShuffle::FrameShuffle(Index in_step, std::span<const Index> index, std::span<const float> weights,
                           Index next)
    : in_step_(in_step), out_step_(static_cast<Index>(index.size())), next_(next) {
  const Index lanes = kernels::shuffle_lanes();
  together_ = std::max<Index>(1, lanes / std::max(in_step_, out_step_));
  const Index values = together_ * out_step_;
  const Index reach =
      (together_ - 1) * in_step_ + std::max(in_step_, 1 + *std::max_element(index.begin(), index.end()));
  const auto source = [&](Index at) {
    return at / out_step_ * in_step_ + index[static_cast<std::size_t>(at % out_step_)];
  };
  for (Index at = 0, end; at < values; at = end) {
    Index least = source(at), most = least;
    for (end = at + 1; end < values && end - at < lanes; ++end) {
      const Index i = source(end), low = std::min(least, i), high = std::max(most, i);
      if (high - low >= lanes) break;
      least = low;
      most = high;
    }
    const Index from = std::max<Index>(0, std::min(least, reach - lanes));
    kernels::Shuffle& piece = pieces_.emplace_back(kernels::Shuffle{from, at, lanes, {}});
    for (Index i = at; i < end; ++i) piece.lane[i - at] = static_cast<std::int32_t>(source(i) - from);
    last_read_ = std::max(last_read_, from + lanes + next);
  }
  // Values of a piece; vectors of AVX-512 mostly lie across cache lines.
  const Index fewest = lanes == 16 ? 3 : 2;
  if (fewest * static_cast<Index>(pieces_.size()) > values) pieces_ = {};
  if (pieces_.empty() || weights.empty()) return;
  weights_.resize(static_cast<std::size_t>(values + lanes), 0.0f);
  for (Index i = 0; i < values; ++i)
    weights_[static_cast<std::size_t>(i)] = weights[static_cast<std::size_t>(i % out_step_)];
}

Index FrameShuffle::make(const float* in, Index in_size, float* out, Index out_size) const noexcept {
  if (pieces_.empty()) return 0;
  const Index in_step = together_ * in_step_, out_step = together_ * out_step_;
  const Index left = in_size - last_read_, room = out_size - pieces_.back().to - pieces_.back().lanes;
  if (left < 0 || room < 0) return 0;
  const Index steps = std::min({left / in_step + 1, room / out_step + 1, out_size / out_step});
  return together_ * kernels::shuffle(pieces_, weights_.empty() ? nullptr : weights_.data(), next_, in,
                                      in_step, steps, out, out_step);
}

}  // namespace wavestride::detail
