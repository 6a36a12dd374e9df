// dense() on bfloat16 by the tile registers of x86 (AMX): sixteen times the products of a vector instruction.
#pragma once

#include "kernels/bfloat16.h"

namespace wavestride::kernels {

/// Whether processor and system let this process use tiles of bfloat16 and of 8-bit integers. Asks Linux for
/// its leave, once for the process.
bool amx_available() noexcept;

/// Rows of a block of weights that are packed for amx_dense().
constexpr Index amx_row_block = 16;

/// As dense() in bfloat16.h, but for the order: block by block of rows, and in it tap by tap, what a tile
/// gives is added to what begins as bias[o]. In a tile the products of first channels are summed, row by row,
/// those of second channels apart from them, and then both. Numbers too small to be normal are zero.
void amx_dense(const Bfloat16Weights& w, const Bfloat16Pair* in, const Index* offsets, Index in_step,
               Index frames, float* out, Index out_step) noexcept;

}  // namespace wavestride::kernels
