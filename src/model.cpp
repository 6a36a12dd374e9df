#include <wavestride/activation.h>
#include <wavestride/conv1d.h>
#include <wavestride/model.h>
#include <wavestride/pixel_shuffle1d.h>
#include <wavestride/safetensors.h>
#include <wavestride/stack.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <numbers>
#include <set>

#include "check.h"

namespace wavestride {
namespace {

using Json = nlohmann::json;

/// The config and the tensors of one model file; every complaint is an IoError with its path.
class ModelFile {
 public:
  explicit ModelFile(const std::string& path) : file_(path) {
    const auto text = file_.metadata().find("config");
    if (text == file_.metadata().end()) refuse("no model: its metadata have no \"config\"");
    config_ = Json::parse(text->second, nullptr, false);
    if (!config_.is_object()) refuse("its \"config\" is no JSON object");
  }

  template <class... Parts>
  [[noreturn]] void refuse(const Parts&... parts) const {
    throw IoError(file_.path(), message(parts...));
  }

  const Json& config() const { return config_; }

  std::string text(const char* key) const {
    const auto it = config_.find(key);
    if (it == config_.end() || !it->is_string()) refuse("config: \"", key, "\" must be a string");
    return it->get<std::string>();
  }

  double number(const char* key) const {
    const auto it = config_.find(key);
    if (it == config_.end() || !it->is_number()) refuse("config: \"", key, "\" must be a number");
    return it->get<double>();
  }

  Index integer(const Json& value, const char* key, Index least, Index most) const {
    // As a double, numbers beyond 64 bits are still beyond `most`.
    const double v = value.is_number_integer() ? value.get<double>() : std::nan("");
    if (!(v >= static_cast<double>(least) && v <= static_cast<double>(most)))
      refuse("config: \"", key, "\" must be an integer from ", least, " to ", most);
    return value.get<Index>();
  }

  Index integer_of(const Json& object, const char* key, Index least, Index most) const {
    const auto it = object.find(key);
    return integer(it == object.end() ? Json() : *it, key, least, most);
  }

  const Json& list_of(const Json& object, const char* key, std::size_t least, std::size_t most) const {
    const auto it = object.find(key);
    if (it == object.end() || !it->is_array() || it->size() < least || it->size() > most)
      refuse("config: \"", key, "\" must be a list of ", least, " to ", most, " values");
    return *it;
  }

  /// A tensor that the config calls for.
  Tensor tensor(const std::string& name, const std::vector<Index>& shape) {
    const TensorInfo* info = file_.find(name);
    if (info == nullptr) refuse("tensor \"", name, "\" is missing");
    if (info->shape != shape)
      refuse("tensor \"", name, "\" must have shape ", shape_string(shape), ", has ",
             shape_string(info->shape));
    used_.insert(name);
    return file_.load(name);
  }

  void require_all_used() const {
    for (const TensorInfo& t : file_.tensors())
      if (used_.count(t.name) == 0) refuse("tensor \"", t.name, "\" has no place in this architecture");
  }

 private:
  SafetensorsFile file_;
  Json config_;
  std::set<std::string> used_;
};

/// Weights as nn.Conv1d stores them.
struct Convolution {
  Tensor weight, bias;

  Convolution(ModelFile& file, const std::string& name, Index in, Index out, Index kernel)
      : weight(file.tensor(name + ".weight", {out, in, kernel})), bias(file.tensor(name + ".bias", {out})) {}

  Op op(const Conv1dOptions& options = {}) const { return op::conv1d(weight, bias.data, options); }
};

/// What makes real and imaginary parts, in turn as istft() takes them, of a layer with outputs [log magnitude
/// m; phase p]: (cos p, sin p) = (sin(p + π/2), sin p), so that twice the rows and one product do.
Op polar_output(const Convolution& layer, Index channels, Index bins, float max_log_magnitude) {
  const auto rows = [&](Index first, double real_shift) {
    Tensor weight({2 * bins, channels, 1}), bias({2 * bins});
    for (Index row = 0; row < 2 * bins; ++row) {
      const Index from = first + row / 2;
      std::copy_n(layer.weight.data.begin() + from * channels, channels,
                  weight.data.begin() + row * channels);
      const double b = layer.bias.data[static_cast<std::size_t>(from)];
      bias.data[static_cast<std::size_t>(row)] = static_cast<float>(row % 2 == 0 ? b + real_shift : b);
    }
    return op::conv1d(weight, bias.data);
  };
  constexpr float none = -std::numeric_limits<float>::infinity();
  StackBuilder b("polar");
  const auto x = b.input(channels);
  const auto magnitude =
      b.chain(x, std::vector{rows(0, 0), op::clip(2 * bins, none, max_log_magnitude), op::exp(2 * bins)});
  const auto phase = b.chain(x, std::vector{rows(bins, std::numbers::pi / 2), op::sin(2 * bins)});
  return b.build({b.apply(op::multiply(2 * bins), {magnitude, phase})});
}

/// Log-mel frames through stages of gated dilated blocks, sub-pixel upsampling between them, to magnitudes
/// and phases of an inverse STFT (after iSTFTNet, Kaneko et al. 2022). Blocks read few frames ahead, many
/// back.
Op gated_istft(ModelFile& file, const MelOptions& features) {
  // Dilations take memory that no tensor in the file vouches for.
  constexpr Index most_channels = 4096, most_kernel = 64, most_dilation = 1024;
  const Json& stages = file.list_of(file.config(), "stages", 1, 8);
  const Json& upsample = file.list_of(file.config(), "upsample", stages.size() - 1, stages.size() - 1);
  const auto around = [](Index reach, Index right) { return ConvPadding(reach - right, right); };

  StackBuilder b("gated-istft");
  auto x = b.input(features.n_mels);
  Index channels = features.n_mels, samples = features.hop_length;
  for (std::size_t i = 0; i < stages.size(); ++i) {
    const Json& stage = stages[i];
    if (!stage.is_object()) file.refuse("config: \"stages\" must hold objects");
    const Index width = file.integer_of(stage, "channels", 1, most_channels);
    if (i == 0) {
      const Index kernel = file.integer_of(file.config(), "input_kernel", 1, most_kernel);
      const Index right = file.integer_of(file.config(), "input_right", 0, kernel - 1);
      x = b.apply(Convolution(file, "input", channels, width, kernel)
                      .op({.padding = around(kernel - 1, right), .padding_mode = PadMode::replicate}),
                  {x});
    } else {
      const Index factor = file.integer(upsample[i - 1], "upsample", 1, samples);
      if (samples % factor != 0) file.refuse("config: \"upsample\" must divide the hop of the features");
      samples /= factor;
      x = b.apply(Convolution(file, message("up.", i - 1), channels, factor * width, 1).op(), {x});
      x = b.apply(op::pixel_shuffle1d(factor * width, factor), {x});
    }
    channels = width;
    const Index kernel = file.integer_of(stage, "kernel", 1, most_kernel);
    const Json& dilations = file.list_of(stage, "dilations", 1, 64);
    const Json& rights = file.list_of(stage, "right", dilations.size(), dilations.size());
    for (std::size_t j = 0; j < dilations.size(); ++j) {
      const std::string name = message("stages.", i, ".", j);
      const Index dilation = file.integer(dilations[j], "dilations", 1, most_dilation);
      const Index right = file.integer(rights[j], "right", 0, (kernel - 1) * dilation);
      auto h = b.apply(Convolution(file, name + ".conv", channels, 2 * channels, kernel)
                           .op({.padding = around((kernel - 1) * dilation, right), .dilation = dilation}),
                       {x});
      h = b.apply(op::gated(2 * channels), {h});
      h = b.apply(Convolution(file, name + ".out", channels, channels, 1).op(), {h});
      x = b.apply(op::add(channels), {x, h});
    }
  }
  const Index n_fft = file.integer_of(file.config(), "n_fft", 2, 1 << 16);
  const StftOptions inverse{.n_fft = n_fft, .hop_length = file.integer_of(file.config(), "hop", 1, n_fft)};
  if (inverse.hop_length != samples)
    file.refuse("config: \"hop\" must be the hop of the features over all upsampling, ", samples, ", is ",
                inverse.hop_length);
  const Convolution output(file, "output", channels, 2 * inverse.bins(), 1);
  x = b.apply(
      polar_output(output, channels, inverse.bins(), static_cast<float>(file.number("max_log_magnitude"))),
      {x});
  return b.build({b.apply(op::istft(inverse), {x})});
}

struct Architecture {
  const char* name;
  Op (*build)(ModelFile& file, const MelOptions& features);
};

constexpr Architecture architectures[] = {{"gated-istft", gated_istft}};

}  // namespace

Model load_model(const std::string& path) {
  ModelFile file(path);
  const std::string wanted = file.text("architecture");
  std::string known;
  for (const Architecture& a : architectures) {
    known += (known.empty() ? "" : ", ") + std::string(a.name);
    if (a.name != wanted) continue;
    try {
      const MelOptions features = mel_preset(file.text("preset"));
      Op network = a.build(file, features);
      file.require_all_used();
      const double ahead = static_cast<double>(network.lookahead_frames() * features.hop_length) /
                           static_cast<double>(features.sample_rate);
      return {wanted, features, std::move(network), ahead};
    } catch (const std::invalid_argument& e) {
      file.refuse("config: ", e.what());
    }
  }
  file.refuse("config: unknown architecture \"", wanted, "\"; known: ", known);
}

std::string data_file(const std::string& name) {
  namespace fs = std::filesystem;
  std::vector<fs::path> places;
  std::error_code ignored;
  if (const char* chosen = std::getenv("WAVESTRIDE_DATA"); chosen != nullptr && *chosen != '\0') {
    places = {chosen};
  } else {
    const fs::path program = fs::read_symlink("/proc/self/exe", ignored);
    if (!program.empty()) places.push_back(program.parent_path().parent_path() / "share" / "wavestride");
    places.insert(places.end(), {WAVESTRIDE_INSTALLED_DATA, WAVESTRIDE_SOURCE_DATA});
  }
  std::string looked;
  for (const fs::path& place : places) {
    const fs::path path = place / name;
    if (fs::is_regular_file(path, ignored)) return path.string();
    looked += (looked.empty() ? "" : ", ") + place.string();
  }
  throw IoError(name, "not found in " + looked + "; set WAVESTRIDE_DATA to the directory that holds it");
}

Model default_vocoder() {
  return load_model(data_file(default_vocoder_file));
}

}  // namespace wavestride
