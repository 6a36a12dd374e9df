// What every architecture owes: the files that its recipes save load as they are, and give what PyTorch
// gives.
#pragma once

#include <wavestride/model.h>

#include "golden.h"
#include "imagined_file.h"

namespace wavestride::testing {

/// The tolerance of whole networks in float32, of the largest sample.
inline constexpr double model_tolerance = 1e-4;

/// The path of a file in tests/golden/models.
std::string model_path(const std::string& file);

/// What a golden case gives besides its "file": "config" (in the directory of the file), "preset",
/// "speaker", "speaker_embedding", "bandwidth_kbps" and "codebooks", where it has them.
ModelOptions golden_options(const GoldenCase& c);

/// The model of a golden case.
Model load_golden(const GoldenCase& c);

/// For all cases of a golden file: the model's output equals PyTorch's, whole and in chunks; and once per
/// model the contract of operators, whose `recurrent` it is.
void verify_models(const std::string& golden, bool recurrent = false);

/// The reason for which a copy of a model is refused after one change of its config, at a JSON pointer; null
/// removes. Empty when it loads.
std::string refusal_with(const std::string& file, const std::string& config, const std::string& where,
                         const nlohmann::json& value, ModelOptions options = {});

}  // namespace wavestride::testing
