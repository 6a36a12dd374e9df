#include <wavestride/conv1d.h>
#include <wavestride/pad1d.h>
#include <wavestride/stft.h>

#include <catch2/catch.hpp>

#include "contract.h"

using namespace wavestride;
using namespace wavestride::testing;

namespace {

Signal row(std::initializer_list<float> values) {
  Signal x(1, static_cast<Index>(values.size()));
  std::copy(values.begin(), values.end(), x.data());
  return x;
}

}  // namespace

TEST_CASE("pad1d: what torch.nn.functional.pad gives, by definition") {
  const Signal x = row({1, 2, 3, 4});
  CHECK(pad1d(x, {.left = 2, .right = 1}) == row({0, 0, 1, 2, 3, 4, 0}));
  CHECK(pad1d(x, {.left = 1, .value = -7}) == row({-7, 1, 2, 3, 4}));
  CHECK(pad1d(x, {.left = 2, .right = 3, .mode = PadMode::replicate}) == row({1, 1, 1, 2, 3, 4, 4, 4, 4}));
  CHECK(pad1d(x, {.left = 3, .right = 1, .mode = PadMode::reflect}) == row({4, 3, 2, 1, 2, 3, 4, 3}));
  CHECK(pad1d(x, {.left = 3, .right = 2, .mode = PadMode::circular}) == row({2, 3, 4, 1, 2, 3, 4, 1, 2}));
  CHECK(pad1d(x, {.left = 5, .mode = PadMode::circular}) == row({4, 1, 2, 3, 4, 1, 2, 3, 4}));
  CHECK(pad1d(x, {}) == x);
  CHECK(pad1d(Signal(1, 0), {.left = 3}).cols() == 0);
  CHECK(pad1d(Signal(1, 0), {.left = 3, .mode = PadMode::circular}).cols() == 0);
}

TEST_CASE("pad1d: circular padding needs the whole signal, of any length, before any operator that pads") {
  Rng rng(93);
  const Pad1dOptions around{.left = 300, .right = 2000, .mode = PadMode::circular};
  const Op pad = op::pad1d(2, around);
  CHECK_THROWS_WITH(pad.stream(),
                    "no exact stream: pad1d(2, left 300, right 2000, circular): the last frames "
                    "of the signal come before the first");
  for (const Index T : {1, 7, 1000, 9000}) {
    const Signal x = noise(rng, 2, T), y = pad(x);
    REQUIRE(y.cols() == T + 2300);
    bool same = true;
    for (Index n = 0; n < y.cols(); ++n) same &= y.col(n) == x.col((n - 300 % T + T) % T);
    CHECK(same);
  }
  const Signal x = noise(rng, 1, 700);
  const Signal padded = pad1d(x, {.left = 50, .right = 50, .mode = PadMode::circular});
  const StftOptions bare{.n_fft = 100, .center = false};
  CHECK(same_bits(stft(x, {.n_fft = 100, .pad_mode = PadMode::circular}), stft(padded, bare)));
  const Tensor w({3, 1, 1}, {1, 2, 3});
  CHECK(op::conv1d(w, {}, {.padding_mode = PadMode::circular}).streamable());
}

TEST_CASE("pad1d: a kernel of one's own can't ask for circular padding") {
  struct Own final : Kernel {
    Own() : Kernel("own", {{1, conv_geometry(3, 1, 1, 1, 1), {PadMode::circular, 0.0f}}}, 1) {}
    void compute(const Work&) const noexcept override {}
  };
  CHECK_THROWS_WITH(Op(std::make_shared<Own>()),
                    "own: input 0 can't be padded circularly; op::pad1d before it can");
}

TEST_CASE("pad1d: keeps the contract in every mode") {
  Rng rng(92);
  for (const PadMode mode : {PadMode::constant, PadMode::reflect, PadMode::replicate})
    for (const auto& [left, right] : {std::pair{0, 0}, {1, 0}, {0, 5}, {7, 3}})
      verify_contract(op::pad1d(3, {.left = left, .right = right, .mode = mode}), rng,
                      {.dense = false, .longest = 60});
}

TEST_CASE("pad1d: wrong sizes are refused with what was given") {
  CHECK_THROWS_WITH(op::pad1d(0, {}), "pad1d: channels must be positive, got 0");
  CHECK_THROWS_WITH(op::pad1d(1, {.right = -1}), "pad1d: left and right must be 0 to 2^40, got 0 and -1");
}
