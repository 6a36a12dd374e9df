#include <wavestride/checkpoint.h>
#include <wavestride/model.h>
#include <wavestride/safetensors.h>

#include <catch2/catch.hpp>
#include <cmath>

#include "contract.h"
#include "hostile.h"
#include "models.h"

using namespace wavestride;
using namespace wavestride::testing;

TEST_CASE("encodec: the files of its recipes give the samples that torch gives, whole and in chunks") {
  verify_models("encodec", true);
}

namespace {

const std::string metas = "encodec-meta/encodec_24khz-d7cc33bc.th",
                  theirs = "encodec-transformers/model.safetensors", newer = "encodec-new/pytorch_model.bin";

std::string with(const std::string& where, const nlohmann::json& value, const std::string& file = theirs) {
  return refusal_with(file, "config.json", where, value);
}

std::map<std::string, Tensor> tensors_of(const std::string& file) {
  std::map<std::string, Tensor> tensors;
  const auto all = open_checkpoint(model_path(file));
  for (const TensorInfo& t : all->tensors()) tensors.emplace(t.name, all->load(t.name));
  return tensors;
}

/// The reason for which tensors are refused; those of Meta's layout have a config.
std::string refused(const std::map<std::string, Tensor>& tensors,
                    const ModelOptions& options = {.config = model_path("encodec-meta/config.json")}) {
  const TemporaryDirectory directory;
  const std::string path = directory / "model.safetensors";
  write_safetensors(path, tensors);
  return refusal([&] { load_model(path, options); });
}

}  // namespace

TEST_CASE("encodec: the bandwidth says how many codes a frame has, and the first frame alone looks ahead") {
  const auto books_at = [](std::optional<double> kbps) {
    const Model model = load_model(model_path(metas), {.bandwidth_kbps = kbps});
    CHECK(model.architecture == "encodec");
    CHECK(model.codes == 1024);
    CHECK(model.features.name == "EnCodec");
    CHECK(model.features.sample_rate == 24'000);
    CHECK(model.upsampling() == Ratio(320, 1));
    CHECK(model.no_analysis == "it takes the codes that EnCodec makes of sound, no mel frames");
    CHECK(model.network.total(75) == 24'000);
    // The first frame reflects those after it, and nothing else reads ahead.
    CHECK(model.network.lookahead_frames() == 6);
    CHECK(model.network.available(6) == 0);
    CHECK(model.network.available(7) == 7 * 320);
    CHECK(model.network.available(8) == 8 * 320);
    return model.network.in_channels();
  };
  CHECK(books_at(1.5) == 2);
  CHECK(books_at(3) == 4);
  CHECK(books_at({}) == 4);
  for (const auto& [kbps, text] : {std::pair{6.0, "6"}, {2.0, "2"}, {-1.0, "-1"}})
    CHECK(refusal([&] { load_model(model_path(metas), {.bandwidth_kbps = kbps}); }) ==
          std::string("takes codes of 1.5, 3 kbps: name one of these bandwidths, not ") + text);
}

TEST_CASE("encodec: the network of 24 kHz needs no config, and one of other sizes does") {
  using nlohmann::json;
  json shapes;
  for (const json& network : published_networks())
    if (network.at("name") == "EnCodec") shapes = network.at("tensors");
  const auto of = [](const json& tensors, const json& config = nullptr) {
    return load_model(ImaginedFile(tensors, config), {.bandwidth_kbps = 1.5});
  };
  const Model model = of(shapes);
  CHECK(model.architecture == "encodec");
  CHECK(model.codes == 1024);
  CHECK(model.features.sample_rate == 24'000);
  CHECK(model.upsampling() == Ratio(320, 1));
  CHECK(model.network.in_channels() == 2);
  CHECK(of(shapes, {{"model_type", "encodec"}}).features.sample_rate == 24'000);
  CHECK(refusal([&] {
          of(shapes, {{"sampling_rate", 22050}});
        }) ==
        "config: \"model_type\" must be \"encodec\"; {\"model_type\": \"encodec\"} is config enough for the "
        "network of 24000 Hz");
  const auto other = [&](const json& changes) {
    json tensors = shapes;
    for (const auto& [name, shape] : changes.items()) {
      REQUIRE(tensors.contains(name));
      if (shape.is_null())
        tensors.erase(name);
      else
        tensors[name] = shape;
    }
    return refusal([&] { of(tensors); });
  };
  const std::string unknown =
      "config: says nothing of \"sampling_rate\", which tensors tell of the network of 24000 Hz alone, by "
      "its "
      "32 filters, hidden size of 128, 2 LSTMs, ratios of 8, 5, 4, 2 and books of 1024 rows";
  CHECK(other({{"decoder.model.0.conv.conv.weight_v", {512, 64, 7}}}) == unknown);
  CHECK(other({{"decoder.model.15.conv.conv.weight_v", {1, 16, 7}}}) == unknown);
  CHECK(other({{"decoder.model.1.lstm.weight_ih_l1", nullptr}}) == unknown);
  CHECK(other({{"decoder.model.3.convtr.convtr.weight_v", {512, 256, 10}},
               {"decoder.model.6.convtr.convtr.weight_v", {256, 128, 16}}}) == unknown);
  CHECK(other({{"quantizer.vq.layers.0._codebook.embed", {512, 128}}}) == unknown);
}

TEST_CASE("encodec: codes that no book has rows for sound as the nearest that it has") {
  Rng rng(35);
  const Model model = load_model(model_path(metas));
  Signal codes = Signal::NullaryExpr(4, 9, [&] { return static_cast<float>(uniform(rng, 0, 1023)); });
  Signal wrong = codes;
  wrong(0, 2) = std::nanf(""), codes(0, 2) = 0;
  wrong(1, 3) = -7, codes(1, 3) = 0;
  wrong(3, 5) = 1e9f, codes(3, 5) = 1023;
  CHECK(same_bits(model(wrong), model(codes)));
}

TEST_CASE("encodec: networks of its names that are others are refused, naming the key") {
  CHECK(
      with("/norm_type", "time_group_norm") ==
      "config: \"norm_type\" is time_group_norm: networks that normalise over time, as EnCodec's of 48 kHz, "
      "need whole segments of a second and are not supported");
  CHECK(with("/norm_type", "batch_norm") ==
        "config: \"norm_type\" must be weight_norm or none, is \"batch_norm\"");
  CHECK(with("/use_causal_conv", false) == "");
  CHECK(refusal_with("encodec-fused/model.safetensors", "config.json", "/use_causal_conv", false) ==
        "config: \"upsampling_ratios\" must be 2 or more where \"use_causal_conv\" is false");
  CHECK(with("/audio_channels", 2) == "config: \"audio_channels\" must be 1, is 2");
  CHECK(with("/chunk_length_s", 1.0) ==
        "config: \"chunk_length_s\" must be null: networks that work on segments are not supported");
  CHECK(with("/normalize", true) ==
        "config: \"normalize\" must be false: networks of normalised segments are not supported");
  CHECK(with("/trim_right_ratio", 0.5) == "config: \"trim_right_ratio\" must be 1, is 0.5");
  CHECK(with("/pad_mode", "circular") ==
        "config: \"pad_mode\" must be reflect, replicate or constant, is \"circular\"");
  // Others than that of 24 kHz have the same names, and rates that no tensor tells.
  CHECK(refused(tensors_of(theirs), {}) ==
        "config: says nothing of \"sampling_rate\", which tensors tell of the network of 24000 Hz alone, by "
        "its "
        "32 filters, hidden size of 128, 2 LSTMs, ratios of 8, 5, 4, 2 and books of 1024 rows");
  CHECK(with("/sampling_rate", nullptr).find("config: says nothing of \"sampling_rate\"") == 0);
  CHECK(with("/use_causal_conv", nullptr).find("config: says nothing of \"use_causal_conv\"") == 0);
  // Meta's of 48 kHz: convolutions without weight norm, each with a norm behind it.
  auto tensors = tensors_of(metas);
  for (const auto& [name, t] : std::map(tensors))
    if (name.ends_with(".weight_g")) {
      const std::string layer = name.substr(0, name.size() - 9);
      tensors[layer + ".weight"] = tensors.at(layer + ".weight_v");
      tensors.erase(layer + ".weight_v");
      tensors.erase(name);
    }
  CHECK(refused(tensors) == "");
  tensors["decoder.model.0.conv.norm.weight"] = tensors["decoder.model.0.conv.norm.bias"] = Tensor({32});
  CHECK(refused(tensors, {}).find("config: \"norm_type\" is time_group_norm") == 0);
}

TEST_CASE("encodec: a config that the file contradicts is refused, naming the key and both sides") {
  CHECK(with("/seed", 1) == "");
  CHECK(with("/architectures", nullptr) == "");
  for (const char* told :
       {"/num_filters", "/hidden_size", "/kernel_size", "/last_kernel_size", "/residual_kernel_size",
        "/upsampling_ratios", "/num_residual_layers", "/compress", "/num_lstm_layers", "/use_conv_shortcut",
        "/codebook_size", "/pad_mode", "/trim_right_ratio", "/norm_type", "/audio_channels"})
    CHECK(with(told, nullptr) == "");
  CHECK(with("/num_filters", 4)
            .find("tensor \"decoder.layers.0.conv.weight_v\" must have shape [16, 3, 7] by "
                  "the config's \"hidden_size\" and \"kernel_size\" and \"num_filters\" and "
                  "\"upsampling_ratios\", has [8, 3, 7]") == 0);
  CHECK(with("/hidden_size", 4) ==
        "tensor \"quantizer.layers.0.codebook.embed\" must have shape [16, 4] by the config's "
        "\"codebook_size\" and \"hidden_size\", has [16, 3]");
  CHECK(with("/upsampling_ratios", {2, 3}) ==
        "tensor \"decoder.layers.3.conv.weight_v\" must have shape [8, 4, 4] by the config's \"num_filters\" "
        "and \"upsampling_ratios\", has [8, 4, 6]");
  CHECK(with("/num_lstm_layers", 1) ==
        "tensor \"decoder.layers.1.lstm.weight_ih_l1\" has no place in this architecture");
  CHECK(with("/num_lstm_layers", 3) ==
        "tensor \"decoder.layers.1.lstm.weight_ih_l2\" is missing; see the config's \"num_lstm_layers\" and "
        "\"num_filters\" and \"upsampling_ratios\"");
  CHECK(with("/num_residual_layers", 0).find("tensor \"decoder.layers.") == 0);
  CHECK(with("/use_conv_shortcut", false) ==
        "config: \"use_conv_shortcut\" says that blocks have no shortcut, the file holds a layer "
        "\"decoder.layers.4.shortcut.conv\"");
  CHECK(with("/use_conv_shortcut", true, newer) ==
        "config: \"use_conv_shortcut\" says that blocks have a shortcut, the file holds no layer "
        "\"decoder.layers.4.shortcut.conv\"");
  CHECK(with("/compress", 4) == "config: \"compress\" must divide \"num_filters\", 2, is 4");
  CHECK(with("/target_bandwidths", {15, 200}).find("config: \"target_bandwidths\" call for ") == 0);
  CHECK(with("/target_bandwidths", {1e300}) ==
        "config: \"target_bandwidths\" must hold numbers from 0.001 to 1000");
}

TEST_CASE("encodec: sizes beyond reason are refused before memory is asked for") {
  for (const char* key : {"num_filters", "hidden_size", "kernel_size", "last_kernel_size",
                          "residual_kernel_size", "num_residual_layers", "dilation_growth_rate",
                          "num_lstm_layers", "codebook_size", "compress", "sampling_rate", "audio_channels"})
    for (const nlohmann::json& value :
         {nlohmann::json(-1), nlohmann::json(1e18), nlohmann::json("1"), nlohmann::json(1.5)})
      CHECK(with(std::string("/") + key, value)
                .find(std::string("config: \"") + key + "\" must be an integer from ") == 0);
  CHECK(with("/upsampling_ratios", std::vector<int>(17, 2)) ==
        "config: \"upsampling_ratios\" must be a list of 1 to 16 values");
  CHECK(with("/upsampling_ratios", {1024, 1024}) ==
        "config: \"upsampling_ratios\" must have a product of at most 65536");
  CHECK(with("/upsampling_ratios", std::vector<int>(16, 1)) ==
        "config: \"num_filters\" must be at most 16384 when doubled for each of \"upsampling_ratios\", is 2");
  CHECK(with("/dilation_growth_rate", 65).find("must be an integer from 1 to 64") != std::string::npos);
  const std::size_t before = allocated_bytes();
  for (const auto& [key, most] : {std::pair{"hidden_size", 16384}, {"codebook_size", 65536}})
    CHECK(with(std::string("/") + key, most).find("quantizer.layers.0.codebook.embed") != std::string::npos);
  CHECK(allocated_bytes() - before < 16 << 20);
}

TEST_CASE("encodec: tensors that are missing, of other sizes or not finite are refused") {
  const auto whole = tensors_of(metas);
  CHECK(refused(whole) == "");
  for (const char* name : {"decoder.model.1.lstm.weight_hh_l0", "decoder.model.1.lstm.bias_ih_l1",
                           "decoder.model.15.conv.conv.bias", "decoder.model.3.convtr.convtr.bias"}) {
    auto tensors = whole;
    tensors.erase(name);
    CHECK(refused(tensors).find(std::string("tensor \"") + name + "\" is missing") == 0);
    tensors[name] = Tensor({3});
    CHECK(refused(tensors).find(std::string("tensor \"") + name + "\" must have shape ") == 0);
    tensors[name] = whole.at(name);
    tensors[name].data.back() = std::nanf("");
    CHECK(refused(tensors) == std::string("tensor \"") + name + "\": numbers must be finite, one is nan");
  }
  auto tensors = whole;
  tensors.erase("quantizer.vq.layers.1._codebook.embed");
  CHECK(refused(tensors) ==
        "tensor \"quantizer.vq.layers.1._codebook.embed\" is missing; see the config's \"codebook_size\" and "
        "\"hidden_size\"");
  tensors.erase("quantizer.vq.layers.3._codebook.embed");
  CHECK(refused(tensors).find("config: \"target_bandwidths\"") == 0);
  tensors = whole;
  tensors["decoder.model.16.conv.conv.bias"] = Tensor({1});
  CHECK(refused(tensors) == "tensor \"decoder.model.16.conv.conv.bias\" has no place in this architecture");
  tensors = whole;
  tensors.erase("decoder.model.1.lstm.weight_ih_l0");
  CHECK(refused(tensors, {.config = "hifigan-v1"}) ==
        "holds a neural codec that is none of DAC, EnCodec and SNAC: such networks are not supported (tensor "
        "\"quantizer.vq.layers.0._codebook.embed\")");
  for (const auto& [name, value] : whole) {  // whatever their dimensions
    if (value.size() > 1000) continue;
    for (const std::vector<Index>& shape :
         {std::vector<Index>{}, {0, 1, 1}, {1, Index{1} << 40, 0}, {2, 3}}) {
      tensors = whole;
      tensors[name] = Tensor(shape);
      if (name.starts_with("decoder.")) CHECK(refused(tensors) != "");
    }
  }
}
