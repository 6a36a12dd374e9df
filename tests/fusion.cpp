#include "fusion.h"

#include <wavestride/activation.h>
#include <wavestride/bfloat16.h>
#include <wavestride/compose.h>
#include <wavestride/conv1d.h>
#include <wavestride/conv_transpose1d.h>
#include <wavestride/join.h>
#include <wavestride/minimal_filtering.h>
#include <wavestride/stack.h>

#include <catch2/catch.hpp>

#include "contract.h"

using namespace wavestride;
using namespace wavestride::testing;

namespace {

std::size_t nodes_left(const Op& op) {
  return detail::fused(op.graph())->nodes.size();
}

Op conv(Rng& rng, Index in, Index out, Index kernel, Index dilation = 1) {
  return op::conv1d(noise_tensor(rng, {out, in, kernel}, 0.2f), noise_tensor(rng, {out}).data,
                    {.padding = "same", .dilation = dilation});
}

}  // namespace

TEST_CASE("fusion: what works in place is joined to the kernel whose output it alone reads") {
  Rng rng(61);
  const Op up = op::conv_transpose1d(noise_tensor(rng, {4, 6, 8}, 0.2f), {}, {.stride = 4, .padding = 2});
  CHECK(nodes_left(op::relu(4)) == 1);
  CHECK(nodes_left(conv(rng, 4, 6, 3)) == 1);
  CHECK(nodes_left(Stack({conv(rng, 4, 6, 3), op::relu(6)})) == 1);
  CHECK(nodes_left(Stack({up, op::tanh(6), op::scale(6, 0.5f), conv(rng, 6, 2, 5)})) == 2);
  CHECK(nodes_left(Stack({op::relu(4), conv(rng, 4, 6, 3)})) == 2);
  // The activation of a residual block reads what the sum reads, too; the sum reads the second convolution
  // alone.
  const Op block = residual(
      Stack({op::leaky_relu(6, 0.1f), conv(rng, 6, 6, 3, 3), op::leaky_relu(6, 0.1f), conv(rng, 6, 6, 3)}));
  CHECK(nodes_left(block) == 3);
  CHECK(nodes_left(op::gated(6)) == 1);
  CHECK(nodes_left(Stack({conv(rng, 4, 6, 3), op::gated(6)})) == 2);
}

TEST_CASE("fusion: what transforms or rounds its inputs makes a slope of them on the way") {
  Rng rng(64);
  const auto slope = [](float negative) { return op::leaky_relu(32, negative); };
  const auto block = [&](const Op& activation) {
    return residual(Stack({activation, conv(rng, 32, 32, 7, 3), slope(0.1f), conv(rng, 32, 32, 7)}));
  };
  for (const auto& way : {minimal_filtering, +[](const Op& op) { return bfloat16(op); }}) {
    CHECK(nodes_left(way(block(slope(0.1f)))) == 2);
    CHECK(nodes_left(way(Stack({slope(0.1f), conv(rng, 32, 32, 7)}))) == 1);
    // Those that the frames beyond the ends would not pass unchanged, and other functions.
    CHECK(nodes_left(way(block(slope(-0.1f)))) == 3);
    CHECK(nodes_left(way(block(op::relu(32)))) == 3);
    // Before them it costs nothing where the slope's input is made.
    const Op made = way(Stack({conv(rng, 32, 32, 7), slope(0.1f), conv(rng, 32, 32, 7)}));
    CHECK(nodes_left(made) == 2);
    StackBuilder b;
    const auto y = b.apply(slope(0.1f), {b.input(32)});
    CHECK(nodes_left(way(b.build({y, b.apply(conv(rng, 32, 32, 7), {y})}))) == 2);
  }
}

TEST_CASE("fusion: what needs memory of its own is left alone") {
  struct Halved final : Kernel {
    Halved() : Kernel("halved", {{6, conv_geometry(1, 1, 1, 0, 0), {}}}, 6) {}
    bool in_place() const override { return true; }
    Index scratch_bytes() const override { return 6 * static_cast<Index>(sizeof(float)); }
    void compute(const Work& work) const noexcept override {
      auto* const frame = static_cast<float*>(work.scratch);
      for (Index n = 0; n < work.count; ++n) {
        std::copy_n(work.in[0] + 6 * n, 6, frame);
        for (Index c = 0; c < 6; ++c) work.out[6 * n + c] = frame[c] / 2;
      }
    }
  };
  Rng rng(65);
  const Op before = conv(rng, 4, 6, 3), net = Stack({before, Op(std::make_shared<Halved>())});
  CHECK(nodes_left(net) == 2);
  const Signal x = noise(rng, 4, 50);
  CHECK(net(x) == Signal(before(x) / 2));
}

TEST_CASE("fusion: a value that is an output is not written over") {
  Rng rng(62);
  StackBuilder b;
  const auto x = b.apply(conv(rng, 4, 4, 3), {b.input(4)});
  const Op op = b.build({x, b.apply(op::relu(4), {x})});
  CHECK(nodes_left(op) == 2);
}

TEST_CASE("fusion: joined kernels give the bits of each by itself, in a stream, too") {
  Rng rng(63);
  for (int trial = 0; trial < 30; ++trial) {
    const bool plain = trial < 20;
    const Index channels = plain ? uniform(rng, 1, 40) : 32, shortest = plain ? 1 : 4;
    const auto way = [&](const Op& op) {
      return plain ? op : trial % 2 ? minimal_filtering(op) : bfloat16(op);
    };
    const Op first = way(conv(rng, channels, channels, uniform(rng, shortest, 7), uniform(rng, 1, 5))),
             second = way(conv(rng, channels, channels, uniform(rng, shortest, 7)));
    const Op activation = op::leaky_relu(channels, 0.1f);
    const Op net = Stack({residual(Stack({activation, first, activation, second})), op::tanh(channels),
                          residual(first), op::clip(channels, -0.5f, 0.5f)});
    const Signal x = noise(rng, channels, uniform(rng, 0, 300));
    const Signal inner = second(activation(first(activation(x))));
    const auto sum = [](const Signal& a, const Signal& b) { return add(std::vector<FramesView>{a, b}); };
    const Signal bounded = tanh(sum(x, inner));
    const Signal y = clip(sum(bounded, first(bounded)), -0.5f, 0.5f);
    CHECK(net(x) == y);
    verify_contract(net, rng, {.dense = false, .longest = 200});
  }
}
