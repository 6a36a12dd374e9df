#include <wavestride/mel.h>

#include <catch2/catch.hpp>

#include "contract.h"
#include "golden.h"

using namespace wavestride;
using namespace wavestride::testing;

TEST_CASE("mel_spectrogram has the bits of its steps one by one") {
  Rng rng(57);
  for (const MelOptions& preset : mel_presets())
    for (const double power : {preset.power, 1.7}) {
      MelOptions o = preset;
      o.power = power, o.peak_range = 0, o.prefilter.clear();
      const Stack steps{op::stft(o.stft()), op::magnitude(o.n_fft / 2 + 1, o.power, o.epsilon),
                        op::mel_scale(o), op::mel_compress(o)};
      const Signal x = noise(rng, 1, 6000);
      INFO(o.name);
      CHECK(same_bits(mel_spectrogram(x, o), steps(x)));
    }
}

TEST_CASE("Mel scales are those of Slaney and of HTK") {
  CHECK(hz_to_mel(0, MelScale::slaney) == 0);
  CHECK(hz_to_mel(500, MelScale::slaney) == Approx(7.5));
  CHECK(hz_to_mel(1000, MelScale::slaney) == Approx(15));
  CHECK(hz_to_mel(6400, MelScale::slaney) == Approx(42));
  CHECK(hz_to_mel(0, MelScale::htk) == 0);
  CHECK(hz_to_mel(700, MelScale::htk) == Approx(2595 * 0.30103).epsilon(1e-6));
}

TEST_CASE("mel filterbanks equal torchaudio's, and so librosa's") {
  for (const GoldenCase& c : golden_cases("mel_filterbank")) {
    INFO(c.name << " " << c.parameters);
    const auto& p = c.parameters;
    const MelOptions o{.sample_rate = p.at("sample_rate"),
                       .n_fft = p.at("n_fft"),
                       .n_mels = p.at("n_mels"),
                       .f_min = p.at("f_min"),
                       .f_max = p.at("f_max"),
                       .mel_scale = p.at("scale") == "htk" ? MelScale::htk : MelScale::slaney,
                       .norm = p.at("norm").is_null() ? MelNorm::none : MelNorm::slaney};
    CHECK(relative_error(mel_filterbank(o), c.signal("y")) <= 1e-6);
  }
}

TEST_CASE("every mel preset equals the front end that it is named after") {
  REQUIRE(golden_cases("mel").size() == mel_presets().size());
  for (const GoldenCase& c : golden_cases("mel")) {
    INFO(c.name << " " << c.parameters);
    const Signal got =
        mel_spectrogram(c.signal("x"), mel_preset(c.parameters.at("preset").get<std::string>()));
    CHECK(relative_error(got, c.signal("y")) <= golden_tolerance);
  }
}

TEST_CASE("mel front ends stream, but for Whisper's normalisation by the maximum") {
  Rng rng(31);
  for (MelOptions o : mel_presets()) {
    INFO(o.name);
    if (o.peak_range > 0) {
      CHECK_THROWS_WITH(
          op::mel_spectrogram(o).stream(),
          "no exact stream: peak_range(2): its lower limit is relative to the maximum of the whole "
          "signal; set peak_range to 0 to stream");
      o.peak_range = 0;
    }
    verify_contract(op::mel_spectrogram(o), rng, {.dense = false, .longest = 6000, .chunkings = 2});
  }
}

TEST_CASE("the operators of a mel front end keep the contract") {
  Rng rng(32);
  for (int i = 0; i < 20; ++i) {
    const MelOptions o{.n_fft = uniform(rng, 16, 300),
                       .n_mels = uniform(rng, 1, 40),
                       .mel_scale = static_cast<MelScale>(uniform(rng, 0, 1)),
                       .log = static_cast<LogKind>(uniform(rng, 0, 2)),
                       .clip_low = -3};
    verify_contract(op::mel_scale(o), rng, {.dense = false});
    verify_contract(op::mel_compress(o), rng, {.dense = false});
    verify_contract(op::mel_expand(o), rng);
  }
}

TEST_CASE("frames of every framing") {
  MelOptions o = mel_preset("wavestride-16k");
  for (const Index T : {0, 1, 255, 256, 257, 5000}) {
    o.framing = MelFraming::center;
    CHECK(op::mel_spectrogram(o).total(T) == (T == 0 ? 0 : 1 + T / o.hop_length));
    o.framing = MelFraming::tight;
    CHECK(op::mel_spectrogram(o).total(T) == T / o.hop_length);
    o.framing = MelFraming::drop_last;
    CHECK(op::mel_spectrogram(o).total(T) == T / o.hop_length);
  }
}

TEST_CASE("expanding undoes compressing") {
  Rng rng(33);
  for (const MelOptions& o : mel_presets()) {
    INFO(o.name);
    const Signal mel = (noise(rng, o.n_mels, 20).array().abs() * 0.3f + 1e-4f).min(0.9f);
    CHECK(relative_error(op::mel_expand(o)(op::mel_compress(o)(mel)), mel) <= golden_tolerance);
  }
}

TEST_CASE("features are made into those of a preset that differs in its logarithm alone") {
  Rng rng(12);
  const MelOptions ours = mel_preset("wavestride-16k");
  MelOptions decibels = ours;
  decibels.name = "decibels";
  decibels.log = LogKind::db;
  decibels.floor = 1e-8;
  decibels.scale = 0.5;
  decibels.offset = 3;
  const Signal x = noise(rng, 1, 8000) * 0.01f;
  const Op convert = op::mel_convert(decibels, ours);
  CHECK(relative_error(convert(mel_spectrogram(x, decibels)), mel_spectrogram(x, ours)) <= 1e-5);
  CHECK(relative_error(convert(mel_spectrogram(Signal(Signal::Zero(1, 800)), decibels)),
                       mel_spectrogram(Signal(Signal::Zero(1, 800)), ours)) <= 1e-6);
  CHECK_THROWS_WITH(
      op::mel_convert(ours, decibels),
      "mel_convert: features of wavestride-16k can't be made into those of decibels, which differ "
      "in range");
  CHECK_THROWS_WITH(op::mel_convert(mel_preset("whisper-16k"), ours),
                    "mel_convert: features of whisper-16k can't be made into those of wavestride-16k, which "
                    "differ in window, framing, power, lower limit");
}

TEST_CASE("silence gives the floor, not an infinity; NaN stays NaN") {
  const MelOptions& o = mel_preset("wavestride-16k");
  const Signal silence = mel_spectrogram(Signal(Signal::Zero(1, 3000)), o);
  CHECK((silence.array() == std::log(1e-5f)).all());
  Signal x = Signal::Zero(1, 3000);
  x(1500) = std::nanf("");
  CHECK(mel_spectrogram(x, o).col(9).array().isNaN().all());
}

TEST_CASE("mel options that contradict each other are refused, saying what was given") {
  CHECK_THROWS_WITH(mel_preset("mp3"),
                    "mel_preset: must be one of hifigan-22k, pwg-22k, pwg-24k, vocos-24k, wavernn-22k, "
                    "speecht5-16k, whisper-16k, wavestride-16k, got \"mp3\"");
  CHECK_THROWS_WITH(op::mel_spectrogram({.n_mels = 0}),
                    "mel_spectrogram: n_mels must be 1 to 16777216, got 0");
  CHECK_THROWS_WITH(mel_filterbank({.f_min = 4000, .f_max = 3000}),
                    "mel_filterbank: needs 0 ≤ f_min < f_max ≤ 8000 Hz, got 4000 and 3000");
  CHECK_THROWS_WITH(op::mel_scale({.f_max = 8001}),
                    "mel_scale: needs 0 ≤ f_min < f_max ≤ 8000 Hz, got 0 and 8001");
  CHECK_THROWS_WITH(op::mel_compress({.floor = 0}),
                    "mel_compress: floor must be above 0, and a float, got 0");
  CHECK_THROWS_WITH(op::mel_compress({.floor = 1e-50}),  // 0 as a float
                    "mel_compress: floor must be above 0, and a float, got 1e-50");
  CHECK_THROWS_WITH(op::mel_spectrogram({.power = 0}),
                    "mel_spectrogram: power must be above 0 and finite, got 0");
  CHECK_THROWS_WITH(op::mel_spectrogram({.power = INFINITY}),
                    "mel_spectrogram: power must be above 0 and finite, got inf");
  CHECK_THROWS_WITH(op::mel_spectrogram({.epsilon = -1}),
                    "mel_spectrogram: epsilon must be finite and not negative, got -1");
  CHECK_THROWS_WITH(op::mel_expand({.scale = 0}),
                    "mel_expand: scale must be above 0, and it and offset finite, got 0 and 0");
  CHECK_THROWS_WITH(op::mel_spectrogram({.hop_length = 1025, .framing = MelFraming::tight}),
                    "mel_spectrogram: tight framing needs hop_length ≤ n_fft, got 1025 and 1024");
  CHECK_THROWS_WITH(
      op::mel_spectrogram({.hop_length = 513, .framing = MelFraming::drop_last}),
      "mel_spectrogram: framing without the last frame needs hop_length ≤ n_fft/2, got 513 and 1024");
  CHECK_THROWS_WITH(op::mel_compress({.clip_low = 1, .clip_high = 1}),
                    "mel_compress: clip_low must be below clip_high, got 1 and 1");
  CHECK_THROWS_WITH(op::mel_spectrogram({.peak_range = -8}),
                    "mel_spectrogram: peak_range must not be negative, got -8");
  CHECK_THROWS_WITH(op::mel_spectrogram({.win_length = 2000}),
                    "mel_spectrogram: win_length must be 1 to 1024, got 2000");
  CHECK_THROWS_AS(mel_spectrogram(Signal(2, 100), {}), std::invalid_argument);
}
