// DAC, the Descript Audio Codec (Kumar et al. 2023): its decoder, which makes sound of codes, and its
// encoder, which makes codes of sound.
#include <wavestride/conv1d.h>
#include <wavestride/stack.h>

#include <algorithm>

#include "models/codec.h"

namespace wavestride::models {
namespace {

/// Where a recipe keeps the layers.
struct Spelling {
  const char* first;
  DecoderNames decoder;
  const char *last_snake, *last;  ///< as stages that follow the others
  EncoderNames encoder;
};

constexpr Spelling spellings[] = {
    {"decoder.model.0", original_decoder, "decoder.model.{i}", "decoder.model.{i}", original_encoder},
    // Transformers
    {"decoder.conv1",
     {"decoder.block.{i}.snake1",
      "decoder.block.{i}.conv_t1",
      {"decoder.block.{i}.res_unit{m}.snake1", "decoder.block.{i}.res_unit{m}.conv1",
       "decoder.block.{i}.res_unit{m}.snake2", "decoder.block.{i}.res_unit{m}.conv2"},
      0,
      1},
     "decoder.snake1",
     "decoder.conv2",
     {"encoder.conv1",
      {"encoder.block.{i}.res_unit{m}.snake1", "encoder.block.{i}.res_unit{m}.conv1",
       "encoder.block.{i}.res_unit{m}.snake2", "encoder.block.{i}.res_unit{m}.conv2"},
      "encoder.block.{i}.snake1",
      "encoder.block.{i}.conv1",
      "encoder.snake1",
      "encoder.conv2",
      0,
      1}},
};

/// Layers that the network has for certain.
std::vector<std::string> anchors(const Spelling& s) {
  const DecoderNames& d = s.decoder;
  return {s.first, layer_name(d.up, d.first_stage), layer_name(d.unit.conv, d.first_stage, d.first_unit),
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

Network build(ModelFile& file) {
  const Spelling& s = *spelling_of(file.tensors());
  file.locate(anchors(s), {"decoder.", "quantizer."});
  const Config& c = file.config();
  const CodecSizes sizes = codec_sizes(c);
  const Codebooks books = quantiser_of(c, sizes);
  const Index used = file.codebooks(books.codes());
  StackBuilder b("dac");
  auto x = b.chain(b.input(used), latents_of_codes(file, books, used));
  x = b.apply(codec_conv(file, s.first, sizes.latent, sizes.width, sizes.widths + " and " + sizes.latents),
              {x});
  x = decoder_stages(file, s.decoder, sizes, {}, b, x);
  const std::size_t stages = sizes.rates.size(), end = s.decoder.first_stage + stages;
  x = b.chain(x, codec_end(file, layer_name(s.last_snake, end), layer_name(s.last, end + 1),
                           sizes.width >> stages, sizes.stages));
  return {b.build({x}), features_of_codes("DAC", codec_rate(c), sizes.hop, used, books.rows)};
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
