#include <wavestride/embedding.h>
#include <wavestride/norm.h>
#include <wavestride/stack.h>

#include <catch2/catch.hpp>
#include <limits>

#include "contract.h"
#include "golden.h"

using namespace wavestride;
using namespace wavestride::testing;

TEST_CASE("embedding: PyTorch's rows, and of several channels their sum") {
  for (const GoldenCase& c : golden_cases("embedding")) {
    const Signal x = c.signal("x"), y = embedding(x, c["w"]);
    INFO(x.rows() << " channels of " << shape_string(c["w"].shape));
    if (x.rows() == 1)
      CHECK(same_bits(y, c.signal("y")));
    else
      CHECK(relative_error(y, c.signal("y")) <= golden_tolerance);
  }
}

TEST_CASE(
    "embedding: between two rows the lower counts, beyond them the first or the last, of NaN the first") {
  const Tensor w({8, 1}, {10, 11, 12, 13, 20, 21, 22, 23});
  constexpr float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  const std::pair<float, float> named[] = {
      {0, 0},     {0.99f, 0}, {1, 1},  {2.5f, 2},   {3, 3},    {3.99f, 3}, {4, 3},    {1e30f, 3}, {inf, 3},
      {-0.0f, 0}, {-0.5f, 0}, {-1, 0}, {-1e30f, 0}, {-inf, 0}, {nan, 0},   {-nan, 0}, {1e-40f, 0}};
  for (const auto& [a, row_a] : named)
    for (const auto& [b, row_b] : named) {
      INFO(a << " and " << b);
      Signal x(2, 1);
      x << a, b;
      CHECK(embedding(x, w)(0, 0) == 30 + row_a + row_b);
    }
  const Op op = op::embedding(w, 2);
  CHECK(op.parameters() == 8);
  CHECK(op.macs_per_frame() == 0);
  CHECK(op.lookahead_frames() == 0);
  CHECK(op.name() == "embedding(2 of 4 → 1)");
}

TEST_CASE("embedding: keeps the contract") {
  Rng rng(98);
  for (const auto& [channels, rows, out] :
       {std::tuple<Index, Index, Index>{1, 20, 3}, {4, 16, 1}, {16, 1024, 37}})
    verify_contract(op::embedding(noise_tensor(rng, {channels * rows, out}), channels), rng,
                    {.longest = 300});
  // Numbers from all of the table, and beyond.
  const std::vector<float> spread(3, 15.0f), middle(3, 25.0f);
  verify_contract(Stack({op::channel_scale(spread, middle), op::embedding(noise_tensor(rng, {150, 9}), 3)}),
                  rng, {.dense = false, .longest = 300});
}

TEST_CASE("embedding: tables that channels can't share are refused") {
  CHECK_THROWS_WITH(op::embedding(Tensor({6, 2}), 0), "embedding: channels must be positive, got 0");
  CHECK_THROWS_WITH(op::embedding(Tensor({6, 2}), 4),
                    "embedding: weight must have as many rows for each of 4 channels, got 6");
  for (const std::vector<Index>& shape : {std::vector<Index>{6}, {2, 3, 4}, {0, 3}, {3, 0}})
    CHECK_THROWS_WITH(
        op::embedding(Tensor(shape)),
        "embedding: weight must have shape [rows, out] of one row or more, got " + shape_string(shape));
  CHECK_THROWS_WITH(op::embedding(Tensor({(1 << 24) + 1, 1})),
                    "embedding: a channel may have at most 16777216 rows, got 16777217");
}
