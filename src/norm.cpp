#include <wavestride/norm.h>
#include <wavestride/stack.h>

#include <algorithm>
#include <cmath>

#include "check.h"
#include "kernels/aligned.h"
#include "kernels/elementwise.h"

namespace wavestride {
namespace {

using AlignedFloats = kernels::Aligned<float>;

AlignedFloats values_or(float fallback, std::span<const float> values, Index channels, const char* op,
                        const char* name) {
  require(values.empty() || static_cast<Index>(values.size()) == channels, op, ": ", name, " must have ",
          channels, " values, got ", values.size());
  AlignedFloats result(static_cast<std::size_t>(channels), fallback);
  std::copy(values.begin(), values.end(), result.begin());
  return result;
}

/// A layer_norm or, if it is not centred, an rms_norm.
class LayerNorm final : public Kernel {
 public:
  LayerNorm(const char* op, bool centred, Index channels, std::span<const float> weight,
            std::span<const float> bias, float eps)
      : Kernel(message(op, "(", channels, ")"), {{channels, conv_geometry(1, 1, 1, 0, 0), {}}}, channels),
        weight_(values_or(1.0f, weight, channels, op, "weight")),
        bias_(values_or(0.0f, bias, channels, op, "bias")),
        eps_(eps),
        centred_(centred),
        parameters_(static_cast<Index>(weight.size() + bias.size())) {
    for (AlignedFloats* values : {&weight_, &bias_}) values->resize(values->size() + kernels::most_lanes);
  }

  void compute(const Work& work) const noexcept override {
    kernels::layer_norm({weight_.data(), bias_.data(), eps_, centred_}, work.in[0], out_channels(),
                        work.count, work.out);
  }

  Index parameters() const override { return parameters_; }

 private:
  AlignedFloats weight_, bias_;
  float eps_;
  bool centred_;
  Index parameters_;
};

Op layer_norm_of(const char* op, bool centred, Index channels, std::span<const float> weight,
                 std::span<const float> bias, float eps) {
  require(channels > 0, op, ": channels must be positive, got ", channels);
  require(eps >= 0.0f, op, ": eps must be 0 or more, got ", eps);
  return Op(std::make_shared<LayerNorm>(op, centred, channels, weight, bias, eps));
}

class ChannelScale final : public Kernel {
 public:
  ChannelScale(std::span<const float> gain, std::span<const float> bias, Index channels)
      : Kernel(message("channel_scale(", channels, ")"), {{channels, conv_geometry(1, 1, 1, 0, 0), {}}},
               channels),
        gain_(gain.begin(), gain.end()),
        bias_(values_or(0.0f, bias, channels, "channel_scale", "bias")),
        parameters_(static_cast<Index>(gain.size() + bias.size())) {
    // Few channels again and again, so that a run of several frames is some vectors long.
    constexpr Index least = 64;
    for (AlignedFloats* values : {&gain_, &bias_}) {
      values->resize(static_cast<std::size_t>((least + channels - 1) / channels * channels));
      for (std::size_t i = gain.size(); i < values->size(); ++i) (*values)[i] = (*values)[i - gain.size()];
    }
  }

  void compute(const Work& work) const noexcept override {
    kernels::scale_runs(gain_.data(), bias_.data(), static_cast<Index>(gain_.size()), work.in[0],
                        work.count * out_channels(), work.out);
  }

  Index parameters() const override { return parameters_; }
  double macs_per_frame() const override { return static_cast<double>(out_channels()); }

 private:
  AlignedFloats gain_, bias_;
  Index parameters_;
};

}  // namespace

namespace op {

Op layer_norm(Index channels, std::span<const float> weight, std::span<const float> bias, float eps) {
  return layer_norm_of("layer_norm", true, channels, weight, bias, eps);
}

Op rms_norm(Index channels, std::span<const float> weight, float eps) {
  return layer_norm_of("rms_norm", false, channels, weight, {}, eps);
}

Op channel_scale(std::span<const float> gain, std::span<const float> bias) {
  require(!gain.empty(), "channel_scale: gain must have a value per channel, got none");
  return Op(std::make_shared<ChannelScale>(gain, bias, static_cast<Index>(gain.size())));
}

Op batch_norm(std::span<const float> mean, std::span<const float> variance, std::span<const float> weight,
              std::span<const float> bias, double eps) {
  require(!mean.empty(), "batch_norm: mean must have a value per channel, got none");
  require(eps >= 0, "batch_norm: eps must be 0 or more, got ", eps);
  const auto channels = static_cast<Index>(mean.size());
  AlignedFloats gain = values_or(1.0f, weight, channels, "batch_norm", "weight"),
                offset = values_or(0.0f, bias, channels, "batch_norm", "bias");
  require(variance.size() == mean.size(), "batch_norm: variance must have ", channels, " values, got ",
          variance.size());
  for (std::size_t c = 0; c < mean.size(); ++c) {
    require(variance[c] >= 0, "batch_norm: variance must be 0 or more, of channel ", c, " got ", variance[c]);
    const double scale = static_cast<double>(gain[c]) / std::sqrt(static_cast<double>(variance[c]) + eps);
    gain[c] = static_cast<float>(scale);
    offset[c] = static_cast<float>(static_cast<double>(offset[c]) - static_cast<double>(mean[c]) * scale);
  }
  return Stack({channel_scale(gain, offset)}, message("batch_norm(", channels, ")"));
}

}  // namespace op

Signal layer_norm(FramesView x, std::span<const float> weight, std::span<const float> bias, float eps) {
  return op::layer_norm(x.channels(), weight, bias, eps)(x);
}

Signal rms_norm(FramesView x, std::span<const float> weight, float eps) {
  return op::rms_norm(x.channels(), weight, eps)(x);
}

Signal channel_scale(FramesView x, std::span<const float> gain, std::span<const float> bias) {
  return op::channel_scale(gain, bias)(x);
}

Signal batch_norm(FramesView x, std::span<const float> mean, std::span<const float> variance,
                  std::span<const float> weight, std::span<const float> bias, double eps) {
  return op::batch_norm(mean, variance, weight, bias, eps)(x);
}

}  // namespace wavestride
