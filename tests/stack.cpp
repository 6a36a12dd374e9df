#include <wavestride/avg_pool1d.h>
#include <wavestride/conv1d.h>
#include <wavestride/conv_transpose1d.h>
#include <wavestride/max_pool1d.h>
#include <wavestride/pixel_shuffle1d.h>
#include <wavestride/stack.h>
#include <wavestride/stream.h>

#include <catch2/catch.hpp>
#include <cfenv>
#include <functional>

#include "contract.h"

using namespace wavestride;
using namespace wavestride::testing;

namespace {

using Value = StackBuilder::Value;

Op random_conv(Rng& rng, Index in, Index out, Index kernel, const Conv1dOptions& options) {
  const Tensor w = noise_tensor(rng, {out, in / options.groups, kernel},
                                1.0f / std::sqrt(static_cast<float>(in / options.groups * kernel)));
  return uniform(rng, 0, 3) > 0 ? op::conv1d(w, noise_tensor(rng, {out}, 0.3f).data, options)
                                : op::conv1d(w, {}, options);
}

PadMode any_mode(Rng& rng) {
  return static_cast<PadMode>(uniform(rng, 0, 2));
}

// ---- Random operators of `channels` input channels, one a line of the table below ----

Op any_conv(Rng& rng, Index channels) {
  const Index longest = uniform(rng, 0, 3) > 0 ? 9 : 70;  // beyond a block of the smallest streams
  return random_conv(rng, channels, uniform(rng, 1, 6), uniform(rng, 1, 5),
                     {.padding = {uniform(rng, 0, longest), uniform(rng, 0, longest)},
                      .dilation = uniform(rng, 1, 3),
                      .padding_mode = any_mode(rng)});
}

Op same_conv(Rng& rng, Index channels) {
  return random_conv(rng, channels, channels, uniform(rng, 1, 4),
                     {.padding = "same", .dilation = uniform(rng, 1, 3), .padding_mode = any_mode(rng)});
}

Op causal_conv(Rng& rng, Index channels) {
  const Index kernel = uniform(rng, 1, 4), dilation = uniform(rng, 1, 4);
  return random_conv(rng, channels, channels, kernel,
                     {.padding = {(kernel - 1) * dilation, 0}, .dilation = dilation, .groups = channels});
}

Op strided_conv(Rng& rng, Index channels) {
  return random_conv(rng, channels, uniform(rng, 1, 6), uniform(rng, 1, 8),
                     {.stride = uniform(rng, 2, 4),
                      .padding = {uniform(rng, 0, 4), uniform(rng, 0, 4)},
                      .padding_mode = any_mode(rng)});
}

Op transposed_conv(Rng& rng, Index channels) {
  const Index stride = uniform(rng, 1, 4), kernel = uniform(rng, 1, 7), out = uniform(rng, 1, 5);
  const Tensor w =
      noise_tensor(rng, {channels, out, kernel}, 1.0f / std::sqrt(static_cast<float>(channels * kernel)));
  return op::conv_transpose1d(w, noise_tensor(rng, {out}, 0.3f).data,
                              {.stride = stride,
                               .padding = uniform(rng, 0, 4),
                               .output_padding = uniform(rng, 0, stride - 1),
                               .dilation = uniform(rng, 1, 2)});
}

Op sub_pixel(Rng& rng, Index channels) {
  const Index factor = uniform(rng, 2, 4), out = uniform(rng, 1, 3);
  const auto order = static_cast<ShuffleOrder>(uniform(rng, 0, 1));
  return Stack{random_conv(rng, channels, factor * out, 3, {.padding = 1}),
               op::pixel_shuffle1d(factor * out, factor, order)};
}

Op unshuffle(Rng& rng, Index channels) {
  return op::pixel_unshuffle1d(channels, uniform(rng, 2, 3));
}

Op pool(Rng& rng, Index channels) {
  const Index kernel = uniform(rng, 1, 5), stride = uniform(rng, 1, 4), padding = uniform(rng, 0, kernel / 2);
  const bool ceil_mode = uniform(rng, 0, 1) > 0;
  if (uniform(rng, 0, 1) > 0)
    return op::avg_pool1d(
        channels, {.kernel_size = kernel, .stride = stride, .padding = padding, .ceil_mode = ceil_mode});
  return op::max_pool1d(
      channels, {.kernel_size = kernel, .stride = stride, .padding = padding, .ceil_mode = ceil_mode});
}

/// Down by a stride, up again by a transposed convolution, and joined: shorter than x at times.
Op down_and_up(Rng& rng, Index channels) {
  const Index stride = uniform(rng, 2, 4);
  const Op down = random_conv(rng, channels, 3, stride, {.stride = stride});
  const Op up = op::conv_transpose1d(noise_tensor(rng, {3, channels, stride}, 0.5f), {}, {.stride = stride});
  return branches({op::identity(channels), Stack{down, up}}, op::concatenate({channels, channels}));
}

Op any_join_with_itself(Rng& rng, Index channels) {
  const Op conv = same_conv(rng, channels);
  switch (uniform(rng, 0, 2)) {
    case 0:
      return residual(conv);
    case 1:
      return branches({conv, op::identity(channels), causal_conv(rng, channels)},
                      op::concatenate({channels, channels, channels}));
    default:
      return branches({conv, same_conv(rng, channels)}, op::mean(channels, 2));
  }
}

using MakeOp = Op (*)(Rng&, Index channels);
constexpr MakeOp operators[] = {any_conv,  same_conv, causal_conv, strided_conv, transposed_conv,
                                sub_pixel, unshuffle, pool,        down_and_up,  any_join_with_itself};

/// A random graph of one input or several and one output or several. Steps that the builder refuses (lengths
/// that always differ, rates that do) are taken back, so that every graph is one that a user could build.
Op random_stack(Rng& rng, bool single, int depth = 0) {
  StackBuilder b("random");
  std::vector<Value> values{b.input(uniform(rng, 1, 5))};
  const auto pick = [&] {  // late values more often than early ones
    const auto last = static_cast<Index>(values.size()) - 1;
    return values[static_cast<std::size_t>(std::max(uniform(rng, 0, last), uniform(rng, 0, last)))];
  };
  const auto acceptable = [&](const Op& op) {
    const Ratio r = op.rate();
    return r.num <= 24 * r.den && r.den <= 24 * r.num && r.num <= 500 && r.den <= 500 &&
           op.out_channels() <= 12 && op.receptive_field() <= 400;
  };
  const auto attempt = [&](const std::function<Value(StackBuilder&)>& step) {
    StackBuilder trial = b;
    try {
      const Value v = step(trial);
      std::vector<Value> all{v};
      all.insert(all.end(), values.begin(), values.end());
      if (!acceptable(trial.build(all))) return;
      b = std::move(trial);
      values.push_back(v);
    } catch (const std::invalid_argument&) {
    }
  };
  const auto steps = uniform(rng, 2, depth > 0 ? 4 : 16);
  for (Index i = 0; i < steps; ++i) {
    const Value x = pick(), y = pick();
    const Index cx = b.channels(x), cy = b.channels(y);
    switch (uniform(rng, 0, depth > 0 || single ? 7 : 8)) {
      case 0:
        attempt([&](StackBuilder& t) { return t.apply(op::concatenate({cx, cy}), {x, y}); });
        break;
      case 1:
        if (cx == cy) attempt([&](StackBuilder& t) { return t.apply(op::add(cx), {x, y}); });
        break;
      case 2:
        if (depth < 2)
          attempt([&](StackBuilder& t) {
            const Op nested = random_stack(rng, true, depth + 1);
            return t.apply(nested, {t.apply(random_conv(rng, cx, nested.in_channels(), 1, {}), {x})});
          });
        break;
      case 8:
        attempt([&](StackBuilder& t) { return t.apply(op::concatenate({cx, 2}), {x, t.input(2)}); });
        break;
      default:
        attempt([&](StackBuilder& t) {
          return t.apply(operators[uniform(rng, 0, std::ssize(operators) - 1)](rng, cx), {x});
        });
    }
  }
  std::vector<Value> outputs;
  if (!single)
    for (Index i = uniform(rng, 0, 2); i > 0; --i) outputs.push_back(pick());
  outputs.push_back(values.back());
  try {
    return b.build(outputs);
  } catch (const std::invalid_argument&) {  // an input is not used by these outputs, or something disagrees
    return random_stack(rng, single, depth);
  }
}

}  // namespace

TEST_CASE("stack: 600 random graphs of one input and output keep the contract of every Op") {
  for (unsigned seed = 0; seed < 600; ++seed) {
    INFO("seed " << seed);
    Rng rng(seed);
    verify_contract(random_stack(rng, true), rng, {.dense = false, .longest = 900, .chunkings = 2});
  }
}

TEST_CASE("stack: 400 random graphs of several inputs and outputs keep the contract of every Op") {
  for (unsigned seed = 1000; seed < 1400; ++seed) {
    INFO("seed " << seed);
    Rng rng(seed);
    verify_contract_multi(random_stack(rng, false), rng, {.longest = 900});
  }
}

namespace {

Op ones_conv(Index kernel, const Conv1dOptions& options, Index channels = 1) {
  Tensor w({channels, channels, kernel});
  std::fill(w.data.begin(), w.data.end(), 1.0f);
  return op::conv1d(w, {}, options);
}

/// conv_a(x) + conv_b(x)
Op sum_of(const Op& a, const Op& b) {
  return branches({a, b}, op::add(a.out_channels()));
}

}  // namespace

TEST_CASE("stack: is the composition of its operators, in sequence and in branches") {
  Rng rng(41);
  const Op a = random_conv(rng, 2, 3, 4, {.stride = 2, .padding = 1}),
           b = random_conv(rng, 3, 3, 3, {.padding = 1});
  const Signal x = noise(rng, 2, 101);
  const Stack stack{a, b};
  CHECK(stack.name() == "stack");
  CHECK(stack.parameters() == a.parameters() + b.parameters());
  CHECK(stack.macs_per_frame() == a.macs_per_frame() + b.macs_per_frame());
  CHECK(stack.rate() == Ratio(2, 1));
  CHECK(same_bits(stack(x), b(a(x))));
  const Signal h = a(x);
  CHECK(same_bits(residual(b)(h), Signal(b(h) + h)));
  CHECK(same_bits(sum_of(b, b)(h), Signal(b(h) + b(h))));
  CHECK(residual(b).name() == "residual(" + b.name() + ")");
  const Stack nested({stack, residual(b)}, "nested");
  CHECK(same_bits(nested(x), residual(b)(stack(x))));
  CHECK(nested.name() == "nested");
}

TEST_CASE("stack: a value may be output more than once, and an input may be an output") {
  StackBuilder b;
  const auto x = b.input(1);
  const auto y = b.apply(ones_conv(3, {.padding = 1}), {x});
  const Op op = b.build({x, y, y});
  const Signal in = Signal::Constant(1, 3, 1.0f);
  const auto out = op(std::vector<FramesView>{in});
  CHECK(out[0] == in);
  CHECK(out[1](0, 1) == 3.0f);
  CHECK(out[2] == out[1]);
  Rng rng(42);
  verify_contract_multi(op, rng);
}

TEST_CASE("stack: results that no output needs are left out") {
  StackBuilder b;
  const auto x = b.input(1);
  const auto kept = b.apply(ones_conv(3, {}), {x});
  b.apply(ones_conv(30, {}), {x});
  CHECK(b.build({kept}).receptive_field() == 3);
  CHECK(b.build({kept}).parameters() == 3);
}

TEST_CASE("stack: joined lengths that always differ are refused, those that differ at times are cut") {
  const Op plain = op::identity(1);
  CHECK_THROWS_WITH(
      sum_of(plain, ones_conv(3, {})),
      "branches: add(2 × 1): input 1 is 2 frames shorter than input 0 for every length; pad or crop "
      "the branches alike");
  CHECK_THROWS_WITH(
      sum_of(ones_conv(3, {}), plain),
      "branches: add(2 × 1): input 1 is 2 frames longer than input 0 for every length; pad or crop "
      "the branches alike");
  CHECK_NOTHROW(sum_of(ones_conv(3, {}), ones_conv(2, {.dilation = 2})));

  // Kernels 1 and 2 at stride 2: equally long for even lengths, else the second is a frame shorter.
  const Op cut = sum_of(ones_conv(1, {.stride = 2}), ones_conv(2, {.stride = 2}));
  CHECK(cut.total(10) == 5);
  CHECK(cut.total(11) == 5);
  CHECK(cut(Signal(Signal::Ones(1, 11))) == Signal::Constant(1, 5, 3.0f));
  // The same where lengths repeat only every 300 frames.
  const Op rare = sum_of(ones_conv(1, {.stride = 300}), ones_conv(200, {.stride = 300}));
  CHECK(rare.total(601) == 2);
  CHECK(rare.total(800) == 3);
  Rng rng(43);
  verify_contract(cut, rng);
  verify_contract(rare, rng);
}

TEST_CASE("stack: refuses what does not fit, saying what was given") {
  const Op two = ones_conv(1, {}, 2), one = ones_conv(1, {}), half = ones_conv(2, {.stride = 2});
  CHECK_THROWS_WITH(one.stream({.threads = -1}), one.name() + ": threads must be 0 (all) to 1024, got -1");
  CHECK_THROWS_WITH((Stack{one, two}), "stack: " + two.name() + " expects 2 channels at input 0, got 1");
  CHECK_THROWS_WITH((Stack{std::span<const Op>(), "empty"}), "empty: needs at least one operator");
  CHECK_THROWS_WITH(branches({}, op::add(1)), "branches: needs at least one operator");
  CHECK_THROWS_WITH(branches({one, one}, op::add(1, 3)), "branches: add(3 × 1) has 3 inputs, got 2");
  CHECK_THROWS_WITH(sum_of(one, half),
                    "branches: add(2 × 1) joins values of different rates: input 1 has 1/2 frames per input "
                    "frame, input 0 has 1/1");
  CHECK_THROWS_WITH(residual(ones_conv(3, {})), Catch::Contains("2 frames longer"));

  StackBuilder b("mine");
  CHECK_THROWS_WITH(b.input(0), "mine: an input must have at least one channel, got 0");
  const auto x = b.input(1);
  CHECK_THROWS_WITH(b.build(std::span<const Value>()), "mine: must have 1 to 64 outputs, has 0");
  CHECK_THROWS_WITH(b.apply(one, {Value()}), "mine: this value is not of this stack");
  StackBuilder other;
  const auto y = other.apply(one, {other.input(1)});
  CHECK_THROWS_WITH(b.apply(one, {y}), "mine: this value is not of this stack");
  CHECK_THROWS_WITH(b.build({y}), "mine: this value is not of this stack");
  const Op pair = [] {
    StackBuilder p("pair");
    const auto in = p.input(1);
    return p.build({in, in});
  }();
  CHECK_THROWS_WITH(b.apply(pair, {x}), "mine: pair has 2 outputs; use apply_all");
  CHECK(b.apply_all(pair, std::vector<Value>{x}).size() == 2);
  const auto unmet = b.input(1);
  CHECK_THROWS_WITH(b.build({x}), "mine: input 1 is not used");
  CHECK_THROWS_WITH(b.build({x, unmet}),
                    "mine: input 1 does not meet the other inputs anywhere, so their rates can't be related");
  CHECK_THROWS_WITH(Op(std::shared_ptr<const Kernel>()), "Op: needs a kernel");
  StackBuilder wide("wide");
  const std::vector<Value> outputs(65, wide.input(1));
  CHECK_THROWS_WITH(wide.build(outputs), "wide: must have 1 to 64 outputs, has 65");
}

TEST_CASE("stack: any number of threads gives the bits of one") {
  for (unsigned seed = 2000; seed < 2060; ++seed) {
    INFO("seed " << seed);
    Rng rng(seed);
    const Op op = random_stack(rng, true);
    const Signal x = noise(rng, op.in_channels(), 1500), whole = op(x);
    for (const Index threads : {1, 2, 3, 8}) {
      INFO(threads << " threads");
      const StreamOptions options{.block_frames = uniform(rng, 0, 20), .threads = threads};
      CHECK(same_bits(op(x, options), whole));
      Stream stream = op.stream(options);
      CHECK(same_bits(stream_in_chunks(stream, x, rng), whole));
    }
  }
}

TEST_CASE("stack: threads that share a stream round as the caller does") {
  Rng rng(44);
  std::vector<Op> blocks;
  for (int i = 0; i < 12; ++i) blocks.push_back(residual(same_conv(rng, 4)));
  const Stack stack(blocks);
  const Signal x = noise(rng, 4, 4000), nearest = stack(x);
  std::fesetround(FE_DOWNWARD);
  const Signal alone = stack(x), together = stack(x, {.block_frames = 16, .threads = 3});
  std::fesetround(FE_TONEAREST);
  CHECK(!same_bits(alone, nearest));
  CHECK(same_bits(together, alone));
}
