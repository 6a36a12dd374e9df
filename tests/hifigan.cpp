#include <wavestride/checkpoint.h>
#include <wavestride/model.h>
#include <wavestride/npy.h>
#include <wavestride/safetensors.h>

#include <algorithm>
#include <catch2/catch.hpp>

#include "checkpoint/config_file.h"
#include "contract.h"
#include "hostile.h"
#include "models.h"

using namespace wavestride;
using namespace wavestride::testing;

TEST_CASE("hifigan: every recipe's file gives the samples that torch gives, whole and in chunks") {
  verify_models("hifigan");
}

namespace {

const std::string jik876 = "hifigan-jik876-1/g_02500000";

std::string with(const std::string& where, const nlohmann::json& value) {
  return refusal_with(jik876, "config.json", where, value);
}

}  // namespace

TEST_CASE("hifigan: a config that the file contradicts is refused, naming the key and both sides") {
  CHECK(with("/seed", 1) == "");
  CHECK(with("/upsample_rates", nullptr) ==
        "config: says nothing of \"upsample_rates\"; name a config of this network: hifigan-v1, hifigan-v2, "
        "hifigan-v3");
  CHECK(with("/upsample_kernel_sizes", {8, 4}) ==
        "config: \"upsample_kernel_sizes\" must be a list of 3 to 16 values");
  CHECK(with("/upsample_rates", {4, 2}) ==
        "tensor \"generator.conv_post.weight_v\" must have shape [1, 4, 7] by the config's "
        "\"upsample_initial_channel\", has [1, 2, 7]");
  CHECK(with("/upsample_rates", {4, 2, 3}) ==
        "the network makes 24 samples of a frame by the config's \"upsample_rates\", features of HiFi-GAN "
        "have a "
        "hop of 16 by the config's \"hop_size\"");
  CHECK(with("/upsample_kernel_sizes", {8, 4, 6}) ==
        "tensor \"generator.ups.2.weight_v\" must have shape [4, 2, 6] by the config's "
        "\"upsample_initial_channel\" and \"upsample_kernel_sizes\", has [4, 2, 4]");
  CHECK(with("/upsample_kernel_sizes", {8, 4, 1}).find("has [4, 2, 4]") != std::string::npos);
  CHECK(with("/upsample_initial_channel", 32) ==
        "tensor \"generator.conv_pre.weight_v\" must have shape [32, 10, 7] by the config's "
        "\"upsample_initial_channel\", has [16, 10, 7]");
  CHECK(with("/upsample_initial_channel", 4) ==
        "config: \"upsample_initial_channel\" must be an integer from 8 to 65536");
  CHECK(with("/resblock", "2") ==
        "config: \"resblock\" says residual blocks of type 2, the file holds a layer "
        "\"resblocks.0.convs2.0\"");
  CHECK(refusal_with("hifigan-jik876-2/g_02500000", "config.json", "/resblock", 1) ==
        "config: \"resblock\" says residual blocks of type 1, the file holds no layer "
        "\"resblocks.0.convs2.0\"");
  CHECK(with("/resblock", nullptr) == "config: \"resblock\" must be \"1\" or \"2\"");
  CHECK(with("/resblock_kernel_sizes", {3, 5, 7}) ==
        "config: \"resblock_dilation_sizes\" must be a list of 3 to 16 values");
  CHECK(
      with("/resblock_kernel_sizes", {3, 4}) ==
      "config: \"resblock_kernel_sizes\" must hold odd numbers, holds 4: what a residual block adds must be "
      "as long as what it reads");
  CHECK(refusal_with("hifigan-jik876-2/g_02500000", "config.json", "/resblock_kernel_sizes/0", 2)
            .find("config: \"resblock_kernel_sizes\" must hold odd numbers, holds 2: ") == 0);
  CHECK(with("/resblock_kernel_sizes", {3, 7})
            .find("by the config's \"resblock_kernel_sizes\" and "
                  "\"resblock_dilation_sizes\", has [8, 8, 5]") != std::string::npos);
  CHECK(with("/resblock_dilation_sizes", {{1, 3}, {1, 2}}) ==
        "tensor \"generator.resblocks.0.convs1.2.bias\" has no place in this architecture");
  CHECK(with("/resblock_dilation_sizes/1", {1, 3, 5, 7}) ==
        "tensor \"generator.resblocks.1.convs1.2.weight\" is missing; see the config's "
        "\"resblock_kernel_sizes\" and \"resblock_dilation_sizes\"");
  CHECK(refusal_with("hifigan-speecht5/model.safetensors", "config.json", "/resblock_dilation_sizes/0",
                     {1, 3, 5, 7}) ==
        "tensor \"resblocks.0.convs1.3.weight\" is missing; see the config's \"resblock_kernel_sizes\" and "
        "\"resblock_dilation_sizes\"");
  CHECK(with("/sampling_rate", 16000.0) == "");
  CHECK(with("/sampling_rate", 16000.5) == "config: \"sampling_rate\" must be an integer from 1 to 16777216");
  CHECK(with("/num_mels", 80) ==
        "the network takes 10 values per frame, features of HiFi-GAN have 80 bands by the config's "
        "\"num_mels\"");
  CHECK(with("/sampling_rate", nullptr) == "config: \"sampling_rate\" must be an integer from 1 to 16777216");
  CHECK(with("/n_fft", 15) == "config: mel_spectrogram: win_length must be 1 to 15, got 64");
}

namespace {

/// What a model makes of x after changes of its config, which in Python's words are config.update(change),
/// and where the config has a section of them generator_params.update(change).
Signal changed(const std::string& file, const std::string& config, const nlohmann::json& change,
               const Signal& x) {
  const std::filesystem::path path = model_path(file);
  nlohmann::json all = detail::read_config_file((path.parent_path() / config).string());
  (all.contains("generator_params") ? all["generator_params"] : all).update(change);
  const TemporaryDirectory directory;
  write_bytes(directory / "config.json", all.dump());
  return load_model(path.string(), {.config = directory / "config.json"})(x);
}

}  // namespace

TEST_CASE("hifigan: what lists hold beyond what the original reads of them counts for nothing") {
  Rng rng(64);
  const Signal x = noise(rng, 10, 12);
  const auto same = [&](const std::string& file, const nlohmann::json& change) {
    return same_bits(changed(file, "config.json", change, x), load_model(model_path(file))(x));
  };
  CHECK(same(jik876, {{"upsample_kernel_sizes", {8, 4, 4, 4}}}));
  CHECK(same(jik876, {{"resblock_dilation_sizes", {{1, 3, 5}, {1, 2}, {1, 3, 5}}}}));
  CHECK(same(jik876, {{"resblock_dilation_sizes", {{1, 3, 5, 7, 9}, {1, 2}}}}));
  CHECK(
      same("hifigan-jik876-2/g_02500000", {{"resblock_dilation_sizes", {{1, 2, 5}, {2, 6, 5}, {3, 12, 1}}}}));
  CHECK_FALSE(same(jik876, {{"resblock_dilation_sizes", {{1, 3, 7}, {1, 2}}}}));
}

TEST_CASE("hifigan: the recipes' activation is what their constructors make of a config") {
  Rng rng(65);
  const Signal x = noise(rng, 10, 12);
  const std::string pwg = "hifigan-pwg/checkpoint-400000steps.pkl";
  const auto with_activation = [&](const nlohmann::json& name, const nlohmann::json& parameters) {
    return changed(pwg, "config.yml",
                   {{"nonlinear_activation", name}, {"nonlinear_activation_params", parameters}}, x);
  };
  const nlohmann::json usual = {{"negative_slope", 0.1}}, other = {{"negative_slope", 0.01}},
                       empty = nlohmann::json::object();
  const Signal y = load_model(model_path(pwg))(x);
  CHECK(same_bits(with_activation("LeakyReLU", nullptr), y));
  CHECK(same_bits(with_activation(nullptr, usual), y));
  CHECK(same_bits(with_activation(nullptr, nullptr), y));
  CHECK(same_bits(with_activation("LeakyReLU", empty), with_activation("LeakyReLU", other)));
  CHECK_FALSE(same_bits(with_activation(nullptr, other), y));
  CHECK(refusal([&] { with_activation("ELU", nullptr); }) ==
        "config: \"generator_params.nonlinear_activation\" must be LeakyReLU or ReLU, is \"ELU\"");
}

TEST_CASE("hifigan: a small file that would take gigabytes is refused") {
  constexpr Index kernel = 1023, layers = 64;
  const auto refused = [&](Index dilation) {
    std::map<std::string, Tensor> tensors{{"conv_pre.weight", Tensor({2, 4, 7})},
                                          {"ups.0.weight", Tensor({2, 1, 2})},
                                          {"conv_post.weight", Tensor({1, 1, 7})}};
    for (const char* block : {"resblocks.0.convs.", "resblocks.1.convs."})
      for (Index m = 0; m < layers; ++m)
        tensors[block + std::to_string(m) + ".weight"] = Tensor({1, 1, kernel});
    const std::vector<Index> dilations(layers, dilation);
    const nlohmann::json config = {{"resblock", "2"},
                                   {"upsample_rates", {2}},
                                   {"upsample_kernel_sizes", {2}},
                                   {"upsample_initial_channel", 2},
                                   {"resblock_kernel_sizes", {kernel, kernel}},
                                   {"resblock_dilation_sizes", {dilations, dilations}},
                                   {"sampling_rate", 8000},
                                   {"num_mels", 4},
                                   {"n_fft", 8},
                                   {"hop_size", 2},
                                   {"win_size", 8},
                                   {"fmin", 0},
                                   {"fmax", 4000}};
    const TemporaryDirectory directory;
    const std::string path = directory / "model.safetensors";
    write_safetensors(path, tensors, {.metadata = {{"config", config.dump()}}});
    return refusal([&] { load_model(path); });
  };
  CHECK(refused(1) == "");
  CHECK(refused(1024).find("a stream of the network would carry ") == 0);
  CHECK(refused(1024).ends_with(" MiB of frames; at most 256 are allowed"));
}

TEST_CASE("hifigan: a weight that stands beside its direction and length is an old one") {
  Rng rng(66);
  const auto file = open_checkpoint(model_path(jik876));
  nlohmann::json config = detail::read_config_file(model_path("hifigan-jik876-1/config.json"));
  std::map<std::string, Tensor> tensors;
  for (const TensorInfo& t : file->tensors()) {
    tensors[t.name] = file->load(t.name);
    if (t.name.ends_with("weight_v"))
      tensors[t.name.substr(0, t.name.size() - 2)] = noise_tensor(rng, t.shape);
  }
  const TemporaryDirectory directory;
  const std::string path = directory / "model.safetensors", out = directory / "out.safetensors";
  write_safetensors(path, tensors, {.metadata = {{"config", config.dump()}}});
  const Signal x = noise(rng, 10, 12), y = load_model(model_path(jik876))(x);
  CHECK(same_bits(load_model(path)(x), y));
  convert_model(path, out);
  CHECK(same_bits(load_model(out)(x), y));
  tensors.erase("generator.conv_pre.weight_v");  // the length alone says nothing
  write_safetensors(path, tensors, {.metadata = {{"config", config.dump()}}});
  CHECK(refusal([&] { load_model(path); }) ==
        "tensor \"generator.conv_pre.weight_g\" has no place in this architecture");
}

TEST_CASE("hifigan: features are what the config says, under the name of the preset that has them") {
  const Model model = load_model(model_path(jik876));
  CHECK(model.features.name == "HiFi-GAN");
  CHECK(model.features.sample_rate == 16'000);
  CHECK(model.features.n_fft == 64);
  CHECK(model.features.framing == MelFraming::tight);
  CHECK(model.no_analysis.empty());
  CHECK(model.upsampling() == Ratio(16, 1));
  const Model tacotron = load_model(model_path("hifigan-speecht5/model.safetensors"));
  CHECK(tacotron.features.log == LogKind::log10);
  const Model latents = load_model(model_path("hifigan-vits/G_100000.pth"), {.speaker = 0});
  CHECK(latents.no_analysis.find("latents") != std::string::npos);
  CHECK(latents.features.n_mels == 14);
  CHECK(load_model(model_path("hifigan-jets/train.total_count.ave_5best.pth")).features.sample_rate ==
        16'000);
  // Its config has no sample rate: all that were published have the features of ESPnet's recipe.
  MelOptions espnet = mel_preset("pwg-22k");
  const Model fastspeech = load_model(model_path("hifigan-fastspeech2/model.safetensors"));
  espnet.name = fastspeech.features.name, espnet.n_mels = 10;
  CHECK(fastspeech.features == espnet);
  const Model unnormalised = load_model(model_path("hifigan-pwg/checkpoint-400000steps.pkl"));
  CHECK(unnormalised.no_analysis.find("stats.npy") != std::string::npos);
}

TEST_CASE("hifigan: Lightning's checkpoints say the sizes of a network themselves") {
  Rng rng(71);
  const TemporaryDirectory directory;
  const std::string path = model_path("hifigan-piper-training/last.ckpt"), alone = directory / "last.ckpt";
  write_bytes(alone, file_bytes(path));
  const Model model = load_model(alone);
  const Signal x = noise(rng, 6, 12);
  CHECK(same_bits(model(x), load_model(path)(x)));
  CHECK(model.features.name == "Piper");
  CHECK(model.features.sample_rate == 16'000);
  CHECK(model.no_analysis.find("latents") != std::string::npos);
  // A config that says the sizes counts.
  nlohmann::json config = detail::read_config_file(model_path("hifigan-piper-training/config.json"));
  config["upsample_rates"] = {4, 2};
  write_bytes(directory / "config.json", config.dump());
  CHECK(load_model(alone).upsampling() == Ratio(8, 1));
  const std::string other = model_path("hifigan-jik876-1/g_02500000");
  CHECK(refusal([&] {
          load_model(other, {.config = directory / "config.json"});
        }).find("must be a list of 2 to 16 values") != std::string::npos);
  config.erase("upsample_rates");
  write_bytes(directory / "config.json", config.dump());
  CHECK(refusal([&] { load_model(other, {.config = directory / "config.json"}); }) ==
        "config: \"audio.quality\" must be high, medium, low or x_low, is \"mine\"");
}

TEST_CASE("hifigan: statistics of the features are applied before the network") {
  Rng rng(63);
  const std::string path = model_path("hifigan-pwg/checkpoint-400000steps.pkl");
  const TemporaryDirectory directory;
  const std::string stats = directory / "stats.npy";
  const Signal mean = noise(rng, 10, 1), scale = noise(rng, 10, 1).cwiseAbs().array() + 0.5f;
  Tensor both({2, 10});
  std::copy_n(mean.data(), 10, both.data.begin());
  std::copy_n(scale.data(), 10, both.data.begin() + 10);
  write_npy(stats, both);
  const Model model = load_model(path, {.stats = stats}), plain = load_model(path);
  CHECK(model.no_analysis.empty());
  const Signal x = noise(rng, 10, 20);
  const Signal normalised = (x - mean.replicate(1, 20)).array() / scale.replicate(1, 20).array();
  CHECK(relative_error(model(x), plain(normalised)) < 1e-5);
  const auto refused = [&](const Tensor& values) {
    write_npy(stats, values);
    return refusal([&] { load_model(path, {.stats = stats}); });
  };
  CHECK(refused(Tensor({10, 2})) == "must hold mean and deviation of every band, [2, 10], has shape [10, 2]");
  CHECK(refused(Tensor({2, 10})).find("deviations positive, got 0 and 0") != std::string::npos);
}

TEST_CASE("hifigan: voices of a file that are not finite are refused") {
  std::map<std::string, Tensor> tensors;
  const auto file = open_checkpoint(model_path("hifigan-vits/G_100000.pth"));
  for (const TensorInfo& t : file->tensors()) tensors.emplace(t.name, file->load(t.name));
  const auto table = std::ranges::find_if(tensors, [](auto& t) { return t.first.ends_with("emb_g.weight"); });
  REQUIRE(table != tensors.end());
  table->second.data.back() = std::numeric_limits<float>::infinity();
  const TemporaryDirectory directory;
  const std::string path = directory / "model.safetensors";
  write_safetensors(path, tensors);
  const ModelOptions options{.config = model_path("hifigan-vits/config.json"), .speaker = 2};
  CHECK(refusal([&] { load_model(path, options); }) ==
        "tensor \"" + table->first + "\": numbers must be finite, one is infinite");
}

TEST_CASE("hifigan: a file of several voices wants one to be named") {
  const std::string vits = model_path("hifigan-vits/G_100000.pth");
  const auto refused = [](const std::string& path, const ModelOptions& options) {
    return refusal([&] { load_model(path, options); });
  };
  CHECK(refused(vits, {}) == "has the voices of speakers 0 to 2: name one");
  CHECK(refused(vits, {.speaker = 3}) == "has the voices of speakers 0 to 2: name one, not 3");
  CHECK(refused(vits, {.speaker = 1, .speaker_embedding = {0, 0, 0, 0, 0}}) ==
        "a speaker and the embedding of another are two voices: name one of the two");
  CHECK(refused(vits, {.speaker_embedding = {1, 2}}) == "takes a speaker embedding of 5 values, got 2");
  const std::string xtts = model_path("hifigan-xtts/model.pth");
  CHECK(refused(xtts, {.speaker_embedding = {0, std::nanf(""), 0, 0}}) ==
        "the speaker embedding: numbers must be finite, one is nan");
  CHECK(refused(xtts, {.speaker_embedding = {3e38f, 3e38f, 3e38f, 3e38f}})
            .find("makes of the speaker's embedding: numbers must be finite, one is ") != std::string::npos);
  CHECK(refused(xtts, {}) ==
        "speaks with the voice of an embedding of 4 values, which is not in the file: give one");
  CHECK(refused(model_path(jik876), {.speaker = 0}) == "has one voice only: there is no speaker to choose");
}

namespace {

/// Tensors of one file, and of several under one path.
using Tensors = std::map<std::string, Tensor>;

/// A file of a network and of copies of it: under each prefix its tensors times a factor.
void write_copies(const std::string& path, const std::string& from,
                  const std::vector<std::pair<std::string, float>>& copies, const std::string& strip = {}) {
  const auto file = open_checkpoint(model_path(from));
  const std::filesystem::path beside = model_path(from);
  const nlohmann::json config = detail::read_config_file((beside.parent_path() / "config.json").string());
  Tensors tensors;
  for (const TensorInfo& t : file->tensors())
    for (const auto& [prefix, factor] : copies) {
      if (!t.name.starts_with(strip)) continue;
      Tensor& copy = tensors[prefix + t.name.substr(strip.size())] = file->load(t.name);
      for (float& v : copy.data) v *= factor;
    }
  write_safetensors(path, tensors, {.metadata = {{"config", config.dump()}}});
}

}  // namespace

TEST_CASE("hifigan: of several copies of a network the one that is named is taken") {
  Rng rng(67);
  const TemporaryDirectory directory;
  const std::string path = directory / "model.safetensors", out = directory / "out.safetensors",
                    one = directory / "one.safetensors";
  const Signal x = noise(rng, 10, 12);
  const auto refused = [&](const ModelOptions& options) {
    return refusal([&] { load_model(path, options); });
  };
  const auto takes = [&](const std::string& prefix, float factor) {
    write_copies(one, jik876, {{"", factor}});
    const Signal y = load_model(one)(x);
    convert_model(path, out, {.prefix = prefix});
    return same_bits(load_model(path, {.prefix = prefix})(x), y) && same_bits(load_model(out)(x), y);
  };
  // A factor of the directions alone would change nothing; lengths and biases have it, too.
  write_copies(path, jik876, {{"generator.", 1.0f}, {"generator_ema.", 0.5f}}, "generator.");
  CHECK(refused({}) ==
        "holds the network several times, behind the prefixes \"generator\", "
        "\"generator_ema\": name one");
  CHECK(takes("generator", 1.0f));
  CHECK(takes("generator_ema", 0.5f));
  CHECK(takes("generator_ema.", 0.5f));
  CHECK_FALSE(takes("generator", 0.5f));
  CHECK(refused({.prefix = "generator_e"}) == "holds no tensor whose name begins with \"generator_e.\"");
  CHECK(refused({.prefix = ""}).find("holds the network several times") == 0);
  CHECK(refused({.prefix = "generator.ups"}).find("holds the layers of no known architecture") == 0);

  // Within each other, and within what holds more than the network.
  write_copies(path, jik876, {{"", 1.0f}, {"ema.", 0.5f}, {"ema.older.", 0.25f}}, "generator.");
  CHECK(refused({}) ==
        "holds the network several times, behind the prefixes \"\", \"ema\", \"ema.older\": name one");
  CHECK(takes("", 1.0f));
  CHECK(takes("ema", 0.5f));
  CHECK(takes("ema.older", 0.25f));
  write_copies(path, jik876, {{"model.", 1.0f}, {"model_ema.", 0.5f}});
  CHECK(refused({}) ==
        "holds the network several times, behind the prefixes \"model\", \"model_ema\": name one");
  CHECK(takes("model_ema", 0.5f));
  CHECK(takes("model_ema.generator", 0.5f));
}

TEST_CASE("hifigan: a copy speaks with the voices beside it") {
  Rng rng(68);
  const TemporaryDirectory directory;
  const std::string vits = "hifigan-vits/G_100000.pth", path = directory / "model.safetensors",
                    one = directory / "one.safetensors";
  const auto stem = [&](const char* prefix, float factor) {
    return std::pair<std::string, float>(prefix, factor);
  };
  write_copies(one, vits, {stem("", 0.5f)}, "model.");
  const Signal x = noise(rng, 14, 12), y = load_model(one, {.speaker = 1})(x);
  write_copies(path, vits, {stem("", 1.0f), stem("ema.", 0.5f)}, "model.");
  CHECK(same_bits(load_model(path, {.speaker = 1, .prefix = "ema"})(x), y));
  CHECK(same_bits(load_model(path, {.speaker = 1, .prefix = ""})(x),
                  load_model(model_path(vits), {.speaker = 1})(x)));
  write_copies(path, vits, {stem("a.", 1.0f), stem("b.", 0.5f)}, "model.");
  CHECK(same_bits(load_model(path, {.speaker = 1, .prefix = "b"})(x), y));
  CHECK(refusal([&] { load_model(path, {.speaker = 1}); }) ==
        "holds the network several times, behind the prefixes \"a\", \"b\": name one");
}

TEST_CASE("hifigan: Coqui's times say what its lengths do") {
  Rng rng(69);
  const std::string coqui = "hifigan-coqui/best_model.pth";
  const auto path = model_path("hifigan-coqui/config.json");
  nlohmann::json config = detail::read_config_file(path);
  const Index hop = config.at("audio").at("hop_length"), rate = config.at("audio").at("sample_rate");
  const TemporaryDirectory directory;
  const auto load = [&](const nlohmann::json& audio) {
    nlohmann::json all = config;
    all["audio"].update(audio);
    write_bytes(directory / "config.json", all.dump());
    return load_model(model_path(coqui), {.config = directory / "config.json"});
  };
  // A little more than the hop, which is cut off; the window is three hops of that.
  const double shift = 1000 * (static_cast<double>(hop) + 0.3) / static_cast<double>(rate);
  const nlohmann::json times = {{"hop_length", nullptr},
                                {"win_length", nullptr},
                                {"frame_shift_ms", shift},
                                {"frame_length_ms", 3 * shift}};
  const Model model = load(times);
  CHECK(model.features.hop_length == hop);
  CHECK(model.features.win_length == 48);  // of 48.9
  CHECK(model.no_analysis.empty());
  const auto changed_times = [&](const nlohmann::json& change) {
    nlohmann::json all = times;
    all.update(change);
    return refusal([&] { load(all); });
  };
  CHECK(load({{"frame_shift_ms", 1}, {"frame_length_ms", 2}}).features.hop_length ==
        hop);                                       // lengths come first
  CHECK(changed_times({{"win_length", 2}}) == "");  // but not where there is no hop
  CHECK(changed_times({{"frame_length_ms", 2.5 * shift}}) ==
        "config: \"audio.frame_length_ms\" must be a multiple of \"audio.frame_shift_ms\"");
  CHECK(changed_times({{"frame_length_ms", nullptr}}) ==
        "config: \"audio.frame_length_ms\" must be a number");
  CHECK(changed_times({{"frame_shift_ms", nullptr}}).find("must be an integer from 1") != std::string::npos);
  CHECK(changed_times({{"frame_length_ms", 0}}).find("config: \"audio.frame_length_ms\" must be a time") ==
        0);
}

TEST_CASE("hifigan: what configs leave out is what their recipes make of it, or is asked for") {
  const TemporaryDirectory directory;
  nlohmann::json coqui = detail::read_config_file(model_path("hifigan-coqui/config.json"));
  const auto clips = [&](const nlohmann::json& audio) {
    nlohmann::json all = coqui;
    all["audio"].update(audio);
    write_bytes(directory / "config.json", all.dump());
    const Model model =
        load_model(model_path("hifigan-coqui/best_model.pth"), {.config = directory / "config.json"});
    return std::isfinite(model.features.clip_low);
  };
  CHECK(clips({{"signal_norm", true}}));
  CHECK_FALSE(clips({{"signal_norm", true}, {"clip_norm", nullptr}}));
  CHECK_FALSE(clips({{"signal_norm", true}, {"clip_norm", false}}));
  coqui["audio"].erase("clip_norm");
  CHECK(clips({{"signal_norm", true}}));

  nlohmann::json nemo = detail::read_config_file(model_path("hifigan-nemo/model_config.yaml"));
  nemo["preprocessor"].update({{"n_window_size", nullptr}, {"window_size", 0.004}});
  write_bytes(directory / "config.json", nemo.dump());
  CHECK(refusal([&] {
          load_model(model_path("hifigan-nemo/model_weights.ckpt"), {.config = directory / "config.json"});
        }) == "config: \"preprocessor.n_window_size\" must be an integer from 1 to 1048576");
}
