#include "kernel_group.h"

#include <wavestride/activation.h>
#include <wavestride/conv1d.h>
#include <wavestride/conv_transpose1d.h>
#include <wavestride/deemphasis.h>
#include <wavestride/stack.h>

#include <catch2/catch.hpp>

#include "contract.h"
#include "fusion.h"

using namespace wavestride;
using namespace wavestride::testing;

namespace {

Op conv(Rng& rng, Index channels, Index kernel, const Conv1dOptions& options) {
  return op::conv1d(noise_tensor(rng, {channels, channels, kernel},
                                 1.0f / std::sqrt(static_cast<float>(channels * kernel))),
                    noise_tensor(rng, {channels}, 0.3f).data, options);
}

/// A residual convolution as in HiFi-GAN, "same" or causal, of any reach.
Op residual_conv(Rng& rng, Index channels) {
  const Index kernel = 2 * uniform(rng, 0, 5) + 1, dilation = uniform(rng, 1, 5),
              reach = (kernel - 1) * dilation;
  const bool causal = uniform(rng, 0, 3) == 0;
  return residual(
      Stack{op::leaky_relu(channels, 0.1f),
            conv(rng, channels, kernel,
                 {.padding = {causal ? reach : reach / 2, causal ? 0 : reach / 2}, .dilation = dilation}),
            op::leaky_relu(channels, 0.1f), conv(rng, channels, 3, {.padding = 1})});
}

/// Stages of branches behind an upsampling convolution. A convolution at the end that pads less than its
/// reach, or more, makes lengths differ from those of the input.
Op random_vocoder(Rng& rng, Index channels) {
  std::vector<Op> stages;
  for (Index s = uniform(rng, 1, 2); s > 0; --s) {
    const Index stride = uniform(rng, 1, 3);
    stages.push_back(op::conv_transpose1d(noise_tensor(rng, {channels, channels, 2 * stride}, 0.4f), {},
                                          {.stride = stride, .padding = stride / 2}));
    std::vector<Op> chains;
    for (Index b = uniform(rng, 1, 3); b > 0; --b) {
      std::vector<Op> chain;
      for (Index i = uniform(rng, 1, 4); i > 0; --i) chain.push_back(residual_conv(rng, channels));
      chains.push_back(Stack(chain));
    }
    const auto count = static_cast<Index>(chains.size());
    stages.push_back(count > 1 ? branches(chains, op::mean(channels, count)) : chains[0]);
    if (uniform(rng, 0, 2) == 0)  // crops
      stages.push_back(
          op::conv_transpose1d(noise_tensor(rng, {channels, channels, 2}, 0.4f), {}, {.padding = 4}));
    stages.push_back(conv(rng, channels, 7, {.padding = {uniform(rng, 0, 9), uniform(rng, 0, 9)}}));
  }
  return Stack(stages);
}

std::shared_ptr<const detail::Graph> grouped(const Op& op, Index block, Index threads) {
  const auto graph = detail::fused(op.graph());
  const std::vector<Index> blocks(graph->values().size(), block);
  return detail::grouped(graph, blocks, {}, threads);
}

std::size_t groups(const detail::Graph& graph) {
  return static_cast<std::size_t>(std::count_if(graph.nodes.begin(), graph.nodes.end(), [](const auto& node) {
    return detail::is_group(*node.kernel);
  }));
}

}  // namespace

TEST_CASE("kernel groups: chains of short blocks are joined, as far as threads share the work") {
  Rng rng(1);
  std::vector<Op> blocks;
  for (int i = 0; i < 12; ++i) blocks.push_back(residual_conv(rng, 8));
  const Stack chain(blocks);
  const auto graph = detail::fused(chain.graph());
  const auto two = grouped(chain, 16, 2), six = grouped(chain, 16, 6);
  CHECK(two->nodes.size() < graph->nodes.size() / 4);
  CHECK(two->nodes.size() >= 4);  // so that neither thread has more than half of its share at once
  CHECK(six->nodes.size() > two->nodes.size());
  CHECK(groups(*two) == two->nodes.size());
  CHECK(two->values().back().channels == 8);
  // Blocks that take long lose nothing on the way; activations go with them anyway.
  const auto apart = grouped(chain, 1 << 16, 2);
  CHECK(apart->nodes.size() > graph->nodes.size() / 3);
}

TEST_CASE("kernel groups: what an output, two chains or other rates read stays apart") {
  Rng rng(2);
  const Op a = conv(rng, 4, 3, {.padding = 1}), b = conv(rng, 4, 3, {.padding = 1}),
           strided = conv(rng, 4, 4, {.stride = 2}),
           reflected = conv(rng, 4, 3, {.padding = 1, .padding_mode = PadMode::reflect});
  const auto all = [](const Op& op) { return detail::fused(op.graph())->nodes.size(); };
  CHECK(groups(*grouped(Stack{a, b, a, b, a, b, a, b}, 16, 2)) == 4);
  CHECK(grouped(Stack{strided, strided}, 16, 2)->nodes.size() == all(Stack{strided, strided}));
  CHECK(grouped(Stack{reflected, reflected}, 16, 2)->nodes.size() == 2);
  StackBuilder both("both");
  const auto x = both.input(4), middle = both.apply(a, {x});
  CHECK(groups(*grouped(both.build({middle, both.apply(b, {middle})}), 16, 2)) == 0);
}

TEST_CASE("kernel groups: threads give the bits and the counts of one, in any chunks and to the end") {
  std::size_t formed = 0;
  for (unsigned seed = 0; seed < 60; ++seed) {
    INFO("seed " << seed);
    Rng rng(seed);
    const Op op = random_vocoder(rng, uniform(rng, 1, 4));
    for (const Index T : {Index{0}, Index{1}, uniform(rng, 2, 30), uniform(rng, 30, 600)}) {
      INFO("T = " << T);
      const Signal x = noise(rng, op.in_channels(), T), whole = op(x);
      for (const Index threads : {2, 3}) {
        const StreamOptions options{.block_frames = uniform(rng, 0, 20), .threads = threads};
        INFO(threads << " threads, blocks of " << options.block_frames);
        formed += groups(*grouped(op, 16, threads));
        CHECK(same_bits(op(x, options), whole));
        Stream stream = op.stream(options), alone = op.stream();
        CHECK(same_bits(stream_in_chunks(stream, x, rng), whole));
        stream.reset();
        for (Index n = 0; n < T; n += 7) {
          const FramesView chunk = FramesView(x).slice(n, std::min<Index>(7, T - n));
          REQUIRE(stream.frames_after(chunk.frames()) == alone.frames_after(chunk.frames()));
          REQUIRE(same_bits(stream.push(chunk), alone.push(chunk)));
        }
        REQUIRE(stream.frames_at_finish() == alone.frames_at_finish());
        CHECK(same_bits(stream.finish(), alone.finish()));
      }
    }
  }
  CHECK(formed > 200);
}

TEST_CASE("kernel groups: threads lend them the memory of the long blocks of large kernels") {
  for (unsigned seed = 0; seed < 8; ++seed) {
    INFO("seed " << seed);
    Rng rng(seed);
    const Op op = random_vocoder(rng, 48);
    const Signal x = noise(rng, op.in_channels(), uniform(rng, 1, 700)), whole = op(x);
    for (const Index threads : {2, 3}) {
      CHECK(same_bits(op(x, {.threads = threads}), whole));
      Stream stream = op.stream({.threads = threads});
      for (int times = 0; times < 2; ++times) {
        CHECK(same_bits(stream_in_chunks(stream, x, rng), whole));
        stream.reset();
      }
    }
  }
  // Large, and small enough to be joined whatever the caches allow a block to be.
  const auto state = [](Index blocks, Index threads) {
    Rng rng(1);
    const Op block = residual(Stack{op::leaky_relu(48, 0.1f), conv(rng, 48, 7, {.padding = 3})});
    std::vector<Op> ops(static_cast<std::size_t>(blocks), block);
    ops.push_back(op::deemphasis(48));  // of which no thread can begin with a piece
    return Stack(std::move(ops)).stream({.threads = threads}).state_bytes();
  };
  // More groups take their queues, but no more places.
  const Index block = (state(24, 2) - state(12, 2)) / 12;
  CHECK(block < state(1, 1) / 3);
}
