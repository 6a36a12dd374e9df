#include <wavestride/conv1d.h>
#include <wavestride/conv_transpose1d.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "contract.h"
#include "dot_products.h"
#include "every_target.h"
#include "golden.h"
#include "kernels/depthwise.h"

using namespace wavestride;
using namespace wavestride::testing;

namespace {

// What the docstring says, added up tap by tap in double.
Signal scattered(FramesView x, const Tensor& w, std::span<const float> bias,
                 const ConvTranspose1dOptions& o) {
  const Index in = w.dim(0), out_per_group = w.dim(1), kernel = w.dim(2), out = out_per_group * o.groups;
  const Index frames = std::max<Index>(
      0, (x.frames() - 1) * o.stride - 2 * o.padding + o.dilation * (kernel - 1) + o.output_padding + 1);
  Eigen::MatrixXd y = Eigen::MatrixXd::Zero(out, frames);
  for (Index c = 0; c < static_cast<Index>(bias.size()); ++c) y.row(c).setConstant(bias[c]);
  for (Index i = 0; i < x.frames(); ++i)
    for (Index c = 0; c < in; ++c)
      for (Index k = 0; k < kernel; ++k) {
        const Index n = i * o.stride - o.padding + k * o.dilation, group = c / (in / o.groups);
        for (Index u = 0; u < out_per_group && n >= 0 && n < frames; ++u)
          y(group * out_per_group + u, n) +=
              static_cast<double>(w.data[(c * out_per_group + u) * kernel + k]) * x.frame(i)[c];
      }
  return y.cast<float>();
}

ConvTranspose1dOptions random_options(Rng& rng, Index groups) {
  ConvTranspose1dOptions o{.stride = uniform(rng, 1, 9), .groups = groups, .dilation = uniform(rng, 1, 4)};
  o.padding = uniform(rng, 0, 12);
  o.output_padding = uniform(rng, 0, std::max(o.stride, o.dilation) - 1);
  return o;
}

// The same bits where sums are made in the same order.
bool agree(const Signal& a, const Signal& b, bool same_order) {
  return same_order ? same_bits(a, b) : relative_error(a, b) <= golden_tolerance;
}

}  // namespace

TEST_CASE("conv_transpose1d equals torch.nn.functional.conv_transpose1d") {
  for (const GoldenCase& c : golden_cases("conv_transpose1d")) {
    INFO(c.name << " " << c.parameters);
    const auto value = [&](const char* key, Index fallback) { return c.parameters.value(key, fallback); };
    const Signal y = conv_transpose1d(c.signal("x"), c["w"], c.values("b"),
                                      {.stride = value("stride", 1),
                                       .padding = value("padding", 0),
                                       .output_padding = value("output_padding", 0),
                                       .groups = value("groups", 1),
                                       .dilation = value("dilation", 1)});
    CHECK(relative_error(y, c.signal("y")) <= golden_tolerance);
  }
}

TEST_CASE("conv_transpose1d equals the sum that its documentation gives") {
  Rng rng(21);
  for (int i = 0; i < 400; ++i) {
    const Index groups = uniform(rng, 1, 3), in = groups * uniform(rng, 1, 3), out = uniform(rng, 1, 3);
    const ConvTranspose1dOptions o = random_options(rng, groups);
    const Tensor w = noise_tensor(rng, {in, out, uniform(rng, 1, 9)}), b = noise_tensor(rng, {out * groups});
    const Signal x = noise(rng, in, uniform(rng, 1, 20));
    INFO("kernel " << w.dim(2) << " stride " << o.stride << " padding " << o.padding << " output_padding "
                   << o.output_padding << " dilation " << o.dilation << " frames " << x.cols());
    CHECK(relative_error(conv_transpose1d(x, w, b.data, o), scattered(x, w, b.data, o)) <= golden_tolerance);
  }
}

TEST_CASE("conv_transpose1d keeps the contract of every Op") {
  Rng rng(22);
  for (int i = 0; i < 60; ++i) {
    const Index groups = uniform(rng, 1, 3), kernel = uniform(rng, 1, 12);
    const Tensor w = noise_tensor(rng, {groups * uniform(rng, 1, 5), uniform(rng, 1, 12), kernel});
    const Tensor b = noise_tensor(rng, {w.dim(1) * groups});
    const ConvTranspose1dOptions o = random_options(rng, groups);
    // The window bounds what all phases read; where taps are fewer than phases or dilated, some read less.
    const bool every_frame = o.dilation == 1 && kernel >= o.stride;
    verify_contract(op::conv_transpose1d(w, b.data, o), rng, {.dense = every_frame});
  }
}

TEST_CASE("few output channels, made together for all phases, have the bits of many and keep the contract") {
  EveryTarget targets;
  for (const std::string& name : targets.names) {
    kernels::use_simd_target(name);
    Rng rng(23);
    for (const Index out : {1, 2, 3, 4, 5, 8, 11, 16, 17})
      for (const Index stride : {2, 3, 8}) {
        const Index in = uniform(rng, 1, 20);
        const Index kernel = uniform(rng, 0, 1) ? stride * uniform(rng, 1, 3) : uniform(rng, 1, 3 * stride);
        const Tensor w = noise_tensor(rng, {in, out, kernel}), b = noise_tensor(rng, {out});
        Tensor many({in, out + 32, kernel}), more({out + 32});
        for (Index c = 0; c < in; ++c)
          std::copy_n(w.data.begin() + c * out * kernel, out * kernel,
                      many.data.begin() + c * (out + 32) * kernel);
        std::copy(b.data.begin(), b.data.end(), more.data.begin());
        INFO(name << ": " << in << " -> " << out << ", kernel " << kernel << ", stride " << stride);
        const ConvTranspose1dOptions options{.stride = stride,
                                             .padding = uniform(rng, 0, kernel),
                                             .output_padding = uniform(rng, 0, stride - 1)};
        const Op op = op::conv_transpose1d(w, b.data, options);
        Signal x = noise(rng, in, uniform(rng, 20, 200));
        const auto of_many = [&] {
          return Signal(conv_transpose1d(x, many, more.data, options).topRows(out));
        };
        const bool same_order = !detail::dots_pay_phases({in, out, 1, kernel, true}, stride, 1);
        CHECK(agree(op(x), of_many(), same_order));
        for (const float hole : {std::nanf(""), std::numeric_limits<float>::infinity()})
          x(uniform(rng, 0, in - 1), uniform(rng, 0, x.cols() - 1)) = hole;
        CHECK(agree(op(x), of_many(), same_order));
        verify_contract(op, rng, {.dense = kernel >= stride});
      }
  }
}

TEST_CASE("few channels to a group of a transposed convolution have the bits of each group by itself") {
  EveryTarget targets;
  for (const std::string& name : targets.names) {
    kernels::use_simd_target(name);
    Rng rng(24);
    for (const Index in : {1, 2, 3, 4, 9})
      for (const Index out : {1, 2, 3, 5, 8, 11})
        for (const Index stride : {1, 2, 3}) {
          const Index groups = uniform(rng, 2, 40), kernel = uniform(rng, 1, 7);
          const ConvTranspose1dOptions options{.stride = stride,
                                               .padding = uniform(rng, 0, 2 * kernel),
                                               .output_padding = uniform(rng, 0, stride - 1),
                                               .groups = groups,
                                               .dilation = uniform(rng, 1, 2)};
          const Tensor w = noise_tensor(rng, {groups * in, out, kernel}),
                       b = noise_tensor(rng, {groups * out});
          INFO(name << ": " << groups << " groups of " << in << " -> " << out << ", kernel " << kernel
                    << ", stride " << stride << ", padding " << options.padding << ", dilation "
                    << options.dilation);
          const Op op = op::conv_transpose1d(w, b.data, options);
          Signal x = noise(rng, groups * in, uniform(rng, 100, 400));
          const auto of_group = [&](Index g) {  // with more outputs, which fill vectors
            Tensor many({in, out + 32, kernel}), more({out + 32});
            for (Index c = 0; c < in; ++c)
              std::copy_n(w.data.begin() + (g * in + c) * out * kernel, out * kernel,
                          many.data.begin() + c * (out + 32) * kernel);
            std::copy_n(b.data.begin() + g * out, out, more.data.begin());
            ConvTranspose1dOptions alone = options;
            alone.groups = 1;
            return Signal(
                conv_transpose1d(Signal(x.middleRows(g * in, in)), many, more.data, alone).topRows(out));
          };
          const auto of_all = [&] {
            Signal y(groups * out, op.total(x.cols()));
            for (Index g = 0; g < groups; ++g) y.middleRows(g * out, out) = of_group(g);
            return y;
          };
          const bool same_order =
              !detail::dots_pay_phases({in, out, groups, kernel, false}, stride, options.dilation);
          CHECK(agree(op(x), of_all(), same_order));
          for (const float hole : {std::nanf(""), std::numeric_limits<float>::infinity()})
            x(uniform(rng, 0, groups * in - 1), uniform(rng, 0, x.cols() - 1)) = hole;
          CHECK(agree(op(x), of_all(), same_order));
          CHECK(same_bits(op(x, StreamOptions{.block_frames = uniform(rng, 1, 30)}), op(x)));
          if (groups % 4 == 0) verify_contract(op, rng, {.dense = false, .longest = 200, .chunkings = 2});
        }
  }
}

TEST_CASE("phases of few outputs and many inputs are dot products, on every SIMD target") {
  EveryTarget targets;
  for (const std::string& name : targets.names) {
    kernels::use_simd_target(name);
    Rng rng(26);
    Index made = 0;
    for (int i = 0; i < 30; ++i) {
      const Index groups = uniform(rng, 1, 3), in = uniform(rng, 4, 70), out = uniform(rng, 1, 3),
                  kernel = uniform(rng, 1, 9);
      const ConvTranspose1dOptions o = random_options(rng, groups);
      const detail::DotShape shape{in, out, groups, kernel, groups == 1 && o.dilation == 1};
      if (!detail::dots_pay_phases(shape, o.stride, o.dilation)) continue;
      ++made;
      const Tensor w = noise_tensor(rng, {groups * in, out, kernel}), b = noise_tensor(rng, {groups * out});
      INFO(name << ": " << groups << " groups of " << in << " -> " << out << ", kernel " << kernel
                << ", stride " << o.stride << ", padding " << o.padding << ", dilation " << o.dilation);
      const Op op = op::conv_transpose1d(w, b.data, o);
      const Signal x = noise(rng, groups * in, uniform(rng, 1, 60));
      CHECK(relative_error(op(x), scattered(x, w, b.data, o)) <= golden_tolerance);
      verify_contract(op, rng, {.dense = false, .longest = 100, .chunkings = 2});
    }
    INFO(name << ": " << made << " times");
    CHECK((made > 15) == (kernels::depthwise_lanes() > 1));
  }
}

TEST_CASE("a transposed convolution of stride 1 is a convolution with the taps turned round") {
  Rng rng(25);
  for (int i = 0; i < 40; ++i) {
    const Index groups = uniform(rng, 1, 3), in = uniform(rng, 1, 4), out = uniform(rng, 1, 12);
    const Index kernel = uniform(rng, 1, 6), dilation = uniform(rng, 1, 3), reach = (kernel - 1) * dilation;
    const Tensor w = noise_tensor(rng, {groups * in, out, kernel}), b = noise_tensor(rng, {groups * out});
    const ConvTranspose1dOptions options{.padding = uniform(rng, 0, reach),
                                         .output_padding = uniform(rng, 0, dilation - 1),
                                         .groups = groups,
                                         .dilation = dilation};
    Tensor turned({groups * out, in, kernel});
    for (Index o = 0; o < groups * out; ++o)
      for (Index c = 0; c < in; ++c)
        for (Index k = 0; k < kernel; ++k)
          turned.data[static_cast<std::size_t>((o * in + c) * kernel + kernel - 1 - k)] =
              w.data[static_cast<std::size_t>(((o / out * in + c) * out + o % out) * kernel + k)];
    const Index margin = reach - options.padding;
    const Signal x = noise(rng, groups * in, uniform(rng, 0, 300));
    CHECK(same_bits(
        conv_transpose1d(x, w, b.data, options),
        conv1d(
            x, turned, b.data,
            {.padding = {margin, margin + options.output_padding}, .dilation = dilation, .groups = groups})));
  }
}

TEST_CASE("conv_transpose1d gives the bias where no tap reaches") {
  const Tensor w({1, 2, 1}, {1.0f, -1.0f});
  const std::vector<float> bias{0.5f, 0.25f};
  const Signal y = conv_transpose1d(Signal(Signal::Constant(1, 2, 3.0f)), w, bias, {.stride = 3});
  Signal expected(2, 4);
  expected << 3.5f, 0.5f, 0.5f, 3.5f, -2.75f, 0.25f, 0.25f, -2.75f;
  CHECK(y == expected);
}

TEST_CASE("conv_transpose1d of short signals and of padding longer than the signal") {
  const Tensor w({2, 3, 4});
  CHECK(conv_transpose1d(Signal(2, 0), w).cols() == 0);
  CHECK(conv_transpose1d(Signal(Signal::Ones(2, 1)), w).cols() == 4);
  CHECK(conv_transpose1d(Signal(Signal::Ones(2, 1)), w, {}, {.padding = 2}).cols() == 0);
  CHECK(conv_transpose1d(Signal(Signal::Ones(2, 3)), w, {}, {.padding = 100}).cols() == 0);
  CHECK(conv_transpose1d(Signal(Signal::Ones(2, 3)), w, {}, {.stride = 1 << 20}).cols() == (2 << 20) + 4);
}

TEST_CASE("conv_transpose1d refuses contradicting shapes, saying what was given") {
  const Tensor w({4, 3, 5});
  const std::vector<float> bias(4);
  CHECK_THROWS_WITH(op::conv_transpose1d(w, bias), "conv_transpose1d: bias must have 3 values, got 4");
  CHECK_THROWS_WITH(op::conv_transpose1d(w, {}, {.stride = 0}),
                    "conv_transpose1d: stride must be 1 to 1048576, got 0");
  CHECK_THROWS_WITH(op::conv_transpose1d(w, {}, {.stride = (1 << 20) + 1}),
                    "conv_transpose1d: stride must be 1 to 1048576, got 1048577");
  CHECK_THROWS_WITH(op::conv_transpose1d(w, {}, {.padding = -1}),
                    "conv_transpose1d: padding must be 0 or more, below 2^40, got -1");
  CHECK_THROWS_WITH(op::conv_transpose1d(w, {}, {.dilation = 0}),
                    "conv_transpose1d: dilation must be at least 1 and dilation·kernel below 2^40, got 0");
  CHECK_THROWS_WITH(op::conv_transpose1d(w, {}, {.dilation = std::numeric_limits<Index>::max()}),
                    "conv_transpose1d: dilation must be at least 1 and dilation·kernel below 2^40, got "
                    "9223372036854775807");
  CHECK_THROWS_WITH(
      op::conv_transpose1d(w, {}, {.stride = 2, .output_padding = 3, .dilation = 3}),
      "conv_transpose1d: output_padding must be 0 or more and smaller than stride or dilation, got "
      "3 with stride 2 and dilation 3");
  CHECK_THROWS_WITH(op::conv_transpose1d(w, {}, {.groups = 3}),
                    "conv_transpose1d: groups must divide the 4 input channels, got 3");
  CHECK_THROWS_WITH(op::conv_transpose1d(Tensor({4, 3})),
                    "conv_transpose1d: weight must have shape (in, out/groups, kernel), got [4, 3]");
  CHECK_THROWS_AS(conv_transpose1d(Signal(3, 9), w), std::invalid_argument);
}
