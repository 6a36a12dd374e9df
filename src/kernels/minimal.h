// Minimal filtering along time: F(4, r), which makes 4 outputs of a filter of r taps by r + 3 products
// (Winograd, Arithmetic Complexity of Computations, 1980; Toom-Cook with the points below). Points pair up as
// ±a, so that what they share is computed once.
#pragma once

#include <wavestride/geometry.h>

namespace wavestride::kernels {

/// Outputs of a tile.
inline constexpr Index minimal_tile = 4;

/// F(4, 3) by the points ±¾, ±1½, 0, ∞; F(4, 4) by ±⅜, ±⅞, ±1½, ∞: of the small fractions, those that magnify
/// rounding errors least.
struct MinimalFilter {
  Index taps;  ///< 3 or 4

  Index points() const { return taps + minimal_tile - 1; }
  /// The weight at `point` of a filter that is 1 at `tap` and else 0.
  double weight(Index point, Index tap) const;
};

/// Inputs of tile j are the rows in + (4·j + i)·channels, i in [0, points()). For j in [0, tiles) and every
/// channel: out[p·point_step + j·channels + c] = what the tile's inputs are at point p. `channels` must be a
/// multiple of 16.
void minimal_input(MinimalFilter f, const float* in, Index channels, Index tiles, float* out,
                   Index point_step) noexcept;

/// The 4 outputs of one tile, rows of `channels` floats, out_step apart: bias + what the values
/// in[p·point_step + c] at the points make of them. `channels` must be a multiple of 16.
void minimal_output(MinimalFilter f, const float* in, Index point_step, const float* bias, Index channels,
                    float* out, Index out_step) noexcept;

}  // namespace wavestride::kernels
