// Mu-law companding of samples, the curves alone: what lies between a waveform and the classes of a network.
#pragma once

#include <wavestride/op.h>

namespace WAVESTRIDE_API wavestride {

namespace op {

/// sign(x)·ln(1 + mu·|x|)/ln(1 + mu): torchaudio's mu_law_encoding before it rounds to classes, of which
/// class k of mu + 1 stands for 2k/mu − 1. Throws std::invalid_argument unless channels and mu are positive.
Op mu_law_compress(Index channels, Index mu = 255);
/// sign(y)·((1 + mu)^|y| − 1)/mu: its inverse, torchaudio's mu_law_decoding of 2k/mu − 1.
Op mu_law_expand(Index channels, Index mu = 255);

}  // namespace op

/// The same on whole signals.
Signal mu_law_compress(FramesView x, Index mu = 255);
Signal mu_law_expand(FramesView y, Index mu = 255);

}  // namespace wavestride
