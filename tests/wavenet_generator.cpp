#include <wavestride/arithmetic.h>
#include <wavestride/bfloat16.h>
#include <wavestride/int8.h>
#include <wavestride/interpolate.h>
#include <wavestride/wavenet_generator.h>

#include <bit>
#include <catch2/catch.hpp>

#include "contract.h"
#include "counter_random.h"
#include "golden.h"
#include "graph.h"
#include "kernels/bfloat16.h"
#include "kernels/dense.h"

using namespace wavestride;
using namespace wavestride::testing;

namespace {

WavenetDistribution distribution_named(const std::string& name) {
  static const std::map<std::string, WavenetDistribution> all{{"logistic", WavenetDistribution::logistic},
                                                              {"normal", WavenetDistribution::normal},
                                                              {"softmax", WavenetDistribution::softmax}};
  return all.at(name);
}

WavenetWeights weights_of(const GoldenCase& c) {
  WavenetWeights w{.first_conv = c.layer("first_conv"),
                   .conv_layers = {},
                   .last_conv_layers_1 = c.layer("last_conv_layers.1"),
                   .last_conv_layers_3 = c.layer("last_conv_layers.3")};
  for (Index i = 0; i < c.parameters.at("layers").get<Index>(); ++i) {
    const std::string name = "conv_layers." + std::to_string(i) + ".";
    w.conv_layers.push_back({c.layer(name + "conv"), c.layer(name + "conv1x1c"),
                             c.layer(name + "conv1x1_skip"), c.layer(name + "conv1x1_out")});
  }
  return w;
}

WavenetGeneratorOptions options_of(const GoldenCase& c) {
  return {.dilations = wavenet_dilations(c.parameters.at("layers"), c.parameters.at("stacks")),
          .distribution = distribution_named(c.parameters.at("distribution")),
          .seed = c.parameters.at("seed")};
}

/// The random numbers of a seed, as the library draws them.
Signal noise_of(WavenetDistribution distribution, Index outputs, std::uint64_t seed, Index frames) {
  Signal noise(wavenet_noise_channels(distribution, outputs), frames);
  for (Index i = 0; i < noise.size(); ++i)
    noise.data()[i] = static_cast<float>(counter_uniform(seed, static_cast<std::uint64_t>(i)));
  if (distribution == WavenetDistribution::normal)
    for (Index n = 0; n < frames; ++n)
      noise(noise.rows() - 1, n) = static_cast<float>(counter_normal(~seed, static_cast<std::uint64_t>(n)));
  return noise;
}

Signal run(const Op& op, const Signal& c, const Signal& noise) {
  const std::vector<FramesView> in{c, noise};
  return std::move(op(in).front());
}

/// A network of random size and weights, narrow enough in its distributions that samples are seldom clamped.
WavenetWeights random_network(Rng& rng, Initialiser& init, Index layers, Index features, Index inputs,
                              Index outputs) {
  const Index residual = uniform(rng, 1, 40), gate = 2 * uniform(rng, 1, 40), skip = uniform(rng, 1, 40),
              kernel = uniform(rng, 1, 4);
  WavenetWeights w{init.conv(residual, inputs, 1), {}, init.conv(skip, skip, 1), init.conv(outputs, skip, 1)};
  for (Index i = 0; i < layers; ++i)
    w.conv_layers.push_back({init.conv(gate, residual, kernel), init.layer({gate, features, 1}),
                             init.conv(skip, gate / 2, 1), init.conv(residual, gate / 2, 1)});
  if (outputs % 3 == 0)
    for (Index o = outputs - outputs / 3; o < outputs; ++o)
      w.last_conv_layers_3.bias[static_cast<std::size_t>(o)] -= 3;
  return w;
}

/// What a network is fed when it has made these samples: silence, then all but the last; one-hot for classes.
Signal fed(const Signal& samples, bool classes, Index outputs) {
  Signal x = Signal::Zero(classes ? outputs : 1, samples.cols());
  for (Index n = 0; n < samples.cols(); ++n) {
    const float before = n > 0 ? samples(0, n - 1) : 0;
    if (!classes)
      x(0, n) = before;
    else
      x(n > 0 ? std::lround((before + 1) / 2 * static_cast<float>(outputs - 1)) : (outputs - 1) / 2, n) = 1;
  }
  return x;
}

}  // namespace

TEST_CASE("wavenet_generator: 2,000 samples equal PyTorch's incremental generation") {
  for (const GoldenCase& c : golden_cases("wavenet_generator")) {
    INFO(c.name << " " << c.parameters);
    const WavenetWeights weights = weights_of(c);
    WavenetGeneratorOptions options = options_of(c);
    const Signal features = repeat(c.signal("c"), c.parameters.at("repeat"));
    const Index outputs = weights.last_conv_layers_3.weight.dim(0);
    Signal expected = c.signal("y");
    REQUIRE(expected.cols() == 2000);
    const Signal drawn = op::wavenet_generator(weights, options)(features);
    if (options.distribution == WavenetDistribution::softmax) {
      const Signal classes = ((drawn.array() + 1) / 2 * static_cast<float>(outputs - 1)).round();
      CHECK(classes == expected);
      CHECK(expected.maxCoeff() - expected.minCoeff() > static_cast<float>(outputs) / 2);
    } else {
      CHECK((drawn - expected).cwiseAbs().maxCoeff() <= 1e-4f);
      CHECK((expected.array().abs() == 1).count() < 200);
    }
    options.noise_input = true;
    const Signal injected = run(op::wavenet_generator(weights, options), features,
                                noise_of(options.distribution, outputs, options.seed, 2000));
    CHECK(same_bits(injected, drawn));
  }
}

TEST_CASE("wavenet_generator: draws what the teacher-forced network says of its own samples, bit for bit") {
  Rng rng(71);
  Initialiser init(71);
  for (int i = 0; i < 12; ++i) {
    const bool classes = i % 3 == 2;
    const auto distribution = static_cast<WavenetDistribution>(i % 3);
    const Index outputs = classes ? uniform(rng, 2, 40) : i % 3 == 1 && i % 2 ? 2 : 3 * uniform(rng, 1, 4);
    const Index layers = uniform(rng, 1, 9), features = uniform(rng, 1, 5), frames = uniform(rng, 1, 90);
    const WavenetWeights weights =
        random_network(rng, init, layers, features, classes ? outputs : 1, outputs);
    const std::vector<Index> all{1, 2, 4, 8, 16, 32, 3, 12, 1};
    const std::vector<Index> dilations(all.begin(), all.begin() + layers);
    const Signal c = noise(rng, features, frames);
    const Signal random = noise_of(distribution, outputs, 3, frames);
    const Op generator = op::wavenet_generator(
        weights, {.dilations = dilations, .distribution = distribution, .noise_input = true});
    const Signal samples = run(generator, c, random);
    const Stack forward = wavenet(weights, {.dilations = dilations, .causal = true});
    const Signal said = run(forward, fed(samples, classes, outputs), c);
    Signal redrawn(1, frames);
    for (Index n = 0; n < frames; ++n)
      redrawn(0, n) = wavenet_sample(distribution, {said.col(n).data(), static_cast<std::size_t>(outputs)},
                                     {random.col(n).data(), static_cast<std::size_t>(random.rows())});
    INFO("outputs " << outputs << ", layers " << layers << ", frames " << frames);
    CHECK(same_bits(samples, redrawn));
    CHECK(forward.parameters() == generator.parameters());
    CHECK(generator.macs_per_frame() == forward.macs_per_frame());
  }
}

TEST_CASE("wavenet_generator: keeps the contract of every Op") {
  Rng rng(72);
  Initialiser init(72);
  for (int i = 0; i < 6; ++i) {
    const bool classes = i % 3 == 2;
    const Index outputs = classes ? 5 : 6, features = uniform(rng, 1, 4);
    verify_contract_multi(
        op::wavenet_generator(random_network(rng, init, 3, features, classes ? outputs : 1, outputs),
                              {.dilations = {1, 4, 32},
                               .distribution = static_cast<WavenetDistribution>(i % 3),
                               .utterances = uniform(rng, 1, 3),
                               .seed = 5,
                               .noise_input = i >= 3}),
        rng, {.longest = 100});
  }
}

TEST_CASE("wavenet_generator: each of several utterances has the bits that it has alone") {
  Rng rng(73);
  Initialiser init(73);
  for (const std::string& target : kernels::simd_targets()) {
    kernels::use_simd_target(target);
    for (const Index utterances : {2, 3, 5, 13}) {
      const WavenetWeights weights = random_network(rng, init, 4, 3, 1, 6);
      WavenetGeneratorOptions options{.dilations = {1, 2, 4, 8}, .utterances = utterances, .seed = 40};
      const Signal c = noise(rng, 3 * utterances, 50);
      const Signal together = op::wavenet_generator(weights, options)(c);
      options.utterances = 1;
      for (Index u = 0; u < utterances; ++u, ++options.seed) {
        const Signal alone = op::wavenet_generator(weights, options)(Signal(c.middleRows(3 * u, 3)));
        CHECK(same_bits(alone, Signal(together.row(u))));
      }
    }
  }
  kernels::use_simd_target("");
}

TEST_CASE("wavenet_generator: by bfloat16 has the bits of a network whose weights are rounded") {
  Rng rng(74);
  Initialiser init(74);
  const auto layer = [&](std::vector<Index> shape) { return init.layer(std::move(shape)); };
  WavenetWeights weights{.first_conv = layer({64, 1, 1}),
                         .conv_layers = {},
                         .last_conv_layers_1 = layer({64, 64, 1}),
                         .last_conv_layers_3 = layer({6, 64, 1})};
  for (int i = 0; i < 4; ++i)
    weights.conv_layers.push_back(
        {layer({128, 64, 3}), layer({128, 5, 1}), layer({64, 64, 1}), layer({64, 64, 1})});
  WavenetWeights rounded = weights;
  const auto round = [](LayerWeights& l) {
    for (float& v : l.weight.data)
      v = std::bit_cast<float>(static_cast<std::uint32_t>(kernels::to_bfloat16(v)) << 16);
  };
  for (LayerWeights* l : {&rounded.last_conv_layers_1, &rounded.last_conv_layers_3}) round(*l);
  for (WavenetBlockWeights& b : rounded.conv_layers)
    for (LayerWeights* l : {&b.conv, &b.conv1x1_aux, &b.conv1x1_skip, &b.conv1x1_out}) round(*l);

  WavenetGeneratorOptions options{.dilations = {1, 2, 4, 8}, .utterances = 3, .seed = 40};
  const Op direct = op::wavenet_generator(weights, options), fast = bfloat16(direct);
  CHECK(direct.graph()->nodes.front().kernel->name().find("bfloat16") == std::string::npos);
  CHECK(fast.graph()->nodes.front().kernel->name().find("bfloat16") != std::string::npos);
  CHECK(fast.parameters() == direct.parameters());
  for (const std::string& target : kernels::simd_targets()) {
    kernels::use_simd_target(target);
    const Signal c = noise(rng, 3 * 5, 60);
    CHECK(same_bits(fast(c), op::wavenet_generator(rounded, options)(c)));
    CHECK(same_bits(fast(c), bfloat16(fast)(c)));
    CHECK(same_bits(fast(c), bfloat16(direct, {.minimal_filtering = true})(c)));
  }
  kernels::use_simd_target("");
  verify_contract_multi(fast, rng, {.longest = 100});
}

TEST_CASE(
    "wavenet_generator: by int8 keeps the contract, and what is drawn from it near that of exact weights") {
  Rng rng(75);
  const auto layer = [&](std::vector<Index> shape) {
    const Index inputs = shape[1] * shape[2];
    LayerWeights l{noise_tensor(rng, shape, 1 / std::sqrt(static_cast<float>(inputs))), {}};
    l.bias = noise_tensor(rng, {shape[0]}, 0.1f).data;
    return l;
  };
  const auto network = [&](Index residual, Index kernel) {
    WavenetWeights w{.first_conv = layer({residual, 1, 1}),
                     .conv_layers = {},
                     .last_conv_layers_1 = layer({64, 64, 1}),
                     .last_conv_layers_3 = layer({2, 64, 1})};
    for (int i = 0; i < 10; ++i)
      w.conv_layers.push_back(
          {layer({128, residual, kernel}), layer({128, 5, 1}), layer({64, 64, 1}), layer({residual, 64, 1})});
    return w;
  };
  WavenetWeights weights = network(64, 3);
  const WavenetGeneratorOptions options{.dilations = wavenet_dilations(10, 2),
                                        .distribution = WavenetDistribution::normal,
                                        .utterances = 3,
                                        .seed = 40};
  const Op direct = op::wavenet_generator(weights, options), fast = int8(direct);
  CHECK(fast.graph()->nodes.front().kernel->name().find("int8") != std::string::npos);
  CHECK(fast.parameters() == direct.parameters());
  verify_contract_multi(fast, rng, {.longest = 100});
  for (const auto& [residual, kernel] : {std::pair<Index, Index>{61, 1}, {63, 4}, {1, 2050}})
    verify_contract_multi(int8(op::wavenet_generator(network(residual, kernel), options)), rng,
                          {.longest = 20, .chunkings = 2});
  const Signal c = noise(rng, 3 * 5, 200), expected = fast(c);
  // Of many utterances sums are not made ahead; and of more than there are rows in a tile.
  WavenetGeneratorOptions many = options;
  many.utterances = 37;
  const Signal each = noise(rng, 37 * 5, 40), together = int8(op::wavenet_generator(weights, many))(each);
  many.utterances = 1;
  for (const Index u : {0, 15, 16, 31, 36}) {
    many.seed = options.seed + static_cast<std::uint64_t>(u);
    CHECK(same_bits(int8(op::wavenet_generator(weights, many))(Signal(each.middleRows(5 * u, 5))),
                    Signal(together.row(u))));
  }
  CHECK(same_bits(bfloat16(fast)(c), expected));
  CHECK(same_bits(compute_by(direct, {.minimal_filtering = true, .bfloat16 = true, .int8 = true})(c),
                  expected));

  // Of a network to which its own samples do not matter, and whose samples are the mean.
  std::fill(weights.first_conv.weight.data.begin(), weights.first_conv.weight.data.end(), 0.0f);
  std::fill_n(weights.last_conv_layers_3.weight.data.begin() + 64, 64, 0.0f);
  weights.last_conv_layers_3.bias[1] = -40;
  for (float& w : weights.last_conv_layers_3.weight.data) w *= 0.2f;
  const Op mean = op::wavenet_generator(weights, options);
  for (const std::string& target : kernels::simd_targets()) {
    INFO(target);
    kernels::use_simd_target(target);
    const Signal exact = mean(c);
    const auto decibels = [&](const Op& op) {
      return 20 * std::log10((exact.array() - exact.mean()).matrix().norm() / (op(c) - exact).norm());
    };
    const float rounded = decibels(bfloat16(mean)), integers = decibels(int8(mean));
    INFO(rounded << " dB by bfloat16, " << integers << " dB by int8");
    CHECK(rounded > 43);
    CHECK(integers > 35);
  }
  kernels::use_simd_target("");

  // What is not finite stays so, and a small network as it is.
  Signal spoilt = c;
  spoilt(0, 150) = std::nanf("");
  CHECK(std::isnan(int8(mean)(spoilt)(0, 150)));
  CHECK(std::isfinite(int8(mean)(spoilt)(1, 150)));
  weights.conv_layers.resize(1);
  const Op small =
      int8(op::wavenet_generator(weights, {.dilations = {1}, .distribution = options.distribution}));
  CHECK(small.graph()->nodes.front().kernel->name().find("int8") == std::string::npos);
}

TEST_CASE("wavenet_generator: samples follow the distribution that they are drawn from") {
  constexpr Index draws = 20000;
  const auto moments = [&](WavenetDistribution distribution, const std::vector<float>& outputs,
                           std::optional<float> floor = {}) {
    const auto count = static_cast<Index>(outputs.size());
    const Signal random = noise_of(distribution, count, 11, draws);
    Eigen::ArrayXd x(draws);
    for (Index n = 0; n < draws; ++n)
      x[n] = wavenet_sample(distribution, outputs,
                            {random.col(n).data(), static_cast<std::size_t>(random.rows())}, floor);
    return std::pair{x.mean(), std::sqrt((x - x.mean()).square().mean())};
  };
  const auto [logistic_mean, logistic_deviation] =
      moments(WavenetDistribution::logistic, {-30, 5, -30, 0.9f, 0.2f, 0, 0, -4, 0});
  CHECK(logistic_mean == Approx(0.2).margin(0.002));
  CHECK(logistic_deviation == Approx(std::exp(-4) * std::numbers::pi / std::sqrt(3)).epsilon(0.02));
  const auto [normal_mean, normal_deviation] = moments(WavenetDistribution::normal, {-0.1f, -3});
  CHECK(normal_mean == Approx(-0.1).margin(0.002));
  CHECK(normal_deviation == Approx(std::exp(-3)).epsilon(0.02));
  // Two components as likely as 3 : 1.
  const auto [mixture_mean, mixture_deviation] =
      moments(WavenetDistribution::normal, {std::log(3.0f), 0, 0.5f, -0.5f, -9, -9});
  CHECK(mixture_mean == Approx(0.25).margin(0.01));
  CHECK(mixture_deviation == Approx(std::sqrt(0.1875)).epsilon(0.02));
  const auto [class_mean, class_deviation] =
      moments(WavenetDistribution::softmax, {0, std::log(2.0f), std::log(5.0f)});
  CHECK(class_mean == Approx(0.5).margin(0.01));
  CHECK(class_deviation == Approx(std::sqrt(0.5)).epsilon(0.02));
  const auto floored = moments(WavenetDistribution::logistic, {0, 0.1f, -20}, -5.0f);
  CHECK(floored.second == Approx(std::exp(-5) * std::numbers::pi / std::sqrt(3)).epsilon(0.02));
  const float certain[] = {0, 0.1f, -20}, last = 0x1.fffffep-1f;
  CHECK(wavenet_sample(WavenetDistribution::logistic, certain, {&last, 1}) == Approx(0.1).margin(1e-6));
  const float wide[] = {0, 0, 3}, sure[] = {3, -1000};
  CHECK(wavenet_sample(WavenetDistribution::logistic, wide, {&last, 1}) == 1);
  CHECK(wavenet_sample(WavenetDistribution::softmax, sure, {&last, 1}) == -1);
  CHECK_THROWS_WITH(wavenet_sample(WavenetDistribution::logistic, std::vector<float>(30), {&last, 1}),
                    "wavenet_sample: needs outputs and 11 random numbers, got 30 and 1");
  CHECK_THROWS_AS(wavenet_sample(WavenetDistribution::softmax, {}, {&last, 1}), std::invalid_argument);
}

TEST_CASE("wavenet_generator: refuses weights that do not fit, saying what was given") {
  Rng rng(74);
  Initialiser init(74);
  const WavenetWeights good = random_network(rng, init, 2, 3, 1, 6);
  const auto make = [](const WavenetWeights& w, WavenetGeneratorOptions o = {.dilations = {1, 2}}) {
    return op::wavenet_generator(w, o);
  };
  CHECK_NOTHROW(make(good));
  CHECK_THROWS_WITH(make(good, {.dilations = {1}}),
                    "wavenet_generator: needs one dilation for each of conv_layers, got 1 for 2");
  CHECK_THROWS_WITH(make(good, {.dilations = {1, 0}}),
                    "wavenet_generator: dilations must be from 1 to 2^24, got 0");
  CHECK_THROWS_WITH(make(good, {.dilations = {1, 2}, .utterances = 0}),
                    "wavenet_generator: utterances must be from 1 to 4096, got 0");
  WavenetWeights w = good;
  w.last_conv_layers_3.weight = Tensor({7, w.last_conv_layers_3.weight.dim(1), 1});
  CHECK_THROWS_WITH(make(w),
                    "wavenet_generator: a mixture needs 3 outputs for each of its components, got 7");
  w = good;
  w.conv_layers[1].conv1x1_skip.weight = Tensor({50, 50, 1});
  CHECK_THROWS_WITH(make(w), Catch::StartsWith("wavenet_generator: conv1x1_skip of layer 1 must have shape"));
  w = good;
  for (WavenetBlockWeights& block : w.conv_layers) block.conv1x1_aux = {};
  CHECK_THROWS_WITH(make(w), Catch::Contains("only networks with features can generate"));
  w.conv_layers.clear();
  CHECK_THROWS_AS(make(w), std::invalid_argument);
  CHECK_THROWS_WITH(wavenet_dilations(24, 5),
                    "wavenet: stacks must divide layers into at most 40 each, got 24 layers in 5 stacks");
}
