#include <wavestride/codes_choice.h>

#include "models.h"

using namespace wavestride;
using namespace wavestride::testing;

TEST_CASE("codes: the rows of an array say which of a codec's networks it is for, unless the options do") {
  const std::string path = model_path("dac-24khz/weights_24khz.pth");
  const auto loaded = [&](const ModelOptions& options, std::optional<Index> rows) {
    return load_model_for_codes(path, options, rows);
  };
  const CodesModel all = loaded({}, {});
  REQUIRE(all.choices.size() == 3);
  CHECK(all.model.features.n_mels == 3);
  CHECK(loaded({}, 80).model.features.n_mels == 3);  // of which there is none
  for (const CodesChoice& choice : all.choices) {
    CHECK(choice.per_frame == choice.codebooks);
    CHECK_FALSE(choice.bandwidth_kbps);
    CHECK(loaded({}, choice.per_frame).model.features.n_mels == choice.per_frame);
  }
  CHECK(loaded({.codebooks = 1}, 2).model.features.n_mels == 1);
  CHECK(load_model_for_codes(model_path("hifigan-jik876-1/g_02500000"), {}, {}).choices.empty());
}
