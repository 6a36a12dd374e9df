// Polyphase FIR filtering by a rational ratio: the hot loop of sample-rate conversion.
//
// A vector holds 16 consecutive outputs; one input sample, broadcast, meets a vector of coefficients that is
// shared by all rows in flight (the same outputs of other periods, or of other channels). Where an output
// does not read a sample its coefficient is zero. Sums run from the far ends of the filter towards its
// centre, so that they stay small, and round little, for as long as possible.
//
// Symmetric filters with a short period are folded: of 32 outputs around a common centre, output i and its
// mirror image j read sample t and its mirror t' with coefficients (a, b) and (b, a), so that
//     y_i + y_j = Σ (a+b)(x_t + x_t')        y_i − y_j = Σ (a−b)(x_t − x_t')
// needs half of the products. Only samples that all 32 outputs read are folded; the rest stays direct.
#pragma once

#include <wavestride/geometry.h>

#include <span>
#include <vector>

#include "kernels/aligned.h"

namespace wavestride::kernels {

class PolyphaseBank {
 public:
  static constexpr int lanes = 16;

  /// 16 outputs of a period, lane j being output start + j.
  struct Group {
    Index start = 0;
    int outputs = 0;                 ///< lanes in use
    Index origin = 0;                ///< first frame that lane 0 reads, relative to that of output 0
    Index begin[lanes], end[lanes];  ///< the frames that each lane reads, relative to origin
    Index head = 0, tail = 0;      ///< direct sums: frames before head upwards, frames from tail on downwards
    Index head_h = 0, tail_h = 0;  ///< offsets of their coefficients, one vector a frame
    Index centre_h = 0;            ///< of frames head … tail−1 in double, when precise and not folded
  };

  /// Two groups that mirror each other.
  struct Fold {
    Index pairs = 0;    ///< frames folded, from the ends of the core to its centre
    Index exact = 0;    ///< of these, the innermost ones taken in double
    Index sum_h = 0;    ///< float coefficients: for each pair a vector for sums, a vector for differences
    Index exact_h = 0;  ///< double coefficients of the innermost pairs, likewise
  };

  /// y[n] = Σ_m x[m] · h[n·M − m·L + last], L/M reduced. `precise` takes the centre of the filter, where
  /// float sums would round too much, in double.
  PolyphaseBank(Index L, Index M, Index last, std::span<const double> h, bool precise);

  const Window& window() const { return window_; }
  Index period() const { return period_; }    ///< outputs
  Index advance() const { return advance_; }  ///< input frames per period
  bool folded() const { return !folds_.empty(); }
  bool precise() const { return precise_; }
  std::span<const Group> groups() const { return groups_; }
  /// Fold f joins groups 2f and 2f+1; empty when the bank is not folded.
  std::span<const Fold> folds() const { return folds_; }
  const float* floats() const { return floats_.data(); }
  const double* doubles() const { return doubles_.data(); }
  Index bytes() const;
  /// Doubles that a call needs as scratch memory.
  Index scratch() const { return scratch_; }
  /// Multiply-adds per output, zeros included.
  double macs() const;

  /// Rounds h as it is held here: to float, but for the centre of a precise bank.
  void quantise(std::span<double> h) const;

 private:
  Window window_;
  bool precise_;
  Index exact_begin_ = 0, exact_end_ = 0;  // of h, what is held in double
  Index period_ = 1, advance_ = 1, scratch_ = 0;
  std::vector<Group> groups_;
  std::vector<Fold> folds_;
  Aligned<float> floats_;
  Aligned<double> doubles_;
};

/// Outputs n … n+count−1. `in` is the frame that output n reads first. The bits of an output depend on the
/// frames of its own window alone, whatever it is grouped with.
void polyphase(const PolyphaseBank& bank, const float* in, Index n, Index count, Index channels, float* out,
               double* scratch) noexcept;

}  // namespace wavestride::kernels
