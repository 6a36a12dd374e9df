#include <wavestride/model.h>
#include <wavestride/safetensors.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>

#include "contract.h"
#include "every_target.h"
#include "hostile.h"
#include "kernels/snake.h"
#include "models.h"

using namespace wavestride;
using namespace wavestride::testing;

TEST_CASE("bigvgan: the files of its recipes give the samples that torch gives, whole and in chunks") {
  verify_models("bigvgan");
}

namespace {

const std::string first = "bigvgan-1/bigvgan_generator.pt", second = "bigvgan-v2/bigvgan_generator.pt";

std::string with(const std::string& file, const std::string& where, const nlohmann::json& value) {
  return refusal_with(file, "config.json", where, value);
}

}  // namespace

TEST_CASE("bigvgan: a config that the file contradicts is refused, naming the key and both sides") {
  CHECK(with(first, "/seed", 1) == "");
  CHECK(with(first, "/activation", nullptr) == "config: \"activation\" must be a string");
  CHECK(with(first, "/activation", "relu") ==
        "config: \"activation\" must be snake or snakebeta, is \"relu\"");
  CHECK(with(first, "/activation", "snakebeta") ==
        "config: \"activation\" says snakebeta, the file holds no tensor "
        "\"resblocks.0.activations.0.act.beta\"");
  CHECK(with(second, "/activation", "snake") ==
        "config: \"activation\" says snake, the file holds a tensor \"resblocks.0.activations.0.act.beta\"");
  CHECK(with(first, "/snake_logscale", nullptr) == "config: \"snake_logscale\" must be true or false");
  CHECK(with(first, "/use_tanh_at_final", "no") == "config: \"use_tanh_at_final\" must be true or false");
  CHECK(with(first, "/use_bias_at_final", true) == "");
  CHECK(with(first, "/use_bias_at_final", false) ==
        "config: \"use_bias_at_final\" says that the last convolution has no bias, the file holds a tensor "
        "\"conv_post.bias\"");
  CHECK(with(second, "/use_bias_at_final", nullptr) ==
        "config: \"use_bias_at_final\" says that the last convolution has a bias, the file holds no tensor "
        "\"conv_post.bias\"");
  CHECK(with(first, "/resblock", "2") ==
        "config: \"resblock\" says residual blocks of type 2, the file holds a layer "
        "\"resblocks.0.convs2.0\"");
  CHECK(with(first, "/resblock_dilation_sizes", {{1, 3}, {1, 2}}) ==
        "tensor \"generator.resblocks.0.convs1.2.bias\" has no place in this architecture");
  CHECK(with(first, "/hop_size", 32) ==
        "the network makes 16 samples of a frame by the config's \"upsample_rates\", features of HiFi-GAN "
        "have a "
        "hop of 32 by the config's \"hop_size\"");
}

TEST_CASE("bigvgan: tensors of other sizes are refused, and a file without activations") {
  const TemporaryDirectory directory;
  const std::string path = directory / "model.safetensors";
  const auto file = open_checkpoint(model_path("bigvgan-fused/model.safetensors"));
  const std::string config = file_bytes(model_path("bigvgan-fused/config.json"));
  const auto changed = [&](const std::string& name, std::vector<Index> shape, float last = 0) {
    std::map<std::string, Tensor> tensors;
    for (const TensorInfo& t : file->tensors()) tensors[t.name] = file->load(t.name);
    if (shape.empty()) {
      tensors.erase(name);
    } else {
      tensors[name] = Tensor(std::move(shape));
      tensors[name].data.back() = last;
    }
    write_safetensors(path, tensors, {.metadata = {{"config", config}}});
    return refusal([&] { load_model(path); });
  };
  CHECK(changed("conv_pre.bias", {12}) == "");
  CHECK(changed("activation_post.act.alpha", {7}) ==
        "tensor \"activation_post.act.alpha\" must have shape [3], has [7]");
  CHECK(changed("activation_post.act.alpha", {}) == "tensor \"activation_post.act.alpha\" is missing");
  CHECK(changed("activation_post.upsample.filter", {1, 1, 13}) ==
        "tensor \"activation_post.upsample.filter\" must have shape [1, 1, 12], has [1, 1, 13]");
  CHECK(changed("activation_post.downsample.lowpass.filter", {3, 1, 12}) ==
        "tensor \"activation_post.downsample.lowpass.filter\" must have shape [1, 1, 12], has [3, 1, 12]");
  CHECK(
      changed("ups.0.0.weight", {12, 5, 8}) ==
      "tensor \"ups.0.0.weight\" must have shape [12, 6, 8] by the config's \"upsample_initial_channel\" and "
      "\"upsample_kernel_sizes\", has [12, 5, 8]");
  CHECK(changed("ups.0.0.weight", {}).find("holds the layers of no known architecture") == 0);
  // Its layers always have biases, but for the last.
  for (const char* layer : {"conv_pre", "ups.1.0", "resblocks.0.convs.1"})
    CHECK(changed(layer + std::string(".bias"), {})
              .find("tensor \"" + std::string(layer) + ".bias\" is missing") == 0);
}

TEST_CASE("bigvgan: numbers that are not finite are refused, naming their tensors") {
  const float nan = std::nanf(""), infinite = std::numeric_limits<float>::infinity();
  const auto file = open_checkpoint(model_path(second));
  const std::string config = file_bytes(model_path("bigvgan-v2/config.json"));
  const TemporaryDirectory directory;
  const std::string path = directory / "model.safetensors";
  const auto with_last = [&](const std::string& name, float value) {
    std::map<std::string, Tensor> tensors;
    for (const TensorInfo& t : file->tensors()) tensors[t.name] = file->load(t.name);
    tensors.at("generator." + name).data.back() = value;
    write_safetensors(path, tensors, {.metadata = {{"config", config}}});
    return refusal([&] { load_model(path); });
  };
  CHECK(with_last("conv_pre.bias", 1) == "");
  for (const char* name : {"activation_post.act.alpha", "resblocks.0.activations.1.act.beta", "conv_pre.bias",
                           "activation_post.upsample.filter"}) {
    const std::string refused =
        "tensor \"generator." + std::string(name) + "\": numbers must be finite, one is ";
    CHECK(with_last(name, nan) == refused + "nan");
    CHECK(with_last(name, -infinite) == refused + "infinite");
  }
  const std::string weight = "ups.0.0.parametrizations.weight.original";
  for (const char* part : {"0", "1"})
    CHECK(with_last(weight + part, nan) == "tensors \"generator." + weight + "1\" and \"generator." + weight +
                                               "0\": numbers must be finite, one is nan");
  // Logarithms, of which those of beta may be anything.
  const std::string post = "activation_post.act.";
  CHECK(with_last(post + "alpha", 88) == "");
  CHECK(with_last(post + "alpha", -1e9f) == "");
  CHECK(with_last(post + "alpha", 89) ==
        "config: \"snake_logscale\" takes tensor \"activation_post.act.alpha\" for logarithms, whose "
        "exponentials are infinite");
  CHECK(with_last(post + "beta", 89) == "");
}

TEST_CASE("bigvgan: snakes that would divide by zero are refused, naming their tensors") {
  const TemporaryDirectory directory;
  const std::string path = directory / "model.safetensors";
  for (const auto& [folder, name] :
       {std::pair("bigvgan-1", "generator.activation_post.act.alpha"),
        std::pair("bigvgan-v2", "generator.resblocks.0.activations.1.act.beta")}) {
    const auto file = open_checkpoint(model_path(folder + std::string("/bigvgan_generator.pt")));
    auto config = nlohmann::json::parse(file_bytes(model_path(folder + std::string("/config.json"))));
    config["snake_logscale"] = false;
    std::map<std::string, Tensor> tensors;
    for (const TensorInfo& t : file->tensors()) tensors[t.name] = file->load(t.name);
    for (const float value : {1e-9f, -1e-9f}) {
      tensors.at(name).data.back() = value;
      write_safetensors(path, tensors, {.metadata = {{"config", config.dump()}}});
      CHECK(refusal([&] { load_model(path); }) ==
            (value > 0
                 ? ""
                 : "tensor \"" + std::string(name) + "\": 1e-9 is added before it divides, one is -1e-9"));
    }
  }
}

TEST_CASE("bigvgan: the features are its recipe's, up to half the sample rate") {
  const Model model = load_model(model_path(first));
  CHECK(model.features.n_mels == 10);
  CHECK(model.features.sample_rate == 16'000);
  CHECK(model.features.f_max == 0);
  CHECK(model.no_analysis.empty());
}

namespace {

/// The same in double, of one channel: at twice the rate, and back.
std::vector<double> anti_aliased(const std::vector<double>& x, double alpha, double beta,
                                 const kernels::SnakeFilters& filters) {
  const auto length = static_cast<Index>(x.size());
  const auto at = [](const std::vector<double>& v, Index i) {
    return v[static_cast<std::size_t>(std::clamp<Index>(i, 0, static_cast<Index>(v.size()) - 1))];
  };
  std::vector<double> z, out;
  for (Index m = 0; m < 2 * length; ++m) {
    double y = 0;
    for (Index i = -10; i < length + 10; ++i)
      if (const Index tap = m + 5 - 2 * i; tap >= 0 && tap < kernels::snake_taps)
        y += static_cast<double>(filters.up[static_cast<std::size_t>(tap)]) * at(x, i);
    z.push_back(y + std::pow(std::sin(alpha * y), 2) / (beta + 1e-9));
  }
  for (Index n = 0; n < length; ++n) {
    double y = 0;
    for (Index k = 0; k < kernels::snake_taps; ++k)
      y += static_cast<double>(filters.down[static_cast<std::size_t>(k)]) * at(z, 2 * n - 5 + k);
    out.push_back(y);
  }
  return out;
}

}  // namespace

// Largest error measured over all targets: 9.2e-7 of the largest value, or of 1.
TEST_CASE("bigvgan: snakes at twice the rate are as in double, in any pieces, on every SIMD target") {
  EveryTarget targets;
  for (const std::string& name : targets.names) {
    kernels::use_simd_target(name);
    Rng rng(36);
    double worst = 0;
    for (const Index channels : {1, 2, 3, 7, 12, 15, 16, 17, 24, 32, 48, 63, 64, 65, 70, 96, 129}) {
      std::vector<float> alpha, beta;
      for (Index c = 0; c < channels; ++c) {
        alpha.push_back(std::exp(0.5f * noise(rng, 1, 1)(0, 0)));
        beta.push_back(std::exp(0.5f * noise(rng, 1, 1)(0, 0)));
      }
      const kernels::SnakeWeights weights(alpha, beta);
      kernels::SnakeFilters filters;
      for (std::size_t k = 0; k < filters.up.size(); ++k) {
        filters.up[k] = 0.6f * noise(rng, 1, 1)(0, 0);
        filters.down[k] = 0.4f * noise(rng, 1, 1)(0, 0);
      }
      std::vector<float> scratch(static_cast<std::size_t>(kernels::SnakeBlock(channels).scratch()));
      for (const Index length : {1, 2, 3, 4, 5, 6, 7, 11, 12, 40, 150}) {
        const Signal x = noise(rng, channels, length);
        Signal padded(channels, length + 10), y(channels, length);
        for (Index n = 0; n < length + 10; ++n)
          padded.col(n) = x.col(std::clamp<Index>(n - 5, 0, length - 1));
        // Exactly what the window has, so that a read beyond it is found.
        const auto make = [&](Index n, Index count, Index known) {
          const std::vector<float> in(padded.col(n).data(), padded.col(n).data() + (count + 10) * channels);
          std::vector<float> out(static_cast<std::size_t>(count * channels));
          std::fill(scratch.begin(), scratch.end(), std::nanf(""));
          kernels::anti_aliased_snake(weights, filters, in.data(), n, count, known, out.data(),
                                      scratch.data());
          return out;
        };
        const auto store = [&](Index n, const std::vector<float>& made) {
          std::copy(made.begin(), made.end(), y.col(n).data());
        };
        store(0, make(0, length, length));
        const Signal whole = y;
        for (Index n = 0, some; n < length; n += some) {
          some = std::min<Index>(std::uniform_int_distribution<Index>(1, 45)(rng), length - n);
          // Before the end has come, its place is not known.
          store(n, make(n, some, n + some + 5 <= length ? Work::unknown : length));
        }
        INFO(name << ": " << channels << " channels, " << length << " frames");
        CHECK(same_bits(y, whole));
        double error = 0, largest = 1;
        for (Index c = 0; c < channels; ++c) {
          const auto k = static_cast<std::size_t>(c);
          std::vector<double> row;
          for (Index n = 0; n < length; ++n) row.push_back(static_cast<double>(x(c, n)));
          const std::vector<double> exact =
              anti_aliased(row, static_cast<double>(alpha[k]), static_cast<double>(beta[k]), filters);
          for (Index n = 0; n < length; ++n) {
            const double e = exact[static_cast<std::size_t>(n)];
            error = std::max(error, std::abs(static_cast<double>(y(c, n)) - e));
            largest = std::max(largest, std::abs(e));
          }
        }
        worst = std::max(worst, error / largest);
      }
    }
    INFO(name << ": " << worst);
    CHECK(worst <= 1e-6);
  }
}
