// Plot: panels one above the other that share their time axis, each a waveform or a picture of bins × frames
// with a colour bar.
#pragma once

#include <wavestride/signal.h>

#include <string>
#include <variant>
#include <vector>

#include "cli/canvas.h"

namespace wavestride::cli {

struct Tick {
  double position = 0;
  std::string label;
};

/// What runs from lo to hi along a side of a panel, and the values that are marked on it.
struct Axis {
  std::string label;
  double lo = 0, hi = 1;
  std::vector<Tick> ticks;
};

/// Marks at 1, 2 or 5 times a power of ten, at most `most` (but two) of them.
Axis linear_axis(std::string label, double lo, double hi, int most);

/// One channel; NaN leaves a gap.
struct Trace {
  std::vector<float> samples;
};

/// Rows (the lowest first) × columns of equal width; values from lo to hi run through the colour map.
struct Heat {
  Signal values;
  double lo = 0, hi = 1;
  std::string unit;
};

struct Panel {
  std::string title;
  Axis y;
  std::variant<Trace, Heat> content;
};

struct Plot {
  std::string title;
  Axis time;
  std::vector<Panel> panels;
};

/// The size in pixels of what a panel shows, without axes: a Heat of more columns is averaged down to it.
inline constexpr int panel_width = 960, heat_height = 300, trace_height = 150;

/// All panels are panel_width wide.
Canvas draw(const Plot& plot);

}  // namespace wavestride::cli
