#include "cli/plot.h"

#include <catch2/catch.hpp>
#include <cmath>

using namespace wavestride;
using namespace wavestride::cli;

namespace {

// Luminance as CIE lightness, 0 … 100.
double lightness(Colour c) {
  const auto linear = [](std::uint8_t v) {
    const double s = v / 255.0;
    return s <= 0.04045 ? s / 12.92 : std::pow((s + 0.055) / 1.055, 2.4);
  };
  const double y = 0.2126 * linear(c.r) + 0.7152 * linear(c.g) + 0.0722 * linear(c.b);
  return y > 0.008856 ? 116 * std::cbrt(y) - 16 : 903.3 * y;
}

std::vector<std::string> labels(const Axis& axis) {
  std::vector<std::string> texts;
  for (const Tick& t : axis.ticks) texts.push_back(t.label);
  return texts;
}

Panel heat_panel(Signal values, double lo, double hi) {
  return {"", linear_axis("", 0, 1, 2), Heat{std::move(values), lo, hi, "dB"}};
}

Panel trace_panel(std::vector<float> samples) {
  return {"", linear_axis("", -1, 1, 4), Trace{std::move(samples)}};
}

template <class... Panels>
Canvas drawn(Panels... panels) {
  Plot plot{"", linear_axis("time (s)", 0, 1, 12), {}};
  (plot.panels.push_back(std::move(panels)), ...);
  return draw(plot);
}

// What a picture of one heat panel shows at a fraction of the panel's width and height from its lower left.
Colour shown(const Canvas& canvas, double right, double up) {
  // A panel without values is of one colour, and only it is.
  const Canvas empty = drawn(heat_panel(Signal(), 0, 1));
  const int y = empty.height() / 2;
  const Colour inside = empty.at(empty.width() / 2, y);
  int left = 0, bottom = y;
  while (empty.at(left, y) != inside) ++left;
  while (empty.at(left, bottom + 1) == inside) ++bottom;
  return canvas.at(left + static_cast<int>(right * (panel_width - 1)),
                   bottom - static_cast<int>(up * (heat_height - 1)));
}

}  // namespace

TEST_CASE("Axes are marked at round numbers") {
  CHECK(labels(linear_axis("", 0, 8, 8)) ==
        std::vector<std::string>{"0", "1", "2", "3", "4", "5", "6", "7", "8"});
  CHECK(labels(linear_axis("", -90, 0, 6)) == std::vector<std::string>{"-80", "-60", "-40", "-20", "0"});
  CHECK(labels(linear_axis("", 0, 0.35, 4)) == std::vector<std::string>{"0.0", "0.1", "0.2", "0.3"});
  CHECK(labels(linear_axis("", -1, 1, 4)) == std::vector<std::string>{"-1.0", "-0.5", "0.0", "0.5", "1.0"});
  CHECK(linear_axis("", 0, 0, 8).ticks.empty());
  CHECK(linear_axis("", 0, INFINITY, 8).ticks.empty());
  for (const double hi : {1e-9, 0.37, 3.3, 86399.0, 1e12})
    for (const int most : {2, 6, 12}) {
      const auto ticks = linear_axis("", 0, hi, most).ticks.size();
      CHECK((ticks >= 2 && ticks <= static_cast<std::size_t>(most) + 2));
    }
}

TEST_CASE("The colour map brightens from end to end") {
  double before = lightness(colour_map(0));
  CHECK(before < 10);
  for (int i = 1; i <= 20; ++i) {
    const double now = lightness(colour_map(i / 20.0));
    CHECK(now - before == Approx(4.0).margin(2.5));
    before = now;
  }
  CHECK(colour_map(-1) == colour_map(0));
  CHECK(colour_map(2) == colour_map(1));
  CHECK(colour_map(NAN) == colour_map(0));
}

TEST_CASE("A heat panel shows its first row at the bottom and its first column at the left") {
  Signal x = Signal::Zero(2, 2);
  x(0, 0) = 1;
  const Canvas canvas = drawn(heat_panel(x, 0, 1));
  CHECK(shown(canvas, 0.1, 0.1) == colour_map(1));
  CHECK(shown(canvas, 0.9, 0.1) == colour_map(0));
  CHECK(shown(canvas, 0.1, 0.9) == colour_map(0));
}

TEST_CASE("Values outside the range, NaN and infinities are drawn as its ends") {
  Signal x(1, 4);
  x << -INFINITY, NAN, INFINITY, 7.0f;
  const Canvas canvas = drawn(heat_panel(x, 0, 1));
  CHECK(shown(canvas, 0.05, 0.5) == colour_map(0));
  CHECK(shown(canvas, 0.3, 0.5) == colour_map(0));
  CHECK(shown(canvas, 0.8, 0.5) == colour_map(1));
  CHECK(shown(canvas, 0.95, 0.5) == colour_map(1));
}

TEST_CASE("Plots of any size are drawn") {
  const int none = drawn().height();
  for (const Index columns : {0, 1, 50'000}) {
    const Canvas canvas = drawn(heat_panel(Signal::Random(3, columns), -1, 1));
    CHECK(canvas.height() > none + heat_height);
    CHECK(canvas.png().size() > 1000);
  }
  for (const std::size_t samples : {0, 1, 2, 100'000})
    for (const float v : {0.5f, NAN, INFINITY}) {
      const std::vector<float> x(samples, v);
      CHECK(drawn(trace_panel(x), trace_panel(x)).height() > none + 2 * trace_height);
    }
}

TEST_CASE("Text is as wide as its glyphs and boxes stand for what the font lacks") {
  CHECK(Canvas::text_width("") == 0);
  CHECK(Canvas::text_width("ll") > Canvas::text_width("l"));
  CHECK(Canvas::text_width("ü") == Canvas::text_width("H"));
  Canvas canvas(200, 40, {255, 255, 255});
  canvas.text(190, 20, "runs off the edge", {0, 0, 0});
  canvas.text_upwards(5, 5, "runs off the edge", {0, 0, 0}, Align::centre);
  CHECK((canvas.at(199, 0) == Colour{255, 255, 255}));
  canvas.text(20, 20, "I", {0, 0, 0});
  CHECK((canvas.at(22, 20) == Colour{0, 0, 0}));
}
