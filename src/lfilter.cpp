
#include <wavestride/flip.h>
#include <wavestride/lfilter.h>
#include <wavestride/stack.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <numbers>

#include "check.h"

namespace wavestride {
namespace {

/// As a chain of delays, each of which takes its share of the input and of the first: y = b0·x + s1, and then
/// s1 = s2 + c1·x − a1·s1, s2 = s3 + c2·x − a2·s1, …, where c = b − a·b0. So the next s1 is a product and a
/// sum away, without waiting for y.
class Lfilter final : public Kernel {
 public:
  Lfilter(const char* op, Index channels, std::span<const double> a, std::span<const double> b)
      : Kernel(message(op, "(", channels, ", order ", std::max(a.size(), b.size()) - 1, ")"),
               {{channels, conv_geometry(1, 1, 1, 0, 0), {}}}, channels),
        order_(std::max<std::size_t>(std::max(a.size(), b.size()) - 1, 2)),
        first_(b[0] / a[0]),
        a_(order_),
        c_(order_) {
    for (std::size_t k = 1; k < a.size(); ++k) a_[k - 1] = a[k] / a[0];
    for (std::size_t k = 1; k < b.size(); ++k) c_[k - 1] = b[k] / a[0];
    for (std::size_t k = 0; k < order_; ++k) c_[k] -= a_[k] * first_;
  }

  std::unique_ptr<KernelState> make_state() const override {
    return std::make_unique<State>(order_ * static_cast<std::size_t>(out_channels()));
  }

  // What a state fades to is 0 before it is too small for normal numbers, with which processors take long:
  // this is seen to at every so many frames of the stream, however it is cut.
  void compute(const Work& work) const noexcept override {
    constexpr Index apart = 256;
    auto& state = static_cast<State&>(*work.state).values;
    const Index channels = out_channels();
    for (Index n = 0, count = 0; n < work.count; n += count) {
      const Index left = apart - (work.n + n) % apart;
      count = std::min(left, work.count - n);
      const float* in = work.in[0] + n * channels;
      float* out = work.out + n * channels;
      double* s = state.data();
      Index c = 0;
      for (; c + 2 <= channels; c += 2, s += 2 * order_) filter<Two>(in + c, count, s, out + c);
      if (c < channels) filter<double>(in + c, count, s, out + c);
      if (count == left)
        for (double& value : state)
          if (std::abs(value) < 1e-200) value = 0;
    }
  }

  double macs_per_frame() const override {
    return static_cast<double>(2 * order_ + 1) * static_cast<double>(out_channels());
  }

 private:
  struct State final : KernelState {
    explicit State(std::size_t size) : values(size) {}
    void reset() noexcept override { std::fill(values.begin(), values.end(), 0.0); }
    Index bytes() const noexcept override { return static_cast<Index>(values.size() * sizeof(double)); }
    std::vector<double> values;
  };

  // Two channels side by side.
  using Two [[gnu::vector_size(16)]] = double;

  template <class T>
  static T load(const double* from) {
    T value;
    std::memcpy(&value, from, sizeof value);
    return value;
  }

  // Frames of one channel or two; `state` holds theirs alone. A biquad's stays in registers.
  template <class T>
  void filter(const float* in, Index frames, double* state, float* out) const noexcept {
    constexpr std::size_t count = sizeof(T) / sizeof(double);
    const auto each = [&](auto&& step) {
      for (Index n = 0; n < frames; ++n, in += out_channels(), out += out_channels()) {
        double x[count], y[count];
        for (std::size_t i = 0; i < count; ++i) x[i] = static_cast<double>(in[i]);
        const T result = step(load<T>(x));
        std::memcpy(y, &result, sizeof y);
        constexpr double least = std::numeric_limits<float>::min();
        for (std::size_t i = 0; i < count; ++i)
          out[i] = std::abs(y[i]) < least ? 0.0f : static_cast<float>(y[i]);
      }
    };
    if (order_ == 2) {
      const double b0 = first_, a1 = a_[0], a2 = a_[1], c1 = c_[0], c2 = c_[1];
      T first = load<T>(state), second = load<T>(state + count);
      each([&](T x) {
        const T y = b0 * x + first, next = (c1 * x + second) - a1 * first;
        second = c2 * x - a2 * first;
        first = next;
        return y;
      });
      std::memcpy(state, &first, sizeof first);
      std::memcpy(state + count, &second, sizeof second);
      return;
    }
    each([&](T x) {
      const T first = load<T>(state), y = first_ * x + first;
      for (std::size_t k = 0; k < order_; ++k) {
        T next = c_[k] * x - a_[k] * first;
        if (k + 1 < order_) next = next + load<T>(state + (k + 1) * count);
        std::memcpy(state + k * count, &next, sizeof next);
      }
      return y;
    });
  }

  std::size_t order_;
  double first_;
  std::vector<double> a_, c_;
};

[[gnu::cold]] Op make(const char* op, Index channels, std::span<const double> a, std::span<const double> b) {
  constexpr std::size_t most = 1024;
  require(channels > 0 && channels <= Index{1} << 40, op, ": channels must be 1 to 2^40, got ", channels);
  for (const auto& [what, values] : {std::pair{"a", a}, std::pair{"b", b}}) {
    require(!values.empty() && values.size() <= most, op, ": ", what, " must have 1 to ", most,
            " values, got ", values.size());
    for (const double value : values)
      require(std::isfinite(value), op, ": ", what, " must be finite, got ", value);
  }
  require(a[0] != 0, op, ": the first value of a must not be 0");
  return Op(std::make_shared<Lfilter>(op, channels, a, b));
}

/// What the designs are made of: w = 2π·frequency/sample_rate.
struct Angle {
  double sine, cosine, alpha;
};

[[gnu::cold]] Angle angle_of(const char* design, double sample_rate, double frequency, double q,
                             double gain_db = 0) {
  require(sample_rate > 0 && std::isfinite(sample_rate), design,
          ": sample_rate must be above 0 and finite, got ", sample_rate);
  require(frequency > 0 && frequency < sample_rate / 2, design,
          ": the frequency must lie between 0 and half of ", sample_rate, " Hz, got ", frequency);
  require(q > 0 && std::isfinite(q), design, ": q must be above 0 and finite, got ", q);
  require(std::abs(gain_db) <= 1000, design, ": the gain must be -1000 to 1000 dB, got ", gain_db);
  const double w = 2 * std::numbers::pi * frequency / sample_rate;
  return {std::sin(w), std::cos(w), std::sin(w) / (2 * q)};
}

/// Bass, or with `side` −1 treble.
[[gnu::cold]] Biquad shelf(const char* design, double side, double sample_rate, double gain_db,
                           double central_hz, double q) {
  const Angle w = angle_of(design, sample_rate, central_hz, q, gain_db);
  const double A = std::pow(10.0, gain_db / 40), above = A + 1, below = A - 1;
  const double slope = 2 * std::sqrt(A) * w.alpha, cosine = side * w.cosine;
  return {A * (above - below * cosine + slope), side * 2 * A * (below - above * cosine),
          A * (above - below * cosine - slope), above + below * cosine + slope,
          -side * 2 * (below + above * cosine), above + below * cosine - slope};
}

}  // namespace

Biquad lowpass_biquad(double sample_rate, double cutoff_hz, double q) {
  const Angle w = angle_of("lowpass_biquad", sample_rate, cutoff_hz, q);
  const double b = 1 - w.cosine;
  return {b / 2, b, b / 2, 1 + w.alpha, -2 * w.cosine, 1 - w.alpha};
}

Biquad highpass_biquad(double sample_rate, double cutoff_hz, double q) {
  const Angle w = angle_of("highpass_biquad", sample_rate, cutoff_hz, q);
  const double b = 1 + w.cosine;
  return {b / 2, -b, b / 2, 1 + w.alpha, -2 * w.cosine, 1 - w.alpha};
}

Biquad bandpass_biquad(double sample_rate, double central_hz, double q, bool const_skirt_gain) {
  const Angle w = angle_of("bandpass_biquad", sample_rate, central_hz, q);
  const double b = const_skirt_gain ? w.sine / 2 : w.alpha;
  return {b, 0, -b, 1 + w.alpha, -2 * w.cosine, 1 - w.alpha};
}

Biquad bandreject_biquad(double sample_rate, double central_hz, double q) {
  const Angle w = angle_of("bandreject_biquad", sample_rate, central_hz, q);
  return {1, -2 * w.cosine, 1, 1 + w.alpha, -2 * w.cosine, 1 - w.alpha};
}

Biquad allpass_biquad(double sample_rate, double central_hz, double q) {
  const Angle w = angle_of("allpass_biquad", sample_rate, central_hz, q);
  return {1 - w.alpha, -2 * w.cosine, 1 + w.alpha, 1 + w.alpha, -2 * w.cosine, 1 - w.alpha};
}

Biquad equalizer_biquad(double sample_rate, double central_hz, double gain_db, double q) {
  const Angle w = angle_of("equalizer_biquad", sample_rate, central_hz, q, gain_db);
  const double A = std::pow(10.0, gain_db / 40);
  return {1 + w.alpha * A, -2 * w.cosine, 1 - w.alpha * A, 1 + w.alpha / A, -2 * w.cosine, 1 - w.alpha / A};
}

Biquad bass_biquad(double sample_rate, double gain_db, double central_hz, double q) {
  return shelf("bass_biquad", 1, sample_rate, gain_db, central_hz, q);
}

Biquad treble_biquad(double sample_rate, double gain_db, double central_hz, double q) {
  return shelf("treble_biquad", -1, sample_rate, gain_db, central_hz, q);
}

namespace op {

Op lfilter(Index channels, std::span<const double> a, std::span<const double> b) {
  return make("lfilter", channels, a, b);
}

Op biquad(Index channels, const Biquad& f) {
  return make("biquad", channels, std::array{f.a0, f.a1, f.a2}, std::array{f.b0, f.b1, f.b2});
}

[[gnu::cold]] Op sosfilt(Index channels, std::span<const Biquad> sections) {
  require(!sections.empty(), "sosfilt: needs one section at least");
  std::vector<Op> ops;
  for (const Biquad& section : sections) ops.push_back(biquad(channels, section));
  return Stack(ops, message("sosfilt(", channels, ", ", sections.size(), " sections)"));
}

[[gnu::cold]] Op filtfilt(Index channels, std::span<const double> a, std::span<const double> b) {
  const Op once = make("filtfilt", channels, a, b);
  return Stack({once, flip(channels), once, flip(channels)},
               message("filtfilt(", channels, ", order ", std::max(a.size(), b.size()) - 1, ")"));
}

}  // namespace op

Signal lfilter(FramesView x, std::span<const double> a, std::span<const double> b) {
  return op::lfilter(x.channels(), a, b)(x);
}

Signal biquad(FramesView x, const Biquad& filter) {
  return op::biquad(x.channels(), filter)(x);
}

Signal sosfilt(FramesView x, std::span<const Biquad> sections) {
  return op::sosfilt(x.channels(), sections)(x);
}

Signal filtfilt(FramesView x, std::span<const double> a, std::span<const double> b) {
  return op::filtfilt(x.channels(), a, b)(x);
}

}  // namespace wavestride
