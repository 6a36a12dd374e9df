// Operators that do little beyond moving frames, against memcpy of the bytes that they read and write, half
// of them each ("memcpy": its time over theirs, 1 is as fast). Signals of 1 MiB, from cache to cache, and of
// 64 MiB, from memory to memory.
#include <benchmark/benchmark.h>
#include <wavestride/avg_pool1d.h>
#include <wavestride/interpolate.h>
#include <wavestride/max_pool1d.h>
#include <wavestride/pixel_shuffle1d.h>
#include <wavestride/stream.h>

#include <chrono>
#include <cstring>

using namespace wavestride;

namespace {

struct Case {
  const char* name;
  Op op;
};

const Case& chosen(std::size_t i) {
  static const Case cases[] = {
      {"max_pool1d 2", op::max_pool1d(64, {.kernel_size = 2})},
      {"max_pool1d 3, stride 2", op::max_pool1d(64, {.kernel_size = 3, .stride = 2})},
      {"avg_pool1d 2", op::avg_pool1d(64, {.kernel_size = 2})},
      {"avg_pool1d 4", op::avg_pool1d(64, {.kernel_size = 4})},
      {"nearest 2", op::interpolate(64, {.scale_factor = 2.0})},
      {"nearest 4", op::interpolate(64, {.scale_factor = 4.0})},
      {"linear 2", op::interpolate(64, {.scale_factor = 2.0, .mode = InterpolateMode::linear})},
      {"linear 1/2", op::interpolate(64, {.scale_factor = 0.5, .mode = InterpolateMode::linear})},
      {"pixel_shuffle1d 2", op::pixel_shuffle1d(64, 2)},
      {"pixel_shuffle1d 8", op::pixel_shuffle1d(64, 8)},
      {"pixel_shuffle1d 2, phase-major", op::pixel_shuffle1d(64, 2, ShuffleOrder::phase_major)},
      {"pixel_unshuffle1d 2", op::pixel_unshuffle1d(64, 2)},
  };
  return cases[i];
}
constexpr int cases = 12;

template <class F>
double seconds(F&& f) {
  const auto start = std::chrono::steady_clock::now();
  f();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void against_memcpy(benchmark::State& state) {
  const auto& [name, op] = chosen(static_cast<std::size_t>(state.range(0)));
  state.SetLabel(name);
  const Index frames = state.range(1) * (1 << 20) / (op.in_channels() * static_cast<Index>(sizeof(float)));
  const Signal x = Signal::Random(op.in_channels(), frames);
  Signal y(op.out_channels(), op.total(frames));
  y.setZero();
  Stream stream = op.stream();
  const std::size_t bytes = static_cast<std::size_t>(x.size() + y.size()) * sizeof(float);
  std::vector<char> from(bytes / 2, 'x'), to(bytes / 2);
  const auto convert = [&] {
    stream.reset();
    stream.finish_with(x, y);
  };
  convert();  // touches the memory: often there is time for a few repetitions alone
  double ours = 0, copies = 0;
  for (auto _ : state) {  // in turn, so that what else the machine does slows both
    copies += seconds([&] {
      std::memcpy(to.data(), from.data(), to.size());
      benchmark::ClobberMemory();
    });
    const double time = seconds(convert);
    ours += time;
    state.SetIterationTime(time);
  }
  state.counters["memcpy"] = copies / ours;
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes) * state.iterations());
}
BENCHMARK(against_memcpy)
    ->ArgNames({"case", "MiB"})
    ->ArgsProduct({benchmark::CreateDenseRange(0, cases - 1, 1), {1, 64}})
    ->UseManualTime()
    ->Unit(benchmark::kMicrosecond);

}  // namespace

BENCHMARK_MAIN();
