#include <unistd.h>
#include <wavestride/activation.h>
#include <wavestride/avg_pool1d.h>
#include <wavestride/conv1d.h>
#include <wavestride/conv_transpose1d.h>
#include <wavestride/index_select.h>
#include <wavestride/interpolate.h>
#include <wavestride/join.h>
#include <wavestride/pad1d.h>
#include <wavestride/pixel_shuffle1d.h>
#include <wavestride/stack.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <thread>

#include "contract.h"

using namespace wavestride;
using namespace wavestride::testing;

namespace {

Op random_conv(Rng& rng, Index in, Index out, Index kernel, const Conv1dOptions& options) {
  const float scale = 1.0f / std::sqrt(static_cast<float>(in * kernel));
  return op::conv1d(noise_tensor(rng, {out, in, kernel}, scale), noise_tensor(rng, {out}, 0.1f).data,
                    options);
}

/// Two inputs, two outputs: x's own output does not need y.
Op lopsided(Rng& rng) {
  StackBuilder b("lopsided");
  const auto x = b.input(2), y = b.input(2);
  const auto h = b.apply(random_conv(rng, 2, 2, 3, {.padding = 1}), {x});
  const auto alone = b.apply(random_conv(rng, 2, 3, 5, {.stride = 2, .padding = 2}), {h});
  return b.build({alone, b.apply(op::add(2), {h, y})});
}

/// Resident memory of this process, in bytes.
Index resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  Index all = 0, resident = 0;
  statm >> all >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

}  // namespace

TEST_CASE("stream: the caller's mistakes throw where the caller may allocate") {
  Rng rng(31);
  const Op conv = random_conv(rng, 2, 3, 3, {});
  const std::string name = conv.name();
  Stream stream = conv.stream();
  CHECK_THROWS_WITH(stream.push(Signal(3, 4)), name + ": expects 2 channels at input 0, got 3");
  CHECK(stream.received() == 0);
  CHECK(stream.push(Signal(5, 0)).cols() == 0);  // no frames: their channels do not matter
  const std::vector<FramesView> two(2);
  CHECK_THROWS_WITH(stream.push(two), name + ": has 1 inputs, got 2");
  CHECK_THROWS_WITH(stream.finish_with(Signal(3, 4)), name + ": expects 2 channels at input 0, got 3");
  CHECK_THROWS_WITH(stream.finish_all_with(two), name + ": has 1 inputs, got 2");
  CHECK_FALSE(stream.finished());
  CHECK(stream.push(Signal(Signal::Ones(2, 10))).cols() == 8);
  CHECK(stream.finish().cols() == 0);
  CHECK(stream.finished());
  CHECK_THROWS_WITH(stream.finish_with(Signal(2, 1)),
                    name + ": the stream is finished; reset() starts a new signal");
  CHECK_THROWS_WITH(stream.push(Signal(2, 1)),
                    name + ": the stream is finished; reset() starts a new signal");
  CHECK_THROWS_WITH(stream.finish(), name + ": the stream is finished; reset() starts a new signal");
  CHECK(stream.frames_after(5) == 0);
  CHECK(stream.frames_at_finish() == 0);
  stream.reset();
  CHECK_FALSE(stream.finished());
  CHECK(stream.push(Signal(Signal::Ones(2, 10))).cols() == 8);

  CHECK_THROWS_WITH(conv.stream({.block_frames = -1}),
                    name + ": block_frames must be 0 (automatic) or more, got -1");
  CHECK_THROWS_WITH(lopsided(rng)(Signal(2, 4)),
                    "lopsided: has 2 inputs and 2 outputs; pass a span of signals");
  Stream several = lopsided(rng).stream();
  const char* of_several = "lopsided: has 2 outputs; push a span of signals, and end with finish_all()";
  CHECK_THROWS_WITH(several.push(Signal(2, 4)), of_several);
  CHECK_THROWS_WITH(several.finish(), of_several);
  CHECK_THROWS_WITH(several.finish_with(Signal(2, 4)), of_several);
  CHECK_FALSE(several.finished());
  CHECK_THROWS_WITH(conv(Signal(4, 9)), name + ": expects 2 channels at input 0, got 4");
  CHECK_THROWS_WITH(conv(two), name + ": has 1 inputs, got 2");
  CHECK_THROWS_WITH(conv.total(std::vector<Index>{1, 2}), name + ": has 1 inputs, got 2 lengths");
}

#ifdef NDEBUG
TEST_CASE("stream: the forms that do not throw refuse mistakes and take nothing") {
  Rng rng(32);
  const Op conv = random_conv(rng, 2, 3, 3, {});
  Stream stream = conv.stream();
  const Signal x = noise(rng, 2, 20);
  Signal y(3, 20), narrow(2, 20);
  CHECK(stream.push(Signal(3, 4), y) == -1);
  CHECK(stream.push(x, narrow) == -1);
  CHECK(stream.push(x, FramesSpan(y).slice(0, 17)) == -1);  // 18 become ready
  CHECK(stream.finish_with(Signal(3, 4), y) == -1);
  CHECK(stream.finish_with(x, FramesSpan(y).slice(0, 17)) == -1);
  CHECK(stream.received() == 0);
  CHECK_FALSE(stream.finished());
  CHECK(stream.push(x, FramesSpan(y).slice(0, 18)) == 18);
  CHECK(same_bits(y.leftCols(18), conv(x)));
  CHECK(stream.finish(FramesSpan()) == 0);
  CHECK(stream.finish(y) == -1);
  CHECK(stream.push(x, y) == -1);
  CHECK(stream.finish_with(x, y) == -1);

  Stream many = lopsided(rng).stream();
  CHECK(many.push(x, y) == -1);
  CHECK(many.finish(y) == -1);
  CHECK(many.finish_with(x, y) == -1);
  CHECK_FALSE(many.finished());
}
#endif

TEST_CASE("stream: a negative number of frames is a mistake") {
  const Op conv = op::conv1d(Tensor({1, 1, 3}, {1, 1, 1}));
  Signal x = Signal::Ones(1, 20), out(1, 40);
  Stream stream = conv.stream();
  stream.push(x);
  const FramesView negative(x.data(), 1, -3);
#ifdef NDEBUG
  CHECK(stream.push(negative, out) == -1);
#endif
  CHECK_THROWS_WITH(stream.push(negative),
                    "conv1d(1 → 1, kernel 3, stride 1, dilation 1, groups 1): a "
                    "negative number of frames");
  CHECK(stream.received() == 20);
  CHECK(stream.push(x).cols() == 20);
  CHECK_THROWS_WITH(conv(negative), Catch::EndsWith("a signal can't have -3 frames"));
}

namespace {

// A kernel whose declaration may be wrong.
struct Declared final : Kernel {
  Declared(const Geometry& geometry, Index out = 1, Index scratch = 0, bool in_place = false)
      : Kernel("declared", {{1, geometry, {}}}, out), scratch_(scratch), in_place_(in_place) {}
  Index scratch_bytes() const override { return scratch_; }
  bool in_place() const override { return in_place_; }
  void compute(const Work& work) const noexcept override {
    std::fill_n(work.out, work.count * out_channels(), 0.0f);
  }
  Index scratch_;
  bool in_place_;
};

}  // namespace

TEST_CASE("stream: a kernel that contradicts itself is refused, saying in what") {
  const auto make = [](const Geometry& geometry, Index out = 1, Index scratch = 0, bool in_place = false) {
    return Op(std::make_shared<Declared>(geometry, out, scratch, in_place));
  };
  CHECK(make({{1, 1, 0, 0}, {1, 0, 1, 0}}, 1, 8, true)(Signal(Signal::Ones(1, 3))).cols() == 3);
  CHECK(make({{1, 5, 4, 0}, {5, 0, 1, 0}}, 2)(Signal(Signal::Ones(1, 3))).cols() == 15);
  for (const Window& w : {Window{0, 1, 0, 0}, {1, 0, 0, 0}, {-1, 1, 0, 0}, {1, -1, 0, 0}, {1, 1, 1, 0}})
    CHECK_THROWS_WITH(make({w, {1, 0, 1, 0}}),
                      Catch::Contains("declared: the window of input 0 must have num"));
  for (const Length& length : {Length{1, 0, 0, 0}, {-1, 0, 1, 0}, {2, 0, 1, 0}, {0, 0, 1, 0}})
    CHECK_THROWS_WITH(
        make({{1, 1, 0, 0}, length}),
        Catch::Contains("declared: the length of input 0 must grow as its window does, by 1/1"));
  CHECK_THROWS_WITH(make({{1, 1, 0, 0}, {1, 0, 1, 0}}, 1, -5),
                    "declared: scratch_bytes() must not be negative, is -5");
  for (const Window& w : {Window{1, 1, -1, 0}, {1, 1, 1, 1}})
    CHECK_THROWS_WITH(make({w, {1, 0, 1, 0}}, 1, 0, true), Catch::Contains("declared: in_place() is for"));
  CHECK_THROWS_WITH(make({{1, 1, 0, 0}, {1, 0, 1, 0}}, 2, 0, true),
                    Catch::Contains("declared: in_place() is for"));
}

TEST_CASE("stream: moving one takes its signal along") {
  Rng rng(33);
  const Op conv = random_conv(rng, 2, 3, 7, {.padding = 3, .padding_mode = PadMode::reflect});
  const Signal x = noise(rng, 2, 50), whole = conv(x);
  Stream first = conv.stream();
  Signal y(3, 50);
  Index at = first.push(FramesView(x).slice(0, 23), y);
  Stream second = std::move(first);
  CHECK(second.received() == 23);
  at += second.push(FramesView(x).slice(23, 27), FramesSpan(y).slice(at, 50 - at));
  first = std::move(second);
  at += first.finish(FramesSpan(y).slice(at, 50 - at));
  CHECK(at == 50);
  CHECK(same_bits(y, whole));
}

TEST_CASE("stream: an input that runs ahead is kept, and outputs that do not need the others still come") {
  Rng rng(34);
  const Op op = lopsided(rng);
  const Signal x = noise(rng, 2, 30'000), y = noise(rng, 2, 30'000);
  const std::vector<Signal> whole = op(std::vector<FramesView>{x, y});
  Stream stream = op.stream();
  Index expected[2];
  stream.frames_after(std::vector<Index>{30'000, 0}, expected);
  CHECK(expected[0] > 14'990);
  CHECK(expected[1] == 0);
  const auto ahead = stream.push(std::vector<FramesView>{x, Signal(2, 0)});
  REQUIRE(ahead[0].cols() == expected[0]);
  CHECK(same_bits(ahead[0], whole[0].leftCols(expected[0])));
  const auto rest = stream.push(std::vector<FramesView>{Signal(2, 0), y});
  CHECK(same_bits(rest[1], whole[1].leftCols(rest[1].cols())));
  CHECK(rest[1].cols() == 29'999);
  const auto last = stream.finish_all();
  CHECK(last[0].cols() == 15'000 - expected[0]);
  CHECK(last[1].cols() == 1);
}

TEST_CASE("stream: inputs of unequal length finish, each output by the shortest input that it needs") {
  Rng rng(35);
  const Op op = lopsided(rng);
  const Signal x = noise(rng, 2, 30'000), y = noise(rng, 2, 10);
  for (const bool swapped : {false, true}) {
    const Signal &a = swapped ? y : x, &b = swapped ? x : y;
    const std::vector<FramesView> in{a, b};
    const std::vector<Signal> whole = op(in);
    CHECK(whole[0].cols() == (swapped ? 5 : 15'000));
    CHECK(whole[1].cols() == 10);
    Stream stream = op.stream();
    const auto pushed = stream.push(in);
    Signal rest[] = {Signal(3, 30'000), Signal(2, 30'000)};  // more room than needed: nothing more is written
    const FramesSpan out[] = {rest[0], rest[1]};
    Index written[2];
    REQUIRE(stream.finish(out, written));
    for (int o = 0; o < 2; ++o) {
      const Index before = pushed[o].cols();
      CHECK(written[o] == whole[o].cols() - before);
      CHECK(same_bits(pushed[o], whole[o].leftCols(before)));
      CHECK(same_bits(rest[o].leftCols(written[o]), whole[o].rightCols(written[o])));
    }
    const Signal cut = a.leftCols(std::min<Index>(12, a.cols()));
    CHECK(same_bits(op(std::vector<FramesView>{cut, b})[1], whole[1]));
  }
}

TEST_CASE("stream: padding wider than a window allocates nothing, also when no frame comes first") {
  Rng rng(19);
  for (const Index kernel : {1, 2, 5})
    for (Index left = 3; left < 14; ++left) {
      const Op op = random_conv(rng, 2, 3, kernel, {.padding = {left, 3}});
      const Signal x = noise(rng, 2, 40), y = op(x);
      for (Index block = 1; block < 16; ++block)
        for (const Index chunk : {1, 2, 17}) {
          CAPTURE(kernel, left, block, chunk);
          Stream stream = op.stream({.block_frames = block});
          Signal z(3, y.cols());
          const std::size_t before = allocations();
          Index at = stream.push(FramesView(x).slice(0, 0), FramesSpan(z).slice(0, 0));
          for (Index n = 0; n < x.cols(); n += chunk) {
            const FramesView in = FramesView(x).slice(n, std::min(chunk, x.cols() - n));
            at += stream.push(in, FramesSpan(z).slice(at, stream.frames_after(in.frames())));
          }
          at += stream.finish(FramesSpan(z).slice(at, stream.frames_at_finish()));
          const std::size_t spent = allocations() - before;
          CHECK(spent == 0);
          CHECK(same_bits(z, y));
        }
    }
}

TEST_CASE("stream: frames that no window has allocate nothing") {
  const Signal x = Signal::Ones(3, 60);
  const Op op = op::avg_pool1d(3, {.kernel_size = 1, .stride = 10});
  for (Index block = 1; block < 10; ++block)
    for (Index first = 0; first < 12; ++first)
      for (Index second = 0; second < 12; ++second) {
        CAPTURE(block, first, second);
        Stream stream = op.stream({.block_frames = block});
        Signal y(3, 6);
        Index at = 0, n = 0;
        const std::size_t before = allocations();
        for (const Index chunk : {first, second, Index{9}, Index{60}}) {
          const FramesView in = FramesView(x).slice(n, std::min(chunk, 60 - n));
          at += stream.push(in, FramesSpan(y).slice(at, 6 - at));
          n += in.frames();
        }
        const std::size_t spent = allocations() - before;
        CHECK(spent == 0);
        CHECK(at == 6);
      }
}

TEST_CASE("stream: the last frames of several inputs may end them") {
  Rng rng(38);
  const Op op = lopsided(rng);
  const Signal a = noise(rng, 2, 50), b = noise(rng, 2, 43);
  const std::vector<FramesView> in{a, b};
  const std::vector<Signal> whole = op(in);
  for (const Index first : {0, 1, 20, 43}) {
    CAPTURE(first);
    Stream stream = op.stream();
    std::vector<FramesView> head, tail;
    for (const FramesView& x : in) {
      head.push_back(x.slice(0, first));
      tail.push_back(x.slice(first, x.frames() - first));
    }
    const std::vector<Signal> start = stream.push(head);
    const Index lengths[] = {tail[0].frames(), tail[1].frames()};
    Index expected[2];
    stream.frames_at_finish(lengths, expected);
    const std::vector<Signal> end = stream.finish_all_with(tail);
    CHECK(stream.finished());
    for (std::size_t o = 0; o < 2; ++o) {
      REQUIRE(end[o].cols() == expected[o]);
      Signal joined(whole[o].rows(), start[o].cols() + end[o].cols());
      joined << start[o], end[o];
      CHECK(same_bits(joined, whole[o]));
    }
  }
}

TEST_CASE("stream: inputs that keep step allocate nothing") {
  Rng rng(36);
  const Op op = lopsided(rng);
  const Signal x = noise(rng, 2, 480);
  Signal a(3, 480), b(2, 480);
  const FramesView in[] = {x, x};
  const FramesSpan out[] = {a, b};
  Index written[2];
  Stream stream = op.stream();
  const std::size_t start = allocations();
  bool ok = true;
  for (int i = 0; i < 200; ++i) ok = stream.push(in, out, written) && ok;
  const std::size_t spent = allocations() - start;
  CHECK(ok);
  CHECK(spent == 0);
}

TEST_CASE("stream: what it holds is bounded by window and block, not by what it has seen") {
  Rng rng(37);
  const Op conv = random_conv(rng, 4, 4, 9, {.padding = 4, .dilation = 3});
  Stream stream = conv.stream();
  const Index at_start = stream.state_bytes();
  CHECK(at_start < 200'000);
  for (int i = 0; i < 50; ++i) (void)stream.push(noise(rng, 4, 10'000));
  CHECK(stream.state_bytes() == at_start);
}

TEST_CASE("stream: long blocks for large kernels, in memory that values share, change nothing") {
  // Branches that lag differently, values that wait for others, rates that change: of kernels large enough.
  constexpr Index C = 64;
#ifdef NDEBUG
  constexpr int trials = 4;
#else  // with all checks each takes a minute
  constexpr int trials = 2;
#endif
  Rng rng(39);
  const auto conv = [&](Index kernel, Index dilation) {
    return random_conv(rng, C, C, kernel, {.padding = "same", .dilation = dilation});
  };
  const auto chain = [&](Index length) {
    std::vector<Op> ops;
    for (Index i = 0; i < length; ++i) {
      ops.push_back(op::leaky_relu(C, 0.1f));
      ops.push_back(conv(uniform(rng, 4, 11), uniform(rng, 1, 6)));
    }
    return Stack(std::move(ops));
  };
  const auto blocks = [&](Index number) {  // what is read twice, after the chain beside it and at once
    std::vector<Op> ops;
    for (Index i = 0; i < number; ++i) ops.push_back(residual(chain(uniform(rng, 1, 2))));
    return Stack(std::move(ops));
  };
  for (int trial = 0; trial < trials; ++trial) {
    const auto up = [&] {
      return op::conv_transpose1d(noise_tensor(rng, {C, C, 8}, 0.06f), {}, {.stride = 4, .padding = 2});
    };
    const Stack net({conv(7, 1), branches({blocks(3), op::tanh(C), chain(2)}, op::mean(C, 3)), up(),
                     branches({blocks(1), chain(3), blocks(3)}, op::mean(C, 3)), up(), chain(2),
                     random_conv(rng, C, C, 6, {.stride = 3, .padding = 2}), chain(1)});
    const Signal x = noise(rng, C, uniform(rng, 500, 1000));
    const Signal expected = net(x, {.block_frames = uniform(rng, 3, 40)});
    CHECK(same_bits(net(x), expected));
    CHECK(same_bits(net(x, {.threads = 3}), expected));
    Stream stream = net.stream();
    const Index state = stream.state_bytes();
    for (const Index longest : {700, 90, 12}) {
      stream.reset();
      Signal y(C, expected.cols());
      Index done = 0;
      std::size_t allocated = 0;
      for (Index n = 0; n < x.cols();) {
        const Index count = std::min(uniform(rng, 0, longest), x.cols() - n);
        const std::size_t before = allocations();
        done += stream.push(FramesView(x).slice(n, count), FramesSpan(y).slice(done, y.cols() - done));
        allocated += allocations() - before;
        n += count;
      }
      stream.finish(FramesSpan(y).slice(done, y.cols() - done));
      CHECK(same_bits(y, expected));
      CHECK(allocated == 0);
    }
    CHECK(stream.state_bytes() == state);
  }
}

namespace {

// Large, and counts how often it is read.
struct Counting final : Kernel {
  Counting() : Kernel("counting", {{1, conv_geometry(1, 1, 1, 0, 0), {}}}, 1) {}
  Index parameters() const override { return 1 << 20; }
  void compute(const Work& work) const noexcept override {
    ++calls;
    std::copy_n(work.in[0], work.count, work.out);
  }
  mutable Index calls = 0;
};

}  // namespace

TEST_CASE(
    "stream: a large kernel behind a lower rate is read for many frames at a time where there are many") {
  Rng rng(40);
  const auto counting = std::make_shared<Counting>();
  const Op pool = op::avg_pool1d(1, {.kernel_size = 320});
  const Stack net({pool, Op(counting)});
  const Signal x = noise(rng, 1, 320 * 640);
  const Signal y = net(x);
  CHECK(same_bits(y, pool(x)));
  CHECK(counting->calls <= 640 / 32 + 2);
  Stream stream = net.stream();
  counting->calls = 0;
  CHECK(same_bits(stream.push(x), y));
  CHECK(counting->calls <= 640 / 32 + 2);
  stream.reset();
  CHECK(stream.push(FramesView(x).slice(0, 319)).cols() == 0);
  CHECK(stream.push(FramesView(x).slice(319, 1)).cols() == 1);  // nothing waits for more to come
}

TEST_CASE("stream: what is carried between pushes is the history of windows and the wait of short branches") {
  Rng rng(41);
  const Op conv = random_conv(rng, 4, 6, 9, {.padding = 12, .dilation = 3});
  CHECK(conv.carried_bytes() == 24 * 4 * 4);  // (9 − 1)·3 frames of 4 floats
  CHECK(random_conv(rng, 4, 6, 9, {.padding = {24, 0}, .dilation = 3}).carried_bytes() == 24 * 4 * 4);
  // x waits for the convolution, which reads 12 frames ahead.
  CHECK(residual(random_conv(rng, 4, 4, 9, {.padding = 12, .dilation = 3})).carried_bytes() == 24 * 4 * 4);
  const Op relu = op::relu(4);
  CHECK(branches({random_conv(rng, 4, 4, 9, {.padding = 12, .dilation = 3}), relu}, op::add(4))
            .carried_bytes() == (24 + 12) * 4 * 4);
  // Strides: of the eight frames that a window spans at most seven wait for the eighth.
  CHECK(random_conv(rng, 4, 4, 8, {.stride = 4}).carried_bytes() == 7 * 4 * 4);
  // Or all but one of very many; and of rates whose common period does not fit.
  CHECK(op::avg_pool1d(2, {100'003}).carried_bytes() == 100'002 * 2 * 4);
  const auto fine = [](Index terms) {
    return op::interpolate(1, {.scale_factor = Ratio(terms + 1, terms), .mode = InterpolateMode::linear});
  };
  CHECK(Stack({fine(1'162'261'467), fine(1'220'703'125)}).carried_bytes() <= 16);
  CHECK(conv.carried_bytes() <= conv.stream().state_bytes());
  const Op spectrum = op::istft({.n_fft = 64});
  CHECK(spectrum.stream().state_bytes() > spectrum.carried_bytes() + 3 * 64 * 4);  // transform and sum
}

TEST_CASE("stream: lags and reaches are those of the worst frame of a whole period") {
  CHECK(op::repeat(1, 100'003).latency_frames() == 100'003);
  CHECK(op::repeat(1, 100'003).lookahead_frames() == 0);
  CHECK(op::avg_pool1d(1, {100'003}).lookahead_frames() == 100'002);
  // Down and up again, frames of a pair differ: the first waits for three, its own being one of them.
  const Op pair = Stack({op::avg_pool1d(1, {2}), op::repeat(1, 2)});
  CHECK(pair.latency_frames() == 2);
  CHECK(pair.lookahead_frames() == 1);
  CHECK(pair.receptive_field() == 2);
  // A frame of padding comes with the frame behind it.
  const Op later = Stack({pair, op::pad1d(1, {.left = 1})});
  CHECK(later.latency_frames() == 2);
  CHECK(later.lookahead_frames() == 1);
  CHECK(later.receptive_field() == 2);
  const Op fine =
      op::interpolate(1, {.scale_factor = Ratio(1'000'003, 1'000'002), .mode = InterpolateMode::linear});
  CHECK(fine.receptive_field() == 2);
}

TEST_CASE("stream: an operator refuses numbers of inputs and outputs that it does not have") {
  const Op sum = op::add(3);
  CHECK(sum.in_channels(1) == 3);
  CHECK_THROWS_WITH(sum.in_channels(2), sum.name() + ": has 2 inputs, no input 2");
  CHECK_THROWS_WITH(sum.in_channels(-1), sum.name() + ": has 2 inputs, no input -1");
  CHECK_THROWS_WITH(sum.out_channels(1), sum.name() + ": has 1 outputs, no output 1");
  CHECK_THROWS_AS(sum.reads(0, 1), std::invalid_argument);
  CHECK_THROWS_AS(sum.reads(0, 0, 2), std::invalid_argument);
  CHECK_THROWS_AS(sum.rate(0, 2), std::invalid_argument);
  CHECK_THROWS_AS(sum.total(std::vector<Index>{4, 4}, 1), std::invalid_argument);
}

TEST_CASE("stream: frames that a crop may remove, and reflected ones, are waited for") {
  // The total is floor(T/4): of the fourth frame's sum nothing is known to stay before it is there.
  const Op quarter = op::interpolate(1, {.scale_factor = Ratio(1, 4), .mode = InterpolateMode::linear});
  CHECK(quarter.reads(1).last == 6);
  CHECK(quarter.available(7) == 1);
  CHECK(quarter.lookahead_frames() == 3);
  CHECK(quarter.latency_frames() == 1);
  CHECK(op::interpolate(1, {.scale_factor = Ratio(1, 10)}).lookahead_frames() == 9);
  Rng rng(3);
  const auto transposed = [&](Index kernel, const ConvTranspose1dOptions& options) {
    return op::conv_transpose1d(noise_tensor(rng, {2, 2, kernel}), {}, options);
  };
  CHECK(transposed(2, {.stride = 8, .padding = 1}).latency_frames() == 16);
  CHECK(transposed(16, {.stride = 8, .padding = 12}).latency_frames() == 24);
  CHECK(transposed(3, {.stride = 4, .padding = 4, .dilation = 3}).latency_frames() == 9);
  CHECK(op::pad1d(1, {.left = 5, .mode = PadMode::reflect}).latency_frames() == 6);
  CHECK(op::pad1d(1, {.left = 5, .mode = PadMode::reflect}).lookahead_frames() == 5);
  CHECK(op::pad1d(1, {.left = 5}).lookahead_frames() == 0);
  CHECK(op::pad1d(1, {.left = 5}).latency_frames() == 1);
  // What is far from the start, too; and a reflection behind it.
  const Op far = op::pad1d(1, {.left = 3'000'000, .mode = PadMode::reflect});
  CHECK(far.lookahead_frames() == 3'000'000);
  CHECK(Stack({op::avg_pool1d(1, {3}), op::pad1d(1, {.left = 2, .mode = PadMode::reflect})})
            .lookahead_frames() == 8);
  // Frames of another input are taken to be there.
  StackBuilder b("two inputs");
  const auto x = b.input(4), condition = b.input(4);
  const auto smooth = b.apply(random_conv(rng, 4, 4, 9, {.padding = 4}), {condition});
  const Op two = b.build({b.apply(op::add(4), {x, smooth})});
  CHECK(two.lookahead_frames() == 0);
  CHECK(two.latency_frames() == 1);
  CHECK(two.available(20) == 16);
}

TEST_CASE("stream: how many frames would come is known for any number, which does not overflow") {
  constexpr Index most = std::numeric_limits<Index>::max();
  Stream stream = op::relu(1).stream();
  stream.push(Signal(Signal::Ones(1, 3)));
  CHECK(stream.frames_after(most - 10) == most - 10);
  CHECK(stream.frames_after(most) == most - 3);
}

TEST_CASE("stream: frames are read where the caller has them, who may change them after the push") {
  Rng rng(45);
  std::vector<Op> ops{random_conv(rng, 3, 3, 7, {.padding = 3, .padding_mode = PadMode::reflect}),
                      random_conv(rng, 3, 2, 8, {.stride = 4, .padding = 2}), lopsided(rng), op::relu(3),
                      op::conv_transpose1d(noise_tensor(rng, {3, 2, 8}), {}, {.stride = 4, .padding = 2})};
  for (const Op& op : ops)
    for (const Index threads : {1, 2}) {
      INFO(op.name() << ", " << threads << " threads");
      std::vector<Signal> whole;
      for (Index i = 0; i < op.inputs(); ++i) whole.push_back(noise(rng, op.in_channels(i), 20'000));
      const std::vector<Signal> expected = op(std::vector<FramesView>(whole.begin(), whole.end()));
      Stream stream = op.stream({.threads = threads});
      std::vector<Index> made(expected.size());
      const auto compare = [&](const std::vector<Signal>& out) {
        for (std::size_t o = 0; o < out.size(); ++o) {
          REQUIRE(made[o] + out[o].cols() <= expected[o].cols());
          CHECK(out[o] == expected[o].middleCols(made[o], out[o].cols()));
          made[o] += out[o].cols();
        }
      };
      for (Index from = 0; from < 20'000;) {
        const Index n = std::min<Index>(20'000 - from, uniform(rng, 0, 2) ? uniform(rng, 1, 40) : 7'000);
        std::vector<Signal> part;
        for (const Signal& x : whole) part.emplace_back(x.middleCols(from, n));
        const std::vector<Signal> out = stream.push(std::vector<FramesView>(part.begin(), part.end()));
        for (Signal& x : part) x.setConstant(std::nanf(""));
        compare(out);
        from += n;
      }
      compare(stream.finish_all());
      for (std::size_t o = 0; o < expected.size(); ++o) CHECK(made[o] == expected[o].cols());
    }
}

TEST_CASE("stream: the output may overwrite the input of an operator that reads no further back") {
  Rng rng(46);
  const Op relu = op::relu(3);
  const Signal x = noise(rng, 3, 30'000);
  Signal y = x;
  Stream stream = relu.stream();
  CHECK(stream.push(y, y) == 30'000);
  CHECK(y == relu(x));
}

TEST_CASE(
    "stream: absurd strides, dilations and blocks cost no absurd memory where nothing is made of them") {
  Rng rng(38);
  const Tensor w = noise_tensor(rng, {1, 1, 2});
  const Signal x = noise(rng, 1, 10);
  CHECK(conv1d(x, w, {}, {.dilation = Index{1} << 38}).cols() == 0);
  CHECK(conv1d(x, w, {}, {.stride = Index{1} << 39}).cols() == 1);
  const Index most = std::numeric_limits<Index>::max();
  CHECK(op::conv1d(w).stream({.block_frames = most}).state_bytes() < (Index{1} << 26));
}

TEST_CASE(
    "stream: more frames than caches hold, which are written past them, have the bits of short pushes") {
  Rng rng(52);
  for (const Op& op : {op::interpolate(3, {.scale_factor = 2.0, .mode = InterpolateMode::linear}),
                       op::pixel_shuffle1d(24, 2), op::index_select(3, {2, 0, 0, 1, 2, 1})}) {
    INFO(op.name());
    const Index frames = (Index{8} << 20) / (op.out_channels() * op.total(1)) + 3000;
    const Signal x = noise(rng, op.in_channels(), 3001).replicate(1, frames / 3001 + 1).leftCols(frames);
    Signal whole = Signal::Constant(op.out_channels(), op.total(frames) + 1, 7.0f),
           parts(op.out_channels(), op.total(frames));
    Stream stream = op.stream(), chunks = op.stream({.block_frames = 1 << 20});
    const Index made = stream.push(x, whole);
    CHECK(made + stream.finish(FramesSpan(whole).slice(made, whole.cols() - made)) == op.total(frames));
    Index done = 0;
    for (Index n = 0; n < frames; n += 10'007) {
      const Index some = std::min<Index>(10'007, frames - n);
      done += chunks.push(FramesView(x).slice(n, some), FramesSpan(parts).slice(done, parts.cols() - done));
    }
    done += chunks.finish(FramesSpan(parts).slice(done, parts.cols() - done));
    REQUIRE(done == parts.cols());
    CHECK(same_bits(Signal(whole.leftCols(done)), parts));
    CHECK((whole.col(done).array() == 7.0f).all());
  }
}

TEST_CASE("stream: reflect padding folds a signal that is shorter than the padding as often as it takes") {
  const Tensor w({1, 1, 1}, {1});
  const Op pad = op::conv1d(w, {}, {.padding = {5, 6}, .padding_mode = PadMode::reflect});
  Signal x(1, 3);
  x << 1, 2, 3;
  Signal expected(1, 14);  // numpy.pad([1, 2, 3], (5, 6), "reflect")
  expected << 2, 1, 2, 3, 2, 1, 2, 3, 2, 1, 2, 3, 2, 1;
  CHECK(pad(x) == expected);
  CHECK(pad(Signal(Signal::Ones(1, 1))) == Signal::Ones(1, 12));
  CHECK(pad(Signal(1, 0)).cols() == 0);
}

TEST_CASE(
    "stream: ten minutes through 20 operators in 10 ms chunks hold the same memory and allocate nothing") {
  constexpr Index rate = 16'000, chunk = rate / 100, frames = 600 * rate;
  Rng rng(39);
  // Down by 20 through strided convolutions, dilated residual blocks at the low rate, up again.
  std::vector<Op> ops{random_conv(rng, 1, 8, 7, {.padding = 3, .padding_mode = PadMode::reflect}),
                      random_conv(rng, 8, 8, 9, {.stride = 5, .padding = 2}),
                      random_conv(rng, 8, 16, 8, {.stride = 4, .padding = 2})};
  for (Index i = 0; i < 7; ++i) {  // a convolution and a sum each
    const Index dilation = Index{1} << (i % 4);
    ops.push_back(residual(random_conv(
        rng, 16, 16, 3,
        {.padding = dilation, .dilation = dilation, .padding_mode = static_cast<PadMode>(i % 3)})));
  }
  ops.push_back(op::conv_transpose1d(noise_tensor(rng, {16, 8, 8}, 0.1f), {}, {.stride = 4, .padding = 2}));
  ops.push_back(op::conv_transpose1d(noise_tensor(rng, {8, 4, 9}, 0.1f), {}, {.stride = 5, .padding = 2}));
  ops.push_back(random_conv(rng, 4, 1, 5, {.padding = 2, .padding_mode = PadMode::replicate}));
  const Stack stack(ops, "ten minutes");

  const auto audio = [](Index n) {  // any part of the signal without holding all of it
    return std::sin(static_cast<float>(n % 7919) * 0.05f) +
           0.3f * std::sin(static_cast<float>(n % 104'729) * 0.7f);
  };
  const auto part = [&](Index first, Index count) {
    return Signal(Signal::NullaryExpr(1, count, [&](Index, Index n) { return audio(first + n); }));
  };
  const Index outputs = stack.total(frames), second = rate;
  Signal head(1, second), tail(1, second), in(1, chunk), out(1, 10 * chunk);
  Stream stream = stack.stream();
  const Index state = stream.state_bytes();
  const std::size_t allocated_before = allocations();
  Index made = 0, resident = 0;
  bool ok = true;
  const auto keep = [&](Index n) {
    for (Index i = 0; i < n; ++i, ++made) {
      if (made < second) head(0, made) = out(0, i);
      if (made >= outputs - second) tail(0, made - (outputs - second)) = out(0, i);
    }
  };
  for (Index at = 0; at < frames; at += chunk) {
    for (Index i = 0; i < chunk; ++i) in(0, i) = audio(at + i);
    const Index n = stream.push(in, out);
    ok = ok && n >= 0;
    keep(n);
    if (at == frames / 10) {
      const std::size_t allocated = allocations() - allocated_before;
      REQUIRE(allocated == 0);
      resident = resident_bytes();
    }
  }
  const std::size_t before_reading = allocations();
  keep(stream.finish(out));
  CHECK(allocations() == before_reading);
  CHECK(ok);
  CHECK(made == outputs);
  CHECK(stream.state_bytes() == state);
  CHECK(resident_bytes() - resident <= 256 << 10);  // pages of the test's own
  // The first and last seconds against the whole-signal call, over enough context to be exact.
  const Index context = 20 * (stack.receptive_field() / 20 + 2);
  CHECK(same_bits(head, stack(part(0, rate + context)).leftCols(second)));
  CHECK(same_bits(tail, stack(part(frames - rate - context, rate + context)).rightCols(second)));
}
