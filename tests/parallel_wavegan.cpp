#include <wavestride/mu_law.h>
#include <wavestride/noise.h>
#include <wavestride/wavenet.h>

#include <catch2/catch.hpp>

#include "checkpoint/config_file.h"
#include "contract.h"
#include "hostile.h"
#include "models.h"
#include "models/wavenet_files.h"

using namespace wavestride;
using namespace wavestride::testing;

namespace {

const std::string v1 = "parallel-wavegan-v1/checkpoint-400000steps.pkl";

}  // namespace

TEST_CASE("parallel_wavegan: the repository's files give the samples that torch gives, whole and in chunks") {
  verify_models("parallel-wavegan");
}

TEST_CASE("parallel_wavegan: its noise is normal_noise of the seed, or what the caller gives") {
  Rng rng(101);
  const Model drawn = load_model(model_path(v1), {.seed = 9}),
              given = load_model(model_path(v1), {.given = Given::noise});
  const Signal mel = noise(rng, 10, 30), z = normal_noise(1, 240, 9);
  const std::vector<FramesView> in{mel, z};
  CHECK(same_bits(given.network(in).front(), drawn(mel)));
  CHECK(!same_bits(load_model(model_path(v1))(mel), drawn(mel)));
}

TEST_CASE("parallel_wavegan: sound that was companded for training is expanded again") {
  Rng rng(102);
  const Signal mel = noise(rng, 10, 30);
  const std::string file = "parallel-wavegan-mulaw/checkpoint-400000steps.pkl";
  nlohmann::json config = detail::read_config_file(model_path("parallel-wavegan-mulaw/config.yml"));
  config["apply_mulaw"] = false;
  const TemporaryDirectory directory;
  write_bytes(directory / "config.json", config.dump());
  const Model companded = load_model(model_path(file), {.config = directory / "config.json"});
  CHECK(same_bits(load_model(model_path(file))(mel), mu_law_expand(companded(mel), 65535)));
}

TEST_CASE("parallel_wavegan: a config that the file contradicts is refused, naming the key and both sides") {
  const auto with = [](const std::string& where, const nlohmann::json& value) {
    return refusal_with(v1, "config.json", "/generator_params" + where, value);
  };
  CHECK(with("/dropout", 0.5) == "");
  CHECK(with("/kernel_size", 5) ==
        "tensor \"model.generator.conv_layers.0.conv.weight_v\" must have shape [16, 8, 5] by the config's "
        "\"generator_params.gate_channels\" and \"generator_params.kernel_size\", has [16, 8, 3]");
  CHECK(with("/layers", 8).find("conv_layers.6.conv.weight\" is missing") != std::string::npos);
  CHECK(with("/layers", 4).find("\"model.generator.conv_layers.4.conv") == 7);
  CHECK(with("/stacks", 4) ==
        "config: wavenet: stacks must divide layers into at most 40 each, got 6 layers in 4 stacks");
  CHECK(with("/stacks", nullptr) == "config: \"generator_params.stacks\" must be an integer from 1 to 6");
  CHECK(with("/layers", 40) ==
        "config: \"generator_params.layers\", \"generator_params.stacks\" and "
        "\"generator_params.kernel_size\" must "
        "reach back to at most 262144 samples");
  CHECK(with("/upsample_params/upsample_scales", std::vector<int>(16, 1024)) ==
        "config: \"generator_params.upsample_params.upsample_scales\" must multiply to at most 65536");
  CHECK(with("/gate_channels", 15) == "config: \"generator_params.gate_channels\" must be even, is 15");
  CHECK(
      with("/aux_context_window", 1) ==
      "tensor \"model.generator.upsample_net.conv_in.weight_v\" must have shape [10, 10, 3] by the config's "
      "\"generator_params.aux_channels\" and \"generator_params.aux_context_window\", has [10, 10, 5]");
  CHECK(with("/upsample_params/upsample_scales", {2, 4})
            .find("must have shape [1, 1, 1, 5] by the config's "
                  "\"generator_params.upsample_params.upsample_scales\", "
                  "has [1, 1, 1, 9]") != std::string::npos);
  CHECK(with("/upsample_net", "Linear") ==
        "config: \"generator_params.upsample_net\" must be ConvInUpsampleNetwork, MelGANGenerator or "
        "UpsampleNetwork, is \"Linear\"");
  CHECK(with("/upsample_net", "MelGANGenerator") ==
        "config: \"generator_params.aux_context_window\" of a MelGANGenerator must be 0, is 2");
  CHECK(with("/use_causal_conv", true).find("must have shape [10, 10, 3]") != std::string::npos);
}

TEST_CASE("parallel_wavegan: sizes that no tensor vouches for may not fill the memory of a stream") {
  const auto with = [](const nlohmann::json& changes) {
    const std::string config = "config.json";
    auto parameters = nlohmann::json::parse(
        file_bytes(model_path(v1.substr(0, v1.find('/') + 1) + config)))["generator_params"];
    parameters.update(changes);
    return refusal_with(v1, config, "/generator_params", parameters);
  };
  CHECK(with(nlohmann::json::object()) == "");
  // 2·(2^15 − 1) samples, each of the channels of three tensors.
  CHECK(with({{"layers", 15}, {"stacks", 1}, {"residual_channels", 65'536}}) ==
        "config: \"generator_params.layers\" and \"generator_params.stacks\" reach back to 65534 samples, "
        "which with \"generator_params.residual_channels\", \"generator_params.skip_channels\" and "
        "\"generator_params.aux_channels\" take 16388 MiB in a stream; at most 256 are allowed");
  CHECK(with({{"layers", 15}, {"stacks", 1}, {"residual_channels", 1000}})
            .find("must have shape [1000, 1, 1]") != std::string::npos);
  const auto up = [](Index channels) {
    const ImaginedFile none(nlohmann::json::object(), nlohmann::json::object());
    models::ModelFile file(none, {"config.json", nlohmann::json::object()}, {});
    const models::Config c("config.json", {{"upsample_net", "UpsampleNetwork"},
                                           {"upsample_params", {{"upsample_scales", {256, 256}}}},
                                           {"aux_channels", channels},
                                           {"aux_context_window", 0}});
    return refusal([&] { models::upsample_net(file, c, models::parallel_wavegan_spelling, false); });
  };
  CHECK(up(1025) ==
        "config: \"upsample_params.upsample_scales\" make 65536 samples of a frame, which with "
        "\"aux_channels\" take 257 MiB in a stream; at most 256 are allowed");
  CHECK(up(1024).find("\"upsample_net.up_layers.1.weight\" is missing") != std::string::npos);
}
