// The generator of MelGAN, which other networks use to upsample their features.
#pragma once

#include <wavestride/stack.h>

#include "models/architecture.h"

namespace wavestride::models {

/// Layers behind `prefix` ("upsample_net.") under the names of ParallelWaveGAN, of the sizes that a section of
/// its config holds, what it leaves out as in the code: `outputs` channels in front of the tanh.
Op pwg_melgan(ModelFile& file, const std::string& prefix, const Config& params, Index outputs);

}  // namespace wavestride::models
