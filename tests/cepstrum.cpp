#include <wavestride/cepstrum.h>

#include <catch2/catch.hpp>

#include "contract.h"
#include "golden.h"

using namespace wavestride;
using namespace wavestride::testing;

TEST_CASE("cepstrum: dct, mfcc and deltas equal torchaudio's") {
  for (const GoldenCase& c : golden_cases("cepstrum")) {
    INFO(c.name << " " << c.parameters);
    const std::string op = c.parameters.at("op");
    const Index size = c.parameters.at("size");
    const Signal x = c.signal("x");
    if (op == "mfcc") {
      const MelOptions options{.n_fft = 400,
                               .hop_length = 200,
                               .power = 2,
                               .n_mels = c.parameters.at("mels"),
                               .mel_scale = MelScale::htk,
                               .norm = MelNorm::none,
                               .log = LogKind::db,
                               .floor = 1e-10,
                               .scale = 0.5,
                               .peak_range = 160};
      CHECK(relative_error(mfcc(x, options, size), c.signal("y")) <= golden_tolerance);
    } else {
      CHECK(relative_error(op == "dct" ? dct(x, size) : deltas(x, size), c.signal("y")) <= golden_tolerance);
    }
  }
}

TEST_CASE("cepstrum: its operators keep the contract of every Op") {
  Rng rng(110);
  verify_contract(op::dct(20, 13), rng);
  verify_contract(op::dct(1, 1), rng);
  // The tap in the middle is 0, which is no dependence of every frame of the window.
  for (const Index win_length : {3, 4, 9}) verify_contract(op::deltas(3, win_length), rng, {.dense = false});
  CHECK(op::deltas(2).lookahead_frames() == 2);
  CHECK(op::deltas(2).receptive_field() == 5);
  const MelOptions streamed{.n_fft = 64, .hop_length = 16, .n_mels = 8};
  verify_contract(op::mfcc(streamed, 4), rng, {.dense = false});
  CHECK(op::mfcc(streamed, 4).name() == "mfcc(mel, 4)");
}

TEST_CASE("cepstrum: wrong sizes are refused with what was given") {
  CHECK_THROWS_WITH(op::dct(0, 1), "dct: channels must be 1 to 65536, got 0");
  CHECK_THROWS_WITH(op::dct(65537, 1), "dct: channels must be 1 to 65536, got 65537");
  for (const Index coefficients : {0, 9})
    CHECK_THROWS_WITH(op::dct(8, coefficients),
                      "dct: coefficients must be 1 to the 8 channels, got " + std::to_string(coefficients));
  CHECK_THROWS_WITH(op::mfcc({}, 81), "dct: coefficients must be 1 to the 80 channels, got 81");
  CHECK_THROWS_WITH(op::deltas(0), "deltas: channels must be positive, got 0");
  for (const Index win_length : {2, 65537})
    CHECK_THROWS_WITH(op::deltas(1, win_length),
                      "deltas: win_length must be 3 to 65536, got " + std::to_string(win_length));
}
