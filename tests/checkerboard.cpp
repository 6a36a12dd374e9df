#include <wavestride/checkerboard.h>
#include <wavestride/compose.h>
#include <wavestride/conv_transpose1d.h>

#include <catch2/catch.hpp>

#include "contract.h"

using namespace wavestride;
using namespace wavestride::testing;

namespace {

/// Weights as a network might learn them for upsampling: positive, so that no gain cancels.
Op transposed(Rng& rng, Index kernel, Index stride, bool constant) {
  Tensor w({3, 2, kernel});
  for (float& v : w.data)
    v = constant ? 1.0f : 0.5f + 0.5f * static_cast<float>(uniform(rng, 0, 1000)) / 1000.0f;
  return op::conv_transpose1d(w, std::vector<float>{0.3f, -5.0f},
                              {.stride = stride, .padding = (kernel - stride) / 2});
}

}  // namespace

TEST_CASE("checkerboard: of known gains it is known") {
  // Kernel 3 at stride 2: phases of two taps and of one.
  const Checkerboard two =
      checkerboard(op::conv_transpose1d(Tensor({1, 1, 3}, {1, 1, 1}), {}, {.stride = 2}));
  CHECK(two.spread_db.size() == 1);
  CHECK(two.worst_db == Approx(20 * std::log10(2.0)));
  // Two channels, one even: the mean is half of the worst.
  const Op op =
      op::conv_transpose1d(Tensor({1, 2, 2}, {1, 10, -3, -3}), std::vector<float>{7, 7}, {.stride = 2});
  const Checkerboard both = checkerboard(op);
  CHECK(both.spread_db[0] == Approx(20));
  CHECK(both.spread_db[1] == 0);
  CHECK(both.worst_db == Approx(20));
  CHECK(both.mean_db == Approx(10));
  // Phases without a tap, and phases of opposite sign.
  CHECK(std::isinf(checkerboard(op::conv_transpose1d(Tensor({1, 1, 1}, {1}), {}, {.stride = 2})).worst_db));
  CHECK(
      std::isinf(checkerboard(op::conv_transpose1d(Tensor({1, 1, 2}, {1, -1}), {}, {.stride = 2})).worst_db));
  CHECK(checkerboard(op::identity(4)).worst_db == 0);
}

TEST_CASE("checkerboard: transposed convolution ripples unless its stride divides its kernel evenly") {
  Rng rng(81);
  for (const Index stride : {2, 3, 4, 5, 8}) {
    for (Index kernel = stride; kernel <= 3 * stride + 1; ++kernel) {
      CAPTURE(kernel, stride);
      const double even = checkerboard(transposed(rng, kernel, stride, true)).worst_db;
      if (kernel % stride == 0) {
        CHECK(even < 1e-4);
      } else {  // phases of ⌈k/s⌉ and of ⌊k/s⌋ taps
        const auto more = static_cast<double>(kernel / stride + 1);
        CHECK(even == Approx(20 * std::log10(more / (more - 1))));
      }
      CHECK(checkerboard(transposed(rng, kernel, stride, false)).worst_db > 0.01);
    }
  }
}

TEST_CASE("checkerboard: ICNR sub-pixel and interpolate-then-convolve have none, sub-pixel at random has") {
  Initialiser init(82);
  for (const Index factor : {2, 3, 4, 8}) {
    for (const Index kernel : {1, 3, 5}) {
      const LayerWeights sub = init.conv(4, 6, kernel), free = init.conv(4 * factor, 6, kernel);
      CHECK(checkerboard(sub_pixel_upsampler(icnr_init(sub, factor), factor)).worst_db < 1e-4);
      CHECK(checkerboard(interpolate_conv(sub, static_cast<double>(factor))).worst_db < 1e-4);
      CHECK(
          checkerboard(interpolate_conv(sub, static_cast<double>(factor), InterpolateMode::linear)).worst_db <
          1e-4);
      CHECK(checkerboard(sub_pixel_upsampler(free, factor)).mean_db > 0.1);
    }
  }
}

TEST_CASE("checkerboard: needs one stream in and one out") {
  CHECK_THROWS_WITH(checkerboard(op::add(2)),
                    "checkerboard: needs an Op that streams from one input to one output, got add(2 × 2)");
}
