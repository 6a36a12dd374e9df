// Short-time Fourier transform and its inverse: torch.stft and torch.istft. A spectrum frame holds real and
// imaginary parts in turn: rows 2k and 2k+1 are bin k, which lies at k·sample_rate/n_fft Hz.
#pragma once

#include <wavestride/op.h>

#include <optional>

namespace WAVESTRIDE_API wavestride {

/// Windows of length N, periodic (torch's default): hann ½ − ½cos(2πn/N), hamming 0.54 − 0.46cos(2πn/N); of
/// length 1 all are 1.
enum class WindowType { hann, hamming, rectangular };

/// Throws std::invalid_argument unless 1 ≤ length ≤ 2^24.
std::vector<float> make_window(WindowType type, Index length);

/// Of stft() and istft(), as in PyTorch.
struct StftOptions {
  Index n_fft = 1024;
  Index hop_length = 0;  ///< samples; 0: n_fft/4
  Index win_length = 0;  ///< samples; 0: n_fft. A shorter window is centred in n_fft, zeros around it
  WindowType window_type = WindowType::hann;
  std::vector<float> window = {};  ///< win_length values of one's own, instead of window_type
  bool center = true;              ///< n_fft/2 samples of padding on both sides
  Index pad_left = 0;              ///< samples of padding where center is false
  Index pad_right = 0;
  PadMode pad_mode = PadMode::reflect;
  bool normalized = false;  ///< spectra scaled by 1/√n_fft
  bool onesided = true;     ///< n_fft/2 + 1 bins, else all n_fft

  Index bins() const { return onesided ? n_fft / 2 + 1 : n_fft; }
};

namespace op {

/// X[k, n] = Σ_m window[m] · x[n·hop − left + m] · exp(−2πi·km/n_fft). x: 1 × T, X: 2·bins × floor((T + left
/// + right − n_fft)/hop) + 1. Reads only samples that the window weighs with other than zero. Throws
/// std::invalid_argument unless 1 ≤ n_fft ≤ 2^16, 1 ≤ win_length ≤ n_fft and 1 ≤ hop_length ≤ 2^24, on a
/// window of another length than win_length, and on padding beside center.
Op stft(const StftOptions& options = {});

/// x[n] = Σ_i window[m] · irfft(X_i)[m] / Σ_i window[m]², m = n + left − i·hop, over the frames that exist:
/// the inverse of stft with the same options, trimmed by its padding ({.center = false, .pad_left =
/// (win_length − hop_length)/2, …} is Vocos' "same"). X: 2·bins × T, x: 1 × (T−1)·hop + n_fft − left − right.
/// Where Σ window² ≤ 1e-11 x is 0 (torch refuses). Throws as stft, and where hop and window leave such
/// samples between the ends.
Op istft(const StftOptions& options = {});

/// (re² + im² + epsilon)^(power/2) of each of `bins` bins: 2·bins × T to bins × T.
Op magnitude(Index bins, double power = 1, double epsilon = 0);

}  // namespace op

/// The whole-signal results.
Signal stft(FramesView x, const StftOptions& options = {});
/// `length` replaces the right trim: the first `length` samples, zeros past the last frame (torch.istft).
Signal istft(FramesView spectrum, const StftOptions& options = {}, std::optional<Index> length = {});
Signal magnitude(FramesView spectrum, double power = 1, double epsilon = 0);

/// A spectrum (2·bins × T) as complex numbers, bins × T, and back. Throws on an odd number of rows.
Eigen::MatrixXcf to_complex(FramesView spectrum);
Signal from_complex(const Eigen::MatrixXcf& spectrum);

}  // namespace wavestride
