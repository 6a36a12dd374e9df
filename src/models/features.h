// What a model's input frames are: the mel front end of its recipe, as its config describes it, or latents of
// the network before it.
#pragma once

#include "models/model_file.h"

namespace wavestride::models {

struct Features {
  MelOptions mel;                ///< of latents: name, n_mels, sample_rate and hop_length alone count
  std::string no_analysis = {};  ///< as Model::no_analysis
  bool normalised = false;       ///< less their mean, over their deviation, both of the recipe's own data
  Index codes = 0;               ///< as Model::codes
  std::string bands_by = {};     ///< the key that says n_mels; "" where a preset does
  std::string hop_by = {};       ///< likewise hop_length
};

/// The features of a network that takes `channels` values per frame and makes `hop` samples of each: the
/// config's "preset", the settings of a known recipe, or the preset that ModelOptions name. Throws
/// IoError where the config does not describe them, or describes others than the network takes. `hop_by`
/// names the keys that say how many samples those are.
Features features_of(const ModelFile& file, Index channels, Index hop, const std::string& hop_by = {});

/// What a network takes that makes `hop` samples of a frame of `per_frame` codes, of 0 to codes − 1 each, of
/// this codec.
Features features_of_codes(const std::string& codec, Index rate, Index hop, Index per_frame, Index codes);

/// (x − mean)/scale, per channel. Throws std::invalid_argument unless both are finite and scale is positive.
Op normalise(std::span<const float> mean, std::span<const float> scale);

}  // namespace wavestride::models
