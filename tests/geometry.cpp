#include <wavestride/geometry.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <functional>

#include "contract.h"

using namespace wavestride;
using namespace wavestride::testing;

static_assert(conv_geometry(3, 2, 1, 1, 1).total(224) == 112);
static_assert(conv_transpose_geometry(4, 2, 1, 0, 1).total(7) == 14);
static_assert(repeat_geometry(4).total(5) == 20 && group_geometry(4).total(23) == 5);
static_assert(stft_geometry(1024, 256, 512, 512).total(22050) == 1 + 22050 / 256);
static_assert(Ratio(6, 4) == Ratio(3, 2));

TEST_CASE("geometry: the two worked examples of the field") {
  CHECK(conv_geometry(3, 2, 1, 1, 1).total(224) == 112);
  CHECK(conv_transpose_geometry(4, 2, 1, 0, 1).total(7) == 14);
}

namespace {

struct Reads {
  Index first, last;
};

// What an operator does, said without the formulas under test.
struct Simulated {
  Geometry geometry;
  std::function<Reads(Index n)> reads;
  std::function<Index(Index T)> total;
};

// The first and last i in a wide range of which `touches` holds; first > last where it holds of none.
Reads search(Index around, const std::function<bool(Index i)>& touches) {
  Reads r{1, 0};
  for (Index i = around - 80; i <= around + 80; ++i)
    if (touches(i)) r = {r.first > r.last ? i : r.first, i};
  return r;
}

// How many of 0, 1, 2, … in a row pass.
Index count_while(const std::function<bool(Index n)>& passes) {
  Index n = 0;
  while (n < 2000 && passes(n)) ++n;
  return n;
}

Simulated random_conv(Rng& rng, bool ceil_mode) {
  const Index K = uniform(rng, 1, 9), s = uniform(rng, 1, 12), d = uniform(rng, 1, 4);
  const Index L = ceil_mode ? K / 2 : uniform(rng, 0, 20), R = ceil_mode ? K / 2 : uniform(rng, 0, 20);
  const Index reach = (K - 1) * d;
  return {conv_geometry(K, s, d, L, R, ceil_mode),
          [=](Index n) {
            return Reads{n * s - L, n * s - L + reach};
          },
          [=](Index T) {
            return count_while([=](Index n) {
              const Index start = n * s - L;
              // Rounded up, a window may hang over the padded end by less than a stride, but must start
              // before the right padding.
              return start + reach < T + R + (ceil_mode ? s - 1 : 0) && (!ceil_mode || start < T);
            });
          }};
}

Simulated random_conv_transpose(Rng& rng) {
  const Index K = uniform(rng, 1, 9), s = uniform(rng, 1, 9), d = uniform(rng, 1, 3);
  const Index reach = (K - 1) * d, p = uniform(rng, 0, 12), op = uniform(rng, 0, s - 1);
  return {conv_transpose_geometry(K, s, p, op, d),
          [=](Index n) {
            return search(n / s, [=](Index i) { return n + p - i * s >= 0 && n + p - i * s <= reach; });
          },
          [=](Index T) { return std::max<Index>(0, (T - 1) * s + reach + 1 - 2 * p + op); }};
}

Simulated random_repeat(Rng& rng) {
  const Index r = uniform(rng, 1, 9);
  return {repeat_geometry(r), [=](Index n) { return Reads{n / r, n / r}; }, [=](Index T) { return r * T; }};
}

Simulated random_group(Rng& rng) {
  const Index r = uniform(rng, 1, 9);
  return {group_geometry(r),
          [=](Index n) {
            return Reads{n * r, n * r + r - 1};
          },
          [=](Index T) { return count_while([=](Index n) { return (n + 1) * r <= T; }); }};
}

// The resampling family by L/M. i is read by output n where it lies within the kernel around n·M/L + offset.
Simulated random_ratio(Rng& rng, int kind) {
  const Index L = uniform(rng, 1, 12), M = uniform(rng, 1, 12), H = uniform(rng, 1, 40);
  const auto nearest = [=](Index n, Index twice) {  // floor((n + twice/2)·M/L)
    return search(n * M / L, [=](Index i) {
      const Index v = (2 * n + twice) * M;
      return 2 * L * i <= v && v < 2 * L * (i + 1);
    });
  };
  const auto floor_total = [=](Index T) {
    return count_while([=](Index n) { return (n + 1) * M <= T * L; });
  };
  switch (kind) {
    case 0:
      return {nearest_geometry(L, M), [=](Index n) { return nearest(n, 0); }, floor_total};
    case 1:
      return {nearest_exact_geometry(L, M), [=](Index n) { return nearest(n, 1); }, floor_total};
    case 2:
      return {linear_geometry(L, M),
              [=](Index n) {  // the frames less than one away from (n + ½)·M/L − ½
                return search(n * M / L,
                              [=](Index i) { return std::abs(2 * L * i - ((2 * n + 1) * M - L)) < 2 * L; });
              },
              floor_total};
    default:
      return {
          sinc_geometry(L, M, H),
          [=](Index n) { return search(n * M / L, [=](Index i) { return std::abs(i * L - n * M) <= H; }); },
          [=](Index T) { return count_while([=](Index n) { return n * M < T * L; }); }};
  }
}

Simulated random_model(Rng& rng) {
  switch (const auto kind = static_cast<int>(uniform(rng, 0, 8))) {
    case 0:
      return random_conv(rng, false);
    case 1:
      return random_conv(rng, true);
    case 2:
      return random_conv_transpose(rng);
    case 3:
      return random_repeat(rng);
    case 4:
      return random_group(rng);
    default:
      return random_ratio(rng, kind - 5);
  }
}

}  // namespace

TEST_CASE("geometry: windows, lengths, latency and receptive field are those of a direct simulation") {
  Rng rng(11);
  for (int trial = 0; trial < 4000; ++trial) {
    const Simulated model = random_model(rng);
    const Geometry& g = model.geometry;
    const Window& w = g.window;
    CAPTURE(trial, w.num, w.den, w.lo, w.hi);
    Index widest = 0;
    bool exact = true;
    for (Index n = 0; n < 60; ++n) {
      const Reads r = model.reads(n);
      if (r.first > r.last)
        exact = exact && w.first(n) > w.last(n);
      else
        exact = exact && w.first(n) == r.first && w.last(n) == r.last;
      widest = std::max(widest, w.last(n) - w.first(n) + 1);
    }
    CHECK(exact);
    CHECK(w.span() >= widest);
    if (w.den == 1) CHECK(w.span() == widest);
    for (Index T = 0; T < 40; ++T) {
      CAPTURE(T);
      const Index total = T == 0 ? 0 : model.total(T);
      const Index ready = count_while([&](Index n) { return w.last(n) < T; });
      REQUIRE(g.total(T) == total);
      if (ready < 2000) REQUIRE(w.ready(T) == ready);
      REQUIRE(g.available(T) == std::min(ready, total));
      REQUIRE(g.available(T) <= g.available(T + 1));
    }
  }
}

TEST_CASE("geometry: ceil_mode is torch.nn.functional's pooling formula") {
  Rng rng(12);
  for (int trial = 0; trial < 3000; ++trial) {
    const Index K = uniform(rng, 1, 12), s = uniform(rng, 1, 12), d = uniform(rng, 1, 3);
    const Index p = uniform(rng, 0, K / 2), T = uniform(rng, 1, 60);
    const Index numerator = T + 2 * p - d * (K - 1) - 1 + s - 1;
    Index expected = (numerator >= 0 ? numerator / s : -((-numerator + s - 1) / s)) + 1;
    if ((expected - 1) * s >= T + p) --expected;
    CAPTURE(K, s, d, p, T);
    REQUIRE(conv_geometry(K, s, d, p, p, true).total(T) == std::max<Index>(0, expected));
  }
}

TEST_CASE("geometry: 64-bit lengths and absurd strides neither wrap nor trap") {
  constexpr Index huge = Index{1} << 62, most = std::numeric_limits<Index>::max();
  static_assert(conv_geometry(1, 1, 1, 0, 0).total(huge) == huge);
  static_assert(conv_geometry(7, 3, 1, 3, 3).total(huge) == (huge - 1) / 3 + 1);
  static_assert(repeat_geometry(2).total(huge) == most);  // saturates
  static_assert(repeat_geometry(huge).total(huge) == most);
  static_assert(group_geometry(huge).total(huge) == 1 && group_geometry(huge).total(huge - 1) == 0);
  static_assert(sinc_geometry(480, 147, 4000).total(huge) == most);
  static_assert(sinc_geometry(147, 160, 4000).total(160 * (huge / 256)) == 147 * (huge / 256));
  static_assert(repeat_geometry(3).window.first(most) == most / 3);
  static_assert(group_geometry(3).window.first(most) == most);
  static_assert(conv_geometry(1, huge, 1, 0, 0).window.ready(huge) == 1);
  static_assert(conv_geometry(1, huge, 1, 0, 0).window.ready(most) == 2);

  Rng rng(13);
  for (int trial = 0; trial < 2000; ++trial) {
    const auto large = [&] { return uniform(rng, 1, Index{1} << uniform(rng, 0, 60)); };
    const Index s = large(), T = huge - uniform(rng, 0, 1000), L = large() / 4, R = large() / 4;
    const Geometry g = conv_geometry(5, s, 1, L, R);
    const auto wide = (static_cast<detail::Wide>(T) + L + R - 5) / s + 1;
    REQUIRE(g.total(T) == detail::saturate(wide));
    const Index n = g.total(T) - 1;
    REQUIRE(static_cast<detail::Wide>(n) * s - L == g.window.first(n));
    REQUIRE(g.available(T) <= g.total(T));
    REQUIRE(g.window.ready(T) >= g.available(T));
    const Geometry up = repeat_geometry(s);
    REQUIRE(up.total(T / s) == T / s * s);
    REQUIRE(up.window.last(up.total(T / s) - 1) == T / s - 1);
  }
}
