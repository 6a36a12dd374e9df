// Architectures: how a network is built from a model file, one entry and one file for each. To add one, write
// src/models/<name>.cpp and list it in src/model.cpp.
#pragma once

#include "models/encoder.h"
#include "models/features.h"

namespace wavestride::models {

/// What an architecture makes of a file; see Model.
struct Network {
  Op op;
  Features features;
};

struct Architecture {
  const char* name;
  /// Whether the file holds its layers, by their names and shapes.
  bool (*recognises)(const TensorFile& file);
  /// May throw std::invalid_argument where the config contradicts itself; load_model() adds the path.
  Network (*build)(ModelFile& file);
  /// Of networks whose files come without a config: what names and shapes say, to a file that it recognises.
  std::optional<Config> (*own_config)(const TensorFile& file) = nullptr;
  /// Of codecs: their other half; likewise. load_codec_encoder() adds the architecture.
  CodecEncoder (*build_encoder)(ModelFile& file) = nullptr;
  /// Whether the file that `build` was given holds that half, too.
  bool (*holds_encoder)(const ModelFile& file) = nullptr;
};

extern const Architecture audio_super_res, bigvgan, dac, encodec, gated_istft, hifigan, istftnet, melgan,
    parallel_wavegan, snac, vocos, wavenet_vocoder;

}  // namespace wavestride::models
