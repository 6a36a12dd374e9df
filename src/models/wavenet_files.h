// What ParallelWaveGAN and r9y9's WaveNet have in common: the names of their layers, and the network that
// brings features to the rate of the waveform.
#pragma once

#include <wavestride/wavenet.h>

#include "models/model_file.h"

namespace wavestride::models {

/// Where a repository keeps the layers of WavenetWeights, and how its config calls their sizes.
struct WavenetSpelling {
  const char *aux, *speaker;  ///< of conv_layers.{i}; speaker: nullptr where there is none
  Keys skip_channels, feature_channels, context, causal;
  /// Of the section upsample_params: the activation behind each layer, and its parameters.
  Keys activation, activation_parameters;
  bool melgan;  ///< whether a MelGAN may be the upsampling network
};

extern const WavenetSpelling parallel_wavegan_spelling, wavenet_spelling;

/// All layers but the upsampling network's, of a network that takes `inputs` and makes `outputs` channels;
/// `options` get their dilations. `c`: the section of the config that holds the sizes.
WavenetWeights wavenet_weights(ModelFile& file, const Config& c, const WavenetSpelling& s, Index inputs,
                               Index outputs, WavenetOptions& options);

/// Features to the rate of the waveform: ConvInUpsampleNetwork or UpsampleNetwork, features that are
/// replicated at the ends as far as its context goes; or a MelGANGenerator.
Op upsample_net(ModelFile& file, const Config& c, const WavenetSpelling& s, bool causal);

/// The key that says by how much, for complaints.
std::string upsampling_keys(const Config& c);

/// Names that the checkpoints of both have.
bool holds_wavenet(const TensorFile& file, const char* aux);
std::vector<std::string> wavenet_anchors(const char* aux);

}  // namespace wavestride::models
