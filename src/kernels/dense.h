// The one kernel: window × packed weights over frames. Convolution (strided, dilated, grouped, pointwise) and
// every phase of a transposed convolution are calls of it.
#pragma once

#include <wavestride/geometry.h>

#include <algorithm>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "kernels/aligned.h"
#include "kernels/finish.h"

namespace wavestride::kernels {

using AlignedFloats = Aligned<float>;

/// A weight by its place: output channel, input channel, tap.
using WeightAt = std::function<float(Index out, Index in, Index tap)>;

/// Output channels that stand side by side in packed weights: 32 where a vector has 16 lanes, else 16.
Index dense_panel_width() noexcept;

/// Weights of one group, packed as panels [block of rows][tap][row][width] of dense_panel_width() output
/// channels each, of 16 in the last one where that suffices; padded with zeros. A row is what an output
/// channel multiplies one unit of its input with: one input channel as float, or two as bfloat16. A block has
/// `row_block` rows, and the last what remain; 0 makes one block of all.
template <class Unit>
class PackedWeights {
 public:
  PackedWeights() = default;
  /// value(o, r, tap) gives the unit of output channel o in row r. An empty bias is zero. The weights lie in
  /// `memory` if it is given, of units() zeros, aligned, which must outlive them: those that are read one
  /// after the other should, since the end of some has the next ones fetched.
  PackedWeights(Index out_channels, Index rows, Index taps,
                const std::function<Unit(Index, Index, Index)>& value, std::span<const float> bias,
                Index row_block = 0, Unit* memory = nullptr)
      : memory_(memory), out_(out_channels), rows_(rows), taps_(taps), row_block_(row_block) {
    const Index padded = (out_ + 15) / 16 * 16;
    if (memory == nullptr) own_.assign(static_cast<std::size_t>(units(out_, rows_, taps_)), Unit{});
    Unit* const to = memory == nullptr ? own_.data() : memory;
    bias_.assign(static_cast<std::size_t>(padded), 0.0f);
    std::copy(bias.begin(), bias.end(), bias_.begin());
    for (Index o = 0; o < out_; ++o)
      for (Index t = 0; t < taps_; ++t)
        for (Index r = 0; r < rows_; ++r) to[place(o, r, t)] = value(o, r, t);
  }

  static Index units(Index out_channels, Index rows, Index taps) {
    return (out_channels + 15) / 16 * 16 * rows * taps;
  }

  Index out_channels() const { return out_; }
  Index rows() const { return rows_; }
  Index taps() const { return taps_; }
  Index panel_width() const { return width_; }
  Index row_block() const { return row_block_; }
  /// The unit of output channel o in row r.
  Unit value(Index o, Index r, Index tap) const { return weights()[place(o, r, tap)]; }
  const Unit* weights() const { return memory_ == nullptr ? own_.data() : memory_; }
  const float* bias() const { return bias_.data(); }

 private:
  std::size_t place(Index o, Index r, Index tap) const {
    const Index panel = o / width_ * width_, width = std::min(width_, (out_ + 15) / 16 * 16 - panel);
    const Index most = row_block_ > 0 ? row_block_ : rows_;
    const Index block = r / most * most, in_block = std::min(most, rows_ - block);
    return static_cast<std::size_t>(panel * rows_ * taps_ + o - panel +
                                    (block * taps_ + tap * in_block + r - block) * width);
  }

  Aligned<Unit> own_;
  const Unit* memory_ = nullptr;
  AlignedFloats bias_;
  Index out_ = 0, rows_ = 0, taps_ = 0, row_block_ = 0, width_ = dense_panel_width();
};

using DenseWeights = PackedWeights<float>;

/// For j in [0, frames): out[j·out_step + o] = Σ over taps t, then channels c, in that order, of
/// w[o][c][t] · in[offsets[t] + j·in_step + c], and then bias[o]: first it would make all partial sums
/// larger, and so their rounding; and then `finish`. Each output is one chain of multiply-adds, so its bits
/// do not depend on `frames`. `offsets` and steps are in floats.
void dense(const DenseWeights& w, const float* in, const Index* offsets, Index in_step, Index frames,
           float* out, Index out_step, const Finish& finish = {}) noexcept;

/// dense() to 16 output channels where a vector has 16 lanes; the second half of them goes `apart` floats
/// behind the first.
void dense_apart(const DenseWeights& w, const float* in, const Index* offsets, Index in_step, Index frames,
                 float* out, Index out_step, Index apart) noexcept;

/// The SIMD targets that this machine can run, best first, by Highway's names; and a way to make tests use
/// one.
std::vector<std::string> simd_targets();
/// Uses the named target from now on in this process; an empty name returns to the best one.
void use_simd_target(const std::string& name);

}  // namespace wavestride::kernels
