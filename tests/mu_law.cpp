#include <wavestride/mu_law.h>

#include <catch2/catch.hpp>

#include "contract.h"
#include "golden.h"

using namespace wavestride;
using namespace wavestride::testing;

TEST_CASE("mu_law: classes and their values are torchaudio's") {
  for (const GoldenCase& c : golden_cases("mu_law")) {
    const Index mu = c.parameters.at("channels").get<Index>() - 1;
    const auto top = static_cast<float>(mu);
    INFO("mu " << mu);
    const Signal classes = ((mu_law_compress(c.signal("x"), mu).array() + 1) / 2 * top + 0.5f).floor();
    CHECK(classes == c.signal("classes"));
    const Signal y = mu_law_expand(Signal(2 * c.signal("all").array() / top - 1), mu);
    CHECK(relative_error(y, c.signal("decoded")) <= golden_tolerance);
  }
}

TEST_CASE("mu_law: keeps the contract, and expands what it compressed") {
  Rng rng(82);
  verify_contract(op::mu_law_compress(2, 255), rng);
  verify_contract(op::mu_law_expand(3, 7), rng);
  const Signal x = noise(rng, 2, 100).array().min(1).max(-1);
  CHECK(relative_error(mu_law_expand(mu_law_compress(x)), x) <= 1e-6);
  CHECK_THROWS_WITH(op::mu_law_expand(0), "mu_law_expand: channels must be positive, got 0");
  CHECK_THROWS_WITH(op::mu_law_compress(1, 0), "mu_law_compress: mu must be positive, got 0");
}
