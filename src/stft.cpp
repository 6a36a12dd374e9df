#include <wavestride/stft.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>
#include <utility>

#include "check.h"
#include "circular.h"
#include "fft.h"
#include "kernels/spectral.h"
#include "stft_framing.h"

namespace wavestride {
namespace {

constexpr Index most = Index{1} << 24;
constexpr double smallest_envelope = 1e-11;  // torch's limit

void check_size(const char* op, const char* what, Index value, Index least, Index greatest = most) {
  require(value >= least && value <= greatest, op, ": ", what, " must be ", least, " to ", greatest, ", got ",
          value);
}

class Stft final : public Kernel {
 public:
  explicit Stft(const StftFraming& f)
      : Kernel(message("stft(n_fft ", f.n_fft, ", hop ", f.hop, ")"), {f.port()}, f.rows),
        f_(f),
        fft_(f.n_fft) {}

  std::unique_ptr<KernelState> make_state() const override { return std::make_unique<FftState>(fft_); }

  void compute(const Work& work) const noexcept override {
    auto& buffers = static_cast<FftState&>(*work.state).buffers;
    for (Index n = 0; n < work.count; ++n) {
      f_.take(work.in[0] + n * f_.hop, buffers);
      float* const out = work.out + n * f_.rows;
      if (f_.scale == 1) {
        fft_.forward(buffers, out);
      } else {
        fft_.forward(buffers);
        kernels::scale(f_.scale, buffers.spectrum.data(), 2 * f_.bins, out);
      }
      mirror(out);
    }
  }

  double macs_per_frame() const override {
    const auto n = static_cast<double>(f_.n_fft);
    return n * (1 + std::log2(n));
  }

 private:
  /// The other half of a two-sided spectrum.
  void mirror(float* out) const noexcept {
    for (Index k = f_.bins; 2 * k < f_.rows; ++k) {
      out[2 * k] = out[2 * (f_.n_fft - k)];
      out[2 * k + 1] = -out[2 * (f_.n_fft - k) + 1];
    }
  }

  StftFraming f_;
  RealFft fft_;
};

// Overlap-add, with the sum of every sample taken in order of frames, whatever the samples are grouped with.
// Positions count from the start of frame 0: output sample n is at position n + left.
class Istft final : public Kernel {
 public:
  explicit Istft(const StftFraming& f)
      : Kernel(message("istft(n_fft ", f.n_fft, ", hop ", f.hop, ")"), {{f.rows, geometry(f), {}}}, 1),
        f_(f),
        fft_(f.n_fft),
        synthesis_(f.window) {
    for (float& w : synthesis_) w /= f.scale * static_cast<float>(f.n_fft);
    for (Index phase = 0; phase < f.hop; ++phase) {
      double envelope = 0;
      for (Index m = phase; m < f.n_fft; m += f.hop) envelope += squared_window(m);
      require(envelope > smallest_envelope, "istft: with hop_length ", f.hop,
              " the window leaves samples without weight between the frames (Σ window² = ", envelope, ")");
      steady_gain_.push_back(static_cast<float>(1 / envelope));
    }
  }

  std::unique_ptr<KernelState> make_state() const override { return std::make_unique<State>(fft_); }

  void compute(const Work& work) const noexcept override {
    auto& s = static_cast<State&>(*work.state);
    const Index frames = work.length[0], given = inputs()[0].geometry.window.first(work.n);
    const Index end = work.n + work.count + f_.left;
    Index at = work.n + f_.left;
    if (s.position != at) s.start(std::max<Index>(given, 0), f_.hop);
    while (at < end) {
      while (s.next < frames && begin(s.next) <= at) add(s, work.in[0] + (s.next - given) * f_.rows);
      const Index until = s.next < frames ? std::min(end, begin(s.next)) : end;
      float* out = work.out + (at - f_.left - work.n);
      std::copy_n(s.sum.data() + (at - s.origin), until - at, out);
      weigh(out, at, until, frames);
      at = until;
    }
    s.position = at;
  }

  double macs_per_frame() const override {
    const auto n = static_cast<double>(f_.n_fft);
    return n * (2 + std::log2(n)) / static_cast<double>(f_.hop);
  }

 private:
  struct State : FftState {
    explicit State(const RealFft& fft) : FftState(fft), sum(static_cast<std::size_t>(fft.size())) {}
    void reset() noexcept override { position = -1; }
    Index bytes() const noexcept override {
      return FftState::bytes() + static_cast<Index>(sum.size() * sizeof(float));
    }

    /// So that the next frame added is `frame`.
    void start(Index frame, Index hop) noexcept {
      next = frame;
      origin = (frame - 1) * hop;
      std::fill(sum.begin(), sum.end(), 0.0f);
    }

    std::vector<float> sum;  // of the frames before `next`, from position `origin` on
    Index origin = 0, next = 0;
    Index position = -1;  // that the next output sample should have
  };

  static Geometry geometry(const StftFraming& f) {
    Geometry g = conv_transpose_geometry(f.n_fft, f.hop, f.left, f.left - f.right, 1);
    g.window.lo = f.left - f.last() + f.hop - 1;
    g.window.hi = f.left - f.first;
    return g;
  }

  /// The first position that a frame touches.
  Index begin(Index frame) const { return frame * f_.hop + f_.first; }

  double squared_window(Index m) const {
    const Index i = m - f_.first;
    if (i < 0 || i >= static_cast<Index>(f_.window.size())) return 0;
    const double w = f_.window[static_cast<std::size_t>(i)];
    return w * w;
  }

  void add(State& s, const float* spectrum) const noexcept {
    auto& sum = s.sum;
    const Index kept = std::max<Index>(f_.n_fft - f_.hop, 0);
    std::memmove(sum.data(), sum.data() + (f_.n_fft - kept), static_cast<std::size_t>(kept) * sizeof(float));
    std::fill(sum.begin() + kept, sum.end(), 0.0f);
    s.origin += f_.hop;
    ++s.next;

    // Of a two-sided spectrum torch reads the first half, the other being its mirror image.
    std::copy_n(spectrum, 2 * f_.bins, s.buffers.spectrum.data());
    fft_.inverse(s.buffers);
    const float* time = s.buffers.time.data() + f_.first;
    kernels::multiply_add(synthesis_.data(), time, static_cast<Index>(synthesis_.size()),
                          sum.data() + f_.first);
  }

  /// Divides by the envelope: a periodic one between the ends, near them the sum over the frames that exist.
  void weigh(float* out, Index at, Index end, Index frames) const noexcept {
    const Window& w = inputs()[0].geometry.window;
    const Index steady_from = f_.left - w.lo;
    const Index steady_to = frames == Work::unknown ? end : std::min(end, w.ready(frames) + f_.left);
    while (at < end) {
      if (at < steady_from || at >= steady_to) {
        *out++ *= edge_gain(at++, frames);
        continue;
      }
      const Index phase = at % f_.hop, run = std::min(steady_to - at, f_.hop - phase);
      kernels::multiply_by(steady_gain_.data() + phase, run, out);
      at += run;
      out += run;
    }
  }

  float edge_gain(Index position, Index frames) const noexcept {
    double envelope = 0;
    const Index last = std::min(position / f_.hop, frames - 1);
    for (Index i = std::max<Index>((position - f_.n_fft + f_.hop) / f_.hop, 0); i <= last; ++i)
      envelope += squared_window(position - i * f_.hop);
    return envelope > smallest_envelope ? static_cast<float>(1 / envelope) : 0.0f;
  }

  StftFraming f_;
  RealFft fft_;
  std::vector<float> synthesis_;    // window with the scale of the inverse transform
  std::vector<float> steady_gain_;  // 1/Σ window² at position mod hop
};

class Magnitude final : public Kernel {
 public:
  Magnitude(Index bins, double power, double epsilon)
      : Kernel(message("magnitude(", bins, ", power ", power, ")"),
               {{2 * bins, conv_geometry(1, 1, 1, 0, 0), {}}}, bins),
        power_(power),
        epsilon_(static_cast<float>(epsilon)) {}

  void compute(const Work& work) const noexcept override {
    kernels::magnitudes(work.in[0], work.count * out_channels(), epsilon_, power_, work.out);
  }

  double macs_per_frame() const override { return 2 * static_cast<double>(out_channels()); }

 private:
  double power_;
  float epsilon_;
};

}  // namespace

StftFraming::StftFraming(const char* op, const StftOptions& o) {
  check_size(op, "n_fft", o.n_fft, 1, RealFft::max_size);
  n_fft = o.n_fft;
  hop = o.hop_length != 0 ? o.hop_length : std::max<Index>(n_fft / 4, 1);
  check_size(op, "hop_length", hop, 1);
  const Index win_length = o.win_length != 0 ? o.win_length : n_fft;
  check_size(op, "win_length", win_length, 1, n_fft);
  require(o.window.empty() || static_cast<Index>(o.window.size()) == win_length, op, ": window must have ",
          win_length, " values (win_length), got ", o.window.size());
  require(!o.center || (o.pad_left == 0 && o.pad_right == 0), op,
          ": pad_left and pad_right need center = false, got ", o.pad_left, " and ", o.pad_right);
  check_size(op, "pad_left", o.pad_left, 0);
  check_size(op, "pad_right", o.pad_right, 0);
  left = o.center ? n_fft / 2 : o.pad_left;
  right = o.center ? n_fft / 2 : o.pad_right;
  padding = {o.pad_mode, 0.0f};
  bins = n_fft / 2 + 1;
  rows = 2 * o.bins();
  scale = o.normalized ? static_cast<float>(1 / std::sqrt(static_cast<double>(n_fft))) : 1.0f;

  window = o.window.empty() ? make_window(o.window_type, win_length) : o.window;
  for (const float w : window) require(std::isfinite(w), op, ": window must be finite, got ", w);
  const auto weighs = [](float w) { return w != 0.0f; };
  const auto from = std::find_if(window.begin(), window.end(), weighs);
  require(from != window.end(), op, ": window must not be zero everywhere");
  first = (n_fft - win_length) / 2 + (from - window.begin());
  window.erase(std::find_if(window.rbegin(), window.rend(), weighs).base(), window.end());
  window.erase(window.begin(), from);
}

Port StftFraming::port() const {
  Geometry g = stft_geometry(n_fft, hop, left, right);
  g.window.lo = first - left;
  g.window.hi = last() - left;
  return {1, g, padding};
}

void StftFraming::take(const float* samples, RealFft::Buffers& buffers) const noexcept {
  kernels::multiply(window.data(), samples, static_cast<Index>(window.size()), buffers.time.data() + first);
}

std::vector<float> make_window(WindowType type, Index length) {
  check_size("make_window", "length", length, 1);
  static constexpr double mean[] = {0.5, 0.54, 1};  // by WindowType; the rest is the cosine
  const double a = mean[static_cast<int>(type)];
  std::vector<float> w;
  for (Index n = 0; n < length; ++n) {
    const double phase = 2 * std::numbers::pi * static_cast<double>(n) / static_cast<double>(length);
    w.push_back(static_cast<float>(a - (1 - a) * std::cos(phase)));
  }
  if (length == 1) w[0] = 1.0f;  // as in torch
  return w;
}

namespace op {

Op stft(const StftOptions& options) {
  StftFraming framing("stft", options);
  if (options.pad_mode != PadMode::circular) return Op(std::make_shared<Stft>(framing));
  const Index left = std::exchange(framing.left, 0), right = std::exchange(framing.right, 0);
  framing.padding = {};
  return detail::behind_circular(left, right, Op(std::make_shared<Stft>(framing)));
}

Op istft(const StftOptions& options) {
  return Op(std::make_shared<Istft>(StftFraming("istft", options)));
}

Op magnitude(Index bins, double power, double epsilon) {
  check_size("magnitude", "bins", bins, 1);
  require(power > 0 && std::isfinite(power), "magnitude: power must be above 0 and finite, got ", power);
  require(epsilon >= 0 && std::isfinite(epsilon), "magnitude: epsilon must be finite and not negative, got ",
          epsilon);
  return Op(std::make_shared<Magnitude>(bins, power, epsilon));
}

}  // namespace op

Signal stft(FramesView x, const StftOptions& options) {
  return op::stft(options)(x);
}

Signal istft(FramesView spectrum, const StftOptions& options, std::optional<Index> length) {
  if (!length) return op::istft(options)(spectrum);
  require(*length >= 0, "istft: length must not be negative, got ", *length);
  StftFraming framing("istft", options);
  framing.right = 0;
  const Signal all = Op(std::make_shared<Istft>(framing))(spectrum);
  Signal x = Signal::Zero(1, *length);
  const Index n = std::min(*length, all.cols());
  x.leftCols(n) = all.leftCols(n);
  return x;
}

Signal magnitude(FramesView spectrum, double power, double epsilon) {
  return op::magnitude(spectrum.channels() / 2, power, epsilon)(spectrum);
}

Eigen::MatrixXcf to_complex(FramesView spectrum) {
  require(spectrum.channels() % 2 == 0, "to_complex: a spectrum has an even number of rows, got ",
          spectrum.channels());
  Eigen::MatrixXcf z(spectrum.channels() / 2, spectrum.frames());
  for (Index i = 0; i < z.size(); ++i) z.data()[i] = {spectrum.data()[2 * i], spectrum.data()[2 * i + 1]};
  return z;
}

Signal from_complex(const Eigen::MatrixXcf& spectrum) {
  Signal x(2 * spectrum.rows(), spectrum.cols());
  for (Index i = 0; i < spectrum.size(); ++i) {
    x.data()[2 * i] = spectrum.data()[i].real();
    x.data()[2 * i + 1] = spectrum.data()[i].imag();
  }
  return x;
}

}  // namespace wavestride
