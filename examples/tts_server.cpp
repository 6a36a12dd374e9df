// What a speech server does behind its acoustic model: features come some frames at a time, sound leaves as
// soon as it is final. tts_server SOUND [MODEL [FRAMES]] takes the features of a sound file for those of a
// text, and prints the time to the first sample and the real-time factor. MODEL: any checkpoint that
// load_model() reads, instead of the vocoder that comes with the library; FRAMES: how many come at a time.
#include <wavestride/wavestride.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>

using namespace wavestride;

namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 2) throw std::invalid_argument("tts_server SOUND [MODEL [FRAMES]]");
  const Model model = argc > 2 ? load_model(argv[2]) : default_vocoder();
  const Index chunk = argc > 3 ? std::max(1, std::atoi(argv[3])) : 8;
  const auto rate = static_cast<double>(model.features.sample_rate);
  std::printf("%s: %.0f Hz, %ld bands, reads %.0f ms ahead\n", model.architecture.c_str(), rate,
              long(model.features.n_mels), 1000 * model.lookahead_seconds());

  const AudioData sound = read_audio(argv[1]);
  const Signal mono = sound.samples.colwise().mean();
  const Signal features = mel_spectrogram(resample(mono, sound.sample_rate_hz, rate), model.features);

  // One stream a connection, made once; between utterances reset() is all it needs. Threads share the model.
  Stream stream = model.network.stream();
  for (int utterance = 1; utterance <= 2; ++utterance) {
    const auto start = std::chrono::steady_clock::now();
    double first = 0;
    Index samples = 0, frames = 0;
    const auto send = [&](const Signal& y) {
      if (samples == 0 && y.cols() > 0) {
        first = seconds_since(start);
        frames = stream.received();
      }
      samples += y.cols();
    };
    for (Index n = 0; n < features.cols(); n += chunk)
      send(stream.push(FramesView(features).slice(n, std::min(chunk, features.cols() - n))));
    send(stream.finish());
    const double spent = seconds_since(start);
    std::printf(
        "utterance %d: first sample after %ld frames and %.2f ms of work; %.2f s of sound, real-time factor "
        "%.4f\n",
        utterance, long(frames), 1000 * first, double(samples) / rate, spent * rate / double(samples));
    stream.reset();
  }
  return 0;
} catch (const std::exception& e) {
  std::fprintf(stderr, "tts_server: %s\n", e.what());
  return 1;
}
