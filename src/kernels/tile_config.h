// The shapes of x86's tile registers, for those who use them; empty elsewhere.
#pragma once

#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) && !defined(__clang__)
#define WAVESTRIDE_AMX 1
// Its undefined vectors are seen as mistakes (GCC bug 105593).
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>
#pragma GCC diagnostic pop
#include <wavestride/geometry.h>

#include <array>
#include <cstdint>

namespace wavestride::kernels {

/// What LDTILECFG reads. Memory that tiles read must be kept from the compiler's eyes, which does not know of
/// it: see load().
struct alignas(64) TileConfig {
  std::uint8_t palette = 1, start_row = 0;
  std::array<std::uint8_t, 14> reserved{};
  std::array<std::uint16_t, 16> row_bytes{};
  std::array<std::uint8_t, 16> rows{};

  void set(int tile, Index of_rows, Index units) {
    rows[static_cast<std::size_t>(tile)] = static_cast<std::uint8_t>(of_rows);
    row_bytes[static_cast<std::size_t>(tile)] = static_cast<std::uint16_t>(4 * units);
  }

  __attribute__((target("amx-tile"))) void load() const {
    asm volatile("" : : "r"(this) : "memory");
    _tile_loadconfig(this);
  }
};

}  // namespace wavestride::kernels
#else
#define WAVESTRIDE_AMX 0
#endif
