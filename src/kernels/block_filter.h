// Steps between transforms of a signal in blocks, two of which are the real and the imaginary parts of one
// complex block. T is float or double; complex values are real and imaginary parts in turn.
#pragma once

#include <wavestride/geometry.h>

namespace wavestride::kernels {

/// z[p·apart + i] = (a, b)[(i·phases + p)·step] for p in [0, phases) and i in [0, count), complex: of a the
/// real parts, of b the imaginary ones.
template <class T>
void to_complex(const float* a, const float* b, Index step, Index phases, Index count, Index apart,
                T* z) noexcept;

/// (a, b)[(i·phases + p)·step] = z[p·apart + i], likewise.
template <class T>
void from_complex(const T* z, Index phases, Index count, Index apart, float* a, float* b,
                  Index step) noexcept;

/// z[i] = h[i]·x[i] for i in [0, count), or with `add` z[i] += h[i]·x[i].
template <class T>
void complex_product(const T* h, const T* x, Index count, bool add, T* z) noexcept;

}  // namespace wavestride::kernels
