// Noise by seed and absolute position: the same for every chunking; on processors with other vectors about
// one value in 100,000 is the next float.
#pragma once

#include <wavestride/op.h>

#include <cstdint>

namespace WAVESTRIDE_API wavestride {

namespace op {

/// Standard normal noise, as many frames as the input of in_channels channels has, whose values it does not
/// read: what a network takes beside its features (ParallelWaveGAN's z). Value (c, n) depends on the seed and
/// on n·channels + c alone. Throws std::invalid_argument unless both numbers of channels are positive.
Op normal_noise(Index in_channels, Index channels, std::uint64_t seed);

}  // namespace op

/// channels × frames of the same noise.
Signal normal_noise(Index channels, Index frames, std::uint64_t seed);

}  // namespace wavestride
