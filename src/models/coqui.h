// Configs of Coqui's vocoders, which hold what their trainer changed: the rest stands in the code.
#pragma once

#include <optional>

#include "models/config.h"

namespace wavestride::models {

/// The section "generator_model_params", what it leaves out as the generator's constructor has it; nothing
/// where the config names none of "generator_model"s that stand in its table.
std::optional<Config> coqui_generator(const Config& config);

}  // namespace wavestride::models
