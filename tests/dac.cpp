#include <wavestride/checkpoint.h>
#include <wavestride/model.h>
#include <wavestride/safetensors.h>

#include <catch2/catch.hpp>
#include <cmath>

#include "hostile.h"
#include "models.h"

using namespace wavestride;
using namespace wavestride::testing;
using nlohmann::json;

TEST_CASE("dac: the files of its recipes give the samples that torch gives, whole and in chunks") {
  verify_models("dac");
}

namespace {

const std::string original = "dac-44khz/weights.pth", odd = "dac-24khz/weights_24khz.pth",
                  transformers = "dac-transformers/model.safetensors";

/// What the constructor was given, as the file of the original has it.
json arguments_in(const std::string& file) {
  const auto checkpoint = open_checkpoint(model_path(file));
  return json::parse(checkpoint->metadata().at("values")).at("metadata").at("kwargs");
}

/// The reason for which the original's file is refused with one argument changed; null removes.
std::string with(const char* key, const json& value) {
  json changed = arguments_in(original);
  if (value.is_null())
    changed.erase(key);
  else
    changed[key] = value;
  const TemporaryDirectory directory;
  const std::string config = directory / "changed.json";
  write_bytes(config, changed.dump());
  return refusal([&] { load_model(model_path(original), {.config = config}); });
}

}  // namespace

TEST_CASE("dac: of the codes of any number of codebooks, the first") {
  for (const auto& [file, books, rows, hop, lost] :
       {std::tuple<std::string, Index, Index, Index, Index>{original, 4, 20, 16, 0}, {odd, 3, 20, 10, 2}})
    for (Index used = 0; used <= books; ++used) {
      const Model model =
          load_model(model_path(file), {.codebooks = used == 0 ? std::nullopt : std::optional(used)});
      CHECK(model.architecture == "dac");
      CHECK(model.codes == rows);
      CHECK(model.features.name == "DAC");
      CHECK(model.features.sample_rate == 16'000);
      CHECK(model.features.hop_length == hop);
      CHECK(model.features.n_mels == (used == 0 ? books : used));
      CHECK(model.network.in_channels() == model.features.n_mels);
      CHECK(model.upsampling() == Ratio(hop, 1));
      CHECK(model.network.total(100) == 100 * hop - lost);
      CHECK(model.no_analysis == "it takes the codes that DAC makes of sound, no mel frames");
    }
  const auto refused = [](const ModelOptions& options) {
    return refusal([&] { load_model(model_path(original), options); });
  };
  for (const Index wrong : {0, 5, -1})
    CHECK(refused({.codebooks = wrong}) ==
          "takes codes of the first 1 to 4 of its codebooks, not of " + std::to_string(wrong));
  CHECK(refused({.bandwidth_kbps = 8}) ==
        "takes codes of any number of its 4 codebooks: name that, no bandwidth");
  CHECK(refused({.bandwidth_kbps = 8, .codebooks = 2}) ==
        "a bandwidth says how many codebooks there are codes of: name one of the two");
  CHECK(refusal([] { load_model(model_path("bigvgan-1/bigvgan_generator.pt"), {.codebooks = 4}); }) ==
        "takes no codes of a codec: there are no codebooks to choose");
}

TEST_CASE("dac: codes that no codebook has rows for sound as the nearest that it has") {
  const Model model = load_model(model_path(original));
  const Signal before = Signal::Constant(4, 9, 7);
  Signal codes = before, wrong = before;
  wrong(0, 2) = std::nanf(""), codes(0, 2) = 0;
  wrong(1, 3) = -7, codes(1, 3) = 0;
  wrong(2, 4) = 1e9f, codes(2, 4) = 19;
  wrong(3, 5) = 5.75f, codes(3, 5) = 5;
  CHECK(model(wrong) == model(codes));
  CHECK(model(codes) != model(before));
}

TEST_CASE("dac: what the file says of its sizes counts, whatever lies beside it") {
  const TemporaryDirectory directory;
  const std::string path = directory / "weights.pth";
  write_bytes(path, file_bytes(model_path(original)));
  write_bytes(directory / "config.json", R"({"decoder_dim": 7})");
  CHECK(load_model(path).features.n_mels == 4);
  CHECK(refusal([&] { load_model(path, {.config = directory / "config.json"}); }) ==
        "config: \"decoder_rates\" must be a list of 1 to 16 values");
}

TEST_CASE("dac: sizes that contradict each other or the file are refused, naming the keys") {
  CHECK(with("quantizer_dropout", nullptr) == "");
  CHECK(with("latent_dim", nullptr) == "");  // as the encoder's width and rates say
  CHECK(with("encoder_rates", nullptr) == "");
  CHECK(with("codebook_dim", {3, 3, 3, 3}) == "");
  CHECK(with("sample_rate", nullptr) == "config: \"sample_rate\" must be an integer from 1 to 16777216");
  CHECK(with("sample_rate", 0) == "config: \"sample_rate\" must be an integer from 1 to 16777216");
  CHECK(with("decoder_rates", {4, 2, 4}) ==
        "config: \"decoder_rates\" make 32 samples of a frame, \"encoder_rates\" a frame of another number");
  CHECK(with("decoder_rates", {2, 2, 4}) ==
        "tensor \"state_dict.decoder.model.1.block.1.weight_v\" must have shape [24, 12, 4] by the config's "
        "\"decoder_dim\" and \"decoder_rates\", has [24, 12, 8]");
  CHECK(with("decoder_rates", {4, 4}) ==
        "tensor \"state_dict.decoder.model.2.block.1.weight_v\" must have shape [12, 6, 8] by the config's "
        "\"decoder_dim\" and \"decoder_rates\", has [12, 6, 4]");
  CHECK(with("decoder_rates", json::array()) == "config: \"decoder_rates\" must be a list of 1 to 16 values");
  CHECK(with("decoder_rates", {4, -2, 2}) == "config: \"decoder_rates\" must hold integers from 1 to 1024");
  CHECK(with("decoder_rates", {1024, 1024, 2}) ==
        "config: \"decoder_rates\" must make at most 1048576 samples of a frame");
  CHECK(with("decoder_dim", 7) == "config: \"decoder_dim\" must be an integer from 8 to 65536");
  CHECK(with("decoder_dim", 32) ==
        "tensor \"state_dict.decoder.model.0.weight_v\" must have shape [32, 16, 7] by the config's "
        "\"decoder_dim\" and \"latent_dim\", has [24, 16, 7]");
  CHECK(with("latent_dim", 8) ==
        "tensor \"state_dict.quantizer.quantizers.0.out_proj.weight_v\" must have shape [8, 3, 1] by the "
        "config's \"latent_dim\" and \"codebook_dim\", has [16, 3, 1]");
  CHECK(with("n_codebooks", 1e9) == "config: \"n_codebooks\" must be an integer from 1 to 64");
  CHECK(with("n_codebooks", 5) ==
        "config: \"n_codebooks\" says 5 codebooks, the file holds no layer "
        "\"quantizer.quantizers.4.out_proj\"");
  CHECK(with("n_codebooks", 3).find("has no place in this architecture") != std::string::npos);
  CHECK(with("codebook_size", 1024) ==
        "tensor \"state_dict.quantizer.quantizers.0.codebook.weight\" must have shape [1024, 3] by the "
        "config's \"codebook_size\" and \"codebook_dim\", has [20, 3]");
  CHECK(with("codebook_dim", {3, 3}) == "config: \"codebook_dim\" must be a list of 4 values");
  CHECK(with("codebook_dim", "8") == "config: \"codebook_dim\" must be an integer from 1 to 4096");

  const auto of_transformers = [](const char* where, const json& value) {
    return refusal_with(transformers, "config.json", where, value);
  };
  CHECK(of_transformers("/hop_length", 7) == "");  // published configs have wrong ones
  CHECK(of_transformers("/upsampling_ratios", nullptr) == "");
  CHECK(of_transformers("/hidden_size", nullptr) == "");
  CHECK(of_transformers("/upsampling_ratios", {2, 5}).find("\"upsampling_ratios\"") != std::string::npos);
  CHECK(of_transformers("/downsampling_ratios", nullptr) == "");
  CHECK(of_transformers("/sampling_rate", nullptr) ==
        "config: \"sample_rate\" must be an integer from 1 to 16777216");
  CHECK(of_transformers("/hidden_size", 9) ==
        "tensor \"quantizer.quantizers.0.out_proj.weight\" must have shape [9, 2, 1] by the config's "
        "\"hidden_size\" and \"codebook_dim\", has [8, 2, 1]");
}

TEST_CASE("dac: tensors that are missing, of other sizes, too many or not finite are refused") {
  const auto file = open_checkpoint(model_path(transformers));
  const std::string config = file_bytes(model_path("dac-transformers/config.json"));
  const TemporaryDirectory directory;
  const std::string path = directory / "model.safetensors";
  const auto changed = [&](const std::string& name, std::vector<Index> shape, float last = 0) {
    std::map<std::string, Tensor> tensors;
    for (const TensorInfo& t : file->tensors()) tensors[t.name] = file->load(t.name);
    if (shape.empty()) {
      tensors.erase(name);
    } else {
      tensors[name] = Tensor(std::move(shape));
      tensors[name].data.back() = last;
    }
    write_safetensors(path, tensors, {.metadata = {{"config", config}}});
    return refusal([&] { load_model(path); });
  };
  CHECK(changed("decoder.conv1.bias", {12}) == "");
  CHECK(changed("encoder.conv1.bias", {}) == "");  // nothing of which is wanted
  CHECK(changed("quantizer.quantizers.0.in_proj.bias", {}) == "");
  CHECK(changed("decoder.conv1.bias", {}).find("tensor \"decoder.conv1.bias\" is missing") == 0);
  CHECK(changed("decoder.snake1.alpha", {3}) ==
        "tensor \"decoder.snake1.alpha\" must have shape [1, 3, 1] by the config's \"decoder_hidden_size\" "
        "and \"upsampling_ratios\", has [3]");
  CHECK(changed("decoder.block.1.res_unit3.conv1.weight", {3, 3, 9}) ==
        "tensor \"decoder.block.1.res_unit3.conv1.weight\" must have shape [3, 3, 7] by the config's "
        "\"decoder_hidden_size\", has [3, 3, 9]");
  CHECK(changed("decoder.block.2.conv_t1.weight", {3, 1, 4}) ==
        "tensor \"decoder.block.2.conv_t1.weight\" has no place in this architecture");
  CHECK(changed("quantizer.quantizers.2.codebook.weight", {20, 2}, std::nanf("")) ==
        "tensor \"quantizer.quantizers.2.codebook.weight\": numbers must be finite, one is nan");
  CHECK(changed("decoder.block.0.snake1.alpha", {1, 12, 1}, std::numeric_limits<float>::infinity()) ==
        "tensor \"decoder.block.0.snake1.alpha\": numbers must be finite, one is infinite");
  CHECK(changed("decoder.block.0.snake1.alpha", {1, 12, 1}, -1e-9f) ==
        "tensor \"decoder.block.0.snake1.alpha\": 1e-9 is added before it divides, one is -1e-9");
  CHECK(changed("decoder.block.0.conv_t1.weight", {}).find("holds a neural codec") == 0);
}
