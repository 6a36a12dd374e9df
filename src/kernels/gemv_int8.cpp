#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/gemv_int8.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>

#include "kernels/amx.h"
#include "kernels/gemv-inl.h"
#include "kernels/gemv.h"
#include "kernels/products.h"
#include "kernels/tiles.h"

// Frames become 16-bit integers. Their products with 8-bit weights are summed in 32 bits, which are exact, so
// that all ways to sum them give the same bits: pairs of 16 bits, which every target has; and bytes, for
// which a frame is 256 times its upper bytes and once its lower ones, by vectors (AVX-512 VNNI) or tiles
// (AMX).
#if HWY_TARGET == HWY_AVX3 && WAVESTRIDE_AMX
#define WAVESTRIDE_BYTE_PRODUCTS 1
#else
#define WAVESTRIDE_BYTE_PRODUCTS 0
#endif

HWY_BEFORE_NAMESPACE();
namespace wavestride::kernels::HWY_NAMESPACE {

using Int32 = hn::RebindToSigned<D>;
using Int16Quad = std::array<std::int16_t, 4>;

// How large the integers of frame j are, so that no sum overflows, and what one of them stands for: NaN where
// a value is not finite.
struct Scale {
  float per_unit, unit;
};

HWY_INLINE float LargestInteger(const GemvWeights& w) {
  return static_cast<float>(
      std::min<Index>(32767, 0x7fffffff / (127 * 4 * std::max<Index>(w.rows() * w.taps(), 1))));
}

HWY_INLINE Scale ScaleOf(const GemvCall& a, Index j, float largest_integer) {
  const D d;
  const auto N = static_cast<Index>(hn::Lanes(d));
  const Index channels = a.w.in_channels();
  // Numbers without their sign are in the order of their bits, and what is not finite above all others.
  auto most = hn::Zero(Int32());
  const auto look = [&](hn::Vec<D> x) HWY_ATTR { most = hn::Max(most, hn::BitCast(Int32(), hn::Abs(x))); };
  for (Index t = 0; t < a.w.taps(); ++t) {
    const float* x = a.in.data + a.offsets[t] + j * a.in.step;
    Index c = 0;
    for (; c + N <= channels; c += N) look(hn::LoadU(d, x + c));
    for (; c < channels; ++c) look(hn::Set(d, x[c]));
  }
  const auto largest = std::bit_cast<float>(hn::GetLane(hn::MaxOfLanes(Int32(), most)));
  const bool finite = largest <= std::numeric_limits<float>::max();
  return {largest > GemvWeights::least_largest ? largest_integer / largest : 0.0f,
          finite ? largest / largest_integer : std::numeric_limits<float>::quiet_NaN()};
}

HWY_INLINE hn::Vec<Int32> IntegersOf(hn::Vec<D> x, float per_unit) {
  return hn::NearestInt(hn::Mul(x, hn::Set(D(), per_unit)));
}

// What is made of the sums of `channels` output channels from `at` on, frame after frame of `frames` from j
// on, whose integers stand for `units`. In one place, since there are many kinds of tiles.
HWY_NOINLINE void FinishIntegers(const GemvCall& call, const std::int32_t* HWY_RESTRICT sums, Index frames,
                                 Index channels, const float* HWY_RESTRICT units, Index j, Index at) {
  const GemvCall a = call;  // which no store can be taken to change
  const D d;
  const auto N = static_cast<Index>(hn::Lanes(d));
  for (Index c = 0; c < channels; c += N, at += N) {
    const auto scales = hn::LoadU(d, a.w.scales() + at);
    for (Index f = 0; f < frames; ++f) {
      const auto start =
          a.start.data == nullptr ? hn::Zero(d) : hn::LoadU(d, a.start.data + (j + f) * a.start.step + at);
      const auto sum = hn::ConvertTo(d, hn::LoadU(Int32(), sums + f * channels + c));
      Finish(a, hn::MulAdd(sum, hn::Mul(scales, hn::Set(d, units[f])), start), j + f, at);
    }
  }
}

// ---- Pairs of 16 bits ----

// Weights and sums of as many output channels as D has lanes. The sums of even and of odd pairs lie side by
// side until they are added.
#if HWY_TARGET == HWY_SCALAR
using Quads = Int8Quad;
using Sums = std::int32_t;
HWY_INLINE Quads LoadQuads(const Int8Quad* w) {
  return *w;
}
HWY_INLINE Int16Quad SetQuad(const Int16Quad& x) {
  return x;
}
HWY_INLINE void Add(const Int16Quad& x, const Quads& w, Sums& sums) {
  for (std::size_t i = 0; i < x.size(); ++i) sums += x[i] * w[i];
}
HWY_INLINE hn::Vec<Int32> Total(Sums sums) {
  return hn::Set(Int32(), sums);
}
#else
using Int16 = hn::Repartition<std::int16_t, Int32>;
struct Quads {
  hn::Vec<Int16> first, second;  // half the output channels each
};
struct Sums {
  hn::Vec<Int32> first = hn::Zero(Int32()), second = hn::Zero(Int32());
};
HWY_INLINE Quads LoadQuads(const Int8Quad* w) {
  const hn::Rebind<std::int8_t, Int16> bytes;
  const auto* first = w->data();
  return {hn::PromoteTo(Int16(), hn::LoadU(bytes, first)),
          hn::PromoteTo(Int16(), hn::LoadU(bytes, first + hn::Lanes(bytes)))};
}
HWY_INLINE hn::Vec<Int16> SetQuad(const Int16Quad& x) {
  return hn::BitCast(Int16(),
                     hn::Set(hn::Repartition<std::int64_t, Int32>(), std::bit_cast<std::int64_t>(x)));
}
HWY_INLINE hn::Vec<Int32> AddPairs(hn::Vec<Int16> a, hn::Vec<Int16> b, hn::Vec<Int32> sum) {
  const Int32 d;
#if HWY_ARCH_X86
  auto unused = hn::Zero(d);
#if HWY_COMPILER_GCC || HWY_COMPILER_CLANG
  // Where compilers put off additions to the end of a loop, products fill the registers.
  const auto products = hn::ReorderWidenMulAccumulate(d, a, b, unused, unused);
#if HWY_TARGET <= HWY_AVX2
  asm volatile("vpaddd %1, %0, %0" : "+v"(sum.raw) : "v"(products.raw));
#else
  asm volatile("paddd %1, %0" : "+x"(sum.raw) : "x"(products.raw));
#endif
  return sum;
#else
  return hn::ReorderWidenMulAccumulate(d, a, b, sum, unused);
#endif
#else
  const auto even = [&](auto v) { return hn::ShiftRight<16>(hn::ShiftLeft<16>(hn::BitCast(d, v))); };
  const auto odd = [&](auto v) { return hn::ShiftRight<16>(hn::BitCast(d, v)); };
  return hn::Add(sum, hn::Add(hn::Mul(even(a), even(b)), hn::Mul(odd(a), odd(b))));
#endif
}
HWY_INLINE void Add(hn::Vec<Int16> x, const Quads& w, Sums& sums) {
  sums.first = AddPairs(x, w.first, sums.first);
  sums.second = AddPairs(x, w.second, sums.second);
}
HWY_INLINE hn::Vec<Int32> Total(const Sums& sums) {
  const Int32 d;
  return hn::Add(hn::ConcatEven(d, sums.second, sums.first), hn::ConcatOdd(d, sums.second, sums.first));
}
#endif

// What the tiles of a panel fetch of the next one, each a part of as many lines.
struct Ahead {
  static constexpr Index line = 64;
  std::uintptr_t next;
  Index lines;

  /// In `tiles` parts. Few tiles would need much of it at once, which the machine does better by itself.
  Ahead(const GemvWeights& w, Index panel, Index tiles) {
    constexpr Index most_lines = 16;
    const Index size =
        w.rows() * w.taps() * GemvWeights::int8_width * static_cast<Index>(sizeof(Int8Quad)) / line;
    next = reinterpret_cast<std::uintptr_t>(w.quads(panel)) + static_cast<std::uintptr_t>(size * line);
    lines = (size + tiles - 1) / tiles;
    if (lines > most_lines) lines = 0;
  }
  HWY_INLINE void fetch(Index part) const {
    const auto from = next + static_cast<std::uintptr_t>(part * lines * line);
    for (Index i = 0; i < lines; ++i)
      __builtin_prefetch(reinterpret_cast<const void*>(from + static_cast<std::uintptr_t>(i * line)), 0, 2);
  }
};

// F frames from j on, which `in` holds one after another; V vectors of output channels from o on.
template <int F, int V>
HWY_INLINE void PairTile(const GemvCall& a, const Int16Quad* in, const float* units, Index o, Index j) {
  const auto N = static_cast<Index>(hn::Lanes(D()));
  const Index rows = a.w.rows() * a.w.taps();
  Sums sums[F][V] = {};
  const Int8Quad* w[V];
  for (int v = 0; v < V; ++v) w[v] = a.w.quads(o + v * N);
  for (Index r = 0; r < rows; ++r) {
    Quads weight[V];
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) weight[v] = LoadQuads(w[v] + r * GemvWeights::int8_width);
#pragma GCC unroll 16
    for (int f = 0; f < F; ++f) {
      const auto value = SetQuad(in[f * rows + r]);
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) Add(value, weight[v], sums[f][v]);
    }
  }
  HWY_ALIGN std::int32_t totals[16 * V * F];
#pragma GCC unroll 16
  for (int f = 0; f < F; ++f)
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) hn::StoreU(Total(sums[f][v]), Int32(), totals + (f * V + v) * N);
  FinishIntegers(a, totals, F, V * N, units, j, o);
}

// Frame j as integers; gives what one of them stands for.
HWY_INLINE float ToQuads(const GemvCall& a, Index j, float largest_integer, std::int16_t* out) {
  const D d;
  const hn::Rebind<std::int16_t, D> narrow;
  const auto N = static_cast<Index>(hn::Lanes(d));
  const Scale scale = ScaleOf(a, j, largest_integer);
  const Index channels = a.w.in_channels(), padded_channels = 4 * a.w.rows();
  for (Index t = 0; t < a.w.taps(); ++t, out += padded_channels) {
    const float* x = a.in.data + a.offsets[t] + j * a.in.step;
    const auto integers = [&](hn::Vec<D> v)
                              HWY_ATTR { return hn::DemoteTo(narrow, IntegersOf(v, scale.per_unit)); };
    Index c = 0;
    for (; c + N <= channels; c += N) hn::StoreU(integers(hn::LoadU(d, x + c)), narrow, out + c);
    for (; c < channels; ++c) out[c] = hn::GetLane(integers(hn::Set(d, x[c])));
    for (; c < padded_channels; ++c) out[c] = 0;
  }
  return scale.unit;
}

void ByPairs(std::span<const GemvCall> calls, Index frames) {
  // With registers for more sums, more than four frames are no faster.
  constexpr int pair_frames = most_sums > 12 ? 4 : std::min(6, tile_frames);
  constexpr Index most_frames = 32, capacity = 8 * GemvWeights::most_int8_channels / 4;
  HWY_ALIGN Int16Quad x[capacity];
  float units[most_frames];
  const float largest_integer = LargestInteger(calls[0].w);
  const Index rows = calls[0].w.rows() * calls[0].w.taps();
  const Index at_once =
      std::min(most_frames, capacity / std::max<Index>(rows, 1) / pair_frames * pair_frames);
  for (Index first = 0; first < frames; first += at_once) {
    const Index count = std::min(frames - first, at_once);
    for (Index f = 0; f < count; ++f)
      units[f] = ToQuads(calls[0], first + f, largest_integer, x[f * rows].data());
    for (const GemvCall& a : calls)
      AllBlocks(a.w.out_channels(), [&](Index o, Index end) HWY_ATTR {
        AllFrames<pair_frames>(count, [&](auto size, Index from, Index to) HWY_ATTR {
          AllVectors<2 * size>(a.w, o, end, [&](auto vectors, Index at) HWY_ATTR {
            constexpr Index panel = GemvWeights::int8_width;
            const Index width = vectors * static_cast<Index>(hn::Lanes(D())), column = at % panel / width;
            const Index tiles = (to - from) / size, columns = std::max<Index>(panel / width, 1);
            const Ahead ahead(a.w, at / panel * panel, columns * tiles);
            for (Index i = 0, f = from; i < tiles; ++i, f += size) {
              ahead.fetch(column * tiles + i);
              PairTile<size, vectors>(a, x + f * rows, units + f, at, first + f);
            }
          });
        });
      });
  }
}

#if WAVESTRIDE_BYTE_PRODUCTS

// ---- Bytes ----

#define WAVESTRIDE_VNNI __attribute__((target("avx512vnni")))

constexpr Index tile_height = 16;

// Frames one after another, a whole number of tiles of 64 bytes each: 256 times `upper` less 32768 and
// `lower`; zeros beyond what there is. Both are unsigned, for the instructions.
struct Bytes {
  static constexpr Index most_frames = 64, capacity = 16 << 10;
  alignas(64) std::uint8_t upper[capacity];
  alignas(64) std::uint8_t lower[capacity];
  float units[most_frames];
  Index step;

  explicit Bytes(const GemvWeights& w) : step(std::max<Index>((4 * w.rows() * w.taps() + 63) / 64, 1) * 64) {}
  /// Those of whole tiles, of which there may be rows that count for nothing.
  Index frames_at_once() const {
    const Index most = std::min(most_frames, capacity / step);
    return most < tile_height ? most : most / tile_height * tile_height;
  }
};

HWY_INLINE void ToBytes(const GemvCall& a, Index j, float largest_integer, Index f, Bytes& out) {
  const Scale scale = ScaleOf(a, j, largest_integer);
  const Index channels = a.w.in_channels(), padded_channels = 4 * a.w.rows();
  std::uint8_t *upper = out.upper + f * out.step, *lower = out.lower + f * out.step;
  std::uint8_t* const end = upper + out.step;
  for (Index t = 0; t < a.w.taps(); ++t, upper += padded_channels, lower += padded_channels) {
    const float* x = a.in.data + a.offsets[t] + j * a.in.step;
    // As IntegersOf, without what NearestInt does beyond the range of integers.
    const auto integers = [&](__m512 values) {
      return _mm512_cvtps_epi32(_mm512_mul_ps(values, _mm512_set1_ps(scale.per_unit)));
    };
    Index c = 0;
    for (; c + 64 <= channels; c += 64) {
      // Packing leaves fours of the four vectors side by side.
      const auto pair = [&](Index at) {
        return _mm512_xor_si512(
            _mm512_packs_epi32(integers(_mm512_loadu_ps(x + at)), integers(_mm512_loadu_ps(x + at + 16))),
            _mm512_set1_epi16(-32768));
      };
      const __m512i first = pair(c), second = pair(c + 32), low = _mm512_set1_epi16(255);
      const auto put = [&](__m512i a, __m512i b, std::uint8_t* to) {
        const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
        _mm512_storeu_si512(to, _mm512_permutexvar_epi32(order, _mm512_packus_epi16(a, b)));
      };
      put(_mm512_srli_epi16(first, 8), _mm512_srli_epi16(second, 8), upper + c);
      put(_mm512_and_si512(first, low), _mm512_and_si512(second, low), lower + c);
    }
    for (; c < padded_channels; c += 16) {
      const auto lanes = [](Index count) {
        return static_cast<__mmask16>((1u << std::clamp<Index>(count, 0, 16)) - 1);
      };
      const __m512i values = _mm512_add_epi32(integers(_mm512_maskz_loadu_ps(lanes(channels - c), x + c)),
                                              _mm512_set1_epi32(32768));
      const __mmask16 stored = lanes(padded_channels - c);
      _mm_mask_storeu_epi8(upper + c, stored, _mm512_cvtepi32_epi8(_mm512_srli_epi32(values, 8)));
      _mm_mask_storeu_epi8(lower + c, stored, _mm512_cvtepi32_epi8(values));
    }
  }
  std::memset(upper, 0, static_cast<std::size_t>(end - upper));
  std::memset(lower, 0, static_cast<std::size_t>(end - upper));
  out.units[f] = scale.unit;
}

// The sums of 16-bit integers from those of their bytes, the lower of which begin with offsets().
HWY_INLINE __m512i SumOfBytes(__m512i upper, __m512i lower) {
  return _mm512_add_epi32(_mm512_slli_epi32(upper, 8), lower);
}

template <int F, int V>
WAVESTRIDE_VNNI void ByteTile(const GemvCall& a, const Bytes& in, Index f, Index o, Index j) {
  const Index rows = a.w.rows() * a.w.taps();
  const std::uint8_t *upper = in.upper + f * in.step, *lower = in.lower + f * in.step;
  __m512i uppers[F][V], lowers[F][V];
#pragma GCC unroll 16
  for (int i = 0; i < F; ++i)
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) {
      uppers[i][v] = _mm512_setzero_si512();
      lowers[i][v] = _mm512_loadu_si512(a.w.offsets() + o + 16 * v);
    }
  const auto four = [](const std::uint8_t* x) {
    std::int32_t quad;
    std::memcpy(&quad, x, sizeof quad);
    return quad;
  };
  // Two vectors of a block lie side by side: o is a multiple of their number.
  constexpr int blocks = (V + 1) / 2;
  const Int8Quad* w[blocks];
  for (int b = 0; b < blocks; ++b) w[b] = a.w.quads(o + GemvWeights::int8_width * b);
  for (Index r = 0; r < rows; ++r, upper += 4, lower += 4) {
    __m512i weight[V];
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v)
      weight[v] = _mm512_loadu_si512(w[v / 2] + r * GemvWeights::int8_width + v % 2 * 16);
#pragma GCC unroll 16
    for (int i = 0; i < F; ++i) {
      const __m512i high = _mm512_set1_epi32(four(upper + i * in.step)),
                    low = _mm512_set1_epi32(four(lower + i * in.step));
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) {
        uppers[i][v] = _mm512_dpbusd_epi32(uppers[i][v], high, weight[v]);
        lowers[i][v] = _mm512_dpbusd_epi32(lowers[i][v], low, weight[v]);
      }
    }
  }
  alignas(64) std::int32_t totals[16 * V * F];
#pragma GCC unroll 16
  for (int i = 0; i < F; ++i)
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v)
      _mm512_store_si512(totals + 16 * (i * V + v), SumOfBytes(uppers[i][v], lowers[i][v]));
  FinishIntegers(a, totals, F, 16 * V, in.units + f, j, o);
}

// `count` frames of `in`, which are those from j on.
void ByVectors(const GemvCall& a, const Bytes& in, Index count, Index j) {
  AllBlocks(a.w.out_channels(), [&](Index o, Index end) {
    AllFrames<4>(count, [&](auto frames, Index from, Index to) {
      AllVectors<2 * frames>(a.w, o, end, [&](auto vectors, Index at) {
        for (Index f = from; f < to; f += frames) ByteTile<frames, vectors>(a, in, f, at, j + f);
      });
    });
  });
}

// Sums of upper and of lower bytes of each frame.
using TileSums = std::int32_t[2][tile_height][GemvWeights::int8_width];

// A block of 32 output channels, or the last 16, from `at` on, and `count` frames from f on of those of `in`.
struct Part {
  Index at = 0, f = 0, count = 0;
  const std::uint8_t *upper = nullptr, *lower = nullptr;
  const Int8Quad* w = nullptr;
};

// As FinishIntegers, of the sums of a part, a few rows at a time: each half of its channels has one a frame.
template <bool has_start, bool has_addend>
class Finishing {
 public:
  // `in` holds the frames from j on.
  Finishing(const GemvCall& a, const Bytes& in, Index j) : a_(a), units_(in.units), j_(j) {}

  void begin(const TileSums& sums, const Part& part) {
    sums_ = &sums;
    part_ = part;
    row_ = 0;
    rows_ = part.count * (std::min(GemvWeights::int8_width, a_.w.out_channels() - part.at) / 16);
  }
  Index rows() const { return rows_; }

  /// The next rows, if there are so many.
  HWY_NOINLINE void some(Index most) {
    const Index end = std::min(row_ + most, rows_);
    while (row_ < end) {
      const Index half = row_ < part_.count ? 0 : 1, from = row_ - half * part_.count;
      const Index to = std::min(from + end - row_, part_.count);
      finish(16 * half, from, to);
      row_ += to - from;
    }
  }

 private:
  HWY_INLINE void finish(Index v, Index from, Index to) const {
    const Index at = part_.at + v, j = j_ + part_.f;
    const __m512 factor = _mm512_set1_ps(a_.scale), scales = _mm512_loadu_ps(a_.w.scales() + at),
                 bias = a_.bias == nullptr ? _mm512_setzero_ps() : _mm512_loadu_ps(a_.bias + at);
    const Index start_step = a_.start.step, addend_step = a_.addend.step, out_step = a_.out.step;
    const float* start = has_start ? a_.start.data + j * start_step + at : nullptr;
    const float* addend = has_addend ? a_.addend.data + j * addend_step + at : nullptr;
    float* const out = a_.out.data + j * out_step + at;
    const float* const units = units_ + part_.f;
    const TileSums& sums = *sums_;
    for (Index f = from; f < to; ++f) {
      const __m512 integers = _mm512_cvtepi32_ps(
          SumOfBytes(_mm512_load_si512(sums[0][f] + v), _mm512_load_si512(sums[1][f] + v)));
      const __m512 unit = _mm512_mul_ps(scales, _mm512_set1_ps(units[f]));
      // A product alone the compiler would make one instruction with the sum of the bias.
      const __m512 before = has_start ? _mm512_loadu_ps(start + f * start_step) : _mm512_setzero_ps();
      __m512 sum = _mm512_add_ps(_mm512_fmadd_ps(integers, unit, before), bias);
      if (has_addend)
        sum = _mm512_mul_ps(_mm512_add_ps(sum, _mm512_loadu_ps(addend + f * addend_step)), factor);
      _mm512_storeu_ps(out + f * out_step, sum);
    }
  }

  const GemvCall a_;  // which no store can be taken to change
  const float* units_;
  Index j_;
  const TileSums* sums_ = nullptr;
  Part part_;
  Index row_ = 0, rows_ = 0;
};

// Tiles 0 to 3 hold the sums of a part, of upper and lower bytes of 16 output channels and of the next 16; 4
// and 5 frames, 6 and 7 weights, of 64 rows from k on.
HWY_INLINE void LoadTiles(const Part& part, Index k, Index step) {
  constexpr Index w_step = sizeof(Int8Quad) * GemvWeights::int8_width;
  const Int8Quad* w = part.w + k / 4 * GemvWeights::int8_width;
  load_tile<4>(part.upper + k, step);
  load_tile<6>(w, w_step);
  load_tile<5>(part.lower + k, step);
  load_tile<7>(w + 16, w_step);
}

// Sums a part, of which the first tiles are loaded. beside() is called while the tiles multiply, twice for
// each 64 rows.
template <class Beside>
HWY_INLINE void AddTiles(const Part& part, Index step, const std::uint32_t* offsets, Beside&& beside) {
  zero_tile<0>();
  load_tile<1>(offsets, 0);
  zero_tile<2>();
  load_tile<3>(offsets + 16, 0);
  for (Index k = 0;;) {
    add_byte_tiles<0, 4, 6>();
    add_byte_tiles<1, 5, 6>();
    beside();
    add_byte_tiles<2, 4, 7>();
    add_byte_tiles<3, 5, 7>();
    beside();
    k += 64;
    if (k >= step) break;
    LoadTiles(part, k, step);
  }
}

HWY_INLINE void StoreTiles(TileSums& sums) {
  constexpr Index step = sizeof sums[0][0];
  store_tile<0>(sums[0][0], step);
  store_tile<1>(sums[1][0], step);
  store_tile<2>(sums[0][0] + 16, step);
  store_tile<3>(sums[1][0] + 16, step);
}

// Blocks outside, so that their weights come from the nearest cache for all frames but the first. What
// follows the sums of a part is made between the products of the next, whose first tiles are loaded before
// these sums are stored: loads need not wait for stores then.
template <bool has_start, bool has_addend>
void AllTiles(const GemvCall& a, const Bytes& in, Index count, Index j) {
  alignas(64) TileSums sums[2];
  Finishing<has_start, has_addend> finishing(a, in, j);
  const Index step = in.step, times = step / 64 * 2, channels = a.w.out_channels();
  const auto part_at = [&](Index at, Index f) {
    return Part{at,           f, std::min(tile_height, count - f), in.upper + f * step, in.lower + f * step,
                a.w.quads(at)};
  };
  Part part = part_at(0, 0);
  LoadTiles(part, 0, step);
  for (Index made = 0, at = 0; at < channels; ++made) {
    const Index rows = (finishing.rows() + times - 1) / times;
    AddTiles(part, step, a.w.offsets() + at, [&] { finishing.some(rows); });
    const Part last = part;
    const bool more_frames = last.f + tile_height < count;
    if (!more_frames) at += GemvWeights::int8_width;
    if (at < channels) {
      part = part_at(at, more_frames ? last.f + tile_height : 0);
      LoadTiles(part, 0, step);
    }
    StoreTiles(sums[made % 2]);
    finishing.begin(sums[made % 2], last);
  }
  finishing.some(finishing.rows());
}

void ByTiles(const GemvCall& a, const Bytes& in, Index count, Index j) {
  TileConfig config;
  for (const int frames : {0, 1, 2, 3, 4, 5}) config.set(frames, std::min(tile_height, count), 16);
  for (const int weights : {6, 7}) config.set(weights, 16, 16);
  config.load();
  const auto all = a.start.data == nullptr
                       ? (a.addend.data == nullptr ? AllTiles<false, false> : AllTiles<false, true>)
                       : (a.addend.data == nullptr ? AllTiles<true, false> : AllTiles<true, true>);
  all(a, in, count, j);
  release_tiles();
}

void GemvInt8(std::span<const GemvCall> calls, Index frames, Products best) {
  if (best == Products::plain || !__builtin_cpu_supports("avx512vnni")) return ByPairs(calls, frames);
  // A tile takes as long for few frames as for all of its own.
  constexpr Index fewest_frames = 4;
  const bool tiles = best == Products::tiles && amx_available();
  const float largest_integer = LargestInteger(calls[0].w);
  Bytes in(calls[0].w);
  for (Index j = 0; j < frames;) {
    const Index count = std::min(frames - j, in.frames_at_once());
    for (Index f = 0; f < count; ++f) ToBytes(calls[0], j + f, largest_integer, f, in);
    for (const GemvCall& a : calls) (tiles && count >= fewest_frames ? ByTiles : ByVectors)(a, in, count, j);
    j += count;
  }
}

#undef WAVESTRIDE_VNNI
#else

void GemvInt8(std::span<const GemvCall> calls, Index frames, Products /*best*/) {
  ByPairs(calls, frames);
}

#endif

}  // namespace wavestride::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#undef WAVESTRIDE_BYTE_PRODUCTS

#if HWY_ONCE
namespace wavestride::kernels {

HWY_EXPORT(GemvInt8);

void gemv_int8(std::span<const GemvCall> calls, Index frames) noexcept {
  HWY_DYNAMIC_DISPATCH(GemvInt8)(calls, frames, best_products());
}

}  // namespace wavestride::kernels
#endif
