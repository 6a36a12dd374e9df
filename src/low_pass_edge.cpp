#include "low_pass_edge.h"

#include <Eigen/QR>
#include <cmath>
#include <complex>
#include <limits>
#include <map>
#include <mutex>
#include <numbers>
#include <utility>

namespace wavestride {
namespace {

using Eigen::ArrayXd, Eigen::Index, Eigen::MatrixXd, Eigen::VectorXd;
using std::numbers::pi;

// Of a(τ) = Σ even_k cos πkτ and b(τ) = Σ odd_k sin πkτ. More would hardly make filters shorter.
constexpr int terms = 10;

// What is asked for in the stopband falls with the distance from its edge in 1/T: to half of it here.
constexpr double half_allowed = 10;

// Points τ and weights that integrate over 0 … 1 (Gauss and Legendre), enough for what turns by up to 230
// rad.
struct Quadrature {
  static constexpr int size = 128;
  ArrayXd at = ArrayXd(size), weight = ArrayXd(size);

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
      at(i) = (x + 1) / 2;
      weight(i) = 1 / ((1 - x * x) * slope * slope);
    }
  }
};

// a and b as a column of free coefficients makes them. For the gain to be 1 and for the response to end
// without a jump or a bend, which would ring far into the stopband, a(0) = 1, a(1) = 0 and b'(1) = 0 whatever
// the coefficients are.
struct Series {
  Eigen::VectorXd even, odd;

  static constexpr int free = 2 * (terms - 1);
  explicit Series(const VectorXd& x) : even(terms + 1), odd(terms) {
    even << 0.5, 0.5, x.head(terms - 1);
    odd << 0, x.tail(terms - 1);
    for (int k = 2; k <= terms; ++k) {
      even(k % 2) -= even(k);
      odd(0) += (k % 2 == 0 ? k : -k) * odd(k - 1);
    }
  }
};

// The amplitude at frequencies v, in 1/T from the cutoff, for each of the coefficients of a, then of b:
//     ½ a(0) − 1/π ∫ a(τ) sin(vτ)/τ dτ + 1/π ∫ b(τ) cos(vτ)/τ dτ, from 0 to 1
MatrixXd amplitudes(const ArrayXd& v) {
  static const Quadrature q;
  const Eigen::ArrayXXd angle = (v.matrix() * q.at.matrix().transpose()).array();
  const Eigen::RowVectorXd scale = (q.weight / q.at / pi).matrix().transpose();
  MatrixXd even(Quadrature::size, terms + 1), odd(Quadrature::size, terms);
  for (int k = 0; k <= terms; ++k) even.col(k) = (pi * k * q.at).cos();
  for (int k = 1; k <= terms; ++k) odd.col(k - 1) = (pi * k * q.at).sin();
  MatrixXd result(v.size(), 2 * terms + 1);
  result.leftCols(terms + 1) = 0.5 - (angle.sin().matrix() * scale.asDiagonal() * even).array();
  result.rightCols(terms) = angle.cos().matrix() * scale.asDiagonal() * odd;
  return result;
}

// Frequencies from an edge away: dense beside it, where the amplitude ripples most.
ArrayXd away_from(double edge) {
  constexpr int beside = 110, beyond = 80;
  constexpr double near = 36, far = 160;
  ArrayXd v(beside + beyond);
  v.head(beside) = near * (1 - ArrayXd::LinSpaced(beside, 0, pi / 2).cos());
  v.tail(beyond) = ArrayXd::LinSpaced(beyond, near + 1, far);
  return edge + v;
}

}  // namespace

struct LowPassEdge::Shape {
  double width = 0;  // of the transition band, in 1/T
  Series series{VectorXd::Zero(Series::free)};

  // The series whose largest error, as a part of what is allowed, is least; returns that error.
  double fit(double passband, double stopband) {
    const ArrayXd above = away_from((1 - place) * width), below = -away_from(place * width);
    const Index n = above.size();
    ArrayXd v(2 * n), wanted(2 * n), scale(2 * n);
    v << above, below;
    wanted << ArrayXd::Zero(n), ArrayXd::Ones(n);
    scale << (1 + (above - above(0)) / half_allowed) / stopband, ArrayXd::Constant(n, 1 / passband);
    const MatrixXd columns = scale.matrix().asDiagonal() * amplitudes(v);
    const auto error_of = [&](const Series& s) -> ArrayXd {
      return (columns.leftCols(terms + 1) * s.even + columns.rightCols(terms) * s.odd).array() -
             wanted * scale;
    };
    const ArrayXd fixed = error_of(Series(VectorXd::Zero(Series::free)));
    MatrixXd free(2 * n, Series::free);
    for (int i = 0; i < Series::free; ++i)
      free.col(i) = error_of(Series(VectorXd::Unit(Series::free, i))) - fixed;
    const VectorXd norms = free.colwise().norm();
    free *= norms.cwiseInverse().asDiagonal();

    double least = std::numeric_limits<double>::infinity();
    ArrayXd weight = ArrayXd::Constant(2 * n, 1 / static_cast<double>(2 * n));
    for (int i = 0; i < 40; ++i) {
      const ArrayXd root = weight.sqrt();
      const VectorXd x = Eigen::ColPivHouseholderQR<MatrixXd>((free.array().colwise() * root).matrix())
                             .solve((-fixed * root).matrix());
      const ArrayXd error = ((free * x).array() + fixed).abs();
      const double largest = error.maxCoeff();
      if (largest < least) {
        least = largest;
        series = Series(x.cwiseQuotient(norms));
      }
      weight *= error / largest;
      weight = weight / weight.sum() + 1e-14;
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
  const std::pair key(passband_db, stopband_db);
  if (const auto it = made.find(key); it != made.end()) {
    shape_ = it->second;
    return;
  }
  if (made.size() >= most) made.clear();
  shape_ = made[key] = std::make_shared<const Shape>(passband_db, stopband_db);
}

double LowPassEdge::half_width() const {
  return shape_->width / (2 * pi);
}

double LowPassEdge::operator()(double t, double cutoff, double half_length) const {
  const double angle = 2 * pi * cutoff, tau = t / half_length;
  const std::complex<double> turn = std::polar(1.0, pi * tau);
  std::complex<double> z = 1;
  double a = shape_->series.even(0), b = 0, slope = 0;
  for (int k = 1; k <= terms; ++k) {
    z *= turn;
    a += shape_->series.even(k) * z.real();
    b += shape_->series.odd(k - 1) * z.imag();
    slope += shape_->series.odd(k - 1) * pi * k;
  }
  if (t == 0) return angle / pi + slope / (pi * half_length);
  return (a * std::sin(angle * t) + b * std::cos(angle * t)) / (pi * t);
}

}  // namespace wavestride
