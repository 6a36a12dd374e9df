// The multiply-add rate of one core, measured: what the figures of the kernels are a fraction of.
#pragma once

namespace wavestride::bench {

/// Floating-point operations a second (a multiply-add counts two) of independent FMAs on registers, widest
/// SIMD.
double fma_peak();

}  // namespace wavestride::bench
