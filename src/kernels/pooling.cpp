#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/pooling.cpp"
#include "kernels/pooling.h"

#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "kernels/elementwise.h"
#include "kernels/narrow-inl.h"

HWY_BEFORE_NAMESPACE();
namespace wavestride::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class T>
using Tag = hn::CappedTag<T, 64 / sizeof(T)>;

// A vector of floats as numbers of the type of the tag.
template <class D>
HWY_INLINE hn::Vec<D> Widened(D d, const float* from) {
  if constexpr (std::is_same_v<hn::TFromD<D>, double>)
    return hn::PromoteTo(d, hn::LoadU(hn::Rebind<float, D>(), from));
  else
    return hn::LoadU(d, from);
}

// Fetches what windows a few kilobytes later read: taps are whole frames apart, an order that the processor
// does not guess.
template <class D>
HWY_INLINE void FetchAhead(D, const float* from) {
  constexpr std::uintptr_t ahead_bytes = 4096;
  if constexpr (hn::MaxLanes(D()) > 1)
    __builtin_prefetch(reinterpret_cast<const void*>(reinterpret_cast<std::uintptr_t>(from) + ahead_bytes));
}

// What is made of taps, in which type, and of how many vectors at a time: out = Last(Join(Join(none, tap 0),
// tap 1) …).
struct Maximum {
  using Type = float;
  static constexpr int vectors = 4;
  static constexpr bool any_order = true;
  static constexpr float none = -std::numeric_limits<float>::infinity();

  template <class D>
  HWY_INLINE hn::Vec<D> First(D, hn::Vec<D> v) const {
    return v;
  }
  // The larger one, the first of equal ones; NaN where either is.
  template <class V>
  HWY_INLINE V Join(V best, V v) const {
#if HWY_ARCH_X86 && HWY_TARGET != HWY_SCALAR
    const V larger = hn::Max(v, best);  // of NaN, by x86, the second
#else
    const V larger = hn::IfThenElse(hn::Gt(v, best), v, best);
#endif
    return hn::IfThenElse(hn::IsNaN(v), v, larger);
  }
  template <class D>
  HWY_INLINE hn::Vec<D> Last(D, hn::Vec<D> best) const {
    return best;
  }
};

// Where the maximum is, tap t at t·gap.
struct MaximumPlace {
  using Type = float;
  static constexpr int vectors = 1;
  static constexpr bool any_order = false;
  float gap;

  template <class V>
  struct Found {
    V best, at, now;
  };
  template <class D>
  HWY_INLINE Found<hn::Vec<D>> First(D d, hn::Vec<D> v) const {
    return {v, hn::Zero(d), hn::Zero(d)};
  }
  template <class V>
  HWY_INLINE Found<V> Join(const Found<V>& f, V v) const {
    const auto more = hn::Or(hn::Gt(v, f.best), hn::IsNaN(v));
    const V now = hn::Add(f.now, hn::Set(hn::DFromV<V>(), gap));
    return {hn::IfThenElse(more, v, f.best), hn::IfThenElse(more, now, f.at), now};
  }
  template <class D>
  HWY_INLINE hn::Vec<D> Last(D, const Found<hn::Vec<D>>& f) const {
    return f.at;
  }
};

struct Sum {
  using Type = float;
  static constexpr int vectors = 4;
  static constexpr bool any_order = false;
  static constexpr float none = 0.0f;
  float scale;

  template <class D>
  HWY_INLINE hn::Vec<D> First(D d, hn::Vec<D> v) const {
    return hn::Add(hn::Zero(d), v);
  }
  template <class V>
  HWY_INLINE V Join(V sum, V v) const {
    return hn::Add(sum, v);
  }
  template <class D>
  HWY_INLINE hn::Vec<D> Last(D d, hn::Vec<D> sum) const {
    return hn::Mul(sum, hn::Set(d, scale));
  }
};

struct Mean {
  using Type = double;
  static constexpr bool any_order = true;
  static constexpr float none = 0.0f;
  double divisor;

  template <class V>
  HWY_INLINE V Join(V sum, V v) const {
    return hn::Add(sum, v);
  }
  template <class D>
  HWY_INLINE hn::Vec<hn::Rebind<float, D>> Last(D d, hn::Vec<D> sum) const {
    return Narrowed(d, hn::Div(sum, hn::Set(d, divisor)));
  }
};

// Every window by itself, all taps of some vectors one after another, of which the last may have values of
// the one before.
template <int most, class D, class Rule>
HWY_INLINE void PoolTaps(D d, const Rule& rule, const WindowTaps& w, Index channels, Index windows,
                         float* HWY_RESTRICT out) {
  const auto N = static_cast<Index>(hn::Lanes(d));
  constexpr int line = 16, per_line = std::max(line / static_cast<int>(hn::MaxLanes(D())), 1);
  for (Index j = 0; j < windows; ++j, out += channels) {
    const auto make = [&](auto vectors, Index c) HWY_ATTR {
      constexpr int V = decltype(vectors)::value;
      const float* HWY_RESTRICT in = w.in + j * w.in_step + c;
      decltype(rule.First(d, hn::Zero(d))) result[V];
      const auto fetch_ahead = [&]() HWY_ATTR {
#pragma GCC unroll 4
        for (int k = 0; k < V; k += per_line) FetchAhead(d, in + k * N);
      };
      fetch_ahead();
#pragma GCC unroll 4
      for (int k = 0; k < V; ++k) result[k] = rule.First(d, hn::LoadU(d, in + k * N));
#pragma GCC unroll 1
      for (Index t = 1; t < w.taps; ++t) {
        in += w.tap_step;
        fetch_ahead();
#pragma GCC unroll 4
        for (int k = 0; k < V; ++k) result[k] = rule.Join(result[k], hn::LoadU(d, in + k * N));
      }
#pragma GCC unroll 4
      for (int k = 0; k < V; ++k) hn::StoreU(rule.Last(d, result[k]), d, out + c + k * N);
    };
    Index c = 0;
    for (; c + most * N <= channels; c += most * N) make(std::integral_constant<int, most>(), c);
    for (; c < channels; c += N) make(std::integral_constant<int, 1>(), std::min(c, channels - N));
  }
}

#if HWY_TARGET != HWY_SCALAR
using Four = hn::CappedTag<float, 4>;

// Windows of no more channels than a vector has lanes. One begins at a window and holds those after it that
// lie in it, `together` in all, which are drawn together; what it writes behind them is for the next. Returns
// the windows made: a few are left, since every vector must lie within what windows read.
template <class D, class Rule>
HWY_INLINE Index PoolLanes(D d, const Rule& rule, const WindowTaps& w, Index channels, Index windows,
                           float* HWY_RESTRICT out) {
  const auto N = static_cast<Index>(hn::Lanes(d));
  if (channels > N || windows < 4) return 0;
  const Index last = windows - 1 - (N - channels + w.in_step - 1) / w.in_step;
  const Index together = (N - channels) / w.in_step + 1, room = windows * channels - N;
  std::int32_t lane[hn::MaxLanes(D())] = {};
  for (Index k = 0; k < together; ++k)
    for (Index c = 0; c < channels; ++c)
      lane[k * channels + c] = static_cast<std::int32_t>(k * w.in_step + c);
  const auto lanes = hn::SetTableIndices(d, lane);
  Index j = 0;
  const auto make = [&](auto vectors) HWY_ATTR {
    constexpr int V = decltype(vectors)::value;
    const Index step = together * w.in_step;
    const Index ahead = (V - 1) * together;
    for (; j + ahead <= last && (V == 1 || (j + ahead) * channels <= room); j += V * together) {
      const float* in = w.in + j * w.in_step;
      decltype(rule.First(d, hn::Zero(d))) result[V];
#pragma GCC unroll 4
      for (int k = 0; k < V; ++k) result[k] = rule.First(d, hn::LoadU(d, in + k * step));
#pragma GCC unroll 1
      for (Index t = 1; t < w.taps; ++t) {
        in += w.tap_step;
#pragma GCC unroll 4
        for (int k = 0; k < V; ++k) result[k] = rule.Join(result[k], hn::LoadU(d, in + k * step));
      }
#pragma GCC unroll 4
      for (int k = 0; k < V; ++k) {
        const auto drawn = hn::TableLookupLanes(rule.Last(d, result[k]), lanes);
        float* const to = out + (j + k * together) * channels;
        if (V > 1 || j * channels <= room) {
          hn::StoreU(drawn, d, to);
        } else {
          float some[hn::MaxLanes(D())];
          hn::StoreU(drawn, d, some);
          std::copy_n(some, together * channels, to);
        }
      }
    }
  };
  make(std::integral_constant<int, 4>());
  make(std::integral_constant<int, 1>());
  return j;
}
#endif

template <class Rule>
HWY_INLINE void PoolFew(const Rule& rule, WindowTaps w, Index channels, Index windows,
                        float* HWY_RESTRICT out) {
#if HWY_TARGET != HWY_SCALAR
  const Tag<float> d;
  // Where a vector holds few windows, or one, a short one touches two cache lines less often. Not for
  // maxima, lest there be too much code.
  const bool apart = Rule::vectors > 1 && !Rule::any_order && hn::MaxLanes(Tag<float>()) > 4 &&
                     channels <= 4 && w.in_step + channels > 8;
  const Index made = apart ? PoolLanes(Four(), rule, w, channels, windows, out)
                           : PoolLanes(d, rule, w, channels, windows, out);
  w.in += made * w.in_step;
  windows -= made;
  out += made * channels;
  if (channels >= static_cast<Index>(hn::Lanes(d)))
    return PoolTaps<Rule::vectors>(d, rule, w, channels, windows, out);
#endif
  PoolTaps<1>(hn::CappedTag<float, 1>(), rule, w, channels, windows, out);
}

// Values that are made of many taps at a time, beside which there is room for a vector of no account.
constexpr Index row_size = 512, row_room = row_size + 16;

// Joins `count` taps to `size` values from i on, as many as groups of vectors hold.
template <int vectors, class D, class Rule>
HWY_INLINE void JoinVectors(D d, const Rule& rule, const float* HWY_RESTRICT in, Index tap_step, Index count,
                            Index size, Index& i, hn::TFromD<D>* HWY_RESTRICT row) {
  const auto N = static_cast<Index>(hn::Lanes(d));
#pragma GCC unroll 1
  for (; i + vectors * N <= size; i += vectors * N) {
    hn::Vec<D> result[vectors];
#pragma GCC unroll 4
    for (int k = 0; k < vectors; ++k) result[k] = hn::LoadU(d, row + i + k * N);
    const float* from = in + i;
#pragma GCC unroll 1
    for (Index t = 0; t < count; ++t, from += tap_step) {
      FetchAhead(d, from);
#pragma GCC unroll 4
      for (int k = 0; k < vectors; ++k) result[k] = rule.Join(result[k], Widened(d, from + k * N));
    }
#pragma GCC unroll 4
    for (int k = 0; k < vectors; ++k) hn::StoreU(result[k], d, row + i + k * N);
  }
}

// Joins `count` taps of `size` values to what was made of those before.
template <class Rule, class T>
HWY_NOINLINE void JoinTaps(const Rule& rule, const float* HWY_RESTRICT in, Index tap_step, Index count,
                           Index size, T* HWY_RESTRICT row) {
  Index i = 0;
  JoinVectors<4>(Tag<T>(), rule, in, tap_step, count, size, i, row);
  JoinVectors<1>(Tag<T>(), rule, in, tap_step, count, size, i, row);
  JoinVectors<1>(hn::CappedTag<T, 1>(), rule, in, tap_step, count, size, i, row);
}

// Windows of many taps. Those of few channels are joined `lanes` frames at a time, as if they were one.
template <class Rule>
HWY_INLINE void PoolRows(const Rule& rule, const WindowTaps& w, Index lanes, Index channels, Index windows,
                         float* HWY_RESTRICT out) {
  using T = typename Rule::Type;
  const Tag<T> d;
  const auto N = static_cast<Index>(hn::Lanes(d));
  const Index steps = w.taps / lanes, rest = w.taps % lanes;
  T row[row_room];
  float last[row_room];
  for (Index j = 0; j < windows; ++j, out += channels)
    for (Index from = 0; from < channels; from += row_size) {
      const Index part = std::min(row_size, channels - from), size = lanes * part;
      const float* in = w.in + j * w.in_step + from;
      for (Index i = 0; i < size; i += N) hn::StoreU(hn::Set(d, rule.none), d, row + i);
      // A few taps of all values at a time, so that memory is read in about the order in which it lies.
      constexpr Index together = 8;
      for (Index t = 0; t < steps; t += together, in += together * lanes * w.tap_step)
        JoinTaps(rule, in, lanes * w.tap_step, std::min(together, steps - t), size, row);
      JoinTaps(rule, w.in + j * w.in_step + from + (w.taps - rest) * w.tap_step, lanes * w.tap_step,
               std::min<Index>(rest, 1), rest * part, row);
      for (Index half = size / 2; half >= part; half /= 2)
        for (Index i = 0; i < half; i += N)
          hn::StoreU(rule.Join(hn::LoadU(d, row + i), hn::LoadU(d, row + half + i)), d, row + i);
      for (Index i = 0; i < part; i += N)
        hn::StoreU(rule.Last(d, hn::LoadU(d, row + i)), hn::Rebind<float, Tag<T>>(), last + i);
      std::copy_n(last, part, out + from);
    }
}

// Apart from Pool(), which calls it twice, and with no constants, of which the compiler would make copies.
template <class Rule>
HWY_NOINLINE void PoolWindows(const Rule& rule, const WindowTaps& w, Index channels, Index windows,
                              float* HWY_RESTRICT out) {
  Index lanes = 1;
  if (w.in_step != channels && w.tap_step == channels)
    while (lanes * channels < 32 && 8 * lanes <= w.taps) lanes *= 2;
  const bool near = w.in_step > channels && w.in_step <= 4 * channels &&
                    channels < static_cast<Index>(hn::Lanes(Tag<float>()));
  if constexpr (std::is_same_v<typename Rule::Type, float>)
    if (!Rule::any_order || w.taps <= (w.in_step != channels ? 32 : 8) || lanes * channels < 8 || near)
      return PoolFew(rule, w, channels, windows, out);
  if constexpr (Rule::any_order) PoolRows(rule, w, lanes, channels, windows, out);
}

template <class Rule>
void Pool(const Rule& rule, WindowTaps w, Index channels, Index windows, float* HWY_RESTRICT out) {
  // Windows that follow each other without gaps are one of all their channels.
  if (w.in_step == channels) w.in_step = channels *= windows, windows = 1;
  PoolWindows(rule, w, channels, windows, out);
}

void MaxOver(const WindowTaps& w, Index channels, Index windows, float* HWY_RESTRICT out) {
  Pool(Maximum(), w, channels, windows, out);
}

void PlaceOfMax(const WindowTaps& w, float gap, Index channels, Index windows, float* HWY_RESTRICT out) {
  Pool(MaximumPlace{gap}, w, channels, windows, out);
}

void SumOver(const WindowTaps& w, float scale, Index channels, Index windows, float* HWY_RESTRICT out) {
  Pool(Sum{scale}, w, channels, windows, out);
}

void MeanOver(const WindowTaps& w, double divisor, Index channels, Index windows, float* HWY_RESTRICT out) {
  Pool(Mean{divisor}, w, channels, windows, out);
}

#if HWY_TARGET != HWY_SCALAR
// Vectors of the values at even and odd places, again and again, until to[r] holds every parts-th value from
// the r-th of v[0 … parts) on.
template <int parts, int step = 1, class D>
HWY_INLINE void Unzip(D d, const hn::Vec<D>* v, hn::Vec<D>* to) {
  if constexpr (parts == 1) {
    to[0] = v[0];
  } else {
    hn::Vec<D> even[parts / 2], odd[parts / 2];
#pragma GCC unroll 8
    for (int k = 0; k < parts / 2; ++k) {
      even[k] = hn::ConcatEven(d, v[2 * k + 1], v[2 * k]);
      odd[k] = hn::ConcatOdd(d, v[2 * k + 1], v[2 * k]);
    }
    Unzip<parts / 2, 2 * step>(d, even, to);
    Unzip<parts / 2, 2 * step>(d, odd, to + step);
  }
}

// The reverse, for vectors that one block of a shuffle holds.
template <int parts, int step = 1, class D>
HWY_INLINE void Zip(D d, const hn::Vec<D>* v, hn::Vec<D>* to) {
  if constexpr (parts == 1) {
    to[0] = v[0];
  } else {
    hn::Vec<D> even[parts / 2], odd[parts / 2];
    Zip<parts / 2, 2 * step>(d, v, even);
    Zip<parts / 2, 2 * step>(d, v + step, odd);
#pragma GCC unroll 8
    for (int k = 0; k < parts / 2; ++k) {
      to[2 * k] = hn::InterleaveLower(d, even[k], odd[k]);
      to[2 * k + 1] = hn::InterleaveUpper(d, even[k], odd[k]);
    }
  }
}

// The parts of a frame by whole vectors, of which the last may have values of the one before.
template <int parts, class D>
HWY_INLINE void DeinterleaveVectors(D d, const float* HWY_RESTRICT in, Index size, float* HWY_RESTRICT out) {
  const auto N = static_cast<Index>(hn::Lanes(d));
  for (Index from = 0; from < size; from += N) {
    const Index i = std::min(from, size - N);
    hn::Vec<D> v[parts], apart[parts];
#pragma GCC unroll 8
    for (int r = 0; r < parts; ++r) v[r] = hn::LoadU(d, in + i * parts + r * N);
    Unzip<parts>(d, v, apart);
#pragma GCC unroll 8
    for (int r = 0; r < parts; ++r) hn::StoreU(apart[r], d, out + r * size + i);
  }
}

template <int parts, class D>
HWY_INLINE void InterleaveVectors(D d, const float* HWY_RESTRICT in, Index size, float* HWY_RESTRICT out) {
  const auto N = static_cast<Index>(hn::Lanes(d));
  for (Index from = 0; from < size; from += N) {
    const Index i = std::min(from, size - N);
    hn::Vec<D> v[parts];
#pragma GCC unroll 8
    for (int r = 0; r < parts; ++r) v[r] = hn::LoadU(d, in + r * size + i);
    if constexpr (hn::MaxLanes(D()) > 4) {
      if constexpr (parts == 2)
        hn::StoreInterleaved2(v[0], v[1], d, out + 2 * i);
      else
        hn::StoreInterleaved4(v[0], v[1], v[2], v[3], d, out + 4 * i);
    } else {
      hn::Vec<D> together[parts];
      Zip<parts>(d, v, together);
#pragma GCC unroll 8
      for (int r = 0; r < parts; ++r) hn::StoreU(together[r], d, out + i * parts + r * N);
    }
  }
}

template <int parts>
void DeinterleaveFrames(const float* HWY_RESTRICT in, Index size, Index frames, float* HWY_RESTRICT out) {
  for (Index j = 0; j < frames; ++j, in += parts * size, out += parts * size) {
    // Of eight parts, longer vectors are no faster, and more code.
    if (parts < 8 && hn::MaxLanes(Tag<float>()) > 4 && size >= static_cast<Index>(hn::Lanes(Tag<float>()))) {
      DeinterleaveVectors<parts>(Tag<float>(), in, size, out);
      continue;
    }
    if (size >= 4) {
      DeinterleaveVectors<parts>(Four(), in, size, out);
      continue;
    }
    for (Index i = 0; i < size; ++i)
      for (Index r = 0; r < parts; ++r) out[r * size + i] = in[i * parts + r];
  }
}

template <int parts>
void InterleaveFrames(const float* HWY_RESTRICT in, Index size, Index frames, float* HWY_RESTRICT out) {
  for (Index j = 0; j < frames; ++j, in += parts * size, out += parts * size) {
    if constexpr (parts <= 4 && hn::MaxLanes(Tag<float>()) > 4)
      if (size >= static_cast<Index>(hn::Lanes(Tag<float>()))) {
        InterleaveVectors<parts>(Tag<float>(), in, size, out);
        continue;
      }
    if (size >= 4) {
      InterleaveVectors<parts>(Four(), in, size, out);
      continue;
    }
    for (Index i = 0; i < size; ++i)
      for (Index r = 0; r < parts; ++r) out[i * parts + r] = in[r * size + i];
  }
}
#endif

// Every frame as a matrix of rows, transposed, by squares of four where it has several. What a square has
// beyond a side of fewer is of the values that follow, and is written over by theirs: not in the last frame,
// behind which there are none.
void TransposeFrames(const float* HWY_RESTRICT in, Index rows, Index columns, Index frames,
                     float* HWY_RESTRICT out) {
  const Index size = rows * columns;
#if HWY_TARGET != HWY_SCALAR
  const Four d;
  const Index last_row = std::max<Index>(rows - 4, 0), last_column = std::max<Index>(columns - 4, 0);
  const Index second = std::min<Index>(1, rows - 1) * columns, third = std::min<Index>(2, rows - 1) * columns,
              fourth = std::min<Index>(3, rows - 1) * columns;
  const Index left = size < 9 ? frames : rows < 4 || columns < 4 ? 1 : 0;
  for (; frames > left; --frames, in += size, out += size)
    for (Index column = 0; column < columns; column += 4)
      for (Index row = 0; row < rows; row += 4) {
        const Index r = std::min(row, last_row), c = std::min(column, last_column);
        const float* const from = in + r * columns + c;
        float* const to = out + c * rows + r;
        const auto v0 = hn::LoadU(d, from), v1 = hn::LoadU(d, from + second), v2 = hn::LoadU(d, from + third),
                   v3 = hn::LoadU(d, from + fourth);
        const auto a = hn::InterleaveLower(d, v0, v1), b = hn::InterleaveLower(d, v2, v3),
                   e = hn::InterleaveUpper(d, v0, v1), f = hn::InterleaveUpper(d, v2, v3);
        hn::StoreU(hn::ConcatLowerLower(d, b, a), d, to);
        if (columns > 1) hn::StoreU(hn::ConcatUpperUpper(d, b, a), d, to + rows);
        if (columns > 2) hn::StoreU(hn::ConcatLowerLower(d, f, e), d, to + 2 * rows);
        if (columns > 3) hn::StoreU(hn::ConcatUpperUpper(d, f, e), d, to + 3 * rows);
      }
#endif
  for (; frames > 0; --frames, in += size, out += size)
    for (Index r = 0; r < rows; ++r)
      for (Index c = 0; c < columns; ++c) out[c * rows + r] = in[r * columns + c];
}

void Deinterleave(const float* HWY_RESTRICT in, Index parts, Index size, Index frames,
                  float* HWY_RESTRICT out) {
#if HWY_TARGET != HWY_SCALAR
  switch (parts) {
    case 2:
      return DeinterleaveFrames<2>(in, size, frames, out);
    case 4:
      return DeinterleaveFrames<4>(in, size, frames, out);
    case 8:
      return DeinterleaveFrames<8>(in, size, frames, out);
  }
#endif
  TransposeFrames(in, size, parts, frames, out);
}

void Interleave(const float* HWY_RESTRICT in, Index parts, Index size, Index frames,
                float* HWY_RESTRICT out) {
#if HWY_TARGET != HWY_SCALAR
  switch (parts) {
    case 2:
      return InterleaveFrames<2>(in, size, frames, out);
    case 4:
      return InterleaveFrames<4>(in, size, frames, out);
    case 8:
      return InterleaveFrames<8>(in, size, frames, out);
  }
#endif
  TransposeFrames(in, parts, size, frames, out);
}

}  // namespace wavestride::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace wavestride::kernels {

HWY_EXPORT(MaxOver);
HWY_EXPORT(PlaceOfMax);
HWY_EXPORT(SumOver);
HWY_EXPORT(MeanOver);
HWY_EXPORT(Deinterleave);
HWY_EXPORT(Interleave);

void max_over(const WindowTaps& w, Index channels, Index windows, float* out) noexcept {
  if (w.taps == 0) return void(std::fill_n(out, channels * windows, -std::numeric_limits<float>::infinity()));
  HWY_DYNAMIC_DISPATCH(MaxOver)(w, channels, windows, out);
}

void place_of_max(const WindowTaps& w, float gap, Index channels, Index windows, float* out) noexcept {
  HWY_DYNAMIC_DISPATCH(PlaceOfMax)(w, gap, channels, windows, out);
}

void sum_over(const WindowTaps& w, float scale, Index channels, Index windows, float* out) noexcept {
  if (w.taps == 0) return void(std::fill_n(out, channels * windows, 0.0f));
  HWY_DYNAMIC_DISPATCH(SumOver)(w, scale, channels, windows, out);
}

void mean_over(const WindowTaps& w, double divisor, Index channels, Index windows, float* out) noexcept {
  HWY_DYNAMIC_DISPATCH(MeanOver)(w, divisor, channels, windows, out);
}

void deinterleave(const float* in, Index parts, Index size, Index frames, float* out) noexcept {
  if (size == 1) return copy(in, parts * frames, out);
  HWY_DYNAMIC_DISPATCH(Deinterleave)(in, parts, size, frames, out);
}

void interleave(const float* in, Index parts, Index size, Index frames, float* out) noexcept {
  if (size == 1) return copy(in, parts * frames, out);
  HWY_DYNAMIC_DISPATCH(Interleave)(in, parts, size, frames, out);
}

}  // namespace wavestride::kernels
#endif
