// The panels that pictures of signals are made of: waveforms, spectrograms, mel features.
#pragma once

#include <wavestride/mel.h>

#include "cli/plot.h"

namespace wavestride::cli {

/// Levels through the colour map: from `range` below `top`, in dB.
struct LevelRange {
  double top = 0, range = 80;
};

/// From the highest level in steps of 5 dB down.
LevelRange level_range(const Signal& levels, double range);

Axis time_axis(double seconds);

/// The samples of one channel.
Panel waveform_panel(std::string title, std::vector<float> samples);

/// Power of windows of about 32 ms every 4 ms in dB (0 dB is a sine of full scale), bins × at most
/// 4·panel_width columns; more frames than that are averaged. x: 1 × T samples.
Signal spectrogram_levels(FramesView x, double sample_rate);
Panel spectrogram_panel(std::string title, Signal levels, double sample_rate, LevelRange range);

/// The amplitudes of mel bands in dB, from the features of a preset.
Signal mel_levels(FramesView features, const MelOptions& preset);
Panel mel_panel(std::string title, Signal levels, const MelOptions& preset, LevelRange range);

/// An array of unknown meaning: its rows and values as they are.
Panel array_panel(std::string title, Signal values);

/// Throws IoError, as OutputFile does.
void write_png(const std::string& path, const Plot& plot, std::span<const std::string> inputs);

}  // namespace wavestride::cli
