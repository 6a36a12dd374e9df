#include <wavestride/weights.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

using namespace wavestride;

TEST_CASE("weights: the initialiser is uniform within PyTorch's bounds and the same for the same seed") {
  Initialiser a(1), b(1), c(2);
  const LayerWeights w = a.conv(40, 30, 7), again = b.conv(40, 30, 7), other = c.conv(40, 30, 7);
  CHECK(w.weight.data == again.weight.data);
  CHECK(w.bias == again.bias);
  CHECK(w.weight.data != other.weight.data);
  CHECK(w.weight.shape == std::vector<Index>{40, 30, 7});
  CHECK(w.bias.size() == 40);
  const auto moments = [](const LayerWeights& l, double bound) {
    double square = 0, largest = 0;
    for (const float v : l.weight.data) {
      square += v * v;
      largest = std::max(largest, std::abs(static_cast<double>(v)));
    }
    CHECK(largest <= bound);
    CHECK(largest > 0.99 * bound);
    CHECK(square / static_cast<double>(l.weight.size()) == Approx(bound * bound / 3).epsilon(0.05));
    for (const float v : l.bias) CHECK(std::abs(v) <= bound);
  };
  moments(w, 1 / std::sqrt(30.0 * 7));
  moments(a.conv_transpose(40, 30, 4), 1 / std::sqrt(30.0 * 4));  // fan_in counts the second dimension
  moments(a.layer({300, 200}), 1 / std::sqrt(200.0));
  // The first values of mt19937_64 with seed 1, so that every platform gives these.
  std::mt19937_64 rng(1);
  const float first = 2.0f * static_cast<float>(rng() >> 40) / 16777216.0f - 1.0f;
  CHECK(w.weight.data[0] == (1 / std::sqrt(210.0f)) * first);
  CHECK_THROWS_WITH(a.layer({3}), "Initialiser: weight must have shape (out, in, …), got [3] and 0 biases");
  CHECK_THROWS_WITH(a.layer({3, 0}),
                    "Initialiser: weight must have shape (out, in, …), got [3, 0] and 0 biases");
  CHECK_THROWS_WITH(a.layer({3, 1}, -1),
                    "Initialiser: weight must have shape (out, in, …), got [3, 1] and -1 biases");
}

TEST_CASE("weights: icnr_init repeats every output channel") {
  const LayerWeights sub{Tensor({2, 1, 2}, {1, 2, 3, 4}), {5, 6}};
  const LayerWeights w = icnr_init(sub, 3);
  CHECK(w.weight.shape == std::vector<Index>{6, 1, 2});
  CHECK(w.weight.data == std::vector<float>{1, 2, 1, 2, 1, 2, 3, 4, 3, 4, 3, 4});
  CHECK(w.bias == std::vector<float>{5, 5, 5, 6, 6, 6});
  CHECK(icnr_init({sub.weight}, 2).bias.empty());
  CHECK(icnr_init(sub, 1).weight.data == sub.weight.data);
  CHECK_THROWS_WITH(icnr_init(sub, 0), "icnr_init: factor must be at least 1, got 0");
  CHECK_THROWS_WITH(icnr_init({}, 2), "icnr_init: needs a weight (out, in, kernel), got []");
}
