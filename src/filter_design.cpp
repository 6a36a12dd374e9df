#include "filter_design.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <complex>
#include <numbers>

#include "fft.h"
#include "kernels/aligned.h"

namespace wavestride {
namespace {

using Spectrum = std::vector<std::complex<double>>;

std::size_t transform_size(Index least) {
  return std::bit_ceil(static_cast<std::size_t>(least));
}

// Of any power of two, as a matrix of whose columns few are long, and whose rows are.
Spectrum transform(const Spectrum& x) {
  using Fft = ComplexFft<double>;
  constexpr std::size_t longest = RealFft::max_size;
  const std::size_t columns = std::min(x.size(), longest), rows = x.size() / columns;
  kernels::Aligned<double> in(2 * std::max(rows, columns)), out(in.size());
  const auto load = [&](const std::complex<double>* from, std::size_t step, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) {
      in[2 * i] = from[i * step].real();
      in[2 * i + 1] = from[i * step].imag();
    }
  };
  Spectrum turned(x);
  const Fft of_column(Fft::Direction::forward, static_cast<Index>(rows));
  for (std::size_t c = 0; c < columns && rows > 1; ++c) {
    load(x.data() + c, columns, rows);
    of_column(in.data(), out.data());
    const std::complex<double> turn =
        std::polar(1.0, -2 * std::numbers::pi * static_cast<double>(c) / static_cast<double>(x.size()));
    std::complex<double> z = 1;
    for (std::size_t r = 0; r < rows; ++r, z *= turn)
      turned[r * columns + c] = z * std::complex(out[2 * r], out[2 * r + 1]);
  }
  Spectrum result(x.size());
  const Fft of_row(Fft::Direction::forward, static_cast<Index>(columns));
  for (std::size_t r = 0; r < rows; ++r) {
    load(turned.data() + r * columns, 1, columns);
    of_row(in.data(), out.data());
    for (std::size_t c = 0; c < columns; ++c) result[r + c * rows] = {out[2 * c], out[2 * c + 1]};
  }
  return result;
}

Spectrum transform(std::span<const double> x, std::size_t size) {
  Spectrum padded(size);
  std::copy(x.begin(), x.end(), padded.begin());
  return transform(padded);
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
  const double scale = 1 / static_cast<double>(n);
  Spectrum spectrum = transform(h, n);
  double peak = 0;
  for (const auto& v : spectrum) peak = std::max(peak, std::norm(v));
  const double floor = peak * std::pow(10, -floor_db / 10);
  // All transforms are of what is real or symmetric, so that one half of a spectrum mirrors the other.
  for (std::size_t i = 0; i <= n / 2; ++i)
    spectrum[i] = spectrum[(n - i) % n] = std::log(std::max(std::norm(spectrum[i]), floor)) / 2 * scale;
  spectrum = transform(spectrum);  // the cepstrum
  for (std::size_t i = 1; i < n / 2; ++i) {
    spectrum[i] = 2 * spectrum[i].real();
    spectrum[n - i] = 0;
  }
  spectrum = transform(spectrum);
  for (std::size_t i = 0; i <= n / 2; ++i) {
    spectrum[i] = std::conj(std::exp(spectrum[i])) * scale;
    spectrum[(n - i) % n] = std::conj(spectrum[i]);
  }
  spectrum = transform(spectrum);
  std::vector<double> result(h.size());
  for (std::size_t i = 0; i < result.size(); ++i) result[i] = spectrum[i].real();
  return result;
}

std::vector<double> interpolated(std::span<const double> h, double ratio) {
  constexpr Index order = 10;
  std::array<double, order> weight{};
  for (Index j = 0; j < order; ++j)
    weight[static_cast<std::size_t>(j)] =
        (j % 2 == 0 ? -1 : 1) / (std::tgamma(j + 1) * std::tgamma(order - j));
  const auto size = static_cast<Index>(h.size());
  std::vector<double> result(static_cast<std::size_t>(static_cast<double>(size - 1) * ratio) + 1);
  for (std::size_t n = 0; n < result.size(); ++n) {
    const double at = static_cast<double>(n) / ratio, whole = std::floor(at);
    const Index first = static_cast<Index>(whole) + 1 - order / 2;
    // Each point's factors, those on its left and those on its right.
    std::array<double, order> value = weight;
    const auto multiply = [&](double& product, Index j) {
      value[static_cast<std::size_t>(j)] *= product;
      product *= at - static_cast<double>(first + j);
    };
    double left = 1, right = 1, sum = 0;
    for (Index j = 0; j < order; ++j) multiply(left, j), multiply(right, order - 1 - j);
    for (Index j = std::max<Index>(0, -first); j < std::min(order, size - first); ++j)
      sum += value[static_cast<std::size_t>(j)] * h[static_cast<std::size_t>(first + j)];
    result[n] = sum;
  }
  return result;
}

std::vector<double> amplitude_response(std::span<const double> h, Index size) {
  const std::size_t n = transform_size(std::max(size, static_cast<Index>(h.size())));
  const Spectrum spectrum = transform(h, n);
  std::vector<double> amplitude(n / 2 + 1);
  for (std::size_t i = 0; i < amplitude.size(); ++i) amplitude[i] = std::abs(spectrum[i]);
  return amplitude;
}

}  // namespace wavestride
