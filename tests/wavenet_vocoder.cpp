#include <wavestride/wavenet_generator.h>

#include <catch2/catch.hpp>

#include "contract.h"
#include "counter_random.h"
#include "models.h"

using namespace wavestride;
using namespace wavestride::testing;

namespace {

ModelOptions options_of(const GoldenCase& c) {
  ModelOptions options{.seed = c.parameters.at("seed")};
  if (c.parameters.contains("speaker")) options.speaker = c.parameters.at("speaker").get<Index>();
  return options;
}

}  // namespace

TEST_CASE(
    "wavenet_vocoder: the repository's files generate the samples that torch does, whole and in chunks") {
  Rng rng(111);
  for (const GoldenCase& c : golden_cases("wavenet-vocoder")) {
    INFO(c.parameters.dump());
    const Model model = load_model(model_path(c.parameters.at("file")), options_of(c));
    CHECK(model.architecture == "wavenet-vocoder");
    CHECK(model.features.hop_length == 20);
    CHECK(model.no_analysis.find("stats.npy") != std::string::npos);
    const Signal x = c.signal("x"), expected = c.signal("y"), y = model(x);
    REQUIRE(expected.cols() == 2000);
    REQUIRE(y.cols() == 2000);
    CHECK((y - expected).cwiseAbs().maxCoeff() <= model_tolerance * expected.cwiseAbs().maxCoeff());
    Stream stream = model.network.stream();
    CHECK(same_bits(stream_in_chunks(stream, x, rng), y));
    verify_contract_multi(model.network, rng, {.longest = 20, .chunkings = 2});
  }
}

TEST_CASE(
    "wavenet_vocoder: on known samples it says what torch says of each, as it does when it draws them") {
  for (const GoldenCase& c : golden_cases("wavenet-vocoder")) {
    if (!c.has("fed")) continue;
    INFO(c.parameters.dump());
    ModelOptions options = options_of(c);
    options.given = Given::samples;
    const Model model = load_model(model_path(c.parameters.at("file")), options);
    const Signal x = c.signal("x"), fed = c.signal("fed"), expected = c.signal("said");
    const std::vector<FramesView> in{x, fed};
    const Signal said = model.network(in).front();
    REQUIRE(said.cols() == expected.cols());
    CHECK(relative_error(Signal(said.topRows(expected.rows())), expected) <= model_tolerance);
  }
}

TEST_CASE("wavenet_vocoder: draws from given noise what it draws from the same noise by seed") {
  const std::string file = model_path("wavenet-vocoder-mol/checkpoint_step000000010_ema.pth");
  Rng rng(112);
  const Signal x = noise(rng, 10, 12);
  Signal u(wavenet_noise_channels(WavenetDistribution::logistic, 12), 240);
  for (Index i = 0; i < u.size(); ++i)
    u.data()[i] = static_cast<float>(counter_uniform(3, static_cast<std::uint64_t>(i)));
  const std::vector<FramesView> in{x, u};
  CHECK(same_bits(load_model(file, {.given = Given::noise}).network(in).front(),
                  load_model(file, {.seed = 3})(x)));
  CHECK(!same_bits(load_model(file, {.seed = 4})(x), load_model(file, {.seed = 3})(x)));
}

TEST_CASE("wavenet_vocoder: a config that the file contradicts is refused, naming the key and both sides") {
  const auto with = [](const std::string& where, const nlohmann::json& value) {
    return refusal_with("wavenet-vocoder-mol/checkpoint_step000000010_ema.pth", "hparams.json", where, value);
  };
  CHECK(with("/batch_size", 1) == "");
  CHECK(with("/out_channels", 30) ==
        "tensor \"state_dict.last_conv_layers.3.weight_v\" must have shape [30, 16, 1] by the config's "
        "\"out_channels\", has [12, 16, 1]");
  CHECK(with("/skip_out_channels", 8).find("by the config's \"skip_out_channels\", has [16, 12, 1]") !=
        std::string::npos);
  CHECK(with("/cin_pad", 0).find("by the config's \"cin_channels\" and \"cin_pad\", has [10, 10, 5]") !=
        std::string::npos);
  CHECK(with("/input_type", "linear") ==
        "config: \"input_type\" must be raw, mulaw or mulaw-quantize, is \"linear\"");
  CHECK(with("/input_type", "mulaw-quantize") ==
        "config: \"out_channels\" must be \"quantize_channels\" for \"input_type\" mulaw-quantize");
  CHECK(with("/output_distribution", "Cauchy") ==
        "config: \"output_distribution\" must be Logistic or Normal, is \"Cauchy\"");
  CHECK(with("/postprocess", "trim") ==
        "config: \"postprocess\" must be none or inv_preemphasis, is \"trim\"");
  CHECK(with("/upsample_conditional_features", false) ==
        "config: \"upsample_conditional_features\" must be true: features come at the rate of frames");
  CHECK(with("/upsample_params/mode", "bilinear") ==
        "config: \"upsample_params.mode\" must be nearest, is \"bilinear\"");
  CHECK(with("/hop_size", 256) ==
        "the network makes 20 samples of a frame by the config's \"upsample_params.upsample_scales\", "
        "features of "
        "wavenet_vocoder have a hop of 256 by the config's \"hop_size\"");
}
