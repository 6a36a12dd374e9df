#include <wavestride/stack.h>
#include <wavestride/stft.h>

#include <catch2/catch.hpp>

#include "contract.h"
#include "golden.h"

using namespace wavestride;
using namespace wavestride::testing;

namespace {

StftOptions options_of(const GoldenCase& c) {
  static const std::map<std::string, WindowType> windows{
      {"hann", WindowType::hann}, {"hamming", WindowType::hamming}, {"rectangular", WindowType::rectangular}};
  static const std::map<std::string, PadMode> modes{
      {"reflect", PadMode::reflect}, {"constant", PadMode::constant}, {"replicate", PadMode::replicate}};
  const auto& p = c.parameters;
  const auto own = c.values("window");
  StftOptions o{.n_fft = p.at("n_fft"),
                .hop_length = p.at("hop_length"),
                .win_length = p.at("win_length"),
                .window = {own.begin(), own.end()},
                .center = p.at("center"),
                .pad_left = p.at("pads")[0],
                .pad_right = p.at("pads")[1],
                .pad_mode = modes.at(p.value("pad_mode", "reflect")),
                .normalized = p.at("normalized"),
                .onesided = p.at("onesided")};
  if (own.empty()) o.window_type = windows.at(p.at("window"));
  return o;
}

StftOptions random_options(Rng& rng, bool inverse) {
  const Index n_fft = uniform(rng, 1, 48), win = uniform(rng, (n_fft + 1) / 2, n_fft);
  const bool center = uniform(rng, 0, 1) == 0;
  return {.n_fft = n_fft,
          .hop_length = uniform(rng, 1, inverse ? (win + 1) / 2 : 2 * n_fft),
          .win_length = win,
          .window_type = static_cast<WindowType>(uniform(rng, 0, 2)),
          .center = center,
          .pad_left = center ? 0 : uniform(rng, 0, n_fft),
          .pad_right = center ? 0 : uniform(rng, 0, n_fft),
          .pad_mode = static_cast<PadMode>(uniform(rng, 0, 2)),
          .normalized = uniform(rng, 0, 1) == 0,
          .onesided = uniform(rng, 0, 1) == 0};
}

double db_of_error(FramesView got, FramesView expected) {
  return 20 * std::log10((got.matrix() - expected.matrix()).norm() / expected.matrix().norm());
}

}  // namespace

TEST_CASE("stft equals torch.stft") {
  for (const GoldenCase& c : golden_cases("stft")) {
    INFO(c.name << " " << c.parameters);
    CHECK(relative_error(stft(c.signal("x"), options_of(c)), c.signal("y")) <= golden_tolerance);
  }
}

TEST_CASE("istft equals torch.istft") {
  for (const GoldenCase& c : golden_cases("istft")) {
    INFO(c.name << " " << c.parameters);
    const auto& length = c.parameters.at("length");
    const Signal y =
        istft(c.signal("X"), options_of(c), length.is_null() ? std::nullopt : std::optional<Index>(length));
    CHECK(relative_error(y, c.signal("y")) <= golden_tolerance);
  }
}

TEST_CASE("stft keeps the contract of every Op") {
  Rng rng(21);
  for (int i = 0; i < 60; ++i) verify_contract(op::stft(random_options(rng, false)), rng);
  for (const Index n_fft : {97, 147, 202, 203, 286, 441})  // transforms of every kind
    verify_contract(op::stft({.n_fft = n_fft}), rng, {.dense = false});
}

TEST_CASE("istft keeps the contract of every Op") {
  Rng rng(22);
  for (int i = 0; i < 60; ++i) verify_contract(op::istft(random_options(rng, true)), rng, {.longest = 150});
  for (const Index n_fft : {97, 147, 202, 203, 286})
    verify_contract(op::istft({.n_fft = n_fft}), rng, {.dense = false, .longest = 30});
}

TEST_CASE("magnitude keeps the contract of every Op") {
  Rng rng(23);
  for (const double power : {1.0, 2.0, 0.7}) verify_contract(op::magnitude(9, power, 1e-9), rng);
}

TEST_CASE("istft of stft is the signal within -120 dB") {
  Rng rng(24);
  struct Case {
    Index n_fft, hop, win;
    WindowType window;
  };
  for (const Case c : {Case{1024, 256, 1024, WindowType::hann},
                       {400, 160, 400, WindowType::hann},
                       {2048, 300, 1200, WindowType::hann},
                       {2048, 275, 1100, WindowType::hamming},
                       {512, 256, 512, WindowType::hamming},
                       {63, 21, 63, WindowType::rectangular}}) {
    INFO("n_fft " << c.n_fft << ", hop " << c.hop);
    for (const bool normalized : {false, true})
      for (const bool onesided : {false, true}) {
        const StftOptions o{.n_fft = c.n_fft,
                            .hop_length = c.hop,
                            .win_length = c.win,
                            .window_type = c.window,
                            .normalized = normalized,
                            .onesided = onesided};
        const Signal x = noise(rng, 1, 12'345);
        CHECK(db_of_error(istft(stft(x, o), o, x.cols()), x) < -120);
        const Signal y = Stack({op::stft(o), op::istft(o)})(x);
        CHECK(y.cols() == 12'345 / c.hop * c.hop + c.n_fft % 2);
        CHECK(db_of_error(y, FramesView(x).slice(0, y.cols())) < -120);
      }
  }
}

TEST_CASE("stft and istft in a stack stream as one operator") {
  Rng rng(25);
  const StftOptions o{.n_fft = 64, .hop_length = 16};
  verify_contract(Stack({op::stft(o), op::istft(o)}), rng, {.dense = false});
}

TEST_CASE("stft and istft of signals shorter than a frame") {
  const StftOptions center{.n_fft = 64, .hop_length = 16},
      bare{.n_fft = 64, .hop_length = 16, .center = false};
  Rng rng(26);
  for (const Index T : {0, 1, 2, 15, 16, 40}) {
    INFO("T = " << T);
    const Signal x = noise(rng, 1, T);
    CHECK(stft(x, center).cols() == (T == 0 ? 0 : 1 + T / 16));
    CHECK(stft(x, bare).cols() == 0);
    CHECK(istft(stft(x, center), center).cols() == T / 16 * 16);
    CHECK(istft(stft(x, center), center, T).cols() == T);
  }
  CHECK(istft(stft(Signal(Signal::Ones(1, 1)), center), center, 1)(0) == Approx(1.0f));
  // The first value of a Hann window is zero: torch.istft refuses, here the sample is zero.
  CHECK(istft(Signal(Signal::Ones(66, 3)), bare)(0) == 0.0f);
}

TEST_CASE("a NaN or an infinity spoils the frames and samples whose windows hold it, and no others") {
  Rng rng(27);
  const StftOptions o{.n_fft = 32, .hop_length = 8};
  for (const float bad : {std::nanf(""), INFINITY}) {
    Signal x = noise(rng, 1, 400);
    const Signal clean = stft(x, o);
    x(200) = bad;
    const Signal X = stft(x, o);
    for (Index n = 0; n < X.cols(); ++n) {
      const bool reads = n * 8 - 16 < 200 && 200 < n * 8 + 16;
      CHECK(X.col(n).allFinite() == !reads);
      if (!reads) CHECK(X.col(n) == clean.col(n));
    }
    const Signal y = istft(X, o);
    for (Index n = 0; n < y.cols(); ++n) CHECK(std::isfinite(y(n)) == (n <= 176 || n >= 224));
  }
}

TEST_CASE("complex numbers and interleaved rows hold the same spectrum") {
  Rng rng(28);
  const Signal X = noise(rng, 10, 7);
  const Eigen::MatrixXcf Z = to_complex(X);
  REQUIRE(Z.rows() == 5);
  CHECK(Z(2, 3) == std::complex<float>(X(4, 3), X(5, 3)));
  CHECK(same_bits(from_complex(Z), X));
  CHECK(relative_error(magnitude(X), Signal(Z.cwiseAbs())) < 1e-6);
  CHECK(relative_error(magnitude(X, 2), Signal(Z.cwiseAbs2())) < 1e-6);
  CHECK(relative_error(magnitude(X, 3), Signal(Z.cwiseAbs().array().cube())) < 1e-6);
  CHECK_THROWS_WITH(to_complex(noise(rng, 9, 2)), "to_complex: a spectrum has an even number of rows, got 9");
}

TEST_CASE("latency of a centred stft: half a window; a shorter window makes it shorter") {
  CHECK(op::stft({.n_fft = 1024, .hop_length = 256}).lookahead_frames() == 511);
  CHECK(op::stft({.n_fft = 2048, .hop_length = 300, .win_length = 1200}).lookahead_frames() == 599);
}

TEST_CASE("stft and istft refuse options that contradict each other, saying what was given") {
  CHECK_THROWS_WITH(op::stft({.n_fft = 0}), "stft: n_fft must be 1 to 65536, got 0");
  CHECK_THROWS_WITH(op::stft({.n_fft = Index{1} << 62}),
                    "stft: n_fft must be 1 to 65536, got 4611686018427387904");
  CHECK_THROWS_WITH(op::stft({.hop_length = -1}), "stft: hop_length must be 1 to 16777216, got -1");
  CHECK_THROWS_WITH(op::stft({.win_length = 1025}), "stft: win_length must be 1 to 1024, got 1025");
  CHECK_THROWS_WITH(op::istft({.window = {1, 2}}), "istft: window must have 1024 values (win_length), got 2");
  CHECK_THROWS_WITH(op::stft({.n_fft = 2, .window = {0, 0}}), "stft: window must not be zero everywhere");
  CHECK_THROWS_WITH(op::stft({.n_fft = 2, .window = {1, INFINITY}}), "stft: window must be finite, got inf");
  CHECK_THROWS_WITH(op::stft({.pad_left = 1}),
                    "stft: pad_left and pad_right need center = false, got 1 and 0");
  CHECK_THROWS_WITH(op::stft({.center = false, .pad_right = -2}),
                    "stft: pad_right must be 0 to 16777216, got -2");
  CHECK_THROWS_WITH(op::istft({.n_fft = 8, .hop_length = 8}),
                    "istft: with hop_length 8 the window leaves samples without weight between the frames "
                    "(Σ window² = 0)");
  CHECK_THROWS_WITH(istft(Signal(1026, 3), {}, -1), "istft: length must not be negative, got -1");
  CHECK_THROWS_WITH(op::magnitude(0), "magnitude: bins must be 1 to 16777216, got 0");
  CHECK_THROWS_WITH(op::magnitude(4, 0), "magnitude: power must be above 0 and finite, got 0");
  CHECK_THROWS_WITH(op::magnitude(4, 1, -1), "magnitude: epsilon must be finite and not negative, got -1");
  CHECK_THROWS_WITH(stft(Signal(2, 9)), "stft(n_fft 1024, hop 256): expects 1 channels at input 0, got 2");
  CHECK_THROWS_AS(istft(Signal(9, 9)), std::invalid_argument);
}
