// Recursive filters.
#pragma once

#include <wavestride/geometry.h>

namespace wavestride::kernels {

/// out[n] = coefficient·out[n − 1] + in[n] for every channel of `frames` frames, of one rounding on every
/// machine; `last` is the frame before the first, and becomes the last.
void decay(float coefficient, const float* in, Index channels, Index frames, float* last,
           float* out) noexcept;

}  // namespace wavestride::kernels
