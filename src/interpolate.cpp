#include <wavestride/interpolate.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "check.h"
#include "frame_shuffle.h"
#include "moves_frames.h"

namespace wavestride {
namespace {

using detail::Wide;

constexpr Index most_terms = Index{1} << 40, most_scale = 1 << 20;

struct WideRatio {
  Wide num, den;
};

// The fraction of the smallest denominator in [a/b, c/d], by continued fractions.
[[gnu::noinline]] WideRatio simplest_between(Wide a, Wide b, Wide c, Wide d) {
  const Wide whole = a / b;
  if (whole * b == a) return {whole, 1};
  if (whole < c / d) return {whole + 1, 1};
  const WideRatio rest = simplest_between(d, c - whole * d, b, a - whole * b);
  return {whole * rest.num + rest.den, rest.num};
}

// All reals that round to s lie between the midpoints to its neighbours.
Ratio rationalise(double s) {
  require(s >= 1.0 / most_scale && s <= most_scale, "scale_factor must be between 2^-20 and 2^20, got ", s);
  int exponent = 0;
  const auto mantissa = static_cast<Index>(std::ldexp(std::frexp(s, &exponent), 53));
  const Wide den = Wide{1} << (54 - exponent), middle = 2 * static_cast<Wide>(mantissa);
  const WideRatio r = simplest_between(middle - 1, den, middle + 1, den);
  return {detail::saturate(r.num), detail::saturate(r.den)};
}

}  // namespace

ScaleFactor::ScaleFactor(double scale) : ratio_(rationalise(scale)) {}

ScaleFactor::ScaleFactor(Ratio r) : ratio_(r) {
  require(r.num >= 1 && r.den >= 1 && r.num <= most_terms && r.den <= most_terms &&
              r.num / r.den <= most_scale && r.den / r.num <= most_scale,
          "scale_factor must be between 2^-20 and 2^20 with terms from 1 to 2^40, got ", r.num, "/", r.den);
}

namespace {

const char* mode_name(InterpolateMode mode) {
  constexpr const char* names[] = {"nearest", "nearest-exact", "linear"};
  return names[static_cast<int>(mode)];
}

/// Where an output lies: `weight` of the way from one input to the next.
struct Position {
  Index index = 0;
  float weight = 0.0f;
};

/// Positions (n·mul + add)/den, one n after another.
class Walk {
 public:
  /// A weight is the rest, of 0 to den − 1, times `to_weight`: 0 for the nearest, 1/den for linear.
  Walk(Index n, Index mul, Index add, Index den, double to_weight)
      : index_(detail::affine_floor(n, mul, add, den)),
        rest_(static_cast<Index>(static_cast<Wide>(n) * mul + add - static_cast<Wide>(index_) * den)),
        step_(mul / den),
        step_rest_(mul % den),
        den_(den),
        to_weight_(to_weight) {}

  Position operator*() const { return {index_, static_cast<float>(static_cast<double>(rest_) * to_weight_)}; }

  Walk& operator++() {
    index_ += step_;
    rest_ += step_rest_;
    if (rest_ >= den_) rest_ -= den_, ++index_;
    return *this;
  }

 private:
  Index index_, rest_, step_, step_rest_, den_;
  double to_weight_;
};

/// How outputs lie along one axis.
struct Axis {
  InterpolateMode mode;
  bool align_corners;
  std::optional<Index> size;
  Ratio scale;

  /// With scale 1 align_corners changes nothing, and so may stream.
  Axis(InterpolateMode m, bool align, std::optional<Index> fixed, std::optional<ScaleFactor> factor)
      : mode(m),
        align_corners(align && !(factor && factor->ratio() == Ratio{})),
        size(fixed),
        scale(factor ? factor->ratio() : Ratio{}) {}

  bool streams() const { return !size && !align_corners; }

  Index total(Index T) const {
    if (T <= 0) return 0;
    return size ? *size : detail::affine_floor(T, scale.num, 0, scale.den);
  }

  Geometry geometry() const {
    if (!streams()) return {};
    switch (mode) {
      case InterpolateMode::nearest:
        return nearest_geometry(scale.num, scale.den);
      case InterpolateMode::nearest_exact:
        return nearest_exact_geometry(scale.num, scale.den);
      case InterpolateMode::linear:
        break;
    }
    return linear_geometry(scale.num, scale.den);
  }

  /// The positions of outputs n, n + 1, … of T inputs; T matters only where the axis does not stream.
  [[gnu::noinline]] Walk from(Index n, Index T) const {
    const Index L = size ? *size : scale.num, M = size ? T : scale.den;
    switch (mode) {
      case InterpolateMode::nearest:
        return {n, M, 0, L, 0};
      case InterpolateMode::nearest_exact:
        return {n, 2 * M, M, 2 * L, 0};
      case InterpolateMode::linear:
        break;
    }
    const Index den = align_corners ? std::max<Index>(total(T) - 1, 1) : 2 * L;
    return {n, align_corners ? T - 1 : 2 * M, align_corners ? 0 : M - L, den, 1 / static_cast<double>(den)};
  }

  std::string describe() const {
    return size ? message("size ", *size) : message("scale ", scale.num, "/", scale.den);
  }
};

/// Where the weight of the second value is 0 it is not read, so that its NaN does not spread.
float between(float a, float b, float weight) {
  return weight == 0.0f ? a : (1.0f - weight) * a + weight * b;
}

class Interpolate final : public Kernel, public detail::MovesFrames {
 public:
  /// Without `bins`, an output frame has the channels of the input.
  Interpolate(std::string name, Index channels, Axis frames, std::vector<Position> bins = {})
      : Kernel(std::move(name), {{channels, frames.geometry(), {PadMode::replicate, 0.0f}}},
               bins.empty() ? channels : static_cast<Index>(bins.size())),
        frames_(frames),
        bins_(std::move(bins)) {
    if (frames.streams() && bins_.empty()) plan(channels);
  }

  Index total(std::span<const Index> lengths) const override { return frames_.total(lengths[0]); }

  std::optional<std::string> whole_signal_reason() const override {
    if (frames_.size) return "a fixed number of output frames is spread over the whole signal";
    if (frames_.align_corners)
      return "the spacing (T − 1)/(out − 1) of align_corners depends on the length of the signal";
    return std::nullopt;
  }

  bool past_caches() const noexcept override { return frames_.scale.num > frames_.scale.den; }

  void compute(const Work& work) const noexcept override {
    const Index channels = out_channels(), end = work.n + work.count;
    Index n = work.n;
    constexpr Index least = 64;  // values that take longer to make than to look for the start of a period
    if (const Index period = frames_.scale.num; !shuffle_.empty() && work.count * channels >= least) {
      const Window& w = inputs()[0].geometry.window;
      const Index start = std::min((n + period - 1) / period * period, end), first = w.first(n);
      make(work, n, start);
      const Index at = (*frames_.from(start, Work::unknown)).index - first,
                  there = w.last(end - 1) + 1 - first;
      n = start + period * shuffle_.make(work.in[0] + at * channels, (there - at) * channels,
                                         work.out + (start - n) * channels, (end - start) * channels);
    }
    if (!steps_.empty()) {
      const auto times = static_cast<Index>(steps_.size());
      const Index start = std::min(n + (first_of_step_ - n % times + times) % times, end),
                  steps = (end - start) / times;
      make(work, n, start);
      const Index at =
          (*frames_.from(start, Work::unknown)).index - inputs()[0].geometry.window.first(work.n);
      kernels::blend_steps(work.in[0] + at * channels, channels, steps, steps_,
                           work.out + (start - work.n) * channels);
      n = start + steps * times;
    }
    make(work, n, end);
  }

 private:
  // All outputs of a period at once, which are what they are in every other.
  [[gnu::cold]] void plan(Index channels) {
    constexpr Index few = 32, most_values = 1024, most_times = 64;
    const Index period = frames_.scale.num;
    const bool linear = frames_.mode == InterpolateMode::linear;
    // Of many, a whole number of times as many frames are between the same two.
    const Index many = linear ? kernels::fewest_stepped : 2 * kernels::fewest_stepped;
    if (channels >= many && frames_.scale.den == 1 && period > 1 && period <= most_times) {
      first_of_step_ = linear ? period / 2 : 0;
      Walk at = frames_.from(first_of_step_, Work::unknown);
      for (Index k = 0; k < period; ++k, ++at) steps_.push_back((*at).weight);
      return;
    }
    if (channels > few || period * channels > most_values) return;
    const auto values = static_cast<std::size_t>(period * channels);
    std::vector<Index> index(values);
    std::vector<float> weights(linear ? values : 0);
    Walk at = frames_.from(0, Work::unknown);
    const Index first = (*at).index;
    for (std::size_t i = 0; i < values; ++i) {
      const Index c = static_cast<Index>(i) % channels;
      if (i > 0 && c == 0) ++at;
      index[i] = ((*at).index - first) * channels + c;
      if (linear) weights[i] = (*at).weight;
    }
    shuffle_ = detail::FrameShuffle(frames_.scale.den * channels, index, weights, linear ? channels : 0);
  }

  // Frames n … end−1, one by one.
  [[gnu::noinline]] void make(const Work& work, Index n, Index end) const noexcept {
    const bool streams = frames_.streams();
    const Index channels = inputs()[0].channels, T = work.length[0];
    const Index first = streams ? inputs()[0].geometry.window.first(work.n) : 0;
    const auto frame = [&](Index i) {
      return work.in[0] + (streams ? i - first : std::clamp<Index>(i, 0, T - 1)) * channels;
    };
    constexpr Index few = 4;  // channels that take less time to copy than to tell a kernel of
    constexpr std::size_t most = 64;
    std::array<kernels::Blend, most> blends;
    float* out = work.out + (n - work.n) * out_channels();
    if (n == end) return;
    Walk at = frames_.from(n, T);
    const bool linear = frames_.mode == InterpolateMode::linear;
    // What is between two frames has the same bits wherever it is made.
    if (bins_.empty() && channels < few && (!linear || shuffle_.empty())) {
      for (; !linear && n < end; ++n, ++at) {
        const float* a = frame((*at).index);
        for (Index c = 0; c < channels; ++c) *out++ = a[c];
      }
      for (; n < end; ++n, ++at) {
        const Position p = *at;
        const float *a = frame(p.index), *b = p.weight == 0.0f ? a : frame(p.index + 1);
        for (Index c = 0; c < channels; ++c) *out++ = between(a[c], b[c], p.weight);
      }
      return;
    }
    for (Index left = end - n; left > 0;) {
      const std::size_t some = std::min(static_cast<std::size_t>(left), most);
      for (std::size_t j = 0; j < some; ++j, ++at) {
        const Position p = *at;
        const float* a = frame(p.index);
        blends[j] = {a, p.weight == 0.0f ? a : frame(p.index + 1), p.weight};
      }
      if (bins_.empty())
        kernels::blend({blends.data(), some}, out_channels(), out);
      else
        for (std::size_t j = 0; j < some; ++j)
          between_bins(blends[j], out + static_cast<Index>(j) * out_channels());
      out += static_cast<Index>(some) * out_channels();
      left -= static_cast<Index>(some);
    }
  }

  void between_bins(const kernels::Blend& f, float* out) const noexcept {
    const Index last = inputs()[0].channels - 1;
    for (const Position& p : bins_) {
      const Index i = std::clamp<Index>(p.index, 0, last), k = std::clamp<Index>(p.index + 1, 0, last);
      *out++ = between(between(f.a[i], f.a[k], p.weight), between(f.b[i], f.b[k], p.weight), f.weight);
    }
  }

  Axis frames_;
  std::vector<Position> bins_;
  detail::FrameShuffle shuffle_;
  std::vector<float> steps_;  // weights of the frames that lie between the same two
  Index first_of_step_ = 0;   // the first such, modulo their number
};

[[gnu::cold]] void check_choice(const char* op, bool size, bool scale, InterpolateMode mode,
                                bool align_corners) {
  require(size != scale, op, ": exactly one of size and scale_factor must be given, got ",
          size ? "both" : "neither");
  require(!align_corners || mode == InterpolateMode::linear, op, ": align_corners needs mode linear, got ",
          mode_name(mode));
}

[[gnu::cold]] void check_size(const char* op, const char* what, Index size) {
  constexpr Index most = Index{1} << 31;
  require(size >= 1 && size <= most, op, ": size of ", what, " must be 1 to 2^31, got ", size);
}

}  // namespace

namespace op {

[[gnu::cold]] Op interpolate(Index channels, const InterpolateOptions& o) {
  require(channels > 0, "interpolate: channels must be positive, got ", channels);
  check_choice("interpolate", o.size.has_value(), o.scale_factor.has_value(), o.mode, o.align_corners);
  if (o.size) check_size("interpolate", "frames", *o.size);
  const Axis frames(o.mode, o.align_corners, o.size, o.scale_factor);
  std::string name = message("interpolate(", channels, ", ", mode_name(o.mode), ", ", frames.describe(), ")");
  return Op(std::make_shared<Interpolate>(std::move(name), channels, frames));
}

[[gnu::cold]] Op interpolate2d(Index bins, const Interpolate2dOptions& o) {
  require(bins > 0, "interpolate2d: bins must be positive, got ", bins);
  check_choice("interpolate2d", o.size.has_value(), o.scale_factor.has_value(), o.mode, o.align_corners);
  if (o.size) check_size("interpolate2d", "bins", o.size->bins);
  if (o.size) check_size("interpolate2d", "frames", o.size->frames);
  const auto axis = [&](auto of) {
    return Axis(o.mode, o.align_corners, o.size ? std::optional(of(*o.size)) : std::nullopt,
                o.scale_factor ? std::optional(of(*o.scale_factor)) : std::nullopt);
  };
  const Axis over_bins = axis([](const auto& pair) { return pair.bins; });
  const Axis over_frames = axis([](const auto& pair) { return pair.frames; });
  const Index bins_out = over_bins.total(bins);
  constexpr Index most_bins = 1 << 24;
  require(bins_out >= 1 && bins_out <= most_bins, "interpolate2d: output must have 1 to 2^24 bins, got ",
          bins_out);
  std::vector<Position> table;
  Walk at = over_bins.from(0, bins);
  for (Index n = 0; n < bins_out; ++n, ++at) table.push_back(*at);
  std::string name = message("interpolate2d(", bins, " → ", bins_out, " bins, ", mode_name(o.mode), ", ",
                             over_frames.describe(), ")");
  return Op(std::make_shared<Interpolate>(std::move(name), bins, over_frames, std::move(table)));
}

Op repeat(Index channels, Index times) {
  require(times >= 1 && times <= most_scale, "repeat: times must be 1 to ", most_scale, ", got ", times);
  return interpolate(channels, {.scale_factor = Ratio(times, 1)});
}

}  // namespace op

Signal interpolate(FramesView x, const InterpolateOptions& options) {
  return op::interpolate(x.channels(), options)(x);
}

Signal interpolate2d(FramesView x, const Interpolate2dOptions& options) {
  return op::interpolate2d(x.channels(), options)(x);
}

Signal repeat(FramesView x, Index times) {
  return op::repeat(x.channels(), times)(x);
}

}  // namespace wavestride
