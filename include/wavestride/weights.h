// The learned values of a layer, and how they are made where no checkpoint gives them.
#pragma once

#include <wavestride/signal.h>

#include <random>

namespace WAVESTRIDE_API wavestride {

/// "<layer>.weight" and "<layer>.bias" of a PyTorch state dict; an empty bias is none.
struct LayerWeights {
  Tensor weight;
  std::vector<float> bias = {};
};

/// PyTorch's default initialisation of convolutions (kaiming_uniform_ with a = √5): weight and bias uniform
/// in ±1/√fan_in, where fan_in is the second dimension of the weight times its kernel. The same seed gives
/// the same values on every platform; they are not PyTorch's random numbers.
class Initialiser {
 public:
  explicit Initialiser(std::uint64_t seed) : rng_(seed) {}

  /// For a weight of this shape: (out, in/groups, kernel), or of a transposed convolution (in, out/groups,
  /// kernel). `bias` is the number of its biases. Throws std::invalid_argument on shapes without fan_in.
  LayerWeights layer(std::vector<Index> shape, Index bias = 0);
  /// (out, in, kernel) with out biases.
  LayerWeights conv(Index out, Index in, Index kernel) { return layer({out, in, kernel}, out); }
  /// (in, out, kernel) with out biases.
  LayerWeights conv_transpose(Index in, Index out, Index kernel) { return layer({in, out, kernel}, out); }

 private:
  std::mt19937_64 rng_;
};

/// ICNR (Aitken et al. 2017, "Checkerboard artifact free sub-pixel convolution"): every output channel of
/// `sub` (out, in, kernel) `factor` times, in the order of pixel_shuffle1d, so that a sub-pixel convolution
/// starts as nearest-neighbour upsampling behind `sub`. Throws std::invalid_argument on a factor below 1.
LayerWeights icnr_init(const LayerWeights& sub, Index factor);

}  // namespace wavestride
