// The checkerboard meter: how unequally an upsampler treats its output phases.
#pragma once

#include <wavestride/op.h>

namespace WAVESTRIDE_API wavestride {

/// Spreads in dB; 0 is an upsampler without checkerboard.
struct Checkerboard {
  std::vector<double> spread_db;  ///< of each output channel
  double worst_db = 0, mean_db = 0;
};

/// The gain g[c, φ] of output phase φ is how much channel c changes at the frames n ≡ φ (mod P) when all
/// input values go from 0 to 1, far from both ends; P is the number of output frames after which the rate's
/// fraction repeats. spread_db[c] = 20·log10(max |g| / min |g|) over φ: 0 where all are equal, infinite where
/// one is zero or the sign changes between phases. Nonlinear operators are measured between these two inputs.
/// Throws std::invalid_argument unless op streams from one input to one output.
Checkerboard checkerboard(const Op& op);

}  // namespace wavestride
