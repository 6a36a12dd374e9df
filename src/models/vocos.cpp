// Vocos (Siuzdak 2023): ConvNeXt blocks at the rate of the frames, then an inverse STFT.
#include <wavestride/activation.h>
#include <wavestride/conv1d.h>
#include <wavestride/norm.h>
#include <wavestride/stack.h>

#include "models/architecture.h"
#include "models/spectrum.h"

namespace wavestride::models {
namespace {

const std::vector<std::string> anchors{"backbone.embed", "backbone.convnext.0.dwconv",
                                       "backbone.convnext.0.pwconv1", "head.out"};

constexpr Index kernel = 7;  // in the code of the original

Op norm(ModelFile& file, const std::string& name, Index dim, const std::string& by) {
  constexpr float eps = 1e-6f;
  return op::layer_norm(dim, file.tensor(name + ".weight", {dim}, by).data,
                        file.tensor(name + ".bias", {dim}, by).data, eps);
}

Op linear(ModelFile& file, const std::string& name, Index from, Index to, const std::string& by) {
  const LayerWeights w = file.conv(name, {to, from}, Bias::required, by);
  return op::linear(w.weight, w.bias);
}

/// What a block adds to its input.
std::vector<Op> convnext_block(ModelFile& file, const std::string& name, Index dim, Index inner,
                               const std::string& by) {
  const LayerWeights depthwise = file.conv(name + ".dwconv", {dim, 1, kernel}, Bias::required, by);
  std::vector<Op> block{op::conv1d(depthwise.weight, depthwise.bias, {.padding = kernel / 2, .groups = dim}),
                        norm(file, name + ".norm", dim, by), linear(file, name + ".pwconv1", dim, inner, by),
                        op::gelu(inner), linear(file, name + ".pwconv2", inner, dim, by)};
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

Network build(ModelFile& file) {
  constexpr Index most_channels = 1 << 14;
  file.locate(anchors, {"backbone.", "head."});
  // The repository trains by a config in which the network is one of many settings.
  const auto training = file.config().descend("model.init_args");
  const Config& config = training && training->has({"backbone"}) ? *training : file.config();
  const Config backbone = config.section({"backbone"}).section({"init_args"}),
               head = config.section({"head"}).section({"init_args"});
  if (backbone.has({"adanorm_num_embeddings"}))
    backbone.refuse(backbone.name({"adanorm_num_embeddings"}),
                    ": networks of codec tokens (AdaLayerNorm) are not supported");
  const Index in = backbone.integer({"input_channels"}, 1, most_channels),
              dim = backbone.integer({"dim"}, 1, most_channels),
              inner = backbone.integer({"intermediate_dim"}, 1, most_channels),
              layers = backbone.integer({"num_layers"}, 1, 256);
  const std::string in_dim = backbone.name({"input_channels"}) + " and " + backbone.name({"dim"}),
                    dims = backbone.name({"dim"}) + " and " + backbone.name({"intermediate_dim"});
  StackBuilder b("vocos");
  const LayerWeights embed = file.conv("backbone.embed", {dim, in, kernel}, Bias::required, in_dim);
  auto x = b.chain(b.input(in), std::vector{op::conv1d(embed.weight, embed.bias, {.padding = kernel / 2}),
                                            norm(file, "backbone.norm", dim, dims)});
  for (Index i = 0; i < layers; ++i) {
    const auto block = convnext_block(file, message("backbone.convnext.", i), dim, inner, dims);
    x = b.apply(op::add(dim), {x, b.chain(x, block)});
  }
  const Op last = norm(file, "backbone.final_layer_norm", dim, dims);
  const StftOptions inverse = inverse_of(file, head);
  constexpr float most = 100;  // in the code of the original, against peaks
  x = b.chain(x,
              std::vector<Op>{last, linear(file, "head.out", dim, 2 * inverse.bins(), head.name({"n_fft"})),
                              polar_spectrum(inverse.bins(), {.max_magnitude = most}), op::istft(inverse)});
  return {b.build({x}), features_of(file, in, inverse.hop_length)};
}

bool recognises(const TensorFile& file) {
  return !prefixes_of(file, anchors).empty();
}

}  // namespace

const Architecture vocos{"vocos", recognises, build};

}  // namespace wavestride::models
