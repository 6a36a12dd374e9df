// The trunk of HiFi-GAN, on which other networks put a head of their own.
#pragma once

#include <wavestride/stack.h>

#include "models/architecture.h"

namespace wavestride::models {

/// What the last convolution of a HiFi-GAN generator in a file makes.
struct HifiganOutputs {
  Index channels = 0;     ///< 0 where the file holds no such generator
  bool waveform = false;  ///< or its subbands, and no spectra
};

HifiganOutputs hifigan_outputs(const TensorFile& file);

struct HifiganTrunk {
  Index in = 0;   ///< values per frame
  Index hop = 1;  ///< frames of the trunk per frame
  StackBuilder::Value x;
  /// The last convolution, to `outputs` channels, where it stands in this network.
  Op head;
};

/// From frames to what the last convolution takes, behind its activation.
HifiganTrunk hifigan_trunk(ModelFile& file, StackBuilder& b);

}  // namespace wavestride::models
