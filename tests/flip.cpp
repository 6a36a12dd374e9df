#include <wavestride/flip.h>
#include <wavestride/lstm.h>
#include <wavestride/stack.h>

#include <catch2/catch.hpp>

#include "contract.h"
#include "golden.h"

using namespace wavestride;
using namespace wavestride::testing;

namespace {

template <class Weights>
Weights layer_of(const GoldenCase& c, const std::string& suffix) {
  const auto bias = [&](const char* what) {
    const auto values = c.values(what + suffix);
    return std::vector<float>(values.begin(), values.end());
  };
  return {c["weight_ih_l0" + suffix], c["weight_hh_l0" + suffix], bias("bias_ih_l0"), bias("bias_hh_l0")};
}

Op both_ways(const Op& there, const Op& back) {
  const Index in = there.in_channels(), hidden = there.out_channels();
  return branches({there, Stack({op::flip(in), back, op::flip(hidden)})}, op::concatenate({hidden, hidden}));
}

template <class Weights>
Op bidirectional(Op (*layer)(std::span<const Weights>), const GoldenCase& c) {
  return both_ways(layer(std::vector{layer_of<Weights>(c, "")}),
                   layer(std::vector{layer_of<Weights>(c, "_reverse")}));
}

}  // namespace

TEST_CASE("flip: frames in reverse order, in any stack and block") {
  Rng rng(121);
  for (const Index T : {0, 1, 2, 999, 5000}) {
    const Signal x = noise(rng, 3, T);
    CHECK(flip(x) == Signal(x.rowwise().reverse()));
    CHECK(flip(flip(x)) == x);
    CHECK(Stack({op::flip(3), op::flip(3)})(x) == x);
  }
  CHECK_THROWS_WITH(op::flip(2).stream(),
                    "no exact stream: flip(2): the last frame of the signal comes first");
  CHECK_THROWS_WITH(op::flip(0), "flip: channels must be positive, got 0");
}

TEST_CASE("flip: with it, layers in both directions are torch.nn.LSTM's and GRU's") {
  for (const GoldenCase& c : golden_cases("flip")) {
    INFO(c.name << " " << c.parameters);
    const Op op = c.parameters.at("kind") == "LSTM" ? bidirectional<LstmWeights>(op::lstm, c)
                                                    : bidirectional<GruWeights>(op::gru, c);
    CHECK(relative_error(op(c.signal("x")), c.signal("y")) <= golden_tolerance);
  }
}
