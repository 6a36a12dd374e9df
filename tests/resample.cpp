#include <wavestride/resample.h>
#include <wavestride/stack.h>

#include <Eigen/Cholesky>
#include <atomic>
#include <catch2/catch.hpp>
#include <cmath>
#include <complex>
#include <numbers>
#include <numeric>
#include <set>
#include <thread>

#include "contract.h"
#include "every_target.h"
#include "filter_design.h"
#include "kernels/dense.h"

using namespace wavestride;
using namespace wavestride::testing;

namespace {

constexpr int speech_rates[] = {8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 96000};

// Σ amplitude·sin(2πft) at a rate, in double.
std::vector<double> tones(const std::vector<double>& hz, double amplitude, double rate, Index frames) {
  std::vector<double> x(static_cast<std::size_t>(frames));
  for (Index n = 0; n < frames; ++n)
    for (const double f : hz)
      x[static_cast<std::size_t>(n)] +=
          amplitude * std::sin(2 * std::numbers::pi * std::fmod(f * static_cast<double>(n) / rate, 1.0));
  return x;
}

Signal as_signal(const std::vector<double>& x) {
  Signal s(1, static_cast<Index>(x.size()));
  for (Index n = 0; n < s.cols(); ++n) s(0, n) = static_cast<float>(x[static_cast<std::size_t>(n)]);
  return s;
}

// The conversion of x with x's own rounding to float undone: what the rounding took away is converted too.
Eigen::RowVectorXd convert(const Op& op, const std::vector<double>& x) {
  constexpr double scale = 1 << 24;
  const Signal rounded = as_signal(x);
  std::vector<double> rest(x);
  for (std::size_t n = 0; n < rest.size(); ++n)
    rest[n] = scale * (x[n] - static_cast<double>(rounded(0, static_cast<Index>(n))));
  return op(rounded).cast<double>() + op(as_signal(rest)).cast<double>() / scale;
}

// The best fit of a·sin + b·cos at each frequency to y, away from its ends: the amplitude of the first, and
// what is left of y in dB below the fit.
struct Fit {
  double amplitude, residual_db;
};

Fit fit(const Eigen::RowVectorXd& y, double rate, const std::vector<double>& hz, Index margin) {
  const Index N = y.cols() - 2 * margin;
  Eigen::MatrixXd basis(N, 2 * static_cast<Index>(hz.size()));
  for (Index i = 0; i < N; ++i)
    for (std::size_t k = 0; k < hz.size(); ++k) {
      const double phase =
          2 * std::numbers::pi * std::fmod(hz[k] * static_cast<double>(i + margin) / rate, 1.0);
      basis(i, 2 * static_cast<Index>(k)) = std::sin(phase);
      basis(i, 2 * static_cast<Index>(k) + 1) = std::cos(phase);
    }
  const Eigen::VectorXd v = y.segment(margin, N).transpose();
  const Eigen::VectorXd weights = (basis.transpose() * basis).ldlt().solve(basis.transpose() * v);
  const Eigen::VectorXd fitted = basis * weights;
  return {weights.head(2).norm(),
          10 * std::log10(fitted.squaredNorm() / std::max((v - fitted).squaredNorm(), 1e-300))};
}

double residual_db(const Eigen::RowVectorXd& y, double rate, const std::vector<double>& hz, Index margin) {
  return fit(y, rate, hz, margin).residual_db;
}

double level_db(const Signal& y, Index margin) {
  const auto inside = y.middleCols(margin, y.cols() - 2 * margin).cast<double>();
  return 10 * std::log10(inside.squaredNorm() / static_cast<double>(inside.cols()) * 2 + 1e-40);
}

// Of an impulse nothing comes before output `from`, and most in the `frames` from there on.
void verify_front(const Op& op, Index from, Index frames) {
  Signal impulse = Signal::Zero(1, 1500);
  impulse(0, 300) = 1;
  const Signal y = op(impulse);
  CHECK(y.leftCols(from).norm() == 0);
  CHECK(y.middleCols(from, frames).norm() > 0.9f * y.norm());
}

}  // namespace

TEST_CASE("resample keeps the contract of every Op") {
  Rng rng(31);
  const auto verify = [&](double from, double to, Index channels, const ResampleOptions& options) {
    const Op op = op::resample(channels, from, to, options);
    verify_contract(op, rng, {.dense = false, .longest = 2 * op.receptive_field() + 300, .chunkings = 2});
  };
  for (const auto phase : {Phase::linear, Phase::minimum})
    for (const bool causal : {false, true}) {
      verify(3, 1, 1, {.phase = phase, .causal = causal});
      verify(1, 3, 2, {.quality = Quality::best, .phase = phase, .causal = causal});
      verify(2, 1, 3, {.quality = Quality::fast, .phase = phase, .causal = causal});
      verify(44100, 48000, 1, {.phase = phase, .causal = causal});
      verify(48000, 44100, 2, {.quality = Quality::best, .phase = phase, .causal = causal});
    }
  for (const auto& [q, causal] : {std::pair(Quality::standard, false), {Quality::best, true}}) {
    verify(44100, 16000, 2, {.quality = q, .causal = causal});  // two filters in sequence
    verify(1, 8, 1, {.quality = q, .causal = causal});
  }
  for (int i = 0; i < 30; ++i) {
    const auto from = static_cast<double>(uniform(rng, 1, 60)), to = static_cast<double>(uniform(rng, 1, 60));
    ResampleOptions options{.stopband_db = static_cast<double>(uniform(rng, 20, 160)),
                            .passband = static_cast<double>(uniform(rng, 20, 90)) / 100};
    options.causal = uniform(rng, 0, 1) == 1;
    verify(from, to, uniform(rng, 1, 5), options);
  }
  verify_contract_multi(op::resample(2, 44100, 48001, {.quality = Quality::fast}), rng);
  verify_contract_multi(op::resample(2, 48000, 16001, {.quality = Quality::fast}),
                        rng);  // a bank that halves first
  verify(16000, 16000, 2, {});
}

TEST_CASE("resample: length and delay of 10,000 random ratios") {
  // A ramp comes out as the ramp at the output's own times, away from its ends; its images are 60 dB down.
  Rng rng(32);
  for (int i = 0; i < 10'000; ++i) {
    const Index from = uniform(rng, 1, 300),
                to = uniform(rng, std::max<Index>(from / 8, 1), std::min<Index>(8 * from, 300));
    const bool causal = uniform(rng, 0, 7) == 0;
    const Resampler r(static_cast<double>(from), static_cast<double>(to),
                      {.stopband_db = 60, .passband = 0.3, .causal = causal});
    const Index T = 6 * r.taps() + uniform(rng, 0, 20), middle = T / 2;
    Signal ramp(1, T);
    for (Index t = 0; t < T; ++t) ramp(0, t) = static_cast<float>(t - middle);
    const Signal y = r.op()(ramp);
    INFO(from << " to " << to << (causal ? ", causal" : ""));
    REQUIRE(y.cols() == (T * to + from - 1) / from);
    const double pace = static_cast<double>(from) / static_cast<double>(to);
    const double delay = r.output_delay_s() * static_cast<double>(from);
    const auto at = static_cast<Index>((static_cast<double>(middle) + delay) / pace);
    REQUIRE(std::abs(static_cast<double>(y(0, at)) -
                     (static_cast<double>(at) * pace - delay - static_cast<double>(middle))) <
            0.003 * static_cast<double>(r.taps()));
  }
}

TEST_CASE("resample: availability and needed input") {
  const Goal goal = GENERATE(Goal::low_latency, Goal::throughput);
  Rng rng(32);
  for (int i = 0; i < 40; ++i) {
    const Resampler r(static_cast<double>(uniform(rng, 1, 200)), static_cast<double>(uniform(rng, 1, 200)),
                      {.quality = Quality::fast, .goal = goal});
    const Op op = r.op();
    for (int k = 0; k < 30; ++k) {
      const Index N = uniform(rng, 1, 5000), T = r.needed(N);
      INFO(op.name() << ", N = " << N);
      CHECK(op.total(T) == r.total(T));
      CHECK(op.available(T) == r.available(T));
      CHECK(r.available(T) >= N);
      if (T > 1) CHECK(r.available(T - 1) < N);
    }
  }
}

TEST_CASE("resample: the output is aligned in time, or delayed as reported") {
  const Goal goal = GENERATE(Goal::low_latency, Goal::throughput);
  for (const auto& [from, to] : {std::pair(48000, 16000), {16000, 48000}, {44100, 48000}, {44100, 16000}})
    for (const auto phase : {Phase::linear, Phase::minimum})
      for (const bool causal : {false, true}) {
        const Resampler r(from, to, {.phase = phase, .causal = causal, .goal = goal});
        INFO(r.op().name() << (causal ? " causal" : "") << (phase == Phase::minimum ? " minimum" : ""));
        const double hz = 50;  // low: minimum phase delays higher frequencies differently
        const Signal y = r.op()(as_signal(tones({hz}, 0.5, from, from)));
        double in_phase = 0, quadrature = 0;
        const Index margin = to / 10, period = to / 50;
        for (Index n = margin; n < margin + 30 * period; ++n) {
          const double t = 2 * std::numbers::pi * hz * static_cast<double>(n) / to;
          in_phase += static_cast<double>(y(0, n)) * std::sin(t);
          quadrature += static_cast<double>(y(0, n)) * std::cos(t);
        }
        const double delay = -std::atan2(quadrature, in_phase) / (2 * std::numbers::pi * hz);
        CHECK(std::abs(delay - r.output_delay_s()) < (phase == Phase::linear ? 1e-9 : 1e-6));
        if (phase == Phase::linear) CHECK(r.output_delay_s() == (causal ? r.filter_delay_s() : 0.0));
        if (phase == Phase::minimum && !causal) CHECK(std::abs(r.output_delay_s()) <= 0.5 / from);
      }
}

TEST_CASE("resample: latency of the presets from 48 to 16 kHz") {
  CHECK(Resampler(48000, 16000, {Quality::fast}).filter_delay_s() < 0.003);
  CHECK(Resampler(48000, 16000, {Quality::standard}).filter_delay_s() < 0.0065);
  CHECK(Resampler(48000, 16000, {Quality::best}).filter_delay_s() < 0.008);
  const Resampler best(48000, 16000, {Quality::best});
  CHECK(static_cast<double>(best.op().lookahead_frames()) / 48000 <= best.filter_delay_s() + 1e-9);
  // Blocks no longer than are worth waiting for.
  CHECK(op::resample(1, 8000, 12000, {.quality = Quality::best, .goal = Goal::throughput}).latency_frames() <
        6000);
}

TEST_CASE("resample: a delay may be asked for") {
  for (const auto phase : {Phase::linear, Phase::minimum}) {
    const Resampler r(48000, 16000, {.quality = Quality::best, .max_delay_s = 0.002, .phase = phase});
    CHECK(r.filter_delay_s() <= 0.002);
    CHECK(r.passband_edge() > 0.6);
    CHECK(r.achieved().stopband_db > 149);
  }
  CHECK_THROWS_WITH(
      Resampler(48000, 16000, {.quality = Quality::best, .max_delay_s = 1e-5}),
      Catch::StartsWith(
          "resample: a stopband of 150 dB with a passband of 0.923 from 48000 to 16000 Hz delays "
          "by 0.0070") &&
          Catch::Contains("not even a passband of 0.3 is possible: allow 0.000"));
  for (const auto phase : {Phase::linear, Phase::minimum}) {
    const double least =
        Resampler(44100, 48000, {.quality = Quality::best, .passband = 0.3, .phase = phase}).filter_delay_s();
    const ResampleOptions options{.quality = Quality::best, .max_delay_s = least, .phase = phase};
    CHECK(Resampler(44100, 48000, options).passband_edge() >= 0.3);
  }
  CHECK_THROWS_WITH(Resampler(48000, 16000, {.passband = 0.2, .max_delay_s = 1e-5}),
                    Catch::Contains("not even a passband of 0.2 is possible"));
  CHECK_THROWS_WITH(Resampler(48000, 16000, {.passband = 0.9, .max_delay_s = 0.002}),
                    Catch::Contains("within 0.002 s the passband can be 0.7"));
}

TEST_CASE("resample: the presets' filters between all speech and music rates") {
  std::set<Ratio, decltype([](Ratio a, Ratio b) { return std::max(a.num, a.den) < std::max(b.num, b.den); })>
      seen;  // the filter depends on the larger number of the ratio alone, but for what is held in float
  for (const int from : speech_rates)
    for (const int to : speech_rates)
      for (const Quality q : {Quality::fast, Quality::standard, Quality::best, Quality::steep}) {
        if (from == to || (q == Quality::fast && !seen.insert(Ratio(from, to)).second)) break;
        const Resampler r(from, to, {q});
        const FilterResponse achieved = r.achieved();
        INFO(r.op().name() << ", quality " << static_cast<int>(q) << ": " << achieved.stopband_db << " dB, "
                           << achieved.passband << ", ripple " << achieved.ripple_db);
        CHECK(achieved.stopband_db >= r.stopband_db());
        CHECK(achieved.passband >= r.passband_edge());
        CHECK(achieved.ripple_db < 0.001);
        CHECK(r.bytes() < 8 << 20);
      }
}

TEST_CASE("resample: filters by number meet what they are asked for") {
  for (const double stopband_db : {20.0, 35.0, 50.0, 65.0, 80.0, 100.0, 125.0, 140.0, 160.0})
    for (const double passband : {0.05, 0.2, 0.4, 0.6, 0.65, 0.8, 0.95, 0.99})
      for (const auto& [from, to] : {std::pair(48000, 16000), {44100, 16000}, {16000, 22050}}) {
        const FilterResponse achieved =
            Resampler(from, to, {.stopband_db = stopband_db, .passband = passband}).achieved();
        INFO(stopband_db << " dB, " << passband << ", " << from << " to " << to << ": "
                         << achieved.stopband_db << " dB, ripple " << achieved.ripple_db);
        CHECK(achieved.stopband_db >= stopband_db - (stopband_db < 160 ? 0 : 1));  // near what double holds
        // As far from 1 as the stopband is from 0, and where that is much, less; the edges at both signs of
        // the frequency add up where the gain is set to 1.
        const double deviation = std::pow(10, -std::min(stopband_db, 80.0) / 20);
        CHECK(achieved.ripple_db <= -20 * std::log10(1 - 3 * deviation));
      }
}

TEST_CASE("resample: the response of each converter is the one that it reports") {
  // An impulse at each of M input frames gives all samples of the impulse response. Each is rounded to float:
  // impulses of several sizes are averaged, so that roundings cancel as far as they do.
  constexpr std::pair<int, int> large_pairs[] = {{44100, 48000}, {48000, 44100}, {44100, 16000},
                                                 {16000, 22050}, {22050, 24000}, {96000, 44100}};
  std::set<std::pair<Index, Index>> seen;
  Rng rng(36);
  for (const int from : speech_rates)
    for (const int to : speech_rates)
      for (const Quality q : {Quality::fast, Quality::standard, Quality::best, Quality::steep}) {
        const Resampler r(from, to, {q});
        const Index L = r.rate().den, M = r.rate().num;
        if (L == M || (q == Quality::fast && !seen.insert({L, M}).second)) break;
        const bool large = std::max(L, M) > 12;  // impulses enough by itself
        if (large && (q != Quality::standard ||
                      std::count(std::begin(large_pairs), std::end(large_pairs), std::pair(from, to)) == 0))
          continue;
        const Op op = r.op();
        const Index field = op.receptive_field(), times = large ? 1 : 12;
        std::vector<double> amplitude;
        for (const Index turn : {0, 1}) {  // two filters in sequence may differ from one period to the next
          const Index middle = ((field + M) / M + turn) * M;
          std::vector<double> h(static_cast<std::size_t>(2 * (middle + M) * L));
          for (Index j = 0; j < M; ++j)
            for (Index k = 0; k < times; ++k) {
              Signal impulse = Signal::Zero(1, 2 * middle + M);
              const float size = 1 + static_cast<float>(uniform(rng, 0, 1 << 20)) / (1 << 20);
              impulse(0, middle + j) = size;
              const Signal y = op(impulse);
              for (Index n = 0; n < y.cols(); ++n)
                if (const Index i = n * M - j * L; i >= 0 && i < static_cast<Index>(h.size()))
                  h[static_cast<std::size_t>(i)] +=
                      static_cast<double>(y(0, n)) / (size * static_cast<double>(times));
            }
          const auto silent = [](double v) { return v == 0; };
          h.erase(h.begin(), std::find_if_not(h.begin(), h.end(), silent));
          h.erase(std::find_if_not(h.rbegin(), h.rend(), silent).base(), h.end());
          const auto response = amplitude_response(h, 8 * r.taps() * L);
          amplitude.resize(std::max(amplitude.size(), response.size()));
          for (std::size_t i = 0; i < response.size(); ++i)
            amplitude[i] = std::max(amplitude[i], response[i]);
        }
        const double nyquist =
            static_cast<double>(amplitude.size() - 1) / static_cast<double>(std::max(L, M));
        double stop = 0, ripple = 0, passband = 0;
        for (std::size_t i = 0; i < amplitude.size(); ++i) {
          const double f = static_cast<double>(i) / nyquist,
                       db = 20 * std::log10(amplitude[i] / amplitude[0]);
          if (f >= 1) stop = std::max(stop, amplitude[i] / amplitude[0]);
          if (f <= r.passband_edge()) ripple = std::max(ripple, std::abs(db));
          if (f < 1 && db >= -0.1) passband = f;
        }
        const FilterResponse achieved = r.achieved();
        INFO(op.name() << ", quality " << static_cast<int>(q));
        const double said = std::pow(10, -achieved.stopband_db / 20);
        CHECK(std::abs(stop - said) < 0.12 * said + 1e-8);  // 1 dB, and what rounding leaves
        CHECK(passband == Approx(achieved.passband).margin(0.002));
        CHECK(ripple == Approx(achieved.ripple_db).margin(2e-5));
      }
  CHECK(seen.size() > 12);
}

TEST_CASE("resample: tones in band, images and aliases") {
  const Goal goal = GENERATE(Goal::low_latency, Goal::throughput);
  for (const int from : speech_rates)
    for (const int to : speech_rates) {
      if (from == to) continue;
      const double nyquist = std::min(from, to) / 2.0;
      for (const Quality q : {Quality::fast, Quality::standard, Quality::best, Quality::steep}) {
        const Resampler r(from, to, {.quality = q, .goal = goal});
        const Op op = r.op();
        const double asked = r.stopband_db();
        const Index T = 2 * r.taps() + from / 16, margin = op.total(r.taps());
        for (const double part : {0.0443, 0.512, 1.0}) {
          const double f = part * r.passband_edge() * nyquist;
          INFO(op.name() << " at " << f << " Hz, quality " << static_cast<int>(q));
          const auto y = convert(op, tones({f}, 0.9, from, T));
          const Fit found = fit(y, to, {f}, margin);
          CHECK(found.residual_db >= asked);  // distortion, images, noise
          CHECK(std::abs(20 * std::log10(found.amplitude / 0.9)) < 0.001);
        }
        if (to < from) {
          const double f = nyquist * 1.003;
          INFO(op.name() << " at " << f << " Hz");
          CHECK(level_db(op(as_signal(tones({f}, 1.0, from, T))), margin) <= -asked);
        }
      }
    }
}

TEST_CASE("resample: aliases are below the stopband on every SIMD target, whose sums round differently") {
  EveryTarget targets;
  for (const int from : speech_rates)
    for (const int to : speech_rates)
      for (const Quality q : {Quality::best, Quality::steep}) {
        if (to >= from) continue;
        kernels::use_simd_target("");
        const Resampler r(from, to, {.quality = q, .goal = Goal::low_latency});
        const Op op = r.op();
        const double f = to / 2.0 * 1.003;
        const Signal x = as_signal(tones({f}, 1.0, from, 2 * r.taps() + from / 16));
        for (const std::string& name : targets.names) {
          kernels::use_simd_target(name);
          INFO(name << ": " << op.name() << ", quality " << static_cast<int>(q));
          CHECK(level_db(op(x), op.total(r.taps())) <= -r.stopband_db());
        }
      }
}

TEST_CASE("resample: two tones do not make others") {
  const Goal goal = GENERATE(Goal::low_latency, Goal::throughput);
  for (const auto& [from, to] : {std::pair(96000, 44100),
                                 {48000, 16000},
                                 {16000, 48000},
                                 {44100, 48000},
                                 {8000, 16000},
                                 {16000, 22050}})
    for (const Quality q : {Quality::fast, Quality::standard, Quality::best, Quality::steep}) {
      const Resampler r(from, to, {.quality = q, .goal = goal});
      const Op op = r.op();
      const Index T = 2 * r.taps() + from / 10, margin = op.total(r.taps());
      const double edge = r.passband_edge() * std::min(from, to) / 2;
      const std::vector<double> pair = {0.89 * edge, 0.94 * edge};
      INFO(op.name() << ", quality " << static_cast<int>(q));
      CHECK(residual_db(convert(op, tones(pair, 0.45, from, T)), to, pair, margin) >= r.stopband_db());
    }
}

TEST_CASE("resample: 96 to 44.1 kHz: swept sine, impulse") {
  const Goal goal = GENERATE(Goal::low_latency, Goal::throughput);
  for (const Quality q : {Quality::fast, Quality::standard, Quality::best, Quality::steep}) {
    const Resampler r(96000, 44100, {.quality = q, .goal = goal});
    const Op op = r.op();
    const Index T = 48000, margin = op.total(r.taps());
    // A sweep from 25 to 47 kHz lies in the stopband all along.
    Signal sweep(1, T);
    for (Index n = 0; n < T; ++n) {
      const double t = static_cast<double>(n) / 96000;
      sweep(0, n) = static_cast<float>(std::sin(2 * std::numbers::pi * (25000 * t + 22000 * t * t)));
    }
    // The sweep itself is rounded to float: −150 dB of white noise.
    CHECK(level_db(op(sweep), margin) <= -std::min(r.stopband_db(), 145.0));
  }

  // The impulse response is symmetric around its own time, and sums to the ratio.
  const Op op = op::resample(1, 96000, 44100, {Quality::best});
  Signal impulse = Signal::Zero(1, 3201);
  const Index centre = 1600;
  impulse(0, centre) = 1;
  const Signal y = op(impulse);
  const Index at = centre * 147 / 320;
  for (Index k = 1; k < 200; ++k) CHECK(std::abs(y(0, at - k) - y(0, at + k)) < 1e-8f);
  CHECK(static_cast<double>(y.cast<double>().sum()) == Approx(44100.0 / 96000).epsilon(1e-6));
}

TEST_CASE("resample: minimum phase of a thousand phases takes their bank, not a table") {
  for (const auto& [from, to] : {std::pair(11025, 96000), std::pair(96000, 11025)}) {
    const Resampler r(from, to, {.quality = Quality::best, .phase = Phase::minimum});
    CHECK(r.bytes() > 1 << 20);
    CHECK(r.bytes() < 2 << 20);
    CHECK(r.achieved().stopband_db >= r.stopband_db());
    CHECK(r.achieved().passband >= r.passband_edge());
    CHECK(r.achieved().ripple_db < 0.001);
  }
}

TEST_CASE("resample: minimum phase has the amplitude of linear phase and no ringing before") {
  Rng rng(38);
  for (const Quality q : {Quality::standard, Quality::best}) {
    const Resampler linear(48000, 16000, {q}), minimum(48000, 16000, {.quality = q, .phase = Phase::minimum});
    CHECK(minimum.filter_delay_s() < 0.4 * linear.filter_delay_s());
    CHECK(minimum.achieved().stopband_db >= minimum.stopband_db());
    CHECK(minimum.achieved().passband == Approx(linear.achieved().passband).margin(0.001));
    CHECK(minimum.achieved().ripple_db < 1.02 * linear.achieved().ripple_db);
    // Measured: three impulses give all samples of the impulse response, several sizes the mean of roundings.
    constexpr Index times = 12;
    const Op aligned = minimum.op();
    const Index middle = 3 * aligned.receptive_field();
    std::vector<double> h(static_cast<std::size_t>(2 * middle));
    for (Index k = 0; k < 3 * times; ++k) {
      Signal one = Signal::Zero(1, 2 * middle);
      const Index j = k % 3;
      const float size = 1 + static_cast<float>(uniform(rng, 0, 1 << 20)) / (1 << 20);
      one(0, middle + j) = size;
      const Signal y = aligned(one);
      for (Index n = 0; n < y.cols(); ++n)
        if (const Index i = 3 * n - j; i >= 0 && i < 2 * middle)
          h[static_cast<std::size_t>(i)] +=
              static_cast<double>(y(0, n)) / (size * static_cast<double>(times));
    }
    const auto amplitude = amplitude_response(h, 8 * minimum.taps());
    const double nyquist = static_cast<double>(amplitude.size() - 1) / 3;
    double stop = 0, ripple = 0;
    for (std::size_t i = 0; i < amplitude.size(); ++i) {
      const double f = static_cast<double>(i) / nyquist, gain = amplitude[i] / amplitude[0];
      if (f >= 1) stop = std::max(stop, gain);
      if (f <= minimum.passband_edge()) ripple = std::max(ripple, std::abs(20 * std::log10(gain)));
    }
    const double said = std::pow(10, -minimum.achieved().stopband_db / 20);
    CHECK(std::abs(stop - said) < 0.12 * said + 1e-8);  // 1 dB, and what rounding leaves
    CHECK(ripple == Approx(minimum.achieved().ripple_db).margin(2e-5));
    const Op op = op::resample(1, 48000, 16000, {.quality = q, .phase = Phase::minimum, .causal = true});
    verify_front(op, 100, 30);
  }
}

TEST_CASE("resample: ratios without a common period") {
  for (const auto& [from, to] : {std::pair(44100, 48001), {48001, 16000}}) {
    const Resampler r(from, to, {Quality::best});
    CHECK(r.bytes() < 2 << 20);
    const double f = 0.9 * std::min(from, to) / 2;
    const auto y = convert(r.op(), tones({f}, 0.9, from, 6000));
    CHECK(residual_db(y, to, {f}, r.total(r.taps())) >= 150);
    CHECK(r.achieved().stopband_db >= 149);
  }
  // They are two conversions in sequence, by a bank and by a table, in either order.
  Rng rng(35);
  for (const auto& [from, to] : {std::pair(44100, 48001), {48000, 44101}, {48001, 16000}, {48001, 22050}})
    for (const Quality q : {Quality::fast, Quality::standard, Quality::best, Quality::steep}) {
      CAPTURE(from, to);
      const Resampler r(from, to, {q});
      CHECK(r.bytes() < (q < Quality::best ? 200 : 400) << 10);
      CHECK(r.achieved().stopband_db >= r.stopband_db());
      CHECK(r.achieved().passband > r.passband_edge());
      CHECK(r.achieved().ripple_db < 0.001);
      const double f = 0.99 * r.passband_edge() * std::min(from, to) / 2;
      const auto y = convert(r.op(), tones({f}, 0.9, from, 6000));
      CHECK(residual_db(y, to, {f}, r.total(r.taps())) >= r.stopband_db());
      if (from > to) {
        const auto alias = convert(r.op(), tones({0.505 * to}, 0.9, from, 6000));
        const Index away = r.total(r.taps());
        CHECK(alias.middleCols(away, alias.cols() - 2 * away).cwiseAbs().maxCoeff() <
              std::pow(10, -r.stopband_db() / 20));
      }
      for (int i = 0; i < 50; ++i) {
        const Index T = uniform(rng, 1, 5000), N = uniform(rng, 1, 5000);
        CHECK(r.op()(Signal(Signal::Ones(1, T))).cols() == (T * to + from - 1) / from);
        CHECK(r.available(r.needed(N)) >= N);
        if (r.needed(N) > 1) CHECK(r.available(r.needed(N) - 1) < N);
      }
      CHECK(r.needed(std::numeric_limits<Index>::max()) > Index{1} << 60);  // nor overflows
      const Signal x = noise(rng, 2, 3000);
      const Signal whole = r.op(2)(x);
      for (int i = 0; i < 3; ++i) {
        Stream stream = r.op(2).stream();
        CHECK(same_bits(stream_in_chunks(stream, x, rng), whole));
      }
      const Resampler causal(from, to, {.quality = q, .causal = true});
      CHECK(causal.output_delay_s() == Approx(r.filter_delay_s()).epsilon(0.01));
      const auto late = convert(causal.op(), tones({1000}, 0.9, from, 6000));
      const auto lag = causal.output_delay_s();
      const Index n = late.cols() / 2;
      CHECK(late(0, n) ==
            Approx(0.9 * std::sin(2 * std::numbers::pi * 1000 * (static_cast<double>(n) / to - lag)))
                .margin(2e-4));
    }
  CHECK(Resampler(16000, 16001).bytes() < 1 << 20);  // nor a bank of 16,001 phases
  const Resampler hostile(1, 1e9, {Quality::fast});
  CHECK(hostile.bytes() < 2 << 20);
  Stream stream = hostile.op().stream();
  CHECK(stream.state_bytes() < 16 << 20);
  CHECK(hostile.total(3) == 3'000'000'000);
  CHECK(Resampler(48000, 20).bytes() < 20 << 20);
}

TEST_CASE("resample: tones between rates without a common period, near to each other and far apart") {
  Rng rng(39);
  const auto part = [&] { return 0.001 * static_cast<double>(uniform(rng, 1, 999)); };
  for (const auto& [from, to] : {std::pair(8003, 48000),
                                 {44101, 48000},
                                 {48001, 44100},
                                 {64007, 44101},
                                 {48001, 29000},
                                 {48000, 24001},
                                 {48000, 22051},
                                 {48000, 16001},
                                 {96000, 23999},
                                 {96000, 11027},
                                 {192000, 8001}})
    for (const Quality q : {Quality::fast, Quality::standard, Quality::best, Quality::steep}) {
      const Resampler r(from, to, {q});
      const Op op = r.op();
      const FilterResponse achieved = r.achieved();
      const double nyquist = std::min(from, to) / 2.0, edge = r.passband_edge() * nyquist;
      INFO(op.name() << ", quality " << static_cast<int>(q) << ": " << achieved.stopband_db << " dB, "
                     << achieved.passband << ", ripple " << achieved.ripple_db);
      CHECK(achieved.stopband_db >= r.stopband_db());
      CHECK(achieved.passband >= r.passband_edge());
      CHECK(achieved.ripple_db < 0.001);
      CHECK(r.bytes() < 1 << 20);
      CHECK(std::abs(r.output_delay_s()) < 1e-12);
      // Later than one filter as sharp by the loose one alone: few frames of the lower rate.
      const Resampler plain(std::max(from, to) / std::min(from, to) + 1, 1, {q});
      CHECK(r.filter_delay_s() * 2 * nyquist < plain.filter_delay_s() + 14);
      const Index T = 2 * r.taps() + from / 16, margin = op.total(r.taps());
      for (const double f : {part() * edge, part() * edge, edge}) {
        CAPTURE(f);
        const Fit found = fit(convert(op, tones({f}, 0.9, from, T)), to, {f}, margin);
        CHECK(found.residual_db >= r.stopband_db());
        CHECK(std::abs(20 * std::log10(found.amplitude / 0.9)) < 0.001);
      }
      if (from < to) continue;
      for (const double above : {0.003, 0.1 * part(), part(), part(), part(), part()}) {
        const double f = nyquist * (1 + above * (static_cast<double>(from) / to - 1));
        CAPTURE(f);
        const auto y = convert(op, tones({f}, 0.9, from, T));
        const auto inside = y.segment(margin, y.cols() - 2 * margin);
        CHECK(10 * std::log10(2 * inside.squaredNorm() / static_cast<double>(inside.cols())) <=
              -r.stopband_db());
      }
    }
}

TEST_CASE("resample: minimum phase of long filters has their amplitude, and its energy at the front") {
  for (const auto& [from, to] :
       {std::pair(44100, 48000), {44100, 48001}, {48000, 16001}, {192000, 8000}, {1000, 999}, {96000, 7}})
    for (const Quality q : {Quality::fast, Quality::standard, Quality::best, Quality::steep}) {
      if (to == 7 && q != Quality::fast) continue;
      const Resampler linear(from, to, {q}), minimum(from, to, {.quality = q, .phase = Phase::minimum});
      const FilterResponse is = minimum.achieved(), wanted = linear.achieved();
      INFO(minimum.op().name() << ", quality " << static_cast<int>(q) << ": " << is.stopband_db << " dB, "
                               << is.passband << ", ripple " << is.ripple_db);
      CHECK(is.stopband_db >= minimum.stopband_db());
      CHECK(is.passband == Approx(wanted.passband).margin(0.002));
      CHECK(is.ripple_db < 1.02 * wanted.ripple_db);
      CHECK(minimum.filter_delay_s() < 0.08 * linear.filter_delay_s());
    }
  const Op op = op::resample(1, 44100, 48001, {.phase = Phase::minimum, .causal = true});
  verify_front(op, 326, 12);
}

TEST_CASE("resample: the minimum-phase filter of known zeros, in transforms short and long") {
  for (const std::size_t size : {3, 100, 5000, 40'000}) {
    std::vector<double> h = {1, -2.5, 1};  // zeros at 2 and at 1/2
    h.resize(size);
    std::vector<double> expected = {2, -2, 0.5};  // both at 1/2
    expected.resize(size);
    const std::vector<double> found = minimum_phase(h, 300);
    REQUIRE(found.size() == size);
    double error = 0;
    for (std::size_t i = 0; i < size; ++i) error = std::max(error, std::abs(found[i] - expected[i]));
    CAPTURE(size);
    CHECK(error < 1e-11);
  }
}

TEST_CASE("resample: amplitudes, and points between those of an impulse response, against sums of sines") {
  Rng rng(40);
  std::vector<double> h(3000);
  for (double& v : h) v = 1e-3 * static_cast<double>(uniform(rng, -1000, 1000));
  for (const Index size : {4096, 65536, 1 << 19}) {
    const std::vector<double> amplitude = amplitude_response(h, size);
    REQUIRE(static_cast<Index>(amplitude.size()) == size / 2 + 1);
    for (int i = 0; i < 20; ++i) {
      const Index bin = i == 0 ? size / 2 : uniform(rng, 0, size / 2);
      std::complex<double> sum = 0;
      for (std::size_t k = 0; k < h.size(); ++k)
        sum += h[k] * std::polar(1.0, -2 * std::numbers::pi *
                                          static_cast<double>(static_cast<Index>(k) * bin % size) /
                                          static_cast<double>(size));
      CHECK(amplitude[static_cast<std::size_t>(bin)] == Approx(std::abs(sum)).margin(1e-10));
    }
  }
  const auto wave = [](double t) { return std::sin(0.19 * t + 1) + std::cos(0.05 * t); };
  for (std::size_t i = 0; i < h.size(); ++i) h[i] = wave(static_cast<double>(i));
  for (const double ratio : {1.0, 7.3, 187.5}) {
    const std::vector<double> points = interpolated(h, ratio);
    CHECK(points.size() == static_cast<std::size_t>(2999 * ratio) + 1);
    double error = 0;
    for (auto i = static_cast<std::size_t>(5 * ratio); i < static_cast<std::size_t>(2990 * ratio); ++i)
      error = std::max(error, std::abs(points[i] - wave(static_cast<double>(i) / ratio)));
    CHECK(error < 5e-11);
  }
}

TEST_CASE("resample: frames that are not numbers stay within their own windows") {
  Rng rng(33);
  for (const auto& [from, to] :
       {std::pair(3, 1), {1, 2}, {160, 147}, {147, 160}, {44100, 48001}, {48001, 16000}})
    for (const Quality q : {Quality::fast, Quality::best}) {
      const Op op = op::resample(1, from, to, {q});
      Signal x = noise(rng, 1, 3 * op.receptive_field());
      const Signal clean = op(x);
      const Index at = x.cols() / 2;
      for (const float bad : {std::nanf(""), std::numeric_limits<float>::infinity()}) {
        x(0, at) = bad;
        const Signal y = op(x);
        for (Index n = 0; n < y.cols(); ++n) {
          const FrameRange range = op.reads(n);
          if (at < range.first || at > range.last) REQUIRE(y(0, n) == clean(0, n));
        }
        Stream stream = op.stream();
        const Signal streamed = stream_in_chunks(stream, x, rng);
        for (Index n = 0; n < y.cols(); ++n)
          REQUIRE((streamed(0, n) == y(0, n) || (std::isnan(y(0, n)) && std::isnan(streamed(0, n)))));
      }
    }
}

TEST_CASE("resample: every SIMD target computes the same, and each channel alone") {
  Rng rng(34);
  for (const auto& [from, to] : {std::pair(3, 1), {1, 3}, {147, 160}, {5, 7}, {44100, 48001}, {48001, 16000}})
    for (const Quality q : {Quality::standard, Quality::best}) {
      const Op op = op::resample(3, from, to, {q}), mono = op::resample(1, from, to, {q});
      const Signal x = noise(rng, 3, 2000);
      Signal infinite = x.row(0), best;
      infinite(0, 1000) = std::numeric_limits<float>::infinity();
      for (const std::string& target : kernels::simd_targets()) {
        INFO(target << " " << op.name());
        kernels::use_simd_target(target);
        const Signal y = op(x);
        if (best.size() == 0) best = y;
        CHECK((y - best).cwiseAbs().maxCoeff() < 2e-6f);
        for (Index c = 0; c < 3; ++c) CHECK(same_bits(Signal(y.row(c)), mono(Signal(x.row(c)))));
        const Signal z = mono(infinite);
        CHECK(z.array().isInf().any());
        CHECK(z.array().isFinite().select(z.array().abs(), 0.0f).maxCoeff() < 10.0f);
      }
      kernels::use_simd_target("");
    }
}

TEST_CASE("resample: converters made and used on several threads share their filters") {
  Rng rng(37);
  const Signal x = noise(rng, 1, 3000);
  constexpr std::pair<int, int> rates[] = {{3, 1}, {147, 160}, {441, 160}, {1, 2}};
  const ResampleOptions options{.goal = GENERATE(Goal::low_latency, Goal::throughput)};
  std::vector<Signal> expected;
  for (const auto& [from, to] : rates) expected.push_back(resample(x, from, to, options));
  std::vector<std::thread> threads;
  std::atomic<int> different = 0;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 6; ++i) {
        const auto k = static_cast<std::size_t>(t + i) % std::size(rates);
        different += !same_bits(resample(x, rates[k].first, rates[k].second, options), expected[k]);
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(different == 0);
}

TEST_CASE("resample runs inside a stack with one latency") {
  const Stack stack({op::resample(1, 48000, 16000), op::resample(1, 16000, 22050)});
  Rng rng(35);
  verify_contract(stack, rng, {.dense = false, .longest = 3000, .chunkings = 2});
}

TEST_CASE("resample refuses rates and specifications, saying what is allowed") {
  CHECK_THROWS_WITH(Resampler(0, 16000), "resample: the input rate must be positive, got 0 Hz");
  CHECK_THROWS_WITH(Resampler(8000, -1), "resample: the output rate must be positive, got -1 Hz");
  CHECK_THROWS_WITH(Resampler(std::nan(""), 1), "resample: the input rate must be positive, got nan Hz");
  CHECK_THROWS_WITH(Resampler(1, 2e9), "resample: the output rate must be at most 1e9 Hz, got 2e+09");
  CHECK_THROWS_WITH(Resampler(1.0 / 3, 1), Catch::StartsWith("resample: the input rate must be a multiple of "
                                                             "0.001 Hz, got 0.333333; for other ratios"));
  CHECK_THROWS_WITH(Resampler(1e9, 1), Catch::Contains("at most 4194304 are allowed; convert in two steps"));
  CHECK_THROWS_WITH(Resampler(2, 1, {.stopband_db = 200}),
                    "resample: stopband_db must be 20 to 160, got 200");
  CHECK_THROWS_WITH(Resampler(2, 1, {.passband = 1.0}), "resample: passband must be 0.05 to 0.995, got 1");
  CHECK_THROWS_WITH(Resampler(2, 1, {.max_delay_s = 0.0}), "resample: max_delay_s must be positive, got 0");
  CHECK_THROWS_WITH(op::resample(0, 2, 1), "resample: channels must be 1 to 1048576, got 0");
}
