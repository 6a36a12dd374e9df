#include <wavestride/mu_law.h>

#include <bit>
#include <catch2/catch.hpp>
#include <cmath>

#include "contract.h"
#include "every_target.h"
#include "golden.h"

using namespace wavestride;
using namespace wavestride::testing;

namespace {

double plain(bool expand, double mu, float x) {
  const double size = std::abs(static_cast<double>(x)), log = std::log1p(mu);
  return std::copysign(expand ? std::expm1(size * log) / mu : std::log1p(mu * size) / log,
                       static_cast<double>(x));
}

std::vector<float> made(bool expand, Index mu, const std::vector<float>& x) {
  const Eigen::Map<const Signal> in(x.data(), 1, static_cast<Index>(x.size()));
  const Signal y = expand ? mu_law_expand(Signal(in), mu) : mu_law_compress(Signal(in), mu);
  return {y.data(), y.data() + y.size()};
}

}  // namespace

TEST_CASE("mu_law: floats around the edge of each class fall on the side of double, on every SIMD target") {
  EveryTarget targets;
  for (const Index mu : {1, 7, 255, 1023}) {
    const auto top = static_cast<float>(mu);
    std::vector<float> x;
    for (Index k = 0; k < mu; ++k) {
      const auto middle =
          static_cast<float>((2.0 * static_cast<double>(k) + 1.0) / static_cast<double>(mu) - 1.0);
      auto edge = static_cast<float>(plain(true, static_cast<double>(mu), middle));
      for (int i = 0; i < 200; ++i) edge = std::nextafter(edge, -2.0f);
      for (int i = 0; i < 400; ++i) x.push_back(edge = std::nextafter(edge, 2.0f));
    }
    const auto class_of = [&](float y) { return std::floor((y + 1) / 2 * top + 0.5f); };
    for (const std::string& name : targets.names) {
      kernels::use_simd_target(name);
      const std::vector<float> y = made(false, mu, x);
      Index wrong = 0;
      for (std::size_t i = 0; i < x.size(); ++i)
        wrong += class_of(y[i]) != class_of(static_cast<float>(plain(false, static_cast<double>(mu), x[i])));
      INFO(name << ", mu " << mu);
      CHECK(wrong == 0);
    }
  }
}

TEST_CASE("mu_law: any float is rounded from double, on every SIMD target and at every position") {
  EveryTarget targets;
  constexpr float inf = std::numeric_limits<float>::infinity();
  std::vector<float> x{0.0f, -0.0f, inf, -inf, std::numeric_limits<float>::max(), 1e-45f, -1e-45f};
  Rng rng(84);
  for (int i = 0; i < 50000; ++i) {
    const float any = std::bit_cast<float>(static_cast<std::uint32_t>(rng()));
    if (!std::isnan(any)) x.push_back(any);
    x.push_back(static_cast<float>(uniform(rng, -1000000, 1000000)) / (i % 2 ? 1e6f : 2e4f));
  }
  for (const std::string& name : targets.names) {
    kernels::use_simd_target(name);
    for (const bool expand : {false, true})
      for (const Index mu : {Index{1}, Index{255}, Index{1} << 24, Index{1} << 40}) {
        const std::vector<float> y = made(expand, mu, x);
        Index apart = 0, far = 0, signs = 0;
        for (std::size_t i = 0; i < x.size(); ++i) {
          const double exact = plain(expand, static_cast<double>(mu), x[i]);
          const auto nearest = static_cast<float>(exact);
          apart += y[i] != nearest && std::abs(exact) > 1e-37;
          far += y[i] != nearest && y[i] != std::nextafter(nearest, inf) &&
                 y[i] != std::nextafter(nearest, -inf);
          signs += std::signbit(y[i]) != std::signbit(x[i]);
        }
        INFO(name << (expand ? " expand, mu " : " compress, mu ") << mu << ": " << apart << " rounded apart");
        CHECK(apart <= 1);
        CHECK(far == 0);
        CHECK(signs == 0);
        for (const std::ptrdiff_t size : {1, 2, 3, 7, 9, 17})
          CHECK(made(expand, mu, {x.begin() + 5, x.begin() + 5 + size}) ==
                std::vector<float>(y.begin() + 5, y.begin() + 5 + size));
      }
    CHECK(std::isnan(made(true, 255, {std::nanf("")})[0]));
    CHECK(std::isnan(made(false, 255, {std::nanf("")})[0]));
  }
}

TEST_CASE("mu_law: classes and their values are torchaudio's") {
  for (const GoldenCase& c : golden_cases("mu_law")) {
    const Index mu = c.parameters.at("channels").get<Index>() - 1;
    const auto top = static_cast<float>(mu);
    INFO("mu " << mu);
    const Signal classes = ((mu_law_compress(c.signal("x"), mu).array() + 1) / 2 * top + 0.5f).floor();
    CHECK(classes == c.signal("classes"));
    const Signal y = mu_law_expand(Signal(2 * c.signal("all").array() / top - 1), mu);
    CHECK(relative_error(y, c.signal("decoded")) <= golden_tolerance);
  }
}

TEST_CASE("mu_law: keeps the contract, and expands what it compressed") {
  Rng rng(82);
  verify_contract(op::mu_law_compress(2, 255), rng);
  verify_contract(op::mu_law_expand(3, 7), rng);
  const Signal x = noise(rng, 2, 100).array().min(1).max(-1);
  CHECK(relative_error(mu_law_expand(mu_law_compress(x)), x) <= 1e-6);
  CHECK_THROWS_WITH(op::mu_law_expand(0), "mu_law_expand: channels must be positive, got 0");
  CHECK_THROWS_WITH(op::mu_law_compress(1, 0), "mu_law_compress: mu must be positive, got 0");
}
