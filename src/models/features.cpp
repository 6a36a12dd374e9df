#include "models/features.h"

#include <wavestride/norm.h>

#include <limits>
#include <numbers>

#include "filter_design.h"

namespace wavestride::models {
namespace {

/// How a recipe describes its front end.
struct Recipe {
  const char* name;
  const char* marker;     ///< a key of the config, "a.b.key", that no recipe before it in the table has
  const char* section;    ///< that holds the settings, "a.b"; "" the whole config
  const char* manner;     ///< the preset whose framing, scale and logarithm it has; nullptr: no mel frames
  const char* not_sound;  ///< why sound can't be analysed for it, where it can't
  bool fixed = false;     ///< settings that the config leaves out are those of the preset
  bool normalised = false;
  void (*adjust)(Features& features, const Config& settings) = nullptr;  ///< what is not as in the preset
  const char* rate_section = nullptr;  ///< where the sample rate stands, unless among the settings
};

constexpr Index most_hz = 1 << 24, most_samples = 1 << 20;

constexpr Keys rate_keys{"sampling_rate", "output_sample_rate", "sample_rate", "fs"};

constexpr const char* latents = "it takes the latents of its own text-to-speech model, no mel frames";

double number_or(const Config& c, Keys keys, double fallback) {
  return c.has(keys) ? c.number(keys) : fallback;
}
bool flag_or(const Config& c, Keys keys, bool fallback) {
  return c.has(keys) ? c.flag(keys) : fallback;
}

/// A setting of frames that MelOptions can't express all of. Values are JSON, where Python's None is null.
struct Setting {
  const char* key;
  std::string absent;  ///< what the recipe takes where the config has no such key
  std::string made;    ///< what can be made, between spaces
};

/// Sound can't be analysed where a setting has another value; the first such is named.
void allow(Features& features, const Config& c, std::initializer_list<Setting> settings) {
  for (const Setting& s : settings) {
    const auto it = c.json().find(s.key);
    const bool there = it != c.json().end();
    const std::string value = there ? it->dump(-1, ' ', false, Json::error_handler_t::replace) : s.absent;
    const bool made = (" " + s.made + " ").find(" " + value + " ") != std::string::npos;
    if (!features.no_analysis.empty() || made) continue;
    features.no_analysis =
        message("it takes mel frames of ", c.name({s.key}), " ", value,
                there ? "" : ", as where the config says nothing", ": this library makes none such");
  }
}

/// FilterbankFeatures, whose defaults are those of speech recognition.
void nemo(Features& features, const Config& c) {
  MelOptions& mel = features.mel;
  allow(features, c,
        {{"exact_pad", "false", "true"},
         {"preemph", "0.97", "null 0 0.0"},
         {"window", R"("hann")", R"("hann")"},
         {"log", "true", "true"},
         {"log_zero_guard_type", R"("add")", R"("clamp")"},
         {"normalize", R"("per_feature")", "null false"},
         {"frame_splicing", "1", "1"},
         {"mel_norm", R"("slaney")", R"("slaney" null)"}});
  (void)c.integer({"n_window_size"}, 1, most_samples);  // without, window_size says it, in seconds
  mel.power = number_or(c, {"mag_power"}, 2);
  mel.epsilon = flag_or(c, {"use_grads"}, false) ? 1e-5 : 0;
  if (c.json().contains("mel_norm") && !c.has({"mel_norm"})) mel.norm = MelNorm::none;
  const Keys guard{"log_zero_guard_value"};
  const Json* value = c.find(guard);
  const std::string name = value != nullptr && value->is_string() ? c.text(guard) : "";
  mel.floor = name == "tiny"  ? std::numeric_limits<float>::min()
              : name == "eps" ? std::numeric_limits<float>::epsilon()
                              : number_or(c, guard, 0x1p-24);
  // Its window is the symmetric one: a periodic one without the last sample, which is 0. Where that would
  // stand half a sample from the middle of the frame, it stands elsewhere than the shorter one.
  const Index window = mel.win_length != 0 ? mel.win_length : mel.n_fft;
  if (window < 2 || (mel.n_fft - window) % 2 != 0) allow(features, c, {{"n_window_size", "null", ""}});
  mel.win_length = window - 1;
}

/// torchaudio.transforms.MelSpectrogram, as far as a config may have its settings.
void torchaudio(Features& features, const Config& c) {
  MelOptions& mel = features.mel;
  mel.power = number_or(c, {"power"}, mel.power);
  allow(features, c, {{"norm", "null", R"("slaney" null)"}, {"mel_scale", R"("htk")", R"("htk" "slaney")"}});
  if (c.json().contains("norm")) mel.norm = c.has({"norm"}) ? MelNorm::slaney : MelNorm::none;
  if (c.has({"mel_scale"})) mel.mel_scale = c.text({"mel_scale"}) == "htk" ? MelScale::htk : MelScale::slaney;
}

void speechbrain(Features& features, const Config& c) {
  MelOptions& mel = features.mel;
  mel.epsilon = 0;
  mel.framing = MelFraming::center;
  // Published configs say nothing of power, norm and scale; recipes did of power before the others were
  // settings, and had torchaudio's.
  if (c.has({"power"})) {
    mel.mel_scale = MelScale::htk;
    mel.norm = MelNorm::none;
  }
  torchaudio(features, c);
  allow(features, c,
        {{"dynamic_range_compression", "true", "true"}, {"mel_normalized", "false", "true false null"}});
  const Json* normalised = c.find({"mel_normalized"});
  if (normalised == nullptr || !normalised->is_boolean() || !normalised->get<bool>()) return;
  // Over the root of the window's energy, which is 3/8 of its length: ln max(m·s, floor) is
  // ln max(m, floor/s) + ln s.
  const double length = static_cast<double>(mel.win_length != 0 ? mel.win_length : mel.n_fft),
               energy = std::log(3 * length / 8);
  mel.offset = -mel.power * energy / 2;
  mel.floor *= std::exp(-mel.offset);
}

void parallel_wavegan(Features& features, const Config& c) {
  MelOptions& mel = features.mel;
  const std::string rate = std::to_string(mel.sample_rate);
  allow(features, c,
        {{"window", R"("hann")", R"("hann")"},
         {"sampling_rate_for_feats", rate, rate + " " + rate + ".0 null"},
         {"log_base", "10", "2 2.0 10 10.0 null"}});
  if (!c.json().contains("log_base") || number_or(c, {"log_base"}, 0) == 10) return;
  mel.log = LogKind::ln;
  if (c.has({"log_base"})) mel.scale = 1 / std::numbers::ln2;
}

void melgan_neurips(Features& features, const Config&) {
  features.mel.epsilon = 0;
  features.mel.f_max = 0;
  features.mel.log = LogKind::log10;
}

/// Transformers' SpeechT5 says its rate, FastSpeech2Conformer does not: ESPnet trained that on 22,050 Hz.
void transformers(Features& features, const Config& c) {
  if (!c.has(rate_keys)) features.mel.sample_rate = 22'050;
}

void vocos(Features& features, const Config& settings) {
  torchaudio(features, settings);
  const std::string padding = settings.has({"padding"}) ? settings.text({"padding"}) : "center";
  if (padding == "same")
    features.mel.framing = MelFraming::tight;
  else if (padding != "center")
    settings.refuse(settings.name({"padding"}), " must be center or same, is \"", padding, "\"");
}

/// So many whole samples as a time in milliseconds has.
Index samples_of(const Config& c, const char* milliseconds, Index sample_rate) {
  const double samples = c.number({milliseconds}) / 1000 * static_cast<double>(sample_rate);
  if (!(samples >= 1 && samples <= most_samples))
    c.refuse(c.name({milliseconds}), " must be a time of 1 to ", most_samples, " samples, is ",
             c.number({milliseconds}));
  return static_cast<Index>(samples);
}

/// AudioProcessor: gain·log(max(mel, 1e-8)), then less the mean of the data over its deviation, or the range
/// from min_level_db to 0 made that from −max_norm or 0 to max_norm.
void coqui(Features& features, const Config& c) {
  MelOptions& mel = features.mel;
  mel.floor = 1e-8;
  mel.scale = number_or(c, {"spec_gain"}, 20);
  // Where there is no hop, times say both lengths.
  if (!c.has({"hop_length"})) {
    const double ratio = c.number({"frame_length_ms"}) / c.number({"frame_shift_ms"});
    if (ratio != std::floor(ratio))
      c.refuse(c.name({"frame_length_ms"}), " must be a multiple of ", c.name({"frame_shift_ms"}));
    mel.win_length = samples_of(c, "frame_length_ms", mel.sample_rate);
  }
  const std::string log = c.has({"log_func"}) ? c.text({"log_func"}) : "np.log10";
  if (log != "np.log10" && log != "np.log")
    c.refuse(c.name({"log_func"}), " must be np.log10 or np.log, is \"", log, "\"");
  mel.log = log == "np.log" ? LogKind::ln : LogKind::log10;
  if (const double emphasis = number_or(c, {"preemphasis"}, 0); emphasis != 0)
    mel.prefilter = {1.0f, -static_cast<float>(emphasis)};
  allow(features, c,
        {{"do_amp_to_db_mel", "true", "true null"}, {"stft_pad_mode", R"("reflect")", R"("reflect" null)"}});
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
  if (flag_or(c, {"clip_norm"}, !c.json().contains("clip_norm"))) {  // null is false
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
  allow(features, c, {{"window", R"("hann")", R"("hann")"}});
  const double cutoff = number_or(c, {"highpass_cutoff"}, 0);
  if (cutoff < 0 || cutoff >= static_cast<double>(mel.sample_rate / 2))
    c.refuse(c.name({"highpass_cutoff"}), " must be from 0 to half the sample rate, is ", cutoff);
  if (cutoff > 0) mel.prefilter = low_cut(cutoff, mel.sample_rate);
}

constexpr Recipe recipes[] = {
    {"NeMo", "preprocessor", "preprocessor", "hifigan-22k", nullptr, false, false, nemo},
    {"Coqui", "generator_model", "audio", "pwg-22k", nullptr, false, false, coqui},
    {"Coqui", "model_args", "audio", nullptr, latents},
    {"ParallelWaveGAN", "generator_params", "", "pwg-22k", nullptr, false, true, parallel_wavegan},
    {"ESPnet", "tts_conf", "feats_extract_conf", nullptr, latents, false, false, nullptr, "tts_conf"},
    {"Vocos", "feature_extractor", "feature_extractor.init_args", "vocos-24k", nullptr, true, false, vocos},
    {"Vocos", "model.init_args.feature_extractor", "model.init_args.feature_extractor.init_args", "vocos-24k",
     nullptr, true, false, vocos},
    {"VITS", "data", "data", nullptr, latents},
    {"Piper", "phoneme_id_map", "audio", nullptr, latents},
    {"Piper", "num_symbols", "", nullptr, latents},
    {"SpeechT5", "model_in_dim", "", "speecht5-16k", nullptr, true, false, transformers},
    {"FastSpeech2Conformer", "vocoder_config.model_in_dim", "vocoder_config", "speecht5-16k", nullptr, true,
     false, transformers},
    {"MMS-TTS", "vocab_size", "", nullptr, latents},
    {"melgan-neurips", "ngf", "", "hifigan-22k", nullptr, true, false, melgan_neurips},
    {"SpeechBrain", "mel_fmin", "", "hifigan-22k", nullptr, false, false, speechbrain},
    {"wavenet_vocoder", "cin_channels", "", "pwg-22k", nullptr, false, true, wavenet_vocoder},
    {"HiFi-GAN", "num_mels", "", "hifigan-22k", nullptr},
};

const Recipe* recipe_of(const Config& config) {
  for (const Recipe& r : recipes) {
    const std::string_view marker = r.marker;
    const std::size_t key = marker.rfind('.') + 1;  // 0 where there is none
    const auto section = config.descend(marker.substr(0, key == 0 ? 0 : key - 1));
    if (section && section->has({r.marker + key})) return &r;
  }
  return nullptr;
}

Index sample_rate_of(const Config& c) {
  return c.integer(rate_keys, 1, most_hz);
}

constexpr Keys hop_keys{"hop_size", "hop_length", "n_window_stride", "n_shift"};

/// The length by `keys`, or by a time in milliseconds where they give none.
Index length_of(const Config& c, Keys keys, const char* milliseconds, Index sample_rate) {
  const Json* length = c.find(keys);
  const bool none = length == nullptr || (length->is_number() && length->get<double>() < 0);
  return none && c.has({milliseconds}) ? samples_of(c, milliseconds, sample_rate)
                                       : c.integer(keys, 1, most_samples);
}

/// The preset of exactly these settings lends its name.
void name_after_preset(MelOptions& mel) {
  for (const MelOptions& preset : mel_presets()) {
    MelOptions named = mel;
    named.name = preset.name;
    if (named == preset) return void(mel.name = preset.name);
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
  if (setting(hop_keys)) {
    mel.hop_length = length_of(c, hop_keys, "frame_shift_ms", mel.sample_rate);
    features.hop_by = c.has(hop_keys) ? c.name(hop_keys) : c.name({"frame_shift_ms"});
  }
  if (const Keys k{"win_size", "win_length", "n_window_size"}; c.has(k))
    mel.win_length = length_of(c, k, "win_length_ms", mel.sample_rate);
  else if (!recipe.fixed)
    mel.win_length = 0;
  if (const Keys k{"num_mels", "n_mels", "n_mel_channels", "features", "nfilt", "model_in_dim"}; setting(k)) {
    mel.n_mels = c.integer(k, 1, 65'536);
    features.bands_by = c.name(k);
  }
  mel.f_min = number_or(c, {"fmin", "mel_fmin", "lowfreq", "f_min"}, recipe.fixed ? mel.f_min : 0);
  mel.f_max = number_or(c, {"fmax", "mel_fmax", "highfreq", "f_max"}, recipe.fixed ? mel.f_max : 0);
  if (2 * mel.f_max == static_cast<double>(mel.sample_rate)) mel.f_max = 0;
  if (recipe.adjust) recipe.adjust(features, c);
  if (mel.win_length == mel.n_fft) mel.win_length = 0;
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
  const auto other = recipe->rate_section != nullptr ? config.descend(recipe->rate_section) : std::nullopt;
  mel.sample_rate = sample_rate_of(settings.has(rate_keys) || !other ? settings : *other);
  const bool says_hop = settings.has(hop_keys);
  mel.hop_length = says_hop ? settings.integer(hop_keys, 1, most_samples) : hop;
  mel.n_mels = channels;
  return {.mel = mel, .no_analysis = recipe->not_sound, .hop_by = says_hop ? settings.name(hop_keys) : ""};
}

}  // namespace

Features features_of(const ModelFile& file, Index channels, Index hop, const std::string& hop_by) {
  const auto by = [](const std::string& keys) { return keys.empty() ? "" : " by the config's " + keys; };
  Features features = described(file, channels, hop);
  const MelOptions& mel = features.mel;
  if (mel.n_mels != channels)
    file.refuse("the network takes ", channels, " values per frame, features of ", mel.name, " have ",
                mel.n_mels, " bands", by(features.bands_by));
  if (mel.hop_length != hop)
    file.refuse("the network makes ", hop, " samples of a frame", by(hop_by), ", features of ", mel.name,
                " have a hop of ", mel.hop_length, by(features.hop_by));
  if (features.no_analysis.empty()) (void)op::mel_spectrogram(mel);  // throws on settings that contradict
  return features;
}

Features features_of_codes(const std::string& codec, Index rate, Index hop, Index per_frame, Index codes) {
  MelOptions frames;
  frames.name = codec;
  frames.sample_rate = rate;
  frames.hop_length = hop;
  frames.n_mels = per_frame;
  return {frames, "it takes the codes that " + codec + " makes of sound, no mel frames", false, codes};
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
