#include "low_pass_edge.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <span>
#include <utility>
#include <vector>

#include "filter_design.h"

using namespace wavestride;

TEST_CASE("low-pass edges whose width is known are as wide as those found by search") {
  // A hair away from what presets come to, none is known.
  constexpr std::pair<double, double> known[] = {
      {82.8, 100.8},  {125.3, 113.3}, {125.8, 113.8}, {126.3, 114.3},        {126.8, 114.8}, {128.3, 116.3},
      {129.3, 117.3}, {149.8, 137.8}, {150.3, 138.3}, {151.3, 139.3},        {151.8, 139.8}, {100.8, 150.8},
      {174.8, 162.8}, {175.3, 163.3}, {175.8, 163.8}, {82 + 6.4 / 3, 125.8},
  };
  constexpr double hair = 1e-5;
  for (const auto& [passband_db, stopband_db] : known) {
    INFO(passband_db << ", " << stopband_db);
    CHECK(LowPassEdge(passband_db, stopband_db).half_width() ==
          Approx(LowPassEdge(passband_db + hair, stopband_db + hair).half_width()).epsilon(1e-5));
  }
}

TEST_CASE("low-pass edges miss 0 and 1 by no more than they are allowed to") {
  for (const auto& [passband_db, stopband_db] : {std::pair(30.0, 30.0), {60.0, 90.0}, {100.8, 150.8}}) {
    INFO(passband_db << ", " << stopband_db);
    const LowPassEdge edge(passband_db, stopband_db);
    constexpr double transition = 0.02, passband = 0.2;
    const double half = std::ceil(edge.half_width() / transition - 0.5);
    const auto middle = static_cast<std::size_t>(half);
    std::vector<double> h(2 * middle + 1);
    edge.response(passband + LowPassEdge::place * transition, half + 0.5, std::span(h).subspan(middle));
    for (std::size_t i = 0; i < middle; ++i) h[i] = h[2 * middle - i];
    const std::vector<double> amplitude = amplitude_response(h, 1 << 15);
    double off_1 = 0, off_0 = 0;
    for (std::size_t i = 0; i < amplitude.size(); ++i) {
      const double frequency = static_cast<double>(i) / (2 * static_cast<double>(amplitude.size() - 1));
      if (frequency <= passband) off_1 = std::max(off_1, std::abs(amplitude[i] - 1));
      if (frequency >= passband + transition) off_0 = std::max(off_0, amplitude[i]);
    }
    constexpr double other_edge_db = 0.5;
    CHECK(-20 * std::log10(off_1) > passband_db - other_edge_db);
    CHECK(-20 * std::log10(off_0) > stopband_db - other_edge_db);
  }
}
