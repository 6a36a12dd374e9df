// Numbers of a vocabulary made vectors: torch.nn.functional.embedding, and of several tables the sum, by
// which a residual quantiser's codes (EnCodec's, SoundStream's) become features again.
#pragma once

#include <wavestride/op.h>

namespace WAVESTRIDE_API wavestride {

namespace op {

/// y[:, n] = Σ_c weight[c·rows + x[c, n]], rows = weight.shape[0]/channels: channel c holds numbers of its
/// own part of the table. Of one channel this is torch.nn.functional.embedding. x: channels × T, y:
/// weight.shape[1] × T. x is cut towards 0 to a whole number; what is none of 0 … rows−1 stands for the
/// nearest of them, NaN for 0. Throws std::invalid_argument unless weight has two dimensions and `channels`
/// parts of as many rows, at most 2²⁴, which are whole numbers of float.
Op embedding(const Tensor& weight, Index channels = 1);

}  // namespace op

/// The whole-signal result of op::embedding, of as many tables as x has channels.
Signal embedding(FramesView x, const Tensor& weight);

}  // namespace wavestride
