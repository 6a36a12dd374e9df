#include "models/local_attention.h"

#include <wavestride/conv1d.h>
#include <wavestride/join.h>
#include <wavestride/norm.h>

#include <algorithm>
#include <cmath>

#include "check.h"

namespace wavestride::models {
namespace {

/// Of 3 · channels a frame, windows of channels a frame, below one another.
class AttentionOfWindows final : public Kernel {
 public:
  AttentionOfWindows(Index channels, Index window, const std::vector<float>& frequencies)
      : Kernel(message("local_attention(", channels, ", window ", window, ", heads ",
                       channels / (2 * std::ssize(frequencies)), ")"),
               {{3 * channels, {{window, 1, 0, window - 1}, {1, window - 1, window, 0}}, {}}},
               window * channels),
        channels_(channels),
        window_(window),
        half_(std::ssize(frequencies)) {
    for (Index t = 0; t < window; ++t)
      for (const float frequency : frequencies) {
        const auto angle = static_cast<double>(static_cast<float>(t) * frequency);  // as torch rounds it
        cos_.push_back(static_cast<float>(std::cos(angle)));
        sin_.push_back(static_cast<float>(std::sin(angle)));
      }
  }

  void compute(const Work& work) const noexcept override {
    for (Index w = 0; w < work.count; ++w) {
      const Index left = work.length[0] - (work.n + w) * window_, frames = std::min(window_, left);
      const float* in = work.in[0] + w * window_ * 3 * channels_;
      float* out = work.out + w * window_ * channels_;
      std::fill_n(out, window_ * channels_, 0.0f);
      for (Index head = 0; head < channels_; head += 2 * half_)
        attend(in + head, frames, static_cast<float*>(work.scratch), out + head);
    }
  }

  Index scratch_bytes() const override {
    return (2 * half_ * (window_ + 1) + window_) * static_cast<Index>(sizeof(float));
  }
  double macs_per_frame() const override {
    return 2 * static_cast<double>(window_) * static_cast<double>(window_) * static_cast<double>(channels_);
  }

 private:
  /// One head of one window.
  void attend(const float* in, Index frames, float* scratch, float* out) const noexcept {
    const Index size = 2 * half_, step = 3 * channels_;
    float* keys = scratch;  // value by value, those of all frames
    float* query = keys + size * window_;
    float* weights = query + size;
    for (Index t = 0; t < frames; ++t) turn(in + t * step + channels_, t, 1, keys + t, window_);
    const float scale = 1 / std::sqrt(static_cast<float>(size));
    for (Index t = 0; t < frames; ++t, out += channels_) {
      turn(in + t * step, t, scale, query, 1);
      std::fill_n(weights, frames, 0.0f);
      for (Index i = 0; i < size; ++i)
        for (Index s = 0; s < frames; ++s) weights[s] += query[i] * keys[i * window_ + s];
      const float most = *std::max_element(weights, weights + frames);
      float sum = 0;
      for (Index s = 0; s < frames; ++s) sum += weights[s] = std::exp(weights[s] - most);
      for (Index s = 0; s < frames; ++s) {
        const float* value = in + s * step + 2 * channels_;
        const float weight = weights[s] / sum;
        for (Index i = 0; i < size; ++i) out[i] += weight * value[i];
      }
    }
  }

  /// A query or key of frame t of its window by its position.
  void turn(const float* x, Index t, float scale, float* y, Index step) const noexcept {
    for (Index i = 0; i < half_; ++i) {
      const float c = scale * cos_[static_cast<std::size_t>(t * half_ + i)],
                  s = scale * sin_[static_cast<std::size_t>(t * half_ + i)];
      y[i * step] = x[i] * c - x[i + half_] * s;
      y[(i + half_) * step] = x[i + half_] * c + x[i] * s;
    }
  }

  Index channels_, window_, half_;
  std::vector<float> cos_, sin_;  // [frame of a window][i]
};

/// The frames of such windows, as many as there are of a second input.
class FramesOfWindows final : public Kernel {
 public:
  FramesOfWindows(Index channels, Index window)
      : Kernel(
            message("frames_of_windows(", channels, ", window ", window, ")"),
            {{window * channels, repeat_geometry(window), {}}, {channels, conv_geometry(1, 1, 1, 0, 0), {}}},
            channels),
        window_(window) {}

  void compute(const Work& work) const noexcept override {
    const Index channels = out_channels();
    std::copy_n(work.in[0] + work.n % window_ * channels, work.count * channels, work.out);
  }

 private:
  Index window_;
};

}  // namespace

StackBuilder::Value local_attention(StackBuilder& b, StackBuilder::Value x, const LocalAttentionWeights& w,
                                    Index window) {
  const Index channels = w.out.shape[0];
  const auto windows =
      b.chain(x, std::vector<Op>{op::layer_norm(channels, w.norm.data, w.norm_bias.data), op::linear(w.qkv),
                                 Op(std::make_shared<AttentionOfWindows>(channels, window, w.frequencies))});
  const auto frames = b.apply(Op(std::make_shared<FramesOfWindows>(channels, window)), {windows, x});
  return b.apply(op::add(channels), {x, b.apply(op::linear(w.out), {frames})});
}

}  // namespace wavestride::models
