#include "low_pass_edge.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <numbers>
#include <utility>
#include <vector>

#include "fork_lock.h"

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

// ∫ sin(t)/t dt from 0 to x, |x| up to 250: from its values at ½, 1½, … by Taylor's series.
class SineIntegral {
 public:
  SineIntegral() {
    double before = 0;
    for (int i = 0; i < size; ++i) {
      const double at = i + 0.5;
      nodes_[i] = {0, std::sin(at), std::cos(at)};
      nodes_[i].value = before - beyond(i, -0.5);
      before = nodes_[i].value + beyond(i, 0.5);
    }
  }

  double operator()(double x) const {
    const double distance = std::abs(x);
    const int i = std::min(static_cast<int>(distance), size - 1);
    return std::copysign(nodes_[i].value + beyond(i, distance - (i + 0.5)), x);
  }

 private:
  static constexpr int size = 250;
  struct Node {
    double value, sine, cosine;
  } nodes_[size];

  // From node i to a point d behind it. What is integrated has the derivatives f with t·f' = sin t − f, and
  // so on: each follows from the one before it and from that of the sine.
  double beyond(int i, double d) const {
    constexpr int order = 14;
    const double per_at = 1 / (i + 0.5);
    double sine = nodes_[i].sine, slope = nodes_[i].cosine;
    double f = sine * per_at, weight = d, sum = f * d;
    for (int n = 1; n < order; ++n) {
      const double derivative = std::exchange(slope, -sine);
      sine = derivative;
      f = (derivative - n * f) * per_at;
      weight *= d / (n + 1);
      sum += f * weight;
    }
    return sum;
  }
};

// The amplitude at frequency v, in 1/T from the cutoff, that each of the terms of a and of b makes. With a(0)
// it is ½ a(0) − 1/π ∫ a(τ) sin(vτ)/τ dτ + 1/π ∫ b(τ) cos(vτ)/τ dτ, from 0 to 1.
struct Amplitude {
  std::array<double, terms + 1> even, odd;

  explicit Amplitude(double v) {
    static const SineIntegral integral;
    for (std::size_t k = 0; k <= terms; ++k) {
      const double turn = pi * static_cast<double>(k), up = integral(v + turn), down = integral(v - turn);
      even[k] = 0.5 - (up + down) / (2 * pi);
      odd[k] = (up - down) / (2 * pi);
    }
  }
};

// A condition on the coefficients x: constant + Σ factor_i x_i is to be small.
struct Condition {
  Series::Coefficients factor;
  double constant;
};

// That the amplitude is `wanted`, of which `allowed` may be missed.
Condition condition(const Amplitude& amplitude, double wanted, double allowed) {
  Condition c;
  const auto& [even, odd] = amplitude;
  c.constant = ((even[0] + even[1]) / 2 - wanted) / allowed;
  for (std::size_t k = 2; k <= terms; ++k) {  // as Series makes the first terms of the others
    const double turns = k % 2 == 0 ? static_cast<double>(k) : -static_cast<double>(k);
    c.factor[k - 2] = (even[k] - even[k % 2]) / allowed;
    c.factor[k - 2 + terms - 1] = (odd[k] + turns * odd[1]) / allowed;
  }
  return c;
}

// Conditions on combinations of the coefficients that are orthogonal over all conditions (Gram and Schmidt),
// for least squares with one set of weights after the other. A row has the factors, and two values more for
// the sake of whole vectors.
class LeastSquares {
 public:
  explicit LeastSquares(const std::vector<Condition>& conditions) : rows_(conditions.size()) {
    for (std::size_t r = 0; r < rows_.size(); ++r) {
      std::copy(conditions[r].factor.begin(), conditions[r].factor.end(), rows_[r].begin());
      error.push_back(conditions[r].constant);
    }
    for (std::size_t k = 0; k < free; ++k) {
      double norm = 0;
      for (const Row& row : rows_) norm += row[k] * row[k];
      norm = std::sqrt(norm);
      Row& sum = triangle_[k];
      for (Row& row : rows_) {
        row[k] /= norm;
        add(row[k], row, k, sum);
      }
      for (Row& row : rows_) {
        const double part = row[k];
        add(-part, sum, k, row);
        row[k] = part;
      }
      sum[k] = norm;
    }
  }

  /// The errors of the conditions, which are their constants at first.
  std::vector<double> error;

  /// Changes the coefficients to those with the least Σ weight · error².
  void solve(const std::vector<double>& weight) {
    std::array<Row, free> normal{};
    for (std::size_t r = 0; r < rows_.size(); ++r) {
      Row weighted = rows_[r];
      weighted[free] = -error[r];
      for (double& v : weighted) v *= weight[r];
      for (std::size_t k = 0; k < free; ++k) add(rows_[r][k], weighted, k, normal[k]);
    }
    Row change = solved(normal);
    for (std::size_t r = 0; r < rows_.size(); ++r) {
      double sums[2]{};
      for (std::size_t i = 0; i < free; i += 2)
        for (std::size_t j = 0; j < 2; ++j) sums[j] += change[i + j] * rows_[r][i + j];
      error[r] += sums[0] + sums[1];
    }
    add(1, change, 0, combination_);
  }

  Series::Coefficients coefficients() const {
    Series::Coefficients x{};
    for (std::size_t k = free; k-- > 0;) {
      double sum = combination_[k];
      for (std::size_t i = k + 1; i < free; ++i) sum -= triangle_[k][i] * x[i];
      x[k] = sum / triangle_[k][k];
    }
    return x;
  }

 private:
  static constexpr std::size_t free = Series::free;
  using Row = std::array<double, free + 2>;

  // to += factor · from, of values k … and those beside them in a vector.
  static void add(double factor, const Row& from, std::size_t k, Row& to) {
    for (std::size_t i = k / 4 * 4; i < from.size(); i += 4)
      for (std::size_t j = i; j < i + 4; ++j) to[j] += factor * from[j];
  }

  // By Cholesky's triangle, of the upper half of a matrix with the right side behind it.
  static Row solved(std::array<Row, free>& m) {
    for (std::size_t k = 0; k < free; ++k)
      for (std::size_t i = k + 1; i < free; ++i) {
        const double factor = m[k][i] / m[k][k];
        add(-factor, m[k], i, m[i]);
      }
    Row x{};
    for (std::size_t k = free; k-- > 0;) {
      double sum = m[k][free];
      for (std::size_t i = k + 1; i < free; ++i) sum -= m[k][i] * x[i];
      x[k] = sum / m[k][k];
    }
    return x;
  }

  std::vector<Row> rows_;
  std::array<Row, free> triangle_{};
  Row combination_{};
};

// Calls f(distance) for frequencies away from an edge: dense beside it, where the amplitude ripples most.
template <class F>
void for_distances(F&& f) {
  constexpr int beside = 110, beyond = 80;
  constexpr double near = 36, far = 160;
  for (int i = 0; i < beside; ++i) f(near * (1 - std::cos(pi / 2 * i / (beside - 1))));
  for (int i = 0; i < beyond; ++i) f(near + 1 + (far - near - 1) * i / (beyond - 1));
}

// Cosines and sines of multiples of a step, a block at a time: each angle is the block's first one and one of
// a few.
struct Angles {
  static constexpr std::size_t size = 32;
  using Values = std::array<double, size>;
  struct Block {
    Values cosine, sine;
  };
  double step;
  Block few;

  explicit Angles(double its_step) : step(its_step) {
    for (std::size_t i = 0; i < size; ++i) {
      few.cosine[i] = std::cos(static_cast<double>(i) * step);
      few.sine[i] = std::sin(static_cast<double>(i) * step);
    }
  }

  Block from(std::size_t first) const {
    const double cosine = std::cos(static_cast<double>(first) * step),
                 sine = std::sin(static_cast<double>(first) * step);
    Block b;
    for (std::size_t i = 0; i < size; ++i) {
      b.cosine[i] = cosine * few.cosine[i] - sine * few.sine[i];
      b.sine[i] = sine * few.cosine[i] + cosine * few.sine[i];
    }
    return b;
  }
};

// What the search below comes to for the edges of presets, to spare it.
struct KnownWidth {
  double passband_db, stopband_db, width;
};
constexpr KnownWidth known_widths[] = {
    {82.8, 100.8, 19.375207313046857},  {125.3, 113.3, 25.651679822053563},
    {125.8, 113.8, 25.757525157872493}, {126.3, 114.3, 25.862188144767327},
    {126.8, 114.8, 25.96655690771157},  {128.3, 116.3, 26.283609532743018},
    {129.3, 117.3, 26.491753168199445}, {84.13333333333333, 125.8, 21.989390669212796},
    {149.8, 137.8, 31.007285727801918}, {150.3, 138.3, 31.115340785128875},
    {151.3, 139.3, 31.34467043527788},  {151.8, 139.8, 31.462096109103395},
    {100.8, 150.8, 27.165715802500415}, {174.8, 162.8, 36.6128919488639},
    {175.3, 163.3, 36.73445991739515},  {175.8, 163.8, 36.83208110489226},
};

double first_width(double passband_db, double stopband_db) {
  for (const KnownWidth& known : known_widths)
    if (std::abs(passband_db - known.passband_db) + std::abs(stopband_db - known.stopband_db) < 1e-9)
      return known.width;
  return LowPassEdge::estimated_width(passband_db, stopband_db);
}

}  // namespace

struct LowPassEdge::Shape {
  double width = 0;  // of the transition band, in 1/T
  Series series{{}};

  // The series whose largest error, as a part of what is allowed, is least; returns that error.
  double fit(double passband, double stopband) {
    std::vector<Condition> conditions;
    const auto add = [&](double v, double wanted, double allowed) {
      conditions.push_back(condition(Amplitude(v), wanted, allowed));
    };
    for_distances([&](double d) { add((1 - place) * width + d, 0, stopband / (1 + d / half_allowed)); });
    for_distances([&](double d) { add(-place * width - d, 1, passband); });

    double least = std::numeric_limits<double>::infinity();
    LeastSquares squares(conditions);
    std::vector<double> weight(conditions.size(), 1);
    for (int i = 0; i < 40; ++i) {
      squares.solve(weight);
      double largest = 0, sum = 0;
      for (const double e : squares.error) largest = std::max(largest, std::abs(e));
      if (largest < least) {
        least = largest;
        series = Series(squares.coefficients());
      }
      for (std::size_t r = 0; r < weight.size(); ++r)
        sum += weight[r] *= std::abs(squares.error[r]) / largest;
      for (double& w : weight) w = w / sum + 1e-14;
    }
    return least;
  }

  Shape(double passband_db, double stopband_db) : width(first_width(passband_db, stopband_db)) {
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
  const std::lock_guard lock(detail::lock_of(detail::Kept::edges));
  static std::map<std::pair<double, double>, std::shared_ptr<const Shape>> made;
  if (made.size() >= most) made.clear();
  std::shared_ptr<const Shape>& shape = made[{passband_db, stopband_db}];
  if (!shape) shape = std::make_shared<const Shape>(passband_db, stopband_db);
  shape_ = shape;
}

double LowPassEdge::half_width() const {
  return shape_->width / (2 * pi);
}

void LowPassEdge::response(double cutoff, double half_length, std::span<double> h) const {
  const auto& [even, odd] = shape_->series;
  const Angles of_tau(pi / half_length), of_cutoff(2 * pi * cutoff);
  for (std::size_t from = 0; from < h.size(); from += Angles::size) {
    const auto tau = of_tau.from(from), turn = of_cutoff.from(from);
    // Sums of multiples of τ by Clenshaw's recurrence.
    Angles::Values a{}, a_above{}, b{}, b_above{}, samples;
    for (std::size_t k = terms; k > 0; --k)
      for (std::size_t i = 0; i < Angles::size; ++i) {
        const double twice = 2 * tau.cosine[i], next_a = even[k] + twice * a[i] - a_above[i],
                     next_b = odd[k] + twice * b[i] - b_above[i];
        a_above[i] = a[i], a[i] = next_a;
        b_above[i] = b[i], b[i] = next_b;
      }
    for (std::size_t i = 0; i < Angles::size; ++i) {
      const double sum_a = even[0] + tau.cosine[i] * a[i] - a_above[i], sum_b = tau.sine[i] * b[i];
      samples[i] = (sum_a * turn.sine[i] + sum_b * turn.cosine[i]) / (pi * static_cast<double>(from + i));
    }
    std::copy_n(samples.begin(), std::min(Angles::size, h.size() - from),
                h.begin() + static_cast<std::ptrdiff_t>(from));
  }
  // At t = 0 both parts have a limit.
  double slope = 0;  // of b
  for (std::size_t k = 1; k <= terms; ++k) slope += odd[k] * static_cast<double>(k);
  if (!h.empty()) h[0] = 2 * cutoff + slope / half_length;
}

}  // namespace wavestride
