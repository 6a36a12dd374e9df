// AudioUNet, with the spline that brings a signal to its new rate. Its repository saves TensorFlow graphs, so
// that the names are ours, as is the config: "down.{l}", "bottleneck", "up.{l}" and "last", weights (out, in,
// kernel), of TensorFlow's (kernel, in, out) the transpose.
#include <wavestride/audio_unet.h>
#include <wavestride/spline_upsample.h>

#include "models/architecture.h"

namespace wavestride::models {
namespace {

const std::vector<std::string> anchors{"down.0", "bottleneck", "up.0", "last"};

LayerWeights layer_of(ModelFile& file, const std::string& name, Index out, Index in) {
  const auto shape = file.shape_of(name);
  const Index kernel = shape && shape->size() == 3 ? shape->at(2) : 1;
  return file.conv(name, {out, in, kernel}, Bias::optional, "\"filters\"");
}

Network build(ModelFile& file) {
  file.locate(anchors);
  const Config& c = file.config();
  const Index factor = c.integer({"r"}, 1, 64), rate = c.integer({"sampling_rate"}, 1, 1 << 24);
  if (rate % factor != 0)
    c.refuse(c.name({"sampling_rate"}), " must be a multiple of ", c.name({"r"}), ", ", factor, ", is ",
             rate);
  const std::string arithmetic = c.text({"arithmetic"});
  if (arithmetic != "tensorflow" && arithmetic != "pytorch")
    c.refuse(c.name({"arithmetic"}), " must be tensorflow or pytorch, is \"", arithmetic, "\"");
  const bool tensorflow = arithmetic == "tensorflow";
  const std::vector<Index> filters = c.integers({"filters"}, 1, 16, 1, 1 << 16);
  AudioUnetWeights w;
  const std::size_t layers = filters.size();
  const auto bottleneck = file.shape_of("bottleneck");
  const Index narrow = bottleneck && !bottleneck->empty() ? bottleneck->front() : 1;
  for (std::size_t l = 0; l < layers; ++l)
    w.down.push_back(layer_of(file, message("down.", l), filters[l], l > 0 ? filters[l - 1] : 1));
  w.bottleneck = layer_of(file, "bottleneck", narrow, filters.back());
  for (std::size_t l = 0; l < layers; ++l)
    w.up.push_back(
        layer_of(file, message("up.", l), 2 * filters[l], l + 1 < layers ? 2 * filters[l + 1] : narrow));
  w.last = layer_of(file, "last", 2, 2 * filters.front());
  MelOptions sound;
  sound.name = "waveform";
  sound.sample_rate = rate;
  sound.hop_length = factor;
  sound.n_mels = 1;
  return {Stack({op::spline_upsample(1, factor),
                 audio_unet(
                     w, {tensorflow ? ShuffleOrder::phase_major : ShuffleOrder::channel_major, tensorflow})},
                "audio-super-res"),
          {sound, message("it extends sound of ", rate / factor, " Hz, which it takes as it is")}};
}

bool recognises(const TensorFile& file) {
  return !prefixes_of(file, anchors).empty();
}

}  // namespace

const Architecture audio_super_res{"audio-super-res", recognises, build};

}  // namespace wavestride::models
