// AudioUNet (Kuleshov, Enam and Ermon 2017, "Audio super resolution using neural networks"): a U-Net over
// samples that adds the missing band to a signal which spline_upsample() has brought to its new rate.
#pragma once

#include <wavestride/pixel_shuffle1d.h>
#include <wavestride/stack.h>
#include <wavestride/weights.h>

namespace WAVESTRIDE_API wavestride {

/// The layers of op::audio_unet.
struct AudioUnetWeights {
  std::vector<LayerWeights> down;  ///< layer l: (filters of l, those of l − 1 or 1, odd kernel)
  LayerWeights bottleneck;         ///< (any, filters of the last layer, odd kernel)
  std::vector<LayerWeights> up;    ///< layer l: (2·filters of l, what comes from below, odd kernel)
  LayerWeights last;               ///< (2, 2·filters of layer 0, odd kernel)
};

/// The shape of op::audio_unet's network.
struct AudioUnetOptions {
  /// Of the sub-pixel layers: TensorFlow's, or that of a port to PyTorch.
  ShuffleOrder order = ShuffleOrder::phase_major;
  /// Of the strided layers of kernel k: TensorFlow's "same" pads (k−3)/2 and (k−1)/2 zeros; a port to PyTorch
  /// with padding = k//2 pads (k−1)/2 on both sides.
  bool tensorflow_padding = true;
};

/// Halves the rate in each `down` layer and in the bottleneck (leaky ReLU of 0.2), doubles it in each `up`
/// layer from the last to the first (ReLU, sub-pixel shuffle, the down layer's output below) and in `last`,
/// and adds the input. 1 × T to 1 × T, less what does not fill 2^(layers + 1) samples. Throws
/// std::invalid_argument on contradicting shapes.
Stack audio_unet(const AudioUnetWeights& weights, const AudioUnetOptions& options = {});

}  // namespace wavestride
