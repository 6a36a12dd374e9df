// Vocoders of published sizes with random weights, a second of audio: how often faster than real time
// ("realtime", of all streams together), how long the first sample takes once the frames that it needs are
// there ("first_ms"), memory beyond that of the weights ("memory_MiB"; "weights_MiB" as PyTorch holds them),
// multiply-adds as a percentage of the measured peak of one core ("peak"). chunk: mel frames a push, 0: the
// whole signal.
#include <benchmark/benchmark.h>
#include <malloc.h>
#include <wavestride/model.h>
#include <wavestride/stream.h>

#include <chrono>
#include <fstream>
#include <map>

#include "fma_peak.h"
#include "imagined_file.h"

using namespace wavestride;

namespace {

constexpr const char* names[] = {"HiFi-GAN V1", "HiFi-GAN V2", "HiFi-GAN V3", "MelGAN", "Vocos"};

const Model& model(std::size_t i) {
  static std::map<std::string, Model> loaded;
  if (loaded.empty())
    for (const auto& network : testing::published_networks())
      for (const std::string name : names)
        if (network.at("name") == name)
          loaded.emplace(name,
                         load_model(testing::ImaginedFile(network.at("tensors"), network.at("config"))));
  return loaded.at(names[i]);
}

double frame_rate(const Model& m) {
  return static_cast<double>(m.features.sample_rate) / static_cast<double>(m.features.hop_length);
}

Signal features(const Model& m, Index frames) {
  return Signal::Random(m.features.n_mels, frames);
}

/// The memory of this process, in MiB: "VmRSS" now, "VmHWM" at most since forget_peak().
double resident_mib(const std::string& what) {
  std::ifstream status("/proc/self/status");
  for (std::string key; status >> key;) {
    double kib = 0;
    if (key == what + ":" && status >> kib) return kib / 1024;
  }
  return 0;
}

void forget_peak() {
  malloc_trim(0);  // what was freed counts as ours otherwise
  std::ofstream("/proc/self/clear_refs") << 5;
}

void run(Stream& stream, FramesView x, Index chunk, FramesSpan y) {
  stream.reset();
  Index made = 0, n = 0;
  for (; n + chunk < x.frames(); n += chunk)
    made += stream.push(x.slice(n, chunk), y.slice(made, y.frames() - made));
  stream.finish_with(x.slice(n, x.frames() - n), y.slice(made, y.frames() - made));
}

double first_sample_ms(Stream& stream, FramesView x, FramesSpan y) {
  using Clock = std::chrono::steady_clock;
  stream.reset();
  const FramesView needed = x.slice(0, stream.op().reads(0).last + 1);
  const auto start = Clock::now();
  benchmark::DoNotOptimize(stream.push(needed, y));
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

void vocode(benchmark::State& state) {
  static const double peak = bench::fma_peak();
  const Model& m = model(static_cast<std::size_t>(state.range(0)));
  state.SetLabel(names[state.range(0)]);
  const Index frames = static_cast<Index>(frame_rate(m)) + 1;
  const Index chunk = state.range(1) > 0 ? state.range(1) : frames;
  const Signal x = features(m, frames);
  forget_peak();
  const double before = resident_mib("VmRSS");
  Stream stream = m.network.stream({.threads = state.range(2)});
  Signal y(1, m.network.total(frames));
  for (auto _ : state) run(stream, x, chunk, y);
  const auto rate = [&](double value) {
    return benchmark::Counter(value * static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
  };
  state.counters["realtime"] = rate(static_cast<double>(frames) / frame_rate(m));
  state.counters["peak"] =
      rate(200 * m.macs_per_second() * static_cast<double>(frames) / frame_rate(m) / peak);
  state.counters["memory_MiB"] = resident_mib("VmHWM") - before;
  state.counters["weights_MiB"] = static_cast<double>(m.network.parameters()) * sizeof(float) / (1 << 20);
  state.counters["first_ms"] = first_sample_ms(stream, x, y);
}
BENCHMARK(vocode)
    ->ArgNames({"model", "chunk", "threads"})
    ->ArgsProduct({{0, 1, 2, 3, 4}, {1, 8, 0}, {1, 2}})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

/// Streams that share one model, each on a thread of the caller's.
void vocode_many(benchmark::State& state) {
  const Model& m = model(static_cast<std::size_t>(state.range(0)));
  state.SetLabel(names[state.range(0)]);
  const Index frames = 32;
  const Signal x = features(m, frames);
  Stream stream = m.network.stream();
  Signal y(1, m.network.total(frames));
  for (auto _ : state) run(stream, x, 8, y);
  state.counters["realtime"] = benchmark::Counter(
      static_cast<double>(frames * state.iterations()) / frame_rate(m), benchmark::Counter::kIsRate);
}
BENCHMARK(vocode_many)
    ->ArgName("model")
    ->DenseRange(0, 2)
    ->Threads(1)
    ->Threads(2)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

}  // namespace

int main(int argc, char** argv) {
  model(0);  // before there are threads
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
}
