// Speech as whole numbers and back: codec SOUND OUT.wav CODEC [CODEBOOKS] reads a sound piece by piece, as a
// call would, makes codes of it by one half of a neural codec and sound of the codes by the other. CODEC: a
// file of EnCodec, DAC or SNAC.
#include <wavestride/wavestride.h>

#include <cstdio>
#include <cstdlib>
#include <exception>

using namespace wavestride;

int main(int argc, char** argv) try {
  if (argc != 4 && argc != 5) throw std::invalid_argument("codec SOUND OUT.wav CODEC [CODEBOOKS]");
  ModelOptions options;
  if (argc == 5) options.codebooks = std::atoi(argv[4]);
  const CodecEncoder encoder = load_codec_encoder(argv[3], options);
  const Model decoder = load_model(argv[3], options);

  AudioReader reader(argv[1]);
  const Op encode =
      Stack({op::resample(1, reader.sample_rate_hz(), double(encoder.sample_rate)), encoder.network});
  Stream coded = encode.stream(), sounding = decoder.network.stream();
  AudioWriter writer(argv[2], int(encoder.sample_rate), 1);
  Index numbers = 0;
  const auto hear = [&](const Signal& codes) {
    numbers += codes.size();
    writer.write(sounding.push(codes));
  };
  for (Signal piece; (piece = reader.read(160)).cols() > 0;) hear(coded.push(Signal(piece.colwise().mean())));
  hear(coded.finish());
  writer.write(sounding.finish());
  writer.commit();
  std::printf("%s: %.2f s in %ld codes of 0 to %ld, %.2f kbit/s\n", encoder.codec.c_str(),
              double(sounding.emitted()) / double(encoder.sample_rate), long(numbers),
              long(encoder.codes - 1), encoder.kbps());
  return 0;
} catch (const std::exception& e) {
  std::fprintf(stderr, "codec: %s\n", e.what());
  return 1;
}
