// Golden data: what PyTorch and torchaudio gave, written by tests/reference/*.py as .safetensors files of
// named cases. The metadata of a file holds for every case its parameters as JSON; tensor "case/x" belongs to
// it.
#pragma once

#include <wavestride/kernel.h>
#include <wavestride/weights.h>

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace wavestride::testing {

struct GoldenCase {
  std::string name;
  nlohmann::json parameters;
  std::map<std::string, Tensor> tensors;

  const Tensor& operator[](const std::string& key) const { return tensors.at(key); }
  bool has(const std::string& key) const { return tensors.count(key) > 0; }
  Signal signal(const std::string& key) const { return to_signal(tensors.at(key)); }
  /// "<name>.weight" and "<name>.bias"; empty where the case has none.
  LayerWeights layer(const std::string& name) const;
  /// "<prefix>0", "<prefix>1", … as far as there are weights.
  std::vector<LayerWeights> layers(const std::string& prefix) const;
  /// The values of a tensor, or nothing when the case has none of that name (a missing bias).
  std::span<const float> values(const std::string& key) const {
    const auto it = tensors.find(key);
    return it == tensors.end() ? std::span<const float>{} : std::span<const float>(it->second.data);
  }
};

/// PyTorch's name of a padding mode.
PadMode pad_mode(const std::string& name);

/// All cases of tests/golden/<file>.safetensors, in order.
std::vector<GoldenCase> golden_cases(const std::string& file);

/// Largest absolute difference over the largest absolute value expected (or over 1e-30); infinite when shapes
/// differ or a value is NaN in one of them only.
double relative_error(FramesView got, FramesView expected);

/// The tolerance of all operator goldens: float32 rounding of sums in another order than PyTorch's, with
/// inputs of unit variance.
inline constexpr double golden_tolerance = 1e-5;

}  // namespace wavestride::testing
