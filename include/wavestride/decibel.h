// Amplitudes and powers in decibels and back: torchaudio's amplitude_to_DB, librosa's amplitude_to_db.
#pragma once

#include <wavestride/op.h>

namespace WAVESTRIDE_API wavestride {

/// Of op::amplitude_to_db and op::power_to_db.
struct DecibelOptions {
  double ref = 1;   ///< what is 0 dB
  double amin = 0;  ///< values below it count as it; 0: 1e-5 of amplitudes, 1e-10 of powers, as librosa
  /// Values are raised to at least the maximum of the whole signal less so many dB (librosa: 80). 0: not at
  /// all. With it there is no stream.
  double top_db = 0;
};

namespace op {

/// y = 20·log10(max(x, amin)) − 20·log10(max(ref, amin)), of powers 10·log10. Negative values count as amin,
/// as in torchaudio; librosa takes |x|: abs first. Throws std::invalid_argument unless channels is positive,
/// ref and amin are above 0 and finite, amin as a float, too, and top_db is 0 or more.
Op amplitude_to_db(Index channels, const DecibelOptions& options = {});
Op power_to_db(Index channels, const DecibelOptions& options = {});

/// y = ref·10^(x/20), to powers ref·10^(x/10). Throws std::invalid_argument unless channels is positive and
/// ref above 0 and finite.
Op db_to_amplitude(Index channels, double ref = 1);
Op db_to_power(Index channels, double ref = 1);

}  // namespace op

/// The same on whole signals.
Signal amplitude_to_db(FramesView x, const DecibelOptions& options = {});
Signal power_to_db(FramesView x, const DecibelOptions& options = {});
Signal db_to_amplitude(FramesView x, double ref = 1);
Signal db_to_power(FramesView x, double ref = 1);

}  // namespace wavestride
