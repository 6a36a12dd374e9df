// Minimal filtering along time: F(m, r), which makes m outputs of a filter of r taps by m + r − 1 products
// (Winograd, Arithmetic Complexity of Computations, 1980; Toom-Cook with the points below). Points pair up as
// ±a, so that what they share is computed once.
#pragma once

#include <wavestride/geometry.h>

#include <array>

#include "kernels/finish.h"

namespace wavestride::kernels {

/// F(outputs, taps), one of minimal_filters. The more points, the more they magnify rounding: it errs about
/// 5, 15, 23 and 100 times as much as a sum.
struct MinimalFilter {
  Index outputs, taps;

  Index points() const { return taps + outputs - 1; }
  /// The weight at `point` of a filter that is 1 at `tap` and else 0.
  double weight(Index point, Index tap) const;
};

inline constexpr std::array<MinimalFilter, 4> minimal_filters{{{6, 3}, {6, 6}, {6, 7}, {5, 11}}};

/// Inputs of tile j are the rows in + (f.outputs·j + i)·channels, i in [0, points()), of which x is taken as
/// x > 0 ? x : slope·x. For j in [0, tiles) and every channel: out[p·point_step + j·channels + c] = what the
/// tile's inputs are at point p. `channels` must be a multiple of 16.
void minimal_input(MinimalFilter f, const float* in, float slope, Index channels, Index tiles, float* out,
                   Index point_step) noexcept;

/// The outputs of `tiles` tiles, a multiple of `dilation`: bias + what the values at the points,
///     in[p·point_step + j·channels + c],
/// make of them, and then `finish`. Output i of tile j is frame
///     (j / dilation · f.outputs + i) · dilation + j % dilation;
/// frames are rows of `channels` floats, out_step apart. `channels` must be a multiple of 16.
void minimal_output(MinimalFilter f, const float* in, Index point_step, const float* bias, Index channels,
                    Index tiles, Index dilation, const Finish& finish, float* out, Index out_step) noexcept;

}  // namespace wavestride::kernels
