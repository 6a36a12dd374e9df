// What the networks of the ParallelWaveGAN repository have in common beside their layers: the version that
// trained them, on which some of their arithmetic depends, their activation, and their filter bank.
#pragma once

#include <wavestride/op.h>

#include "models/config.h"

namespace wavestride::models {

/// Whether the "version" in a config is this or a later one; before 0.4.0 there was no such key.
bool version_at_least(const Config& config, Index major, Index minor, Index patch);

/// What stands before the first frame of its causal transposed convolutions: nothing, and from 0.5.5 on that
/// frame itself.
PadMode causal_start(const Config& config);

/// The negative slope of a network's activation, LeakyReLU or ReLU, by a section of its config. A name that
/// is left out is LeakyReLU; parameters that are left out as a whole mean `usual`, as in the constructors.
float activation_slope(const Config& c, float usual);

/// Joins the subbands that a network makes: by the config's filter bank, else by that of its version.
Op joined_subbands(const Config& config, Index subbands);

}  // namespace wavestride::models
