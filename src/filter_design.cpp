#include "filter_design.h"

#include <bit>
#include <cmath>
#include <complex>
#include <numbers>
#include <unsupported/Eigen/FFT>

namespace wavestride {
namespace {

using Spectrum = std::vector<std::complex<double>>;

std::size_t transform_size(Index least) {
  return std::bit_ceil(static_cast<std::size_t>(least));
}

Spectrum transform(std::vector<double> x, std::size_t size) {
  x.resize(size);
  Eigen::FFT<double> fft;
  Spectrum spectrum;
  fft.fwd(spectrum, x);
  return spectrum;
}

std::vector<double> inverse(const Spectrum& spectrum) {
  Eigen::FFT<double> fft;
  std::vector<double> x;
  fft.inv(x, spectrum);
  return x;
}

}  // namespace

double bessel_i0(double x) {
  double sum = 1, term = 1;
  for (int k = 1; term > sum * 1e-17; ++k) {
    term *= (x / (2 * k)) * (x / (2 * k));
    sum += term;
  }
  return sum;
}

double sinc(double x) {
  const double a = std::numbers::pi * x;
  return std::abs(a) < 1e-9 ? 1.0 : std::sin(a) / a;
}

std::vector<double> minimum_phase(std::span<const double> h, double floor_db) {
  const std::size_t n = transform_size(16 * static_cast<Index>(h.size()));
  Spectrum spectrum = transform({h.begin(), h.end()}, n);
  double peak = 0;
  for (const auto& v : spectrum) peak = std::max(peak, std::abs(v));
  const double floor = peak * std::pow(10, -floor_db / 20);
  for (auto& v : spectrum) v = std::log(std::max(std::abs(v), floor));
  std::vector<double> cepstrum = inverse(spectrum);
  for (std::size_t i = 1; i < n / 2; ++i) {
    cepstrum[i] *= 2;
    cepstrum[n - i] = 0;
  }
  spectrum = transform(std::move(cepstrum), n);
  for (auto& v : spectrum) v = std::exp(v);
  std::vector<double> result = inverse(spectrum);
  result.resize(h.size());
  return result;
}

std::vector<double> amplitude_response(std::span<const double> h, Index size) {
  const std::size_t n = transform_size(std::max(size, static_cast<Index>(h.size())));
  const Spectrum spectrum = transform({h.begin(), h.end()}, n);
  std::vector<double> amplitude(n / 2 + 1);
  for (std::size_t i = 0; i < amplitude.size(); ++i) amplitude[i] = std::abs(spectrum[i]);
  return amplitude;
}

}  // namespace wavestride
