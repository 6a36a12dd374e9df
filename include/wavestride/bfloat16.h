// bfloat16: convolution by numbers of 8 significant bits, at up to twice the speed where the processor has
// them.
#pragma once

#include <wavestride/op.h>

namespace WAVESTRIDE_API wavestride {

/// How bfloat16() chooses.
struct Bfloat16Options {
  /// Layers that minimal_filtering() makes in less time still are made by it, in float: a HiFi-GAN takes up to
  /// a tenth less time and errs less, but has the longer lookahead.
  bool minimal_filtering = false;
};

/// The same op, its convolutions (transposed ones, too) computed from weights and frames that are rounded to
/// bfloat16 (8 significant bits, the range of float), with sums in float; where they matter to the whole and
/// a group has an even number of input channels, 16 or more. A layer errs by about 2⁻⁹ of its values; a whole
/// HiFi-GAN keeps 41 to 47 dB of signal to error. Networks that make phases magnify the errors: the vocoder
/// that comes with the library keeps 12 to 28 dB on two clips of speech, so leave those in float. Weights
/// take half the memory.
///
/// Processors with AVX-512 BF16 take about half the time for it. On others it is emulated: right up to the
/// order of rounding, but slower than float; see bfloat16_in_hardware().
///
/// Of a wavenet_generator() the weights alone are rounded, which any processor widens as it reads them: one
/// utterance takes as long as its weights take to come from the cache, and there is half as much of them.
///     const Op fast = bfloat16(model.network, {.minimal_filtering = true});
Op bfloat16(const Op& op, const Bfloat16Options& options = {});

/// Whether this machine multiplies bfloat16 by an instruction of its own.
bool bfloat16_in_hardware() noexcept;

}  // namespace wavestride
