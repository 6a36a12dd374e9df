// Polyphase FIR filtering by a rational ratio: the hot loop of sample-rate conversion.
#pragma once

#include "kernels/polyphase_bank.h"

namespace wavestride::kernels {

/// What calls work in: one per thread, made for a bank.
class PolyphaseScratch {
 public:
  [[gnu::cold]] explicit PolyphaseScratch(const PolyphaseBank& bank);
  Index bytes() const;

  /// Rows of outputs that may be in flight, and pairs of samples that are folded at a time, so that sums and
  /// differences stay in the nearest cache; from one row of them to the next.
  static constexpr int most_rows = 8;
  static constexpr Index segment = 256, fold_stride = segment + PolyphaseBank::lanes;

  /// Outputs made from one filling of `samples`.
  Index block = 0;
  /// Where in `samples` they lie in reverse, for a mirrored bank.
  Index reverse = 0;
  Aligned<float> samples, folds, again;
  Aligned<double> exact_samples, exact_folds, exact_again, exact_outputs;
};

/// Outputs n … n+count−1. `in` is the frame that output n reads first. The bits of an output depend on the
/// frames of its own window alone, whatever it is grouped with. Of double samples a precise bank reads more
/// than their floats in its centre; outputs are rounded once.
template <class In, class Out>
void polyphase(const PolyphaseBank& bank, const In* in, Index n, Index count, Index channels, Out* out,
               PolyphaseScratch& scratch) noexcept;

}  // namespace wavestride::kernels
