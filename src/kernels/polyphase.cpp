#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/polyphase.cpp"
#include "kernels/polyphase.h"

#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <type_traits>

#include "kernels/elementwise.h"
#include "kernels/narrow-inl.h"
#include "kernels/registers.h"

#ifndef WAVESTRIDE_FLOATS_OR_DOUBLES
#define WAVESTRIDE_FLOATS_OR_DOUBLES
namespace wavestride::kernels {

// Numbers of one of two types; where they are of the other one, nullptr.
template <class Float, class Double>
struct FloatsOrDoubles {
  Float* floats;
  Double* doubles;
};

}  // namespace wavestride::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace wavestride::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::CappedTag<float, 16>;
using DD = hn::CappedTag<double, 16>;
using Group = PolyphaseBank::Group;
constexpr int lanes = PolyphaseBank::lanes, fold_lanes = PolyphaseBank::fold_lanes;
constexpr int row_values = 4 * lanes;  // that a tile makes of a row, at most
constexpr Index float_lanes = hn::MaxLanes(D()), double_lanes = hn::MaxLanes(DD());
constexpr int vectors = static_cast<int>(lanes / float_lanes);
constexpr int double_vectors = static_cast<int>(lanes / double_lanes);

// Rows in flight: enough sums to hide the latency of multiply-adds and to share the loads of coefficients, as
// far as there are registers. Where a row fills one of 32 registers it is summed in two chains, from both
// ends, as every fold is. Fewer where every load is instrumented, which the compiler would take minutes for.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int most_rows = 2;
#else
constexpr int most_rows = PolyphaseScratch::most_rows;
#endif
constexpr bool two_chains = vectors == 1;
constexpr int max_rows = two_chains ? most_rows : std::clamp(12 / vectors, 1, most_rows);
constexpr int fold_rows = two_chains ? most_rows : vectors == 2 ? std::min(3, most_rows) : 1;
constexpr int double_rows = std::max((two_chains ? 16 : 12) / double_vectors, 1);
constexpr Index segment = PolyphaseScratch::segment, fold_stride = PolyphaseScratch::fold_stride;

// A row of outputs: of which group, the first of them, and where its first frame lies; mirrored, among the
// samples in reverse.
struct Row {
  std::size_t group;
  Index output, at;
  bool mirrored = false;
};

// A row gives outputs `start` + i for i in [from, to).
struct Outputs {
  Index start;
  int from, to;
};

Outputs OutputsOf(const Group& g, bool mirrored) {
  return mirrored ? Outputs{g.mirror_start, lanes - g.outputs, lanes - g.shared}
                  : Outputs{g.start, 0, g.outputs};
}

struct Samples {
  const float* x;
  const double* exact;  // not in reverse
  Index turn;           // a sample at `at` in reverse is at turn − at otherwise
};

// Sums are float, or double where a bank is precise.
template <class T>
using Lanes = std::conditional_t<std::is_same_v<T, float>, D, DD>;

template <int N, int V>
HWY_INLINE void Clear(hn::Vec<D> (&acc)[N][V]) {
#pragma GCC unroll 16
  for (int r = 0; r < N; ++r)
#pragma GCC unroll 16
    for (int v = 0; v < V; ++v) acc[r][v] = hn::Zero(D());
}

// Keeps a vector that several products share in a register, where the compiler would rather load it for each
// of them: loads are what limits these loops.
template <class V>
HWY_INLINE void KeepInRegister([[maybe_unused]] V& v) {
#if HWY_ARCH_X86 && HWY_COMPILER_GCC_ACTUAL
  asm("" : "+v"(v.raw));
#endif
}

// acc[r] += h · x(r) for F rows. What there is less of, samples or coefficients, is held in registers.
template <int F, class T, class X, int V>
HWY_INLINE void MulAddRows(const T* h, X&& x, hn::Vec<Lanes<T>> (*acc)[V]) {
  const Lanes<T> d;
  constexpr Index N = hn::MaxLanes(Lanes<T>());
  if constexpr (F < V) {
    hn::Vec<Lanes<T>> sample[F];
#pragma GCC unroll 16
    for (int r = 0; r < F; ++r) {
      sample[r] = hn::Set(d, x(r));
      KeepInRegister(sample[r]);
    }
#pragma GCC unroll 16
    for (int v = 0; v < V; ++v) {
      auto c = hn::Load(d, h + v * N);
      if (F > 1) KeepInRegister(c);
#pragma GCC unroll 16
      for (int r = 0; r < F; ++r) acc[r][v] = hn::MulAdd(sample[r], c, acc[r][v]);
    }
  } else {
    hn::Vec<Lanes<T>> c[V];
#pragma GCC unroll 16
    for (int v = 0; v < V; ++v) {
      c[v] = hn::Load(d, h + v * N);
      if (F > 1) KeepInRegister(c[v]);
    }
#pragma GCC unroll 16
    for (int r = 0; r < F; ++r) {
      const auto sample = hn::Set(d, x(r));
#pragma GCC unroll 16
      for (int v = 0; v < V; ++v) acc[r][v] = hn::MulAdd(sample, c[v], acc[r][v]);
    }
  }
}

HWY_INLINE void Store(const hn::Vec<D> (&acc)[vectors], float* to) {
#pragma GCC unroll 16
  for (int v = 0; v < vectors; ++v) hn::Store(acc[v], D(), to + v * float_lanes);
}

HWY_INLINE void Store(const hn::Vec<DD> (&acc)[double_vectors], double* to) {
#pragma GCC unroll 16
  for (int v = 0; v < double_vectors; ++v) hn::Store(acc[v], DD(), to + v * double_lanes);
}

HWY_INLINE hn::Vec<DD> LoadWide(const float* from) {
  return hn::PromoteTo(DD(), hn::Load(hn::Rebind<float, DD>(), from));
}

// y: the centre, in double, of G groups of F rows each, on top of the sums of the rest.
template <int G, int F>
HWY_NOINLINE void Centre(const PolyphaseBank& bank, const Row* rows, const Samples& samples,
                         const float (*sums)[row_values], double (*y)[row_values]) {
  const double *x[G * F], *h[G];
  Index step[G * F];
  hn::Vec<DD> acc[G * F][double_vectors];
#pragma GCC unroll 16
  for (int g = 0; g < G; ++g) h[g] = bank.doubles(rows[g * F].group);
#pragma GCC unroll 16
  for (int r = 0; r < G * F; ++r) {
    const Row& row = rows[r];
    const Index at = row.at + bank.low();
    x[r] = samples.exact + (row.mirrored ? samples.turn - at : at);
    step[r] = row.mirrored ? -1 : 1;
#pragma GCC unroll 16
    for (int v = 0; v < double_vectors; ++v) acc[r][v] = LoadWide(sums[r] + v * double_lanes);
  }
  const Index n = bank.centre();
  for (Index s = 0; s < n; ++s)
#pragma GCC unroll 16
    for (int g = 0; g < G; ++g) {
      MulAddRows<F>(
          h[g] + s * lanes, [&](int r) { return *x[g * F + r]; }, acc + g * F);
#pragma GCC unroll 16
      for (int f = 0; f < F; ++f) x[g * F + f] += step[g * F + f];
    }
#pragma GCC unroll 16
  for (int r = 0; r < G * F; ++r) Store(acc[r], y[r]);
}

// As many groups, or as many rows of one, at a time as there are registers for.
template <int G, int F>
HWY_INLINE void Centres(const PolyphaseBank& bank, const Row* rows, const Samples& samples,
                        const float (*sums)[row_values], double (*y)[row_values]) {
  constexpr int f = std::min(F, double_rows), g = std::clamp(double_rows / F, 1, G);
  int r = 0;
  const auto make = [&](auto groups, auto some) {
    Centre<groups, some>(bank, rows + r, samples, sums + r, y + r);
    r += groups * some;
  };
  for (int k = 0; k + g <= G; k += g) {
    for (int i = 0; i + f <= F; i += f)
      make(std::integral_constant<int, g>(), std::integral_constant<int, f>());
    if constexpr (F % f > 0) make(std::integral_constant<int, g>(), std::integral_constant<int, F % f>());
  }
  if constexpr (G % g > 0) make(std::integral_constant<int, G % g>(), std::integral_constant<int, F>());
}

// G groups of F rows each: y[g·F + f] is row f of group g, in its lanes.
template <int G, int F>
HWY_NOINLINE void DirectTile(const PolyphaseBank& bank, const Row* rows, const Samples& samples,
                             float (*y)[row_values]) {
  const Index low = bank.low(), high = bank.high(), last = bank.frames() - 1;
  const Index paired = std::min(low, high), lead = std::max(low, high) - paired;
  const float *x[G * F], *h[G];
  for (int r = 0; r < G * F; ++r) x[r] = samples.x + rows[r].at;
  for (int g = 0; g < G; ++g) h[g] = bank.floats(rows[g * F].group);
  hn::Vec<D> up[G * F][vectors], below[two_chains ? G * F : 1][vectors];
  Clear(up);
  Clear(below);
  auto* down = two_chains ? below : up;
  for (Index s = 0; s < lead; ++s)
#pragma GCC unroll 16
    for (int g = 0; g < G; ++g)
      MulAddRows<F>(
          h[g] + s * lanes, [&](int r) { return x[g * F + r][low > high ? s : last - s]; }, up + g * F);
  const Index from = low > high ? lead : 0, to = last - (low > high ? 0 : lead);
  const float* paired_h[G];
  for (int g = 0; g < G; ++g) paired_h[g] = h[g] + lead * lanes;
  for (Index s = 0; s < paired; ++s)
#pragma GCC unroll 16
    for (int g = 0; g < G; ++g) {
      MulAddRows<F>(
          paired_h[g] + 2 * s * lanes, [&](int r) { return x[g * F + r][from + s]; }, up + g * F);
      MulAddRows<F>(
          paired_h[g] + (2 * s + 1) * lanes, [&](int r) { return x[g * F + r][to - s]; }, down + g * F);
    }
#pragma GCC unroll 16
  for (int r = 0; r < G * F; ++r) {
    if constexpr (two_chains) up[r][0] = hn::Add(up[r][0], below[r][0]);
    Store(up[r], y[r]);
  }
}

// Sums over samples in one direction, of F rows of two groups: the second group's begin `apart` samples
// later.
template <int F>
struct SharedRun {
  const float *first, *second;  // coefficients, of every other vector
  Index direction;
  const float* x[F];
  hn::Vec<D> a[F][vectors], b[F][vectors];

  HWY_INLINE void First(Index s) {
    MulAddRows<F>(
        first + 2 * s * lanes, [&](int r) { return x[r][direction * s]; }, a);
  }
  HWY_INLINE void Second(Index s, Index apart) {
    MulAddRows<F>(
        second + 2 * (s - apart) * lanes, [&](int r) { return x[r][direction * s]; }, b);
  }
  HWY_INLINE void Both(Index s, Index apart) {
    auto h = hn::Load(D(), first + 2 * s * lanes), g = hn::Load(D(), second + 2 * (s - apart) * lanes);
    KeepInRegister(h);
    KeepInRegister(g);
#pragma GCC unroll 16
    for (int r = 0; r < F; ++r) {
      auto sample = hn::Set(D(), x[r][direction * s]);
      KeepInRegister(sample);
      a[r][0] = hn::MulAdd(sample, h, a[r][0]);
      b[r][0] = hn::MulAdd(sample, g, b[r][0]);
    }
  }
};

// As DirectTile<2, F>, of groups of which the second's rows read from `apart` samples after the first's: what
// both read is loaded once, for loads are what limits sums that fill one register each. Both directions at
// once, as far as there are registers. The bank's have the same length.
template <int F>
HWY_NOINLINE void SharedTile(const PolyphaseBank& bank, const Row* rows, Index apart, const Samples& samples,
                             float (*y)[row_values]) {
  const Index n = bank.low(), last = bank.frames() - 1;
  const float *h = bank.floats(rows[0].group), *g = bank.floats(rows[F].group);
  SharedRun<F> up{h, g, 1, {}, {}, {}}, down{g + lanes, h + lanes, -1, {}, {}, {}};
  for (int r = 0; r < F; ++r) {
    up.x[r] = samples.x + rows[r].at;
    down.x[r] = up.x[r] + apart + last;
  }
  const auto run = [&](auto&... directions) {
    for (Index s = 0; s < apart; ++s) (directions.First(s), ...);
    for (Index s = apart; s < n; ++s) (directions.Both(s, apart), ...);
    for (Index s = n; s < n + apart; ++s) (directions.Second(s, apart), ...);
  };
  Clear(up.a);
  Clear(up.b);
  Clear(down.a);
  Clear(down.b);
  if constexpr (F <= 4)
    run(up, down);
  else
    run(up), run(down);
#pragma GCC unroll 16
  for (int r = 0; r < F; ++r) {
    up.a[r][0] = hn::Add(up.a[r][0], down.b[r][0]);
    up.b[r][0] = hn::Add(up.b[r][0], down.a[r][0]);
    Store(up.a[r], y[r]);
    Store(up.b[r], y[F + r]);
  }
}

// s[k] = x[k] + x[−k], d[k] = x[k] − x[−k] relative to both ends of the core, whole vectors of them.
template <class T>
HWY_INLINE void Fold(const T* HWY_RESTRICT first, const T* HWY_RESTRICT last, Index n, T* HWY_RESTRICT s,
                     T* HWY_RESTRICT d) {
  const Lanes<T> tag;
  constexpr Index N = hn::MaxLanes(Lanes<T>());
  for (Index k = 0; k < n; k += N) {
    const auto a = hn::LoadU(tag, first + k), b = hn::Reverse(tag, hn::LoadU(tag, last - k - (N - 1)));
    hn::Store(hn::Add(a, b), tag, s + k);
    hn::Store(hn::Sub(a, b), tag, d + k);
  }
}

// F rows of samples, a step apart, and as few pointers to them as their addresses can be made of.
template <int F>
struct Columns {
  const float* x[(F + 2) / 3];
  Index step;

  Columns(const float* first, Index rows_step) : step(rows_step) {
#pragma GCC unroll 8
    for (int i = 0; i < (F + 2) / 3; ++i) x[i] = first + 3 * i * step;
  }
  HWY_INLINE float operator()(int r) const {
    return x[r / 3][r % 3 * step];
  }
  HWY_INLINE void move(Index frames) {
#pragma GCC unroll 8
    for (const float*& p : x) {
      p += frames;
      keep_in_register(p);  // lest it be worked out from others, which takes a register for each row
    }
  }
};

// a and b on top of what they are, of `frames` frames upwards from `up` and downwards from `down`.
template <int F>
HWY_INLINE void Edges(const float*& h, Index frames, Columns<F> up, Columns<F> down, hn::Vec<D> (*a)[vectors],
                      hn::Vec<D> (*b)[vectors]) {
  for (Index s = 0; s < frames; ++s, h += lanes) {
    MulAddRows<F>(h, up, a);
    MulAddRows<F>(h, down, b);
    up.move(1);
    down.move(-1);
  }
}

// `part` of y on top of what it is, of n folded samples of each row, in double; every other vector of h.
template <int F>
HWY_NOINLINE void Exact(const double* h, Index n, const double* folds, double (*y)[row_values], int part) {
  hn::Vec<DD> acc[F][double_vectors];
#pragma GCC unroll 16
  for (int r = 0; r < F; ++r)
#pragma GCC unroll 16
    for (int v = 0; v < double_vectors; ++v) acc[r][v] = hn::Load(DD(), y[r] + part + v * double_lanes);
  for (Index i = 0; i < n; ++i)
    MulAddRows<F>(
        h + 2 * i * lanes, [&](int r) { return folds[2 * r * fold_stride + i]; }, acc);
#pragma GCC unroll 16
  for (int r = 0; r < F; ++r) Store(acc[r], y[r] + part);
}

// The rows are periods that follow each other. Of each, one vector of lanes after the other: the sums, the
// differences, and what the edges make of the lanes and of their mirror images.
template <int F>
HWY_NOINLINE void FoldTile(const PolyphaseBank& bank, const Row* rows, const Samples& samples, float* folds,
                           float (*y)[row_values]) {
  const Index last = bank.frames() - 1, edge = bank.edge(), outer = bank.pairs() - bank.exact();
  const float *const x = samples.x + rows[0].at, *h = bank.floats(0);
  const Index step = bank.advance();
  hn::Vec<D> a[F][vectors], b[F][vectors];
  Clear(a);
  Clear(b);
  Edges<F>(h, edge, {x, step}, {x + last, step}, a, b);
  Edges<F>(h, bank.far(), {x + (last + 1 - edge), step}, {x + (edge - 1), step}, a, b);
#pragma GCC unroll 16
  for (int r = 0; r < F; ++r) Store(a[r], y[r] + 2 * lanes), Store(b[r], y[r] + 3 * lanes);

  Clear(a);
  Clear(b);
  for (Index k = 0; k < outer; k += segment) {
    const Index n = std::min(segment, outer - k);
    for (int r = 0; r < F; ++r) {
      float* s = folds + 2 * r * fold_stride;
      Fold(x + r * step + edge + k, x + r * step + last - edge - k, n, s, s + fold_stride);
    }
    for (Index i = 0; i < n; ++i, h += 2 * lanes) {
      MulAddRows<F>(
          h, [&](int r) { return folds[2 * r * fold_stride + i]; }, a);
      MulAddRows<F>(
          h + lanes, [&](int r) { return folds[(2 * r + 1) * fold_stride + i]; }, b);
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < F; ++r) Store(a[r], y[r]), Store(b[r], y[r] + lanes);
}

// y: the centre of FoldTile's sums and differences, in double, on top of what it made.
template <int F>
HWY_NOINLINE void FoldCentre(const PolyphaseBank& bank, const Row* rows, const Samples& samples,
                             double* folds, const float (*sums)[row_values], double (*y)[row_values]) {
  for (int r = 0; r < F; ++r)
    for (Index i = 0; i < row_values; i += double_lanes) hn::Store(LoadWide(sums[r] + i), DD(), y[r] + i);
  const Index last = bank.frames() - 1, edge = bank.edge(), step = bank.advance();
  const double* h = bank.doubles(0);
  for (Index k = bank.pairs() - bank.exact(); k < bank.pairs(); k += segment) {
    const Index n = std::min(segment, bank.pairs() - k);
    for (int r = 0; r < F; ++r) {
      const double* first = samples.exact + rows[0].at + r * step;
      double* s = folds + 2 * r * fold_stride;
      Fold(first + edge + k, first + last - edge - k, n, s, s + fold_stride);
    }
    Exact<F>(h, n, folds, y, 0);
    Exact<F>(h + lanes, n, folds + fold_stride, y, lanes);
    h += 2 * n * lanes;
  }
}

// Σ h·x in two chains of whole vectors.
template <class T>
HWY_INLINE T Dot(std::span<const T> h, const T* x) {
  const Lanes<T> d;
  constexpr Index N = hn::MaxLanes(Lanes<T>());
  constexpr int V = static_cast<int>(PolyphaseBank::lone_lanes / N);
  hn::Vec<Lanes<T>> acc[V];
#pragma GCC unroll 16
  for (int v = 0; v < V; ++v) acc[v] = hn::Zero(d);
  for (Index s = 0; s < static_cast<Index>(h.size()); s += V * N)
#pragma GCC unroll 16
    for (int v = 0; v < V; ++v)
      acc[v] = hn::MulAdd(hn::Load(d, h.data() + s + v * N), hn::LoadU(d, x + s + v * N), acc[v]);
#pragma GCC unroll 16
  for (int half = V / 2; half > 0; half /= 2)
#pragma GCC unroll 16
    for (int v = 0; v < half; ++v) acc[v] = hn::Add(acc[v], acc[v + half]);
  HWY_ALIGN T sums[N];
  hn::Store(acc[0], d, sums);
  for (Index half = N / 2; half > 0; half /= 2)
    for (Index i = 0; i < half; ++i) sums[i] += sums[i + half];
  return sums[0];
}

// The output alone.
template <class T>
HWY_NOINLINE T Lone(const PolyphaseBank& bank, Index at, const Samples& samples) {
  T y = Dot(bank.lone_floats(), samples.x + at);
  if constexpr (std::is_same_v<T, double>)
    y += Dot(bank.lone_doubles(), samples.exact + at + bank.lone_exact());
  return y;
}

bool IsLone(const PolyphaseBank& bank, std::size_t group) {
  return bank.lone() && group + 1 == bank.groups().size();
}

template <int G, int F>
HWY_INLINE void Tile(const PolyphaseBank& bank, const Row* rows, const Samples& samples,
                     PolyphaseScratch& scratch, float (*y)[row_values]) {
  if (!bank.folded())
    DirectTile<G, F>(bank, rows, samples, y);
  else if constexpr (G == 1 && F <= fold_rows)
    FoldTile<F>(bank, rows, samples, scratch.folds.data(), y);
}

template <int G, int F>
HWY_INLINE void Tile(const PolyphaseBank& bank, const Row* rows, const Samples& samples,
                     PolyphaseScratch& scratch, double (*y)[row_values]) {
  HWY_ALIGN float sums[G * F][row_values];
  Tile<G, F>(bank, rows, samples, scratch, sums);
  if (!bank.folded())
    Centres<G, F>(bank, rows, samples, sums, y);
  else if constexpr (G == 1 && F <= fold_rows)
    FoldCentre<F>(bank, rows, samples, scratch.exact_folds.data(), sums, y);
}

// Which rows make outputs n … n+count−1 of one channel, and in which order.
struct Plan {
  const PolyphaseBank& bank;
  Index n, count;
  Index first_frame, mirror;  // frame m lies at m − first_frame, and at mirror − m among those in reverse
  // Of rows that have any of these outputs.
  Index lowest_period, highest_period;

  Plan(const PolyphaseBank& of, Index first, Index outputs, Index first_sample, Index last_in_reverse)
      : bank(of),
        n(first),
        count(outputs),
        first_frame(first_sample),
        mirror(last_in_reverse),
        lowest_period(detail::affine_floor(n, 1, 0, bank.period()) - 1 - lanes / bank.period()),
        highest_period(detail::affine_floor(n + count - 1, 1, 0, bank.period())) {}

  // As many of `groups` groups of `each` rows as fit, at once; returns how many.
  virtual Index RunGroups(const Row* rows, Index groups, Index each) const = 0;
  // `number` rows of a group, and after them as many of the group that reads `apart` samples later.
  virtual void RunShared(const Row* rows, Index number, Index apart) const = 0;
  virtual void RunLone(const Row& row) const = 0;

  static constexpr int fewest_shared = 3;  // rows that sharing is worth while for

  // Rows of a group: periods [from, to) and, mirrored, [mirror_from, mirror_to).
  struct Rows {
    std::size_t group;
    Index from, to, mirror_from = 0, mirror_to = 0;

    Index straight() const { return to - from; }
    Index size() const { return straight() + mirror_to - mirror_from; }
  };

  // Those that outputs are wanted of.
  HWY_INLINE Rows RowsOf(std::size_t group) const {
    const Index period = bank.period(), end = n + count;
    const Group& g = bank.groups()[group];
    Rows rows{group, lowest_period, highest_period + 1, 0, 0};
    const auto narrow = [&](Index start, Index from, Index to, Index& p, Index& q) {
      while (p * period + start + to <= n) ++p;
      while (q > p && (q - 1) * period + start + from >= end) --q;
    };
    narrow(g.start, 0, g.outputs, rows.from, rows.to);
    if (bank.mirrored() && !IsLone(bank, group)) {
      rows.mirror_from = lowest_period, rows.mirror_to = highest_period + 1;
      narrow(g.mirror_start, lanes - g.outputs, lanes - g.shared, rows.mirror_from, rows.mirror_to);
    }
    return rows;
  }

  // Rows i … i+number−1 of `rows`.
  HWY_INLINE void Fill(const Rows& rows, Index i, Index number, Row* to) const {
    const Group& g = bank.groups()[rows.group];
    const Index straight = rows.straight(), period = bank.period(), advance = bank.advance();
    Row* const end = to + number;
    // Field by field: a row that is copied whole would wait until its parts are in memory.
    const auto fill = [&](Row* until, Index output, Index at, Index step_of_at, bool mirrored) {
      for (; to < until; ++to) {
        to->group = rows.group, to->output = output, to->at = at, to->mirrored = mirrored;
        output += period, at += step_of_at;
      }
    };
    const Index p = rows.from + i, m = rows.mirror_from + std::max<Index>(i - straight, 0);
    fill(to + std::clamp<Index>(straight - i, 0, number), p * period + g.start,
         p * advance + g.origin - first_frame, advance, false);
    fill(end, m * period + g.mirror_start, mirror - m * advance - g.mirror_last, -advance, true);
  }

  // What two groups that follow each other have in common: rows of the second read the same samples, `apart`
  // later, as rows of the first.
  struct Pairs {
    Rows first, second;
    Index apart;
  };

  std::optional<Pairs> PairsOf(const Rows& a, const Rows& b) const {
    const Group &ga = bank.groups()[a.group], &gb = bank.groups()[b.group];
    // Where the second group is reckoned to another period.
    const Index ahead = gb.start < ga.start ? 1 : 0;
    const Index back = gb.mirror_start > ga.mirror_start ? 1 : 0;
    const Index apart = gb.origin + ahead * bank.advance() - ga.origin;
    if (bank.low() != bank.high() || apart < 0 || 4 * apart > bank.low()) return {};
    if (bank.mirrored() && ga.mirror_last - gb.mirror_last + back * bank.advance() != apart) return {};
    Pairs pairs{a, b, apart};
    const auto meet = [](Index& from, Index& to, Index& second_from, Index& second_to, Index later) {
      const Index begin = std::max(from, second_from - later), end = std::min(to, second_to - later);
      if (begin < end) {
        from = begin, to = end;
        second_from = begin + later, second_to = end + later;
      } else {  // none: all of both is left over
        from = to, second_from = second_to;
      }
    };
    meet(pairs.first.from, pairs.first.to, pairs.second.from, pairs.second.to, ahead);
    meet(pairs.first.mirror_from, pairs.first.mirror_to, pairs.second.mirror_from, pairs.second.mirror_to,
         -back);
    return pairs;
  }

  // Where groups have few rows, several groups run at once, so that enough is in flight.
  HWY_NOINLINE void All() const {
    const Index most = bank.folded() ? fold_rows : max_rows;
    Row waiting[max_rows];
    Index number = 0, each = 1;
    const auto flush = [&] {
      for (Index done = 0; done < number;)
        done += each * RunGroups(waiting + done, (number - done) / each, each);
      number = 0;
    };
    const auto run = [&](const Rows& rows) {
      const Index left = rows.size();
      if (left <= 0) return;
      if (left != each || number + left > most) flush();
      Index row = 0;
      for (Index tiles = (left + most - 1) / most; tiles > 0; --tiles) {
        each = (left - row + tiles - 1) / tiles;
        Fill(rows, row, each, waiting + number);
        row += each;
        number += each;
        if (tiles > 1) flush();
      }
    };
    const auto run_pairs = [&](const Pairs& pairs) {
      const Index left = pairs.first.size();
      Index row = 0;
      for (Index tiles = (left + most - 1) / most; tiles > 0; --tiles) {
        const Index some = (left - row + tiles - 1) / tiles;
        Row rows[2 * max_rows];
        Fill(pairs.first, row, some, rows);
        Fill(pairs.second, row, some, rows + some);
        row += some;
        RunShared(rows, some, pairs.apart);
      }
    };
    // Those of `all` that are not among `done`.
    const auto run_others = [&](const Rows& all, const Rows& done) {
      run({all.group, all.from, done.from, all.mirror_from, done.mirror_from});
      run({all.group, done.to, all.to, done.mirror_to, all.mirror_to});
    };
    const std::size_t groups = bank.groups().size();
    const bool paired = two_chains && !bank.folded() &&
                        (bank.mirrored() ? 2 : 1) * count > (fewest_shared - 1) * bank.period();
    for (std::size_t k = 0; k < groups; ++k) {
      const Rows rows = RowsOf(k);
      if (IsLone(bank, k)) {
        for (Index i = 0; i < rows.size(); ++i) {
          Row row;
          Fill(rows, i, 1, &row);
          RunLone(row);
        }
        continue;
      }
      if constexpr (two_chains)
        if (paired && k + 1 < groups && !IsLone(bank, k + 1)) {
          const Rows next = RowsOf(k + 1);
          const auto pairs = PairsOf(rows, next);
          if (pairs && pairs->first.size() >= fewest_shared) {
            run_pairs(*pairs);
            run_others(rows, pairs->first);
            run_others(next, pairs->second);
            ++k;
            continue;
          }
        }
      run(rows);
    }
    flush();
  }

 protected:
  ~Plan() = default;
};

// Makes them, of samples that are 0 where no output of these may look.
template <class T>
struct Block final : Plan {
  Samples samples;
  PolyphaseScratch& scratch;
  T* out;
  Index step;

  Block(const PolyphaseBank& of, Samples in, PolyphaseScratch& memory, Index first, Index outputs, T* to,
        Index out_step, Index first_sample, Index last_in_reverse)
      : Plan(of, first, outputs, first_sample, last_in_reverse),
        samples(in),
        scratch(memory),
        out(to),
        step(out_step) {}

  // Writes all lanes of a row to `to`; whether they are finite.
  HWY_INLINE bool Write(const Row& row, const T* y, T* to) const {
    const Lanes<T> tag;
    constexpr Index N = hn::MaxLanes(Lanes<T>());
    auto probe = hn::Zero(tag);
    const auto write = [&](auto v, T* at) {
      probe = hn::MulAdd(v, hn::Zero(tag), probe);
      hn::StoreU(v, tag, at);
    };
    const auto load = [&](Index i) { return hn::Load(tag, y + i); };
    // No sum is −0: that depends on what else was summed.
    const auto lane = [&](Index i) { return hn::Add(load(i), hn::Zero(tag)); };
    if (bank.folded()) {
      // Of an output that is its own mirror image one value is as good as the other, but it is always the
      // same.
#pragma GCC unroll 16
      for (Index i = 0; i < lanes; i += N)
        write(hn::Reverse(tag, hn::Add(lane(3 * lanes + i), hn::Sub(load(i), load(lanes + i)))),
              to + bank.mirror() + 1 - N - i);
#pragma GCC unroll 16
      for (Index i = 0; i < lanes; i += N)
        write(hn::Add(lane(2 * lanes + i), hn::Add(load(i), load(lanes + i))), to + i);
    } else if (row.mirrored) {
#pragma GCC unroll 16
      for (Index i = 0; i < lanes; i += N) write(hn::Reverse(tag, lane(i)), to + lanes - N - i);
    } else {
#pragma GCC unroll 16
      for (Index i = 0; i < lanes; i += N) write(lane(i), to + i);
    }
    return hn::AllTrue(tag, hn::Eq(probe, hn::Zero(tag)));
  }

  // Lanes that are computed of each row.
  Index Computed() const {
    return bank.folded() ? bank.mirror() + 1 : lanes;
  }

  // Writes the outputs of a row. What another output of the row has read may have made a sum NaN: such an
  // output is made again, of its own samples alone. The lane that a fold may have beyond its outputs is
  // the first of the next row, which is written later.
  HWY_NOINLINE void Finish(const Row& row, const T* y) const {
    const Outputs o = OutputsOf(bank.groups()[row.group], row.mirrored);
    const bool whole =
        step == 1 && o.from == 0 && o.to >= lanes && row.output >= n && row.output + Computed() <= n + count;
    if (!whole || !Write(row, y, out + (row.output - n))) FinishPart(row, o, y);
  }

  HWY_NOINLINE void FinishPart(const Row& row, const Outputs& outputs, const T* y) const {
    const auto a = static_cast<int>(std::max<Index>(outputs.from, n - row.output));
    const auto b = static_cast<int>(std::min<Index>(outputs.to, n + count - row.output));
    T values[fold_lanes];
    if (!Write(row, y, values)) [[unlikely]]
      for (int j = a; j < b; ++j)
        if (!std::isfinite(values[j])) values[j] = Again(row, row.mirrored ? lanes - 1 - j : j);
    T* to = out + (row.output + a - n) * step;
    if (step == 1 && b - a >= lanes) {  // two copies of a length known here, which may overlap
      std::copy_n(values + a, lanes, to);
      std::copy_n(values + b - lanes, lanes, to + (b - a - lanes));
    } else if (step == 1) {
      std::copy_n(values + a, b - a, to);
    } else {
      for (int j = a; j < b; ++j, to += step) *to = values[j];
    }
  }

  [[gnu::cold]] HWY_NOINLINE T Again(const Row& row, int lane) const {
    const Group& g = bank.groups()[row.group];
    const auto own = [&](const auto* from, Index direction, auto& to) {
      if (to.empty()) return;
      std::fill(to.begin(), to.end(), 0);
      for (Index s = g.begin[lane]; s < g.end[lane]; ++s)
        to[static_cast<std::size_t>(fold_lanes + s)] = from[direction * s];
    };
    own(samples.x + row.at, 1, scratch.again);
    if (row.mirrored)
      own(samples.exact + (samples.turn - row.at), -1, scratch.exact_again);
    else
      own(samples.exact + row.at, 1, scratch.exact_again);
    const Row alone{row.group, row.output, fold_lanes};
    const Samples own_samples{scratch.again.data(), scratch.exact_again.data(), 0};
    if (IsLone(bank, row.group)) return Lone<T>(bank, fold_lanes, own_samples) + T(0);
    HWY_ALIGN T y[1][row_values];
    Tile<1, 1>(bank, &alone, own_samples, scratch, y);
    T values[fold_lanes];
    (void)Write(alone, y[0], values);
    return values[lane];
  }

  template <int G, int F>
  HWY_NOINLINE void Run(const Row* rows) const {
    if constexpr (G * F <= max_rows) {
      HWY_ALIGN T y[G * F][row_values];
      Tile<G, F>(bank, rows, samples, scratch, y);
      for (int r = 0; r < G * F; ++r) Finish(rows[r], y[r]);
    }
  }

  void RunShared(const Row* rows, Index number, Index apart) const override {
    const auto run = [&]<int... F>(std::integer_sequence<int, F...>) {
      (void)((number == F + 1 ? (Shared<F + 1>(rows, apart), true) : false) || ...);
    };
    if constexpr (two_chains) run(std::make_integer_sequence<int, max_rows>());
  }

  template <int F>
  HWY_NOINLINE void Shared(const Row* rows, Index apart) const {
    HWY_ALIGN T y[2 * F][row_values];
    if constexpr (std::is_same_v<T, float>) {
      SharedTile<F>(bank, rows, apart, samples, y);
    } else {
      HWY_ALIGN float sums[2 * F][row_values];
      SharedTile<F>(bank, rows, apart, samples, sums);
      Centres<2, F>(bank, rows, samples, sums, y);
    }
    for (int r = 0; r < 2 * F; ++r) Finish(rows[r], y[r]);
  }

  void RunLone(const Row& row) const override {
    const T y = Lone<T>(bank, row.at, samples) + T(0);
    out[(row.output - n) * step] = std::isfinite(y) ? y : Again(row, 0);
  }

  // `number` rows of one group.
  void RunGroup(const Row* rows, Index number) const {
    [&]<int... F>(std::integer_sequence<int, F...>) {
      (void)((number == F + 1 ? (Run<1, F + 1>(rows), true) : false) || ...);
    }
    (std::make_integer_sequence<int, max_rows>());
  }

  Index RunGroups(const Row* rows, Index groups, Index each) const override {
    const auto fits = [&](Index g, Index f) { return each == f && groups >= g && g * f <= max_rows; };
    if (fits(8, 1)) return Run<8, 1>(rows), 8;
    if (fits(6, 1)) return Run<6, 1>(rows), 6;
    if (fits(4, 1)) return Run<4, 1>(rows), 4;
    if (fits(2, 1)) return Run<2, 1>(rows), 2;
    if (fits(4, 2)) return Run<4, 2>(rows), 4;
    if (fits(3, 2)) return Run<3, 2>(rows), 3;
    if (fits(2, 2)) return Run<2, 2>(rows), 2;
    if (fits(2, 3)) return Run<2, 3>(rows), 2;
    return RunGroup(rows, each), 1;
  }
};

// The samples of the first of `channels` channels.
template <class From, class To>
HWY_NOINLINE void Channel(const From* from, Index channels, Index frames, To* to) {
  Index i = 0;
  if (channels == 1) {
    if constexpr (std::is_same_v<From, float> && std::is_same_v<To, float>) return copy(from, frames, to);
    if constexpr (std::is_same_v<From, float> && std::is_same_v<To, double>)
      for (; i + double_lanes <= frames; i += double_lanes)
        hn::StoreU(hn::PromoteTo(DD(), hn::LoadU(hn::Rebind<float, DD>(), from + i)), DD(), to + i);
  }
  if constexpr (std::is_same_v<From, float> && std::is_same_v<To, float>)
    // Of the last frame, the second channel's vector would end behind it.
    for (hn::Vec<D> own, other; channels == 2 && i + float_lanes < frames; i += float_lanes) {
      hn::LoadInterleaved2(D(), from + 2 * i, own, other);
      hn::StoreU(own, D(), to + i);
    }
  for (; i < frames; ++i) to[i] = static_cast<To>(from[i * channels]);
}

// From the last to the first.
HWY_NOINLINE void Reverse(const float* from, Index frames, float* to) {
  Index i = 0;
  for (; i + float_lanes <= frames; i += float_lanes)
    hn::StoreU(hn::Reverse(D(), hn::LoadU(D(), from + frames - float_lanes - i)), D(), to + i);
  for (; i < frames; ++i) to[i] = from[frames - 1 - i];
}

// To the first of `channels` channels.
HWY_NOINLINE void Round(const double* from, Index frames, Index channels, float* to) {
  Index i = 0;
  for (const hn::Rebind<float, DD> half; channels == 1 && i + double_lanes <= frames; i += double_lanes)
    hn::StoreU(Narrowed(DD(), hn::LoadU(DD(), from + i)), half, to + i);
  for (; i < frames; ++i) to[i * channels] = static_cast<float>(from[i]);
}

void Polyphase(const PolyphaseBank& bank, FloatsOrDoubles<const float, const double> in, Index n, Index count,
               Index channels, FloatsOrDoubles<float, double> out, PolyphaseScratch& scratch) {
  const Window& w = bank.window();
  const Index margin = bank.frames() + fold_lanes, start = w.first(n);
  for (Index done = 0, first = start; done < count;) {
    const Index left = count - done, parts = (left + scratch.block - 1) / scratch.block;
    const Index some = (left + parts - 1) / parts, last = w.last(n + done + some - 1);
    const Index frames = std::max<Index>(last - first + 1, 0);
    for (Index c = 0; c < channels; ++c) {
      const Index from = (first - start) * channels + c, to = done * channels + c;
      float* const samples = scratch.samples.data() + margin;
      in.doubles == nullptr ? Channel(in.floats + from, channels, frames, samples)
                            : Channel(in.doubles + from, channels, frames, samples);
      std::fill_n(samples + frames, margin, 0.0f);
      if (bank.precise()) {
        double* const exact = scratch.exact_samples.data() + margin;
        in.doubles == nullptr ? Channel(samples, 1, frames, exact)
                              : Channel(in.doubles + from, channels, frames, exact);
        std::fill_n(exact + frames, margin, 0.0);
      }
      if (bank.mirrored()) {
        Reverse(samples, frames, samples + scratch.reverse);
        std::fill_n(samples + scratch.reverse + frames, margin, 0.0f);
      }
      const Index turn = scratch.reverse + 2 * margin + frames - 1;
      const auto make = [&](auto* outputs, Index step) {
        Block<std::remove_pointer_t<decltype(outputs)>>(
            bank, {scratch.samples.data(), scratch.exact_samples.data(), turn}, scratch, n + done, some,
            outputs, step, first - margin, turn + first - margin)
            .All();
      };
      if (!bank.precise()) {
        make(out.floats + to, channels);
      } else if (out.floats == nullptr) {
        make(out.doubles + to, channels);
      } else {
        make(scratch.exact_outputs.data(), 1);
        Round(scratch.exact_outputs.data(), some, channels, out.floats + to);
      }
    }
    done += some;
    if (done < count) first = w.first(n + done);
  }
}

}  // namespace wavestride::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace wavestride::kernels {
PolyphaseScratch::PolyphaseScratch(const PolyphaseBank& bank) {
  // Frames enough to make the margins cheap, few enough for the nearest caches: 4,096, or half of them where
  // they are held twice, and what graphs ask for beyond such numbers.
  const Window& w = bank.window();
  const Index margin = bank.frames() + PolyphaseBank::fold_lanes,
              frames = std::max<Index>(bank.mirrored() ? 2048 : 4352, 2 * margin);
  block = std::max<Index>(detail::affine_floor(frames, w.den, 0, w.num), 1);
  const auto room =
      static_cast<std::size_t>(2 * margin + w.span() + detail::affine_floor(block, w.num, 0, w.den) + 2);
  const auto alone = static_cast<std::size_t>(2 * margin);
  const auto folded = static_cast<std::size_t>(bank.folded() ? 2 * most_rows * fold_stride : 0);
  reverse = static_cast<Index>(room);
  samples.resize((bank.mirrored() ? 2 : 1) * room);
  again.resize(alone);
  folds.resize(folded);
  if (!bank.precise()) return;
  exact_samples.resize(room);
  exact_again.resize(alone);
  exact_folds.resize(folded);
  // What is rounded at a time: few enough for the nearest caches, enough to fill the rows in flight.
  block = std::min(block, std::max<Index>(4096, most_rows * bank.period()));
  exact_outputs.resize(static_cast<std::size_t>(block));
}

Index PolyphaseScratch::bytes() const {
  const auto sum = [](const auto&... memory) {
    return (static_cast<Index>(memory.size() * sizeof(*memory.data())) + ...);
  };
  return sum(samples, folds, again, exact_samples, exact_folds, exact_again, exact_outputs);
}

HWY_EXPORT(Polyphase);

template <>
void polyphase(const PolyphaseBank& bank, const float* in, Index n, Index count, Index channels, float* out,
               PolyphaseScratch& scratch) noexcept {
  HWY_DYNAMIC_DISPATCH(Polyphase)(bank, {in, nullptr}, n, count, channels, {out, nullptr}, scratch);
}
template <>
void polyphase(const PolyphaseBank& bank, const float* in, Index n, Index count, Index channels, double* out,
               PolyphaseScratch& scratch) noexcept {
  HWY_DYNAMIC_DISPATCH(Polyphase)(bank, {in, nullptr}, n, count, channels, {nullptr, out}, scratch);
}
template <>
void polyphase(const PolyphaseBank& bank, const double* in, Index n, Index count, Index channels, float* out,
               PolyphaseScratch& scratch) noexcept {
  HWY_DYNAMIC_DISPATCH(Polyphase)(bank, {nullptr, in}, n, count, channels, {out, nullptr}, scratch);
}

}  // namespace wavestride::kernels
#endif
