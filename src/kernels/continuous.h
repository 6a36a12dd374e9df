// A filter as a function of continuous time: what conversion between rates of no common period needs.
#pragma once

#include <wavestride/geometry.h>

#include <span>
#include <vector>

#include "kernels/aligned.h"

namespace wavestride::kernels {

class ContinuousScratch;

class ContinuousFilter {
 public:
  /// Tabulates an impulse response; between its points it is a cubic (Lagrange's through four points). And
  /// once more in rows of every step-th point, for frames that are so many points apart: their coefficients
  /// lie side by side, and the cubics have the same weights. Rows, samples and sums are double where precise,
  /// or else float.
  ContinuousFilter(std::span<const double> h, Index step, bool precise);

  Index points() const { return points_; }
  bool precise() const { return !exact_rows_.empty(); }
  Index bytes() const;

  /// An output at so many points, from 0 on, behind frame `first`; it reads `frames` frames from there on.
  struct Output {
    Index first, frames;
    double position;
  };
  /// out[i·channels + c] = gain · Σ_k x[(first + k)·channels + c] · h(position − k·step), of frames as far
  /// apart as the rows; h is 0 outside its table. Outputs are at most as many as the scratch holds, and the
  /// first and the last frames that they read do not decrease. What is not float needs a precise filter.
  template <class In, class Out>
  void apply(const In* x, std::span<const Output> outputs, Index channels, double gain, Out* out,
             ContinuousScratch& scratch) const noexcept;

  /// out[c] = gain · Σ_k x[k·channels + c] · h(position − k·step), of frames as far apart as wanted, with
  /// sums in double.
  void apply(const float* x, Index frames, Index channels, double position, double step, double gain,
             float* out) const noexcept;

 private:
  template <class T, class In, class Out>
  void interpolate(const Aligned<T>& rows, Aligned<T>& samples, Index room, const In* x,
                   std::span<const Output> outputs, Index channels, double gain, Out* out) const;

  Index points_, step_;
  Index last_, stride_;  // the number of a row's first value, rows being in reverse; from row to row
  std::vector<double> table_;
  Aligned<float> rows_;
  Aligned<double> exact_rows_;
};

/// What calls of a filter work in: one per thread.
class ContinuousScratch {
 public:
  static constexpr Index most_outputs = 64;  ///< of a call

  /// For calls whose outputs read so many frames, together.
  ContinuousScratch(const ContinuousFilter& filter, Index frames);
  Index bytes() const;

 private:
  friend class ContinuousFilter;
  Index room_;
  Aligned<float> samples_;  // of two channels
  Aligned<double> exact_samples_;
};

}  // namespace wavestride::kernels
