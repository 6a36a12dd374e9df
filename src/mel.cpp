#include <wavestride/conv1d.h>
#include <wavestride/mel.h>
#include <wavestride/stack.h>

#include <algorithm>
#include <cmath>

#include "check.h"
#include "kernels/spectral.h"
#include "mel_bands.h"
#include "peak_range.h"
#include "stft_framing.h"

namespace wavestride {
namespace {

struct MelCurve {
  double (*from_hz)(double);
  double (*to_hz)(double);
};

// Slaney's Auditory Toolbox: 200/3 Hz per mel up to 1 kHz (15 mel), from there 27 mel for a factor of 6.4.
constexpr double slaney_break_hz = 1000, slaney_break_mel = 15, slaney_hz_per_mel = 200.0 / 3;
const double slaney_log_step = std::log(6.4) / 27;

const MelCurve mel_curves[] = {
    // by MelScale
    {[](double f) {
       return f < slaney_break_hz ? f / slaney_hz_per_mel
                                  : slaney_break_mel + std::log(f / slaney_break_hz) / slaney_log_step;
     },
     [](double m) {
       return m < slaney_break_mel ? m * slaney_hz_per_mel
                                   : slaney_break_hz * std::exp(slaney_log_step * (m - slaney_break_mel));
     }},
    {[](double f) { return 2595 * std::log10(1 + f / 700); },
     [](double m) { return 700 * (std::pow(10, m / 2595) - 1); }},
};

double f_max(const MelOptions& o) {
  return o.f_max != 0 ? o.f_max : static_cast<double>(o.sample_rate) / 2;
}

/// log x = unit · ln x.
double log_unit(LogKind kind) {
  static const double units[] = {1, 1 / std::log(10.0), 20 / std::log(10.0)};
  return units[static_cast<int>(kind)];
}

Port frame_port(Index channels) {
  return {channels, conv_geometry(1, 1, 1, 0, 0), {}};
}

class MelScaleKernel final : public Kernel {
 public:
  explicit MelScaleKernel(const MelOptions& o)
      : Kernel(message("mel_scale(", o.n_fft / 2 + 1, " → ", o.n_mels, ")"), {frame_port(o.n_fft / 2 + 1)},
               o.n_mels),
        bands_(o) {}

  void compute(const Work& work) const noexcept override {
    for (Index n = 0; n < work.count; ++n)
      bands_.apply(work.in[0] + n * bands_.bins(), work.out + n * bands_.bands());
  }
  double macs_per_frame() const override { return 2 * static_cast<double>(bands_.bins()); }

 private:
  MelBands bands_;
};

// stft(), magnitude() and mel_scale(), of the bins that some band reads: the spectrum goes nowhere else.
class MelOfFrames final : public Kernel {
 public:
  explicit MelOfFrames(const MelOptions& o) : MelOfFrames(o, StftFraming("mel_spectrogram", o.stft())) {}

  Index scratch_bytes() const override { return fft_.bins() * static_cast<Index>(sizeof(float)); }
  std::unique_ptr<KernelState> make_state() const override { return std::make_unique<FftState>(fft_); }

  void compute(const Work& work) const noexcept override {
    auto& buffers = static_cast<FftState&>(*work.state).buffers;
    auto* const magnitudes = static_cast<float*>(work.scratch);
    for (Index n = 0; n < work.count; ++n) {
      framing_.take(work.in[0] + n * framing_.hop, buffers);
      fft_.magnitudes(buffers, bands_.bins_read(), epsilon_, power_, magnitudes);
      bands_.apply(magnitudes, work.out + n * bands_.bands());
    }
  }

  double macs_per_frame() const override {
    const auto n = static_cast<double>(framing_.n_fft);
    return n * (1 + std::log2(n)) + 4 * static_cast<double>(bands_.bins_read());
  }

 private:
  MelOfFrames(const MelOptions& o, const StftFraming& f)
      : Kernel(message("mel_of_frames(n_fft ", f.n_fft, ", hop ", f.hop, ", power ", o.power, ", ", o.n_mels,
                       " bands)"),
               {f.port()}, o.n_mels),
        framing_(f),
        fft_(f.n_fft),
        bands_(o),
        power_(o.power),
        epsilon_(static_cast<float>(o.epsilon)) {}

  StftFraming framing_;
  RealFft fft_;
  MelBands bands_;
  double power_;
  float epsilon_;
};

class MelCompress final : public Kernel {
 public:
  explicit MelCompress(const MelOptions& o)
      : Kernel(message("mel_compress(", o.n_mels, ")"), {frame_port(o.n_mels)}, o.n_mels),
        log_{static_cast<float>(o.floor), static_cast<float>(o.scale * log_unit(o.log)),
             static_cast<float>(o.offset), static_cast<float>(o.clip_low), static_cast<float>(o.clip_high)} {}

  void compute(const Work& work) const noexcept override {
    kernels::compress(log_, work.in[0], work.count * out_channels(), work.out);
  }

 private:
  kernels::Logarithm log_;
};

class MelExpand final : public Kernel {
 public:
  explicit MelExpand(const MelOptions& o)
      : Kernel(message("mel_expand(", o.n_mels, ")"), {frame_port(o.n_mels)}, o.n_mels),
        scale_(static_cast<float>(1 / (o.scale * log_unit(o.log)))),
        offset_(static_cast<float>(o.offset)) {}

  void compute(const Work& work) const noexcept override {
    for (Index i = 0; i < work.count * out_channels(); ++i)
      work.out[i] = std::exp((work.in[0][i] - offset_) * scale_);
  }

 private:
  float scale_, offset_;
};

}  // namespace

[[gnu::cold]] void check_mel_options(const char* op, const MelOptions& o) {
  constexpr Index most = Index{1} << 24;
  const auto size = [&](const char* what, Index value, Index greatest) {
    require(value >= 1 && value <= greatest, op, ": ", what, " must be 1 to ", greatest, ", got ", value);
  };
  size("sample_rate", o.sample_rate, most);
  size("n_fft", o.n_fft, RealFft::max_size);
  size("hop_length", o.hop_length, most);
  size("win_length", o.win_length != 0 ? o.win_length : o.n_fft, o.n_fft);
  size("n_mels", o.n_mels, most);
  const double top = static_cast<double>(o.sample_rate) / 2;
  require(o.f_min >= 0 && o.f_min < f_max(o) && f_max(o) <= top, op, ": needs 0 ≤ f_min < f_max ≤ ", top,
          " Hz, got ", o.f_min, " and ", f_max(o));
  require(o.framing != MelFraming::tight || o.hop_length <= o.n_fft, op,
          ": tight framing needs hop_length ≤ n_fft, got ", o.hop_length, " and ", o.n_fft);
  require(o.framing != MelFraming::drop_last || o.hop_length <= o.n_fft - o.n_fft / 2, op,
          ": framing without the last frame needs hop_length ≤ n_fft/2, got ", o.hop_length, " and ",
          o.n_fft);
  require(o.power > 0 && std::isfinite(o.power), op, ": power must be above 0 and finite, got ", o.power);
  require(o.epsilon >= 0 && std::isfinite(o.epsilon), op, ": epsilon must be finite and not negative, got ",
          o.epsilon);
  const auto floor = static_cast<float>(o.floor);
  require(floor > 0 && std::isfinite(floor), op, ": floor must be above 0, and a float, got ", o.floor);
  require(o.scale > 0 && std::isfinite(o.scale) && std::isfinite(o.offset), op,
          ": scale must be above 0, and it and offset finite, got ", o.scale, " and ", o.offset);
  require(o.clip_low < o.clip_high, op, ": clip_low must be below clip_high, got ", o.clip_low, " and ",
          o.clip_high);
  require(std::all_of(o.prefilter.begin(), o.prefilter.end(), [](float v) { return std::isfinite(v); }), op,
          ": prefilter must be finite");
  require(o.peak_range >= 0, op, ": peak_range must not be negative, got ", o.peak_range);
}

StftOptions MelOptions::stft() const {
  StftOptions s{.n_fft = n_fft, .hop_length = hop_length, .win_length = win_length, .center = false};
  // The last centred frame is at the last multiple of hop; with the right padding shorter by a hop it is not
  // reached.
  const Index tight = (n_fft - hop_length) / 2;
  const Index sides[][2] = {
      {n_fft / 2, n_fft / 2}, {tight, tight}, {n_fft / 2, n_fft - n_fft / 2 - hop_length}};
  s.pad_left = sides[static_cast<int>(framing)][0];
  s.pad_right = sides[static_cast<int>(framing)][1];
  return s;
}

[[gnu::cold]] std::span<const MelOptions> mel_presets() {
  static const MelOptions presets[] = {
      {.name = "hifigan-22k",
       .sample_rate = 22'050,
       .framing = MelFraming::tight,
       .epsilon = 1e-9,
       .f_max = 8000},
      {.name = "pwg-22k",
       .sample_rate = 22'050,
       .f_min = 80,
       .f_max = 7600,
       .log = LogKind::log10,
       .floor = 1e-10},
      {.name = "pwg-24k",
       .sample_rate = 24'000,
       .n_fft = 2048,
       .hop_length = 300,
       .win_length = 1200,
       .f_min = 80,
       .f_max = 7600,
       .log = LogKind::log10,
       .floor = 1e-10},
      {.name = "vocos-24k",
       .sample_rate = 24'000,
       .n_mels = 100,
       .mel_scale = MelScale::htk,
       .norm = MelNorm::none,
       .floor = 1e-7},
      {.name = "wavernn-22k",
       .sample_rate = 22'050,
       .n_fft = 2048,
       .hop_length = 275,
       .win_length = 1100,
       .f_min = 40,
       .log = LogKind::db,
       .scale = 0.01,
       .offset = 1,
       .clip_low = 0,
       .clip_high = 1},
      {.name = "speecht5-16k", .f_min = 80, .f_max = 7600, .log = LogKind::log10, .floor = 1e-10},
      {.name = "whisper-16k",
       .n_fft = 400,
       .hop_length = 160,
       .framing = MelFraming::drop_last,
       .power = 2,
       .log = LogKind::log10,
       .floor = 1e-10,
       .scale = 0.25,
       .offset = 1,
       .peak_range = 8},
      {.name = "wavestride-16k", .hop_length = 160},
  };
  return presets;
}

[[gnu::cold]] const MelOptions& mel_preset(std::string_view name) {
  std::string known;
  for (const MelOptions& p : mel_presets()) {
    if (p.name == name) return p;
    known += (known.empty() ? "" : ", ") + p.name;
  }
  fail("mel_preset: must be one of ", known, ", got \"", name, "\"");
}

double hz_to_mel(double hz, MelScale scale) {
  return mel_curves[static_cast<int>(scale)].from_hz(hz);
}

Signal mel_filterbank(const MelOptions& options) {
  check_mel_options("mel_filterbank", options);
  return MelBands(options).matrix();
}

MelBands::MelBands(const MelOptions& o) : bins_(o.n_fft / 2 + 1) {
  const MelCurve& curve = mel_curves[static_cast<int>(o.mel_scale)];
  const double low = curve.from_hz(o.f_min),
               step = (curve.from_hz(f_max(o)) - low) / static_cast<double>(o.n_mels + 1);
  const auto corner = [&](Index i) { return curve.to_hz(low + step * static_cast<double>(i)); };
  const double bin_hz = static_cast<double>(o.sample_rate) / static_cast<double>(o.n_fft);
  for (Index b = 0; b < o.n_mels; ++b) {
    const double from = corner(b), peak = corner(b + 1), to = corner(b + 2);
    const double height = o.norm == MelNorm::slaney ? 2 / (to - from) : 1;
    kernels::Band band{static_cast<Index>(from / bin_hz), 0, weights_.size()};
    const auto weight = [&](Index k) {
      const double f = static_cast<double>(k) * bin_hz;
      return height * std::min((f - from) / (peak - from), (to - f) / (to - peak));
    };
    while (band.first < bins_ && static_cast<double>(band.first) * bin_hz <= from) ++band.first;
    for (Index k = band.first; k < bins_ && weight(k) > 0; ++k, ++band.size)
      weights_.push_back(static_cast<float>(weight(k)));
    weights_.resize((weights_.size() + kernels::band_lanes - 1) / kernels::band_lanes * kernels::band_lanes);
    bands_.push_back(band);
    // In whole vectors, as far as there are bins.
    const Index vectors = (band.size + kernels::band_lanes - 1) / kernels::band_lanes;
    bins_read_ = std::max(bins_read_, std::min(bins_, band.first + vectors * kernels::band_lanes));
  }
}

Signal MelBands::matrix() const {
  Signal filters = Signal::Zero(bands(), bins_);
  for_each_weight([&](Index band, Index bin, float weight) { filters(band, bin) = weight; });
  return filters;
}

void MelBands::apply(const float* x, float* mel) const noexcept {
  kernels::banded_sums(bands_.data(), bands(), weights_.data(), x, bins_, mel);
}

namespace op {

[[gnu::cold]] Op mel_scale(const MelOptions& options) {
  check_mel_options("mel_scale", options);
  return Op(std::make_shared<MelScaleKernel>(options));
}

[[gnu::cold]] Op mel_compress(const MelOptions& options) {
  check_mel_options("mel_compress", options);
  return Op(std::make_shared<MelCompress>(options));
}

[[gnu::cold]] Op mel_expand(const MelOptions& options) {
  check_mel_options("mel_expand", options);
  return Op(std::make_shared<MelExpand>(options));
}

[[gnu::cold]] Op mel_convert(const MelOptions& from, const MelOptions& to) {
  check_mel_options("mel_convert", from);
  check_mel_options("mel_convert", to);
  const auto window = [](const MelOptions& o) { return o.win_length > 0 ? o.win_length : o.n_fft; };
  // What a feature says of the smallest and of the largest mel band.
  const auto least = [](const MelOptions& o) {
    return std::max(o.floor, std::exp((o.clip_low - o.offset) / (o.scale * log_unit(o.log))));
  };
  const auto most = [](const MelOptions& o) {
    return std::exp((o.clip_high - o.offset) / (o.scale * log_unit(o.log)));
  };
  const std::pair<bool, const char*> demands[] = {
      {from.sample_rate == to.sample_rate, "sample rate"},
      {from.prefilter == to.prefilter, "prefilter"},
      {from.n_fft == to.n_fft && window(from) == window(to), "window"},
      {from.hop_length == to.hop_length, "hop"},
      {from.framing == to.framing, "framing"},
      {from.power == to.power && from.epsilon == to.epsilon, "power"},
      {from.n_mels == to.n_mels && from.f_min == to.f_min && f_max(from) == f_max(to), "bands"},
      {from.mel_scale == to.mel_scale && from.norm == to.norm, "mel scale"},
      {from.peak_range == 0 && to.peak_range == 0, "lower limit"},
      {least(from) <= least(to) && most(from) >= most(to), "range"},
  };
  std::string different;
  for (const auto& [same, what] : demands)
    if (!same) different += (different.empty() ? "" : ", ") + std::string(what);
  require(different.empty(), "mel_convert: features of ", from.name, " can't be made into those of ", to.name,
          ", which differ in ", different);
  return Stack({mel_expand(from), mel_compress(to)}, message("mel_convert(", from.name, ", ", to.name, ")"));
}

[[gnu::cold]] Op mel_spectrogram(const MelOptions& o) {
  check_mel_options("mel_spectrogram", o);
  std::vector<Op> ops{Op(std::make_shared<MelOfFrames>(o)), mel_compress(o)};
  if (const auto taps = static_cast<Index>(o.prefilter.size()); taps > 0) {
    const Tensor newest_last({1, 1, taps}, {o.prefilter.rbegin(), o.prefilter.rend()});
    ops.insert(ops.begin(), conv1d(newest_last, {}, {.padding = {taps - 1, 0}}));
  }
  if (o.peak_range > 0) ops.push_back(peak_range(o.n_mels, o.peak_range * o.scale, "peak_range"));
  return Stack(ops, "mel_spectrogram(" + o.name + ")");
}

}  // namespace op

Signal mel_spectrogram(FramesView x, const MelOptions& options) {
  return op::mel_spectrogram(options)(x);
}

}  // namespace wavestride
