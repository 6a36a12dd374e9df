// The output frames of kernels that make them in blocks that begin at fixed frames.
#pragma once

#include <wavestride/kernel.h>

#include <algorithm>

#include "kernels/aligned.h"
#include "kernels/elementwise.h"
#include "starts_anywhere.h"

namespace wavestride::detail {

/// A block of which a call wanted only a part, kept for the next.
class KeptBlock : public KernelState, public StartsAnywhere {
 public:
  KeptBlock(Index frames, Index channels)
      : size_(frames), channels_(channels), frames_(static_cast<std::size_t>(frames * channels)) {}

  /// Which block is kept; −1: none.
  Index number() const { return number_; }
  /// Where block `number` is to be made.
  float* keep(Index number) noexcept {
    number_ = number;
    return frames_.data();
  }
  float* data() noexcept { return frames_.data(); }

  /// Frames from `first` on.
  struct Given {
    Index first, count;
  };

  /// Copies what outputs n … n+count−1 want of the block; `out` is the first of them. Says which these are.
  Given give(Index n, Index count, float* out) const noexcept {
    const Index begin = number_ * size_;
    const Index first = std::max(n, begin), last = std::min(n + count, begin + size_);
    kernels::copy(frames_.data() + (first - begin) * channels_, (last - first) * channels_,
                  out + (first - n) * channels_);
    return {first, last - first};
  }

  void reset() noexcept override { number_ = -1; }
  Index bytes() const noexcept override { return static_cast<Index>(frames_.size() * sizeof(float)); }

 private:
  Index size_, channels_, number_ = -1;
  kernels::Aligned<float> frames_;
};

}  // namespace wavestride::detail
