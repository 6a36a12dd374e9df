// Residual vector quantisation: of latents the numbers of codebook rows that stand for them, as encoders of
// neural codecs make them.
#pragma once

#include <wavestride/op.h>
#include <wavestride/weights.h>

#include <vector>

namespace wavestride::models {

/// One codebook of a residual quantiser.
struct QuantiserBook {
  Tensor rows;            ///< [rows, values]
  LayerWeights in = {};   ///< (values, latent, 1): what latents are looked up by; empty: themselves
  LayerWeights out = {};  ///< (latent, values, 1): what a row stands for; empty: itself
  /// Whether latents and rows are of length one where they are compared, so that the angle alone counts.
  bool by_angle = false;
  Index stride = 1;  ///< latents, the mean of which has one code
};

/// For each book in turn, of r, which begins as the latents: the code of the mean v of each `stride` of them
/// is the number of the row c with the least ‖in(v) − c‖², the first of several, and out(c) is taken off
/// them. x: latent × T, y: codes of a frame × T/together, where all strides divide `together`: those of the
/// first book, in order of time, those of the second, and so on.
///
/// Distances are compared in float32, as v·c − ‖c‖²/2. Of rows as near as its rounding, some 1e-6 of the
/// lengths involved, another may be taken than torch takes, whose order of sums is its own; what follows in
/// that frame is of another residual.
Op residual_quantiser(Index latent, const std::vector<QuantiserBook>& books, Index together = 1);

}  // namespace wavestride::models
