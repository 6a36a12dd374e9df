#include <wavestride/conv1d.h>
#include <wavestride/pyramid.h>

#include <catch2/catch.hpp>

#include "contract.h"
#include "golden.h"

using namespace wavestride;
using namespace wavestride::testing;

TEST_CASE("pyramid: the U-Net equals its PyTorch module, odd lengths cut to the deepest level's") {
  for (const GoldenCase& c : golden_cases("pyramid")) {
    if (c.parameters.at("kind") != "unet") continue;
    INFO(c.name << " " << c.parameters);
    const Stack net =
        unet({c.layers("down."), c.layers("up."), c.layers("merge.")},
             {.strides = c.parameters.at("strides"),
              .upsampling = c.parameters.at("upsampling") == "transposed" ? Upsampling::transposed
                                                                          : Upsampling::sub_pixel,
              .negative_slope = c.parameters.at("slope")});
    CHECK(relative_error(net(c.signal("x")), c.signal("y")) <= golden_tolerance);
  }
}

TEST_CASE("pyramid: the feature pyramid equals its PyTorch module at every level") {
  for (const GoldenCase& c : golden_cases("pyramid")) {
    if (c.parameters.at("kind") != "feature_pyramid") continue;
    INFO(c.name << " " << c.parameters);
    const Stack pyramid =
        feature_pyramid({c.layers("inner_blocks."), c.layers("layer_blocks.")}, c.parameters.at("scales"));
    std::vector<Signal> levels;
    for (Index i = 0; i < pyramid.inputs(); ++i) levels.push_back(c.signal("x" + std::to_string(i)));
    const auto out = pyramid(std::vector<FramesView>(levels.begin(), levels.end()));
    for (std::size_t i = 0; i < out.size(); ++i)
      CHECK(relative_error(out[i], c.signal("y" + std::to_string(i))) <= golden_tolerance);
  }
}

TEST_CASE("pyramid: U-Nets and feature pyramids keep the contract of every Op") {
  Rng rng(71);
  Initialiser init(71);
  for (int i = 0; i < 12; ++i) {
    UnetOptions options{.upsampling = i % 2 == 0 ? Upsampling::transposed : Upsampling::sub_pixel};
    UnetWeights net;
    FeaturePyramidWeights pyramid;
    std::vector<Index> scales;
    const Index out = uniform(rng, 1, 6);
    Index fine = uniform(rng, 1, 5);
    for (Index level = uniform(rng, 1, 3); level > 0; --level) {
      const Index stride = uniform(rng, 2, 4), kernel = stride + uniform(rng, 0, 3),
                  coarse = uniform(rng, 1, 5);
      options.strides.push_back(stride);
      net.down.push_back(init.conv(coarse, fine, kernel));
      net.up.push_back(i % 2 == 0 ? init.conv_transpose(coarse, 2, kernel)
                                  : init.conv(2 * stride, coarse, 3));
      net.merge.push_back(init.conv(fine, fine + 2, 3));
      pyramid.inner_blocks.push_back(init.conv(out, fine, 1));
      pyramid.layer_blocks.push_back(init.conv(out, out, 3));
      scales.push_back(stride);
      fine = coarse;
    }
    scales.pop_back();
    verify_contract(unet(net, options), rng, {.dense = false});
    verify_contract_multi(feature_pyramid(pyramid, scales), rng);
  }
}

TEST_CASE("pyramid: a pyramid on top of a strided backbone is one Op of one input") {
  Rng rng(72);
  Initialiser init(72);
  StackBuilder b("backbone and pyramid");
  std::vector<StackBuilder::Value> levels{b.input(3)};
  FeaturePyramidWeights weights;
  for (int i = 0; i < 3; ++i) {
    const LayerWeights down = init.conv(3, 3, 4);
    if (i > 0)
      levels.push_back(
          b.apply(op::conv1d(down.weight, down.bias, {.stride = 2, .padding = 1}), {levels.back()}));
    weights.inner_blocks.push_back(init.conv(4, 3, 1));
    weights.layer_blocks.push_back(init.conv(4, 4, 3));
  }
  const Op op = b.build(b.apply_all(feature_pyramid(weights, {2, 2}), levels));
  CHECK(op.outputs() == 3);
  CHECK(op.total(std::vector<Index>{64}, 0) == 64);
  CHECK(op.total(std::vector<Index>{63}, 0) == 60);  // of 15 frames at the deepest level
  CHECK(op.total(std::vector<Index>{64}, 2) == 16);
  verify_contract_multi(op, rng);
}

TEST_CASE("pyramid: weights that do not fit are refused, saying what was given") {
  Initialiser init(73);
  const LayerWeights three = init.conv(2, 2, 3);
  CHECK_THROWS_WITH(unet({{three}, {}, {three}}, {.strides = {2}}),
                    "unet: needs a down, an up and a merge layer for each of 1 strides, got 1, 0 and 1");
  CHECK_THROWS_WITH(unet({}, {}),
                    "unet: needs a down, an up and a merge layer for each of 0 strides, got 0, 0 and 0");
  CHECK_THROWS_WITH(unet({{three}, {three}, {three}}, {.strides = {4}}),
                    "unet: a strided kernel must be at least its stride 4, got 3");
  CHECK_THROWS_WITH(unet({{init.conv(2, 2, 4)}, {three}, {three}}, {.strides = {4}}),
                    "unet: a transposed kernel must be at least its stride 4, got 3");
  CHECK_THROWS_AS(unet({{three}, {three}, {three}}, {.strides = {0}}), std::invalid_argument);
  CHECK_THROWS_WITH(
      feature_pyramid({{three}, {three}}, {2}),
      "feature_pyramid: needs as many layer_blocks as inner_blocks and a scale between each two, got 1 "
      "inner_blocks, 1 layer_blocks and 1 scales");
}
