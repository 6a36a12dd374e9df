// The trunk of HiFi-GAN, on which other networks put a head of their own.
#pragma once

#include <wavestride/stack.h>

#include "models/architecture.h"

namespace wavestride::models {

/// The channels that the last convolution of a HiFi-GAN generator in this file makes; 0 where it holds none.
Index hifigan_outputs(const TensorFile& file);

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
