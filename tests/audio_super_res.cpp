#include <wavestride/audio_unet.h>
#include <wavestride/spline_upsample.h>

#include <catch2/catch.hpp>

#include "contract.h"
#include "models.h"

using namespace wavestride;
using namespace wavestride::testing;

TEST_CASE("audio_super_res: files give the samples that torch gives of scipy's spline, whole and in chunks") {
  verify_models("audio-super-res");
}

TEST_CASE("audio_super_res: takes sound of the low rate and says so") {
  const Model model = load_model(model_path("audio-super-res-1/model.safetensors"));
  CHECK(model.features.n_mels == 1);
  CHECK(model.features.sample_rate == 16'000);
  CHECK(model.features.hop_length == 4);
  CHECK(model.upsampling() == Ratio(4, 1));
  CHECK(model.no_analysis == "it extends sound of 4000 Hz, which it takes as it is");
}

TEST_CASE("audio_super_res: a config that the file contradicts is refused, naming the key and both sides") {
  const auto with = [](const std::string& where, const nlohmann::json& value, ModelOptions options = {}) {
    return refusal_with("audio-super-res-1/model.safetensors", "config.json", where, value, options);
  };
  CHECK(with("/comment", "") == "");
  CHECK(with("/r", nullptr) == "config: \"r\" must be an integer from 1 to 64");
  CHECK(with("/r", 3) == "config: \"sampling_rate\" must be a multiple of \"r\", 3, is 16000");
  CHECK(with("/arithmetic", "numpy") == "config: \"arithmetic\" must be tensorflow or pytorch, is \"numpy\"");
  CHECK(with("/filters", {6, 9}) ==
        "tensor \"down.1.weight\" must have shape [9, 6, 5] by the config's \"filters\", has [8, 6, 5]");
  CHECK(with("/filters", {6}) ==
        "tensor \"bottleneck.weight\" must have shape [8, 6, 3] by the config's \"filters\", has [8, 8, 3]");
  CHECK(with("/comment", "", {.given = Given::noise}) == "has no use for given noise");
}
