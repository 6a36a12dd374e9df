#include "joined_groups.h"

#include <algorithm>

#include "idle_lanes.h"

namespace wavestride::detail {

JoinedGroups::JoinedGroups(Index in, Index out, Index groups, Index kernel, const kernels::WeightAt& value,
                           std::span<const float> bias)
    : picked_(in, out, groups, kernel, value, bias),
      in_(in),
      out_(out),
      groups_(groups),
      joined_(std::min(groups, lanes_of_vector() / out)) {
  // Two take as many multiply-adds as each by itself, and save stores alone.
  const Index fewest = parts_are_stored_at_once() ? 3 : 2;
  if (!picked_.empty() || joined_ < fewest) return;
  for (Index g = 0; g < groups; g += joined_) {
    const Index some = std::min(joined_, groups - g);
    products_.emplace_back(
        some * out, some * in, kernel,
        [&](Index o, Index c, Index k) { return o / out == c / in ? value(g * out + o, c % in, k) : 0.0f; },
        bias.empty() ? bias
                     : bias.subspan(static_cast<std::size_t>(g * out), static_cast<std::size_t>(some * out)));
  }
}

void JoinedGroups::make(const float* in, const Index* offsets, Index in_step, Index count, float* out,
                        Index out_step) const noexcept {
  if (!picked_.empty()) return kernels::grouped(picked_, in, offsets, in_step, count, out, out_step);
  for (const kernels::DenseWeights& w : products_) {
    kernels::dense(w, in, offsets, in_step, count, out, out_step);
    in += joined_ * in_;
    out += joined_ * out_;
  }
}

Index JoinedGroups::make_finite(const float* in, const Index* offsets, Index in_step, Index count, float* out,
                                const kernels::Finish& finish) const noexcept {
  constexpr Index at_once = 48;
  if (empty()) return 0;
  const Index all = groups_ * out_;
  return make_while_finite(
      in, in_step, count, at_once, out, all, finish,
      [&](const float* from, Index some, float* to) { make(from, offsets, in_step, some, to, all); });
}

}  // namespace wavestride::detail
