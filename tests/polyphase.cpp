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
  int folded = 0;
  for (int trial = 0; trial < 120; ++trial) {
    const Index size = uniform(rng, 1, 900), channels = uniform(rng, 1, 3), count = uniform(rng, 1, 300);
    Index L = uniform(rng, 1, trial % 2 == 0 ? 6 : 200), M = uniform(rng, 1, trial % 2 == 0 ? 6 : 200);
    const Index g = std::gcd(L, M), last = uniform(rng, 0, size - 1), n0 = uniform(rng, 0, 1000);
    L /= g;
    M /= g;
    std::vector<double> h(static_cast<std::size_t>(size));
    for (double& v : h) v = normal(rng);
    if (trial % 3 != 0)
      for (Index i = 0; i < size / 2; ++i)
        h[static_cast<std::size_t>(size - 1 - i)] = h[static_cast<std::size_t>(i)];
    const PolyphaseBank bank(L, M, last, h, trial % 5 < 2);
    folded += bank.folded();
    const Window& w = bank.window();
    INFO("L " << L << ", M " << M << ", size " << size << ", last " << last << ", n " << n0 << ", folded "
              << bank.folded() << ", precise " << bank.precise());
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
}
