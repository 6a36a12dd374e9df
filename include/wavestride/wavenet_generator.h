// A WaveNet that makes its samples one after another, each drawn from what the network says of it and fed
// back as its next input (van den Oord et al. 2016; r9y9's incremental_forward). Layers keep the frames that
// their dilated convolutions reach back to; all taps but the newest, and the conditioning, are summed for
// several samples ahead, so that a step reads little more than half of the weights. Several utterances run
// side by side and share what is read; of many, whose sums ahead would be more to read, all are made at once.
#pragma once

#include <wavestride/wavenet.h>

namespace WAVESTRIDE_API wavestride {

/// What the network's outputs are.
enum class WavenetDistribution {
  logistic,  ///< K logits, K means, K log scales of a mixture of logistics
  normal,    ///< mean and log scale; or K logits, K means, K log scales of a mixture of normals
  softmax,   ///< logits of mu-law classes, which go back into the network one-hot
};

/// Of the WavenetGenerator.
struct WavenetGeneratorOptions {
  std::vector<Index> dilations;  ///< of each of conv_layers
  WavenetDistribution distribution = WavenetDistribution::logistic;
  /// A floor under the log scales of logistics; r9y9's generation has none.
  std::optional<float> log_scale_min = {};
  Index utterances = 1;
  std::uint64_t seed = 0;    ///< of utterance 0; utterance i has seed + i
  bool noise_input = false;  ///< takes its random numbers as a second input
};

/// Random numbers per sample: of a mixture of K > 1, K + 1; else 1. The last is standard normal where the
/// distribution is, all others are uniform in [0, 1). Throws std::invalid_argument when the distribution
/// can't have that many outputs.
Index wavenet_noise_channels(WavenetDistribution distribution, Index outputs);

/// The value, in [−1, 1], that these random numbers draw from the network's outputs for a sample. Mixtures:
/// component argmax(logit − ln(−ln u)); logistic: mean + eˢ·(ln v − ln(1 − v)), u and v mapped to [1e-5,
/// 1 − 1e-5]; normal: mean + eˢ·z; both clamped. Softmax: 2k/(classes − 1) − 1 of the first class k whose
/// cumulative probability exceeds u. Throws std::invalid_argument unless there are as many random numbers as
/// wavenet_noise_channels() says.
float wavenet_sample(WavenetDistribution distribution, std::span<const float> outputs,
                     std::span<const float> noise, std::optional<float> log_scale_min = {});

namespace op {

/// Features at the rate of the waveform, utterances·features × n (utterance by utterance), to samples,
/// utterances × n; with noise_input a second input, utterances·wavenet_noise_channels() × n. The first input
/// of the network is silence: 0, or class (classes − 1)/2. Outputs before sampling are the bits of wavenet(),
/// causal, on the same samples one later. A sample depends on all features up to its own, whatever reads()
/// says. Throws std::invalid_argument on shapes that contradict themselves or the distribution.
Op wavenet_generator(const WavenetWeights& weights, const WavenetGeneratorOptions& options);

}  // namespace op

}  // namespace wavestride
