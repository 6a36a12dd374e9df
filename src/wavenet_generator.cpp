#include <wavestride/wavenet_generator.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "alternatives.h"
#include "check.h"
#include "counter_random.h"
#include "kernels/amx.h"
#include "kernels/elementwise.h"
#include "kernels/gemv.h"

namespace wavestride {
namespace {

using kernels::Aligned;
using kernels::GemvWeights;
using kernels::padded;

// Samples that conditioning and older taps are summed ahead for, where that is less to read and write than
// their weights: enough that what they read of these per sample no longer counts.
constexpr Index most_ahead = 16;

Index mixtures(WavenetDistribution distribution, Index outputs) {
  if (distribution == WavenetDistribution::softmax) {
    require(outputs >= 2, "wavenet_generator: softmax needs at least 2 outputs, got ", outputs);
    return 1;
  }
  if (distribution == WavenetDistribution::normal && outputs == 2) return 1;
  require(outputs >= 3 && outputs % 3 == 0,
          "wavenet_generator: a mixture needs 3 outputs for each of its components, got ", outputs);
  return outputs / 3;
}

// torch.Tensor.uniform_(1e-5, 1 − 1e-5) of a number in [0, 1).
double inner_uniform(float u) {
  return 1e-5 + static_cast<double>(std::clamp(u, 0.0f, 1.0f)) * (1 - 2e-5);
}

std::size_t drawn_class(std::span<const float> logits, double u) {
  const double most = *std::max_element(logits.begin(), logits.end());
  double total = 0, sum = 0;
  for (const float l : logits) total += std::exp(l - most);
  for (std::size_t k = 0; k < logits.size(); ++k) {
    sum += std::exp(logits[k] - most);
    if (sum > u * total) return k;
  }
  return logits.size() - 1;
}

float class_value(std::size_t k, std::size_t classes) {
  return static_cast<float>(2 * static_cast<double>(k) / static_cast<double>(classes - 1) - 1);
}

// ---- The network, packed ----

/// w(o, c, tap) of a convolution.
auto value_of(const Tensor& weight) {
  return [&weight](Index o, Index c, Index t) {
    return weight.data[static_cast<std::size_t>((o * weight.dim(1) + c) * weight.dim(2) + t)];
  };
}

Aligned<float> padded_bias(const LayerWeights& layer) {
  Aligned<float> bias(static_cast<std::size_t>(padded(layer.weight.dim(0))), 0.0f);
  std::copy(layer.bias.begin(), layer.bias.end(), bias.begin());
  return bias;
}

/// A layer of kernel 1.
struct Pointwise {
  GemvWeights weights;
  Aligned<float> bias;

  Pointwise() = default;
  explicit Pointwise(const LayerWeights& layer)
      : weights(layer.weight.dim(0), layer.weight.dim(1), 1, value_of(layer.weight)),
        bias(padded_bias(layer)) {}

  Pointwise with(GemvWeights (GemvWeights::*way)() const) const {
    Pointwise p = *this;
    p.weights = (weights.*way)();
    return p;
  }
};

struct Layer {
  GemvWeights older, newest;  // taps of the convolution: all but the last; the last
  Aligned<float> bias;
  Pointwise conditioning, skip, out;  // out is empty in the last layer
  Index dilation = 1;
  Index ahead = 1;  // samples for which the older taps are summed at once: a power of two dividing dilation
  Index slots = 1;  // frames that are kept: what the taps reach back to and `ahead` more
};

struct Network {
  Index features, residual, gate, skip, hidden, outputs, taps;
  Index ahead = 1;  // samples that conditioning is summed ahead for
  std::vector<Layer> layers;
  Pointwise first, last_1, last_3;
  Aligned<float> first_of_class;  // what the first layer makes of each class, [class][padded(residual)]
  float skip_scale, residual_scale;

  /// Float weights as GemvWeights::bfloat16() or int8() makes them, but for those of the sample itself; those
  /// of the last layers as the former.
  Network with(GemvWeights (GemvWeights::*way)() const, Index utterances) const {
    Network n = *this;
    n.look_ahead(utterances, way == &GemvWeights::int8 ? 1 : 2);
    for (Layer& l : n.layers) {
      for (GemvWeights* w : {&l.older, &l.newest}) *w = (w->*way)();
      for (Pointwise* p : {&l.conditioning, &l.skip, &l.out}) *p = p->with(way);
    }
    for (Pointwise* p : {&n.last_1, &n.last_3}) *p = p->with(&GemvWeights::bfloat16);
    n.gather();
    return n;
  }

  /// In the order in which a step reads them.
  void gather() {
    std::vector<GemvWeights*> all;
    for (Layer& l : layers)
      all.insert(all.end(), {&l.older, &l.conditioning.weights, &l.newest, &l.skip.weights, &l.out.weights});
    all.insert(all.end(), {&last_1.weights, &last_3.weights});
    GemvWeights::gather(all);
  }

  bool rounded() const { return layers[0].newest.rounded(); }
  bool integers() const { return layers[0].newest.integers(); }

  /// Chooses how far ahead sums are made, of float weights that will have so many bytes each. The sums of a
  /// later sample are fetched, written, written back and read; of many utterances they are more than the
  /// weights.
  void look_ahead(Index utterances, Index weight_bytes) {
    const Index weights = weight_bytes * (residual * (taps - 1) + features),
                sums = 2 * 4 * static_cast<Index>(sizeof(float)) * utterances;
    ahead = weights < sums ? 1 : most_ahead;
    for (Layer& l : layers) {
      l.ahead = 1;
      while (l.ahead < ahead && l.dilation % (2 * l.ahead) == 0) l.ahead *= 2;
      l.slots = (taps - 1) * l.dilation + l.ahead;
    }
  }
};

void require_shape(const char* what, std::size_t layer, const LayerWeights& w,
                   std::initializer_list<Index> shape) {
  w.weight.check();
  require(std::equal(shape.begin(), shape.end(), w.weight.shape.begin(), w.weight.shape.end()) &&
              (w.bias.empty() || static_cast<Index>(w.bias.size()) == *shape.begin()),
          "wavenet_generator: ", what, " of layer ", layer, " must have shape ",
          shape_string(std::vector<Index>(shape)), " and as many biases or none, got ",
          shape_string(w.weight.shape), " and ", w.bias.size());
}

Network pack(const WavenetWeights& w, const WavenetGeneratorOptions& options) {
  const std::size_t count = w.conv_layers.size();
  require(count > 0 && options.dilations.size() == count,
          "wavenet_generator: needs one dilation for each of conv_layers, got ", options.dilations.size(),
          " for ", count);
  const Tensor& conv = w.conv_layers[0].conv.weight;
  Network n;
  n.features = w.conv_layers[0].conv1x1_aux.weight.dim(1);
  n.residual = conv.dim(1);
  n.gate = conv.dim(0);
  n.taps = conv.dim(2);
  n.skip = w.conv_layers[0].conv1x1_skip.weight.dim(0);
  n.hidden = w.last_conv_layers_1.weight.dim(0);
  n.outputs = w.last_conv_layers_3.weight.dim(0);
  n.skip_scale = std::sqrt(1.0f / static_cast<float>(count));
  n.residual_scale = usual_residual_scale;
  require(conv.shape.size() == 3 && !conv.empty() && n.gate % 2 == 0,
          "wavenet_generator: conv must have shape (2·gate, residual, kernel), got ",
          shape_string(conv.shape));
  require(!w.conv_layers[0].conv1x1_aux.weight.empty(),
          "wavenet_generator: only networks with features can generate; conv_layers have no conv1x1_aux");

  mixtures(options.distribution, n.outputs);
  const Index inputs = options.distribution == WavenetDistribution::softmax ? n.outputs : 1;
  require_shape("first_conv", 0, w.first_conv, {n.residual, inputs, 1});
  require_shape("last_conv_layers_1", 0, w.last_conv_layers_1, {n.hidden, n.skip, 1});
  require_shape("last_conv_layers_3", 0, w.last_conv_layers_3, {n.outputs, n.hidden, 1});
  n.first = Pointwise(w.first_conv);
  if (inputs > 1)
    for (Index i = 0; i < inputs; ++i) {
      n.first_of_class.insert(n.first_of_class.end(), n.first.bias.begin(), n.first.bias.end());
      float* row = &n.first_of_class[static_cast<std::size_t>(i * padded(n.residual))];
      for (Index o = 0; o < n.residual; ++o) row[o] += value_of(w.first_conv.weight)(o, i, 0);
    }
  n.last_1 = Pointwise(w.last_conv_layers_1);
  n.last_3 = Pointwise(w.last_conv_layers_3);

  for (std::size_t i = 0; i < count; ++i) {
    const WavenetBlockWeights& block = w.conv_layers[i];
    const Index dilation = options.dilations[i];
    require(dilation >= 1 && dilation <= Index{1} << 24,
            "wavenet_generator: dilations must be from 1 to 2^24, got ", dilation);
    require_shape("conv", i, block.conv, {n.gate, n.residual, n.taps});
    require_shape("conv1x1_aux", i, block.conv1x1_aux, {n.gate, n.features, 1});
    require_shape("conv1x1_skip", i, block.conv1x1_skip, {n.skip, n.gate / 2, 1});
    require_shape("conv1x1_out", i, block.conv1x1_out, {n.residual, n.gate / 2, 1});
    const auto value = value_of(block.conv.weight);
    Layer layer;
    layer.older = GemvWeights(n.gate, n.residual, n.taps - 1, value);
    layer.newest =
        GemvWeights(n.gate, n.residual, 1, [&](Index o, Index c, Index) { return value(o, c, n.taps - 1); });
    layer.bias = padded_bias(block.conv);
    layer.conditioning = Pointwise(block.conv1x1_aux);
    layer.skip = Pointwise(block.conv1x1_skip);
    if (i + 1 < count) layer.out = Pointwise(block.conv1x1_out);
    layer.dilation = dilation;
    n.layers.push_back(std::move(layer));
  }
  n.look_ahead(options.utterances, sizeof(float));
  n.gather();
  return n;
}

// ---- The state of some utterances ----

// Rows of all utterances of a sample lie one after another, each padded to whole vectors.
struct GeneratorState final : KernelState {
  struct LayerState {
    float* kept;           // inputs of the layer, [slot][utterance][padded(residual)], in `frames`
    Aligned<float> older;  // sums of the older taps, [sample][utterance][padded(gate)], if any ahead
    Index slot = 0;        // of the sample under way
  };
  detail::LargePages<float> frames;
  std::vector<LayerState> layers;
  std::vector<Index> offsets;
  // For all samples ahead of all layers, or for one, of the layer under way; what is gated takes its place.
  Aligned<float> conditioning;
  Aligned<float> older;  // of the layer under way, where it sums none ahead
  Aligned<float> gated, skip, hidden, outputs;
  std::vector<float> noise, value;
  std::vector<std::size_t> fed_class;
  std::size_t silence = 0;
  Index n = 0;

  GeneratorState(const Network& net, Index utterances, Index noise_channels) {
    const auto rows = [&](Index count, Index channels) {
      return Aligned<float>(static_cast<std::size_t>(count * utterances * padded(channels)));
    };
    Index slots = 0;
    for (const Layer& l : net.layers) slots += l.slots;
    frames.resize(static_cast<std::size_t>(slots * utterances * padded(net.residual)));
    float* kept = frames.data();
    for (const Layer& l : net.layers) {
      layers.push_back({kept, rows(l.ahead > 1 ? l.ahead : 0, net.gate)});
      kept += l.slots * utterances * padded(net.residual);
    }
    offsets.resize(static_cast<std::size_t>(net.taps));
    const auto count = static_cast<Index>(net.layers.size());
    conditioning = rows(net.ahead > 1 ? count * net.ahead : 1, net.gate);
    older = rows(1, net.gate);
    gated = rows(1, net.gate / 2);
    skip = rows(1, net.skip);
    hidden = rows(1, net.hidden);
    outputs = rows(1, net.outputs);
    noise.resize(static_cast<std::size_t>(noise_channels));
    value.resize(static_cast<std::size_t>(utterances));
    fed_class.resize(static_cast<std::size_t>(utterances));
    silence = static_cast<std::size_t>((net.outputs - 1) / 2);
    reset();
  }

  Index bytes() const noexcept override {
    std::size_t floats = frames.size();
    for (const LayerState& l : layers) floats += l.older.size();
    for (const auto* rows : {&conditioning, &older, &gated, &skip, &hidden, &outputs}) floats += rows->size();
    return static_cast<Index>(sizeof(float) * floats);
  }

  void reset() noexcept override {
    std::fill(frames.begin(), frames.end(), 0.0f);
    for (LayerState& l : layers) l.slot = 0;
    std::fill(value.begin(), value.end(), 0.0f);
    std::fill(fed_class.begin(), fed_class.end(), silence);
    n = 0;
  }
};

class WavenetGenerator final : public Kernel, public detail::HasAlternatives {
 public:
  WavenetGenerator(Network net, const WavenetGeneratorOptions& options, Index parameters)
      : Kernel(name_of(net, options), ports_of(net, options), options.utterances),
        net_(std::move(net)),
        options_(options),
        noise_channels_(wavenet_noise_channels(options.distribution, net_.outputs)),
        parameters_(parameters) {}

  [[gnu::cold]] std::unique_ptr<KernelState> make_state() const override {
    return std::make_unique<GeneratorState>(net_, options_.utterances, noise_channels_);
  }

  void compute(const Work& work) const noexcept override {
    auto& state = static_cast<GeneratorState&>(*work.state);
    const Index frame = options_.utterances * net_.features;
    for (Index i = 0; i < work.count;) {
      const Index count = std::min(work.count - i, net_.ahead);
      if (net_.ahead > 1)
        for (std::size_t l = 0; l < net_.layers.size(); ++l)
          condition(l, work.in[0] + i * frame, count, conditioning_ahead(state, l, 0));
      for (Index j = 0; j < count; ++j, ++i) {
        network(state, work.in[0] + i * frame, j);
        draw(state, work, i);
      }
    }
  }

  std::shared_ptr<const Kernel> bfloat16() const override { return with(&GemvWeights::bfloat16); }
  std::shared_ptr<const Kernel> int8() const override {
    const auto even = [](Index channels) { return (channels + 1) / 2 * 2; };
    const Index most = std::max(
        {even(net_.residual) * std::max<Index>(net_.taps - 1, 1), even(net_.gate / 2), even(net_.features)});
    if (most > GemvWeights::most_int8_channels) return nullptr;
    (void)kernels::amx_available();  // Linux is asked for its leave now, and not within a stream
    return with(&GemvWeights::int8);
  }

  Index parameters() const override { return parameters_; }
  double macs_per_frame() const override {
    const double first = static_cast<double>(net_.residual * first_inputs()),
                 last = static_cast<double>(net_.hidden * (net_.skip + net_.outputs)),
                 half = static_cast<double>(net_.gate / 2),
                 layer = static_cast<double>(net_.gate * (net_.residual * net_.taps + net_.features)) +
                         half * static_cast<double>(net_.skip);
    const auto layers = static_cast<double>(net_.layers.size());
    const double out = (layers - 1) * half * static_cast<double>(net_.residual);
    return static_cast<double>(options_.utterances) * (first + layers * layer + out + last);
  }

 private:
  static std::string name_of(const Network& net, const WavenetGeneratorOptions& o) {
    static constexpr const char* names[] = {"logistic", "normal", "softmax"};
    return message("wavenet_generator(", net.features, " → 1, ", net.layers.size(), " layers, residual ",
                   net.residual, ", gate ", net.gate, ", skip ", net.skip, ", ",
                   names[static_cast<int>(o.distribution)], ", utterances ", o.utterances,
                   net.rounded()    ? ", bfloat16)"
                   : net.integers() ? ", int8)"
                                    : ")");
  }

  /// Where the weights of a step do not fit the nearer caches, and are exact still.
  [[gnu::cold]] std::shared_ptr<const Kernel> with(GemvWeights (GemvWeights::*way)() const) const {
    constexpr Index near = 512 << 10;
    if (net_.rounded() || net_.integers() || parameters_ * static_cast<Index>(sizeof(float)) <= near)
      return nullptr;
    return std::make_shared<WavenetGenerator>(net_.with(way, options_.utterances), options_, parameters_);
  }

  static std::vector<Port> ports_of(const Network& net, const WavenetGeneratorOptions& o) {
    const Geometry same = conv_geometry(1, 1, 1, 0, 0);
    std::vector<Port> ports{{o.utterances * net.features, same, {}}};
    if (o.noise_input)
      ports.push_back({o.utterances * wavenet_noise_channels(o.distribution, net.outputs), same, {}});
    return ports;
  }

  bool classes() const { return options_.distribution == WavenetDistribution::softmax; }
  Index first_inputs() const { return classes() ? net_.outputs : 1; }

  /// Of layer l for the sample `ahead` after the first of those that are under way.
  float* conditioning_ahead(GeneratorState& s, std::size_t l, Index ahead) const noexcept {
    const Index row = net_.ahead > 1 ? static_cast<Index>(l) * net_.ahead + ahead : 0;
    return s.conditioning.data() + row * options_.utterances * padded(net_.gate);
  }

  void condition(std::size_t l, const float* features, Index samples, float* out) const noexcept {
    const Index zero = 0;
    const Pointwise& p = net_.layers[l].conditioning;
    kernels::gemv(p.weights, {}, {features, net_.features}, &zero, samples * options_.utterances,
                  p.bias.data(), {}, 1.0f, {out, padded(net_.gate)});
  }

  /// state.outputs for the next sample, of the samples fed so far and its features.
  void network(GeneratorState& s, const float* features, Index ahead) const noexcept {
    const Index utterances = options_.utterances, zero = 0;
    const Index residual = padded(net_.residual), gate = padded(net_.gate), half = padded(net_.gate / 2);
    const Index skip = padded(net_.skip), hidden = padded(net_.hidden);
    first_layer(s);
    for (std::size_t l = 0; l < net_.layers.size(); ++l) {
      const Layer& layer = net_.layers[l];
      auto& own = s.layers[l];
      float* x = own.kept + own.slot * utterances * residual;
      const float* older = older_taps(s, l);
      float* const conditioning = conditioning_ahead(s, l, ahead);
      if (net_.ahead == 1) condition(l, features, 1, conditioning);
      kernels::gemv(layer.newest, {older, gate}, {x, residual}, &zero, utterances, layer.bias.data(),
                    {conditioning, gate}, 1.0f, {conditioning, gate});
      for (Index u = 0; u < utterances; ++u) {
        if (net_.ahead == 1 && l + 1 < net_.layers.size()) fetch_frames(s, l + 1, u);
        kernels::gated(conditioning + u * gate, net_.gate / 2, 1, s.gated.data() + u * half);
      }
      const kernels::GemvCall to_skip{layer.skip.weights,
                                      {},
                                      {s.gated.data(), half},
                                      &zero,
                                      layer.skip.bias.data(),
                                      {l > 0 ? s.skip.data() : nullptr, skip},
                                      1.0f,
                                      {s.skip.data(), skip}};
      if (l + 1 < net_.layers.size()) {
        auto& next = s.layers[l + 1];
        const kernels::GemvCall to_next{
            layer.out.weights,      {},
            {s.gated.data(), half}, &zero,
            layer.out.bias.data(),  {x, residual},
            net_.residual_scale,    {next.kept + next.slot * utterances * residual, residual}};
        kernels::gemv(std::array{to_skip, to_next}, utterances);
      } else {
        kernels::gemv({&to_skip, 1}, utterances);
      }
      own.slot = own.slot + 1 < layer.slots ? own.slot + 1 : 0;
    }
    kernels::map(kernels::Function::scale, net_.skip_scale, 0, s.skip.data(), utterances * skip,
                 s.skip.data());
    kernels::map(kernels::Function::relu, 0, 0, s.skip.data(), utterances * skip, s.skip.data());
    kernels::gemv(net_.last_1.weights, {}, {s.skip.data(), skip}, &zero, utterances, net_.last_1.bias.data(),
                  {}, 1.0f, {s.hidden.data(), hidden});
    kernels::map(kernels::Function::relu, 0, 0, s.hidden.data(), utterances * hidden, s.hidden.data());
    kernels::gemv(net_.last_3.weights, {}, {s.hidden.data(), hidden}, &zero, utterances,
                  net_.last_3.bias.data(), {}, 1.0f, {s.outputs.data(), padded(net_.outputs)});
    ++s.n;
  }

  /// Where the frames are that an older tap reads for the sample under way.
  Index older_slot(const GeneratorState::LayerState& own, const Layer& layer, Index tap) const noexcept {
    const Index back = own.slot - (net_.taps - 1 - tap) * layer.dilation;
    return back < 0 ? back + layer.slots : back;
  }

  /// Asks for the frames of an utterance that layer l will read and write where no sums are made ahead: they
  /// lie too far apart, and were used too long ago, to be in the nearer caches. Inline, since compilers take
  /// a call that only asks for one without effect.
  [[gnu::always_inline]] inline void fetch_frames(const GeneratorState& s, std::size_t l,
                                                  Index utterance) const noexcept {
    const Layer& layer = net_.layers[l];
    const auto& own = s.layers[l];
    const Index residual = padded(net_.residual);
    for (Index t = 0; t < net_.taps; ++t) {
      const Index slot = t + 1 < net_.taps ? older_slot(own, layer, t) : own.slot;
      const float* row = own.kept + (slot * options_.utterances + utterance) * residual;
      for (Index c = 0; c < residual; c += 16) __builtin_prefetch(row + c, 0, 2);
    }
  }

  /// The sums of the older taps of layer l for the sample under way. At the start of each `ahead` samples,
  /// all that these read exists. Slots are a multiple of `ahead`, as is each tap's distance, so that the
  /// frames of a tap do not wrap around.
  const float* older_taps(GeneratorState& s, std::size_t l) const noexcept {
    const Layer& layer = net_.layers[l];
    auto& own = s.layers[l];
    const Index utterances = options_.utterances, residual = padded(net_.residual), gate = padded(net_.gate);
    float* sums = layer.ahead > 1 ? own.older.data() : s.older.data();
    if (const Index since = s.n % layer.ahead; since > 0) return sums + since * utterances * gate;
    for (Index t = 0; t + 1 < net_.taps; ++t)
      s.offsets[static_cast<std::size_t>(t)] = older_slot(own, layer, t) * utterances * residual;
    kernels::gemv(layer.older, {}, {own.kept, residual}, s.offsets.data(), layer.ahead * utterances, nullptr,
                  {}, 1.0f, {sums, gate});
    return sums;
  }

  void first_layer(GeneratorState& s) const noexcept {
    const Index utterances = options_.utterances, residual = padded(net_.residual), zero = 0;
    float* x = s.layers[0].kept + s.layers[0].slot * utterances * residual;
    if (!classes()) {
      kernels::gemv(net_.first.weights, {}, {s.value.data(), 1}, &zero, utterances, net_.first.bias.data(),
                    {}, 1.0f, {x, residual});
      return;
    }
    for (const std::size_t k : s.fed_class)
      x = std::copy_n(net_.first_of_class.data() + static_cast<Index>(k) * residual, residual, x);
  }

  void draw(GeneratorState& s, const Work& work, Index i) const noexcept {
    const Index utterances = options_.utterances;
    for (Index u = 0; u < utterances; ++u) {
      const auto at = static_cast<std::size_t>(u);
      const std::span<const float> outputs(s.outputs.data() + u * padded(net_.outputs),
                                           static_cast<std::size_t>(net_.outputs));
      if (options_.noise_input)
        std::copy_n(work.in[1] + (i * utterances + u) * noise_channels_, noise_channels_, s.noise.begin());
      else
        make_noise(options_.seed + at, static_cast<std::uint64_t>(work.n + i), s.noise);
      if (classes()) {
        s.fed_class[at] = drawn_class(outputs, s.noise[0]);
        s.value[at] = class_value(s.fed_class[at], outputs.size());
      } else {
        s.value[at] = wavenet_sample(options_.distribution, outputs, s.noise, options_.log_scale_min);
      }
      work.out[i * utterances + u] = s.value[at];
    }
  }

  void make_noise(std::uint64_t seed, std::uint64_t n, std::span<float> noise) const noexcept {
    constexpr double below_one = 0x1.fffffep-1;  // the largest float
    for (std::size_t r = 0; r < noise.size(); ++r)
      noise[r] = static_cast<float>(std::min(counter_uniform(seed, n * noise.size() + r), below_one));
    if (options_.distribution == WavenetDistribution::normal)
      noise.back() = static_cast<float>(counter_normal(~seed, n));
  }

  Network net_;
  WavenetGeneratorOptions options_;
  Index noise_channels_, parameters_;
};

Index parameters_of(const WavenetWeights& w) {
  const auto size = [](const LayerWeights& l) { return l.weight.size() + static_cast<Index>(l.bias.size()); };
  Index sum = size(w.first_conv) + size(w.last_conv_layers_1) + size(w.last_conv_layers_3);
  for (const WavenetBlockWeights& b : w.conv_layers)
    sum += size(b.conv) + size(b.conv1x1_aux) + size(b.conv1x1_skip) + size(b.conv1x1_out);
  return sum - size(w.conv_layers.back().conv1x1_out);
}

}  // namespace

Index wavenet_noise_channels(WavenetDistribution distribution, Index outputs) {
  const Index components = mixtures(distribution, outputs);
  return components > 1 ? components + 1 : 1;
}

float wavenet_sample(WavenetDistribution distribution, std::span<const float> outputs,
                     std::span<const float> noise, std::optional<float> log_scale_min) {
  const auto numbers = wavenet_noise_channels(distribution, static_cast<Index>(outputs.size()));
  require(!outputs.empty() && static_cast<Index>(noise.size()) == numbers,
          "wavenet_sample: needs outputs and ", numbers, " random numbers, got ", outputs.size(), " and ",
          noise.size());
  if (distribution == WavenetDistribution::softmax)
    return class_value(drawn_class(outputs, noise[0]), outputs.size());
  const auto components =
      static_cast<std::size_t>(mixtures(distribution, static_cast<Index>(outputs.size())));
  std::size_t best = 0;
  double highest = -std::numeric_limits<double>::infinity();
  for (std::size_t k = 0; components > 1 && k < components; ++k) {
    const double score = outputs[k] - std::log(-std::log(inner_uniform(noise[k])));
    if (score > highest) highest = score, best = k;
  }
  const std::span<const float> rest = outputs.last(2 * components);
  const double mean = rest[best], log_scale = rest[components + best];
  double x = 0;
  if (distribution == WavenetDistribution::normal) {
    x = mean + std::exp(log_scale) * noise.back();
  } else {
    const double v = inner_uniform(noise.back()), floor = log_scale_min.value_or(-HUGE_VALF);
    x = mean + std::exp(std::max(log_scale, floor)) * (std::log(v) - std::log1p(-v));
  }
  return static_cast<float>(std::clamp(x, -1.0, 1.0));
}

namespace op {

Op wavenet_generator(const WavenetWeights& weights, const WavenetGeneratorOptions& options) {
  require(options.utterances >= 1 && options.utterances <= 4096,
          "wavenet_generator: utterances must be from 1 to 4096, got ", options.utterances);
  Network network = pack(weights, options);
  return Op(std::make_shared<WavenetGenerator>(std::move(network), options, parameters_of(weights)));
}

}  // namespace op

}  // namespace wavestride
