#include <wavestride/pad1d.h>

#include <catch2/catch.hpp>

#include "contract.h"

using namespace wavestride;
using namespace wavestride::testing;

namespace {

Signal row(std::initializer_list<float> values) {
  Signal x(1, static_cast<Index>(values.size()));
  std::copy(values.begin(), values.end(), x.data());
  return x;
}

}  // namespace

TEST_CASE("pad1d: what torch.nn.functional.pad gives, by definition") {
  const Signal x = row({1, 2, 3, 4});
  CHECK(pad1d(x, {.left = 2, .right = 1}) == row({0, 0, 1, 2, 3, 4, 0}));
  CHECK(pad1d(x, {.left = 1, .value = -7}) == row({-7, 1, 2, 3, 4}));
  CHECK(pad1d(x, {.left = 2, .right = 3, .mode = PadMode::replicate}) == row({1, 1, 1, 2, 3, 4, 4, 4, 4}));
  CHECK(pad1d(x, {.left = 3, .right = 1, .mode = PadMode::reflect}) == row({4, 3, 2, 1, 2, 3, 4, 3}));
  CHECK(pad1d(x, {}) == x);
  CHECK(pad1d(Signal(1, 0), {.left = 3}).cols() == 0);
}

TEST_CASE("pad1d: keeps the contract in every mode") {
  Rng rng(92);
  for (const PadMode mode : {PadMode::constant, PadMode::reflect, PadMode::replicate})
    for (const auto& [left, right] : {std::pair{0, 0}, {1, 0}, {0, 5}, {7, 3}})
      verify_contract(op::pad1d(3, {.left = left, .right = right, .mode = mode}), rng,
                      {.dense = false, .longest = 60});
}

TEST_CASE("pad1d: wrong sizes are refused with what was given") {
  CHECK_THROWS_WITH(op::pad1d(0, {}), "pad1d: channels must be positive, got 0");
  CHECK_THROWS_WITH(op::pad1d(1, {.right = -1}), "pad1d: left and right must be 0 to 2^40, got 0 and -1");
}
