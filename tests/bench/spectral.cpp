// STFT, its inverse, mel features and Griffin-Lim at 22.05 kHz, n_fft 1024, hop 256: how often faster than
// real time ("realtime").
#include <benchmark/benchmark.h>
#include <wavestride/griffin_lim.h>
#include <wavestride/stream.h>

using namespace wavestride;

namespace {

constexpr Index rate_hz = 22'050, samples = 10 * rate_hz;
const StftOptions options{.n_fft = 1024, .hop_length = 256};

void count_realtime(benchmark::State& state) {
  state.counters["realtime"] = benchmark::Counter(static_cast<double>(samples * state.iterations()) / rate_hz,
                                                  benchmark::Counter::kIsRate);
}

void stream_whole(benchmark::State& state, const Op& op, const Signal& x) {
  Stream stream = op.stream();
  Signal y(op.out_channels(), op.total(x.cols()));
  for (auto _ : state) {
    stream.reset();
    stream.finish_with(x, y);
    benchmark::DoNotOptimize(y.data());
  }
  count_realtime(state);
}

void stft_whole(benchmark::State& state) {
  stream_whole(state, op::stft(options), Signal::Random(1, samples));
}
BENCHMARK(stft_whole)->Unit(benchmark::kMillisecond);

void istft_whole(benchmark::State& state) {
  stream_whole(state, op::istft(options), stft(Signal(Signal::Random(1, samples)), options));
}
BENCHMARK(istft_whole)->Unit(benchmark::kMillisecond);

void mel_whole(benchmark::State& state) {
  stream_whole(state, op::mel_spectrogram(mel_preset("hifigan-22k")), Signal::Random(1, samples));
}
BENCHMARK(mel_whole)->Unit(benchmark::kMillisecond);

void griffin_lim_32(benchmark::State& state) {
  const Signal magnitudes = magnitude(stft(Signal(Signal::Random(1, samples)), options), 1);
  for (auto _ : state) benchmark::DoNotOptimize(griffin_lim(magnitudes, options, 1, {.n_iter = 32}));
  count_realtime(state);
}
BENCHMARK(griffin_lim_32)->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
