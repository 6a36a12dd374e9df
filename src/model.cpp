#include <dlfcn.h>
#include <wavestride/checkpoint.h>
#include <wavestride/codec_encoder.h>
#include <wavestride/model.h>
#include <wavestride/npy.h>
#include <wavestride/safetensors.h>
#include <wavestride/stack.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>

#include "checkpoint/config_file.h"
#include "graph.h"
#include "models/architecture.h"

namespace wavestride {
namespace {

namespace fs = std::filesystem;
using models::Architecture;
using models::joined;

// The first that recognises a file counts: ParallelWaveGAN may hold a MelGAN, what trains Vocos an EnCodec.
const Architecture* const architectures[] = {&models::audio_super_res,
                                             &models::bigvgan,
                                             &models::dac,
                                             &models::gated_istft,
                                             &models::hifigan,
                                             &models::istftnet,
                                             &models::parallel_wavegan,
                                             &models::melgan,
                                             &models::snac,
                                             &models::vocos,
                                             &models::encodec,
                                             &models::wavenet_vocoder};

/// nullptr where none does.
const Architecture* recognising(const TensorFile& file) {
  const auto first = std::ranges::find_if(architectures, [&](auto* a) { return a->recognises(file); });
  return first == std::end(architectures) ? nullptr : *first;
}

/// How recipes name the config that they leave beside a checkpoint.
std::vector<fs::path> places_of_config(const fs::path& checkpoint) {
  std::vector<fs::path> places{checkpoint.string() + ".json"};
  for (const char* name : {"config.json", "config.yml", "config.yaml", "args.yml", "hparams.json",
                           "hyperparams.yaml", "model_config.yaml"})
    places.push_back(checkpoint.parent_path() / name);
  return places;
}

/// Settings that a recipe keeps in the checkpoint itself: their section, and a key that says sizes of a
/// network.
struct Kept {
  const char *section, *key;
};

/// The arguments of a training by Lightning, and those of a network's constructor, as audiotools saves it.
constexpr Kept by_lightning{"hyper_parameters", "upsample_rates"},
    by_audiotools{"metadata.kwargs", "decoder_rates"};

std::optional<models::Config> kept_settings(const TensorFile& file, const Kept& kept) {
  const auto values = file.metadata().find("values");
  if (values == file.metadata().end() ||
      values->second.find(message('"', kept.key, '"')) == std::string::npos)
    return {};
  models::Json all = detail::parse_json(values->second, file.path(), "what it holds beside tensors ");
  if (!all.is_object()) return {};
  const auto settings = models::Config(file.path(), std::move(all)).descend(kept.section);
  return settings && settings->has({kept.key}) ? settings : std::nullopt;
}

/// A config that its recipe left beside a checkpoint. Piper's has no more than a word for the sizes, any word
/// that the user chose.
models::Config config_in(const std::string& path, const TensorFile& file) {
  const models::Config config = models::read_config(path);
  const auto arguments = config.has({"phoneme_id_map"}) ? kept_settings(file, by_lightning) : std::nullopt;
  return arguments ? config.completed(arguments->json()) : config;
}

models::Config config_of(const TensorFile& file, const ModelOptions& options) {
  if (auto named = models::named_config(options.config)) return *named;
  if (!options.config.empty()) {
    std::error_code ignored;
    if (options.config.find('/') == options.config.npos && !fs::exists(options.config, ignored))
      throw IoError(options.config, "is neither a file nor one of the configs that come with the library, " +
                                        joined(models::named_configs()));
    return config_in(options.config, file);
  }
  if (const auto text = file.metadata().find("config"); text != file.metadata().end())
    return {file.path(), detail::parse_json(text->second, file.path(), "its config ")};
  if (auto arguments = kept_settings(file, by_audiotools)) return *arguments;
  std::vector<std::string> looked;
  for (const fs::path& place : places_of_config(file.path())) {
    std::error_code ignored;
    if (fs::is_regular_file(place, ignored)) return config_in(place.string(), file);
    looked.push_back(place.filename().string());
  }
  if (auto arguments = kept_settings(file, by_lightning)) return *arguments;
  if (const Architecture* a = recognising(file); a != nullptr && a->own_config != nullptr)
    return *a->own_config(file);
  throw IoError(file.path(), "has no \"config\" in its metadata and none beside it (" + joined(looked) +
                                 "); name one, a file or one of " + joined(models::named_configs()));
}

struct Foreign {
  std::string_view layer, network;
};

/// Networks that people try, and a piece of the name of a layer that tells each.
constexpr Foreign foreign[] = {
    {"m_source.l_linear.", "a network with a source of sines, which takes F0 beside its features"},
    {"upsample.resnet.conv_in.", "WaveRNN"},
    {".tade1.aux_conv.", "StyleMelGAN"},
    {".kernel_predictor.", "UnivNet"},
    {"quantizer.quantizers.0.in_proj.", "a neural codec that is none of DAC, EnCodec and SNAC"},
    {"_codebook.embed", "a neural codec that is none of DAC, EnCodec and SNAC"},
};

/// Throws IoError where the file holds one of them.
void refuse_foreign(const TensorFile& file) {
  for (const Foreign& f : foreign)
    for (const TensorInfo& t : file.tensors())
      if (t.name.find(f.layer) != std::string::npos)
        throw IoError(file.path(), message("holds ", f.network,
                                           ": such networks are not supported (tensor \"", t.name, "\")"));
}

const Architecture& architecture_of(const TensorFile& file, const models::Config& config) {
  const bool named = config.has({"architecture"});
  const std::string name = named ? config.text({"architecture"}) : recognised_architecture(file);
  for (const Architecture* a : architectures) {
    if (a->name != name) continue;
    if (!a->recognises(file)) throw IoError(file.path(), "does not hold the layers of a " + name);
    return *a;
  }
  const std::string known = joined(known_architectures());
  if (named) config.refuse("unknown architecture \"", name, "\"; known: ", known);
  refuse_foreign(file);
  throw IoError(file.path(), "holds the layers of no known architecture; known: " + known);
}

/// The tensor of a converted file that holds what ModelOptions::stats name.
constexpr const char* statistics_name = "feature_statistics";

/// Mean and deviation of the features, where they are known. Not yet checked.
std::optional<Tensor> statistics(const TensorFile& file, const ModelOptions& options) {
  if (!options.stats.empty()) return read_npy(options.stats);
  return file.find(statistics_name) ? std::optional(file.load(statistics_name)) : std::nullopt;
}

Op normaliser(const Tensor& t, Index channels, const std::string& path) {
  if (t.shape != std::vector<Index>{2, channels})
    throw IoError(path, message("must hold mean and deviation of every band, [2, ", channels, "], has shape ",
                                shape_string(t.shape)));
  try {
    const std::span<const float> values(t.data);
    const auto n = static_cast<std::size_t>(channels);
    return models::normalise(values.first(n), values.subspan(n));
  } catch (const std::invalid_argument& e) {
    throw IoError(path, e.what());
  }
}

/// What a stream may carry: hundreds of times as much as those of any published network do. Dilations take
/// memory that no tensor of a file vouches for.
constexpr Index most_carried = 1 << 28;

void require_modest(const Op& network, const models::ModelFile& file) {
  if (const Index carried = network.carried_bytes(); carried > most_carried)
    file.refuse("a stream of the network would carry ", carried >> 20, " MiB of frames; at most ",
                most_carried >> 20, " are allowed");
}

void require_no_contradiction(const ModelOptions& options, const models::ModelFile& file) {
  if (options.bandwidth_kbps && options.codebooks)
    file.refuse("a bandwidth says how many codebooks there are codes of: name one of the two");
  if (options.speaker && !options.speaker_embedding.empty())
    file.refuse("a speaker and the embedding of another are two voices: name one of the two");
}

void require_codec(const Architecture& a, const TensorFile& file) {
  if (a.build_encoder == nullptr)
    throw IoError(file.path(), message("holds a network of architecture ", a.name,
                                       ", which has no encoder: DAC, EnCodec and SNAC do"));
}

/// A checkpoint, and the model that its config makes of it.
struct Loaded {
  std::unique_ptr<TensorFile> part;  // of the caller's file, where the options name one
  models::ModelFile file;            // of its tensors, or of the caller's
  const Architecture& architecture;
  std::optional<Tensor> statistics;
  Model model;
};

Loaded load(const TensorFile& whole, const ModelOptions& options, bool any_speaker = false,
            std::optional<Index> codes_per_frame = {}) {
  std::unique_ptr<TensorFile> part;
  if (options.prefix) part = models::part_of(whole, *options.prefix);
  const TensorFile& tensors = part ? *part : whole;
  models::ModelFile file(tensors, config_of(tensors, options), options);
  if (any_speaker) file.accept_any_speaker();
  file.expect_codes(codes_per_frame);
  const Architecture& architecture = architecture_of(tensors, file.config());
  try {
    if (!options.preset.empty()) (void)mel_preset(options.preset);
    require_no_contradiction(options, file);
    models::Network network = architecture.build(file);
    require_modest(network.op, file);
    file.skip(statistics_name);
    file.require_all_used();
    Model model{architecture.name, network.features.mel, network.op, network.features.no_analysis,
                network.features.codes};
    std::optional<Tensor> stats = statistics(whole, options);
    if (stats && model.codes > 0) file.refuse("takes codes, which have no mean and deviation");
    if (stats) {
      const std::string& source = options.stats.empty() ? tensors.path() : options.stats;
      model.network =
          Stack({normaliser(*stats, network.op.in_channels(), source), network.op}, model.architecture);
    } else if (network.features.normalised && model.no_analysis.empty()) {
      model.no_analysis =
          "it was trained on frames normalised by statistics which lie beside such checkpoints (stats.npy, "
          "or stats.h5 to be converted): name them";
    }
    return {std::move(part), std::move(file), architecture, std::move(stats), std::move(model)};
  } catch (const std::invalid_argument& e) {
    file.config().refuse(e.what());
  }
}

/// The same of an encoder.
struct LoadedEncoder {
  std::unique_ptr<TensorFile> part;
  models::ModelFile file;
  CodecEncoder encoder;
};

LoadedEncoder load_encoder(const TensorFile& whole, const ModelOptions& options) {
  std::unique_ptr<TensorFile> part;
  if (options.prefix) part = models::part_of(whole, *options.prefix);
  const TensorFile& tensors = part ? *part : whole;
  if (const Architecture* a = recognising(tensors); a != nullptr) require_codec(*a, tensors);
  models::ModelFile file(tensors, config_of(tensors, options), options);
  file.make_codes();
  const Architecture& architecture = architecture_of(tensors, file.config());
  require_codec(architecture, tensors);
  try {
    require_no_contradiction(options, file);
    if (!options.preset.empty() || !options.stats.empty())
      file.refuse("takes sound: there are no features that a preset or statistics could be of");
    CodecEncoder encoder = architecture.build_encoder(file);
    require_modest(encoder.network, file);
    file.require_all_used();
    encoder.architecture = architecture.name;
    encoder.choices = file.codes_choices();
    return {std::move(part), std::move(file), std::move(encoder)};
  } catch (const std::invalid_argument& e) {
    file.config().refuse(e.what());
  }
}

/// What the graph of a network consists of, where it is fed `rate` · `step` frames a second.
std::vector<Layer> layers_of(const Op& network, Index rate, Ratio step) {
  const detail::Graph& graph = *network.graph();
  std::vector<Layer> list;
  for (std::size_t k = 0; k < graph.nodes.size(); ++k) {
    const auto& frames = graph.values()[static_cast<std::size_t>(graph.value_of(static_cast<int>(k)))].rate;
    const Ratio per_sample = frames ? detail::operator*(*frames, step) : Ratio{};
    const double frames_per_second =
        static_cast<double>(rate * per_sample.num) / static_cast<double>(per_sample.den);
    list.push_back({Op(graph.nodes[k].kernel), frames_per_second,
                    frames_per_second * graph.nodes[k].kernel->macs_per_frame()});
  }
  return list;
}

}  // namespace

Ratio Model::upsampling() const {
  const Ratio r = network.rate();
  return {r.den, r.num};
}

double Model::lookahead_seconds() const {
  return static_cast<double>(network.lookahead_frames() * features.hop_length) /
         static_cast<double>(features.sample_rate);
}

double Model::macs_per_second() const {
  return network.macs_per_frame() * static_cast<double>(features.sample_rate);
}

std::vector<Layer> Model::layers() const {
  return layers_of(network, features.sample_rate, network.rate());
}

double CodecEncoder::kbps() const {
  const double bits = static_cast<double>(network.out_channels()) * std::log2(static_cast<double>(codes));
  return bits * frames_per_second() / 1000;
}

double CodecEncoder::macs_per_second() const {
  return network.macs_per_frame() * frames_per_second();
}

std::vector<Layer> CodecEncoder::layers() const {
  return layers_of(network, sample_rate, {});
}

std::vector<std::string> named_configs() {
  return models::named_configs();
}

std::vector<std::string> known_architectures() {
  std::vector<std::string> names;
  for (const Architecture* a : architectures) names.emplace_back(a->name);
  return names;
}

std::string recognised_architecture(const TensorFile& file) {
  const Architecture* a = recognising(file);
  return a ? a->name : "";
}

Model load_model(const std::string& path, const ModelOptions& options) {
  return load_model(*open_checkpoint(path), options);
}

Model load_model(const TensorFile& file, const ModelOptions& options) {
  return load(file, options).model;
}

CodesModel load_model_for_codes(const std::string& path, const ModelOptions& options,
                                std::optional<Index> per_frame) {
  const Loaded loaded = load(*open_checkpoint(path), options, false, per_frame);
  return {loaded.model, loaded.file.codes_choices()};
}

CodecEncoder load_codec_encoder(const std::string& path, const ModelOptions& options) {
  return load_codec_encoder(*open_checkpoint(path), options);
}

CodecEncoder load_codec_encoder(const TensorFile& file, const ModelOptions& options) {
  return load_encoder(file, options).encoder;
}

std::vector<std::string> known_codecs() {
  std::vector<std::string> names;
  for (const Architecture* a : architectures)
    if (a->build_encoder != nullptr) names.emplace_back(a->name);
  return names;
}

CodecEncoder compute_by(CodecEncoder encoder, const Arithmetic& arithmetic) {
  encoder.latents = compute_by(encoder.latents, arithmetic);
  encoder.network = Stack({encoder.latents, encoder.quantiser}, encoder.network.name());
  return encoder;
}

LayerWeights load_layer(const TensorFile& file, const std::string& layer) {
  LayerWeights w{models::folded_weight(file, layer)};
  if (const std::string bias = layer + ".bias"; file.find(bias) != nullptr) w.bias = file.load(bias).data;
  return w;
}

namespace {

// Finite numbers stay finite.
void require_range(const std::map<std::string, Tensor>& tensors, DType dtype, const std::string& out) {
  if (dtype != DType::f16) return;
  constexpr float most = 65'504;
  for (const auto& [name, tensor] : tensors)
    for (const float v : tensor.data)
      if (std::isfinite(v) && std::abs(v) > most)
        throw IoError(out, message(name, ": f16 holds numbers up to ", most, ", one is ", v));
}

}  // namespace

void convert_model(const std::string& path, const std::string& out, const ModelOptions& options,
                   DType dtype) {
  const std::unique_ptr<TensorFile> file = open_checkpoint(path);
  const Loaded loaded = load(*file, options, true);
  std::map<std::string, Tensor> tensors = loaded.file.used_tensors();
  const Architecture& architecture = loaded.architecture;
  if (architecture.holds_encoder && architecture.holds_encoder(loaded.file)) {
    try {
      tensors.merge(load_encoder(*file, {.config = options.config,
                                         .bandwidth_kbps = options.bandwidth_kbps,
                                         .codebooks = options.codebooks,
                                         .prefix = options.prefix})
                        .file.used_tensors());
    } catch (const IoError&) {
      // The decoder, which loads, is worth a file of its own; load_codec_encoder() says what is wrong.
    }
  }
  require_range(tensors, dtype, out);
  if (loaded.statistics) tensors.emplace(statistics_name, *loaded.statistics);
  models::Json config = loaded.file.config().json();
  config["architecture"] = loaded.model.architecture;
  if (!options.preset.empty() && loaded.model.features.name == options.preset)
    config["preset"] = options.preset;
  const std::string text = config.dump(-1, ' ', false, models::Json::error_handler_t::replace);
  try {
    write_safetensors(out, tensors, {.dtype = dtype, .metadata = {{"config", text}}});
  } catch (const std::invalid_argument& e) {
    throw IoError(out, e.what());  // as of names that are not UTF-8
  }
}

namespace {

// The program or shared library that this code is part of.
fs::path own_binary() {
  Dl_info info;
  std::error_code ignored;
  fs::path binary;
  if (dladdr(reinterpret_cast<const void*>(&data_file), &info) != 0 && info.dli_fname != nullptr &&
      info.dli_fname[0] == '/')
    binary = fs::canonical(info.dli_fname, ignored);
  // The program itself goes by the name that it was called by.
  return binary.empty() ? fs::read_symlink("/proc/self/exe", ignored) : binary;
}

}  // namespace

std::string data_file(const std::string& name) {
  std::vector<fs::path> places;
  std::error_code ignored;
  if (const char* chosen = std::getenv("WAVESTRIDE_DATA"); chosen != nullptr && *chosen != '\0') {
    places = {chosen};
  } else {
    // bin/, lib/ and lib/x86_64-linux-gnu/ have share/ beside or above them; a Python package has it inside.
    fs::path folder = own_binary().parent_path();
    for (int up = 0; up < 3 && !folder.empty(); ++up, folder = folder.parent_path())
      places.push_back(folder / "share" / "wavestride");
    places.insert(places.end(), {WAVESTRIDE_INSTALLED_DATA, WAVESTRIDE_SOURCE_DATA});
  }
  std::vector<std::string> looked;
  for (const fs::path& place : places) {
    const fs::path path = place / name;
    if (fs::is_regular_file(path, ignored)) return path.string();
    looked.push_back(place.string());
  }
  throw IoError(name,
                "not found in " + joined(looked) + "; set WAVESTRIDE_DATA to the directory that holds it");
}

Model default_vocoder() {
  return load_model(data_file(default_vocoder_file));
}

}  // namespace wavestride
