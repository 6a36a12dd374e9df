#include <wavestride/index_select.h>

#include <catch2/catch.hpp>

#include "contract.h"

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

TEST_CASE("index_select: keeps the contract") {
  Rng rng(94);
  verify_contract(op::index_select(3, {2, 0, 1, 1}), rng, {.longest = 300});
  verify_contract(op::channel_slice(4, 3, 1), rng, {.longest = 300});
}

TEST_CASE("index_select: channels that are not there are refused") {
  CHECK_THROWS_WITH(op::index_select(3, {}), "index_select: index must name at least one channel");
  CHECK_THROWS_WITH(op::index_select(3, {0, 3}), "index_select: index must be 0 to 2, got 3");
  CHECK_THROWS_WITH(op::channel_slice(3, 2, 2), "channel_slice: 2 channels from 2 on must lie within 3");
  CHECK_THROWS_WITH(op::channel_slice(3, 1, 0), "channel_slice: count must be positive, got 0");
}
