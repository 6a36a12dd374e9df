#include <wavestride/noise.h>

#include <catch2/catch.hpp>

#include "contract.h"
#include "counter_random.h"
#include "every_target.h"
#include "kernels/elementwise.h"

using namespace wavestride;
using namespace wavestride::testing;

TEST_CASE("noise: standard normal, white, and another for every seed and channel") {
  const Signal x = normal_noise(2, 50000, 1), y = normal_noise(2, 50000, 2);
  const auto mean = [](const auto& v) { return static_cast<double>(v.mean()); };
  const auto a = x.row(0).array(), b = x.row(1).array();
  CHECK(mean(a) == Approx(0).margin(0.015));
  CHECK(mean(a.square()) == Approx(1).margin(0.02));
  CHECK(mean(a.cube()) == Approx(0).margin(0.06));
  CHECK(mean(a.square().square()) == Approx(3).margin(0.15));
  CHECK(mean(a * b) == Approx(0).margin(0.015));
  CHECK(mean(a.head(49999) * a.tail(49999)) == Approx(0).margin(0.015));
  CHECK(mean(a * y.row(0).array()) == Approx(0).margin(0.015));
  CHECK(x.allFinite());
}

TEST_CASE("noise: depends on the position alone") {
  Rng rng(81);
  verify_contract(op::normal_noise(3, 2, 9), rng, {.dense = false});
  CHECK(same_bits(normal_noise(3, 200, 4).leftCols(90), normal_noise(3, 90, 4)));
  // Computed from the formulas of SplitMix64 and of Box and Muller.
  const Signal x = normal_noise(1, 3, 7);
  CHECK(x(0, 0) == Approx(0.988474332).epsilon(1e-6));
  CHECK(x(0, 1) == Approx(-1.86425581).epsilon(1e-6));
  CHECK_THROWS_WITH(op::normal_noise(0, 1, 0), "normal_noise: channels must be positive, got 0 and 1");
  CHECK_THROWS_WITH(normal_noise(1, -1, 0), "normal_noise: frames must not be negative, got -1");
}

TEST_CASE("noise: many at once are counter_normal's, on every SIMD target and from any position on") {
  EveryTarget targets;
  constexpr Index size = 100000;
  std::vector<float> all(size + 1);
  for (const std::string& name : targets.names) {
    kernels::use_simd_target(name);
    for (const std::uint64_t first : {std::uint64_t{0}, std::uint64_t{1} << 40}) {
      all.back() = 7.0f;
      kernels::normal(3, first, size, all.data());
      Index rounded_apart = 0;
      double worst = 0;
      for (Index i = 0; i < size; ++i) {
        const double exact = counter_normal(3, first + static_cast<std::uint64_t>(i));
        const float got = all[static_cast<std::size_t>(i)];
        rounded_apart += got != static_cast<float>(exact);
        worst = std::max(worst, std::abs(static_cast<double>(got) - exact) - 0x1p-24 * std::abs(exact));
      }
      INFO(name << " from " << first);
      CHECK(worst <= 1e-14);
      CHECK(rounded_apart <= 1);
      CHECK(all.back() == 7.0f);
      Rng rng(83);
      bool same = true;
      for (Index at = 0, some; at < 3000; at += some) {
        some = uniform(rng, 1, 150);
        std::vector<float> part(static_cast<std::size_t>(some) + 1, 7.0f);
        kernels::normal(3, first + static_cast<std::uint64_t>(at), some, part.data());
        same = same && std::equal(part.begin(), part.end() - 1, all.begin() + at) && part.back() == 7.0f;
      }
      CHECK(same);
    }
  }
}
