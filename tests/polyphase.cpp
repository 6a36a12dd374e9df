#include "kernels/polyphase.h"

#include <catch2/catch.hpp>
#include <numeric>

#include "contract.h"
#include "kernels/dense.h"

using namespace wavestride;
using namespace wavestride::testing;
using kernels::PolyphaseBank;

TEST_CASE("polyphase equals its plain twin, on every SIMD target and in every grouping") {
  Rng rng(41);
  std::normal_distribution<double> normal;
  int folded = 0, mirrored = 0, lone = 0;
  for (int trial = 0; trial < 480; ++trial) {
    const Index channels = uniform(rng, 1, 3), count = uniform(rng, 1, 300);
    const Index longest = trial < 120 && trial % 2 == 0 ? 6 : 200;
    Index L = uniform(rng, 1, longest), M = uniform(rng, 1, longest);
    if (trial >= 400) L = 2 * (L / 2 + 1), M = 2 * (M / 2) + 1;  // two outputs may be their own mirror image
    const Index g = std::gcd(L, M), n0 = uniform(rng, 0, 1000);
    L /= g;
    M /= g;
    // Long filters: 16 outputs have frames in common.
    const Index size =
        trial < 120 ? uniform(rng, 1, 900) : uniform(rng, 20, 60) * std::max(L, M) + uniform(rng, 0, 1);
    const Index last = uniform(rng, 0, size - 1);
    std::vector<double> h(static_cast<std::size_t>(size));
    for (double& v : h) v = normal(rng);
    if (trial % 3 != 0)
      for (Index i = 0; i < size / 2; ++i)
        h[static_cast<std::size_t>(size - 1 - i)] = h[static_cast<std::size_t>(i)];
    const PolyphaseBank bank(L, M, last, h, trial % 5 < 2);
    folded += bank.folded();
    mirrored += bank.mirrored();
    lone += bank.lone();
    const Window& w = bank.window();
    INFO("L " << L << ", M " << M << ", size " << size << ", last " << last << ", n " << n0 << ", folded "
              << bank.folded() << ", mirrored " << bank.mirrored() << ", lone " << bank.lone() << ", precise "
              << bank.precise());
    const Index from = w.first(n0);
    const Signal x = noise(rng, channels, std::max<Index>(w.last(n0 + count - 1) - from + 1, 1));
    Eigen::MatrixXd expected = Eigen::MatrixXd::Zero(channels, count);
    for (Index n = 0; n < count; ++n)
      for (Index m = w.first(n0 + n); m <= w.last(n0 + n); ++m)
        expected.col(n) +=
            h[static_cast<std::size_t>((n0 + n) * M - m * L + last)] * x.col(m - from).cast<double>();
    kernels::PolyphaseScratch scratch(bank);
    for (const std::string& target : kernels::simd_targets()) {
      kernels::use_simd_target(target);
      INFO(target);
      Signal y = Signal::Constant(channels, count, std::nanf(""));
      kernels::polyphase(bank, x.data(), n0, count, channels, y.data(), scratch);
      CHECK((y.cast<double>() - expected).cwiseAbs().maxCoeff() <
            2e-5 * (1 + expected.cwiseAbs().maxCoeff()));
      Signal again = Signal::Constant(channels, count, std::nanf(""));
      for (Index n = 0; n < count;) {
        const Index some = std::min(uniform(rng, 1, 70), count - n);
        kernels::polyphase(bank, x.data() + (w.first(n0 + n) - from) * channels, n0 + n, some, channels,
                           again.data() + n * channels, scratch);
        n += some;
      }
      CHECK(same_bits(again, y));
    }
    kernels::use_simd_target("");
  }
  CHECK(folded > 20);
  CHECK(mirrored > 20);
  CHECK(lone > 5);
}

TEST_CASE("polyphase: a symmetric filter holds every coefficient of a long period once") {
  // 160 outputs a period, of 147 frames: 79 pairs and two that are their own mirror image.
  std::vector<double> h(32001);
  for (std::size_t i = 0; i < h.size(); ++i) h[i] = 1e-3 * static_cast<double>(std::min(i, h.size() - 1 - i));
  const PolyphaseBank symmetric(160, 147, 16000, h, false);
  h[0] = 1;
  const PolyphaseBank other(160, 147, 16000, h, false);
  CHECK(symmetric.mirrored());
  CHECK(symmetric.lone());
  CHECK_FALSE(other.mirrored());
  CHECK(static_cast<double>(symmetric.bytes()) < 0.55 * static_cast<double>(other.bytes()));
  CHECK(symmetric.macs() < 1.05 * other.macs());
}
