#include <wavestride/spline_upsample.h>

#include <algorithm>
#include <array>
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

/// z^k
double power(Index k) {
  static constexpr auto table = [] {
    std::array<double, 64> powers{};  // z^64 is below 2^-121
    double p = 1;
    for (double& at : powers) at = p, p *= z;
    return powers;
  }();
  return k < static_cast<Index>(table.size()) ? table[static_cast<std::size_t>(k)] : 0;
}

double impulse_response(Index k) {
  return power(std::abs(k)) / (4 + 2 * z);
}

constexpr Index reach = 14;  // 6·g(15)·4·(the most that a curvature adds within an interval, 0.064) < 2^-27
constexpr Index before = reach + 1, after = reach + 2;
constexpr Index far_away = Work::unknown / 2;

/// The samples of one channel that a window holds: y(i) for i from first to last.
struct Samples {
  const float* data;
  Index step, first, last;
  double operator[](Index i) const { return data[(i - first) * step]; }
  double curvature(Index i) const { return (*this)[i - 1] - 2 * (*this)[i] + (*this)[i + 1]; }
};

/// M_i of a signal of T samples (far_away: its end is out of reach), the window holding whatever counts.
[[gnu::noinline]] double second_derivative(const Samples& y, Index i, Index T) {
  if (i == 0) return 2 * second_derivative(y, 1, T) - second_derivative(y, 2, T);
  if (i == T - 1) return 2 * second_derivative(y, T - 2, T) - second_derivative(y, T - 3, T);
  if (i == 1 || i == T - 2) return y.curvature(i);
  // The impulse response, less its images in both ends so that it vanishes there; and what the ends are.
  double sum = 0;
  const Index first = std::max<Index>(2, y.first + 1), last = std::min(T - 3, y.last - 1);
  for (Index j = first; j <= last; ++j)
    sum += 6 * y.curvature(j) *
           (impulse_response(i - j) - impulse_response(i + j - 2) - impulse_response(2 * (T - 2) - i - j));
  if (y.first <= 0) sum += y.curvature(1) * power(i - 1);
  if (T != far_away) sum += y.curvature(T - 2) * power(T - 2 - i);
  return sum;
}

/// All M of a signal of T ≤ after samples, by elimination.
[[gnu::cold]] void eliminate(const Samples& y, Index T, double* m) {
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

/// What a value and a second derivative at 0 and those at 1 add to a cubic.
template <class T>
struct Cubic {
  T a, b, m, p;
};

Cubic<double> cubic(double t) {
  const double s = 1 - t;
  return {s, t, s * (s * s - 1) / 6, t * (t * t - 1) / 6};
}

/// out[i] = Σ_k h[|k|] · x[i + k·step], |k| ≤ before, for `count` of them.
template <int count>
void filter(const float* h, const float* x, Index step, float* out) {
  float sums[count];
  for (int i = 0; i < count; ++i) sums[i] = h[0] * x[i];
  for (Index k = 1; k <= before; ++k) {
    const float *left = x - k * step, *right = x + k * step;
    for (int i = 0; i < count; ++i) sums[i] += h[k] * (left[i] + right[i]);
  }
  std::copy_n(sums, count, out);
}

class SplineUpsample final : public Kernel {
 public:
  [[gnu::cold]] SplineUpsample(Index channels, Index factor)
      : Kernel(message("spline_upsample(", channels, ", factor ", factor, ")"),
               {{channels, {{1, factor, -before * factor, after * factor}, {factor, 0, 1, 0}}, {}}},
               channels),
        factor_(factor) {
    for (Index phase = 0; phase < factor; ++phase) {
      const auto [a, b, m, p] = cubic(static_cast<double>(phase) / static_cast<double>(factor));
      cubics_.push_back(
          {static_cast<float>(a), static_cast<float>(b), static_cast<float>(m), static_cast<float>(p)});
    }
    // What a sample of 1 adds to the second derivatives around it.
    for (Index k = 0; k <= before; ++k) {
      float unit[2 * before + 1] = {};
      unit[before + k] = 1;
      const Samples y{unit, 1, far_away / 2, far_away / 2 + 2 * before};
      response_[k] = static_cast<float>(second_derivative(y, far_away / 2 + before, far_away));
    }
  }

  std::unique_ptr<KernelState> make_state() const override {
    return std::make_unique<Curvatures>(static_cast<std::size_t>((block() + 1) * out_channels()));
  }

  void compute(const Work& work) const noexcept override {
    float* const m = static_cast<Curvatures&>(*work.state).values.data();
    const Index channels = out_channels(), base = inputs()[0].geometry.window.first(work.n);
    const Index T = work.length[0], end = work.n + work.count;
    for (Index n = work.n; n < end;) {
      const Index i = n / factor_;
      const float* const x = work.in[0] + (i - base) * channels;
      float* const out = work.out + (n - work.n) * channels;
      if (i - before < 0 || i + after >= T) {
        const Index stop = std::min(end, (i + 1) * factor_);
        for (Index c = 0; c < channels; ++c)
          interpolate({x - before * channels + c, channels, i - before, i + after}, i, n - i * factor_,
                      stop - n, i + after >= T ? T : far_away, out + c);
        n = stop;
        continue;
      }
      const Index samples = std::min({block(), T - after - i, (end - 1) / factor_ + 1 - i});
      second_derivatives(x, (samples + 1) * channels, m);
      const Index stop = std::min(end, (i + samples) * factor_);
      interpolate(x, m, n - i * factor_, stop - n, out);
      n = stop;
    }
  }

 private:
  struct Curvatures final : KernelState {
    explicit Curvatures(std::size_t size) : values(size) {}
    Index bytes() const noexcept override { return static_cast<Index>(values.size() * sizeof(float)); }
    std::vector<float> values;
  };

  /// Samples that are interpolated at a time.
  Index block() const { return std::max<Index>(512 / out_channels(), 1); }

  /// Those of all channels, far from the ends.
  void second_derivatives(const float* x, Index values, float* m) const noexcept {
    constexpr int lanes = 16;
    Index at = 0;
    for (; at + lanes <= values; at += lanes) filter<lanes>(response_, x + at, out_channels(), m + at);
    for (; at < values; ++at) filter<1>(response_, x + at, out_channels(), m + at);
  }

  /// `count` output frames from `phase` on, with the samples and the second derivatives from that of phase 0
  /// on.
  void interpolate(const float* x, const float* m, Index phase, Index count, float* out) const noexcept {
    const Index channels = out_channels();
    while (count > 0) {
      const Index run = std::min(count, factor_ - phase);
      const Cubic<float>* w = cubics_.data() + phase;
      for (Index n = 0; n < run; ++n, ++w, out += channels)
        for (Index c = 0; c < channels; ++c)
          out[c] = w->a * x[c] + w->b * x[c + channels] + (w->m * m[c] + w->p * m[c + channels]);
      count -= run;
      phase = 0;
      x += channels;
      m += channels;
    }
  }

  /// The same for one channel of a signal of T samples and the phases after sample i, near the ends.
  [[gnu::cold]] void interpolate(const Samples& y, Index i, Index phase, Index count, Index T,
                                 float* out) const noexcept {
    Index before_last = 0;
    double m[2] = {}, all[after];
    if (T > 1 && i == T - 1) --i, before_last = 1;
    if (T > after) {
      m[0] = second_derivative(y, i, T);
      m[1] = second_derivative(y, i + 1, T);
    } else if (T > 1) {
      eliminate(y, T, all);
      std::copy_n(all + i, 2, m);
    }
    for (; count > 0; --count, ++phase, out += out_channels()) {
      const auto w =
          cubic(static_cast<double>(phase) / static_cast<double>(factor_) + static_cast<double>(before_last));
      *out = static_cast<float>(T == 1 ? y[i] : w.a * y[i] + w.b * y[i + 1] + w.m * m[0] + w.p * m[1]);
    }
  }

  Index factor_;
  std::vector<Cubic<float>> cubics_;  // of each phase
  float response_[before + 1];
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
