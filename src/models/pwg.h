// What the networks of the ParallelWaveGAN repository have in common beside their layers: the version that
// trained them, on which some of their arithmetic depends.
#pragma once

#include "models/config.h"

namespace wavestride::models {

/// Whether the "version" in a config is this or a later one; before 0.4.0 there was no such key.
bool version_at_least(const Config& config, Index major, Index minor, Index patch);

/// What stands before the first frame of its causal transposed convolutions: nothing, and from 0.5.5 on that
/// frame itself.
PadMode causal_start(const Config& config);

}  // namespace wavestride::models
