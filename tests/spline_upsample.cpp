#include <wavestride/spline_upsample.h>

#include <catch2/catch.hpp>

#include "contract.h"
#include "golden.h"

using namespace wavestride;
using namespace wavestride::testing;

TEST_CASE("spline_upsample: equals scipy's interpolating spline") {
  for (const GoldenCase& c : golden_cases("spline_upsample")) {
    INFO(c.name << " " << c.parameters << ", " << c.signal("x").cols() << " samples");
    // Beyond the last sample the spline runs away, and the error with it: of that scale.
    CHECK(relative_error(spline_upsample(c.signal("x"), c.parameters.at("factor")), c.signal("y")) <= 1e-6);
  }
}

TEST_CASE("spline_upsample: keeps the contract of every Op, channels by themselves") {
  Rng rng(91);
  for (const Index factor : {1, 2, 3, 5, 8})
    verify_contract(op::spline_upsample(factor % 3 + 1, factor), rng, {.dense = false});
  const Signal x = noise(rng, 3, 77), y = spline_upsample(x, 4);
  for (Index c = 0; c < 3; ++c) CHECK(same_bits(Signal(y.row(c)), spline_upsample(Signal(x.row(c)), 4)));
}

TEST_CASE("spline_upsample: reproduces polynomials up to the third degree, whatever the length") {
  for (Index samples = 1; samples < 40; ++samples)
    for (Index degree = 0; degree <= std::min<Index>(samples - 1, 3); ++degree) {
      const auto polynomial = [&](double t) {
        return static_cast<float>(
            std::pow(t / static_cast<double>(samples) - 0.4, static_cast<double>(degree)));
      };
      Signal x(1, samples), y(1, 4 * samples);
      for (Index i = 0; i < samples; ++i) x(0, i) = polynomial(static_cast<double>(i));
      for (Index n = 0; n < 4 * samples; ++n) y(0, n) = polynomial(static_cast<double>(n) / 4);
      INFO(samples << " samples, degree " << degree);
      CHECK(relative_error(spline_upsample(x, 4), y) <= 3e-6);
    }
}

TEST_CASE("spline_upsample: wrong parameters are refused") {
  CHECK_THROWS_WITH(op::spline_upsample(0, 2), "spline_upsample: channels must be positive, got 0");
  CHECK_THROWS_WITH(op::spline_upsample(1, 0), "spline_upsample: factor must be from 1 to 1024, got 0");
}
