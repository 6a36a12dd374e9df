#include <wavestride/model.h>
#include <wavestride/safetensors.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "contract.h"
#include "golden.h"
#include "hostile.h"
#include "models/mel_refinement.h"

using namespace wavestride;
using namespace wavestride::testing;
using nlohmann::json;

namespace {

std::string golden_path(const std::string& name) {
  return std::string(WAVESTRIDE_GOLDEN_DIR) + "/" + name;
}

/// A small valid model, taken apart so that a test can break one thing and look at the complaint.
struct Parts {
  json config;
  std::map<std::string, Tensor> tensors;

  Parts() {
    const SafetensorsFile file(golden_path("model-0.safetensors"));
    config = json::parse(file.metadata().at("config"));
    for (const TensorInfo& t : file.tensors()) tensors[t.name] = file.load(t.name);
  }

  /// The reason for which load_model refuses it; empty when it does not.
  std::string refusal() const { return refusal({{"config", config.dump()}}); }
  std::string refusal(const std::map<std::string, std::string>& metadata) const {
    const std::string path =
        (std::filesystem::temp_directory_path() / "wavestride-test-model.safetensors").string();
    write_safetensors(path, tensors, {.metadata = metadata});
    std::string reason;
    try {
      load_model(path);
    } catch (const IoError& e) {
      CHECK(e.path() == path);
      reason = e.reason();
    }
    std::filesystem::remove(path);
    return reason;
  }
};

/// refusal() after one change of the config, at a JSON pointer; null removes.
std::string refusal_with(const char* where, const json& value) {
  Parts p;
  const json::json_pointer at(where);
  if (value.is_null())
    p.config.at(at.parent_pointer()).erase(at.back());
  else
    p.config[at] = value;
  return p.refusal();
}

}  // namespace

TEST_CASE("the recipe's features are the preset's") {
  const MelOptions& preset = mel_preset("wavestride-16k");
  for (const GoldenCase& c : golden_cases("model")) {
    if (c.parameters.at("kind") != "features") continue;
    const Signal got = mel_spectrogram(c.signal("x"), preset), expected = c.signal("y");
    REQUIRE(got.rows() == expected.rows());
    REQUIRE(got.cols() == expected.cols());
    // Logarithms, so that the absolute error counts: 1e-4 is a relative error of a mel band.
    CHECK((got - expected).cwiseAbs().maxCoeff() <= 2e-4);
  }
}

TEST_CASE("a model gives the samples that torch gives, whole and in chunks") {
  Rng rng(71);
  std::string loaded;
  for (const GoldenCase& c : golden_cases("model")) {
    const std::string kind = c.parameters.at("kind");
    if (kind == "features") continue;
    const Model model = kind == "shipped" ? default_vocoder() : load_model(golden_path(kind));
    const Signal mel = c.signal("mel"), y = model(mel);
    INFO(kind << ", " << mel.cols() << " frames");
    CHECK(relative_error(y, c.signal("y")) <= 1e-4);
    Stream stream = model.network.stream();
    CHECK(same_bits(stream_in_chunks(stream, mel, rng), y));
    if (kind != "shipped" && kind != loaded)
      verify_contract(model.network, rng, {.dense = false, .recurrent = true, .longest = 40, .chunkings = 2});
    loaded = kind;
  }
}

TEST_CASE("an empty signal and a single frame pass through a model") {
  const Model model = load_model(golden_path("model-0.safetensors"));
  CHECK(model.architecture == "gated-istft");
  CHECK(model.features.name == "wavestride-16k");
  CHECK(model(Signal(80, 0)).cols() == 0);
  CHECK(model(Signal(Signal::Zero(80, 1))).cols() == 0);
  CHECK(model(Signal(Signal::Zero(80, 2))).cols() == 160);
  CHECK(load_model(golden_path("model-1.safetensors"))(Signal(Signal::Zero(80, 2))).cols() == 160);
  CHECK_THROWS_AS(model(Signal(79, 4)), std::invalid_argument);
}

TEST_CASE("networks that are not supported are called by their names") {
  const Tensor one({1}, {1.0f});
  const std::pair<const char*, const char*> cases[] = {
      {"decoder.module.generator.m_source.l_linear.weight",
       "a network with a source of sines, which takes F0 beside its features"},
      {"upsample.resnet.conv_in.weight", "WaveRNN"},
      {"model.generator.blocks.0.tade1.aux_conv.0.weight", "StyleMelGAN"},
      {"res_stack.0.kernel_predictor.input_conv.0.weight", "UnivNet"},
      {"quantizer.quantizers.0.in_proj.weight_g", "a neural codec that is none of DAC, EnCodec and SNAC"},
      {"quantizer.vq.layers.0._codebook.embed", "a neural codec that is none of DAC, EnCodec and SNAC"},
  };
  const TemporaryDirectory directory;
  const std::string path = directory / "model.safetensors";
  for (const auto& [name, network] : cases) {
    write_safetensors(path, {{name, one}}, {.metadata = {{"config", "{}"}}});
    CHECK(refusal([&] { load_model(path); }) ==
          std::string("holds ") + network + ": such networks are not supported (tensor \"" + name + "\")");
  }
  write_safetensors(path, {{"a", one}}, {.metadata = {{"config", "{}"}}});
  CHECK(refusal([&] { load_model(path); }).find("holds the layers of no known architecture; known: ") == 0);

  std::map<std::string, Tensor> tensors{{"weight.dec.m_source.l_linear.weight", one}};
  const auto file = open_checkpoint(golden_path("models/hifigan-vits/G_100000.pth"));
  for (const TensorInfo& t : file->tensors()) tensors["weight." + t.name.substr(6)] = file->load(t.name);
  write_safetensors(path, tensors, {.metadata = {{"config", "{}"}}});
  CHECK(refusal([&] { load_model(path); }) ==
        "holds a network with a source of sines (\"m_source.l_linear\"), which takes F0 beside its features: "
        "such are not supported");
}

TEST_CASE("a layer of any checkpoint is read by its name, weight norm merged") {
  const auto legacy = open_checkpoint(golden_path("models/hifigan-jik876-2/g_02500000"));
  const LayerWeights up = load_layer(*legacy, "generator.ups.1");
  const Tensor v = legacy->load("generator.ups.1.weight_v"), g = legacy->load("generator.ups.1.weight_g");
  CHECK(up.bias == legacy->load("generator.ups.1.bias").data);
  REQUIRE(up.weight.shape == v.shape);
  REQUIRE(g.shape == std::vector<Index>{v.shape[0], 1, 1});  // in front stand the inputs of a transposed one
  const Index row = v.shape[1] * v.shape[2];
  for (Index i = 0; i < v.shape[0]; ++i) {
    const auto part = [&](const Tensor& t) {
      return Eigen::Map<const Eigen::VectorXf>(t.data.data() + i * row, row);
    };
    const Eigen::VectorXf expected = part(v) * (g.data[static_cast<std::size_t>(i)] / part(v).norm());
    CHECK(relative_error(Signal(part(up.weight)), Signal(expected)) <= 1e-6);
  }

  const auto newer = open_checkpoint(golden_path("models/hifigan-coqui/best_model.pth"));
  const LayerWeights pre = load_layer(*newer, "model.model_g.conv_pre");
  const Tensor length = newer->load("model.model_g.conv_pre.parametrizations.weight.original0");
  CHECK(Eigen::Map<const Eigen::VectorXf>(pre.weight.data.data(), pre.weight.size() / 16).norm() ==
        Approx(std::abs(length.data[0])));

  const auto plain = open_checkpoint(golden_path("models/hifigan-vits/G_100000.pth"));
  const LayerWeights post = load_layer(*plain, "model.dec.conv_post");
  CHECK(post.weight.data == plain->load("model.dec.conv_post.weight").data);
  CHECK(post.bias.empty());
  CHECK_THROWS_WITH(load_layer(*plain, "model.dec.conv"),
                    plain->path() + ": tensor \"model.dec.conv.weight\" is missing");
}

TEST_CASE("a model file that contradicts itself is refused, saying where") {
  CHECK(Parts().refusal() == "");
  CHECK(Parts().refusal(std::map<std::string, std::string>{}).find("has no \"config\" in its metadata") == 0);
  CHECK(Parts().refusal({{"config", "[1"}}).find("its config is no JSON: parse error at line 1") == 0);
  CHECK(Parts().refusal({{"config", std::string(100'000, '[')}}) ==
        "its config nests values more than 64 deep");
  CHECK(Parts().refusal({{"config", "[]"}}) == "the config is no object of keys and values");

  struct Case {
    const char* where;
    json value;
    const char* reason;
  };
  const Case cases[] = {
      {"/architecture", 3, "config: \"architecture\" must be a string"},
      {"/preset", nullptr, "config: \"preset\" must be a string"},
      {"/stages", json::array(), "config: \"stages\" must be a list of 1 to 8 values"},
      {"/stages/0", 7, "config: \"stages\" must hold sections"},
      {"/stages/0/channels", 9, "tensor \"input.weight\" must have shape [9, 80, 5], has [8, 80, 5]"},
      {"/stages/0/channels", 1e18, "config: \"stages.0.channels\" must be an integer from 1 to 4096"},
      {"/stages/0/channels", 18446744073709551615u,
       "config: \"stages.0.channels\" must be an integer from 1 to 4096"},
      {"/stages/0/channels", "8", "config: \"stages.0.channels\" must be an integer from 1 to 4096"},
      {"/stages/0/kernel", 0, "config: \"stages.0.kernel\" must be an integer from 1 to 64"},
      {"/stages/0/dilations", {1, 0}, "config: \"stages.0.dilations\" must hold integers from 1 to 1024"},
      {"/stages/0/right", {1}, "config: \"stages.0.right\" must be a list of 2 values"},
      {"/stages/0/right", {3, 0}, "config: \"stages.0.right\" must stay within the kernel, 2"},
      {"/stages/0/dilations", {1, 2, 4}, "config: \"stages.0.right\" must be a list of 3 values"},
      {"/input_right", 5, "config: \"input_right\" must be an integer from 0 to 4"},
      {"/upsample", {3}, "config: \"upsample\" must divide the hop of the features"},
      {"/upsample", {2}, "tensor \"up.0.weight\" must have shape [12, 8, 1], has [24, 8, 1]"},
      {"/hop", 80, "config: \"hop\" must be the hop of the features over all upsampling, 40, is 80"},
      {"/n_fft", 128, "tensor \"output.weight\" must have shape [130, 6, 1], has [162, 6, 1]"},
      {"/refine", {512, 640}, "config: \"refine\" must be a section"},
      {"/refine/ahead", 65, "config: \"refine.ahead\" must be an integer from 0 to 64"},
      {"/refine/left", 513, "config: \"refine.left\" must be an integer from 1 to 512"},
      {"/refine/sweeps", 0, "config: \"refine.sweeps\" must be an integer from 1 to 64"},
      {"/refine/updates", -1, "config: \"refine.updates\" must be an integer from 0 to 64"},
      {"/refine/strength", nullptr, "config: \"refine.strength\" must be a number"},
      {"/refine/strength", 0, "config: \"refine\": mel_refinement: strength must be above 0, got 0"},
      {"/refine/max_log_gain", 0, "config: \"refine\": mel_refinement: max_log_gain must be above 0, got 0"},
      {"/mean", 1e300, "config: \"mean\" must lie within ±1e+06, is 1e+300"},
      {"/mean", "low", "config: \"mean\" must be a number"},
      {"/max_log_magnitude", nullptr, "config: \"max_log_magnitude\" must be a number"},
  };
  for (const Case& c : cases) {
    INFO(c.where << " = " << c.value);
    CHECK(refusal_with(c.where, c.value) == c.reason);
  }
  CHECK(refusal_with("/preset", "mp3").find("config: ") == 0);
  const std::string unknown = refusal_with("/architecture", "wavernn");
  CHECK(unknown.find("config: unknown architecture \"wavernn\"; known: ") == 0);
  for (const std::string& name : known_architectures()) CHECK(unknown.find(name) != std::string::npos);
  for (const std::string& name : known_architectures())
    if (name != "gated-istft")
      CHECK(refusal_with("/architecture", name) == "does not hold the layers of a " + name);

  Parts missing, extra;
  missing.tensors.erase("stages.1.0.out.bias");
  CHECK(missing.refusal() == "tensor \"stages.1.0.out.bias\" is missing");
  extra.tensors["stages.2.0.out.bias"] = Tensor({3});
  CHECK(extra.refusal() == "tensor \"stages.2.0.out.bias\" has no place in this architecture");
}

TEST_CASE("a model's copy behind a prefix is found, and the one without") {
  const Parts parts;
  const TemporaryDirectory directory;
  const std::string path = directory / "model.safetensors";
  std::map<std::string, Tensor> both = parts.tensors;
  for (const auto& [name, tensor] : parts.tensors) {
    Tensor& copy = both["model_ema." + name] = tensor;
    for (float& v : copy.data) v *= 0.75f;
  }
  write_safetensors(path, both, {.metadata = {{"config", parts.config.dump()}}});
  const Signal x = Signal::Random(80, 5), y = load_model(golden_path("model-0.safetensors"))(x);
  CHECK(same_bits(load_model(path, {.prefix = ""})(x), y));
  CHECK_FALSE(same_bits(load_model(path, {.prefix = "model_ema"})(x), y));
  CHECK(refusal([&] { load_model(path); }) ==
        "holds the network several times, behind the prefixes \"model_ema\", \"\": name one");
  both.erase("output.weight");
  write_safetensors(path, both, {.metadata = {{"config", parts.config.dump()}}});
  CHECK_FALSE(same_bits(load_model(path)(x), y));
}

TEST_CASE("a model tells its layers, and what they cost adds up") {
  const Model model = load_model(golden_path("model-0.safetensors"));
  CHECK(model.upsampling() == Ratio(model.features.hop_length, 1));
  CHECK(model.lookahead_seconds() == Approx(0.01 * static_cast<double>(model.network.lookahead_frames())));
  Index parameters = 0;
  double macs = 0;
  for (const Layer& layer : model.layers()) {
    parameters += layer.op.parameters();
    macs += layer.macs_per_second;
  }
  CHECK(parameters == model.network.parameters());
  CHECK(macs == Approx(model.macs_per_second()));
  CHECK(model.layers().front().op.in_channels() == 80);
  CHECK(model.layers().front().frames_per_second == 100);
  CHECK(model.layers().back().frames_per_second == 16'000);
}

TEST_CASE("a model's config may lie beside its file, or anywhere") {
  const Parts parts;
  const TemporaryDirectory directory;
  const std::string path = directory / "weights";
  write_safetensors(path, parts.tensors);
  CHECK(recognised_architecture(SafetensorsFile(path)) == "gated-istft");
  const auto loads = [&](const ModelOptions& options) { return refusal([&] { load_model(path, options); }); };
  CHECK(
      loads({}) ==
      "has no \"config\" in its metadata and none beside it (weights.json, config.json, config.yml, "
      "config.yaml, args.yml, hparams.json, hyperparams.yaml, model_config.yaml); name one, a file or one of "
      "hifigan-v1, hifigan-v2, hifigan-v3");
  CHECK(loads({.config = directory / "other.json"}) == "can't be opened: No such file or directory");
  CHECK(loads({.config = "hifigan-v9"}) ==
        "is neither a file nor one of the configs that come with the library, hifigan-v1, hifigan-v2, "
        "hifigan-v3");
  json config = parts.config;
  config.erase("architecture");  // the layers tell it
  for (const char* name : {"other.json", "config.json"}) {
    write_bytes(directory / name, config.dump());
    CHECK(loads({.config = directory / name}) == "");
  }
  CHECK(loads({}) == "");
  CHECK(loads({.preset = "whisper-16k"}) == "");
  CHECK(loads({.preset = "whisper"}).find("config: mel_preset: must be one of hifigan-22k, ") == 0);
  write_bytes(directory / "weights.json", "{}");  // nearer than config.json
  CHECK(loads({}) == "config: \"preset\" must be a string");
}

TEST_CASE("WAVESTRIDE_DATA names the directory of the data files") {
  const auto restore = [old = std::getenv("WAVESTRIDE_DATA")] {
    old != nullptr ? setenv("WAVESTRIDE_DATA", old, 1) : unsetenv("WAVESTRIDE_DATA");
  };
  setenv("WAVESTRIDE_DATA", WAVESTRIDE_GOLDEN_DIR, 1);
  CHECK(data_file("model-0.safetensors") == golden_path("model-0.safetensors"));
  CHECK_THROWS_WITH(
      data_file("no-such-file"),
      Catch::Contains("no-such-file: not found in " WAVESTRIDE_GOLDEN_DIR "; set WAVESTRIDE_DATA"));
  restore();
}

TEST_CASE("the vocoder that comes with the library keeps its promises") {
  const Model model = default_vocoder();
  CHECK(model.features.name == "wavestride-16k");
  CHECK(model.upsampling() == Ratio(160, 1));
  CHECK(model.network.parameters() <= 3'000'000);
  CHECK(model.lookahead_seconds() <= 0.1);
  CHECK(std::filesystem::file_size(data_file(default_vocoder_file)) <= 6'000'000);
}

TEST_CASE("refining keeps a signal whose frames are those asked for, and mends one whose are not") {
  const MelOptions& preset = mel_preset("wavestride-16k");
  const Op op = models::mel_refinement(
      preset, {.ahead = 3, .left = 320, .sweeps = 1, .updates = 4, .strength = 1.5f, .max_log_gain = 3});
  Rng rng(72);
  const Signal x = 0.1f * noise(rng, 1, 160 * 60 - 40);
  const Signal mel = mel_spectrogram(x, preset);
  const auto mended = [&](const Signal& signal) {
    const FramesView in[] = {signal, mel};
    return pixel_shuffle1d(op(in).front(), 160);
  };
  const Signal kept = mended(x);
  REQUIRE(kept.cols() == 160 * 59);
  CHECK(relative_error(kept, x.leftCols(kept.cols())) <= 1e-4);  // float32 transforms, four a frame

  // Half as loud, and with another spectrum: its log-mel frames come nearer by far.
  Signal other = 0.5f * x;
  for (Index n = other.cols(); --n > 0;) other(0, n) += 0.6f * other(0, n - 1);
  const auto distance = [&](const Signal& signal) {
    const Signal frames = mel_spectrogram(signal, preset);
    return (frames - mel.leftCols(frames.cols())).middleCols(5, 50).cwiseAbs().mean();
  };
  CHECK(distance(other) > 0.3);
  CHECK(distance(mended(other)) < 0.1 * distance(other));

  // What is not finite does not go on from frame to frame.
  Signal lost = mel, broken = x;
  lost.col(20).setConstant(std::numeric_limits<float>::quiet_NaN());
  const FramesView in[] = {x, lost};
  CHECK(op(in).front().allFinite());
  broken(0, 160 * 20) = std::numeric_limits<float>::infinity();
  const Signal passed = mended(broken);
  CHECK(passed.leftCols(160 * 20).allFinite());
  CHECK(passed.rightCols(160 * 39 - 1).allFinite());
  verify_contract_multi(op, rng, {.recurrent = true});
  CHECK_THROWS_AS(models::mel_refinement(mel_preset("whisper-16k"), {.left = 100, .max_log_gain = 1}),
                  std::invalid_argument);
}
