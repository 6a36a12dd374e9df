// Sample-rate conversion by a fixed ratio: a low-pass filter, of which each output frame uses the phase that
// belongs to its own time.
#pragma once

#include <wavestride/op.h>

#include <optional>

namespace WAVESTRIDE_API wavestride {

/// Stopband attenuation, and edge of the passband as a fraction of the lower Nyquist frequency. The stopband
/// begins at the lower Nyquist frequency itself, so that nothing aliases. In the passband the gain is within
/// 0.001 dB of 1, with `best` and `steep` within 0.0001 dB.
enum class Quality {
  fast,      ///< 100 dB, 0.85
  standard,  ///< 125 dB, 0.923
  best,      ///< 150 dB, 0.923; sums in double where float would limit the signal-to-noise ratio
  steep,     ///< 150 dB, 0.968, likewise
};

enum class Phase {
  linear,   ///< every frequency is delayed alike; rings before and after an impulse
  minimum,  ///< no ringing before an impulse, and less delay; the delay depends on the frequency
};

/// What to convert for. Either way a stream gives the bits of the whole signal, whatever its chunks are;
/// those of the two differ as roundings do and, where low latency takes two filters in sequence, in the
/// transition band. For throughput an input that is not finite spoils all outputs of its blocks.
enum class Goal {
  low_latency,  ///< each output as soon as all that its filter reads has come in
  /// One filter by Fourier transforms of blocks, where that takes less time (down to a third): an output
  /// waits for its block, mostly 40 to 500 ms; Op::latency_frames() says how long. For files.
  throughput,
};

/// The filter of a Resampler.
struct ResampleOptions {
  Quality quality = Quality::standard;
  std::optional<double> stopband_db{};  ///< 20 … 160, instead of the quality's
  std::optional<double> passband{};     ///< 0.05 … 0.995, instead of the quality's
  /// The most that the filter may delay; a passband that is not asked for by number is narrowed to fit.
  std::optional<double> max_delay_s{};
  Phase phase = Phase::linear;
  bool causal = false;  ///< leaves the filter's delay in the output instead of reading ahead by it
  Goal goal = Goal::low_latency;
};

/// A filter as it is, measured on its coefficients.
struct FilterResponse {
  double stopband_db = 0;  ///< least attenuation from the lower Nyquist frequency on
  double passband = 0;  ///< where the gain has fallen by 0.1 dB, as a fraction of the lower Nyquist frequency
  double ripple_db = 0;  ///< largest deviation of the gain up to the edge that was asked for
};

/// A designed conversion from in_hz to out_hz: immutable, cheap to copy; equal designs share their filter.
///
///     Resampler to_16k(48000, 16000, {.quality = Quality::best});
///     Signal y = to_16k.op(2)(stereo);
class Resampler {
 public:
  /// Rates are whole multiples of 0.001 Hz up to 1 GHz; any two numbers in the right ratio do. Throws
  /// std::invalid_argument on other rates, and where the specification cannot be met, with what could be.
  Resampler(double in_hz, double out_hz, const ResampleOptions& options = {});

  /// The operator: channels × T frames to channels × total(T) frames. Frames beyond the signal are silent.
  Op op(Index channels = 1) const;

  /// Input frames per output frame, M/L.
  Ratio rate() const;
  /// ceil(T·L/M): the output frames of T input frames.
  Index total(Index T) const;
  /// Output frames that exist once `received` input frames have come in, while more may come.
  Index available(Index received) const;
  /// Input frames that must have come in before N output frames exist.
  Index needed(Index N) const;

  /// Group delay of the filter at low frequencies. Not in the output, unless causal: how far ahead it reads.
  double filter_delay_s() const;
  /// Delay of the output against the input, at low frequencies: 0 for linear phase, less than a fraction of
  /// an input frame for minimum phase, filter_delay_s() when causal.
  double output_delay_s() const;
  /// Input frames that an output frame reads.
  Index taps() const;
  /// Memory of the coefficients.
  Index bytes() const;
  /// The passband edge that was designed for: the one asked for, or what the delay allowed.
  double passband_edge() const;
  double stopband_db() const;
  /// Measures the response. Takes a large Fourier transform: milliseconds to a second.
  FilterResponse achieved() const;
  /// Gain in dB at `points` frequencies, evenly from 0 to `highest`, 1 being the lower Nyquist frequency.
  std::vector<double> response_db(Index points, double highest) const;

  struct Design;

 private:
  std::shared_ptr<const Design> design_;
};

namespace op {

/// Resampler(in_hz, out_hz, options).op(channels).
Op resample(Index channels, double in_hz, double out_hz, const ResampleOptions& options = {});

}  // namespace op

/// The whole signal at another rate: channels × ceil(T·out_hz/in_hz) frames, aligned in time with x.
/// `resample(x, 48000, 16000, {Quality::best})`.
Signal resample(FramesView x, double in_hz, double out_hz, const ResampleOptions& options = {});

}  // namespace wavestride
