#include "contract.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "fusion.h"
#include "graph.h"
#include "signal_in_pieces.h"

// Counts what this thread allocates: through the sanitizers' hooks, which own malloc there, or else by
// standing before the C library's functions, which operator new, Eigen, FFTW and libsndfile use.
namespace {
thread_local std::size_t allocation_count = 0, allocation_bytes = 0;

void count_allocation(std::size_t bytes) {
  ++allocation_count;
  allocation_bytes += bytes;
}
}  // namespace

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
extern "C" int __sanitizer_install_malloc_and_free_hooks(void (*)(const volatile void*, std::size_t),
                                                         void (*)(const volatile void*));
namespace {
[[maybe_unused]] const int hooks = __sanitizer_install_malloc_and_free_hooks(
    [](const volatile void*, std::size_t n) { count_allocation(n); }, [](const volatile void*) {});
}
#else
extern "C" void* __libc_malloc(std::size_t);
extern "C" void* __libc_calloc(std::size_t, std::size_t);
extern "C" void* __libc_realloc(void*, std::size_t);
extern "C" void* __libc_memalign(std::size_t, std::size_t);
extern "C" void* malloc(std::size_t n) noexcept {
  count_allocation(n);
  return __libc_malloc(n);
}
extern "C" void* calloc(std::size_t n, std::size_t size) noexcept {
  count_allocation(n * size);
  return __libc_calloc(n, size);
}
extern "C" void* realloc(void* p, std::size_t n) noexcept {
  count_allocation(n);
  return __libc_realloc(p, n);
}
extern "C" void* aligned_alloc(std::size_t alignment, std::size_t n) noexcept {
  count_allocation(n);
  return __libc_memalign(alignment, n);
}
extern "C" void* memalign(std::size_t alignment, std::size_t n) noexcept {
  return aligned_alloc(alignment, n);
}
extern "C" int posix_memalign(void** p, std::size_t alignment, std::size_t n) noexcept {
  *p = aligned_alloc(alignment, n);
  return *p ? 0 : 12;  // ENOMEM
}
#endif

namespace wavestride::testing {

std::size_t allocations() {
  return allocation_count;
}

std::size_t allocated_bytes() {
  return allocation_bytes;
}

Index uniform(Rng& rng, Index lo, Index hi) {
  return std::uniform_int_distribution<Index>(lo, hi)(rng);
}

Signal noise(Rng& rng, Index channels, Index frames) {
  std::normal_distribution<float> normal;
  return Signal::NullaryExpr(channels, frames, [&] { return normal(rng); });
}

Tensor noise_tensor(Rng& rng, std::vector<Index> shape, float scale) {
  std::normal_distribution<float> normal(0.0f, scale);
  Tensor t(std::move(shape));
  for (float& v : t.data) v = normal(rng);
  return t;
}

bool same_bits(FramesView a, FramesView b) {
  return a.channels() == b.channels() && a.frames() == b.frames() &&
         (a.frames() == 0 ||
          std::memcmp(a.data(), b.data(),
                      static_cast<std::size_t>(a.channels() * a.frames()) * sizeof(float)) == 0);
}

namespace {

Index random_chunk(Rng& rng) {
  static constexpr Index primes[] = {2, 3, 5, 7, 13, 31, 61, 127, 509};
  switch (uniform(rng, 0, 5)) {
    case 0:
      return 0;
    case 1:
      return 1;
    case 2:
      return uniform(rng, 1, 40);
    case 3:
      return uniform(rng, 100, 3000);
    default:
      return primes[uniform(rng, 0, 8)];
  }
}

Index any_threads(Rng& rng) {
  static constexpr Index threads[] = {2, 3, 8};
  return threads[uniform(rng, 0, 2)];
}

}  // namespace

Signal stream_in_chunks(Stream& stream, FramesView x, Rng& rng) {
  // frames_after() is asked first and must be exact; the output comes in frames that are full of NaN before.
  const Op& op = stream.op();
  Signal y = Signal::Constant(op.out_channels(), op.total(x.frames()), std::nanf(""));
  Index at = 0;
  // The last chunk ends every other signal, too.
  const bool ends = x.frames() % 2 > 0;
  Index n = 0;
  while (n < x.frames()) {
    const Index chunk = std::min(random_chunk(rng), x.frames() - n);
    if (ends && n + chunk == x.frames()) break;
    const Index expected = stream.frames_after(chunk);
    REQUIRE(at + expected <= y.cols());
    const std::size_t before = allocations();
    const Index made = stream.push(x.slice(n, chunk), FramesSpan(y).slice(at, expected));
    const std::size_t allocated = allocations() - before;
    REQUIRE(allocated == 0);
    REQUIRE(made == expected);
    n += chunk;
    at += made;
    REQUIRE(stream.received() == n);
    REQUIRE(stream.emitted() == at);
    REQUIRE(at == op.available(n));
  }
  const Index rest = x.frames() - n;
  const Index expected = stream.frames_at_finish(rest);
  REQUIRE(at + expected == y.cols());
  const FramesSpan out = FramesSpan(y).slice(at, expected);
  const std::size_t before = allocations();
  const Index made = ends ? stream.finish_with(x.slice(n, rest), out) : stream.finish(out);
  const std::size_t allocated = allocations() - before;
  REQUIRE(allocated == 0);
  REQUIRE(made == expected);
  return y;
}

namespace {

// Whether output frame n of a signal of T frames depends on virtual frames, of the input or of any value
// inside: reflection and replication make them of real frames that reads() does not count.
bool reads_virtual_frames(const Op& op, Index n, Index T) {
  const detail::Graph& graph = *op.graph();
  std::vector<Index> lengths(graph.values().size());
  graph.totals({&T, 1}, lengths);
  const std::vector<FrameRange> reads = graph.reads(0, n);
  for (std::size_t v = 0; v < reads.size(); ++v)
    if (reads[v].first < 0 || reads[v].last >= lengths[v]) return true;
  return false;
}

// The input frames that change output frame n, found by changing one after another, against op.reads(n).
void verify_receptive_field(const Op& op, Rng& rng, const ContractOptions& options) {
  const Ratio rate = op.rate();
  const Index field = op.receptive_field();
  if (field > 3000) return;
  const Index T = 2 * field + 4 * rate.num + 8;
  const Signal x = noise(rng, op.in_channels(), T);
  const Signal y = op(x);
  if (y.cols() == 0) return;
  std::vector<FrameRange> found(static_cast<std::size_t>(y.cols()), {T, -1});
  for (Index t = 0; t < T; ++t) {
    Signal changed = x;
    changed.col(t).array() = changed.col(t).array() * -3.0f + 10.0f;
    const Signal z = op(changed);
    REQUIRE(z.cols() == y.cols());
    for (Index n = 0; n < y.cols(); ++n)
      if (!same_bits(FramesView(y).slice(n, 1), FramesView(z).slice(n, 1))) {
        FrameRange& f = found[static_cast<std::size_t>(n)];
        f.first = std::min(f.first, t);
        f.last = std::max(f.last, t);
      }
  }
  Index widest = 0, lookahead = 0;
  for (Index n = 0; n < y.cols(); ++n) {
    const FrameRange f = found[static_cast<std::size_t>(n)], said = op.reads(n);
    if (f.last < 0) continue;
    if (!reads_virtual_frames(op, n, T)) {
      if (!options.recurrent) CHECK(f.first >= said.first);
      CHECK(f.last <= said.last);
      if (options.dense) {
        CHECK(f.first == said.first);
        CHECK(f.last == said.last);
      }
      widest = std::max(widest, f.last - f.first + 1);
      lookahead = std::max(lookahead, f.last - detail::affine_floor(n, rate.num, 0, rate.den));
    }
  }
  CHECK(lookahead <= op.lookahead_frames());
  if (options.dense && widest > 0 && rate.den <= 64) CHECK(widest == op.receptive_field());
}

// What a stream's first frames wait for, two periods beyond the first that comes out, against what op says.
void verify_lags(const Op& op) {
  const Ratio rate = op.rate();
  const Index period = op.graph()->period(0);
  Index first = 1;
  while (op.available(first) == 0) ++first;
  if (period > 20'000) return;
  Index lookahead = 0, latency = 0;
  for (Index received = first; received <= first + 2 * period; ++received) {
    for (Index n = op.available(received - 1); n < op.available(received); ++n) {
      lookahead = std::max(lookahead, received - 1 - detail::affine_floor(n, rate.num, 0, rate.den));
      latency = std::max(latency, detail::affine_floor(received, rate.den, 0, rate.num) - n);
    }
  }
  CHECK(lookahead == op.lookahead_frames());
  CHECK(latency == op.latency_frames());
}

// Of several threads, as if the signal were so long that it is cut to pieces.
void verify_pieces(const Op& op, std::span<const FramesView> x, const Signal& whole,
                   const StreamOptions& options) {
  const auto pieces = detail::SignalInPieces::of(detail::fused(op.graph()), options, options.threads);
  if (!pieces || whole.cols() == 0) return;
  std::vector<Index> lengths;
  for (const FramesView& in : x) lengths.push_back(in.frames());
  pieces->cut(lengths, 2 * options.threads - 1);
  INFO("in " << pieces->pieces() << " pieces");
  kernels::Aligned<float> memory(static_cast<std::size_t>(pieces->floats()), std::nanf(""));
  pieces->use(memory.data());
  std::vector<kernels::Aligned<std::byte>> scratch(static_cast<std::size_t>(options.threads));
  for (auto& s : scratch) s.resize(static_cast<std::size_t>(pieces->borrowed_bytes()));
  Signal y = Signal::Constant(whole.rows(), whole.cols(), std::nanf(""));
  ThreadPool pool(options.threads - 1);
  const std::size_t allocations = allocation_count;
  pieces->process(x, y, pool, [&](std::size_t thread) { return scratch[thread].data(); });
  const std::size_t more = allocation_count - allocations;
  CHECK(more == 0);
  REQUIRE(same_bits(y, whole));
}

}  // namespace

void verify_contract(const Op& op, Rng& rng, const ContractOptions& options) {
  INFO(op.name());
  REQUIRE(op.inputs() == 1);
  REQUIRE(op.outputs() == 1);
  REQUIRE(op.streamable());
  const Index longest =
      options.longest > 0 ? options.longest : std::min<Index>(3 * op.receptive_field() + 700, 20'000);
  Stream stream = op.stream();
  for (const Index T :
       {Index{0}, Index{1}, uniform(rng, 1, op.receptive_field() + 1), uniform(rng, 2, 50), longest}) {
    INFO("T = " << T);
    const Signal x = noise(rng, op.in_channels(), T);
    const Signal whole = op(x);
    REQUIRE(whole.cols() == op.total(T));
    REQUIRE(whole.rows() == op.out_channels());
    if (T == 0) REQUIRE(whole.cols() == 0);
    CHECK(whole.allFinite());
    for (int i = 0; i < options.chunkings; ++i) {
      stream.reset();
      REQUIRE(same_bits(stream_in_chunks(stream, x, rng), whole));
    }
    const FramesView frames = x;
    verify_pieces(op, {&frames, 1}, whole, {.threads = 2});
    if (T == longest) {
      Stream small = op.stream({.block_frames = uniform(rng, 1, 9)});
      REQUIRE(same_bits(stream_in_chunks(small, x, rng), whole));
      Rng own(static_cast<unsigned>(op.in_channels() + 7 * op.out_channels() + 31 * whole.cols()));
      const StreamOptions several{.block_frames = uniform(own, 0, 9), .threads = any_threads(own)};
      INFO(several.threads << " threads, blocks of " << several.block_frames);
      Stream shared = op.stream(several);
      REQUIRE(same_bits(stream_in_chunks(shared, x, own), whole));
      REQUIRE(same_bits(op(x, several), whole));
      verify_pieces(op, {&frames, 1}, whole, several);
    }
  }
  // A stream abandoned in the middle begins anew.
  {
    const Signal x = noise(rng, op.in_channels(), longest);
    stream.reset();
    (void)stream.push(FramesView(x).slice(0, longest / 2));
    stream.reset();
    const Signal again = stream_in_chunks(stream, x, rng);
    REQUIRE(same_bits(again, op(x)));
  }
  // Two threads, one Op.
  {
    const Signal a = noise(rng, op.in_channels(), longest), b = noise(rng, op.in_channels(), longest);
    Signal from_a, from_b;
    std::thread ta([&] { from_a = op(a); }), tb([&] { from_b = op(b); });
    ta.join();
    tb.join();
    REQUIRE(same_bits(from_a, op(a)));
    REQUIRE(same_bits(from_b, op(b)));
  }
  verify_receptive_field(op, rng, options);
  verify_lags(op);
}

void verify_contract_multi(const Op& op, Rng& rng, const ContractOptions& options) {
  INFO(op.name());
  REQUIRE(op.streamable());
  const auto inputs = static_cast<std::size_t>(op.inputs()), outputs = static_cast<std::size_t>(op.outputs());
  const Index threads = any_threads(rng);
  Stream automatic = op.stream(), small = op.stream({.block_frames = uniform(rng, 1, 9)}),
         shared = op.stream({.block_frames = uniform(rng, 0, 9), .threads = threads});
  Stream* const streams[] = {&automatic, &small, &shared};
  const Index longest = options.longest > 0 ? options.longest : 700;
  for (const Index T : {Index{0}, Index{1}, uniform(rng, 2, 50), longest}) {
    INFO("T = " << T);
    std::vector<Signal> x;
    for (std::size_t i = 0; i < inputs; ++i) {
      const Ratio r = op.rate(0, static_cast<Index>(i)), r0 = op.rate(0, 0);
      const Index frames = T * r.num * r0.den / (r.den * r0.num);
      x.push_back(noise(rng, op.in_channels(static_cast<Index>(i)), frames));
    }
    const std::vector<FramesView> views(x.begin(), x.end());
    const std::vector<Signal> whole = op(views), by_several = op(views, {.threads = threads});
    for (std::size_t o = 0; o < outputs; ++o) REQUIRE(same_bits(by_several[o], whole[o]));
    verify_pieces(op, views, whole[0], {.threads = threads});
    std::vector<Index> lengths;
    for (const Signal& s : x) lengths.push_back(s.cols());
    for (std::size_t o = 0; o < outputs; ++o) {
      REQUIRE(whole[o].cols() == op.total(lengths, static_cast<Index>(o)));
      CHECK(whole[o].allFinite());
    }
    for (int c = 0; c < options.chunkings; ++c) {
      Stream& stream = *streams[c % 3];
      stream.reset();
      if (c > 2) {  // a signal abandoned on the way leaves nothing behind
        std::vector<FramesView> start;
        for (const FramesView& v : views) start.push_back(v.slice(0, v.frames() / 2));
        (void)stream.push(start);
        stream.reset();
      }
      std::vector<Signal> y;
      std::vector<Index> at(outputs), taken(inputs), expected(outputs), written(outputs);
      for (std::size_t o = 0; o < outputs; ++o)
        y.push_back(Signal::Constant(whole[o].rows(), whole[o].cols(), std::nanf("")));
      const auto room = [&] {
        std::vector<FramesSpan> out;
        for (std::size_t o = 0; o < outputs; ++o) {
          REQUIRE(at[o] + expected[o] <= y[o].cols());
          out.push_back(FramesSpan(y[o]).slice(at[o], expected[o]));
        }
        return out;
      };
      const auto took = [&] {
        REQUIRE(written == expected);
        for (std::size_t o = 0; o < outputs; ++o) at[o] += written[o];
      };
      for (bool more = true; more;) {
        more = false;
        std::vector<FramesView> chunk;
        std::vector<Index> n;
        for (std::size_t i = 0; i < inputs; ++i) {
          n.push_back(std::min(random_chunk(rng), x[i].cols() - taken[i]));
          chunk.push_back(views[i].slice(taken[i], n[i]));
          taken[i] += n[i];
          more = more || taken[i] < x[i].cols();
        }
        stream.frames_after(n, expected);
        const auto out = room();
        const std::size_t before = allocations();
        const bool pushed = stream.push(chunk, out, written);
        const std::size_t allocated = allocations() - before;
        REQUIRE(pushed);
        if (inputs == 1) REQUIRE(allocated == 0);  // several may run ahead of each other
        took();
      }
      stream.frames_at_finish(expected);
      const auto out = room();
      REQUIRE(stream.finish(out, written));
      took();
      for (std::size_t o = 0; o < outputs; ++o) REQUIRE(same_bits(y[o], whole[o]));
    }
  }
}

}  // namespace wavestride::testing
