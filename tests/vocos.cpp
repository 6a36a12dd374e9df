#include <wavestride/checkpoint.h>
#include <wavestride/embedding.h>
#include <wavestride/model.h>
#include <wavestride/npy.h>
#include <wavestride/safetensors.h>
#include <wavestride/stack.h>

#include <catch2/catch.hpp>

#include "hostile.h"
#include "models.h"

using namespace wavestride;
using namespace wavestride::testing;

TEST_CASE("vocos: the files of its recipes give the samples that torch gives, whole and in chunks") {
  verify_models("vocos");
}

TEST_CASE("vocos: a config that the file contradicts is refused, naming the key and both sides") {
  const auto with = [](const std::string& where, const nlohmann::json& value) {
    return refusal_with("vocos-center/pytorch_model.bin", "config.json", where, value);
  };
  CHECK(with("/seed", 1) == "");
  CHECK(with("/backbone/init_args/dim", 8) ==
        "tensor \"backbone.embed.weight\" must have shape [8, 12, 7] by the config's "
        "\"backbone.init_args.input_channels\" and \"backbone.init_args.dim\", has [16, 12, 7]");
  CHECK(with("/backbone/init_args/num_layers", 1) ==
        "tensor \"backbone.convnext.1.gamma\" has no place in this architecture");
  CHECK(with("/backbone/init_args/num_layers", 3) ==
        "config: \"backbone.init_args.num_layers\" is 3, the file holds no layer "
        "\"backbone.convnext.2.dwconv\"");
  CHECK(with("/head/class_path", nullptr) == "");
  CHECK(with("/head/class_path", "mine.ISTFTHead") == "");
  CHECK(with("/head/class_path", "vocos.heads.IMDCTCosHead") ==
        "config: \"head.class_path\": heads of an IMDCT are not supported, this is "
        "\"vocos.heads.IMDCTCosHead\"");
  CHECK(
      with("/backbone/init_args/adanorm_num_embeddings", 4) ==
      "config: \"backbone.init_args.adanorm_num_embeddings\": norms of several conditions (AdaLayerNorm) are "
      "supported for the bandwidths of EncodecFeatures alone");
  CHECK(with("/head/init_args/padding", "valid") ==
        "config: \"head.init_args.padding\" must be center or same, is \"valid\"");
  CHECK(with("/head/init_args/hop_length", 8) ==
        "the network makes 8 samples of a frame by the config's \"head.init_args.hop_length\", features of "
        "Vocos "
        "have a hop of 16 by the config's \"feature_extractor.init_args.hop_length\"");
  CHECK(with("/head/init_args/n_fft", 128).find("must have shape [128]") != std::string::npos);
  CHECK(with("/backbone", nullptr) == "config: \"backbone\" must be a section");
  CHECK(with("/model", {{"init_args", {{"backbone", 3}}}}) ==
        "config: \"model.init_args.backbone\" must be a section");
}

TEST_CASE("vocos: EnCodec's tensors beside it, as training leaves them, are no config of it") {
  std::map<std::string, Tensor> tensors;
  for (const auto& [file, prefix] :
       {std::pair<std::string, std::string>{"vocos-same/pytorch_model.bin", ""},
        {"encodec-meta/encodec_24khz-d7cc33bc.th", "feature_extractor.encodec."}}) {
    const auto all = open_checkpoint(model_path(file));
    for (const TensorInfo& t : all->tensors()) tensors.emplace(prefix + t.name, all->load(t.name));
  }
  const TemporaryDirectory directory;
  const std::string path = directory / "model.safetensors";
  write_safetensors(path, tensors);
  CHECK(refusal([&] { load_model(path); }).find("has no \"config\" in its metadata and none beside it") == 0);
}

TEST_CASE("vocos: features have the scale of its front end, framed as the config pads") {
  const Model centred = load_model(model_path("vocos-center/pytorch_model.bin")),
              same = load_model(model_path("vocos-same/pytorch_model.bin"));
  CHECK(centred.features.mel_scale == MelScale::htk);
  CHECK(centred.features.framing == MelFraming::center);
  CHECK(same.features.framing == MelFraming::tight);
}

namespace {

const std::string of_codes = "vocos-encodec/pytorch_model.bin", table = "feature_extractor.codebook_weights";

// The tensors of a checkpoint that the network takes, for files that hold others in their place.
std::map<std::string, Tensor> tensors_of(const std::string& file) {
  std::map<std::string, Tensor> tensors;
  const auto all = open_checkpoint(model_path(file));
  for (const TensorInfo& t : all->tensors()) tensors.emplace(t.name, all->load(t.name));
  return tensors;
}

Signal random_codes(Rng& rng, Index channels, Index frames) {
  return Signal::NullaryExpr(channels, frames, [&] { return static_cast<float>(uniform(rng, 0, 1023)); });
}

}  // namespace

TEST_CASE("vocos of codes: the bandwidth says how many a frame has, and 75 frames are a second") {
  const auto codes_at = [](std::optional<double> kbps) {
    const Model model = load_model(model_path(of_codes), {.bandwidth_kbps = kbps});
    CHECK(model.codes == 1024);
    CHECK(model.features.name == "EnCodec");
    CHECK(model.features.sample_rate == 75 * model.features.hop_length);
    CHECK(model.features.sample_rate == 24'000);
    CHECK(model.upsampling() == Ratio(320, 1));
    CHECK(model.network.total(75) == 24'000);
    CHECK(model.no_analysis == "it takes the codes that EnCodec makes of sound, no mel frames");
    CHECK(model.features.n_mels == model.network.in_channels());
    return model.features.n_mels;
  };
  CHECK(codes_at(1.5) == 2);
  CHECK(codes_at(3) == 4);
  CHECK(codes_at(6) == 8);
  CHECK(codes_at(12) == 16);
  CHECK(codes_at({}) == 16);
  CHECK(load_model(model_path("vocos-same/pytorch_model.bin")).codes == 0);
}

TEST_CASE("vocos of codes: a bandwidth that the network does not know is refused, and one that has no use") {
  const auto refused = [](const std::string& file, const ModelOptions& options) {
    return refusal([&] { load_model(model_path(file), options); });
  };
  for (const auto& [kbps, text] :
       {std::pair{2.0, "2"}, {24.0, "24"}, {0.0, "0"}, {-6.0, "-6"}, {1e300, "1e+300"}})
    CHECK(refused(of_codes, {.bandwidth_kbps = kbps}) ==
          std::string("takes codes of 1.5, 3, 6, 12 kbps: name one of these bandwidths, not ") + text);
  CHECK(refused(of_codes, {.bandwidth_kbps = std::nan("")}).find("name one of these") != std::string::npos);
  CHECK(refused("vocos-same/pytorch_model.bin", {.bandwidth_kbps = 6}) ==
        "takes no codes of a codec: there is no bandwidth to choose");
  const TemporaryDirectory directory;
  write_npy(directory / "stats.npy", Tensor({2, 16}, std::vector<float>(32, 1.0f)));
  CHECK(refused(of_codes, {.stats = directory / "stats.npy"}) ==
        "takes codes, which have no mean and deviation");
}

TEST_CASE("vocos of codes: codes that no table has rows for sound as the nearest that it has") {
  Rng rng(32);
  const Model model = load_model(model_path(of_codes), {.bandwidth_kbps = 3});
  Signal codes = random_codes(rng, 4, 12), wrong = codes;
  wrong(0, 2) = std::nanf(""), codes(0, 2) = 0;
  wrong(1, 3) = -7, codes(1, 3) = 0;
  wrong(2, 4) = 1e9f, codes(2, 4) = 1023;
  wrong(3, 5) = 500.75f, codes(3, 5) = 500;
  CHECK(same_bits(model(wrong), model(codes)));
  CHECK(model(codes).allFinite());
}

TEST_CASE(
    "vocos of codes: without its table a network takes the sums of its rows, and a plain one takes codes") {
  Rng rng(33);
  const TemporaryDirectory directory;
  const std::string path = directory / "model.safetensors", config = model_path("vocos-encodec/config.json");
  auto tensors = tensors_of(of_codes);
  const Tensor rows = tensors.at(table);
  REQUIRE(rows.shape == std::vector<Index>{16 * 1024, 3});
  tensors.erase(table);
  write_safetensors(path, tensors);
  for (const auto& [kbps, books] : {std::pair<double, Index>{1.5, 2}, {6, 8}, {12, 16}}) {
    const ModelOptions options{.config = config, .bandwidth_kbps = kbps};
    const Model sums = load_model(path, options);
    CHECK(sums.codes == 0);
    CHECK(sums.features.n_mels == 3);
    CHECK(sums.no_analysis == "it takes the summed embeddings of EnCodec's codes, no mel frames");
    const Tensor first(
        {1024 * books, 3},
        {rows.data.begin(), rows.data.begin() + static_cast<std::ptrdiff_t>(3 * 1024 * books)});
    const Signal codes = random_codes(rng, books, 20);
    CHECK(same_bits(sums(embedding(codes, first)), load_model(model_path(of_codes), options)(codes)));
  }
  // Norms that no condition changes: the same rows under their plain names.
  const auto third = [&](const std::string& name) {
    const Tensor t = tensors.at(name);
    const auto dim = static_cast<std::ptrdiff_t>(t.shape[1]);
    return Tensor({t.shape[1]}, {t.data.begin() + 2 * dim, t.data.begin() + 3 * dim});
  };
  for (const char* norm : {"backbone.norm", "backbone.convnext.0.norm", "backbone.convnext.1.norm"})
    for (const auto& [from, to] : {std::pair{".scale.weight", ".weight"}, {".shift.weight", ".bias"}}) {
      tensors.emplace(norm + std::string(to), third(norm + std::string(from)));
      tensors.erase(norm + std::string(from));
    }
  tensors.emplace(table, rows);
  write_safetensors(path, tensors);
  auto plain = nlohmann::json::parse(file_bytes(config));
  plain["backbone"]["init_args"].erase("adanorm_num_embeddings");
  write_bytes(directory / "config.json", plain.dump());
  const Signal codes = random_codes(rng, 8, 20);
  CHECK(same_bits(load_model(path, {.bandwidth_kbps = 6})(codes),
                  load_model(model_path(of_codes), {.bandwidth_kbps = 6})(codes)));
}

TEST_CASE("vocos of codes: a config that the file contradicts is refused, naming the key and both sides") {
  const auto with = [](const std::string& where, const nlohmann::json& value) {
    return refusal_with(of_codes, "config.json", where, value);
  };
  const std::string extractor = "/feature_extractor/init_args/", backbone = "/backbone/init_args/";
  CHECK(with("/seed", 1) == "");
  CHECK(with(extractor + "encodec_model", nullptr) == "");  // the constructor's defaults
  CHECK(with(extractor + "bandwidths", nullptr) == "");
  CHECK(with("/feature_extractor/init_args", nullptr) == "");
  CHECK(with("/feature_extractor/init_args", 3) ==
        "config: \"feature_extractor.init_args\" must be a section");
  CHECK(with(extractor + "encodec_model", "encodec_48khz") ==
        "config: \"feature_extractor.init_args.encodec_model\" must be encodec_24khz, is \"encodec_48khz\"");
  CHECK(
      with(extractor + "bandwidths", {1.5, 3.0, 6.0}) ==
      "tensor \"feature_extractor.codebook_weights\" must have shape [8192, 3] by the config's "
      "\"feature_extractor.init_args.bandwidths\" and \"backbone.init_args.input_channels\", has [16384, 3]");
  for (const nlohmann::json& bad : {nlohmann::json{"6"}, {0.5}, {1e9}, {-1}, {nullptr}})
    CHECK(with(extractor + "bandwidths", bad) ==
          "config: \"feature_extractor.init_args.bandwidths\" must hold numbers from 0.75 to 24");
  for (const nlohmann::json& bad : {nlohmann::json::array(), nlohmann::json(6.0), nlohmann::json("6")})
    CHECK(with(extractor + "bandwidths", bad) ==
          "config: \"feature_extractor.init_args.bandwidths\" must be a list of 1 to 64 values");
  CHECK(with(backbone + "adanorm_num_embeddings", 3) ==
        "config: \"backbone.init_args.adanorm_num_embeddings\" must be 4 or more, for "
        "\"feature_extractor.init_args.bandwidths\", is 3");
  CHECK(with(backbone + "adanorm_num_embeddings", 5) ==
        "tensor \"backbone.norm.scale.weight\" must have shape [5, 8] by the config's "
        "\"backbone.init_args.adanorm_num_embeddings\" and \"backbone.init_args.dim\", has [4, 8]");
  CHECK(with(backbone + "adanorm_num_embeddings", nullptr) ==
        "config: says nothing of \"backbone.init_args.adanorm_num_embeddings\", the file holds a tensor "
        "\"backbone.norm.scale.weight\"");
  CHECK(with("/head/init_args/hop_length", 640) ==
        "config: \"head.init_args.hop_length\" must be that of EnCodec's frames, 320, is 640");
  CHECK(
      with("/feature_extractor/class_path", "vocos.feature_extractors.MelSpectrogramFeatures") ==
      "config: \"backbone.init_args.adanorm_num_embeddings\": norms of several conditions (AdaLayerNorm) are "
      "supported for the bandwidths of EncodecFeatures alone");
}

TEST_CASE("vocos of codes: a table whose rows are not those of the bandwidths is refused") {
  const TemporaryDirectory directory;
  const std::string path = directory / "model.safetensors";
  for (const std::vector<Index>& shape : {std::vector<Index>{16 * 1024 + 1, 3},
                                          {16 * 1000, 3},
                                          {16 * 1024, 4},
                                          {16, 1024, 3},
                                          {16 * 1024 * 3},
                                          {0, 3}}) {
    auto tensors = tensors_of(of_codes);
    tensors.at(table) = Tensor(shape);
    write_safetensors(path, tensors);
    const std::string reason =
        refusal([&] { load_model(path, {.config = model_path("vocos-encodec/config.json")}); });
    CHECK(reason ==
          "tensor \"feature_extractor.codebook_weights\" must have shape [16384, 3] by the config's "
          "\"feature_extractor.init_args.bandwidths\" and \"backbone.init_args.input_channels\", has " +
              shape_string(shape));
  }
}

TEST_CASE(
    "vocos of codes: a training checkpoint, which holds EnCodec beside the network, gives the same samples") {
  Rng rng(34);
  const TemporaryDirectory directory;
  const std::string path = directory / "model.safetensors";
  auto tensors = tensors_of(of_codes);
  tensors.emplace("feature_extractor.encodec.quantizer.vq.layers.0._codebook.embed", Tensor({1024, 3}));
  tensors.emplace("feature_extractor.encodec.encoder.model.0.conv.conv.weight_g", Tensor({4, 1, 1}));
  write_safetensors(path, tensors);
  const nlohmann::json network = nlohmann::json::parse(file_bytes(model_path("vocos-encodec/config.json")));
  write_bytes(directory / "config.json", nlohmann::json{{"model", {{"init_args", network}}}}.dump());
  const Signal codes = random_codes(rng, 2, 20);
  CHECK(same_bits(load_model(path, {.bandwidth_kbps = 1.5})(codes),
                  load_model(model_path(of_codes), {.bandwidth_kbps = 1.5})(codes)));
}
