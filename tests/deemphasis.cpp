#include <wavestride/deemphasis.h>

#include <catch2/catch.hpp>

#include "contract.h"
#include "golden.h"

using namespace wavestride;
using namespace wavestride::testing;

TEST_CASE("deemphasis: undoes a pre-emphasis, and keeps the contract of every Op") {
  Rng rng(95);
  for (const float coefficient : {0.97f, 0.85f, 0.0f, -0.5f}) {
    const Signal y = noise(rng, 3, 500);
    Signal x = y;
    x.rightCols(499) -= coefficient * y.leftCols(499);
    CHECK(relative_error(deemphasis(x, coefficient), y) <= 1e-5);
    verify_contract_multi(op::deemphasis(2, coefficient), rng);
  }
  CHECK_THROWS_WITH(op::deemphasis(0), "deemphasis: channels must be positive, got 0");
  CHECK_THROWS_WITH(op::deemphasis(1, 1.0f), "deemphasis: coefficient must be between -1 and 1, got 1");
}
