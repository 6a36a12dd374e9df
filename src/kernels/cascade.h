// Two polyphase filters in sequence: where a sharp filter is cheap at one rate and the rate that is asked for
// is another, the first of them goes to a rate between and the second from there.
#pragma once

#include <memory>

#include "kernels/polyphase.h"

namespace wavestride::kernels {

/// The input frames that an output frame reads through both.
Window cascade_window(const Window& first, const Window& second);

/// The frames between two banks of the same precision, kept from call to call so that none is made twice as
/// long as calls follow each other.
class CascadeScratch {
 public:
  CascadeScratch(std::shared_ptr<const PolyphaseBank> first, std::shared_ptr<const PolyphaseBank> second,
                 Index channels);

  /// Outputs n … n+count−1, as polyphase(): `in` is the frame that the window of output n starts with. Frames
  /// kept must be of the same signal: reset() starts another.
  void run(const float* in, Index n, Index count, float* out) noexcept;
  void reset() noexcept { begin_ = end_ = 0; }
  Index bytes() const;

 private:
  template <class T>
  void run(Aligned<T>& between, const float* in, Index n, Index count, float* out) noexcept;

  std::shared_ptr<const PolyphaseBank> first_, second_;
  PolyphaseScratch first_scratch_, second_scratch_;
  Window window_;
  Index channels_, block_;     // outputs at a time
  Index begin_ = 0, end_ = 0;  // frames between that are kept
  Aligned<float> floats_;      // they are here,
  Aligned<double> doubles_;    // or here when the banks are precise
};

}  // namespace wavestride::kernels
