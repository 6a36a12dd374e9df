#include <wavestride/activation.h>
#include <wavestride/stack.h>

#include <array>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <functional>
#include <set>

#include "contract.h"
#include "every_target.h"
#include "golden.h"
#include "kernels/dense.h"
#include "kernels/elementwise.h"
#include "kernels/snake.h"

using namespace wavestride;
using namespace wavestride::testing;
using kernels::Function;

namespace {

Op named(const std::string& name, Index channels, const nlohmann::json& p = {}) {
  const auto value = [&](const char* key, double fallback) {
    return static_cast<float>(p.is_object() ? p.value(key, fallback) : fallback);
  };
  const auto values = [&](const char* key, float first) {
    if (p.is_object()) return p.at(key).get<std::vector<float>>();
    std::vector<float> all;
    for (Index c = 0; c < channels; ++c) all.push_back(first + 0.1f * static_cast<float>(c));
    return all;
  };
  const std::map<std::string, std::function<Op()>> table{
      {"relu", [&] { return op::relu(channels); }},
      {"leaky_relu", [&] { return op::leaky_relu(channels, value("negative_slope", 0.01)); }},
      {"elu", [&] { return op::elu(channels, value("alpha", 1.0)); }},
      {"tanh", [&] { return op::tanh(channels); }},
      {"sigmoid", [&] { return op::sigmoid(channels); }},
      {"silu", [&] { return op::silu(channels); }},
      {"gelu", [&] { return op::gelu(channels); }},
      {"gelu_tanh", [&] { return op::gelu(channels, GeluApproximation::tanh); }},
      {"selu", [&] { return op::selu(channels); }},
      {"celu", [&] { return op::celu(channels, value("alpha", 1.0)); }},
      {"mish", [&] { return op::mish(channels); }},
      {"logsigmoid", [&] { return op::logsigmoid(channels); }},
      {"softsign", [&] { return op::softsign(channels); }},
      {"hardsigmoid", [&] { return op::hardsigmoid(channels); }},
      {"hardswish", [&] { return op::hardswish(channels); }},
      {"hardtanh", [&] { return op::hardtanh(channels, value("min_val", -1.0), value("max_val", 1.0)); }},
      {"relu6", [&] { return op::relu6(channels); }},
      {"hardshrink", [&] { return op::hardshrink(channels, value("lambd", 0.5)); }},
      {"softshrink", [&] { return op::softshrink(channels, value("lambd", 0.5)); }},
      {"log", [&] { return op::log(channels); }},
      {"sqrt", [&] { return op::sqrt(channels); }},
      {"abs", [&] { return op::abs(channels); }},
      {"pow", [&] { return op::pow(channels, value("exponent", 3.0)); }},
      {"softplus", [&] { return op::softplus(channels, value("beta", 1.0), value("threshold", 20.0)); }},
      {"exp", [&] { return op::exp(channels); }},
      {"sin", [&] { return op::sin(channels); }},
      {"cos", [&] { return op::cos(channels); }},
      {"clip", [&] { return op::clip(channels, value("min", -1.0), value("max", 1.0)); }},
      {"scale", [&] { return op::scale(channels, value("factor", -0.7)); }},
      {"gated", [&] { return op::gated(channels); }},
      {"glu", [&] { return op::glu(channels); }},
      {"prelu", [&] { return op::prelu(values("weight", -0.3f)); }},
      {"snake", [&] { return op::snake(values("alpha", 0.7f)); }},
      {"snake_beta", [&] { return op::snake_beta(values("alpha", 2.0f), values("beta", 0.4f)); }},
  };
  return table.at(name)();
}

// PyTorch's own exp(x) − 1 and 1 + erf(x) cancel, so that values are compared to it by absolute error where
// they are small; the comparison with double below is the stricter one.
bool close(float got, float expected) {
  if (std::isnan(expected) || std::isinf(expected))
    return std::isnan(expected) ? std::isnan(got) : got == expected;
  return std::abs(got - expected) <= 1e-6f * std::max(1.0f, std::abs(expected));
}

}  // namespace

TEST_CASE("activations equal PyTorch's, at the edges of float too") {
  for (const GoldenCase& c : golden_cases("activation")) {
    const Signal x = c.signal("x"), expected = c.signal("y");
    const Signal y = named(c.parameters.at("name"), x.rows(), c.parameters)(x);
    REQUIRE(y.rows() == expected.rows());
    REQUIRE(y.cols() == expected.cols());
    for (Index i = 0; i < y.size(); ++i) {
      INFO(c.parameters << " x " << (x.rows() == y.rows() ? x.data()[i] : 0.0f) << " got " << y.data()[i]
                        << " expected " << expected.data()[i]);
      CHECK(close(y.data()[i], expected.data()[i]));
    }
  }
}

// Largest relative errors measured over all targets: tanh 2.2e-7, sigmoid 1.7e-7, exp 0.9e-7, elu 0.9e-7,
// silu 6.6e-7, gelu 3.9e-7, softplus 0.6e-7. Results below 1e-37, where floats lose their precision, are held
// to 1e-37 absolutely.
TEST_CASE("transcendental functions are within 1e-6 of double, on every target and for every position") {
  struct Exact {
    Function f;
    double (*value)(double);
    const char* name;
  };
  const Exact functions[] = {
      {Function::tanh, [](double x) { return std::tanh(x); }, "tanh"},
      {Function::sigmoid, [](double x) { return 1.0 / (1.0 + std::exp(-x)); }, "sigmoid"},
      {Function::exp, [](double x) { return std::exp(x); }, "exp"},
      {Function::elu, [](double x) { return x > 0 ? x : std::expm1(x); }, "elu"},
      {Function::silu, [](double x) { return x / (1.0 + std::exp(-x)); }, "silu"},
      {Function::softplus,
       [](double x) { return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x)); }, "softplus"},
      {Function::gelu, [](double x) { return 0.5 * x * std::erfc(-x / std::sqrt(2.0)); }, "gelu"},
      {Function::celu, [](double x) { return x > 0 ? x : std::expm1(x); }, "celu"},
      {Function::mish, [](double x) { return x * (x > 30 ? 1 : std::tanh(std::log1p(std::exp(x)))); },
       "mish"},
      {Function::softsign, [](double x) { return x / (1 + std::abs(x)); }, "softsign"},
  };
  std::vector<float> x;
  for (double v = -110; v < 110; v += 0.00071) x.push_back(static_cast<float>(v));
  for (double v = 1e-30; v < 100; v *= 1.0007)
    for (const double s : {-1.0, 1.0}) x.push_back(static_cast<float>(s * v));
  std::vector<float> y(x.size());
  for (const std::string& target : kernels::simd_targets()) {
    kernels::use_simd_target(target);
    for (const Exact& e : functions) {
      // Of softplus, beta and a threshold that none reaches; of elu, both slopes.
      const float b = e.f == Function::softplus ? 1e9f : 1.0f;
      kernels::map(e.f, 1.0f, b, x.data(), static_cast<Index>(x.size()), y.data());
      double worst = 0, at = 0;
      for (std::size_t i = 0; i < x.size(); ++i) {
        const double exact = e.value(x[i]);
        const double error = std::abs(exact) < 1e-37 ? (std::abs(y[i] - exact) < 1e-37 ? 0.0 : 1.0)
                             : std::abs(exact) > std::numeric_limits<float>::max()
                                 ? (std::isinf(y[i]) ? 0.0 : 1.0)
                                 : std::abs(y[i] / exact - 1.0);
        if (error > worst) worst = error, at = x[i];
      }
      INFO(target << " " << e.name << ": " << worst << " at " << at);
      CHECK(worst <= 1e-6);
      bool same = true;
      for (std::size_t begin = 0; begin < 600; ++begin)
        for (const Index size : {1, 2, 7, 15, 16, 17, 33}) {
          float part[33];
          const std::size_t from = begin * 500;
          kernels::map(e.f, 1.0f, b, x.data() + from, size, part);
          same = same && std::equal(part, part + size, y.data() + from);
        }
      CHECK(same);
    }
  }
  kernels::use_simd_target("");
}

TEST_CASE("log, pow and the gelu by tanh are within 1e-6 of double, on every SIMD target") {
  EveryTarget targets;
  std::vector<float> x{0.0f, -0.0f, 1e-45f, 1e-39f, 3e38f, INFINITY, -INFINITY, 1.0f, -1.0f};
  for (double v = 1e-38; v < 1e38; v *= 1.017)
    for (const double s : {-1.0, 1.0}) x.push_back(static_cast<float>(s * v));
  for (double v = -20; v < 20; v += 0.0037) x.push_back(static_cast<float>(v));
  std::vector<float> y(x.size());
  const auto size = static_cast<Index>(x.size());
  const auto worst = [&](auto&& exact, auto&& scale) {
    double most = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double v = x[i], e = exact(v), error = std::abs(y[i] - e);
      if (std::isnan(e) || std::abs(e) > std::numeric_limits<float>::max() || std::abs(e) < 1e-37) {
        const auto f = static_cast<float>(e);
        if (std::isnan(e)          ? !std::isnan(y[i])
            : std::abs(f) < 1e-37f ? error > std::max(1e-37, 1e-6 * scale(v, std::abs(e)))
                                   : f != y[i])
          most = 1;
      } else {
        most = std::max(most, error / scale(v, std::abs(e)));
      }
    }
    return most;
  };
  const auto relative = [](double, double e) { return e; };
  const auto pow_of = [&](float exponent) {
    const Signal result = pow(FramesView(x.data(), 1, size), exponent);
    return std::vector<float>(result.data(), result.data() + size);
  };
  for (const std::string& name : targets.names) {
    kernels::use_simd_target(name);
    INFO(name);
    kernels::map(Function::log, 0, 0, x.data(), size, y.data());
    CHECK(worst([](double v) { return v < 0 ? std::nan("") : std::log(v); }, relative) <= 1e-6);
    for (const float exponent : {0.5f, 0.3f, -0.75f, 3.0f, 2.0f, 0.0f, -1.0f, -2.0f, 11.0f, 17.0f}) {
      INFO("exponent " << exponent);
      y = pow_of(exponent);
      const auto p = static_cast<double>(exponent);
      const bool factors = p == std::floor(p) && p <= 16;
      CHECK(worst([&](double v) { return v < 0 && !factors ? std::nan("") : std::pow(v, p); },
                  [&](double v, double e) {
                    return factors ? e : e * (1 + std::abs(p * std::log(v)) / 8);
                  }) <= 1e-6);
    }
    kernels::map(Function::gelu_tanh, 0, 0, x.data(), size, y.data());
    CHECK(worst(
              [](double v) {
                const double u = std::sqrt(8 / 3.14159265358979323846) * (v + 0.044715 * v * v * v);
                return v / (1 + std::exp(-u));
              },
              [](double v, double) { return std::abs(v); }) <= 1e-6);
  }
}

TEST_CASE("gated: many frames of any number of channels are as each alone, on every SIMD target") {
  EveryTarget targets;
  for (const std::string& name : targets.names) {
    kernels::use_simd_target(name);
    Rng rng(32);
    for (const Index channels : {1, 2, 3, 4, 7, 8, 12, 16, 17, 31, 40, 63, 64, 65, 100, 128, 257, 300})
      for (const Index frames : {0, 1, 2, 3, 33, 260}) {
        Signal x = noise(rng, 2 * channels, frames) * 4;
        if (frames > 1) x(0, 1) = std::nanf("");
        std::vector<float> y(static_cast<std::size_t>(channels * frames) + 1, 7.0f),
            alone(static_cast<std::size_t>(channels));
        kernels::gated(x.data(), channels, frames, y.data());
        bool same = y.back() == 7.0f;
        double worst = 0;
        for (Index n = 0; n < frames; ++n) {
          kernels::gated(x.col(n).data(), channels, 1, alone.data());
          const auto* from = y.data() + n * channels;
          same = same && std::memcmp(alone.data(), from, alone.size() * sizeof(float)) == 0;
          for (Index c = 0; c < channels; ++c) {
            const double a = x(c, n), b = x(channels + c, n), gate = std::tanh(a) / (1 + std::exp(-b));
            if (std::isnan(gate))
              same = same && std::isnan(from[c]);
            else
              worst = std::max(worst, std::abs(gate - static_cast<double>(from[c])));
          }
        }
        INFO(name << ": " << channels << " channels, " << frames << " frames");
        CHECK(same);
        CHECK(worst <= 1e-6);
      }
  }
}

// Largest error measured over all targets: 1.6e-7.
TEST_CASE("snake: within 1e-6 of double at every channel and position, on every SIMD target") {
  EveryTarget targets;
  for (const std::string& name : targets.names) {
    kernels::use_simd_target(name);
    Rng rng(35);
    double worst = 0;
    for (const Index channels : {1, 2, 3, 7, 8, 15, 16, 17, 24, 31, 33, 48, 100}) {
      std::vector<float> alpha, beta;
      for (Index c = 0; c < channels; ++c) {
        alpha.push_back(std::exp(2 * noise(rng, 1, 1)(0, 0)) * (c % 3 == 2 ? -1.0f : 1.0f));
        beta.push_back(std::exp(2 * noise(rng, 1, 1)(0, 0)));
      }
      const kernels::SnakeWeights weights(alpha, beta);
      for (const Index frames : {1, 2, 5, 40}) {
        Signal x = noise(rng, channels, frames);
        for (Index i = 0; i < x.size(); ++i)
          x.data()[i] *= std::array{1e-6f, 1.0f, 30.0f, 3000.0f, 1e7f}[static_cast<std::size_t>(i % 5)];
        const Index nan = frames > 1 ? x.size() / 2 : -1;
        if (nan >= 0) x.data()[nan] = std::nanf("");
        std::vector<float> y(static_cast<std::size_t>(x.size()) + 1, 7.0f),
            in_place(x.data(), x.data() + x.size()), alone(static_cast<std::size_t>(channels));
        kernels::snake(weights, x.data(), x.size(), y.data());
        bool same = y.back() == 7.0f;
        y.pop_back();
        const auto equal = [](const float* a, const float* b, std::size_t n) {
          return std::memcmp(a, b, n * sizeof(float)) == 0;
        };
        kernels::snake(weights, in_place.data(), x.size(), in_place.data());
        same = same && equal(in_place.data(), y.data(), y.size());
        for (Index n = 0; n < frames; ++n) {
          kernels::snake(weights, x.col(n).data(), channels, alone.data());
          same = same && equal(alone.data(), y.data() + n * channels, alone.size());
        }
        for (Index i = 0; i < x.size(); ++i) {
          const auto c = static_cast<std::size_t>(i % channels);
          const float got = y[static_cast<std::size_t>(i)], v = x.data()[i];
          same = same && std::isnan(got) == (i == nan);
          if (i == nan) continue;
          const double sine = std::sin(static_cast<double>(alpha[c] * v)),
                       of_beta = 1 / static_cast<double>(beta[c]),
                       exact = static_cast<double>(v) + of_beta * sine * sine;
          worst = std::max(worst, std::abs(static_cast<double>(got) - exact) /
                                      (std::abs(static_cast<double>(v)) + of_beta));
        }
        INFO(name << ": " << channels << " channels, " << frames << " frames");
        CHECK(same);
      }
    }
    INFO(name << ": " << worst);
    CHECK(worst <= 1e-6);
  }
}

TEST_CASE("clip: where min is greater than max all are max, as torch.clamp has it, on every SIMD target") {
  EveryTarget targets;
  for (const std::string& name : targets.names) {
    kernels::use_simd_target(name);
    Signal x = Eigen::RowVectorXf::LinSpaced(40, -9, 9);
    CHECK(clip(x, 2, -1) == Signal::Constant(1, 40, -1));
    x(0, 39) = std::nanf("");
    CHECK(std::isnan(clip(x, 2, -1)(0, 39)));
  }
}

TEST_CASE("snake: where the argument is no number for a sine, neither is the result") {
  const std::vector<float> alpha{1.0f, 1e30f}, beta{0.5f, 0.0f};
  Signal x(2, 3);
  x << INFINITY, -INFINITY, 0.0f, 1e30f, -1e30f, 0.0f;
  const Signal y = snake_beta(x, alpha, beta);
  CHECK(y.leftCols(2).array().isNaN().all());
  CHECK((y.col(2).array() == 0).all());
  CHECK(snake(x.rightCols(1), alpha) == x.rightCols(1));
  CHECK(snake(Signal(Signal::Constant(1, 1, 0.3f)), std::vector{0.0f})(0, 0) == 0.3f);
}

TEST_CASE("activations keep the contract of every Op") {
  Rng rng(31);
  const std::set<std::string> sparse{"relu",     "clip",  "hardsigmoid", "hardswish",
                                     "hardtanh", "relu6", "hardshrink",  "softshrink"};
  for (const char* name :
       {"relu",       "leaky_relu", "elu",      "tanh",        "sigmoid",   "silu",     "gelu",
        "softplus",   "exp",        "sin",      "cos",         "clip",      "scale",    "gated",
        "glu",        "prelu",      "snake",    "snake_beta",  "gelu_tanh", "selu",     "celu",
        "mish",       "logsigmoid", "softsign", "hardsigmoid", "hardswish", "hardtanh", "relu6",
        "hardshrink", "softshrink", "log",      "sqrt",        "abs",       "pow"})
    for (const Index channels : {2, 6, 34}) {
      // A single channel of one that is flat may not show a change of its input.
      // Of abs(), since there is no logarithm and no root below 0.
      const bool of_positive = std::string(name) == "log" || std::string(name) == "sqrt";
      const Op op = named(name, channels);
      verify_contract(of_positive ? Op(Stack({op::abs(channels), op})) : op, rng,
                      {.dense = sparse.count(name) == 0, .longest = 300});
    }
}

TEST_CASE("activations refuse wrong configuration, saying what was given") {
  const float nan = std::nanf("");
  CHECK_THROWS_WITH(op::relu(0), "relu: channels must be positive, got 0");
  CHECK_THROWS_WITH(op::glu(5), "glu: channels_in must be positive and even, got 5");
  CHECK_THROWS_WITH(op::prelu({}), "prelu: weight must have a value per channel, got none");
  CHECK_THROWS_WITH(op::prelu(std::vector<float>{1, nan}), "prelu: weight must hold numbers, got nan");
  CHECK_THROWS_WITH(op::leaky_relu(1, nan), "leaky_relu: negative_slope must be a number, got nan");
  CHECK_THROWS_WITH(op::clip(1, 0.0f, nan), "clip: max must be a number, got nan");
  CHECK_THROWS_WITH(op::clip(1, nan, 0.0f), "clip: min must be a number, got nan");
  CHECK_THROWS_WITH(op::scale(-3, 1.0f), "scale: channels must be positive, got -3");
  CHECK_THROWS_WITH(op::gated(5), "gated: channels_in must be positive and even, got 5");
  CHECK_THROWS_WITH(op::softplus(1, nan), "softplus: beta must be a number, got nan");
  CHECK_THROWS_WITH(op::celu(1, 0), "celu: alpha must be above 0, a normal float, got 0");
  CHECK_THROWS_WITH(op::hardtanh(1, 1, -1), "hardtanh: min_val must not be above max_val, got 1 and -1");
  CHECK_THROWS_WITH(op::hardtanh(1, nan, 1), "hardtanh: min_val must be a number, got nan");
  CHECK_THROWS_WITH(op::softshrink(1, -1), "softshrink: lambd must be 0 or more, got -1");
  CHECK_THROWS_WITH(op::softshrink(1, nan), "softshrink: lambd must be a number, got nan");
  CHECK_THROWS_WITH(op::hardshrink(0), "hardshrink: channels must be positive, got 0");
  CHECK_THROWS_WITH(op::pow(0, 2), "pow: channels must be positive, got 0");
  CHECK_THROWS_WITH(op::pow(1, nan), "pow: exponent must be finite, got nan");
  CHECK(op::selu(3).name() == "selu(3)");
  CHECK(op::celu(3, 0.5f).name() == "celu(3, alpha 0.5)");
  CHECK(op::softshrink(3).name() == "softshrink(3, lambd 0.5)");
  CHECK(op::gelu(2, GeluApproximation::tanh).name() == "gelu by tanh(2)");
  CHECK_THROWS_WITH(op::snake({}), "snake: alpha must have a value per channel, got none");
  CHECK_THROWS_WITH(op::snake(std::vector{1.0f, nan}),
                    "snake: alpha must hold numbers, of channel 1 got nan");
  CHECK_THROWS_WITH(op::snake_beta(std::vector{1.0f, 2.0f}, std::vector{1.0f}),
                    "snake_beta: beta must have 2 values, got 1");
  CHECK_THROWS_WITH(op::snake_beta(std::vector{1.0f}, std::vector{nan}),
                    "snake_beta: beta must hold numbers, of channel 0 got nan");
  CHECK_THROWS_WITH(op::snake_beta(std::vector{nan}, std::vector{1.0f}),
                    "snake_beta: alpha must hold numbers, of channel 0 got nan");
  constexpr float infinite = std::numeric_limits<float>::infinity();
  CHECK_NOTHROW(op::snake_beta(std::vector{infinite}, std::vector{-infinite}));
  CHECK(op::snake(std::vector{1.0f, 2.0f}).parameters() == 2);
  CHECK(op::snake_beta(std::vector{1.0f, 2.0f}, std::vector{1.0f, 2.0f}).parameters() == 4);
  CHECK_THROWS_WITH(gated(Signal(0, 4)), "gated: channels_in must be positive and even, got 0");
  CHECK(op::clip(2, -1.0f, 0.5f).name() == "clip(2, min -1, max 0.5)");
  CHECK(tanh(Signal(3, 0)).cols() == 0);
}
