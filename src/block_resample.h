// Sample-rate conversion of blocks of the signal by Fourier transforms: fewer multiply-adds than direct sums,
// for the wait until a block is there.
#pragma once

#include <wavestride/kernel.h>

namespace wavestride {

/// y[n] = Σ_m x[m] · h[n·M − m·L + last], L/M reduced, of blocks that begin at fixed outputs.
///
/// The samples of a block, and as many around them as the filter reaches, are one period of a periodic
/// signal. Every M-th of them are transformed apart where L and M are small, and every L-th output comes from
/// one inverse transform: at each bin there is a matrix of L × M responses between. Of other ratios all
/// samples are transformed together, or every third apart, their bins up to a little beyond the lower Nyquist
/// frequency are multiplied by the response at L times the input rate, and one inverse transform of another
/// size makes the outputs. What lies above, deep in the stopband, is left out: it is silent to within the
/// filter's attenuation. Blocks go in pairs, as the real and the imaginary part of one complex block.
class BlockFilter {
 public:
  virtual ~BlockFilter() = default;

  /// Of the filter alone: what an output depends on beside the rest of its block.
  const Window& window() const { return window_; }
  /// Output frames of a pair of blocks, a multiple of L: those from a multiple of it on are made together.
  Index pair() const { return 2 * block_; }
  virtual Index bytes() const = 0;
  /// About as many multiply-adds per output.
  virtual double macs() const = 0;

  struct Memory {
    virtual ~Memory() = default;
    virtual Index bytes() const = 0;
  };
  virtual std::unique_ptr<Memory> make_memory() const = 0;

  /// pair() output frames, `step` floats apart. `in` is the frame that the first of them reads first; the
  /// same channel of the next lies `step` floats further. Reads what window() of these outputs says.
  virtual void run(const float* in, Index step, float* out, Memory& memory) const noexcept = 0;

 protected:
  Window window_;
  Index block_ = 0;
};

/// How the transforms are cut.
struct BlockShape {
  Index ins, in_size;    ///< transforms of the input, and points of each
  Index outs, out_size;  ///< and of the output
  Index block;           ///< output frames
  double cycles;         ///< about as many for an output, on a processor of today

  /// Whether there are responses between every pair of an input and an output transform, at all bins.
  bool whole() const { return in_size == out_size; }
};

/// The best for a filter with this window, its samples in float or precise; none where L and M have large
/// prime factors or are large themselves.
std::optional<BlockShape> block_shape(const Window& window, bool precise);

std::shared_ptr<const BlockFilter> make_block_filter(const BlockShape& shape, const Window& window,
                                                     std::span<const double> h, bool precise);

std::shared_ptr<const Kernel> block_resample(std::string name, Index channels,
                                             std::shared_ptr<const BlockFilter> filter);

/// The window of an output of pairs of blocks: of all outputs that it may be made together with.
Window window_of_pairs(const Window& filter, Index pair);

}  // namespace wavestride
