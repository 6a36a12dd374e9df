// Autoregressive WaveNets: samples a second of all utterances together, in multiples of real time
// ("realtime", of one utterance at the model's rate), and multiply-adds as a percentage of the measured peak
// of one core. weights: 0 float, 1 bfloat16, 2 of 8 bits.
#include <benchmark/benchmark.h>
#include <wavestride/arithmetic.h>
#include <wavestride/stream.h>
#include <wavestride/wavenet_generator.h>

#include "fma_peak.h"

using namespace wavestride;

namespace {

struct Shape {
  Index layers, stacks, residual, gate, skip, outputs, features, rate;
  WavenetDistribution distribution;
};

constexpr Shape shapes[] = {
    {20, 2, 64, 128, 64, 30, 80, 16000, WavenetDistribution::logistic},    // 20 layers, 64 channels
    {24, 4, 128, 256, 128, 30, 80, 22050, WavenetDistribution::logistic},  // r9y9, mixture of logistics
    {30, 3, 128, 256, 128, 256, 80, 22050, WavenetDistribution::softmax},  // r9y9, mulaw256
};

void wavenet_generate(benchmark::State& state) {
  static const double peak = bench::fma_peak();
  const Shape& s = shapes[state.range(0)];
  const Index utterances = state.range(1), samples = 256;
  Initialiser init(1);
  WavenetWeights w{.first_conv = init.conv(s.residual, s.outputs == 256 ? 256 : 1, 1),
                   .conv_layers = {},
                   .last_conv_layers_1 = init.conv(s.skip, s.skip, 1),
                   .last_conv_layers_3 = init.conv(s.outputs, s.skip, 1)};
  for (Index i = 0; i < s.layers; ++i)
    w.conv_layers.push_back({init.conv(s.gate, s.residual, 3), init.layer({s.gate, s.features, 1}),
                             init.conv(s.skip, s.gate / 2, 1), init.conv(s.residual, s.gate / 2, 1)});
  const Op exact = op::wavenet_generator(w, {.dilations = wavenet_dilations(s.layers, s.stacks),
                                             .distribution = s.distribution,
                                             .utterances = utterances});
  const Op op = compute_by(exact, {.bfloat16 = state.range(2) == 1, .int8 = state.range(2) == 2});
  Stream stream = op.stream();
  const Signal features = Signal::Random(utterances * s.features, samples);
  Signal out(utterances, samples);
  for (auto _ : state) stream.push(features, out);
  const auto steps = static_cast<double>(samples * state.iterations());
  const auto rate = [&](double value) { return benchmark::Counter(value, benchmark::Counter::kIsRate); };
  state.counters["samples"] = rate(steps * static_cast<double>(utterances));
  state.counters["realtime"] = rate(steps / static_cast<double>(s.rate));
  state.counters["peak"] = rate(2 * op.macs_per_frame() * steps * 100 / peak);
}
BENCHMARK(wavenet_generate)
    ->ArgNames({"shape", "utterances", "weights"})
    ->ArgsProduct({{0, 1, 2}, {1, 2, 4, 8, 12, 16, 24, 32, 64}, {0, 1, 2}})
    ->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
