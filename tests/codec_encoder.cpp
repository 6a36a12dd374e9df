#include <wavestride/checkpoint.h>
#include <wavestride/codec_encoder.h>
#include <wavestride/safetensors.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <set>

#include "contract.h"
#include "every_target.h"
#include "hostile.h"
#include "models.h"
#include "models/residual_quantiser.h"

using namespace wavestride;
using namespace wavestride::testing;
using models::QuantiserBook;
using nlohmann::json;

namespace {

// ---- The quantiser in double ----

using Vector = Eigen::VectorXd;

Vector of_layer(const LayerWeights& w, const Vector& x) {
  if (w.weight.empty()) return x;
  Vector y(w.weight.shape[0]);
  for (Index o = 0; o < y.size(); ++o) {
    y[o] = static_cast<double>(w.bias[static_cast<std::size_t>(o)]);
    for (Index i = 0; i < x.size(); ++i)
      y[o] += x[i] * static_cast<double>(w.weight.data[static_cast<std::size_t>(o * x.size() + i)]);
  }
  return y;
}

Vector row_of(const Tensor& rows, Index row) {
  return Eigen::Map<const Eigen::VectorXf>(rows.data.data() + row * rows.shape[1], rows.shape[1])
      .cast<double>();
}

/// How much farther than the nearest row, at worst, those are that the codes name, of what the rows named
/// before them leave of the latents: the difference of squared distances, over ‖v‖² + ‖c‖².
double worst_excess(FramesView latents, FramesView codes, const std::vector<QuantiserBook>& books,
                    Index together) {
  double worst = 0;
  for (Index n = 0; n < codes.frames(); ++n) {
    Eigen::MatrixXd rest(latents.channels(), together);
    for (Index t = 0; t < together; ++t)
      for (Index c = 0; c < rest.rows(); ++c)
        rest(c, t) = static_cast<double>(latents.data()[(n * together + t) * rest.rows() + c]);
    const float* code = codes.data() + n * codes.channels();
    for (const QuantiserBook& book : books)
      for (Index first = 0; first < together; first += book.stride, ++code) {
        const auto part = rest.middleCols(first, book.stride);
        Vector v = of_layer(book.in, part.rowwise().mean());
        if (book.by_angle) v /= std::max(v.norm(), 1e-12);
        const auto compared = [&](Index row) {
          Vector c = row_of(book.rows, row);
          if (book.by_angle) c /= std::max(c.norm(), 1e-12);
          return c;
        };
        REQUIRE(*code == std::floor(*code));
        const auto chosen = static_cast<Index>(*code);
        REQUIRE((chosen >= 0 && chosen < book.rows.shape[0]));
        double nearest = std::numeric_limits<double>::infinity();
        for (Index row = 0; row < book.rows.shape[0]; ++row)
          nearest = std::min(nearest, (v - compared(row)).squaredNorm());
        const Vector c = compared(chosen);
        worst = std::max(worst, ((v - c).squaredNorm() - nearest) / (v.squaredNorm() + c.squaredNorm()));
        const Vector meant = of_layer(book.out, row_of(book.rows, chosen));
        rest.middleCols(first, book.stride).colwise() -= meant;
      }
  }
  return worst;
}

/// Rounding of float32, of the squared lengths: some 16 units of it.
constexpr double rounding = 1e-6;

/// The books of a golden file, as the test reads them.
std::vector<QuantiserBook> books_in(const std::string& file, Index used) {
  const auto tensors = open_checkpoint(model_path(file));
  const auto named = [&](const std::string& end) {
    for (const TensorInfo& t : tensors->tensors())
      if (t.name.ends_with(end)) return t.name;
    return std::string();
  };
  std::vector<QuantiserBook> books;
  for (Index q = 0; q < used; ++q) {
    const std::string number = std::to_string(q);
    if (const std::string rows = named("quantizer.quantizers." + number + ".codebook.weight");
        !rows.empty()) {
      const std::string name = rows.substr(0, rows.size() - 16);
      books.push_back({.rows = tensors->load(rows),
                       .in = load_layer(*tensors, name + ".in_proj"),
                       .out = load_layer(*tensors, name + ".out_proj"),
                       .by_angle = true});
      continue;
    }
    const std::string rows = named("quantizer.vq.layers." + number + "._codebook.embed");
    books.push_back({.rows = tensors->load(
                         rows.empty() ? named("quantizer.layers." + number + ".codebook.embed") : rows)});
  }
  return books;
}

CodecEncoder encoder_of(const GoldenCase& c) {
  return load_codec_encoder(model_path(c.parameters.at("file")), golden_options(c));
}

struct Expected {
  const char *architecture, *codec;
  std::vector<std::string> contracts;  // files of which the whole contract of operators is looked at
};

void verify(const Expected& expected) {
  Rng rng(71);
  Index equal = 0, all = 0;
  std::string last;
  for (const GoldenCase& c : golden_cases(std::string(expected.architecture) + "_encoder")) {
    const Signal x = c.signal("x"), z = c.signal("z"), torchs = c.signal("y");
    const std::string file = c.parameters.at("file");
    INFO(c.parameters.dump() << ", " << x.cols() << " samples");
    const CodecEncoder encoder = encoder_of(c);
    CHECK(encoder.architecture == expected.architecture);
    CHECK(encoder.codec == expected.codec);
    const Signal latents = encoder.latents(x), codes = encoder(x);
    CHECK(relative_error(latents, z) <= model_tolerance);
    CHECK(same_bits(encoder.quantiser(latents), codes));
    REQUIRE(codes.rows() == torchs.rows());
    REQUIRE(codes.cols() == torchs.cols());
    equal += (codes.array() == torchs.array()).count();
    all += codes.size();

    Index books = 0, of_books = 0;
    std::vector<Index> strides;
    if (std::string(expected.architecture) == "snac")
      strides = json::parse(file_bytes(model_path(file.substr(0, file.find('/')) + "/config.json")))
                    .at("vq_strides")
                    .get<std::vector<Index>>();
    const Index together = strides.empty() ? 1 : *std::ranges::max_element(strides);
    for (; of_books < codes.rows(); ++books)
      of_books += strides.empty() ? 1 : together / strides[static_cast<std::size_t>(books)];
    std::vector<QuantiserBook> list = books_in(file, books);
    for (std::size_t i = 0; i < strides.size() && i < list.size(); ++i) list[i].stride = strides[i];
    CHECK(worst_excess(latents, codes, list, together) <= rounding);
    CHECK(worst_excess(z, torchs, list, together) <= rounding);  // what torch chose is as near

    Stream stream = encoder.network.stream();
    CHECK(same_bits(stream_in_chunks(stream, x, rng), codes));
    if (c.parameters.dump() == last) continue;
    last = c.parameters.dump();
    const bool recurrent = std::string(expected.architecture) == "encodec";
    if (std::ranges::find(expected.contracts, file) != expected.contracts.end())
      verify_contract(
          encoder.network, rng,
          {.dense = false, .recurrent = recurrent, .longest = 12 * encoder.hop_length + 5, .chunkings = 2});
  }
  // Random networks, whose rows are no farther apart than those of trained ones.
  INFO(equal << " of " << all << " codes are torch's");
  CHECK(static_cast<double>(equal) >= 0.998 * static_cast<double>(all));
}

const std::string dac = "dac-44khz/weights.pth", snac = "snac-24khz/pytorch_model.bin",
                  encodec = "encodec-both-meta/encodec_24khz-d7cc33bc.th",
                  transformers = "encodec-both-transformers/model.safetensors";

}  // namespace

TEST_CASE("codec_encoder: DAC's files give the codes that torch gives, whole and in chunks") {
  verify({"dac", "DAC", {"dac-24khz/weights_24khz.pth"}});
}

TEST_CASE("codec_encoder: SNAC's files give the codes that torch gives, whole and in chunks") {
  verify({"snac", "SNAC", {"snac-plain/model.safetensors", "snac-32khz/pytorch_model.bin"}});
}

TEST_CASE("codec_encoder: EnCodec's files give the codes that torch gives, whole and in chunks") {
  verify({"encodec", "EnCodec", {transformers, "encodec-both-ahead/model.safetensors"}});
}

TEST_CASE("codec_encoder: a quantiser takes the nearest rows, as double counts, and the same in any groups") {
  Rng rng(72);
  const auto projection = [&](Index out, Index in) {
    return LayerWeights{noise_tensor(rng, {out, in, 1}, 1 / std::sqrt(static_cast<float>(in))),
                        noise_tensor(rng, {out}, 0.1f).data};
  };
  std::vector<QuantiserBook> plain, strided;
  for (const Index rows : {1024, 513, 7}) plain.push_back({.rows = noise_tensor(rng, {rows, 128})});
  for (const Index stride : {4, 2, 1})
    strided.push_back({.rows = noise_tensor(rng, {1100, 8}),
                       .in = projection(8, 48),
                       .out = projection(48, 8),
                       .by_angle = true,
                       .stride = stride});
  const EveryTarget targets;
  for (const std::string& target : targets.names) {
    INFO(target);
    kernels::use_simd_target(target);
    for (const auto& [books, latent, together] :
         {std::tuple(&plain, Index{128}, Index{1}), {&strided, 48, 4}}) {
      const Op op = models::residual_quantiser(latent, *books, together);
      const Signal z = noise(rng, latent, 21 * together);
      const Signal codes = op(z);
      CHECK(codes.cols() == 21);
      CHECK(worst_excess(z, codes, *books, together) <= rounding);
      verify_contract(op, rng, {.dense = false, .longest = 100, .chunkings = 2});
    }
  }
}

TEST_CASE(
    "codec_encoder: of rows as near as each other a quantiser takes the first, of NaN the first of all") {
  constexpr Index rows = 1300;  // so many that they are compared in several parts
  QuantiserBook book{.rows = Tensor({rows, 2})};
  for (Index row = 0; row < rows; ++row) {
    book.rows.data[static_cast<std::size_t>(2 * row)] = static_cast<float>(row % 600);
    book.rows.data[static_cast<std::size_t>(2 * row + 1)] = 1;
  }
  const Op op = models::residual_quantiser(2, {book});
  Signal z(2, 5);
  z << 0, 3, 599, 599, std::nanf(""), 1, 1, 1, 9, 1;
  Signal expected(1, 5);
  expected << 0, 3, 599, 599, 0;
  CHECK(op(z) == expected);
}

TEST_CASE("codec_encoder: what it makes its decoder takes, and so long") {
  Rng rng(73);
  const std::vector<std::tuple<std::string, ModelOptions, Index>> cases{
      {dac, {}, 4},          {dac, {.codebooks = 2}, 2},
      {snac, {}, 7},         {snac, {.codebooks = 2}, 3},
      {transformers, {}, 4}, {transformers, {.bandwidth_kbps = 24.0}, 1}};
  for (const auto& [file, options, per_frame] : cases) {
    INFO(file);
    const CodecEncoder encoder = load_codec_encoder(model_path(file), options);
    const Model decoder = load_model(model_path(file), options);
    CHECK(encoder.network.out_channels() == per_frame);
    CHECK(decoder.features.n_mels == per_frame);
    CHECK(encoder.sample_rate == decoder.features.sample_rate);
    CHECK(encoder.hop_length == decoder.features.hop_length);
    CHECK(encoder.codes == decoder.codes);
    CHECK(encoder.network.rate() == Ratio(encoder.hop_length, 1));
    for (const Index frames : {1, 2, 9})
      for (const Index less : {Index{0}, encoder.hop_length - 1}) {
        const Signal codes = encoder(noise(rng, 1, frames * encoder.hop_length - less));
        CHECK(codes.cols() == frames);
        CHECK(codes.minCoeff() >= 0);
        CHECK(codes.maxCoeff() < static_cast<float>(encoder.codes));
        CHECK(decoder(codes).cols() == frames * encoder.hop_length);
      }
    CHECK(encoder(Signal(1, 0)).cols() == 0);
  }
}

TEST_CASE("codec_encoder: EnCodec's reads ahead of a frame's own samples only at the start") {
  const CodecEncoder encoder = load_codec_encoder(model_path(encodec));
  CHECK(encoder.hop_length == 320);
  CHECK(encoder.network.reads(100).last == 100 * 320 + 319);
  CHECK(encoder.network.total(24'000) == 75);
  CHECK(encoder.network.total(24'001) == 76);
  CHECK(encoder.network.available(40 * 320) == 40);
  CHECK(encoder.network.available(40 * 320 - 1) == 39);
}

TEST_CASE("codec_encoder: files without an encoder and options without a say are refused") {
  const auto refused = [](const std::string& file, const ModelOptions& options = {}) {
    return refusal([&] { load_codec_encoder(model_path(file), options); });
  };
  CHECK(refused("encodec-fused/model.safetensors") ==
        "holds no encoder: there is no layer \"encoder.layers.0.conv\"; a converted file may have left it "
        "behind "
        "in what it was made of");
  CHECK(refused("bigvgan-1/bigvgan_generator.pt") ==
        "holds a network of architecture bigvgan, which has no encoder: DAC, EnCodec and SNAC do");
  CHECK(refused(dac, {.preset = "hifigan-22k"}) ==
        "takes sound: there are no features that a preset or statistics could be of");
  CHECK(refused(dac, {.speaker = 1}) == "has one voice only: there is no speaker to choose");
  CHECK(refused(dac, {.given = Given::noise}) == "has no use for given noise");
  CHECK(refused(dac, {.codebooks = 5}) == "makes codes of the first 1 to 4 of its codebooks, not of 5");
  CHECK(refused(dac, {.bandwidth_kbps = 8}) ==
        "makes codes of any number of its 4 codebooks: name that, no bandwidth");
  CHECK(refused(encodec, {.bandwidth_kbps = 2}) ==
        "makes codes of 1.5, 3 kbps: name one of these bandwidths, not 2");
  CHECK(refused(encodec, {.bandwidth_kbps = 3, .codebooks = 4}) ==
        "a bandwidth says how many codebooks there are codes of: name one of the two");
}

TEST_CASE("codec_encoder: a converted file encodes and decodes with the same bits") {
  Rng rng(74);
  const TemporaryDirectory directory;
  const std::string path = directory / "converted.safetensors", half = directory / "half.safetensors",
                    older = directory / "older.safetensors";
  std::set<std::string> done;
  for (const char* golden : {"dac_encoder", "encodec_encoder", "snac_encoder"})
    for (const GoldenCase& c : golden_cases(golden)) {
      const std::string file = model_path(c.parameters.at("file"));
      if (!done.insert(file).second) continue;
      INFO(file);
      const CodecEncoder encoder = load_codec_encoder(file);
      const Model decoder = load_model(file);
      const Signal x = noise(rng, 1, 7 * encoder.hop_length + 1), codes = encoder(x);
      convert_model(file, path);
      CHECK(same_bits(load_codec_encoder(path)(x), codes));
      CHECK(same_bits(load_model(path)(codes), decoder(codes)));
      const ModelOptions fewer{.codebooks = encoder.choices.front().codebooks};
      CHECK(same_bits(load_codec_encoder(path, fewer)(x), load_codec_encoder(file, fewer)(x)));

      // Again, and in other numbers.
      convert_model(path, half, {}, DType::f16);
      const double error = relative_error(load_codec_encoder(half).latents(x), encoder.latents(x));
      CHECK(error > 0);
      CHECK(error < 0.05);

      // As older versions wrote it: what the decoder reads alone.
      const SafetensorsFile both(path);
      std::map<std::string, Tensor> decoders;
      for (const TensorInfo& t : both.tensors())
        if (t.name.find("encoder.") == t.name.npos && t.name.find(".in_proj.") == t.name.npos)
          decoders[t.name] = both.load(t.name);
      CHECK(decoders.size() < both.tensors().size());
      write_safetensors(older, decoders, {.metadata = both.metadata()});
      CHECK(same_bits(load_model(older)(codes), decoder(codes)));
      CHECK(refusal([&] { load_codec_encoder(older); }).find("holds no encoder") == 0);
      convert_model(older, half);
      CHECK(SafetensorsFile(half).tensors().size() == decoders.size());
    }
  CHECK(done.size() == 11);
}

TEST_CASE("codec_encoder: a decoder whose encoder is not complete is converted alone") {
  const TemporaryDirectory directory;
  const std::string path = directory / "model.safetensors", out = directory / "out.safetensors";
  convert_model(model_path(dac), path);
  const SafetensorsFile both(path);
  std::map<std::string, Tensor> tensors;
  for (const TensorInfo& t : both.tensors()) tensors[t.name] = both.load(t.name);
  REQUIRE(tensors.erase("state_dict.encoder.block.2.block.4.bias") == 1);
  write_safetensors(path, tensors, {.metadata = both.metadata()});
  CHECK(refusal([&] {
          load_codec_encoder(path);
        }).find("tensor \"state_dict.encoder.block.2.block.4.bias\" is missing") == 0);
  convert_model(path, out);
  const Signal codes = Signal::Ones(load_model(path).network.in_channels(), 5);
  CHECK(same_bits(load_model(out)(codes), load_model(path)(codes)));
  CHECK(refusal([&] { load_codec_encoder(out); }).find("holds no encoder") == 0);
}

TEST_CASE("codec_encoder: tensors that are missing, of other sizes, too many or not finite are refused") {
  const TemporaryDirectory directory;
  const std::string path = directory / "model.safetensors";
  for (const auto& [file, first, last, book] :
       {std::tuple("dac-transformers/model.safetensors", "encoder.block.0.res_unit1.conv1.bias",
                   "encoder.conv2.bias", "quantizer.quantizers.2.in_proj.bias"),
        {"snac-plain/model.safetensors", "encoder.block.1.block.0.block.1.bias", "encoder.block.3.bias",
         "quantizer.quantizers.2.in_proj.bias"},
        {"encodec-both-fused/model.safetensors", "encoder.layers.0.conv.bias", "encoder.layers.9.conv.bias",
         "quantizer.layers.0.codebook.embed"}}) {
    const auto tensors = open_checkpoint(model_path(file));
    const std::string folder = std::string(file).substr(0, std::string(file).find('/'));
    write_bytes(directory / "config.json", file_bytes(model_path(folder + "/config.json")));
    const auto changed = [&](const std::string& name,
                             const std::function<void(std::map<std::string, Tensor>&)>& change) {
      std::map<std::string, Tensor> all;
      for (const TensorInfo& t : tensors->tensors()) all[t.name] = tensors->load(t.name);
      REQUIRE(all.contains(name));
      change(all);
      write_safetensors(path, all);
      return refusal([&] { load_codec_encoder(path); });
    };
    for (const std::string name : {first, last, book}) {
      INFO(file << ", " << name);
      CHECK(changed(name, [](auto&) {}) == "");
      CHECK(changed(name, [&](auto& all) { all.erase(name); }).find(name) != std::string::npos);
      CHECK(changed(name, [&](auto& all) {
              all[name] = Tensor({7, 7});
            }).find("tensor \"" + name + "\" must have shape ") == 0);
      CHECK(changed(name, [&](auto& all) { all[name].data.back() = std::nanf(""); }) ==
            "tensor \"" + name + "\": numbers must be finite, one is nan");
    }
    CHECK(changed(first, [](auto& all) { all["encoder.more.weight"] = Tensor({1}); }) ==
          "tensor \"encoder.more.weight\" has no place in this architecture");
  }
  const auto of_config = [](const char* where, const json& value) {
    const std::string config = "snac-24khz/config.json";
    json changed = json::parse(file_bytes(model_path(config)));
    changed[json::json_pointer(where)] = value;
    const TemporaryDirectory folder;
    write_bytes(folder / "config.json", changed.dump());
    return refusal([&] { load_codec_encoder(model_path(snac), {.config = folder / "config.json"}); });
  };
  CHECK(of_config("/encoder_dim", 3).find("by the config's \"encoder_dim\"") != std::string::npos);
  CHECK(of_config("/latent_dim", 8) ==
        "config: \"encoder_dim\" and \"encoder_rates\" make 16 channels, \"latent_dim\" says 8");
  CHECK(of_config("/encoder_dim", 1e18).find("\"encoder_dim\" must be an integer from 1 to 65536") !=
        std::string::npos);
}
