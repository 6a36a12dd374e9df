// Waveforms from magnitudes alone: Griffin and Lim's iteration with momentum (Perraudin, Balazs and
// Søndergaard, "A fast Griffin-Lim algorithm", 2013), as torchaudio.functional.griffinlim does it.
#pragma once

#include <wavestride/mel.h>

#include <functional>

namespace WAVESTRIDE_API wavestride {

/// What a progress callback is told after every iteration.
struct GriffinLimProgress {
  Index iteration = 0, n_iter = 0;  ///< iterations done, and to do
  double spectral_convergence = 0;  ///< ‖ |STFT(x)| − S ‖ / ‖S‖ of the waveform x before this iteration
};

/// Of griffin_lim(), as in torchaudio.
struct GriffinLimOptions {
  Index n_iter = 32;
  double momentum = 0.99;  ///< 0 ≤ momentum < 1; 0 is Griffin and Lim's own iteration
  bool rand_init = true;   ///< random phases to start with, else zero phase
  /// Chooses the random phases. Bin k of frame t starts at 2π·u, where u in [0, 1) is the upper 53 bits of
  /// SplitMix64's output number t·bins + k + 1 from this state; the same on every machine.
  std::uint64_t seed = 0;
  /// Called after every iteration; what it throws ends the work and is passed on.
  std::function<void(const GriffinLimProgress&)> progress = {};
};

/// The waveform, 1 × samples, whose STFT has about the magnitudes S = spectrogram^(1/power), onesided bins ×
/// frames. Any padding of stft but circular does; the length is istft's, or `length` where it gives as many
/// frames. The number of frames decides the cost: 2·n_iter + 1 transforms each. Throws std::invalid_argument
/// on another number of bins, negative n_iter, momentum outside [0, 1), a length that gives another number of
/// frames, circular padding, and options that stft refuses.
Signal griffin_lim(FramesView spectrogram, const StftOptions& stft, double power = 1,
                   const GriffinLimOptions& options = {}, std::optional<Index> length = {});

/// A waveform from compressed mel frames, n_mels × frames: mel_expand, mel_inversion, griffin_lim.
///
///     Signal x = vocode_griffin_lim(mel_spectrogram(speech, preset), preset, {.n_iter = 60});
Signal vocode_griffin_lim(FramesView mel, const MelOptions& preset, const GriffinLimOptions& options = {});

}  // namespace wavestride
