// Mel features as the commands take them: from a sound, or from a .npy array [mels, frames].
#pragma once

#include <wavestride/mel.h>

#include "cli/sound.h"

namespace wavestride::cli {

/// Frames per second.
double frame_rate(const MelOptions& preset);
/// The upper end of the highest band.
double top_hz(const MelOptions& preset);

/// The preset that --preset names, or if that is empty the first for this sample rate; nullptr if there is
/// none.
const MelOptions* preset_for(const std::string& name, int sample_rate_hz);

/// Throws IoError when a sound has another sample rate than the preset.
void require_rate(const std::string& path, int sample_rate_hz, const MelOptions& preset);

/// Throws IoError when the sound has another sample rate than the preset, or is not finite.
Signal mel_features(const Sound& sound, const MelOptions& preset);

/// Why an array is none of features of the preset, which has another shape.
std::string no_features(std::span<const Index> shape, const MelOptions& preset);

/// Throws IoError when the array is not [mels, frames] of the preset.
Signal read_features(const std::string& path, const MelOptions& preset);

}  // namespace wavestride::cli
