#include <wavestride/join.h>

#include <catch2/catch.hpp>

#include "contract.h"

using namespace wavestride;
using namespace wavestride::testing;

TEST_CASE("join: sums are added in order, means scaled, products and concatenations exact") {
  Rng rng(21);
  for (const Index channels : {1, 3, 16, 33}) {
    for (const Index frames : {0, 1, 7, 100}) {
      const Signal a = noise(rng, channels, frames), b = noise(rng, channels, frames),
                   c = noise(rng, channels, frames);
      const std::vector<FramesView> abc{a, b, c};
      CHECK(same_bits(add(abc), Signal((a + b) + c)));
      CHECK(same_bits(mean(abc), Signal(((a + b) + c) * (1.0f / 3.0f))));
      CHECK(same_bits(multiply(abc), Signal(a.cwiseProduct(b).cwiseProduct(c))));
      Signal stacked(3 * channels, frames);
      stacked << a, b, c;
      CHECK(same_bits(concatenate(abc), stacked));
      CHECK(same_bits(op::identity(channels)(a), a));
    }
  }
}

TEST_CASE("join: inputs of few and of many channels lie below one another, in frames of any number") {
  Rng rng(23);
  const std::vector<std::vector<Index>> lists{
      {1, 1},      {2, 2},       {1, 1, 1}, {3, 1}, {1, 3, 2}, {4, 5, 6, 7, 8}, {2},    {16, 1},
      {33, 4, 70}, {3, 1200, 2}, {1, 4},    {4, 4}, {4, 2, 3}, {4, 1, 4},       {4, 5}, {1, 1, 1, 1}};
  for (const std::vector<Index>& channels : lists)
    for (const Index frames : {1, 2, 3, 4, 5, 6, 300, 2500}) {
      if (frames == 2500 && channels.size() > 2) continue;
      std::vector<Signal> x;
      for (const Index c : channels) x.push_back(noise(rng, c, frames));
      const Signal y = concatenate(std::vector<FramesView>(x.begin(), x.end()));
      Index row = 0;
      INFO(op::concatenate(channels).name() << ", " << frames << " frames");
      for (const Signal& s : x) {
        CHECK(same_bits(Signal(y.middleRows(row, s.rows())), s));
        row += s.rows();
      }
      CHECK(row == y.rows());
    }
}

TEST_CASE("join: NaN and infinity go where arithmetic takes them") {
  const float inf = std::numeric_limits<float>::infinity();
  Signal a(1, 3), b(1, 3);
  a << inf, std::nanf(""), 1;
  b << -inf, 1, inf;
  const std::vector<FramesView> ab{a, b};
  const Signal sum = add(ab);
  CHECK(std::isnan(sum(0, 0)));
  CHECK(std::isnan(sum(0, 1)));
  CHECK(sum(0, 2) == inf);
  CHECK(std::isnan(multiply(ab)(0, 1)));
  CHECK(multiply(ab)(0, 0) == -inf);
}

TEST_CASE("join: keeps the contract of every Op") {
  Rng rng(22);
  for (int i = 0; i < 20; ++i) {
    const Index channels = uniform(rng, 1, 40), inputs = uniform(rng, 1, 6);
    verify_contract_multi(op::add(channels, inputs), rng);
    verify_contract_multi(op::mean(channels, inputs), rng);
    verify_contract_multi(op::multiply(channels, inputs), rng);
    std::vector<Index> each;
    for (Index k = 0; k < inputs; ++k) each.push_back(uniform(rng, 1, 9));
    verify_contract_multi(op::concatenate(each), rng);
    verify_contract(op::identity(channels), rng);
  }
}

TEST_CASE("join: streamed, the shortest input decides the length") {
  const Op sum = op::add(1, 2);
  CHECK(sum.total(std::vector<Index>{5, 9}) == 5);
  Signal a = Signal::Ones(1, 5), b = Signal::Ones(1, 9);
  Stream stream = sum.stream();
  const std::vector<FramesView> ab{a, b};
  CHECK(stream.push(ab).front() == Signal::Constant(1, 5, 2.0f));
  CHECK(stream.finish_all().front().cols() == 0);
  CHECK(stream.emitted() == 5);
}

TEST_CASE("join: refuses what does not fit, saying what was given") {
  CHECK_THROWS_WITH(op::add(0), "add: channels and inputs must be positive, got 0 and 2");
  CHECK_THROWS_WITH(op::mean(3, 0), "mean: channels and inputs must be positive, got 3 and 0");
  CHECK_THROWS_WITH(op::concatenate({}), "concatenate: needs at least one input");
  CHECK_THROWS_WITH(op::concatenate({2, -1}), "concatenate: channels must be positive, got -1");
  CHECK_THROWS_WITH(op::add(1, 65), "add(65 × 1): must have 1 to 64 inputs, has 65");
  CHECK_THROWS_WITH(add({}), "a join needs at least one signal");
  const Signal a(2, 5), shorter(2, 4), other(3, 5);
  CHECK_THROWS_WITH(add(std::vector<FramesView>{a, shorter}),
                    "add(2 × 2): signals must be equally long, got 5 and 4 frames");
  CHECK_THROWS_WITH(add(std::vector<FramesView>{a, other}),
                    "add(2 × 2): expects 2 channels at input 1, got 3");
}
