#include <wavestride/tensor_file.h>

#include <algorithm>

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
  constexpr Index block = 8192;
  std::vector<std::byte> bytes(static_cast<std::size_t>(std::min(block, info.elements) * type.bytes));
  for (Index at = 0; at < info.elements; at += block) {
    const Index count = std::min(block, info.elements - at);
    const auto chunk = std::span(bytes).first(static_cast<std::size_t>(count * type.bytes));
    read(it->second, at * type.bytes, chunk);
    type.load(chunk.data(), t.data.data() + at, count);
  }
  return t;
}

}  // namespace wavestride
