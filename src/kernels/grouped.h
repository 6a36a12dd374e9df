// Grouped convolution with few channels to a group, in whole vectors of output channels: each lane picks its
// input from a vector of them.
#pragma once

#include <wavestride/geometry.h>

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/dense.h"

namespace wavestride::kernels {

/// A vector of output channels takes steps, one or more for each input channel of a group: a step multiplies
/// the lanes `indices` of the inputs from `first` on with a vector of weights, which are zero for lanes whose
/// input is in another step of the same channel. Weights lie by vector, tap and step.
class GroupedWeights {
 public:
  GroupedWeights() = default;
  /// `in` and `out` channels to a group; weights are of the outputs of all groups. Empty where dense() is
  /// faster.
  GroupedWeights(Index in, Index out, Index groups, Index taps, const WeightAt& value,
                 std::span<const float> bias);

  bool empty() const { return weights_.empty(); }
  Index out_channels() const { return out_; }
  Index taps() const { return taps_; }
  /// The first step of a vector; of the one behind the last, the number of steps.
  Index begin(Index vector) const { return begins_[static_cast<std::size_t>(vector)]; }
  const Index* firsts() const { return firsts_.data(); }
  const std::int32_t* indices() const { return indices_.data(); }
  const float* weights() const { return weights_.data(); }
  const float* bias() const { return bias_.data(); }

 private:
  Index out_ = 0, taps_ = 0;
  std::vector<Index> begins_, firsts_;
  Aligned<std::int32_t> indices_;
  Aligned<float> weights_, bias_;
};

/// For j in [0, frames) and each output channel o: out[j·out_step + o] = the sum of dense() for its group,
/// with the same bits where it comes out finite, by inputs in[offsets[t] + j·in_step + c].
void grouped(const GroupedWeights& w, const float* in, const Index* offsets, Index in_step, Index frames,
             float* out, Index out_step) noexcept;

}  // namespace wavestride::kernels
