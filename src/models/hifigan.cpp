// HiFi-GAN (Kong et al. 2020) and the generators that others made of it: the same network under other names,
// with other paddings.
#include "models/hifigan.h"

#include <wavestride/activation.h>
#include <wavestride/compose.h>
#include <wavestride/conv_transpose1d.h>

#include "models/pwg.h"

namespace wavestride::models {
namespace {

/// Where a recipe keeps the layers: {i} counts stages, {n} residual blocks, {m} the layers of one.
struct Spelling {
  const char* name;
  const char *pre, *up, *convs1, *convs2;
  const char* convs;  ///< of blocks with one convolution per dilation
  const char* post;
  const char* type;    ///< of residual blocks, where the config need not say
  bool all_dilations;  ///< a block has a layer for each; others read three of type 1, two of type 2, no more
  /// Transposed convolutions pad by stride/2 rounded up, and append what that takes off; the config says how
  /// large the first and the last kernel are; outputs of more than one channel are subbands.
  bool pwg;
  bool causal;
  PadMode padding;
  const char* activations = nullptr;  ///< of blocks, where they are learned
};

constexpr Spelling spellings[] = {
    {"HiFi-GAN", "conv_pre", "ups.{i}", "resblocks.{n}.convs1.{m}", "resblocks.{n}.convs2.{m}",
     "resblocks.{n}.convs.{m}", "conv_post", nullptr, false, false, false, PadMode::constant},
    {"Transformers", "conv_pre", "upsampler.{i}", "resblocks.{n}.convs1.{m}", "resblocks.{n}.convs2.{m}",
     "resblocks.{n}.convs.{m}", "conv_post", "1", true, false, false, PadMode::constant},
    {"SpeechBrain", "conv_pre.conv", "ups.{i}.conv", "resblocks.{n}.convs1.{m}.conv",
     "resblocks.{n}.convs2.{m}.conv", "resblocks.{n}.convs.{m}.conv", "conv_post.conv", nullptr, false, false,
     false, PadMode::reflect},
    {"ParallelWaveGAN", "input_conv", "upsamples.{i}.1", "blocks.{n}.convs1.{m}.1", "blocks.{n}.convs2.{m}.1",
     "blocks.{n}.convs1.{m}.1", "output_conv.1", "1", true, true, false, PadMode::constant},
    {"ParallelWaveGAN, causal", "input_conv.conv", "upsamples.{i}.1.deconv", "blocks.{n}.convs1.{m}.1.conv",
     "blocks.{n}.convs2.{m}.1.conv", "blocks.{n}.convs1.{m}.1.conv", "output_conv.1.conv", "1", true, true,
     true, PadMode::constant},
    {"BigVGAN", "conv_pre", "ups.{i}.0", "resblocks.{n}.convs1.{m}", "resblocks.{n}.convs2.{m}",
     "resblocks.{n}.convs.{m}", "conv_post", nullptr, false, false, false, PadMode::constant,
     "resblocks.{n}.activations.{m}"},
};

struct Found {
  const Spelling* spelling;
  std::vector<std::string> anchors;  ///< layers that it has for certain
  Index in, outputs;                 ///< channels of its first and last convolution
};

std::optional<Found> find(const TensorFile& file) {
  for (const Spelling& s : spellings)
    for (const char* block : {s.convs1, s.convs}) {
      const std::vector<std::string> anchors{s.pre, layer_name(s.up, 0), layer_name(block, 0), s.post};
      const auto prefixes = prefixes_of(file, anchors);
      if (prefixes.empty()) continue;
      const auto pre = weight_shape(file, prefixes.front() + s.pre),
                 post = weight_shape(file, prefixes.front() + s.post);
      if (pre->size() == 3 && post->size() == 3) return Found{&s, anchors, (*pre)[1], (*post)[0]};
    }
  return {};
}

constexpr Keys rate_keys{"upsample_rates",         "upsample_scales",         "upsample_factors",
                         "upsample_rates_decoder", "decoder_upsample_scales", "generator_upsample_scales"};
constexpr Keys kernel_keys{"upsample_kernel_sizes", "upsample_kernal_sizes", "upsample_kernel_sizes_decoder",
                           "decoder_upsample_kernel_sizes", "generator_upsample_kernel_sizes"};
constexpr Keys channel_keys{"upsample_initial_channel", "channels", "upsample_initial_channel_decoder",
                            "decoder_channels", "generator_channels"};
constexpr Keys block_kernel_keys{"resblock_kernel_sizes", "resblock_kernel_sizes_decoder",
                                 "decoder_resblock_kernel_sizes", "generator_resblock_kernel_sizes"};
constexpr Keys dilation_keys{"resblock_dilation_sizes", "resblock_dilations",
                             "resblock_dilation_sizes_decoder", "decoder_resblock_dilations",
                             "generator_resblock_dilations"};
constexpr Keys type_keys{"resblock", "resblock_type", "resblock_type_decoder"};

/// Where configs of larger models keep the sizes of their vocoder.
constexpr const char* sections[] = {"",
                                    "model",
                                    "generator_params",
                                    "generator_model_params",
                                    "model_args",
                                    "generator",
                                    "tts_conf.generator_params",
                                    "tts_conf.vocoder_params",
                                    "vocoder_config"};

}  // namespace

Config hifigan_settings(const Config& config) {
  for (const char* path : sections)
    if (const auto section = config.descend(path); section && section->has(rate_keys)) return *section;
  // Piper's voices name a size instead.
  if (config.has({"audio"}) && config.has({"phoneme_id_map"})) {
    const Config audio = config.section({"audio"});
    const std::string quality = audio.text({"quality"});
    const char* size = quality == "high" ? "hifigan-v1" : "hifigan-v3";
    if (quality != "high" && quality != "medium" && quality != "low" && quality != "x_low")
      audio.refuse(audio.name({"quality"}), " must be high, medium, low or x_low, is \"", quality, "\"");
    return audio.with(named_config(size)->json());
  }
  // XTTS has its sizes in the code.
  if (config.has({"model"}) && *config.find({"model"}) == "xtts")
    return config.with(named_config("hifigan-v1")->json());
  config.refuse("says nothing of ", config.name(rate_keys),
                "; name a config of this network: ", joined(named_configs()));
}

namespace {

/// Whether the residual blocks have a second convolution for every dilation, as the config says.
bool second_convolutions(const Config& c, const Spelling& s) {
  if (const Keys k{"use_additional_convs", "generator_use_additional_convs"}; c.has(k)) return c.flag(k);
  if (!c.has(type_keys) && s.type != nullptr) return std::string_view(s.type) == "1";
  const Json* type = c.find(type_keys);
  if (type != nullptr && (*type == "1" || *type == 1)) return true;
  if (type != nullptr && (*type == "2" || *type == 2)) return false;
  c.refuse(c.name(type_keys), " must be \"1\" or \"2\"");
}

float slope_of(const Config& c) {
  constexpr float lrelu_slope = 0.1f;  // in the code of all these recipes
  if (c.has({"leaky_relu_slope"})) return static_cast<float>(c.number({"leaky_relu_slope"}));
  return activation_slope(c, lrelu_slope);
}

Op upsampler(const ModelFile& file, const Config& c, const Spelling& s, const LayerWeights& w, Index rate) {
  const Index kernel = w.weight.shape[2], odd = rate % 2;
  if (kernel < rate) c.refuse(c.name(kernel_keys), " must not be below ", c.name(rate_keys));
  if (s.causal && kernel != 2 * rate)
    c.refuse(c.name(kernel_keys), " of a causal network must be twice ", c.name(rate_keys));
  if (s.causal) return causal_conv_transpose(w, rate, causal_start(file.config()));
  if (s.pwg)
    return op::conv_transpose1d(w.weight, w.bias,
                                {.stride = rate, .padding = rate / 2 + odd, .output_padding = odd});
  return op::conv_transpose1d(w.weight, w.bias, {.stride = rate, .padding = (kernel - rate) / 2});
}

/// What the config says of the layers.
struct Sizes {
  std::vector<Index> rates, kernels, block_kernels;
  std::vector<std::vector<Index>> dilations;
  Index channels, end_kernel;
  bool twice;  ///< residual blocks have a second convolution for every dilation
  float slope;
  std::string widths, ups, ends, blocks;  ///< the keys that say sizes, for complaints
};

/// Lists may go on behind what a kernel of residual blocks has taken: a layer that the file has all the same
/// is another recipe's, which reads the list to its end.
void cut_dilations(const ModelFile& file, const Spelling& s, Sizes& sizes) {
  if (s.all_dilations) return;
  const std::size_t read = sizes.twice ? 3 : 2;
  for (std::size_t j = 0; j < sizes.block_kernels.size(); ++j)
    for (auto& list = sizes.dilations[j]; list.size() > read; list.pop_back())
      if (file.holds(layer_name(sizes.twice ? s.convs1 : s.convs, j, list.size() - 1))) break;
}

Sizes sizes_of(const ModelFile& file, const Config& c, const Spelling& s) {
  constexpr Index most_channels = 1 << 16, most_kernel = 1 << 10, most_dilation = 1 << 10;
  constexpr std::size_t most_listed = 16;
  Sizes sizes;
  sizes.rates = c.integers(rate_keys, 1, most_listed, 1, 1 << 10);
  // Lists may go on behind what a rate has taken.
  sizes.kernels = c.integers(kernel_keys, sizes.rates.size(), most_listed, 1, 1 << 12);
  sizes.block_kernels = c.integers(block_kernel_keys, 1, most_listed, 1, most_kernel);
  for (const Index kernel : sizes.block_kernels)
    if (kernel % 2 == 0)
      c.refuse(c.name(block_kernel_keys), " must hold odd numbers, holds ", kernel,
               ": what a residual block adds must be as long as what it reads");
  sizes.dilations = c.integer_lists(dilation_keys, sizes.block_kernels.size(), most_listed, 1, most_dilation);
  sizes.channels = c.integer(channel_keys, Index{1} << sizes.rates.size(), most_channels);
  // Elsewhere a key of this name is another layer's.
  const Keys end_keys{"kernel_size", "decoder_kernel_size", "generator_kernel_size"};
  const bool says_ends = s.pwg && c.has(end_keys);
  sizes.end_kernel = says_ends ? c.integer(end_keys, 1, most_kernel) : 7;
  if (sizes.end_kernel % 2 == 0) c.refuse(c.name(end_keys), " must be odd, is ", sizes.end_kernel);
  sizes.twice = second_convolutions(c, s);
  if (sizes.twice != file.holds(layer_name(s.convs2, 0)))
    c.refuse(c.name(type_keys), " says residual blocks of type ", sizes.twice ? "1" : "2",
             ", the file holds ", sizes.twice ? "no" : "a", " layer \"", layer_name(s.convs2, 0), "\"");
  sizes.slope = slope_of(c);
  sizes.widths = c.name(channel_keys);
  sizes.ups = sizes.widths + " and " + c.name(kernel_keys);
  sizes.ends = sizes.widths + (says_ends ? " and " + c.name(end_keys) : "");
  sizes.blocks = c.name(block_kernel_keys) + " and " + c.name(dilation_keys);
  cut_dilations(file, s, sizes);
  return sizes;
}

/// The first or the last convolution.
Op end_conv(const Spelling& s, const LayerWeights& w) {
  const Index reach = w.weight.shape[2] - 1;
  return op::conv1d(
      w.weight, w.bias,
      {.padding = s.causal ? ConvPadding(reach, 0) : ConvPadding(reach / 2), .padding_mode = s.padding});
}

/// residual_block() with activations of its own, counted by their places.
Op learned_block(const ResidualBlockWeights& weights, const std::vector<Index>& dilations,
                 const std::function<Op(std::size_t)>& activation) {
  std::vector<Op> sums;
  for (std::size_t m = 0, place = 0; m < dilations.size(); ++m) {
    const auto conv = [](const LayerWeights& w, Index dilation) {
      return op::conv1d(w.weight, w.bias,
                        {.padding = (w.weight.shape[2] - 1) * dilation / 2, .dilation = dilation});
    };
    std::vector<Op> branch{activation(place++), conv(weights.convs1[m], dilations[m])};
    if (!weights.convs2.empty())
      branch.insert(branch.end(), {activation(place++), conv(weights.convs2[m], 1)});
    sums.push_back(residual(Stack(branch)));
  }
  return Stack(sums, "residual_block");
}

/// Of all layers but the last: BigVGAN always has biases, recipes of HiFi-GAN may do without.
Bias bias_of(const Spelling& s) {
  return s.activations != nullptr ? Bias::required : Bias::optional;
}

/// Residual block n, which has kernel j of the list.
Op block_op(ModelFile& file, const Spelling& s, const Sizes& sizes, const LearnedActivation& learned,
            Index channels, std::size_t n, std::size_t j) {
  const std::vector<Index> shape{channels, channels, sizes.block_kernels[j]};
  ResidualBlockWeights block;
  for (std::size_t m = 0; m < sizes.dilations[j].size(); ++m) {
    const auto conv = [&](const char* pattern) {
      return file.conv(layer_name(pattern, n, m), shape, bias_of(s), sizes.blocks);
    };
    block.convs1.push_back(conv(sizes.twice ? s.convs1 : s.convs));
    if (sizes.twice) block.convs2.push_back(conv(s.convs2));
  }
  if (learned)
    return learned_block(block, sizes.dilations[j],
                         [&](std::size_t m) { return learned(layer_name(s.activations, n, m), channels); });
  return residual_block(block, {.dilations = sizes.dilations[j],
                                .negative_slope = sizes.slope,
                                .padding_mode = s.padding,
                                .causal = s.causal});
}

/// The statistics that Transformers keep beside the weights, where the config wants them applied.
StackBuilder::Value normalised_input(ModelFile& file, const Config& c, StackBuilder& b, Index in) {
  const auto x = b.input(in);
  if (!file.holds_tensor("scale") || !file.holds_tensor("mean") || !c.has({"normalize_before"})) return x;
  const Tensor mean = file.tensor("mean", {in}), scale = file.tensor("scale", {in});
  return c.flag({"normalize_before"}) ? b.apply(normalise(mean.data, scale.data), {x}) : x;
}

}  // namespace

HifiganOutputs hifigan_outputs(const TensorFile& file) {
  const auto found = find(file);
  if (!found) return {};
  return {found->outputs, found->outputs == 1 || found->spelling->pwg,
          found->spelling->activations != nullptr};
}

HifiganTrunk hifigan_trunk(ModelFile& file, StackBuilder& b, const LearnedActivation& learned) {
  const Found found = *find(file.tensors());
  const Spelling& s = *found.spelling;
  file.locate(found.anchors);
  if (const char* source = "m_source.l_linear"; file.holds(source))
    file.refuse("holds a network with a source of sines (\"", source,
                "\"), which takes F0 beside its features: such are not supported");
  const Config c = hifigan_settings(file.config());
  const Sizes sizes = sizes_of(file, c, s);

  Index channels = sizes.channels;
  auto x = normalised_input(file, c, b, found.in);
  LayerWeights pre = file.conv(s.pre, {channels, found.in, sizes.end_kernel}, bias_of(s), sizes.ends);
  file.add_speaker(pre.bias, channels, {"cond", "cond_layer", "global_conv"});
  x = b.apply(end_conv(s, pre), {x});

  const std::size_t blocks = sizes.block_kernels.size();
  for (std::size_t i = 0; i < sizes.rates.size(); ++i) {
    if (!learned) x = b.apply(op::leaky_relu(channels, sizes.slope), {x});
    LayerWeights up = file.conv_transpose(layer_name(s.up, i), {channels, channels / 2, sizes.kernels[i]},
                                          bias_of(s), sizes.ups);
    channels /= 2;
    file.add_speaker(up.bias, channels, {message("conds.", i)});
    x = b.apply(upsampler(file, c, s, up, sizes.rates[i]), {x});
    std::vector<StackBuilder::Value> branches;
    for (std::size_t j = 0; j < blocks; ++j)
      branches.push_back(b.apply(block_op(file, s, sizes, learned, channels, i * blocks + j, j), {x}));
    x = b.apply(op::mean(channels, static_cast<Index>(blocks)), branches);
  }
  constexpr float last_slope = 0.01f;  // PyTorch's default, which the original left as it was
  x = b.apply(learned ? learned("activation_post", channels) : op::leaky_relu(channels, last_slope), {x});
  Index hop = 1;
  for (const Index rate : sizes.rates) hop = std::min<Index>(hop * rate, 1 << 24);
  const LayerWeights post =
      file.conv(s.post, {found.outputs, channels, sizes.end_kernel}, Bias::optional, sizes.ends);
  return {found.in, hop, c.name(rate_keys), x, end_conv(s, post)};
}

namespace {

Network build(ModelFile& file) {
  StackBuilder b("hifigan");
  const HifiganTrunk trunk = hifigan_trunk(file, b);
  const Index outputs = trunk.head.out_channels();
  std::vector<Op> ops{trunk.head, op::tanh(outputs)};
  if (outputs > 1) ops.push_back(joined_subbands(file.config(), outputs));
  return {b.build({b.chain(trunk.x, ops)}), features_of(file, trunk.in, trunk.hop * outputs, trunk.hop_by)};
}

bool recognises(const TensorFile& file) {
  const HifiganOutputs outputs = hifigan_outputs(file);
  return outputs.waveform && !outputs.learned_activations;
}

}  // namespace

const Architecture hifigan{"hifigan", recognises, build};

}  // namespace wavestride::models
