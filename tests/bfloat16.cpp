#include "kernels/bfloat16.h"

#include <wavestride/activation.h>
#include <wavestride/bfloat16.h>
#include <wavestride/compose.h>
#include <wavestride/conv1d.h>
#include <wavestride/conv_transpose1d.h>
#include <wavestride/minimal_filtering.h>
#include <wavestride/stack.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <limits>

#include "contract.h"
#include "every_target.h"
#include "graph.h"

using namespace wavestride;
using namespace wavestride::testing;
using kernels::Bfloat16Pair;
using kernels::Products;

namespace {

float widened(std::uint16_t x) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(x) << 16);
}

/// All ways of this machine: its targets, each with all products that it has.
template <class F>
void on_every_way(F&& f) {
  EveryTarget targets;
  for (const std::string& name : targets.names)
    for (const auto products : {Products::plain, Products::vectors, Products::tiles}) {
      kernels::use_simd_target(name);
      kernels::use_products(products);
      if (kernels::bfloat16_products() != products) continue;
      constexpr const char* names[] = {"plain", "by vectors", "by tiles"};
      INFO(name << ", " << names[static_cast<int>(products)]);
      f();
    }
}

Tensor rounded(Tensor t) {
  for (float& v : t.data) v = widened(kernels::to_bfloat16(v));
  return t;
}

Signal rounded(const Signal& x) {
  return x.unaryExpr([](float v) { return widened(kernels::to_bfloat16(v)); });
}

bool is_rounded(const Op& op) {
  return op.graph()->nodes.front().kernel->name().find("bfloat16") != std::string::npos;
}

double decibels(const Signal& signal, const Signal& other) {
  return 20 * std::log10(static_cast<double>(signal.norm()) / static_cast<double>((signal - other).norm()));
}

/// `direct` by bfloat16 is, of frames of any length, what `exact` makes of rounded ones from rounded weights,
/// and keeps the contract.
void check_equals_rounded(const Op& direct, const Op& exact, Rng& rng, std::initializer_list<Index> lengths) {
  on_every_way([&] {
    const Op fast = bfloat16(direct);
    INFO(fast.name());
    REQUIRE(is_rounded(fast));
    CHECK(fast.latency_frames() == direct.latency_frames());
    CHECK(fast.parameters() == direct.parameters());
    CHECK(fast.macs_per_frame() == direct.macs_per_frame());
    for (const Index T : lengths) {
      const Signal x = noise(rng, direct.in_channels(), T), y = exact(rounded(x)), z = fast(x);
      REQUIRE(z.cols() == y.cols());
      if (z.size() > 0) CHECK((z - y).cwiseAbs().maxCoeff() <= 1e-5f * y.cwiseAbs().maxCoeff());
    }
    verify_contract(fast, rng, {.dense = false});
  });
}

}  // namespace

TEST_CASE("bfloat16 is the nearest number of 8 bits, ties to even") {
  CHECK(kernels::to_bfloat16(1.0f) == 0x3f80);
  CHECK(kernels::to_bfloat16(-0.0f) == 0x8000);
  CHECK(widened(kernels::to_bfloat16(1.0f + 1.0f / 256)) == 1.0f);
  CHECK(widened(kernels::to_bfloat16(1.0f + 3.0f / 256)) == 1.0f + 4.0f / 256);
  CHECK(widened(kernels::to_bfloat16(1.0f + 1.1f / 256)) == 1.0f + 2.0f / 256);
  CHECK(std::isinf(widened(kernels::to_bfloat16(3.4e38f))));
  CHECK(std::isnan(widened(kernels::to_bfloat16(std::bit_cast<float>(0x7f800001u)))));
  CHECK(std::isnan(widened(kernels::to_bfloat16(std::bit_cast<float>(0xffffffffu)))));

  on_every_way([] {
    Rng rng(51);
    for (int trial = 0; trial < 200; ++trial) {
      const Index pairs = uniform(rng, 0, 70), misaligned = uniform(rng, 0, 15);
      Tensor x = noise_tensor(rng, {misaligned + 2 * pairs + 1});
      for (float& v : x.data) v = std::ldexp(v, static_cast<int>(uniform(rng, -30, 30)));
      for (const float special : {0.0f, -0.0f, std::numeric_limits<float>::infinity(), 1.0f + 1.0f / 256,
                                  1.0f + 3.0f / 256, std::numeric_limits<float>::max()})
        x.data[static_cast<std::size_t>(uniform(rng, 0, x.size() - 1))] = special;
      std::vector<Bfloat16Pair> got(static_cast<std::size_t>(pairs) + 1, 7);
      const float slope = trial % 2 ? 1.0f : 0.1f;
      kernels::round_to_bfloat16(x.data.data() + misaligned, slope, pairs, got.data());
      bool equal = true;
      for (Index p = 0; p < pairs; ++p) {
        const float* in = x.data.data() + misaligned + 2 * p;
        const auto sloped = [&](float v) { return v > 0 ? v : slope * v; };
        equal =
            equal && got[static_cast<std::size_t>(p)] == kernels::bfloat16_pair(sloped(in[0]), sloped(in[1]));
      }
      CHECK(equal);
      CHECK(got.back() == 7);
    }
    const float nan[2] = {std::bit_cast<float>(0x7f800001u), 1.0f};
    std::vector<float> in(64, nan[0]);
    std::vector<Bfloat16Pair> out(32);
    kernels::round_to_bfloat16(in.data(), 1, 32, out.data());
    for (const Bfloat16Pair p : out) CHECK(std::isnan(widened(static_cast<std::uint16_t>(p))));
  });
}

TEST_CASE("products of bfloat16 equal their plain twin on every SIMD target, whatever the length") {
  on_every_way([] {
    Rng rng(52);
    for (int trial = 0; trial < 150; ++trial) {
      const bool long_sum = trial % 50 == 0;  // which the kernel makes in several runs
      const Index out_channels = uniform(rng, 1, trial % 3 ? 40 : 300),
                  rows = long_sum ? uniform(rng, 700, 3000) : uniform(rng, 1, 20);
      const Index taps = uniform(rng, 1, 8), step = rows * uniform(rng, 1, 3);
      const Index frames = uniform(rng, 0, 40), out_step = out_channels + uniform(rng, 0, 5);
      const Tensor w = rounded(noise_tensor(rng, {out_channels, 2 * rows, taps}));
      const Tensor bias = noise_tensor(rng, {trial % 2 ? out_channels : 0});
      const auto weight = [&](Index o, Index c, Index t) {
        return w.data[static_cast<std::size_t>((o * 2 * rows + c) * taps + t)];
      };
      std::vector<Index> offsets;
      for (Index t = 0; t < taps; ++t) offsets.push_back(t * rows * uniform(rng, 1, 3));
      const Index longest = *std::max_element(offsets.begin(), offsets.end());
      const Tensor x = rounded(noise_tensor(rng, {2 * (longest + step * std::max<Index>(frames, 1) + rows)}));
      std::vector<Bfloat16Pair> in(x.data.size() / 2);
      for (std::size_t p = 0; p < in.size(); ++p)
        in[p] = kernels::bfloat16_pair(x.data[2 * p], x.data[2 * p + 1]);
      const kernels::Bfloat16Weights packed(
          out_channels, rows, taps,
          [&](Index o, Index r, Index t) {
            return kernels::bfloat16_pair(weight(o, 2 * r, t), weight(o, 2 * r + 1, t));
          },
          bias.data, kernels::bfloat16_row_block());
      std::vector<float> got(static_cast<std::size_t>(frames * out_step) + 1, 7.0f);
      kernels::dense(packed, in.data(), offsets.data(), step, frames, got.data(), out_step);
      double worst = 0;
      for (Index j = 0; j < frames; ++j)
        for (Index o = 0; o < out_channels; ++o) {
          double sum = bias.data.empty() ? 0.0 : bias.data[static_cast<std::size_t>(o)];
          for (Index t = 0; t < taps; ++t)
            for (Index c = 0; c < 2 * rows; ++c)
              sum += static_cast<double>(weight(o, c, t)) *
                     static_cast<double>(x.data[static_cast<std::size_t>(
                         2 * (offsets[static_cast<std::size_t>(t)] + j * step) + c)]);
          worst = std::max(
              worst, std::abs(sum - static_cast<double>(got[static_cast<std::size_t>(j * out_step + o)])));
        }
      INFO("out " << out_channels << ", rows " << rows << ", taps " << taps << ", frames " << frames);
      // The products are exact: sums round as those of floats do.
      CHECK(worst <= 2e-6 * static_cast<double>(2 * rows * taps + 1));
      for (Index j = 0; j < frames; ++j)
        for (Index o = out_channels; o < out_step; ++o)
          CHECK(got[static_cast<std::size_t>(j * out_step + o)] == 7.0f);
      CHECK(got.back() == 7.0f);

      std::vector<float> single(static_cast<std::size_t>(out_channels));
      bool same = true;
      for (Index j = 0; j < frames; ++j) {
        kernels::dense(packed, in.data() + j * step, offsets.data(), step, 1, single.data(), out_channels);
        same =
            same && std::memcmp(single.data(), got.data() + j * out_step, single.size() * sizeof(float)) == 0;
      }
      CHECK(same);
    }
  });
}

TEST_CASE("tiles of bfloat16 are summed in the order that is documented, to the bit") {
  if (kernels::bfloat16_products() != Products::tiles) return;
  Rng rng(57);
  for (int trial = 0; trial < 60; ++trial) {
    const Index out_channels = uniform(rng, 1, 100), rows = uniform(rng, 1, 70), taps = uniform(rng, 1, 5);
    const Index frames = uniform(rng, 1, 120);
    const auto pair = [&](const Tensor& t, Index at) {
      const float* v = t.data.data() + 2 * at;
      return kernels::bfloat16_pair(v[0], v[1]);
    };
    const Tensor w = noise_tensor(rng, {out_channels, taps, rows, 2}),
                 bias = noise_tensor(rng, {out_channels});
    const Tensor x = noise_tensor(rng, {frames + taps, rows, 2});
    const auto weight = [&](Index o, Index r, Index t) { return pair(w, (o * taps + t) * rows + r); };
    const kernels::Bfloat16Weights packed(out_channels, rows, taps, weight, bias.data,
                                          kernels::bfloat16_row_block());
    std::vector<Bfloat16Pair> in(static_cast<std::size_t>((frames + taps) * rows));
    for (std::size_t p = 0; p < in.size(); ++p) in[p] = pair(x, static_cast<Index>(p));
    std::vector<Index> offsets;
    for (Index t = 0; t < taps; ++t) offsets.push_back(t * rows);
    Signal got(out_channels, frames), expected(out_channels, frames);
    kernels::dense(packed, in.data(), offsets.data(), rows, frames, got.data(), out_channels);
    const auto first = [](Bfloat16Pair p) { return widened(static_cast<std::uint16_t>(p)); };
    const auto second = [](Bfloat16Pair p) { return widened(static_cast<std::uint16_t>(p >> 16)); };
    for (Index j = 0; j < frames; ++j)
      for (Index o = 0; o < out_channels; ++o) {
        float sum = bias.data[static_cast<std::size_t>(o)];
        for (Index block = 0; block < rows; block += 16)
          for (Index t = 0; t < taps; ++t) {
            float firsts = 0, seconds = 0;
            for (Index r = block; r < std::min(block + 16, rows); ++r) {
              const Bfloat16Pair a = in[static_cast<std::size_t>((j + t) * rows + r)], b = weight(o, r, t);
              firsts = std::fma(first(a), first(b), firsts);
              seconds = std::fma(second(a), second(b), seconds);
            }
            sum += firsts + seconds;
          }
        expected(o, j) = sum;
      }
    INFO("out " << out_channels << ", rows " << rows << ", taps " << taps << ", frames " << frames);
    CHECK(same_bits(got, expected));
  }
}

TEST_CASE(
    "a convolution by bfloat16 is that of rounded weights and frames, and keeps the contract of every Op") {
  struct Case {
    Index in, out, kernel, stride, dilation, groups;
    PadMode mode;
  };
  const Case cases[] = {{16, 40, 3, 1, 1, 1, PadMode::constant},  {64, 33, 7, 1, 3, 1, PadMode::reflect},
                        {32, 48, 11, 1, 5, 1, PadMode::constant}, {32, 16, 2, 1, 500, 1, PadMode::replicate},
                        {64, 64, 5, 3, 40, 2, PadMode::constant}, {18, 24, 1, 1, 1, 1, PadMode::constant},
                        {48, 20, 4, 9, 1, 1, PadMode::constant}};
  Rng rng(53);
  for (const Case& c : cases) {
    const Tensor weight = noise_tensor(rng, {c.out, c.in / c.groups, c.kernel},
                                       1 / std::sqrt(static_cast<float>(c.in / c.groups * c.kernel)));
    const Tensor bias = noise_tensor(rng, {c.out});
    const Conv1dOptions options{.stride = c.stride,
                                .padding = {3, 2},
                                .dilation = c.dilation,
                                .groups = c.groups,
                                .padding_mode = c.mode};
    const Op direct = op::conv1d(weight, bias.data, options);
    const Op exact = op::conv1d(rounded(weight), bias.data, options);
    const Index reach = (c.kernel - 1) * c.dilation;
    check_equals_rounded(direct, exact, rng, {reach, reach + 1, reach + 77, reach + 3000});
  }
}

TEST_CASE(
    "a transposed convolution by bfloat16 is that of rounded weights and frames, and keeps the contract") {
  struct Case {
    Index in, out, kernel, stride, padding, output_padding, dilation, groups;
  };
#ifdef NDEBUG
  constexpr Index widest = 300;
#else
  constexpr Index widest = 60;  // with all checks 300 takes minutes
#endif
  const Case cases[] = {{32, 16, 16, 8, 4, 0, 1, 1},
                        {16, 5, 4, 2, 1, 1, 1, 1},
                        {64, 32, 3, 5, 0, 2, 1, 2},
                        {18, 7, 7, 3, 2, 0, 2, 1},
                        {20, 8, 2 * widest, widest, 0, 0, 1, 1},
                        {64, 64, 11, 5, 3, 0, 3, 4}};
  Rng rng(54);
  for (const Case& c : cases) {
    const Tensor weight = noise_tensor(rng, {c.in, c.out / c.groups, c.kernel}, 0.1f);
    const Tensor bias = noise_tensor(rng, {c.out});
    const ConvTranspose1dOptions options{.stride = c.stride,
                                         .padding = c.padding,
                                         .output_padding = c.output_padding,
                                         .groups = c.groups,
                                         .dilation = c.dilation};
    const Op direct = op::conv_transpose1d(weight, bias.data, options);
    const Op exact = op::conv_transpose1d(rounded(weight), bias.data, options);
    check_equals_rounded(direct, exact, rng, {Index{1}, Index{2}, Index{77}, Index{1500}});
  }
}

TEST_CASE("bfloat16 leaves alone what it does not speed up") {
  Rng rng(55);
  const auto of = [&](std::vector<Index> shape, const Conv1dOptions& options = {}) {
    return is_rounded(bfloat16(op::conv1d(noise_tensor(rng, std::move(shape)), {}, options)));
  };
  CHECK(of({32, 16, 1}));
  CHECK_FALSE(of({1, 16, 1}));  // dot products
  CHECK_FALSE(of({32, 15, 3}));
  CHECK_FALSE(of({32, 8, 3}));
  CHECK_FALSE(of({32, 8, 3}, {.groups = 4}));
  CHECK_FALSE(of({32, 1, 3}, {.groups = 32}));
  CHECK_FALSE(is_rounded(bfloat16(op::conv_transpose1d(noise_tensor(rng, {8, 16, 3}), {}))));
  CHECK_FALSE(is_rounded(bfloat16(op::conv_transpose1d(noise_tensor(rng, {32, 1, 3}), {}, {.groups = 32}))));
  CHECK_FALSE(is_rounded(bfloat16(op::relu(3))));
}

TEST_CASE("a stack by bfloat16 keeps its shape and its contract; small layers stay as they are") {
  Rng rng(56);
  const auto conv = [&](Index in, Index out, Index kernel, Index dilation) {
    return op::conv1d(noise_tensor(rng, {out, in, kernel}, 1 / std::sqrt(static_cast<float>(in * kernel))),
                      noise_tensor(rng, {out}, 0.1f).data, {.padding = "same", .dilation = dilation});
  };
  const auto block = [&](Index channels) {
    return residual(Stack({op::leaky_relu(channels, 0.1f), conv(channels, channels, 11, 3),
                           op::leaky_relu(channels, 0.1f), conv(channels, channels, 3, 1)}));
  };
  const Op up = op::conv_transpose1d(noise_tensor(rng, {64, 32, 16}, 0.05f), {}, {.stride = 8, .padding = 4});
  const Op net = Stack({conv(16, 64, 1, 1), block(64), up, block(32), conv(32, 1, 1, 1), op::tanh(1)});
  const auto made = [](const Op& op, const std::string& way) {
    const auto& all = op.graph()->nodes;
    return std::count_if(all.begin(), all.end(), [&](const auto& node) {
      return node.kernel->name().find(way) != std::string::npos;
    });
  };
  const Signal x = noise(rng, 16, 300), y = net(x);
  on_every_way([&] {
    const Op fast = bfloat16(net), fastest = bfloat16(net, {.minimal_filtering = true});
    CHECK(fast.graph()->nodes.size() == net.graph()->nodes.size());
    CHECK(fast.total(1000) == net.total(1000));
    CHECK(fast.latency_frames() == net.latency_frames());
    CHECK(made(fast, "bfloat16") == 6);
    CHECK(fast.graph()->nodes[fast.graph()->nodes.size() - 2].kernel->name().find("bfloat16") ==
          std::string::npos);
    const double speed = kernels::bfloat16_speed();
    INFO("speed " << speed);
    // By minimal filtering the kernels of 11 taps take less than half the time.
    const Index minimal = speed > 3 ? 0 : speed > 1 ? 2 : made(minimal_filtering(net), "minimal filtering");
    CHECK(made(fastest, "minimal filtering") == minimal);
    CHECK(made(fastest, "bfloat16") == (speed > 1 ? 6 - minimal : 0));
    CHECK(decibels(y, fast(x)) >= 40);
    CHECK(decibels(y, fastest(x)) >= decibels(y, fast(x)));
    verify_contract(fast, rng, {.dense = false});
    verify_contract(fastest, rng, {.dense = false});
  });
}
