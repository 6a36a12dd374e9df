// Recursive filters: torchaudio.functional.lfilter, filtfilt and its biquads, whose designs are those of
// R. Bristow-Johnson's Audio EQ Cookbook. Coefficients, state and sums are double; clip(x, −1, 1) after a
// filter is what torchaudio calls clamp.
#pragma once

#include <wavestride/op.h>

namespace WAVESTRIDE_API wavestride {

/// a0·y[n] = b0·x[n] + b1·x[n − 1] + b2·x[n − 2] − a1·y[n − 1] − a2·y[n − 2]
struct Biquad {
  double b0 = 1, b1 = 0, b2 = 0, a0 = 1, a1 = 0, a2 = 0;
};

/// Designs. They throw std::invalid_argument unless 0 < frequency < sample_rate/2, q is above 0 and gain_db
/// −1000 to 1000. bandpass has a gain of 1 at its centre or, of constant skirt, of q.
Biquad lowpass_biquad(double sample_rate, double cutoff_hz, double q = 0.707);
Biquad highpass_biquad(double sample_rate, double cutoff_hz, double q = 0.707);
Biquad bandpass_biquad(double sample_rate, double central_hz, double q = 0.707,
                       bool const_skirt_gain = false);
Biquad bandreject_biquad(double sample_rate, double central_hz, double q = 0.707);
Biquad allpass_biquad(double sample_rate, double central_hz, double q = 0.707);
Biquad equalizer_biquad(double sample_rate, double central_hz, double gain_db, double q = 0.707);
Biquad bass_biquad(double sample_rate, double gain_db, double central_hz = 100, double q = 0.707);
Biquad treble_biquad(double sample_rate, double gain_db, double central_hz = 3000, double q = 0.707);

namespace op {

/// Σ_k a[k]·y[n − k] = Σ_k b[k]·x[n − k] per channel, from silence: torchaudio.functional.lfilter(x, a, b,
/// clamp=False), and scipy.signal.lfilter(b, a, x). An output depends on all samples before it, whatever
/// reads() says; one below 1.2e-38 is 0, so that what follows silence takes no longer than sound. What is
/// infinite or NaN stays until a reset, as there. a and b may differ in size. Throws std::invalid_argument
/// unless channels is positive, each has 1 to 1024 finite values, and a[0] is not 0. Filters that are not
/// stable are not refused.
Op lfilter(Index channels, std::span<const double> a, std::span<const double> b);

/// The same of a biquad, and of several in sequence (scipy.signal.sosfilt): what a filter of higher order is
/// best made of.
Op biquad(Index channels, const Biquad& filter);
Op sosfilt(Index channels, std::span<const Biquad> sections);

/// lfilter forwards and then backwards, which leaves phases as they are: torchaudio.functional.filtfilt, of
/// no clamp. Does not stream.
Op filtfilt(Index channels, std::span<const double> a, std::span<const double> b);

}  // namespace op

/// The same on whole signals.
Signal lfilter(FramesView x, std::span<const double> a, std::span<const double> b);
Signal biquad(FramesView x, const Biquad& filter);
Signal sosfilt(FramesView x, std::span<const Biquad> sections);
Signal filtfilt(FramesView x, std::span<const double> a, std::span<const double> b);

}  // namespace wavestride
