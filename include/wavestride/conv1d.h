// Strided, dilated, grouped convolution over frames: torch.nn.functional.conv1d.
#pragma once

#include <wavestride/op.h>

namespace WAVESTRIDE_API wavestride {

/// Padding of a convolution: a number for both sides, {left, right}, "same" (as many output as input frames,
/// stride 1; an odd total puts the extra frame on the right) or "valid" (none).
class ConvPadding {
 public:
  ConvPadding(Index both_sides = 0) : left_(both_sides), right_(both_sides) {}
  ConvPadding(Index left, Index right) : left_(left), right_(right) {}
  /// "same" or "valid". Throws std::invalid_argument on other words.
  template <std::same_as<const char*> Rule>
  ConvPadding(Rule rule) : ConvPadding(std::string(rule ? rule : "")) {}

  /// Frames on either side.
  struct Sides {
    Index left, right;
  };
  /// Throws std::invalid_argument on negative padding, and on "same" with a stride.
  Sides sides(Index kernel, Index stride, Index dilation) const;

 private:
  explicit ConvPadding(const std::string& rule);

  Index left_ = 0, right_ = 0;
  bool same_ = false;
};

/// Of op::conv1d, as in PyTorch.
struct Conv1dOptions {
  Index stride = 1;
  ConvPadding padding = 0;
  Index dilation = 1;
  Index groups = 1;
  PadMode padding_mode = PadMode::constant;  ///< constant is PyTorch's "zeros"
};

namespace op {

/// y[o, n] = bias[o] + Σ_c Σ_k weight[o, c, k] · x[c, n·stride − left + k·dilation]; weight (out, in/groups,
/// kernel), bias (out) or empty. x: in × T, y: out × floor((T + left + right − dilation·(kernel−1) −
/// 1)/stride) + 1 frames; a signal shorter than the kernel gives an empty signal. Throws
/// std::invalid_argument on contradicting shapes.
Op conv1d(const Tensor& weight, std::span<const float> bias = {}, const Conv1dOptions& options = {});

/// The same with kernel 1: weight (out, in) or (out, in, 1).
Op linear(const Tensor& weight, std::span<const float> bias = {});

}  // namespace op

/// The whole-signal result of op::conv1d. Packs the weights at every call: make the Op once to use it often.
Signal conv1d(FramesView x, const Tensor& weight, std::span<const float> bias = {},
              const Conv1dOptions& options = {});
/// torch.nn.functional.linear over every frame.
Signal linear(FramesView x, const Tensor& weight, std::span<const float> bias = {});

}  // namespace wavestride
