#include "models/coqui.h"

namespace wavestride::models {
namespace {

struct Generator {
  const char* name;
  const char* defaults;
};

constexpr Generator generators[] = {
    {"melgan_generator",
     R"({"in_channels": 80, "out_channels": 1, "proj_kernel": 7, "base_channels": 512,
      "upsample_factors": [8, 8, 2, 2], "res_kernel": 3, "num_res_blocks": 3})"},
    {"multiband_melgan_generator",
     R"({"in_channels": 80, "out_channels": 4, "proj_kernel": 7, "base_channels": 384,
      "upsample_factors": [2, 8, 2, 2], "res_kernel": 3, "num_res_blocks": 3})"},
    {"fullband_melgan_generator",
     R"({"in_channels": 80, "out_channels": 1, "proj_kernel": 7, "base_channels": 512,
      "upsample_factors": [2, 8, 2, 2], "res_kernel": 3, "num_res_blocks": 4})"},
    {"parallel_wavegan_generator",
     R"({"in_channels": 1, "out_channels": 1, "kernel_size": 3, "num_res_blocks": 30, "stacks": 3,
      "res_channels": 64, "gate_channels": 128, "skip_channels": 64, "aux_channels": 80,
      "upsample_net": "ConvInUpsampleNetwork", "upsample_factors": [4, 4, 4, 4], "aux_context_window": 0})"},
};

}  // namespace

std::optional<Config> coqui_generator(const Config& config) {
  if (!config.has({"generator_model"})) return {};
  const std::string name = config.text({"generator_model"});
  for (const Generator& g : generators) {
    if (g.name != name) continue;
    const Keys parameters{"generator_model_params"};
    return (config.has(parameters) ? config.section(parameters) : config.with(Json::object()))
        .completed(Json::parse(g.defaults));
  }
  return {};
}

}  // namespace wavestride::models
