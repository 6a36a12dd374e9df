// Mel spectrograms: STFT → magnitude → mel bands → logarithm, with the settings that public vocoders and
// recognisers were trained with.
#pragma once

#include <wavestride/stft.h>

#include <limits>
#include <vector>

namespace WAVESTRIDE_API wavestride {

enum class MelScale {
  slaney,  ///< linear below 1 kHz, then logarithmic (librosa's default)
  htk,     ///< 2595·log10(1 + f/700)
};

enum class MelNorm {
  slaney,  ///< triangles of equal area: height 2/(width in Hz)
  none,    ///< triangles of height 1
};

/// How frames lie on the signal; all are padded by reflection. T samples give …
enum class MelFraming {
  center,     ///< n_fft/2 on both sides: 1 + T/hop frames (librosa)
  tight,      ///< (n_fft − hop)/2 on both sides: T/hop frames (HiFi-GAN)
  drop_last,  ///< as center, without its last frame: T/hop frames (Whisper)
};

/// ln x, log10 x, or 20·log10 x.
enum class LogKind { ln, log10, db };

/// A mel front end: y = clip(scale · log(max(Σ_k band[k]·(re² + im² + epsilon)^(power/2), floor)) + offset).
struct MelOptions {
  std::string name = "mel";
  Index sample_rate = 16'000;  ///< Hz
  /// What the signal passes first: x[n] becomes Σ_k prefilter[k]·x[n − k], zeros before the start. Empty: not
  /// at all. {1, −0.97} is a pre-emphasis.
  std::vector<float> prefilter = {};
  Index n_fft = 1024, hop_length = 256;  ///< samples
  Index win_length = 0;                  ///< of the periodic Hann window, samples; 0: n_fft
  MelFraming framing = MelFraming::center;
  double power = 1, epsilon = 0;
  Index n_mels = 80;
  double f_min = 0, f_max = 0;  ///< Hz; f_max 0: sample_rate/2
  MelScale mel_scale = MelScale::slaney;
  MelNorm norm = MelNorm::slaney;
  LogKind log = LogKind::ln;
  double floor = 1e-5;
  double scale = 1, offset = 0;
  double clip_low = -std::numeric_limits<double>::infinity();
  double clip_high = std::numeric_limits<double>::infinity();
  /// Values are raised to at least the maximum of the whole signal less this many units of the logarithm (as
  /// it is before `scale`), last of all: the maximum is that of clipped values, and what clip_low let through
  /// is raised, too. 0: not at all. With it a mel spectrogram can't stream.
  double peak_range = 0;

  /// The analysis as stft() wants it.
  StftOptions stft() const;

  bool operator==(const MelOptions&) const = default;
};

/// hifigan-22k, pwg-22k, pwg-24k, vocos-24k, wavernn-22k, speecht5-16k, whisper-16k, and wavestride-16k, our
/// own for 16 kHz. Statistics that belong to a checkpoint (mean and scale per band) are not part of a preset.
std::span<const MelOptions> mel_presets();
/// Throws std::invalid_argument on an unknown name, listing the known ones.
const MelOptions& mel_preset(std::string_view name);

/// Hz to mel: HTK's mel, or Slaney's of which 15 are 1 kHz.
double hz_to_mel(double hz, MelScale scale);

/// n_mels × bins: triangles over the frequencies k·sample_rate/n_fft of the bins, computed in double; equals
/// librosa.filters.mel, and for even n_fft torchaudio.functional.melscale_fbanks (transposed). Throws
/// std::invalid_argument on sizes below 1 and unless 0 ≤ f_min < f_max ≤ sample_rate/2.
Signal mel_filterbank(const MelOptions& options);

namespace op {

/// Magnitudes of the bins to mel bands, no logarithm: bins × T to n_mels × T.
Op mel_scale(const MelOptions& options);
/// Mel bands to their logarithm, floor, scale, offset and clip applied, peak_range not. So is the logarithm
/// of any frames taken: {.n_mels = channels, .floor = 1e-10}.
Op mel_compress(const MelOptions& options);
/// The inverse of mel_compress, up to floor, clip and peak_range.
Op mel_expand(const MelOptions& options);

/// Features of one preset as those of another: n_mels × frames, frame by frame. Throws std::invalid_argument,
/// naming what differs, unless the two differ in floor and logarithm alone and `from` keeps all that `to`
/// does: everything else is lost in the features.
Op mel_convert(const MelOptions& from, const MelOptions& to);

/// The whole front end: x, 1 × samples in [−1, 1], to n_mels × frames. Streams unless peak_range is set; set
/// it to 0 to stream what Whisper sees before its normalisation by the maximum. Throws
/// std::invalid_argument on options that contradict each other.
Op mel_spectrogram(const MelOptions& options);

}  // namespace op

/// The whole-signal result.
Signal mel_spectrogram(FramesView x, const MelOptions& options);

}  // namespace wavestride
