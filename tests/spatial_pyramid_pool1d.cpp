#include <wavestride/spatial_pyramid_pool1d.h>
#include <wavestride/stream.h>

#include <catch2/catch.hpp>

#include "pooling.h"

using namespace wavestride;
using namespace wavestride::testing;

TEST_CASE("spatial_pyramid_pool1d equals torch's adaptive pools, flattened") {
  for (const GoldenCase& c : golden_cases("spatial_pyramid_pool1d")) {
    INFO(c.name << " " << c.parameters);
    const auto levels = c.parameters.at("levels").get<std::vector<Index>>();
    const Signal x = c.signal("x");
    CHECK(relative_error(spatial_pyramid_pool1d(x, levels), c.signal("max")) == 0);
    CHECK(relative_error(spatial_pyramid_pool1d(x, levels, Pooling::mean), c.signal("mean")) <=
          golden_tolerance);
  }
}

TEST_CASE("spatial_pyramid_pool1d gives a vector of one length for any signal but an empty one") {
  const Op op = op::spatial_pyramid_pool1d(3, {1, 2, 4});
  CHECK(op.out_channels() == 21);
  CHECK(op(Signal(3, 0)).cols() == 0);
  for (const Index T : {1, 2, 3, 4, 1000}) CHECK(op(Signal(Signal::Ones(3, T))) == Signal::Ones(21, 1));
}

TEST_CASE("spatial_pyramid_pool1d: level after level, channel after channel, bin after bin") {
  Signal x(2, 4);
  x << 1, 2, 3, 4,  //
      5, 6, 7, 8;
  CHECK(spatial_pyramid_pool1d(x, {2, 1}) == (Signal(6, 1) << 2, 4, 6, 8, 4, 8).finished());
}

TEST_CASE("spatial_pyramid_pool1d refuses wrong levels and streams") {
  CHECK_THROWS_WITH(op::spatial_pyramid_pool1d(3, {}), "spatial_pyramid_pool1d: needs at least one level");
  CHECK_THROWS_WITH(op::spatial_pyramid_pool1d(3, {1, 0}),
                    "spatial_pyramid_pool1d: levels must be at least 1, got [1, 0]");
  CHECK_THROWS_WITH(op::spatial_pyramid_pool1d(3, {Index{1} << 62, Index{1} << 62, Index{1} << 62}),
                    "spatial_pyramid_pool1d: must give 1 to 2^31 − 1 values, got 3 channels, levels "
                    "[4611686018427387904, 4611686018427387904, 4611686018427387904]");
  CHECK_THROWS_WITH(
      op::spatial_pyramid_pool1d(3, {1, 2}, Pooling::mean).stream(),
      "no exact stream: spatial_pyramid_pool1d(3 channels, levels [1, 2], mean): the bins divide the "
      "length of the whole signal");
}
