#include <wavestride/model.h>

#include <catch2/catch.hpp>

#include "models.h"

using namespace wavestride;
using namespace wavestride::testing;

TEST_CASE("istftnet: the files of its recipes give the samples that torch gives, whole and in chunks") {
  verify_models("istftnet");
}

TEST_CASE("istftnet: a config that the file contradicts is refused, naming the key and both sides") {
  const auto with = [](const std::string& where, const nlohmann::json& value) {
    return refusal_with("istftnet-1/g_00500000", "config.json", where, value);
  };
  CHECK(with("/seed", 1) == "");
  CHECK(with("/gen_istft_n_fft", 20) ==
        "config: \"gen_istft_n_fft\" 20 calls for 22 channels, the last convolution has 18");
  CHECK(with("/gen_istft_hop_size", nullptr) ==
        "config: \"gen_istft_hop_size\" must be an integer from 1 to 16");
  CHECK(with("/hop_size", 60) ==
        "the network makes 48 samples of a frame by the config's \"upsample_rates\" and "
        "\"gen_istft_hop_size\", "
        "features of HiFi-GAN have a hop of 60 by the config's \"hop_size\"");
}
