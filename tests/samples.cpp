#include <wavestride.h>
#include <wavestride/samples.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <limits>

#include "contract.h"

using namespace wavestride;
using namespace wavestride::testing;

namespace {

template <class T>
std::vector<T> written(FramesView x, const SampleOptions& options = {}, Index first_frame = 0) {
  std::vector<T> out(static_cast<std::size_t>(x.channels() * x.frames()));
  (void)to_samples<T>(x, out, options, first_frame);
  return out;
}

}  // namespace

TEST_CASE("samples: integers survive the way to floats and back") {
  Rng rng(51);
  std::vector<std::int16_t> s16 = {-32768, -1, 0, 1, 32767, 12345};
  std::vector<std::int32_t> s24 = {-(1 << 23), (1 << 23) - 1, 0, 77, -4242421, 5};
  CHECK(written<std::int16_t>(from_samples<std::int16_t>(s16, 2)) == s16);
  CHECK(written<std::int32_t>(from_samples<std::int32_t>(s24, 3, {.bits = 24}), {.bits = 24}) == s24);
  const Signal x = noise(rng, 2, 50);
  const auto doubles = written<double>(x);
  CHECK(same_bits(from_samples<double>(doubles, 2), x));
  CHECK(same_bits(from_samples<float>(written<float>(x), 2), x));
}

TEST_CASE("samples: rounding, saturation, NaN") {
  Signal x(1, 6);
  x << 0.5f / 32768, 1.5f / 32768, 1.0f, -2.0f, std::nanf(""), std::numeric_limits<float>::infinity();
  std::vector<std::int16_t> out(6);
  CHECK(to_samples<std::int16_t>(x, out) == 3);
  CHECK(out == std::vector<std::int16_t>{0, 2, 32767, -32768, 0, 32767});
}

TEST_CASE("samples: dither is triangular, unbiased, and the same in every chunking and on every machine") {
  CHECK(triangular_noise(0, 0) == (double(0xE220A839u) - double(0x7B1DCDAFu)) / 4294967296.0);
  constexpr Index T = 200'000;
  const Signal x = Signal::Constant(1, T, 0.25f / 32768);
  const SampleOptions options{.dither_seed = 7};
  const auto whole = written<std::int16_t>(x, options);
  double mean = 0, power = 0;
  for (const auto v : whole) {
    mean += v / static_cast<double>(T);
    power += (v - 0.25) * (v - 0.25) / static_cast<double>(T);
  }
  CHECK(mean == Approx(0.25).margin(0.01));   // the mean of the error does not depend on the signal
  CHECK(power == Approx(0.25).margin(0.01));  // 1/12 + 2/12 of a step squared
  const auto part = written<std::int16_t>(FramesView(x).slice(1234, 500), options, 1234);
  CHECK(std::equal(part.begin(), part.end(), whole.begin() + 1234));
}

#if defined(NDEBUG) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST_CASE("samples: integers become floats many at a time") {
  constexpr std::size_t samples = 1 << 16;
  std::vector<std::int16_t> in(samples, 77);
  std::vector<float> out(samples), copy(samples);
  const auto best_of = [](auto work) {
    double best = 1;
    for (int i = 0; i < 100; ++i) {
      const auto start = std::chrono::steady_clock::now();
      work();
      best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    }
    return best;
  };
  const double conversion = best_of([&] { (void)wavestride_from_int16(in.data(), samples, out.data()); });
  const double one_by_one = best_of([&] {
    for (std::size_t i = 0; i < samples; ++i) {
      copy[i] = static_cast<float>(in[i]) / 32768;
      asm volatile("" : : "r"(&copy[i]) : "memory");  // so that no vectors are made of it
    }
  });
  INFO(conversion << " s, one by one " << one_by_one << " s");
  CHECK(out == copy);
  CHECK(conversion < 0.5 * one_by_one);
}
#endif

TEST_CASE("samples refuse what does not fit") {
  std::vector<std::int16_t> three(3);
  CHECK_THROWS_WITH(from_samples<std::int16_t>(three, 2),
                    "samples: 3 samples are no whole frames of 2 channels");
  CHECK_THROWS_WITH(from_samples<std::int16_t>(three, 3, {.bits = 24}),
                    "samples: integers of 16 bits hold 16 bits, got 24");
  CHECK_THROWS_WITH(to_samples<std::int16_t>(Signal(1, 2), three),
                    "samples: room for 2 samples is needed, got 3");
}
