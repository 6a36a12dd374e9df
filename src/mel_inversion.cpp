#include <wavestride/mel_inversion.h>

#include <cmath>
#include <limits>
#include <utility>

#include "check.h"
#include "mel_bands.h"

namespace wavestride {
namespace {

// The conditions of the minimum are x = max(0, Fᵀμ) with F·x + δμ = mel: one unknown μ per band. The left
// side is the gradient of a convex function of μ that is quadratic wherever no bin changes between zero and
// positive, so that Newton's method ends after a few steps; and since a bin lies in two neighbouring bands at
// most, its matrix δ + F·Fᵀ over the positive bins is tridiagonal.
class MelInversion final : public Kernel {
 public:
  explicit MelInversion(const MelOptions& o)
      : Kernel(message("mel_inversion(", o.n_mels, " → ", o.n_fft / 2 + 1, ")"),
               {{o.n_mels, conv_geometry(1, 1, 1, 0, 0), {}}}, o.n_fft / 2 + 1),
        bins_(static_cast<std::size_t>(out_channels())) {
    MelBands(o).for_each_weight([&](Index band, Index bin, float weight) {
      Bin& b = bins_[static_cast<std::size_t>(bin)];
      if (b.lower_weight == 0)
        b = {static_cast<std::size_t>(band), weight, 0};
      else
        b.upper_weight = weight;
    });
    State s(bands() + 1);
    evaluate(s.mu.data(), s.mu.data(), s.point, true);
    double norm = 0;
    for (std::size_t i = 0; i < bands(); ++i)
      norm = std::max(norm, (i > 0 ? s.point.off[i - 1] : 0) + s.point.diagonal[i] + s.point.off[i]);
    delta_ = 1e-7 * norm;
  }

  std::unique_ptr<KernelState> make_state() const override { return std::make_unique<State>(bands() + 1); }

  void compute(const Work& work) const noexcept override {
    auto& s = static_cast<State&>(*work.state);
    for (Index n = 0; n < work.count; ++n)
      invert(work.in[0] + n * inputs()[0].channels, work.out + n * out_channels(), s);
  }

 private:
  struct Bin {
    std::size_t lower = 0;  // the lower band that it lies in; the upper one is the next
    double lower_weight = 0, upper_weight = 0;
  };

  /// Gradient and second derivatives, a tridiagonal matrix, of the function to minimise at one μ.
  struct Point {
    explicit Point(std::size_t n) : gradient(n), diagonal(n), off(n) {}
    std::vector<double> gradient, diagonal, off;
  };

  struct State : KernelState {
    explicit State(std::size_t n) : mel(n), mu(n), step(n), point(n) {}
    Index bytes() const noexcept override { return static_cast<Index>(6 * mel.size() * sizeof(double)); }
    std::vector<double> mel, mu, step;
    Point point;
  };

  std::size_t bands() const { return static_cast<std::size_t>(inputs()[0].channels); }

  static double response(const Bin& b, const double* mu) {
    return b.lower_weight * mu[b.lower] + b.upper_weight * mu[b.lower + 1];
  }

  /// `all`: second derivatives as if every bin were positive.
  void evaluate(const double* mu, const double* mel, Point& p, bool all) const noexcept {
    for (std::size_t i = 0; i < bands(); ++i) {
      p.gradient[i] = delta_ * mu[i] - mel[i];
      p.diagonal[i] = delta_;
      p.off[i] = 0;
    }
    for (const Bin& b : bins_) {
      const double x = response(b, mu);
      if (x > 0) {
        p.gradient[b.lower] += b.lower_weight * x;
        p.gradient[b.lower + 1] += b.upper_weight * x;
      }
      if (x > 0 || all) {
        p.diagonal[b.lower] += b.lower_weight * b.lower_weight;
        p.diagonal[b.lower + 1] += b.upper_weight * b.upper_weight;
        p.off[b.lower] += b.lower_weight * b.upper_weight;
      }
    }
  }

  /// step = −(second derivatives)⁻¹ · gradient; returns the slope along it. Spoils p.diagonal.
  double newton_step(Point& p, std::vector<double>& step) const noexcept {
    step[0] = -p.gradient[0];
    for (std::size_t i = 1; i < bands(); ++i) {
      const double factor = p.off[i - 1] / p.diagonal[i - 1];
      p.diagonal[i] -= factor * p.off[i - 1];
      step[i] = -p.gradient[i] - factor * step[i - 1];
    }
    for (std::size_t i = bands(); i-- > 0;) {
      const double above = i + 1 < bands() ? p.off[i] * step[i + 1] : 0;
      step[i] = (step[i] - above) / p.diagonal[i];
    }
    double slope = 0;
    for (std::size_t i = 0; i < bands(); ++i) slope += step[i] * p.gradient[i];
    return slope;
  }

  void invert(const float* mel, float* out, State& s) const noexcept {
    double norm = 0;
    for (std::size_t i = 0; i < bands(); ++i) {
      s.mel[i] = mel[i];
      s.mu[i] = 0;
      norm += s.mel[i] * s.mel[i];
    }
    if (!std::isfinite(norm)) {
      std::fill_n(out, out_channels(), std::numeric_limits<float>::quiet_NaN());
      return;
    }
    evaluate(s.mu.data(), s.mel.data(), s.point, true);
    constexpr int most_steps = 100;
    for (int i = 0; i < most_steps && gradient_norm(s.point) > 1e-18 * norm; ++i)
      if (!descend(s)) break;
    for (std::size_t k = 0; k < bins_.size(); ++k)
      out[k] = static_cast<float>(std::max(0.0, response(bins_[k], s.mu.data())));
  }

  double gradient_norm(const Point& p) const {
    double sum = 0;
    for (std::size_t i = 0; i < bands(); ++i) sum += p.gradient[i] * p.gradient[i];
    return sum;
  }

  /// Of the function `length` steps from μ on: its slope along the step, and the slope of that.
  std::pair<double, double> slopes_along(const State& s, double length) const noexcept {
    double slope = 0, second = 0;
    for (std::size_t i = 0; i < bands(); ++i) {
      slope += s.step[i] * (delta_ * (s.mu[i] + length * s.step[i]) - s.mel[i]);
      second += delta_ * s.step[i] * s.step[i];
    }
    for (const Bin& b : bins_) {
      const double along = response(b, s.step.data());
      if (const double x = response(b, s.mu.data()) + length * along; x > 0) {
        slope += along * x;
        second += along * along;
      }
    }
    return {slope, second};
  }

  /// One Newton step, of the length at which the function ends falling along it, more or less: by Newton's
  /// method again, or by halves of what that length lies in. Where mel is no spectrum's, lengths may be tiny:
  /// in directions that no positive bin limits steps are as large as δ is small. False where rounding allows
  /// no further descent.
  bool descend(State& s) const noexcept {
    const double start = newton_step(s.point, s.step);
    if (!(start < 0)) return false;
    constexpr int most_lengths = 200;
    double length = 1, low = 0, high = std::numeric_limits<double>::infinity();
    for (int i = 0; i < most_lengths; ++i) {
      const auto [slope, second] = slopes_along(s, length);
      if (std::abs(slope) <= -0.5 * start) break;
      (slope < 0 ? low : high) = length;
      length -= slope / second;
      if (!(length > low && length < high)) length = std::isfinite(high) ? (low + high) / 2 : 2 * low;
    }
    for (std::size_t i = 0; i < bands(); ++i) s.mu[i] += length * s.step[i];
    evaluate(s.mu.data(), s.mel.data(), s.point, false);
    return true;
  }

  std::vector<Bin> bins_;
  double delta_ = 0;
};

}  // namespace

namespace op {

Op mel_inversion(const MelOptions& options) {
  check_mel_options("mel_inversion", options);
  return Op(std::make_shared<MelInversion>(options));
}

}  // namespace op

Signal mel_inversion(FramesView mel, const MelOptions& options) {
  return op::mel_inversion(options)(mel);
}

}  // namespace wavestride
