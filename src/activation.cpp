#include <wavestride/activation.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <type_traits>

#include "check.h"
#include "finishing.h"
#include "kernels/elementwise.h"
#include "kernels/snake.h"

namespace wavestride {
namespace {

using kernels::Function;

class Activation final : public Kernel, public detail::HasFinishRule {
 public:
  Activation(std::string name, Function f, Index channels, float a, float b)
      : Kernel(std::move(name), {{channels, conv_geometry(1, 1, 1, 0, 0), {}}}, channels),
        f_(f),
        a_(a),
        b_(b) {}

  void compute(const Work& work) const noexcept override {
    kernels::map(f_, a_, b_, work.in[0], work.count * out_channels(), work.out);
  }

  bool in_place() const override { return true; }

  std::optional<detail::FinishRule> finish_rule() const override {
    if (f_ == Function::leaky_relu) return detail::FinishRule{.slope = a_};
    return std::nullopt;
  }

 private:
  Function f_;
  float a_, b_;
};

class Gated final : public Kernel {
 public:
  explicit Gated(Index channels_in)
      : Kernel(message("gated(", channels_in, " → ", channels_in / 2, ")"),
               {{channels_in, conv_geometry(1, 1, 1, 0, 0), {}}}, channels_in / 2) {}

  void compute(const Work& work) const noexcept override {
    kernels::gated(work.in[0], out_channels(), work.count, work.out);
  }
};

class Glu final : public Kernel {
 public:
  explicit Glu(Index channels_in)
      : Kernel(message("glu(", channels_in, " → ", channels_in / 2, ")"),
               {{channels_in, conv_geometry(1, 1, 1, 0, 0), {}}}, channels_in / 2) {}

  // Several short frames at a time, or parts of a long one.
  void compute(const Work& work) const noexcept override {
    constexpr Index most = 1024;
    float gates[most];
    const Index channels = out_channels(), width = std::min(channels, most), frames = most / width;
    for (Index n = 0; n < work.count; n += frames)
      for (Index c = 0; c < channels; c += width) {
        const Index count = std::min(frames, work.count - n), part = std::min(width, channels - c);
        const float* in = work.in[0] + 2 * n * channels + c;
        float* out = work.out + n * channels + c;
        kernels::copy_frames(in + channels, 2 * channels, part, count, gates, part);
        kernels::map(Function::sigmoid, 0, 0, gates, part * count, gates);
        kernels::copy_frames(in, 2 * channels, part, count, out, part);
        kernels::product(std::array<const float*, 2>{out, gates}, part * count, out);
      }
  }
};

class Prelu final : public Kernel {
 public:
  explicit Prelu(std::span<const float> weight)
      : Kernel(message("prelu(", weight.size(), ")"),
               {{static_cast<Index>(weight.size()), conv_geometry(1, 1, 1, 0, 0), {}}},
               static_cast<Index>(weight.size())) {
    // Few channels again and again, so that a run is some vectors long; and of the last vector all.
    constexpr std::size_t least = 64;
    while (static_cast<std::size_t>(run_) < least) run_ += out_channels();
    slopes_.resize(static_cast<std::size_t>(run_) + sizeof(Four) / sizeof(float));
    for (std::size_t i = 0; i < slopes_.size(); ++i) slopes_[i] = weight[i % weight.size()];
  }

  void compute(const Work& work) const noexcept override {
    const float* in = work.in[0];
    float* out = work.out;
    Index run = 0;
    for (Index left = work.count * out_channels(); left > 0; left -= run, in += run, out += run) {
      run = std::min(left, run_);
      const auto some = [&](Index i, auto bytes) {
        Four x{}, slope;
        std::memcpy(&x, in + i, bytes);
        std::memcpy(&slope, slopes_.data() + i, sizeof slope);
        x = x > 0 ? x : slope * x;
        std::memcpy(out + i, &x, bytes);
      };
      Index i = 0;
      for (; i + 4 <= run; i += 4) some(i, std::integral_constant<std::size_t, sizeof(Four)>());
      some(i, static_cast<std::size_t>(run - i) * sizeof(float));
    }
  }

  bool in_place() const override { return true; }
  Index parameters() const override { return out_channels(); }

 private:
  using Four [[gnu::vector_size(16)]] = float;

  std::vector<float> slopes_;
  Index run_ = 0;
};

class Snake final : public Kernel {
 public:
  Snake(const char* name, std::span<const float> alpha, std::span<const float> beta)
      : Kernel(message(name, "(", alpha.size(), ")"),
               {{static_cast<Index>(alpha.size()), conv_geometry(1, 1, 1, 0, 0), {}}},
               static_cast<Index>(alpha.size())),
        weights_(alpha, beta),
        parameters_(static_cast<Index>(alpha.size() + (alpha.data() == beta.data() ? 0 : beta.size()))) {}

  void compute(const Work& work) const noexcept override {
    kernels::snake(weights_, work.in[0], work.count * out_channels(), work.out);
  }

  bool in_place() const override { return true; }
  Index parameters() const override { return parameters_; }

 private:
  kernels::SnakeWeights weights_;
  Index parameters_;
};

Op make_snake(const char* name, std::span<const float> alpha, std::span<const float> beta) {
  require(!alpha.empty(), name, ": alpha must have a value per channel, got none");
  require(beta.size() == alpha.size(), name, ": beta must have ", alpha.size(), " values, got ", beta.size());
  for (std::size_t c = 0; c < alpha.size(); ++c)
    require(!std::isnan(alpha[c]) && !std::isnan(beta[c]), name, ": ",
            std::isnan(alpha[c]) ? "alpha" : "beta", " must hold numbers, of channel ", c, " got nan");
  return Op(std::make_shared<Snake>(name, alpha, beta));
}

struct Parameter {
  const char* name;
  float value;
};

Op activation(const char* name, Function f, Index channels,
              std::initializer_list<Parameter> parameters = {}) {
  require(channels > 0, name, ": channels must be positive, got ", channels);
  std::string full = message(name, "(", channels);
  float values[2] = {};
  float* to = values;
  for (const Parameter& p : parameters) {
    require(!std::isnan(p.value), name, ": ", p.name, " must be a number, got nan");
    full += message(", ", p.name, " ", p.value);
    *to++ = p.value;
  }
  return Op(std::make_shared<Activation>(full + ")", f, channels, values[0], values[1]));
}

}  // namespace

namespace op {

Op relu(Index channels) {
  return activation("relu", Function::relu, channels);
}
Op leaky_relu(Index channels, float negative_slope) {
  return activation("leaky_relu", Function::leaky_relu, channels, {{"negative_slope", negative_slope}});
}
Op elu(Index channels, float alpha) {
  return activation("elu", Function::elu, channels, {{"alpha", alpha}});
}
Op tanh(Index channels) {
  return activation("tanh", Function::tanh, channels);
}
Op sigmoid(Index channels) {
  return activation("sigmoid", Function::sigmoid, channels);
}
Op silu(Index channels) {
  return activation("silu", Function::silu, channels);
}
Op gelu(Index channels) {
  return activation("gelu", Function::gelu, channels);
}
Op softplus(Index channels, float beta, float threshold) {
  return activation("softplus", Function::softplus, channels, {{"beta", beta}, {"threshold", threshold}});
}
Op exp(Index channels) {
  return activation("exp", Function::exp, channels);
}
Op sin(Index channels) {
  return activation("sin", Function::sin, channels);
}
Op cos(Index channels) {
  return activation("cos", Function::cos, channels);
}
Op clip(Index channels, float min, float max) {
  return activation("clip", Function::clip, channels, {{"min", min}, {"max", max}});
}
Op scale(Index channels, float factor) {
  return activation("scale", Function::scale, channels, {{"factor", factor}});
}

Op gated(Index channels_in) {
  require(channels_in > 0 && channels_in % 2 == 0, "gated: channels_in must be positive and even, got ",
          channels_in);
  return Op(std::make_shared<Gated>(channels_in));
}

Op glu(Index channels_in) {
  require(channels_in > 0 && channels_in % 2 == 0, "glu: channels_in must be positive and even, got ",
          channels_in);
  return Op(std::make_shared<Glu>(channels_in));
}

Op prelu(std::span<const float> weight) {
  require(!weight.empty(), "prelu: weight must have a value per channel, got none");
  for (const float w : weight) require(!std::isnan(w), "prelu: weight must hold numbers, got nan");
  return Op(std::make_shared<Prelu>(weight));
}

Op snake(std::span<const float> alpha) {
  return make_snake("snake", alpha, alpha);
}
Op snake_beta(std::span<const float> alpha, std::span<const float> beta) {
  return make_snake("snake_beta", alpha, beta);
}

}  // namespace op

Signal relu(FramesView x) {
  return op::relu(x.channels())(x);
}
Signal leaky_relu(FramesView x, float negative_slope) {
  return op::leaky_relu(x.channels(), negative_slope)(x);
}
Signal elu(FramesView x, float alpha) {
  return op::elu(x.channels(), alpha)(x);
}
Signal tanh(FramesView x) {
  return op::tanh(x.channels())(x);
}
Signal sigmoid(FramesView x) {
  return op::sigmoid(x.channels())(x);
}
Signal silu(FramesView x) {
  return op::silu(x.channels())(x);
}
Signal gelu(FramesView x) {
  return op::gelu(x.channels())(x);
}
Signal softplus(FramesView x, float beta, float threshold) {
  return op::softplus(x.channels(), beta, threshold)(x);
}
Signal exp(FramesView x) {
  return op::exp(x.channels())(x);
}
Signal sin(FramesView x) {
  return op::sin(x.channels())(x);
}
Signal cos(FramesView x) {
  return op::cos(x.channels())(x);
}
Signal clip(FramesView x, float min, float max) {
  return op::clip(x.channels(), min, max)(x);
}
Signal scale(FramesView x, float factor) {
  return op::scale(x.channels(), factor)(x);
}
Signal gated(FramesView x) {
  return op::gated(x.channels())(x);
}
Signal glu(FramesView x) {
  return op::glu(x.channels())(x);
}
Signal prelu(FramesView x, std::span<const float> weight) {
  return op::prelu(weight)(x);
}
Signal snake(FramesView x, std::span<const float> alpha) {
  return op::snake(alpha)(x);
}
Signal snake_beta(FramesView x, std::span<const float> alpha, std::span<const float> beta) {
  return op::snake_beta(alpha, beta)(x);
}

}  // namespace wavestride
