#include <wavestride/audio_file.h>
#include <wavestride/griffin_lim.h>
#include <wavestride/mel_inversion.h>

#include <algorithm>
#include <bit>
#include <catch2/catch.hpp>

#include "contract.h"
#include "counter_random.h"
#include "golden.h"

using namespace wavestride;
using namespace wavestride::testing;

namespace {

Signal clip() {
  return golden_cases("griffin_lim").front().signal("x");
}

double spectral_convergence(FramesView x, FramesView magnitudes, const StftOptions& o) {
  return (magnitude(stft(x, o)) - magnitudes.matrix()).norm() / magnitudes.matrix().norm();
}

}  // namespace

TEST_CASE("griffin_lim equals torchaudio.functional.griffinlim") {
  for (const GoldenCase& c : golden_cases("griffin_lim")) {
    const auto& p = c.parameters;
    if (p.at("kind") != "case") continue;
    INFO(c.name << " " << p);
    const StftOptions o{.n_fft = p.at("n_fft"),
                        .hop_length = p.at("hop"),
                        .win_length = p.at("win"),
                        .window_type = p.at("window") == "hann" ? WindowType::hann : WindowType::hamming};
    const auto& length = p.at("length");
    const Signal y = griffin_lim(c.signal("s"), o, p.at("power"),
                                 {.n_iter = p.at("n_iter"), .momentum = p.at("momentum"), .rand_init = false},
                                 length.is_null() ? std::nullopt : std::optional<Index>(length));
    // Every iteration passes rounding on, and magnifies it where a bin is next to zero.
    CHECK(relative_error(y, c.signal("y")) <= 5 * golden_tolerance);
  }
}

TEST_CASE("griffin_lim's spectral convergence falls from checkpoint to checkpoint on speech") {
  const StftOptions o{.n_fft = 1024, .hop_length = 256};
  const Signal s = magnitude(stft(clip(), o));
  for (const double momentum : {0.0, 0.99}) {
    std::vector<double> reported;
    const auto keep = [&](const GriffinLimProgress& p) {
      CHECK(p.iteration == static_cast<Index>(reported.size()) + 1);
      CHECK(p.n_iter == 64);
      reported.push_back(p.spectral_convergence);
    };
    const Signal x = griffin_lim(s, o, 1, {.n_iter = 64, .momentum = momentum, .seed = 5, .progress = keep});
    REQUIRE(reported.size() == 64);
    for (std::size_t checkpoint = 2; checkpoint <= 64; checkpoint *= 2) {
      INFO("momentum " << momentum << ", iteration " << checkpoint);
      CHECK(reported[checkpoint - 1] < reported[checkpoint / 2 - 1]);
    }
    CHECK(spectral_convergence(x, s, o) < reported.back());
    CHECK(spectral_convergence(x, s, o) < (momentum > 0 ? 0.1 : 0.2));
    const Signal shorter = griffin_lim(s, o, 1, {.n_iter = 63, .momentum = momentum, .seed = 5});
    CHECK(spectral_convergence(shorter, s, o) == Approx(reported.back()).epsilon(1e-4));
  }
}

TEST_CASE("griffin_lim's spectral convergence falls on a clip of audio/ too, from its mel frames") {
  const AudioData speech = read_audio(WAVESTRIDE_AUDIO_DIR "/speech-en-16k.flac");
  const MelOptions& mel = mel_preset("wavestride-16k");
  const StftOptions o = mel.stft();
  const Signal s = mel_inversion(op::mel_expand(mel)(mel_spectrogram(speech.samples, mel)), mel);
  std::vector<double> checkpoints;
  griffin_lim(s, o, 1, {.n_iter = 64, .progress = [&](const GriffinLimProgress& p) {
                          if (std::has_single_bit(static_cast<std::uint64_t>(p.iteration)))
                            checkpoints.push_back(p.spectral_convergence);
                        }});
  REQUIRE(checkpoints.size() == 7);  // after 1, 2, 4 … 64 iterations
  CHECK(std::is_sorted(checkpoints.rbegin(), checkpoints.rend()));
  CHECK(checkpoints.back() < 0.2);
}

TEST_CASE("griffin_lim: a seed gives the same bits again, another one another waveform") {
  const StftOptions o{.n_fft = 256};
  const Signal s = magnitude(stft(FramesView(clip()).slice(4000, 3000), o));
  const Signal a = griffin_lim(s, o, 1, {.n_iter = 3, .seed = 1});
  CHECK(same_bits(a, griffin_lim(s, o, 1, {.n_iter = 3, .seed = 1})));
  CHECK_FALSE(same_bits(a, griffin_lim(s, o, 1, {.n_iter = 3, .seed = 2})));
  // The first outputs of SplitMix64 from state 1234567.
  CHECK(counter_uniform(1234567, 0) == static_cast<double>(6457827717110365317u >> 11) * 0x1p-53);
  CHECK(counter_uniform(1234567, 1) == static_cast<double>(3203168211198807973u >> 11) * 0x1p-53);
}

TEST_CASE("griffin_lim of mel frames gives speech with about the same mel frames, for every preset") {
  for (const MelOptions& preset : mel_presets()) {
    INFO(preset.name);
    const Signal mel = mel_spectrogram(clip(), preset);
    const Signal x = vocode_griffin_lim(mel, preset, {.n_iter = 16});
    REQUIRE(x.rows() == 1);
    const Signal again = mel_spectrogram(x, preset);
    REQUIRE(again.cols() == mel.cols());
    const Signal bands = op::mel_expand(preset)(mel), got = op::mel_expand(preset)(again);
    CHECK((bands - got).norm() / bands.norm() < 0.17);
  }
}

TEST_CASE("griffin_lim of next to nothing") {
  const StftOptions o{.n_fft = 64};
  CHECK(griffin_lim(Signal(33, 0), o).cols() == 0);
  CHECK(griffin_lim(Signal(Signal::Ones(33, 1)), o).cols() == 0);
  CHECK(griffin_lim(Signal(Signal::Ones(33, 2)), o).cols() == 16);
  CHECK(griffin_lim(Signal(Signal::Ones(33, 1)), o, 1, {}, 9).cols() == 9);
  CHECK(griffin_lim(Signal(Signal::Zero(33, 5)), o).isZero(0));
  CHECK(vocode_griffin_lim(Signal(80, 0), mel_preset("hifigan-22k")).cols() == 0);
  // Samples past the last frame have no magnitudes to come from.
  const StftOptions bare{.n_fft = 64, .window_type = WindowType::hamming, .center = false};
  const Signal x = griffin_lim(Signal(Signal::Ones(33, 3)), bare, 1, {}, 64 + 32 + 9);
  CHECK(x.leftCols(96).norm() > 0);
  CHECK(x.rightCols(9).isZero(0));
}

TEST_CASE("griffin_lim passes on what its progress callback throws") {
  const StftOptions o{.n_fft = 64};
  const auto stop = [](const GriffinLimProgress&) { throw std::runtime_error("stopped"); };
  CHECK_THROWS_WITH(griffin_lim(Signal(Signal::Ones(33, 5)), o, 1, {.progress = stop}), "stopped");
}

TEST_CASE("griffin_lim refuses what it can't work with, saying what was given") {
  const StftOptions o{.n_fft = 64};
  const Signal s = Signal::Ones(33, 5);
  CHECK_THROWS_WITH(griffin_lim(s, o, 1, {.n_iter = -1}), "griffin_lim: n_iter must not be negative, got -1");
  CHECK_THROWS_WITH(griffin_lim(s, o, 1, {.momentum = 1}), "griffin_lim: momentum must be in [0, 1), got 1");
  StftOptions around = o;
  around.pad_mode = PadMode::circular;
  CHECK_THROWS_WITH(
      griffin_lim(s, around),
      "griffin_lim: pad_mode must not be circular, which takes the whole signal for every frame");
  CHECK_THROWS_WITH(griffin_lim(s, o, 0), "griffin_lim: power must be above 0 and finite, got 0");
  CHECK_THROWS_WITH(griffin_lim(s, {.n_fft = 64, .onesided = false}), "griffin_lim: needs a onesided STFT");
  CHECK_THROWS_WITH(griffin_lim(s, {.n_fft = 66}), "griffin_lim: n_fft 66 needs 34 bins, got 33");
  CHECK_THROWS_WITH(griffin_lim(s, o, 1, {}, 80), "griffin_lim: 80 samples give 6 frames, not 5");
  CHECK_THROWS_AS(vocode_griffin_lim(s, mel_preset("hifigan-22k")), std::invalid_argument);
}
