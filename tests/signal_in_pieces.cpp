// Whole signals that several threads make piece by piece. That each Op gives the same in pieces is part of
// its contract.
#include "signal_in_pieces.h"

#include <wavestride/activation.h>
#include <wavestride/conv1d.h>
#include <wavestride/conv_transpose1d.h>
#include <wavestride/deemphasis.h>
#include <wavestride/index_select.h>
#include <wavestride/stack.h>

#include <catch2/catch.hpp>

#include "contract.h"

using namespace wavestride;
using namespace wavestride::testing;

namespace {

Op random_conv(Rng& rng, Index channels, Index kernel, const Conv1dOptions& options) {
  return op::conv1d(noise_tensor(rng, {channels, channels, kernel}, 0.1f), {}, options);
}

Stack upsampling(Rng& rng) {
  constexpr Index C = 16;
  const auto conv = [&](Index kernel, Index dilation) {
    return random_conv(rng, C, kernel, {.padding = "same", .dilation = dilation});
  };
  return Stack({conv(7, 1),
                op::conv_transpose1d(noise_tensor(rng, {C, C, 8}, 0.1f), {}, {.stride = 4, .padding = 2}),
                residual(Stack({op::leaky_relu(C, 0.1f), conv(3, 5), op::tanh(C), conv(5, 2)})), conv(7, 1)});
}

std::unique_ptr<detail::SignalInPieces> in_pieces(const Op& op, Index threads) {
  return detail::SignalInPieces::of(op.graph(), {}, threads);
}

}  // namespace

TEST_CASE("threads: a signal is cut where little is made twice, finer the longer it is") {
  Rng rng(61);
  const auto pieces = in_pieces(upsampling(rng), 3);
  REQUIRE(pieces);
  const auto cut = [&](Index frames) { return pieces->cut({&frames, 1}) ? pieces->pieces() : 0; };
  CHECK(cut(0) == 0);
  CHECK(cut(2) == 0);
  CHECK(cut(40) == 0);
  CHECK(cut(300) == 3);
  CHECK(cut(1'000) == 6);
  CHECK(cut(200'000) == 12);
}

TEST_CASE("threads: signals are not cut where frames depend on all before, or outputs are several") {
  CHECK(in_pieces(op::relu(2), 2));
  CHECK_FALSE(in_pieces(op::relu(2), 1));
  CHECK_FALSE(in_pieces(op::deemphasis(1, 0.97f), 2));
  StackBuilder two("two");
  const auto x = two.input(2);
  CHECK_FALSE(in_pieces(two.build({two.apply(op::relu(2), {x}), two.apply(op::tanh(2), {x})}), 2));
}

TEST_CASE("threads: a stream that gets a whole signal at once gives the bits of one thread, and goes on") {
  Rng rng(62);
  const Stack net = upsampling(rng);
  const Signal x = noise(rng, net.in_channels(), 3000), expected = net(x);
  CHECK(same_bits(net(x, {.threads = 2}), expected));
  CHECK(same_bits(net(x, {.threads = 70}), expected));
  Stream stream = net.stream({.threads = 2});
  for (int i = 0; i < 3; ++i) {
    stream.reset();
    Signal y = Signal::Constant(expected.rows(), expected.cols(), std::nanf(""));
    const std::size_t before = allocations();
    CHECK(stream.finish_with(x, y) == expected.cols());
    CHECK(allocations() == before);
    CHECK(same_bits(y, expected));
    CHECK(stream.finished());
    CHECK(stream.received() == x.cols());
    CHECK(stream.emitted() == expected.cols());
    stream.reset();
    CHECK(same_bits(stream_in_chunks(stream, x, rng), expected));
  }
}

TEST_CASE("threads: a whole signal is made over its own input") {
  Rng rng(63);
  constexpr Index C = 8;
  const Stack net({random_conv(rng, C, 5, {.padding = "same"}), op::tanh(C)});
  const Signal x = noise(rng, C, 40'000), expected = net(x);
  Stream stream = net.stream({.threads = 2});
  Signal y = x;
  CHECK(stream.finish_with(y, y) == y.cols());
  CHECK(same_bits(y, expected));
}
