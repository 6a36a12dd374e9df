// A filter as a function of continuous time: what conversion between rates of no common period needs.
#pragma once

#include <wavestride/geometry.h>

#include <span>
#include <vector>

namespace wavestride::kernels {

class ContinuousFilter {
 public:
  /// Tabulates an impulse response; between its points it is a cubic (Lagrange's through four points).
  explicit ContinuousFilter(std::span<const double> h);

  Index points() const { return points_; }
  Index bytes() const { return static_cast<Index>(table_.size() * sizeof(double)); }

  /// out[c] = gain · Σ_k x[k·channels + c] · h(position − k·step), over `frames` frames; positions are in
  /// points, and h is 0 outside its table. Sums are double.
  void apply(const float* x, Index frames, Index channels, double position, double step, double gain,
             float* out) const noexcept;

 private:
  Index points_;
  std::vector<double> table_;
};

}  // namespace wavestride::kernels
