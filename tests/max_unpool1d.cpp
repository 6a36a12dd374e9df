#include <wavestride/max_pool1d.h>
#include <wavestride/max_unpool1d.h>
#include <wavestride/stack.h>

#include <catch2/catch.hpp>

#include "pooling.h"

using namespace wavestride;
using namespace wavestride::testing;

namespace {

MaxPool1dOptions pooling_of(const MaxUnpool1dOptions& o) {
  return {.kernel_size = o.kernel_size, .stride = o.stride, .padding = o.padding};
}

IndexSignal one_channel(const std::vector<Index>& indices) {
  return Eigen::Map<const IndexSignal>(indices.data(), 1, static_cast<Index>(indices.size()));
}

// Pooling, then unpooling with its offsets: what is no maximum becomes 0.
Op there_and_back(Index channels, const MaxPool1dOptions& pooling, const MaxUnpool1dOptions& unpooling,
                  Index output_padding = 0) {
  StackBuilder b("pool and unpool");
  const auto x = b.input(channels);
  const auto pooled = b.apply_all(op::max_pool1d_with_offsets(channels, pooling), {&x, 1});
  return b.build({b.apply(op::max_unpool1d(channels, unpooling, output_padding), pooled)});
}

}  // namespace

TEST_CASE("max_unpool1d equals torch.nn.functional.max_unpool1d, from indices and from offsets") {
  for (const GoldenCase& c : golden_cases("max_unpool1d")) {
    INFO(c.name << " " << c.parameters);
    const auto& p = c.parameters;
    const MaxUnpool1dOptions options{p.at("kernel_size"), p.at("stride"), p.at("padding")};
    const Signal x = c.signal("x"), y = c.signal("y"), z = c.signal("z");
    std::optional<Index> size;
    if (p.contains("output_size")) size = p.at("output_size").get<Index>();
    CHECK(same_bits(max_unpool1d(y, indices_of(c), options, size), z));
    const Index stride = options.stride > 0 ? options.stride : options.kernel_size;
    const Index usual = (y.cols() - 1) * stride - 2 * options.padding + options.kernel_size;
    CHECK(same_bits(there_and_back(x.rows(), pooling_of(options), options, z.cols() - usual)(x), z));
  }
}

TEST_CASE("max_unpool1d keeps the contract of every Op") {
  Rng rng(1);
  for (int i = 0; i < 60; ++i) {
    const Index kernel = uniform(rng, 1, 9), stride = uniform(rng, 1, 11), channels = uniform(rng, 1, 40);
    const Index padding = uniform(rng, 0, kernel / 2), dilation = padding > 0 ? 1 : uniform(rng, 1, 3);
    const MaxPool1dOptions pooling{kernel, stride, padding, dilation, uniform(rng, 0, 1) == 1};
    const MaxUnpool1dOptions unpooling{dilation * (kernel - 1) + 1, stride, padding};
    const Index output_padding = uniform(rng, 1 - stride, stride - 1);
    verify_contract(there_and_back(channels, pooling, unpooling, output_padding), rng, {.dense = false});
    verify_contract_multi(op::max_unpool1d(channels, unpooling, output_padding), rng);
  }
}

TEST_CASE("max_unpool1d: pooling again gives the maxima back") {
  Rng rng(2);
  for (int i = 0; i < 30; ++i) {
    const MaxPool1dOptions options{.kernel_size = uniform(rng, 1, 6)};
    const Signal x = noise(rng, 4, uniform(rng, 6, 90)).cwiseAbs();
    const MaxPooled y = max_pool1d_with_indices(x, options);
    const Signal z = max_unpool1d(y.values, y.indices, {options.kernel_size});
    CHECK(same_bits(max_pool1d(z, options), y.values));
    CHECK(((z.array() == 0) || (z.array() == x.leftCols(z.cols()).array())).all());
  }
}

TEST_CASE(
    "max_unpool1d: of two values for one frame the later holds; offsets outside the window are ignored") {
  Signal values(1, 3);
  values << 1, 2, 3;
  const MaxUnpool1dOptions options{.kernel_size = 3, .stride = 1};
  CHECK(max_unpool1d(values, one_channel({2, 2, 0}), options) == (Signal(1, 5) << 3, 0, 2, 0, 0).finished());
  const auto from_offsets = [&](float a, float b, float c) {
    Signal offsets(1, 3);
    offsets << a, b, c;
    const FramesView in[] = {values, offsets};
    return op::max_unpool1d(1, options)(in).front();
  };
  CHECK(from_offsets(2, 1, 0) == (Signal(1, 5) << 0, 0, 3, 0, 0).finished());
  CHECK(from_offsets(-1, std::nanf(""), 2) == (Signal(1, 5) << 0, 0, 0, 0, 3).finished());
  CHECK(from_offsets(3, 1e30f, -std::numeric_limits<float>::infinity()) == Signal::Zero(1, 5));
}

TEST_CASE("max_unpool1d refuses what PyTorch refuses, saying what was given") {
  const Signal values = Signal::Ones(1, 2);
  const IndexSignal indices = one_channel({0, 4});
  const auto unpool = [&](std::optional<Index> size, Index kernel = 3) {
    return max_unpool1d(values, indices, {.kernel_size = kernel}, size);
  };
  CHECK(unpool({}).cols() == 6);
  CHECK(unpool(5).cols() == 5);
  CHECK(unpool(8).cols() == 8);
  CHECK_THROWS_WITH(unpool(3), "max_unpool1d: output_size must be between 3 and 9, exclusive, got 3");
  CHECK_THROWS_WITH(unpool(9), "max_unpool1d: output_size must be between 3 and 9, exclusive, got 9");
  const auto unpool_one = [&](const MaxUnpool1dOptions& options, std::optional<Index> size) {
    return max_unpool1d(values.leftCols(1).eval(), one_channel({0}), options, size);
  };
  CHECK(unpool_one({.kernel_size = 1, .stride = 3}, 1) == Signal::Ones(1, 1));
  for (const Index size : {0, -1})
    CHECK_THROWS_WITH(
        unpool_one({.kernel_size = 1, .stride = 3}, size),
        "max_unpool1d: output_size must be between 0 and 4, exclusive, got " + std::to_string(size));
  CHECK(unpool_one({.kernel_size = 2, .padding = 1}, 1) == Signal::Ones(1, 1));
  CHECK_THROWS_WITH(unpool_one({.kernel_size = 2, .padding = 1}, {}),
                    "max_unpool1d: output_size must be between 0 and 2, exclusive, got 0");
  CHECK_THROWS_WITH(unpool({}, 2), "max_unpool1d: indices must be 0 to 3, got 4 in frame 1");
  CHECK_THROWS_WITH(max_unpool1d(values, IndexSignal::Zero(2, 2), {.kernel_size = 2}),
                    "max_unpool1d: indices must be 1 × 2 as the values are, got 2 × 2");
  CHECK_THROWS_WITH(max_unpool1d(values, IndexSignal::Constant(1, 2, -1), {.kernel_size = 2}),
                    "max_unpool1d: indices must be 0 to 3, got -1 in frame 0");
  CHECK_THROWS_WITH(op::max_unpool1d(1, {}), "max_unpool1d: kernel_size must be at least 1, got 0");
  CHECK_THROWS_WITH(op::max_unpool1d(1, {.kernel_size = 3}, 3),
                    "max_unpool1d: output_padding must be between −stride and stride 3, exclusive, got 3");
  CHECK(max_unpool1d(Signal(3, 0), IndexSignal(3, 0), {.kernel_size = 2}).cols() == 0);
}
