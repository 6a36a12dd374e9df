#include <wavestride/griffin_lim.h>
#include <wavestride/mel_inversion.h>
#include <wavestride/stack.h>
#include <wavestride/stream.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "check.h"
#include "counter_random.h"
#include "kernels/spectral.h"

namespace wavestride {
namespace {

/// The whole-signal result of an Op whose stream is made once, written to `out`.
void run(Stream& stream, FramesView x, FramesSpan out) {
  stream.reset();
  stream.finish_with(x, out);
}

/// spectrum = magnitude · direction, where direction starts at a phase of 0 or at a random one.
void start(FramesView magnitude, const GriffinLimOptions& o, Signal& spectrum) {
  for (Index i = 0; i < magnitude.channels() * magnitude.frames(); ++i) {
    const double phase =
        o.rand_init ? 2 * std::numbers::pi * counter_uniform(o.seed, static_cast<std::uint64_t>(i)) : 0;
    spectrum.data()[2 * i] = magnitude.data()[i] * static_cast<float>(std::cos(phase));
    spectrum.data()[2 * i + 1] = magnitude.data()[i] * static_cast<float>(std::sin(phase));
  }
}

/// The analysis of a waveform again and again, of which every frame is used as soon as it is made.
class Rebuilding {
 public:
  Rebuilding(const Op& stft, Index samples) : stream_(stft.stream()), samples_(samples) {
    constexpr Index block_frames = 16;  // stay in the cache
    chunk_ = stft.rate().num * block_frames;
    Index made = 0, most = 0;
    for (Index n = 0; n < samples; n += chunk_) {
      const Index next = stft.available(std::min(n + chunk_, samples));
      most = std::max(most, next - made);
      made = next;
    }
    frames_.resize(stft.out_channels(), std::max(most, stft.total(samples) - made));
  }

  /// Calls use(n, frame) for frames 0, 1, …
  template <class F>
  void run(const Signal& x, F&& use) {
    stream_.reset();
    Index n = 0;
    const auto use_all = [&](Index count) {
      for (Index i = 0; i < count; ++i) use(n++, frames_.col(i).data());
    };
    for (Index at = 0; at < samples_; at += chunk_)
      use_all(stream_.push(x.middleCols(at, std::min(chunk_, samples_ - at)), frames_));
    use_all(stream_.finish(frames_));
  }

 private:
  Stream stream_;
  Index samples_, chunk_;
  Signal frames_;
};

}  // namespace

Signal griffin_lim(FramesView spectrogram, const StftOptions& stft, double power, const GriffinLimOptions& o,
                   std::optional<Index> length) {
  require(o.n_iter >= 0, "griffin_lim: n_iter must not be negative, got ", o.n_iter);
  require(o.momentum >= 0 && o.momentum < 1, "griffin_lim: momentum must be in [0, 1), got ", o.momentum);
  require(power > 0 && std::isfinite(power), "griffin_lim: power must be above 0 and finite, got ", power);
  require(stft.onesided, "griffin_lim: needs a onesided STFT");
  require(!stft.center || stft.pad_mode != PadMode::circular,
          "griffin_lim: pad_mode must not be circular, which takes the whole signal for every frame");
  require(spectrogram.channels() == stft.bins(), "griffin_lim: n_fft ", stft.n_fft, " needs ", stft.bins(),
          " bins, got ", spectrogram.channels());
  const Op analysis_op = op::stft(stft);
  const Index frames = spectrogram.frames();
  Index samples = op::istft(stft).total(frames);
  StftOptions synthesis = stft;
  if (length) {
    require(*length >= 0 && analysis_op.total(*length) == frames, "griffin_lim: ", *length, " samples give ",
            analysis_op.total(*length), " frames, not ", frames);
    // Trim less or more than istft would; what lies past the last frame stays zero.
    const Index right = stft.center ? stft.n_fft / 2 : stft.pad_right;
    synthesis.pad_left = stft.center ? stft.n_fft / 2 : stft.pad_left;
    synthesis.pad_right = std::max<Index>(right + samples - *length, 0);
    synthesis.center = false;
    samples = *length;
  }
  Signal x = Signal::Zero(1, samples);
  if (samples == 0) return x;

  Signal magnitude = spectrogram.matrix();
  if (power != 1) magnitude = magnitude.array().pow(static_cast<float>(1 / power));
  Signal spectrum(2 * stft.bins(), frames);
  Signal previous = Signal::Zero(2 * stft.bins(), frames);
  Stream inverse = op::istft(synthesis).stream();
  Rebuilding analysis(analysis_op, samples);
  const FramesSpan made = FramesSpan(x).slice(0, inverse.op().total(frames));
  const auto momentum = static_cast<float>(o.momentum / (1 + o.momentum));
  start(magnitude, o, spectrum);
  for (Index i = 1; i <= o.n_iter; ++i) {
    run(inverse, spectrum, made);
    double difference = 0, energy = 0;
    analysis.run(x, [&](Index n, const float* frame) {
      const kernels::SpectralError error =
          kernels::next_phases(magnitude.col(n).data(), magnitude.rows(), momentum, frame,
                               previous.col(n).data(), spectrum.col(n).data());
      difference += error.difference;
      energy += error.energy;
    });
    if (o.progress) o.progress({i, o.n_iter, energy > 0 ? std::sqrt(difference / energy) : 0});
  }
  run(inverse, spectrum, made);
  return x;
}

Signal vocode_griffin_lim(FramesView mel, const MelOptions& preset, const GriffinLimOptions& options) {
  const Op to_linear = Stack({op::mel_expand(preset), op::mel_inversion(preset)}, "vocode_griffin_lim");
  return griffin_lim(to_linear(mel), preset.stft(), preset.power, options);
}

}  // namespace wavestride
