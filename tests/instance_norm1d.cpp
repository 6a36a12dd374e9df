#include <wavestride/instance_norm1d.h>
#include <wavestride/stack.h>

#include <catch2/catch.hpp>

#include "contract.h"
#include "golden.h"

using namespace wavestride;
using namespace wavestride::testing;

TEST_CASE("instance_norm1d equals torch.nn.functional.instance_norm") {
  for (const GoldenCase& c : golden_cases("instance_norm1d")) {
    INFO(c.name << " " << c.parameters);
    const Signal y = instance_norm1d(c.signal("x"), c.values("w"), c.values("b"), c.parameters.at("eps"));
    CHECK(relative_error(y, c.signal("y")) <= golden_tolerance);
  }
}

TEST_CASE("group_norm equals torch.nn.functional.group_norm") {
  for (const GoldenCase& c : golden_cases("group_norm")) {
    INFO(c.name << " " << c.parameters);
    const Signal y = group_norm(c.signal("x"), c.parameters.at("groups"), c.values("w"), c.values("b"),
                                c.parameters.at("eps"));
    CHECK(relative_error(y, c.signal("y")) <= golden_tolerance);
  }
}

TEST_CASE("group_norm of groups of one channel is instance_norm1d") {
  Rng rng(5);
  const Signal x = noise(rng, 12, 333);
  CHECK(same_bits(group_norm(x, 12), instance_norm1d(x)));
  CHECK_FALSE(same_bits(group_norm(x, 6), instance_norm1d(x)));
}

TEST_CASE("instance_norm1d of a long signal far from 0 has mean 0 and variance 1") {
  Rng rng(1);
  const Signal x = noise(rng, 2, 200'000).array() + 100.0f;
  const Eigen::ArrayXXd y = instance_norm1d(x).cast<double>();
  CHECK(y.rowwise().mean().abs().maxCoeff() < 1e-6);
  CHECK((y.square().rowwise().mean() - 1).abs().maxCoeff() < 1e-4);
}

TEST_CASE("instance_norm1d equals its plain twin in double, whatever the channels and frames") {
  Rng rng(3);
  for (const Index channels : {1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 24, 31, 63, 64, 65, 80, 131})
    for (const Index frames : {1, 2, 3, 7, 8, 9, 50, 515, 2100}) {
      INFO(channels << " channels, " << frames << " frames");
      const Signal x = noise(rng, channels, frames).array() + 3.0f;
      const Signal w = noise(rng, 1, channels), b = noise(rng, 1, channels);
      const Eigen::ArrayXXd wide = x.cast<double>().array();
      const Eigen::ArrayXd mean = wide.rowwise().mean();
      const Eigen::ArrayXXd off = wide.colwise() - mean;
      const Eigen::ArrayXd weight = w.cast<double>().transpose(), bias = b.cast<double>().transpose();
      const Eigen::ArrayXd gain = weight / (off.square().rowwise().mean() + 1e-5).sqrt();
      const Eigen::ArrayXXd expected = (off.colwise() * gain).colwise() + bias;
      const Signal y = instance_norm1d(x, {w.data(), static_cast<std::size_t>(channels)},
                                       {b.data(), static_cast<std::size_t>(channels)});
      CHECK((y.cast<double>().array() - expected).abs().maxCoeff() <=
            1e-7 * expected.abs().maxCoeff() + 1e-12 * gain.abs().maxCoeff());
    }
}

TEST_CASE("instance_norm1d of one frame is the bias, of none none") {
  const std::vector<float> bias{1, -2};
  CHECK(instance_norm1d(Signal(Signal::Constant(2, 1, 7.0f)), {}, bias) ==
        (Signal(2, 1) << 1, -2).finished());
  CHECK(instance_norm1d(Signal(2, 0)).cols() == 0);
}

TEST_CASE("instance_norm1d: one Op serves many signals, also inside a stack") {
  Rng rng(2);
  const Op norm = op::instance_norm1d(3), twice = Stack({norm, norm});
  for (const Index T : {5000, 3, 700}) {
    const Signal x = noise(rng, 3, T);
    CHECK(same_bits(norm(x), instance_norm1d(x)));
    CHECK(same_bits(twice(x), norm(norm(x))));
  }
}

TEST_CASE("instance_norm1d does not stream, and refuses wrong shapes") {
  CHECK_THROWS_WITH(op::instance_norm1d(4).stream(),
                    "no exact stream: instance_norm1d(4 channels): every frame is normalised by the mean and "
                    "variance of the whole signal");
  const std::vector<float> three(3);
  CHECK_THROWS_WITH(op::instance_norm1d(2, three), "instance_norm1d: weight must have 2 values, got 3");
  CHECK_THROWS_WITH(op::instance_norm1d(2, {}, three), "instance_norm1d: bias must have 2 values, got 3");
  CHECK_THROWS_WITH(op::instance_norm1d(2, {}, {}, 0.0), "instance_norm1d: eps must be positive, got 0");
  CHECK_THROWS_WITH(op::instance_norm1d(0), "instance_norm1d: channels must be at least 1, got 0");
  CHECK_THROWS_WITH(
      op::group_norm(4, 2).stream(),
      "no exact stream: group_norm(4 channels, groups 2): every frame is normalised by the mean "
      "and variance of the whole signal");
  for (const Index groups : {0, 3, 8, -1})
    CHECK_THROWS_WITH(op::group_norm(4, groups),
                      "group_norm: groups must divide the 4 channels, got " + std::to_string(groups));
  CHECK_THROWS_WITH(op::group_norm(0, 1), "group_norm: channels must be at least 1, got 0");
  CHECK_THROWS_WITH(op::group_norm(2, 1, three), "group_norm: weight must have 2 values, got 3");
}
