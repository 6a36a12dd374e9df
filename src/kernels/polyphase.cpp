#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/polyphase.cpp"
#include "kernels/polyphase.h"

#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cmath>

HWY_BEFORE_NAMESPACE();
namespace wavestride::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::CappedTag<float, 16>;
using DD = hn::CappedTag<double, 16>;
using Group = PolyphaseBank::Group;
using Fold = PolyphaseBank::Fold;
constexpr int lanes = PolyphaseBank::lanes;
constexpr Index float_lanes = hn::MaxLanes(D()), double_lanes = hn::MaxLanes(DD());
constexpr int vectors = static_cast<int>(lanes / float_lanes);
constexpr int double_vectors = static_cast<int>(lanes / double_lanes);

// Rows in flight: two chains of multiply-adds each, a vector of 16 outputs long; more than this was not
// faster. Fewer where every load is instrumented, which the compiler would take minutes for.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int registers = 6;
#else
constexpr int registers = 12;
#endif
constexpr int max_rows = std::max(registers / (2 * vectors), 1);  // at most most_rows

// Float partial sums are taken over to double after this many products where a bank is precise.
constexpr Index segment = 32;

// Sums are float, or double where a bank is precise.
template <class T>
struct Lanes;
template <>
struct Lanes<float> : D {
  static constexpr int vectors = HWY_NAMESPACE::vectors;
  static constexpr Index size = float_lanes;
};
template <>
struct Lanes<double> : DD {
  static constexpr int vectors = double_vectors;
  static constexpr Index size = double_lanes;
};

template <int F, class T>
struct Sums {
  HWY_ALIGN T value[F][lanes];
};

// n products of a coefficient vector and a sample; row r starts r · row_step later.
template <int HStep>
struct Chain {
  const float* h;
  const float* x;
  Index x_step, row_step, n;
};

template <int F>
struct Accumulators {
  hn::Vec<D> value[F][vectors];

  HWY_INLINE void Clear() {
#pragma GCC unroll 16
    for (int r = 0; r < F; ++r)
#pragma GCC unroll 16
      for (int v = 0; v < vectors; ++v) value[r][v] = hn::Zero(D());
  }

  template <int HStep>
  HWY_INLINE void Step(Chain<HStep>& c) {
    const D d;
    hn::Vec<D> h[vectors];
#pragma GCC unroll 16
    for (int v = 0; v < vectors; ++v) h[v] = hn::Load(d, c.h + v * float_lanes);
#pragma GCC unroll 16
    for (int r = 0; r < F; ++r) {
      const auto x = hn::Set(d, c.x[r * c.row_step]);
#pragma GCC unroll 16
      for (int v = 0; v < vectors; ++v) value[r][v] = hn::MulAdd(x, h[v], value[r][v]);
    }
    c.h += HStep;
    c.x += c.x_step;
  }

  HWY_INLINE void FlushTo(Sums<F, float>& sums) {
#pragma GCC unroll 16
    for (int r = 0; r < F; ++r)
#pragma GCC unroll 16
      for (int v = 0; v < vectors; ++v) hn::Store(value[r][v], D(), sums.value[r] + v * float_lanes);
  }

  HWY_INLINE void FlushTo(Sums<F, double>& sums) {
    const DD dd;
    const hn::Rebind<float, DD> half;
    Sums<F, float> partial;
    FlushTo(partial);
#pragma GCC unroll 16
    for (int r = 0; r < F; ++r)
#pragma GCC unroll 16
      for (int v = 0; v < double_vectors; ++v) {
        double* to = sums.value[r] + v * double_lanes;
        const auto more = hn::PromoteTo(dd, hn::Load(half, partial.value[r] + v * double_lanes));
        hn::Store(hn::Add(hn::Load(dd, to), more), dd, to);
      }
    Clear();
  }
};

// Both chains, in step at their ends. What is left of the longer one comes first, as at the far end of the
// filter. Double sums are added to, float sums are set.
template <int F, class T, int HA, int HB>
HWY_INLINE void Run(Chain<HA> a, Chain<HB> b, Sums<F, T>& sum_a, Sums<F, T>& sum_b) {
  Accumulators<F> acc_a, acc_b;
  acc_a.Clear();
  acc_b.Clear();
  constexpr bool split = std::is_same_v<T, double>;
  const auto steps_of = [](Index n) { return split ? (n - 1) % segment + 1 : n; };
  const auto ahead = [&](auto& chain, auto& acc, auto& sum, Index n) {
    while (chain.n > n) {
      const Index steps = std::min(chain.n - n, steps_of(chain.n));
      for (Index i = 0; i < steps; ++i) acc.Step(chain);
      chain.n -= steps;
      if (split && chain.n % segment == 0) acc.FlushTo(sum);
    }
  };
  ahead(a, acc_a, sum_a, b.n);
  ahead(b, acc_b, sum_b, a.n);
  while (a.n > 0) {
    const Index steps = steps_of(a.n);
    for (Index i = 0; i < steps; ++i) {
      acc_a.Step(a);
      acc_b.Step(b);
    }
    a.n -= steps;
    if (split) acc_a.FlushTo(sum_a), acc_b.FlushTo(sum_b);
  }
  if (!split) acc_a.FlushTo(sum_a), acc_b.FlushTo(sum_b);
}

// One chain in double, of samples of either type.
template <int F, class T>
HWY_INLINE void RunExact(const double* h, Index h_step, const T* x, Index x_step, Index row_step, Index n,
                         Sums<F, double>& sums) {
  const DD dd;
  for (int v = 0; v < double_vectors; ++v, h += double_lanes) {
    hn::Vec<DD> acc[F];
#pragma GCC unroll 16
    for (int r = 0; r < F; ++r) acc[r] = hn::Load(dd, sums.value[r] + v * double_lanes);
    const double* to = h;
    const T* from = x;
    for (Index i = 0; i < n; ++i, to += h_step, from += x_step) {
      const auto coefficients = hn::Load(dd, to);
#pragma GCC unroll 16
      for (int r = 0; r < F; ++r)
        acc[r] = hn::MulAdd(hn::Set(dd, static_cast<double>(from[r * row_step])), coefficients, acc[r]);
    }
#pragma GCC unroll 16
    for (int r = 0; r < F; ++r) hn::Store(acc[r], dd, sums.value[r] + v * double_lanes);
  }
}

// The rows of one call: row r reads from `in + r·row_step` (its first frame: the origin of the group) and
// writes output j of its lanes to `out + r·out_step + j·channels`. Lanes a … b−1 are wanted.
struct Rows {
  const float* in;
  Index row_step;
  float* out;
  Index out_step, channels;
  int a, b;

  Rows from(Index r) const {
    Rows rows = *this;
    rows.in += r * row_step;
    rows.out += r * out_step;
    return rows;
  }
  Rows only(int r, int lane) const {
    Rows rows = from(r);
    rows.a = lane;
    rows.b = lane + 1;
    return rows;
  }
};

// Sums over the frames that group g takes directly.
template <int F, class T>
HWY_INLINE void Direct(const PolyphaseBank& bank, const Group& g, const float* in, const Rows& rows, int a,
                       int b, Sums<F, T>& low, Sums<F, T>& high) {
  const Index first = g.begin[a], last = g.end[b - 1] - 1, C = rows.channels;
  const Index head = std::max<Index>(g.head - first, 0), tail = std::max<Index>(last + 1 - g.tail, 0);
  Run<F, T>(Chain<lanes>{bank.floats() + g.head_h + (g.head - head) * lanes, in + (g.head - head) * C, C,
                         rows.row_step, head},
            Chain<-lanes>{bank.floats() + g.tail_h + std::max<Index>(tail - 1, 0) * lanes, in + last * C, -C,
                          rows.row_step, tail},
            low, high);
}

// Vector v of row r of the sums is f(r, v); writes lanes a … b−1 of all rows. What another output of the
// group has read may have made a sum NaN: such an output is made again, alone.
template <int F, class T, class Value, class Again>
HWY_INLINE void Store(const Rows& rows, float* out, int a, int b, Value&& f, Again&& again) {
  const hn::Rebind<float, Lanes<T>> df;
  constexpr Index N = Lanes<T>::size;
  for (int r = 0; r < F; ++r) {
    HWY_ALIGN float y[lanes];
    auto probe = hn::Zero(df);
#pragma GCC unroll 16
    for (int v = 0; v < Lanes<T>::vectors; ++v) {
      hn::Vec<decltype(df)> value;
      if constexpr (std::is_same_v<T, float>)
        value = f(r, v);
      else
        value = hn::DemoteTo(df, f(r, v));
      value = hn::Add(value, hn::Zero(df));  // no −0, which depends on what else was summed
      probe = hn::MulAdd(value, hn::Zero(df), probe);
      hn::Store(value, df, y + v * N);
    }
    float* to = out + r * rows.out_step;
    if (rows.channels == 1 && b - a == lanes) {
      std::copy_n(y, lanes, to);
    } else {
      for (int j = a; j < b; ++j) to[j * rows.channels] = y[j];
    }
    if (b - a > 1 && !hn::AllTrue(df, hn::Eq(probe, hn::Zero(df))))
      for (int j = a; j < b; ++j)
        if (!std::isfinite(y[j])) again(r, j);
  }
}

template <class T>
HWY_INLINE auto At(const T (&row)[lanes], int v) {
  return hn::Load(Lanes<T>(), row + v * Lanes<T>::size);
}

template <class T>
HWY_INLINE auto MirroredAt(const T (&row)[lanes], int v) {
  return hn::Reverse(Lanes<T>(), At(row, Lanes<T>::vectors - 1 - v));
}

template <int F, class T>
void DirectTile(const PolyphaseBank& bank, const Group& g, const Rows& rows) {
  Sums<F, T> low = {}, high = {};
  Direct(bank, g, rows.in, rows, rows.a, rows.b, low, high);
  if constexpr (std::is_same_v<T, double>) {
    const Index from = std::max(g.head, g.begin[rows.a]), to = std::min(g.tail, g.end[rows.b - 1]);
    RunExact<F>(bank.doubles() + g.centre_h + (from - g.head) * lanes, lanes, rows.in + from * rows.channels,
                rows.channels, rows.row_step, to - from, low);
  }
  Store<F, T>(
      rows, rows.out, rows.a, rows.b,
      [&](int r, int v) { return hn::Add(At(low.value[r], v), At(high.value[r], v)); },
      [&](int r, int j) { DirectTile<1, T>(bank, g, rows.only(r, j)); });
}

// s[k−begin] = x[k·step] + x[(last−k)·step], d likewise with −.
template <class T>
HWY_INLINE void FoldSamples(const float* HWY_RESTRICT x, Index last, Index step, Index begin, Index end,
                            T* HWY_RESTRICT s, T* HWY_RESTRICT d) {
  const Lanes<T> tag;
  const hn::Rebind<float, Lanes<T>> df;
  constexpr Index N = Lanes<T>::size;
  Index k = begin;
  for (; step == 1 && k + N <= end; k += N, s += N, d += N) {
    auto a = hn::LoadU(df, x + k), b = hn::Reverse(df, hn::LoadU(df, x + last - k - N + 1));
    if constexpr (std::is_same_v<T, float>) {
      hn::StoreU(hn::Add(a, b), tag, s);
      hn::StoreU(hn::Sub(a, b), tag, d);
    } else {
      hn::StoreU(hn::Add(hn::PromoteTo(tag, a), hn::PromoteTo(tag, b)), tag, s);
      hn::StoreU(hn::Sub(hn::PromoteTo(tag, a), hn::PromoteTo(tag, b)), tag, d);
    }
  }
  for (; k < end; ++k) {
    const T a = x[k * step], b = x[(last - k) * step];
    *s++ = a + b;
    *d++ = a - b;
  }
}

// Rows of a fold: lanes 0 … 31 count both groups, which overlap when there are fewer outputs.
template <int F, class T>
void FoldTile(const PolyphaseBank& bank, std::size_t f, const Rows& rows, double* scratch) {
  const Fold& fold = bank.folds()[f];
  const Group& low = bank.groups()[2 * f];
  const Group& high = bank.groups()[2 * f + 1];
  const auto shift = static_cast<int>(high.start - low.start);
  const Index C = rows.channels, pairs = fold.pairs - fold.exact, last = low.tail - low.head - 1;

  double* exact = scratch;
  auto* s = reinterpret_cast<float*>(exact + 2 * F * fold.exact);
  float* d = s + F * pairs;
  for (int r = 0; r < F; ++r) {
    const float* x = rows.in + r * rows.row_step + low.head * C;
    FoldSamples(x, last, C, 0, pairs, s + r * pairs, d + r * pairs);
    if constexpr (std::is_same_v<T, double>)
      FoldSamples(x, last, C, pairs, fold.pairs, exact + 2 * r * fold.exact,
                  exact + (2 * r + 1) * fold.exact);
  }
  Sums<F, T> sum = {}, difference = {};
  Run<F, T>(Chain<2 * lanes>{bank.floats() + fold.sum_h, s, 1, pairs, pairs},
            Chain<2 * lanes>{bank.floats() + fold.sum_h + lanes, d, 1, pairs, pairs}, sum, difference);
  if constexpr (std::is_same_v<T, double>) {
    const double* h = bank.doubles() + fold.exact_h;
    RunExact<F>(h, 2 * lanes, exact, 1, 2 * fold.exact, fold.exact, sum);
    RunExact<F>(h + lanes, 2 * lanes, exact + fold.exact, 1, 2 * fold.exact, fold.exact, difference);
  }

  Sums<F, float> from_start, from_end;
  const auto again = [&](int first_lane) {
    return [&, first_lane](int r, int j) {
      FoldTile<1, T>(bank, f, rows.only(r, first_lane + j), scratch + bank.scratch() / 2);
    };
  };
  const auto edges = [&](int r, int v) {
    if constexpr (std::is_same_v<T, float>)
      return hn::Add(At(from_start.value[r], v), At(from_end.value[r], v));
    else
      return hn::PromoteTo(DD(), hn::Load(hn::Rebind<float, DD>(), from_start.value[r] + v * double_lanes) +
                                     hn::Load(hn::Rebind<float, DD>(), from_end.value[r] + v * double_lanes));
  };
  if (const int end = std::min(rows.b, shift); rows.a < end) {
    Direct(bank, low, rows.in, rows, rows.a, end, from_start, from_end);
    Store<F, T>(
        rows, rows.out, rows.a, end,
        [&](int r, int v) {
          return hn::Add(edges(r, v), hn::Add(At(sum.value[r], v), At(difference.value[r], v)));
        },
        again(0));
  }
  if (const int begin = std::max(rows.a, shift); begin < rows.b) {
    Direct(bank, high, rows.in + (high.origin - low.origin) * C, rows, begin - shift, rows.b - shift,
           from_start, from_end);
    Store<F, T>(
        rows, rows.out + shift * C, begin - shift, rows.b - shift,
        [&](int r, int v) {
          return hn::Add(edges(r, v),
                         hn::Sub(MirroredAt(sum.value[r], v), MirroredAt(difference.value[r], v)));
        },
        again(shift));
  }
}

// Calls tile<F>(first row) for all rows, in tiles as equal as possible.
template <class TileOf>
HWY_INLINE void Tiles(Index rows, TileOf&& tile) {
  const Index tiles = (rows + max_rows - 1) / max_rows;
  Index r = 0;
  for (Index t = 0; t < tiles; ++t) {
    const Index size = (rows - r + tiles - t - 1) / (tiles - t);
    [&]<int... F>(std::integer_sequence<int, F...>) {
      (void)((size == F + 1 ? (tile(std::integral_constant<int, F + 1>(), r), true) : false) || ...);
    }
    (std::make_integer_sequence<int, max_rows>());
    r += size;
  }
}

template <class T>
void PolyphaseOf(const PolyphaseBank& bank, const float* in, Index n, Index count, Index channels, float* out,
                 double* scratch) {
  const Window& w = bank.window();
  const Index period = bank.period(), base = w.first(0) - w.first(n);
  const std::size_t step = bank.folded() ? 2 : 1;
  for (std::size_t k = 0; k < bank.groups().size(); k += step) {
    const Group& g = bank.groups()[k];
    const Group& last = bank.groups()[k + step - 1];
    const Index outputs = last.start + last.outputs - g.start;
    const auto rows_from = [&](Index p) {
      const Index m = p * period + g.start;  // output of lane 0
      return Rows{in + (p * bank.advance() + base + g.origin) * channels,
                  0,
                  out + (m - n) * channels,
                  0,
                  channels,
                  static_cast<int>(std::max<Index>(0, n - m)),
                  static_cast<int>(std::min(outputs, n + count - m))};
    };
    const auto run = [&](Rows rows, Index number) {
      Tiles(number, [&]<int F>(std::integral_constant<int, F>, Index r) {
        if (bank.folded())
          FoldTile<F, T>(bank, k / 2, rows.from(r), scratch);
        else
          DirectTile<F, T>(bank, g, rows.from(r));
      });
    };
    const auto over_channels = [&](Index p) {
      Rows rows = rows_from(p);
      rows.row_step = rows.out_step = 1;
      run(rows, channels);
    };
    Index p = std::max<Index>(0, detail::affine_floor(n - g.start - outputs, 1, 0, period) + 1);
    const Index end = detail::affine_floor(n + count - g.start - 1, 1, 0, period) + 1;
    const Index full_end = detail::affine_floor(n + count - g.start - outputs, 1, 0, period) + 1;
    if (p < end && p * period + g.start < n) over_channels(p++);
    if (const Index full = full_end - p; full > channels) {
      for (Index c = 0; c < channels; ++c) {
        Rows rows = rows_from(p);
        rows.in += c;
        rows.out += c;
        rows.row_step = bank.advance() * channels;
        rows.out_step = period * channels;
        run(rows, full);
      }
      p = full_end;
    }
    while (p < end) over_channels(p++);
  }
}

void Polyphase(const PolyphaseBank& bank, const float* in, Index n, Index count, Index channels, float* out,
               double* scratch) {
  (bank.precise() ? PolyphaseOf<double> : PolyphaseOf<float>)(bank, in, n, count, channels, out, scratch);
}

}  // namespace wavestride::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace wavestride::kernels {
namespace {

constexpr Index most_rows = 6;  // of a tile, on any target
constexpr int fold_lanes = 2 * PolyphaseBank::lanes;
// Products in double reach this many periods of the lower Nyquist rate to either side of the centre.
constexpr double exact_reach = 8;

}  // namespace

PolyphaseBank::PolyphaseBank(Index L, Index M, Index last, std::span<const double> h, bool precise)
    : window_{M, L, last - static_cast<Index>(h.size()) + L, last}, precise_(precise) {
  const auto size = static_cast<Index>(h.size());
  const auto peak = static_cast<Index>(
      std::max_element(h.begin(), h.end(), [](double a, double b) { return std::abs(a) < std::abs(b); }) -
      h.begin());
  bool symmetric = true;
  for (Index i = 0; i < size / 2; ++i)
    symmetric = symmetric && h[static_cast<std::size_t>(i)] == h[static_cast<std::size_t>(size - 1 - i)];
  const auto first = [&](Index n) { return window_.first(n); };
  const auto coefficient = [&](Index n, Index frame) {
    const Index i = n * M - frame * L + last;
    return i >= 0 && i < size ? h[static_cast<std::size_t>(i)] : 0.0;
  };
  const auto centre = [&](Index n) { return detail::affine_floor(n, M, last - peak, L); };
  const auto reach = static_cast<Index>(
      std::ceil(exact_reach * std::max(1.0, static_cast<double>(M) / static_cast<double>(L))));

  if (precise) exact_begin_ = peak - reach * L, exact_end_ = peak + reach * L + 1;

  const auto new_group = [&](Index start, int outputs) {
    Group g;
    g.start = start;
    g.outputs = outputs;
    g.origin = first(start) - first(0);
    for (int j = 0; j < lanes; ++j) {
      const Index n = start + std::min(j, outputs - 1);
      g.begin[j] = first(n) - first(start);
      g.end[j] = window_.last(n) + 1 - first(start);
    }
    return g;
  };
  const auto add_floats = [&](const Group& g, Index from, Index to) {
    const auto at = static_cast<Index>(floats_.size());
    for (Index t = from; t < to; ++t)
      for (int j = 0; j < lanes; ++j)
        floats_.push_back(j < g.outputs ? static_cast<float>(coefficient(g.start + j, first(g.start) + t))
                                        : 0.0f);
    return at;
  };

  // Outputs n … n+J−1 lie around a sample, or between two, when the centres of the first and last add up to a
  // whole number.
  const auto fold_outputs = [&](Index n) {
    Index J = fold_lanes;
    while (J > lanes && (2 * (n * M + last) - (size - 1) + (J - 1) * M) % L != 0) --J;
    return J;
  };
  const Index first_fold = fold_outputs(0), second_fold = fold_outputs(first_fold);
  const bool two = first_fold % L != 0;
  const Index taps = size / L, span = fold_lanes * M / L + 1;
  if (symmetric && L <= lanes && first_fold > lanes && (!two || second_fold > lanes) && taps > 3 * span) {
    period_ = two ? first_fold + second_fold : first_fold;
    for (Index start = 0; start < period_;) {
      const Index J = start == 0 ? first_fold : second_fold;
      Group low = new_group(start, lanes), high = new_group(start + J - lanes, lanes);
      const Index core_begin = first(start + J - 1), core_end = window_.last(start) + 1;
      for (Group* g : {&low, &high}) {
        g->head = core_begin - first(g->start);
        g->tail = core_end - first(g->start);
        g->head_h = add_floats(*g, 0, g->head);
        g->tail_h = add_floats(*g, g->tail, g->end[lanes - 1]);
      }
      Fold fold;
      fold.pairs = (core_end - core_begin + 1) / 2;
      fold.exact =
          precise ? std::min(fold.pairs, reach + (centre(start + J - 1) - centre(start) + 1) / 2) : 0;
      const auto folded = [&](Index k, int i, int sign) {
        const Index frame = core_begin + k;
        const double sum = coefficient(start + i, frame) + sign * coefficient(start + J - 1 - i, frame);
        return 2 * frame == core_begin + core_end - 1 ? sum / 4 : sum / 2;
      };
      fold.sum_h = static_cast<Index>(floats_.size());
      fold.exact_h = static_cast<Index>(doubles_.size());
      for (Index k = 0; k < fold.pairs; ++k)
        for (const int sign : {1, -1})
          for (int i = 0; i < lanes; ++i) {
            if (k < fold.pairs - fold.exact)
              floats_.push_back(static_cast<float>(folded(k, i, sign)));
            else
              doubles_.push_back(folded(k, i, sign));
          }
      scratch_ = std::max(scratch_, 2 * most_rows * (fold.pairs + 2 * fold.exact));
      groups_.push_back(low);
      groups_.push_back(high);
      folds_.push_back(fold);
      start += J;
    }
  } else {
    period_ = L;
    const auto padded = [&](Index p) { return (p + lanes - 1) / lanes * lanes; };
    const auto cost = [&](Index p) {
      const double bytes = 4.0 * static_cast<double>(padded(p)) * static_cast<double>(taps);
      return static_cast<double>(padded(p)) / static_cast<double>(p) * (1 + bytes / (4 << 20));
    };
    for (Index p = L; p <= L * lanes; p += L)
      if (cost(p) < cost(period_)) period_ = p;
    for (Index start = 0; start < period_;) {
      // All outputs of a group have a frame in common, where the sums from both sides can meet.
      int outputs = 1;
      while (outputs < lanes && start + outputs < period_ && first(start + outputs) <= window_.last(start))
        ++outputs;
      Group g = new_group(start, outputs);
      const Index taps_of = g.end[outputs - 1];
      const Index from = centre(start) - first(start), to = centre(start + outputs - 1) - first(start);
      start += outputs;
      g.head = precise ? std::max<Index>(0, from - reach)
                       : std::clamp((from + to) / 2, g.begin[outputs - 1], g.end[0]);
      g.tail = precise ? std::min(taps_of, to + reach + 1) : g.head;
      g.head_h = add_floats(g, 0, g.head);
      g.tail_h = add_floats(g, g.tail, taps_of);
      g.centre_h = static_cast<Index>(doubles_.size());
      for (Index t = g.head; t < g.tail; ++t)
        for (int j = 0; j < lanes; ++j)
          doubles_.push_back(j < g.outputs ? coefficient(g.start + j, first(g.start) + t) : 0.0);
      groups_.push_back(g);
    }
  }
  advance_ = period_ / L * M;
}

void PolyphaseBank::quantise(std::span<double> h) const {
  for (std::size_t i = 0; i < h.size(); ++i)
    if (static_cast<Index>(i) < exact_begin_ || static_cast<Index>(i) >= exact_end_)
      h[i] = static_cast<double>(static_cast<float>(h[i]));
}

Index PolyphaseBank::bytes() const {
  return static_cast<Index>(floats_.size() * sizeof(float) + doubles_.size() * sizeof(double) +
                            groups_.size() * sizeof(Group));
}

double PolyphaseBank::macs() const {
  return static_cast<double>(floats_.size() + doubles_.size()) / static_cast<double>(period_);
}

HWY_EXPORT(Polyphase);

void polyphase(const PolyphaseBank& bank, const float* in, Index n, Index count, Index channels, float* out,
               double* scratch) noexcept {
  HWY_DYNAMIC_DISPATCH(Polyphase)(bank, in, n, count, channels, out, scratch);
}

}  // namespace wavestride::kernels
#endif
