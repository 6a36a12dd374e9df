// Steps between transforms of a signal in blocks, two of which are the real and the imaginary parts of one
// complex block. T is float or double; complex values are real and imaginary parts in turn.
#pragma once

#include <wavestride/geometry.h>

namespace wavestride::kernels {

/// z[i] = a[i·step] + i·b[i·step] for i in [0, count).
template <class T>
void to_complex(const float* a, const float* b, Index step, Index count, T* z) noexcept;

/// a[i·step] = Re z[i], b[i·step] = Im z[i] for i in [0, count).
template <class T>
void from_complex(const T* z, Index count, float* a, float* b, Index step) noexcept;

/// z[i] = h[i]·x[i] for i in [0, count), or with `add` z[i] += h[i]·x[i].
template <class T>
void complex_product(const T* h, const T* x, Index count, bool add, T* z) noexcept;

}  // namespace wavestride::kernels
