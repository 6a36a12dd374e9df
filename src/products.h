// What a convolution multiplies: floats as they are, or rounded to bfloat16, two channels at a time.
#pragma once

#include <wavestride/kernel.h>

#include <algorithm>
#include <type_traits>

#include "kernels/bfloat16.h"

namespace wavestride::detail {

using kernels::Bfloat16Pair;

/// Channels in a unit of packed weights.
template <class Unit>
constexpr Index channels_of = std::is_same_v<Unit, Bfloat16Pair> ? 2 : 1;

/// Whether products of bfloat16 pay for rounding the inputs of a group.
constexpr bool bfloat16_pays(Index group_channels) {
  return group_channels >= 16 && group_channels % 2 == 0;
}

/// Outputs that are made at once of `floats` input values each, so that these stay in the cache when rounded.
constexpr Index outputs_at_once(Index floats) {
  return std::clamp<Index>((32 << 10) / floats, 16, 1024);
}

/// The frames that a convolution works on, rounded.
class RoundedFrames final : public KernelState {
 public:
  /// Has room for so many floats, and for the offsets of taps that are rounded one by one.
  explicit RoundedFrames(Index floats, Index taps = 0)
      : offsets(static_cast<std::size_t>(taps)), pairs_(static_cast<std::size_t>(floats / 2)) {}

  Index bytes() const noexcept override {
    return static_cast<Index>(pairs_.size() * sizeof(Bfloat16Pair) + offsets.size() * sizeof(Index));
  }

  /// Rounds floats to where the one numbered `at` belongs; gives the first pair of all.
  const Bfloat16Pair* round(const float* in, Index floats, Index at = 0) noexcept {
    kernels::round_to_bfloat16(in, floats / 2, pairs_.data() + at / 2);
    return pairs_.data();
  }

  std::vector<Index> offsets;

 private:
  kernels::Aligned<Bfloat16Pair> pairs_;
};

}  // namespace wavestride::detail
