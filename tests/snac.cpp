#include <wavestride/checkpoint.h>
#include <wavestride/model.h>
#include <wavestride/noise.h>
#include <wavestride/safetensors.h>

#include <catch2/catch.hpp>
#include <cmath>

#include "contract.h"
#include "hostile.h"
#include "models.h"

using namespace wavestride;
using namespace wavestride::testing;
using nlohmann::json;

TEST_CASE("snac: the files of its recipes give the samples that torch gives, whole and in chunks") {
  verify_models("snac");
}

namespace {

const std::string usual = "snac-24khz/pytorch_model.bin", plain = "snac-plain/model.safetensors";

std::string with(const char* where, const json& value) {
  return refusal_with(usual, "config.json", where, value);
}

Signal made_of(const Model& model, const std::vector<Signal>& in) {
  const std::vector<FramesView> views(in.begin(), in.end());
  return model.network(views).front();
}

}  // namespace

TEST_CASE("snac: of given noise it makes what torch makes of it") {
  for (const GoldenCase& c : golden_cases("snac_noise")) {
    const Model model = load_model(model_path(c.parameters.at("file")), {.given = Given::noise});
    std::vector<Signal> in{c.signal("x")};
    REQUIRE(model.network.inputs() == 4);
    for (const char* noise : {"noise0", "noise1", "noise2"}) in.push_back(c.signal(noise));
    CHECK(relative_error(made_of(model, in), c.signal("y")) <= model_tolerance);
    for (std::size_t i = 1; i < in.size(); ++i) in[i].setZero();
    const std::string quiet = model_path("snac-24khz/quiet.json");
    CHECK(relative_error(made_of(model, in), load_model(model_path(usual), {.config = quiet})(in.front())) <=
          1e-6);
  }
}

TEST_CASE("snac: draws noise by seed and position, another for each rate") {
  Rng rng(44);
  const auto of_seed = [](std::uint64_t seed) { return load_model(model_path(usual), {.seed = seed}); };
  const Signal codes = noise(rng, 7, 20);
  const Signal y = of_seed(0)(codes);
  CHECK(same_bits(of_seed(0)(codes), y));
  const Signal other = of_seed(1)(codes);
  CHECK_FALSE(same_bits(other, y));
  verify_contract(of_seed(1).network, rng, {.dense = false, .longest = 20, .chunkings = 2});
  const Model given = load_model(model_path(usual), {.given = Given::noise});
  std::vector<Signal> in{codes};
  Index length = 20 * 4;
  for (const auto& [rate, seed] :
       {std::pair<Index, std::uint64_t>{3, 0}, {2, 0x9e3779b97f4a7c15}, {2, 0x3c6ef372fe94f82a}})
    in.push_back(normal_noise(1, length *= rate, seed));
  CHECK(same_bits(made_of(given, in), y));
}

TEST_CASE("snac: a frame has the codes of all codebooks that sound together") {
  for (const auto& [file, codes, hop, rows] :
       {std::tuple<std::string, std::vector<Index>, Index, Index>{usual, {7, 1, 3, 7}, 4 * 12, 20},
        {plain, {6, 1, 3, 6}, 6 * 12, 20}})
    for (std::size_t used = 0; used < codes.size(); ++used) {
      const Model model =
          load_model(model_path(file),
                     {.codebooks = used == 0 ? std::nullopt : std::optional(static_cast<Index>(used))});
      CHECK(model.codes == rows);
      CHECK(model.features.name == "SNAC");
      CHECK(model.features.sample_rate == 16'000);
      CHECK(model.features.hop_length == hop);
      CHECK(model.features.n_mels == codes[used]);
      CHECK(model.network.total(10) == 10 * hop);
      CHECK(model.no_analysis == "it takes the codes that SNAC makes of sound, no mel frames");
    }
  CHECK(refusal([] { load_model(model_path(usual), {.codebooks = 4}); }) ==
        "takes codes of the first 1 to 3 of its codebooks, not of 4");
  CHECK(refusal([] { load_model(model_path(plain), {.given = Given::noise}); }) ==
        "has no use for given noise");
}

TEST_CASE("snac: what is not supported and what contradicts the file is refused, naming the key") {
  CHECK(with("/latent_dim", 8).find("by the config's \"latent_dim\"") != std::string::npos);
  CHECK(with("/attn_window_size", 32) ==
        "config: \"attn_window_size\": networks with attention (layer \"decoder.model.2.to_qkv\") are not "
        "supported");
  CHECK(with("/depthwise", false) ==
        "config: \"depthwise\" is false, the file holds a depthwise layer \"decoder.model.0\"");
  CHECK(with("/noise", nullptr) == "");
  CHECK(with("/noise", "loud") == "config: \"noise\" must be true or false");
  CHECK(with("/vq_strides", {4, 3, 1}) ==
        "config: \"vq_strides\" must divide the largest of them, 4, one is 3");
  CHECK(
      with("/vq_strides", {4, 2, 1, 1}) ==
      "config: \"vq_strides\" says 4 codebooks, the file holds no layer \"quantizer.quantizers.3.out_proj\"");
  CHECK(with("/vq_strides", {4, 2}).find("has no place in this architecture") != std::string::npos);
  CHECK(with("/vq_strides", {1e6, 2, 1}) == "config: \"vq_strides\" must hold integers from 1 to 1024");
  json config = json::parse(file_bytes(model_path("snac-24khz/config.json")));
  config["decoder_rates"] = {32, 32, 2}, config["encoder_rates"] = {2, 32, 32},
  config["vq_strides"] = {1024, 1};
  const TemporaryDirectory directory;
  write_bytes(directory / "config.json", config.dump());
  CHECK(refusal([&] { load_model(model_path(usual), {.config = directory / "config.json"}); }) ==
        "config: \"vq_strides\" and \"decoder_rates\" must make at most 1048576 samples of a frame of codes, "
        "make 2097152");
  CHECK(with("/encoder_dim", 3).find("\"encoder_dim\"") != std::string::npos);
  CHECK(with("/decoder_rates", {3, 2, 4}).find("\"encoder_rates\" a frame of another number") !=
        std::string::npos);
  CHECK(refusal_with(plain, "config.json", "/noise", true) ==
        "config: \"noise\" says that there is noise, the file holds no layer "
        "\"decoder.model.2.block.2.linear\"");
}
