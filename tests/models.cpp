#include "models.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "contract.h"
#include "hostile.h"

namespace wavestride::testing {

namespace fs = std::filesystem;

std::string model_path(const std::string& file) {
  return std::string(WAVESTRIDE_GOLDEN_DIR) + "/models/" + file;
}

ModelOptions golden_options(const GoldenCase& c) {
  const auto& p = c.parameters;
  ModelOptions options;
  if (p.contains("config"))
    options.config =
        (fs::path(model_path(p.at("file"))).parent_path() / std::string(p.at("config"))).string();
  if (p.contains("preset")) options.preset = p.at("preset");
  if (p.contains("speaker")) options.speaker = p.at("speaker").get<Index>();
  if (p.contains("speaker_embedding"))
    options.speaker_embedding = p.at("speaker_embedding").get<std::vector<float>>();
  if (p.contains("bandwidth_kbps")) options.bandwidth_kbps = p.at("bandwidth_kbps").get<double>();
  if (p.contains("codebooks")) options.codebooks = p.at("codebooks").get<Index>();
  return options;
}

Model load_golden(const GoldenCase& c) {
  return load_model(model_path(c.parameters.at("file")), golden_options(c));
}

void verify_models(const std::string& golden, bool recurrent) {
  Rng rng(61);
  std::string last;
  for (const GoldenCase& c : golden_cases(golden)) {
    const Signal x = c.signal("x");
    INFO(c.parameters.dump() << ", " << x.cols() << " frames");
    const Model model = load_golden(c);
    CHECK(model.architecture == golden);
    const Signal y = model(x), expected = c.signal("y");
    CHECK(relative_error(y, expected) <= model_tolerance);
    Stream stream = model.network.stream();
    CHECK(same_bits(stream_in_chunks(stream, x, rng), y));
    if (c.parameters.dump() == last) continue;
    last = c.parameters.dump();
    verify_contract(model.network, rng,
                    {.dense = false, .recurrent = recurrent, .longest = 60, .chunkings = 2});
  }
}

std::string refusal_with(const std::string& file, const std::string& config, const std::string& where,
                         const nlohmann::json& value, ModelOptions options) {
  using nlohmann::json;
  const fs::path path = model_path(file);
  json changed = json::parse(file_bytes((path.parent_path() / config).string()));
  const json::json_pointer at(where);
  if (value.is_null())
    changed.at(at.parent_pointer()).erase(at.back());
  else
    changed[at] = value;
  const TemporaryDirectory directory;
  options.config = directory / "config.json";
  write_bytes(options.config, changed.dump());
  return refusal([&] { load_model(path.string(), options); });
}

}  // namespace wavestride::testing
