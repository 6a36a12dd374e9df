#include <wavestride/tensor_file.h>

#include "check.h"
#include "dtype.h"

namespace wavestride {

const TensorInfo* TensorFile::find(std::string_view name) const {
  const auto it = by_name_.find(name);
  return it == by_name_.end() ? nullptr : &tensors_[it->second];
}

void TensorFile::set_directory(std::vector<TensorInfo> tensors, std::map<std::string, std::string> metadata) {
  tensors_ = std::move(tensors);
  metadata_ = std::move(metadata);
  for (std::size_t i = 0; i < tensors_.size(); ++i)
    if (!by_name_.emplace(tensors_[i].name, i).second)
      throw IoError(path_, message("tensor \"", tensors_[i].name, "\" appears twice"));
}

Tensor TensorFile::load(std::string_view name) const {
  const auto it = by_name_.find(name);
  if (it == by_name_.end()) throw IoError(path_, message("holds no tensor \"", name, "\""));
  const TensorInfo& info = tensors_[it->second];
  const detail::DTypeEntry& type = detail::entry(info.dtype);
  if (!type.load)
    throw IoError(path_, message("tensor \"", name, "\" is ", type.name, ", which is not read"));
  Tensor t(info.shape);
  float* out = t.data.data();
  visit(it->second, [&](std::span<const std::byte> piece) {
    const Index count = std::ssize(piece) / type.bytes;
    type.load(piece.data(), out, count);
    out += count;
  });
  return t;
}

}  // namespace wavestride
