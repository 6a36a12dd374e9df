#include <wavestride/audio_unet.h>

#include <catch2/catch.hpp>

#include "contract.h"
#include "golden.h"

using namespace wavestride;
using namespace wavestride::testing;

namespace {

AudioUnetWeights random_weights(Initialiser& init, const std::vector<Index>& filters,
                                const std::vector<Index>& kernels, Index bottleneck, Index last) {
  AudioUnetWeights w{
      .down = {}, .bottleneck = init.conv(2, filters.back(), bottleneck), .up = {}, .last = {}};
  for (std::size_t l = 0; l < filters.size(); ++l) {
    w.down.push_back(init.conv(filters[l], l > 0 ? filters[l - 1] : 1, kernels[l]));
    w.up.push_back(init.conv(2 * filters[l], l + 1 < filters.size() ? 2 * filters[l + 1] : 2, kernels[l]));
  }
  w.last = init.conv(2, 2 * filters[0], last);
  return w;
}

}  // namespace

TEST_CASE("audio_unet: equals its PyTorch module, with TensorFlow's arithmetic and with PyTorch's") {
  for (const GoldenCase& c : golden_cases("audio_unet")) {
    INFO(c.name << " " << c.parameters);
    const bool tensorflow = c.parameters.at("tensorflow");
    const Stack net =
        audio_unet({c.layers("down."), c.layer("bottleneck"), c.layers("up."), c.layer("last")},
                   {tensorflow ? ShuffleOrder::phase_major : ShuffleOrder::channel_major, tensorflow});
    CHECK(relative_error(net(c.signal("x")), c.signal("y")) <= golden_tolerance);
  }
}

TEST_CASE("audio_unet: keeps the contract of every Op") {
  Rng rng(92);
  Initialiser init(92);
  for (int i = 0; i < 4; ++i)
    verify_contract(audio_unet(random_weights(init, {3, 2}, {2 * uniform(rng, 0, 4) + 1, 3}, 3, 5),
                               {.tensorflow_padding = i % 2 == 0}),
                    rng, {.dense = false});
}

TEST_CASE("audio_unet: reads the samples that the published kernels say") {
  Initialiser init(93);
  AudioUnetWeights w = random_weights(init, {1, 1, 1, 1}, {65, 33, 17, 9}, 9, 9);
  // Without biases and with positive weights, nothing but an impulse and what reads it differs from 0.
  const auto make_positive = [](LayerWeights& layer) {
    for (float& v : layer.weight.data) v = std::abs(v) + 0.01f;
    layer.bias.clear();
  };
  for (auto* layers : {&w.down, &w.up}) std::for_each(layers->begin(), layers->end(), make_positive);
  make_positive(w.bottleneck);
  make_positive(w.last);
  const Stack net = audio_unet(w);
  Index back = 0, ahead = 0;
  for (Index at = 1024; at < 1024 + 32; ++at) {
    Signal x = Signal::Zero(1, 2048);
    x(0, at) = 1;
    const Signal y = net(x);
    for (Index n = 0; n < y.cols(); ++n) {
      if (y(0, n) == 0) continue;
      back = std::max(back, n - at);
      ahead = std::max(ahead, at - n);
    }
  }
  CHECK(back == 712);
  CHECK(ahead == 743);
  CHECK(net.total(1000) == 992);
}

TEST_CASE("audio_unet: weights that do not fit are refused, saying what was given") {
  Initialiser init(94);
  const AudioUnetWeights good = random_weights(init, {3, 4}, {5, 3}, 3, 3);
  CHECK_NOTHROW(audio_unet(good));
  AudioUnetWeights w = good;
  w.up.pop_back();
  CHECK_THROWS_WITH(audio_unet(w), "audio_unet: needs as many up layers as down layers, 2, got 1");
  w = good;
  w.down[1] = init.conv(4, 3, 2);
  CHECK_THROWS_WITH(audio_unet(w),
                    "audio_unet: a down layer must have shape (out, in, odd kernel), got [4, 3, 2]");
  w = good;
  w.last = init.conv(4, 6, 3);
  CHECK_THROWS_WITH(audio_unet(w), "audio_unet: the last layer must have 2 output channels, got 4");
  w = good;
  w.bottleneck = init.conv(2, 5, 3);
  CHECK_THROWS_AS(audio_unet(w), std::invalid_argument);
  w.down.clear();
  CHECK_THROWS_WITH(audio_unet(w), "audio_unet: needs 1 to 16 down layers, got 0");
}
