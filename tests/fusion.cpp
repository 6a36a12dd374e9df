#include "fusion.h"

#include <wavestride/activation.h>
#include <wavestride/compose.h>
#include <wavestride/conv1d.h>
#include <wavestride/conv_transpose1d.h>
#include <wavestride/join.h>
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

TEST_CASE("fusion: a value that is an output is not written over") {
  Rng rng(62);
  StackBuilder b;
  const auto x = b.apply(conv(rng, 4, 4, 3), {b.input(4)});
  const Op op = b.build({x, b.apply(op::relu(4), {x})});
  CHECK(nodes_left(op) == 2);
}

TEST_CASE("fusion: joined kernels give the bits of each by itself, in a stream, too") {
  Rng rng(63);
  for (int trial = 0; trial < 20; ++trial) {
    const Index channels = uniform(rng, 1, 40);
    const Op first = conv(rng, channels, channels, uniform(rng, 1, 7), uniform(rng, 1, 5)),
             second = conv(rng, channels, channels, uniform(rng, 1, 7));
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
