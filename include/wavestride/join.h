// Joins: several signals of one rate become one (residual sums, skip concatenations). Frame n of the result
// is made of frame n of every input; inputs that lag are waited for. The shortest input decides the length.
#pragma once

#include <wavestride/op.h>

namespace WAVESTRIDE_API wavestride {

namespace op {

/// Sum of `inputs` signals of `channels` channels, added in order.
Op add(Index channels, Index inputs = 2);
/// Mean of `inputs` signals: the sum, times 1/inputs.
Op mean(Index channels, Index inputs);
/// Element-wise product.
Op multiply(Index channels, Index inputs = 2);
/// Channels of all inputs below one another, in order (torch.cat over dim 1).
Op concatenate(std::vector<Index> channels);
/// The input itself: a skip path.
Op identity(Index channels);

}  // namespace op

/// The same on whole signals. Throw std::invalid_argument on differing channels or lengths.
Signal add(std::span<const FramesView> x);
Signal mean(std::span<const FramesView> x);
Signal multiply(std::span<const FramesView> x);
Signal concatenate(std::span<const FramesView> x);

}  // namespace wavestride
