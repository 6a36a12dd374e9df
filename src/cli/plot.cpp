#include "cli/plot.h"

#include <Eigen/SparseCore>
#include <algorithm>
#include <cmath>
#include <cstdio>

namespace wavestride::cli {
namespace {

constexpr Colour paper{255, 255, 255}, ink{34, 38, 46}, faint{226, 229, 234}, wave{38, 84, 148};
constexpr int left_margin = 104, right_margin = 120, title_height = 44, panel_title_height = 34,
              panel_gap = 14, bottom_margin = 62, tick_length = 6, bar_width = 18, bar_gap = 14;

int height_of(const Panel& p) {
  return std::holds_alternative<Heat>(p.content) ? heat_height : trace_height;
}

std::string number(double v, double step) {
  const int decimals = std::max(0, static_cast<int>(std::ceil(-std::log10(step) - 1e-9)));
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", std::min(decimals, 9), std::abs(v) < step * 1e-6 ? 0.0 : v);
  return text;
}

/// Pixels from the low end of an axis `pixels` long.
int offset_of(const Axis& axis, double position, int pixels) {
  const double t = axis.hi > axis.lo ? (position - axis.lo) / (axis.hi - axis.lo) : 0;
  return static_cast<int>(std::lround(std::clamp(t, 0.0, 1.0) * (pixels - 1)));
}

// `to` samples of `from` by a triangle filter: linear interpolation upwards, a weighted mean downwards.
Eigen::SparseMatrix<float> resizing(Index from, Index to) {
  std::vector<Eigen::Triplet<float>> weights;
  const double step = static_cast<double>(from) / static_cast<double>(to), reach = std::max(1.0, step);
  for (Index i = 0; i < to; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * step - 0.5;
    const auto first = static_cast<Index>(std::ceil(centre - reach)),
               last = static_cast<Index>(std::floor(centre + reach));
    double sum = 0;
    for (Index k = first; k <= last; ++k) sum += reach - std::abs(static_cast<double>(k) - centre);
    for (Index k = first; k <= last; ++k)
      weights.emplace_back(i, std::clamp<Index>(k, 0, from - 1),
                           static_cast<float>((reach - std::abs(static_cast<double>(k) - centre)) / sum));
  }
  Eigen::SparseMatrix<float> m(to, from);
  m.setFromTriplets(weights.begin(), weights.end());
  return m;
}

void draw_content(Canvas& canvas, const Rect& r, const Heat& heat) {
  canvas.fill(r, faint);
  if (heat.values.size() == 0) return;
  const auto lo = static_cast<float>(heat.lo), hi = static_cast<float>(heat.hi);
  const Signal bounded =
      heat.values.unaryExpr([=](float v) { return v > lo ? std::min(v, hi) : lo; });  // NaN and −inf are lo
  const Signal rows = resizing(bounded.rows(), r.h) * bounded;
  const Signal image = rows * resizing(bounded.cols(), r.w).transpose();
  std::vector<Colour> colours;
  for (int i = 0; i < 1024; ++i) colours.push_back(colour_map(i / 1023.0));
  const float scale = hi > lo ? 1023.0f / (hi - lo) : 0.0f;
  for (int x = 0; x < r.w; ++x)
    for (int y = 0; y < r.h; ++y) {
      const float t = std::clamp((image(r.h - 1 - y, x) - lo) * scale, 0.0f, 1023.0f);
      canvas.set(r.x + x, r.y + y, colours[static_cast<std::size_t>(std::lround(t))]);
    }
}

// The samples are a polyline; what of it falls into a column of pixels is one vertical stroke.
void draw_content(Canvas& canvas, const Rect& r, const Trace& trace, const Axis& y_axis) {
  for (const Tick& t : y_axis.ticks)
    canvas.fill({r.x, r.bottom() - 1 - offset_of(y_axis, t.position, r.h), r.w, 1}, faint);
  const auto n = static_cast<Index>(trace.samples.size());
  const auto sample = [&](Index i) { return double{trace.samples[static_cast<std::size_t>(i)]}; };
  const auto value = [&](double position) {
    const auto i = std::min(static_cast<Index>(position), n - 1);
    return std::lerp(sample(i), sample(std::min(i + 1, n - 1)), position - static_cast<double>(i));
  };
  const auto row = [&](double v) {
    const double t = (std::clamp(v, y_axis.lo, y_axis.hi) - y_axis.lo) / (y_axis.hi - y_axis.lo);
    return r.bottom() - 0.5 - t * (r.h - 1);
  };
  for (int x = 0; n > 0 && x < r.w; ++x) {
    const double from = static_cast<double>(n) * x / r.w,
                 to = std::min(static_cast<double>(n) * (x + 1) / r.w, static_cast<double>(n - 1));
    if (from > to) break;
    double lo = INFINITY, hi = -INFINITY;
    const auto include = [&](double v) { lo = std::fmin(lo, v), hi = std::fmax(hi, v); };
    include(value(from));
    for (auto i = static_cast<Index>(std::ceil(from)); static_cast<double>(i) < to; ++i) include(sample(i));
    include(value(to));
    if (lo > hi) continue;
    const double top = row(hi) - 0.75, bottom = row(lo) + 0.75;
    for (int y = static_cast<int>(std::floor(top)); y < bottom; ++y)
      canvas.blend(r.x + x, y, wave, std::min(y + 1.0, bottom) - std::max<double>(y, top));
  }
}

void draw_ticks_beside(Canvas& canvas, int x, const Rect& r, const Axis& axis, bool to_the_left) {
  const int direction = to_the_left ? -1 : 1;
  for (const Tick& t : axis.ticks) {
    const int y = r.bottom() - 1 - offset_of(axis, t.position, r.h);
    canvas.fill({to_the_left ? x - tick_length : x, y, tick_length, 1}, ink);
    canvas.text(x + direction * (tick_length + 5), y, t.label, ink, to_the_left ? Align::end : Align::start);
  }
}

void draw_colour_bar(Canvas& canvas, const Rect& panel, const Heat& heat) {
  const Rect r{panel.right() + bar_gap, panel.y, bar_width, panel.h};
  for (int y = 0; y < r.h; ++y) canvas.fill({r.x, r.y + y, r.w, 1}, colour_map(1.0 - y / (r.h - 1.0)));
  canvas.frame(r, ink);
  draw_ticks_beside(canvas, r.right(), r, linear_axis(heat.unit, heat.lo, heat.hi, 6), false);
  canvas.text(r.x, r.y - 16, heat.unit, ink);
}

}  // namespace

Axis linear_axis(std::string label, double lo, double hi, int most) {
  Axis axis{std::move(label), lo, hi, {}};
  if (!(hi > lo) || !std::isfinite(hi - lo)) return axis;
  const double decade = std::pow(10.0, std::floor(std::log10((hi - lo) / most)));
  double step = decade;
  for (const double multiple : {2.0, 5.0, 10.0})
    if ((hi - lo) / step > most) step = multiple * decade;
  const double slack = 1e-9 * (hi - lo);
  for (double k = std::ceil((lo - slack) / step); k * step <= hi + slack; ++k)
    axis.ticks.push_back({k * step, number(k * step, step)});
  return axis;
}

Canvas draw(const Plot& plot) {
  int height = title_height + bottom_margin - panel_gap;
  for (const Panel& p : plot.panels) height += panel_title_height + height_of(p) + panel_gap;
  Canvas canvas(left_margin + panel_width + right_margin, height, paper);
  canvas.text(left_margin + panel_width / 2, title_height / 2 + 4, plot.title, ink, Align::centre);

  Rect r{left_margin, title_height, panel_width, 0};
  for (const Panel& p : plot.panels) {
    r.y += panel_title_height;
    r.h = height_of(p);
    canvas.text(r.x, r.y - 16, p.title, ink);
    if (const auto* heat = std::get_if<Heat>(&p.content)) {
      draw_content(canvas, r, *heat);
      draw_colour_bar(canvas, r, *heat);
    } else {
      draw_content(canvas, r, std::get<Trace>(p.content), p.y);
    }
    canvas.frame({r.x - 1, r.y - 1, r.w + 2, r.h + 2}, ink);
    draw_ticks_beside(canvas, r.x - 1, r, p.y, true);
    canvas.text_upwards(20, r.y + r.h / 2, p.y.label, ink, Align::centre);
    const bool lowest = &p == &plot.panels.back();
    for (const Tick& t : plot.time.ticks) {
      const int x = r.x + offset_of(plot.time, t.position, r.w);
      canvas.fill({x, r.bottom() + 1, 1, tick_length}, ink);
      if (lowest) canvas.text(x, r.bottom() + 18, t.label, ink, Align::centre);
    }
    r.y += r.h + panel_gap;
  }
  canvas.text(left_margin + panel_width / 2, height - 18, plot.time.label, ink, Align::centre);
  return canvas;
}

}  // namespace wavestride::cli
