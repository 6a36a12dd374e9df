// LSTMs of two layers: frames a second, by chunks of so many frames, and multiply-adds as a percentage of the
// measured peak of one core.
#include <benchmark/benchmark.h>
#include <wavestride/lstm.h>
#include <wavestride/stream.h>

#include <cmath>
#include <random>

#include "fma_peak.h"

using namespace wavestride;

namespace {

Op random_lstm(Index channels) {
  std::mt19937 rng(1);
  const auto layer = [&] {
    const float most = 1 / std::sqrt(static_cast<float>(channels));
    std::uniform_real_distribution<float> uniform(-most, most);
    LstmWeights w{Tensor({4 * channels, channels}), Tensor({4 * channels, channels}),
                  std::vector<float>(static_cast<std::size_t>(4 * channels)),
                  std::vector<float>(static_cast<std::size_t>(4 * channels))};
    for (std::vector<float>* values : {&w.weight_ih.data, &w.weight_hh.data, &w.bias_ih, &w.bias_hh})
      for (float& v : *values) v = uniform(rng);
    return w;
  };
  return op::lstm(std::vector{layer(), layer()});
}

void lstm_stream(benchmark::State& state) {
  static const double peak = bench::fma_peak();
  const Index channels = state.range(0), chunk = state.range(1), frames = 512;
  const Op op = random_lstm(channels);
  Stream stream = op.stream();
  const Signal x = Signal::Random(channels, frames);
  Signal y(channels, chunk);
  for (auto _ : state)
    for (Index n = 0; n < frames; n += chunk) stream.push(x.middleCols(n, chunk), y);
  const auto made = static_cast<double>(frames * state.iterations());
  const auto rate = [&](double value) { return benchmark::Counter(value, benchmark::Counter::kIsRate); };
  state.counters["frames"] = rate(made);
  state.counters["peak"] = rate(2 * op.macs_per_frame() * made * 100 / peak);
}
BENCHMARK(lstm_stream)
    ->ArgNames({"channels", "chunk"})
    ->ArgsProduct({{64, 256, 512}, {512, 8, 1}})
    ->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
