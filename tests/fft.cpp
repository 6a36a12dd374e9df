#include "fft.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <complex>
#include <numbers>
#include <thread>

#include "contract.h"
#include "every_target.h"

using namespace wavestride;
using namespace wavestride::testing;

namespace {

/// exp(2πi·k/n)
std::vector<std::complex<double>> roots_of_unity(Index n) {
  std::vector<std::complex<double>> roots;
  for (Index k = 0; k < n; ++k)
    roots.push_back(
        std::polar<double>(1, 2 * std::numbers::pi * static_cast<double>(k) / static_cast<double>(n)));
  return roots;
}

/// Both ways on every SIMD target; and that neither writes where it should not, nor reads what counts as
/// zero.
void check_against_sums(Rng& rng, const EveryTarget& targets, Index n) {
  const Index bins = n / 2 + 1;
  const Signal x = noise(rng, 1, n), spectrum = noise(rng, 2, bins);
  const auto roots = roots_of_unity(n);
  std::vector<std::complex<double>> expected(static_cast<std::size_t>(bins));
  Eigen::ArrayXd inverse = Eigen::ArrayXd::Constant(n, spectrum(0, 0));
  for (Index k = 0; k < bins; ++k)
    for (Index i = 0; i < n; ++i) {
      const auto root = roots[static_cast<std::size_t>(k * i % n)];
      expected[static_cast<std::size_t>(k)] += static_cast<double>(x(i)) * std::conj(root);
      if (k == 0) continue;
      const std::complex<double> z(spectrum(0, k), 2 * k == n ? 0 : spectrum(1, k));
      inverse(i) += (2 * k == n ? 1 : 2) * (z * root).real();
    }
  const RealFft fft(n);
  RealFft::Buffers b(fft);
  REQUIRE(static_cast<Index>(b.spectrum.size()) == 2 * fft.bins());
  for (const std::string& name : targets.names) {
    INFO("size " << n << ", " << name);
    kernels::use_simd_target(name);
    std::copy_n(x.data(), n, b.time.begin());
    std::vector<float> got(static_cast<std::size_t>(2 * bins + 1), 7.0f);
    fft.forward(b, got.data());
    CHECK(got.back() == 7.0f);
    CHECK(std::equal(b.time.begin(), b.time.end(), x.data()));
    double off = 0;
    for (Index k = 0; k < bins; ++k) {
      const std::complex<double> z(got[static_cast<std::size_t>(2 * k)],
                                   got[static_cast<std::size_t>(2 * k + 1)]);
      off = std::max(off, std::abs(z - expected[static_cast<std::size_t>(k)]));
    }
    CHECK(off <= 1e-6 * x.norm() * std::sqrt(static_cast<double>(n)));
    fft.forward(b);
    CHECK(std::equal(b.spectrum.begin(), b.spectrum.end(), got.begin()));

    std::copy_n(spectrum.data(), 2 * bins, b.spectrum.begin());
    fft.inverse(b);
    const Eigen::Map<const Eigen::ArrayXf> y(b.time.data(), n);
    CHECK((y.cast<double>() - inverse).abs().maxCoeff() <=
          2e-6 * spectrum.norm() * std::sqrt(static_cast<double>(n)));
  }
}

}  // namespace

TEST_CASE("fft equals the sum that defines it, both ways, for every kind of size") {
  Rng rng(11);
  const EveryTarget targets;
  for (Index n = 1; n <= 600; ++n) check_against_sums(rng, targets, n);
  for (const Index n : {1001, 1024, 1025, 1102, 1103, 1323, 2203, 2204, 2205, 2206})
    check_against_sums(rng, targets, n);
}

TEST_CASE("fft inverts itself at large sizes") {
  Rng rng(13);
  for (const Index n : {4409, 8191, 11'025, 22'050, 33'075, 65'521, 65'535, 65'536}) {
    INFO("size " << n);
    const RealFft fft(n);
    RealFft::Buffers b(fft);
    const Signal x = noise(rng, 1, n);
    std::copy_n(x.data(), n, b.time.begin());
    fft.forward(b);
    fft.inverse(b);
    const Eigen::Map<const Signal> y(b.time.data(), 1, n);
    CHECK((y / static_cast<float>(n) - x).cwiseAbs().maxCoeff() <= 4e-6);
  }
}

TEST_CASE("fft gives the same bits in every buffer and on every thread") {
  Rng rng(12);
  const Index n = GENERATE(400, 441, 1102, 1103);
  const Signal x = noise(rng, 1, n);
  const auto transform = [&] {
    const RealFft fft(n);
    RealFft::Buffers b(fft);
    std::copy_n(x.data(), n, b.time.begin());
    fft.forward(b);
    return Signal(Eigen::Map<Signal>(b.spectrum.data(), 2, fft.bins()));
  };
  const Signal expected = transform();
  std::vector<Signal> results(8);
  std::vector<std::thread> threads;
  for (Signal& r : results) threads.emplace_back([&] { r = transform(); });
  for (auto& t : threads) t.join();
  for (const Signal& r : results) CHECK(same_bits(r, expected));
}

TEST_CASE("fft refuses sizes that make no sense") {
  CHECK_THROWS_WITH(RealFft(0), "fft: size must be 1 to 65536, got 0");
  CHECK_THROWS_WITH(RealFft(Index{1} << 40), "fft: size must be 1 to 65536, got 1099511627776");
}
