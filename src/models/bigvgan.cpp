// BigVGAN (Lee et al. 2023): HiFi-GAN with periodic activations, Snake, each at twice its rate between two
// low-pass filters, so that what it makes beyond half the rate does not fold back.
#include <wavestride/activation.h>

#include <numbers>

#include "filter_design.h"
#include "kernels/snake.h"
#include "models/hifigan.h"

namespace wavestride::models {
namespace {

using Filter = std::array<float, kernels::snake_taps>;
constexpr Index taps = kernels::snake_taps;

/// kaiser_sinc_filter1d: the low-pass at a quarter of the rate whose half width is 0.3, the sum of which
/// is 1.
Filter usual_filter() {
  constexpr double width = 4 * 0.3;
  const double stopband_db = 2.285 * (taps / 2 - 1) * std::numbers::pi * width + 7.95;
  const double beta = 0.1102 * (stopband_db - 8.7);  // of those above 50 dB
  std::array<double, taps> h;
  double sum = 0;
  for (Index n = 0; n < taps; ++n) {
    const double from_middle = static_cast<double>(n) - (taps - 1) / 2.0, at = 2 * from_middle / (taps - 1);
    const double value = bessel_i0(beta * std::sqrt(1 - at * at)) * sinc(from_middle / 2);
    h[static_cast<std::size_t>(n)] = value;
    sum += value;
  }
  Filter filter;
  std::transform(h.begin(), h.end(), filter.begin(), [&](double v) { return static_cast<float>(v / sum); });
  return filter;
}

/// Activation1d: a snake at twice the rate, between low-pass filters.
class AntiAliasedSnake final : public Kernel {
 public:
  AntiAliasedSnake(const kernels::SnakeWeights& weights, const kernels::SnakeFilters& filters,
                   Index parameters)
      : Kernel(message("anti_aliased_snake(", weights.channels(), ")"),
               {{weights.channels(), conv_geometry(taps - 1, 1, 1, 5, 5), {PadMode::replicate, 0.0f}}},
               weights.channels()),
        weights_(weights),
        filters_(filters),
        parameters_(parameters) {}

  Index scratch_bytes() const override {
    return kernels::SnakeBlock(out_channels()).scratch() * static_cast<Index>(sizeof(float));
  }

  void compute(const Work& work) const noexcept override {
    kernels::anti_aliased_snake(weights_, filters_, work.in[0], work.n, work.count, work.length[0], work.out,
                                static_cast<float*>(work.scratch));
  }

  Index parameters() const override { return parameters_; }
  double macs_per_frame() const override { return 2.0 * taps * static_cast<double>(out_channels()); }

 private:
  kernels::SnakeWeights weights_;
  kernels::SnakeFilters filters_;
  Index parameters_;
};

class Activations {
 public:
  Activations(ModelFile& file, const Config& c)
      : file_(file), config_(c), kind_(c.text({"activation"})), logarithms_(c.flag({"snake_logscale"})) {
    if (kind_ != "snake" && kind_ != "snakebeta")
      c.refuse(c.name({"activation"}), " must be snake or snakebeta, is \"", kind_, "\"");
  }

  /// Activation1d.
  Op operator()(const std::string& name, Index channels) const {
    const auto values = [&](const char* which) {
      std::vector<float> v = file_.tensor(name + which, {channels}).data;
      if (logarithms_)
        for (float& x : v) x = std::exp(x);
      return v;
    };
    const bool two = kind_ == "snakebeta";
    if (file_.holds_tensor(name + ".act.beta") != two)
      config_.refuse(config_.name({"activation"}), " says ", kind_, ", the file holds ", two ? "no" : "a",
                     " tensor \"", name, ".act.beta\"");
    const std::vector<float> alpha = values(".act.alpha"), beta = two ? values(".act.beta") : alpha;
    if (std::ranges::any_of(alpha, [](float a) { return std::isinf(a); }))
      config_.refuse(config_.name({"snake_logscale"}), " takes tensor \"", name,
                     ".act.alpha\" for logarithms, whose exponentials are infinite");
    if (std::ranges::any_of(beta, [](float b) { return b + 1e-9f == 0; }))
      file_.refuse("tensor \"", file_.prefix(), name, two ? ".act.beta" : ".act.alpha",
                   "\": 1e-9 is added before it divides, one is -1e-9");
    kernels::SnakeFilters filters{filter(name + ".upsample.filter"),
                                  filter(name + ".downsample.lowpass.filter")};
    for (float& tap : filters.up) tap *= 2;  // there is a zero beside every frame
    return Op(std::make_shared<AntiAliasedSnake>(kernels::SnakeWeights(alpha, beta), filters,
                                                 channels * (two ? 2 : 1)));
  }

 private:
  Filter filter(const std::string& name) const {
    if (!file_.holds_tensor(name)) return usual_filter();
    Filter values;
    std::ranges::copy(file_.tensor(name, {1, 1, taps}).data, values.begin());
    return values;
  }

  ModelFile& file_;
  const Config& config_;
  std::string kind_;
  bool logarithms_;
};

/// A setting that configs of before it leave out.
bool usually(const Config& c, Keys keys) {
  return !c.has(keys) || c.flag(keys);
}

Network build(ModelFile& file) {
  const Config c = hifigan_settings(file.config());
  StackBuilder b("bigvgan");
  const HifiganTrunk trunk = hifigan_trunk(file, b, Activations(file, c));
  const Keys bias{"use_bias_at_final"};
  if (usually(c, bias) != file.holds_tensor("conv_post.bias"))
    c.refuse(c.name(bias), " says that the last convolution has ", usually(c, bias) ? "a" : "no",
             " bias, the file holds ", usually(c, bias) ? "no" : "a", " tensor \"conv_post.bias\"");
  const Op last = usually(c, {"use_tanh_at_final"}) ? op::tanh(1) : op::clip(1, -1, 1);
  return {b.build({b.chain(trunk.x, std::vector<Op>{trunk.head, last})}),
          features_of(file, trunk.in, trunk.hop, trunk.hop_by)};
}

bool recognises(const TensorFile& file) {
  const HifiganOutputs outputs = hifigan_outputs(file);
  return outputs.learned_activations && outputs.waveform;
}

}  // namespace

const Architecture bigvgan{"bigvgan", recognises, build};

}  // namespace wavestride::models
