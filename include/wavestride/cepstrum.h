// Cepstral features: the cosine transform of a frame, MFCCs, and how features change from frame to frame.
#pragma once

#include <wavestride/mel.h>

namespace WAVESTRIDE_API wavestride {

namespace op {

/// y[k] = s·Σ_c x[c]·cos(π·k·(c + ½)/channels), s = √(2/channels), for k = 0 √(1/channels): the first of the
/// orthonormal cosine transform, torchaudio's create_dct(coefficients, channels, "ortho"). x: channels × T,
/// y: coefficients × T. Throws std::invalid_argument unless 1 ≤ coefficients ≤ channels ≤ 2^16.
Op dct(Index channels, Index coefficients);

/// dct of a mel spectrogram: 1 × samples to coefficients × frames. With {.power = 2, .mel_scale =
/// MelScale::htk, .norm = MelNorm::none, .log = LogKind::db, .floor = 1e-10, .scale = 0.5, .peak_range = 160}
/// (10·log10, and 80 dB below the maximum) torchaudio.transforms.MFCC; without peak_range, a stream.
Op mfcc(const MelOptions& options, Index coefficients = 40);

/// y[n] = Σ_k k·(x[n + k] − x[n − k]) / (2·Σ_k k²), k from 1 to (win_length − 1)/2, the first and the last
/// frame again beyond the ends: torchaudio.functional.compute_deltas. x and y: channels × T. Throws
/// std::invalid_argument unless channels is positive and win_length 3 to 2^16.
Op deltas(Index channels, Index win_length = 5);

}  // namespace op

/// The same on whole signals.
Signal dct(FramesView x, Index coefficients);
Signal mfcc(FramesView x, const MelOptions& options, Index coefficients = 40);
Signal deltas(FramesView x, Index win_length = 5);

}  // namespace wavestride
