// What the codecs DAC and SNAC have in common: codes of a residual quantiser become the latents that they
// stand for, layers with snakes between them make sound of these, and others latents of sound.
#pragma once

#include <wavestride/stack.h>

#include <algorithm>
#include <functional>

#include "models/architecture.h"

namespace wavestride::models {

/// What the config says of a decoder's layers.
struct CodecSizes {
  std::vector<Index> rates;
  Index hop;                                  ///< samples of a frame of latents
  Index latent;                               ///< values of such a frame
  Index width;                                ///< channels before the first rate; each halves them
  std::string latents, widths, hops, stages;  ///< the keys that say sizes, for complaints
};

CodecSizes codec_sizes(const Config& c);

inline constexpr Index most_hop = 1 << 20, most_codebooks = 64, most_codebook_dim = 1 << 12;

/// A quantiser's codebooks, as a config describes them.
struct Codebooks {
  Index rows;                                         ///< of each
  Index latent;                                       ///< values that a row is projected to
  std::string by_count, by_rows, by_latent, by_dims;  ///< the keys of the config that say so
  std::vector<Index> dims = {};                       ///< of a row of each
  /// Frames of latents for which each has one code; they divide the largest.
  std::vector<Index> strides = {};

  /// Frames of latents that a frame of codes stands for.
  Index frames_together() const { return *std::ranges::max_element(strides); }
  /// Codes that a frame has of each.
  std::vector<Index> codes() const {
    std::vector<Index> each;
    for (const Index stride : strides) each.push_back(frames_together() / stride);
    return each;
  }
};

/// All but `dims` and `strides`, the number of which the key `by_count` says.
Codebooks codebooks_of(const Config& c, const CodecSizes& sizes, const std::string& by_count);

/// From the codes of the first `used` codebooks to their latents, summed. A frame has the codes of the first,
/// in order of time, those of the second, and so on.
std::vector<Op> latents_of_codes(ModelFile& file, const Codebooks& books, Index used);

/// The way back: from latents to the codes of the first `used` codebooks.
Op codes_of_latents(ModelFile& file, const Codebooks& books, Index used);

/// The sample rate that the config says.
Index codec_rate(const Config& c);

/// A snake whose alpha stands under this name.
Op snake(ModelFile& file, const std::string& name, Index channels, const std::string& by);

/// A convolution that keeps the length.
Op codec_conv(ModelFile& file, const std::string& name, Index in, Index out, const std::string& by);

/// Where a recipe keeps the layers of residual units: {i} counts stages, {m} the units of one.
struct ResidualUnitNames {
  const char *snake, *conv, *pointwise_snake, *pointwise;
};

/// Where a recipe keeps the stages of a decoder, likewise.
struct DecoderNames {
  const char *snake, *up;
  ResidualUnitNames unit;
  std::size_t first_stage, first_unit;
};

/// Of DAC and, from another stage and unit on, of SNAC themselves.
inline constexpr DecoderNames original_decoder{
    "decoder.model.{i}.block.0",
    "decoder.model.{i}.block.1",
    {"decoder.model.{i}.block.{m}.block.0", "decoder.model.{i}.block.{m}.block.1",
     "decoder.model.{i}.block.{m}.block.2", "decoder.model.{i}.block.{m}.block.3"},
    1,
    2};

/// What the stages of one decoder have that those of others have not.
struct DecoderKind {
  bool depthwise = false;  ///< units have one filter per channel
  /// At an odd rate, too, all frames give as many samples; else a signal has one less.
  bool whole_frames = false;
  /// Stands between upsampling and units of a stage.
  std::function<StackBuilder::Value(StackBuilder::Value, std::size_t)> between = {};
};

/// From the channels before the first stage to those behind the last.
StackBuilder::Value decoder_stages(ModelFile& file, const DecoderNames& names, const CodecSizes& sizes,
                                   const DecoderKind& kind, StackBuilder& b, StackBuilder::Value x);

/// The last layers: a snake, a convolution to sound, and what bounds it.
std::vector<Op> codec_end(ModelFile& file, const std::string& snake, const std::string& conv, Index channels,
                          const std::string& by);

/// Where a recipe keeps the layers of an encoder.
struct EncoderNames {
  const char* first;
  ResidualUnitNames unit;
  const char *snake, *down;
  const char *last_snake, *last;  ///< as stages that follow the others
  std::size_t first_stage, first_unit;
};

/// Of DAC and SNAC themselves.
inline constexpr EncoderNames original_encoder{
    "encoder.block.0",
    {"encoder.block.{i}.block.{m}.block.0", "encoder.block.{i}.block.{m}.block.1",
     "encoder.block.{i}.block.{m}.block.2", "encoder.block.{i}.block.{m}.block.3"},
    "encoder.block.{i}.block.3",
    "encoder.block.{i}.block.4",
    "encoder.block.{i}",
    "encoder.block.{i}",
    1,
    0};

/// What the config says of an encoder's stages.
struct EncoderSizes {
  std::vector<Index> rates;
  Index width;                 ///< channels before the first; each doubles them
  std::string widths, stages;  ///< the keys that say so, for complaints

  Index channels() const { return width << rates.size(); }  ///< behind the last
};

EncoderSizes encoder_sizes(const Config& c);

/// Whether a file holds the first layers of one.
bool holds_encoder_stages(const ModelFile& file, const EncoderNames& names);

/// From sound to the channels behind the last stage.
std::vector<Op> encoder_stages(ModelFile& file, const EncoderNames& names, const EncoderSizes& sizes,
                               bool depthwise);

}  // namespace wavestride::models
