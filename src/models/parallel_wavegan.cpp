// Parallel WaveGAN (Yamamoto, Song and Kim 2020): a WaveNet that is not autoregressive makes a waveform of
// noise, all samples at once.
#include <wavestride/mu_law.h>
#include <wavestride/noise.h>

#include "models/architecture.h"
#include "models/coqui.h"
#include "models/wavenet_files.h"

namespace wavestride::models {
namespace {

Network build(ModelFile& file) {
  const WavenetSpelling& s = parallel_wavegan_spelling;
  file.locate(wavenet_anchors(s.aux));
  const auto coqui = coqui_generator(file.config());
  const Config c = coqui ? *coqui : file.config().section({"generator_params"});
  for (const char* key : {"in_channels", "out_channels"})
    if (c.has({key})) (void)c.integer({key}, 1, 1);
  constexpr float coqui_residual_scale = 0.25f;  // in its code
  WavenetOptions options{.dilations = {},
                         .causal = c.has(s.causal) && c.flag(s.causal),
                         .residual_scale = coqui ? coqui_residual_scale : usual_residual_scale};
  const WavenetWeights weights = wavenet_weights(file, c, s, 1, 1, options);
  const Op upsample = upsample_net(file, c, s, options.causal);
  const Features features =
      features_of(file, upsample.in_channels(), upsample.rate().den, upsampling_keys(c));

  StackBuilder b("parallel-wavegan");
  const auto aux = b.apply(upsample, {b.input(upsample.in_channels())});
  const auto z = file.given(Given::noise)
                     ? b.input(1)
                     : b.apply(op::normal_noise(b.channels(aux), 1, file.options().seed), {aux});
  auto y = b.apply(wavenet(weights, options), {z, aux});
  // Some of the repository's recipes train on companded sound.
  constexpr Index mu = 65535;  // in its code
  const Keys companded{"apply_mulaw"};
  if (file.config().has(companded) && file.config().flag(companded))
    y = b.apply(op::mu_law_expand(1, mu), {y});
  return {b.build({y}), features};
}

bool recognises(const TensorFile& file) {
  return holds_wavenet(file, parallel_wavegan_spelling.aux);
}

}  // namespace

const Architecture parallel_wavegan{"parallel-wavegan", recognises, build};

}  // namespace wavestride::models
