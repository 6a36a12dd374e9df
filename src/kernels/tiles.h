// The tile registers of x86 (AMX) by their numbers, as assembler: the compiler's own names for these
// instructions take no computed numbers and, in GCC 12, do not say which memory they read.
#pragma once

#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) && !defined(__clang__)
#define WAVESTRIDE_AMX 1
#include <wavestride/geometry.h>

#include <array>
#include <cstdint>

namespace wavestride::kernels {

/// The shapes of all tiles: what LDTILECFG reads.
struct alignas(64) TileConfig {
  std::uint8_t palette = 1, start_row = 0;
  std::array<std::uint8_t, 14> reserved{};
  std::array<std::uint16_t, 16> row_bytes{};
  std::array<std::uint8_t, 16> rows{};

  void set(int tile, Index of_rows, Index units) {
    rows[static_cast<std::size_t>(tile)] = static_cast<std::uint8_t>(of_rows);
    row_bytes[static_cast<std::size_t>(tile)] = static_cast<std::uint16_t>(4 * units);
  }
  void load() const { asm volatile("ldtilecfg %0" : : "m"(*this)); }
};

/// Leaves no state of tiles to be kept.
inline void release_tiles() {
  asm volatile("tilerelease");
}

template <int Tile>
void zero_tile() {
  asm volatile("tilezero %%tmm%c0" : : "i"(Tile));
}

/// Rows lie `step` bytes apart.
template <int Tile>
void load_tile(const void* from, Index step) {
  asm volatile("tileloadd (%0,%1,1), %%tmm%c2" : : "r"(from), "r"(step), "i"(Tile) : "memory");
}

template <int Tile>
void store_tile(void* to, Index step) {
  asm volatile("tilestored %%tmm%c2, (%0,%1,1)" : : "r"(to), "r"(step), "i"(Tile) : "memory");
}

/// Sum += A · B, of pairs of bfloat16.
template <int Sum, int A, int B>
void add_bfloat16_tiles() {
  asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(Sum), "i"(A), "i"(B));
}

/// Sum += A · B, of fours of bytes, unsigned ones in A and signed ones in B.
template <int Sum, int A, int B>
void add_byte_tiles() {
  asm volatile("tdpbusd %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(Sum), "i"(A), "i"(B));
}

}  // namespace wavestride::kernels
#else
#define WAVESTRIDE_AMX 0
#endif
