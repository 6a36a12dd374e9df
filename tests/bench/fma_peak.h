// The multiply-add rate of one core, measured: what the figures of the kernels are a fraction of.
#pragma once

namespace wavestride::bench {

/// Floating-point operations a second (a multiply-add counts two) of independent FMAs on registers, widest
/// SIMD.
double fma_peak();

/// The same of one short while (.2 ms or so), which others on the machine may have slowed: for what is
/// measured just before or after it.
double fma_rate();

}  // namespace wavestride::bench
