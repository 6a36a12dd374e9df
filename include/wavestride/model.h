// Model: a trained network and what its user must know about it, from one self-contained file; and where the
// models that come with the library lie.
#pragma once

#include <wavestride/mel.h>
#include <wavestride/op.h>

#include <string>

namespace wavestride {

/// A vocoder: features in, sound out.
struct Model {
  std::string architecture;  ///< "gated-istft"
  MelOptions features;       ///< what the network takes: features.n_mels × frames
  Op network;  ///< features.n_mels × frames to 1 × samples in [−1, 1], at features.sample_rate
  double lookahead_seconds;  ///< how far beyond its own time a sample reads the features

  /// 1 × samples of n_mels × frames. Throws std::invalid_argument on another number of bands.
  Signal operator()(FramesView mel) const { return network(mel); }
};

/// Reads a model from a .safetensors file whose metadata hold its "config" as JSON: the architecture, the
/// preset of its features, and its sizes. examples/train/ makes such files. Throws IoError, with the path and
/// the reason, unless the config is known and the tensors are exactly the ones that it calls for.
Model load_model(const std::string& path);

/// The path of a file that comes with the library: in the directory $WAVESTRIDE_DATA where that is set, else
/// in ../share/wavestride beside the running program's directory, else where the library was installed, else
/// in the source tree that it was built from. Throws IoError when it is in none, listing them.
std::string data_file(const std::string& name);

/// The vocoder that comes with the library: load_model(data_file(default_vocoder_file)), 16 kHz speech from
/// the preset wavestride-16k. Throws as these two.
Model default_vocoder();
inline constexpr const char* default_vocoder_file = "vocoder-16k.safetensors";

}  // namespace wavestride
