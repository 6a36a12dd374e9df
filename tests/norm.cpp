#include <wavestride/norm.h>

#include <catch2/catch.hpp>
#include <cmath>

#include "contract.h"
#include "every_target.h"
#include "golden.h"

using namespace wavestride;
using namespace wavestride::testing;

TEST_CASE("layer_norm, rms_norm, batch_norm and channel_scale equal PyTorch's") {
  for (const GoldenCase& c : golden_cases("norm")) {
    INFO(c.name << " " << c.parameters << " channels " << c.signal("x").rows());
    const Signal x = c.signal("x");
    const std::string op = c.parameters.at("name");
    const Signal y = op == "layer_norm"
                         ? layer_norm(x, c.values("w"), c.values("b"), c.parameters.at("eps").get<float>())
                     : op == "rms_norm"   ? rms_norm(x, c.values("w"), c.parameters.at("eps").get<float>())
                     : op == "batch_norm" ? batch_norm(x, c.values("mean"), c.values("variance"),
                                                       c.values("w"), c.values("b"), c.parameters.at("eps"))
                                          : channel_scale(x, c.values("w"), c.values("b"));
    CHECK(relative_error(y, c.signal("y")) <= golden_tolerance);
  }
}

TEST_CASE("layer_norm and channel_scale keep the contract of every Op") {
  Rng rng(41);
  for (const Index channels : {2, 3, 7, 16, 21, 40}) {
    const Tensor w = noise_tensor(rng, {channels}), b = noise_tensor(rng, {channels});
    verify_contract(op::layer_norm(channels, w.data, b.data), rng, {.longest = 300});
    verify_contract(op::channel_scale(w.data, b.data), rng, {.longest = 300});
  }
}

TEST_CASE("layer_norm is as exact beside a large mean, and of many channels, on every SIMD target") {
  EveryTarget targets;
  for (const std::string& name : targets.names) {
    kernels::use_simd_target(name);
    Rng rng(43);
    for (const Index channels :
         {1, 2, 3, 4, 7, 8, 15, 16, 17, 31, 32, 33, 47, 80, 512, 1023, 1024, 1025, 1040, 2049, 300000})
      for (const float mean : {0.0f, -3.0f, 1000.0f, 1e6f}) {
        const bool many = channels > 5000;
        if (many && mean != 1000.0f) continue;
        const Index frames = many ? 1 : 3;
        const Tensor w = noise_tensor(rng, {channels}), b = noise_tensor(rng, {channels});
        Signal x = noise(rng, channels, frames);
        x.array() += mean;
        const Signal y = layer_norm(x, w.data, b.data);
        double worst = 0;
        for (Index n = 0; n < frames; ++n) {
          const Eigen::ArrayXd v = x.col(n).cast<double>().array();
          const Eigen::ArrayXd apart = v - v.mean(), unit = apart / std::sqrt(apart.square().mean() + 1e-5);
          for (Index c = 0; c < channels; ++c) {
            const auto at = static_cast<std::size_t>(c);
            const double weight = static_cast<double>(w.data[at]), bias = static_cast<double>(b.data[at]);
            const double error = std::abs(static_cast<double>(y(c, n)) - (unit[c] * weight + bias));
            worst = std::max(worst, error / (std::abs(weight) * (std::abs(unit[c]) + 0.1) + std::abs(bias)));
          }
        }
        INFO(name << ": " << channels << " channels around " << mean);
        CHECK(worst <= 5e-7);
      }
    for (const Index channels : {3, 17, 40, 1100}) {
      const Tensor w = noise_tensor(rng, {channels});
      verify_contract(op::layer_norm(channels, w.data), rng, {.longest = 60});
      verify_contract(op::rms_norm(channels, w.data), rng, {.longest = 60});
      const Signal x = noise(rng, channels, 2) * 5, y = rms_norm(x, w.data);
      for (Index n = 0; n < 2; ++n) {
        const Eigen::ArrayXd v =
            x.col(n).cast<double>().array() /
            std::sqrt(x.col(n).cast<double>().squaredNorm() / static_cast<double>(channels) + 0x1p-23);
        const Eigen::ArrayXd exact =
            v * Eigen::Map<const Eigen::ArrayXf>(w.data.data(), channels).cast<double>();
        CHECK(((y.col(n).cast<double>().array() - exact).abs() <= 5e-7 * exact.abs()).all());
      }
    }
  }
}

TEST_CASE("channel_scale is each value times its gain, plus its bias, on every SIMD target") {
  EveryTarget targets;
  for (const std::string& name : targets.names) {
    kernels::use_simd_target(name);
    Rng rng(44);
    for (const Index channels : {1, 2, 3, 5, 7, 8, 16, 21, 31, 32, 33, 63, 64, 65, 80, 513})
      for (const Index frames : {0, 1, 2, 3, 7, 12, 13, 40, 64, 65, 200}) {
        const Tensor w = noise_tensor(rng, {channels}), b = noise_tensor(rng, {channels});
        const Signal x = noise(rng, channels, frames), y = channel_scale(x, w.data, b.data),
                     plain = channel_scale(x, w.data);
        INFO(name << ": " << channels << " channels, " << frames << " frames");
        bool good = true;
        for (Index n = 0; n < frames; ++n)
          for (Index c = 0; c < channels; ++c) {
            const auto at = static_cast<std::size_t>(c);
            const double product = static_cast<double>(x(c, n)) * static_cast<double>(w.data[at]),
                         sum = product + static_cast<double>(b.data[at]);
            good =
                good && plain(c, n) == static_cast<float>(product) &&
                std::abs(static_cast<double>(y(c, n)) - sum) <= 0x1p-23 * (std::abs(product) + std::abs(sum));
          }
        CHECK(good);
      }
    for (const Index channels : {1, 3, 8, 21, 64, 65, 80})
      verify_contract(op::channel_scale(noise_tensor(rng, {channels}).data), rng, {.longest = 200});
  }
}

TEST_CASE("layer_norm of a single channel, and of equal values, is the bias") {
  const std::vector<float> w{3.0f, 3.0f}, b{0.25f, -4.0f};
  const Signal x = Signal::Constant(2, 3, 1e6f);
  const Signal y = layer_norm(x, w, b), alone = layer_norm(x.row(0).eval(), {}, std::span(b).first(1));
  CHECK((y.colwise() - Eigen::Vector2f(0.25f, -4.0f)).isZero(0));
  CHECK((alone.array() == 0.25f).all());
}

TEST_CASE("layer_norm of a frame with NaN is NaN in that frame alone") {
  Signal x = Signal::Random(5, 3);
  x(2, 1) = std::nanf("");
  const Signal y = layer_norm(x);
  CHECK(y.col(0).allFinite());
  CHECK(y.col(1).array().isNaN().all());
  CHECK(y.col(2).allFinite());
}

TEST_CASE("layer_norm and channel_scale refuse wrong sizes, saying what was given") {
  const std::vector<float> three(3);
  CHECK_THROWS_WITH(op::layer_norm(0), "layer_norm: channels must be positive, got 0");
  CHECK_THROWS_WITH(op::layer_norm(4, three), "layer_norm: weight must have 4 values, got 3");
  CHECK_THROWS_WITH(op::layer_norm(4, {}, three), "layer_norm: bias must have 4 values, got 3");
  CHECK_THROWS_WITH(op::layer_norm(4, {}, {}, -1.0f), "layer_norm: eps must be 0 or more, got -1");
  CHECK_THROWS_WITH(op::layer_norm(4, {}, {}, std::nanf("")), "layer_norm: eps must be 0 or more, got nan");
  CHECK_THROWS_WITH(op::channel_scale({}), "channel_scale: gain must have a value per channel, got none");
  CHECK_THROWS_WITH(op::channel_scale(three, std::vector<float>(2)),
                    "channel_scale: bias must have 3 values, got 2");
  CHECK_THROWS_AS(channel_scale(Signal(2, 4), three), std::invalid_argument);
  CHECK_THROWS_WITH(op::rms_norm(0), "rms_norm: channels must be positive, got 0");
  CHECK_THROWS_WITH(op::rms_norm(4, three), "rms_norm: weight must have 4 values, got 3");
  CHECK_THROWS_WITH(op::rms_norm(4, {}, -1.0f), "rms_norm: eps must be 0 or more, got -1");
  CHECK(op::rms_norm(4).name() == "rms_norm(4)");
  const std::vector<float> two{1, 2}, below{1, -1};
  CHECK(op::batch_norm(two, two).name() == "batch_norm(2)");
  CHECK_THROWS_WITH(op::batch_norm({}, {}), "batch_norm: mean must have a value per channel, got none");
  CHECK_THROWS_WITH(op::batch_norm(two, three), "batch_norm: variance must have 2 values, got 3");
  CHECK_THROWS_WITH(op::batch_norm(two, two, three), "batch_norm: weight must have 2 values, got 3");
  CHECK_THROWS_WITH(op::batch_norm(two, two, {}, three), "batch_norm: bias must have 2 values, got 3");
  CHECK_THROWS_WITH(op::batch_norm(two, below),
                    "batch_norm: variance must be 0 or more, of channel 1 got -1");
  CHECK_THROWS_WITH(op::batch_norm(two, two, {}, {}, -1), "batch_norm: eps must be 0 or more, got -1");
  CHECK(layer_norm(Signal(3, 0)).cols() == 0);
}
