// FrameShuffle: the values of some frames in another order, or between two of them, by vectors.
#pragma once

#include "kernels/aligned.h"
#include "kernels/elementwise.h"

namespace wavestride::detail {

/// Steps, each of which makes the next so many values of the next so many: a kernel for the pieces of those
/// steps that together fit in a vector. A vector takes what follows one another in the output for as long as
/// it lies within a vector of the input; where that is less than two values each, there are none, since one
/// by one is no slower.
class FrameShuffle {
 public:
  FrameShuffle() = default;
  /// Value i of a step is value index[i] of the `in_step` that it has, or, with weights, as far from that to
  /// the one `next` values behind it as weights[i] says, in the bits of kernels::blend().
  [[gnu::cold]] FrameShuffle(Index in_step, std::span<const Index> index, std::span<const float> weights = {},
                             Index next = 0);

  bool empty() const { return pieces_.empty(); }

  /// Makes as many steps as can be made of whole vectors, with the last of them within the signals: of those
  /// that `in_size` values have and `out_size` values have room for. Returns how many.
  Index make(const float* in, Index in_size, float* out, Index out_size) const noexcept;

 private:
  std::vector<kernels::Shuffle> pieces_;
  kernels::Aligned<float> weights_;  // of all values of those steps, and of a vector more
  Index in_step_ = 0, out_step_ = 0, together_ = 1, next_ = 0, last_read_ = 0;
};

}  // namespace wavestride::detail
