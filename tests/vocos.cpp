#include <wavestride/model.h>

#include <catch2/catch.hpp>

#include "models.h"

using namespace wavestride;
using namespace wavestride::testing;

TEST_CASE("vocos: the files of its recipes give the samples that torch gives, whole and in chunks") {
  verify_models("vocos");
}

TEST_CASE("vocos: a config that the file contradicts is refused, naming the key and both sides") {
  const auto with = [](const std::string& where, const nlohmann::json& value) {
    return refusal_with("vocos-center/pytorch_model.bin", "config.json", where, value);
  };
  CHECK(with("/seed", 1) == "");
  CHECK(with("/backbone/init_args/dim", 8) ==
        "tensor \"backbone.embed.weight\" must have shape [8, 12, 7] by the config's "
        "\"backbone.init_args.input_channels\" and \"backbone.init_args.dim\", has [16, 12, 7]");
  CHECK(with("/backbone/init_args/num_layers", 1) ==
        "tensor \"backbone.convnext.1.gamma\" has no place in this architecture");
  CHECK(with("/backbone/init_args/adanorm_num_embeddings", 4) ==
        "config: \"backbone.init_args.adanorm_num_embeddings\": networks of codec tokens (AdaLayerNorm) are "
        "not supported");
  CHECK(with("/head/init_args/padding", "valid") ==
        "config: \"head.init_args.padding\" must be center or same, is \"valid\"");
  CHECK(with("/head/init_args/hop_length", 8) ==
        "the network makes 8 samples of a frame, features of Vocos have a hop of 16");
  CHECK(with("/head/init_args/n_fft", 128).find("must have shape [128]") != std::string::npos);
  CHECK(with("/backbone", nullptr) == "config: \"backbone\" must be a section");
  CHECK(with("/model", {{"init_args", {{"backbone", 3}}}}) ==
        "config: \"model.init_args.backbone\" must be a section");
}

TEST_CASE("vocos: features have the scale of its front end, framed as the config pads") {
  const Model centred = load_model(model_path("vocos-center/pytorch_model.bin")),
              same = load_model(model_path("vocos-same/pytorch_model.bin"));
  CHECK(centred.features.mel_scale == MelScale::htk);
  CHECK(centred.features.framing == MelFraming::center);
  CHECK(same.features.framing == MelFraming::tight);
}
