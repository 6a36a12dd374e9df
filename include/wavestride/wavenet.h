// The parts of non-autoregressive WaveNets (ParallelWaveGAN) and of their conditioning: the gated block, and
// the networks that bring features to the rate of the waveform.
#pragma once

#include <wavestride/stack.h>
#include <wavestride/weights.h>

#include <optional>

namespace wavestride {

/// Names as in ParallelWaveGAN's conv_layers.
struct WavenetBlockWeights {
  LayerWeights conv;              ///< (2·gate, residual, kernel)
  LayerWeights conv1x1_aux = {};  ///< (2·gate, features, 1), or empty: no conditioning
  LayerWeights conv1x1_skip;      ///< (skip, gate, 1)
  LayerWeights conv1x1_out;       ///< (residual, gate, 1)
};

struct WavenetBlockOptions {
  Index dilation = 1;
  bool causal = false;  ///< all padding on the left; else half on both sides, for an odd kernel
};

/// (a, b) = conv(x) + conv1x1_aux(c), u = tanh(a)·sigmoid(b); outputs (conv1x1_out(u) + x)·√½ and
/// conv1x1_skip(u), as long as x. Inputs x and, with conv1x1_aux, features c at the rate of x. Throws
/// std::invalid_argument on contradicting shapes.
Stack wavenet_block(const WavenetBlockWeights& weights, const WavenetBlockOptions& options = {});

/// Names as in ParallelWaveGAN's upsample_net.
struct UpsampleNetworkWeights {
  LayerWeights conv_in = {};      ///< (out, in, context); conv_in_upsample_network only
  std::vector<Tensor> up_layers;  ///< of each scale (1, 1, bins, frames), both odd: Conv2d(1, 1, …)
};

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
