#include <array>
#include <catch2/catch.hpp>
#include <cfenv>
#include <cmath>
#include <cstring>
#include <limits>

#include "contract.h"
#include "every_target.h"
#include "kernels/dense.h"
#include "kernels/depthwise.h"
#include "kernels/dots.h"
#include "kernels/elementwise.h"
#include "kernels/gemv.h"
#include "kernels/grouped.h"
#include "kernels/moments.h"
#include "kernels/products.h"
#include "kernels/shared_taps.h"

using namespace wavestride;
using namespace wavestride::testing;

namespace {

// The plain twins of the SIMD kernels, in double.
void plain_dense(const std::vector<float>& w, std::span<const float> bias, Index out_channels,
                 Index in_channels, const std::vector<Index>& offsets, const float* in, Index in_step,
                 Index frames, double* out) {
  const auto taps = static_cast<Index>(offsets.size());
  for (Index j = 0; j < frames; ++j)
    for (Index o = 0; o < out_channels; ++o) {
      double sum = bias.empty() ? 0.0 : bias[static_cast<std::size_t>(o)];
      for (Index t = 0; t < taps; ++t)
        for (Index c = 0; c < in_channels; ++c)
          sum += static_cast<double>(w[static_cast<std::size_t>((o * in_channels + c) * taps + t)]) *
                 static_cast<double>(in[offsets[static_cast<std::size_t>(t)] + j * in_step + c]);
      out[j * out_channels + o] = sum;
    }
}

float plain_finish(const kernels::Finish& f, float sum, Index at) {
  const float y = f.added ? sum + f.added[at] : sum;
  return y > 0 ? y : f.slope * y;
}

}  // namespace

TEST_CASE("dense kernel equals its plain twin on every SIMD target, whatever the length and alignment") {
  EveryTarget targets;
  REQUIRE(!targets.names.empty());
  for (const std::string& name : targets.names) {
    kernels::use_simd_target(name);
    Rng rng(11);
    for (int trial = 0; trial < 300; ++trial) {
      const bool long_sum = trial % 50 == 0;  // which the kernel makes in several runs
      const Index out_channels = uniform(rng, 1, trial % 3 ? 40 : 300),
                  in_channels = long_sum ? uniform(rng, 700, 5000) : uniform(rng, 1, 20);
      const Index taps = uniform(rng, 1, 8), dilation = uniform(rng, 1, 3), stride = uniform(rng, 1, 3);
      const Index frames = uniform(rng, 0, 40), misaligned = uniform(rng, 0, 15), gap = uniform(rng, 0, 5);
      const Tensor w = noise_tensor(rng, {out_channels, in_channels, taps});
      const Tensor bias = noise_tensor(rng, {trial % 2 ? out_channels : 0});
      std::vector<Index> offsets;
      for (Index t = 0; t < taps; ++t) offsets.push_back(t * dilation * in_channels);
      const Index in_step = stride * in_channels, out_step = out_channels + gap;
      const Tensor in =
          noise_tensor(rng, {misaligned + offsets.back() + in_step * std::max<Index>(frames, 1)});
      const float* x = in.data.data() + misaligned;

      const kernels::DenseWeights packed(
          out_channels, in_channels, taps,
          [&](Index o, Index c, Index t) {
            return w.data[static_cast<std::size_t>((o * in_channels + c) * taps + t)];
          },
          bias.data);
      std::vector<float> got(static_cast<std::size_t>(misaligned + frames * out_step) + 1, 7.0f);
      float* y = got.data() + misaligned;
      kernels::dense(packed, x, offsets.data(), in_step, frames, y, out_step);

      std::vector<double> expected(static_cast<std::size_t>(frames * out_channels));
      plain_dense(w.data, bias.data, out_channels, in_channels, offsets, x, in_step, frames, expected.data());
      INFO(name << ": out " << out_channels << ", in " << in_channels << ", taps " << taps << ", frames "
                << frames);
      // Rounding of a sum of n products of unit variance grows like n in the worst case.
      const double tolerance = 2e-6 * static_cast<double>(in_channels * taps + 1);
      double worst = 0;
      bool untouched = true;
      for (Index j = 0; j < frames; ++j) {
        for (Index o = 0; o < out_channels; ++o)
          worst = std::max(worst, std::abs(static_cast<double>(y[j * out_step + o]) -
                                           expected[static_cast<std::size_t>(j * out_channels + o)]));
        for (Index o = out_channels; o < out_step; ++o) untouched = untouched && y[j * out_step + o] == 7.0f;
      }
      CHECK(worst <= tolerance);
      CHECK(untouched);
      CHECK(got.back() == 7.0f);

      // Frame by frame: the same bits.
      std::vector<float> single(static_cast<std::size_t>(out_channels));
      bool same = true;
      for (Index j = 0; j < frames; ++j) {
        kernels::dense(packed, x + j * in_step, offsets.data(), in_step, 1, single.data(), out_channels);
        same = same && std::memcmp(single.data(), y + j * out_step, single.size() * sizeof(float)) == 0;
      }
      CHECK(same);

      const Tensor added = noise_tensor(rng, {std::max<Index>(frames, 1) * out_step});
      const kernels::Finish finish{trial % 3 ? added.data.data() : nullptr, trial % 4 ? 0.1f : 1.0f};
      std::vector<float> finished(got.size(), 7.0f);
      kernels::dense(packed, x, offsets.data(), in_step, frames, finished.data() + misaligned, out_step,
                     finish);
      bool right = finished.back() == 7.0f;
      for (Index at = 0; at < frames * out_step; ++at) {
        const float expected_there = at % out_step < out_channels ? plain_finish(finish, y[at], at) : 7.0f;
        right = right && finished[static_cast<std::size_t>(misaligned + at)] == expected_there;
      }
      CHECK(right);
    }
  }
}

TEST_CASE(
    "dense kernel writes the halves of a vector apart, on every SIMD target whose vectors have 16 lanes") {
  EveryTarget targets;
  for (const std::string& name : targets.names) {
    kernels::use_simd_target(name);
    if (kernels::dense_panel_width() != 32) continue;
    Rng rng(12);
    for (int trial = 0; trial < 60; ++trial) {
      const Index in_channels = trial % 20 ? uniform(rng, 1, 20) : 3000, frames = uniform(rng, 0, 40);
      const Index apart = 8 * uniform(rng, 1, 3), out_step = 2 * apart;
      const Tensor w = noise_tensor(rng, {16, in_channels}), bias = noise_tensor(rng, {16});
      const Tensor in = noise_tensor(rng, {in_channels * std::max<Index>(frames, 1)});
      const kernels::DenseWeights packed(
          16, in_channels, 1,
          [&](Index o, Index c, Index) { return w.data[static_cast<std::size_t>(o * in_channels + c)]; },
          bias.data);
      const Index offset = 0;
      std::vector<float> together(static_cast<std::size_t>(16 * frames)),
          halves(static_cast<std::size_t>(out_step * frames) + 1, 7.0f);
      kernels::dense(packed, in.data.data(), &offset, in_channels, frames, together.data(), 16);
      kernels::dense_apart(packed, in.data.data(), &offset, in_channels, frames, halves.data(), out_step,
                           apart);
      double worst = 0;
      Index untouched = 0;
      for (Index at = 0; at < frames * out_step; ++at) {
        const float value = halves[static_cast<std::size_t>(at)];
        const Index row = at / out_step, half = at % out_step / apart, within = at % apart;
        if (within < 8)
          worst =
              std::max(worst, std::abs(static_cast<double>(
                                  value - together[static_cast<std::size_t>(row * 16 + half * 8 + within)])));
        else
          untouched += value == 7.0f;
      }
      INFO(name << ": in " << in_channels << ", frames " << frames << ", apart " << apart);
      CHECK(worst == 0);
      CHECK(untouched == frames * 2 * (apart - 8));
      CHECK(halves.back() == 7.0f);
    }
  }
}

TEST_CASE("kernel of shared taps equals its plain twin on every SIMD target, whatever the length") {
  EveryTarget targets;
  for (const std::string& name : targets.names) {
    kernels::use_simd_target(name);
    Rng rng(14);
    for (int trial = 0; trial < 100; ++trial) {
      const Index in_channels = uniform(rng, 1, 20), taps = uniform(rng, 1, 12), frames = uniform(rng, 0, 50);
      const Index out_channels = trial % 5 < 2 ? 8 : 16;
      const Index in_step = in_channels * uniform(rng, 1, 3), out_step = out_channels * uniform(rng, 1, 3);
      const Tensor w = noise_tensor(rng, {out_channels, in_channels, taps});
      const Tensor bias = noise_tensor(rng, {trial % 2 ? out_channels : 0});
      const Tensor in = noise_tensor(rng, {in_step * (frames + taps)});
      const Tensor added = noise_tensor(rng, {std::max<Index>(frames, 1) * out_step});
      const kernels::Finish finish{trial % 3 ? added.data.data() : nullptr, trial % 4 ? 0.1f : 1.0f};
      const kernels::SharedTaps packed(
          out_channels, in_channels, taps,
          [&](Index o, Index c, Index k) {
            return w.data[static_cast<std::size_t>((o * in_channels + c) * taps + k)];
          },
          bias.data);
      std::vector<float> sums(static_cast<std::size_t>(frames * out_step) + 1, 7.0f), finished = sums;
      kernels::shared_taps(packed, in.data.data(), in_step, frames, sums.data(), out_step, {});
      kernels::shared_taps(packed, in.data.data(), in_step, frames, finished.data(), out_step, finish);

      std::vector<Index> offsets;
      for (Index k = 0; k < taps; ++k) offsets.push_back(k * in_step);
      std::vector<double> expected(static_cast<std::size_t>(frames * out_channels));
      plain_dense(w.data, bias.data, out_channels, in_channels, offsets, in.data.data(), in_step, frames,
                  expected.data());
      INFO(name << ": in " << in_channels << ", taps " << taps << ", frames " << frames);
      double worst = 0;
      Index right = 0;
      bool same = true;
      for (Index j = 0; j < frames; ++j) {
        for (Index o = 0; o < out_step; ++o) {
          const Index at = j * out_step + o;
          const float sum = sums[static_cast<std::size_t>(at)];
          const bool made = o < out_channels;
          if (made)
            worst = std::max(worst, std::abs(static_cast<double>(sum) -
                                             expected[static_cast<std::size_t>(j * out_channels + o)]));
          right += finished[static_cast<std::size_t>(at)] == (made ? plain_finish(finish, sum, at) : 7.0f) &&
                   (made || sum == 7.0f);
        }
        float single[16];  // a frame by itself: the same bits
        kernels::shared_taps(packed, in.data.data() + j * in_step, in_step, 1, single, out_channels, {});
        same = same && std::memcmp(single, sums.data() + j * out_step,
                                   static_cast<std::size_t>(out_channels) * sizeof *single) == 0;
      }
      CHECK(worst <= 2e-6 * static_cast<double>(in_channels * taps + 1));
      CHECK(right == frames * out_step);
      CHECK(same);
      CHECK(sums.back() == 7.0f);
      CHECK(finished.back() == 7.0f);
    }
  }
}

TEST_CASE("kernel of paired taps equals its plain twin on every SIMD target, whatever the length") {
  EveryTarget targets;
  for (const std::string& name : targets.names) {
    kernels::use_simd_target(name);
    Rng rng(16);
    for (int trial = 0; trial < 100; ++trial) {
      const Index channels = uniform(rng, 1, 20), kernel = 4 * uniform(rng, 1, 3) - 1;
      const Index pairs = uniform(rng, 0, 40), frames = 2 * pairs, in_step = channels * uniform(rng, 1, 3);
      const Index apart = 8 * uniform(rng, 1, 3), out_step = 2 * apart;
      const Tensor w = noise_tensor(rng, {8, channels, kernel});
      const Tensor bias = noise_tensor(rng, {trial % 2 ? 8 : 0});
      const Tensor in = noise_tensor(rng, {in_step * (frames + kernel + 1)});
      const kernels::PairedTaps packed(
          channels, kernel,
          [&](Index o, Index c, Index k) {
            return w.data[static_cast<std::size_t>((o * channels + c) * kernel + k)];
          },
          bias.data);
      std::vector<float> got(static_cast<std::size_t>(pairs * out_step) + 1, 7.0f);
      kernels::paired_taps(packed, in.data.data(), in_step, pairs, got.data(), out_step, apart);

      std::vector<Index> offsets;
      for (Index k = 0; k < kernel; ++k) offsets.push_back(k * in_step);
      std::vector<double> expected(static_cast<std::size_t>(frames * 8));
      plain_dense(w.data, bias.data, 8, channels, offsets, in.data.data(), in_step, frames, expected.data());
      INFO(name << ": channels " << channels << ", kernel " << kernel << ", pairs " << pairs << ", apart "
                << apart);
      double worst = 0;
      Index untouched = 0;
      bool same = true;
      for (Index j = 0; j < pairs; ++j) {
        for (Index at = 0; at < out_step; ++at) {
          const float value = got[static_cast<std::size_t>(j * out_step + at)];
          const Index frame = 2 * j + at / apart, o = at % apart;
          if (o < 8)
            worst = std::max(worst, std::abs(static_cast<double>(value) -
                                             expected[static_cast<std::size_t>(frame * 8 + o)]));
          else
            untouched += value == 7.0f;
        }
        std::array<float, 16> single;  // a pair by itself, and a frame in the other's place: the same bits
        kernels::paired_taps(packed, in.data.data() + 2 * j * in_step, in_step, 1, single.data(), 16, 8);
        same = same && std::memcmp(single.data(), got.data() + j * out_step, 32) == 0 &&
               std::memcmp(single.data() + 8, got.data() + j * out_step + apart, 32) == 0;
        kernels::paired_taps(packed, in.data.data() + (2 * j + 1) * in_step, in_step, 1, single.data(), 16,
                             8);
        same = same && std::memcmp(single.data(), got.data() + j * out_step + apart, 32) == 0;
      }
      CHECK(worst <= 2e-6 * static_cast<double>(channels * kernel + 1));
      CHECK(untouched == pairs * 2 * (apart - 8));
      CHECK(same);
      CHECK(got.back() == 7.0f);
    }
  }
}

TEST_CASE("kernel of groups equals dense() of each, bit for bit, on every SIMD target") {
  EveryTarget targets;
  for (const std::string& name : targets.names) {
    kernels::use_simd_target(name);
    Rng rng(15);
    Index made = 0;
    for (int trial = 0; trial < 200; ++trial) {
      const Index in = uniform(rng, 1, 4), out = uniform(rng, 1, 6), groups = uniform(rng, 1, 60);
      const Index taps = trial % 3 ? uniform(rng, 1, 6) : trial % 9 ? 1 : 300, frames = uniform(rng, 0, 20);
      const Index in_step = groups * in * uniform(rng, 1, 2), out_step = groups * out + uniform(rng, 0, 3);
      const Tensor w = noise_tensor(rng, {groups * out, in, taps});
      const Tensor bias = noise_tensor(rng, {trial % 2 ? groups * out : 0});
      const auto value = [&](Index o, Index c, Index t) {
        return w.data[static_cast<std::size_t>((o * in + c) * taps + t)];
      };
      const kernels::GroupedWeights packed(in, out, groups, taps, value, bias.data);
      if (packed.empty()) continue;
      ++made;
      std::vector<Index> offsets;
      for (Index t = 0; t < taps; ++t) offsets.push_back(t * groups * in);
      // Ends with the last input that is read.
      const Tensor x =
          noise_tensor(rng, {offsets.back() + in_step * std::max<Index>(frames - 1, 0) + groups * in});
      std::vector<float> got(static_cast<std::size_t>(frames * out_step) + 1, 7.0f), expected = got;
      kernels::grouped(packed, x.data.data(), offsets.data(), in_step, frames, got.data(), out_step);
      for (Index g = 0; g < groups; ++g) {
        const kernels::DenseWeights alone(
            out, in, taps, [&](Index o, Index c, Index t) { return value(g * out + o, c, t); },
            bias.data.empty() ? std::span<const float>()
                              : std::span<const float>(bias.data).subspan(static_cast<std::size_t>(g * out),
                                                                          static_cast<std::size_t>(out)));
        kernels::dense(alone, x.data.data() + g * in, offsets.data(), in_step, frames,
                       expected.data() + g * out, out_step);
      }
      INFO(name << ": " << groups << " groups of " << in << " -> " << out << ", taps " << taps << ", frames "
                << frames);
      CHECK(got == expected);
    }
    INFO(name << ": " << made << " times");
    CHECK((made > 30) == (kernels::depthwise_lanes() > 1));
  }
}

TEST_CASE(
    "kernel of dot products equals its plain twin on every SIMD target, whatever the length and alignment") {
  EveryTarget targets;
  for (const std::string& name : targets.names) {
    kernels::use_simd_target(name);
    Rng rng(16);
    for (int trial = 0; trial < 200; ++trial) {
      const Index groups = uniform(rng, 1, 3), in = uniform(rng, kernels::DotWeights::fewest_inputs, 70),
                  out = uniform(rng, 1, 3);
      const Index taps = uniform(rng, 1, 4), frames = uniform(rng, 0, 40), misaligned = uniform(rng, 0, 15);
      const Index all = groups * in, outputs = groups * out, out_step = outputs + uniform(rng, 0, 2);
      const Index in_step = all * uniform(rng, 1, 3);
      const Tensor w = noise_tensor(rng, {outputs, in, taps});
      const Tensor bias = noise_tensor(rng, {trial % 2 ? outputs : 0});
      const kernels::DotWeights packed(
          in, out, groups, taps,
          [&](Index o, Index c, Index t) {
            return w.data[static_cast<std::size_t>((o * in + c) * taps + t)];
          },
          bias.data);
      std::vector<Index> offsets;
      for (Index t = 0; t < taps; ++t) offsets.push_back(t * all);
      // Ends with the last input that is read: a sanitiser sees what is read behind it.
      std::vector<float> x =
          noise_tensor(rng, {misaligned + offsets.back() + in_step * std::max<Index>(frames - 1, 0) + all})
              .data;
      if (trial % 4 == 0)
        x[static_cast<std::size_t>(uniform(rng, misaligned, static_cast<Index>(x.size()) - 1))] =
            trial % 8 ? std::nanf("") : std::numeric_limits<float>::infinity();
      const float* const first = x.data() + misaligned;
      const Tensor added = noise_tensor(rng, {std::max<Index>(frames, 1) * out_step});
      const kernels::Finish finish{trial % 3 ? added.data.data() : nullptr, trial % 5 ? 0.1f : 1.0f};
      std::vector<float> sums(static_cast<std::size_t>(frames * out_step) + 1, 7.0f), finished = sums;
      kernels::dots(packed, first, offsets.data(), in_step, frames, sums.data(), out_step);
      kernels::dots(packed, first, offsets.data(), in_step, frames, finished.data(), out_step, finish);

      INFO(name << ": " << groups << " groups of " << in << " -> " << out << ", taps " << taps << ", frames "
                << frames);
      const auto same = [](float a, float b) { return a == b || (std::isnan(a) && std::isnan(b)); };
      Index right = 0, alike = 0;
      for (Index j = 0; j < frames; ++j) {
        std::vector<float> single(static_cast<std::size_t>(outputs));  // a frame by itself: the same bits
        kernels::dots(packed, first + j * in_step, offsets.data(), in_step, 1, single.data(), outputs);
        for (Index o = 0; o < out_step; ++o) {
          const auto at = static_cast<std::size_t>(j * out_step + o);
          if (o >= outputs) {
            right += sums[at] == 7.0f && finished[at] == 7.0f;
            continue;
          }
          double sum = bias.data.empty() ? 0.0 : static_cast<double>(bias.data[static_cast<std::size_t>(o)]);
          for (Index t = 0; t < taps; ++t)
            for (Index c = 0; c < in; ++c)
              sum += static_cast<double>(w.data[static_cast<std::size_t>((o * in + c) * taps + t)]) *
                     static_cast<double>(first[t * all + j * in_step + o / out * in + c]);
          const double off = std::abs(static_cast<double>(sums[at]) - sum);
          right += (std::isfinite(sum) ? off <= 2e-6 * static_cast<double>(in * taps + 1)
                                       : same(sums[at], static_cast<float>(sum))) &&
                   same(finished[at], plain_finish(finish, sums[at], static_cast<Index>(at)));
          alike += same(single[static_cast<std::size_t>(o)], sums[at]);
        }
      }
      CHECK(right == frames * out_step);
      CHECK(alike == frames * outputs);
      CHECK(sums.back() == 7.0f);
      CHECK(finished.back() == 7.0f);
    }
  }
}

TEST_CASE("sums are finished where they are, on every SIMD target") {
  EveryTarget targets;
  for (const std::string& name : targets.names) {
    kernels::use_simd_target(name);
    Rng rng(13);
    for (Index size = 0; size < 70; ++size) {
      const Tensor sums = noise_tensor(rng, {size + 1}), added = noise_tensor(rng, {size + 1});
      const kernels::Finish finish{size % 3 ? added.data.data() : nullptr, size % 2 ? 0.1f : 1.0f};
      std::vector<float> got = sums.data;
      kernels::finish(finish, size, got.data());
      Index right = 0;
      for (Index i = 0; i < size; ++i)
        right += got[static_cast<std::size_t>(i)] ==
                 plain_finish(finish, sums.data[static_cast<std::size_t>(i)], i);
      INFO(name << ", size " << size);
      CHECK(right == size);
      CHECK(got.back() == sums.data.back());
    }
    float nan = std::nanf("");
    kernels::finish({nullptr, 0.5f}, 1, &nan);
    CHECK(std::isnan(nan));
  }
}

TEST_CASE("finite kernel sees what is infinite or NaN wherever it is, on every SIMD target") {
  constexpr float infinity = std::numeric_limits<float>::infinity(), most = std::numeric_limits<float>::max();
  EveryTarget targets;
  for (const std::string& name : targets.names) {
    kernels::use_simd_target(name);
    INFO(name);
    for (Index size = 0; size < 70; ++size) {
      std::vector<float> x(static_cast<std::size_t>(size) + 1, -most);
      x.back() = infinity;  // beyond the end
      CHECK(kernels::finite(x.data(), size));
      for (Index i = 0; i < size; ++i)
        for (const float bad : {infinity, -infinity, std::nanf(""), -std::nanf("")}) {
          x[static_cast<std::size_t>(i)] = bad;
          CHECK_FALSE(kernels::finite(x.data(), size));
          x[static_cast<std::size_t>(i)] = -most;
        }
    }
  }
}

TEST_CASE("depthwise kernel equals its plain twin on every SIMD target") {
  EveryTarget targets;
  for (const std::string& name : targets.names) {
    kernels::use_simd_target(name);
    Rng rng(12);
    for (int trial = 0; trial < 100; ++trial) {
      const Index channels = uniform(rng, 1, 150), stride = uniform(rng, 1, 3);
      const Index taps = trial % 10 == 0 ? 300 : uniform(rng, 1, 12);
      const Index frames = uniform(rng, 0, 20), in_step = stride * channels;
      const Index out_step = channels + uniform(rng, 0, 1);
      const Tensor w = noise_tensor(rng, {taps, channels}), bias = noise_tensor(rng, {channels});
      const Tensor in = noise_tensor(rng, {(taps + stride * std::max<Index>(frames, 1)) * channels});
      std::vector<Index> offsets;
      for (Index t = 0; t < taps; ++t) offsets.push_back(t * channels);
      std::vector<float> got(static_cast<std::size_t>(frames * out_step) + 1, 7.0f);
      const kernels::DepthwiseWeights packed(
          channels, taps,
          [&](Index c, Index t) { return w.data[static_cast<std::size_t>(t * channels + c)]; }, bias.data);
      kernels::depthwise(packed, in.data.data(), offsets.data(), in_step, frames, got.data(), out_step);
      double worst = 0;
      for (Index j = 0; j < frames; ++j)
        for (Index c = 0; c < channels; ++c) {
          double sum = bias.data[static_cast<std::size_t>(c)];
          for (Index t = 0; t < taps; ++t)
            sum += static_cast<double>(w.data[static_cast<std::size_t>(t * channels + c)]) *
                   static_cast<double>(in.data[static_cast<std::size_t>(offsets[static_cast<std::size_t>(t)] +
                                                                        j * in_step + c)]);
          worst = std::max(
              worst, std::abs(sum - static_cast<double>(got[static_cast<std::size_t>(j * out_step + c)])));
        }
      for (Index j = 0; j < frames && out_step > channels; ++j)
        CHECK(got[static_cast<std::size_t>(j * out_step + channels)] == 7.0f);
      INFO(name << ": channels " << channels << ", taps " << taps << ", frames " << frames);
      CHECK(worst <= 2e-6 * static_cast<double>(taps + 1));
      CHECK(got.back() == 7.0f);
    }
  }
}

TEST_CASE("sums and products equal their plain twins on every SIMD target, in place, too") {
  EveryTarget targets;
  for (const std::string& name : targets.names) {
    kernels::use_simd_target(name);
    Rng rng(17);
    for (int trial = 0; trial < 100; ++trial) {
      const Index size = uniform(rng, 0, 70), terms = uniform(rng, 1, 5);
      std::vector<Tensor> x;
      std::vector<const float*> in;
      for (Index k = 0; k < terms; ++k) x.push_back(noise_tensor(rng, {size + 1}));
      for (const Tensor& t : x) in.push_back(t.data.data());
      const float scale = trial % 2 ? 1.0f : 1.0f / static_cast<float>(terms);
      std::vector<float> sum(static_cast<std::size_t>(size)), product(sum.size());
      for (std::size_t i = 0; i < sum.size(); ++i) {
        sum[i] = product[i] = x[0].data[i];
        for (std::size_t k = 1; k < x.size(); ++k) {
          sum[i] += x[k].data[i];
          product[i] *= x[k].data[i];
        }
        sum[i] *= scale;
      }
      INFO(name << ": size " << size << ", terms " << terms);
      std::vector<float> got(sum.size() + 1, 7.0f);
      kernels::product(in, size, got.data());
      CHECK(std::equal(product.begin(), product.end(), got.begin()));
      CHECK(got.back() == 7.0f);
      kernels::sum(in, scale, size, got.data());
      CHECK(std::equal(sum.begin(), sum.end(), got.begin()));
      CHECK(got.back() == 7.0f);
      float* over = x[static_cast<std::size_t>(uniform(rng, 0, terms - 1))].data.data();
      kernels::sum(in, scale, size, over);
      CHECK(std::equal(sum.begin(), sum.end(), over));
    }
  }
}

TEST_CASE(
    "blended frames equal their plain twins on every SIMD target, and weight 0 does not read the second") {
  EveryTarget targets;
  for (const std::string& name : targets.names) {
    kernels::use_simd_target(name);
    Rng rng(14);
    for (Index size = 0; size < 70; ++size) {
      const auto frames = static_cast<std::size_t>(uniform(rng, 0, 4));
      INFO(name << ": size " << size << ", frames " << frames);
      const Tensor in = noise_tensor(rng, {size + 20});
      std::vector<kernels::Blend> blends(frames);
      for (kernels::Blend& b : blends) {
        b = {in.data.data() + uniform(rng, 0, 20), in.data.data() + uniform(rng, 0, 20),
             static_cast<float>(uniform(rng, 1, 99)) / 100};
        if (uniform(rng, 0, 2) == 0) b.b = nullptr, b.weight = 0;
      }
      const std::size_t values = frames * static_cast<std::size_t>(size);
      std::vector<float> got(values + 1, 7.0f);
      kernels::blend(blends, size, got.data());
      double worst = 0;
      for (std::size_t i = 0; i < values; ++i) {
        const kernels::Blend& b = blends[i / static_cast<std::size_t>(size)];
        const std::size_t at = i % static_cast<std::size_t>(size);
        const auto weight = static_cast<double>(b.weight);
        const double expected =
            weight == 0 ? static_cast<double>(b.a[at])
                        : (1 - weight) * static_cast<double>(b.a[at]) + weight * static_cast<double>(b.b[at]);
        worst = std::max(worst, std::abs(expected - static_cast<double>(got[i])));
      }
      CHECK(worst <= 1e-6);
      CHECK(got.back() == 7.0f);
    }
  }
}

TEST_CASE("steps of blended frames have the bits of frames blended one by one on every SIMD target") {
  EveryTarget targets;
  for (const std::string& name : targets.names) {
    kernels::use_simd_target(name);
    Rng rng(15);
    for (Index size = kernels::fewest_stepped; size < 70; ++size) {
      const auto times = static_cast<std::size_t>(uniform(rng, 1, 9));
      const Index steps = uniform(rng, 0, 50), kind = uniform(rng, 0, 2);
      INFO(name << ": size " << size << ", " << times << " times, " << steps << " steps");
      std::vector<float> weights(times);
      for (float& w : weights)
        w = kind == 0 || uniform(rng, 0, 3) == 0 ? 0.0f : static_cast<float>(uniform(rng, 1, 99)) / 100;
      Signal in = noise(rng, size, steps + 1);  // of weights 0 alone the last is not read
      if (kind == 0) in.col(steps).setConstant(std::nanf(""));
      const Index frames = steps * static_cast<Index>(times);
      Signal got = Signal::Constant(size, frames + 1, 7.0f), expected = got;
      std::vector<kernels::Blend> blends;
      for (Index j = 0; j < steps; ++j)
        for (const float w : weights) blends.push_back({in.col(j).data(), in.col(j + 1).data(), w});
      kernels::blend(blends, size, expected.data());
      kernels::blend_steps(in.data(), size, steps, weights, got.data());
      CHECK(same_bits(got, expected));
    }
  }
}

TEST_CASE("flipped frames, slopes by channel and copied runs equal their plain twins on every SIMD target") {
  EveryTarget targets;
  for (const std::string& name : targets.names) {
    kernels::use_simd_target(name);
    Rng rng(16);
    for (Index channels = 1; channels < 70; ++channels) {
      const Index frames = uniform(rng, 0, 60);
      INFO(name << ": " << channels << " channels, " << frames << " frames");
      const Signal in = noise(rng, channels, frames);
      Signal out = Signal::Constant(channels, frames + 1, 7.0f), expected = out;
      kernels::flip(in.data() + in.size(), channels, frames, out.data());
      for (Index n = 0; n < frames; ++n) expected.col(n) = in.col(frames - 1 - n);
      CHECK(same_bits(out, expected));

      const Index run = channels * uniform(rng, 1, 3);
      const Tensor slopes = noise_tensor(rng, {run + static_cast<Index>(kernels::most_lanes)});
      for (Index i = 0; i < in.size(); ++i) {
        const float x = in.data()[i];
        expected.data()[i] = x > 0 ? x : slopes.data[static_cast<std::size_t>(i % run)] * x;
      }
      kernels::slope_runs(slopes.data.data(), run, in.data(), in.size(), out.data());
      CHECK(same_bits(out, expected));
      out.leftCols(frames) = in;
      kernels::slope_runs(slopes.data.data(), run, out.data(), in.size(), out.data());
      CHECK(same_bits(out, expected));

      if (frames == 0) continue;
      const Index first = uniform(rng, 0, channels - 1), size = uniform(rng, 1, channels - first),
                  step = size + uniform(rng, 0, 3);
      Signal runs = Signal::Constant(step, frames, 7.0f), as_expected = runs;
      kernels::copy_frames(in.data() + first, channels, size, frames, runs.data(), step);
      as_expected.topRows(size) = in.middleRows(first, size);
      CHECK(same_bits(runs, as_expected));
    }
  }
}

TEST_CASE("gates and functions have the bits of single values wherever these lie, on every SIMD target") {
  EveryTarget targets;
  for (const std::string& name : targets.names) {
    kernels::use_simd_target(name);
    Rng rng(17);
    using kernels::Function;
    for (const Function f : {Function::relu, Function::elu, Function::softplus, Function::sigmoid}) {
      const Index size = uniform(rng, 250, 400), shift = uniform(rng, 0, 15);
      INFO(name << ": function " << static_cast<int>(f) << ", size " << size << ", shift " << shift);
      Signal in = 30 * noise(rng, 1, size + 16);
      in(shift + 3) = std::nanf("");
      Signal out = Signal::Constant(1, size + 17, 7.0f), within = in, one(1, 1);
      kernels::map(f, 2, 20, in.data() + shift, size, out.data() + shift);
      kernels::map(f, 2, 20, within.data() + shift, size, within.data() + shift);
      for (Index i = 0; i < size; ++i) {
        kernels::map(f, 2, 20, in.data() + shift + i, 1, one.data());
        REQUIRE(same_bits(Signal(out.col(shift + i)), one));
        REQUIRE(same_bits(Signal(within.col(shift + i)), one));
        if (f != Function::softplus || i == 3) continue;
        const double expected = std::log1p(std::exp(2 * static_cast<double>(in(shift + i)))) / 2;
        REQUIRE(static_cast<double>(one(0)) == Approx(expected).epsilon(1e-6).margin(1e-37));
      }
      CHECK(out(shift + size) == 7.0f);
    }
    for (Index channels = 1; channels < 100; ++channels) {
      const Index frames = uniform(rng, 0, channels < 10 ? 300 : 9);
      INFO(name << ": " << channels << " channels, " << frames << " frames");
      const Signal in = noise(rng, 2 * channels, frames);
      Signal out = Signal::Constant(channels, frames + 1, 7.0f), expected = out;
      kernels::glu(in.data(), channels, frames, out.data());
      for (Index n = 0; n < frames; ++n) {
        kernels::map(Function::sigmoid, 0, 0, in.col(n).data() + channels, channels, expected.col(n).data());
        for (Index c = 0; c < channels; ++c) expected(c, n) *= in(c, n);
      }
      CHECK(same_bits(out, expected));
    }
  }
}

TEST_CASE("sums over rows and what they normalise have the bits of their plain twins on every SIMD target") {
  EveryTarget targets;
  for (const std::string& name : targets.names) {
    kernels::use_simd_target(name);
    Rng rng(18);
    for (Index row = 1; row < 90; ++row) {
      const Index rows = uniform(rng, 0, 20), lanes = kernels::moment_lanes;
      INFO(name << ": " << rows << " rows of " << row);
      const Signal x = noise(rng, row, rows);
      std::vector<double> sum(static_cast<std::size_t>(row) + 1, 7.0), mean(sum.size(), 0.1), expected = sum;
      const bool squares = row % 2 == 0;
      for (Index r = 0; r < rows; ++r)
        for (Index i = 0; i < row; ++i) {
          const auto k = static_cast<std::size_t>(i);
          const double v = static_cast<double>(x(i, r));
          volatile double square = (v - mean[k]) * (v - mean[k]);
          expected[k] += squares ? square : v;
        }
      kernels::add_rows(x.data(), rows, row, squares ? mean.data() : nullptr, sum.data());
      CHECK(sum == expected);

      if (row % lanes != 0 && row < lanes) continue;
      const auto size = static_cast<std::size_t>(row + lanes - 1);
      std::vector<double> of[3];
      for (auto& values : of) {
        const Tensor drawn = noise_tensor(rng, {row});
        for (std::size_t i = 0; i < size; ++i)
          values.push_back(static_cast<double>(drawn.data[i % static_cast<std::size_t>(row)]));
      }
      const Index at = uniform(rng, 0, row - 1);
      Signal y = Signal::Constant(1, x.size() + 1, 7.0f), as_expected = y;
      for (Index i = 0; i < x.size(); ++i) {
        const auto k = static_cast<std::size_t>((at + i) % row);
        volatile double scaled = (static_cast<double>(x.data()[i]) - of[0][k]) * of[1][k];
        as_expected(i) = static_cast<float>(scaled + of[2][k]);
      }
      kernels::normalise({of[0].data(), of[1].data(), of[2].data(), row}, at, x.data(), x.size(), y.data());
      CHECK(same_bits(y, as_expected));
    }
  }
}

// Leaves what must not be worked with where the next function has its memory.
[[gnu::noinline]] static void spoil_stack() {
  volatile std::uint32_t words[4096];
  for (volatile std::uint32_t& word : words) word = 0x7fa00000;  // a NaN that signals
}

TEST_CASE("mix works with nothing but the frames that there are") {
  EveryTarget targets;
  for (const std::string& name : targets.names) {
    kernels::use_simd_target(name);
    for (const Index channels : {2, 4}) {
      if (!kernels::mixes(channels)) continue;
      for (Index frames = 1; frames < 16; ++frames) {
        INFO(name << ": " << channels << " channels, " << frames << " frames");
        const std::vector<float> weights(4, 1.0f), in(static_cast<std::size_t>(channels * frames), 2.0f);
        std::vector<float> out(static_cast<std::size_t>(frames));
        spoil_stack();
        std::feclearexcept(FE_ALL_EXCEPT);
        kernels::mix(weights.data(), channels, 1.0f, in.data(), frames, out.data());
        CHECK(std::fetestexcept(FE_ALL_EXCEPT) == 0);
        CHECK(out == std::vector<float>(out.size(), 2.0f * static_cast<float>(channels) + 1.0f));
      }
    }
  }
}

TEST_CASE("kernels: copies past the caches of any size, wherever they lie") {
  EveryTarget targets;
  for (const std::string& name : targets.names) {
    kernels::use_simd_target(name);
    Rng rng(30);
    for (int trial = 0; trial < 200; ++trial) {
      const Index size = uniform(rng, 0, 150);
      const auto from = static_cast<std::size_t>(uniform(rng, 0, 16)),
                 to = static_cast<std::size_t>(trial % 16);
      const Tensor in = noise_tensor(rng, {size + 16});
      std::vector<float> out(static_cast<std::size_t>(size) + 17, 7.0f), expected = out;
      std::copy_n(in.data.data() + from, size, expected.data() + to);
      kernels::copy_past_caches(in.data.data() + from, size, out.data() + to);
      INFO(name << ": size " << size << ", from " << from << " to " << to);
      CHECK(out == expected);
    }
  }
}

TEST_CASE("kernels: copies of any size, also to where they overlap") {
  EveryTarget targets;
  for (const std::string& name : targets.names) {
    kernels::use_simd_target(name);
    Rng rng(29);
    for (int trial = 0; trial < 200; ++trial) {
      const Index size = uniform(rng, 0, trial < 190 ? 150 : 5000), shift = uniform(rng, 0, 70);
      const Tensor in = noise_tensor(rng, {shift + size + 1});
      std::vector<float> apart(static_cast<std::size_t>(size) + 1, 7.0f), within = in.data;
      kernels::copy(in.data.data() + shift, size, apart.data());
      kernels::copy(within.data() + shift, size, within.data());
      INFO(name << ": size " << size << ", shift " << shift);
      CHECK(std::equal(apart.begin(), apart.end() - 1, in.data.begin() + shift));
      CHECK(apart.back() == 7.0f);
      CHECK(std::equal(within.begin(), within.begin() + size, in.data.begin() + shift));
      CHECK(std::equal(within.begin() + size, within.end(), in.data.begin() + size));
    }
  }
}

TEST_CASE("weighted sum and gate equal their plain twins on every SIMD target") {
  EveryTarget targets;
  for (const std::string& name : targets.names) {
    kernels::use_simd_target(name);
    Rng rng(13);
    for (int trial = 0; trial < 100; ++trial) {
      const Index size = uniform(rng, 0, 70), terms = uniform(rng, 1, 9);
      const Tensor in = noise_tensor(rng, {size + 20}), w = noise_tensor(rng, {terms});
      std::vector<Index> offsets;
      for (Index t = 0; t < terms; ++t) offsets.push_back(uniform(rng, 0, 20));
      std::vector<float> got(static_cast<std::size_t>(size) + 1, 7.0f);
      kernels::weighted_sum(w.data.data(), offsets.data(), terms, 0.5f, in.data.data(), size, got.data());
      const auto x = [&](Index i) { return static_cast<double>(in.data[static_cast<std::size_t>(i)]); };
      double worst = 0;
      for (Index i = 0; i < size; ++i) {
        double sum = 0.5;
        for (std::size_t t = 0; t < offsets.size(); ++t)
          sum += static_cast<double>(w.data[t]) * x(offsets[t] + i);
        worst = std::max(worst, std::abs(sum - static_cast<double>(got[static_cast<std::size_t>(i)])));
      }
      INFO(name << ": size " << size << ", terms " << terms);
      CHECK(worst <= 2e-6 * static_cast<double>(terms + 1));
      CHECK(got.back() == 7.0f);

      const Index channels = size / 4, frames = 2;
      std::fill(got.begin(), got.end(), 7.0f);
      kernels::gated(in.data.data(), channels, frames, got.data());
      worst = 0;
      for (Index i = 0; i < channels * frames; ++i) {
        const Index a = i / channels * 2 * channels + i % channels;
        const double gate = std::tanh(x(a)) / (1.0 + std::exp(-x(a + channels)));
        worst = std::max(worst, std::abs(gate - static_cast<double>(got[static_cast<std::size_t>(i)])));
      }
      CHECK(worst <= 1e-6);
      CHECK(got[static_cast<std::size_t>(channels * frames)] == 7.0f);
    }
    constexpr float inf = std::numeric_limits<float>::infinity();
    const std::array<float, 10> ends{inf, -inf, 1, 1e-30f, 50, inf, 0, -inf, 0, -90};
    std::array<float, 5> gates;
    kernels::gated(ends.data(), 5, 1, gates.data());
    CHECK(gates[0] == 1.0f);
    CHECK(gates[1] == -0.5f);
    CHECK(gates[2] == 0.0f);
    CHECK(gates[3] == Approx(0.5e-30f).epsilon(1e-6));
    CHECK(std::abs(gates[4]) <= 1e-38f);
  }
}

TEST_CASE("an unknown SIMD target is refused") {
  CHECK_THROWS_AS(kernels::use_simd_target("ABACUS"), std::invalid_argument);
  kernels::use_simd_target("");
}

TEST_CASE("gemv weights have the bits in shared large pages that they have in memory of their own") {
  constexpr Index out_channels = 512, in_channels = 301, taps = 3, frames = 5;
  Rng rng(64);
  const Tensor weights = noise_tensor(rng, {out_channels, in_channels, taps}),
               in = noise_tensor(rng, {frames, in_channels * taps});
  const kernels::GemvWeights exact(out_channels, in_channels, taps, [&](Index o, Index c, Index t) {
    return weights.data[static_cast<std::size_t>((o * in_channels + c) * taps + t)];
  });
  const Index offsets[] = {0, in_channels, 2 * in_channels};
  const auto result = [&](const kernels::GemvWeights& w) {
    std::vector<float> out(static_cast<std::size_t>(frames * out_channels));
    kernels::gemv(w, {}, {in.data.data(), in_channels * taps}, offsets, frames, nullptr, {}, 1,
                  {out.data(), out_channels});
    return out;
  };
  std::vector<kernels::GemvWeights> all{exact.int8(), exact.int8(), exact.int8(), exact, exact.bfloat16()};
  std::vector<kernels::GemvWeights*> pointers;
  for (kernels::GemvWeights& w : all) pointers.push_back(&w);
  kernels::GemvWeights::gather(pointers);
  const auto address = [](const void* p) { return reinterpret_cast<std::uintptr_t>(p); };
  CHECK(address(all[0].quads(0)) % (2 << 20) == 0);
  const auto bytes = static_cast<std::uintptr_t>(out_channels * all[1].rows() * taps * 4);
  CHECK(address(all[1].quads(0)) == address(all[0].quads(0)) + bytes);
  const kernels::GemvWeights copy = all[2], again = all[3].int8();
  CHECK(result(all[0]) == result(exact.int8()));
  CHECK(result(all[3]) == result(exact));
  CHECK(result(all[4]) == result(exact.bfloat16()));
  all.clear();
  CHECK(result(copy) == result(exact.int8()));
  CHECK(result(again) == result(copy));
}

TEST_CASE("gemv kernel has the bits of the dense kernel on every SIMD target, in one go or tap by tap") {
  EveryTarget targets;
  for (const std::string& name : targets.names) {
    kernels::use_simd_target(name);
    Rng rng(12);
    for (int trial = 0; trial < 200; ++trial) {
      const Index out_channels = uniform(rng, 1, trial % 3 ? 60 : 400),
                  in_channels = uniform(rng, 1, trial % 4 ? 20 : 150);
      const Index taps = uniform(rng, 1, 4), frames = uniform(rng, 0, trial % 7 ? 30 : 80),
                  gap = uniform(rng, 0, 5);
      const Tensor w = noise_tensor(rng, {out_channels, in_channels, taps});
      const Index row = kernels::padded(out_channels), in_step = in_channels + gap;
      Tensor bias = noise_tensor(rng, {out_channels});
      // The smallest numbers have no integers.
      const float size = trial % 20 == 7 ? std::ldexp(1.0f, -static_cast<int>(uniform(rng, 90, 140))) : 1.0f;
      const Tensor in = noise_tensor(rng, {in_step * (frames + taps)}, size);
      std::vector<Index> offsets;
      for (Index t = 0; t < taps; ++t) offsets.push_back(uniform(rng, 0, taps - 1) * in_step);
      const auto value = [&](Index o, Index c, Index t) {
        return w.data[static_cast<std::size_t>((o * in_channels + c) * taps + t)];
      };

      std::vector<float> expected(static_cast<std::size_t>(frames * out_channels));
      kernels::dense({out_channels, in_channels, taps, value, bias.data}, in.data.data(), offsets.data(),
                     in_step, frames, expected.data(), out_channels);

      INFO(name << ": out " << out_channels << ", in " << in_channels << ", taps " << taps << ", frames "
                << frames);
      bias.data.resize(static_cast<std::size_t>(row), 0.0f);
      const kernels::Rows<const float> none, x{in.data.data(), in_step};
      const float* b = bias.data.data();
      const auto result = [&](auto&& run) {
        std::vector<float> out(static_cast<std::size_t>(frames * row) + 1, 7.0f);
        run(kernels::Rows<float>{out.data(), row});
        CHECK(out.back() == 7.0f);
        std::vector<float> dense(expected.size());
        for (Index j = 0; j < frames; ++j)
          std::copy_n(out.begin() + j * row, out_channels, dense.begin() + j * out_channels);
        return dense;
      };
      CHECK(result([&](auto out) {
              kernels::gemv({out_channels, in_channels, taps, value}, none, x, offsets.data(), frames, b, {},
                            1, out);
            }) == expected);
      CHECK(result([&](auto out) {
              for (Index t = 0; t < taps; ++t)
                kernels::gemv(
                    {out_channels, in_channels, 1, [&](Index o, Index c, Index) { return value(o, c, t); }},
                    t > 0 ? kernels::Rows<const float>{out.data, row} : none, x, offsets.data() + t, frames,
                    t + 1 < taps ? nullptr : b, {}, 1, out);
            }) == expected);
      const auto rounded = [&](Index o, Index c, Index t) {
        return std::bit_cast<float>(static_cast<std::uint32_t>(kernels::to_bfloat16(value(o, c, t))) << 16);
      };
      const auto by = [&](const kernels::GemvWeights& weights) {
        return result(
            [&](auto out) { kernels::gemv(weights, none, x, offsets.data(), frames, b, {}, 1, out); });
      };
      const kernels::GemvWeights exact(out_channels, in_channels, taps, value);
      CHECK(exact.bfloat16().rounded());
      CHECK(by(exact.bfloat16()) == by({out_channels, in_channels, taps, rounded}));
      kernels::use_simd_target(targets.names.back());  // whose panels are the narrowest
      const kernels::GemvWeights narrow(out_channels, in_channels, taps, value);
      kernels::use_simd_target(name);
      CHECK(by(narrow) == by(exact));

      // By 8 bits: exactly the sums of integers, near those of the weights.
      const kernels::GemvWeights integers = exact.int8();
      CHECK(integers.integers());
      kernels::use_products(kernels::Products::plain);
      const std::vector<float> by_integers = by(integers);
      for (const auto best : {kernels::Products::vectors, kernels::Products::tiles}) {
        kernels::use_products(best);
        CHECK(by(integers) == by_integers);
      }
      const auto most =
          static_cast<float>(std::min<Index>(32767, 0x7fffffff / (127 * ((in_channels + 3) / 4 * 4) * taps)));
      for (Index j = 0; j < frames; ++j) {
        float largest = 0;
        for (const Index from : offsets)
          for (Index c = 0; c < in_channels; ++c)
            largest = std::max(largest, std::abs(in.data[static_cast<std::size_t>(from + j * in_step + c)]));
        for (Index o = 0; o < out_channels; ++o) {
          float heaviest = 0;
          for (Index t = 0; t < taps; ++t)
            for (Index c = 0; c < in_channels; ++c) heaviest = std::max(heaviest, std::abs(value(o, c, t)));
          double sum = 0;
          for (Index t = 0; t < taps; ++t)
            for (Index c = 0; c < in_channels; ++c)
              sum += std::nearbyint(value(o, c, t) * (127 / heaviest)) *
                     std::nearbyint(in.data[static_cast<std::size_t>(offsets[static_cast<std::size_t>(t)] +
                                                                     j * in_step + c)] *
                                    (most / largest));
          const double y = sum * static_cast<double>(heaviest / 127) * static_cast<double>(largest / most) +
                           static_cast<double>(bias.data[static_cast<std::size_t>(o)]);
          const float made = by_integers[static_cast<std::size_t>(j * out_channels + o)];
          if (std::abs(static_cast<double>(made) - y) > 1e-5 * (1 + std::abs(y))) REQUIRE(made == Approx(y));
        }
      }
      std::vector<float> addend(static_cast<std::size_t>(frames * row), 0.25f);
      for (float& e : expected) e = (e + 0.25f) * 0.3f;
      CHECK(result([&](auto out) {
              std::copy(addend.begin(), addend.end(), out.data);
              kernels::gemv({out_channels, in_channels, taps, value}, none, x, offsets.data(), frames, b,
                            {out.data, row}, 0.3f, out);
            }) == expected);
    }
  }
}
