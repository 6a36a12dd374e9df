// Grouped convolution with few channels to a group, several groups in the lanes of one vector.
#pragma once

#include <span>
#include <vector>

#include "kernels/dense.h"
#include "kernels/grouped.h"

namespace wavestride::detail {

/// As many groups as have one vector of output channels are one dense product, whose weights are zero between
/// one group's inputs and another's outputs (idle_lanes.h): for as many multiply-adds as that vector would
/// take for each of them with the other lanes idle. Of very few inputs to a group, lanes pick theirs
/// (kernels/grouped.h).
class JoinedGroups {
 public:
  JoinedGroups() = default;
  /// `in` and `out` channels to a group; weights are of the outputs of them all.
  JoinedGroups(Index in, Index out, Index groups, Index kernel, const kernels::WeightAt& value,
               std::span<const float> bias);

  bool empty() const { return picked_.empty() && products_.empty(); }
  /// Whether inputs are read frame by frame, and not group by group.
  bool by_frames() const { return !picked_.empty(); }

  /// Makes `count` frames, right where they come out finite (idle_lanes.h).
  void make(const float* in, const Index* offsets, Index in_step, Index count, float* out,
            Index out_step) const noexcept;

  /// Makes as many of `count` frames as come out finite, from the first on, and says how many these are.
  Index make_finite(const float* in, const Index* offsets, Index in_step, Index count, float* out,
                    const kernels::Finish& finish) const noexcept;

 private:
  kernels::GroupedWeights picked_;
  std::vector<kernels::DenseWeights> products_;
  Index in_ = 0, out_ = 0, groups_ = 0, joined_ = 0;
};

}  // namespace wavestride::detail
