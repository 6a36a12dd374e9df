// Models without a checkpoint: published sizes, random weights.
#pragma once

#include <wavestride/tensor_file.h>

#include <functional>
#include <nlohmann/json.hpp>

namespace wavestride::testing {

/// A file of tensors of these shapes ({name: shape}) and of random values, the same at every call. config:
/// null where it has none.
class ImaginedFile final : public TensorFile {
 public:
  ImaginedFile(const nlohmann::json& shapes, const nlohmann::json& config);

 private:
  void visit(std::size_t i, const std::function<void(std::span<const std::byte>)>& take) const override;
};

/// The networks of tests/golden/model_sizes.json that make sound: {"name", "config", "tensors",
/// "parameters"}.
nlohmann::json published_networks();
/// Those that are codecs with both halves, whose parameters are the encoder's.
nlohmann::json published_encoders();

}  // namespace wavestride::testing
