#include <wavestride/lstm.h>

#include <catch2/catch.hpp>
#include <cmath>

#include "contract.h"
#include "every_target.h"
#include "golden.h"

using namespace wavestride;
using namespace wavestride::testing;

namespace {

template <class Weights>
std::vector<Weights> layers_of(const GoldenCase& c) {
  std::vector<Weights> layers;
  for (int l = 0; l < c.parameters.at("layers"); ++l) {
    const auto name = [&](const char* what) { return what + std::to_string(l); };
    const auto bias = [&](const char* what) {
      const auto values = c.values(name(what));
      return std::vector<float>(values.begin(), values.end());
    };
    layers.push_back({c[name("weight_ih_l")], c[name("weight_hh_l")], bias("bias_ih_l"), bias("bias_hh_l")});
  }
  return layers;
}

template <class Weights = LstmWeights>
Weights random_layer(Rng& rng, Index in, Index hidden) {
  const float scale = 1 / std::sqrt(static_cast<float>(hidden));
  const Index rows = (std::is_same_v<Weights, LstmWeights> ? 4 : 3) * hidden;
  return {noise_tensor(rng, {rows, in}, scale), noise_tensor(rng, {rows, hidden}, scale),
          noise_tensor(rng, {rows}, scale).data, noise_tensor(rng, {rows}, scale).data};
}

template <class Weights>
void check_goldens(const char* golden, Signal (*layer)(FramesView, std::span<const Weights>)) {
  EveryTarget targets;
  for (const std::string& name : targets.names) {
    kernels::use_simd_target(name);
    for (const GoldenCase& c : golden_cases(golden)) {
      const Signal x = c.signal("x");
      INFO(name << ": " << x.rows() << " channels, " << x.cols() << " frames, layers "
                << c.parameters.at("layers"));
      CHECK(relative_error(layer(x, layers_of<Weights>(c)), c.signal("y")) <= golden_tolerance);
    }
  }
}

}  // namespace

TEST_CASE("lstm and gru equal PyTorch's on every SIMD target") {
  check_goldens("lstm", lstm);
  check_goldens("gru", gru);
}

TEST_CASE("lstm keeps the contract of every Op") {
  Rng rng(99);
  for (const auto& [in, hidden] : {std::pair<Index, Index>{1, 1}, {3, 2}, {5, 17}, {16, 64}})
    verify_contract(op::lstm(std::vector{random_layer(rng, in, hidden), random_layer(rng, hidden, 3)}), rng,
                    {.dense = false, .recurrent = true, .longest = 300});
  const Op op = op::lstm(std::vector{random_layer(rng, 16, 8)});
  CHECK(op.name() == "lstm(16 → 8)");
  CHECK(op.parameters() == 32 * (16 + 8 + 2));
  CHECK(op.macs_per_frame() == 32 * (16 + 8));
  CHECK(op.lookahead_frames() == 0);
  CHECK(op.latency_frames() == 1);
}

TEST_CASE("gru keeps the contract of every Op") {
  Rng rng(102);
  for (const auto& [in, hidden] : {std::pair<Index, Index>{1, 1}, {3, 2}, {5, 17}, {16, 64}})
    verify_contract(op::gru(std::vector{random_layer<GruWeights>(rng, in, hidden),
                                        random_layer<GruWeights>(rng, hidden, 3)}),
                    rng, {.dense = false, .recurrent = true, .longest = 300});
  const Op op = op::gru(std::vector{random_layer<GruWeights>(rng, 16, 8)});
  CHECK(op.name() == "gru(16 → 8)");
  CHECK(op.parameters() == 24 * (16 + 8 + 2));
  CHECK(op.macs_per_frame() == 24 * (16 + 8));
  CHECK(op.lookahead_frames() == 0);
  const LstmWeights other = random_layer(rng, 3, 2);
  CHECK_THROWS_WITH(op::gru(std::vector{GruWeights{other.weight_ih, other.weight_hh}}),
                    "gru: weight_hh of layer 0 must have shape (3·hidden, hidden), got [8, 2]");
  CHECK_THROWS_WITH(op::gru({}), "gru: must have a layer");
}

TEST_CASE("lstm remembers what came first, and forgets it by reset()") {
  Rng rng(100);
  const Op op = op::lstm(std::vector{random_layer(rng, 4, 6)});
  const Signal x = noise(rng, 4, 5);
  Signal other = x;
  other.col(0) *= -1;
  CHECK_FALSE(same_bits(op(x).rightCols(1), op(other).rightCols(1)));
  Stream stream = op.stream();
  (void)stream.push(other);
  stream.reset();
  CHECK(same_bits(stream.push(x), op(x)));
}

TEST_CASE("lstm: weights that contradict each other are refused") {
  Rng rng(101);
  const LstmWeights good = random_layer(rng, 3, 2);
  const auto refused = [](auto&&... layers) {
    try {
      (void)op::lstm(std::vector<LstmWeights>{layers...});
    } catch (const std::invalid_argument& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  CHECK(refused(good) == "");
  CHECK(refused() == "lstm: must have a layer");
  CHECK(refused(LstmWeights{}) == "lstm: weight_hh of layer 0 must have shape (4·hidden, hidden), got []");
  LstmWeights w = good;
  w.weight_hh = Tensor({8, 3});
  CHECK(refused(w) == "lstm: weight_hh of layer 0 must have shape (4·hidden, hidden), got [8, 3]");
  for (const std::vector<Index>& shape : {std::vector<Index>{8}, {0, 0}, {8, 2, 1}, {2, 8}}) {
    w.weight_hh = Tensor(shape);
    CHECK(refused(w) ==
          "lstm: weight_hh of layer 0 must have shape (4·hidden, hidden), got " + shape_string(shape));
  }
  w = good;
  for (const std::vector<Index>& shape : {std::vector<Index>{12, 3}, {8, 0}, {8, 3, 1}, {24}}) {
    w.weight_ih = Tensor(shape);
    CHECK(refused(w) == "lstm: weight_ih of layer 0 must have shape (8, in), got " + shape_string(shape));
  }
  CHECK(refused(good, good) == "lstm: weight_ih of layer 1 must have shape (8, 2), got [8, 3]");
  w = good;
  w.bias_hh.pop_back();
  CHECK(refused(w) == "lstm: bias_hh of layer 0 must have 8 values, got 7");
  w = good;
  w.bias_ih.push_back(0);
  CHECK(refused(w) == "lstm: bias_ih of layer 0 must have 8 values, got 9");
}
