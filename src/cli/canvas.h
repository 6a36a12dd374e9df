// Canvas: an RGB picture drawn pixel by pixel, and its PNG encoding. Text is a small bitmap font of our own,
// so that pictures need no font files and look the same everywhere.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace wavestride::cli {

struct Colour {
  std::uint8_t r = 0, g = 0, b = 0;
  bool operator==(const Colour&) const = default;
};

/// The colour of t in [0, 1] on a perceptual scale: OKLCh lightness rises linearly while the hue turns from
/// violet through teal to yellow. Values outside are clamped.
Colour colour_map(double t);

/// Left, top, width and height in pixels; y grows downwards.
struct Rect {
  int x = 0, y = 0, w = 0, h = 0;
  int right() const { return x + w; }
  int bottom() const { return y + h; }
};

enum class Align { start, centre, end };

class Canvas {
 public:
  Canvas(int width, int height, Colour background);

  int width() const { return width_; }
  int height() const { return height_; }
  Colour at(int x, int y) const { return pixels_[index(x, y)]; }

  /// What lies outside the picture is not drawn.
  void set(int x, int y, Colour c);
  /// `coverage` 0 keeps what is there, 1 replaces it.
  void blend(int x, int y, Colour c, double coverage);
  void fill(const Rect& r, Colour c);
  void frame(const Rect& r, Colour c);

  /// ASCII text with its vertical middle at y; other characters show as a box.
  void text(int x, int y, std::string_view s, Colour c, Align align = Align::start);
  /// The same turned by 90°, read upwards, with its horizontal middle at x.
  void text_upwards(int x, int y, std::string_view s, Colour c, Align align = Align::start);
  static int text_width(std::string_view s);

  std::vector<std::uint8_t> png() const;

 private:
  std::size_t index(int x, int y) const {
    return static_cast<std::size_t>(y) * static_cast<std::size_t>(width_) + static_cast<std::size_t>(x);
  }

  int width_, height_;
  std::vector<Colour> pixels_;
};

}  // namespace wavestride::cli
