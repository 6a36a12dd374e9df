// WaveNet as a vocoder (van den Oord et al. 2016), in the current architecture of r9y9's repository:
// autoregressive, or fed with known samples.
#include <wavestride/activation.h>
#include <wavestride/deemphasis.h>
#include <wavestride/mu_law.h>
#include <wavestride/wavenet_generator.h>

#include <array>

#include "models/architecture.h"
#include "models/wavenet_files.h"

namespace wavestride::models {
namespace {

struct InputType {
  const char* name;
  bool classes, companded;
};
constexpr std::array<InputType, 3> input_types{
    {{"raw", false, false}, {"mulaw", false, true}, {"mulaw-quantize", true, true}}};

const InputType& input_type_of(const Config& c) {
  const std::string name = c.text({"input_type"});
  for (const InputType& type : input_types)
    if (type.name == name) return type;
  c.refuse(c.name({"input_type"}), " must be raw, mulaw or mulaw-quantize, is \"", name, "\"");
}

WavenetDistribution distribution_of(const Config& c, const InputType& type) {
  if (type.classes) return WavenetDistribution::softmax;
  const std::string name = c.text({"output_distribution"});
  if (name == "Logistic") return WavenetDistribution::logistic;
  if (name == "Normal") return WavenetDistribution::normal;
  c.refuse(c.name({"output_distribution"}), " must be Logistic or Normal, is \"", name, "\"");
}

/// What the repository does to generated samples: companding undone, then its filter and its gain.
std::vector<Op> postprocessing(const Config& c, const InputType& type) {
  std::vector<Op> ops;
  if (type.companded) ops.push_back(op::mu_law_expand(1, c.integer({"quantize_channels"}, 2, 1 << 24) - 1));
  const std::string filter = c.has({"postprocess"}) ? c.text({"postprocess"}) : "";
  if (filter == "inv_preemphasis")
    ops.push_back(op::deemphasis(1, 0.85f));  // audio.py's
  else if (!filter.empty() && filter != "none")
    c.refuse(c.name({"postprocess"}), " must be none or inv_preemphasis, is \"", filter, "\"");
  const double gain = c.has({"global_gain_scale"}) ? c.number({"global_gain_scale"}) : 1;
  if (gain > 0 && gain != 1) ops.push_back(op::scale(1, static_cast<float>(1 / gain)));
  return ops;
}

Network build(ModelFile& file) {
  const WavenetSpelling& s = wavenet_spelling;
  file.locate(wavenet_anchors(s.aux));
  const Config& c = file.config();
  const InputType& type = input_type_of(c);
  const WavenetDistribution distribution = distribution_of(c, type);
  const Index outputs = c.integer({"out_channels"}, 2, 1 << 16);
  if (type.classes && c.integer({"quantize_channels"}, 2, 1 << 24) != outputs)
    c.refuse(c.name({"out_channels"}), " must be ", c.name({"quantize_channels"}), " for ",
             c.name({"input_type"}), " mulaw-quantize");
  WavenetOptions options{.dilations = {}, .causal = true};
  const WavenetWeights weights = wavenet_weights(file, c, s, type.classes ? outputs : 1, outputs, options);
  file.skip("embed_speakers.weight");  // add_speaker() has taken its row
  const Op upsample = upsample_net(file, c, s, false);
  const Features features =
      features_of(file, upsample.in_channels(), upsample.rate().den, upsampling_keys(c));

  StackBuilder b("wavenet-vocoder");
  const auto aux = b.apply(upsample, {b.input(upsample.in_channels())});
  if (file.given(Given::samples)) {
    const auto samples = b.input(type.classes ? outputs : 1);
    return {b.build({b.apply(wavenet(weights, options), {samples, aux})}), features};
  }
  const bool noise = file.given(Given::noise);
  const Op generator = op::wavenet_generator(weights, {.dilations = options.dilations,
                                                       .distribution = distribution,
                                                       .seed = file.options().seed,
                                                       .noise_input = noise});
  std::vector<StackBuilder::Value> inputs{aux};
  if (noise) inputs.push_back(b.input(generator.in_channels(1)));
  return {b.build({b.chain(b.apply(generator, inputs), postprocessing(c, type))}), features};
}

bool recognises(const TensorFile& file) {
  return holds_wavenet(file, wavenet_spelling.aux);
}

}  // namespace

const Architecture wavenet_vocoder{"wavenet-vocoder", recognises, build};

}  // namespace wavestride::models
