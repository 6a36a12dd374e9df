#include <wavestride/compose.h>

#include <catch2/catch.hpp>

#include "contract.h"
#include "golden.h"

using namespace wavestride;
using namespace wavestride::testing;

namespace {

Stack op_of(const GoldenCase& c) {
  const auto& p = c.parameters;
  const std::string kind = p.at("kind");
  if (kind == "residual_block") {
    return residual_block({c.layers("convs1."), c.layers("convs2.")},
                          {.dilations = p.at("dilations").get<std::vector<Index>>(),
                           .negative_slope = p.at("slope"),
                           .padding_mode = pad_mode(p.at("mode"))});
  }
  if (kind == "interpolate_conv")
    return interpolate_conv(c.layer("1"), p.at("scale").get<double>(),
                            p.at("mode") == "linear" ? InterpolateMode::linear : InterpolateMode::nearest);
  return sub_pixel_upsampler(c.layer("conv"), p.at("factor"), {.padding = "same", .groups = p.at("groups")});
}

}  // namespace

TEST_CASE("compose: residual blocks and upsamplers equal their PyTorch modules") {
  for (const GoldenCase& c : golden_cases("compose")) {
    INFO(c.name << " " << c.parameters);
    CHECK(relative_error(op_of(c)(c.signal("x")), c.signal("y")) <= golden_tolerance);
  }
}

TEST_CASE("compose: residual blocks and upsamplers keep the contract of every Op") {
  Rng rng(51);
  Initialiser init(51);
  for (int i = 0; i < 12; ++i) {
    const Index channels = uniform(rng, 1, 12), kernel = 2 * uniform(rng, 0, 3) + 1,
                factor = uniform(rng, 1, 5);
    ResidualBlockOptions options{.padding_mode = static_cast<PadMode>(i % 3)};
    options.dilations.resize(static_cast<std::size_t>(uniform(rng, 1, 3)));
    ResidualBlockWeights weights;
    for (Index& d : options.dilations) {
      d = uniform(rng, 1, 5);
      weights.convs1.push_back(init.conv(channels, channels, kernel));
      if (i % 2 == 0) weights.convs2.push_back(init.conv(channels, channels, kernel));
    }
    verify_contract(residual_block(weights, options), rng);
    const Index in = uniform(rng, 1, 9);
    verify_contract(interpolate_conv(init.conv(channels, in, kernel), static_cast<double>(factor)), rng);
    verify_contract(
        interpolate_conv(init.conv(channels, in, kernel), Ratio(factor, 2), InterpolateMode::linear), rng,
        {.dense = false});
    verify_contract(sub_pixel_upsampler(init.conv(channels * factor, in, kernel), factor), rng);
  }
}

TEST_CASE("compose: a sub-pixel upsampler starts, with ICNR, as its convolution repeated") {
  Rng rng(52);
  Initialiser init(52);
  for (const Index factor : {1, 2, 3, 8}) {
    const LayerWeights sub = init.conv(5, 3, 5);
    const Signal x = noise(rng, 3, 40);
    const Signal low = conv1d(x, sub.weight, sub.bias, {.padding = "same"});
    CHECK(same_bits(sub_pixel_upsampler(icnr_init(sub, factor), factor)(x), repeat(low, factor)));
  }
}

TEST_CASE("compose: a causal transposed convolution is the plain one without its last frames") {
  Rng rng(52);
  for (const auto& [stride, kernel] : {std::pair<Index, Index>{3, 6}, {4, 4}, {2, 5}, {1, 3}}) {
    const LayerWeights w{noise_tensor(rng, {5, 3, kernel}), noise_tensor(rng, {3}).data};
    const Op op = causal_conv_transpose(w, stride);
    const Signal x = noise(rng, 5, 12), y = op(x);
    const Signal plain = conv_transpose1d(x, w.weight, w.bias, {.stride = stride});
    REQUIRE(y.cols() == 12 * stride);
    CHECK(relative_error(y, plain.leftCols(y.cols())) <= golden_tolerance);
    CHECK(op.lookahead_frames() == 0);
    CHECK(op.latency_frames() == stride);
    verify_contract(op, rng, {.dense = kernel % stride == 0, .longest = 100});
    Signal before(5, 13);
    before << x.col(0), x;
    const Index frames = kernel == 2 * stride ? 12 * stride : 0;
    const Signal later = causal_conv_transpose(w, stride, PadMode::replicate)(x),
                 longer = conv_transpose1d(before, w.weight, w.bias, {.stride = stride});
    CHECK((later.leftCols(frames) - longer.middleCols(stride, frames)).norm() <= 1e-5 * later.norm());
  }
  CHECK_THROWS_AS(causal_conv_transpose({Tensor({2, 2, 3})}, 4), std::invalid_argument);
}

TEST_CASE("compose: weights that do not fit are refused, saying what was given") {
  Initialiser init(53);
  const LayerWeights three = init.conv(4, 4, 3), even = init.conv(4, 4, 2), wide = init.conv(5, 4, 3);
  CHECK_THROWS_WITH(residual_block({{three, three}}),
                    "residual_block: needs one layer of convs1 for each of 3 dilations, got 2");
  CHECK_THROWS_WITH(residual_block({{three, three, three}, {three}}),
                    "residual_block: needs one layer of convs2 for each of 3 dilations or none, got 1");
  CHECK_THROWS_WITH(residual_block({{three, even}}, {.dilations = {1, 2}}),
                    "residual_block: every weight must have shape (4, 4, odd kernel), got [4, 4, 2]");
  CHECK_THROWS_WITH(residual_block({{three, wide}}, {.dilations = {1, 2}}),
                    "residual_block: every weight must have shape (4, 4, odd kernel), got [5, 4, 3]");
  CHECK_THROWS_WITH(residual_block({{LayerWeights{}}}, {.dilations = {1}}), Catch::Contains("got []"));
  CHECK_THROWS_WITH(residual_block({{three}}, {.dilations = {0}}),
                    "conv1d: dilation must be at least 1, got 0");
  CHECK_THROWS_AS(residual_block({{three}}, {.dilations = {Index{1} << 62}}), std::invalid_argument);
  LayerWeights torn = three;
  torn.weight.data.pop_back();
  CHECK_THROWS_WITH(sub_pixel_upsampler(torn, 2), "Tensor: shape [4, 4, 3] needs 48 values, got 47");
  LayerWeights few = three;
  few.bias.resize(2);
  CHECK_THROWS_WITH(sub_pixel_upsampler(few, 2), "conv1d: bias must have 4 values, got 2");
  CHECK_THROWS_AS(sub_pixel_upsampler({Tensor({0, 4, 3}), {}}, 2), std::invalid_argument);
  CHECK_THROWS_AS(causal_conv_transpose(torn, 2), std::invalid_argument);
  CHECK_THROWS_AS(icnr_init(torn, 2), std::invalid_argument);
  CHECK_THROWS_WITH(sub_pixel_upsampler(three, 3),
                    "sub_pixel_upsampler: factor must divide the 4 output channels, got 3");
  CHECK_THROWS_WITH(sub_pixel_upsampler(three, 0),
                    "sub_pixel_upsampler: factor must divide the 4 output channels, got 0");
  CHECK_THROWS_AS(interpolate_conv(three, 0.0), std::invalid_argument);
}
