#include <wavestride/activation.h>
#include <wavestride/compose.h>
#include <wavestride/conv_transpose1d.h>
#include <wavestride/pyramid.h>

#include "check.h"

namespace wavestride {
namespace {

Op unet_up(const LayerWeights& w, Index stride, Upsampling upsampling) {
  if (upsampling == Upsampling::sub_pixel) return sub_pixel_upsampler(w, stride);
  const Index excess = w.weight.dim(2) - stride;  // frames beyond stride·T
  require(excess >= 0, "unet: a transposed kernel must be at least its stride ", stride, ", got ",
          w.weight.dim(2));
  return op::conv_transpose1d(w.weight, w.bias,
                              {.stride = stride, .padding = (excess + 1) / 2, .output_padding = excess % 2});
}

Op unet_down(const LayerWeights& w, Index stride) {
  const Index excess = w.weight.dim(2) - stride;
  require(excess >= 0, "unet: a strided kernel must be at least its stride ", stride, ", got ",
          w.weight.dim(2));
  return op::conv1d(w.weight, w.bias, {.stride = stride, .padding = {excess / 2, excess - excess / 2}});
}

}  // namespace

Stack unet(const UnetWeights& weights, const UnetOptions& options) {
  const std::size_t levels = options.strides.size();
  require(levels > 0 && weights.down.size() == levels && weights.up.size() == levels &&
              weights.merge.size() == levels,
          "unet: needs a down, an up and a merge layer for each of ", levels, " strides, got ",
          weights.down.size(), ", ", weights.up.size(), " and ", weights.merge.size());
  StackBuilder b("unet");
  const auto activate = [&](StackBuilder::Value v) {
    return b.apply(op::leaky_relu(b.channels(v), options.negative_slope), {v});
  };
  std::vector<StackBuilder::Value> skips;
  std::optional<StackBuilder::Value> h;
  for (std::size_t i = 0; i < levels; ++i) {
    const Op down = unet_down(weights.down[i], options.strides[i]);
    skips.push_back(h ? *h : b.input(down.in_channels()));
    h = activate(b.apply(down, {skips.back()}));
  }
  for (std::size_t i = levels; i-- > 0;) {
    const auto up = b.apply(unet_up(weights.up[i], options.strides[i], options.upsampling), {*h});
    const auto both = b.apply(op::concatenate({b.channels(up), b.channels(skips[i])}), {up, skips[i]});
    h = b.apply(op::conv1d(weights.merge[i].weight, weights.merge[i].bias, {.padding = "same"}), {both});
    if (i > 0) h = activate(*h);
  }
  return Stack(b.build({*h}));
}

Stack feature_pyramid(const FeaturePyramidWeights& weights, const std::vector<Index>& scales) {
  const std::size_t levels = weights.inner_blocks.size();
  require(levels > 0 && weights.layer_blocks.size() == levels && scales.size() + 1 == levels,
          "feature_pyramid: needs as many layer_blocks as inner_blocks and a scale between each two, got ",
          levels, " inner_blocks, ", weights.layer_blocks.size(), " layer_blocks and ", scales.size(),
          " scales");
  StackBuilder b("feature_pyramid");
  std::vector<StackBuilder::Value> merged;
  for (const LayerWeights& w : weights.inner_blocks) {
    const Op lateral = op::linear(w.weight, w.bias);
    merged.push_back(b.apply(lateral, {b.input(lateral.in_channels())}));
  }
  for (std::size_t i = levels - 1; i-- > 0;) {
    const Index channels = b.channels(merged[i]);
    const auto above = b.apply(op::repeat(b.channels(merged[i + 1]), scales[i]), {merged[i + 1]});
    merged[i] = b.apply(op::add(channels), {merged[i], above});
  }
  for (std::size_t i = 0; i < levels; ++i)
    merged[i] =
        b.apply(op::conv1d(weights.layer_blocks[i].weight, weights.layer_blocks[i].bias, {.padding = "same"}),
                {merged[i]});
  return Stack(b.build(merged));
}

}  // namespace wavestride
