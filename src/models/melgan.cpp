// MelGAN (Kumar et al. 2019), full-band, and multi-band with a filter bank behind it (Yang et al. 2020).
#include "models/melgan.h"

#include <wavestride/activation.h>
#include <wavestride/compose.h>
#include <wavestride/conv_transpose1d.h>
#include <wavestride/pqmf.h>

#include "models/coqui.h"
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
  const char *wide, *narrow, *skip;  ///< layers of residual stack {j} of a scale
  bool causal;
  bool one_module;  ///< all stacks of a scale are one module, else each is one
};

constexpr Spelling spellings[] = {
    {"melgan-neurips", "model.", 1, "", "", ".block.2", ".block.4", ".shortcut", false, false},
    {"ParallelWaveGAN", "melgan.", 1, "", "", ".stack.2", ".stack.4", ".skip_layer", false, false},
    {"ParallelWaveGAN, causal", "melgan.", 0, ".conv", ".deconv", ".stack.1.conv", ".stack.3", ".skip_layer",
     true, false},
    {"Coqui", "layers.", 1, "", "", ".blocks.{j}.2", ".blocks.{j}.4", ".shortcuts.{j}", false, true},
};

/// Names of the layers behind `prefix`: after every transposed convolution come its stacks and an activation.
struct Names {
  const Spelling& s;
  std::string prefix;
  Index stacks;

  std::string first() const { return message(prefix, s.sequence, s.first, s.conv); }
  std::string up(std::size_t i) const { return message(prefix, s.sequence, number(i), s.transposed); }
  std::string stack(std::size_t i, Index j, std::string layer) const {
    constexpr std::string_view place = "{j}";
    if (const auto at = layer.find(place); at != layer.npos) layer.replace(at, place.size(), message(j));
    return message(prefix, s.sequence, number(i) + 1 + (s.one_module ? 0 : j), layer);
  }
  /// An activation and, unless convolutions pad by themselves, a padding stand before it.
  std::string last(std::size_t scales) const {
    return message(prefix, s.sequence, number(scales) + (s.causal ? 0 : 1), s.conv);
  }

 private:
  Index number(std::size_t i) const {
    return s.first + 2 + static_cast<Index>(i) * (2 + (s.one_module ? 1 : stacks));
  }
};

/// Layers that tell a spelling, behind a prefix of their own.
std::vector<std::string> anchors_of(const Spelling& s, const std::string& prefix = {}) {
  const Names names{s, prefix, 0};
  return {names.first(), names.up(0), names.stack(0, 0, s.wide)};
}

const Spelling* spelling_of(const TensorFile& file, const std::string& prefix = {}) {
  for (const Spelling& s : spellings)
    if (!prefixes_of(file, anchors_of(s, prefix)).empty()) return &s;
  return nullptr;
}

struct Sizes {
  Index channels, kernel, stack_kernel, stacks;
  std::vector<Index> scales;
  float slope;
  bool tanh;
  std::string widths, ups;  ///< the keys that say `channels` and `scales`, for complaints
};

constexpr Keys width_keys{"channels", "base_channels"}, scale_keys{"upsample_scales", "upsample_factors"};
constexpr float usual_slope = 0.2f;  // in the code of the original, and of Coqui's

/// Of a section that holds them all.
Sizes listed_sizes(const Config& c) {
  Sizes sizes{c.integer(width_keys, 1, 1 << 16),
              c.integer({"kernel_size", "proj_kernel"}, 1, 1 << 10),
              c.integer({"stack_kernel_size", "res_kernel"}, 1, 64),
              c.integer({"stacks", "num_res_blocks"}, 1, 16),
              c.integers(scale_keys, 1, 16, 1, 1 << 10),
              usual_slope,
              !c.has({"use_final_nonlinear_activation"}) || c.flag({"use_final_nonlinear_activation"}),
              c.name(width_keys),
              c.name(scale_keys)};
  if (sizes.channels >> sizes.scales.size() == 0)
    c.refuse(c.name(width_keys), " must allow halving at every scale");
  return sizes;
}

/// Of a section of ParallelWaveGAN's config, which leaves out what it has from the constructor.
Sizes pwg_sizes(const Config& given) {
  const Config c = given.completed(Json::parse(
      R"({"kernel_size": 7, "channels": 512, "upsample_scales": [8, 8, 2, 2], "stack_kernel_size": 3,
       "stacks": 3, "pad": "ReflectionPad1d"})"));
  Sizes sizes = listed_sizes(c);
  sizes.slope = activation_slope(c, usual_slope);
  if (c.text({"pad"}) != "ReflectionPad1d") c.refuse(c.name({"pad"}), " must be ReflectionPad1d");
  return sizes;
}

/// The sizes of the original are in its code, but for two.
Sizes sizes_of(const Config& config) {
  if (config.has({"ngf"}))
    return {16 * config.integer({"ngf"}, 1, 4096),
            7,
            3,
            config.integer({"n_residual_layers"}, 1, 16),
            {8, 8, 2, 2},
            usual_slope,
            true,
            config.name({"ngf"}),
            {}};
  if (const auto coqui = coqui_generator(config)) return listed_sizes(*coqui);
  return pwg_sizes(config.section({"generator_params"}));
}

/// The network in front of tanh and filter bank.
Op trunk(ModelFile& file, const Spelling& s, const std::string& prefix, const Sizes& sizes, Index outputs) {
  const Config& config = file.config();
  if (!s.causal && sizes.stack_kernel % 2 == 0)
    config.refuse("the kernel of residual stacks that are not causal must be odd, is ", sizes.stack_kernel);
  const Names names{s, prefix, sizes.stacks};
  const auto conv = [&](const std::string& name, const std::vector<Index>& shape, Index dilation = 1) {
    const LayerWeights w = file.conv(name, shape, Bias::optional, sizes.widths);
    const Index reach = (shape[2] - 1) * dilation;
    return op::conv1d(w.weight, w.bias,
                      {.padding = s.causal ? ConvPadding(reach, 0) : ConvPadding(reach / 2),
                       .dilation = dilation,
                       .padding_mode = PadMode::reflect});
  };
  const auto first_shape = file.shape_of(names.first());
  const Index in = first_shape && first_shape->size() == 3 ? (*first_shape)[1] : 1;

  StackBuilder b("melgan");
  Index channels = sizes.channels;
  auto x = b.apply(conv(names.first(), {channels, in, sizes.kernel}), {b.input(in)});
  for (std::size_t i = 0; i < sizes.scales.size(); ++i) {
    const Index scale = sizes.scales[i], odd = scale % 2;
    x = b.apply(op::leaky_relu(channels, sizes.slope), {x});
    const LayerWeights up =
        file.conv_transpose(names.up(i), {channels, channels / 2, 2 * scale}, Bias::optional, sizes.ups);
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
      const Op activation = op::leaky_relu(channels, sizes.slope);
      const auto h = b.chain(
          x, std::vector{activation,
                         conv(names.stack(i, j, s.wide), {channels, channels, sizes.stack_kernel}, dilation),
                         activation, conv(names.stack(i, j, s.narrow), {channels, channels, 1})});
      const Op skip = conv(names.stack(i, j, s.skip), {channels, channels, 1});
      x = b.apply(op::add(channels), {h, b.apply(skip, {x})});
    }
  }
  x = b.apply(op::leaky_relu(channels, sizes.slope), {x});
  x = b.apply(conv(names.last(sizes.scales.size()), {outputs, channels, sizes.kernel}), {x});
  return b.build({x});
}

/// Joins the subbands by the filters that Coqui keeps beside the weights, else by those of the config.
Op synthesis(ModelFile& file, const Spelling& s, Index subbands) {
  const char* filters = "pqmf_layer.G";
  if (!s.one_module) return joined_subbands(file.config(), subbands);
  for (const char* unused : {"pqmf_layer.H", "pqmf_layer.updown_filter"}) file.skip(unused);
  constexpr Index taps = 63;  // in the code of the original
  Tensor bank = file.tensor(filters, {1, subbands, taps});
  bank.shape = {subbands, taps};
  return op::pqmf_synthesis(bank);
}

Network build(ModelFile& file) {
  const Spelling& s = *spelling_of(file.tensors());
  file.locate(anchors_of(s));
  const Sizes sizes = sizes_of(file.config());
  const std::string last = Names{s, "", sizes.stacks}.last(sizes.scales.size());
  const auto last_shape = file.shape_of(last);
  if (!last_shape || last_shape->size() != 3)
    file.refuse("holds no layer \"", last, "\", the last one by the config's scales and stacks");
  const Index subbands = last_shape->front();
  std::vector<Op> ops{trunk(file, s, "", sizes, subbands)};
  if (sizes.tanh) ops.push_back(op::tanh(subbands));
  if (subbands > 1) ops.push_back(synthesis(file, s, subbands));
  const Stack network(ops, "melgan");
  return {network, features_of(file, network.in_channels(), network.rate().den, sizes.ups)};
}

bool recognises(const TensorFile& file) {
  return spelling_of(file) != nullptr;
}

}  // namespace

Op pwg_melgan(ModelFile& file, const std::string& prefix, const Config& params, Index outputs) {
  const Spelling* s = spelling_of(file.tensors(), prefix);
  if (s == nullptr) file.refuse("holds no layers \"", prefix, "melgan\"");
  return trunk(file, *s, prefix, pwg_sizes(params), outputs);
}

const Architecture melgan{"melgan", recognises, build};

}  // namespace wavestride::models
