// The contract that every Op keeps: streamed equals offline bit for bit in every chunking, lengths, latency
// and receptive field are the measured ones, no allocation after construction, reset() starts anew, streams
// of one Op on several threads do not disturb each other.
#pragma once

#include <wavestride/stream.h>

#include <random>

namespace wavestride::testing {

using Rng = std::mt19937;

/// Uniform in [lo, hi].
Index uniform(Rng& rng, Index lo, Index hi);

/// Normal noise, channels × frames.
Signal noise(Rng& rng, Index channels, Index frames);
/// Normal noise of a given shape, scaled.
Tensor noise_tensor(Rng& rng, std::vector<Index> shape, float scale = 1.0f);

/// Same size and the same bits (NaN equals NaN of the same bits).
bool same_bits(FramesView a, FramesView b);

/// The output of a stream fed with chunks of 0, 1, prime and random numbers of frames.
Signal stream_in_chunks(Stream& stream, FramesView x, Rng& rng);

/// What verify_contract should not assume of an op.
struct ContractOptions {
  /// Every output frame depends on every frame of its window (false where values are selected, as in max
  /// pooling).
  bool dense = true;
  /// What came before the window counts, too, through a state.
  bool recurrent = false;
  /// Frames of the longest signal tried, in input frames; 0 chooses by receptive field.
  Index longest = 0;
  int chunkings = 4;
};

/// Checks everything above with Catch2 assertions, for an op of one input and one output that streams.
void verify_contract(const Op& op, Rng& rng, const ContractOptions& options = {});
/// The same for any number of inputs and outputs (without the measured receptive field).
void verify_contract_multi(const Op& op, Rng& rng, const ContractOptions& options = {});

/// Allocations of this thread since the program started, and their bytes, freed or not; counts malloc, calloc
/// and realloc, and so operator new.
std::size_t allocations();
std::size_t allocated_bytes();

}  // namespace wavestride::testing
