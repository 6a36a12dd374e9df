// DAC, the Descript Audio Codec (Kumar et al. 2023): its decoder, which makes sound of codes, and its
// encoder, which makes codes of sound.
#include <wavestride/conv1d.h>
#include <wavestride/conv_transpose1d.h>
#include <wavestride/stack.h>

#include <algorithm>

#include "models/codec.h"

namespace wavestride::models {
namespace {

/// Where a recipe keeps the layers: {i} counts stages, {m} the residual units of one.
struct Spelling {
  const char *first, *snake, *up;
  const char *unit_snake1, *unit_conv1, *unit_snake2, *unit_conv2;
  const char *last_snake, *last;  ///< as stages that follow the others
  std::size_t first_stage, first_unit;
  EncoderNames encoder;
};

constexpr Spelling spellings[] = {
    {"decoder.model.0", "decoder.model.{i}.block.0", "decoder.model.{i}.block.1",
     "decoder.model.{i}.block.{m}.block.0", "decoder.model.{i}.block.{m}.block.1",
     "decoder.model.{i}.block.{m}.block.2", "decoder.model.{i}.block.{m}.block.3", "decoder.model.{i}",
     "decoder.model.{i}", 1, 2, original_encoder},
    // Transformers
    {"decoder.conv1",
     "decoder.block.{i}.snake1",
     "decoder.block.{i}.conv_t1",
     "decoder.block.{i}.res_unit{m}.snake1",
     "decoder.block.{i}.res_unit{m}.conv1",
     "decoder.block.{i}.res_unit{m}.snake2",
     "decoder.block.{i}.res_unit{m}.conv2",
     "decoder.snake1",
     "decoder.conv2",
     0,
     1,
     {"encoder.conv1", "encoder.block.{i}.res_unit{m}.snake1", "encoder.block.{i}.res_unit{m}.conv1",
      "encoder.block.{i}.res_unit{m}.snake2", "encoder.block.{i}.res_unit{m}.conv2",
      "encoder.block.{i}.snake1", "encoder.block.{i}.conv1", "encoder.snake1", "encoder.conv2", 0, 1}},
};

/// Layers that the network has for certain.
std::vector<std::string> anchors(const Spelling& s) {
  return {s.first, layer_name(s.up, s.first_stage), layer_name(s.unit_conv1, s.first_stage, s.first_unit),
          "quantizer.quantizers.0.out_proj"};
}

const Spelling* spelling_of(const TensorFile& file) {
  const auto s = std::ranges::find_if(
      spellings, [&](const Spelling& each) { return !prefixes_of(file, anchors(each)).empty(); });
  return s == std::end(spellings) ? nullptr : s;
}

/// The settings of the quantiser, which may have rows of other sizes in each codebook.
Codebooks quantiser_of(const Config& c, const CodecSizes& sizes) {
  const Keys count{"n_codebooks"}, dims{"codebook_dim"};
  const auto n = static_cast<std::size_t>(c.integer(count, 1, most_codebooks));
  Codebooks books = codebooks_of(c, sizes, c.name(count));
  const bool listed = c.has(dims) && c.find(dims)->is_array();
  books.dims = listed ? c.integers(dims, n, n, 1, most_codebook_dim)
                      : std::vector<Index>(n, c.integer(dims, 1, most_codebook_dim));
  books.strides.assign(n, 1);
  return books;
}

/// A DecoderBlock, to half the channels. At an odd rate it makes a sample less of the whole signal, as the
/// original does.
void add_stage(ModelFile& file, const Spelling& s, const CodecSizes& sizes, std::size_t i,
               std::vector<Op>& ops) {
  const Index rate = sizes.rates[i], in = sizes.width >> i, out = in / 2;
  const std::size_t stage = s.first_stage + i;
  ops.push_back(snake(file, layer_name(s.snake, stage), in, sizes.widths));
  const LayerWeights up =
      file.conv_transpose(layer_name(s.up, stage), {in, out, 2 * rate}, Bias::required, sizes.stages);
  ops.push_back(op::conv_transpose1d(up.weight, up.bias, {.stride = rate, .padding = (rate + 1) / 2}));
  std::size_t unit = s.first_unit;
  for (const Index dilation : {1, 3, 9}) {
    const auto name = [&](const char* pattern) { return layer_name(pattern, stage, unit); };
    ops.push_back(residual_unit(
        file, {name(s.unit_snake1), name(s.unit_conv1), name(s.unit_snake2), name(s.unit_conv2)}, out,
        dilation, 1, sizes.widths));
    ++unit;
  }
}

Network build(ModelFile& file) {
  const Spelling& s = *spelling_of(file.tensors());
  file.locate(anchors(s), {"decoder.", "quantizer."});
  const Config& c = file.config();
  const CodecSizes sizes = codec_sizes(c);
  const Codebooks books = quantiser_of(c, sizes);
  const Index used = file.codebooks(books.codes());
  std::vector<Op> ops = latents_of_codes(file, books, used);
  ops.push_back(codec_conv(file, s.first, sizes.latent, sizes.width, sizes.widths + " and " + sizes.latents));
  const std::size_t stages = sizes.rates.size(), end = s.first_stage + stages;
  for (std::size_t i = 0; i < stages; ++i) add_stage(file, s, sizes, i, ops);
  const std::vector<Op> last = codec_end(file, layer_name(s.last_snake, end), layer_name(s.last, end + 1),
                                         sizes.width >> stages, sizes.stages);
  ops.insert(ops.end(), last.begin(), last.end());
  return {Stack(ops, "dac"), features_of_codes("DAC", codec_rate(c), sizes.hop, used, books.rows)};
}

/// Behind zeros to a whole number of frames, as the original pads.
CodecEncoder build_encoder(ModelFile& file) {
  const Spelling& s = *spelling_of(file.tensors());
  file.locate(anchors(s), {"encoder.", "quantizer."});
  const Config& c = file.config();
  const CodecSizes decoder = codec_sizes(c);
  const EncoderSizes sizes = encoder_sizes(c);
  const Codebooks books = quantiser_of(c, decoder);
  const Index used = file.codebooks(books.codes()), wide = sizes.channels();
  std::vector<Op> ops{padded_to_multiple(decoder.hop)};
  const std::vector<Op> stages = encoder_stages(file, s.encoder, sizes, false);
  ops.insert(ops.end(), stages.begin(), stages.end());
  const std::size_t end = s.encoder.first_stage + sizes.rates.size();
  ops.push_back(snake(file, layer_name(s.encoder.last_snake, end), wide, sizes.stages));
  const LayerWeights last = file.conv(layer_name(s.encoder.last, end + 1), {decoder.latent, wide, 3},
                                      Bias::required, decoder.latents + " and " + sizes.stages);
  ops.push_back(op::conv1d(last.weight, last.bias, {.padding = 1}));
  return encoder_of("DAC", Stack(ops, "dac encoder"), codes_of_latents(file, books, used), codec_rate(c),
                    books.rows);
}

bool holds_encoder(const ModelFile& file) {
  return holds_encoder_stages(file, spelling_of(file.tensors())->encoder);
}

bool recognises(const TensorFile& file) {
  return spelling_of(file) != nullptr;
}

}  // namespace

const Architecture dac{"dac", recognises, build, nullptr, build_encoder, holds_encoder};

}  // namespace wavestride::models
