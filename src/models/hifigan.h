// The trunk of HiFi-GAN, on which other networks put a head of their own.
#pragma once

#include <wavestride/stack.h>

#include <functional>

#include "models/architecture.h"

namespace wavestride::models {

/// What the last convolution of a HiFi-GAN generator in a file makes.
struct HifiganOutputs {
  Index channels = 0;                ///< 0 where the file holds no such generator
  bool waveform = false;             ///< or its subbands, and no spectra
  bool learned_activations = false;  ///< BigVGAN's
};

HifiganOutputs hifigan_outputs(const TensorFile& file);

struct HifiganTrunk {
  Index in = 0;        ///< values per frame
  Index hop = 1;       ///< frames of the trunk per frame
  std::string hop_by;  ///< the key that says so
  StackBuilder::Value x;
  /// The last convolution, to `outputs` channels, where it stands in this network.
  Op head;
};

/// The section of a config that has the settings of the network.
Config hifigan_settings(const Config& config);

/// A learned activation of so many channels, the tensors of which stand under this name.
using LearnedActivation = std::function<Op(const std::string& name, Index channels)>;

/// From frames to what the last convolution takes, behind its activation. With `learned` that takes the place
/// of leaky ReLUs, none stands before upsampling.
HifiganTrunk hifigan_trunk(ModelFile& file, StackBuilder& b, const LearnedActivation& learned = {});

}  // namespace wavestride::models
