#include "kernels/spectral.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <complex>
#include <limits>
#include <numbers>

#include "contract.h"
#include "every_target.h"

using namespace wavestride;
using namespace wavestride::testing;

namespace {

constexpr float untouched = 7.0f;

/// Runs f(rng, size, offset) on every SIMD target, for sizes around those of vectors at all alignments.
template <class F>
void on_every_target(F&& f) {
  EveryTarget targets;
  for (const std::string& name : targets.names) {
    INFO(name);
    kernels::use_simd_target(name);
    Rng rng(71);
    for (Index size = 1; size < 70; ++size) {
      INFO("size " << size);
      f(rng, size, uniform(rng, 0, 15));
    }
  }
}

/// `size` values at an alignment of `offset` floats, and one more that must stay.
struct Guarded {
  Guarded(Index n, Index shift) : offset(shift), size(n), memory(static_cast<std::size_t>(shift + n + 1)) {
    std::fill(memory.begin(), memory.end(), untouched);
  }
  Guarded(Rng& rng, Index n, Index shift) : Guarded(n, shift) {
    const Signal x = noise(rng, 1, n);
    std::copy_n(x.data(), n, data());
  }
  float* data() { return memory.data() + offset; }
  float operator[](Index i) const { return memory[static_cast<std::size_t>(offset + i)]; }
  bool kept() const { return memory.back() == untouched; }

  Index offset, size;
  std::vector<float> memory;
};

bool near(double got, double expected, double scale = 1) {
  return std::abs(got - expected) <= 4e-7 * std::max(std::abs(expected), scale);
}

}  // namespace

TEST_CASE("spectral kernels: products equal their plain twins on every SIMD target") {
  on_every_target([](Rng& rng, Index size, Index offset) {
    Guarded a(rng, size, offset), b(rng, size, 15 - offset), product(size, offset), sum(rng, size, offset),
        scaled(size, offset), by(rng, size, offset);
    const Guarded before = sum, by_before = by;
    kernels::multiply(a.data(), b.data(), size, product.data());
    kernels::multiply_add(a.data(), b.data(), size, sum.data());
    kernels::multiply_by(a.data(), size, by.data());
    kernels::scale(0.3f, a.data(), size, scaled.data());
    for (Index i = 0; i < size; ++i) {
      REQUIRE(product[i] == a[i] * b[i]);
      REQUIRE(by[i] == a[i] * by_before[i]);
      REQUIRE(scaled[i] == 0.3f * a[i]);
      REQUIRE(near(sum[i], static_cast<double>(a[i]) * b[i] + before[i]));
    }
    CHECK((product.kept() && sum.kept() && scaled.kept() && by.kept()));
  });
}

TEST_CASE("spectral kernels: half spectra become whole ones, and back, on every SIMD target") {
  on_every_target([](Rng& rng, Index half, Index offset) {
    const kernels::HalfSpectrum h(half);
    Guarded z(rng, 2 * half, offset), x(2 * half + 2, 15 - offset), back(2 * half, offset);
    const auto at = [half](const Guarded& s, Index k) {
      return std::complex<double>(s[2 * (k % half)], s[2 * (k % half) + 1]);
    };
    h.to_real(z.data(), x.data());
    for (Index k = 0; k <= half; ++k) {
      const std::complex<double> i(0, 1), a = at(z, k), b = std::conj(at(z, half - k));
      const auto turn =
          std::polar(1.0, -std::numbers::pi * static_cast<double>(k) / static_cast<double>(half));
      const std::complex<double> expected = (a + b) / 2.0 - i * turn * (a - b) / 2.0;
      REQUIRE(near(x[2 * k], expected.real(), 4));
      REQUIRE(near(x[2 * k + 1], expected.imag(), 4));
    }
    // Imaginary parts of the first and the last bin count as zero.
    x.data()[1] = x.data()[2 * half + 1] = 3.0f;
    h.from_real(x.data(), back.data());
    for (Index i = 0; i < 2 * half; ++i) REQUIRE(near(back[i], 2.0 * z[i], 8));
    CHECK((back.kept() && z.kept()));
  });
}

TEST_CASE("spectral kernels: magnitudes equal their plain twin on every SIMD target") {
  on_every_target([](Rng& rng, Index bins, Index offset) {
    Guarded x(rng, 2 * bins, offset), power(bins, offset), root(bins, 15 - offset);
    kernels::power_spectrum(x.data(), bins, 0.5f, false, power.data());
    kernels::power_spectrum(x.data(), bins, 0.5f, true, root.data());
    for (Index k = 0; k < bins; ++k) {
      const double expected = std::pow(x[2 * k], 2.0) + std::pow(x[2 * k + 1], 2.0) + 0.5;
      REQUIRE(near(power[k], expected));
      REQUIRE(near(root[k], std::sqrt(expected)));
    }
    CHECK((power.kept() && root.kept()));
  });
}

TEST_CASE("spectral kernels: powers of half spectra are those of whole ones on every SIMD target") {
  on_every_target([](Rng& rng, Index half, Index offset) {
    const kernels::HalfSpectrum h(half);
    Guarded z(rng, 2 * half, offset), x(2 * half + 2, offset), expected(half + 1, offset),
        power(half + 1, 15 - offset);
    const Index bins = uniform(rng, 1, half + 1);
    const bool root = uniform(rng, 0, 1) > 0;
    h.to_real(z.data(), x.data());
    kernels::power_spectrum(x.data(), half + 1, 0.5f, root, expected.data());
    h.powers(z.data(), bins, 0.5f, root, power.data());
    for (Index k = 0; k < bins; ++k) REQUIRE(power[k] == expected[k]);
    CHECK(power.kept());
  });
}

TEST_CASE("spectral kernels: sums of bands read no other bins than there are, on every SIMD target") {
  on_every_target([](Rng& rng, Index bins, Index offset) {
    Guarded x(rng, bins, offset);
    x.memory.back() = std::nanf("");  // beyond the last bin
    std::vector<kernels::Band> bands;
    std::vector<float> weights;
    for (Index first = 0; first < bins; first += uniform(rng, 0, 3)) {
      bands.push_back({first, uniform(rng, 0, std::min<Index>(bins - first, 20)), weights.size()});
      const Signal w = noise(rng, 1, bands.back().size);
      weights.insert(weights.end(), w.data(), w.data() + w.size());
      weights.resize((weights.size() + kernels::band_lanes - 1) / kernels::band_lanes * kernels::band_lanes);
      if (bands.size() > 40) break;
    }
    Guarded sums(static_cast<Index>(bands.size()), offset);
    kernels::banded_sums(bands.data(), sums.size, weights.data(), x.data(), bins, sums.data());
    for (std::size_t b = 0; b < bands.size(); ++b) {
      double expected = 0;
      for (Index k = 0; k < bands[b].size; ++k)
        expected += static_cast<double>(weights[bands[b].weights + static_cast<std::size_t>(k)]) *
                    static_cast<double>(x[bands[b].first + k]);
      REQUIRE(near(sums[static_cast<Index>(b)], expected, 10));
    }
    CHECK(sums.kept());
  });
}

TEST_CASE("spectral kernels: mixtures of neighbours equal their plain twin on every SIMD target") {
  on_every_target([](Rng& rng, Index size, Index offset) {
    // Few bins to a band, or so many bands that they don't lie within a vector.
    const Index widest = uniform(rng, 0, 1) > 0 ? 1 : 9;
    std::vector<std::int32_t> first(static_cast<std::size_t>(size));
    std::int32_t at = 0;
    for (std::int32_t& f : first) f = at += static_cast<std::int32_t>(uniform(rng, 0, widest));
    Guarded x(rng, at + 2 + kernels::neighbours_room, offset), a(rng, size, offset),
        b(rng, size, 15 - offset), out(size, offset);
    kernels::mix_neighbours(first.data(), a.data(), b.data(), size, x.data(), out.data());
    for (Index i = 0; i < size; ++i) {
      const Index k = first[static_cast<std::size_t>(i)];
      const double expected = static_cast<double>(a[i]) * static_cast<double>(x[k]) +
                              static_cast<double>(b[i]) * static_cast<double>(x[k + 1]);
      REQUIRE(near(out[i], expected, 2));
    }
    CHECK(out.kept());
  });
}

TEST_CASE(
    "spectral kernels: logarithms equal their plain twin, keep NaN and infinity, on every SIMD target") {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  on_every_target([](Rng& rng, Index size, Index offset) {
    Guarded x(rng, size, offset), y(size, 15 - offset);
    for (Index i = 0; i < size; ++i) x.data()[i] = std::pow(10.0f, 6 * x[i]);
    const Index special = uniform(rng, 0, size - 1);
    const bool is_nan = uniform(rng, 0, 1) > 0;
    x.data()[special] = is_nan ? std::nanf("") : infinity;
    const kernels::Logarithm wide{1e-5f, 0.7f, 0.1f, -infinity, infinity},
        narrow{1e-5f, 0.7f, 0.1f, -1.0f, 2.0f};
    kernels::compress(wide, x.data(), size, y.data());
    for (Index i = 0; i < size; ++i) {
      if (i == special)
        REQUIRE((is_nan ? std::isnan(y[i]) : y[i] == infinity));
      else
        REQUIRE(near(y[i], 0.7f * std::log(std::max(static_cast<double>(x[i]), double{1e-5f})) + 0.1f, 2));
    }
    kernels::compress(narrow, x.data(), size, y.data());
    for (Index i = 0; i < size; ++i) REQUIRE((std::isnan(y[i]) || (y[i] >= -1.0f && y[i] <= 2.0f)));
    CHECK(y.kept());
  });
}

TEST_CASE("spectral kernels: the next phases equal their plain twin on every SIMD target") {
  on_every_target([](Rng& rng, Index bins, Index offset) {
    Guarded m(rng, bins, offset), rebuilt(rng, 2 * bins, offset), previous(rng, 2 * bins, 15 - offset),
        spectrum(2 * bins, offset);
    const Guarded before = previous;
    const auto error =
        kernels::next_phases(m.data(), bins, 0.4f, rebuilt.data(), previous.data(), spectrum.data());
    double difference = 0, energy = 0;
    for (Index k = 0; k < bins; ++k) {
      const std::complex<double> r(rebuilt[2 * k], rebuilt[2 * k + 1]), p(before[2 * k], before[2 * k + 1]);
      const std::complex<double> d = r - static_cast<double>(0.4f) * p,
                                 s = static_cast<double>(m[k]) * d / std::abs(d);
      REQUIRE(std::abs(std::complex<double>(spectrum[2 * k], spectrum[2 * k + 1]) - s) <=
              1e-6 * std::abs(s) * (1 + std::abs(r) / std::abs(d)));
      REQUIRE(previous[2 * k] == rebuilt[2 * k]);
      REQUIRE(previous[2 * k + 1] == rebuilt[2 * k + 1]);
      difference += std::pow(std::abs(r) - m[k], 2.0);
      energy += std::pow(m[k], 2.0);
    }
    CHECK(error.difference == Approx(difference).epsilon(1e-5));
    CHECK(error.energy == Approx(energy).epsilon(1e-5));
    CHECK((spectrum.kept() && previous.kept()));
  });
}
