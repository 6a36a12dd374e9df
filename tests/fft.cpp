#include "fft.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <complex>
#include <numbers>
#include <thread>

#include "contract.h"

using namespace wavestride;
using namespace wavestride::testing;

TEST_CASE("fft equals the sum that defines it, for every kind of size, and inverts") {
  Rng rng(11);
  for (const Index n : {1, 2, 3, 4, 5, 7, 8, 16, 30, 31, 43, 97, 128, 257, 400, 441, 1024}) {
    INFO("size " << n);
    const RealFft fft(n);
    RealFft::Buffers b(fft);
    const Signal x = noise(rng, 1, n);
    std::copy_n(x.data(), n, b.time.begin());
    fft.forward(b);
    REQUIRE(static_cast<Index>(b.spectrum.size()) == 2 * fft.bins());
    for (Index k = 0; k < fft.bins(); ++k) {
      std::complex<double> sum = 0;
      for (Index i = 0; i < n; ++i)
        sum += std::polar<double>(
            x(i), -2 * std::numbers::pi * static_cast<double>(k * i % n) / static_cast<double>(n));
      const std::complex<double> got(b.spectrum[static_cast<std::size_t>(2 * k)],
                                     b.spectrum[static_cast<std::size_t>(2 * k + 1)]);
      CHECK(std::abs(got - sum) <= 1e-6 * x.norm() * std::sqrt(static_cast<double>(n)));
    }
    fft.inverse(b);
    for (Index i = 0; i < n; ++i)
      CHECK(b.time[static_cast<std::size_t>(i)] / static_cast<float>(n) == Approx(x(i)).margin(2e-6));
  }
}

TEST_CASE("fft gives the same bits in every buffer and on every thread") {
  Rng rng(12);
  const Index n = 400;
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
