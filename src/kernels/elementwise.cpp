#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/elementwise.cpp"
#include "kernels/elementwise.h"

#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// After foreach_target.h, which includes this file once per target.
#include <hwy/contrib/math/math-inl.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <numbers>
#include <type_traits>

#include "counter_random.h"
#include "kernels/finish-inl.h"
#include "kernels/store_part-inl.h"

HWY_BEFORE_NAMESPACE();
namespace wavestride::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::CappedTag<float, 16>;
using V = hn::Vec<D>;

// f(loads at i) for every i: whole vectors in place, the rest through a buffer.
template <class F>
HWY_INLINE void ForEach(Index size, float* out, F&& f) {
  const D d;
  const auto N = static_cast<Index>(hn::Lanes(d));
  Index i = 0;
  for (; i + N <= size; i += N) hn::StoreU(f(i, [&](const float* p) { return hn::LoadU(d, p); }), d, out + i);
  if (i == size) return;
  const auto partial = [&](const float* p) {
    HWY_ALIGN float lanes[16] = {};
    std::copy_n(p, size - i, lanes);
    return hn::Load(d, lanes);
  };
  HWY_ALIGN float lanes[16];
  hn::Store(f(i, partial), d, lanes);
  std::copy_n(lanes, size - i, out + i);
}

// body(from, to) for every whole vector of `in`, and for the rest of it in a buffer. `body` appears once,
// since some of them are long.
template <class F>
HWY_INLINE void InVectors(Index lanes, const float* in, Index size, float* out, F&& body) {
  HWY_ALIGN float rest[16] = {};
  const Index whole = size - size % lanes;
  const float* from = in;
  float* to = out;
  for (Index end = whole;; end = lanes) {
    for (Index i = 0; i < end; i += lanes) body(from + i, to + i);
    if (to == rest) break;
    if (whole == size) return;
    std::copy_n(in + whole, size - whole, rest);
    from = to = rest;
  }
  std::copy_n(rest, size - whole, out + whole);
}

// Highway's functions do not keep NaN, and wrap beyond the range of float.
HWY_INLINE V KeepNaN(V x, V y) {
  return hn::IfThenElse(hn::IsNaN(x), x, y);
}

// e^x = 2^n·(1 + p): n is x/ln 2 rounded, in the lower bits of a large number, and p a polynomial of what is
// left, that of the least relative error (1.4e-8) up to ln 2/2.
HWY_INLINE V Shifted(D d, V x) {
  return hn::MulAdd(x, hn::Set(d, 1.44269504f), hn::Set(d, 0x1.8p23f + 127));
}
HWY_INLINE V Reduced(D d, V x, V shifted) {
  const V n = hn::Sub(shifted, hn::Set(d, 0x1.8p23f + 127));
  return hn::NegMulAdd(n, hn::Set(d, -2.12194440e-4f), hn::NegMulAdd(n, hn::Set(d, 0.693359375f), x));
}
HWY_INLINE V PowerLessOne(D d, V r) {
  V q = hn::Set(d, 0.0013882513158f);
  for (const float c : {0.0083665475249f, 0.0416672006249f, 0.1666654348374f, 0.4999999701977f})
    q = hn::MulAdd(q, r, hn::Set(d, c));
  return hn::MulAdd(hn::Mul(r, r), q, r);
}

// The two where |x| is at most 87.
struct Power {
  V scale, p;
};
HWY_INLINE V Scale(D d, V shifted) {
  return hn::BitCast(d, hn::ShiftLeft<23>(hn::BitCast(hn::RebindToUnsigned<D>(), shifted)));
}
HWY_INLINE Power PowerOf(D d, V x) {
  const V shifted = Shifted(d, x);
  return {Scale(d, shifted), PowerLessOne(d, Reduced(d, x, shifted))};
}

// e^x of every x, by two scales, which end in infinity and in the smallest of floats.
HWY_INLINE V Exp(D d, V x) {
  const hn::RebindToUnsigned<D> bits;
  x = hn::Min(hn::Max(x, hn::Set(d, -105.0f)), hn::Set(d, 89.0f));
  const V shifted = Shifted(d, x), p = PowerLessOne(d, Reduced(d, x, shifted));
  const auto both = hn::Sub(hn::BitCast(bits, shifted), hn::Set(bits, 0x4B400000u - 127)),
             half = hn::ShiftRight<1>(both);
  const V scale = hn::BitCast(d, hn::ShiftLeft<23>(half));
  return hn::Mul(hn::MulAdd(scale, p, scale), hn::BitCast(d, hn::ShiftLeft<23>(hn::Sub(both, half))));
}

// factor·sigmoid(x): numerator and denominator are sums of positive terms, so that nothing cancels at either
// end.
HWY_INLINE V TimesSigmoid(D d, V factor, V x) {
  const V one = hn::Set(d, 1.0f), e = Exp(d, hn::Neg(hn::Abs(x)));
  return hn::Div(hn::IfThenElse(hn::Ge(x, hn::Zero(d)), factor, hn::Mul(factor, e)), hn::Add(one, e));
}

HWY_INLINE V Tanh(D d, V x) {
  return hn::Tanh(d, x);
}

// tanh(x)·sigmoid(y) by one division: tanh|x| = t/(t + 2), t = e^(2|x|) − 1, is 1 from |x| = 20 on.
HWY_INLINE V Gate(D d, V x, V y) {
  const V one = hn::Set(d, 1.0f);
  const Power a = PowerOf(d, hn::Min(hn::Abs(hn::Add(x, x)), hn::Set(d, 40.0f))),
              b = PowerOf(d, hn::Max(hn::Neg(hn::Abs(y)), hn::Set(d, -87.0f)));
  const V t = hn::MulAdd(a.scale, a.p, hn::Sub(a.scale, one));
  const V e = hn::IfThenElseZero(hn::Le(hn::Abs(y), hn::Set(d, 87.0f)), hn::MulAdd(b.scale, b.p, b.scale));
  const V above = hn::Mul(t, hn::IfThenElse(hn::Ge(y, hn::Zero(d)), one, e));
  return hn::CopySign(hn::Div(above, hn::Mul(hn::Add(t, hn::Set(d, 2.0f)), hn::Add(one, e))), x);
}

// x > 0 ? above·x : below·(e^(by·x) − 1)
HWY_INLINE V Elu(D d, V x, V above, V below, V by) {
  const Power e = PowerOf(d, hn::Max(hn::Min(hn::Mul(by, x), hn::Zero(d)), hn::Set(d, -87.0f)));
  const V less_one = hn::MulAdd(e.scale, e.p, hn::Sub(e.scale, hn::Set(d, 1.0f)));
  return hn::IfThenElse(hn::Gt(x, hn::Zero(d)), hn::Mul(above, x), hn::Mul(below, less_one));
}

// x·sigmoid(√(8/π)·(x + 0.044715·x³))
HWY_INLINE V GeluByTanh(D d, V x) {
  const V square = hn::Mul(x, x);
  return TimesSigmoid(
      d, x, hn::Mul(x, hn::MulAdd(hn::Set(d, 0.0713548162726f), square, hn::Set(d, 1.59576912161f))));
}

// tanh(ln(1 + e)) = n/(n + 2), n = e·(e + 2), is 1 from e = e²⁰ on.
HWY_INLINE V Mish(D d, V x) {
  const V two = hn::Set(d, 2.0f), e = Exp(d, hn::Min(x, hn::Set(d, 20.0f))), n = hn::Mul(e, hn::Add(e, two));
  return hn::Mul(x, hn::Div(n, hn::Add(n, two)));
}

// x − sign(x)·less where |x| is above `bound`, else 0.
HWY_INLINE V Shrink(V x, V bound, V less) {
  return hn::IfThenElseZero(hn::Gt(hn::Abs(x), bound), hn::Sub(x, hn::CopySign(less, x)));
}

// Q(u) = 1 − Φ(u) = exp(−u²/2)·R(u), u ≥ 0, where R(u) = erfcx(u/√2)/2 is smooth and, as a polynomial of
// t = 1/(1 + 0.35·u), within 3e-8 of its value up to u = 14.5; from u = 13.19 on Q is less than 1e-39, here
// 0. The rounding error of u² is carried along, since exp would magnify it.
HWY_INLINE V Gelu(D d, V x) {
  constexpr float r[] = {-1.4536680564164504e-06f, 0.13965357341738338f, 0.13956173648093276f,
                         0.12138469380772786f,     0.100595499376855f,   -0.013205350029054314f,
                         0.14641281184745503f,     -0.2455473890689345f, 0.13941196334485884f,
                         -0.028266099396536095f};
  const V one = hn::Set(d, 1.0f), half = hn::Set(d, -0.5f), most = hn::Set(d, 13.19f);
  const V u = hn::Min(hn::Abs(x), most);
  const V t = hn::Div(one, hn::MulAdd(hn::Set(d, 0.35f), u, one));
  V p = hn::Set(d, r[9]);
  for (int i = 8; i >= 0; --i) p = hn::MulAdd(p, t, hn::Set(d, r[i]));
  const hn::RebindToUnsigned<D> du;
  const V high = hn::BitCast(d, hn::And(hn::BitCast(du, u), hn::Set(du, 0xFFFFF000u))),
          low = hn::Sub(u, high);
  const V square = hn::Mul(half, hn::Mul(high, high)), rest = hn::Mul(half, hn::Mul(low, hn::Add(u, high)));
  const V shifted = Shifted(d, hn::Add(square, rest)), scale = Scale(d, shifted);
  const V less_one = PowerLessOne(d, hn::Add(Reduced(d, square, shifted), rest));
  const V q = hn::IfThenElseZero(hn::Lt(u, most), hn::Mul(hn::MulAdd(scale, less_one, scale), p));
  const V below = hn::Mul(x, q), above = hn::NegMulAdd(x, q, x);
  return hn::IfThenElse(hn::Lt(x, hn::Zero(d)), below, hn::IfThenElse(hn::Eq(q, hn::Zero(d)), x, above));
}

// Highway reduces arguments up to 39000; beyond, each lane by itself.
template <class F>
HWY_INLINE V Periodic(D d, V x, V y, F&& scalar) {
  const auto far = hn::Not(hn::Lt(hn::Abs(x), hn::Set(d, 39000.0f)));
  if (HWY_LIKELY(hn::AllFalse(d, far))) return y;
  HWY_ALIGN float lanes[16] = {};
  hn::Store(x, d, lanes);
  for (float& lane : lanes) lane = scalar(lane);
  return hn::IfThenElse(far, hn::Load(d, lanes), y);
}

// Of whole vectors.
HWY_NOINLINE void MapVectors(Function f, float a, float b, const float* in, Index size, float* out) {
  const D d;
  const V va = hn::Set(d, a), vb = hn::Set(d, b), zero = hn::Zero(d);
  const auto each = [&](auto&& g) {
    for (Index i = 0; i < size; i += static_cast<Index>(hn::Lanes(d))) {
      const V x = hn::LoadU(d, in + i);
      hn::StoreU(KeepNaN(x, g(x)), d, out + i);
    }
  };
  switch (f) {
    case Function::relu:
      return each([&](V x) { return hn::Max(x, zero); });
    case Function::leaky_relu:
      return each([&](V x) { return Sloped(d, x, va); });
    case Function::elu:
    case Function::celu: {
      const bool scaled = f == Function::celu;
      const V above = scaled ? hn::Set(d, 1.0f) : vb, by = hn::Set(d, scaled ? 1 / a : 1.0f);
      return each([&](V x) { return Elu(d, x, above, va, by); });
    }
    case Function::tanh:
      return each([&](V x) { return Tanh(d, x); });
    case Function::sigmoid:
    case Function::silu: {
      const auto times_x = hn::Ne(hn::Set(d, f == Function::silu ? 1.0f : 0.0f), zero);
      return each([&](V x) { return TimesSigmoid(d, hn::IfThenElse(times_x, x, hn::Set(d, 1.0f)), x); });
    }
    case Function::gelu:
      return each([&](V x) { return Gelu(d, x); });
    case Function::gelu_tanh:
      return each([&](V x) { return GeluByTanh(d, x); });
    case Function::mish:
      return each([&](V x) { return Mish(d, x); });
    case Function::softplus:  // of others, below
      return;
    case Function::softsign:
      return each([&](V x) { return hn::Div(x, hn::Add(hn::Set(d, 1.0f), hn::Abs(x))); });
    case Function::hardsigmoid:
    case Function::hardswish: {
      const auto times_x = hn::Ne(hn::Set(d, f == Function::hardswish ? 1.0f : 0.0f), zero);
      const V one = hn::Set(d, 1.0f), three = hn::Set(d, 3.0f), six = hn::Set(d, 6.0f);
      return each([&](V x) {
        const V gate = hn::Div(hn::Min(hn::Max(hn::Add(x, three), zero), six), six);
        return hn::Mul(gate, hn::IfThenElse(times_x, x, one));
      });
    }
    case Function::shrink:
      return each([&](V x) { return Shrink(x, va, vb); });
    case Function::exp:
      return each([&](V x) { return Exp(d, x); });
    case Function::log: {
      const V infinity = hn::Set(d, std::numeric_limits<float>::infinity()), nan = hn::Set(d, std::nanf(""));
      return each([&](V x) {
        const V y = hn::IfThenElse(hn::Lt(x, infinity), hn::Log(d, x), x);
        const V beyond = hn::IfThenElse(hn::Eq(x, zero), hn::Neg(infinity), nan);
        return hn::IfThenElse(hn::Gt(x, zero), y, beyond);
      });
    }
    case Function::sqrt:
      return each([&](V x) { return hn::Sqrt(x); });
    case Function::abs:
      return each([&](V x) { return hn::Abs(x); });
    case Function::sin:
      return each([&](V x) { return Periodic(d, x, hn::Sin(d, x), [](float v) { return std::sin(v); }); });
    case Function::cos:
      return each([&](V x) { return Periodic(d, x, hn::Cos(d, x), [](float v) { return std::cos(v); }); });
    case Function::clip:
      return each([&](V x) { return hn::Min(hn::Max(x, va), vb); });
    case Function::scale:
      return each([&](V x) { return hn::Mul(va, x); });
  }
}

void Map(Function f, float a, float b, const float* in, Index size, float* out) {
  const auto N = static_cast<Index>(hn::Lanes(D()));
  const Index rest = size % N, whole = size - rest;
  MapVectors(f, a, b, in, whole, out);
  if (rest == 0) return;
  HWY_ALIGN float lanes[16] = {};
  std::copy_n(in + whole, rest, lanes);
  MapVectors(f, a, b, lanes, N, lanes);
  std::copy_n(lanes, rest, out + whole);
}

void Sum(std::span<const float* const> in, float scale, Index size, float* out) {
  const V factor = hn::Set(D(), scale);
  ForEach(size, out, [&](Index i, auto&& load) {
    V sum = load(in[0] + i);
    for (std::size_t k = 1; k < in.size(); ++k) sum = hn::Add(sum, load(in[k] + i));
    return scale == 1 ? sum : hn::Mul(sum, factor);
  });
}

void Product(std::span<const float* const> in, Index size, float* out) {
  ForEach(size, out, [&](Index i, auto&& load) {
    V product = load(in[0] + i);
    for (std::size_t k = 1; k < in.size(); ++k) product = hn::Mul(product, load(in[k] + i));
    return product;
  });
}

// Of as many values as fill whole vectors; `linear`, without the tanh. `out` may be `a`.
template <bool linear>
HWY_NOINLINE void Gates(const float* a, const float* b, Index size, float* out) {
  const D d;
  for (Index i = 0; i < size; i += static_cast<Index>(hn::Lanes(d))) {
    const V x = hn::LoadU(d, a + i), y = hn::LoadU(d, b + i);
    if constexpr (linear)
      hn::StoreU(hn::Mul(x, KeepNaN(y, TimesSigmoid(d, hn::Set(d, 1.0f), y))), d, out + i);
    else
      hn::StoreU(KeepNaN(x, KeepNaN(y, Gate(d, x, y))), d, out + i);
  }
}

// The first and the second halves of frames, of which a vector holds a whole number. Returns how many frames:
// all that fill two vectors.
HWY_NOINLINE Index PartHalves(const float* HWY_RESTRICT in, Index channels, Index frames,
                              float* HWY_RESTRICT a, float* HWY_RESTRICT b) {
  const D d;
  const auto N = static_cast<Index>(hn::Lanes(d));
  if (N % (2 * channels) != 0) return 0;
  HWY_ALIGN std::int32_t first[16] = {}, second[16] = {};
  for (Index i = 0; i < N; ++i) {
    const Index at = i % (N / 2), from = at / channels * 2 * channels + at % channels;
    first[i] = static_cast<std::int32_t>(from);
    second[i] = static_cast<std::int32_t>(from + channels);
  }
  const auto to_a = hn::SetTableIndices(d, first), to_b = hn::SetTableIndices(d, second);
  const auto lower = hn::FirstN(d, static_cast<std::size_t>(N / 2));
  const Index together = N / channels, end = frames / together * together;
  for (Index n = 0; n < end; n += together, in += 2 * N, a += N, b += N) {
    const V v = hn::LoadU(d, in), w = hn::LoadU(d, in + N);
    hn::StoreU(hn::IfThenElse(lower, hn::TableLookupLanes(v, to_a), hn::TableLookupLanes(w, to_a)), d, a);
    hn::StoreU(hn::IfThenElse(lower, hn::TableLookupLanes(v, to_b), hn::TableLookupLanes(w, to_b)), d, b);
  }
  return end;
}

// Frames that are no whole number of vectors are gathered first: those that fill a buffer, or, of long ones,
// what their vectors leave.
template <bool linear>
HWY_INLINE void GateFrames(const float* HWY_RESTRICT in, Index channels, Index frames,
                           float* HWY_RESTRICT out) {
  constexpr Index most = 256;
  const auto N = static_cast<Index>(hn::Lanes(D()));
  const Index left = channels % N, few = channels * 4 <= most ? channels : left;
  const Index size = left == 0 ? 0 : few, whole = channels - size;
  const Index at_once = size > 0 && whole == 0 ? most / channels : 1;
  HWY_ALIGN float a[most], b[most];
  for (Index j = 0; j < frames; j += at_once, in += 2 * channels * at_once, out += channels * at_once) {
    Gates<linear>(in, in + channels, whole, out);
    if (size == 0) continue;
    const Index some = std::min(at_once, frames - j), values = some * size;
    const Index parted = whole == 0 ? PartHalves(in, channels, some, a, b) : 0, at = parted * size;
    const float* const rest = in + parted * 2 * channels + whole;
    copy_frames(rest, 2 * channels, size, some - parted, a + at, size);
    copy_frames(rest + channels, 2 * channels, size, some - parted, b + at, size);
    Index end = values;
    for (; end % N != 0; ++end) a[end] = b[end] = 0;
    Gates<linear>(a, b, end, a);
    std::copy_n(a, values, out + whole);
  }
}

void Gated(const float* in, Index channels, Index frames, float* out) {
  GateFrames<false>(in, channels, frames, out);
}
void Glu(const float* in, Index channels, Index frames, float* out) {
  GateFrames<true>(in, channels, frames, out);
}

struct Moments {
  double sum = 0, squares = 0;
};

// Σ of x − near and of its square, over whole vectors and those lanes of `tail`: of few values each, which
// then add in double.
template <bool squared>
HWY_NOINLINE Moments MomentsAround(float near, const float* x, Index whole, V tail, hn::Mask<D> lanes) {
  constexpr Index most = 1024;
  const D d;
  const auto N = static_cast<Index>(hn::Lanes(d));
  const V mean = hn::Set(d, near);
  V value = hn::IfThenElseZero(lanes, hn::Sub(tail, mean));
  Moments total;
  do {
    V sum = value, squares = hn::Mul(value, value), other = hn::Zero(d), other_squares = other;
    const float* const end = x + std::min(whole, most);
    for (; x + N < end; x += 2 * N) {
      const V v = hn::Sub(hn::LoadU(d, x), mean), w = hn::Sub(hn::LoadU(d, x + N), mean);
      sum = hn::Add(sum, v);
      squares = hn::MulAdd(v, v, squares);
      other = hn::Add(other, w);
      other_squares = hn::MulAdd(w, w, other_squares);
    }
    if (x < end) {
      const V v = hn::Sub(hn::LoadU(d, x), mean);
      sum = hn::Add(sum, v);
      squares = hn::MulAdd(v, v, squares);
      x += N;
    }
    total.sum += static_cast<double>(hn::GetLane(hn::SumOfLanes(d, hn::Add(sum, other))));
    if constexpr (squared)
      total.squares += static_cast<double>(hn::GetLane(hn::SumOfLanes(d, hn::Add(squares, other_squares))));
    value = hn::Zero(d);
    whole -= most;
  } while (whole > 0);
  return total;
}

// A float may be far from a mean that is large beside the deviations. These are exact: what it lacks is their
// own mean.
void LayerNormFrames(const LayerNorm& norm, const float* in, Index channels, Index frames, float* out) {
  const D d;
  const auto N = static_cast<Index>(hn::Lanes(d));
  const Index rest = channels > N ? channels % N : channels, whole = channels - rest;
  const auto lanes = hn::FirstN(d, static_cast<std::size_t>(rest));
  const double each = 1 / static_cast<double>(channels);
  [[maybe_unused]] HWY_ALIGN float buffer[16] = {};
  for (Index j = 0; j < frames; ++j, in += channels, out += channels) {
    V tail;
    if constexpr (masked_stores) {
      tail = hn::MaskedLoad(lanes, d, in + whole);
    } else {
      std::copy_n(in + whole, rest, buffer);
      tail = hn::Load(d, buffer);
    }
    // What one vector holds takes less time than to call for it.
    const auto moments = [&](auto squared, float near) HWY_ATTR {
      if (whole > 0) return MomentsAround<squared()>(near, in, whole, tail, lanes);
      const V value = hn::IfThenElseZero(lanes, hn::Sub(tail, hn::Set(d, near)));
      Moments all{static_cast<double>(hn::GetLane(hn::SumOfLanes(d, value)))};
      if (squared()) all.squares = static_cast<double>(hn::GetLane(hn::SumOfLanes(d, hn::Mul(value, value))));
      return all;
    };
    const auto near = norm.centred ? static_cast<float>(moments(std::false_type(), 0).sum * each) : 0.0f;
    const Moments around = moments(std::true_type(), near);
    const double further = norm.centred ? around.sum * each : 0;
    const auto variance = static_cast<float>(around.squares * each - further * further);
    const V from = hn::Set(d, near), by = hn::Set(d, static_cast<float>(further)),
            scale = hn::Set(d, 1 / std::sqrt(std::max(variance, 0.0f) + norm.eps));
    const auto normal = [&](V x, Index c) HWY_ATTR {
      const V y = hn::Mul(hn::Sub(hn::Sub(x, from), by), scale);
      return hn::MulAdd(y, hn::LoadU(d, norm.weight + c), hn::LoadU(d, norm.bias + c));
    };
    for (Index c = 0; c < whole; c += N) hn::StoreU(normal(hn::LoadU(d, in + c), c), d, out + c);
    if (rest == 0) continue;
    if constexpr (masked_stores) {
      StorePart(d, normal(tail, whole), rest, out + whole);
    } else {
      hn::Store(normal(tail, whole), d, buffer);
      std::copy_n(buffer, rest, out + whole);
    }
  }
}

// Whole vectors of each run, of which the last may have values of the one before; of fewer values, each by
// itself.
void ScaleRuns(const float* HWY_RESTRICT gain, const float* HWY_RESTRICT bias, Index run,
               const float* HWY_RESTRICT in, Index size, float* HWY_RESTRICT out) {
  const auto each = [&](auto d, Index some) HWY_ATTR {
    const auto N = static_cast<Index>(hn::Lanes(d));
    for (Index from = 0; from < some; from += N) {
      const Index i = std::min(from, some - N);
      hn::StoreU(hn::MulAdd(hn::LoadU(d, in + i), hn::LoadU(d, gain + i), hn::LoadU(d, bias + i)), d,
                 out + i);
    }
  };
  for (; size > 0; size -= run, in += run, out += run) {
    const Index some = std::min(size, run);
    some < static_cast<Index>(hn::Lanes(D())) ? each(hn::CappedTag<float, 1>(), some) : each(D(), some);
  }
}

// x > 0 ? x : slope·x, of runs of slopes, behind which lie most_lanes more values. `out` may be `in`.
void SlopeRuns(const float* HWY_RESTRICT slopes, Index run, const float* in, Index size, float* out) {
  const D d;
  const auto N = static_cast<Index>(hn::Lanes(d));
  HWY_ALIGN float rest[16] = {};
  const auto make = [&](const float* from, Index i, float* to) HWY_ATTR {
    hn::StoreU(Sloped(d, hn::LoadU(d, from), hn::LoadU(d, slopes + i)), d, to);
  };
  for (; size > 0; size -= run, in += run, out += run) {
    const Index some = std::min(size, run);
    Index i = 0;
    for (; i + N <= some; i += N) make(in + i, i, out + i);
    if (i == some) continue;
    std::copy_n(in + i, some - i, rest);
    make(rest, i, rest);
    std::copy_n(rest, some - i, out + i);
  }
}

// The frames before `end`, the last first. Of few channels a vector holds some frames, and what it writes
// behind them is for the next.
void Flip(const float* HWY_RESTRICT end, Index channels, Index frames, float* HWY_RESTRICT out) {
  const D d;
  const auto N = static_cast<Index>(hn::Lanes(d));
  const float* from = end;
  if (channels < N) {
    const Index together = N / channels, step = together * channels;
    HWY_ALIGN std::int32_t lane[16] = {};
    for (Index i = 0; i < step; ++i)
      lane[i] = static_cast<std::int32_t>(N - (i / channels + 1) * channels + i % channels);
    const auto lanes = hn::SetTableIndices(d, lane);
    for (; frames * channels >= N; frames -= together, from -= step, out += step)
      hn::StoreU(hn::TableLookupLanes(hn::LoadU(d, from - N), lanes), d, out);
    for (; frames > 0; --frames) out = std::copy_n(from -= channels, channels, out);
    return;
  }
  // Backwards the processor foresees less.
  constexpr std::uintptr_t ahead_bytes = 4096, line_bytes = 64;
  for (; frames > 0; --frames, out += channels) {
    from -= channels;
    for (Index c = 0; c < channels; c += static_cast<Index>(line_bytes / sizeof *from))
      __builtin_prefetch(
          reinterpret_cast<const void*>(reinterpret_cast<std::uintptr_t>(from + c) - ahead_bytes));
    for (Index c = 0; c < channels; c += N) {
      const Index at = std::min(c, channels - N);
      hn::StoreU(hn::LoadU(d, from + at), d, out + at);
    }
  }
}

// Of one vector at least.
void CopyFrames(const float* HWY_RESTRICT in, Index in_step, Index size, Index frames,
                float* HWY_RESTRICT out, Index out_step) {
  const D d;
  const auto N = static_cast<Index>(hn::Lanes(d));
  for (Index j = 0; j < frames; ++j, in += in_step, out += out_step)
    for (Index i = 0; i < size; i += N) {
      const Index at = std::min(i, size - N);
      hn::StoreU(hn::LoadU(d, in + at), d, out + at);
    }
}

void Copy(const float* in, Index size, float* out) {
  const D d;
  const auto N = static_cast<Index>(hn::Lanes(d));
  Index i = 0;
  for (; i + 4 * N <= size; i += 4 * N) {
    const V a = hn::LoadU(d, in + i), b = hn::LoadU(d, in + i + N), c = hn::LoadU(d, in + i + 2 * N),
            e = hn::LoadU(d, in + i + 3 * N);
    hn::StoreU(a, d, out + i);
    hn::StoreU(b, d, out + i + N);
    hn::StoreU(c, d, out + i + 2 * N);
    hn::StoreU(e, d, out + i + 3 * N);
  }
  for (; i + N <= size; i += N) hn::StoreU(hn::LoadU(d, in + i), d, out + i);
  if (i < size) std::memmove(out + i, in + i, static_cast<std::size_t>(size - i) * sizeof(float));
}

// Whole cache lines, and what is before and behind them; longer vectors than these take longer where a cache
// has the line.
void CopyPastCaches(const float* HWY_RESTRICT in, Index size, float* HWY_RESTRICT out) {
  const hn::CappedTag<float, 8> d;
  constexpr Index line = 16;
  const auto N = static_cast<Index>(hn::Lanes(d));
  const auto misaligned = static_cast<Index>(reinterpret_cast<std::uintptr_t>(out) / sizeof *out % line);
  const Index before = std::min(size, (line - misaligned) % line);
  Index i = before;
  Copy(in, before, out);
  for (; i + line <= size; i += line)
    for (Index k = i; k < i + line; k += N) hn::Stream(hn::LoadU(d, in + k), d, out + k);
  Copy(in + i, size - i, out + i);
  hwy::FlushStream();
}

void WeightedSum(const float* HWY_RESTRICT w, const Index* HWY_RESTRICT offsets, Index terms, float bias,
                 const float* HWY_RESTRICT in, Index size, float* HWY_RESTRICT out) {
  const D d;
  ForEach(size, out, [&](Index i, auto&& load) {
    V sum = hn::Set(d, bias);
    for (Index t = 0; t < terms; ++t) sum = hn::MulAdd(hn::Set(d, w[t]), load(in + offsets[t] + i), sum);
    return sum;
  });
}

// Frames between the same two, of whole vectors of values; those of each lie `size` apart.
template <std::size_t count, class T>
HWY_INLINE void BlendVectors(T d, std::span<const Blend> frames, Index size, Index& i,
                             float* HWY_RESTRICT out) {
  const auto N = static_cast<Index>(hn::Lanes(d));
  const float *const a = frames[0].a, *const b = frames[0].b;
  const auto store = [&](std::size_t k, hn::Vec<T> v)
                         HWY_ATTR { hn::StoreU(v, d, out + static_cast<Index>(k) * size + i); };
  if (frames[0].weight == 0) {
    for (; i + N <= size; i += N) {
      const auto value = hn::LoadU(d, a + i);
#pragma GCC unroll 4
      for (std::size_t k = 0; k < count; ++k) store(k, value);
    }
    return;
  }
  hn::Vec<T> of_a[count], of_b[count];
#pragma GCC unroll 4
  for (std::size_t k = 0; k < count; ++k) {
    of_a[k] = hn::Set(d, 1.0f - frames[k].weight);
    of_b[k] = hn::Set(d, frames[k].weight);
  }
  for (; i + N <= size; i += N) {
    const auto x = hn::LoadU(d, a + i), y = hn::LoadU(d, b + i);
#pragma GCC unroll 4
    for (std::size_t k = 0; k < count; ++k) store(k, hn::MulAdd(of_b[k], y, hn::Mul(of_a[k], x)));
  }
}

// Two frames between the same two read these once; but not where they are one or two of the longest vectors,
// which takes less time than to see whether they are.
void BlendFrames(std::span<const Blend> frames, Index size, float* HWY_RESTRICT out) {
  const auto alike = [](const Blend& f, const Blend& g) {
    return f.a == g.a && f.b == g.b && (f.weight == 0) == (g.weight == 0);
  };
  const auto next = [&](auto count) HWY_ATTR {
    Index i = 0;
    BlendVectors<count>(D(), frames, size, i, out);
    BlendVectors<count>(hn::CappedTag<float, 1>(), frames, size, i, out);
    frames = frames.subspan(count);
    out += static_cast<Index>(count) * size;
  };
  const bool wide = hn::MaxLanes(D()) < 16 || size > 32;
  while (!frames.empty())
    if (wide && frames.size() > 1 && alike(frames[0], frames[1]))
      next(std::integral_constant<std::size_t, 2>());
    else
      next(std::integral_constant<std::size_t, 1>());
}

// Of whole vectors, of which the last may have values of the one before.
template <class T>
HWY_NOINLINE void BlendAll(T d, const float* HWY_RESTRICT in, Index size, Index steps,
                           std::span<const float> weights, float* HWY_RESTRICT out) {
  const auto N = static_cast<Index>(hn::Lanes(d));
  const Index next = std::all_of(weights.begin(), weights.end(), [](float w) { return w == 0; }) ? 0 : size;
  const Index out_step = size * static_cast<Index>(weights.size());
#pragma GCC unroll 1
  for (; steps > 0; --steps, in += size, out += out_step)
#pragma GCC unroll 1
    for (Index from = 0; from < size; from += N) {
      const Index i = std::min(from, size - N);
      const auto a = hn::LoadU(d, in + i), b = hn::LoadU(d, in + next + i);
      float* to = out + i;
#pragma GCC unroll 1
      for (const float weight : weights) {
        const auto w = hn::Set(d, weight);
        const auto between = hn::MulAdd(w, b, hn::Mul(hn::Sub(hn::Set(d, 1.0f), w), a));
        hn::StoreU(hn::IfThenElse(hn::Eq(w, hn::Zero(d)), a, between), d, to);
        to += size;
      }
    }
}

void BlendSteps(const float* in, Index size, Index steps, std::span<const float> weights, float* out) {
  using Short = hn::CappedTag<float, fewest_stepped>;
  size < static_cast<Index>(hn::Lanes(D())) ? BlendAll(Short(), in, size, steps, weights, out)
                                            : BlendAll(D(), in, size, steps, weights, out);
}

void FinishSums(const Finish& f, Index size, float* sums) {
  FinishRows<D>(f, 1, size, sums, size);
}

using D64 = hn::CappedTag<double, 8>;
using V64 = hn::Vec<D64>;
using Narrow = hn::Rebind<float, D64>;

template <std::size_t n>
HWY_INLINE V64 Polynomial(V64 x, const double (&c)[n]) {
  V64 sum = hn::Set(D64(), c[n - 1]);
  for (std::size_t i = n - 1; i-- > 0;) sum = hn::MulAdd(sum, x, hn::Set(D64(), c[i]));
  return sum;
}

// ln(1 + x) of finite x > −1: 1 + x = (1 + f)·2^k, where 1 + f is √½ to √2, and ln(1 + f) = 2·artanh(f/(2 +
// f)), the polynomial of which is within 2e-16 of it. Where k is 0, f is x as it came.
HWY_INLINE V64 Log1p(V64 x) {
  const D64 d;
  const hn::RebindToUnsigned<D64> bits;
  constexpr std::uint64_t one = 0x3FF0000000000000, root_half = 0x3FE6A09E00000000;
  const auto sum = hn::Add(hn::BitCast(bits, hn::Add(hn::Set(d, 1.0), x)), hn::Set(bits, one - root_half));
  const V64 k =
      hn::Sub(hn::BitCast(d, hn::Or(hn::ShiftRight<52>(sum), hn::BitCast(bits, hn::Set(d, 0x1p52)))),
              hn::Set(d, 0x1p52 + 1023));
  const auto m = hn::Add(hn::And(sum, hn::Set(bits, 0xFFFFFFFFFFFFF)), hn::Set(bits, root_half));
  const V64 f = hn::IfThenElse(hn::Eq(k, hn::Zero(d)), x, hn::Sub(hn::BitCast(d, m), hn::Set(d, 1.0)));
  const V64 s = hn::Div(f, hn::Add(f, hn::Set(d, 2.0)));
  const V64 p = Polynomial(hn::Mul(s, s), {2.0, 0.6666666666658723, 0.4000000005227228, 0.28571417129112985,
                                           0.22223371805226264, 0.1812363710252449, 0.1681990262664369});
  return hn::MulAdd(k, hn::Set(d, std::numbers::ln2), hn::Mul(s, p));
}

// e^x − 1, 0 ≤ x ≤ 700, as PowerOf() has it, within 2e-15.
HWY_INLINE V64 Expm1(V64 x) {
  const D64 d;
  const hn::RebindToUnsigned<D64> bits;
  const V64 large = hn::Set(d, 0x1.8p52 + 1023),
            shifted = hn::MulAdd(x, hn::Set(d, std::numbers::log2e), large);
  const V64 n = hn::Sub(shifted, large);
  const V64 r = hn::NegMulAdd(n, hn::Set(d, 1.90821492927058770002e-10),
                              hn::NegMulAdd(n, hn::Set(d, 6.93147180369123816490e-01), x));
  const V64 q = Polynomial(r, {0.5000000000000008, 0.16666666666630298, 0.04166666666654209,
                               0.00833333336278812, 0.001388888894337826, 0.0001984119574768529,
                               2.4801491276067297e-05, 2.763073610127938e-06, 2.763142609779384e-07});
  const V64 scale = hn::BitCast(d, hn::ShiftLeft<52>(hn::BitCast(bits, shifted)));
  return hn::MulAdd(scale, hn::MulAdd(hn::Mul(r, r), q, r), hn::Sub(scale, hn::Set(d, 1.0)));
}

// Halves are narrowed, so that it is a sum of floats that ends in infinity.
void MuLaw(bool expand, double mu, double log, const float* in, Index size, float* out) {
  const D64 d;
  const Narrow narrow;
  const auto each = [&](auto&& half) {
    InVectors(static_cast<Index>(hn::Lanes(d)), in, size, out, [&](const float* from, float* to) {
      const auto x = hn::LoadU(narrow, from), size_of_x = hn::Abs(x);
      const auto y = hn::DemoteTo(narrow, half(hn::PromoteTo(d, size_of_x)));
      const auto finite = hn::Lt(size_of_x, hn::Set(narrow, std::numeric_limits<float>::infinity()));
      hn::StoreU(hn::IfThenElse(finite, hn::CopySign(hn::Add(y, y), x), x), narrow, to);
    });
  };
  const V64 by = hn::Set(d, expand ? log : mu), half_by = hn::Set(d, 0.5 / (expand ? mu : log));
  if (expand)
    each([&](V64 x) { return hn::Mul(Expm1(hn::Min(hn::Mul(x, by), hn::Set(d, 700.0))), half_by); });
  else
    each([&](V64 x) { return hn::Mul(Log1p(hn::Mul(x, by)), half_by); });
}

// (max(u, 0) + ln(1 + e^−|u|))/beta, u = beta·x. The logarithm is that of MuLaw().
void Softplus(float beta, float threshold, const float* in, Index size, float* out) {
  const D d;
  const D64 wide;
  const Narrow narrow;
  const V by = hn::Set(d, beta), most = hn::Set(d, threshold);
  InVectors(static_cast<Index>(hn::Lanes(d)), in, size, out, [&](const float* from, float* to) HWY_ATTR {
    HWY_ALIGN float less[16];
    const V x = hn::LoadU(d, from), u = hn::Mul(by, x);
    hn::Store(KeepNaN(u, Exp(d, hn::Neg(hn::Abs(u)))), d, less);
    for (std::size_t k = 0; k < hn::Lanes(d); k += hn::Lanes(wide)) {
      const V64 half = hn::Mul(Log1p(hn::PromoteTo(wide, hn::Load(narrow, less + k))), hn::Set(wide, 0.5));
      const auto y = hn::DemoteTo(narrow, half);
      hn::Store(hn::Add(y, y), narrow, less + k);
    }
    const V y = hn::Div(hn::Add(hn::Max(u, hn::Zero(d)), hn::Load(d, less)), by);
    hn::StoreU(KeepNaN(x, hn::IfThenElse(hn::Gt(u, most), x, y)), d, to);
  });
}

// counter_uniform() of counters that z has got to: SplitMix64.
HWY_INLINE V64 Uniform(hn::Vec<hn::RebindToUnsigned<D64>> z) {
  const D64 d;
  const hn::RebindToUnsigned<D64> bits;
  z = hn::Mul(hn::Xor(z, hn::ShiftRight<30>(z)), hn::Set(bits, 0xbf58476d1ce4e5b9u));
  z = hn::Mul(hn::Xor(z, hn::ShiftRight<27>(z)), hn::Set(bits, 0x94d049bb133111ebu));
  z = hn::ShiftRight<11>(hn::Xor(z, hn::ShiftRight<31>(z)));
  return hn::Mul(hn::ConvertTo(d, hn::BitCast(hn::RebindToSigned<D64>(), z)), hn::Set(d, 0x1p-53));
}

// cos(2πv) = sin(2πt), t = |v − ½| − ¼, whose polynomial is within 2e-16. Each step is made for many
// numbers at once, since all are long chains; of the uniform ones, half by the units for vectors and half by
// the others.
void Normal(std::uint64_t seed, std::uint64_t first, Index size, float* out) {
  constexpr Index most = 64;
  constexpr std::uint64_t golden = 0x9e3779b97f4a7c15;
  const D64 d;
  const hn::RebindToUnsigned<D64> bits;
  const Narrow narrow;
  const auto N = static_cast<Index>(hn::Lanes(d));
  const auto step = hn::Set(bits, 2 * golden * hn::Lanes(d));
  HWY_ALIGN std::uint64_t counters[8];
  for (std::uint64_t k = 0; k < hn::Lanes(d); ++k) counters[k] = seed + (2 * (first + k) + 1) * golden;
  auto z = hn::Load(bits, counters);
  HWY_ALIGN double u[most], v[most];
  HWY_ALIGN float made[most];
  for (Index i = 0; i < size; i += most) {
    const Index some = std::min(most, size - i);
#pragma GCC unroll 1
    for (Index k = 0; k < some; k += N, z = hn::Add(z, step)) {
      hn::Store(Uniform(z), d, u + k);
      for (Index q = k; q < k + N; ++q)
        v[q] = counter_uniform(seed, 2 * (first + static_cast<std::uint64_t>(i + q)) + 1);
    }
#pragma GCC unroll 1
    for (Index k = 0; k < some; k += N)
      hn::Store(hn::Mul(hn::Set(d, -2.0), Log1p(hn::Neg(hn::Load(d, u + k)))), d, u + k);
    float* const to = some == most ? out + i : made;
#pragma GCC unroll 1
    for (Index k = 0; k < some; k += N) {
      const V64 t = hn::Sub(hn::Abs(hn::Sub(hn::Load(d, v + k), hn::Set(d, 0.5))), hn::Set(d, 0.25));
      const V64 sine =
          hn::Mul(t, Polynomial(hn::Mul(t, t), {6.283185307179585, -41.34170224039802, 81.60524927551286,
                                                -76.70585968329284, 42.05868966743087, -15.09449947633629,
                                                3.8172886541807443, -0.6921569856570443}));
      hn::StoreU(hn::DemoteTo(narrow, hn::Mul(hn::Sqrt(hn::Load(d, u + k)), sine)), narrow, to + k);
    }
    if (to == made) std::copy_n(made, some, out + i);
  }
}

Index ShuffleLanes() {
  return static_cast<Index>(hn::Lanes(D()));
}

// Of one step after another, since what a vector holds behind its piece is made by the next.
Index ShuffleSteps(std::span<const Shuffle> pieces, const float* HWY_RESTRICT weights, Index next,
                   const float* HWY_RESTRICT in, Index in_step, Index steps, float* HWY_RESTRICT out,
                   Index out_step) {
  const D d;
  const hn::RebindToSigned<D> di;
  if (pieces.empty() || pieces[0].lanes != ShuffleLanes()) return 0;
  const Shuffle* const end = pieces.data() + pieces.size();
  const auto drawn = [&](const Shuffle* piece, Index behind) HWY_ATTR {
    return hn::TableLookupLanes(hn::LoadU(d, in + piece->from + behind), hn::SetTableIndices(d, piece->lane));
  };
  const auto between = [&](V a, V b, Index to) HWY_ATTR {
    const V w = hn::LoadU(d, weights + to);
    const V mixed = hn::MulAdd(w, b, hn::Mul(hn::Sub(hn::Set(d, 1.0f), w), a));
    return hn::IfThenElse(hn::Eq(w, hn::Zero(d)), a, mixed);
  };
  const auto each = [&](auto&& step) HWY_ATTR {
    for (Index j = 0; j < steps; ++j, in += in_step, out += out_step) step();
  };
  // Of several that make a vector, from each what is its own.
  const auto joined = [&](auto blended) HWY_ATTR {
    each([&]() HWY_ATTR {
      for (const Shuffle* piece = pieces.data(); piece != end;) {
        const Index to = piece->to;
        V a = drawn(piece, 0), b = decltype(blended)::value ? drawn(piece, next) : a;
        while (++piece != end && piece->more) {
          const auto mine = hn::MaskFromVec(hn::BitCast(d, hn::LoadU(di, piece->mine)));
          a = hn::IfThenElse(mine, drawn(piece, 0), a);
          if constexpr (decltype(blended)::value) b = hn::IfThenElse(mine, drawn(piece, next), b);
        }
        hn::StoreU(decltype(blended)::value ? between(a, b, to) : a, d, out + to);
      }
    });
  };
  if (std::any_of(pieces.begin(), pieces.end(), [](const Shuffle& piece) { return piece.more; }))
    weights == nullptr ? joined(std::false_type()) : joined(std::true_type());
  else if (weights == nullptr)
    each([&]() HWY_ATTR {
      for (const Shuffle& piece : pieces) hn::StoreU(drawn(&piece, 0), d, out + piece.to);
    });
  else
    each([&]() HWY_ATTR {
      for (const Shuffle& piece : pieces)
        hn::StoreU(between(drawn(&piece, 0), drawn(&piece, next), piece.to), d, out + piece.to);
    });
  return steps;
}

// Of the bits without the sign, those of what is not finite are the largest.
bool Finite(const float* HWY_RESTRICT x, Index size) {
  const D d;
  const hn::RebindToSigned<D> di;
  const auto N = static_cast<Index>(hn::Lanes(d));
  constexpr std::int32_t infinity = 0x7f800000;
  auto most = hn::Zero(di);
  Index i = 0;
  for (; i + N <= size; i += N) most = hn::Max(most, hn::BitCast(di, hn::Abs(hn::LoadU(d, x + i))));
  bool result = hn::AllTrue(di, hn::Lt(most, hn::Set(di, infinity)));
  for (; i < size; ++i) result = result && (std::bit_cast<std::int32_t>(x[i]) & 0x7fffffff) < infinity;
  return result;
}

}  // namespace wavestride::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace wavestride::kernels {

HWY_EXPORT(Map);
HWY_EXPORT(Sum);
HWY_EXPORT(Product);
HWY_EXPORT(Gated);
HWY_EXPORT(Glu);
HWY_EXPORT(LayerNormFrames);
HWY_EXPORT(ScaleRuns);
HWY_EXPORT(SlopeRuns);
HWY_EXPORT(Flip);
HWY_EXPORT(CopyFrames);
HWY_EXPORT(Copy);
HWY_EXPORT(CopyPastCaches);
HWY_EXPORT(WeightedSum);
HWY_EXPORT(BlendFrames);
HWY_EXPORT(BlendSteps);
HWY_EXPORT(FinishSums);
HWY_EXPORT(MuLaw);
HWY_EXPORT(Softplus);
HWY_EXPORT(Normal);
HWY_EXPORT(ShuffleLanes);
HWY_EXPORT(ShuffleSteps);
HWY_EXPORT(Finite);

void map(Function f, float a, float b, const float* in, Index size, float* out) noexcept {
  if (f == Function::softplus) return HWY_DYNAMIC_DISPATCH(Softplus)(a, b, in, size, out);
  HWY_DYNAMIC_DISPATCH(Map)(f, a, b, in, size, out);
}

void copy(const float* in, Index size, float* out) noexcept {
  // What no cache holds is better written past them, as the C library does.
  constexpr Index beyond_caches = 2 << 20;
  if (size > beyond_caches)
    std::memmove(out, in, static_cast<std::size_t>(size) * sizeof(float));
  else
    HWY_DYNAMIC_DISPATCH(Copy)(in, size, out);
}

void copy_past_caches(const float* in, Index size, float* out) noexcept {
  HWY_DYNAMIC_DISPATCH(CopyPastCaches)(in, size, out);
}

void sum(std::span<const float* const> in, float scale, Index size, float* out) noexcept {
  HWY_DYNAMIC_DISPATCH(Sum)(in, scale, size, out);
}

void product(std::span<const float* const> in, Index size, float* out) noexcept {
  HWY_DYNAMIC_DISPATCH(Product)(in, size, out);
}

void gated(const float* in, Index channels, Index frames, float* out) noexcept {
  HWY_DYNAMIC_DISPATCH(Gated)(in, channels, frames, out);
}

void glu(const float* in, Index channels, Index frames, float* out) noexcept {
  HWY_DYNAMIC_DISPATCH(Glu)(in, channels, frames, out);
}

void slope_runs(const float* slopes, Index run, const float* in, Index size, float* out) noexcept {
  HWY_DYNAMIC_DISPATCH(SlopeRuns)(slopes, run, in, size, out);
}

void flip(const float* end, Index channels, Index frames, float* out) noexcept {
  HWY_DYNAMIC_DISPATCH(Flip)(end, channels, frames, out);
}

void layer_norm(const LayerNorm& norm, const float* in, Index channels, Index frames, float* out) noexcept {
  HWY_DYNAMIC_DISPATCH(LayerNormFrames)(norm, in, channels, frames, out);
}

void scale_runs(const float* gain, const float* bias, Index run, const float* in, Index size,
                float* out) noexcept {
  HWY_DYNAMIC_DISPATCH(ScaleRuns)(gain, bias, run, in, size, out);
}

void weighted_sum(const float* w, const Index* offsets, Index terms, float bias, const float* in, Index size,
                  float* out) noexcept {
  HWY_DYNAMIC_DISPATCH(WeightedSum)(w, offsets, terms, bias, in, size, out);
}

void blend(std::span<const Blend> frames, Index size, float* out) noexcept {
  HWY_DYNAMIC_DISPATCH(BlendFrames)(frames, size, out);
}

void blend_steps(const float* in, Index size, Index steps, std::span<const float> weights,
                 float* out) noexcept {
  HWY_DYNAMIC_DISPATCH(BlendSteps)(in, size, steps, weights, out);
}

void finish(const Finish& f, Index size, float* sums) noexcept {
  if (!f.none()) HWY_DYNAMIC_DISPATCH(FinishSums)(f, size, sums);
}

void mu_law(bool expand, double mu, double log, const float* in, Index size, float* out) noexcept {
  HWY_DYNAMIC_DISPATCH(MuLaw)(expand, mu, log, in, size, out);
}

void normal(std::uint64_t seed, std::uint64_t first, Index size, float* out) noexcept {
  HWY_DYNAMIC_DISPATCH(Normal)(seed, first, size, out);
}

Index shuffle_lanes() noexcept {
  return HWY_DYNAMIC_DISPATCH(ShuffleLanes)();
}

Index shuffle(std::span<const Shuffle> pieces, const float* weights, Index next, const float* in,
              Index in_step, Index steps, float* out, Index out_step) noexcept {
  return HWY_DYNAMIC_DISPATCH(ShuffleSteps)(pieces, weights, next, in, in_step, steps, out, out_step);
}

// Copies of a size that the compiler knows are a few instructions, others a call each.
void copy_frames(const float* in, Index in_step, Index size, Index frames, float* out,
                 Index out_step) noexcept {
  const auto each = [&](auto copied) {
    for (Index j = 0; j < frames; ++j, in += in_step, out += out_step) copied();
  };
  const auto four = [&](Index i) { std::memcpy(out + i, in + i, 4 * sizeof(float)); };
  if (size == 1)
    each([&] { *out = *in; });
  else if (size == 2)
    each([&] { std::memcpy(out, in, 2 * sizeof(float)); });
  else if (size == 3)
    each([&] { std::memcpy(out, in, 3 * sizeof(float)); });
  else if (size < 16)
    each([&] {
      for (Index i = 0; i < size - 4; i += 4) four(i);
      four(size - 4);
    });
  else
    HWY_DYNAMIC_DISPATCH(CopyFrames)(in, in_step, size, frames, out, out_step);
}

bool finite(const float* x, Index size) noexcept {
  return HWY_DYNAMIC_DISPATCH(Finite)(x, size);
}

}  // namespace wavestride::kernels
#endif
