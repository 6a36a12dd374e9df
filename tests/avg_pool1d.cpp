#include <wavestride/avg_pool1d.h>

#include <catch2/catch.hpp>

#include "contract.h"
#include "golden.h"

using namespace wavestride;
using namespace wavestride::testing;

TEST_CASE("avg_pool1d equals torch.nn.functional.avg_pool1d, streamed too") {
  Rng rng(1);
  for (const GoldenCase& c : golden_cases("avg_pool1d")) {
    INFO(c.name << " " << c.parameters);
    const auto& p = c.parameters;
    const AvgPool1dOptions options{.kernel_size = p.at("kernel_size"),
                                   .stride = p.at("stride"),
                                   .padding = p.value("padding", Index{0}),
                                   .ceil_mode = p.value("ceil_mode", false),
                                   .count_include_pad = p.value("count_include_pad", true)};
    const Signal x = c.signal("x"), y = avg_pool1d(x, options);
    CHECK(relative_error(y, c.signal("y")) <= golden_tolerance);
    Stream stream = op::avg_pool1d(x.rows(), options).stream();
    CHECK(same_bits(stream_in_chunks(stream, x, rng), y));
  }
}

TEST_CASE("avg_pool1d keeps the contract of every Op") {
  Rng rng(2);
  for (int i = 0; i < 60; ++i) {
    const Index kernel = uniform(rng, 1, 12);
    verify_contract(op::avg_pool1d(uniform(rng, 1, 140), {.kernel_size = kernel,
                                                          .stride = uniform(rng, 0, 14),
                                                          .padding = uniform(rng, 0, kernel / 2),
                                                          .ceil_mode = uniform(rng, 0, 1) == 1,
                                                          .count_include_pad = uniform(rng, 0, 1) == 1}),
                    rng);
  }
}

TEST_CASE("avg_pool1d of long kernels, and of few channels, keeps the contract and the accuracy of double") {
  Rng rng(3);
  for (int i = 0; i < 16; ++i) {
    const Index kernel = i % 2 == 0 ? uniform(rng, 65, 200) : uniform(rng, 1, 64), padding = kernel / 3;
    const Index channels = uniform(rng, 1, i % 4 == 0 ? 70 : 9);
    const AvgPool1dOptions options{.kernel_size = kernel, .stride = uniform(rng, 1, 6), .padding = padding};
    const Op op = op::avg_pool1d(channels, options);
    INFO(op.name());
    verify_contract(op, rng);
    const Index T = uniform(rng, 700, 1200);
    const Signal x = noise(rng, channels, T), y = op(x);
    for (Index n = 0; n < y.cols(); ++n) {
      const Index from = std::max<Index>(n * options.stride - padding, 0);
      const Index end = std::min(n * options.stride - padding + kernel, T);
      const Eigen::VectorXd mean = x.middleCols(from, end - from).cast<double>().rowwise().sum() / kernel;
      const double size = x.middleCols(from, end - from).cast<double>().cwiseAbs().sum() / kernel;
      REQUIRE((y.col(n).cast<double>() - mean).cwiseAbs().maxCoeff() <=
              (end - from > 64 ? 0x1p-24 * mean.cwiseAbs().maxCoeff() + 1e-14 * size : 1e-6 * size));
    }
  }
}

TEST_CASE("avg_pool1d: what the sum is divided by") {
  const Signal x = Signal::Ones(1, 6);
  AvgPool1dOptions o{.kernel_size = 4, .stride = 3, .padding = 2, .ceil_mode = true};
  // Windows from −2, 1, 4; the last reaches to the end of the padding, frame 7.
  CHECK(avg_pool1d(x, o) == (Signal(1, 3) << 0.5f, 1.0f, 0.5f).finished());
  o.count_include_pad = false;
  CHECK(avg_pool1d(x, o) == Signal::Ones(1, 3));
  // From 5 the window would reach frame 8: beyond the padding nothing counts.
  o = {.kernel_size = 4, .stride = 7, .padding = 2, .ceil_mode = true};
  CHECK(avg_pool1d(x, o) == (Signal(1, 2) << 0.5f, 1.0f / 3).finished());
}

TEST_CASE("avg_pool1d of short and empty signals") {
  CHECK(avg_pool1d(Signal(2, 0), {.kernel_size = 3, .padding = 1}).cols() == 0);
  CHECK(avg_pool1d(Signal(Signal::Ones(2, 2)), {.kernel_size = 3}).cols() == 0);
  CHECK(avg_pool1d(Signal(Signal::Ones(2, 2)), {.kernel_size = 3, .padding = 1}).cols() == 1);
}

TEST_CASE("avg_pool1d: a long mean loses nothing") {
  const Index T = 1 << 20;
  CHECK(avg_pool1d(Signal(Signal::Constant(1, T, 0.1f)), {.kernel_size = T})(0, 0) == 0.1f);
}

TEST_CASE("avg_pool1d refuses wrong options, saying what was given") {
  CHECK_THROWS_WITH(op::avg_pool1d(1, {.kernel_size = -3}),
                    "avg_pool1d: kernel_size must be at least 1, got -3");
  CHECK_THROWS_WITH(op::avg_pool1d(1, {.kernel_size = 2, .stride = -1}),
                    "avg_pool1d: stride must be at least 1, or 0 for kernel_size, got -1");
  CHECK_THROWS_WITH(op::avg_pool1d(1, {.kernel_size = 4, .padding = 3}),
                    "avg_pool1d: padding must be 0 to half of kernel_size 4, got 3");
}
