#include "models/codec.h"

#include <wavestride/activation.h>
#include <wavestride/conv1d.h>
#include <wavestride/conv_transpose1d.h>

#include "models/residual_quantiser.h"
#include "nearest_row.h"

namespace wavestride::models {
namespace {

struct Codebook {
  Tensor table;
  Index stride;  ///< frames of latents for which it has one code
};

/// Of a frame of codes as many frames as it stands for: each the rows of its own codes, below one another.
class RowsOfCodes final : public Kernel {
 public:
  RowsOfCodes(Index rows, Index together, std::vector<Codebook> books, Index codes, Index out)
      : Kernel(message("codebooks(", books.size(), " of ", rows, ", ", codes, " → ", out, ")"),
               {{codes, repeat_geometry(together), {}}}, out),
        rows_(rows),
        together_(together),
        books_(std::move(books)) {}

  void compute(const Work& work) const noexcept override {
    const float* codes = work.in[0];
    float* y = work.out;
    Index at = work.n % together_;
    for (Index n = 0; n < work.count; ++n) {
      const float* x = codes;
      for (const Codebook& book : books_) {
        const Index size = book.table.shape[1], row = nearest_row(x[at / book.stride], rows_);
        y = std::copy_n(book.table.data.data() + row * size, size, y);
        x += together_ / book.stride;
      }
      if (++at < together_) continue;
      at = 0;
      codes = x;
    }
  }

  Index parameters() const override { return rows_ * out_channels(); }

 private:
  Index rows_, together_;
  std::vector<Codebook> books_;
};

/// The projections of several codebooks as one: side by side, their biases summed.
LayerWeights joined_projections(const std::vector<LayerWeights>& parts, Index in) {
  const Index out = parts.front().weight.shape[0];
  LayerWeights all{Tensor({out, in, 1})};
  float* to = all.weight.data.data();
  for (Index o = 0; o < out; ++o) {
    double bias = 0;
    for (const LayerWeights& part : parts) {
      const Index size = part.weight.shape[1];
      to = std::copy_n(part.weight.data.data() + o * size, size, to);
      bias += static_cast<double>(part.bias[static_cast<std::size_t>(o)]);
    }
    all.bias.push_back(static_cast<float>(bias));
  }
  return all;
}

constexpr Index kernel = 7;  // in the code of these codecs

// Of their constructors, and Transformers' names for the same.
constexpr Keys rate_keys{"decoder_rates", "upsampling_ratios"},
    encoder_rate_keys{"encoder_rates", "downsampling_ratios"},
    width_keys{"decoder_dim", "decoder_hidden_size"}, latent_keys{"latent_dim", "hidden_size"},
    encoder_width_keys{"encoder_dim", "encoder_hidden_size"};
constexpr Index most_channels = 1 << 16;

std::vector<Index> rates_of(const Config& c, Keys keys) {
  constexpr std::size_t most_stages = 16;
  constexpr Index most_rate = 1 << 10;
  return c.integers(keys, 1, most_stages, 1, most_rate);
}

/// Samples of a frame: what all rates make together, and what the encoder, where the config tells of it,
/// takes.
Index hop_of(const Config& c, const std::vector<Index>& rates) {
  const auto product = [&](const std::vector<Index>& list) {
    Index all = 1;
    for (const Index rate : list) all = std::min(all * rate, most_hop + 1);
    return all;
  };
  const Index hop = product(rates);
  if (hop > most_hop) c.refuse(c.name(rate_keys), " must make at most ", most_hop, " samples of a frame");
  if (c.has(encoder_rate_keys) && product(rates_of(c, encoder_rate_keys)) != hop)
    c.refuse(c.name(rate_keys), " make ", hop, " samples of a frame, ", c.name(encoder_rate_keys),
             " a frame of another number");
  return hop;
}

/// Of one half, where the config says them: else those of the other one turned round.
std::vector<Index> rates_of(const Config& c, Keys keys, Keys others) {
  if (c.has(keys) || !c.has(others)) return rates_of(c, keys);
  std::vector<Index> rates = rates_of(c, others);
  std::ranges::reverse(rates);
  return rates;
}

std::string key_of_rates(const Config& c, Keys keys, Keys others) {
  return c.name(c.has(keys) || !c.has(others) ? keys : others);
}

/// The units of a stage, each x + pointwise(snake(conv(snake(x)))).
std::vector<Op> residual_units(ModelFile& file, const ResidualUnitNames& names, std::size_t stage,
                               std::size_t first, Index channels, bool depthwise, const std::string& by) {
  const Index groups = depthwise ? channels : 1;
  std::vector<Op> units;
  for (const Index dilation : {1, 3, 9}) {
    const auto name = [&](const char* pattern) { return layer_name(pattern, stage, first + units.size()); };
    const LayerWeights conv = file.conv(name(names.conv), {channels, channels / groups, kernel},
                                        Bias::required, by),
                       pointwise =
                           file.conv(name(names.pointwise), {channels, channels, 1}, Bias::required, by);
    units.push_back(residual(
        Stack({snake(file, name(names.snake), channels, by),
               op::conv1d(conv.weight, conv.bias,
                          {.padding = kernel / 2 * dilation, .dilation = dilation, .groups = groups}),
               snake(file, name(names.pointwise_snake), channels, by),
               op::conv1d(pointwise.weight, pointwise.bias)})));
  }
  return units;
}

/// What a file holds of one codebook of a quantiser.
struct BookTensors {
  Tensor table;
  LayerWeights in, out;  // without `in`, unless it is wanted
};

/// All of them, of which the first `used` alone have a use: but the others must be as they are said to be.
std::vector<BookTensors> book_tensors(ModelFile& file, const Codebooks& books, Index used, bool in_wanted) {
  std::vector<BookTensors> all;
  const std::string by = books.by_latent + " and " + books.by_dims;
  for (std::size_t i = 0; i < books.dims.size(); ++i) {
    const std::string name = message("quantizer.quantizers.", i), projection = name + ".out_proj";
    if (!file.holds(projection))
      file.config().refuse(books.by_count, " says ", books.dims.size(),
                           " codebooks, the file holds no layer \"", projection, "\"");
    const Index dim = books.dims[i];
    BookTensors b{
        file.tensor(name + ".codebook.weight", {books.rows, dim}, books.by_rows + " and " + books.by_dims),
        {},
        file.conv(projection, {books.latent, dim, 1}, Bias::required, by)};
    if (in_wanted)
      b.in = file.conv(name + ".in_proj", {dim, books.latent, 1}, Bias::required, by);
    else
      file.skip_layer(name + ".in_proj");
    if (std::cmp_less(i, used)) all.push_back(std::move(b));
  }
  return all;
}

}  // namespace

CodecSizes codec_sizes(const Config& c) {
  CodecSizes s;
  s.rates = rates_of(c, rate_keys, encoder_rate_keys);
  s.hop = hop_of(c, s.rates);
  s.width = c.integer(width_keys, Index{1} << s.rates.size(), most_channels);
  const bool by_width = !c.has(latent_keys) && c.has(encoder_width_keys);
  s.latent = by_width ? c.integer(encoder_width_keys, 1, most_channels) << s.rates.size()
                      : c.integer(latent_keys, 1, most_channels);
  s.latents = c.name(by_width ? encoder_width_keys : latent_keys);
  s.widths = c.name(width_keys);
  s.hops = key_of_rates(c, rate_keys, encoder_rate_keys);
  s.stages = s.widths + " and " + s.hops;
  return s;
}

Codebooks codebooks_of(const Config& c, const CodecSizes& sizes, const std::string& by_count) {
  constexpr Index most_rows = 1 << 24;
  const Keys rows{"codebook_size"};
  return {.rows = c.integer(rows, 1, most_rows),
          .latent = sizes.latent,
          .by_count = by_count,
          .by_rows = c.name(rows),
          .by_latent = sizes.latents,
          .by_dims = c.name({"codebook_dim"})};
}

std::vector<Op> latents_of_codes(ModelFile& file, const Codebooks& books, Index used) {
  const Index together = books.frames_together();
  std::vector<Codebook> tables;
  std::vector<LayerWeights> projections;
  Index codes = 0, width = 0;
  for (BookTensors& b : book_tensors(file, books, used, false)) {
    const std::size_t i = tables.size();
    tables.push_back({std::move(b.table), books.strides[i]});
    projections.push_back(std::move(b.out));
    codes += together / books.strides[i];
    width += books.dims[i];
  }
  const LayerWeights all = joined_projections(projections, width);
  return {Op(std::make_shared<RowsOfCodes>(books.rows, together, std::move(tables), codes, width)),
          op::conv1d(all.weight, all.bias)};
}

Op codes_of_latents(ModelFile& file, const Codebooks& books, Index used) {
  std::vector<QuantiserBook> list;
  for (BookTensors& b : book_tensors(file, books, used, true))
    list.push_back({.rows = std::move(b.table),
                    .in = std::move(b.in),
                    .out = std::move(b.out),
                    .by_angle = true,
                    .stride = books.strides[list.size()]});
  list.back().out = {};  // behind it nothing is left to be quantised
  return residual_quantiser(books.latent, list, books.frames_together());
}

Index codec_rate(const Config& c) {
  return c.integer({"sample_rate", "sampling_rate"}, 1, 1 << 24);
}

Op snake(ModelFile& file, const std::string& name, Index channels, const std::string& by) {
  const std::vector<float> alpha = file.tensor(name + ".alpha", {1, channels, 1}, by).data;
  if (std::ranges::any_of(alpha, [](float a) { return a + 1e-9f == 0; }))
    file.refuse("tensor \"", file.prefix(), name, ".alpha\": 1e-9 is added before it divides, one is -1e-9");
  return op::snake(alpha);
}

Op codec_conv(ModelFile& file, const std::string& name, Index in, Index out, const std::string& by) {
  const LayerWeights w = file.conv(name, {out, in, kernel}, Bias::required, by);
  return op::conv1d(w.weight, w.bias, {.padding = kernel / 2});
}

StackBuilder::Value decoder_stages(ModelFile& file, const DecoderNames& names, const CodecSizes& sizes,
                                   const DecoderKind& kind, StackBuilder& b, StackBuilder::Value x) {
  for (std::size_t i = 0; i < sizes.rates.size(); ++i) {
    const Index rate = sizes.rates[i], in = sizes.width >> i, out = in / 2;
    const std::size_t stage = names.first_stage + i;
    const LayerWeights up =
        file.conv_transpose(layer_name(names.up, stage), {in, out, 2 * rate}, Bias::required, sizes.stages);
    const ConvTranspose1dOptions options{
        .stride = rate, .padding = (rate + 1) / 2, .output_padding = kind.whole_frames ? rate % 2 : 0};
    x = b.chain(x, std::vector<Op>{snake(file, layer_name(names.snake, stage), in, sizes.widths),
                                   op::conv_transpose1d(up.weight, up.bias, options)});
    if (kind.between) x = kind.between(x, i);
    x = b.chain(x,
                residual_units(file, names.unit, stage, names.first_unit, out, kind.depthwise, sizes.widths));
  }
  return x;
}

std::vector<Op> codec_end(ModelFile& file, const std::string& snake_name, const std::string& conv_name,
                          Index channels, const std::string& by) {
  return {snake(file, snake_name, channels, by), codec_conv(file, conv_name, channels, 1, by), op::tanh(1)};
}

EncoderSizes encoder_sizes(const Config& c) {
  EncoderSizes s{.rates = rates_of(c, encoder_rate_keys, rate_keys),
                 .width = c.integer(encoder_width_keys, 1, most_channels),
                 .widths = c.name(encoder_width_keys),
                 .stages = {}};
  s.stages = s.widths + " and " + key_of_rates(c, encoder_rate_keys, rate_keys);
  return s;
}

bool holds_encoder_stages(const ModelFile& file, const EncoderNames& names) {
  return file.holds(names.first) &&
         file.holds(layer_name(names.unit.conv, names.first_stage, names.first_unit));
}

std::vector<Op> encoder_stages(ModelFile& file, const EncoderNames& names, const EncoderSizes& sizes,
                               bool depthwise) {
  require_encoder(file, names.first);
  std::vector<Op> ops{codec_conv(file, names.first, 1, sizes.width, sizes.widths)};
  for (std::size_t i = 0; i < sizes.rates.size(); ++i) {
    const Index rate = sizes.rates[i], in = sizes.width << i, out = 2 * in;
    const std::size_t stage = names.first_stage + i;
    const std::vector<Op> units =
        residual_units(file, names.unit, stage, names.first_unit, in, depthwise, sizes.widths);
    ops.insert(ops.end(), units.begin(), units.end());
    ops.push_back(snake(file, layer_name(names.snake, stage), in, sizes.widths));
    const LayerWeights down =
        file.conv(layer_name(names.down, stage), {out, in, 2 * rate}, Bias::required, sizes.stages);
    ops.push_back(op::conv1d(down.weight, down.bias, {.stride = rate, .padding = (rate + 1) / 2}));
  }
  return ops;
}

}  // namespace wavestride::models
