// The layer of WaveNet upsampling networks (ParallelWaveGAN's Stretch2d and Conv2d): every frame repeated
// `scale` times, then one FIR over bins × frames shared by all of them, which smooths the steps. Between two
// steps the repeated frames are equal, so that the taps which meet one input frame are summed beforehand:
// each output phase (n mod scale) is a filter of a few taps at the low rate.
#pragma once

#include <wavestride/op.h>

namespace WAVESTRIDE_API wavestride {

/// Of op::stretch_fir.
struct StretchFirOptions {
  bool causal = false;  ///< the FIR ends at the output's own frame, instead of being centred on it
  float bias = 0.0f;
};

namespace op {

/// y[b, n] = bias + Σ_f Σ_t kernel[f, t] · u[b + f − (F−1)/2, n − left + t] with u[b, m] = x[b,
/// floor(m/scale)], zero outside, and left = floor((K−1)/2), causal K−1. kernel: (F, K), or (1, 1, F, K) as
/// Conv2d has it, F odd; ParallelWaveGAN has K = 2·scale + 1. x: bins × T, y: bins × scale·T. Throws
/// std::invalid_argument on other shapes and on a scale outside 1 … 2^20.
Op stretch_fir(Index bins, Index scale, const Tensor& kernel, const StretchFirOptions& options = {});

}  // namespace op

/// The whole-signal result of op::stretch_fir.
Signal stretch_fir(FramesView x, Index scale, const Tensor& kernel, const StretchFirOptions& options = {});

}  // namespace wavestride
