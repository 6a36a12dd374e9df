#include "cli/mel_features.h"

#include <wavestride/npy.h>

namespace wavestride::cli {

double frame_rate(const MelOptions& preset) {
  return static_cast<double>(preset.sample_rate) / static_cast<double>(preset.hop_length);
}

double top_hz(const MelOptions& preset) {
  return preset.f_max > 0 ? preset.f_max : static_cast<double>(preset.sample_rate) / 2;
}

const MelOptions* preset_for(const std::string& name, int sample_rate_hz) {
  if (!name.empty()) return &mel_preset(name);
  for (const MelOptions& p : mel_presets())
    if (p.sample_rate == sample_rate_hz) return &p;
  return nullptr;
}

void require_rate(const std::string& path, int sample_rate_hz, const MelOptions& preset) {
  if (sample_rate_hz == preset.sample_rate) return;
  const std::string files = path == input_name("-") ? "- -" : path + " OUT";
  throw IoError(path, message("has ", sample_rate_hz, " Hz, and preset ", preset.name, " needs ",
                              preset.sample_rate, " Hz: convert it (wavestride resample ", files, " --rate ",
                              preset.sample_rate, "), or choose a preset of its rate (wavestride presets)"));
}

Signal mel_features(const Sound& sound, const MelOptions& preset) {
  require_rate(sound.path, sound.sample_rate_hz, preset);
  require_finite(sound);
  return run_with_progress(op::mel_spectrogram(preset), sound.samples, 1 << 16,
                           "analysing " + file_name(sound.path));
}

std::string no_features(std::span<const Index> shape, const MelOptions& preset) {
  const bool transposed = shape.size() == 2 && shape[1] == preset.n_mels;
  return message("has shape ", shape_string(shape), ", and preset ", preset.name, " has features [",
                 preset.n_mels, ", frames]", transposed ? ": the transposed array would do" : "");
}

Signal read_features(const std::string& path, const MelOptions& preset) {
  const Tensor array = read_npy(path);
  if (array.shape.size() != 2 || array.shape[0] != preset.n_mels)
    throw IoError(path, no_features(array.shape, preset));
  Signal features = to_signal(array);
  if (!features.allFinite()) throw IoError(path, "holds values that are not finite numbers");
  return features;
}

}  // namespace wavestride::cli
