// iSTFTNet (Kaneko et al. 2022): HiFi-GAN with fewer stages, and an inverse STFT for the rest.
#include <wavestride/pad1d.h>
#include <wavestride/stft.h>

#include "models/hifigan.h"
#include "models/spectrum.h"

namespace wavestride::models {
namespace {

Network build(ModelFile& file) {
  const Config& c = file.config();
  const Keys n_fft{"gen_istft_n_fft"}, hop{"gen_istft_hop_size"};
  StftOptions inverse{.n_fft = c.integer(n_fft, 2, 1 << 16)};
  inverse.hop_length = c.integer(hop, 1, inverse.n_fft);
  const Index outputs = hifigan_outputs(file.tensors()).channels;
  if (outputs != 2 * inverse.bins())
    c.refuse(c.name(n_fft), " ", inverse.n_fft, " calls for ", 2 * inverse.bins(),
             " channels, the last convolution has ", outputs);
  StackBuilder b("istftnet");
  const HifiganTrunk trunk = hifigan_trunk(file, b);
  // A frame more in front, so that the centred transform is as long as the frames say.
  const auto y =
      b.chain(trunk.x, std::vector<Op>{op::pad1d(b.channels(trunk.x), {.left = 1, .mode = PadMode::reflect}),
                                       trunk.head, polar_spectrum(inverse.bins(), {.phase_is_sine = true}),
                                       op::istft(inverse)});
  return {b.build({y}),
          features_of(file, trunk.in, trunk.hop * inverse.hop_length, trunk.hop_by + " and " + c.name(hop))};
}

bool recognises(const TensorFile& file) {
  const HifiganOutputs outputs = hifigan_outputs(file);
  return outputs.channels > 0 && !outputs.waveform && !outputs.learned_activations;
}

}  // namespace

const Architecture istftnet{"istftnet", recognises, build};

}  // namespace wavestride::models
