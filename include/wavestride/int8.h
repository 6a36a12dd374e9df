// 8-bit weights: a quarter of the memory to read, for networks that read all of their weights for each
// sample.
#pragma once

#include <wavestride/op.h>

namespace WAVESTRIDE_API wavestride {

/// The same op, a wavenet_generator() in it computed from weights that are rounded to 8-bit integers, with a
/// scale for each output channel, and from frames rounded to 16-bit integers, with a scale each; sums are
/// exact, so that every processor gives the same bits: by pairs of 16-bit products, by AVX-512 VNNI or, for
/// several utterances, by tile registers (AMX, where Linux lets the process use them, which this asks for).
/// Where the weights of a sample come from a cache that does not keep up, one utterance takes half the time
/// or less. The last two layers, whose outputs say what is drawn, have bfloat16 weights. What samples are
/// drawn from keeps 36 dB of signal to error in a network of 24 layers of 128 channels with random weights,
/// fed with noise (by bfloat16() 45 dB). Other ops, and small networks, stay as they are.
///     const Op fast = int8(model.network);
Op int8(const Op& op);

}  // namespace wavestride
