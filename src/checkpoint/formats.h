// The readers that open_checkpoint() chooses from.
#pragma once

#include <wavestride/tensor_file.h>

#include <memory>

#include "input_file.h"

namespace wavestride::detail {

/// What torch.save writes since 1.6: a zip archive that stores a pickle and, 64-byte aligned, storages.
std::unique_ptr<TensorFile> open_torch_zip(std::unique_ptr<InputFile> file);

/// What it wrote before: pickles of a magic number, a version, the machine, the object and the keys of its
/// storages, then for each storage its number of elements and their values.
std::unique_ptr<TensorFile> open_torch_legacy(std::unique_ptr<InputFile> file);

/// The initializers of an ONNX model, those of numbers.
std::unique_ptr<TensorFile> open_onnx(std::unique_ptr<InputFile> file);

}  // namespace wavestride::detail
