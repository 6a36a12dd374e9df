#include "golden.h"

#include <cmath>
#include <cstring>
#include <fstream>
#include <stdexcept>

namespace wavestride::testing {

LayerWeights GoldenCase::layer(const std::string& layer_name) const {
  const auto bias = values(layer_name + ".bias");
  if (!has(layer_name + ".weight")) return {};
  return {(*this)[layer_name + ".weight"], {bias.begin(), bias.end()}};
}

std::vector<LayerWeights> GoldenCase::layers(const std::string& prefix) const {
  std::vector<LayerWeights> all;
  for (LayerWeights w; w = layer(prefix + std::to_string(all.size())), !w.weight.empty();) all.push_back(w);
  return all;
}

PadMode pad_mode(const std::string& name) {
  static const std::map<std::string, PadMode> modes{{"zeros", PadMode::constant},
                                                    {"reflect", PadMode::reflect},
                                                    {"replicate", PadMode::replicate},
                                                    {"circular", PadMode::circular}};
  return modes.at(name);
}

// Reads what tests/reference/golden.py writes; these are our own files, so that a plain reader will do and
// the library's reader is not needed to test the library.
std::vector<GoldenCase> golden_cases(const std::string& file) {
  const std::string path = std::string(WAVESTRIDE_GOLDEN_DIR) + "/" + file + ".safetensors";
  std::ifstream in(path, std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(in)), {});
  if (bytes.size() < 8) throw std::runtime_error("golden data missing: " + path);
  std::uint64_t header_size = 0;
  std::memcpy(&header_size, bytes.data(), 8);
  const auto header = nlohmann::json::parse(bytes.substr(8, header_size));
  const char* data = bytes.data() + 8 + header_size;
  std::vector<GoldenCase> cases;
  const auto parameters = nlohmann::json::parse(header.at("__metadata__").at("cases").get<std::string>());
  for (const auto& entry : parameters) {
    GoldenCase c{entry.at("name"), entry.at("parameters"), {}};
    for (const auto& key : entry.at("tensors")) {
      const std::string name = key;
      const auto& info = header.at(c.name + "/" + name);
      Tensor t(info.at("shape").get<std::vector<Index>>());
      if (const auto at = info.at("data_offsets")[0].get<std::size_t>(); !t.empty())
        std::memcpy(t.data.data(), data + at, t.data.size() * sizeof(float));
      c.tensors.emplace(name, std::move(t));
    }
    cases.push_back(std::move(c));
  }
  return cases;
}

double relative_error(FramesView got, FramesView expected) {
  if (got.channels() != expected.channels() || got.frames() != expected.frames())
    return std::numeric_limits<double>::infinity();
  double scale = 1e-30, error = 0;
  for (Index i = 0; i < got.channels() * got.frames(); ++i) {
    const double a = got.data()[i], b = expected.data()[i];
    if (std::isnan(a) != std::isnan(b)) return std::numeric_limits<double>::infinity();
    if (std::isnan(a) || a == b) continue;
    scale = std::max(scale, std::isfinite(b) ? std::abs(b) : 0.0);
    error = std::max(error, std::abs(a - b));
  }
  for (Index i = 0; i < got.channels() * got.frames(); ++i)
    if (std::isfinite(expected.data()[i]))
      scale = std::max(scale, std::abs(static_cast<double>(expected.data()[i])));
  return error / scale;
}

}  // namespace wavestride::testing
