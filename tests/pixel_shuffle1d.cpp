#include <wavestride/pixel_shuffle1d.h>

#include <catch2/catch.hpp>

#include "contract.h"
#include "every_target.h"
#include "golden.h"

using namespace wavestride;
using namespace wavestride::testing;

namespace {
constexpr ShuffleOrder orders[] = {ShuffleOrder::channel_major, ShuffleOrder::phase_major};
}

TEST_CASE("pixel_shuffle1d and its inverse equal PyTorch's, in both orders") {
  for (const GoldenCase& c : golden_cases("pixel_shuffle1d")) {
    INFO(c.name << " " << c.parameters);
    const Index factor = c.parameters.at("factor");
    const Signal x = c.signal("x");
    for (const ShuffleOrder order : orders) {
      const Signal y = c.signal(order == ShuffleOrder::phase_major ? "phase_major" : "channel_major");
      CHECK(same_bits(pixel_shuffle1d(x, factor, order), y));
      CHECK(same_bits(pixel_unshuffle1d(y, factor, order), x));
    }
  }
}

TEST_CASE("pixel_shuffle1d and pixel_unshuffle1d keep the contract of every Op") {
  Rng rng(1);
  for (int i = 0; i < 40; ++i) {
    const Index channels = uniform(rng, 1, 20), factor = uniform(rng, 1, 9);
    for (const ShuffleOrder order : orders) {
      verify_contract(op::pixel_shuffle1d(channels * factor, factor, order), rng);
      verify_contract(op::pixel_unshuffle1d(channels, factor, order), rng);
    }
  }
}

TEST_CASE(
    "pixel_shuffle1d and its inverse of few values a frame put each in its place, on every SIMD target") {
  EveryTarget targets;
  for (const std::string& name : targets.names) {
    kernels::use_simd_target(name);
    Rng rng(3);
    for (Index channels = 1; channels < 9; ++channels)
      for (Index factor = 1; factor < 9; ++factor)
        for (const Index frames : {0, 1, 2, 3, 5, 8, 13, 100}) {
          INFO(name << ": " << channels << " channels, factor " << factor << ", " << frames << " frames");
          const Signal x = noise(rng, channels * factor, frames);
          Signal expected(channels, factor * frames);
          for (Index n = 0; n < frames; ++n)
            for (Index c = 0; c < channels; ++c)
              for (Index r = 0; r < factor; ++r) expected(c, n * factor + r) = x(c * factor + r, n);
          // The frames lie between others, which must stay.
          Signal y = Signal::Constant(channels, expected.cols() + 2, 7.0f);
          Stream stream = op::pixel_shuffle1d(channels * factor, factor).stream();
          stream.push(x, y.middleCols(1, expected.cols()));
          CHECK(same_bits(Signal(y.middleCols(1, expected.cols())), expected));
          CHECK((y.leftCols(1).array() == 7.0f && y.rightCols(1).array() == 7.0f).all());
          CHECK(same_bits(pixel_unshuffle1d(expected, factor), x));
        }
  }
}

TEST_CASE("pixel_unshuffle1d drops the last frames that make no group") {
  Rng rng(2);
  const Signal x = noise(rng, 3, 11);
  const Signal y = pixel_unshuffle1d(x, 4);
  CHECK(y.cols() == 2);
  CHECK(same_bits(pixel_shuffle1d(y, 4), Signal(x.leftCols(8))));
  CHECK(pixel_unshuffle1d(x, 12).cols() == 0);
  CHECK(pixel_unshuffle1d(Signal(3, 0), 4).cols() == 0);
  CHECK(pixel_shuffle1d(Signal(4, 0), 4).cols() == 0);
}

TEST_CASE("pixel_shuffle1d refuses factors that don't fit") {
  CHECK_THROWS_WITH(op::pixel_shuffle1d(8, 3), "pixel_shuffle1d: factor 3 must divide the channels, got 8");
  CHECK_THROWS_WITH(op::pixel_shuffle1d(8, 0), "pixel_shuffle1d: factor must be 1 to 2^31 − 1, got 0");
  CHECK_THROWS_WITH(op::pixel_unshuffle1d(8, -2), "pixel_unshuffle1d: factor must be 1 to 2^31 − 1, got -2");
  CHECK_THROWS_WITH(
      op::pixel_unshuffle1d(Index{1} << 40, 1 << 30),
      "pixel_unshuffle1d: channels times factor 1073741824 must be 1 to 2^31 − 1, got 1099511627776 "
      "channels");
}
