// .safetensors: a length, a JSON directory, and the values of named tensors without gaps.
#pragma once

#include <wavestride/tensor_file.h>

#include <memory>

namespace WAVESTRIDE_API wavestride {

namespace detail {
class InputFile;
}

/// Opens a .safetensors file: https://huggingface.co/docs/safetensors, checked as strictly as it is
/// specified. Throws IoError unless the directory is one JSON object of at most 100 MB and 2^18 tensors
/// and metadata without duplicates, and the tensors fill the file exactly, each as long as its type and shape
/// say. Memory: a small multiple of the directory; values are read by load().
class SafetensorsFile final : public TensorFile {
 public:
  explicit SafetensorsFile(const std::string& path);
  ~SafetensorsFile() override;

 private:
  void visit(std::size_t i, const std::function<void(std::span<const std::byte>)>& take) const override;

  std::unique_ptr<detail::InputFile> file_;
  std::vector<Index> begins_;  // of each tensor's values in the file
};

/// Of write_safetensors().
struct SafetensorsOptions {
  DType dtype = DType::f32;  ///< f64, f32, f16 or bf16, rounded to nearest even
  std::map<std::string, std::string> metadata = {};
};

/// Writes all tensors, by name. Throws std::invalid_argument on another dtype, on the name "__metadata__", on
/// more than can be read, and on text that is not UTF-8; IoError when writing fails.
void write_safetensors(const std::string& path, const std::map<std::string, Tensor>& tensors,
                       const SafetensorsOptions& options = {});

}  // namespace wavestride
