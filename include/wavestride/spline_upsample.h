// Upsampling by the interpolating cubic spline of all samples, as bandwidth extension networks take it
// (scipy.interpolate.splrep and splev). A spline depends on the whole signal, but on a sample k frames away
// only by 0.268^k; here each output reads 15 samples on either side of it, exact to rounding in float32.
#pragma once

#include <wavestride/op.h>

namespace WAVESTRIDE_API wavestride {

namespace op {

/// y[c, n] = s_c(n/factor) with the cubic spline s_c through x[c, 0], x[c, 1], …, whose ends are "not a
/// knot": the outermost two intervals are one cubic, which goes on past the last sample. Two and three
/// samples give a line and a parabola, one a constant. x: channels × T, y: channels × factor·T. Throws
/// std::invalid_argument unless channels are positive and factor is from 1 to 1024.
Op spline_upsample(Index channels, Index factor);

}  // namespace op

/// The whole-signal result of op::spline_upsample.
Signal spline_upsample(FramesView x, Index factor);

}  // namespace wavestride
