// Several resolutions of time at once: U-Net and feature pyramid.
#pragma once

#include <wavestride/stack.h>
#include <wavestride/weights.h>

namespace WAVESTRIDE_API wavestride {

enum class Upsampling {
  transposed,  ///< conv_transpose1d, weight (in, out, kernel)
  sub_pixel,   ///< conv1d and pixel_shuffle1d, weight (out·stride, in, kernel)
};

/// Of each level, the finest first.
struct UnetWeights {
  std::vector<LayerWeights> down;   ///< (out, in, kernel ≥ stride)
  std::vector<LayerWeights> up;     ///< back to `up`'s own channels at the rate above; see Upsampling
  std::vector<LayerWeights> merge;  ///< (out, up + skip, kernel)
};

/// Of unet().
struct UnetOptions {
  std::vector<Index> strides = {};  ///< of each level
  Upsampling upsampling = Upsampling::transposed;
  float negative_slope = 0.2f;
};

/// With h₀ = x, f = leaky_relu: down hᵢ₊₁ = f(downᵢ(hᵢ)), and from uₙ = hₙ up again uᵢ = mergeᵢ([upᵢ(uᵢ₊₁);
/// hᵢ]), with f for i > 0. x: channels × T, y: out × floor(…floor(T/s₀)…/sₙ₋₁)·Πs frames: those of the
/// deepest level. Strided layers pad kernel − stride frames, the odd one at the end. Throws
/// std::invalid_argument on contradicting shapes.
Stack unet(const UnetWeights& weights, const UnetOptions& options);

/// Names as in torchvision's FeaturePyramidNetwork; of each level, the finest first.
struct FeaturePyramidWeights {
  std::vector<LayerWeights> inner_blocks;  ///< lateral: (out, in, 1)
  std::vector<LayerWeights> layer_blocks;  ///< smoothing: (out, out, 3)
};

/// Feature pyramid (Lin et al. 2017) over time. Inputs are the features of each level, the finest first, each
/// level scales[i] times coarser than the one above. p = inner(c) + repeat(p of the level below); outputs are
/// layer_blocks(p), one a level, as long as the shortest of its parts. Throws std::invalid_argument on
/// contradicting shapes.
Stack feature_pyramid(const FeaturePyramidWeights& weights, const std::vector<Index>& scales);

}  // namespace wavestride
