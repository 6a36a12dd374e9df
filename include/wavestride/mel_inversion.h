// From mel bands back to a linear spectrum: non-negative least squares.
#pragma once

#include <wavestride/mel.h>

namespace WAVESTRIDE_API wavestride {

namespace op {

/// x = argmin over x ≥ 0 of ‖F·x − mel‖² + δ‖x‖², F = mel_filterbank(options), δ = 1e-7·‖F·Fᵀ‖∞: of all
/// non-negative least-squares solutions the one of least norm, to seven digits; unique, each frame by itself.
/// mel (before its logarithm): n_mels × T, x: bins × T, magnitudes to the power that mel was made of. A frame
/// that holds NaN or an infinity gives NaN. Throws std::invalid_argument as mel_filterbank.
Op mel_inversion(const MelOptions& options);

}  // namespace op

/// The whole-signal result.
Signal mel_inversion(FramesView mel, const MelOptions& options);

}  // namespace wavestride
