// Steps between transforms of a signal in blocks, two of which are the real and the imaginary parts of one
// complex block. Complex values are real and imaginary parts in turn.
#pragma once

#include <wavestride/geometry.h>

namespace wavestride::kernels {

/// z[p·apart + i] = (a, b)[(i·phases + p)·step] for p in [0, phases) and i in [0, count), complex: of a the
/// real parts, of b the imaginary ones.
void to_complex(const float* a, const float* b, Index step, Index phases, Index count, Index apart,
                float* z) noexcept;
void to_complex(const float* a, const float* b, Index step, Index phases, Index count, Index apart,
                double* z) noexcept;

/// (a, b)[(i·phases + p)·step] = z[p·apart + i], likewise.
void from_complex(const float* z, Index phases, Index count, Index apart, float* a, float* b,
                  Index step) noexcept;
void from_complex(const double* z, Index phases, Index count, Index apart, float* a, float* b,
                  Index step) noexcept;

/// z[i] = h[i]·x[i] for i in [0, count), or with `add` z[i] += h[i]·x[i].
void complex_product(const float* h, const float* x, Index count, bool add, float* z) noexcept;
void complex_product(const double* h, const double* x, Index count, bool add, double* z) noexcept;

}  // namespace wavestride::kernels
