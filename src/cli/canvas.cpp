#include "cli/canvas.h"

#ifndef WAVESTRIDE_NO_PLOTS
#include <png.h>
#endif

#include <algorithm>
#include <cmath>
#include <numbers>
#include <stdexcept>
#include <string>

namespace wavestride::cli {
namespace {

// ASCII 32 … 126, sixteen glyphs a band, each 5 wide with a blank column after it: 7 rows above the baseline
// and 2 below. A glyph's advance is its inked width.
// clang-format off
constexpr std::string_view font[][9] = {
    {"      o     o o    o o    o   oo  o  oo   o       o   o                                       o",
     "      o     o o    o o   oooo oo  o o  o  o      o     o      o     o                         o",
     "      o     o o   ooooo o o      o  o o   o     o       o   o o o   o                        o ",
     "      o            o o   ooo    o    o          o       o    ooo  ooooo       oooo          o  ",
     "      o           ooooo   o o  o    o o o       o       o   o o o   o                      o   ",
     "                   o o  oooo  o  oo o  o        o       o     o     o                     o    ",
     "      o            o o    o   o  oo  oo o       o       o                o           o    o    ",
     "                                                 o     o                 o                     ",
     "                                                  o   o                 o                      "},
    {" ooo    o    ooo   ooo     o  ooooo   oo  ooooo  ooo   ooo                 o        o      ooo ",
     "o   o  oo   o   o o   o   oo  o      o        o o   o o   o               o          o    o   o",
     "o   o   o       o     o  o o  oooo  o        o  o   o o   o              o    oooo    o       o",
     "o   o   o     oo    oo  o  o      o oooo    o    ooo   oooo o      o    o              o     o ",
     "o   o   o    o        o ooooo     o o   o   o   o   o     o              o    oooo    o     o  ",
     "o   o   o   o     o   o    o  o   o o   o  o    o   o    o                o          o         ",
     " ooo   ooo  ooooo  ooo     o   ooo   ooo   o     ooo   oo   o      o       o        o       o  ",
     "                                                                   o                           ",
     "                                                                  o                            "},
    {" ooo   ooo  oooo   ooo  oooo  ooooo ooooo  ooo  o   o ooo     ooo o   o o     o   o o   o  ooo ",
     "o   o o   o o   o o   o o   o o     o     o   o o   o  o       o  o  o  o     oo oo oo  o o   o",
     "o ooo o   o o   o o     o   o o     o     o     o   o  o       o  o o   o     o o o oo  o o   o",
     "o o o ooooo oooo  o     o   o oooo  oooo  o ooo ooooo  o       o  oo    o     o o o o o o o   o",
     "o oo  o   o o   o o     o   o o     o     o   o o   o  o       o  o o   o     o   o o  oo o   o",
     "o     o   o o   o o   o o   o o     o     o   o o   o  o    o  o  o  o  o     o   o o  oo o   o",
     " oooo o   o oooo   ooo  oooo  ooooo o      oooo o   o ooo    oo   o   o ooooo o   o o   o  ooo ",
     "                                                                                               ",
     "                                                                                               "},
    {"oooo   ooo  oooo   oooo ooooo o   o o   o o   o o   o o   o ooooo oo    o     oo      o        ",
     "o   o o   o o   o o       o   o   o o   o o   o o   o o   o     o o     o      o     o o       ",
     "o   o o   o o   o o       o   o   o o   o o   o  o o   o o     o  o      o     o    o   o      ",
     "oooo  o   o oooo   ooo    o   o   o o   o o o o   o     o     o   o       o    o               ",
     "o     o o o o o       o   o   o   o  o o  o o o  o o    o    o    o        o   o               ",
     "o     o  o  o  o      o   o   o   o  o o  oo oo o   o   o   o     o         o  o               ",
     "o      oo o o   o oooo    o    ooo    o   o   o o   o   o   ooooo o         o  o          ooooo",
     "                                                                  o            o               ",
     "                                                                  oo          oo               "},
    {"o           o               o         oo        o     o       o   o     o                      ",
     " o          o               o        o          o                 o     o                      ",
     "       ooo  oooo   ooo   oooo  ooo  oooo   oooo oooo  o       o   o  o  o     oooo  oooo   ooo ",
     "          o o   o o     o   o o   o  o    o   o o   o o       o   o o   o     o o o o   o o   o",
     "       oooo o   o o     o   o ooooo  o    o   o o   o o       o   oo    o     o o o o   o o   o",
     "      o   o o   o o     o   o o      o    o   o o   o o       o   o o   o     o o o o   o o   o",
     "       oooo oooo   ooo   oooo  ooo   o     oooo o   o o       o   o  o   o    o o o o   o  ooo ",
     "                                              o               o                                ",
     "                                           ooo              oo                                 "},
    {"                         o                                          o   o     o                ",
     "                         o                                         o    o      o               ",
     "oooo   oooo o oo   oooo oooo  o   o o   o o   o o   o o   o ooooo  o    o      o               ",
     "o   o o   o oo    o      o    o   o o   o o o o  o o  o   o    o   o    o      o     o  o      ",
     "o   o o   o o      ooo   o    o   o  o o  o o o   o   o   o   o   o     o       o   o oo       ",
     "o   o o   o o         o  o    o   o  o o  o o o  o o  o   o  o     o    o      o               ",
     "oooo   oooo o     oooo    oo   oooo   o    o o  o   o  oooo ooooo  o    o      o               ",
     "o         o                                               o        o    o      o               ",
     "o         o                                            ooo          o   o     o                "},
};
// clang-format on

constexpr int glyph_rows = 9, glyph_columns = 5, cap_rows = 7, text_scale = 2;

struct Glyph {
  const std::string_view* rows = nullptr;  // nullptr: a box, for what the font lacks
  std::size_t column = 0;
  int width = glyph_columns;

  explicit Glyph(unsigned char c) {
    if (c < 32 || c > 126) return;
    rows = font[(c - 32) / 16];
    column = static_cast<std::size_t>((c - 32) % 16) * (glyph_columns + 1);
    if (c == ' ') {
      width = 3;
      return;
    }
    while (width > 1 && !inked_column(width - 1)) --width;
  }

  bool inked(int x, int y) const {
    if (!rows) return y < cap_rows && (x == 0 || x == width - 1 || y == 0 || y == cap_rows - 1);
    return rows[y][column + static_cast<std::size_t>(x)] != ' ';
  }

 private:
  bool inked_column(int x) const {
    for (int y = 0; y < glyph_rows; ++y)
      if (inked(x, y)) return true;
    return false;
  }
};

// Calls dot(x, y) for every inked dot of the text, y down from the top of capitals. Returns the width in
// dots.
template <class F>
int over_dots(std::string_view s, F&& dot) {
  int x = 0;
  for (const char c : s) {
    if ((static_cast<unsigned char>(c) & 0xC0) == 0x80) continue;  // one box per UTF-8 character
    const Glyph g(static_cast<unsigned char>(c));
    for (int row = 0; row < glyph_rows; ++row)
      for (int column = 0; column < g.width; ++column)
        if (g.inked(column, row)) dot(x + column, row);
    x += g.width + 1;
  }
  return std::max(0, x - 1);
}

int shift(Align align, int width) {
  return align == Align::start ? 0 : align == Align::centre ? -width / 2 : -width;
}

struct LinearRgb {
  double r, g, b;
  bool shown() const {
    const auto [lo, hi] = std::minmax({r, g, b});
    return lo >= 0 && hi <= 1;
  }
};

// Björn Ottosson, "A perceptual color space for image processing" (2020).
LinearRgb from_oklch(double lightness, double chroma, double hue) {
  const double a = chroma * std::cos(hue), b = chroma * std::sin(hue);
  const auto cube = [](double v) { return v * v * v; };
  const double l = cube(lightness + 0.3963377774 * a + 0.2158037573 * b);
  const double m = cube(lightness - 0.1055613458 * a - 0.0638541728 * b);
  const double s = cube(lightness - 0.0894841775 * a - 1.2914855480 * b);
  return {4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
          -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
          -0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s};
}

std::uint8_t srgb(double linear) {
  const double v = std::clamp(linear, 0.0, 1.0);
  return static_cast<std::uint8_t>(
      std::lround(255 * (v <= 0.0031308 ? 12.92 * v : 1.055 * std::pow(v, 1 / 2.4) - 0.055)));
}

}  // namespace

Colour colour_map(double t) {
  t = t > 0 ? std::min(t, 1.0) : 0.0;  // NaN is the low end
  const double lightness = 0.14 + 0.81 * t;
  const double hue = (295 - 190 * t) * std::numbers::pi / 180;
  LinearRgb c{};
  double chroma = 0.13;
  do {  // the most vivid that a screen shows at this lightness and hue
    c = from_oklch(lightness, chroma, hue);
    chroma -= 0.001;
  } while (!c.shown() && chroma > 0);
  return {srgb(c.r), srgb(c.g), srgb(c.b)};
}

Canvas::Canvas(int width, int height, Colour background)
    : width_(width),
      height_(height),
      pixels_(static_cast<std::size_t>(width) * static_cast<std::size_t>(height), background) {}

void Canvas::set(int x, int y, Colour c) {
  if (x >= 0 && x < width_ && y >= 0 && y < height_) pixels_[index(x, y)] = c;
}

void Canvas::blend(int x, int y, Colour c, double coverage) {
  if (x < 0 || x >= width_ || y < 0 || y >= height_) return;
  Colour& p = pixels_[index(x, y)];
  const auto mix = [coverage](std::uint8_t from, std::uint8_t to) {
    return static_cast<std::uint8_t>(std::lround(from + (to - from) * std::clamp(coverage, 0.0, 1.0)));
  };
  p = {mix(p.r, c.r), mix(p.g, c.g), mix(p.b, c.b)};
}

void Canvas::fill(const Rect& r, Colour c) {
  for (int y = r.y; y < r.bottom(); ++y)
    for (int x = r.x; x < r.right(); ++x) set(x, y, c);
}

void Canvas::frame(const Rect& r, Colour c) {
  fill({r.x, r.y, r.w, 1}, c);
  fill({r.x, r.bottom() - 1, r.w, 1}, c);
  fill({r.x, r.y, 1, r.h}, c);
  fill({r.right() - 1, r.y, 1, r.h}, c);
}

int Canvas::text_width(std::string_view s) {
  return text_scale * over_dots(s, [](int, int) {});
}

void Canvas::text(int x, int y, std::string_view s, Colour c, Align align) {
  const int left = x + shift(align, text_width(s)), top = y - text_scale * cap_rows / 2;
  over_dots(s, [&](int dx, int dy) {
    fill({left + text_scale * dx, top + text_scale * dy, text_scale, text_scale}, c);
  });
}

void Canvas::text_upwards(int x, int y, std::string_view s, Colour c, Align align) {
  const int left = x - text_scale * cap_rows / 2, bottom = y - shift(align, text_width(s));
  over_dots(s, [&](int dx, int dy) {
    fill({left + text_scale * dy, bottom - text_scale * (dx + 1), text_scale, text_scale}, c);
  });
}

#ifdef WAVESTRIDE_NO_PLOTS
std::vector<std::uint8_t> Canvas::png() const {
  throw std::runtime_error("this wavestride was built without pictures");
}
#else
std::vector<std::uint8_t> Canvas::png() const {
  static_assert(sizeof(Colour) == 3);
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = static_cast<png_uint_32>(width_);
  image.height = static_cast<png_uint_32>(height_);
  image.format = PNG_FORMAT_RGB;
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);
  std::vector<std::uint8_t> bytes(size);
  if (!png_image_write_to_memory(&image, bytes.data(), &size, 0, pixels_.data(), 0, nullptr))
    throw std::runtime_error(std::string("PNG: ") + image.message);
  bytes.resize(size);
  return bytes;
}
#endif

}  // namespace wavestride::cli
