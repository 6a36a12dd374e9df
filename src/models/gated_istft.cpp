// The library's own vocoder, as examples/train/ trains it.
#include <wavestride/activation.h>
#include <wavestride/conv1d.h>
#include <wavestride/index_select.h>
#include <wavestride/join.h>
#include <wavestride/pixel_shuffle1d.h>
#include <wavestride/stack.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "models/architecture.h"

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

/// (copies·(n_fft/2 + 1), n_mels, 1): what bands say at the frequencies of a transform's bins, linear between
/// the centres of the bands; every bin `copies` times in turn.
Tensor bands_to_bins(const MelOptions& o, Index n_fft, Index copies) {
  const double f_max = o.f_max > 0 ? o.f_max : static_cast<double>(o.sample_rate) / 2;
  const double low = hz_to_mel(o.f_min, o.mel_scale),
               step = (hz_to_mel(f_max, o.mel_scale) - low) / static_cast<double>(o.n_mels + 1);
  const Index rows = copies * (n_fft / 2 + 1);
  Tensor weight({rows, o.n_mels, 1});
  for (Index row = 0; row < rows; ++row) {
    const double hz = static_cast<double>(row / copies * o.sample_rate) / static_cast<double>(n_fft);
    const double place =
        std::clamp((hz_to_mel(hz, o.mel_scale) - low) / step - 1, 0.0, static_cast<double>(o.n_mels - 1));
    for (Index band = 0; band < o.n_mels; ++band)
      weight.data[static_cast<std::size_t>(row * o.n_mels + band)] =
          static_cast<float>(std::max(0.0, 1 - std::abs(place - static_cast<double>(band))));
  }
  return weight;
}

/// (bins, n_mels, 1): the share of every band in a bin, together 1. A bin in no band is like the nearest that
/// is in one.
Tensor share_of_bands(const MelOptions& features) {
  const Signal bands = mel_filterbank(features);
  const Index bins = bands.cols();
  const auto held = [&](Index bin) { return bin >= 0 && bin < bins && bands.col(bin).sum() > 0; };
  Tensor weight({bins, features.n_mels, 1});
  for (Index bin = 0; bin < bins; ++bin) {
    Index distance = 0;
    while (distance < bins && !held(bin - distance) && !held(bin + distance)) ++distance;
    const Index nearest = held(bin - distance) ? bin - distance : bin + distance;
    Eigen::Map<Eigen::VectorXf>(weight.data.data() + bin * features.n_mels, features.n_mels) =
        bands.col(nearest) / bands.col(nearest).sum();
  }
  return weight;
}

/// From values at the bins of one transform to values at those of another, linear between bins; each twice,
/// for its real and its imaginary part.
Op resize_bins(Index n_from, Index n_to) {
  const Index bins = n_from / 2 + 1, rows = 2 * (n_to / 2 + 1);
  std::vector<Index> below, above;
  Tensor towards_below({rows, 1, 1}), towards_above({rows, 1, 1});
  for (Index row = 0; row < rows; ++row) {
    const Index place = row / 2 * n_from;  // in units of 1/n_to
    below.push_back(std::min(place / n_to, bins - 1));
    above.push_back(std::min(place / n_to + 1, bins - 1));
    const double part = static_cast<double>(place % n_to) / static_cast<double>(n_to);
    towards_below.data[static_cast<std::size_t>(row)] = static_cast<float>(1 - part);
    towards_above.data[static_cast<std::size_t>(row)] = static_cast<float>(part);
  }
  const auto weighted = [&](const std::vector<Index>& index, const Tensor& weight) -> Op {
    return Stack({op::index_select(bins, index), op::conv1d(weight, {}, {.groups = rows})});
  };
  return branches({weighted(below, towards_below), weighted(above, towards_above)}, op::add(rows));
}

/// Settings of refine().
struct Refinement {
  Index n_fft = 0;
  Index updates = 0;
  float max_log_gain = 0;
};

/// Measures the mel frames of x and filters it towards those asked for: Y_n = X_n · G_n, log G = S ·
/// clip(mel_n − mel(x)_n). Each update then measures G · |X| and multiplies a bin's gain by what its bands
/// still lack, as Richardson and Lucy's deconvolution does. The phases stay; the spectral envelope is mended,
/// with updates single harmonics too.
StackBuilder::Value refine(StackBuilder& b, StackBuilder::Value x, StackBuilder::Value mel,
                           const MelOptions& features, const Refinement& r) {
  const StftOptions frames{.n_fft = r.n_fft, .hop_length = features.hop_length};
  const Index bands = features.n_mels, parts = 2 * frames.bins(), bins = features.stft().bins();
  const auto missing = [&](StackBuilder::Value magnitudes) {
    const auto measured = b.chain(
        magnitudes, std::vector{op::mel_scale(features), op::mel_compress(features), op::scale(bands, -1)});
    return b.apply(op::clip(bands, -r.max_log_gain, r.max_log_gain),
                   {b.apply(op::add(bands), {mel, measured})});
  };
  const auto magnitudes = b.chain(
      x, std::vector{op::stft(features.stft()), op::magnitude(bins, features.power, features.epsilon)});
  StackBuilder::Value gain = missing(magnitudes);
  if (r.updates == 0) {
    gain = b.chain(gain, std::vector{op::conv1d(bands_to_bins(features, r.n_fft, 2)), op::exp(parts)});
  } else {
    gain = b.chain(gain, std::vector{op::conv1d(bands_to_bins(features, features.n_fft, 1)), op::exp(bins)});
    const Op share = op::conv1d(share_of_bands(features));
    for (Index i = 0; i < r.updates; ++i) {
      const auto lack = missing(b.apply(op::multiply(bins), {magnitudes, gain}));
      gain = b.apply(op::multiply(bins), {gain, b.chain(lack, std::vector{op::exp(bands), share})});
    }
    gain = b.apply(resize_bins(features.n_fft, r.n_fft), {gain});
  }
  return b.chain(b.apply(op::multiply(parts), {b.apply(op::stft(frames), {x}), gain}),
                 std::vector{op::istft(frames)});
}

/// Log-mel frames through stages of gated dilated blocks, sub-pixel upsampling between them, to magnitudes
/// and phases of an inverse STFT (after iSTFTNet, Kaneko et al. 2022), then refined. Blocks read few
/// frames ahead, many back.
Network build(ModelFile& file) {
  // Dilations take memory that no tensor in the file vouches for.
  constexpr Index most_channels = 4096, most_kernel = 64, most_dilation = 1024;
  const Config& config = file.config();
  const MelOptions features = mel_preset(config.text({"preset"}));
  const std::vector<Config> stages = config.sections({"stages"}, 1, 8);
  const std::vector<Index> upsample =
      config.integers({"upsample"}, stages.size() - 1, stages.size() - 1, 1, features.hop_length);
  const auto around = [](Index reach, Index right) { return ConvPadding(reach - right, right); };

  StackBuilder b("gated-istft");
  const auto mel = b.input(features.n_mels);
  auto x = mel;
  Index channels = features.n_mels, samples = features.hop_length;
  for (std::size_t i = 0; i < stages.size(); ++i) {
    const Config& stage = stages[i];
    const Index width = stage.integer({"channels"}, 1, most_channels);
    if (i == 0) {
      const Index kernel = config.integer({"input_kernel"}, 1, most_kernel);
      const Index right = config.integer({"input_right"}, 0, kernel - 1);
      x = b.apply(conv_op(file.conv("input", {width, channels, kernel}),
                          {.padding = around(kernel - 1, right), .padding_mode = PadMode::replicate}),
                  {x});
    } else {
      const Index factor = upsample[i - 1];
      if (samples % factor != 0) config.refuse("\"upsample\" must divide the hop of the features");
      samples /= factor;
      x = b.apply(conv_op(file.conv(message("up.", i - 1), {factor * width, channels, 1})), {x});
      x = b.apply(op::pixel_shuffle1d(factor * width, factor), {x});
    }
    channels = width;
    const Index kernel = stage.integer({"kernel"}, 1, most_kernel);
    const std::vector<Index> dilations = stage.integers({"dilations"}, 1, 64, 1, most_dilation);
    const std::vector<Index> rights =
        stage.integers({"right"}, dilations.size(), dilations.size(), 0, (kernel - 1) * most_dilation);
    for (std::size_t j = 0; j < dilations.size(); ++j) {
      const std::string name = message("stages.", i, ".", j);
      const Index reach = (kernel - 1) * dilations[j];
      if (rights[j] > reach) stage.refuse(stage.name({"right"}), " must stay within the kernel, ", reach);
      auto h = b.apply(conv_op(file.conv(name + ".conv", {2 * channels, channels, kernel}),
                               {.padding = around(reach, rights[j]), .dilation = dilations[j]}),
                       {x});
      h = b.apply(op::gated(2 * channels), {h});
      h = b.apply(conv_op(file.conv(name + ".out", {channels, channels, 1})), {h});
      x = b.apply(op::add(channels), {x, h});
    }
  }
  const Index n_fft = config.integer({"n_fft"}, 2, 1 << 16);
  const StftOptions inverse{.n_fft = n_fft, .hop_length = config.integer({"hop"}, 1, n_fft)};
  if (inverse.hop_length != samples)
    config.refuse("\"hop\" must be the hop of the features over all upsampling, ", samples, ", is ",
                  inverse.hop_length);
  const LayerWeights output = file.conv("output", {2 * inverse.bins(), channels, 1});
  x = b.apply(polar_output(output, channels, inverse.bins(),
                           static_cast<float>(config.number({"max_log_magnitude"}))),
              {x});
  x = b.apply(op::istft(inverse), {x});

  const std::vector<Index> refinements = config.integers({"refine"}, 0, 8, 2, 1 << 16);
  if (!refinements.empty() && (features.framing != MelFraming::center || features.peak_range != 0 ||
                               features.log != LogKind::ln || features.power != 1))
    config.refuse("\"refine\" needs a preset of centred frames and logarithms of magnitudes, not ",
                  features.name);
  const std::size_t layers = refinements.size();
  const std::vector<Index> updates = config.has({"refine_updates"})
                                         ? config.integers({"refine_updates"}, layers, layers, 0, 64)
                                         : std::vector<Index>(layers, 0);
  const auto limit = static_cast<float>(config.number({"max_log_gain"}));
  for (std::size_t i = 0; i < layers; ++i)
    x = refine(b, x, mel, features, {refinements[i], updates[i], limit});
  return {b.build({x}), {features}};
}

bool recognises(const TensorFile& file) {
  return weight_shape(file, "stages.0.0.conv") && weight_shape(file, "stages.0.0.out") &&
         weight_shape(file, "output");
}

}  // namespace

const Architecture gated_istft{"gated-istft", recognises, build};

}  // namespace wavestride::models
