// Attention among the frames of a window, as SNAC has it at 32 and 44.1 kHz.
#pragma once

#include <wavestride/stack.h>
#include <wavestride/weights.h>

namespace wavestride::models {

struct LocalAttentionWeights {
  Tensor norm, norm_bias;  ///< of a layer_norm, (channels)
  Tensor qkv;              ///< (3 · channels, channels): queries, keys and values, head by head each
  Tensor out;              ///< (channels, channels)
  /// Of rotary positions, radians a frame: half as many as a head has values.
  std::vector<float> frequencies;
};

/// x + out(attention(qkv(layer_norm(x)))), of frames that attend to those of the same window and to no other:
/// windows are frames 0 to window − 1 and so on, the last has what is left. A head's attention is
/// softmax(q·k/√size)·v, with value i and i + size/2 of q and k of a window's frame t turned by
/// t·frequencies[i].
StackBuilder::Value local_attention(StackBuilder& b, StackBuilder::Value x, const LocalAttentionWeights& w,
                                    Index window);

}  // namespace wavestride::models
