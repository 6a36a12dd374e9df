#include <wavestride/wavenet.h>

#include <catch2/catch.hpp>

#include "contract.h"
#include "golden.h"

using namespace wavestride;
using namespace wavestride::testing;

namespace {

UpsampleNetworkOptions upsample_options(const GoldenCase& c) {
  const auto& p = c.parameters;
  UpsampleNetworkOptions o{.channels = c["c"].dim(0), .scales = p.at("scales"), .causal = p.at("causal")};
  if (!p.at("slope").is_null()) o.negative_slope = p.at("slope");
  return o;
}

UpsampleNetworkWeights upsample_weights(const GoldenCase& c) {
  UpsampleNetworkWeights w{.conv_in = c.layer("conv_in"), .up_layers = {}};
  for (const LayerWeights& layer : c.layers("up_layers.")) w.up_layers.push_back(layer.weight);
  return w;
}

}  // namespace

TEST_CASE("wavenet: the gated block equals its PyTorch module") {
  for (const GoldenCase& c : golden_cases("wavenet")) {
    if (c.parameters.at("kind") != "block") continue;
    INFO(c.name << " " << c.parameters);
    const Stack block = wavenet_block(
        {c.layer("conv"), c.layer("conv1x1_aux"), c.layer("conv1x1_skip"), c.layer("conv1x1_out")},
        {.dilation = c.parameters.at("dilation"), .causal = c.parameters.at("causal")});
    std::vector<Signal> in{c.signal("x")};
    if (c.has("c")) in.push_back(c.signal("c"));
    const auto out = block(std::vector<FramesView>(in.begin(), in.end()));
    CHECK(relative_error(out[0], c.signal("out")) <= golden_tolerance);
    CHECK(relative_error(out[1], c.signal("skip")) <= golden_tolerance);
  }
}

TEST_CASE("wavenet: upsampling networks equal their PyTorch modules") {
  for (const GoldenCase& c : golden_cases("wavenet")) {
    if (c.parameters.at("kind") != "upsample") continue;
    INFO(c.name << " " << c.parameters);
    const auto make = c.has("conv_in.weight") ? conv_in_upsample_network : upsample_network;
    const Signal y = make(upsample_weights(c), upsample_options(c))(c.signal("c"));
    CHECK(relative_error(y, c.signal("y")) <= golden_tolerance);
  }
}

TEST_CASE("wavenet: published stacks read as far as was counted for them") {
  constexpr struct {
    const char* name;
    Index layers, stacks, kernel;
    bool causal;
    Index field;
  } published[] = {{"ParallelWaveGAN v1", 30, 3, 3, false, 2 * 3069 + 1},
                   {"ParallelWaveGAN v3", 30, 3, 5, false, 2 * 6138 + 1},
                   {"WaveNet, mixture of logistics", 24, 4, 3, true, 505},
                   {"WaveNet, mu-law", 30, 3, 3, true, 6139}};
  Initialiser init(65);
  for (const auto& p : published) {
    INFO(p.name);
    WavenetWeights w{init.conv(1, 1, 1), {}, init.conv(1, 1, 1), init.conv(1, 1, 1)};
    for (Index i = 0; i < p.layers; ++i)
      w.conv_layers.push_back({init.conv(2, 1, p.kernel), {}, init.conv(1, 1, 1), init.conv(1, 1, 1)});
    const Stack net = wavenet(w, {.dilations = wavenet_dilations(p.layers, p.stacks), .causal = p.causal});
    CHECK(net.receptive_field() == p.field);
    CHECK(net.lookahead_frames() == (p.causal ? 0 : p.field / 2));
  }
}

TEST_CASE("wavenet: blocks and upsampling networks keep the contract of every Op") {
  Rng rng(61);
  Initialiser init(61);
  for (int i = 0; i < 16; ++i) {
    const bool causal = i % 2 == 0;
    const Index residual = uniform(rng, 1, 9), gate = uniform(rng, 1, 9), features = uniform(rng, 1, 9);
    WavenetBlockWeights block{init.conv(2 * gate, residual, 2 * uniform(rng, 0, 2) + 1),
                              {},
                              init.conv(uniform(rng, 1, 9), gate, 1),
                              init.conv(residual, gate, 1)};
    if (i % 3 > 0) block.conv1x1_aux = init.layer({2 * gate, features, 1});
    verify_contract_multi(wavenet_block(block, {.dilation = uniform(rng, 1, 9), .causal = causal}), rng);

    UpsampleNetworkOptions options{
        .channels = features, .scales = {uniform(rng, 1, 4), uniform(rng, 1, 5)}, .causal = causal};
    if (i % 4 > 1) options.negative_slope = 0.2f;
    UpsampleNetworkWeights weights{init.conv(features, uniform(rng, 1, 5), causal ? 4 : 5), {}};
    for (const Index s : options.scales)
      weights.up_layers.push_back(init.layer({1, 1, 2 * uniform(rng, 0, 2) + 1, 2 * s + 1}).weight);
    verify_contract(upsample_network(weights, options), rng, {.dense = false});
    verify_contract(conv_in_upsample_network(weights, options), rng, {.dense = false});
  }
}

TEST_CASE("wavenet: whole networks keep the contract of every Op") {
  Rng rng(64);
  Initialiser init(64);
  for (int i = 0; i < 4; ++i) {
    WavenetWeights w{init.conv(6, 1, 1), {}, init.conv(7, 5, 1), init.conv(3, 7, 1)};
    for (int layer = 0; layer < 4; ++layer) {
      w.conv_layers.push_back({init.conv(8, 6, 3), {}, init.conv(5, 4, 1), init.conv(6, 4, 1)});
      if (i % 2 == 0) w.conv_layers.back().conv1x1_aux = init.layer({8, 2, 1});
    }
    const Stack net = wavenet(w, {.dilations = wavenet_dilations(4, 2), .causal = i < 2});
    verify_contract_multi(net, rng);
    CHECK(net.receptive_field() == 13);
    CHECK(net.lookahead_frames() == (i < 2 ? 0 : 6));
  }
}

TEST_CASE("wavenet: a network may have more layers than an operator has inputs") {
  Initialiser init(62);
  WavenetWeights net{init.conv(2, 1, 1), {}, init.conv(2, 2, 1), init.conv(1, 2, 1)};
  constexpr int layers = 66;
  for (int i = 0; i < layers; ++i)
    net.conv_layers.push_back({init.conv(4, 2, 2), {}, init.conv(2, 2, 1), init.conv(2, 2, 1)});
  const Op op = wavenet(net, {.dilations = std::vector<Index>(layers, 1), .causal = true});
  CHECK(op.receptive_field() == layers + 1);
  Rng rng(62);
  verify_contract(op, rng, {.dense = false, .longest = 200, .chunkings = 2});
}

TEST_CASE("wavenet: causal blocks and networks look at no later frame") {
  Initialiser init(62);
  const WavenetBlockWeights block{init.conv(8, 4, 3), {}, init.conv(4, 4, 1), init.conv(4, 4, 1)};
  CHECK(wavenet_block(block, {.dilation = 8, .causal = true}).lookahead_frames() == 0);
  CHECK(wavenet_block(block, {.dilation = 8}).lookahead_frames() == 8);
  UpsampleNetworkWeights weights{init.layer({4, 4, 3}), {}};
  for (const Index s : {4, 5}) weights.up_layers.push_back(init.layer({1, 1, 1, 2 * s + 1}).weight);
  const UpsampleNetworkOptions causal{.channels = 4, .scales = {4, 5}, .causal = true};
  const Stack network = conv_in_upsample_network(weights, causal);
  CHECK(network.lookahead_frames() == 0);
  CHECK(network.rate() == Ratio(1, 20));
  CHECK(network.total(7) == 140);
}

TEST_CASE("wavenet: weights that do not fit are refused, saying what was given") {
  Initialiser init(63);
  const LayerWeights one = init.conv(4, 4, 1);
  const auto block = [&](const LayerWeights& conv, const WavenetBlockOptions& options = {}) {
    return wavenet_block({conv, {}, one, one}, options);
  };
  CHECK_THROWS_WITH(block(init.conv(7, 4, 3)),
                    "wavenet_block: conv must have shape (2·gate, residual, kernel), got [7, 4, 3]");
  CHECK_THROWS_WITH(block(init.conv(8, 4, 2)),
                    "wavenet_block: a kernel that is not causal must be odd, got 2");
  CHECK_THROWS_WITH(block(init.conv(8, 4, 3), {.dilation = 0}),
                    "wavenet_block: dilation must be at least 1, got 0");
  CHECK_THROWS_AS(block(init.conv(8, 4, 3), {.dilation = Index{1} << 62}), std::invalid_argument);
  CHECK_THROWS_AS(block(init.conv(10, 4, 3)), std::invalid_argument);
  CHECK_THROWS_WITH(upsample_network({}, {.scales = {2, 2}}),
                    "upsample_network: needs one of up_layers for each of 2 scales, got 0");
  const UpsampleNetworkWeights even{init.conv(80, 80, 4), {init.layer({1, 1, 1, 9}).weight}};
  CHECK_THROWS_WITH(
      conv_in_upsample_network(even, {.scales = {4}}),
      "conv_in_upsample_network: conv_in must have shape (80, in, odd kernel), got [80, 80, 4]");
  WavenetWeights net{
      one, {{init.conv(8, 4, 3), {}, one, one}, {init.conv(8, 4, 3), one, one, one}}, one, one};
  CHECK_THROWS_WITH(wavenet(net, {.dilations = {1}, .causal = true}),
                    "wavenet: needs one dilation for each of conv_layers, got 1 for 2");
  CHECK_THROWS_WITH(wavenet(net, {.dilations = {1, 2}, .causal = true}),
                    "wavenet: all of conv_layers or none must have conv1x1_aux, layer 1 differs");
}
