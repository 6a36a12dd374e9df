#include "imagined_file.h"

#include <fstream>
#include <map>
#include <random>

namespace wavestride::testing {

ImaginedFile::ImaginedFile(const nlohmann::json& shapes, const nlohmann::json& config)
    : TensorFile("imagined", "nothing") {
  std::vector<TensorInfo> tensors;
  for (const auto& [name, shape] : shapes.items()) {
    TensorInfo t{name, DType::f32, shape.get<std::vector<Index>>()};
    for (const Index n : t.shape) t.elements *= n;
    tensors.push_back(t);
  }
  std::map<std::string, std::string> metadata;
  if (!config.is_null()) metadata["config"] = config.dump();
  set_directory(tensors, metadata);
}

void ImaginedFile::visit(std::size_t i, const std::function<void(std::span<const std::byte>)>& take) const {
  std::minstd_rand rng(static_cast<unsigned>(1 + 7919 * i));
  std::vector<float> values(static_cast<std::size_t>(tensors()[i].elements));
  for (float& v : values) v = static_cast<float>(rng()) / static_cast<float>(rng.max()) - 0.5f;
  take(std::as_bytes(std::span(values)));
}

namespace {

nlohmann::json published(bool encoders) {
  std::ifstream file(std::string(WAVESTRIDE_GOLDEN_DIR) + "/model_sizes.json");
  nlohmann::json chosen = nlohmann::json::array();
  nlohmann::json all = nlohmann::json::parse(file);
  for (nlohmann::json& network : all)
    if (network.contains("encoder") == encoders) chosen.push_back(std::move(network));
  return chosen;
}

}  // namespace

nlohmann::json published_networks() {
  return published(false);
}

nlohmann::json published_encoders() {
  return published(true);
}

}  // namespace wavestride::testing
