// The band that a low sample rate has cut off, put back: extend_band SOUND OUT.wav MODEL reads a sound piece
// by piece, as from a telephone line, and writes what an AudioUNet makes of it at its higher rate. MODEL: a
// checkpoint of layers down.N, bottleneck, up.N and last, with its config beside it.
#include <wavestride/wavestride.h>

#include <cstdio>
#include <exception>

using namespace wavestride;

int main(int argc, char** argv) try {
  if (argc != 4) throw std::invalid_argument("extend_band SOUND OUT.wav MODEL");
  const Model model = load_model(argv[3]);
  const Index high = model.features.sample_rate, low = high / model.features.hop_length;
  AudioReader reader(argv[1]);
  if (model.features.n_mels != 1) throw std::invalid_argument("MODEL makes sound of features, not of sound");

  const Op extend = reader.sample_rate_hz() == low
                        ? model.network
                        : Stack({op::resample(1, reader.sample_rate_hz(), double(low)), model.network});
  Stream stream = extend.stream();
  AudioWriter writer(argv[2], int(high), 1);
  for (Signal piece; (piece = reader.read(160)).cols() > 0;)
    writer.write(stream.push(Signal(piece.colwise().mean())));
  writer.write(stream.finish());
  writer.commit();
  std::printf("%.2f s of %ld Hz from %ld Hz, %.0f ms behind\n", double(stream.emitted()) / double(high),
              long(high), long(low), 1000.0 * double(extend.latency_frames()) / double(high));
  return 0;
} catch (const std::exception& e) {
  std::fprintf(stderr, "extend_band: %s\n", e.what());
  return 1;
}
