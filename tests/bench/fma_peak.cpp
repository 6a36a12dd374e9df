#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "fma_peak.cpp"
#include "fma_peak.h"

#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <chrono>

HWY_BEFORE_NAMESPACE();
namespace wavestride::bench::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Returns the floating-point operations done; the sums go to `sink` so that they must be made.
double Run(long rounds, float* sink) {
  const hn::CappedTag<float, 16> d;
  constexpr int chains = 12;
  hn::Vec<decltype(d)> sum[chains];
  for (int i = 0; i < chains; ++i) sum[i] = hn::Set(d, static_cast<float>(i));
  const auto a = hn::Set(d, sink[0]), b = hn::Set(d, sink[1]);
  for (long r = 0; r < rounds; ++r)
#pragma GCC unroll 12
    for (int i = 0; i < chains; ++i) sum[i] = hn::MulAdd(sum[i], a, b);
  for (int i = 1; i < chains; ++i) sum[0] = hn::Add(sum[0], sum[i]);
  hn::StoreU(sum[0], d, sink + 2);
  return 2.0 * static_cast<double>(rounds) * chains * static_cast<double>(hn::Lanes(d));
}

}  // namespace wavestride::bench::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace wavestride::bench {

HWY_EXPORT(Run);

namespace {

double rate(long rounds) {
  float sink[18] = {0.999f, 0.001f};
  const auto start = std::chrono::steady_clock::now();
  const double operations = HWY_DYNAMIC_DISPATCH(Run)(rounds, sink);
  return operations / std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

double fma_rate() {
  return rate(100'000);
}

double fma_peak() {
  double best = 0;
  for (int trial = 0; trial < 20; ++trial) best = std::max(best, rate(1'000'000));
  return best;
}

}  // namespace wavestride::bench
#endif
