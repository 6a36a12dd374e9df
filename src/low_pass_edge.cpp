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

// A value for each of the terms, and one more for the sake of whole vectors.
using OfTerms = std::array<double, terms + 2>;

// Points τ that integrate over 0 … 1 (Gauss and Legendre), enough for what turns by up to 230 rad: their
// weights over πτ, and cos πkτ and sin πkτ.
struct Quadrature {
  struct Point {
    double at, scale;
    OfTerms cosines, sines;
  };
  static constexpr int size = 128;
  std::array<Point, size> points;

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
      const double at = (x + 1) / 2, weight = 1 / ((1 - x * x) * slope * slope);
      Point& p = points[static_cast<std::size_t>(i)] = {at, weight / (pi * at), {}, {}};
      const std::complex<double> turn = std::polar(1.0, pi * at);
      std::complex<double> z = 1;
      for (std::size_t k = 0; k <= terms; ++k, z *= turn) p.cosines[k] = z.real(), p.sines[k] = z.imag();
    }
  }
};

// The amplitude at frequency v, in 1/T from the cutoff, for each of the coefficients of a and of b:
//     ½ a(0) − 1/π ∫ a(τ) sin(vτ)/τ dτ + 1/π ∫ b(τ) cos(vτ)/τ dτ, from 0 to 1
struct Amplitude {
  OfTerms even, odd{};

  explicit Amplitude(double v) {
    static const Quadrature q;
    even.fill(0.5);
    for (const Quadrature::Point& p : q.points) {
      const double s = p.scale * std::sin(v * p.at), c = p.scale * std::cos(v * p.at);
      for (std::size_t k = 0; k < even.size(); ++k) {
        even[k] -= s * p.cosines[k];
        odd[k] += c * p.sines[k];
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

// Of the coefficients, those with the least Σ weight · error², by reflections (Householder) of whole rows: a
// row has the factors, the constant, and one value more for the sake of whole vectors. What a reflection
// leaves in columns before its own is not used.
Series::Coefficients least_squares(const std::vector<Condition>& conditions,
                                   const std::vector<double>& weight) {
  constexpr std::size_t constants = Series::free, columns = constants + 2;
  std::vector<std::array<double, columns>> c(conditions.size());
  for (std::size_t r = 0; r < c.size(); ++r) {
    const double root = std::sqrt(weight[r]);
    for (std::size_t i = 0; i < Series::free; ++i) c[r][i] = conditions[r].factor[i] * root;
    c[r][constants] = conditions[r].constant * -root;
  }
  for (std::size_t k = 0; k < Series::free; ++k) {
    double norm = 0;
    for (std::size_t r = k; r < c.size(); ++r) norm += c[r][k] * c[r][k];
    norm = std::copysign(std::sqrt(norm), c[k][k]);
    const double top = c[k][k] + norm;
    if (top == 0) continue;
    c[k][k] = top;
    std::array<double, columns> sum{};
    for (std::size_t r = k; r < c.size(); ++r)
      for (std::size_t i = 0; i < columns; ++i) sum[i] += c[r][k] * c[r][i];
    for (double& v : sum) v /= norm * top;
    for (std::size_t r = k; r < c.size(); ++r) {
      const double reflected = c[r][k];
      for (std::size_t i = 0; i < columns; ++i) c[r][i] -= sum[i] * reflected;
    }
    c[k][k] = -norm;
  }
  Series::Coefficients x{};
  for (std::size_t k = Series::free; k-- > 0;) {
    double sum = c[k][constants];
    for (std::size_t i = k + 1; i < Series::free; ++i) sum -= c[k][i] * x[i];
    x[k] = c[k][k] == 0 ? 0 : sum / c[k][k];
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
    static const auto units = [] {
      std::vector<Series> all;
      for (std::size_t i = 0; i < Series::free; ++i) {
        Series::Coefficients unit{};
        unit[i] = 1;
        all.emplace_back(unit);
      }
      return all;
    }();
    std::vector<Condition> conditions;
    const auto add = [&](double v, double wanted, double allowed) {
      const Amplitude amplitude(v);
      Condition& c = conditions.emplace_back();
      const double fixed = amplitude.of(Series({}));
      c.constant = (fixed - wanted) / allowed;
      for (std::size_t i = 0; i < Series::free; ++i) c.factor[i] = (amplitude.of(units[i]) - fixed) / allowed;
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
