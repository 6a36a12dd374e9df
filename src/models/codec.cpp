#include "models/codec.h"

#include <wavestride/activation.h>
#include <wavestride/conv1d.h>
#include <wavestride/stack.h>

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

}  // namespace

CodecSizes codec_sizes(const Config& c) {
  constexpr Index most_channels = 1 << 16;
  CodecSizes s;
  const bool by_encoder = !c.has(rate_keys) && c.has(encoder_rate_keys);
  s.rates = rates_of(c, by_encoder ? encoder_rate_keys : rate_keys);
  if (by_encoder) std::ranges::reverse(s.rates);
  s.hop = hop_of(c, s.rates);
  s.width = c.integer(width_keys, Index{1} << s.rates.size(), most_channels);
  const bool by_width = !c.has(latent_keys) && c.has(encoder_width_keys);
  s.latent = by_width ? c.integer(encoder_width_keys, 1, most_channels) << s.rates.size()
                      : c.integer(latent_keys, 1, most_channels);
  s.latents = c.name(by_width ? encoder_width_keys : latent_keys);
  s.widths = c.name(width_keys);
  s.hops = c.name(by_encoder ? encoder_rate_keys : rate_keys);
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
  for (std::size_t i = 0; i < books.dims.size(); ++i) {
    const std::string name = message("quantizer.quantizers.", i), projection = name + ".out_proj";
    if (!file.holds(projection))
      file.config().refuse(books.by_count, " says ", books.dims.size(),
                           " codebooks, the file holds no layer \"", projection, "\"");
    const Index dim = books.dims[i];
    Tensor table =
        file.tensor(name + ".codebook.weight", {books.rows, dim}, books.by_rows + " and " + books.by_dims);
    LayerWeights out = file.conv(projection, {books.latent, dim, 1}, Bias::required,
                                 books.by_latent + " and " + books.by_dims);
    file.skip_layer(name + ".in_proj");
    if (std::cmp_greater_equal(i, used)) continue;  // but it must be as it is said to be
    tables.push_back({std::move(table), books.strides[i]});
    projections.push_back(std::move(out));
    codes += together / books.strides[i];
    width += dim;
  }
  const LayerWeights all = joined_projections(projections, width);
  return {Op(std::make_shared<RowsOfCodes>(books.rows, together, std::move(tables), codes, width)),
          op::conv1d(all.weight, all.bias)};
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

Op residual_unit(ModelFile& file, const ResidualUnitNames& names, Index channels, Index dilation,
                 Index groups, const std::string& by) {
  const LayerWeights conv = file.conv(names.conv, {channels, channels / groups, kernel}, Bias::required, by),
                     pointwise = file.conv(names.pointwise, {channels, channels, 1}, Bias::required, by);
  return residual(Stack(
      {snake(file, names.snake, channels, by),
       op::conv1d(conv.weight, conv.bias,
                  {.padding = kernel / 2 * dilation, .dilation = dilation, .groups = groups}),
       snake(file, names.pointwise_snake, channels, by), op::conv1d(pointwise.weight, pointwise.bias)}));
}

std::vector<Op> codec_end(ModelFile& file, const std::string& snake_name, const std::string& conv_name,
                          Index channels, const std::string& by) {
  return {snake(file, snake_name, channels, by), codec_conv(file, conv_name, channels, 1, by), op::tanh(1)};
}

}  // namespace wavestride::models
