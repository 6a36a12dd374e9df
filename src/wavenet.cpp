#include <wavestride/activation.h>
#include <wavestride/conv1d.h>
#include <wavestride/stretch_fir.h>
#include <wavestride/wavenet.h>

#include <cmath>

#include "check.h"

namespace wavestride {

Stack wavenet_block(const WavenetBlockWeights& weights, const WavenetBlockOptions& options) {
  const auto& shape = weights.conv.weight.shape;
  require(shape.size() == 3 && shape[0] % 2 == 0,
          "wavenet_block: conv must have shape (2·gate, residual, kernel), got ", shape_string(shape));
  require(options.causal || shape[2] % 2 == 1, "wavenet_block: a kernel that is not causal must be odd, got ",
          shape[2]);
  require(options.dilation >= 1, "wavenet_block: dilation must be at least 1, got ", options.dilation);
  const Index reach = (shape[2] - 1) * options.dilation, left = options.causal ? reach : reach / 2;
  StackBuilder b("wavenet_block");
  const auto x = b.input(shape[1]);
  auto h = b.apply(op::conv1d(weights.conv.weight, weights.conv.bias,
                              {.padding = {left, reach - left}, .dilation = options.dilation}),
                   {x});
  if (!weights.conv1x1_aux.weight.empty()) {
    const Op aux = op::linear(weights.conv1x1_aux.weight, weights.conv1x1_aux.bias);
    h = b.apply(op::add(shape[0]), {h, b.apply(aux, {b.input(aux.in_channels())})});
  }
  const auto u = b.apply(op::gated(shape[0]), {h});
  const auto skip = b.apply(op::linear(weights.conv1x1_skip.weight, weights.conv1x1_skip.bias), {u});
  const auto out = b.apply(op::linear(weights.conv1x1_out.weight, weights.conv1x1_out.bias), {u});
  const auto sum = b.apply(op::add(shape[1]), {out, x});
  return Stack(b.build({b.apply(op::scale(shape[1], std::sqrt(0.5f)), {sum}), skip}));
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
