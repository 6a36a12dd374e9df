// Convolution C → C as a percentage of the measured multiply-add peak of one core (counter "peak").
#include <benchmark/benchmark.h>
#include <wavestride/conv1d.h>
#include <wavestride/stream.h>

#include "fma_peak.h"

using namespace wavestride;

static void conv1d_whole(benchmark::State& state) {
  static const double peak = bench::fma_peak();
  const Index channels = state.range(0), kernel = state.range(1), dilation = state.range(2);
  Tensor weight({channels, channels, kernel});
  for (float& w : weight.data) w = 0.01f;
  const Op conv = op::conv1d(weight, {}, {.padding = "same", .dilation = dilation});
  const Index frames = 100'000'000 / (channels * channels * kernel) + 64;
  const Signal x = Signal::Random(channels, frames);
  // As between the operators of a stack: the memory of the output is there already.
  Signal y(channels, frames);
  Stream stream = conv.stream();
  for (auto _ : state) {
    const Index made = stream.push(x, y);
    stream.finish(FramesSpan(y).slice(made, frames - made));
    stream.reset();
  }
  const double operations = 2.0 * conv.macs_per_frame() * static_cast<double>(frames * state.iterations());
  state.counters["GFLOP/s"] = benchmark::Counter(operations * 1e-9, benchmark::Counter::kIsRate);
  state.counters["peak"] = benchmark::Counter(operations * 100 / peak, benchmark::Counter::kIsRate);
}
BENCHMARK(conv1d_whole)
    ->ArgNames({"channels", "kernel", "dilation"})
    ->ArgsProduct({{8, 16, 32, 64, 128, 256, 512}, {3, 7, 11}, {1, 5}})
    ->Unit(benchmark::kMillisecond);

BENCHMARK_MAIN();
