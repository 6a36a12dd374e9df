#include <wavestride/varispeed.h>

#include <Eigen/Cholesky>
#include <catch2/catch.hpp>
#include <cmath>
#include <numbers>
#include <tuple>

#include "contract.h"
#include "kernels/continuous.h"
#include "kernels/dense.h"

using namespace wavestride;
using namespace wavestride::testing;

namespace {

Signal joined(const std::vector<Signal>& parts, Index channels) {
  Index frames = 0;
  for (const Signal& p : parts) frames += p.cols();
  Signal y(channels, frames);
  Index at = 0;
  for (const Signal& p : parts) {
    y.middleCols(at, p.cols()) = p;
    at += p.cols();
  }
  return y;
}

}  // namespace

TEST_CASE("varispeed: the same bits in every chunking, with ramps at fixed input frames") {
  Rng rng(61);
  const Signal x = noise(rng, 2, 6000);
  const auto run = [&](bool whole) {
    Varispeed v(2, 0.97, Quality::fast);
    std::vector<Signal> parts;
    Index at = 0;
    const auto push_to = [&](Index end) {
      while (at < end) {
        const Index n = whole ? end - at : std::min(end - at, uniform(rng, 0, 300));
        parts.push_back(v.push(FramesView(x).slice(at, n)));
        at += n;
      }
    };
    push_to(1500);
    v.set_speed(1.05, 700);
    push_to(1900);
    v.set_speed(7.5, 300);
    push_to(4000);
    v.set_speed(0.125);
    push_to(6000);
    parts.push_back(v.finish());
    return joined(parts, 2);
  };
  const Signal whole = run(true);
  CHECK(whole.cols() > 17000);
  for (int i = 0; i < 3; ++i) CHECK(same_bits(run(false), whole));
}

TEST_CASE("varispeed: into the caller's frames, of a size known before, without allocation") {
  Rng rng(62);
  const Signal x = noise(rng, 3, 5000);
  Varispeed v(3, 0.9, Quality::fast);
  Signal first;
  for (int round = 0; round < 3; ++round) {  // reset() starts over
    Signal y = Signal::Constant(3, 9000, std::nanf(""));
    Index done = 0;
    for (Index at = 0; at < x.cols();) {
      const Index n =
          std::min(round == 0 ? x.cols() : uniform(rng, 0, 40), (at < 2000 ? 2000 : x.cols()) - at);
      const Index expected = v.frames_after(n);
      const std::size_t before = allocations();
      const Index made = v.push(FramesView(x).slice(at, n), FramesSpan(y).slice(done, expected));
      at += n;
      for (Index k = 1; at == 2000 && k <= 50; ++k) v.set_speed(0.9 + 0.001 * static_cast<double>(k), 100);
      const std::size_t allocated = allocations() - before;
      REQUIRE(allocated == 0);
      REQUIRE(made == expected);
      done += made;
      REQUIRE(v.emitted() == done);
      REQUIRE(v.received() == at);
    }
    const Index expected = v.frames_at_finish();
    const std::size_t before = allocations();
    REQUIRE(v.finish(FramesSpan(y).slice(done, expected)) == expected);
    const std::size_t allocated = allocations() - before;
    REQUIRE(allocated == 0);
    CHECK(y.leftCols(done + expected).allFinite());
    CHECK(v.frames_after(100) == 0);
    if (round == 0) first = y.leftCols(done + expected);
    CHECK(same_bits(Signal(y.leftCols(done + expected)), first));
    v.reset();
  }
  // A change at every frame.
  Signal y(3, 4000);
  for (Index at = 0; at < x.cols(); ++at) {
    const std::size_t before = allocations();
    v.set_speed(at % 2 == 0 ? 16 : 1, 3);
    const Index made = v.push(FramesView(x).slice(at, 1), y);
    const std::size_t allocated = allocations() - before;
    REQUIRE(allocated == 0);
    REQUIRE(made >= 0);
  }
}

TEST_CASE(
    "varispeed: the filter between the points of its table equals its plain twin on every SIMD target") {
  Rng rng(63);
  std::normal_distribution<double> normal;
  std::vector<double> h(5000);
  for (double& v : h) v = normal(rng);
  constexpr Index step_of_rows = 23;
  const kernels::ContinuousFilter filter(h, step_of_rows, false), precise(h, step_of_rows, true);
  const auto point = [&](double p) {
    const double at = std::clamp(p, -2.0, 5001.0), whole = std::floor(at), t = at - whole;
    const auto y = [&](Index k) {
      const Index i = static_cast<Index>(whole) + k;
      return i >= 0 && i < 5000 ? h[static_cast<std::size_t>(i)] : 0.0;
    };
    return -t * (t - 1) * (t - 2) / 6 * y(-1) + (t + 1) * (t - 1) * (t - 2) / 2 * y(0) -
           (t + 1) * t * (t - 2) / 2 * y(1) + (t + 1) * t * (t - 1) / 6 * y(2);
  };
  const auto expected = [&](const Signal& x, Index first, Index frames, double position, double step) {
    Eigen::VectorXd sum = Eigen::VectorXd::Zero(x.rows());
    for (Index k = 0; k < frames; ++k)
      sum += 0.7 * point(position - static_cast<double>(k) * step) * x.col(first + k).cast<double>();
    return sum;
  };
  const auto check = [](const auto& y, const Eigen::VectorXd& twin, double tolerance) {
    CHECK((y.template cast<double>() - twin).cwiseAbs().maxCoeff() <
          tolerance * (1 + twin.cwiseAbs().maxCoeff()));
  };
  for (const std::string& target : kernels::simd_targets()) {
    kernels::use_simd_target(target);
    for (int i = 0; i < 60; ++i) {
      const Index channels = uniform(rng, 1, 10), frames = uniform(rng, 1, 700);
      INFO(target << ", " << channels << " channels, " << frames << " frames");
      const double step = 0.01 * static_cast<double>(uniform(rng, 1, 3000));
      const double position = 0.001 * static_cast<double>(uniform(rng, 0, 6'000'000));
      const Signal x = noise(rng, channels, frames);
      Signal y(channels, 1);
      filter.apply(x.data(), frames, channels, position, step, 0.7, y.data());
      check(y.col(0), expected(x, 0, frames, position, step), 1e-5);

      // Several outputs of frames as far apart as the rows.
      std::vector<kernels::ContinuousFilter::Output> outputs(
          static_cast<std::size_t>(uniform(rng, 1, kernels::ContinuousScratch::most_outputs)));
      Index first = 0, last = 0;
      for (auto& o : outputs) {
        first += uniform(rng, 0, 4);
        last = std::max(last, first + uniform(rng, 1, 300));
        o = {first, last - first, 0.001 * static_cast<double>(uniform(rng, 0, 6'000'000))};
      }
      const Signal z = noise(rng, channels, last);
      const Eigen::MatrixXd exact_z = z.cast<double>();
      const auto number = static_cast<Index>(outputs.size());
      kernels::ContinuousScratch scratch(filter, last), exact_scratch(precise, last);
      Signal floats(channels, number), rounded(channels, number), again(channels, number);
      Eigen::MatrixXd exact(channels, number);
      filter.apply(z.data(), outputs, channels, 0.7, floats.data(), scratch);
      precise.apply(z.data(), outputs, channels, 0.7, exact.data(), exact_scratch);
      precise.apply(z.data(), outputs, channels, 0.7, rounded.data(), exact_scratch);
      precise.apply(exact_z.data(), outputs, channels, 0.7, again.data(), exact_scratch);
      CHECK(same_bits(rounded, again));
      for (Index k = 0; k < number; ++k) {
        const auto& o = outputs[static_cast<std::size_t>(k)];
        const Eigen::VectorXd twin =
            expected(z, o.first, o.frames, o.position, static_cast<double>(step_of_rows));
        check(floats.col(k), twin, 1e-5);
        check(exact.col(k), twin, 1e-12);
        check(rounded.col(k), twin, 1e-7);
      }
      // Each alone has the same bits.
      const auto k = static_cast<std::size_t>(uniform(rng, 0, number - 1));
      Signal alone(channels, 1);
      filter.apply(z.data(), std::span(&outputs[k], 1), channels, 0.7, alone.data(), scratch);
      CHECK(same_bits(alone, Signal(floats.col(static_cast<Index>(k)))));
    }
  }
  kernels::use_simd_target("");
}

TEST_CASE("varispeed: each channel has the bits of a signal of its own") {
  Rng rng(64);
  for (const Index channels : {2, 3, 11})
    for (const double speed : {0.9, 1.3}) {
      const Signal x = noise(rng, channels, 2000);
      Varispeed all(channels, speed);
      const Signal y = all.push(x);
      for (Index c = 0; c < channels; ++c) {
        Varispeed one(1, speed);
        CHECK(one.push(Signal(x.row(c))) == y.row(c));
      }
    }
}

TEST_CASE("varispeed: at a steady speed it is resample") {
  // Within the passband and away from the ends: the widths of the filters are rounded differently.
  Signal x(1, 6000);
  for (Index n = 0; n < x.cols(); ++n)
    x(0, n) = static_cast<float>(0.5 * std::sin(0.3 * static_cast<double>(n)) +
                                 0.4 * std::cos(1.1 * static_cast<double>(n)));
  for (const auto& [from, to] : {std::pair(5, 4), {3, 4}, {2, 1}, {1, 4}}) {
    Varispeed v(1, static_cast<double>(from) / to, Quality::best);
    const Signal y = joined({v.push(x), v.finish()}, 1), expected = resample(x, from, to, {Quality::best});
    INFO(from << " to " << to);
    REQUIRE(y.cols() == expected.cols());
    CHECK((y - expected).middleCols(y.cols() / 4, y.cols() / 2).cwiseAbs().maxCoeff() < 1e-6f);
  }
}

TEST_CASE("varispeed: a tone follows a ramp of ±10 % without noise") {
  // Each output must be the sine at its own input position.
  constexpr double cycles = 0.21;
  Signal x(1, 24000);
  for (Index n = 0; n < x.cols(); ++n)
    x(0, n) =
        static_cast<float>(std::sin(2 * std::numbers::pi * std::fmod(cycles * static_cast<double>(n), 1.0)));
  Varispeed v(1, 0.9, Quality::best);
  std::vector<Signal> parts = {v.push(FramesView(x).slice(0, 2000))};
  v.set_speed(1.1, 20000);
  parts.push_back(v.push(FramesView(x).slice(2000, 22000)));
  const Signal y = joined(parts, 1);
  double position = 0, error = 0, power = 0;
  for (Index n = 0; n < y.cols(); ++n) {
    const double s = std::sin(2 * std::numbers::pi * std::fmod(cycles * position, 1.0));
    if (position > 1000) error += std::pow(static_cast<double>(y(0, n)) - s, 2), power += s * s;
    const double ramp = std::clamp((position - 2000) / 20000, 0.0, 1.0);
    position += 0.9 + 0.2 * ramp;
  }
  CHECK(10 * std::log10(power / error) > 145);  // the input is rounded to float: −150 dB
}

TEST_CASE("varispeed: tones up to the edge of the passband come through speeds up to 1 alone") {
  constexpr std::tuple<Quality, double, double> presets[] = {
      {Quality::fast, 0.85, 100},
      {Quality::standard, 0.923, 125},
      {Quality::best, 0.923, 145},  // the input is float
      {Quality::steep, 0.968, 145}};
  for (const auto& [quality, edge, stopband_db] : presets)
    for (const double speed : {1.0, 0.99993, 0.731, 0.31, 1.0 / 16})
      for (const double part : {1.0, 0.37}) {
        const double cycles = 0.5 * part * edge;
        const auto wave = [&](double t) {
          return std::sin(2 * std::numbers::pi * std::fmod(cycles * t, 1.0));
        };
        Signal x(1, 3000);
        for (Index n = 0; n < x.cols(); ++n) x(0, n) = static_cast<float>(wave(static_cast<double>(n)));
        Varispeed v(1, speed, quality);
        const Signal y = joined({v.push(x), v.finish()}, 1);
        double error = 0, power = 0;
        for (Index n = 0; n < y.cols(); ++n) {
          const double position = speed * static_cast<double>(n), s = wave(position);
          if (position < 700 || position > 2300) continue;
          error += std::pow(static_cast<double>(y(0, n)) - s, 2);
          power += s * s;
        }
        CAPTURE(speed, cycles, static_cast<int>(quality));
        // The gain may be off by the ripple of the passband.
        CHECK(10 * std::log10(power / error) > (quality < Quality::best ? 82 : 100));
        // Beside a sine of its own frequency nothing is left.
        Eigen::MatrixXd basis(y.cols(), 2);
        for (Index n = 0; n < y.cols(); ++n) {
          const double phase = 2 * std::numbers::pi * std::fmod(cycles * speed * static_cast<double>(n), 1.0);
          basis.row(n) << std::sin(phase), std::cos(phase);
        }
        const auto from = static_cast<Index>(700 / speed), count = static_cast<Index>(1600 / speed);
        const Eigen::MatrixXd inside = basis.middleRows(from, count);
        const Eigen::VectorXd out = y.row(0).segment(from, count).transpose().cast<double>();
        const Eigen::VectorXd fitted =
            inside * (inside.transpose() * inside).ldlt().solve(inside.transpose() * out);
        CHECK(10 * std::log10(fitted.squaredNorm() / (out - fitted).squaredNorm()) > stopband_db);
      }
}

TEST_CASE("varispeed: an output comes with the last frame of its lookahead, and reads none beyond it") {
  Rng rng(65);
  for (const Quality q : {Quality::fast, Quality::best})
    for (const double speed : {0.25, 0.9, 1.0, 1.7}) {
      Varispeed v(1, speed, q);
      const Index ahead = v.lookahead_frames(speed);
      CAPTURE(speed);
      CHECK(v.frames_after(ahead) == 0);
      CHECK(v.frames_after(ahead + 1) > 0);
      CHECK(ahead < (q == Quality::fast ? 53 : 128) * std::max(1.0, speed));
      Signal x = noise(rng, 1, 2000);
      const Signal clean = v.push(x);
      x(0, 1000) = std::nanf("");
      Varispeed again(1, speed, q);
      const Signal y = again.push(x);
      REQUIRE(y.cols() == clean.cols());
      bool reached = false;
      for (Index n = 0; n < y.cols(); ++n) {
        const double position = speed * static_cast<double>(n);
        reached = reached || std::isnan(y(0, n));
        if (std::abs(position - 1000) > static_cast<double>(ahead) + 1) REQUIRE(y(0, n) == clean(0, n));
      }
      CHECK(reached);
    }
}

TEST_CASE("varispeed refuses speeds, ramps and late frames") {
  CHECK_THROWS_WITH(Varispeed(0), "varispeed: channels must be 1 to 65536, got 0");
  CHECK_THROWS_WITH(Varispeed(1, 17), "varispeed: speed must be 1/16 to 16, got 17");
  for (const double speed : {Varispeed::slowest, Varispeed::fastest})
    CHECK(Varispeed(1, speed).speed() == speed);
  CHECK_THROWS(Varispeed(1, std::nextafter(Varispeed::slowest, 0.0)));
  CHECK_THROWS(Varispeed(1, std::nextafter(Varispeed::fastest, 17.0)));
  CHECK_THROWS_WITH(Varispeed(1, std::nan("")), "varispeed: speed must be 1/16 to 16, got nan");
  Varispeed v(1);
  CHECK_THROWS_WITH(v.set_speed(1, -1), "varispeed: a ramp must not be negative, got -1 frames");
  CHECK(v.frames_after(0) == 0);
  v.push(Signal(Signal::Ones(1, 100)));
  v.set_speed(1.5);
  CHECK_THROWS_AS(v.set_speed(100), std::invalid_argument);
  CHECK(v.speed() == 1.5);  // as it was
  v.reset();
  CHECK_THROWS_WITH(v.push(Signal(2, 3)), "varispeed: expects 1 channels, got 2");
  CHECK(v.finish().cols() == 0);
  CHECK_THROWS_WITH(v.finish(), "varispeed: the signal is finished; reset() starts a new one");
  v.reset();
  CHECK(v.push(Signal(Signal::Ones(1, 2000))).cols() > 1000);
}
