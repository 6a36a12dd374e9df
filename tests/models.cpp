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
  return options;
}

Model load_golden(const GoldenCase& c) {
  return load_model(model_path(c.parameters.at("file")), golden_options(c));
}

void verify_models(const std::string& golden) {
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
    verify_contract(model.network, rng, {.dense = false, .longest = 60, .chunkings = 2});
  }
}

ImaginedFile::ImaginedFile(const nlohmann::json& shapes, const nlohmann::json& config)
    : TensorFile("imagined", "nothing") {
  std::vector<TensorInfo> tensors;
  for (const auto& [name, shape] : shapes.items()) {
    TensorInfo t{name, DType::f32, shape.get<std::vector<Index>>()};
    for (const Index n : t.shape) t.elements *= n;
    tensors.push_back(t);
  }
  set_directory(tensors, {{"config", config.dump()}});
}

void ImaginedFile::visit(std::size_t i, const std::function<void(std::span<const std::byte>)>& take) const {
  std::minstd_rand rng(static_cast<unsigned>(1 + 7919 * i));
  std::vector<float> values(static_cast<std::size_t>(tensors()[i].elements));
  for (float& v : values) v = static_cast<float>(rng()) / static_cast<float>(rng.max()) - 0.5f;
  take(std::as_bytes(std::span(values)));
}

nlohmann::json published_networks() {
  std::ifstream file(std::string(WAVESTRIDE_GOLDEN_DIR) + "/model_sizes.json");
  return nlohmann::json::parse(file);
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
