// Mel front ends that the config of a checkpoint describes.
#include <wavestride/mel.h>
#include <wavestride/model.h>

#include <catch2/catch.hpp>

#include "contract.h"
#include "hostile.h"
#include "models.h"

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

}  // namespace

TEST_CASE("front ends of recipes give the frames that scipy and torch give, whole and in chunks") {
  Rng rng(71);
  for (const GoldenCase& c : golden_cases("front_ends")) {
    INFO(c.parameters.dump());
    const Model model = with_changes(c.parameters.at("file"), c.parameters.at("change"));
    const Op front_end = op::mel_spectrogram(model.features);
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
  CHECK(audio({{"do_amp_to_db_mel", false}}).find("without a logarithm") != std::string::npos);
  CHECK(audio({{"stft_pad_mode", "constant"}}).find("otherwise than by reflection") != std::string::npos);
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
