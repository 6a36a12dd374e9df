#include <wavestride/stretch_fir.h>

#include <catch2/catch.hpp>

#include "contract.h"
#include "golden.h"

using namespace wavestride;
using namespace wavestride::testing;

TEST_CASE("stretch_fir equals PyTorch's interpolate and conv2d") {
  for (const GoldenCase& c : golden_cases("stretch_fir")) {
    INFO(c.name << " " << c.parameters << " kernel " << shape_string(c["w"].shape));
    const StretchFirOptions options{.causal = c.parameters.at("causal"),
                                    .bias = c.has("b") ? c.values("b")[0] : 0.0f};
    const Signal y = stretch_fir(c.signal("x"), c.parameters.at("scale").get<Index>(), c["w"], options);
    CHECK(relative_error(y, c.signal("y")) <= golden_tolerance);
  }
}

TEST_CASE("stretch_fir keeps the contract of every Op") {
  Rng rng(61);
  for (int i = 0; i < 40; ++i) {
    const Index scale = uniform(rng, 1, 9), taps = i % 2 ? 2 * scale + 1 : uniform(rng, 1, 30);
    const Tensor kernel = noise_tensor(rng, {2 * uniform(rng, 0, 3) + 1, taps});
    verify_contract(op::stretch_fir(uniform(rng, 1, 20), scale, kernel, {.causal = i % 3 == 0, .bias = 0.5f}),
                    rng);
  }
}

TEST_CASE("stretch_fir looks ahead by one frame as ParallelWaveGAN has it, and not at all when causal") {
  const Tensor kernel({1, 9}, std::vector<float>(9, 1.0f));
  CHECK(op::stretch_fir(80, 4, kernel).receptive_field() == 3);
  CHECK(op::stretch_fir(80, 4, kernel).lookahead_frames() == 1);
  CHECK(op::stretch_fir(80, 4, kernel, {.causal = true}).lookahead_frames() == 0);
}

TEST_CASE("stretch_fir refuses wrong configuration, saying what was given") {
  const Tensor kernel({1, 1, 3, 9});
  CHECK_THROWS_WITH(op::stretch_fir(0, 4, kernel), "stretch_fir: bins must be positive, got 0");
  CHECK_THROWS_WITH(op::stretch_fir(80, 0, kernel), "stretch_fir: scale must be 1 to 1048576, got 0");
  const std::string shapes = "stretch_fir: kernel must have shape (F, K) or (1, 1, F, K) with F odd, got ";
  CHECK_THROWS_WITH(op::stretch_fir(80, 4, Tensor({2, 9})), shapes + "[2, 9]");
  CHECK_THROWS_WITH(op::stretch_fir(80, 4, Tensor({9})), shapes + "[9]");
  CHECK_THROWS_WITH(op::stretch_fir(80, 4, Tensor({1, 0})), shapes + "[1, 0]");
  CHECK_THROWS_WITH(op::stretch_fir(80, 4, Tensor({2, 1, 3, 9})), shapes + "[2, 1, 3, 9]");
  CHECK(stretch_fir(Signal(80, 0), 4, kernel).cols() == 0);
}
