#include "models/wavenet_files.h"

#include <wavestride/conv_transpose1d.h>
#include <wavestride/pad1d.h>

#include "check.h"
#include "models/melgan.h"

namespace wavestride::models {

const WavenetSpelling parallel_wavegan_spelling{"conv1x1_aux",
                                                nullptr,
                                                {"skip_channels"},
                                                {"aux_channels"},
                                                {"aux_context_window"},
                                                {"use_causal_conv"},
                                                {"nonlinear_activation", "upsample_activation"},
                                                {"nonlinear_activation_params", "upsample_activation_params"},
                                                true};
const WavenetSpelling wavenet_spelling{
    "conv1x1c",  "conv1x1g", {"skip_out_channels"},   {"cin_channels"},
    {"cin_pad"}, {},         {"upsample_activation"}, {"upsample_activation_params"},
    false};

namespace {

constexpr Index most_channels = 1 << 16, most_layers = 1 << 10, most_reach = 1 << 18, most_hop = 1 << 16;

/// Memory that a stream may take by sizes which no tensor in the file vouches for.
constexpr Index most_bytes = 1 << 28;

/// Throws IoError where so many frames of so many channels take more than that. `what`: of them, and by which
/// keys of the config.
template <class... What>
void require_room(const Config& c, Index frames, Index channels, const What&... what) {
  const double bytes = 4.0 * static_cast<double>(frames) * static_cast<double>(channels);
  if (bytes > most_bytes)
    c.refuse(what..., " take ", static_cast<Index>(std::ceil(bytes / (1 << 20))),
             " MiB in a stream; at most ", most_bytes >> 20, " are allowed");
}

/// The slope of the activation behind every upsampling layer, where there is one.
std::optional<float> slope_of(const Config& up, const WavenetSpelling& s) {
  if (!up.has(s.activation)) return {};
  const std::string name = up.text(s.activation);
  if (name == "none") return {};
  if (name == "ReLU") return 0.0f;
  if (name != "LeakyReLU")
    up.refuse(up.name(s.activation), " must be none, ReLU or LeakyReLU, is \"", name, "\"");
  constexpr float default_slope = 0.01f;  // PyTorch's
  if (!up.has(s.activation_parameters)) return default_slope;
  const Config parameters = up.section(s.activation_parameters);
  return parameters.has({"negative_slope"}) ? static_cast<float>(parameters.number({"negative_slope"}))
                                            : default_slope;
}

/// The network without conv_in on features that were padded by `context` frames: the padding becomes
/// waveform like the rest, and is cut off.
Op cropped(const Op& network, Index channels, Index context, Index hop) {
  const Tensor one({channels, 1, 1}, std::vector<float>(static_cast<std::size_t>(channels), 1.0f));
  return Stack({op::pad1d(channels, {context, context, PadMode::replicate}), network,
                op::conv_transpose1d(one, {}, {.padding = context * hop, .groups = channels})},
               "upsample_network");
}

/// The filters of an upsampling network, whose activations count as layers between them.
std::vector<Tensor> up_layers(ModelFile& file, const Config& up, const std::string& prefix,
                              const UpsampleNetworkOptions& options, const std::string& by) {
  const Keys bins_keys{"freq_axis_kernel_size"};
  const Index bins = up.has(bins_keys) ? up.integer(bins_keys, 1, 1 << 10) : 1;
  const Index step = options.negative_slope ? 3 : 2;
  std::vector<Tensor> filters;
  for (std::size_t i = 0; i < options.scales.size(); ++i)
    filters.push_back(file.conv(message(prefix, "up_layers.", 1 + static_cast<Index>(i) * step),
                                {1, 1, bins, 2 * options.scales[i] + 1}, Bias::none, by)
                          .weight);
  return filters;
}

}  // namespace

std::vector<std::string> wavenet_anchors(const char* aux) {
  return {"first_conv", message("conv_layers.0.", aux), "conv_layers.0.conv1x1_skip", "last_conv_layers.3"};
}

bool holds_wavenet(const TensorFile& file, const char* aux) {
  return !prefixes_of(file, wavenet_anchors(aux)).empty();
}

WavenetWeights wavenet_weights(ModelFile& file, const Config& c, const WavenetSpelling& s, Index inputs,
                               Index outputs, WavenetOptions& options) {
  const Keys layer_keys{"layers", "num_res_blocks"}, residual_keys{"residual_channels", "res_channels"};
  const Index layers = c.integer(layer_keys, 1, most_layers), stacks = c.integer({"stacks"}, 1, layers);
  const Index residual = c.integer(residual_keys, 1, most_channels),
              gate = c.integer({"gate_channels"}, 2, most_channels),
              skip = c.integer(s.skip_channels, 1, most_channels),
              features = c.integer(s.feature_channels, 1, most_channels),
              kernel = c.integer({"kernel_size"}, 1, 1 << 10);
  if (gate % 2 != 0) c.refuse(c.name({"gate_channels"}), " must be even, is ", gate);
  options.dilations = wavenet_dilations(layers, stacks);
  Index reach = 0;  // dilations take memory that no tensor in the file vouches for
  for (const Index d : options.dilations)
    reach = std::min(reach + (kernel - 1) * std::min(d, most_reach), 2 * most_reach);
  if (reach > most_reach)
    c.refuse(c.name(layer_keys), ", ", c.name({"stacks"}), " and ", c.name({"kernel_size"}),
             " must reach back to at most ", most_reach, " samples");
  require_room(c, reach, residual + skip + features, c.name(layer_keys), " and ", c.name({"stacks"}),
               " reach back to ", reach, " samples, which with ", c.name(residual_keys), ", ",
               c.name(s.skip_channels), " and ", c.name(s.feature_channels));
  const std::string r = c.name(residual_keys), g = c.name({"gate_channels"}), k = c.name(s.skip_channels),
                    f = c.name(s.feature_channels);
  const auto conv = [&](const std::string& name, std::vector<Index> shape, const std::string& by) {
    return file.conv(name, shape, Bias::optional, by);
  };
  WavenetWeights w;
  w.first_conv = conv("first_conv", {residual, inputs, 1}, r);
  for (Index i = 0; i < layers; ++i) {
    const std::string name = message("conv_layers.", i, ".");
    WavenetBlockWeights block{
        conv(name + "conv", {gate, residual, kernel}, g + " and " + c.name({"kernel_size"})),
        conv(name + s.aux, {gate, features, 1}, g + " and " + f),
        conv(name + "conv1x1_skip", {skip, gate / 2, 1}, k),
        conv(name + "conv1x1_out", {residual, gate / 2, 1}, r)};
    if (s.speaker != nullptr) file.add_speaker(block.conv.bias, gate, {name + s.speaker});
    w.conv_layers.push_back(std::move(block));
  }
  w.last_conv_layers_1 = conv("last_conv_layers.1", {skip, skip, 1}, k);
  w.last_conv_layers_3 = conv("last_conv_layers.3", {outputs, skip, 1}, c.name({"out_channels"}));
  return w;
}

namespace {

constexpr Keys scale_keys{"upsample_scales", "upsample_factors"};

/// Coqui's stand in no section of their own.
Config upsampling_settings(const Config& c) {
  return c.has({"upsample_params"}) ? c.section({"upsample_params"}) : c;
}

}  // namespace

std::string upsampling_keys(const Config& c) {
  return upsampling_settings(c).name(scale_keys);
}

Op upsample_net(ModelFile& file, const Config& c, const WavenetSpelling& s, bool causal) {
  if (c.has({"upsample_conditional_features"}) && !c.flag({"upsample_conditional_features"}))
    c.refuse(c.name({"upsample_conditional_features"}), " must be true: features come at the rate of frames");
  const std::string kind = c.text({"upsample_net"});
  const Index features = c.integer(s.feature_channels, 1, most_channels),
              context = c.integer(s.context, 0, 1 << 10);
  const Config up = upsampling_settings(c);
  if (s.melgan && kind == "MelGANGenerator") {
    if (context != 0) c.refuse(c.name(s.context), " of a MelGANGenerator must be 0, is ", context);
    return pwg_melgan(file, "upsample_net.", up, features);
  }
  const bool conv_in = kind == "ConvInUpsampleNetwork";
  if (!conv_in && kind != "UpsampleNetwork")
    c.refuse(c.name({"upsample_net"}), " must be ConvInUpsampleNetwork", s.melgan ? ", MelGANGenerator" : "",
             " or UpsampleNetwork, is \"", kind, "\"");
  for (const char* key : {"mode", "interpolate_mode"})
    if (up.has({key}) && up.text({key}) != "nearest")
      up.refuse(up.name({key}), " must be nearest, is \"", up.text({key}), "\"");
  UpsampleNetworkOptions options{.channels = features,
                                 .scales = up.integers(scale_keys, 1, 16, 1, 1 << 10),
                                 .causal = causal,
                                 .negative_slope = slope_of(up, s)};
  Index hop = 1;
  for (const Index scale : options.scales) hop = std::min(hop * scale, most_hop + 1);
  if (hop > most_hop) up.refuse(up.name(scale_keys), " must multiply to at most ", most_hop);
  require_room(c, hop, features, up.name(scale_keys), " make ", hop, " samples of a frame, which with ",
               c.name(s.feature_channels));
  UpsampleNetworkWeights weights;
  if (conv_in)
    weights.conv_in = file.conv("upsample_net.conv_in",
                                {options.channels, options.channels, causal ? context + 1 : 2 * context + 1},
                                Bias::optional, c.name(s.feature_channels) + " and " + c.name(s.context));
  weights.up_layers =
      up_layers(file, up, conv_in ? "upsample_net.upsample." : "upsample_net.", options, up.name(scale_keys));
  if (conv_in) return conv_in_upsample_network(weights, options);
  const Op network = upsample_network(weights, options);
  return context > 0 ? cropped(network, options.channels, context, hop) : network;
}

}  // namespace wavestride::models
