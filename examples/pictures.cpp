// The sounds behind the pictures of examples/README.md: pictures OUT_DIR. examples/pictures.sh draws them.
#include <wavestride/wavestride.h>

#include <cmath>
#include <cstdio>
#include <numbers>

using namespace wavestride;

namespace {

// A sine that rises from 0 to half the sample rate.
Signal sweep(Index frames) {
  Signal x(1, frames);
  for (Index n = 0; n < frames; ++n) {
    const double turns = 0.25 * double(n) * double(n) / double(frames);
    x(0, n) = float(0.5 * std::sin(2 * std::numbers::pi * (turns - std::floor(turns))));
  }
  return x;
}

// What an upsampler with fresh weights makes of smooth features, at 16 kHz, as loud as the others.
Signal voice_of(const char* name, const Op& upsampler) {
  const Signal slow = Signal::Random(upsampler.in_channels(), 250);
  const Signal y = upsampler(resample(slow, 250, 2000));
  const Checkerboard ripple = checkerboard(upsampler);
  std::printf("%-24s", name);
  if (std::isinf(ripple.worst_db))
    std::puts(" phases differ even in sign");
  else
    std::printf(" phases differ by %.1f dB\n", ripple.worst_db);
  return y * (0.3f / y.cwiseAbs().maxCoeff());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::puts("usage: pictures OUT_DIR"), 2;
  const std::string out = argv[1];

  // 48 kHz to 16 kHz: every third sample, and through the filter.
  const Signal x = sweep(3 * 48000);
  Signal every_third(1, x.cols() / 3);
  for (Index n = 0; n < every_third.cols(); ++n) every_third(0, n) = x(0, 3 * n);
  write_audio(out + "/every-third.wav", every_third, 16000);
  write_audio(out + "/resampled.wav", resample(x, 48000, 16000), 16000);

  // Three ways to upsample by 8, one second each.
  constexpr Index channels = 16, factor = 8;
  Initialiser init(5);
  const LayerWeights transposed = init.conv_transpose(channels, 1, 2 * factor);
  const Op ways[] = {
      op::conv_transpose1d(transposed.weight, transposed.bias, {.stride = factor, .padding = factor / 2}),
      sub_pixel_upsampler(init.conv(factor, channels, 3), factor),
      interpolate_conv(init.conv(1, channels, 15), double(factor), InterpolateMode::linear)};
  const char* names[] = {"transposed convolution", "sub-pixel convolution", "linear, then convolution"};
  Signal all(1, 0);
  for (std::size_t i = 0; i < 3; ++i) {
    const Signal y = voice_of(names[i], ways[i]);
    all.conservativeResize(1, all.cols() + y.cols());
    all.rightCols(y.cols()) = y;
  }
  write_audio(out + "/upsamplers.wav", all, 16000);
  return 0;
}
