#include <wavestride/cepstrum.h>
#include <wavestride/conv1d.h>
#include <wavestride/stack.h>

#include <cmath>
#include <numbers>

#include "check.h"

namespace wavestride {
namespace {

constexpr Index most = Index{1} << 16;

}  // namespace

namespace op {

Op dct(Index channels, Index coefficients) {
  require(channels >= 1 && channels <= most, "dct: channels must be 1 to ", most, ", got ", channels);
  require(coefficients >= 1 && coefficients <= channels, "dct: coefficients must be 1 to the ", channels,
          " channels, got ", coefficients);
  Tensor weight({coefficients, channels});
  const auto size = static_cast<double>(channels);
  float* at = weight.data.data();
  for (Index k = 0; k < coefficients; ++k)
    for (Index c = 0; c < channels; ++c)
      // In whole numbers of π/(2·channels), of which a period has 4·channels.
      *at++ = static_cast<float>(
          std::sqrt((k == 0 ? 1 : 2) / size) *
          std::cos(std::numbers::pi / (2 * size) * static_cast<double>(k * (2 * c + 1) % (4 * channels))));
  return Stack({linear(weight)}, message("dct(", channels, " → ", coefficients, ")"));
}

Op mfcc(const MelOptions& options, Index coefficients) {
  const Op bands = mel_spectrogram(options);
  return Stack({bands, dct(options.n_mels, coefficients)},
               message("mfcc(", options.name, ", ", coefficients, ")"));
}

Op deltas(Index channels, Index win_length) {
  require(channels > 0, "deltas: channels must be positive, got ", channels);
  require(win_length >= 3 && win_length <= most, "deltas: win_length must be 3 to ", most, ", got ",
          win_length);
  const Index reach = (win_length - 1) / 2, taps = 2 * reach + 1;
  const auto squares = static_cast<double>(reach * (reach + 1) * taps / 3);
  Tensor weight({channels, 1, taps});
  for (std::size_t i = 0; i < weight.data.size(); ++i)
    weight.data[i] = static_cast<float>(static_cast<double>(static_cast<Index>(i) % taps - reach) / squares);
  return Stack(
      {conv1d(weight, {}, {.padding = reach, .groups = channels, .padding_mode = PadMode::replicate})},
      message("deltas(", channels, ", win_length ", win_length, ")"));
}

}  // namespace op

Signal dct(FramesView x, Index coefficients) {
  return op::dct(x.channels(), coefficients)(x);
}
Signal mfcc(FramesView x, const MelOptions& options, Index coefficients) {
  return op::mfcc(options, coefficients)(x);
}
Signal deltas(FramesView x, Index win_length) {
  return op::deltas(x.channels(), win_length)(x);
}

}  // namespace wavestride
