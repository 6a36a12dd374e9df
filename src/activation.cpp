#include <wavestride/activation.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
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

// Products of a few factors, which may be negative, or e^(exponent·ln x).
class Pow final : public Kernel {
 public:
  Pow(Index channels, float exponent)
      : Kernel(message("pow(", channels, ", exponent ", exponent, ")"),
               {{channels, conv_geometry(1, 1, 1, 0, 0), {}}}, channels),
        exponent_(exponent) {
    if (exponent == std::floor(exponent) && std::abs(exponent) <= most)
      factors_ = static_cast<int>(std::abs(exponent));
  }

  void compute(const Work& work) const noexcept override {
    const Index size = work.count * out_channels();
    const float* in = work.in[0];
    float* out = work.out;
    if (factors_ < 0) {
      constexpr Index part = 2048;
      for (Index i = 0; i < size; i += part) {
        const Index count = std::min(part, size - i);
        kernels::map(Function::log, 0, 0, in + i, count, out + i);
        kernels::map(Function::scale, exponent_, 0, out + i, count, out + i);
        kernels::map(Function::exp, 0, 0, out + i, count, out + i);
      }
    } else if (factors_ == 0) {
      for (Index i = 0; i < size; ++i) out[i] = std::isnan(in[i]) ? in[i] : 1.0f;
    } else {
      const float* factors[most];
      std::fill_n(factors, factors_, in);
      kernels::product({factors, static_cast<std::size_t>(factors_)}, size, out);
      if (exponent_ < 0)
        for (Index i = 0; i < size; ++i) out[i] = 1 / out[i];
    }
  }

  bool in_place() const override { return true; }

 private:
  static constexpr int most = 16;

  float exponent_;
  int factors_ = -1;
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

  void compute(const Work& work) const noexcept override {
    kernels::glu(work.in[0], out_channels(), work.count, work.out);
  }
};

class Prelu final : public Kernel {
 public:
  explicit Prelu(std::span<const float> weight)
      : Kernel(message("prelu(", weight.size(), ")"),
               {{static_cast<Index>(weight.size()), conv_geometry(1, 1, 1, 0, 0), {}}},
               static_cast<Index>(weight.size())) {
    // Few channels again and again, so that a run is whole vectors.
    constexpr Index lanes = kernels::most_lanes, few = 64;
    if (run_ < few) run_ = std::lcm(run_, lanes);
    slopes_.resize(static_cast<std::size_t>(run_ + lanes));
    for (std::size_t i = 0; i < slopes_.size(); ++i) slopes_[i] = weight[i % weight.size()];
  }

  void compute(const Work& work) const noexcept override {
    kernels::slope_runs(slopes_.data(), run_, work.in[0], work.count * out_channels(), work.out);
  }

  bool in_place() const override { return true; }
  Index parameters() const override { return out_channels(); }

 private:
  std::vector<float> slopes_;
  Index run_ = out_channels();
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

/// One without a name is not the user's.
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
    *to++ = p.value;
    if (p.name == nullptr) continue;
    require(!std::isnan(p.value), name, ": ", p.name, " must be a number, got nan");
    full += message(", ", p.name, " ", p.value);
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
  return activation("elu", Function::elu, channels, {{"alpha", alpha}, {nullptr, 1.0f}});
}
Op selu(Index channels) {
  constexpr double alpha = 1.6732632423543772848170429916717, scale = 1.0507009873554804934193349852946;
  return activation("selu", Function::elu, channels,
                    {{nullptr, static_cast<float>(scale * alpha)}, {nullptr, static_cast<float>(scale)}});
}
Op celu(Index channels, float alpha) {
  require(std::isnormal(alpha) && alpha > 0, "celu: alpha must be above 0, a normal float, got ", alpha);
  return activation("celu", Function::celu, channels, {{"alpha", alpha}});
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
Op mish(Index channels) {
  return activation("mish", Function::mish, channels);
}
Op gelu(Index channels, GeluApproximation approximate) {
  return approximate == GeluApproximation::tanh ? activation("gelu by tanh", Function::gelu_tanh, channels)
                                                : activation("gelu", Function::gelu, channels);
}
Op softplus(Index channels, float beta, float threshold) {
  return activation("softplus", Function::softplus, channels, {{"beta", beta}, {"threshold", threshold}});
}
Op logsigmoid(Index channels) {
  // −softplus(−x), whatever x
  return activation("logsigmoid", Function::softplus, channels,
                    {{nullptr, -1.0f}, {nullptr, std::numeric_limits<float>::infinity()}});
}
Op softsign(Index channels) {
  return activation("softsign", Function::softsign, channels);
}
Op hardsigmoid(Index channels) {
  return activation("hardsigmoid", Function::hardsigmoid, channels);
}
Op hardswish(Index channels) {
  return activation("hardswish", Function::hardswish, channels);
}
Op hardtanh(Index channels, float min_val, float max_val) {
  require(!(min_val > max_val), "hardtanh: min_val must not be above max_val, got ", min_val, " and ",
          max_val);
  return activation("hardtanh", Function::clip, channels, {{"min_val", min_val}, {"max_val", max_val}});
}
Op relu6(Index channels) {
  return activation("relu6", Function::clip, channels, {{nullptr, 0.0f}, {nullptr, 6.0f}});
}
Op hardshrink(Index channels, float lambd) {
  return activation("hardshrink", Function::shrink, channels, {{"lambd", lambd}});
}
Op softshrink(Index channels, float lambd) {
  require(!(lambd < 0), "softshrink: lambd must be 0 or more, got ", lambd);
  return activation("softshrink", Function::shrink, channels, {{"lambd", lambd}, {nullptr, lambd}});
}
Op exp(Index channels) {
  return activation("exp", Function::exp, channels);
}
Op log(Index channels) {
  return activation("log", Function::log, channels);
}
Op sqrt(Index channels) {
  return activation("sqrt", Function::sqrt, channels);
}
Op abs(Index channels) {
  return activation("abs", Function::abs, channels);
}
Op pow(Index channels, float exponent) {
  require(channels > 0, "pow: channels must be positive, got ", channels);
  require(std::isfinite(exponent), "pow: exponent must be finite, got ", exponent);
  return Op(std::make_shared<Pow>(channels, exponent));
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
Signal selu(FramesView x) {
  return op::selu(x.channels())(x);
}
Signal celu(FramesView x, float alpha) {
  return op::celu(x.channels(), alpha)(x);
}
Signal sigmoid(FramesView x) {
  return op::sigmoid(x.channels())(x);
}
Signal silu(FramesView x) {
  return op::silu(x.channels())(x);
}
Signal mish(FramesView x) {
  return op::mish(x.channels())(x);
}
Signal gelu(FramesView x, GeluApproximation approximate) {
  return op::gelu(x.channels(), approximate)(x);
}
Signal softplus(FramesView x, float beta, float threshold) {
  return op::softplus(x.channels(), beta, threshold)(x);
}
Signal logsigmoid(FramesView x) {
  return op::logsigmoid(x.channels())(x);
}
Signal softsign(FramesView x) {
  return op::softsign(x.channels())(x);
}
Signal hardsigmoid(FramesView x) {
  return op::hardsigmoid(x.channels())(x);
}
Signal hardswish(FramesView x) {
  return op::hardswish(x.channels())(x);
}
Signal hardtanh(FramesView x, float min_val, float max_val) {
  return op::hardtanh(x.channels(), min_val, max_val)(x);
}
Signal relu6(FramesView x) {
  return op::relu6(x.channels())(x);
}
Signal hardshrink(FramesView x, float lambd) {
  return op::hardshrink(x.channels(), lambd)(x);
}
Signal softshrink(FramesView x, float lambd) {
  return op::softshrink(x.channels(), lambd)(x);
}
Signal exp(FramesView x) {
  return op::exp(x.channels())(x);
}
Signal log(FramesView x) {
  return op::log(x.channels())(x);
}
Signal sqrt(FramesView x) {
  return op::sqrt(x.channels())(x);
}
Signal abs(FramesView x) {
  return op::abs(x.channels())(x);
}
Signal pow(FramesView x, float exponent) {
  return op::pow(x.channels(), exponent)(x);
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
