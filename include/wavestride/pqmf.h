// Pseudo-quadrature mirror filters: a signal as N subbands of 1/N of its rate each, and back, nearly
// perfectly. Multi-band vocoders make the subbands and leave the joining to this.
#pragma once

#include <wavestride/op.h>

namespace WAVESTRIDE_API wavestride {

/// Nguyen 1994, "Near-perfect-reconstruction pseudo-QMF banks", designed as in Lin & Vaidyanathan 1998; names
/// and defaults of ParallelWaveGAN.
struct PqmfOptions {
  Index subbands = 4;
  Index taps = 62;  ///< even; filters have taps + 1
  double cutoff_ratio =
      0.142;          ///< of the prototype, of the Nyquist frequency; 0.15 up to ParallelWaveGAN 0.4.2
  double beta = 9.0;  ///< of its Kaiser window
};

namespace op {

/// x_k[n] = Σ_m h_k[m] · x[N·n − taps/2 + m], h_k[m] = 2 p[m] cos((2k + 1)π/2N · (m − taps/2) + (−1)ᵏ π/4),
/// prototype p[m] = sin(π·cutoff_ratio·(m − taps/2))/(π(m − taps/2)) · kaiser[m]. x: 1 × T, subbands: N ×
/// floor(T/N). Throws std::invalid_argument unless subbands is 1 to 1024, taps even, from
/// 2·subbands to 2^16, 0 < cutoff_ratio < 1 and 0 ≤ beta ≤ 100.
Op pqmf_analysis(const PqmfOptions& options = {});

/// Its inverse, nearly: y[n] = N · Σ_k Σ_i g_k[N·i − n + taps/2] · x_k[i], g_k as h_k with −(−1)ᵏ π/4.
/// Subbands: N × T, y: 1 × N·T. Throws as pqmf_analysis.
Op pqmf_synthesis(const PqmfOptions& options = {});

/// The same with filters g_k of another design, (subbands, taps + 1), such as Coqui keeps in its checkpoints.
/// Throws std::invalid_argument unless taps is even and at least 2·subbands.
Op pqmf_synthesis(const Tensor& filters);

}  // namespace op

/// The whole-signal results.
Signal pqmf_analysis(FramesView x, const PqmfOptions& options = {});
Signal pqmf_synthesis(FramesView subbands, const PqmfOptions& options = {});

}  // namespace wavestride
