// Grouped convolution with few channels to a group, several groups in the lanes of one vector.
#pragma once

#include <span>
#include <vector>

#include "idle_lanes.h"

namespace wavestride::detail {

/// As many groups as have one vector of output channels are one dense product, whose weights are zero between
/// one group's inputs and another's outputs (idle_lanes.h): for as many multiply-adds as that vector would
/// take for each of them with the other lanes idle.
class JoinedGroups {
 public:
  JoinedGroups() = default;
  /// `in` and `out` channels to a group; weights are of the outputs of them all.
  JoinedGroups(Index in, Index out, Index groups, Index kernel, const kernels::WeightAt& value,
               std::span<const float> bias)
      : in_(in), out_(out), groups_(groups), joined_(std::min(groups, lanes_of_vector() / out)) {
    if (joined_ < 2) return;
    for (Index g = 0; g < groups; g += joined_) {
      const Index some = std::min(joined_, groups - g);
      products_.emplace_back(
          some * out, some * in, kernel,
          [&](Index o, Index c, Index k) { return o / out == c / in ? value(g * out + o, c % in, k) : 0.0f; },
          bias.empty()
              ? bias
              : bias.subspan(static_cast<std::size_t>(g * out), static_cast<std::size_t>(some * out)));
    }
  }

  /// Makes as many of `count` frames as come out finite, from the first on, and says how many these are.
  Index make(const float* in, const Index* offsets, Index in_step, Index count, float* out,
             const kernels::Finish& finish) const noexcept {
    if (products_.empty()) return 0;
    const Index all = groups_ * out_;
    return make_while_finite(count, at_once, all, out, finish, [&](Index first, Index some, float* to) {
      const float* from = in + first * in_step;
      for (const kernels::DenseWeights& w : products_) {
        kernels::dense(w, from, offsets, in_step, some, to, all);
        from += joined_ * in_;
        to += joined_ * out_;
      }
    });
  }

 private:
  static constexpr Index at_once = 48;

  std::vector<kernels::DenseWeights> products_;
  Index in_ = 0, out_ = 0, groups_ = 0, joined_ = 0;
};

}  // namespace wavestride::detail
