// What a pickle of torch.save holds: tensors under dotted names, the storages that they look into, and all
// else as JSON. The two containers, zip and stream, differ only in where the storages lie.
#pragma once

#include "checkpoint/pickle.h"
#include "checkpoint/placed_tensors.h"

namespace wavestride::detail {

struct TorchStorage {
  std::string key;
  DType dtype = DType::f32;  // u8 where the tensors say which
  Index elements = 0;
  Index begin = -1;  // where it lies in the file, for the container to say
};

struct TorchValues {
  std::vector<TorchStorage> storages;
  /// Checked to lie within their storages; `begin` counts from the storage's.
  std::vector<PlacedTensor> tensors;
  std::vector<std::size_t> storage_of;  // of each tensor
  std::map<std::string, std::string> metadata;
};

/// Throws IoError when a tensor reaches out of its storage, and when names or values are far more than the
/// pickle can mean.
TorchValues torch_values(const Pickle& pickle, const InputFile& file);

/// Throws IoError when a storage lies nowhere.
std::unique_ptr<TensorFile> placed(std::string format, TorchValues values, std::unique_ptr<InputFile> file);

}  // namespace wavestride::detail
