#include "models/features.h"

#include <wavestride/norm.h>

#include <numbers>

#include "filter_design.h"

namespace wavestride::models {
namespace {

/// How a recipe describes its front end.
struct Recipe {
  const char* name;
  const char* marker;     ///< a key of the config that no other recipe before it in the table has
  const char* section;    ///< that holds the settings, "a.b"; "" the whole config
  const char* manner;     ///< the preset whose framing, scale and logarithm it has; nullptr: no mel frames
  const char* not_sound;  ///< why sound can't be analysed for it, where it can't
  bool fixed = false;     ///< settings that the config leaves out are those of the preset
  bool normalised = false;
  void (*adjust)(Features& features, const Config& settings) = nullptr;  ///< what is not as in the preset
};

constexpr const char* latents = "it takes the latents of its own text-to-speech model, no mel frames";

void without_epsilon(Features& features, const Config&) {
  features.mel.epsilon = 0;
}

void speechbrain(Features& features, const Config&) {
  features.mel.epsilon = 0;
  features.mel.framing = MelFraming::center;
}

void melgan_neurips(Features& features, const Config&) {
  features.mel.epsilon = 0;
  features.mel.f_max = 0;
  features.mel.log = LogKind::log10;
}

void vocos(Features& features, const Config& settings) {
  const std::string padding = settings.text({"padding"});
  if (padding == "same")
    features.mel.framing = MelFraming::tight;
  else if (padding != "center")
    settings.refuse(settings.name({"padding"}), " must be center or same, is \"", padding, "\"");
}

double number_or(const Config& c, Keys keys, double fallback) {
  return c.has(keys) ? c.number(keys) : fallback;
}
bool flag_or(const Config& c, Keys keys, bool fallback) {
  return c.has(keys) ? c.flag(keys) : fallback;
}

/// AudioProcessor: gain·log(max(mel, 1e-8)), then less the mean of the data over its deviation, or the range
/// from min_level_db to 0 made that from −max_norm or 0 to max_norm.
void coqui(Features& features, const Config& c) {
  MelOptions& mel = features.mel;
  mel.floor = 1e-8;
  mel.scale = number_or(c, {"spec_gain"}, 20);
  const std::string log = c.has({"log_func"}) ? c.text({"log_func"}) : "np.log10";
  if (log != "np.log10" && log != "np.log")
    c.refuse(c.name({"log_func"}), " must be np.log10 or np.log, is \"", log, "\"");
  mel.log = log == "np.log" ? LogKind::ln : LogKind::log10;
  if (const double emphasis = number_or(c, {"preemphasis"}, 0); emphasis != 0)
    mel.prefilter = {1.0f, -static_cast<float>(emphasis)};
  if (!flag_or(c, {"do_amp_to_db_mel"}, true))
    features.no_analysis = "it takes mel frames without a logarithm, which this library does not make";
  if (c.has({"stft_pad_mode"}) && c.text({"stft_pad_mode"}) != "reflect")
    features.no_analysis = "it takes mel frames padded otherwise than by reflection";
  if (!flag_or(c, {"signal_norm"}, false)) return;
  if (c.has({"stats_path"}) && c.text({"stats_path"}) != "") {
    features.normalised = true;
    return;
  }
  const double least = c.number({"min_level_db"}), reference = number_or(c, {"ref_level_db"}, 0),
               most = number_or(c, {"max_norm"}, 1);
  if (least >= 0) c.refuse(c.name({"min_level_db"}), " must be negative, is ", least);
  const bool symmetric = flag_or(c, {"symmetric_norm"}, false);
  const double stretch = (symmetric ? 2 : 1) * most / -least;
  mel.scale *= stretch;
  mel.offset = -stretch * (reference + least) - (symmetric ? most : 0);
  if (flag_or(c, {"clip_norm"}, true)) {
    mel.clip_low = symmetric ? -most : 0;
    mel.clip_high = most;
  }
}

/// scipy.signal.firwin(255, cutoff_hz over half the sample rate, pass_zero = False): a high-pass whose gain
/// at half the sample rate is 1.
std::vector<float> low_cut(double cutoff_hz, Index sample_rate) {
  constexpr int half = 127;
  const double cutoff = cutoff_hz / static_cast<double>(sample_rate / 2);
  std::vector<double> taps;
  double gain = 0;
  for (int n = -half; n <= half; ++n) {
    const double window = 0.54 + 0.46 * std::cos(std::numbers::pi * n / half);  // Hamming's
    taps.push_back(window * (sinc(n) - cutoff * sinc(cutoff * n)));
    gain += n % 2 == 0 ? taps.back() : -taps.back();
  }
  std::vector<float> filter;
  for (const double tap : taps) filter.push_back(static_cast<float>(tap / gain));
  return filter;
}

/// Of sound without what is too low to hear; what else its recipe does to sound is undone behind the network.
void wavenet_vocoder(Features& features, const Config& c) {
  MelOptions& mel = features.mel;
  const double cutoff = number_or(c, {"highpass_cutoff"}, 0);
  if (cutoff < 0 || cutoff >= static_cast<double>(mel.sample_rate / 2))
    c.refuse(c.name({"highpass_cutoff"}), " must be from 0 to half the sample rate, is ", cutoff);
  if (cutoff > 0) mel.prefilter = low_cut(cutoff, mel.sample_rate);
}

constexpr Recipe recipes[] = {
    {"NeMo", "preprocessor", "preprocessor", "hifigan-22k", nullptr, false, false, without_epsilon},
    {"Coqui", "generator_model", "audio", "pwg-22k", nullptr, false, false, coqui},
    {"Coqui", "model_args", "audio", nullptr, latents},
    {"ParallelWaveGAN", "generator_params", "", "pwg-22k", nullptr, false, true},
    {"ESPnet", "tts_conf", "feats_extract_conf", nullptr, latents},
    {"Vocos", "feature_extractor", "feature_extractor.init_args", "vocos-24k", nullptr, false, false, vocos},
    {"VITS", "data", "data", nullptr, latents},
    {"Piper", "phoneme_id_map", "audio", nullptr, latents},
    {"SpeechT5", "model_in_dim", "", "speecht5-16k", nullptr, true},
    {"MMS-TTS", "vocab_size", "", nullptr, latents},
    {"melgan-neurips", "ngf", "", "hifigan-22k", nullptr, true, false, melgan_neurips},
    {"SpeechBrain", "mel_fmin", "", "hifigan-22k", nullptr, false, false, speechbrain},
    {"wavenet_vocoder", "cin_channels", "", "pwg-22k", nullptr, false, true, wavenet_vocoder},
    {"HiFi-GAN", "num_mels", "", "hifigan-22k", nullptr},
};

const Recipe* recipe_of(const Config& config) {
  for (const Recipe& r : recipes)
    if (config.has({r.marker})) return &r;
  return nullptr;
}

constexpr Index most_hz = 1 << 24, most_samples = 1 << 20;

constexpr Keys rate_keys{"sampling_rate", "output_sample_rate", "sample_rate", "fs"};

Index sample_rate_of(const Config& c) {
  return c.integer(rate_keys, 1, most_hz);
}

constexpr Keys hop_keys{"hop_size", "hop_length", "n_window_stride", "n_shift"};

Index hop_or(const Config& c, Index fallback) {
  return c.has(hop_keys) ? c.integer(hop_keys, 1, most_samples) : fallback;
}

/// The preset of exactly these settings lends its name.
void name_after_preset(MelOptions& mel) {
  for (MelOptions preset : mel_presets()) {
    std::swap(preset.name, mel.name);
    if (preset == mel) return;
    std::swap(preset.name, mel.name);
  }
}

Features described_by(const Recipe& recipe, const Config& c) {
  Features features{mel_preset(recipe.manner), {}, recipe.normalised};
  MelOptions& mel = features.mel;
  mel.name = recipe.name;
  const auto setting = [&](Keys keys) { return !recipe.fixed || c.has(keys); };
  if (setting(rate_keys)) mel.sample_rate = sample_rate_of(c);
  if (const Keys k{"n_fft", "fft_size", "filter_length"}; setting(k))
    mel.n_fft = c.integer(k, 1, most_samples);
  if (setting(hop_keys)) mel.hop_length = c.integer(hop_keys, 1, most_samples);
  if (const Keys k{"win_size", "win_length", "n_window_size"}; c.has(k))
    mel.win_length = c.integer(k, 1, most_samples);
  else if (!recipe.fixed)
    mel.win_length = 0;
  if (mel.win_length == mel.n_fft) mel.win_length = 0;
  if (const Keys k{"num_mels", "n_mels", "n_mel_channels", "features", "model_in_dim"}; setting(k))
    mel.n_mels = c.integer(k, 1, 65'536);
  if (const Keys k{"fmin", "mel_fmin", "lowfreq"}; !recipe.fixed) mel.f_min = c.has(k) ? c.number(k) : 0;
  if (const Keys k{"fmax", "mel_fmax", "highfreq"}; !recipe.fixed) mel.f_max = c.has(k) ? c.number(k) : 0;
  if (2 * mel.f_max == static_cast<double>(mel.sample_rate)) mel.f_max = 0;
  if (recipe.adjust) recipe.adjust(features, c);
  name_after_preset(mel);
  return features;
}

Features described(const ModelFile& file, Index channels, Index hop) {
  const Config& config = file.config();
  if (config.has({"preset"})) return {mel_preset(config.text({"preset"}))};
  const Recipe* recipe = recipe_of(config);
  if ((recipe == nullptr || recipe->manner == nullptr) && !file.options().preset.empty())
    return {mel_preset(file.options().preset)};
  if (recipe == nullptr)
    config.refuse("does not describe the features that the network takes; name their preset");
  const auto section = config.descend(recipe->section);
  if (!section) config.refuse("\"", recipe->section, "\" must be a section");
  const Config& settings = *section;
  if (recipe->manner != nullptr) return described_by(*recipe, settings);
  MelOptions mel;
  mel.name = recipe->name;
  mel.sample_rate = sample_rate_of(settings);
  mel.hop_length = hop_or(settings, hop);
  mel.n_mels = channels;
  return {mel, recipe->not_sound};
}

}  // namespace

Features features_of(const ModelFile& file, Index channels, Index hop) {
  Features features = described(file, channels, hop);
  const MelOptions& mel = features.mel;
  if (mel.n_mels != channels)
    file.refuse("the network takes ", channels, " values per frame, features of ", mel.name, " have ",
                mel.n_mels, " bands");
  if (mel.hop_length != hop)
    file.refuse("the network makes ", hop, " samples of a frame, features of ", mel.name, " have a hop of ",
                mel.hop_length);
  if (features.no_analysis.empty()) (void)op::mel_spectrogram(mel);  // throws on settings that contradict
  return features;
}

Op normalise(std::span<const float> mean, std::span<const float> scale) {
  std::vector<float> gain, bias;
  for (std::size_t i = 0; i < scale.size(); ++i) {
    require(std::isfinite(mean[i]) && scale[i] > 0 && std::isfinite(scale[i]),
            "statistics must be finite, and deviations positive, got ", mean[i], " and ", scale[i]);
    const double g = 1 / static_cast<double>(scale[i]);
    gain.push_back(static_cast<float>(g));
    bias.push_back(static_cast<float>(-g * static_cast<double>(mean[i])));
  }
  return op::channel_scale(gain, bias);
}

}  // namespace wavestride::models
