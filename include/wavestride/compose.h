// Ready-made compositions of vocoders and upsamplers. Each is a Stack: one Op that streams as a whole.
#pragma once

#include <wavestride/conv1d.h>
#include <wavestride/interpolate.h>
#include <wavestride/pixel_shuffle1d.h>
#include <wavestride/stack.h>
#include <wavestride/weights.h>

namespace WAVESTRIDE_API wavestride {

/// Names as in HiFi-GAN's resblocks: convs1 and convs2 of ResBlock1, or convs1 alone for the `convs` of
/// ResBlock2. Each (channels, channels, odd kernel).
struct ResidualBlockWeights {
  std::vector<LayerWeights> convs1, convs2 = {};
};

/// Of residual_block().
struct ResidualBlockOptions {
  std::vector<Index> dilations = {1, 3, 5};  ///< of convs1; convs2 are not dilated
  float negative_slope = 0.1f;
  PadMode padding_mode = PadMode::constant;
  bool causal = false;  ///< all padding on the left
};

/// For every dilation: x = x + convs2(leaky_relu(convs1(leaky_relu(x)))), without convs2 x = x +
/// convs1(leaky_relu(x)). HiFi-GAN's ResBlock1 and ResBlock2; as many output as input frames. Throws
/// std::invalid_argument unless there is a layer for each dilation, from channels to as many, of odd kernel.
Stack residual_block(const ResidualBlockWeights& weights, const ResidualBlockOptions& options = {});

/// conv1d(interpolate(x)): upsampling whose output phases all see the same kernel, so that it has no
/// checkerboard. x: in × T, y: out × floor(T·scale) with the default padding. Throws std::invalid_argument on
/// contradicting shapes.
Stack interpolate_conv(const LayerWeights& conv, ScaleFactor scale,
                       InterpolateMode mode = InterpolateMode::nearest,
                       const Conv1dOptions& options = {.padding = "same"});

/// pixel_shuffle1d(conv1d(x), factor): sub-pixel convolution (Shi et al. 2016), weight (out·factor, in,
/// kernel) in PyTorch's channel order; see icnr_init for a start without checkerboard. x: in × T, y: out ×
/// factor·T with the default padding. Throws std::invalid_argument on contradicting shapes.
Stack sub_pixel_upsampler(const LayerWeights& conv, Index factor,
                          const Conv1dOptions& options = {.padding = "same"});

/// conv_transpose1d(x, weight, bias, stride) cropped to stride·T frames on the right, for weight (in, out,
/// kernel ≥ stride): no output reads ahead. Frames before the first are made by `before`: constant is
/// ParallelWaveGAN's CausalConvTranspose1d up to 0.5.4, replicate the later one. Computed as a sub-pixel
/// convolution. Throws std::invalid_argument on contradicting shapes.
Stack causal_conv_transpose(const LayerWeights& conv, Index stride, PadMode before = PadMode::constant);

}  // namespace wavestride
