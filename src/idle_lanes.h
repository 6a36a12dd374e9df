// What to do with lanes of a vector for which one product has no output channels: give them another product,
// with weights of zero where the two have nothing to do with each other. Zero times a finite input leaves a
// sum and all of its bits as they are, but makes −0, of a product too small for a float, +0.
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "kernels/dense.h"
#include "kernels/elementwise.h"

namespace wavestride::detail {

/// Output channels of one vector.
inline Index lanes_of_vector() {
  return kernels::dense_panel_width() / 2;
}

/// Whether a part of a vector is stored as fast as all of it, as AVX-512 does: idle lanes then cost no more
/// than what they might have made.
inline bool parts_are_stored_at_once() {
  return lanes_of_vector() == 16;
}

/// A bias with +0 for −0, which makes sums of either zero equal.
inline std::vector<float> without_negative_zeros(std::span<const float> bias) {
  std::vector<float> result(bias.begin(), bias.end());
  for (float& b : result) b += 0.0f;
  return result;
}

/// Calls make(from, some, to) for `count` frames, at most `at_once` at a time, and then `finish`, and says
/// how many frames it made: not those from where on one comes out infinite or NaN, which zero times an input
/// of another product may have done. A frame of `out_step` outputs begins to read `in_step` after the one
/// before.
template <class Unit, class Make>
Index make_while_finite(const Unit* in, Index in_step, Index count, Index at_once, float* out, Index out_step,
                        const kernels::Finish& finish, Make&& make) noexcept {
  for (Index first = 0; first < count; first += at_once) {
    const Index some = std::min(at_once, count - first), at = first * out_step;
    make(in + first * in_step, some, out + at);
    if (!kernels::finite(out + at, some * out_step)) return first;
    kernels::finish(finish.behind(at), some * out_step, out + at);
  }
  return count;
}

}  // namespace wavestride::detail
