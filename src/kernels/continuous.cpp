#include "kernels/continuous.h"

#include <algorithm>
#include <cmath>

namespace wavestride::kernels {
namespace {

constexpr Index margin = 4;  // zeros around the table, so that the outermost cubics have four points

}  // namespace

ContinuousFilter::ContinuousFilter(std::span<const double> h)
    : points_(static_cast<Index>(h.size())), table_(h.size() + 2 * margin) {
  std::copy(h.begin(), h.end(), table_.begin() + margin);
}

void ContinuousFilter::coefficients(double position, double step, Index count, double* to) const noexcept {
  const double highest = static_cast<double>(points_ + 1);
  for (Index k = 0; k < count; ++k) {
    const double p = std::clamp(position - static_cast<double>(k) * step, -2.0, highest);
    const double whole = std::floor(p), t = p - whole;
    const double* y = table_.data() + static_cast<Index>(whole) + margin - 1;
    const double a = t + 1, b = t - 1, c = t - 2;
    to[k] = t * b * (a * y[3] - c * y[0]) / 6 + a * c * (b * y[1] - t * y[2]) / 2;
  }
}

void ContinuousFilter::apply(const float* x, Index frames, Index channels, double position, double step,
                             double gain, float* out) const noexcept {
  constexpr Index block = 256, together = 8;
  double h[block];
  for (Index c = 0; c < channels; c += together) {
    const Index count = std::min(together, channels - c);
    double sum[together] = {};
    for (Index from = 0; from < frames; from += block) {
      const Index size = std::min(block, frames - from);
      coefficients(position - static_cast<double>(from) * step, step, size, h);
      for (Index k = 0; k < size; ++k)
        for (Index j = 0; j < count; ++j)
          sum[j] += h[k] * static_cast<double>(x[(from + k) * channels + c + j]);
    }
    for (Index j = 0; j < count; ++j) out[c + j] = static_cast<float>(gain * sum[j]);
  }
}

}  // namespace wavestride::kernels
