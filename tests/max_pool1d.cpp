#include <wavestride/max_pool1d.h>

#include <array>
#include <catch2/catch.hpp>
#include <cmath>

#include "every_target.h"
#include "pooling.h"

using namespace wavestride;
using namespace wavestride::testing;

namespace {

constexpr float inf = std::numeric_limits<float>::infinity();

MaxPool1dOptions options_of(const nlohmann::json& p) {
  return {.kernel_size = p.at("kernel_size"),
          .stride = p.at("stride"),
          .padding = p.value("padding", Index{0}),
          .dilation = p.value("dilation", Index{1}),
          .ceil_mode = p.value("ceil_mode", false)};
}

// With padding and dilation a short signal can fall between the taps of a window, which gives −inf.
MaxPool1dOptions random_options(Rng& rng) {
  const Index kernel = uniform(rng, 1, 9);
  const Index padding = uniform(rng, 0, 1) * uniform(rng, 0, kernel / 2);
  return {.kernel_size = kernel,
          .stride = uniform(rng, 0, 11),
          .padding = padding,
          .dilation = padding > 0 ? 1 : uniform(rng, 1, 4),
          .ceil_mode = uniform(rng, 0, 1) == 1};
}

}  // namespace

TEST_CASE("max_pool1d equals torch.nn.functional.max_pool1d, streamed too") {
  Rng rng(1);
  for (const GoldenCase& c : golden_cases("max_pool1d")) {
    INFO(c.name << " " << c.parameters);
    const MaxPool1dOptions options = options_of(c.parameters);
    const Signal x = c.signal("x"), y = max_pool1d(x, options);
    CHECK(relative_error(y, c.signal("y")) == 0);
    const MaxPooled both = max_pool1d_with_indices(x, options);
    CHECK(same_bits(both.values, y));
    CHECK(same_indices(both.indices, indices_of(c)));
    Stream stream = op::max_pool1d(x.rows(), options).stream();
    CHECK(same_bits(stream_in_chunks(stream, x, rng), y));
  }
}

TEST_CASE("max_pool1d keeps the contract of every Op") {
  Rng rng(2);
  for (int i = 0; i < 60; ++i) {
    const MaxPool1dOptions options = random_options(rng);
    verify_contract(op::max_pool1d(uniform(rng, 1, 70), options), rng, {.dense = false});
    verify_contract_multi(op::max_pool1d_with_offsets(uniform(rng, 1, 70), options), rng);
  }
}

TEST_CASE("max_pool1d of few channels or long kernels keeps the contract of every Op") {
  Rng rng(3);
  for (int i = 0; i < 16; ++i) {
    const Index kernel = uniform(rng, 1, i % 2 == 0 ? 5 : 100);
    const MaxPool1dOptions options{.kernel_size = kernel,
                                   .stride = uniform(rng, 0, 5),
                                   .padding = uniform(rng, 0, kernel / 2),
                                   .ceil_mode = i % 3 == 0};
    const Index channels = uniform(rng, 1, 8);
    INFO(i);
    verify_contract(op::max_pool1d(channels, options), rng, {.dense = false});
    verify_contract_multi(op::max_pool1d_with_offsets(channels, options), rng);
  }
}

TEST_CASE("max_pool1d finds in few channels what it finds in each of many") {
  Rng rng(4);
  Signal x = noise(rng, 40, 1100).array().round();  // with ties
  x(1, 500) = x(1, 502) = std::nanf("");
  for (const Index kernel : {2, 3, 8, 31, 100})
    for (const Index stride : {1, 2, 3, 4, 5, 9}) {
      const MaxPool1dOptions options{.kernel_size = kernel, .stride = stride, .padding = 1};
      const MaxPooled all = max_pool1d_with_indices(x, options);
      for (const Index channels : {1, 2, 3, 7, 16}) {
        INFO(kernel << " " << stride << " " << channels);
        const MaxPooled few = max_pool1d_with_indices(Signal(x.topRows(channels)), options);
        CHECK(same_indices(few.indices, all.indices.topRows(channels)));
        for (Index c = 0; c < channels; ++c)
          for (Index n = 0; n < few.values.cols(); ++n) {
            const float v = few.values(c, n), there = x(c, few.indices(c, n));
            REQUIRE((v == there || (v != v && there != there)));
          }
      }
    }
}

TEST_CASE("max_pool1d: NaN wins, of equal values the first, of several NaN the last") {
  const float nan = std::nanf("");
  Signal x(1, 8);
  x << 1, nan, 2, nan, 3, -inf, 3, -inf;
  const MaxPooled y = max_pool1d_with_indices(x, {.kernel_size = 4});
  CHECK(std::isnan(y.values(0, 0)));
  CHECK(y.indices(0, 0) == 3);
  CHECK(y.values(0, 1) == 3);
  CHECK(y.indices(0, 1) == 4);
}

TEST_CASE("max_pool1d: which of equal values wins depends on no chunk") {
  EveryTarget targets;
  for (const std::string& name : targets.names) {
    kernels::use_simd_target(name);
    Rng rng(4);
    for (int i = 0; i < 100; ++i) {
      const Index channels = uniform(rng, 1, 9), kernel = uniform(rng, 2, 40), stride = uniform(rng, 1, 12);
      INFO(name << ": " << channels << " channels, kernel " << kernel << ", stride " << stride);
      const Op op = op::max_pool1d(channels, {.kernel_size = kernel, .stride = stride});
      Signal x(channels, 120);
      for (float& v : x.reshaped())
        v = std::array{-1.0f, 0.0f, -0.0f}[static_cast<std::size_t>(uniform(rng, 0, 2))];
      const Signal whole = op(x);
      Stream stream = op.stream();
      CHECK(same_bits(stream_in_chunks(stream, x, rng), whole));
      stream.reset();
      Signal one_by_one(channels, whole.cols());
      Index done = 0;
      for (Index n = 0; n < x.cols(); ++n)
        done += stream.push(FramesView(x).slice(n, 1),
                            FramesSpan(one_by_one).slice(done, stream.frames_after(1)));
      CHECK(same_bits(FramesView(one_by_one).slice(0, done), FramesView(whole).slice(0, done)));
    }
  }
}

TEST_CASE("max_pool1d: padding is no candidate, even where everything is −inf") {
  const Signal x = Signal::Constant(2, 5, -inf);
  const MaxPooled y = max_pool1d_with_indices(x, {.kernel_size = 4, .stride = 2, .padding = 2});
  REQUIRE(y.indices.cols() == 3);
  CHECK((y.values.array() == -inf).all());
  CHECK(y.indices.row(1) == (IndexSignal(1, 3) << 0, 0, 2).finished());
}

TEST_CASE("max_pool1d of short and empty signals") {
  const MaxPool1dOptions options{.kernel_size = 3};
  CHECK(max_pool1d(Signal(2, 0), options).cols() == 0);
  CHECK(max_pool1d(Signal(Signal::Ones(2, 1)), options).cols() == 0);
  CHECK(max_pool1d(Signal(Signal::Ones(2, 1)), {.kernel_size = 3, .padding = 1}).cols() == 1);
  CHECK(max_pool1d_with_indices(Signal(2, 0), options).indices.rows() == 2);
}

TEST_CASE("max_pool1d: offsets stay exact far into a stream") {
  const Op op = op::max_pool1d_with_offsets(1, {.kernel_size = 3, .stride = 2});
  Stream stream = op.stream();
  const Signal x =
      Signal::NullaryExpr(1, 1 << 14, [](Index, Index n) { return static_cast<float>((n % 7) * (n % 5)); });
  std::vector<Signal> y(2);
  const FramesView in(x);
  for (int i = 0; i < 2000; ++i) y = stream.push({&in, 1});  // position 2^25
  const Index from = stream.emitted() - y[0].cols(), before = stream.received() - x.cols();
  REQUIRE(before > (1 << 24));
  for (Index n = 1; n < y[0].cols(); ++n) {
    const Index at = (from + n) * 2 + static_cast<Index>(y[1](0, n)) - before;
    CHECK(y[0](0, n) == x(0, at));
  }
}

TEST_CASE("max_pool1d refuses wrong options, saying what was given") {
  const auto make = [](const MaxPool1dOptions& o) { return op::max_pool1d(2, o); };
  CHECK_THROWS_WITH(make({}), "max_pool1d: kernel_size must be at least 1, got 0");
  CHECK_THROWS_WITH(make({.kernel_size = 2, .stride = -1}),
                    "max_pool1d: stride must be at least 1, or 0 for kernel_size, got -1");
  CHECK_THROWS_WITH(make({.kernel_size = 3, .padding = 2}),
                    "max_pool1d: padding must be 0 to half of kernel_size 3, got 2");
  CHECK_THROWS_WITH(make({.kernel_size = 3, .padding = -1}),
                    "max_pool1d: padding must be 0 to half of kernel_size 3, got -1");
  CHECK_THROWS_WITH(make({.kernel_size = 3, .dilation = 0}),
                    "max_pool1d: dilation must be at least 1, got 0");
  CHECK_THROWS_WITH(
      make({.kernel_size = Index{1} << 20, .dilation = Index{1} << 62}),
      "max_pool1d: stride and kernel_size times dilation must stay below 2^31, got 0 and 1048576 "
      "times 4611686018427387904");
  CHECK_THROWS_WITH(op::max_pool1d_with_offsets(1, {.kernel_size = 2, .dilation = 1 << 24}),
                    "max_pool1d: offsets must stay below 2^24 frames to be exact, got 16777216");
  CHECK_THROWS_AS(op::max_pool1d(0, {.kernel_size = 2}), std::invalid_argument);
  CHECK_THROWS_AS(op::max_pool1d(Index{1} << 62, {.kernel_size = 2}), std::invalid_argument);
}
