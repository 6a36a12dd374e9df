#include "models/mel_refinement.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "check.h"
#include "fft.h"
#include "kernels/elementwise.h"
#include "kernels/spectral.h"
#include "mel_bands.h"

namespace wavestride::models {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

/// Values of bins, each made of those of two neighbouring bands.
class BandsToBins {
 public:
  explicit BandsToBins(Index bins)
      : band_(static_cast<std::size_t>(bins)), weight_(band_.size()), next_weight_(band_.size()) {}

  void set(Index bin, Index band, double weight, double next_weight) {
    const auto k = static_cast<std::size_t>(bin);
    band_[k] = static_cast<std::int32_t>(band);
    weight_[k] = static_cast<float>(weight);
    next_weight_[k] = static_cast<float>(next_weight);
  }

  /// Reads one value past the last band, whose weight is 0, and neighbours_room more.
  void apply(const float* bands, float* bins) const noexcept {
    kernels::mix_neighbours(band_.data(), weight_.data(), next_weight_.data(),
                            static_cast<Index>(band_.size()), bands, bins);
  }

 private:
  std::vector<std::int32_t> band_;
  std::vector<float> weight_, next_weight_;
};

/// Linear between the centres of the bands.
BandsToBins interpolation(const MelOptions& o) {
  const double f_max = o.f_max > 0 ? o.f_max : static_cast<double>(o.sample_rate) / 2;
  const double low = hz_to_mel(o.f_min, o.mel_scale),
               step = (hz_to_mel(f_max, o.mel_scale) - low) / static_cast<double>(o.n_mels + 1);
  const Index bins = o.n_fft / 2 + 1;
  BandsToBins result(bins);
  for (Index bin = 0; bin < bins; ++bin) {
    const double hz = static_cast<double>(bin * o.sample_rate) / static_cast<double>(o.n_fft);
    const double place =
        std::clamp((hz_to_mel(hz, o.mel_scale) - low) / step - 1, 0.0, static_cast<double>(o.n_mels - 1));
    const double band = std::floor(place);
    result.set(bin, static_cast<Index>(band), 1 - (place - band), place - band);
  }
  return result;
}

/// The share of every band in a bin, together 1. A bin in no band is like the nearest that is in one.
BandsToBins shares(const MelOptions& o) {
  const Signal bands = mel_filterbank(o);
  const Index bins = bands.cols();
  const auto held = [&](Index bin) { return bin >= 0 && bin < bins && bands.col(bin).sum() > 0; };
  BandsToBins result(bins);
  for (Index bin = 0; bin < bins; ++bin) {
    Index distance = 0;
    while (distance < bins && !held(bin - distance) && !held(bin + distance)) ++distance;
    const Index nearest = held(bin - distance) ? bin - distance : bin + distance;
    if (nearest >= bins) continue;  // no band has a bin
    Index band = 0;
    while (bands(band, nearest) == 0) ++band;
    const double sum = bands.col(nearest).sum();
    const double next = band + 1 < o.n_mels ? bands(band + 1, nearest) : 0.0f;
    result.set(bin, band, bands(band, nearest) / sum, next / sum);
  }
  return result;
}

class MelRefinement final : public Kernel {
 public:
  MelRefinement(const MelOptions& f, const MelRefinementOptions& o)
      : Kernel(message("mel_refinement(ahead ", o.ahead, ", left ", o.left, ", sweeps ", o.sweeps,
                       ", updates ", o.updates, ")"),
               ports(f, o), f.hop_length),
        o_(o),
        hop_(f.hop_length),
        half_(f.n_fft / 2),
        reach_(reach(f, o)),
        back_(std::max(half_, reach_ * hop_)),
        floor_(static_cast<float>(f.floor)),
        fft_(f.n_fft),
        bands_(f),
        interpolation_(interpolation(f)),
        shares_(shares(f)),
        analysis_(make_window(WindowType::hann, f.n_fft)) {
    const auto rise = [](Index i, Index n) {
      const double s =
          std::sin(std::numbers::pi / 2 * (static_cast<double>(i) + 0.5) / static_cast<double>(n));
      return s * s;
    };
    std::vector<double> window;
    for (Index i = 0; i < o.left; ++i) window.push_back(rise(i, o.left));
    for (Index i = half_; i-- > 0;) window.push_back(rise(i, half_));
    // Windowed twice and added every hop samples, frames that nothing changes give the signal.
    std::vector<double> overlap(static_cast<std::size_t>(hop_));
    const auto phase = [&](std::size_t i) { return i % static_cast<std::size_t>(hop_); };
    for (std::size_t i = 0; i < window.size(); ++i) overlap[phase(i)] += window[i] * window[i];
    for (std::size_t i = 0; i < window.size(); ++i) {
      window_.push_back(static_cast<float>(window[i]));
      synthesis_.push_back(static_cast<float>(window[i] / overlap[phase(i)] / static_cast<double>(f.n_fft)));
    }
  }

  std::unique_ptr<KernelState> make_state() const override { return std::make_unique<State>(*this); }

  void compute(const Work& work) const noexcept override {
    State& s = *static_cast<State*>(work.state);
    const Index frames = work.length[1];
    for (Index i = 0; i < work.count; ++i) {
      const Index n = work.n + i;
      const float* const x = work.in[0] + i * hop_;  // from sample n·hop − half on
      const float* const mel = work.in[1] + i * bands_.bands();
      const Index turn = n + reach_;  // the last frame that changes the samples of n
      for (Index m = n == 0 ? -o_.ahead : turn; m <= turn; ++m) {
        take(s, x + (m + o_.ahead - n) * hop_ + half_, m);
        for (Index sweep = 0; sweep < o_.sweeps; ++sweep)
          for (Index j = std::min(m + o_.ahead, frames - 1); j >= std::max<Index>(m, 0); --j)
            mend(s, s.signal.data() + (j - m) * hop_ + back_, mel + (j - n) * bands_.bands());
      }
      kernels::copy(s.signal.data() + back_ - reach_ * hop_, hop_, work.out + i * hop_);
    }
  }

  double macs_per_frame() const override {
    const auto n = static_cast<double>(fft_.size());
    const double transforms = 3 * n * (1 + std::log2(n)),
                 gains = (1 + static_cast<double>(o_.updates)) * 2.5 * n;
    return static_cast<double>(o_.sweeps * (o_.ahead + 1)) * (transforms + gains);
  }

 private:
  struct State final : KernelState {
    explicit State(const MelRefinement& k)
        : buffers(k.fft_),
          signal(static_cast<std::size_t>(k.back_ + k.o_.ahead * k.hop_ + k.half_)),
          magnitudes(static_cast<std::size_t>(k.fft_.bins())),
          gains(magnitudes.size()),
          work(magnitudes.size()),
          lacking(static_cast<std::size_t>(k.bands_.bands() + 1 + kernels::neighbours_room)) {}

    void reset() noexcept override { std::fill(signal.begin(), signal.end(), 0.0f); }
    Index bytes() const noexcept override {
      return buffers.bytes() + static_cast<Index>((signal.size() + magnitudes.size() + gains.size() +
                                                   work.size() + lacking.size()) *
                                                  sizeof(float));
    }

    RealFft::Buffers buffers;
    std::vector<float> signal;  // from `back` before the centre of the present frame on, mended in place
    std::vector<float> magnitudes, gains, work;  // of bins
    std::vector<float> lacking;                  // of bands
  };

  static Index reach(const MelOptions& f, const MelRefinementOptions& o) {
    return (o.left + f.hop_length - 1) / f.hop_length;
  }

  static std::vector<Port> ports(const MelOptions& f, const MelRefinementOptions& o) {
    const Index hop = f.hop_length, half = f.n_fft / 2, last = reach(f, o) + o.ahead;
    const Geometry samples{{hop, 1, -half, last * hop + half - 1}, {1, hop - 1, hop, -1}};
    const Geometry frames{{1, 1, 0, last}, {1, 0, 1, -1}};
    return {{1, samples, {PadMode::reflect, 0.0f}}, {f.n_mels, frames, {}}};
  }

  /// Moves on to frame m: new samples, up to where `x` + half − hop points, come in.
  void take(State& s, const float* x, Index m) const noexcept {
    float* const signal = s.signal.data();
    const Index size = static_cast<Index>(s.signal.size());
    if (m == -o_.ahead) {
      kernels::copy(x - half_, 2 * half_, signal + size - 2 * half_);
      return;
    }
    kernels::copy(signal + hop_, size - hop_, signal);
    kernels::copy(x + half_ - hop_, hop_, signal + size - hop_);
  }

  /// lacking = mel − log of the bands of x, within the limit.
  void lack(State& s, const float* x, const float* mel) const noexcept {
    float* const lacking = s.lacking.data();
    bands_.apply(x, lacking);
    kernels::compress({floor_, -1, 0, -infinity, infinity}, lacking, bands_.bands(), lacking);
    const float* const terms[] = {mel, lacking};
    kernels::sum(terms, 1, bands_.bands(), lacking);
    kernels::map(kernels::Function::clip, -o_.max_log_gain, o_.max_log_gain, lacking, bands_.bands(),
                 lacking);
  }

  void mend(State& s, float* centre, const float* mel) const noexcept {
    const Index bins = fft_.bins(), taps = static_cast<Index>(window_.size());
    float *const time = s.buffers.time.data(), *const spectrum = s.buffers.spectrum.data();
    float *const magnitudes = s.magnitudes.data(), *const gains = s.gains.data(), *const work = s.work.data();
    kernels::multiply(analysis_.data(), centre - half_, 2 * half_, time);
    fft_.forward(s.buffers);
    kernels::power_spectrum(spectrum, bins, 0, true, magnitudes);

    lack(s, magnitudes, mel);
    interpolation_.apply(s.lacking.data(), gains);
    kernels::map(kernels::Function::exp, 0, 0, gains, bins, gains);
    for (Index i = 0; i < o_.updates; ++i) {
      kernels::multiply(magnitudes, gains, bins, work);
      lack(s, work, mel);
      kernels::map(kernels::Function::exp, 0, 0, s.lacking.data(), bands_.bands(), s.lacking.data());
      shares_.apply(s.lacking.data(), work);
      kernels::multiply_by(work, bins, gains);
    }
    if (o_.strength == 1) {
      kernels::map(kernels::Function::clip, 0, std::exp(o_.max_log_gain), gains, bins, gains);
    } else {
      constexpr float least = std::numeric_limits<float>::min();
      kernels::compress({least, o_.strength, 0, -infinity, o_.max_log_gain}, gains, bins, gains);
      kernels::map(kernels::Function::exp, 0, 0, gains, bins, gains);
    }

    kernels::multiply(window_.data(), centre - o_.left, taps, time);
    std::fill(time + taps, time + fft_.size(), 0.0f);
    fft_.forward(s.buffers);
    for (Index k = 0; k < bins; ++k) {
      spectrum[2 * k] *= gains[k] - 1;
      spectrum[2 * k + 1] *= gains[k] - 1;
    }
    fft_.inverse(s.buffers);
    // A NaN would go on from frame to frame for ever: such frames stay as they are.
    bool finite = true;
    for (Index i = 0; i < taps; ++i) finite &= std::abs(time[i]) <= std::numeric_limits<float>::max();
    if (finite) kernels::multiply_add(synthesis_.data(), time, taps, centre - o_.left);
  }

  MelRefinementOptions o_;
  Index hop_, half_;
  Index reach_;  // frames between a sample and the last frame that changes it
  Index back_;   // samples kept before the centre of a frame
  float floor_;
  RealFft fft_;
  MelBands bands_;
  BandsToBins interpolation_, shares_;
  std::vector<float> analysis_;
  std::vector<float> window_, synthesis_;  // of the filter; synthesis with the scale of the inverse transform
};

}  // namespace

Op mel_refinement(const MelOptions& f, const MelRefinementOptions& o) {
  check_mel_options("mel_refinement", f);
  require(f.framing == MelFraming::center && f.log == LogKind::ln && f.power == 1 && f.epsilon == 0 &&
              f.scale == 1 && f.offset == 0 && f.peak_range == 0 && f.prefilter.empty() &&
              (f.win_length == 0 || f.win_length == f.n_fft) && f.n_fft % 2 == 0,
          "mel_refinement: needs features of centred frames of an even n_fft and natural logarithms of "
          "magnitudes, got ",
          f.name);
  const auto check = [](const char* what, Index value, Index least, Index most) {
    require(value >= least && value <= most, "mel_refinement: ", what, " must be ", least, " to ", most,
            ", got ", value);
  };
  check("ahead", o.ahead, 0, 64);
  check("left", o.left, 1, f.n_fft / 2);
  check("sweeps", o.sweeps, 1, 64);
  check("updates", o.updates, 0, 64);
  require(std::isfinite(o.strength) && o.strength > 0, "mel_refinement: strength must be above 0, got ",
          o.strength);
  require(o.max_log_gain > 0, "mel_refinement: max_log_gain must be above 0, got ", o.max_log_gain);
  return Op(std::make_shared<MelRefinement>(f, o));
}

}  // namespace wavestride::models
