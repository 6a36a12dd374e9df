// Mel front ends that the config of a checkpoint describes.
#include <wavestride/mel.h>
#include <wavestride/model.h>

#include <catch2/catch.hpp>

#include "contract.h"
#include "hostile.h"
#include "models.h"
#include "models/features.h"

using namespace wavestride;
using namespace wavestride::testing;

namespace {

/// The model of a file, its config changed in some keys.
Model with_changes(const std::string& file, const nlohmann::json& change) {
  const std::filesystem::path path = model_path(file);
  const bool coqui = file.find("coqui") != file.npos;
  auto config = nlohmann::json::parse(
      file_bytes((path.parent_path() / (coqui ? "config.json" : "hparams.json")).string()));
  config.update(change);
  const TemporaryDirectory directory;
  write_bytes(directory / "config.json", config.dump());
  return load_model(path.string(), {.config = directory / "config.json"});
}

/// What features_of() makes of a config's text, under the name that its recipe gives it.
models::Features described(const std::string& name, const std::string& text, Index bands, Index hop) {
  const TemporaryDirectory directory;
  write_bytes(directory / name, text);
  const ImaginedFile none(nlohmann::json::object(), nlohmann::json::object());
  const models::ModelFile file(none, models::read_config(directory / name), {});
  return models::features_of(file, bands, hop);
}

/// The text of the first golden case that has a config of this name.
std::string text_of(const std::string& config) {
  for (const GoldenCase& c : golden_cases("front_ends"))
    if (c.parameters.value("config", "") == config) return c.parameters.at("text");
  return {};
}

/// The text with a line's value changed: what stands behind "key: " up to the end of the line.
std::string with_value(std::string text, const std::string& key, const std::string& value) {
  const std::size_t at = text.find(key + ": ");
  REQUIRE(at != text.npos);
  const std::size_t begin = at + key.size() + 2;
  return text.replace(begin, text.find('\n', at) - begin, value);
}

}  // namespace

TEST_CASE("front ends of recipes give the frames that scipy and torch give, whole and in chunks") {
  Rng rng(71);
  for (const GoldenCase& c : golden_cases("front_ends")) {
    INFO(c.parameters.dump());
    MelOptions features;
    if (c.parameters.contains("text")) {
      const auto& frames = c.parameters.at("frames");
      const models::Features all =
          described(c.parameters.at("config"), c.parameters.at("text"), frames.at("bands"), frames.at("hop"));
      CHECK(all.no_analysis.empty());
      features = all.mel;
    } else {
      features = with_changes(c.parameters.at("file"), c.parameters.at("change")).features;
    }
    const Op front_end = op::mel_spectrogram(features);
    const Signal x = c.signal("x"), y = front_end(x);
    // Twice the usual: logarithms of bands that a filter has nearly emptied.
    CHECK(relative_error(y, c.signal("y")) <= 2 * golden_tolerance);
    Stream stream = front_end.stream();
    CHECK(same_bits(stream_in_chunks(stream, x, rng), y));
  }
}

TEST_CASE("front ends: what a config leaves to statistics, or can't be made, is said") {
  const std::string coqui = "hifigan-coqui/best_model.pth";
  const auto audio = [&](const nlohmann::json& changes) {
    auto all = nlohmann::json::parse(file_bytes(model_path("hifigan-coqui/config.json"))).at("audio");
    all.update(changes);
    return with_changes(coqui, {{"audio", all}}).no_analysis;
  };
  CHECK(audio(nlohmann::json::object()).empty());
  CHECK(audio({{"signal_norm", true}}).empty());
  CHECK(audio({{"signal_norm", true}, {"stats_path", "x.npy"}}).find("stats.npy") != std::string::npos);
  CHECK(audio({{"do_amp_to_db_mel", false}}) ==
        "it takes mel frames of \"audio.do_amp_to_db_mel\" false: this library makes none such");
  CHECK(audio({{"stft_pad_mode", "constant"}}) ==
        "it takes mel frames of \"audio.stft_pad_mode\" \"constant\": this library makes none such");
  const auto refused = [&](const std::string& key, const nlohmann::json& value) {
    return refusal_with(coqui, "config.json", "/audio/" + key, value);
  };
  CHECK(refused("log_func", "np.log2") ==
        "config: \"audio.log_func\" must be np.log10 or np.log, is \"np.log2\"");
  CHECK(refused("fft_size", nullptr).find("must be an integer") != std::string::npos);
  CHECK(refusal_with("wavenet-vocoder-mol/checkpoint_step000000010_ema.pth", "hparams.json",
                     "/highpass_cutoff",
                     8000) == "config: \"highpass_cutoff\" must be from 0 to half the sample rate, is 8000");
}

TEST_CASE("front ends: settings of frames that can't be made are named, and frames of the kind are taken") {
  struct Case {
    const char *config, *key, *value, *reason;
  };
  const Case cases[] = {
      {"model_config.yaml", "exact_pad", "false", "\"preprocessor.exact_pad\" false"},
      {"model_config.yaml", "preemph", "0.97", "\"preprocessor.preemph\" 0.97"},
      {"model_config.yaml", "window", "hamming", "\"preprocessor.window\" \"hamming\""},
      {"model_config.yaml", "log", "false", "\"preprocessor.log\" false"},
      {"model_config.yaml", "log_zero_guard_type", "add", "\"preprocessor.log_zero_guard_type\" \"add\""},
      {"model_config.yaml", "normalize", "per_feature", "\"preprocessor.normalize\" \"per_feature\""},
      {"model_config.yaml", "frame_splicing", "3", "\"preprocessor.frame_splicing\" 3"},
      {"model_config.yaml", "n_window_size", "1023", "\"preprocessor.n_window_size\" 1023"},
      {"model_config.yaml", "pad_value", "0.0\n  mel_norm: 2", "\"preprocessor.mel_norm\" 2"},
      {"hyperparams.yaml", "dynamic_range_compression", "false", "\"dynamic_range_compression\" false"},
      {"hyperparams.yaml", "mel_normalized", "frame_length", "\"mel_normalized\" \"frame_length\""},
      {"hyperparams.yaml", "power", "1\nmel_scale: bark", "\"mel_scale\" \"bark\""},
      {"hyperparams.yaml", "power", "1\nnorm: area", "\"norm\" \"area\""},
      {"config.yaml", "norm", "area", "\"model.init_args.feature_extractor.init_args.norm\" \"area\""},
      {"config.yml", "window", "hamming", "\"window\" \"hamming\""},
      {"config.yml", "fmax", "7600\nsampling_rate_for_feats: 16000", "\"sampling_rate_for_feats\" 16000"},
      {"config.yml", "fmax", "7600\nlog_base: 3.0", "\"log_base\" 3.0"},
  };
  for (const Case& c : cases) {
    INFO(c.key << " " << c.value);
    const Index hop = c.config == std::string("config.yml") ? 300 : 256;
    CHECK(described(c.config, with_value(text_of(c.config), c.key, c.value), 80, hop).no_analysis ==
          message("it takes mel frames of ", c.reason, ": this library makes none such"));
  }
  const auto wavenet = [&](const nlohmann::json& change) {
    auto hparams = nlohmann::json::parse(text_of("hparams.json"));
    hparams.update(change);
    return described("hparams.json", hparams.dump(), 80, 256).no_analysis;
  };
  CHECK(wavenet(nlohmann::json::object()).empty());
  CHECK(wavenet({{"window", "hamming"}}).find("\"window\" \"hamming\"") != std::string::npos);
  CHECK(refusal([&] {
          wavenet({{"win_length", -1}, {"win_length_ms", 0.01}});
        }) == "config: \"win_length_ms\" must be a time of 1 to 1048576 samples, is 0.01");
  CHECK(refusal([&] {
          wavenet({{"win_length", -1}, {"win_length_ms", nullptr}});
        }) == "config: \"win_length\" must be an integer from 1 to 1048576");
  // What NeMo's class does where a config says nothing is made for recognisers.
  const std::string bare =
      "preprocessor: {sample_rate: 16000, n_fft: 64, n_window_size: 64, n_window_stride: 12, features: 10}";
  CHECK(described("model_config.yaml", bare, 10, 12).no_analysis ==
        "it takes mel frames of \"preprocessor.exact_pad\" false, as where the config says nothing: this "
        "library makes none such");
}

TEST_CASE("front ends: configs as NeMo and ESPnet write them load with their networks") {
  const TemporaryDirectory directory;
  const std::string nemo = "hifigan-nemo/model_weights.ckpt",
                    espnet = "hifigan-espnet/train.total_count.ave_10best.pth";
  std::string text = text_of("model_config.yaml");
  for (const auto& [key, value] : {std::pair{"nfilt", "10"},
                                   {"n_fft", "64"},
                                   {"n_window_size", "64"},
                                   {"n_window_stride", "12"},
                                   {"sample_rate", "16000"}})
    text = with_value(text, key, value);
  write_bytes(directory / "model_config.yaml", text + R"(generator:
  _target_: nemo.collections.tts.modules.hifigan_modules.Generator
  resblock: 2
  upsample_rates: [4, 3]
  upsample_kernel_sizes: [8, 7]
  upsample_initial_channel: 12
  resblock_kernel_sizes: [3, 5, 7]
  resblock_dilation_sizes: [[1, 2], [2, 6], [3, 12]]
)");
  const Model vocoder = load_model(model_path(nemo), {.config = directory / "model_config.yaml"});
  CHECK(vocoder.no_analysis.empty());
  CHECK(vocoder.features.n_mels == 10);
  Rng rng(72);
  const Signal x = noise(rng, 10, 20);
  CHECK(same_bits(vocoder(x), load_model(model_path(nemo))(x)));

  const std::string vits = R"(config: ./conf/tuning/train_vits.yaml
token_type: phn
feats_extract: linear_spectrogram
feats_extract_conf:
    n_fft: 1024
    hop_length: 10
    win_length: null
normalize: null
normalize_conf: {}
tts: vits
tts_conf:
    generator_type: vits_generator
    generator_params:
        hidden_channels: 10
        decoder_kernel_size: 7
        decoder_channels: 16
        decoder_upsample_scales: [5, 2]
        decoder_upsample_kernel_sizes: [10, 4]
        decoder_resblock_kernel_sizes: [3, 5]
        decoder_resblock_dilations: [[1, 3], [1, 5]]
        use_weight_norm_in_decoder: true
    mel_loss_params:
        fs: 22050
    sampling_rate: 22050
pitch_extract: null
)";
  const auto load = [&](const std::string& config) {
    write_bytes(directory / "config.yaml", config);
    return load_model(model_path(espnet), {.config = directory / "config.yaml", .speaker = 1});
  };
  const Model decoder = load(vits);
  CHECK(decoder.features.sample_rate == 22050);
  CHECK(decoder.no_analysis.find("latents") != std::string::npos);
  CHECK(same_bits(decoder(x), load_model(model_path(espnet), {.speaker = 1})(x)));
  CHECK(refusal([&] { load(with_value(vits, "\n    sampling_rate", "null")); }) ==
        "config: \"tts_conf.sampling_rate\" must be an integer from 1 to 16777216");
}
