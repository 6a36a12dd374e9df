#include <wavestride/pqmf.h>

#include <catch2/catch.hpp>
#include <numbers>

#include "contract.h"
#include "golden.h"

using namespace wavestride;
using namespace wavestride::testing;

TEST_CASE("pqmf: analysis and synthesis equal torch's convolutions with scipy's window") {
  Rng rng(91);
  for (const GoldenCase& c : golden_cases("pqmf")) {
    const auto& p = c.parameters;
    const PqmfOptions options{p.at("subbands"), p.at("taps"), p.at("cutoff_ratio"), p.at("beta")};
    INFO(p.dump());
    const bool analysis = p.at("kind") == "analysis";
    const Op op = analysis ? op::pqmf_analysis(options) : op::pqmf_synthesis(options);
    const Signal x = c.signal("x"), y = op(x);
    if (c["y"].empty())
      CHECK(y.cols() == 0);
    else
      CHECK(relative_error(y, c.signal("y")) <= golden_tolerance);
    if (x.cols() == 1)
      verify_contract(op, rng, {.dense = false, .longest = 400, .chunkings = 2});  // some taps are 0
  }
}

TEST_CASE("pqmf: the bands of a signal give it back, quieter by no more than its ripple") {
  const Index T = 8000;
  Signal x(1, T);
  for (Index n = 0; n < T; ++n) {  // a sweep through all bands
    const double t = static_cast<double>(n) / static_cast<double>(T);
    x(0, n) = static_cast<float>(std::sin(std::numbers::pi * static_cast<double>(T) * 0.48 * t * t));
  }
  const Signal y = pqmf_synthesis(pqmf_analysis(x));
  REQUIRE(y.cols() == T);
  const auto inner = [&](const Signal& s) { return s.middleCols(200, T - 400); };
  CHECK((inner(x) - inner(y)).norm() / inner(x).norm() < 0.01);  // 40 dB of the design with its defaults
  // One band alone holds what lies in it: the first of four reaches to fs/8.
  const Signal bands = pqmf_analysis(x);
  CHECK(bands.row(0).leftCols(T / 20).norm() > 100 * bands.row(3).leftCols(T / 20).norm());
}

TEST_CASE("pqmf: tells its own name and cost, and has nothing learned") {
  const Op op = op::pqmf_synthesis();
  CHECK(op.name() == "pqmf_synthesis(4 subbands, 62 taps)");
  CHECK(op.parameters() == 0);
  CHECK(op.macs_per_frame() == 63);
}

TEST_CASE("pqmf: wrong designs are refused with what was given") {
  CHECK_THROWS_WITH(op::pqmf_synthesis({.subbands = 0}), "pqmf_synthesis: subbands must be 1 to 1024, got 0");
  CHECK_THROWS_WITH(op::pqmf_synthesis({.taps = 63}),
                    "pqmf_synthesis: taps must be even, from 8 to 65536, got 63");
  CHECK_THROWS_WITH(op::pqmf_analysis({.subbands = 32}),
                    "pqmf_analysis: taps must be even, from 64 to 65536, got 62");
  for (const auto& shape : {std::vector<Index>{4, 62}, {4, 7}, {63}})
    CHECK_THROWS_WITH(op::pqmf_synthesis(Tensor(shape)),
                      Catch::StartsWith("pqmf_synthesis: filters must have shape (subbands, taps + 1)"));
  CHECK_THROWS_WITH(op::pqmf_analysis({.cutoff_ratio = 1}),
                    "pqmf_analysis: cutoff_ratio must lie between 0 and 1, got 1");
  CHECK_THROWS_AS(op::pqmf_analysis({.beta = std::nan("")}), std::invalid_argument);
}
