#include <wavestride/softmax.h>

#include <catch2/catch.hpp>
#include <cmath>

#include "contract.h"
#include "every_target.h"
#include "golden.h"

using namespace wavestride;
using namespace wavestride::testing;

TEST_CASE("softmax and log_softmax equal PyTorch's, of NaN and infinity, too") {
  for (const GoldenCase& c : golden_cases("softmax")) {
    const Signal x = c.signal("x");
    INFO(c.name << " " << c.parameters << " channels " << x.rows());
    const Signal y = c.parameters.at("name") == "softmax" ? softmax(x) : log_softmax(x);
    Signal expected = c.signal("y");
    // −∞ is compared by itself.
    for (Index i = 0; i < y.size(); ++i)
      if (std::isinf(expected.data()[i]) && y.data()[i] == expected.data()[i]) expected.data()[i] = 0;
    Signal finite = y;
    for (Index i = 0; i < y.size(); ++i)
      if (std::isinf(y.data()[i])) finite.data()[i] = 0;
    CHECK(relative_error(finite, expected) <= golden_tolerance);
  }
}

// The distance of a value x from the largest of its frame is rounded, so that errors are 1 + |x| times those
// of the exponential.
TEST_CASE("softmax: within 5e-7 of double and with the contract of every Op, on every SIMD target") {
  EveryTarget targets;
  for (const std::string& name : targets.names) {
    kernels::use_simd_target(name);
    Rng rng(61);
    double worst = 0, worst_log = 0;
    for (const Index channels : {1, 2, 3, 4, 5, 8, 15, 16, 17, 24, 33, 80, 700, 2065}) {
      INFO(name << ": " << channels << " channels");
      for (const Op& op : {op::softmax(channels), op::log_softmax(channels)})
        verify_contract(op, rng, {.dense = false, .longest = channels < 100 ? 200 : 20});
      const Signal x = noise(rng, channels, 75) * 8, y = softmax(x), log = log_softmax(x);
      for (Index n = 0; n < x.cols(); ++n) {
        const Eigen::ArrayXd v = x.col(n).cast<double>().array() - static_cast<double>(x.col(n).maxCoeff());
        const double sum = v.exp().sum();
        const Eigen::ArrayXd exact = v - std::log(sum);
        const Eigen::ArrayXd error = (y.col(n).cast<double>().array() / (v.exp() / sum) - 1).abs();
        worst = std::max(worst, (error / (1 + v.abs())).maxCoeff());
        worst_log = std::max(worst_log, (log.col(n).cast<double>().array() - exact).abs().maxCoeff() /
                                            std::max(1.0, exact.abs().maxCoeff()));
      }
    }
    INFO(name << ": " << worst << " " << worst_log);
    CHECK(worst <= 5e-7);
    CHECK(worst_log <= 5e-7);
  }
}

TEST_CASE("softmax: frames of large values do not overflow, and NaN stays in its frame") {
  for (const Index channels : {3, 40, 1500}) {
    Signal x = Signal::Constant(channels, 4, 3e38f);
    x.col(1).setConstant(-3e38f);
    x(1, 2) = std::nanf("");
    x.col(3).setConstant(0);
    const Signal y = softmax(x);
    for (const Index n : {0, 1, 3})
      CHECK((y.col(n).array() - 1 / static_cast<float>(channels)).abs().maxCoeff() <= 1e-7f);
    CHECK(y.col(2).array().isNaN().all());
    CHECK(log_softmax(x).col(2).array().isNaN().all());
  }
  CHECK(softmax(Signal(3, 0)).cols() == 0);
  CHECK(op::softmax(3).name() == "softmax(3)");
  CHECK_THROWS_WITH(op::softmax(0), "softmax: channels must be 1 to 16777216, got 0");
  CHECK_THROWS_WITH(op::log_softmax(-1), "log_softmax: channels must be 1 to 16777216, got -1");
}
