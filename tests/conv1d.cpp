#include <wavestride/activation.h>
#include <wavestride/conv1d.h>
#include <wavestride/stack.h>

#include <array>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "contract.h"
#include "dot_products.h"
#include "every_target.h"
#include "frame_pairs.h"
#include "golden.h"
#include "kernels/depthwise.h"
#include "kernels/dots.h"
#include "kernels/shared_taps.h"

using namespace wavestride;
using namespace wavestride::testing;

namespace {

Conv1dOptions options_of(const nlohmann::json& p) {
  Conv1dOptions o{.stride = p.value("stride", Index{1}),
                  .dilation = p.value("dilation", Index{1}),
                  .groups = p.value("groups", Index{1}),
                  .padding_mode = pad_mode(p.at("mode"))};
  const auto& padding = p.at("padding");
  if (padding.is_string())
    o.padding = padding == "same" ? ConvPadding("same") : ConvPadding("valid");
  else if (padding.is_array())
    o.padding = ConvPadding(padding[0].get<Index>(), padding[1].get<Index>());
  else
    o.padding = padding.get<Index>();
  return o;
}

// The same bits where sums are made in the same order.
bool agree(const Signal& a, const Signal& b, bool same_order) {
  return same_order ? same_bits(a, b) : relative_error(a, b) <= golden_tolerance;
}

}  // namespace

TEST_CASE("conv1d equals torch.nn.functional.conv1d") {
  for (const GoldenCase& c : golden_cases("conv1d")) {
    INFO(c.name << " " << c.parameters);
    const Signal y = conv1d(c.signal("x"), c["w"], c.values("b"), options_of(c.parameters));
    CHECK(relative_error(y, c.signal("y")) <= golden_tolerance);
  }
}

TEST_CASE("conv1d keeps the contract of every Op") {
  Rng rng(7);
  for (int i = 0; i < 60; ++i) {
    const Index groups = uniform(rng, 1, 3), kernel = uniform(rng, 1, 7), dilation = uniform(rng, 1, 4);
    const Index in = groups * uniform(rng, 1, 6), out = groups * uniform(rng, 1, 20);
    const Tensor w = noise_tensor(rng, {out, in / groups, kernel});
    const Tensor b = noise_tensor(rng, {out});
    const Conv1dOptions options{.stride = uniform(rng, 1, 9),
                                .padding = {uniform(rng, 0, 9), uniform(rng, 0, 9)},
                                .dilation = dilation,
                                .groups = groups,
                                .padding_mode = static_cast<PadMode>(uniform(rng, 0, 2))};
    verify_contract(op::conv1d(w, b.data, options), rng);
  }
}

TEST_CASE("few output channels, several frames to a vector, have the bits of many and keep the contract") {
  EveryTarget targets;
  for (const std::string& name : targets.names) {
    kernels::use_simd_target(name);
    Rng rng(8);
    for (Index out = 1; out <= 9; ++out)
      for (const Index dilation : {1, 2, 5}) {
        const Index in = uniform(rng, 1, 9), any = uniform(rng, 1, 8);
        const Index kernel = out == 8 ? 3 + dilation / 2 * 4 : any;  // 3, 7, 11: those of pairs
        const Tensor w = noise_tensor(rng, {out, in, kernel}), b = noise_tensor(rng, {out});
        Tensor many({out + 32, in, kernel}), more({out + 32});
        std::copy(w.data.begin(), w.data.end(), many.data.begin());
        std::copy(b.data.begin(), b.data.end(), more.data.begin());
        INFO(name << ": " << in << " -> " << out << ", kernel " << kernel << ", dilation " << dilation);
        const Conv1dOptions options{.padding = uniform(rng, 0, 9), .dilation = dilation};
        const Op op = op::conv1d(w, b.data, options);
        const Signal x = noise(rng, in, uniform(rng, 200, 1200));
        const auto of_many = [&](const Signal& s) {
          return Signal(conv1d(s, many, more.data, options).topRows(out));
        };
        // Those that share their taps, and dot products, add them in another order.
        const bool other_order = kernels::shared_taps_pay(in, out, kernel, dilation) ||
                                 detail::FramePairs::pay(in, out, kernel, dilation) ||
                                 detail::dots_pay({in, out, 1, kernel, dilation == 1}, true);
        if (other_order)
          CHECK(relative_error(op(x), of_many(x)) <= golden_tolerance);
        else
          CHECK(op(x) == of_many(x));
        Signal holes = x;
        for (const float hole : {std::nanf(""), std::numeric_limits<float>::infinity()})
          holes(uniform(rng, 0, in - 1), uniform(rng, 0, x.cols() - 1)) = hole;
        if (other_order)
          CHECK((op(holes).array().isFinite() == of_many(holes).array().isFinite()).all());
        else
          CHECK(same_bits(op(holes), of_many(holes)));
        verify_contract(op, rng);
      }
  }
}

TEST_CASE("two or four channels to one have the bits of many outputs, whatever the frames") {
  EveryTarget targets;
  for (const std::string& name : targets.names) {
    kernels::use_simd_target(name);
    Rng rng(18);
    for (const Index in : {2, 4})
      for (const bool biased : {false, true}) {
        Tensor w = noise_tensor(rng, {40, in, 1});
        const Tensor b = noise_tensor(rng, {40});
        const Tensor one({1, in, 1}, {w.data.begin(), w.data.begin() + in});
        const auto biases = [&](Index outputs) {
          return std::span(b.data).first(biased ? static_cast<std::size_t>(outputs) : 0);
        };
        const Op op = op::conv1d(one, biases(1)), many = op::conv1d(w, biases(40));
        for (const Index frames : {1, 2, 15, 16, 17, 40, 1000}) {
          INFO(name << ": " << in << " channels, " << frames << " frames");
          Signal x = noise(rng, in, frames);
          CHECK(same_bits(op(x), Signal(many(x).topRows(1))));
          x(uniform(rng, 0, in - 1), uniform(rng, 0, frames - 1)) = std::nanf("");
          CHECK(same_bits(op(x), Signal(many(x).topRows(1))));
        }
        verify_contract(op, rng, {.longest = 100, .chunkings = 2});
        const Signal x = noise(rng, in, 333);
        CHECK(same_bits(Stack({op, op::leaky_relu(1, 0.1f)})(x), leaky_relu(op(x), 0.1f)));
        if (!kernels::mixes(in)) continue;
        // Sums begin with +0, whatever the products and the bias.
        const std::vector<float> ones(static_cast<std::size_t>(in), 1.0f),
            zeros(static_cast<std::size_t>(3 * in), -0.0f);
        std::array<float, 3> sums{7, 7, 7};
        kernels::mix(ones.data(), in, -0.0f, zeros.data(), 3, sums.data());
        CHECK(
            std::none_of(sums.begin(), sums.end(), [](float sum) { return sum != 0 || std::signbit(sum); }));
      }
  }
}

TEST_CASE("few channels to a group, several groups to a vector, have the bits of each by itself") {
  EveryTarget targets;
  for (const std::string& name : targets.names) {
    kernels::use_simd_target(name);
    Rng rng(9);
    for (Index in = 1; in <= 4; ++in)
      for (const Index out : {1, 2, 3, 4, 5, 8}) {
        const Index groups = uniform(rng, 1, 40), stride = uniform(rng, 1, 2), dilation = uniform(rng, 1, 3);
        const Index kernel = in == 1 && out == 1 ? uniform(rng, 1, 70) : uniform(rng, 1, 5);
        const Tensor w = noise_tensor(rng, {groups * out, in, kernel}), b = noise_tensor(rng, {groups * out});
        const Conv1dOptions options{.stride = stride,
                                    .padding = {uniform(rng, 0, 9), uniform(rng, 0, 9)},
                                    .dilation = dilation,
                                    .groups = groups};
        INFO(name << ": " << groups << " groups of " << in << " -> " << out << ", kernel " << kernel
                  << ", stride " << stride << ", dilation " << dilation);
        const Op op = op::conv1d(w, b.data, options);
        // One group with more outputs, which fill vectors.
        const auto of_group = [&](const Signal& s, Index g) {
          Tensor many({out + 32, in, kernel}), more({out + 32});
          std::copy_n(w.data.begin() + g * out * in * kernel, out * in * kernel, many.data.begin());
          std::copy_n(b.data.begin() + g * out, out, more.data.begin());
          Conv1dOptions alone = options;
          alone.groups = 1;
          return Signal(conv1d(Signal(s.middleRows(g * in, in)), many, more.data, alone).topRows(out));
        };
        const auto of_all = [&](const Signal& s) {
          Signal y(groups * out, op.total(s.cols()));
          for (Index g = 0; g < groups; ++g) y.middleRows(g * out, out) = of_group(s, g);
          return y;
        };
        Signal x = noise(rng, groups * in, uniform(rng, 100, 400));
        const bool same_order = !detail::dots_pay({in, out, groups, kernel, groups == 1 && dilation == 1},
                                                  groups == 1 && stride == 1);
        CHECK(agree(op(x), of_all(x), same_order));
        for (const float hole : {std::nanf(""), std::numeric_limits<float>::infinity()})
          x(uniform(rng, 0, groups * in - 1), uniform(rng, 0, x.cols() - 1)) = hole;
        CHECK(agree(op(x), of_all(x), same_order));
        verify_contract(op, rng, {.longest = 300, .chunkings = 2});
      }
  }
}

TEST_CASE("groups of wide frames, read from copies of these, have the bits of each by itself") {
  EveryTarget targets;
  for (const std::string& name : targets.names) {
    kernels::use_simd_target(name);
    Rng rng(10);
    // On both sides of where copies pay: wide enough, of few weights, of windows that share few frames.
    for (const Index channels : {47, 48, 100, 256, 1024, 1200})
      for (const Index in : {1, 2, 7, 16}) {
        const Index groups = channels / in, out = uniform(rng, 1, 18), kernel = uniform(rng, 1, 5);
        const Index stride = uniform(rng, 1, 3), dilation = uniform(rng, 0, 3) > 0 ? uniform(rng, 1, 2) : 17;
        const Index window = (kernel - 1) * dilation;
        if (groups * out > 1200) continue;
        const Tensor w = noise_tensor(rng, {groups * out, in, kernel}), b = noise_tensor(rng, {groups * out});
        const Conv1dOptions options{.stride = stride,
                                    .padding = {uniform(rng, 0, window), uniform(rng, 0, window)},
                                    .dilation = dilation,
                                    .groups = groups};
        INFO(name << ": " << groups << " groups of " << in << " -> " << out << ", kernel " << kernel
                  << ", stride " << stride << ", dilation " << dilation);
        const Op op = op::conv1d(w, b.data, options);
        Signal x = noise(rng, groups * in, stride * uniform(rng, 100, 300) + 80);
        const Index g = uniform(rng, 0, groups - 1);
        const auto of_group = [&] {  // with more outputs, which fill vectors
          Tensor many({out + 32, in, kernel}), more({out + 32});
          std::copy_n(w.data.begin() + g * out * in * kernel, out * in * kernel, many.data.begin());
          std::copy_n(b.data.begin() + g * out, out, more.data.begin());
          Conv1dOptions alone = options;
          alone.groups = 1;
          return Signal(conv1d(Signal(x.middleRows(g * in, in)), many, more.data, alone).topRows(out));
        };
        const bool same_order = !detail::dots_pay({in, out, groups, kernel, false}, false);
        CHECK(agree(op(x).middleRows(g * out, out), of_group(), same_order));
        x(uniform(rng, 0, groups * in - 1), uniform(rng, 0, x.cols() - 1)) = std::nanf("");
        CHECK(agree(op(x).middleRows(g * out, out), of_group(), same_order));
        for (const Index block : {1, 13, 400}) {
          const Signal y = op(x, StreamOptions{.block_frames = block});
          CHECK(same_bits(y, op(x)));
        }
        if (channels == 48 || channels == 256)
          verify_contract(op, rng, {.longest = stride * 120 + 80, .chunkings = 2});
      }
  }
}

TEST_CASE("few outputs of many inputs are dot products, which keep the contract on every SIMD target") {
  EveryTarget targets;
  for (const std::string& name : targets.names) {
    kernels::use_simd_target(name);
    Rng rng(12);
    Index made = 0;
    for (int i = 0; i < 40; ++i) {
      const Index groups = i % 3 ? 1 : uniform(rng, 2, 3), in = uniform(rng, 3, 70), out = uniform(rng, 1, 3);
      const Index kernel = uniform(rng, 1, 5), dilation = uniform(rng, 1, 2), stride = uniform(rng, 1, 3);
      const bool gapless = groups == 1 && dilation == 1;
      if (!detail::dots_pay({in, out, groups, kernel, gapless}, groups == 1 && stride == 1)) continue;
      ++made;
      const Tensor w = noise_tensor(rng, {groups * out, in, kernel}), b = noise_tensor(rng, {groups * out});
      const Conv1dOptions options{.stride = stride,
                                  .padding = {uniform(rng, 0, 9), uniform(rng, 0, 9)},
                                  .dilation = dilation,
                                  .groups = groups};
      INFO(name << ": " << groups << " groups of " << in << " -> " << out << ", kernel " << kernel
                << ", stride " << stride << ", dilation " << dilation);
      verify_contract(op::conv1d(w, b.data, options), rng, {.longest = 200, .chunkings = 2});
    }
    INFO(name << ": " << made << " times");
    CHECK((made > 20) == (kernels::depthwise_lanes() > 1));
  }
}

TEST_CASE("conv1d: a bias of −0 makes no zero depend on what is made beside it") {
  EveryTarget targets;
  for (const std::string& name : targets.names) {
    kernels::use_simd_target(name);
    Rng rng(17);
    for (const Index out : {3, 8, 16}) {
      INFO(name << ": " << out);
      Tensor w({out, 1, 3});
      std::fill(w.data.begin(), w.data.end(), 1e-30f);
      const Op op = op::conv1d(w, std::vector<float>(static_cast<std::size_t>(out), -0.0f));
      Signal x = Signal::Zero(1, 60);
      for (float& v : x.reshaped())
        if (uniform(rng, 0, 1) == 1) v = -1e-30f;
      Stream stream = op.stream();
      CHECK(same_bits(stream_in_chunks(stream, x, rng), op(x)));
    }
  }
}

TEST_CASE("conv1d refuses contradicting shapes, saying what was given") {
  const Tensor w({4, 3, 5});
  const std::vector<float> bias(3);
  CHECK_THROWS_WITH(op::conv1d(w, bias), "conv1d: bias must have 4 values, got 3");
  CHECK_THROWS_WITH(op::conv1d(w, {}, {.stride = 0}), "conv1d: stride must be at least 1, got 0");
  CHECK_THROWS_WITH(op::conv1d(w, {}, {.padding = -1}), "conv1d: padding must not be negative, got (-1, -1)");
  CHECK_THROWS_WITH(op::conv1d(w, {}, {.dilation = 0}), "conv1d: dilation must be at least 1, got 0");
  CHECK_THROWS_WITH(op::conv1d(w, {}, {.groups = 3}),
                    "conv1d: groups must divide the 4 output channels, got 3");
  CHECK_THROWS_WITH(op::conv1d(w, {}, {.stride = 2, .padding = "same"}),
                    "conv1d: padding \"same\" needs stride 1, got 2");
  CHECK_THROWS_WITH(op::conv1d(w, {}, {.padding = "full"}),
                    "conv1d: padding must be frames, \"same\" or \"valid\", got \"full\"");
  CHECK_THROWS_WITH(op::conv1d(Tensor({4, 3})),
                    "conv1d: weight must have shape (out, in/groups, kernel), got [4, 3]");
  Tensor torn = w;
  torn.data.pop_back();
  CHECK_THROWS_WITH(op::conv1d(torn), "Tensor: shape [4, 3, 5] needs 60 values, got 59");
  CHECK_THROWS_AS(conv1d(Signal(2, 9), w), std::invalid_argument);
  CHECK(conv1d(Signal(Signal::Ones(3, 4)), w).cols() == 0);  // kernel longer than the signal
}
