// SNAC (Siuzdak et al. 2024): its decoder, DAC's with depthwise convolutions and noise, which makes sound of
// codes that come at rates of their own from each codebook, and its encoder, which makes such codes. Some
// networks have attention in both.
#include <wavestride/activation.h>
#include <wavestride/conv1d.h>
#include <wavestride/noise.h>
#include <wavestride/stack.h>

#include <algorithm>
#include <numeric>

#include "models/codec.h"
#include "models/local_attention.h"

namespace wavestride::models {
namespace {

const std::vector<std::string> anchors{"decoder.model.0", "decoder.model.1",
                                       "quantizer.quantizers.0.out_proj"};

constexpr Keys stride_keys{"vq_strides"}, noise_keys{"noise"}, window_keys{"attn_window_size"};

/// NoiseBlock: x + n·h of one n for all channels.
class AddedNoise final : public Kernel {
 public:
  explicit AddedNoise(Index channels)
      : Kernel(message("added_noise(", channels, ")"), {port(channels), port(channels), port(1)}, channels) {}

  void compute(const Work& work) const noexcept override {
    const float *x = work.in[0], *h = work.in[1], *noise = work.in[2];
    float* y = work.out;
    for (Index n = 0; n < work.count; ++n)
      for (Index c = 0; c < out_channels(); ++c) *y++ = *x++ + noise[n] * *h++;
  }

  double macs_per_frame() const override { return static_cast<double>(out_channels()); }

 private:
  static Port port(Index channels) { return {channels, conv_geometry(1, 1, 1, 0, 0), {}}; }
};

Codebooks quantiser_of(const Config& c, const CodecSizes& sizes) {
  constexpr Index most_stride = 1 << 10;
  Codebooks books = codebooks_of(c, sizes, c.name(stride_keys));
  books.strides = c.integers(stride_keys, 1, most_codebooks, 1, most_stride);
  books.dims.assign(books.strides.size(), c.integer({"codebook_dim"}, 1, most_codebook_dim));
  const Index together = books.frames_together();
  for (const Index stride : books.strides)
    if (together % stride != 0)
      c.refuse(c.name(stride_keys), " must divide the largest of them, ", together, ", one is ", stride);
  if (sizes.hop * together > most_hop)
    c.refuse(c.name(stride_keys), " and ", sizes.hops, " must make at most ", most_hop,
             " samples of a frame of codes, make ", sizes.hop * together);
  return books;
}

void require_known_layers(const Config& c) {
  if (const Keys k{"depthwise"}; c.has(k) && !c.flag(k))
    c.refuse(c.name(k), " is false, the file holds a depthwise layer \"", anchors[0], "\"");
}

/// Frames of latents that attend to each other; 0 in networks without attention.
Index window_of(const ModelFile& file, const Config& c) {
  constexpr Index most_window = 1 << 10;
  const char* layer = "decoder.model.2.to_qkv";
  if (c.has(window_keys) != file.holds(layer))
    c.refuse(c.name(window_keys), c.has(window_keys) ? " calls for" : " says nothing of",
             " attention, the file holds ", c.has(window_keys) ? "no" : "a", " layer \"", layer, "\"");
  return c.has(window_keys) ? c.integer(window_keys, 1, most_window) : 0;
}

/// LocalMHA.
LocalAttentionWeights attention_in(ModelFile& file, const std::string& name, Index channels,
                                   const std::string& by) {
  const std::string frequencies = name + ".rel_pos.inv_freq";
  const TensorInfo* info = file.tensors().find(file.prefix() + frequencies);
  const Index half = info == nullptr ? 32 : info->elements;  // heads are of 64 values in the original
  if (half < 1 || half > channels || channels % (2 * half) != 0)
    file.refuse("tensor \"", file.prefix(), frequencies, "\" has ", half, " values: heads of ", 2 * half,
                " values do not divide ", channels, " channels");
  return {.norm = file.tensor(name + ".norm.weight", {channels}, by),
          .norm_bias = file.tensor(name + ".norm.bias", {channels}, by),
          .qkv = file.tensor(name + ".to_qkv.weight", {3 * channels, channels}, by),
          .out = file.tensor(name + ".to_out.weight", {channels, channels}, by),
          .frequencies = file.tensor(frequencies, {half}, by).data};
}

/// Whether NoiseBlocks, which a network trained without them has not, add theirs: who wants none of what a
/// network was trained with says so in its config.
bool noise_wanted(const Config& c) {
  return !c.has(noise_keys) || c.flag(noise_keys);
}

/// What stands behind the upsampling of each stage.
class Noise {
 public:
  Noise(ModelFile& file, const CodecSizes& sizes, const DecoderNames& names, StackBuilder& b)
      : file_(file), sizes_(sizes), names_(names), b_(b), wanted_(noise_wanted(file.config())) {}

  StackBuilder::Value added(StackBuilder::Value x, std::size_t stage) const {
    const std::string linear = message("decoder.model.", names_.first_stage + stage, ".block.2.linear");
    if (wanted_) return with_noise(x, linear, stage);
    file_.skip_layer(linear);
    return x;
  }

 private:
  StackBuilder::Value with_noise(StackBuilder::Value x, const std::string& linear, std::size_t stage) const {
    const Config& c = file_.config();
    if (!file_.holds(linear))
      c.refuse(c.name(noise_keys), " says that there is noise, the file holds no layer \"", linear, "\"");
    const Index channels = b_.channels(x);
    const LayerWeights w = file_.conv(linear, {channels, channels, 1}, Bias::none, sizes_.widths);
    const auto n =
        file_.given(Given::noise)
            ? b_.input(1)
            : b_.apply(op::normal_noise(channels, 1, file_.options().seed + stage * stages_apart), {x});
    return b_.apply(Op(std::make_shared<AddedNoise>(channels)), {x, b_.apply(op::conv1d(w.weight), {x}), n});
  }

  static constexpr std::uint64_t stages_apart = 0x9e3779b97f4a7c15;  // no seeds that anybody names

  ModelFile& file_;
  const CodecSizes& sizes_;
  const DecoderNames& names_;
  StackBuilder& b_;
  bool wanted_;
};

Network build(ModelFile& file) {
  file.locate(anchors, {"decoder.", "quantizer."});
  const Config& c = file.config();
  require_known_layers(c);
  const Index window = window_of(file, c);
  const CodecSizes sizes = codec_sizes(c);
  const Codebooks books = quantiser_of(c, sizes);
  const Index used = file.codebooks(books.codes());

  StackBuilder b("snac");
  const std::vector<Op> latents = latents_of_codes(file, books, used);
  const Index codes = latents.front().in_channels();
  const LayerWeights wide = file.conv("decoder.model.0", {sizes.latent, 1, 7}, Bias::required, sizes.latents),
                     deep = file.conv("decoder.model.1", {sizes.width, sizes.latent, 1}, Bias::required,
                                      sizes.widths + " and " + sizes.latents);
  auto x = b.chain(b.input(codes), latents);
  x = b.chain(x, std::vector<Op>{op::conv1d(wide.weight, wide.bias, {.padding = 3, .groups = sizes.latent}),
                                 op::conv1d(deep.weight, deep.bias)});
  if (window > 0)
    x = local_attention(b, x, attention_in(file, "decoder.model.2", sizes.width, sizes.widths), window);
  DecoderNames names = original_decoder;
  names.first_stage = window > 0 ? 3 : 2;
  // A converted network that makes no noise has kept the names of its layers.
  names.first_unit = file.holds(layer_name(names.unit.conv, names.first_stage, 2)) ? 2 : 3;
  const Noise noise(file, sizes, names, b);
  const auto between = [&](StackBuilder::Value v, std::size_t stage) { return noise.added(v, stage); };
  x = decoder_stages(file, names, sizes, {.depthwise = true, .whole_frames = true, .between = between}, b, x);
  const std::size_t stages = sizes.rates.size(), end = names.first_stage + stages;
  x = b.chain(x, codec_end(file, message("decoder.model.", end), message("decoder.model.", end + 1),
                           sizes.width >> stages, sizes.stages));
  return {b.build({x}),
          features_of_codes("SNAC", codec_rate(c), sizes.hop * books.frames_together(), codes, books.rows)};
}

/// Behind zeros to a whole number of frames of codes, and of windows of attention, as the original pads.
CodecEncoder build_encoder(ModelFile& file) {
  file.locate(anchors, {"encoder.", "quantizer."});
  const Config& c = file.config();
  require_known_layers(c);
  const Index window = window_of(file, c);
  const CodecSizes decoder = codec_sizes(c);
  const EncoderSizes sizes = encoder_sizes(c);
  const Codebooks books = quantiser_of(c, decoder);
  const Index used = file.codebooks(books.codes()), wide = sizes.channels();
  if (wide != decoder.latent)
    c.refuse(sizes.stages, " make ", wide, " channels, ", decoder.latents, " says ", decoder.latent);
  StackBuilder b("snac encoder");
  const Index together = std::lcm(books.frames_together(), std::max<Index>(window, 1));
  if (decoder.hop * together > most_hop)  // which even one sample is padded to
    c.refuse(c.name({"attn_window_size"}), ", ", c.name(stride_keys), " and ", decoder.hops,
             " must make at most ", most_hop, " samples of a whole window and frame of codes, make ",
             decoder.hop * together);
  auto x = b.apply(padded_to_multiple(decoder.hop * together), {b.input(1)});
  x = b.chain(x, encoder_stages(file, original_encoder, sizes, true));
  std::size_t end = original_encoder.first_stage + sizes.rates.size();
  if (window > 0)
    x = local_attention(
        b, x, attention_in(file, layer_name(original_encoder.last, end++), wide, sizes.stages), window);
  const LayerWeights last =
      file.conv(layer_name(original_encoder.last, end), {wide, 1, 7}, Bias::required, sizes.stages);
  x = b.apply(op::conv1d(last.weight, last.bias, {.padding = 3, .groups = wide}), {x});
  return encoder_of("SNAC", b.build({x}), codes_of_latents(file, books, used), codec_rate(c), books.rows);
}

bool holds_encoder(const ModelFile& file) {
  return holds_encoder_stages(file, original_encoder);
}

bool recognises(const TensorFile& file) {
  return !prefixes_of(file, anchors).empty();
}

}  // namespace

const Architecture snac{"snac", recognises, build, nullptr, build_encoder, holds_encoder};

}  // namespace wavestride::models
