#include <wavestride/activation.h>
#include <wavestride/compose.h>
#include <wavestride/conv1d.h>
#include <wavestride/minimal_filtering.h>
#include <wavestride/stack.h>

#include <catch2/catch.hpp>

#include "contract.h"
#include "graph.h"
#include "kernels/dense.h"
#include "kernels/minimal.h"

using namespace wavestride;
using namespace wavestride::testing;

namespace {

bool is_minimal(const Op& op) {
  return op.graph()->nodes.front().kernel->name().find("minimal filtering") != std::string::npos;
}

double largest_difference(const Signal& a, const Signal& b) {
  REQUIRE(a.rows() == b.rows());
  REQUIRE(a.cols() == b.cols());
  return a.size() == 0 ? 0 : static_cast<double>((a - b).cwiseAbs().maxCoeff());
}

float sloped(float x, float slope) {
  return x > 0 ? x : slope * x;
}

double scale(const Signal& y) {
  return y.size() == 0 ? 0 : static_cast<double>(y.cwiseAbs().maxCoeff());
}

}  // namespace

TEST_CASE("F(m, r) are the sums that they stand for, on every SIMD target") {
  for (const std::string& name : kernels::simd_targets()) {
    kernels::use_simd_target(name);
    Rng rng(31), others(41);
    for (int trial = 0; trial < 100; ++trial) {
      const kernels::MinimalFilter f = kernels::minimal_filters[static_cast<std::size_t>(trial % 4)];
      const Index m = f.outputs;
      const Index channels = 16 * uniform(rng, 1, 5), tiles = uniform(rng, 0, 6), points = f.points();
      const Index misaligned = uniform(rng, 0, 15), step = tiles * channels + uniform(rng, 0, 20);
      const Index out_step = channels + uniform(rng, 0, 9);
      const Tensor x = noise_tensor(rng, {misaligned + (m * tiles + points) * channels});
      const Tensor w = noise_tensor(rng, {f.taps, channels}), bias = noise_tensor(rng, {channels});
      const float* in = x.data.data() + misaligned;
      const float slope = trial % 3 ? 1.0f : 0.1f;
      const Tensor added = noise_tensor(others, {m * out_step});
      const kernels::Finish finish{trial % 2 ? added.data.data() : nullptr, trial % 5 ? 0.1f : 1.0f};
      std::vector<float> at(static_cast<std::size_t>(points * step) + 1, 7.0f), out;
      kernels::minimal_input(f, in, slope, channels, tiles, at.data(), step);
      CHECK(at.back() == 7.0f);
      double worst = 0;
      for (Index j = 0; j < tiles; ++j) {
        std::vector<float> product(static_cast<std::size_t>(points * channels));
        for (Index p = 0; p < points; ++p)
          for (Index c = 0; c < channels; ++c) {
            double weight = 0;
            for (Index t = 0; t < f.taps; ++t)
              weight +=
                  f.weight(p, t) * static_cast<double>(w.data[static_cast<std::size_t>(t * channels + c)]);
            product[static_cast<std::size_t>(p * channels + c)] =
                static_cast<float>(weight) * at[static_cast<std::size_t>(p * step + j * channels + c)];
          }
        out.assign(static_cast<std::size_t>(m * out_step) + 1, 7.0f);
        kernels::minimal_output(f, product.data(), channels, bias.data.data(), channels, 1, 1, {}, out.data(),
                                out_step);
        for (Index i = 0; i < m; ++i)
          for (Index c = 0; c < channels; ++c) {
            double sum = bias.data[static_cast<std::size_t>(c)];
            for (Index t = 0; t < f.taps; ++t)
              sum += static_cast<double>(w.data[static_cast<std::size_t>(t * channels + c)]) *
                     static_cast<double>(sloped(in[(m * j + i + t) * channels + c], slope));
            worst = std::max(
                worst, std::abs(sum - static_cast<double>(out[static_cast<std::size_t>(i * out_step + c)])));
          }
        for (Index i = 0; i < m; ++i)
          for (Index c = channels; c < out_step; ++c)
            CHECK(out[static_cast<std::size_t>(i * out_step + c)] == 7.0f);
        CHECK(out.back() == 7.0f);

        std::vector<float> finished(out.size(), 7.0f);
        kernels::minimal_output(f, product.data(), channels, bias.data.data(), channels, 1, 1, finish,
                                finished.data(), out_step);
        for (Index i = 0; i < m * out_step; ++i)
          if (float& y = out[static_cast<std::size_t>(i)]; i % out_step < channels)
            y = sloped(finish.added ? y + finish.added[i] : y, finish.slope);
        CHECK(finished == out);
      }
      INFO(name << ": F(" << m << ", " << f.taps << "), channels " << channels << ", tiles " << tiles);
      // The more points, the more some of them magnify rounding.
      CHECK(worst < (f.points() > 12 ? 5e-4 : f.points() > 10 ? 1e-4 : 5e-5));
    }
  }
  kernels::use_simd_target("");
}

TEST_CASE("Tiles of several phases of a signal are written where their frames lie, on every SIMD target") {
  for (const std::string& name : kernels::simd_targets()) {
    kernels::use_simd_target(name);
    Rng rng(32);
    for (const kernels::MinimalFilter f : kernels::minimal_filters) {
      const Index channels = 16 * uniform(rng, 1, 3), dilation = uniform(rng, 1, 4),
                  blocks = uniform(rng, 1, 3);
      const Index tiles = blocks * dilation, frames = tiles * f.outputs, step = tiles * channels + 16,
                  out_step = channels + uniform(rng, 0, 9);
      const Tensor in = noise_tensor(rng, {f.points() * step}), bias = noise_tensor(rng, {channels}),
                   added = noise_tensor(rng, {frames * out_step});
      const kernels::Finish finish{added.data.data(), 0.1f};
      std::vector<float> got(static_cast<std::size_t>(frames * out_step), 7.0f), each = got;
      kernels::minimal_output(f, in.data.data(), step, bias.data.data(), channels, tiles, dilation, finish,
                              got.data(), out_step);
      for (Index j = 0; j < tiles; ++j) {
        const Index at = (j / dilation * f.outputs * dilation + j % dilation) * out_step;
        kernels::minimal_output(f, in.data.data() + j * channels, step, bias.data.data(), channels, 1, 1,
                                finish.behind(at), each.data() + at, dilation * out_step);
      }
      INFO(name << ": F(" << f.outputs << ", " << f.taps << "), dilation " << dilation << ", " << blocks);
      CHECK(got == each);
      CHECK(std::count(got.begin(), got.end(), 7.0f) == frames * (out_step - channels));
    }
  }
  kernels::use_simd_target("");
}

TEST_CASE("convolution by minimal filtering equals the direct one, and keeps the contract of every Op") {
  struct Case {
    Index in, out, kernel, dilation;
    PadMode mode;
    Index outputs;  // of a tile
  };
  const Case cases[] = {{32, 32, 3, 1, PadMode::constant, 6},   {48, 80, 3, 3, PadMode::constant, 6},
                        {32, 64, 7, 1, PadMode::reflect, 6},    {64, 48, 11, 5, PadMode::constant, 6},
                        {32, 144, 8, 2, PadMode::replicate, 6}, {176, 32, 4, 1, PadMode::constant, 6},
                        {32, 32, 12, 16, PadMode::constant, 6}, {16, 48, 11, 3, PadMode::constant, 6},
                        {32, 32, 5, 2, PadMode::constant, 6},   {32, 48, 18, 1, PadMode::constant, 6}};
  Rng rng(32);
  for (const Case& c : cases) {
    const Tensor weight =
        noise_tensor(rng, {c.out, c.in, c.kernel}, 1 / std::sqrt(static_cast<float>(c.in * c.kernel)));
    const Tensor bias = noise_tensor(rng, {c.out});
    for (const bool causal : {false, true}) {
      const Index reach = (c.kernel - 1) * c.dilation;
      const ConvPadding padding = causal ? ConvPadding(reach, 0) : ConvPadding("same");
      const Op direct =
          op::conv1d(weight, bias.data, {.padding = padding, .dilation = c.dilation, .padding_mode = c.mode});
      const Op fast = minimal_filtering(direct);
      INFO(fast.name());
      REQUIRE(is_minimal(fast));
      CHECK(fast.lookahead_frames() == direct.lookahead_frames() + c.outputs * c.dilation - 1);
      CHECK(fast.parameters() == direct.parameters());
      CHECK(fast.macs_per_frame() == direct.macs_per_frame());
      for (const Index T : {Index{0}, Index{1}, uniform(rng, 2, 100), Index{500}}) {
        const Signal x = noise(rng, c.in, T);
        const Signal y = direct(x);
        CHECK(largest_difference(fast(x), y) <= 1e-5 * scale(y));
      }
      // A frame changes what is made with it, but its window tells the most that any frame reads.
      verify_contract(fast, rng, {.dense = false, .longest = 400});
    }
  }
}

TEST_CASE("minimal filtering has the same twin on every SIMD target") {
  Rng rng(33);
  const Tensor weight = noise_tensor(rng, {80, 48, 11}, 1 / std::sqrt(48.0f * 11));
  const Op direct = op::conv1d(weight, {}, {.padding = "same", .dilation = 3});
  const Signal x = noise(rng, 48, 333), y = direct(x);
  for (const std::string& name : kernels::simd_targets()) {
    kernels::use_simd_target(name);
    INFO(name);
    CHECK(largest_difference(minimal_filtering(direct)(x), y) <= 1e-5 * scale(y));
  }
  kernels::use_simd_target("");
}

TEST_CASE("minimal filtering leaves alone what it does not speed up") {
  Rng rng(34);
  const auto of = [&](std::vector<Index> shape, const Conv1dOptions& options = {}) {
    return is_minimal(minimal_filtering(op::conv1d(noise_tensor(rng, std::move(shape)), {}, options)));
  };
  CHECK(of({32, 32, 3}));
  CHECK_FALSE(of({32, 32, 1}));
  CHECK_FALSE(of({32, 32, 2}));
  CHECK(of({32, 32, 5}));
  CHECK(of({16, 16, 7}));
  CHECK_FALSE(of({16, 16, 3}));
  CHECK_FALSE(of({32, 40, 3}));
  CHECK_FALSE(of({64, 32, 3}, {.groups = 2}));
  CHECK_FALSE(of({32, 32, 3}, {.stride = 2}));
  CHECK_FALSE(of({32, 32, 3}, {.dilation = 17}));
  CHECK_FALSE(is_minimal(minimal_filtering(op::relu(3))));
}

TEST_CASE("minimal filtering of a stack keeps its shape and its contract; small layers stay as they are") {
  Rng rng(35);
  const auto conv = [&](Index in, Index out, Index kernel, Index dilation) {
    return op::conv1d(noise_tensor(rng, {out, in, kernel}, 1 / std::sqrt(static_cast<float>(in * kernel))),
                      noise_tensor(rng, {out}).data, {.padding = "same", .dilation = dilation});
  };
  const Op block = residual(
      Stack({op::leaky_relu(64, 0.1f), conv(64, 64, 11, 3), op::leaky_relu(64, 0.1f), conv(64, 64, 3, 1)}));
  const Op net = Stack({conv(32, 64, 3, 1), block, block, conv(64, 1, 7, 1)});
  const Op fast = minimal_filtering(net);
  CHECK(fast.graph()->nodes.size() == net.graph()->nodes.size());
  CHECK(fast.total(1000) == net.total(1000));
  CHECK(fast.latency_frames() == net.latency_frames() + 5 + 2 * (17 + 5));
  const Signal x = noise(rng, 32, 700), y = net(x);
  CHECK(largest_difference(fast(x), y) <= 1e-5 * scale(y));
  verify_contract(fast, rng, {.dense = false});

  std::vector<Op> layers = {conv(32, 32, 3, 1)};
  for (int i = 0; i < 12; ++i) layers.push_back(conv(i == 0 ? 32 : 128, 128, 7, 1));
  const Op uneven = minimal_filtering(Stack(layers));
  CHECK_FALSE(is_minimal(uneven));
  CHECK(uneven.graph()->nodes.back().kernel->name().find("minimal filtering") != std::string::npos);
}
