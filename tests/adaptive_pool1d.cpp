#include <wavestride/adaptive_pool1d.h>
#include <wavestride/stream.h>

#include <catch2/catch.hpp>

#include "pooling.h"

using namespace wavestride;
using namespace wavestride::testing;

TEST_CASE("adaptive pooling equals torch.nn.functional.adaptive_{avg,max}_pool1d") {
  for (const GoldenCase& c : golden_cases("adaptive_pool1d")) {
    INFO(c.name << " " << c.parameters);
    const Index size = c.parameters.at("output_size");
    const Signal x = c.signal("x");
    CHECK(relative_error(adaptive_avg_pool1d(x, size), c.signal("mean")) <= golden_tolerance);
    CHECK(relative_error(adaptive_max_pool1d(x, size), c.signal("max")) == 0);
    const MaxPooled both = adaptive_max_pool1d_with_indices(x, size);
    CHECK(relative_error(both.values, c.signal("max")) == 0);
    CHECK(same_indices(both.indices, indices_of(c)));
  }
}

TEST_CASE("adaptive pooling to one frame is the mean and the maximum of a long signal") {
  Rng rng(1);
  const Signal x = noise(rng, 3, 100'000);
  const Eigen::VectorXd mean = x.cast<double>().rowwise().mean();
  CHECK((adaptive_avg_pool1d(x, 1).cast<double>() - mean).cwiseAbs().maxCoeff() < 1e-9);
  CHECK(adaptive_max_pool1d(x, 1) == x.rowwise().maxCoeff());
  CHECK(adaptive_avg_pool1d(x, x.cols()) == x);
}

TEST_CASE("adaptive pooling of any number of channels, in few and many bins, equals its definition") {
  Rng rng(2);
  for (const Index channels : {1, 2, 3, 7, 8, 9, 16, 80, 600})
    for (const Index bins : {1, 7, 100}) {
      INFO(channels << " channels, " << bins << " bins");
      const Index T = uniform(rng, 500, channels < 10 ? 20'000 : 2'000);
      const Signal x = noise(rng, channels, T);
      const Signal mean = adaptive_avg_pool1d(x, bins), max = adaptive_max_pool1d(x, bins);
      for (Index i = 0; i < bins; ++i) {
        const Index from = i * T / bins, count = ((i + 1) * T + bins - 1) / bins - from;
        const auto bin = x.middleCols(from, count);
        const Eigen::VectorXd exact = bin.cast<double>().rowwise().mean();
        REQUIRE((mean.col(i).cast<double>() - exact).cwiseAbs().maxCoeff() < (count > 64 ? 6e-8 : 5e-7));
        REQUIRE(max.col(i) == bin.rowwise().maxCoeff());
      }
    }
}

TEST_CASE("adaptive pooling in bins of a few frames or of one is that of each bin by itself, bit for bit") {
  Rng rng(3);
  for (const Index channels : {1, 2, 3, 4, 5})
    for (const Index T : {1, 2, 7, 300, 5000})
      for (const Index bins : {T / 30 + 1, T / 9 + 1, T / 3 + 1, T - 1, T, T + 1, 2 * T, 5 * T + 3}) {
        INFO(channels << " channels, " << T << " frames, " << bins << " bins");
        Signal x = noise(rng, channels, T);
        if (T > 200) {
          x(0, 17) = std::nanf("");
          x.col(40).fill(-std::numeric_limits<float>::infinity());
        }
        const Signal mean = adaptive_avg_pool1d(x, bins), max = adaptive_max_pool1d(x, bins);
        Signal means(channels, bins), maxima(channels, bins);
        for (Index i = 0; i < bins; ++i) {
          const Index from = i * T / bins, count = ((i + 1) * T + bins - 1) / bins - from;
          for (Index c = 0; c < channels; ++c) {
            float sum = 0.0f, most = x(c, from);
            for (Index t = from; t < from + count; ++t) {
              const float v = x(c, t);
              sum += v;
              if (v > most || std::isnan(v)) most = v;
            }
            means(c, i) = sum * (1.0f / static_cast<float>(count));
            maxima(c, i) = most;
          }
        }
        REQUIRE(same_bits(mean, means));
        REQUIRE(same_bits(max, maxima));
      }
}

TEST_CASE("adaptive pooling gives output_size frames for any signal but an empty one") {
  for (const Op& op : {op::adaptive_avg_pool1d(2, 5), op::adaptive_max_pool1d(2, 5)}) {
    CHECK(op(Signal(2, 0)).cols() == 0);
    for (const Index T : {1, 4, 5, 6, 5000}) {
      CHECK(op.total(T) == 5);
      CHECK(op(Signal(Signal::Ones(2, T))) == Signal::Ones(2, 5));
    }
  }
  CHECK(adaptive_max_pool1d_with_indices(Signal(2, 0), 5).values.cols() == 0);
}

TEST_CASE("adaptive pooling does not stream, and says why") {
  CHECK_THROWS_AS(op::adaptive_avg_pool1d(2, 5).stream(), NotStreamable);
  CHECK_THROWS_WITH(
      op::adaptive_avg_pool1d(2, 5).stream(),
      "no exact stream: adaptive_avg_pool1d(2 channels, output_size 5): the bins divide the length "
      "of the whole signal");
  CHECK_THROWS_WITH(
      op::adaptive_max_pool1d(1, 3).stream(),
      "no exact stream: adaptive_max_pool1d(1 channels, output_size 3): the bins divide the length "
      "of the whole signal");
}

TEST_CASE("adaptive pooling refuses a negative output_size") {
  CHECK_THROWS_WITH(op::adaptive_max_pool1d(2, -1),
                    "adaptive_max_pool1d: output_size must not be negative, got -1");
}
