#include <wavestride/activation.h>
#include <wavestride/audio_unet.h>
#include <wavestride/conv1d.h>

#include "check.h"

namespace wavestride {
namespace {

Op convolution(const char* name, const LayerWeights& layer, Index stride, bool tensorflow_padding) {
  const auto& shape = layer.weight.shape;
  require(shape.size() == 3 && shape[2] % 2 == 1, "audio_unet: ", name,
          " must have shape (out, in, odd kernel), got ", shape_string(shape));
  const Index right = shape[2] / 2, left = stride > 1 && tensorflow_padding && right > 0 ? right - 1 : right;
  return op::conv1d(layer.weight, layer.bias, {.stride = stride, .padding = {left, right}});
}

}  // namespace

Stack audio_unet(const AudioUnetWeights& weights, const AudioUnetOptions& options) {
  const std::size_t layers = weights.down.size();
  require(layers >= 1 && layers <= 16, "audio_unet: needs 1 to 16 down layers, got ", layers);
  require(weights.up.size() == layers, "audio_unet: needs as many up layers as down layers, ", layers,
          ", got ", weights.up.size());
  StackBuilder b("audio_unet");
  const auto input = b.input(1);
  const auto halve = [&](StackBuilder::Value v, const char* name, const LayerWeights& layer) {
    const Op conv = convolution(name, layer, 2, options.tensorflow_padding);
    return b.chain(v, std::vector{conv, op::leaky_relu(conv.out_channels(), 0.2f)});
  };
  // What does not fill a whole block of samples is dropped.
  const Index block = Index{2} << layers;
  const auto whole =
      b.chain(input, std::vector{op::pixel_unshuffle1d(1, block, ShuffleOrder::phase_major),
                                 op::pixel_shuffle1d(block, block, ShuffleOrder::phase_major)});
  auto x = whole;
  std::vector<StackBuilder::Value> skips;
  for (const LayerWeights& layer : weights.down) skips.push_back(x = halve(x, "a down layer", layer));
  x = halve(x, "the bottleneck", weights.bottleneck);
  for (std::size_t l = layers; l-- > 0;) {
    const Op conv = convolution("an up layer", weights.up[l], 1, false);
    x = b.chain(x, std::vector{conv, op::relu(conv.out_channels()),
                               op::pixel_shuffle1d(conv.out_channels(), 2, options.order)});
    x = b.apply(op::concatenate({b.channels(x), b.channels(skips[l])}), {x, skips[l]});
  }
  const Op last = convolution("the last layer", weights.last, 1, false);
  require(last.out_channels() == 2, "audio_unet: the last layer must have 2 output channels, got ",
          last.out_channels());
  x = b.chain(x, std::vector{last, op::pixel_shuffle1d(2, 2, options.order)});
  return Stack(b.build({b.apply(op::add(1), {x, whole})}));
}

}  // namespace wavestride
