// The edge of a low-pass filter, as steep as its length allows.
#pragma once

#include <memory>
#include <span>

namespace wavestride {

/// The shortest impulse response that deviates by at most −passband_db up to a transition band and is at most
/// −stopband_db beyond it, less the farther. With cutoff ω in radians per sample and half-length T,
///     h(t) = (a(t/T) sin ωt + b(t/T) cos ωt) / (πt),
/// a even and b odd; a window, b = 0, would make both deviations alike, and the filter longer. Both are sums
/// of a few cosines and sines, fitted by least squares whose weights grow where errors are large until the
/// largest is least (C. L. Lawson, 1961). They depend on neither rates nor bands, so that what the edge at −ω
/// leaves at the edge at ω is for the caller to allow for. The first of equal ones takes some milliseconds,
/// of those that presets come to one.
class LowPassEdge {
 public:
  /// Both 6 to 200.
  LowPassEdge(double passband_db, double stopband_db);

  /// T, in samples, for a transition band one cycle per sample wide.
  double half_width() const;
  /// h[t] = h(t) for t = 0, 1, …, below half_length; the cutoff in cycles per sample.
  void response(double cutoff, double half_length, std::span<double> h) const;

  /// About how wide the transition band is, in radians per sample times T: from 0.5 on.
  static double estimated_width(double passband_db, double stopband_db);
  /// Where the cutoff lies in the transition band: 0 is the passband's end, 1 the stopband's.
  static constexpr double place = 0.45;

  struct Shape;

 private:
  std::shared_ptr<const Shape> shape_;
};

}  // namespace wavestride
