// A vocoder's last layer: it mends a signal whose mel frames are not quite those that were asked for.
#pragma once

#include <wavestride/mel.h>

namespace wavestride::models {

/// Of mel_refinement().
struct MelRefinementOptions {
  Index ahead = 0;         ///< frames mended before their turn, with every frame
  Index left = 0;          ///< samples before a frame's centre that change; after it n_fft/2 do
  Index sweeps = 1;        ///< times that a frame and those ahead are mended
  Index updates = 0;       ///< of the gains, after the first
  float strength = 1;      ///< power of the gains
  float max_log_gain = 0;  ///< of one update, and at most of all, nepers
};

/// Samples (1 × T) and log-mel frames (n_mels × F, of centred magnitudes, natural logarithm) to hop_length ×
/// min(F, ceil(T/hop_length)) − 1: the mended samples, a hop of them a frame.
///
/// Frame m is mended in the signal itself, so that the next ones start from what was made of it; with every m
/// first those ahead, from m + ahead down to m. Mending takes the magnitudes X of the frame; their gains G
/// are exp of what its bands lack, log mel − log(B·X), linear between bands; each update multiplies G by the
/// shares that bins have in exp(log mel − log(B·G·X)), as Richardson and Lucy's deconvolution does. Then G to
/// the power of `strength`, at most max_log_gain, filters what a window cuts out of the signal around the
/// frame; phases stay. Frames in which something is not finite stay as they are.
///
/// Throws std::invalid_argument on features of another kind, on `left` outside 1 to n_fft/2 and on ahead,
/// sweeps and updates outside 0 to 64 (sweeps: 1 to 64).
Op mel_refinement(const MelOptions& features, const MelRefinementOptions& options);

}  // namespace wavestride::models
