#include <wavestride/model.h>

#include <catch2/catch.hpp>

#include "models.h"

using namespace wavestride;
using namespace wavestride::testing;

TEST_CASE("melgan: the files of its recipes give the samples that torch gives, whole and in chunks") {
  verify_models("melgan");
}

TEST_CASE("melgan: causal networks read nothing ahead, but their first frames are reflected") {
  for (const char* name : {"melgan-causal", "melgan-causal-old"}) {
    const Model model = load_model(model_path(std::string(name) + "/checkpoint-1000000steps.pkl"));
    const Index hop = model.features.hop_length;
    for (Index n = 100 * hop; n < 101 * hop; ++n) CHECK(model.network.reads(n).last == 100);
    CHECK(model.network.lookahead_frames() == 6);  // of a convolution over 7 frames
    CHECK(model.network.latency_frames() == 7 * hop);
    CHECK(model.network.available(6) == 0);
    CHECK(model.network.available(7) > 6 * hop);
  }
}

TEST_CASE("melgan: a config that the file contradicts is refused, naming the key and both sides") {
  const auto with = [](const std::string& where, const nlohmann::json& value) {
    return refusal_with("melgan-pwg/checkpoint-1000000steps.pkl", "config.json", where, value);
  };
  CHECK(with("/seed", 1) == "");
  CHECK(with("/generator_params/stacks", 3) ==
        "holds no layer \"melgan.14\", the last one by the config's scales and stacks");
  CHECK(with("/generator_params/channels", 8)
            .find("must have shape [8, 10, 7] by the config's "
                  "\"generator_params.channels\", has [16, 10, 7]") != std::string::npos);
  CHECK(with("/generator_params/upsample_scales", {2, 5}).find("must have shape [16, 8, 4]") !=
        std::string::npos);
  CHECK(with("/generator_params/nonlinear_activation", "ReLU") == "");
  CHECK(with("/generator_params/nonlinear_activation", "ELU") ==
        "config: \"generator_params.nonlinear_activation\" must be LeakyReLU or ReLU, is \"ELU\"");
  CHECK(with("/generator_params/pad", "ConstantPad1d") ==
        "config: \"generator_params.pad\" must be ReflectionPad1d");
  CHECK(with("/generator_params/stacks", nullptr) ==  // the constructor's 3
        "holds no layer \"melgan.14\", the last one by the config's scales and stacks");
  CHECK(with("/generator_params/stacks", 0) ==
        "config: \"generator_params.stacks\" must be an integer from 1 to 16");
  CHECK(with("/generator_params/stack_kernel_size", 4) ==
        "config: the kernel of residual stacks that are not causal must be odd, is 4");
  CHECK(with("/version", "new") == "");  // matters to causal networks and filter banks alone
  CHECK(refusal_with("melgan-multiband/checkpoint-1000000steps.pkl", "config.json", "/version", "new") ==
        "config: \"version\" must be like 0.5.5, is \"new\"");
  CHECK(refusal_with("melgan-multiband-own/checkpoint-1000000steps.pkl", "config.json", "/pqmf_params/taps",
                     31) == "config: pqmf_synthesis: taps must be even, from 4 to 65536, got 31");
}
