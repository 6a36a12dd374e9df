// What published networks cost at their published sizes, against the numbers that were counted for them by
// hand: parameters, multiply-adds, frames read on both sides (by EnCodec ahead only of the first frame, which
// reflects what follows), samples of lag, bytes carried by a stream. How
// far the samples of a WaveNet and of an AudioUNet reach is a matter of tests/wavenet.cpp and audio_unet.cpp.
#include <wavestride/codec_encoder.h>

#include <catch2/catch.hpp>

#include "contract.h"
#include "models.h"

using namespace wavestride;
using namespace wavestride::testing;
using nlohmann::json;

namespace {

struct Expected {
  const char* name;
  double parameters_m, gmacs;
  Index upsampling, back, ahead;
  Index lag;  ///< samples; 0: not counted
  /// 0: not counted. By hand, with the input of a stage held by each of its branches, it is 749, 189 and 235
  /// for HiFi-GAN; here the branches share it.
  double carried_kib;
  /// Parameters of the last WaveNet block's output, which nothing reads, of norms at other bandwidths, and of
  /// biases that are summed; less biases that a causal upsampling holds for each of its phases.
  Index unused = 0;
};

constexpr Index not_counted = -1;

/// Millions of parameters of DAC's codebooks and their projections.
constexpr double codebooks(double n) {
  return n * (1024 * 8 + 8 * 1024 + 1024) / 1e6;
}

constexpr Expected table[] = {
    {"HiFi-GAN V1", 13.926, 26.45, 256, 13, 13, 3514, 734},
    {"HiFi-GAN V2", 0.926, 1.66, 256, 13, 13, 3514, 185},
    {"HiFi-GAN V3", 1.462, 1.94, 256, 11, 11, 2838, 230},
    {"Piper high", 14.327, 26.48, 256, 13, 13, 3514, 0},
    {"Piper medium", 1.663, 1.95, 256, 11, 11, 2838, 0},
    {"Piper x_low", 1.491, 1.41, 256, 11, 11, 2838, 0},
    {"SpeechT5", 12.656, 8.54, 256, 24, 24, 0, 0},
    {"HiFi-GAN 24k", 12.980, 15.15, 300, 19, 19, 0, 0},
    {"iSTFTNet", 13.254, 17.73, 256, 13, 13, 0, 0},
    {"BigVGAN base", 13.943, 27.45, 256, 18, 18, 0, 0},
    {"BigVGAN base 24k", 14.015, 29.9, 256, 18, 18, 0, 0},
    {"BigVGAN v2", 112.199, 79, 256, 38, 38, 0, 0},
    {"MelGAN", 4.260, 3.89, 256, 6, 6, 0, 0},
    {"MelGAN large", 13.117, 8.18, 256, 18, 18, 0, 0},
    {"MelGAN full-band", 4.701, 5.45, 256, 10, 10, 0, 0},
    {"MB-MelGAN", 2.534, 1.56, 256, 11, 11, 0, 0},
    {"MB-MelGAN 24k", 2.138, 1.16, 300, 14, 15, 0, 0},
    {"Vocos", 13.532, 1.265, 256, 28, 29, 0, 0},
    {"Vocos of codes", 7.984 + 16 * 1024 * 128 / 1e6, 0.595, 320, 29, 29, 0, 0, 9 * 2 * 384 * 3},
    {"EnCodec", 7.423 + 32 * 1024 * 128 / 1e6, 1.49, 320, 8, 6, 0, 0, -(7 * 256 + 4 * 128 + 3 * 64 + 32)},
    {"ParallelWaveGAN v1", 1.334, 28.57, 256, 16, 16, 0, 0, 64 * 64 + 64},
    {"ParallelWaveGAN v3", 1.826, 39.40, 256, 28, 28, 0, 0, 64 * 64 + 64},
    {"WaveNet", 3.702, 80.65, 256, 4, 4, 0, 0, 128 * 128 + 128},
    {"WaveNet, mu-law", 4.676, 102.1, 256, 4, 4, 0, 0, 128 * 128 + 128},
    {"AudioUNet", 70.977, 140, 4, not_counted, not_counted, 0, 0},
    {"AudioUNet of the paper", 56.411, 101, 4, not_counted, not_counted, 0, 0},
    {"DAC", 54.091 + codebooks(9), 69.3, 512, 10, 10, 0, 0, 8 * 1024},
    {"DAC 24k", 52.322 + codebooks(32), 41.7, 320, 10, 10, 0, 0, 31 * 1024},
    {"SNAC 24k", 13.002 + 3 * (4096 * 8 + 8 * 768 + 768) / 1e6, 4.855, 2048, 3, 3, 0, 0, 2 * 768},
};

}  // namespace

TEST_CASE("published networks cost what was counted for them") {
  const json networks = published_networks();
  REQUIRE(networks.size() == std::size(table));
  for (std::size_t i = 0; i < networks.size(); ++i) {
    const json& network = networks[i];
    const Expected& expected = table[i];
    INFO(expected.name);
    REQUIRE(network.at("name") == expected.name);
    const Model model = load_model(ImaginedFile(network.at("tensors"), network.at("config")));
    const Op& op = model.network;
    const Index parameters = op.parameters() + expected.unused;
    CHECK(parameters == network.at("parameters").get<Index>());
    CHECK(std::abs(static_cast<double>(parameters) / 1e6 - expected.parameters_m) <= 0.0005);
    CHECK(std::abs(model.macs_per_second() / 1e9 / expected.gmacs - 1) <= 0.006);
    CHECK(model.upsampling() == Ratio(expected.upsampling, 1));
    if (expected.ahead == not_counted) continue;
    Index back = 0;
    for (Index n = 0; n < expected.upsampling; ++n)
      back = std::max(back, 100 - op.reads(100 * expected.upsampling + n).first);
    CHECK(back == expected.back);
    CHECK(op.lookahead_frames() == expected.ahead);
    if (expected.lag > 0) CHECK(op.latency_frames() == expected.lag);
    if (expected.carried_kib > 0)
      CHECK(std::abs(static_cast<double>(op.carried_bytes()) / 1024 - expected.carried_kib) <= 1);
  }
}

namespace {

/// Its latents by faster arithmetic are near those that it makes, and quantised as those.
void verify_faster(const CodecEncoder& encoder) {
  Rng rng(75);
  const Signal x = noise(rng, 1, 3 * encoder.hop_length), z = encoder.latents(x);
  for (const auto& [arithmetic, least, most] : {std::tuple(Arithmetic{.minimal_filtering = true}, 1e-7, 2e-5),
                                                std::tuple(Arithmetic{.bfloat16 = true}, 1e-4, 5e-3)}) {
    const CodecEncoder fast = compute_by(encoder, arithmetic);
    const Signal its = fast.latents(x);
    const double error = relative_error(its, z);
    CHECK(error >= least);
    CHECK(error <= most);
    CHECK(same_bits(fast(x), encoder.quantiser(its)));
    CHECK(fast.network.name() == encoder.network.name());
  }
}

}  // namespace

TEST_CASE("published encoders cost what was counted for them") {
  struct Counted {
    const char* name;
    double parameters_m, gmacs;
    Index hop, before, after;  ///< samples that a frame of latents reads outside its own
  };
  constexpr Counted counted[] = {{"EnCodec", 7.423, 1.49, 320, 2398, 0},
                                 {"DAC", 22.299, 30.6, 512, 3733, 3733},
                                 {"DAC 24k", 21.513, 18.4, 320, 2501, 2493},
                                 {"SNAC 24k", 6.684, 2.39, 512, 4757, 4757}};
  const json networks = published_encoders();
  REQUIRE(networks.size() == std::size(counted));
  for (std::size_t i = 0; i < networks.size(); ++i) {
    const json& network = networks[i];
    const Counted& expected = counted[i];
    INFO(expected.name);
    REQUIRE(network.at("name") == expected.name);
    const CodecEncoder encoder =
        load_codec_encoder(ImaginedFile(network.at("tensors"), network.at("config")));
    const Op& latents = encoder.latents;
    CHECK(latents.parameters() == network.at("parameters").get<Index>());
    CHECK(std::abs(static_cast<double>(latents.parameters()) / 1e6 - expected.parameters_m) <= 0.0005);
    CHECK(latents.rate() == Ratio(expected.hop, 1));
    const double frames = static_cast<double>(encoder.sample_rate) / static_cast<double>(expected.hop);
    CHECK(std::abs(latents.macs_per_frame() * frames / 1e9 / expected.gmacs - 1) <= 0.006);
    CHECK(100 * expected.hop - latents.reads(100).first == expected.before);
    CHECK(latents.reads(100).last - 101 * expected.hop + 1 == expected.after);
    if (network.at("name") == "DAC 24k") verify_faster(encoder);
  }
}

TEST_CASE("published networks: features that are a preset's go by its name") {
  for (const json& network : published_networks())
    for (const auto& [name, preset] : {std::pair{"HiFi-GAN V2", "hifigan-22k"},
                                       {"BigVGAN base", "hifigan-22k"},
                                       {"BigVGAN base 24k", "HiFi-GAN"},
                                       {"Vocos", "vocos-24k"},
                                       {"SpeechT5", "speecht5-16k"}})
      if (network.at("name") == name)
        CHECK(load_model(ImaginedFile(network.at("tensors"), network.at("config"))).features.name == preset);
}
