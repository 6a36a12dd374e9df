#include <wavestride/index_select.h>

#include <catch2/catch.hpp>
#include <numeric>

#include "contract.h"
#include "every_target.h"

using namespace wavestride;
using namespace wavestride::testing;

TEST_CASE("index_select: rows of the input, in the order asked for") {
  Rng rng(93);
  const Signal x = noise(rng, 5, 17), y = index_select(x, {4, 0, 0, 2});
  REQUIRE(y.rows() == 4);
  for (const auto& [to, from] : {std::pair{0, 4}, {1, 0}, {2, 0}, {3, 2}}) CHECK(y.row(to) == x.row(from));
  CHECK(op::channel_slice(5, 1, 3)(x) == x.middleRows(1, 3));
  CHECK(op::index_select(5, {1}).macs_per_frame() == 0);
}

TEST_CASE("index_select: any channels in any order, in frames of any number, on every SIMD target") {
  EveryTarget targets;
  const auto right = [](const Op& op, const std::vector<Index>& index, const Signal& x) {
    // The frames lie between others, which must stay.
    Signal y = Signal::Constant(op.out_channels(), x.cols() + 2, 7.0f), expected = y;
    for (Index c = 0; c < op.out_channels(); ++c)
      expected.row(c).segment(1, x.cols()) = x.row(index[static_cast<std::size_t>(c)]);
    Stream stream = op.stream();
    stream.push(x, y.middleCols(1, x.cols()));
    return same_bits(y, expected);
  };
  for (const std::string& name : targets.names) {
    kernels::use_simd_target(name);
    Rng rng(95);
    for (int trial = 0; trial < 1500; ++trial) {
      const Index channels = uniform(rng, 1, trial % 3 ? 20 : 150), frames = uniform(rng, 0, 40);
      std::vector<Index> index(static_cast<std::size_t>(uniform(rng, 1, trial % 2 ? channels : 40)));
      Index at = uniform(rng, 0, channels - 1);
      const Index kind = trial % 5;  // upwards, downwards, each twice, near each other, anywhere
      for (std::size_t i = 0; i < index.size(); ++i) {
        index[i] = at;
        const Index to = kind == 0   ? at + 1
                         : kind == 1 ? at + channels - 1
                         : kind == 2 ? at + static_cast<Index>(i % 2)
                         : kind == 3 ? at + channels + uniform(rng, -3, 3)
                                     : uniform(rng, 0, channels - 1);
        at = (to + channels) % channels;
      }
      INFO(name << ": " << op::index_select(channels, index).name() << ", kind " << kind << ", " << frames);
      CHECK(right(op::index_select(channels, index), index, noise(rng, channels, frames)));
    }
  }
  Rng rng(96);
  const std::vector<Index> reversed{7, 6, 5, 4, 3, 2, 1, 0};
  const Op op = op::index_select(8, reversed);
  for (const std::string& name : targets.names) {  // whatever vectors it was made for
    kernels::use_simd_target(name);
    CHECK(right(op, reversed, noise(rng, 8, 20)));
  }
}

TEST_CASE("index_select: any order of more channels than a vector holds, whatever is left of fours") {
  Rng rng(97);
  for (const Index channels : {37, 130, 515})
    for (const Index size : {1, 3, 4, 5, 6, 7, 36, 37})
      for (Index frames = 0; frames < 10; ++frames) {
        std::vector<Index> index(static_cast<std::size_t>(size));
        for (Index& i : index) i = uniform(rng, 0, channels - 1);
        const Signal x = noise(rng, channels, frames), y = index_select(x, index);
        INFO(channels << " channels, " << size << " of them, " << frames << " frames");
        for (Index c = 0; c < size; ++c) REQUIRE(y.row(c) == x.row(index[static_cast<std::size_t>(c)]));
      }
}

TEST_CASE("index_select: keeps the contract") {
  Rng rng(94);
  verify_contract(op::index_select(3, {2, 0, 1, 1}), rng, {.longest = 300});
  verify_contract(op::channel_slice(4, 3, 1), rng, {.longest = 300});
  verify_contract(op::index_select(2, {1, 0}), rng, {.longest = 300});
  std::vector<Index> reversed(64);
  std::iota(reversed.rbegin(), reversed.rend(), Index{0});
  verify_contract(op::index_select(64, reversed), rng, {.longest = 300});
  std::vector<Index> scattered(70);
  for (Index& i : scattered) i = uniform(rng, 0, 129);
  verify_contract(op::index_select(130, scattered), rng, {.longest = 300});
}

TEST_CASE("index_select: channels that are not there are refused") {
  CHECK_THROWS_WITH(op::index_select(3, {}), "index_select: index must name at least one channel");
  CHECK_THROWS_WITH(op::index_select(3, {0, 3}), "index_select: index must be 0 to 2, got 3");
  CHECK_THROWS_WITH(op::channel_slice(3, 2, 2), "channel_slice: 2 channels from 2 on must lie within 3");
  CHECK_THROWS_WITH(op::channel_slice(3, 1, 0), "channel_slice: count must be positive, got 0");
}
