// The low-pass filter of a quality as a function of time, for conversions without a fixed ratio.
#pragma once

#include <wavestride/resample.h>

#include "kernels/continuous.h"
#include "kernels/polyphase_bank.h"

namespace wavestride {

/// Points of a table per sample of the lower rate; interpolation between them errs by −173 dB.
inline constexpr Index table_step = 128;

/// Symmetric, its sum table_step; equal ones are held once.
std::shared_ptr<const kernels::ContinuousFilter> shared_table(Quality quality);

/// The same in sequence, for conversions to a rate that is no lower: a bank to twice the rate, and a short
/// filter behind it, of table_step points per frame between them.
struct Doubling {
  std::shared_ptr<const kernels::PolyphaseBank> bank;
  std::shared_ptr<const kernels::ContinuousFilter> table;
};
Doubling shared_doubling(Quality quality);

}  // namespace wavestride
