// The end of networks that make spectra: magnitudes and phases to what istft() takes.
#pragma once

#include <wavestride/stack.h>

namespace wavestride::models {

struct SpectrumOptions {
  bool phase_is_sine = false;  ///< phases are the sine of what stands for them (iSTFTNet)
  float max_magnitude = std::numeric_limits<float>::infinity();
};

/// [log magnitude; phase] of 2·bins channels to real and imaginary parts in turn: min(eᵐ, max_magnitude)·(cos
/// p, sin p).
Stack polar_spectrum(Index bins, const SpectrumOptions& options = {});

}  // namespace wavestride::models
