#include "filter_design.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <complex>
#include <numbers>
#include <numeric>

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

// e^(i·step·k) for k in [0, count).
Spectrum turns(double step, std::size_t count) {
  constexpr std::size_t together = 32;
  Spectrum few, result;
  for (std::size_t k = 0; k < together; ++k) few.push_back(std::polar(1.0, step * static_cast<double>(k)));
  for (std::size_t k = 0; k < count; ++k)
    result.push_back(few[k % together] * (k % together == 0 ? std::polar(1.0, step * static_cast<double>(k))
                                                            : result[k - k % together]));
  return result;
}

// Bins 0 … n/2 of n values, of which x has the first; n is a power of two from 2 on. They are the real and
// the imaginary parts of half as many: the bins of both mirror each other.
Spectrum transform(std::span<const double> x, std::size_t n) {
  const std::size_t half = n / 2;
  Spectrum z(half);
  for (std::size_t i = 0; i < x.size(); ++i) (i % 2 == 0) ? z[i / 2].real(x[i]) : z[i / 2].imag(x[i]);
  z = transform(z);
  z.push_back(z[0]);
  Spectrum turn = turns(-2 * std::numbers::pi / static_cast<double>(n), half + 1), bins(half + 1);
  for (std::size_t k = 0; k <= half; ++k) {
    const std::complex<double> mirror = std::conj(z[half - k]), odd = turn[k] * (z[k] - mirror);
    bins[k] = 0.5 * (z[k] + mirror + std::complex(odd.imag(), -odd.real()));
  }
  return bins;
}

// n times the values that bins 0 … n/2 are of.
std::vector<double> inverse(const Spectrum& bins) {
  const std::size_t half = bins.size() - 1, n = 2 * half;
  const Spectrum turn = turns(2 * std::numbers::pi / static_cast<double>(n), half);
  Spectrum z(half);
  for (std::size_t k = 0; k < half; ++k) {
    const std::complex<double> mirror = std::conj(bins[half - k]), odd = turn[k] * (bins[k] - mirror);
    z[k] = std::conj(bins[k] + mirror + std::complex(-odd.imag(), odd.real()));
  }
  z = transform(z);
  std::vector<double> x;
  for (const auto& v : z) x.insert(x.end(), {v.real(), -v.imag()});
  return x;
}

// The logarithms of bins whose phase turns by less than half a circle from one to the next, with the turn
// that they make together taken out; returns how many halves of a circle it is, clockwise.
double take_logarithm(Spectrum& bins) {
  const auto last = static_cast<double>(bins.size() - 1);
  double phase = 0;
  std::complex<double> before = bins[0];
  for (auto& v : bins) {
    const std::complex<double> here = v, turn = here * std::conj(before);
    phase += std::atan2(turn.imag(), turn.real());
    v = {std::log(std::abs(here)), phase};
    before = here;
  }
  const double halves = -std::round(phase / std::numbers::pi);
  for (std::size_t k = 0; k < bins.size(); ++k)
    bins[k] += std::complex(0.0, std::numbers::pi * halves * static_cast<double>(k) / last);
  bins.back().imag(0);
  return halves;
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

// The cepstrum of zeros on the unit circle falls as slowly as 1/n. Those of h[n]·ρⁿ lie within, and theirs
// falls with ρⁿ besides: n > 0 is of the zeros within, n < 0 of those outside, which are to be turned in
// where they would be without ρ. No zero is lost whatever side it is taken for: the amplitude is that of h,
// to whose first sample a little is added, lest its phase be lost among roundings.
std::vector<double> minimum_phase(std::span<const double> h, double floor_db) {
  constexpr double aliased = 30;  // nepers down
  const std::size_t n = std::max<std::size_t>(transform_size(8 * static_cast<Index>(h.size())), 4096);
  const double decay = aliased / static_cast<double>(n), scale = 1 / static_cast<double>(n);
  const double peak = std::abs(std::accumulate(h.begin(), h.end(), 0.0));
  std::vector<double> weighted(h.begin(), h.end());
  for (std::size_t i = 0; i < h.size(); ++i) weighted[i] *= std::exp(-decay * static_cast<double>(i));
  weighted[0] += peak * std::pow(10, -floor_db / 20);
  Spectrum bins = transform(weighted, n);
  const double outside = take_logarithm(bins);
  std::vector<double> cepstrum = inverse(bins);
  for (std::size_t i = 1; i < n / 2; ++i)
    cepstrum[i] += std::exp(-2 * decay * static_cast<double>(i)) * cepstrum[n - i];
  cepstrum.resize(n / 2);
  for (double& v : cepstrum) v *= scale;
  bins = transform(cepstrum, n);
  for (auto& v : bins) v = std::exp(v);
  std::vector<double> result = inverse(bins);
  result.resize(h.size());
  for (std::size_t i = 0; i < result.size(); ++i)
    result[i] *= scale * std::exp(decay * (static_cast<double>(i) + outside));
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
  std::vector<double> amplitude;
  for (const auto& v : transform(h, n)) amplitude.push_back(std::abs(v));
  return amplitude;
}

}  // namespace wavestride
