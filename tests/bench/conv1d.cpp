// Convolution as a percentage of the multiply-add peak of one core, measured beside each run (counter "peak",
// of float; the median of the runs): C → C, by sums, by minimal filtering, whose multiply-adds are counted as
// the sums would need them, and by bfloat16; transposed, C → C/2; and of few channels.
#include <benchmark/benchmark.h>
#include <wavestride/bfloat16.h>
#include <wavestride/conv1d.h>
#include <wavestride/conv_transpose1d.h>
#include <wavestride/minimal_filtering.h>
#include <wavestride/stream.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <vector>

#include "fma_peak.h"

using namespace wavestride;

namespace {

// Frames that begin at a cache line, as between the operators of a stack, and whose memory is there already.
class Frames {
 public:
  Frames(Index channels, Index frames)
      : memory_(static_cast<std::size_t>(channels * frames) + line), channels_(channels), frames_(frames) {
    span().matrix().setRandom();
  }
  FramesSpan span() {
    const auto past = reinterpret_cast<std::uintptr_t>(memory_.data()) / sizeof(float) % line;
    return {memory_.data() + (line - past) % line, channels_, frames_};
  }

 private:
  static constexpr std::size_t line = 16;
  std::vector<float> memory_;
  Index channels_, frames_;
};

void run(benchmark::State& state, const Op& op, Index frames) {
  using Clock = std::chrono::steady_clock;
  Frames in(op.in_channels(), frames), out(op.out_channels(), op.total(frames));
  const FramesSpan x = in.span(), y = out.span();
  Stream stream = op.stream();
  const double operations = 2.0 * op.macs_per_frame() * static_cast<double>(y.frames());
  // What else runs on the core slows both: each run is compared with the peak just before and after it.
  std::vector<double> shares;
  double before = bench::fma_rate();
  for (auto _ : state) {
    const auto start = Clock::now();
    stream.finish_with(x, y);
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    stream.reset();
    state.SetIterationTime(seconds);
    const double after = bench::fma_rate();
    shares.push_back(operations / seconds / std::max(before, after));
    before = after;
  }
  const auto middle = shares.begin() + static_cast<std::ptrdiff_t>(shares.size() / 2);
  std::nth_element(shares.begin(), middle, shares.end());
  state.counters["GFLOP/s"] =
      benchmark::Counter(operations * 1e-9, benchmark::Counter::kIsIterationInvariantRate);
  state.counters["peak"] = 100 * *middle;
}

Tensor weights(Index a, Index b, Index kernel) {
  Tensor w({a, b, kernel});
  for (float& v : w.data) v = 0.01f;
  return w;
}

Op conv(const benchmark::State& state) {
  const Index channels = state.range(0);
  return op::conv1d(weights(channels, channels, state.range(1)), {},
                    {.padding = "same", .dilation = state.range(2)});
}

// Frames of so many products and floats each, as inside a stack: few enough that the second-level cache holds
// what goes in and what comes out; but `fewest`, lest reading large kernels once is what is measured.
Index frames_of(Index products, Index floats, Index fewest) {
  return std::max(std::min(100'000'000 / products, (64 << 10) / floats), fewest);
}

Index frames_for(const benchmark::State& state) {
  const Index channels = state.range(0);
  return frames_of(channels * channels * state.range(1), channels, 512);
}

void conv1d_whole(benchmark::State& state) {
  run(state, conv(state), frames_for(state));
}
BENCHMARK(conv1d_whole)
    ->ArgNames({"channels", "kernel", "dilation"})
    ->ArgsProduct({{8, 16, 32, 64, 128, 256, 512}, {3, 7, 11}, {1, 3, 5}})
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);

void conv1d_minimal(benchmark::State& state) {
  run(state, minimal_filtering(conv(state)), frames_for(state));
}
BENCHMARK(conv1d_minimal)
    ->ArgNames({"channels", "kernel", "dilation"})
    ->ArgsProduct({{16, 32, 64, 128, 256, 512}, {3, 7, 11}, {1, 3, 5}})
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);

void conv1d_bfloat16(benchmark::State& state) {
  run(state, bfloat16(conv(state)), frames_for(state));
}
BENCHMARK(conv1d_bfloat16)
    ->ArgNames({"channels", "kernel", "dilation"})
    ->ArgsProduct({{16, 32, 64, 128, 256, 512}, {3, 7, 11}, {1, 3, 5}})
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);

// Few channels, to a group or at all.
void conv1d_few(benchmark::State& state) {
  const Index channels = state.range(0), kernel = state.range(1), groups = state.range(2);
  const Op op =
      op::conv1d(weights(channels, channels / groups, kernel), {}, {.padding = "same", .groups = groups});
  run(state, op, frames_of(channels * channels / groups * kernel, channels, 512));
}
BENCHMARK(conv1d_few)
    ->ArgNames({"channels", "kernel", "groups"})
    ->ArgsProduct({{1}, {1, 3, 31, 401}, {1}})
    ->ArgsProduct({{2, 7}, {7, 401}, {1}})
    ->ArgsProduct({{7}, {7, 31}, {7}})
    ->ArgsProduct({{64, 512}, {7, 31, 401}, {64}})
    ->ArgsProduct({{512}, {7, 31, 401}, {512}})
    ->ArgsProduct({{64}, {1, 3, 7}, {8, 16, 32}})
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);

void conv_transpose1d_whole(benchmark::State& state) {
  const Index channels = state.range(0), stride = state.range(1);
  const Op op = op::conv_transpose1d(weights(channels, channels / 2, 2 * stride), {},
                                     {.stride = stride, .padding = stride / 2});
  run(state, op, frames_of(channels * channels * stride, channels / 2 * stride, 64));
}
BENCHMARK(conv_transpose1d_whole)
    ->ArgNames({"channels", "stride"})
    ->ArgsProduct({{32, 64, 128, 256, 512}, {2, 8}})
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
