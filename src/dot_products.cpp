#include "dot_products.h"

#include <algorithm>
#include <numeric>

#include "idle_lanes.h"

namespace wavestride::detail {

bool dots_pay(const DotShape& s, bool frames_share) {
  const Index lanes = lanes_of_vector(), together = std::max<Index>(1, frames_share ? lanes / s.out : 1);
  const Index rows = (s.taps + together - 1) * s.in * s.groups / together * ((s.out + lanes - 1) / lanes);
  return kernels::dots_pay(s.groups * s.out, s.run(), s.runs(), rows);
}

bool side_by_side(const DotShape& s, Index stride) {
  return s.gapless && stride > 1 && s.out <= lanes_of_vector();
}

bool dots_pay_phases(DotShape s, Index stride, Index dilation) {
  const bool together = side_by_side(s, stride);
  if (together && s.taps % stride != 0) return false;
  const Index apart = stride / std::gcd(stride, dilation);
  s.taps = (s.taps + apart - 1) / apart;
  if (together) s.out *= stride;
  return dots_pay(s, together);
}

kernels::DotWeights dot_products(const DotShape& s, const kernels::WeightAt& value,
                                 std::span<const float> bias) {
  const auto value_at = [&](Index o, Index c, Index t) {
    return s.gapless ? value(o, c % s.in, c / s.in) : value(o, c, t);
  };
  return {s.run(), s.out, s.groups, s.runs(), value_at, bias};
}

}  // namespace wavestride::detail
