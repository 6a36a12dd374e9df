#include "block_resample.h"

#include <wavestride/resample.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <complex>
#include <numbers>
#include <numeric>

#include "contract.h"
#include "fft.h"
#include "kernels/aligned.h"
#include "kernels/block_filter.h"
#include "kernels/dense.h"

using namespace wavestride;
using namespace wavestride::testing;

namespace {

// A low-pass filter that keeps half of the lower band, 100 dB down from the lower Nyquist frequency on.
std::vector<double> low_pass(Index L, Index M, Index size) {
  std::vector<double> h(static_cast<std::size_t>(size));
  const double middle = static_cast<double>(size - 1) / 2,
               cutoff = 0.75 / static_cast<double>(std::max(L, M));
  for (Index i = 0; i < size; ++i) {
    const double t = static_cast<double>(i) - middle, u = t / (middle + 1);
    const double angle = std::numbers::pi * cutoff * t;
    h[static_cast<std::size_t>(i)] =
        (t == 0 ? 1 : std::sin(angle) / angle) * cutoff * static_cast<double>(L) *
        std::cyl_bessel_i(0, 10.06 * std::sqrt(1 - u * u)) / std::cyl_bessel_i(0, 10.06);
  }
  return h;
}

template <class T>
void verify_complex_kernels(Rng& rng) {
  for (int trial = 0; trial < 60; ++trial) {
    const Index count = uniform(rng, 0, 70), phases = uniform(rng, 1, 4), step = uniform(rng, 1, 3),
                apart = count + uniform(rng, 0, 5);
    const auto points = static_cast<std::size_t>(phases * apart);
    const Signal a = noise(rng, 1, phases * count * step + 1), b = noise(rng, 1, phases * count * step + 1);
    INFO(count << " of " << phases << " phases, step " << step);
    std::vector<T> z(2 * points + 1, T(7));
    kernels::to_complex(a.data(), b.data(), step, phases, count, apart, z.data());
    Signal again_a = Signal::Zero(1, a.cols()), again_b = again_a;
    for (Index p = 0; p < phases; ++p)
      for (Index i = 0; i < apart; ++i) {
        const auto at = static_cast<std::size_t>(2 * (p * apart + i));
        const Index from = (i * phases + p) * step;
        REQUIRE(z[at] == (i < count ? static_cast<T>(a(0, from)) : T(7)));
        REQUIRE(z[at + 1] == (i < count ? static_cast<T>(b(0, from)) : T(7)));
        if (i < count) again_a(0, from) = a(0, from), again_b(0, from) = b(0, from);
      }
    REQUIRE(z.back() == T(7));
    Signal out_a = Signal::Zero(1, a.cols()), out_b = out_a;
    kernels::from_complex(z.data(), phases, count, apart, out_a.data(), out_b.data(), step);
    REQUIRE(same_bits(out_a, again_a));
    REQUIRE(same_bits(out_b, again_b));

    std::normal_distribution<double> normal;
    std::vector<T> h(2 * static_cast<std::size_t>(count) + 1), x(h.size()), y(h.size());
    for (auto* v : {&h, &x, &y})
      for (T& value : *v) value = static_cast<T>(normal(rng));
    const bool add = trial % 2 == 0;
    std::vector<T> sum = y;
    kernels::complex_product(h.data(), x.data(), count, add, sum.data());
    for (std::size_t i = 0; i + 1 < h.size(); i += 2) {
      const std::complex<double> expected =
          std::complex<double>(h[i], h[i + 1]) * std::complex<double>(x[i], x[i + 1]) +
          (add ? std::complex<double>(y[i], y[i + 1]) : 0.0);
      const double tolerance = (std::is_same_v<T, float> ? 1e-6 : 1e-15) * (5 + std::abs(expected));
      REQUIRE(std::abs(std::complex<double>(sum[i], sum[i + 1]) - expected) < tolerance);
    }
    REQUIRE(sum.back() == y.back());
  }
}

template <class T>
void verify_complex_fft(Rng& rng, double tolerance) {
  std::normal_distribution<double> normal;
  for (const Index size : {1, 2, 12, 64, 147, 160, 882}) {
    const ComplexFft<T> forward(ComplexFft<T>::Direction::forward, size),
        inverse(ComplexFft<T>::Direction::inverse, size);
    kernels::Aligned<T> x(static_cast<std::size_t>(2 * size)), bins(x.size()), back(x.size());
    for (T& v : x) v = static_cast<T>(normal(rng));
    const kernels::Aligned<T> before = x;
    const std::size_t allocated = allocations();
    forward(x.data(), bins.data());
    inverse(bins.data(), back.data());
    REQUIRE(allocations() == allocated);
    REQUIRE(x == before);
    for (const Index k : {Index{0}, size / 3, size - 1}) {
      std::complex<double> sum = 0;
      for (Index n = 0; n < size; ++n)
        sum +=
            std::complex<double>(x[static_cast<std::size_t>(2 * n)], x[static_cast<std::size_t>(2 * n + 1)]) *
            std::polar(1.0,
                       -2 * std::numbers::pi * static_cast<double>(n * k % size) / static_cast<double>(size));
      const auto at = static_cast<std::size_t>(2 * k);
      REQUIRE(std::abs(std::complex<double>(bins[at], bins[at + 1]) - sum) <
              tolerance * std::sqrt(static_cast<double>(size)));
    }
    for (std::size_t i = 0; i < x.size(); ++i)
      REQUIRE(std::abs(back[i] / static_cast<T>(size) - x[i]) < static_cast<T>(tolerance));
  }
}

}  // namespace

TEST_CASE("steps between transforms of blocks equal their plain twins on every SIMD target") {
  Rng rng(61);
  for (const std::string& target : kernels::simd_targets()) {
    INFO(target);
    kernels::use_simd_target(target);
    verify_complex_kernels<float>(rng);
    verify_complex_kernels<double>(rng);
  }
  kernels::use_simd_target("");
}

TEST_CASE("complex fft equals the sum that defines it, and inverts, without allocating") {
  Rng rng(62);
  verify_complex_fft<float>(rng, 5e-6);
  verify_complex_fft<double>(rng, 1e-14);
  CHECK(ComplexFft<float>::is_fast(11 * 13 * 49));
  CHECK_FALSE(ComplexFft<float>::is_fast(17));
  CHECK_THROWS_WITH(ComplexFft<double>(ComplexFft<double>::Direction::forward, 34),
                    "fft: size must be 1 to 65536 with no prime factors above 13, got 34");
}

TEST_CASE("blocks equal the sum over the window of each output") {
  Rng rng(63);
  int matrices = 0, responses = 0;
  for (int trial = 0; trial < 120; ++trial) {
    Index L = uniform(rng, 1, trial % 2 == 0 ? 3 : 40), M = uniform(rng, 1, trial % 2 == 0 ? 3 : 40);
    const Index g = std::gcd(L, M);
    L /= g, M /= g;
    const bool precise = uniform(rng, 0, 1) == 1;
    const Index size = 2 * uniform(rng, 8 * std::max(L, M), 40 * std::max(L, M)) + 1;
    std::vector<double> h = low_pass(L, M, size);
    const Index last = trial % 3 == 0 ? 0 : trial % 3 == 1 ? size / 2 : uniform(rng, 0, size - 1);
    const Window window{M, L, last - size + L, last};
    const auto shape = block_shape(window, precise);
    if (!shape) continue;
    if (shape->whole())  // there every bin has its response: any filter will do
      for (double& v : h) v = static_cast<double>(uniform(rng, -1000, 1000)) / 1000;
    (shape->whole() ? matrices : responses)++;
    const auto filter = make_block_filter(*shape, window, h, precise);
    REQUIRE(filter->pair() % (2 * L) == 0);
    REQUIRE(filter->bytes() > 0);
    const Index step = uniform(rng, 1, 2), pair = filter->pair();
    const Signal x = noise(rng, step, window.last(pair - 1) - window.first(0) + 1);
    Signal y = Signal::Constant(step, pair, 7.0f);
    const auto memory = filter->make_memory();
    filter->run(x.data(), step, y.data(), *memory);
    if (step == 2) REQUIRE(y.row(1) == Eigen::RowVectorXf::Constant(pair, 7.0f));
    double error = 0, power = 0;
    for (Index n = 0; n < pair; ++n) {
      double sum = 0;
      for (Index m = window.first(n); m <= window.last(n); ++m)
        sum += h[static_cast<std::size_t>(n * M - m * L + last)] *
               static_cast<double>(x(0, m - window.first(0)));
      error += (static_cast<double>(y(0, n)) - sum) * (static_cast<double>(y(0, n)) - sum);
      power += sum * sum;
    }
    INFO("L " << L << ", M " << M << ", size " << size << ", last " << last << ", precise " << precise
              << ", blocks of " << pair / 2);
    // Rounding to float alone is 3e-8; bins that are left out, 100 dB.
    const double tolerance = (shape->whole() ? 0 : 1e-5) + (precise ? 6e-8 : 8e-7);
    CHECK(std::sqrt(error / power) < tolerance);
    Signal again = Signal::Zero(step, pair);  // in memory that has been used, over other frames
    filter->run(x.data(), step, again.data(), *memory);
    CHECK(same_bits(Signal(again.row(0)), Signal(y.row(0))));
  }
  CHECK(matrices > 20);
  CHECK(responses > 20);
  CHECK_FALSE(block_shape({17, 1, -300, 300}, false));             // a large prime factor
  CHECK_FALSE(block_shape({44100, 48001, -99999, 99999}, false));  // a large ratio
  CHECK_FALSE(block_shape({1, 2, -(1 << 20), 1 << 20}, false));    // longer than a block
}

TEST_CASE("resample by blocks keeps the contract of every Op") {
  Rng rng(64);
  int by_blocks = 0;
  const auto verify = [&](double from, double to, Index channels, ResampleOptions options) {
    options.goal = Goal::throughput;
    const Op op = op::resample(channels, from, to, options);
    by_blocks += op.name().find("by blocks") != std::string::npos;
    verify_contract(op, rng, {.dense = false, .longest = 2 * op.receptive_field() + 300, .chunkings = 2});
  };
  verify(3, 1, 1, {});
  verify(1, 3, 2, {.quality = Quality::best});
  verify(2, 1, 3, {.quality = Quality::fast, .phase = Phase::minimum});
  verify(1, 2, 1, {.phase = Phase::minimum, .causal = true});
  verify(44100, 48000, 1, {});
  verify(48000, 44100, 2, {.quality = Quality::best, .causal = true});
  verify(44100, 16000, 1, {.quality = Quality::steep});
  CHECK(by_blocks == 7);
  verify(16000, 16000, 2, {});
  CHECK(by_blocks == 7);
  const Op none = op::resample(1, 44100, 48001, {.quality = Quality::fast, .goal = Goal::throughput});
  CHECK(none.name() == "resample(1 × 44100 → 48001 Hz)");
}

TEST_CASE("resample by blocks is the filter of the direct sums") {
  Rng rng(65);
  for (const auto& [from, to] : {std::pair(48000, 16000), {8000, 16000}, {44100, 48000}, {22050, 16000}})
    for (const Quality q : {Quality::fast, Quality::standard, Quality::best, Quality::steep})
      for (const Phase phase : {Phase::linear, Phase::minimum})
        for (const bool causal : {false, true}) {
          if (phase == Phase::minimum && (from > 8000 || q == Quality::steep))
            continue;  // takes long to design
          const Resampler direct(from, to, {.quality = q, .phase = phase, .causal = causal}),
              blocks(from, to, {.quality = q, .phase = phase, .causal = causal, .goal = Goal::throughput});
          INFO(blocks.op().name() << ", quality " << static_cast<int>(q));
          CHECK(blocks.taps() == direct.taps());
          CHECK(blocks.filter_delay_s() == direct.filter_delay_s());
          CHECK(blocks.output_delay_s() == direct.output_delay_s());
          if (blocks.op().name() != direct.op().name())
            CHECK(blocks.op().latency_frames() > direct.op().latency_frames());
          else
            CHECK(q == Quality::fast);  // whose sums are short
          const Signal x = noise(rng, 1, 3 * direct.taps() + 2000);
          const Signal a = direct.op()(x), b = blocks.op()(x);
          REQUIRE(a.cols() == b.cols());
          // Noise fills the stopband, too.
          const double allowed =
              std::pow(10, -direct.stopband_db() / 20) + (direct.stopband_db() > 130 ? 6e-8 : 5e-7);
          CHECK((a - b).norm() / a.norm() < static_cast<float>(allowed));
        }
}

TEST_CASE("resample by blocks: what it reports") {
  const Resampler r(48000, 16000, {.goal = Goal::throughput}), direct(48000, 16000);
  CHECK(r.achieved().stopband_db == Approx(direct.achieved().stopband_db).margin(0.5));
  CHECK(r.bytes() > 0);
  CHECK(r.op(2).macs_per_frame() == 2 * r.op().macs_per_frame());
  CHECK(r.op().macs_per_frame() < direct.op().macs_per_frame() / 2);
}
