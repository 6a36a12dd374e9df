#include "frame_shuffle.h"

#include <algorithm>
#include <numeric>

namespace wavestride::detail {

namespace {

/// How many steps vectors make together, and by which pieces.
struct Plan {
  Index together = 1;
  std::vector<kernels::Shuffle> pieces;
};

/// The value of the input that value `at` of several steps is.
struct Source {
  Index in_step;
  std::span<const Index> index;

  Index operator()(Index at) const {
    const auto out_step = static_cast<Index>(index.size());
    return at / out_step * in_step + index[static_cast<std::size_t>(at % out_step)];
  }
  /// Of all values that so many steps may read.
  Index reach(Index steps) const {
    return (steps - 1) * in_step + std::max(in_step, 1 + *std::max_element(index.begin(), index.end()));
  }
};

/// Each piece from one vector: as many values as lie in it.
Plan one_by_one(const Source& source, Index out_step, Index lanes) {
  Plan plan;
  plan.together = std::max<Index>(1, lanes / std::max(source.in_step, out_step));
  const Index values = plan.together * out_step, reach = source.reach(plan.together);
  for (Index at = 0, end; at < values; at = end) {
    Index least = source(at), most = least;
    for (end = at + 1; end < values && end - at < lanes; ++end) {
      const Index i = source(end), low = std::min(least, i), high = std::max(most, i);
      if (high - low >= lanes) break;
      least = low;
      most = high;
    }
    const Index from = std::max<Index>(0, std::min(least, reach - lanes));
    kernels::Shuffle& piece = plan.pieces.emplace_back(kernels::Shuffle{from, at, lanes, false, {}, {}});
    for (Index i = at; i < end; ++i) piece.lane[i - at] = static_cast<std::int32_t>(source(i) - from);
  }
  return plan;
}

/// Whole vectors of steps that fill some, each joined from as many as its values lie in.
Plan joined(const Source& source, Index out_step, Index lanes) {
  constexpr std::size_t most_pieces = 48;
  Plan plan;
  plan.together = lanes / std::gcd(out_step, lanes);
  const Index values = plan.together * out_step, reach = source.reach(plan.together);
  for (Index at = 0; at < values; at += lanes) {
    std::vector<Index> left;
    for (Index i = at; i < at + lanes; ++i) left.push_back(i);
    for (bool more = false; !left.empty(); more = true) {
      if (plan.pieces.size() == most_pieces) return {};
      Index least = source(left.front());
      for (const Index i : left) least = std::min(least, source(i));
      const Index from = std::max<Index>(0, std::min(least, reach - lanes));
      kernels::Shuffle& piece = plan.pieces.emplace_back(kernels::Shuffle{from, at, lanes, more, {}, {}});
      std::erase_if(left, [&](Index i) {
        if (source(i) - from >= lanes) return false;
        piece.lane[i - at] = static_cast<std::int32_t>(source(i) - from);
        piece.mine[i - at] = -1;
        return true;
      });
    }
  }
  return plan;
}

}  // namespace

FrameShuffle::FrameShuffle(Index in_step, std::span<const Index> index, std::span<const float> weights,
                           Index next)
    : in_step_(in_step), out_step_(static_cast<Index>(index.size())), next_(next) {
  const Index lanes = kernels::shuffle_lanes();
  const Source source{in_step, index};
  Plan plan = one_by_one(source, out_step_, lanes);
  const auto count = [](const Plan& some) { return static_cast<Index>(some.pieces.size()); };
  if (Plan other = joined(source, out_step_, lanes);
      count(other) > 0 && count(other) * plan.together < count(plan) * other.together)
    plan = std::move(other);
  together_ = plan.together;
  // Values of a piece; vectors of AVX-512 mostly lie across cache lines.
  const Index values = together_ * out_step_, fewest = lanes == 16 ? 3 : 2;
  if (fewest * count(plan) > values) return;
  pieces_ = std::move(plan.pieces);
  for (const kernels::Shuffle& piece : pieces_)
    last_read_ = std::max(last_read_, piece.from + piece.lanes + next);
  if (weights.empty()) return;
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
