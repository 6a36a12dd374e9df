// Recurrent layers: torch.nn.LSTM and torch.nn.GRU of one direction, over frames. A stream carries their
// state, so that it reads nothing ahead and remembers everything.
#pragma once

#include <wavestride/op.h>

namespace WAVESTRIDE_API wavestride {

/// The learned values of one layer, PyTorch's "weight_ih_l0" and so on; rows are of the gates i, f, g and o,
/// one behind the other. An empty bias is none.
struct LstmWeights {
  Tensor weight_ih;  ///< (4·hidden, in)
  Tensor weight_hh;  ///< (4·hidden, hidden)
  std::vector<float> bias_ih = {}, bias_hh = {};
};

/// The same of a gated recurrent unit, whose gates are r, z and n.
struct GruWeights {
  Tensor weight_ih;  ///< (3·hidden, in)
  Tensor weight_hh;  ///< (3·hidden, hidden)
  std::vector<float> bias_ih = {}, bias_hh = {};
};

namespace op {

/// Of each layer in turn, with h and c zero before the first frame:
///     i, f, g, o = weight_ih·x[n] + bias_ih + weight_hh·h[n − 1] + bias_hh,
///     c[n] = σ(f)·c[n − 1] + σ(i)·tanh(g),  h[n] = σ(o)·tanh(c[n]),
/// where h is what the next layer is fed. x: in × T, y: hidden × T. An output depends on all frames before
/// it, whatever reads() says. Throws std::invalid_argument where there is no layer, or one whose shapes
/// contradict each other or the layer before.
Op lstm(std::span<const LstmWeights> layers);

/// Of each layer in turn, with h zero before the first frame, and i = weight_ih·x[n] + bias_ih and
/// k = weight_hh·h[n − 1] + bias_hh of each gate:
///     r = σ(i_r + k_r),  z = σ(i_z + k_z),  n = tanh(i_n + r·k_n),  h[n] = (1 − z)·n + z·h[n − 1].
/// Shapes, memory and refusals as of lstm.
Op gru(std::span<const GruWeights> layers);

}  // namespace op

/// The same on whole signals. Packs the weights at every call.
Signal lstm(FramesView x, std::span<const LstmWeights> layers);
Signal gru(FramesView x, std::span<const GruWeights> layers);

}  // namespace wavestride
