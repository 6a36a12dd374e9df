#include "models/model_file.h"

#include <array>
#include <cmath>

namespace wavestride::models {
namespace {

/// How the weight of a layer may be spelled: as it is, or as direction and length.
struct WeightSpelling {
  const char* value;   ///< the weight, or v
  const char* length;  ///< g, or nullptr
};

constexpr std::array<WeightSpelling, 3> spellings{
    {{".weight", nullptr},
     {".weight_v", ".weight_g"},
     {".parametrizations.weight.original1", ".parametrizations.weight.original0"}}};

const WeightSpelling* spelling_of(const TensorFile& file, const std::string& layer) {
  for (const WeightSpelling& s : spellings)
    if (file.find(layer + s.value) != nullptr) return &s;
  return nullptr;
}

}  // namespace

std::optional<std::vector<Index>> weight_shape(const TensorFile& file, const std::string& layer) {
  const WeightSpelling* s = spelling_of(file, layer);
  return s ? std::optional(file.find(layer + s->value)->shape) : std::nullopt;
}

std::vector<std::string> prefixes_of(const TensorFile& file, std::string_view layer) {
  std::vector<std::string> found;
  for (const WeightSpelling& s : spellings) {
    const std::string name = std::string(layer) + s.value;
    for (const TensorInfo& t : file.tensors()) {
      if (!t.name.ends_with(name)) continue;
      const std::string prefix = t.name.substr(0, t.name.size() - name.size());
      if (prefix.empty() || prefix.back() == '.') found.push_back(prefix);
    }
  }
  return found;
}

Tensor folded_weight(const TensorFile& file, const std::string& layer) {
  const WeightSpelling* s = spelling_of(file, layer);
  if (s == nullptr) throw IoError(file.path(), message("tensor \"", layer, ".weight\" is missing"));
  Tensor w = file.load(layer + s->value);
  if (s->length == nullptr || w.shape.empty()) return w;
  const Tensor g = file.load(layer + s->length);
  std::vector<Index> expected(w.shape.size(), 1);
  expected[0] = w.shape[0];
  if (g.shape != expected)
    throw IoError(file.path(), message("tensor \"", layer, s->length, "\" must have shape ",
                                       shape_string(expected), ", has ", shape_string(g.shape)));
  const Index size = w.shape[0] > 0 ? w.size() / w.shape[0] : 0;
  for (Index row = 0; row < w.shape[0]; ++row) {
    const std::span<float> v(w.data.data() + row * size, static_cast<std::size_t>(size));
    double squares = 0;
    for (const float x : v) squares += static_cast<double>(x) * x;
    const double factor = g.data[static_cast<std::size_t>(row)] / std::sqrt(squares);
    for (float& x : v) x = static_cast<float>(factor * x);
  }
  return w;
}

void ModelFile::locate(std::string_view layer) {
  const std::vector<std::string> found = prefixes_of(file_, layer);
  if (found.empty()) refuse("holds no layer \"", layer, "\"");
  if (found.size() > 1)
    refuse("holds several layers \"", layer, "\": behind \"", found[0], "\" and \"", found[1], "\"");
  prefix_ = found.front();
}

void ModelFile::check_shape(const std::string& name, const std::vector<Index>& shape,
                            const std::vector<Index>& wanted, const char* by) const {
  if (shape != wanted)
    refuse("tensor \"", name, "\" must have shape ", shape_string(wanted),
           by ? message(" by the config's ", by) : std::string(), ", has ", shape_string(shape));
}

Tensor ModelFile::tensor(const std::string& name, const std::vector<Index>& shape, const char* by) {
  const std::string full = prefix_ + name;
  const TensorInfo* info = file_.find(full);
  if (info == nullptr)
    refuse("tensor \"", full, "\" is missing", by ? message(", for which the config's ", by, " calls") : "");
  check_shape(full, info->shape, shape, by);
  used_.insert(full);
  return file_.load(full);
}

LayerWeights ModelFile::layer(const std::string& name, const std::vector<Index>& shape, Index outputs,
                              Bias bias, const char* by) {
  const std::string full = prefix_ + name;
  const WeightSpelling* s = spelling_of(file_, full);
  if (s == nullptr)
    refuse("tensor \"", full, ".weight\" is missing",
           by ? message(", for which the config's ", by, " calls") : "");
  check_shape(full + s->value, file_.find(full + s->value)->shape, shape, by);
  used_.insert(full + s->value);
  if (s->length != nullptr) used_.insert(full + s->length);
  LayerWeights result{folded_weight(file_, full)};
  if (bias == Bias::required || (bias == Bias::optional && holds_tensor(name + ".bias")))
    result.bias = tensor(name + ".bias", {outputs}, by).data;
  return result;
}

void ModelFile::require_all_used() const {
  for (const TensorInfo& t : file_.tensors())
    if (t.name.starts_with(prefix_) && used_.count(t.name) == 0)
      refuse("tensor \"", t.name, "\" has no place in this architecture");
}

}  // namespace wavestride::models
