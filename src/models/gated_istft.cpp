// The library's own vocoder, as examples/train/ trains it.
#include <wavestride/activation.h>
#include <wavestride/conv1d.h>
#include <wavestride/join.h>
#include <wavestride/pixel_shuffle1d.h>
#include <wavestride/stack.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "models/architecture.h"
#include "models/features.h"
#include "models/mel_refinement.h"

namespace wavestride::models {
namespace {

Op conv_op(const LayerWeights& layer, const Conv1dOptions& options = {}) {
  return op::conv1d(layer.weight, layer.bias, options);
}

/// What makes real and imaginary parts, in turn as istft() takes them, of a layer with outputs [log magnitude
/// m; phase p]: (cos p, sin p) = (sin(p + π/2), sin p), so that twice the rows and one product do.
Op polar_output(const LayerWeights& layer, Index channels, Index bins, float max_log_magnitude) {
  const auto rows = [&](Index first, double real_shift) {
    Tensor weight({2 * bins, channels, 1}), bias({2 * bins});
    for (Index row = 0; row < 2 * bins; ++row) {
      const Index from = first + row / 2;
      std::copy_n(layer.weight.data.begin() + from * channels, channels,
                  weight.data.begin() + row * channels);
      const double b = layer.bias[static_cast<std::size_t>(from)];
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

const std::vector<std::string> anchors{"stages.0.0.conv", "stages.0.0.out", "output"};

// Dilations take memory that no tensor in the file vouches for.
constexpr Index most_channels = 4096, most_kernel = 64, most_dilation = 1024;

/// Of a kernel that reads `reach` frames beside its own, `right` of them ahead.
ConvPadding around(Index reach, Index right) {
  return {reach - right, right};
}

/// Frames less the config's "mean", one number for all bands.
StackBuilder::Value centred(const Config& config, StackBuilder& b, StackBuilder::Value mel) {
  if (!config.has({"mean"})) return mel;
  constexpr double most = 1e6;
  const double value = config.number({"mean"});
  if (!(std::abs(value) <= most)) config.refuse("\"mean\" must lie within ±", most, ", is ", value);
  const auto bands = static_cast<std::size_t>(b.channels(mel));
  const std::vector<float> mean(bands, static_cast<float>(value)), one(bands, 1.0f);
  return b.apply(normalise(mean, one), {mel});
}

/// The convolution in front of the first stage.
Op input_op(ModelFile& file, Index bands, Index width) {
  const Config& config = file.config();
  const Index kernel = config.integer({"input_kernel"}, 1, most_kernel);
  const Index right = config.integer({"input_right"}, 0, kernel - 1);
  return conv_op(file.conv("input", {width, bands, kernel}),
                 {.padding = around(kernel - 1, right), .padding_mode = PadMode::replicate});
}

/// The gated dilated blocks of stage i.
StackBuilder::Value gated_blocks(ModelFile& file, const Config& stage, std::size_t i, StackBuilder& b,
                                 StackBuilder::Value x) {
  const Index channels = b.channels(x), kernel = stage.integer({"kernel"}, 1, most_kernel);
  const std::vector<Index> dilations = stage.integers({"dilations"}, 1, 64, 1, most_dilation);
  const std::vector<Index> rights =
      stage.integers({"right"}, dilations.size(), dilations.size(), 0, (kernel - 1) * most_dilation);
  for (std::size_t j = 0; j < dilations.size(); ++j) {
    const std::string name = message("stages.", i, ".", j);
    const Index reach = (kernel - 1) * dilations[j];
    if (rights[j] > reach) stage.refuse(stage.name({"right"}), " must stay within the kernel, ", reach);
    const Op conv = conv_op(file.conv(name + ".conv", {2 * channels, channels, kernel}),
                            {.padding = around(reach, rights[j]), .dilation = dilations[j]});
    const Op out = conv_op(file.conv(name + ".out", {channels, channels, 1}));
    x = b.apply(op::add(channels), {x, b.chain(x, std::vector{conv, op::gated(2 * channels), out})});
  }
  return x;
}

/// Magnitudes and phases of an inverse STFT that makes `samples` of a frame.
StackBuilder::Value spectral_output(ModelFile& file, Index samples, StackBuilder& b, StackBuilder::Value x) {
  const Config& config = file.config();
  const Index n_fft = config.integer({"n_fft"}, 2, 1 << 16), channels = b.channels(x);
  const StftOptions inverse{.n_fft = n_fft, .hop_length = config.integer({"hop"}, 1, n_fft)};
  if (inverse.hop_length != samples)
    config.refuse("\"hop\" must be the hop of the features over all upsampling, ", samples, ", is ",
                  inverse.hop_length);
  const LayerWeights output = file.conv("output", {2 * inverse.bins(), channels, 1});
  const auto most = static_cast<float>(config.number({"max_log_magnitude"}));
  return b.chain(x, std::vector{polar_output(output, channels, inverse.bins(), most), op::istft(inverse)});
}

/// The samples x, mended to have the frames `mel`.
StackBuilder::Value refined(const Config& config, const MelOptions& features, Index samples, StackBuilder& b,
                            StackBuilder::Value x, StackBuilder::Value mel) {
  const Config r = config.section({"refine"});
  if (samples == features.hop_length) config.refuse("\"refine\" needs an upsampling network");
  constexpr Index most = 64;
  const MelRefinementOptions options{
      .ahead = r.integer({"ahead"}, 0, most),
      .left = r.integer({"left"}, 1, features.n_fft / 2),
      .sweeps = r.integer({"sweeps"}, 1, most),
      .updates = r.integer({"updates"}, 0, most),
      .strength = static_cast<float>(r.number({"strength"})),
      .max_log_gain = static_cast<float>(r.number({"max_log_gain"})),
  };
  try {
    x = b.apply(mel_refinement(features, options), {x, mel});
  } catch (const std::invalid_argument& e) {
    config.refuse("\"refine\": ", e.what());
  }
  return b.apply(op::pixel_shuffle1d(features.hop_length, features.hop_length), {x});
}

/// Log-mel frames through stages of gated dilated blocks, sub-pixel upsampling between them, to magnitudes
/// and phases of an inverse STFT (after iSTFTNet, Kaneko et al. 2022), then refined. Blocks read few
/// frames ahead, many back.
Network build(ModelFile& file) {
  file.locate(anchors);
  const Config& config = file.config();
  const MelOptions features = mel_preset(config.text({"preset"}));
  const std::vector<Config> stages = config.sections({"stages"}, 1, 8);
  const std::vector<Index> upsample =
      config.integers({"upsample"}, stages.size() - 1, stages.size() - 1, 1, features.hop_length);

  StackBuilder b("gated-istft");
  const auto mel = b.input(features.n_mels);
  auto x = centred(config, b, mel);
  Index samples = features.hop_length;
  for (std::size_t i = 0; i < stages.size(); ++i) {
    const Index width = stages[i].integer({"channels"}, 1, most_channels);
    if (i == 0) {
      x = b.apply(input_op(file, features.n_mels, width), {x});
    } else {
      const Index factor = upsample[i - 1];
      if (samples % factor != 0) config.refuse("\"upsample\" must divide the hop of the features");
      samples /= factor;
      x = b.apply(conv_op(file.conv(message("up.", i - 1), {factor * width, b.channels(x), 1})), {x});
      x = b.apply(op::pixel_shuffle1d(factor * width, factor), {x});
    }
    x = gated_blocks(file, stages[i], i, b, x);
  }
  x = spectral_output(file, samples, b, x);
  if (config.has({"refine"})) x = refined(config, features, samples, b, x, mel);
  return {b.build({x}), {features}};
}

bool recognises(const TensorFile& file) {
  return !prefixes_of(file, anchors).empty();
}

}  // namespace

const Architecture gated_istft{"gated-istft", recognises, build};

}  // namespace wavestride::models
