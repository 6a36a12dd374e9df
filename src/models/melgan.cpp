// MelGAN (Kumar et al. 2019), full-band, and multi-band with a filter bank behind it (Yang et al. 2020).
#include <wavestride/activation.h>
#include <wavestride/compose.h>
#include <wavestride/conv_transpose1d.h>
#include <wavestride/pqmf.h>

#include "models/architecture.h"
#include "models/pwg.h"

namespace wavestride::models {
namespace {

/// Layers are numbered as the modules of one nn.Sequential, in which paddings of their own count.
struct Spelling {
  const char* name;
  const char* sequence;              ///< in front of the numbers
  Index first;                       ///< number of the first convolution
  const char* conv;                  ///< behind the numbers of convolutions
  const char* transposed;            ///< … of transposed ones
  const char *wide, *narrow, *skip;  ///< layers of a residual stack
  bool causal;
};

constexpr Spelling spellings[] = {
    {"melgan-neurips", "model.", 1, "", "", ".block.2", ".block.4", ".shortcut", false},
    {"ParallelWaveGAN", "melgan.", 1, "", "", ".stack.2", ".stack.4", ".skip_layer", false},
    {"ParallelWaveGAN, causal", "melgan.", 0, ".conv", ".deconv", ".stack.1.conv", ".stack.3", ".skip_layer",
     true},
};

std::string first_conv(const Spelling& s) {
  return message(s.sequence, s.first, s.conv);
}

/// Behind every transposed convolution: its stacks, an activation.
struct Numbering {
  const Spelling& s;
  Index stacks;
  Index up(std::size_t i) const { return s.first + 2 + static_cast<Index>(i) * (2 + stacks); }
  std::string up_name(std::size_t i) const { return message(s.sequence, up(i), s.transposed); }
  std::string stack(std::size_t i, Index j) const { return message(s.sequence, up(i) + 1 + j); }
  /// An activation and, unless convolutions pad by themselves, a padding stand before it.
  std::string last(std::size_t scales) const {
    return message(s.sequence, up(scales) + (s.causal ? 0 : 1), s.conv);
  }
};

const Spelling* spelling_of(const TensorFile& file, std::vector<std::string>& anchors) {
  for (const Spelling& s : spellings) {
    const Numbering number{s, 0};
    anchors = {first_conv(s), number.up_name(0), number.stack(0, 0) + s.wide};
    if (!prefixes_of(file, anchors).empty()) return &s;
  }
  return nullptr;
}

/// The sizes of the original are in its code, but for two.
struct Sizes {
  Index channels, kernel, stack_kernel, stacks;
  std::vector<Index> scales;
  float slope;
  bool tanh;
  std::string widths;  ///< the key that says `channels`, for complaints
};

Sizes sizes_of(const Config& config) {
  if (config.has({"ngf"})) {
    const Index stacks = config.integer({"n_residual_layers"}, 1, 16);
    return {
        16 * config.integer({"ngf"}, 1, 4096), 7, 3, stacks, {8, 8, 2, 2}, 0.2f, true, config.name({"ngf"})};
  }
  const Config c = config.section({"generator_params"});
  Sizes sizes{c.integer({"channels"}, 1, 1 << 16),
              c.integer({"kernel_size"}, 1, 1 << 10),
              c.integer({"stack_kernel_size"}, 1, 64),
              c.integer({"stacks"}, 1, 16),
              c.integers({"upsample_scales"}, 1, 16, 1, 1 << 10),
              static_cast<float>(c.section({"nonlinear_activation_params"}).number({"negative_slope"})),
              !c.has({"use_final_nonlinear_activation"}) || c.flag({"use_final_nonlinear_activation"}),
              c.name({"channels"})};
  if (c.text({"nonlinear_activation"}) != "LeakyReLU")
    c.refuse(c.name({"nonlinear_activation"}), " must be LeakyReLU");
  if (c.text({"pad"}) != "ReflectionPad1d") c.refuse(c.name({"pad"}), " must be ReflectionPad1d");
  if (sizes.channels >> sizes.scales.size() == 0)
    c.refuse(c.name({"channels"}), " must allow halving at every scale");
  return sizes;
}

/// Configs since 0.4.3 mean another cutoff than those before, unless they name it.
PqmfOptions pqmf_of(const Config& config, Index subbands) {
  PqmfOptions o{.subbands = subbands};
  if (!version_at_least(config, 0, 4, 3)) o.cutoff_ratio = 0.15;
  if (!config.has({"pqmf_params"})) return o;
  const Config c = config.section({"pqmf_params"});
  if (c.has({"taps"})) o.taps = c.integer({"taps"}, 1, 1 << 16);
  if (c.has({"cutoff_ratio"})) o.cutoff_ratio = c.number({"cutoff_ratio"});
  if (c.has({"beta"})) o.beta = c.number({"beta"});
  return o;
}

Network build(ModelFile& file) {
  std::vector<std::string> anchors;
  const Spelling& s = *spelling_of(file.tensors(), anchors);
  file.locate(anchors);
  const Config& config = file.config();
  const Sizes sizes = sizes_of(config);
  const Numbering number{s, sizes.stacks};

  const auto conv = [&](const std::string& name, const std::vector<Index>& shape, Index dilation = 1) {
    const LayerWeights w = file.conv(name, shape, Bias::optional, sizes.widths);
    const Index reach = (shape[2] - 1) * dilation;
    return op::conv1d(w.weight, w.bias,
                      {.padding = s.causal ? ConvPadding(reach, 0) : ConvPadding(reach / 2),
                       .dilation = dilation,
                       .padding_mode = PadMode::reflect});
  };
  const std::string last = number.last(sizes.scales.size());
  const auto first_shape = file.shape_of(first_conv(s)), last_shape = file.shape_of(last);
  if (!last_shape || last_shape->size() != 3 || first_shape->size() != 3)
    file.refuse("holds no layer \"", last, "\", the last one by the config's scales and stacks");
  const Index in = (*first_shape)[1], subbands = (*last_shape)[0];
  Index hop = subbands;
  for (const Index scale : sizes.scales) hop = std::min<Index>(hop * scale, 1 << 24);
  const Features features = features_of(file, in, hop);

  StackBuilder b("melgan");
  Index channels = sizes.channels;
  auto x = b.apply(conv(first_conv(s), {channels, in, sizes.kernel}), {b.input(in)});
  for (std::size_t i = 0; i < sizes.scales.size(); ++i) {
    const Index scale = sizes.scales[i], odd = scale % 2;
    x = b.apply(op::leaky_relu(channels, sizes.slope), {x});
    const LayerWeights up =
        file.conv_transpose(number.up_name(i), {channels, channels / 2, 2 * scale}, Bias::optional, "scales");
    x = b.apply(
        s.causal ? causal_conv_transpose(up, scale, causal_start(config))
                 : op::conv_transpose1d(up.weight, up.bias,
                                        {.stride = scale, .padding = scale / 2 + odd, .output_padding = odd}),
        {x});
    channels /= 2;
    Index dilation = 1;
    for (Index j = 0; j < sizes.stacks; ++j, dilation *= sizes.stack_kernel) {
      constexpr Index most_dilation = 1 << 10;
      if (dilation > most_dilation)
        config.refuse("dilations of residual stacks beyond ", most_dilation, " are not supported");
      const std::string stack = number.stack(i, j);
      const Op activation = op::leaky_relu(channels, sizes.slope);
      const auto h = b.chain(
          x, std::vector{activation, conv(stack + s.wide, {channels, channels, sizes.stack_kernel}, dilation),
                         activation, conv(stack + s.narrow, {channels, channels, 1})});
      x = b.apply(op::add(channels), {h, b.apply(conv(stack + s.skip, {channels, channels, 1}), {x})});
    }
  }
  x = b.apply(op::leaky_relu(channels, sizes.slope), {x});
  x = b.apply(conv(last, {subbands, channels, sizes.kernel}), {x});
  if (sizes.tanh) x = b.apply(op::tanh(subbands), {x});
  if (subbands > 1) x = b.apply(op::pqmf_synthesis(pqmf_of(config, subbands)), {x});
  return {b.build({x}), features};
}

bool recognises(const TensorFile& file) {
  std::vector<std::string> anchors;
  return spelling_of(file, anchors) != nullptr;
}

}  // namespace

const Architecture melgan{"melgan", recognises, build};

}  // namespace wavestride::models
