#include <wavestride/activation.h>
#include <wavestride/conv1d.h>
#include <wavestride/stretch_fir.h>
#include <wavestride/wavenet.h>

#include <cmath>

#include "chained_conv1d.h"
#include "check.h"

namespace wavestride {

namespace {

using Value = StackBuilder::Value;

/// The skip of a block and, where `out` asks for it, its output.
struct BlockValues {
  Value out, skip;
};

BlockValues apply_block(StackBuilder& b, Value x, const Value* features, const WavenetBlockWeights& weights,
                        const WavenetBlockOptions& options, bool out) {
  const auto& shape = weights.conv.weight.shape;
  require(shape.size() == 3 && shape[0] % 2 == 0,
          "wavenet_block: conv must have shape (2·gate, residual, kernel), got ", shape_string(shape));
  require(options.causal || shape[2] % 2 == 1, "wavenet_block: a kernel that is not causal must be odd, got ",
          shape[2]);
  require(options.dilation >= 1, "wavenet_block: dilation must be at least 1, got ", options.dilation);
  const Index reach = detail::mul_sat(shape[2] - 1, options.dilation),
              left = options.causal ? reach : reach / 2;
  auto h = b.apply(detail::chained_conv1d(weights.conv.weight, weights.conv.bias,
                                          {.padding = {left, reach - left}, .dilation = options.dilation}),
                   {x});
  if (features != nullptr) {
    const Op aux = detail::chained_linear(weights.conv1x1_aux.weight, weights.conv1x1_aux.bias);
    h = b.apply(op::add(shape[0]), {h, b.apply(aux, {*features})});
  }
  const auto u = b.apply(op::gated(shape[0]), {h});
  BlockValues values;
  values.skip = b.apply(detail::chained_linear(weights.conv1x1_skip.weight, weights.conv1x1_skip.bias), {u});
  if (out) {
    values.out = b.apply(detail::chained_linear(weights.conv1x1_out.weight, weights.conv1x1_out.bias), {u});
    values.out = b.apply(op::add(shape[1]), {values.out, x});
    values.out = b.apply(op::scale(shape[1], options.residual_scale), {values.out});
  }
  return values;
}

bool conditioned(const WavenetBlockWeights& block) {
  return !block.conv1x1_aux.weight.empty();
}

}  // namespace

Stack wavenet_block(const WavenetBlockWeights& weights, const WavenetBlockOptions& options) {
  StackBuilder b("wavenet_block");
  const Value x = b.input(weights.conv.weight.dim(1));
  Value features;
  if (conditioned(weights)) features = b.input(weights.conv1x1_aux.weight.dim(1));
  const auto [out, skip] =
      apply_block(b, x, conditioned(weights) ? &features : nullptr, weights, options, true);
  return Stack(b.build({out, skip}));
}

Stack wavenet(const WavenetWeights& weights, const WavenetOptions& options) {
  const std::size_t layers = weights.conv_layers.size();
  require(layers > 0 && options.dilations.size() == layers,
          "wavenet: needs one dilation for each of conv_layers, got ", options.dilations.size(), " for ",
          layers);
  StackBuilder b("wavenet");
  const Op first = detail::chained_linear(weights.first_conv.weight, weights.first_conv.bias);
  auto x = b.apply(first, {b.input(first.in_channels())});
  Value features;
  const bool aux = conditioned(weights.conv_layers[0]);
  if (aux) features = b.input(weights.conv_layers[0].conv1x1_aux.weight.dim(1));
  std::vector<Value> skips;
  for (std::size_t i = 0; i < layers; ++i) {
    require(conditioned(weights.conv_layers[i]) == aux,
            "wavenet: all of conv_layers or none must have conv1x1_aux, layer ", i, " differs");
    const auto values = apply_block(b, x, aux ? &features : nullptr, weights.conv_layers[i],
                                    {.dilation = options.dilations[i],
                                     .causal = options.causal,
                                     .residual_scale = options.residual_scale},
                                    i + 1 < layers);
    x = values.out;
    skips.push_back(values.skip);
  }
  const Index channels = b.channels(skips[0]);
  const Op last = detail::chained_linear(weights.last_conv_layers_1.weight, weights.last_conv_layers_1.bias);
  auto y = skips[0];
  for (std::size_t i = 1; i < layers; ++i) y = b.apply(op::add(channels), {y, skips[i]});
  y = b.chain(y, std::vector{op::scale(channels, std::sqrt(1.0f / static_cast<float>(layers))),
                             op::relu(channels), last, op::relu(last.out_channels()),
                             detail::chained_linear(weights.last_conv_layers_3.weight,
                                                    weights.last_conv_layers_3.bias)});
  return Stack(b.build({y}));
}

std::vector<Index> wavenet_dilations(Index layers, Index stacks) {
  require(layers > 0 && stacks > 0 && layers % stacks == 0 && layers / stacks <= 40,
          "wavenet: stacks must divide layers into at most 40 each, got ", layers, " layers in ", stacks,
          " stacks");
  std::vector<Index> dilations;
  for (Index i = 0; i < layers; ++i) dilations.push_back(Index{1} << i % (layers / stacks));
  return dilations;
}

namespace {

std::vector<Op> upsample_layers(const UpsampleNetworkWeights& weights, const UpsampleNetworkOptions& options,
                                const char* name) {
  require(!options.scales.empty() && weights.up_layers.size() == options.scales.size(), name,
          ": needs one of up_layers for each of ", options.scales.size(), " scales, got ",
          weights.up_layers.size());
  std::vector<Op> layers;
  for (std::size_t i = 0; i < options.scales.size(); ++i) {
    layers.push_back(op::stretch_fir(options.channels, options.scales[i], weights.up_layers[i],
                                     {.causal = options.causal}));
    if (options.negative_slope) layers.push_back(op::leaky_relu(options.channels, *options.negative_slope));
  }
  return layers;
}

}  // namespace

Stack upsample_network(const UpsampleNetworkWeights& weights, const UpsampleNetworkOptions& options) {
  return Stack(upsample_layers(weights, options, "upsample_network"), "upsample_network");
}

Stack conv_in_upsample_network(const UpsampleNetworkWeights& weights, const UpsampleNetworkOptions& options) {
  const auto& shape = weights.conv_in.weight.shape;
  require(shape.size() == 3 && shape[0] == options.channels && (options.causal || shape[2] % 2 == 1),
          "conv_in_upsample_network: conv_in must have shape (", options.channels, ", in, ",
          options.causal ? "kernel" : "odd kernel", "), got ", shape_string(shape));
  const Index reach = shape[2] - 1, left = options.causal ? reach : reach / 2;
  std::vector<Op> layers = upsample_layers(weights, options, "conv_in_upsample_network");
  layers.insert(layers.begin(),
                op::conv1d(weights.conv_in.weight, weights.conv_in.bias,
                           {.padding = {left, reach - left}, .padding_mode = PadMode::replicate}));
  return Stack(layers, "conv_in_upsample_network");
}

}  // namespace wavestride
