// Design of low-pass filters in double, and their responses. Frequencies are in cycles per sample.
#pragma once

#include <wavestride/geometry.h>

#include <span>
#include <vector>

namespace wavestride {

/// Modified Bessel function of the first kind, order 0.
double bessel_i0(double x);

/// sin(πx)/(πx).
double sinc(double x);

/// The minimum-phase filter with the amplitude response of `h`, as long as h (Oppenheim & Schafer: the
/// complex cepstrum, on a circle a little outside the zeros of the stopband).
std::vector<double> minimum_phase(std::span<const double> h, double floor_db);

/// h at `ratio` as many points, from its first to its last, by polynomials through ten of them: good to −210
/// dB where nothing above a thirty-second of h's rate matters.
std::vector<double> interpolated(std::span<const double> h, double ratio);

/// |H| at frequencies 0, 1/n, … 1/2 with n ≥ `size`, a power of two.
std::vector<double> amplitude_response(std::span<const double> h, Index size);

}  // namespace wavestride
