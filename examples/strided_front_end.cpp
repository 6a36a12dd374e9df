// Strided convolutions from the waveform, as wav2vec 2.0 begins: 16 kHz down to 50 frames a second in seven
// layers, here with weights of our own, fed in packets of 20 ms as a telephone sends them.
#include <wavestride/wavestride.h>

#include <cstdio>

using namespace wavestride;

int main() {
  constexpr Index width = 64;
  const struct { Index kernel, stride; } layers[] = {{10, 5}, {3, 2}, {3, 2}, {3, 2}, {3, 2}, {2, 2}, {2, 2}};

  Initialiser init(1);
  std::vector<Op> ops;
  Index channels = 1;
  for (const auto& layer : layers) {
    const LayerWeights w = init.conv(width, channels, layer.kernel);
    ops.push_back(op::conv1d(w.weight, w.bias, {.stride = layer.stride}));
    ops.push_back(op::gelu(width));
    channels = width;
  }
  const Stack front_end(ops, "front end");
  std::printf(
      "%ld samples a frame, each frame hears %ld samples (%.1f ms), %.1f million multiply-adds a second\n",
      long(front_end.rate().num), long(front_end.receptive_field()), double(front_end.receptive_field()) / 16,
      front_end.macs_per_frame() * 50 / 1e6);

  const Signal x = 0.1f * Signal::Random(1, 16000);
  Stream stream = front_end.stream();
  Signal features(width, 0);
  for (Index n = 0; n < x.cols(); n += 320) {
    const Signal ready = stream.push(FramesView(x).slice(n, 320));
    features.conservativeResize(Eigen::NoChange, features.cols() + ready.cols());
    features.rightCols(ready.cols()) = ready;
  }
  const bool equal = stream.finish().cols() == 0 && features == front_end(x);
  std::printf("%ld frames from 1 s, %s the whole-signal result\n", long(features.cols()),
              equal ? "equal to" : "not");
  return equal ? 0 : 1;
}
