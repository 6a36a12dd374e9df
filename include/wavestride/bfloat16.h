// bfloat16: convolution by numbers of 8 significant bits, at several times the speed where the processor has
// them.
#pragma once

#include <wavestride/op.h>

namespace WAVESTRIDE_API wavestride {

/// How bfloat16() chooses.
struct Bfloat16Options {
  /// Layers that minimal_filtering() makes in less time still are made by it, in float: without tile
  /// registers a HiFi-GAN takes up to a tenth less time and errs less, but has the longer lookahead.
  bool minimal_filtering = false;
};

/// The same op, its convolutions (transposed ones, too) computed from weights and frames that are rounded to
/// bfloat16 (8 significant bits, the range of float), with sums in float; where they matter to the whole and
/// a group has an even number of input channels, 16 or more. A layer errs by about 2⁻⁹ of its values; a whole
/// HiFi-GAN keeps 41 to 46 dB of signal to error. Networks that make phases magnify the errors: the vocoder
/// that comes with the library keeps 12 to 28 dB on two clips of speech, so leave those in float. Weights
/// take half the memory.
///
/// Processors with tile registers (Intel's AMX, where Linux lets the process use them, which this asks for)
/// take a third to a sixth of the time; AMD's with AVX-512 BF16 half, to which Intel's without tiles gives
/// twice. On others it is emulated: right up to the order of rounding, but slower than float; see
/// bfloat16_in_hardware(). Which of them multiplies is chosen when the op is made.
///
/// Of a wavenet_generator() the weights alone are rounded, which any processor widens as it reads them: one
/// utterance takes as long as its weights take to come from the cache, and there is half as much of them.
///     const Op fast = bfloat16(model.network, {.minimal_filtering = true});
Op bfloat16(const Op& op, const Bfloat16Options& options = {});

/// Whether this machine multiplies bfloat16 faster than float.
bool bfloat16_in_hardware() noexcept;

}  // namespace wavestride
