#include <wavestride/decibel.h>

#include <catch2/catch.hpp>

#include "contract.h"
#include "golden.h"

using namespace wavestride;
using namespace wavestride::testing;

TEST_CASE("decibels equal torchaudio's") {
  for (const GoldenCase& c : golden_cases("decibel")) {
    INFO(c.name << " " << c.parameters);
    const auto& p = c.parameters;
    const std::string name = p.at("name");
    const Signal x = c.signal("x");
    const double ref = p.at("ref");
    const auto options = [&] { return DecibelOptions{ref, p.at("amin"), p.at("top_db")}; };
    const Signal y = name == "amplitude_to_db"   ? amplitude_to_db(x, options())
                     : name == "power_to_db"     ? power_to_db(x, options())
                     : name == "db_to_amplitude" ? db_to_amplitude(x, ref)
                                                 : db_to_power(x, ref);
    CHECK(relative_error(y, c.signal("y")) <= golden_tolerance);
  }
}

TEST_CASE("decibels: defaults are librosa's, but for top_db, and the way back is the way back") {
  Rng rng(62);
  const Signal x = noise(rng, 3, 40).cwiseAbs().cwiseMax(1e-4f);
  CHECK(amplitude_to_db(x) == amplitude_to_db(x, {.amin = 1e-5}));
  CHECK(power_to_db(x) == power_to_db(x, {.amin = 1e-10}));
  const Signal silence = Signal::Zero(1, 1);
  CHECK(amplitude_to_db(silence)(0, 0) == Approx(-100));
  CHECK(power_to_db(silence)(0, 0) == Approx(-100));
  CHECK(relative_error(db_to_amplitude(amplitude_to_db(x, {.ref = 0.5}), 0.5), x) <= 1e-5);
  CHECK(relative_error(db_to_power(power_to_db(x)), x) <= 1e-5);
}

TEST_CASE("decibels: the maximum that top_db counts from is that of all numbers, NaN is none") {
  const Op op = op::power_to_db(3, {.top_db = 20});
  for (const Index frames : {1, 2, 7, 40})
    for (Index at = 0; at < 3 * frames; ++at) {
      Signal x = Signal::Constant(3, frames, 1e-7f);
      x(0, frames / 2) = 1e-3f;
      if (at == 3 * (frames / 2)) continue;
      x.data()[at] = std::nanf("");
      const Signal y = op(x);
      for (Index i = 0; i < x.size(); ++i) {
        CAPTURE(frames, at, i);
        if (i == at)
          CHECK(std::isnan(y.data()[i]));
        else
          CHECK(y.data()[i] == Approx(i == 3 * (frames / 2) ? -30 : -50));
      }
    }
  CHECK_THROWS_WITH(op::db_to_amplitude(1, 1e300),
                    "db_to_amplitude: ref must be above 0 and finite, got 1e+300");
}

TEST_CASE("decibels keep the contract of every Op; with top_db they do not stream") {
  Rng rng(63);
  for (const Op& op : {op::amplitude_to_db(3), op::power_to_db(20, {.ref = 2, .amin = 0.1})})
    verify_contract(op, rng, {.dense = false, .longest = 300});
  for (const Op& op : {op::db_to_amplitude(3), op::db_to_power(20, 0.5)})
    verify_contract(op, rng, {.longest = 300});
  CHECK_THROWS_WITH(
      op::power_to_db(3, {.top_db = 80}).stream(),
      "no exact stream: peak_range(80): its lower limit is relative to the maximum of the whole signal; set "
      "top_db to 0 to stream");
}

TEST_CASE("decibels refuse wrong configuration, saying what was given") {
  CHECK_THROWS_WITH(op::power_to_db(0), "power_to_db: channels must be 1 to 16777216, got 0");
  CHECK_THROWS_WITH(op::power_to_db(1, {.ref = 0}), "power_to_db: ref must be above 0 and finite, got 0");
  CHECK_THROWS_WITH(op::amplitude_to_db(1, {.amin = -1}),
                    "amplitude_to_db: amin must be above 0 and finite, and a float, got -1");
  CHECK_THROWS_WITH(op::amplitude_to_db(1, {.amin = 1e-50}),
                    "amplitude_to_db: amin must be above 0 and finite, and a float, got 1e-50");
  CHECK_THROWS_WITH(op::amplitude_to_db(1, {.top_db = -1}),
                    "amplitude_to_db: top_db must be 0 or more, got -1");
  CHECK_THROWS_WITH(op::db_to_power(0), "db_to_power: channels must be positive, got 0");
  CHECK_THROWS_WITH(op::db_to_amplitude(1, -1), "db_to_amplitude: ref must be above 0 and finite, got -1");
  CHECK(op::power_to_db(2, {.top_db = 80}).name() == "power_to_db(2, ref 1, amin 1e-10, top_db 80)");
  CHECK(op::db_to_power(2).name() == "db_to_power(2, ref 1)");
}
