// A filter as a function of continuous time: what conversion between rates of no common period needs.
#pragma once

#include <wavestride/geometry.h>

#include <span>
#include <vector>

namespace wavestride::kernels {

class ContinuousFilter {
 public:
  /// Tabulates an impulse response; between its points it is a cubic (Lagrange's through four points). And
  /// once more in rows of every step-th point, for frames that are so many points apart: their coefficients
  /// lie side by side, and the cubics have the same weights.
  ContinuousFilter(std::span<const double> h, Index step);

  Index points() const { return points_; }
  Index bytes() const { return static_cast<Index>((table_.size() + rows_.size()) * sizeof(double)); }

  /// out[c] = gain · Σ_k x[k·channels + c] · h(position − k·step), over `frames` frames; positions are in
  /// points, and h is 0 outside its table. Sums are double.
  void apply(const float* x, Index frames, Index channels, double position, double step, double gain,
             float* out) const noexcept;

 private:
  /// coefficients(from, size, h) gives those of frames from … from+size−1, whole vectors of them.
  template <class Make>
  static void weigh(const float* x, Index frames, Index channels, double gain, float* out,
                    Make&& coefficients);

  Index points_, step_;
  Index last_, length_;  // of a row: the number of its first value, rows being in reverse; and values
  std::vector<double> table_, rows_;
};

}  // namespace wavestride::kernels
