#include <wavestride/checkpoint.h>
#include <wavestride/codec_encoder.h>
#include <wavestride/noise.h>
#include <wavestride/safetensors.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <complex>

#include "contract.h"
#include "hostile.h"
#include "models.h"
#include "models/local_attention.h"

using namespace wavestride;
using namespace wavestride::testing;
using nlohmann::json;

TEST_CASE("snac: the files of its recipes give the samples that torch gives, whole and in chunks") {
  verify_models("snac");
}

namespace {

const std::string usual = "snac-24khz/pytorch_model.bin", plain = "snac-plain/model.safetensors",
                  attentive = "snac-32khz/pytorch_model.bin";

std::string with(const char* where, const json& value) {
  return refusal_with(usual, "config.json", where, value);
}

Signal made_of(const Model& model, const std::vector<Signal>& in) {
  const std::vector<FramesView> views(in.begin(), in.end());
  return model.network(views).front();
}

}  // namespace

TEST_CASE("snac: of given noise it makes what torch makes of it") {
  for (const GoldenCase& c : golden_cases("snac_noise")) {
    const std::string file = c.parameters.at("file");
    INFO(file);
    const Model model = load_model(model_path(file), {.given = Given::noise});
    std::vector<Signal> in{c.signal("x")};
    for (const char* noise : {"noise0", "noise1", "noise2"})
      if (c.has(noise)) in.push_back(c.signal(noise));
    REQUIRE(model.network.inputs() == (file == attentive ? 3 : 4));
    REQUIRE(std::ssize(in) == model.network.inputs());
    CHECK(relative_error(made_of(model, in), c.signal("y")) <= model_tolerance);
    for (std::size_t i = 1; i < in.size(); ++i) in[i].setZero();
    const std::string quiet = model_path(file.substr(0, file.find('/')) + "/quiet.json");
    CHECK(relative_error(made_of(model, in), load_model(model_path(file), {.config = quiet})(in.front())) <=
          1e-6);
  }
}

TEST_CASE("snac: draws noise by seed and position, another for each rate") {
  Rng rng(44);
  const auto of_seed = [](std::uint64_t seed) { return load_model(model_path(usual), {.seed = seed}); };
  const Signal codes = noise(rng, 7, 20);
  const Signal y = of_seed(0)(codes);
  CHECK(same_bits(of_seed(0)(codes), y));
  const Signal other = of_seed(1)(codes);
  CHECK_FALSE(same_bits(other, y));
  verify_contract(of_seed(1).network, rng, {.dense = false, .longest = 20, .chunkings = 2});
  const Model given = load_model(model_path(usual), {.given = Given::noise});
  std::vector<Signal> in{codes};
  Index length = 20 * 4;
  for (const auto& [rate, seed] :
       {std::pair<Index, std::uint64_t>{3, 0}, {2, 0x9e3779b97f4a7c15}, {2, 0x3c6ef372fe94f82a}})
    in.push_back(normal_noise(1, length *= rate, seed));
  CHECK(same_bits(made_of(given, in), y));
}

TEST_CASE("snac: a frame has the codes of all codebooks that sound together") {
  for (const auto& [file, codes, hop, rows] :
       {std::tuple<std::string, std::vector<Index>, Index, Index>{usual, {7, 1, 3, 7}, 4 * 12, 20},
        {plain, {6, 1, 3, 6}, 6 * 12, 20}})
    for (std::size_t used = 0; used < codes.size(); ++used) {
      const Model model =
          load_model(model_path(file),
                     {.codebooks = used == 0 ? std::nullopt : std::optional(static_cast<Index>(used))});
      CHECK(model.codes == rows);
      CHECK(model.features.name == "SNAC");
      CHECK(model.features.sample_rate == 16'000);
      CHECK(model.features.hop_length == hop);
      CHECK(model.features.n_mels == codes[used]);
      CHECK(model.network.total(10) == 10 * hop);
      CHECK(model.no_analysis == "it takes the codes that SNAC makes of sound, no mel frames");
    }
  CHECK(refusal([] { load_model(model_path(usual), {.codebooks = 4}); }) ==
        "takes codes of the first 1 to 3 of its codebooks, not of 4");
  CHECK(refusal([] { load_model(model_path(plain), {.given = Given::noise}); }) ==
        "has no use for given noise");
}

TEST_CASE("snac: frames attend to those of their window alone, as double has it") {
  Rng rng(45);
  constexpr Index channels = 24, half = 4, window = 5;
  models::LocalAttentionWeights w{noise_tensor(rng, {channels}),
                                  noise_tensor(rng, {channels}),
                                  noise_tensor(rng, {3 * channels, channels}, 0.2f),
                                  noise_tensor(rng, {channels, channels}, 0.2f),
                                  {1.0f, 0.3f, 0.1f, 0.01f}};
  StackBuilder b("attention");
  const Op op = b.build({models::local_attention(b, b.input(channels), w, window)});
  verify_contract(op, rng, {.dense = false, .longest = 40, .chunkings = 4});
  CHECK(op.total(13) == 13);
  CHECK(op.available(9) == 5);

  const auto matrix = [](const Tensor& t) {
    return Eigen::Map<const Eigen::Matrix<float, -1, -1, Eigen::RowMajor>>(t.data.data(), t.shape[0],
                                                                           t.shape[1])
        .cast<double>()
        .eval();
  };
  const Eigen::MatrixXd to_qkv = matrix(w.qkv), to_out = matrix(w.out);
  const Signal x = noise(rng, channels, 13);
  Eigen::MatrixXd normal = x.cast<double>();
  for (Index n = 0; n < x.cols(); ++n) {
    normal.col(n).array() -= normal.col(n).mean();
    normal.col(n) /= std::sqrt(normal.col(n).squaredNorm() / channels + 1e-5);
    for (Index c = 0; c < channels; ++c)
      normal(c, n) = normal(c, n) * static_cast<double>(w.norm.data[static_cast<std::size_t>(c)]) +
                     static_cast<double>(w.norm_bias.data[static_cast<std::size_t>(c)]);
  }
  Eigen::MatrixXd qkv = to_qkv * normal, attended = Eigen::MatrixXd::Zero(channels, x.cols());
  for (Index row = 0; row < 2 * channels; row += 2 * half)  // queries and keys, as complex numbers turned
    for (Index i = 0; i < half; ++i)
      for (Index n = 0; n < x.cols(); ++n) {
        const double angle =
            static_cast<double>(n % window) * static_cast<double>(w.frequencies[static_cast<std::size_t>(i)]);
        const auto turned =
            std::complex<double>(qkv(row + i, n), qkv(row + half + i, n)) * std::polar(1.0, angle);
        qkv(row + i, n) = turned.real(), qkv(row + half + i, n) = turned.imag();
      }
  for (Index head = 0; head < channels; head += 2 * half)
    for (Index n = 0; n < x.cols(); ++n) {
      const Index first = n / window * window, frames = std::min(window, x.cols() - first);
      Eigen::VectorXd share = qkv.block(channels + head, first, 2 * half, frames).transpose() *
                              qkv.block(head, n, 2 * half, 1) / std::sqrt(2.0 * half);
      share = share.array().exp();
      attended.block(head, n, 2 * half, 1) =
          qkv.block(2 * channels + head, first, 2 * half, frames) * share / share.sum();
    }
  const Signal expected = (x.cast<double>() + to_out * attended).cast<float>();
  CHECK(relative_error(op(x), expected) <= golden_tolerance);
}

TEST_CASE("snac: an encoder with attention takes whole windows, and ends them with zeros") {
  const CodecEncoder encoder = load_codec_encoder(model_path(attentive));
  CHECK(encoder.hop_length == 24);       // 4 latents of 6 samples
  CHECK(encoder.network.total(1) == 3);  // 12 latents, windows are of 6
  CHECK(encoder.network.total(3 * 24 + 1) == 6);
  CHECK(load_model(model_path(attentive)).network.total(5) ==
        5 * 24);  // a decoder's last window may be short
}

TEST_CASE("snac: what is not supported and what contradicts the file is refused, naming the key") {
  CHECK(with("/latent_dim", 8).find("by the config's \"latent_dim\"") != std::string::npos);
  CHECK(
      with("/attn_window_size", 32) ==
      "config: \"attn_window_size\" calls for attention, the file holds no layer \"decoder.model.2.to_qkv\"");
  const auto window = [](const json& value) {
    return refusal_with(attentive, "config.json", "/attn_window_size", value);
  };
  CHECK(window(nullptr) ==
        "config: \"attn_window_size\" says nothing of attention, the file holds a layer "
        "\"decoder.model.2.to_qkv\"");
  CHECK(window(0) == "config: \"attn_window_size\" must be an integer from 1 to 1024");
  CHECK(window(7) == "");
  CHECK(with("/depthwise", false) ==
        "config: \"depthwise\" is false, the file holds a depthwise layer \"decoder.model.0\"");
  CHECK(with("/noise", nullptr) == "");
  CHECK(with("/noise", "loud") == "config: \"noise\" must be true or false");
  CHECK(with("/vq_strides", {4, 3, 1}) ==
        "config: \"vq_strides\" must divide the largest of them, 4, one is 3");
  CHECK(
      with("/vq_strides", {4, 2, 1, 1}) ==
      "config: \"vq_strides\" says 4 codebooks, the file holds no layer \"quantizer.quantizers.3.out_proj\"");
  CHECK(with("/vq_strides", {4, 2}).find("has no place in this architecture") != std::string::npos);
  CHECK(with("/vq_strides", {1e6, 2, 1}) == "config: \"vq_strides\" must hold integers from 1 to 1024");
  json config = json::parse(file_bytes(model_path("snac-24khz/config.json")));
  config["decoder_rates"] = {32, 32, 2}, config["encoder_rates"] = {2, 32, 32},
  config["vq_strides"] = {1024, 1};
  const TemporaryDirectory directory;
  write_bytes(directory / "config.json", config.dump());
  CHECK(refusal([&] { load_model(model_path(usual), {.config = directory / "config.json"}); }) ==
        "config: \"vq_strides\" and \"decoder_rates\" must make at most 1048576 samples of a frame of codes, "
        "make 2097152");
  CHECK(with("/encoder_dim", 3).find("\"encoder_dim\"") != std::string::npos);
  CHECK(with("/decoder_rates", {3, 2, 4}).find("\"encoder_rates\" a frame of another number") !=
        std::string::npos);
  CHECK(refusal_with(plain, "config.json", "/noise", true) ==
        "config: \"noise\" says that there is noise, the file holds no layer "
        "\"decoder.model.2.block.2.linear\"");
}
