// Polyphase FIR filtering by a rational ratio: the hot loop of sample-rate conversion.
#pragma once

#include "kernels/polyphase_bank.h"

namespace wavestride::kernels {

/// What calls work in: one per thread, made for a bank.
class PolyphaseScratch {
 public:
  [[gnu::cold]] explicit PolyphaseScratch(const PolyphaseBank& bank);
  Index bytes() const;

  /// Outputs made from one filling of `samples`.
  Index block = 0;
  /// Where in `samples` they lie in reverse, for a mirrored bank.
  Index reverse = 0;
  Aligned<float> samples, folds, again;
  Aligned<double> exact_samples, exact_folds, exact_again;
};

/// Outputs n … n+count−1. `in` is the frame that output n reads first. The bits of an output depend on the
/// frames of its own window alone, whatever it is grouped with. Of double samples a precise bank reads more
/// than their floats in its centre; outputs are rounded once.
template <class In, class Out>
void polyphase(const PolyphaseBank& bank, const In* in, Index n, Index count, Index channels, Out* out,
               PolyphaseScratch& scratch) noexcept;

}  // namespace wavestride::kernels
