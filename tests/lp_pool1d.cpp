#include <wavestride/lp_pool1d.h>

#include <array>
#include <catch2/catch.hpp>

#include "contract.h"
#include "golden.h"

using namespace wavestride;
using namespace wavestride::testing;

TEST_CASE("lp_pool1d equals torch.nn.functional.lp_pool1d") {
  for (const GoldenCase& c : golden_cases("lp_pool1d")) {
    INFO(c.name << " " << c.parameters);
    const auto& p = c.parameters;
    const Signal y =
        lp_pool1d(c.signal("x"), {p.at("norm_type"), p.at("kernel_size"), p.at("stride"), p.at("ceil_mode")});
    CHECK(relative_error(y, c.signal("y")) <= golden_tolerance);
  }
}

TEST_CASE("lp_pool1d keeps the contract of every Op") {
  Rng rng(64);
  for (int i = 0; i < 12; ++i)
    verify_contract(op::lp_pool1d(uniform(rng, 1, 40),
                                  {.norm_type = std::array{1.0, 2.0, 4.0}[static_cast<std::size_t>(i % 3)],
                                   .kernel_size = uniform(rng, 1, 9),
                                   .stride = uniform(rng, 0, 6),
                                   .ceil_mode = i % 2 == 1}),
                    rng);
}

TEST_CASE("lp_pool1d refuses wrong configuration, saying what was given") {
  CHECK_THROWS_WITH(op::lp_pool1d(0, {.kernel_size = 2}), "lp_pool1d: channels must be positive, got 0");
  CHECK_THROWS_WITH(op::lp_pool1d(1, {}), "lp_pool1d: kernel_size must be at least 1, got 0");
  CHECK_THROWS_WITH(op::lp_pool1d(1, {.norm_type = 0, .kernel_size = 2}),
                    "lp_pool1d: norm_type must be finite and not 0, got 0");
  CHECK_THROWS_WITH(op::lp_pool1d(1, {.kernel_size = 2, .stride = -1}),
                    "lp_pool1d: stride must be at least 1, or 0 for kernel_size, got -1");
  CHECK_THROWS_WITH(
      op::lp_pool1d(1, {.kernel_size = Index{1} << 31}),
      "lp_pool1d: stride and kernel_size times dilation must stay below 2^31, got 2147483648 and "
      "2147483648 times 1");
  CHECK(op::lp_pool1d(3, {.kernel_size = 4, .ceil_mode = true}).name() ==
        "lp_pool1d(3 channels, norm_type 2, kernel_size 4, stride 4, ceil_mode)");
}
