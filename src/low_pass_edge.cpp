#include "low_pass_edge.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <complex>
#include <limits>
#include <map>
#include <mutex>
#include <numbers>
#include <utility>
#include <vector>

namespace wavestride {
namespace {

using std::numbers::pi;

// Of a(τ) = Σ even_k cos πkτ and b(τ) = Σ odd_k sin πkτ. More would hardly make filters shorter.
constexpr std::size_t terms = 10;

// What is asked for in the stopband falls with the distance from its edge in 1/T: to half of it here.
constexpr double half_allowed = 10;

// a and b as free coefficients make them. For the gain to be 1 and for the response to end without a jump or
// a bend, which would ring far into the stopband, a(0) = 1, a(1) = 0 and b'(1) = 0 whatever the coefficients
// are.
struct Series {
  static constexpr std::size_t free = 2 * (terms - 1);
  using Coefficients = std::array<double, free>;

  std::array<double, terms + 1> even{0.5, 0.5}, odd{};  // odd[0] is no term

  explicit Series(const Coefficients& x) {
    for (std::size_t k = 2; k <= terms; ++k) {
      even[k] = x[k - 2];
      odd[k] = x[k - 2 + terms - 1];
      even[k % 2] -= even[k];
      odd[1] += static_cast<double>(k) * (k % 2 == 0 ? odd[k] : -odd[k]);
    }
  }
};

// Points τ and weights that integrate over 0 … 1 (Gauss and Legendre), enough for what turns by up to 230
// rad.
struct Quadrature {
  static constexpr int size = 128;
  std::array<double, size> at, weight;

  Quadrature() {
    for (int i = 0; i < size; ++i) {
      double x = std::cos(pi * (i + 0.75) / (size + 0.5)), slope = 1;
      for (double step = 1; std::abs(step) > 1e-15;) {
        double before = 1, value = x;  // Legendre polynomials of ascending degree
        for (int k = 2; k <= size; ++k)
          before = std::exchange(value, ((2 * k - 1) * x * value - (k - 1) * before) / k);
        slope = size * (x * value - before) / (x * x - 1);
        step = value / slope;
        x -= step;
      }
      at[static_cast<std::size_t>(i)] = (x + 1) / 2;
      weight[static_cast<std::size_t>(i)] = 1 / ((1 - x * x) * slope * slope);
    }
  }
};

// The amplitude at frequency v, in 1/T from the cutoff, for each of the coefficients of a and of b:
//     ½ a(0) − 1/π ∫ a(τ) sin(vτ)/τ dτ + 1/π ∫ b(τ) cos(vτ)/τ dτ, from 0 to 1
struct Amplitude {
  std::array<double, terms + 1> even, odd{};

  explicit Amplitude(double v) {
    static const Quadrature q;
    even.fill(0.5);
    for (std::size_t i = 0; i < q.at.size(); ++i) {
      const double scale = q.weight[i] / (pi * q.at[i]);
      const double s = scale * std::sin(v * q.at[i]), c = scale * std::cos(v * q.at[i]);
      const std::complex<double> turn = std::polar(1.0, pi * q.at[i]);
      std::complex<double> z = 1;
      for (std::size_t k = 0; k <= terms; ++k, z *= turn) {
        even[k] -= s * z.real();
        odd[k] += c * z.imag();
      }
    }
  }

  double of(const Series& series) const {
    double sum = 0;
    for (std::size_t k = 0; k <= terms; ++k) sum += even[k] * series.even[k] + odd[k] * series.odd[k];
    return sum;
  }
};

// A condition on the coefficients x: constant + Σ factor_i x_i is to be small.
struct Condition {
  Series::Coefficients factor;
  double constant;

  double error(const Series::Coefficients& x) const {
    double sum = constant;
    for (std::size_t i = 0; i < x.size(); ++i) sum += factor[i] * x[i];
    return sum;
  }
};

// Of the coefficients, those with the least Σ weight · error², by reflections (Householder).
Series::Coefficients least_squares(std::vector<Condition> c, const std::vector<double>& weight) {
  for (std::size_t r = 0; r < c.size(); ++r) {
    const double root = std::sqrt(weight[r]);
    for (double& f : c[r].factor) f *= root;
    c[r].constant *= -root;
  }
  for (std::size_t k = 0; k < Series::free; ++k) {
    double norm = 0;
    for (std::size_t r = k; r < c.size(); ++r) norm += c[r].factor[k] * c[r].factor[k];
    norm = std::copysign(std::sqrt(norm), c[k].factor[k]);
    const double top = c[k].factor[k] + norm;
    if (top == 0) continue;
    const auto reflect = [&](auto&& column) {
      double sum = top * column(k);
      for (std::size_t r = k + 1; r < c.size(); ++r) sum += c[r].factor[k] * column(r);
      sum /= norm * top;
      column(k) -= sum * top;
      for (std::size_t r = k + 1; r < c.size(); ++r) column(r) -= sum * c[r].factor[k];
    };
    for (std::size_t i = k + 1; i < Series::free; ++i)
      reflect([&](std::size_t r) -> double& { return c[r].factor[i]; });
    reflect([&](std::size_t r) -> double& { return c[r].constant; });
    c[k].factor[k] = -norm;
  }
  Series::Coefficients x{};
  for (std::size_t k = Series::free; k-- > 0;) {
    double sum = c[k].constant;
    for (std::size_t i = k + 1; i < Series::free; ++i) sum -= c[k].factor[i] * x[i];
    x[k] = c[k].factor[k] == 0 ? 0 : sum / c[k].factor[k];
  }
  return x;
}

// Calls f(distance) for frequencies away from an edge: dense beside it, where the amplitude ripples most.
template <class F>
void for_distances(F&& f) {
  constexpr int beside = 110, beyond = 80;
  constexpr double near = 36, far = 160;
  for (int i = 0; i < beside; ++i) f(near * (1 - std::cos(pi / 2 * i / (beside - 1))));
  for (int i = 0; i < beyond; ++i) f(near + 1 + (far - near - 1) * i / (beyond - 1));
}

}  // namespace

struct LowPassEdge::Shape {
  double width = 0;  // of the transition band, in 1/T
  Series series{{}};

  // The series whose largest error, as a part of what is allowed, is least; returns that error.
  double fit(double passband, double stopband) {
    std::vector<Condition> conditions;
    const auto add = [&](double v, double wanted, double allowed) {
      const Amplitude amplitude(v);
      Condition& c = conditions.emplace_back();
      const double fixed = amplitude.of(Series({}));
      c.constant = (fixed - wanted) / allowed;
      for (std::size_t i = 0; i < Series::free; ++i) {
        Series::Coefficients unit{};
        unit[i] = 1;
        c.factor[i] = (amplitude.of(Series(unit)) - fixed) / allowed;
      }
    };
    for_distances([&](double d) { add((1 - place) * width + d, 0, stopband / (1 + d / half_allowed)); });
    for_distances([&](double d) { add(-place * width - d, 1, passband); });

    double least = std::numeric_limits<double>::infinity();
    std::vector<double> weight(conditions.size(), 1), error(conditions.size());
    for (int i = 0; i < 40; ++i) {
      const Series::Coefficients x = least_squares(conditions, weight);
      double largest = 0, sum = 0;
      for (std::size_t r = 0; r < error.size(); ++r) {
        error[r] = std::abs(conditions[r].error(x));
        largest = std::max(largest, error[r]);
      }
      if (largest < least) {
        least = largest;
        series = Series(x);
      }
      for (std::size_t r = 0; r < error.size(); ++r) sum += weight[r] *= error[r] / largest;
      for (double& w : weight) w = w / sum + 1e-14;
    }
    return least;
  }

  Shape(double passband_db, double stopband_db) : width(estimated_width(passband_db, stopband_db)) {
    const double passband = std::pow(10, -passband_db / 20), stopband = std::pow(10, -stopband_db / 20);
    // Errors fall by half a neper for each 1/T; to be missed by as little as grids of frequencies do.
    constexpr double goal = 0.985, slope = 0.5;
    for (int i = 0; i < 12; ++i) {
      const double error = fit(passband, stopband);
      if (error <= goal && error > 0.97 * goal) break;
      width = std::max(0.5, width + std::log(error / (0.985 * goal)) / slope);
    }
  }
};

// After Kaiser's estimate for filters of equal ripples.
double LowPassEdge::estimated_width(double passband_db, double stopband_db) {
  return 0.5 + std::max((passband_db + stopband_db) / 2 - 13, 0.0) / 4.2;
}

LowPassEdge::LowPassEdge(double passband_db, double stopband_db) {
  // As many as anyone asks for at a time; more begin anew.
  constexpr std::size_t most = 64;
  static std::mutex mutex;
  static std::map<std::pair<double, double>, std::shared_ptr<const Shape>> made;
  const std::lock_guard lock(mutex);
  if (made.size() >= most) made.clear();
  std::shared_ptr<const Shape>& shape = made[{passband_db, stopband_db}];
  if (!shape) shape = std::make_shared<const Shape>(passband_db, stopband_db);
  shape_ = shape;
}

double LowPassEdge::half_width() const {
  return shape_->width / (2 * pi);
}

double LowPassEdge::operator()(double t, double cutoff, double half_length) const {
  const double angle = 2 * pi * cutoff, tau = t / half_length;
  const std::complex<double> turn = std::polar(1.0, pi * tau);
  std::complex<double> z = 1;
  double a = 0, b = 0, slope = 0;
  for (std::size_t k = 0; k <= terms; ++k, z *= turn) {
    a += shape_->series.even[k] * z.real();
    b += shape_->series.odd[k] * z.imag();
    slope += shape_->series.odd[k] * pi * static_cast<double>(k);
  }
  if (t == 0) return angle / pi + slope / (pi * half_length);
  return (a * std::sin(angle * t) + b * std::cos(angle * t)) / (pi * t);
}

}  // namespace wavestride
