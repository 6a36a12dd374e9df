// What a Whisper-like recogniser hears: any sound file to 16 kHz and to log-mel frames, as they come in.
// log_mel SOUND
#include <wavestride/wavestride.h>

#include <cstdio>

using namespace wavestride;

int main(int argc, char** argv) {
  if (argc != 2) return std::puts("usage: log_mel SOUND"), 2;
  AudioReader reader(argv[1]);

  // Whisper raises everything to its maximum less 8 afterwards, which needs the whole signal; all before that
  // streams.
  MelOptions whisper = mel_preset("whisper-16k");
  whisper.peak_range = 0;
  const Stack front_end(
      {op::resample(1, reader.sample_rate_hz(), double(whisper.sample_rate)), op::mel_spectrogram(whisper)});

  Stream stream = front_end.stream();
  Index frames = 0;
  double sum = 0;
  const auto take = [&](const Signal& mel) {
    frames += mel.cols();
    sum += mel.sum();
  };
  for (Signal block; (block = reader.read(4096)).cols() > 0;)
    take(stream.push(Signal(block.colwise().mean())));
  take(stream.finish());
  const double seconds = double(reader.position()) / reader.sample_rate_hz();
  std::printf("%.2f s at %d Hz: %ld frames of %ld bands, mean %.3f; a frame waits for %.1f ms of sound\n",
              seconds, reader.sample_rate_hz(), long(frames), long(whisper.n_mels),
              sum / double(frames * whisper.n_mels),
              1000.0 * double(front_end.lookahead_frames()) / reader.sample_rate_hz());
  return frames == Index(seconds * 100) || frames == Index(seconds * 100) + 1 ? 0 : 1;
}
