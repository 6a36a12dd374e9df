// Spatial (here: temporal) pyramid pooling (He et al. 2015, arXiv:1406.4729): a vector of fixed length from
// any number of frames.
#pragma once

#include <wavestride/adaptive_pool1d.h>

#include <initializer_list>

namespace WAVESTRIDE_API wavestride {

namespace op {

/// One frame that holds, level after level, torch's adaptive_{max,avg}_pool1d(x, level).flatten(): for each
/// level, for each channel, the level's bins in order of time. x: channels × T, y: channels·Σ levels × 1 for
/// any T ≥ 1 (no frame for T = 0). Does not stream: the bins depend on T. Throws std::invalid_argument
/// without levels, or when one is below 1.
Op spatial_pyramid_pool1d(Index channels, std::span<const Index> levels, Pooling pooling = Pooling::max);
Op spatial_pyramid_pool1d(Index channels, std::initializer_list<Index> levels,
                          Pooling pooling = Pooling::max);

}  // namespace op

/// The result of op::spatial_pyramid_pool1d.
Signal spatial_pyramid_pool1d(FramesView x, std::span<const Index> levels, Pooling pooling = Pooling::max);
Signal spatial_pyramid_pool1d(FramesView x, std::initializer_list<Index> levels,
                              Pooling pooling = Pooling::max);

}  // namespace wavestride
