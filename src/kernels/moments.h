// Sums in double over signals, and what is normalised by them.
#pragma once

#include <wavestride/geometry.h>

namespace wavestride::kernels {

/// sum[i] += x[r·row + i] for every row r in [0, rows), in that order, or with a mean the square of its
/// distance from mean[i], for i in [0, row); each step rounded, on all machines alike.
void add_rows(const float* x, Index rows, Index row, const double* mean, double* sum) noexcept;

/// Values side by side, of which a row has a whole number, or normalised() an end of its own.
inline constexpr Index moment_lanes = 8;

/// What belongs to each value of a row, and to the first moment_lanes − 1 once more.
struct Normalisation {
  const double *mean, *gain, *bias;
  Index row;
};

/// out[i] = (in[i] − mean[k])·gain[k] + bias[k], k = (at + i) mod row, for i in [0, size); each step rounded.
void normalise(const Normalisation& n, Index at, const float* in, Index size, float* out) noexcept;

}  // namespace wavestride::kernels
