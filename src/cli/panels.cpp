#include "cli/panels.h"

#include <wavestride/activation.h>
#include <wavestride/io.h>
#include <wavestride/stack.h>
#include <wavestride/stft.h>
#include <wavestride/stream.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "cli/mel_features.h"
namespace wavestride::cli {
namespace {

// Power below which a level is the floor: far under what 24 bits hold.
constexpr double floor_power = 1e-20;

float decibels(double power) {
  return static_cast<float>(10 * std::log10(std::max(power, floor_power)));
}

// Sums columns into at most `most` columns of equal width, as they come.
class Averager {
 public:
  Averager(Index rows, Index frames, Index most)
      : frames_(frames), columns_(std::min(frames, most)), sums_(Eigen::MatrixXd::Zero(rows, columns_)) {}

  void add(const Signal& x) {
    for (Index i = 0; i < x.cols(); ++i, ++n_)
      sums_.col(detail::affine_floor(n_, columns_, 0, frames_)) += x.col(i).cast<double>();
  }

  Signal levels() const {
    Signal y(sums_.rows(), columns_);
    for (Index c = 0; c < columns_; ++c) {
      const Index first = detail::affine_floor(c, frames_, columns_ - 1, columns_),
                  next = detail::affine_floor(c + 1, frames_, columns_ - 1, columns_);
      y.col(c) = (sums_.col(c) / static_cast<double>(next - first)).unaryExpr(&decibels);
    }
    return y;
  }

 private:
  Index frames_, columns_, n_ = 0;
  Eigen::MatrixXd sums_;
};

// kHz from 2 kHz on.
Axis frequency_axis(double top_hz) {
  return top_hz < 2000 ? linear_axis("frequency (Hz)", 0, top_hz, 8)
                       : linear_axis("frequency (kHz)", 0, top_hz / 1000, 8);
}

}  // namespace

LevelRange level_range(const Signal& levels, double range) {
  const float top = levels.size() ? levels.maxCoeff<Eigen::PropagateNumbers>() : 0.0f;
  return {std::isfinite(top) ? 5 * std::ceil(top / 5.0) : 0.0, range};
}

Axis time_axis(double seconds) {
  return linear_axis("time (s)", 0, seconds, 12);
}

Panel waveform_panel(std::string title, std::vector<float> samples) {
  float peak = 1.0f;
  for (const float v : samples)
    if (std::isfinite(v)) peak = std::max(peak, std::abs(v));
  return {std::move(title), linear_axis("amplitude", -peak, peak, 4), Trace{std::move(samples)}};
}

Signal spectrogram_levels(FramesView x, double sample_rate) {
  const auto n_fft =
      static_cast<Index>(std::clamp(std::bit_ceil(static_cast<std::uint64_t>(0.024 * sample_rate)),
                                    std::uint64_t{64}, std::uint64_t{65536}));
  const StftOptions options{.n_fft = n_fft, .hop_length = n_fft / 8, .pad_mode = PadMode::constant};
  const std::vector<float> window = make_window(options.window_type, n_fft);
  double gain = 0;
  for (const float w : window) gain += w / 2.0;  // |X| of a sine of full scale
  const Stack power{op::stft(options), op::magnitude(options.bins(), 2),
                    op::scale(options.bins(), static_cast<float>(1 / (gain * gain)))};
  Averager averager(options.bins(), power.total(x.frames()), 4 * panel_width);
  Stream stream = power.stream();
  constexpr Index block = 1 << 16;
  for (Index n = 0; n < x.frames(); n += block)
    averager.add(stream.push(x.slice(n, std::min(block, x.frames() - n))));
  averager.add(stream.finish());
  return averager.levels();
}

Panel spectrogram_panel(std::string title, Signal levels, double sample_rate, LevelRange range) {
  return {std::move(title), frequency_axis(sample_rate / 2),
          Heat{std::move(levels), range.top - range.range, range.top, "dB"}};
}

Signal mel_levels(FramesView features, const MelOptions& preset) {
  const auto per_decade = static_cast<float>(20 / preset.power);
  return op::mel_expand(preset)(features).unaryExpr(
      [=](float v) { return per_decade * std::log10(std::max(v, 1e-10f)); });
}

Panel mel_panel(std::string title, Signal levels, const MelOptions& preset, LevelRange range) {
  // Band m has its centre at (m + 1)/(bands + 1) of the way from f_min to f_max in mel, and row m at m + ½.
  const double bands = static_cast<double>(levels.rows());
  const double low = hz_to_mel(preset.f_min, preset.mel_scale),
               high = hz_to_mel(top_hz(preset), preset.mel_scale);
  Axis axis{"frequency (kHz)", 0, bands, {}};
  for (const double khz : {0.1, 0.2, 0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 10.0, 12.0, 16.0, 20.0}) {
    const double mel = (hz_to_mel(1000 * khz, preset.mel_scale) - low) / (high - low),
                 row = mel * (bands + 1) - 0.5;
    const bool apart = axis.ticks.empty() || row - axis.ticks.back().position > bands / 16;
    if (row >= 0 && row <= bands && apart) axis.ticks.push_back({row, message(khz)});
  }
  return {std::move(title), std::move(axis),
          Heat{std::move(levels), range.top - range.range, range.top, "dB"}};
}

Panel array_panel(std::string title, Signal values) {
  double lo = INFINITY, hi = -INFINITY;
  for (const float v : values.reshaped())
    if (std::isfinite(v)) lo = std::min<double>(lo, v), hi = std::max<double>(hi, v);
  if (!(lo < hi)) lo = std::isfinite(lo) ? lo - 1 : 0, hi = lo + 2;
  const auto rows = static_cast<double>(values.rows());
  return {std::move(title), linear_axis("row", 0, rows, 8), Heat{std::move(values), lo, hi, "value"}};
}

void write_png(const std::string& path, const Plot& plot, std::span<const std::string> inputs) {
  const auto png = draw(plot).png();
  OutputFile file(path, inputs);
  file.write(png.data(), png.size());
  file.commit();
}

}  // namespace wavestride::cli
