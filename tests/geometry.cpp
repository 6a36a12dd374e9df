#include <wavestride/geometry.h>

#include <catch2/catch.hpp>

using namespace wavestride;

TEST_CASE("geometry: the two worked examples of the field") {
  static_assert(conv_geometry(3, 2, 1, 1, 1).total(224) == 112);
  static_assert(conv_transpose_geometry(4, 2, 1, 0, 1).total(7) == 14);
  CHECK(conv_geometry(3, 2, 1, 1, 1).total(224) == 112);
  CHECK(conv_transpose_geometry(4, 2, 1, 0, 1).total(7) == 14);
}
