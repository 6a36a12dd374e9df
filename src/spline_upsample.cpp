#include <wavestride/spline_upsample.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "check.h"

namespace wavestride {
namespace {

// With samples y_i a distance of 1 apart, second derivatives M_i of the spline at them satisfy
//     M_{i−1} + 4·M_i + M_{i+1} = 6·d_i,  d_i = y_{i−1} − 2·y_i + y_{i+1},
// whose impulse response is g(k) = z^|k|/(4 + 2z), z = √3 − 2. Ends that are not a knot make M_1 = d_1, and
// M_0 lie on the line through M_1 and M_2.
constexpr double z = -0.26794919243112270647;

double impulse_response(Index k) {
  return std::pow(z, static_cast<double>(std::abs(k))) / (4 + 2 * z);
}

constexpr Index reach = 14;  // 6·g(15)·4·(the most that a curvature adds within an interval, 0.064) < 2^-27
constexpr Index before = reach + 1, after = reach + 2;
constexpr Index taps = before + after + 1;
constexpr Index far_away = Work::unknown / 2;

/// The samples of one channel that a window holds: y(i) for i from first to last.
struct Samples {
  const float* data;
  Index step, first, last;
  double operator[](Index i) const { return data[(i - first) * step]; }
  double curvature(Index i) const { return (*this)[i - 1] - 2 * (*this)[i] + (*this)[i + 1]; }
};

/// M_i of a signal of T samples (far_away: its end is out of reach), the window holding whatever counts.
double second_derivative(const Samples& y, Index i, Index T) {
  if (i == 0) return 2 * second_derivative(y, 1, T) - second_derivative(y, 2, T);
  if (i == T - 1) return 2 * second_derivative(y, T - 2, T) - second_derivative(y, T - 3, T);
  if (i == 1 || i == T - 2) return y.curvature(i);
  // The impulse response, less its images in both ends so that it vanishes there; and what the ends are.
  double sum = 0;
  const Index first = std::max<Index>(2, y.first + 1), last = std::min(T - 3, y.last - 1);
  for (Index j = first; j <= last; ++j)
    sum += 6 * y.curvature(j) *
           (impulse_response(i - j) - impulse_response(i + j - 2) - impulse_response(2 * (T - 2) - i - j));
  if (y.first <= 0) sum += y.curvature(1) * std::pow(z, static_cast<double>(i - 1));
  if (T != far_away) sum += y.curvature(T - 2) * std::pow(z, static_cast<double>(T - 2 - i));
  return sum;
}

/// All M of a signal of T ≤ after samples, by elimination.
void second_derivatives(const Samples& y, Index T, double* m) {
  std::fill_n(m, T, T == 3 ? y.curvature(1) : 0.0);
  if (T <= 3) return;
  double slope[after] = {}, value[after] = {};  // M_i = value − slope·M_{i+1}
  value[1] = y.curvature(1);
  for (Index i = 2; i < T - 2; ++i) {
    const double pivot = 4 - slope[i - 1];
    slope[i] = 1 / pivot;
    value[i] = (6 * y.curvature(i) - value[i - 1]) / pivot;
  }
  m[T - 2] = y.curvature(T - 2);
  for (Index i = T - 3; i >= 1; --i) m[i] = value[i] - slope[i] * m[i + 1];
  m[0] = 2 * m[1] - m[2];
  m[T - 1] = 2 * m[T - 2] - m[T - 3];
}

/// The cubic with values a and b and second derivatives m and p at 0 and 1, at t.
double cubic(double a, double b, double m, double p, double t) {
  const double s = 1 - t;
  return s * a + t * b + (s * (s * s - 1) * m + t * (t * t - 1) * p) / 6;
}

class SplineUpsample final : public Kernel {
 public:
  SplineUpsample(Index channels, Index factor)
      : Kernel(message("spline_upsample(", channels, ", factor ", factor, ")"),
               {{channels, {{1, factor, -before * factor, after * factor}, {factor, 0, 1, 0}}, {}}},
               channels),
        factor_(factor) {
    // Of the samples that a window holds, one after another, what a unit of each adds.
    for (Index phase = 0; phase < factor; ++phase)
      for (Index k = -before; k <= after; ++k) {
        float unit[taps] = {};
        unit[k + before] = 1;
        const Samples y{unit, 1, far_away / 2, far_away / 2 + taps - 1};
        weights_.push_back(static_cast<float>(value(y, far_away / 2 + before, phase, far_away)));
      }
  }

  void compute(const Work& work) const noexcept override {
    const Index channels = out_channels();
    const Index base = inputs()[0].geometry.window.first(work.n);
    for (Index n = work.n; n < work.n + work.count; ++n) {
      const Index i = n / factor_, phase = n % factor_;
      const float* window = work.in[0] + (i - before - base) * channels;
      float* out = work.out + (n - work.n) * channels;
      const bool start = i - before < 0, end = i + after >= work.length[0];
      if (!start && !end) {
        const float* w = weights_.data() + phase * taps;
        for (Index c = 0; c < channels; ++c) {
          float sum = 0;
          for (Index k = 0; k < taps; ++k) sum += w[k] * window[k * channels + c];
          out[c] = sum;
        }
        continue;
      }
      for (Index c = 0; c < channels; ++c)
        out[c] = static_cast<float>(
            value({window + c, channels, i - before, i + after}, i, phase, end ? work.length[0] : far_away));
    }
  }

 private:
  double value(const Samples& y, Index i, Index phase, Index T) const noexcept {
    if (T == 1) return y[0];
    double t = static_cast<double>(phase) / static_cast<double>(factor_);
    if (i == T - 1) --i, ++t;
    if (T > after)
      return cubic(y[i], y[i + 1], second_derivative(y, i, T), second_derivative(y, i + 1, T), t);
    double m[after];
    second_derivatives(y, T, m);
    return cubic(y[i], y[i + 1], m[i], m[i + 1], t);
  }

  Index factor_;
  std::vector<float> weights_;
};

}  // namespace

namespace op {

Op spline_upsample(Index channels, Index factor) {
  require(channels > 0, "spline_upsample: channels must be positive, got ", channels);
  require(factor >= 1 && factor <= 1024, "spline_upsample: factor must be from 1 to 1024, got ", factor);
  return Op(std::make_shared<SplineUpsample>(channels, factor));
}

}  // namespace op

Signal spline_upsample(FramesView x, Index factor) {
  return op::spline_upsample(x.channels(), factor)(x);
}

}  // namespace wavestride
