#include <wavestride/checkpoint.h>
#include <wavestride/npy.h>
#include <wavestride/safetensors.h>

#include <set>

#include "contract.h"
#include "hostile.h"
#include "models.h"

using namespace wavestride;
using namespace wavestride::testing;

TEST_CASE("a converted model needs nothing else, and gives the same bits") {
  Rng rng(66);
  const TemporaryDirectory dir;
  const std::string out = dir / "model.safetensors";
  std::set<std::string> done;
  for (const char* golden : {"audio-super-res", "bigvgan", "dac", "encodec", "hifigan", "istftnet", "melgan",
                             "parallel-wavegan", "snac", "vocos", "wavenet-vocoder"})
    for (const GoldenCase& c : golden_cases(golden)) {
      const std::string name = c.parameters.at("file");
      INFO(name);
      if (!done.insert(name).second) continue;
      const Model model = load_golden(c);
      ModelOptions options = golden_options(c);
      const ModelOptions voice{.speaker = std::exchange(options.speaker, {}),
                               .speaker_embedding = std::exchange(options.speaker_embedding, {}),
                               .bandwidth_kbps = std::exchange(options.bandwidth_kbps, {}),
                               .codebooks = std::exchange(options.codebooks, {})};
      convert_model(model_path(name), out, options);
      const Model converted = load_model(out, voice);
      CHECK(converted.architecture == model.architecture);
      CHECK(converted.features == model.features);
      CHECK(converted.no_analysis == model.no_analysis);
      const Signal x = noise(rng, model.network.in_channels(), 12);
      CHECK(same_bits(converted(x), model(x)));

      const SafetensorsFile file(out);
      const auto original = open_checkpoint(model_path(name));
      CHECK(file.tensors().size() <= original->tensors().size());
      for (const TensorInfo& t : file.tensors()) {
        CHECK(t.dtype == DType::f32);
        CHECK(t.name.find("weight_g") == std::string::npos);
        CHECK(t.name.find("original0") == std::string::npos);
        if (const TensorInfo* kept = original->find(t.name)) CHECK(kept->shape == t.shape);
      }
    }
  CHECK(done.size() > 20);
}

TEST_CASE("a converted model holds the statistics of its features") {
  Rng rng(64);
  const TemporaryDirectory dir;
  const std::string path = model_path("hifigan-pwg/checkpoint-400000steps.pkl"), stats = dir / "stats.npy",
                    out = dir / "model.safetensors";
  Tensor both = noise_tensor(rng, {2, 10});
  for (float& v : both.data) v = 0.5f + std::abs(v);
  write_npy(stats, both);
  convert_model(path, out, {.stats = stats});
  const Model model = load_model(path, {.stats = stats}), converted = load_model(out);
  CHECK(converted.no_analysis.empty());
  const Signal x = noise(rng, 10, 20);
  CHECK(same_bits(converted(x), model(x)));
  // Other statistics may still be given.
  for (float& v : both.data) v += 1;
  write_npy(stats, both);
  CHECK(same_bits(load_model(out, {.stats = stats})(x), load_model(path, {.stats = stats})(x)));
  CHECK_FALSE(same_bits(load_model(out, {.stats = stats})(x), converted(x)));
}

TEST_CASE("a converted model may have shorter weights") {
  Rng rng(65);
  const TemporaryDirectory dir;
  const std::string path = model_path("hifigan-jik876-1/g_02500000"), out = dir / "model.safetensors";
  const Model model = load_model(path);
  const Signal x = noise(rng, model.features.n_mels, 20), y = model(x);
  for (const auto& [dtype, tolerance] : {std::pair(DType::f16, 5e-3), std::pair(DType::bf16, 5e-2)}) {
    convert_model(path, out, {}, dtype);
    const SafetensorsFile file(out);
    for (const TensorInfo& t : file.tensors()) CHECK(t.dtype == dtype);
    const double error = relative_error(load_model(out)(x), y);
    CHECK(error < tolerance);
    CHECK(error > 0);
  }
}

TEST_CASE("a converted model has no weight that is infinite in the type asked for") {
  const TemporaryDirectory dir;
  const std::string in = dir / "in.safetensors", out = dir / "out.safetensors";
  convert_model(model_path("hifigan-jik876-1/g_02500000"), in);
  const SafetensorsFile file(in);
  std::map<std::string, Tensor> tensors;
  for (const TensorInfo& t : file.tensors()) tensors[t.name] = file.load(t.name);
  const auto& [name, tensor] = *tensors.begin();
  tensors[name].data[0] = -7e4f;
  write_safetensors(in, tensors, {.metadata = file.metadata()});
  CHECK(refusal([&] { convert_model(in, out, {}, DType::f16); }) ==
        name + ": f16 holds numbers up to 65504, one is -70000");
  CHECK(dir.size() == 1);
  convert_model(in, out, {}, DType::bf16);
}

TEST_CASE("what is no model is not converted") {
  const TemporaryDirectory dir;
  const std::string in = dir / "in.safetensors", out = dir / "out.safetensors";
  const auto reason = [&](const std::string& path, const ModelOptions& options = {}) {
    return refusal([&] { convert_model(path, out, options); });
  };
  write_safetensors(in, {{"w", Tensor({1})}});
  CHECK(reason(in).find("has no \"config\" in its metadata and none beside it") == 0);
  CHECK(reason(in, {.config = "hifigan-v1"}).find("holds the layers of no known architecture") == 0);
  CHECK(dir.size() == 1);
}
