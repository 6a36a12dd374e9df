// Vocos (Siuzdak 2023): ConvNeXt blocks at the rate of the frames, then an inverse STFT. Of mel frames, or of
// the codes that EnCodec (Défossez et al. 2022) makes of sound.
#include <wavestride/activation.h>
#include <wavestride/conv1d.h>
#include <wavestride/embedding.h>
#include <wavestride/norm.h>
#include <wavestride/stack.h>

#include <algorithm>
#include <cmath>

#include "models/architecture.h"
#include "models/spectrum.h"

namespace wavestride::models {
namespace {

constexpr const char* codebook_table = "feature_extractor.codebook_weights";

const std::vector<std::string> anchors{"backbone.embed", "backbone.convnext.0.dwconv",
                                       "backbone.convnext.0.pwconv1", "head.out"};

constexpr Index kernel = 7;  // in the code of the original

/// EnCodec's frames at 24 kHz. A code has 10 bits, 75 times a second.
constexpr Index encodec_rate = 24'000, encodec_hop = 320, encodec_codes = 1024;
constexpr double code_kbps = 0.75, most_kbps = 24;

/// Codes that the network takes, at the bandwidth chosen.
struct Codes {
  Index per_frame, most_per_frame;
  Index bandwidth, bandwidths;  // its place among so many
  std::string by;               // the key of the config that lists these
};

std::optional<Codes> codes_of(ModelFile& file, const Config& config) {
  const auto extractor = config.descend("feature_extractor");
  if (!extractor || !extractor->has({"class_path"}) ||
      !extractor->text({"class_path"}).ends_with("EncodecFeatures"))
    return {};
  const Config settings = extractor->has({"init_args"}) ? extractor->section({"init_args"}) : *extractor;
  if (const Keys model{"encodec_model"}; settings.has(model) && settings.text(model) != "encodec_24khz")
    settings.refuse(settings.name(model), " must be encodec_24khz, is \"", settings.text(model), "\"");
  const Keys list{"bandwidths"};
  std::vector<double> known{1.5, 3, 6, 12};  // in the code of the original
  if (settings.has(list)) known = settings.numbers(list, 1, 64, code_kbps, most_kbps);
  const double most = *std::ranges::max_element(known);
  const auto codes_at = [](double kbps) { return static_cast<Index>(std::floor(kbps / code_kbps)); };
  const double chosen = file.bandwidth_kbps(known, codes_at, file.holds_tensor(codebook_table));
  const auto at = std::ranges::find(known, chosen);
  return Codes{codes_at(chosen), codes_at(most), at - known.begin(), std::ssize(known), settings.name(list)};
}

/// The rows of AdaLayerNorm's tables, and which of them counts; none where norms are plain.
struct Condition {
  Index rows = 0, chosen = 0;
  std::string by = {};  // the keys of the config that call for them
};

Condition condition_of(const ModelFile& file, const Config& backbone, const std::optional<Codes>& codes) {
  const Keys k{"adanorm_num_embeddings"};
  if (const char* table = "backbone.norm.scale.weight"; !backbone.has(k) && file.holds_tensor(table))
    backbone.refuse("says nothing of ", backbone.name(k), ", the file holds a tensor \"", table, '"');
  if (!backbone.has(k)) return {};
  const Index rows = backbone.integer(k, 1, 1024);
  if (!codes)
    backbone.refuse(backbone.name(k), ": norms of several conditions (AdaLayerNorm) are supported for the ",
                    "bandwidths of EncodecFeatures alone");
  if (rows < codes->bandwidths)
    backbone.refuse(backbone.name(k), " must be ", codes->bandwidths, " or more, for ", codes->by, ", is ",
                    rows);
  return {rows, codes->bandwidth, backbone.name(k) + " and " + backbone.name({"dim"})};
}

Op norm(ModelFile& file, const std::string& name, Index dim, const std::string& by,
        const Condition& condition = {}) {
  constexpr float eps = 1e-6f;
  if (condition.rows == 0) {
    const Tensor weight = file.tensor(name + ".weight", {dim}, by);
    return op::layer_norm(dim, weight.data, file.tensor(name + ".bias", {dim}, by).data, eps);
  }
  const auto row = [&](const char* table) {
    const Tensor t = file.tensor(name + table, {condition.rows, dim}, condition.by);
    const float* first = t.data.data() + condition.chosen * dim;
    return std::vector<float>(first, first + dim);
  };
  const std::vector<float> scale = row(".scale.weight");
  return op::layer_norm(dim, scale, row(".shift.weight"), eps);
}

Op linear(ModelFile& file, const std::string& name, Index from, Index to, const std::string& by) {
  const LayerWeights w = file.conv(name, {to, from}, Bias::required, by);
  return op::linear(w.weight, w.bias);
}

/// What a block adds to its input.
std::vector<Op> convnext_block(ModelFile& file, const std::string& name, Index dim, Index inner,
                               const std::string& by, const Condition& condition) {
  const LayerWeights depthwise = file.conv(name + ".dwconv", {dim, 1, kernel}, Bias::required, by);
  std::vector<Op> block{op::conv1d(depthwise.weight, depthwise.bias, {.padding = kernel / 2, .groups = dim}),
                        norm(file, name + ".norm", dim, by, condition),
                        linear(file, name + ".pwconv1", dim, inner, by), op::gelu(inner),
                        linear(file, name + ".pwconv2", inner, dim, by)};
  if (file.holds_tensor(name + ".gamma"))  // none where layer_scale_init_value was 0
    block.push_back(op::channel_scale(file.tensor(name + ".gamma", {dim}, by).data));
  return block;
}

StftOptions inverse_of(ModelFile& file, const Config& head) {
  StftOptions inverse{.n_fft = head.integer({"n_fft"}, 2, 1 << 16)};
  inverse.hop_length = head.integer({"hop_length"}, 1, inverse.n_fft);
  const std::string padding = head.has({"padding"}) ? head.text({"padding"}) : "same";
  if (padding == "same") {
    inverse.center = false;
    inverse.pad_left = inverse.pad_right = (inverse.n_fft - inverse.hop_length) / 2;
  } else if (padding != "center") {
    head.refuse(head.name({"padding"}), " must be center or same, is \"", padding, "\"");
  }
  if (file.holds_tensor("head.istft.window"))
    inverse.window = file.tensor("head.istft.window", {inverse.n_fft}, head.name({"n_fft"})).data;
  return inverse;
}

/// The rows that stand for codes, those of a frame summed. Nothing where the file leaves that to its caller.
std::optional<Op> codebooks(ModelFile& file, const Codes& codes, Index dim, const std::string& by) {
  if (!file.holds_tensor(codebook_table)) return {};
  Tensor rows =
      file.tensor(codebook_table, {encodec_codes * codes.most_per_frame, dim}, codes.by + " and " + by);
  rows.shape[0] = encodec_codes * codes.per_frame;
  rows.data.resize(static_cast<std::size_t>(rows.shape[0] * dim));
  return op::embedding(rows, codes.per_frame);
}

/// Of its codes, or of what stands for them.
Features features_of_encodec(Index channels, bool embedded) {
  Features f =
      features_of_codes("EnCodec", encodec_rate, encodec_hop, channels, embedded ? 0 : encodec_codes);
  if (embedded) f.no_analysis = "it takes the summed embeddings of EnCodec's codes, no mel frames";
  return f;
}

Network build(ModelFile& file) {
  constexpr Index most_channels = 1 << 14;
  file.locate(anchors, {"backbone.", "head."});
  // The repository trains by a config in which the network is one of many settings.
  const auto training = file.config().descend("model.init_args");
  const Config& config = training && training->has({"backbone"}) ? *training : file.config();
  const Config backbone = config.section({"backbone"}).section({"init_args"}),
               heads = config.section({"head"}), head = heads.section({"init_args"});
  const Keys path{"class_path"};
  if (const std::string kind = heads.has(path) ? heads.text(path) : ""; kind.find("IMDCT") != kind.npos)
    heads.refuse(heads.name(path), ": heads of an IMDCT are not supported, this is \"", kind, '"');
  const std::optional<Codes> codes = codes_of(file, config);
  const Condition condition = condition_of(file, backbone, codes);
  const Index in = backbone.integer({"input_channels"}, 1, most_channels),
              dim = backbone.integer({"dim"}, 1, most_channels),
              inner = backbone.integer({"intermediate_dim"}, 1, most_channels),
              layers = backbone.integer({"num_layers"}, 1, 256);
  const std::string in_name = backbone.name({"input_channels"}),
                    in_dim = in_name + " and " + backbone.name({"dim"}),
                    dims = backbone.name({"dim"}) + " and " + backbone.name({"intermediate_dim"});
  StackBuilder b("vocos");
  const LayerWeights embed = file.conv("backbone.embed", {dim, in, kernel}, Bias::required, in_dim);
  std::vector<Op> start{op::conv1d(embed.weight, embed.bias, {.padding = kernel / 2}),
                        norm(file, "backbone.norm", dim, dims, condition)};
  const auto embedding = codes ? codebooks(file, *codes, in, in_name) : std::nullopt;
  if (embedding) start.insert(start.begin(), *embedding);
  const Index channels = start.front().in_channels();
  auto x = b.chain(b.input(channels), start);
  for (Index i = 0; i < layers; ++i) {
    const std::string name = message("backbone.convnext.", i);
    if (!file.holds(name + ".dwconv"))
      backbone.refuse(backbone.name({"num_layers"}), " is ", layers, ", the file holds no layer \"", name,
                      ".dwconv\"");
    const auto block = convnext_block(file, name, dim, inner, dims, condition);
    x = b.apply(op::add(dim), {x, b.chain(x, block)});
  }
  const Op last = norm(file, "backbone.final_layer_norm", dim, dims);
  const StftOptions inverse = inverse_of(file, head);
  constexpr float most = 100;  // in the code of the original, against peaks
  x = b.chain(x,
              std::vector<Op>{last, linear(file, "head.out", dim, 2 * inverse.bins(), head.name({"n_fft"})),
                              polar_spectrum(inverse.bins(), {.max_magnitude = most}), op::istft(inverse)});
  if (codes && inverse.hop_length != encodec_hop)
    head.refuse(head.name({"hop_length"}), " must be that of EnCodec's frames, ", encodec_hop, ", is ",
                inverse.hop_length);
  return {b.build({x}), codes ? features_of_encodec(channels, !embedding)
                              : features_of(file, channels, inverse.hop_length, head.name({"hop_length"}))};
}

bool recognises(const TensorFile& file) {
  return !prefixes_of(file, anchors).empty();
}

}  // namespace

const Architecture vocos{"vocos", recognises, build};

}  // namespace wavestride::models
