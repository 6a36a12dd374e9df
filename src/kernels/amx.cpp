#include "kernels/amx.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "kernels/tiles.h"

#if WAVESTRIDE_AMX
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace wavestride::kernels {

#if WAVESTRIDE_AMX

namespace {

bool ask_for_tiles() noexcept {
  unsigned a = 0, b = 0, c = 0, d = 0;
  constexpr unsigned products = 1u << 22, tile = 1u << 24, int8 = 1u << 25;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0 ||
      (d & (products | tile | int8)) != (products | tile | int8))
    return false;
  // From Linux's asm/prctl.h, which older headers lack. Without leave, the first instruction would be a
  // fault.
  constexpr long request_permission = 0x1023, tile_data = 18;
  return syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
}

constexpr Index tile_rows = amx_row_block, unit_bytes = 4;
// So much of a panel stays in the first-level cache while all frames of a call pass by.
constexpr Index cached_units = 6 << 10;

/// Frames that sums are made of, what the sums begin with, and where they go.
struct Frames {
  const Bfloat16Pair* in;
  Index in_step;
  const float* start;
  Index start_step;
  float* out;
  Index out_step;

  Frames from(Index frame) const {
    return {in + frame * in_step,   in_step, start + frame * start_step, start_step,
            out + frame * out_step, out_step};
  }
};

/// A part of the sum: of `blocks` blocks of `rows` rows, all taps. The next part, which lies behind it, is
/// fetched on the way, so many cache lines with each tile of rows.
struct Part {
  const Bfloat16Pair* w;
  Index width;  // from row to row
  const Index* offsets;
  Index taps, blocks, rows;
  Index ahead_lines;
};

/// f(i) for i from 0 to N − 1, each a constant.
template <int N, class F>
void for_each(F&& f) {
  [&]<int... I>(std::integer_sequence<int, I...>) {
    (f(std::integral_constant<int, I>()), ...);
  }
  (std::make_integer_sequence<int, N>());
}

// Tiles 0 to 3 hold sums, [16 frames][16 output channels]; these what is multiplied.
constexpr int tile_of_frames[] = {4, 5, 7}, tile_of_weights[] = {6, 7};

/// The sums of F times 16 frames, or fewer in the last tile, and of V times 16 output channels, or fewer in
/// the last tile. Gives where to fetch on.
template <int F, int V>
std::uintptr_t add_block(const Part& part, const Frames& frames, std::uintptr_t ahead) {
  static_assert(V == 1 ? F <= 3 : V == 2 && F <= 2);
  const Part p = part;
  const Frames f = frames;
  const auto each_sum = [&](auto&& visit) {
    for_each<F>([&](auto i) { for_each<V>([&](auto v) { visit(i, v); }); });
  };
  each_sum([&](auto i, auto v) {
    load_tile<i * V + v>(f.start + 16 * i * f.start_step + 16 * v, f.start_step * unit_bytes);
  });
  const Bfloat16Pair *w = p.w, *in = f.in;
  for (Index block = 0; block < p.blocks; ++block, in += tile_rows) {
    for (Index t = 0; t < p.taps; ++t, w += p.rows * p.width) {
      for (Index line = 0; line < p.ahead_lines; ++line, ahead += 64)
        __builtin_prefetch(reinterpret_cast<const void*>(ahead), 0, 2);
      const Bfloat16Pair* x = in + p.offsets[t];
      for_each<V>([&](auto v) { load_tile<tile_of_weights[v]>(w + 16 * v, p.width * unit_bytes); });
      for_each<F>([&](auto i) {
        load_tile<tile_of_frames[i]>(x + 16 * i * f.in_step, f.in_step * unit_bytes);
        for_each<V>([&](auto v) { add_bfloat16_tiles<i * V + v, tile_of_frames[i], tile_of_weights[v]>(); });
      });
    }
  }
  each_sum([&](auto i, auto v) {
    store_tile<i * V + v>(f.out + 16 * i * f.out_step + 16 * v, f.out_step * unit_bytes);
  });
  return ahead;
}

/// The shapes of the tiles, where they change.
class Shapes {
 public:
  /// For add_block<F, V>.
  template <int F, int V>
  void use(Index frames, Index outs, Index rows) {
    const std::array<Index, 5> shape{F, V, frames, outs, rows};
    if (shape == shape_) return;
    shape_ = shape;
    TileConfig config;
    for (int f = 0; f < F; ++f) {
      const Index part = f + 1 < F ? 16 : frames - 16 * f;
      config.set(tile_of_frames[f], part, rows);
      for (int v = 0; v < V; ++v) config.set(f * V + v, part, v + 1 < V ? 16 : outs - 16 * v);
    }
    for (int v = 0; v < V; ++v) config.set(tile_of_weights[v], rows, v + 1 < V ? 16 : outs - 16 * v);
    config.load();
  }
  ~Shapes() { release_tiles(); }

 private:
  std::array<Index, 5> shape_{};
};

/// All frames of V times 16 output channels.
template <int V>
void add_part(Shapes& shapes, Part p, const Frames& f, Index frames, Index outs) {
  constexpr int most = V == 1 ? 3 : 2;
  const Index whole = frames / (16 * most), made = whole * 16 * most, left = frames - made;
  const Index lines = p.rows * p.width * unit_bytes / 64, blocks = whole + (left > 0);
  p.ahead_lines = (lines + blocks - 1) / blocks;
  auto ahead = reinterpret_cast<std::uintptr_t>(p.w + p.taps * p.blocks * p.rows * p.width);
  if (whole > 0) shapes.use<most, V>(16 * most, outs, p.rows);
  for (Index i = 0; i < whole; ++i) ahead = add_block<most, V>(p, f.from(16 * most * i), ahead);
  const auto rest = [&](auto count) {
    shapes.use<count, V>(left, outs, p.rows);
    add_block<count, V>(p, f.from(made), ahead);
  };
  if (V == 1 && left > 32)
    rest(std::integral_constant<int, most>());
  else if (left > 16)
    rest(std::integral_constant<int, 2>());
  else if (left > 0)
    rest(std::integral_constant<int, 1>());
}

/// V times 16 output channels from `o` on, the sum cut into parts.
template <int V>
void add_columns(Shapes& shapes, const Bfloat16Weights& w, Index o, const Index* offsets, Frames f,
                 Index frames) {
  const Index outs = std::min<Index>(16 * V, w.out_channels() - o),
              panel = o / w.panel_width() * w.panel_width();
  const Index width = std::min(w.panel_width(), (w.out_channels() + 15) / 16 * 16 - panel);
  const Bfloat16Pair* weights = w.weights() + panel * w.rows() * w.taps() + (o - panel);
  const Bfloat16Pair* in = f.in;
  f.start = w.bias() + o;
  f.start_step = 0;
  f.out += o;
  const auto add = [&](Index row, Index blocks, Index rows) {
    f.in = in + row;
    add_part<V>(shapes, {weights + row * w.taps() * width, width, offsets, w.taps(), blocks, rows, 0}, f,
                frames, outs);
    f.start = f.out;
    f.start_step = f.out_step;
  };
  const Index whole = w.rows() / tile_rows,
              most = frames <= 32 ? whole : std::max<Index>(1, cached_units / (w.taps() * tile_rows * width));
  for (Index block = 0; block < whole; block += most)
    add(tile_rows * block, std::min(most, whole - block), tile_rows);
  if (const Index made = tile_rows * whole; made < w.rows()) add(made, 1, w.rows() - made);
}

}  // namespace

bool amx_available() noexcept {
  static const bool available = ask_for_tiles();
  return available;
}

void amx_dense(const Bfloat16Weights& w, const Bfloat16Pair* in, const Index* offsets, Index in_step,
               Index frames, float* out, Index out_step) noexcept {
  if (frames == 0) return;
  Shapes shapes;
  for (Index o = 0; o < w.out_channels();) {
    const bool two = w.panel_width() - o % w.panel_width() >= 32 && w.out_channels() - o > 16;
    (two ? add_columns<2> : add_columns<1>)(shapes, w, o, offsets, {in, in_step, nullptr, 0, out, out_step},
                                            frames);
    o += two ? 32 : 16;
  }
}

#else

bool amx_available() noexcept {
  return false;
}

void amx_dense(const Bfloat16Weights&, const Bfloat16Pair*, const Index*, Index, Index, float*,
               Index) noexcept {}

#endif

}  // namespace wavestride::kernels
