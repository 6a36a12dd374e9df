#include <wavestride/mel_inversion.h>

#include <catch2/catch.hpp>
#include <random>

#include "contract.h"
#include "golden.h"

using namespace wavestride;
using namespace wavestride::testing;

namespace {

MelOptions options_of(const GoldenCase& c) {
  return {.n_fft = c.parameters.at("n_fft"),
          .n_mels = c.parameters.at("n_mels"),
          .mel_scale = c.parameters.at("scale") == "htk" ? MelScale::htk : MelScale::slaney,
          .norm = c.parameters.at("norm").is_null() ? MelNorm::none : MelNorm::slaney};
}

}  // namespace

TEST_CASE("mel inversion finds what scipy.optimize.nnls finds") {
  for (const GoldenCase& c : golden_cases("mel_inversion")) {
    INFO(c.name << " " << c.parameters);
    const MelOptions o = options_of(c);
    const Signal mel = c.signal("mel"), x = mel_inversion(mel, o);
    CHECK((x.array() >= 0).all());
    // The penalty makes solutions unique, but they depend on the seventh digit of the filterbank.
    CHECK(relative_error(x, c.signal("x")) <= 1e-4);
    const Eigen::MatrixXd difference =
        mel_filterbank(o).cast<double>() * x.cast<double>() - mel.cast<double>();
    for (Index n = 0; n < mel.cols(); ++n)
      CHECK(difference.col(n).norm() <=
            c["residual"].data[static_cast<std::size_t>(n)] + 1e-5 * mel.col(n).norm());
  }
}

TEST_CASE("mel inversion ends at the minimum of mels that no spectrum has, too") {
  Rng rng(42);
  std::normal_distribution<float> normal;
  for (const char* name : {"hifigan-22k", "whisper-16k", "wavestride-16k"})
    for (const float spread : {0.3f, 1.0f, 2.0f}) {
      const MelOptions& o = mel_preset(name);
      CAPTURE(name, spread);
      Signal mel(o.n_mels, 100);
      for (Index i = 0; i < mel.size(); ++i) mel.data()[i] = std::exp(spread * normal(rng));
      const Eigen::MatrixXd f = mel_filterbank(o).cast<double>(), x = mel_inversion(mel, o).cast<double>(),
                            m = mel.cast<double>();
      const double delta = 1e-7 * (f * f.transpose()).cwiseAbs().rowwise().sum().maxCoeff();
      // The slope of each bin, which is 0 where the bin is not, and else at least 0 (Karush, Kuhn and
      // Tucker); bins of no band are 0.
      const Eigen::MatrixXd slope = f.transpose() * (f * x - m) + delta * x;
      const Eigen::ArrayXd unit = (f.transpose() * m).cwiseAbs().colwise().maxCoeff().transpose();
      for (Index n = 0; n < m.cols(); ++n) {
        REQUIRE((slope.col(n).array() >= -1e-6 * unit(n)).all());
        REQUIRE((x.col(n).array() > 0).select(slope.col(n).array(), 0).abs().maxCoeff() <= 1e-6 * unit(n));
      }
    }
}

TEST_CASE("mel inversion keeps the contract of every Op") {
  Rng rng(41);
  for (int i = 0; i < 10; ++i)
    verify_contract(op::mel_inversion({.n_fft = uniform(rng, 16, 300), .n_mels = uniform(rng, 1, 40)}), rng,
                    {.dense = false, .longest = 300});
}

TEST_CASE("mel inversion of silence, of negative values and of NaN") {
  const MelOptions& o = mel_preset("wavestride-16k");
  CHECK(mel_inversion(Signal(Signal::Zero(80, 2)), o).isZero(0));
  CHECK(mel_inversion(Signal(Signal::Constant(80, 2, -1.0f)), o).isZero(0));
  CHECK(mel_inversion(Signal(Signal::Constant(80, 1, 1e30f)), o).allFinite());
  Signal mel = Signal::Ones(80, 2);
  mel(7, 1) = INFINITY;
  const Signal x = mel_inversion(mel, o);
  CHECK(x.col(0).allFinite());
  CHECK(x.col(1).array().isNaN().all());
  CHECK(mel_inversion(Signal(80, 0), o).cols() == 0);
  CHECK_THROWS_WITH(op::mel_inversion({.n_mels = 0}), "mel_inversion: n_mels must be 1 to 16777216, got 0");
}
