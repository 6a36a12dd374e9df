#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/moments.cpp"
#include "kernels/moments.h"

#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>

#include "kernels/narrow-inl.h"

HWY_BEFORE_NAMESPACE();
namespace wavestride::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D64 = hn::CappedTag<double, moment_lanes>;

template <class T>
HWY_INLINE hn::Vec<T> Wide(T d, const float* from) {
  return hn::PromoteTo(d, hn::LoadU(hn::Rebind<float, T>(), from));
}

// Of V vectors of columns, whose sums stay in registers.
template <int V, bool squares, class T>
HWY_INLINE void AddColumns(T d, const float* HWY_RESTRICT x, Index rows, Index row,
                           const double* HWY_RESTRICT mean, double* HWY_RESTRICT sum) {
  const auto N = static_cast<Index>(hn::Lanes(d));
  hn::Vec<T> sums[V], means[V];
#pragma GCC unroll 4
  for (int v = 0; v < V; ++v) {
    sums[v] = hn::LoadU(d, sum + v * N);
    means[v] = squares ? hn::LoadU(d, mean + v * N) : hn::Zero(d);
  }
#pragma GCC unroll 1
  for (; rows > 0; --rows, x += row)
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) {
      const auto value = Wide(d, x + v * N), off = hn::Sub(value, means[v]);
      sums[v] = hn::Add(sums[v], squares ? hn::Mul(off, off) : value);
    }
#pragma GCC unroll 4
  for (int v = 0; v < V; ++v) hn::StoreU(sums[v], d, sum + v * N);
}

template <bool squares>
HWY_INLINE void AddAll(const float* x, Index rows, Index row, const double* mean, double* sum) {
  const D64 d;
  const auto N = static_cast<Index>(hn::Lanes(d));
  Index i = 0;
  for (; i + 4 * N <= row; i += 4 * N) AddColumns<4, squares>(d, x + i, rows, row, mean + i, sum + i);
  for (; i + N <= row; i += N) AddColumns<1, squares>(d, x + i, rows, row, mean + i, sum + i);
  for (; i < row; ++i)
    AddColumns<1, squares>(hn::CappedTag<double, 1>(), x + i, rows, row, mean + i, sum + i);
}

void AddRows(const float* x, Index rows, Index row, const double* mean, double* sum) {
  mean == nullptr ? AddAll<false>(x, rows, row, sum, sum) : AddAll<true>(x, rows, row, mean, sum);
}

void Normalise(const Normalisation& n, Index at, const float* HWY_RESTRICT in, Index size,
               float* HWY_RESTRICT out) {
  const D64 d;
  const auto N = static_cast<Index>(hn::Lanes(d));
  const auto make = [&](const float* from, float* to) HWY_ATTR {
#pragma GCC unroll 4
    for (Index k = 0; k < moment_lanes; k += N) {
      const auto off = hn::Sub(Wide(d, from + k), hn::LoadU(d, n.mean + at + k));
      const auto y = hn::Add(hn::Mul(off, hn::LoadU(d, n.gain + at + k)), hn::LoadU(d, n.bias + at + k));
      hn::StoreU(Narrowed(d, y), hn::Rebind<float, D64>(), to + k);
    }
  };
  for (; size >= moment_lanes; size -= moment_lanes, in += moment_lanes, out += moment_lanes) {
    make(in, out);
    at += moment_lanes;
    if (at >= n.row) at -= n.row;
  }
  if (size == 0) return;
  HWY_ALIGN float rest[moment_lanes] = {};
  std::copy_n(in, size, rest);
  make(rest, rest);
  std::copy_n(rest, size, out);
}

}  // namespace wavestride::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace wavestride::kernels {

HWY_EXPORT(AddRows);
HWY_EXPORT(Normalise);

void add_rows(const float* x, Index rows, Index row, const double* mean, double* sum) noexcept {
  HWY_DYNAMIC_DISPATCH(AddRows)(x, rows, row, mean, sum);
}

void normalise(const Normalisation& n, Index at, const float* in, Index size, float* out) noexcept {
  HWY_DYNAMIC_DISPATCH(Normalise)(n, at, in, size, out);
}

}  // namespace wavestride::kernels
#endif
