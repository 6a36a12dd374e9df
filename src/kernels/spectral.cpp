#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/spectral.cpp"
#include "kernels/spectral.h"

#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// After foreach_target.h, which includes this file once per target.
#include <hwy/contrib/math/math-inl.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

HWY_BEFORE_NAMESPACE();
namespace wavestride::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::CappedTag<float, 16>;
using V = hn::Vec<D>;

// Has the compiler hold a value in a register as it is, and not load or work it out again.
HWY_INLINE void KeepInRegister([[maybe_unused]] Index& i) {
#if HWY_COMPILER_GCC || HWY_COMPILER_CLANG
  asm("" : "+r"(i));
#endif
}

HWY_INLINE void KeepInRegister([[maybe_unused]] V& v) {
#if HWY_ARCH_X86 && HWY_COMPILER_GCC_ACTUAL
  asm("" : "+v"(v.raw));
#endif
}

// Calls step(tag, i) for whole vectors, then for single values: where a value's result does not depend on
// the others, one code serves both. Steps of an instruction or two are worth unrolling.
template <bool unrolled = false, class F>
HWY_INLINE void ForEach(Index size, F&& step) {
  const D d;
  const hn::CappedTag<float, 1> one;
  const auto N = static_cast<Index>(hn::Lanes(d));
  Index i = 0;
  if constexpr (unrolled) {
#pragma GCC unroll 4
    for (; i + N <= size; i += N) step(d, i);
  } else {
    for (; i + N <= size; i += N) step(d, i);
  }
  for (; i < size; ++i) {
    KeepInRegister(i);  // so that the compiler makes no vectors of the few values that are left
    step(one, i);
  }
}

void Multiply(const float* HWY_RESTRICT a, const float* HWY_RESTRICT b, Index size, float* HWY_RESTRICT out) {
  ForEach<true>(size, [&](auto d, Index i) {
    hn::StoreU(hn::Mul(hn::LoadU(d, a + i), hn::LoadU(d, b + i)), d, out + i);
  });
}

void MultiplyBy(const float* HWY_RESTRICT a, Index size, float* HWY_RESTRICT x) {
  ForEach<true>(size, [&](auto d, Index i) {
    hn::StoreU(hn::Mul(hn::LoadU(d, a + i), hn::LoadU(d, x + i)), d, x + i);
  });
}

void MultiplyAdd(const float* HWY_RESTRICT a, const float* HWY_RESTRICT b, Index size,
                 float* HWY_RESTRICT sum) {
  ForEach<true>(size, [&](auto d, Index i) {
    hn::StoreU(hn::MulAdd(hn::LoadU(d, a + i), hn::LoadU(d, b + i), hn::LoadU(d, sum + i)), d, sum + i);
  });
}

void Scale(float a, const float* HWY_RESTRICT in, Index size, float* HWY_RESTRICT out) {
  ForEach<true>(
      size, [&](auto d, Index i) { hn::StoreU(hn::Mul(hn::Set(d, a), hn::LoadU(d, in + i)), d, out + i); });
}

// Calls step(tag, k) so that lanes k … k+N−1 and their mirror images M−k … M−k−N+1 together cover the bins 1
// … M−1. Bins in the middle may come twice: results go elsewhere.
template <class F>
HWY_INLINE void ForEachPair(Index half, F&& step) {
  const D d;
  const hn::CappedTag<float, 1> one;
  const auto N = static_cast<Index>(hn::Lanes(d));
  if (half <= N) {
    for (Index k = 1; 2 * k <= half; ++k) step(one, k);
    return;
  }
  for (Index k = 1; 2 * k <= half; k += N) step(d, std::min(k, half - N));
}

template <class V>
struct Bins {
  V re, im, mirror_re, mirror_im;
};

// Of the lanes of `d`, bins k … and M − k, E = (Z[k] + Z*[M−k])/2 being the transform of the even samples, O
// = (Z[k] − Z*[M−k])/2i of the odd ones: X[k] = E + w·O and X[M−k] = (E − w·O)*, w = exp(−πik/M). Mirror
// images are in order of k.
template <class Tag>
HWY_INLINE Bins<hn::Vec<Tag>> RealBins(Tag d, const HalfSpectrum& h, const float* HWY_RESTRICT z, Index k,
                                       Index mirror) {
  hn::Vec<Tag> re, im, mirror_re, mirror_im;
  hn::LoadInterleaved2(d, z + 2 * k, re, im);
  hn::LoadInterleaved2(d, z + 2 * mirror, mirror_re, mirror_im);
  mirror_re = hn::Reverse(d, mirror_re);
  mirror_im = hn::Reverse(d, mirror_im);
  const auto half = hn::Set(d, 0.5f);
  const auto even_re = hn::Mul(half, hn::Add(re, mirror_re)), even_im = hn::Mul(half, hn::Sub(im, mirror_im));
  const auto odd_re = hn::Mul(half, hn::Add(im, mirror_im)), odd_im = hn::Mul(half, hn::Sub(mirror_re, re));
  const auto c = hn::LoadU(d, h.cosines() + k), s = hn::LoadU(d, h.sines() + k);
  const auto turned_re = hn::MulSub(c, odd_re, hn::Mul(s, odd_im)),
             turned_im = hn::MulAdd(c, odd_im, hn::Mul(s, odd_re));
  return {hn::Add(even_re, turned_re), hn::Add(even_im, turned_im), hn::Sub(even_re, turned_re),
          hn::Sub(turned_im, even_im)};
}

void ToReal(const HalfSpectrum& h, const float* HWY_RESTRICT z, float* HWY_RESTRICT x) {
  const Index M = h.half();
  ForEachPair(M, [&](auto d, Index k) {
    const Index mirror = M - k - static_cast<Index>(hn::Lanes(d)) + 1;
    const auto b = RealBins(d, h, z, k, mirror);
    hn::StoreInterleaved2(b.re, b.im, d, x + 2 * k);
    hn::StoreInterleaved2(hn::Reverse(d, b.mirror_re), hn::Reverse(d, b.mirror_im), d, x + 2 * mirror);
  });
  x[0] = z[0] + z[1];
  x[2 * M] = z[0] - z[1];
  x[1] = x[2 * M + 1] = 0.0f;
}

template <class Tag, class V = hn::Vec<Tag>>
HWY_INLINE V Power(Tag d, V re, V im, float epsilon, bool root) {
  const V power = hn::MulAdd(re, re, hn::MulAdd(im, im, hn::Set(d, epsilon)));
  return root ? hn::Sqrt(power) : power;
}

void Powers(const HalfSpectrum& h, const float* HWY_RESTRICT z, Index bins, float epsilon, bool root,
            float* HWY_RESTRICT power) {
  const Index M = h.half();
  ForEachPair(M, [&](auto d, Index k) {
    const Index mirror = M - k - static_cast<Index>(hn::Lanes(d)) + 1;
    const auto b = RealBins(d, h, z, k, mirror);
    if (k < bins) hn::StoreU(Power(d, b.re, b.im, epsilon, root), d, power + k);
    if (mirror < bins)
      hn::StoreU(hn::Reverse(d, Power(d, b.mirror_re, b.mirror_im, epsilon, root)), d, power + mirror);
  });
  const hn::CappedTag<float, 1> one;
  const auto zero = hn::Zero(one);
  hn::StoreU(Power(one, hn::Set(one, z[0] + z[1]), zero, epsilon, root), one, power);
  hn::StoreU(Power(one, hn::Set(one, z[0] - z[1]), zero, epsilon, root), one, power + M);
}

// 2·Z[k] = A + i·B and 2·Z[M−k] = A* + i·B*, where A = X[k] + X*[M−k] and B = (X[k] − X*[M−k])·w*.
void FromReal(const HalfSpectrum& h, const float* HWY_RESTRICT x, float* HWY_RESTRICT z) {
  const Index M = h.half();
  ForEachPair(M, [&](auto d, Index k) {
    const Index mirror = M - k - static_cast<Index>(hn::Lanes(d)) + 1;
    hn::Vec<decltype(d)> re, im, mirror_re, mirror_im;
    hn::LoadInterleaved2(d, x + 2 * k, re, im);
    hn::LoadInterleaved2(d, x + 2 * mirror, mirror_re, mirror_im);
    mirror_re = hn::Reverse(d, mirror_re);
    mirror_im = hn::Reverse(d, mirror_im);
    const auto sum_re = hn::Add(re, mirror_re), sum_im = hn::Sub(im, mirror_im);
    const auto difference_re = hn::Sub(re, mirror_re), difference_im = hn::Add(im, mirror_im);
    const auto c = hn::LoadU(d, h.cosines() + k), s = hn::LoadU(d, h.sines() + k);
    const auto b_re = hn::MulAdd(c, difference_re, hn::Mul(s, difference_im)),
               b_im = hn::MulSub(c, difference_im, hn::Mul(s, difference_re));
    hn::StoreInterleaved2(hn::Sub(sum_re, b_im), hn::Add(sum_im, b_re), d, z + 2 * k);
    hn::StoreInterleaved2(hn::Reverse(d, hn::Add(sum_re, b_im)), hn::Reverse(d, hn::Sub(b_re, sum_im)), d,
                          z + 2 * mirror);
  });
  z[0] = x[0] + x[2 * M];
  z[1] = x[0] - x[2 * M];
}

// With s = x[n] + x[−n] and d = x[n] − x[−n], bins k and −k are Σ cos·s ∓ i·Σ sin·d. Of real columns, two
// vectors of them take the places of real and imaginary parts.
void DftOfColumns(const ColumnDft& dft, const ColumnDft::Rows& in, Index columns, Index bins,
                  const ColumnDft::Rows& turns, float* HWY_RESTRICT out_re, float* HWY_RESTRICT out_im,
                  float* HWY_RESTRICT work) {
  const D d;
  const auto N = static_cast<Index>(hn::Lanes(d));
  const Index points = dft.points(), half = dft.half(), stride = ColumnDft::padded(columns);
  const bool real = !in.im;
  const auto store = [&](Index at, V re, V im) {
    if (turns.re) {
      const V c = hn::LoadU(d, turns.re + at), s = hn::LoadU(d, turns.im + at), plain = re;
      re = hn::MulSub(c, re, hn::Mul(s, im));
      im = hn::MulAdd(c, im, hn::Mul(s, plain));
    }
    hn::StoreU(re, d, out_re + at);
    hn::StoreU(im, d, out_im + at);
  };
  for (Index column = 0; column < columns; column += real ? 2 * N : N) {
    for (Index n = 0; n < half; ++n) {
      const Index up = n * in.stride + column, down = n == 0 ? up : (points - n) * in.stride + column;
      float* to = work + 4 * N * n;
      for (const float* x : {in.re, real ? in.re + N : in.im}) {
        const V a = hn::LoadU(d, x + up), b = hn::LoadU(d, x + down);
        hn::StoreU(up == down ? a : hn::Add(a, b), d, to);
        hn::StoreU(hn::Sub(a, b), d, to + N);
        to += 2 * N;
      }
    }
    for (Index first = 0; first < half; first += 2) {
      const Index k = std::min(first, half - 2);
      V s_sums[2][2], d_sums[2][2];
#pragma GCC unroll 2
      for (int r = 0; r < 2; ++r) s_sums[r][0] = s_sums[r][1] = d_sums[r][0] = d_sums[r][1] = hn::Zero(d);
      const float *from = work, *waves = dft.waves() + 2 * k * half;
      for (Index n = 0; n < half; ++n, from += 4 * N, waves += 2) {
#pragma GCC unroll 2
        for (int part = 0; part < 2; ++part) {
          // Loads are what limits the loop.
          V s = hn::LoadU(d, from + 2 * part * N), difference = hn::LoadU(d, from + (2 * part + 1) * N);
          KeepInRegister(s);
          KeepInRegister(difference);
#pragma GCC unroll 2
          for (int r = 0; r < 2; ++r) {
            s_sums[r][part] = hn::MulAdd(hn::Set(d, waves[2 * r * half]), s, s_sums[r][part]);
            d_sums[r][part] = hn::MulAdd(hn::Set(d, waves[2 * r * half + 1]), difference, d_sums[r][part]);
          }
        }
      }
#pragma GCC unroll 2
      for (int r = 0; r < 2; ++r) {
        const Index at = (k + r) * stride + column, mirror = points - k - r;
        const V *even = s_sums[r], *odd = d_sums[r];
        if (real) {
          store(at, even[0], hn::Neg(odd[0]));
          store(at + N, even[1], hn::Neg(odd[1]));
          continue;
        }
        store(at, hn::Add(even[0], odd[1]), hn::Sub(even[1], odd[0]));
        if (mirror < bins)
          store(mirror * stride + column, hn::Sub(even[0], odd[1]), hn::Add(even[1], odd[0]));
      }
    }
  }
}

void Transpose(const float* HWY_RESTRICT in, Index rows, Index columns, float* HWY_RESTRICT out) {
  const D d;
  const auto N = static_cast<Index>(hn::Lanes(d));
  const Index stride = ColumnDft::padded(columns), out_stride = ColumnDft::transposed(rows);
  HWY_ALIGN float block[4 * hn::MaxLanes(d)];
  for (Index n = 0; n < columns; n += N)
    for (Index k = 0; k < rows; k += 4) {
      const float* from = in + k * stride + n;
      hn::StoreInterleaved4(hn::LoadU(d, from), hn::LoadU(d, from + stride), hn::LoadU(d, from + 2 * stride),
                            hn::LoadU(d, from + 3 * stride), d, block);
      for (Index i = 0; i < N; ++i)
        std::memcpy(out + (n + i) * out_stride + k, block + 4 * i, 4 * sizeof(float));
    }
}

void PowerSpectrum(const float* HWY_RESTRICT x, Index bins, float epsilon, bool root,
                   float* HWY_RESTRICT out) {
  ForEach(bins, [&](auto d, Index i) {
    hn::Vec<decltype(d)> re, im;
    hn::LoadInterleaved2(d, x + 2 * i, re, im);
    hn::StoreU(Power(d, re, im, epsilon, root), d, out + i);
  });
}

using BandTag = hn::CappedTag<float, band_lanes>;
using BandSum = hn::Vec<BandTag>;

#if HWY_TARGET != HWY_SCALAR
// Σ_k w[k] · x[first + k] over whole vectors, in lanes.
HWY_INLINE BandSum LanesOfBand(const Band& band, const float* HWY_RESTRICT weights,
                               const float* HWY_RESTRICT x) {
  const BandTag d;
  const auto N = static_cast<Index>(hn::Lanes(d));
  const float *w = weights + band.weights, *v = x + band.first;
  auto sum = hn::Mul(hn::LoadU(d, w), hn::LoadU(d, v));
  for (Index k = N; k < band.size; k += N) sum = hn::MulAdd(hn::LoadU(d, w + k), hn::LoadU(d, v + k), sum);
  return sum;
}

// a0 + a1, b0 + b1 of each pair of lanes, in the order that SumsOfFour needs.
HWY_INLINE BandSum PairSums(BandSum a, BandSum b) {
  const BandTag d;
  return hn::Add(hn::InterleaveLower(d, a, b), hn::InterleaveUpper(d, a, b));
}

// The sums of the lanes of four vectors: adding each up alone takes twice as many shuffles.
template <class Tag>
HWY_INLINE void StoreSumsOfFour(Tag d, const hn::Vec<Tag> (&sums)[4], float* HWY_RESTRICT out) {
  const hn::Repartition<double, Tag> pairs;
  const auto low = hn::BitCast(pairs, PairSums(sums[0], sums[1])),
             high = hn::BitCast(pairs, PairSums(sums[2], sums[3]));
  const auto blocks = hn::Add(hn::BitCast(d, hn::InterleaveLower(pairs, low, high)),
                              hn::BitCast(d, hn::InterleaveUpper(pairs, low, high)));
  const hn::Full128<float> block;
  if constexpr (hn::MaxLanes(Tag()) == 8)
    hn::StoreU(hn::Add(hn::LowerHalf(block, blocks), hn::UpperHalf(block, blocks)), block, out);
  else
    hn::StoreU(blocks, block, out);
}
#endif

// Vectors may not reach beyond the bins.
HWY_NOINLINE float SumOfBand(const Band& band, const float* HWY_RESTRICT weights, const float* HWY_RESTRICT x,
                             Index bins) {
  const BandTag d;
  const auto N = static_cast<Index>(hn::Lanes(d));
  const float *w = weights + band.weights, *v = x + band.first;
  auto lanes = hn::Zero(d);
  Index k = 0;
  for (; k < band.size && band.first + k + N <= bins; k += N)
    lanes = hn::MulAdd(hn::LoadU(d, w + k), hn::LoadU(d, v + k), lanes);
  float sum = hn::GetLane(hn::SumOfLanes(d, lanes));
  for (; k < band.size; ++k) sum += w[k] * v[k];
  return sum;
}

void BandedSums(const Band* HWY_RESTRICT bands, Index count, const float* HWY_RESTRICT weights,
                const float* HWY_RESTRICT x, Index bins, float* HWY_RESTRICT out) {
  Index b = 0;
#if HWY_TARGET != HWY_SCALAR
  const auto whole = [&](const Band& band) {
    return band.size > 0 && band.first + (band.size + band_lanes - 1) / band_lanes * band_lanes <= bins;
  };
  for (; b + 4 <= count; b += 4) {
    const Band* const four = bands + b;
    if (!(whole(four[0]) && whole(four[1]) && whole(four[2]) && whole(four[3]))) {
      for (Index i = 0; i < 4; ++i) out[b + i] = SumOfBand(four[i], weights, x, bins);
      continue;
    }
    StoreSumsOfFour(BandTag(),
                    {LanesOfBand(four[0], weights, x), LanesOfBand(four[1], weights, x),
                     LanesOfBand(four[2], weights, x), LanesOfBand(four[3], weights, x)},
                    out + b);
  }
#endif
  for (; b < count; ++b) out[b] = SumOfBand(bands[b], weights, x, bins);
}

// As many neighbouring bins as a vector holds mostly lie within as many bands, from where they are permuted.
void MixNeighbours(const std::int32_t* HWY_RESTRICT first, const float* HWY_RESTRICT a,
                   const float* HWY_RESTRICT b, Index size, const float* HWY_RESTRICT x,
                   float* HWY_RESTRICT out) {
  ForEach(size, [&](auto d, Index i) {
    using Tag = decltype(d);
    const hn::RebindToSigned<Tag> di;
    constexpr auto N = static_cast<Index>(hn::MaxLanes(Tag()));
    const auto at = hn::LoadU(di, first + i);
    hn::Vec<Tag> lower, upper;
    if (first[i + N - 1] - first[i] < N) {
      const auto place = hn::IndicesFromVec(d, hn::Sub(at, hn::Set(di, first[i])));
      lower = hn::TableLookupLanes(hn::LoadU(d, x + first[i]), place);
      upper = hn::TableLookupLanes(hn::LoadU(d, x + first[i] + 1), place);
    } else {
      lower = hn::GatherIndex(d, x, at);
      upper = hn::GatherIndex(d, x + 1, at);
    }
    hn::StoreU(hn::MulAdd(hn::LoadU(d, a + i), lower, hn::Mul(hn::LoadU(d, b + i), upper)), d, out + i);
  });
}

void Compress(const Logarithm& l, const float* HWY_RESTRICT in, Index size, float* HWY_RESTRICT out) {
  ForEach(size, [&](auto d, Index i) {
    const auto x = hn::LoadU(d, in + i), floor = hn::Set(d, l.floor);
    const auto raised = hn::IfThenElse(hn::Lt(x, floor), floor, x);
    const auto finite = hn::Lt(raised, hn::Set(d, std::numeric_limits<float>::infinity()));
    const auto log = hn::IfThenElse(finite, hn::Log(d, raised), raised);
    const auto y = hn::MulAdd(hn::Set(d, l.scale), log, hn::Set(d, l.offset));
    const auto low = hn::Set(d, l.low), high = hn::Set(d, l.high);
    hn::StoreU(hn::IfThenElse(hn::Lt(y, low), low, hn::IfThenElse(hn::Gt(y, high), high, y)), d, out + i);
  });
}

SpectralError NextPhases(const float* HWY_RESTRICT magnitude, Index bins, float momentum,
                         const float* HWY_RESTRICT rebuilt, float* HWY_RESTRICT previous,
                         float* HWY_RESTRICT spectrum) {
  SpectralError error{0, 0};
  const D wide;
  auto difference = hn::Zero(wide), energy = hn::Zero(wide);
  ForEach(bins, [&](auto d, Index i) {
    hn::Vec<decltype(d)> r_re, r_im, p_re, p_im;
    hn::LoadInterleaved2(d, rebuilt + 2 * i, r_re, r_im);
    hn::LoadInterleaved2(d, previous + 2 * i, p_re, p_im);
    hn::StoreInterleaved2(r_re, r_im, d, previous + 2 * i);
    const auto m = hn::LoadU(d, magnitude + i), by = hn::Set(d, momentum);
    const auto re = hn::NegMulAdd(by, p_re, r_re), im = hn::NegMulAdd(by, p_im, r_im);
    const auto length = hn::Sqrt(hn::MulAdd(re, re, hn::Mul(im, im)));
    const auto factor = hn::Div(m, hn::Add(length, hn::Set(d, 1e-16f)));
    hn::StoreInterleaved2(hn::Mul(re, factor), hn::Mul(im, factor), d, spectrum + 2 * i);
    const auto off = hn::Sub(hn::Sqrt(hn::MulAdd(r_re, r_re, hn::Mul(r_im, r_im))), m);
    if constexpr (std::is_same_v<decltype(d), D>) {
      difference = hn::MulAdd(off, off, difference);
      energy = hn::MulAdd(m, m, energy);
    } else {
      error.difference += hn::GetLane(hn::Mul(off, off));
      error.energy += hn::GetLane(hn::Mul(m, m));
    }
  });
  error.difference += hn::GetLane(hn::SumOfLanes(wide, difference));
  error.energy += hn::GetLane(hn::SumOfLanes(wide, energy));
  return error;
}

}  // namespace wavestride::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <numbers>

namespace wavestride::kernels {

HWY_EXPORT(Multiply);
HWY_EXPORT(MultiplyBy);
HWY_EXPORT(MultiplyAdd);
HWY_EXPORT(Scale);
HWY_EXPORT(ToReal);
HWY_EXPORT(FromReal);
HWY_EXPORT(Powers);
HWY_EXPORT(DftOfColumns);
HWY_EXPORT(Transpose);
HWY_EXPORT(PowerSpectrum);
HWY_EXPORT(BandedSums);
HWY_EXPORT(MixNeighbours);
HWY_EXPORT(Compress);
HWY_EXPORT(NextPhases);

void multiply(const float* a, const float* b, Index size, float* out) noexcept {
  HWY_DYNAMIC_DISPATCH(Multiply)(a, b, size, out);
}

void multiply_by(const float* a, Index size, float* x) noexcept {
  HWY_DYNAMIC_DISPATCH(MultiplyBy)(a, size, x);
}

void multiply_add(const float* a, const float* b, Index size, float* sum) noexcept {
  HWY_DYNAMIC_DISPATCH(MultiplyAdd)(a, b, size, sum);
}

void scale(float a, const float* in, Index size, float* out) noexcept {
  HWY_DYNAMIC_DISPATCH(Scale)(a, in, size, out);
}

HalfSpectrum::HalfSpectrum(Index half) : half_(half) {
  for (Index k = 0; k < half; ++k) {
    const double angle = -std::numbers::pi * static_cast<double>(k) / static_cast<double>(half);
    cosines_.push_back(static_cast<float>(std::cos(angle)));
    sines_.push_back(static_cast<float>(std::sin(angle)));
  }
}

void HalfSpectrum::to_real(const float* z, float* x) const noexcept {
  HWY_DYNAMIC_DISPATCH(ToReal)(*this, z, x);
}

void HalfSpectrum::powers(const float* z, Index bins, float epsilon, bool root, float* power) const noexcept {
  HWY_DYNAMIC_DISPATCH(Powers)(*this, z, bins, epsilon, root, power);
}

void HalfSpectrum::from_real(const float* x, float* z) const noexcept {
  HWY_DYNAMIC_DISPATCH(FromReal)(*this, x, z);
}

ColumnDft::ColumnDft(Index points) : points_(points) {
  waves_.resize(static_cast<std::size_t>(2 * half() * half()));
  float* to = waves_.data();
  for (Index k = 0; k < half(); ++k)
    for (Index n = 0; n < half(); ++n) {
      const double angle =
          2 * std::numbers::pi * static_cast<double>(k * n % points) / static_cast<double>(points);
      *to++ = static_cast<float>(std::cos(angle));
      *to++ = static_cast<float>(std::sin(angle));
    }
}

void ColumnDft::operator()(const Rows& in, Index columns, Index bins, const Rows& turns, float* out_re,
                           float* out_im, float* work) const noexcept {
  HWY_DYNAMIC_DISPATCH(DftOfColumns)(*this, in, columns, bins, turns, out_re, out_im, work);
}

void ColumnDft::transpose(const float* in, Index rows, Index columns, float* out) noexcept {
  HWY_DYNAMIC_DISPATCH(Transpose)(in, rows, columns, out);
}

void power_spectrum(const float* x, Index bins, float epsilon, bool root, float* out) noexcept {
  HWY_DYNAMIC_DISPATCH(PowerSpectrum)(x, bins, epsilon, root, out);
}

void magnitudes(const float* x, Index bins, float epsilon, double power, float* out) noexcept {
  power_spectrum(x, bins, epsilon, power == 1, out);
  finish_magnitudes(power, bins, out);
}

void finish_magnitudes(double power, Index bins, float* out) noexcept {
  if (power != 1 && power != 2)
    for (Index i = 0; i < bins; ++i) out[i] = std::pow(out[i], static_cast<float>(power / 2));
}

void banded_sums(const Band* bands, Index count, const float* weights, const float* x, Index bins,
                 float* out) noexcept {
  HWY_DYNAMIC_DISPATCH(BandedSums)(bands, count, weights, x, bins, out);
}

void mix_neighbours(const std::int32_t* first, const float* a, const float* b, Index size, const float* x,
                    float* out) noexcept {
  HWY_DYNAMIC_DISPATCH(MixNeighbours)(first, a, b, size, x, out);
}

void compress(const Logarithm& l, const float* in, Index size, float* out) noexcept {
  HWY_DYNAMIC_DISPATCH(Compress)(l, in, size, out);
}

SpectralError next_phases(const float* magnitude, Index bins, float momentum, const float* rebuilt,
                          float* previous, float* spectrum) noexcept {
  return HWY_DYNAMIC_DISPATCH(NextPhases)(magnitude, bins, momentum, rebuilt, previous, spectrum);
}

}  // namespace wavestride::kernels
#endif
