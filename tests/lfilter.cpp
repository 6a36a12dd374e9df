#include <wavestride/lfilter.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <complex>
#include <limits>
#include <numbers>

#include "contract.h"
#include "every_target.h"
#include "golden.h"

using namespace wavestride;
using namespace wavestride::testing;

namespace {

Biquad design(const nlohmann::json& p) {
  const std::string name = p.at("name");
  const auto numbers = p.at("numbers").get<std::vector<double>>();
  const auto two = [&](auto make) { return make(16000, numbers[0], numbers[1]); };
  const auto three = [&](auto make) { return make(16000, numbers[0], numbers[1], numbers[2]); };
  if (name == "lowpass_biquad") return two(lowpass_biquad);
  if (name == "highpass_biquad") return two(highpass_biquad);
  if (name == "bandreject_biquad") return two(bandreject_biquad);
  if (name == "allpass_biquad") return two(allpass_biquad);
  if (name == "equalizer_biquad") return three(equalizer_biquad);
  if (name == "bass_biquad") return three(bass_biquad);
  if (name == "treble_biquad") return three(treble_biquad);
  REQUIRE(name == "bandpass_biquad");
  return bandpass_biquad(16000, numbers[0], numbers[1], p.at("const_skirt_gain"));
}

}  // namespace

TEST_CASE("lfilter, filtfilt and biquads equal torchaudio's") {
  for (const GoldenCase& c : golden_cases("lfilter")) {
    INFO(c.name << " " << c.parameters);
    const auto& p = c.parameters;
    const Signal x = c.signal("x");
    const auto values = [&](const char* key) { return p.at(key).get<std::vector<double>>(); };
    const Signal y = p.at("name") == "lfilter"    ? lfilter(x, values("a"), values("b"))
                     : p.at("name") == "filtfilt" ? filtfilt(x, values("a"), values("b"))
                                                  : biquad(x, design(p));
    CHECK(relative_error(y, c.signal("y")) <= (p.at("name") == "filtfilt" ? golden_tolerance : 1e-6));
  }
}

TEST_CASE("lfilter: the sum of its definition, and the contract of every Op, on every SIMD target") {
  EveryTarget targets;
  for (const std::string& name : targets.names) {
    kernels::use_simd_target(name);
    Rng rng(65);
    for (const Index channels : {1, 2, 3, 7, 8, 9, 19, 80})
      for (const std::size_t order : {0, 1, 2, 3, 7}) {
        INFO(name << ": " << channels << " channels, order " << order);
        std::vector<double> a(order + 1), b(order + 1);
        a[0] = 2;
        for (std::size_t k = 0; k <= order; ++k) {
          b[k] = static_cast<double>(noise(rng, 1, 1)(0, 0));
          if (k > 0) a[k] = 0.5 * static_cast<double>(noise(rng, 1, 1)(0, 0)) / static_cast<double>(order);
        }
        const Signal x = noise(rng, channels, 300), y = lfilter(x, a, b);
        Eigen::MatrixXd exact = Eigen::MatrixXd::Zero(channels, 300);
        for (Index n = 0; n < 300; ++n) {
          for (Index k = 0; k <= std::min(n, static_cast<Index>(order)); ++k) {
            exact.col(n) += b[static_cast<std::size_t>(k)] * x.col(n - k).cast<double>();
            if (k > 0) exact.col(n) -= a[static_cast<std::size_t>(k)] * exact.col(n - k);
          }
          exact.col(n) /= a[0];
        }
        CHECK((y.cast<double>() - exact).cwiseAbs().maxCoeff() <= 1e-7 * exact.cwiseAbs().maxCoeff());
        if (channels < 10)
          verify_contract_multi(op::lfilter(channels, a, b), rng,
                                {.recurrent = true, .longest = 700, .chunkings = 2});
      }
    const Biquad sections[] = {lowpass_biquad(16000, 1000), treble_biquad(16000, 6)};
    verify_contract_multi(op::sosfilt(3, sections), rng, {.recurrent = true, .longest = 700});
    const Signal x = noise(rng, 3, 200);
    CHECK(sosfilt(x, sections) == biquad(biquad(x, sections[0]), sections[1]));
  }
}

TEST_CASE("lfilter: what sounds on in silence ends in 0, and nowhere in numbers that are not normal") {
  Rng rng(66);
  // Fades of 0.3, 1 and 40 dB a sample.
  for (const double pole : {0.96, 0.89, 0.01})
    for (const double sign : {1.0, -1.0}) {
      const std::vector<double> a{1, -2 * sign * pole, pole * pole}, b{1};
      Signal x = Signal::Zero(2, 20000);
      x.leftCols(10) = noise(rng, 2, 10);
      const Signal y = lfilter(x, a, b);
      const auto odd = [](float v) { return v != 0 && !std::isnormal(v); };
      CHECK(std::none_of(y.data(), y.data() + y.size(), odd));
      CHECK(y.rightCols(15000).isZero(0));
      Stream stream = op::lfilter(2, a, b).stream();
      CHECK(same_bits(stream_in_chunks(stream, x, rng), y));
    }
  // An integrator keeps what it has, however small.
  Signal x = Signal::Zero(1, 5000);
  x(0, 0) = 1e-30f;
  CHECK(lfilter(x, std::vector{1.0, -1.0}, std::vector{1.0})(0, 4999) == 1e-30f);
  x(0, 3) = std::nanf("");
  CHECK(std::isnan(lfilter(x, std::vector{1.0, -0.5}, std::vector{1.0})(0, 4999)));
}

TEST_CASE("biquads have the gains that they are named for") {
  const auto gain_db = [](const Biquad& f, double hz) {
    const std::complex<double> z = std::polar(1.0, -2 * std::numbers::pi * hz / 16000);
    return 20 * std::log10(std::abs((f.b0 + z * (f.b1 + z * f.b2)) / (f.a0 + z * (f.a1 + z * f.a2))));
  };
  CHECK(gain_db(lowpass_biquad(16000, 1000, std::sqrt(0.5)), 1000) == Approx(-3.0103));
  CHECK(gain_db(lowpass_biquad(16000, 1000), 7999) < -100);
  CHECK(gain_db(highpass_biquad(16000, 1000), 1) < -100);
  CHECK(gain_db(bandpass_biquad(16000, 1000, 3), 1000) == Approx(0).margin(1e-9));
  CHECK(gain_db(bandpass_biquad(16000, 1000, 3, true), 1000) == Approx(20 * std::log10(3)));
  CHECK(gain_db(bandreject_biquad(16000, 1000), 1000) < -200);
  CHECK(gain_db(allpass_biquad(16000, 1000), 3210) == Approx(0).margin(1e-9));
  CHECK(gain_db(equalizer_biquad(16000, 1000, 6), 1000) == Approx(6));
  CHECK(gain_db(bass_biquad(16000, 6), 0) == Approx(6));
  CHECK(gain_db(bass_biquad(16000, 6), 8000) == Approx(0).margin(1e-9));
  CHECK(gain_db(treble_biquad(16000, -6), 8000) == Approx(-6));
  CHECK(gain_db(treble_biquad(16000, -6), 3000) == Approx(-3));
  CHECK(gain_db(treble_biquad(16000, -6), 0) == Approx(0).margin(1e-9));
}

TEST_CASE("lfilter and biquads refuse wrong configuration, saying what was given") {
  const std::vector<double> one{1}, zero{0, 1}, none, many(1025, 1.0),
      infinite{1, std::numeric_limits<double>::infinity()};
  CHECK_THROWS_WITH(op::lfilter(0, one, one), "lfilter: channels must be 1 to 2^40, got 0");
  CHECK_THROWS_WITH(op::lfilter(1, none, one), "lfilter: a must have 1 to 1024 values, got 0");
  CHECK_THROWS_WITH(op::lfilter(1, one, many), "lfilter: b must have 1 to 1024 values, got 1025");
  CHECK_THROWS_WITH(op::lfilter(1, infinite, one), "lfilter: a must be finite, got inf");
  CHECK_THROWS_WITH(op::lfilter(1, zero, one), "lfilter: the first value of a must not be 0");
  CHECK_THROWS_WITH(op::filtfilt(1, zero, one), "filtfilt: the first value of a must not be 0");
  CHECK_THROWS_WITH(op::biquad(1, {.a0 = 0}), "biquad: the first value of a must not be 0");
  CHECK_THROWS_WITH(op::sosfilt(1, {}), "sosfilt: needs one section at least");
  CHECK_THROWS_WITH(op::filtfilt(1, one, one).stream(), Catch::Contains("no exact stream"));
  CHECK_THROWS_WITH(lowpass_biquad(0, 1), "lowpass_biquad: sample_rate must be above 0 and finite, got 0");
  CHECK_THROWS_WITH(lowpass_biquad(16000, 8000),
                    "lowpass_biquad: the frequency must lie between 0 and half of 16000 Hz, got 8000");
  CHECK_THROWS_WITH(bandpass_biquad(16000, 100, 0), "bandpass_biquad: q must be above 0 and finite, got 0");
  CHECK_THROWS_WITH(bass_biquad(16000, 2000), "bass_biquad: the gain must be -1000 to 1000 dB, got 2000");
  CHECK(op::lfilter(2, std::vector{1.0, 0.5}, one).name() == "lfilter(2, order 1)");
  CHECK(op::biquad(2, {}).name() == "biquad(2, order 2)");
}
