#include <wavestride/activation.h>
#include <wavestride/compose.h>

#include "check.h"

namespace wavestride {

Stack residual_block(const ResidualBlockWeights& weights, const ResidualBlockOptions& options) {
  const std::size_t layers = options.dilations.size();
  require(layers > 0 && weights.convs1.size() == layers,
          "residual_block: needs one layer of convs1 for each of ", layers, " dilations, got ",
          weights.convs1.size());
  require(weights.convs2.empty() || weights.convs2.size() == layers,
          "residual_block: needs one layer of convs2 for each of ", layers, " dilations or none, got ",
          weights.convs2.size());
  const Index channels = weights.convs1.front().weight.dim(0);
  const auto conv = [&](const LayerWeights& w, Index dilation) {
    const auto& shape = w.weight.shape;
    require(shape.size() == 3 && shape[0] == channels && shape[1] == channels && shape[2] % 2 == 1,
            "residual_block: every weight must have shape (", channels, ", ", channels, ", odd kernel), got ",
            shape_string(shape));
    const Index reach = detail::mul_sat(shape[2] - 1, dilation);
    return op::conv1d(w.weight, w.bias,
                      {.padding = options.causal ? ConvPadding(reach, 0) : ConvPadding(reach / 2),
                       .dilation = dilation,
                       .padding_mode = options.padding_mode});
  };
  const Op activation = op::leaky_relu(channels, options.negative_slope);
  std::vector<Op> sums;
  for (std::size_t i = 0; i < layers; ++i) {
    std::vector<Op> branch{activation, conv(weights.convs1[i], options.dilations[i])};
    if (!weights.convs2.empty()) branch.insert(branch.end(), {activation, conv(weights.convs2[i], 1)});
    sums.push_back(residual(Stack(branch)));
  }
  return Stack(sums, "residual_block");
}

Stack interpolate_conv(const LayerWeights& conv, ScaleFactor scale, InterpolateMode mode,
                       const Conv1dOptions& options) {
  const Op filter = op::conv1d(conv.weight, conv.bias, options);
  return Stack({op::interpolate(filter.in_channels(), {.scale_factor = scale, .mode = mode}), filter},
               "interpolate_conv");
}

namespace {

// Rows c·factor + i of a convolution to i·C + c, so that the shuffle behind it moves nothing.
LayerWeights phase_major(const LayerWeights& conv, Index factor) {
  LayerWeights sorted = conv;
  const Index rows = conv.weight.dim(0), channels = rows / factor, size = conv.weight.size() / rows;
  for (Index row = 0; row < rows; ++row) {
    const Index to = row % factor * channels + row / factor;
    std::copy_n(conv.weight.data.begin() + row * size, size, sorted.weight.data.begin() + to * size);
    if (!conv.bias.empty())
      sorted.bias[static_cast<std::size_t>(to)] = conv.bias[static_cast<std::size_t>(row)];
  }
  return sorted;
}

}  // namespace

Stack causal_conv_transpose(const LayerWeights& conv, Index stride, PadMode before) {
  const auto& shape = conv.weight.shape;
  require(stride >= 1 && shape.size() == 3 && shape[2] >= stride,
          "causal_conv_transpose: weight must have shape (in, out, kernel of at least the stride ", stride,
          "), got ", shape_string(shape));
  conv.weight.check();
  const Index in = shape[0], out = shape[1], kernel = shape[2], taps = (kernel + stride - 1) / stride;
  LayerWeights phases{Tensor({out * stride, in, taps})};
  for (Index c = 0; c < in; ++c)
    for (Index o = 0; o < out; ++o)
      for (Index k = 0; k < kernel; ++k)
        phases.weight.data[static_cast<std::size_t>(((o * stride + k % stride) * in + c) * taps + taps - 1 -
                                                    k / stride)] =
            conv.weight.data[static_cast<std::size_t>((c * out + o) * kernel + k)];
  for (const float b : conv.bias) phases.bias.insert(phases.bias.end(), static_cast<std::size_t>(stride), b);
  return sub_pixel_upsampler(phases, stride, {.padding = {taps - 1, 0}, .padding_mode = before});
}

Stack sub_pixel_upsampler(const LayerWeights& conv, Index factor, const Conv1dOptions& options) {
  const Index rows = op::conv1d(conv.weight, conv.bias, options).out_channels();  // refuses what does not fit
  require(factor >= 1 && rows % factor == 0, "sub_pixel_upsampler: factor must divide the ", rows,
          " output channels, got ", factor);
  // Groups are runs of rows: they keep PyTorch's order.
  const bool sort = options.groups == 1;
  const LayerWeights w = sort ? phase_major(conv, factor) : conv;
  return Stack(
      {op::conv1d(w.weight, w.bias, options),
       op::pixel_shuffle1d(rows, factor, sort ? ShuffleOrder::phase_major : ShuffleOrder::channel_major)},
      "sub_pixel_upsampler");
}

}  // namespace wavestride
