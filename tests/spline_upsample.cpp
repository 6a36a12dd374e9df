#include <wavestride/spline_upsample.h>

#include <Eigen/LU>
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
  verify_contract(op::spline_upsample(19, 3), rng, {.dense = false, .longest = 120});
  for (const Index channels : {3, 17, 600}) {
    const Signal x = noise(rng, channels, 77), y = spline_upsample(x, 4);
    for (Index c = 0; c < channels; ++c)
      CHECK(same_bits(Signal(y.row(c)), spline_upsample(Signal(x.row(c)), 4)));
  }
}

TEST_CASE("spline_upsample: equals the spline of its equations in double, whatever the channels") {
  Rng rng(92);
  for (const Index channels : {1, 2, 5, 16, 17, 600})
    for (const Index samples : {4, 16, 17, 33, 90, 700}) {
      if (channels * samples > 60'000) continue;
      const Index factor = channels % 4 + 2;
      INFO(channels << " channels, " << samples << " samples");
      const Signal x = noise(rng, channels, samples);
      // Of the second derivatives: three neighbours' within, lines at the ends, where no knot is.
      Eigen::MatrixXd system = Eigen::MatrixXd::Zero(samples, samples), right = system.leftCols(1);
      system.row(0).head(3) << 1, -2, 1;
      system.row(samples - 1).tail(3) << 1, -2, 1;
      for (Index i = 1; i < samples - 1; ++i) system.row(i).segment(i - 1, 3) << 1, 4, 1;
      const Eigen::PartialPivLU<Eigen::MatrixXd> solve(system);
      const Signal y = spline_upsample(x, factor);
      double off = 0, greatest = 0;
      for (Index c = 0; c < std::min<Index>(channels, 20); ++c) {
        const Index channel = channels - 1 - c;
        const Eigen::VectorXd v = x.row(channel).transpose().cast<double>();
        for (Index i = 1; i < samples - 1; ++i) right(i) = 6 * (v(i - 1) - 2 * v(i) + v(i + 1));
        const Eigen::VectorXd m = solve.solve(right);
        for (Index n = 0; n < y.cols(); ++n) {
          const Index i = std::min(n / factor, samples - 2);
          const double t = static_cast<double>(n - i * factor) / static_cast<double>(factor), s = 1 - t;
          const double expected =
              s * v(i) + t * v(i + 1) + (s * (s * s - 1) * m(i) + t * (t * t - 1) * m(i + 1)) / 6;
          off = std::max(off, std::abs(y(channel, n) - expected));
          greatest = std::max(greatest, std::abs(expected));
        }
      }
      CHECK(off <= 3e-7 * greatest);
    }
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
