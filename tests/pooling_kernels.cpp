#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <vector>

#include "contract.h"
#include "every_target.h"
#include "kernels/pooling.h"

using namespace wavestride;
using namespace wavestride::testing;

TEST_CASE(
    "pooling kernels equal their plain twins on every SIMD target, whatever the channels and alignment") {
  EveryTarget targets;
  for (const std::string& name : targets.names) {
    INFO(name);
    kernels::use_simd_target(name);
    Rng rng(81);
    for (Index channels = 1; channels < 40; ++channels) {
      const Index taps = uniform(rng, 0, 5), windows = uniform(rng, 0, 4), misaligned = uniform(rng, 0, 15);
      const Index in_step = uniform(rng, 1, 3) * channels, tap_step = uniform(rng, 1, 2) * channels;
      INFO(channels << " channels, " << taps << " taps, " << windows << " windows");
      Signal in = noise(rng, 1, misaligned + 4 * in_step + 5 * tap_step + channels);
      if (channels % 3 == 0) in(uniform(rng, 0, in.cols() - 1)) = std::nanf("");
      const float* x = in.data() + misaligned;
      Signal best = Signal::Constant(1, windows * channels + 1, 7.0f), sum = best;
      kernels::max_over({x, in_step, tap_step, taps}, channels, windows, best.data());
      kernels::sum_over({x, in_step, tap_step, taps}, 0.3f, channels, windows, sum.data());
      for (Index i = 0; i < windows * channels; ++i) {
        const float* at = x + i / channels * in_step + i % channels;
        float largest = -std::numeric_limits<float>::infinity(), total = 0;
        for (Index t = 0; t < taps; ++t) {
          const float v = at[t * tap_step];
          if (v > largest || v != v) largest = v;
          total += v;
        }
        total *= 0.3f;
        REQUIRE((best(i) == largest || (best(i) != best(i) && largest != largest)));
        REQUIRE((sum(i) == total || (sum(i) != sum(i) && total != total)));
      }
      CHECK(best(windows * channels) == 7.0f);
      CHECK(sum(windows * channels) == 7.0f);
    }
  }
}

TEST_CASE(
    "pooling kernels of few channels, long windows and long rows equal their plain twins, however grouped") {
  EveryTarget targets;
  for (const std::string& name : targets.names) {
    INFO(name);
    kernels::use_simd_target(name);
    Rng rng(83);
    for (const Index channels : {1, 1, 1, 2, 2, 3, 5, 7, 8, 9, 15, 16, 33, 80, 530})
      for (int i = 0; i < 12; ++i) {
        const Index taps = uniform(rng, 1, i % 3 == 0 ? 12 : 170);
        const Index stride = uniform(rng, 1, 6) * (i % 4 == 0 ? 1 : uniform(rng, 1, 2));
        const Index windows = uniform(rng, 0, channels < 4 ? 900 : 12);
        const Index in_step = stride * channels, tap_step = uniform(rng, 1, i % 2 + 1) * channels;
        INFO(channels << " channels, " << taps << " taps " << tap_step << " apart, " << windows << " windows "
                      << in_step << " apart");
        Signal in = noise(rng, 1, windows * in_step + taps * tap_step);
        if (i % 5 == 0) in(uniform(rng, 0, in.cols() - 1)) = std::nanf("");
        if (i % 5 == 1) in(uniform(rng, 0, in.cols() - 1)) = -std::numeric_limits<float>::infinity();
        Signal best = Signal::Constant(1, windows * channels + 1, 7.0f), sum = best, mean = best,
               place = best;
        kernels::max_over({in.data(), in_step, tap_step, taps}, channels, windows, best.data());
        kernels::place_of_max({in.data(), in_step, tap_step, taps}, 3.0f, channels, windows, place.data());
        kernels::sum_over({in.data(), in_step, tap_step, taps}, 0.3f, channels, windows, sum.data());
        kernels::mean_over({in.data(), in_step, tap_step, taps}, 3.0, channels, windows, mean.data());
        const auto same = [](float a, float b) { return a == b || (a != a && b != b); };
        for (Index k = 0; k < windows * channels; ++k) {
          const float* at = in.data() + k / channels * in_step + k % channels;
          float largest = -std::numeric_limits<float>::infinity(), total = 0;
          double exact = 0, size = 0;
          Index where = 0;
          for (Index t = 0; t < taps; ++t) {
            const float v = at[t * tap_step];
            if (v > largest || v != v) largest = v, where = t;
            total += v;
            exact += static_cast<double>(v);
            size += std::abs(static_cast<double>(v));
          }
          REQUIRE(same(best(k), largest));
          REQUIRE(place(k) == static_cast<float>(3 * where));
          REQUIRE(same(sum(k), total * 0.3f));
          const double off = static_cast<double>(mean(k)) - exact / 3;
          if (std::isfinite(exact))
            REQUIRE(std::abs(off) <= 0x1p-24 * std::abs(exact / 3) + 1e-14 * size);
          else
            REQUIRE(same(mean(k), static_cast<float>(exact)));
        }
        for (const Signal* y : {&best, &sum, &mean, &place}) CHECK((*y)(windows * channels) == 7.0f);
        if (windows == 0) continue;
        const Index n = uniform(rng, 0, windows - 1);  // alone it has the same bits
        Signal one(1, channels);
        kernels::mean_over({in.data() + n * in_step, in_step, tap_step, taps}, 3.0, channels, 1, one.data());
        CHECK(same_bits(one, Signal(mean.middleCols(n * channels, channels))));
        kernels::max_over({in.data() + n * in_step, in_step, tap_step, taps}, channels, 1, one.data());
        CHECK(same_bits(one, Signal(best.middleCols(n * channels, channels))));
        kernels::sum_over({in.data() + n * in_step, in_step, tap_step, taps}, 0.3f, channels, 1, one.data());
        CHECK(same_bits(one, Signal(sum.middleCols(n * channels, channels))));
        kernels::place_of_max({in.data() + n * in_step, in_step, tap_step, taps}, 3.0f, channels, 1,
                              one.data());
        CHECK(same_bits(one, Signal(place.middleCols(n * channels, channels))));
      }
  }
}

TEST_CASE(
    "pooling kernels of fewer channels than lanes give each window the bits it has alone, far apart or not") {
  EveryTarget targets;
  for (const std::string& name : targets.names) {
    INFO(name);
    kernels::use_simd_target(name);
    Rng rng(84);
    for (Index channels = 1; channels < 17; ++channels)
      for (const Index stride : {1, 2, 4, 5, 8, 17})
        for (const Index windows : {1, 2, 3, 4, 5, 6, 7, 8, 9, 23, 40, 71}) {
          const Index taps = uniform(rng, 1, 9), in_step = stride * channels,
                      tap_step = uniform(rng, 1, 3) * channels;
          INFO(channels << " channels, " << taps << " taps " << tap_step << " apart, " << windows
                        << " windows " << in_step << " apart");
          // No value behind the last tap: a sanitiser sees what is read there.
          const std::vector<float> in = [&] {
            Signal x = noise(rng, 1, (windows - 1) * in_step + (taps - 1) * tap_step + channels);
            if (windows % 2 == 0) x = x.array().round().eval();  // some are equal
            return std::vector<float>(x.data(), x.data() + x.size());
          }();
          std::vector<float> best(static_cast<std::size_t>(windows * channels) + 1, 7.0f), sum = best,
                                                                                           place = best;
          kernels::max_over({in.data(), in_step, tap_step, taps}, channels, windows, best.data());
          kernels::sum_over({in.data(), in_step, tap_step, taps}, 0.3f, channels, windows, sum.data());
          kernels::place_of_max({in.data(), in_step, tap_step, taps}, 1.0f, channels, windows, place.data());
          for (Index i = 0; i < windows * channels; ++i) {
            const auto k = static_cast<std::size_t>(i);
            const float* at = in.data() + i / channels * in_step + i % channels;
            float largest = at[0], total = 0;
            Index where = 0;
            for (Index t = 0; t < taps; ++t) {
              if (at[t * tap_step] > largest) largest = at[t * tap_step], where = t;
              total += at[t * tap_step];
            }
            REQUIRE(best[k] == largest);
            REQUIRE(place[k] == static_cast<float>(where));
            REQUIRE(sum[k] == total * 0.3f);
          }
          for (const auto* made : {&best, &sum, &place}) REQUIRE(made->back() == 7.0f);
        }
  }
}

TEST_CASE("interleaving kernels equal their plain twins on every SIMD target") {
  EveryTarget targets;
  for (const std::string& name : targets.names) {
    INFO(name);
    kernels::use_simd_target(name);
    Rng rng(82);
    for (Index size = 1; size < 70; ++size)
      for (const Index parts : {1, 2, 3, 4, 5, 6, 7, 8, 10, 17}) {
        const Index misaligned = uniform(rng, 0, 15), frames = uniform(rng, 0, 3), frame = parts * size;
        INFO(frames << " frames of " << parts << " parts of " << size);
        // No value behind the last: a sanitiser sees what is read there.
        const Signal noisy = noise(rng, 1, misaligned + frames * frame);
        const std::vector<float> in(noisy.data(), noisy.data() + noisy.size());
        Signal apart = Signal::Constant(1, frames * frame + 1, 7.0f), together = apart;
        kernels::deinterleave(in.data() + misaligned, parts, size, frames, apart.data());
        kernels::interleave(in.data() + misaligned, parts, size, frames, together.data());
        for (Index j = 0; j < frames; ++j)
          for (Index r = 0; r < parts; ++r)
            for (Index i = 0; i < size; ++i) {
              const float* x = in.data() + misaligned + j * frame;
              REQUIRE(apart(j * frame + r * size + i) == x[i * parts + r]);
              REQUIRE(together(j * frame + i * parts + r) == x[r * size + i]);
            }
        CHECK(apart(frames * frame) == 7.0f);
        CHECK(together(frames * frame) == 7.0f);
      }
  }
}
