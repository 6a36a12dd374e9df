// Kernels around Fourier transforms: windows, the step between real and complex transforms, magnitudes, mel
// bands, phases. Spectra hold real and imaginary parts in turn.
#pragma once

#include <wavestride/geometry.h>

#include <cstdint>
#include <vector>

#include "kernels/aligned.h"

namespace wavestride::kernels {

/// out[i] = a[i] · b[i]
void multiply(const float* a, const float* b, Index size, float* out) noexcept;
/// x[i] *= a[i]
void multiply_by(const float* a, Index size, float* x) noexcept;
/// sum[i] += a[i] · b[i]
void multiply_add(const float* a, const float* b, Index size, float* sum) noexcept;
/// out[i] = a · in[i]
void scale(float a, const float* in, Index size, float* out) noexcept;

/// A real transform of size 2M by a complex one of size M over z[n] = x[2n] + i·x[2n+1].
class HalfSpectrum {
 public:
  HalfSpectrum() = default;
  explicit HalfSpectrum(Index half);

  Index half() const { return half_; }
  /// X[k] = exp(−πik/M)^(0, 1, …, M−1), real and imaginary parts apart.
  const float* cosines() const { return cosines_.data(); }
  const float* sines() const { return sines_.data(); }

  /// The M + 1 bins of the real signal from the M bins Z of z.
  void to_real(const float* z, float* x) const noexcept;
  /// power_spectrum() of the first `bins` of these. `power` has room for M + 1.
  void powers(const float* z, Index bins, float epsilon, bool root, float* power) const noexcept;
  /// 2·Z of the signal with the bins X; imaginary parts of bins 0 and M count as zero.
  void from_real(const float* x, float* z) const noexcept;

 private:
  Index half_ = 0;
  Aligned<float> cosines_, sines_;
};

/// Complex transforms of `points` values, one for each column of a matrix, by the sum that defines them: of
/// few points nothing is faster for many columns, and primes are like any others.
class ColumnDft {
 public:
  ColumnDft() = default;
  explicit ColumnDft(Index points);

  Index points() const { return points_; }
  /// Of the values that those n and points − n after the first add to each other, and of the bins likewise.
  Index half() const { return points_ / 2 + 1; }
  /// cos and sin of 2πkn/points for k < half, n < half.
  const float* waves() const { return waves_.data(); }

  /// Real and imaginary parts apart, the latter zero where `im` is null.
  struct Rows {
    const float *re, *im;
    Index stride;
  };
  /// `out` has bins 0, 1, … below `bins`, points or half, in rows a distance of padded(columns) apart, each
  /// multiplied by `turns` (re, im: rows like those of `out`) if there are any. Up to column_lanes more
  /// values than `in` has are read. `work` has work_size(points) values.
  void operator()(const Rows& in, Index columns, Index bins, const Rows& turns, float* out_re, float* out_im,
                  float* work) const noexcept;

  static constexpr Index column_lanes = 32;
  static constexpr Index padded(Index columns) {
    return (columns + column_lanes - 1) / column_lanes * column_lanes;
  }
  static constexpr Index work_size(Index points) { return 4 * column_lanes * (points / 2 + 1); }

  /// out[n·transposed(rows) + k] = in[k·padded(columns) + n], where both have whole blocks of
  /// transposed(rows) and padded(columns).
  static void transpose(const float* in, Index rows, Index columns, float* out) noexcept;
  static constexpr Index transposed(Index rows) { return (rows + 3) / 4 * 4; }

 private:
  Index points_ = 0;
  Aligned<float> waves_;
};

/// out[k] = re² + im² + epsilon of bin k, or with `root` its square root.
void power_spectrum(const float* x, Index bins, float epsilon, bool root, float* out) noexcept;
/// The same to the power of power/2.
void magnitudes(const float* x, Index bins, float epsilon, double power, float* out) noexcept;
/// What values of power_spectrum(), with `root` where `power` is 1, still lack.
void finish_magnitudes(double power, Index bins, float* out) noexcept;

/// A run of weights.
struct Band {
  Index first, size;    ///< of the bins that it weighs
  std::size_t weights;  ///< where its weights start; zeros follow up to a multiple of band_lanes
};
inline constexpr Index band_lanes = 8;

/// out[b] = Σ_k w[k] · x[first + k] for each band; x has `bins` values.
void banded_sums(const Band* bands, Index count, const float* weights, const float* x, Index bins,
                 float* out) noexcept;

/// out[i] = a[i] · x[first[i]] + b[i] · x[first[i] + 1], where `first` does not fall. Of x, neighbours_room
/// more values than these are read.
inline constexpr Index neighbours_room = 16;
void mix_neighbours(const std::int32_t* first, const float* a, const float* b, Index size, const float* x,
                    float* out) noexcept;

/// out[i] = min(max(scale · ln max(in[i], floor) + offset, low), high); NaN stays NaN.
struct Logarithm {
  float floor, scale, offset, low, high;
};
void compress(const Logarithm& l, const float* in, Index size, float* out) noexcept;

/// Of one frame: how far a spectrum is from the magnitudes that it should have, Σ (|r| − m)² and Σ m².
struct SpectralError {
  float difference, energy;
};
/// spectrum = magnitude · d/|d|, d = rebuilt − momentum · previous; previous = rebuilt.
SpectralError next_phases(const float* magnitude, Index bins, float momentum, const float* rebuilt,
                          float* previous, float* spectrum) noexcept;

}  // namespace wavestride::kernels
