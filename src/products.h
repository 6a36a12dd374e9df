// What a convolution multiplies: floats as they are, or rounded to bfloat16, two channels at a time.
#pragma once

#include <wavestride/kernel.h>

#include <algorithm>
#include <cstddef>
#include <type_traits>

#include "alternatives.h"
#include "kernels/bfloat16.h"

namespace wavestride::detail {

using kernels::Bfloat16Pair;

/// Channels in a unit of packed weights.
template <class Unit>
constexpr Index channels_of = std::is_same_v<Unit, Bfloat16Pair> ? 2 : 1;

/// How weights of such units are packed.
template <class Unit>
Index row_block() {
  return channels_of<Unit> == 2 ? kernels::bfloat16_row_block() : 0;
}

/// Whether products of bfloat16 pay for rounding the inputs of a group.
constexpr bool bfloat16_pays(Index group_channels) {
  return group_channels >= 16 && group_channels % 2 == 0;
}

/// By bfloat16, where that is faster than float.
inline std::shared_ptr<const Kernel> faster_rounded(const HasAlternatives& kernel) {
  return kernels::bfloat16_speed() > 1 ? kernel.bfloat16() : nullptr;
}

/// Outputs that are made at once of `floats` input values each, so that these stay in the cache when rounded.
constexpr Index outputs_at_once(Index floats) {
  return std::clamp<Index>((32 << 10) / floats, 16, 1024);
}

/// The frames that a convolution works on, rounded into the scratch of a call; before them, the offsets of
/// taps that are rounded one by one.
class RoundedFrames {
 public:
  static Index bytes(Index floats, Index taps = 0) {
    return pairs_at(taps) + floats / 2 * static_cast<Index>(sizeof(Bfloat16Pair));
  }

  RoundedFrames(void* scratch, Index taps = 0)
      : offsets(static_cast<Index*>(scratch)),
        pairs_(static_cast<Bfloat16Pair*>(
            static_cast<void*>(static_cast<std::byte*>(scratch) + pairs_at(taps)))) {}

  /// Rounds floats, x > 0 ? x : slope·x, to where the one numbered `at` belongs; gives the first pair of all.
  const Bfloat16Pair* round(const float* in, float slope, Index floats, Index at = 0) const noexcept {
    kernels::round_to_bfloat16(in, slope, floats / 2, pairs_ + at / 2);
    return pairs_;
  }

  Index* const offsets;

 private:
  static constexpr Index pairs_at(Index taps) {
    return (taps * static_cast<Index>(sizeof(Index)) + 63) / 64 * 64;
  }
  Bfloat16Pair* pairs_;
};

}  // namespace wavestride::detail
