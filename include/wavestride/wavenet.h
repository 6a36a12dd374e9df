// WaveNets and their conditioning: the gated block, the whole network as ParallelWaveGAN runs it on noise and
// a WaveNet vocoder on known samples, and the networks that bring features to the rate of the waveform. See
// wavenet_generator.h for a WaveNet that makes its samples itself.
#pragma once

#include <wavestride/stack.h>
#include <wavestride/weights.h>

#include <optional>

namespace WAVESTRIDE_API wavestride {

/// Names as in ParallelWaveGAN's conv_layers.
struct WavenetBlockWeights {
  LayerWeights conv;              ///< (2·gate, residual, kernel)
  LayerWeights conv1x1_aux = {};  ///< (2·gate, features, 1), or empty: no conditioning
  LayerWeights conv1x1_skip;      ///< (skip, gate, 1)
  LayerWeights conv1x1_out;       ///< (residual, gate, 1)
};

/// √½, which keeps the energy of a sum of two; Coqui's networks have ¼.
inline constexpr float usual_residual_scale = 0.70710678f;

/// Of wavenet_block().
struct WavenetBlockOptions {
  Index dilation = 1;
  bool causal = false;  ///< all padding on the left; else half on both sides, for an odd kernel
  float residual_scale = usual_residual_scale;
};

/// (a, b) = conv(x) + conv1x1_aux(c), u = tanh(a)·sigmoid(b); outputs (conv1x1_out(u) + x)·residual_scale and
/// conv1x1_skip(u), as long as x. Inputs x and, with conv1x1_aux, features c at the rate of x. Throws
/// std::invalid_argument on contradicting shapes.
Stack wavenet_block(const WavenetBlockWeights& weights, const WavenetBlockOptions& options = {});

/// Names as in ParallelWaveGAN and in r9y9's WaveNet, whose conv1x1c is conv1x1_aux here.
struct WavenetWeights {
  LayerWeights first_conv;                              ///< (residual, in, 1)
  std::vector<WavenetBlockWeights> conv_layers;         ///< each of the same shapes
  LayerWeights last_conv_layers_1, last_conv_layers_3;  ///< (any, skip, 1), (out, any, 1)
};

/// Of wavenet().
struct WavenetOptions {
  std::vector<Index> dilations;  ///< of each of conv_layers
  bool causal = false;           ///< these two as in WavenetBlockOptions
  float residual_scale = usual_residual_scale;
};

/// x = first_conv(x), then wavenet_blocks; of their skips, s = √(1/layers)·Σ, last_conv_3(relu(last_conv_1(
/// relu(s)))). Inputs x and, with conv1x1_aux, features at the rate of x; as many frames as x. The last
/// block's conv1x1_out has no effect and is left out. Throws std::invalid_argument on contradicting shapes.
Stack wavenet(const WavenetWeights& weights, const WavenetOptions& options);

/// 1, 2, 4 … per_stack powers of two, `stacks` times over: the dilations of published WaveNets. Throws
/// std::invalid_argument unless stacks divides layers into at most 40 each.
std::vector<Index> wavenet_dilations(Index layers, Index stacks);

/// Names as in ParallelWaveGAN's upsample_net.
struct UpsampleNetworkWeights {
  LayerWeights conv_in = {};      ///< (out, in, context); conv_in_upsample_network only
  std::vector<Tensor> up_layers;  ///< of each scale (1, 1, bins, frames), both odd: Conv2d(1, 1, …)
};

/// Of upsample_network().
struct UpsampleNetworkOptions {
  Index channels = 80;
  std::vector<Index> scales = {4, 4, 4, 4};
  bool causal = false;
  std::optional<float> negative_slope = {};  ///< of a LeakyReLU behind every FIR, where there is one
};

/// For every scale s: each frame s times, then one FIR over bins × frames for the whole spectrogram, padded
/// with zeros (causal: in time on the left only). UpsampleNetwork of ParallelWaveGAN, whose frames are 2s
/// + 1. channels × T to channels × T·Πs. Throws std::invalid_argument on contradicting shapes.
Stack upsample_network(const UpsampleNetworkWeights& weights, const UpsampleNetworkOptions& options = {});

/// conv_in, then upsample_network: ConvInUpsampleNetwork. conv_in pads by replicating the first and last
/// frame (causal: the first only), which is what ParallelWaveGAN's inference does to the features: equal to
/// the module on features padded so, and as long as T features say.
Stack conv_in_upsample_network(const UpsampleNetworkWeights& weights,
                               const UpsampleNetworkOptions& options = {});

}  // namespace wavestride
