// The low-pass filter of a quality as a function of time, for conversions without a fixed ratio.
#pragma once

#include <wavestride/resample.h>

#include "kernels/continuous.h"

namespace wavestride {

/// Points of a table per sample of the lower rate; interpolation between them errs by −185 dB.
inline constexpr Index table_step = 256;

/// Symmetric, its sum table_step; equal ones are held once.
std::shared_ptr<const kernels::ContinuousFilter> shared_table(Quality quality);

}  // namespace wavestride
