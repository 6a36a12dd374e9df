// TensorFile: named arrays in a file, whatever its format; what checkpoint readers have in common.
#pragma once

#include <wavestride/io.h>
#include <wavestride/signal.h>

#include <functional>
#include <map>
#include <string_view>

namespace WAVESTRIDE_API wavestride {

/// Element types, by the names of safetensors.
enum class DType { f64, f32, f16, bf16, i64, i32, i16, i8, u64, u32, u16, u8, boolean, f8_e4m3, f8_e5m2 };

/// "F32", for messages.
std::string_view dtype_name(DType dtype);
/// Bytes per element.
Index dtype_size(DType dtype);

/// An entry of the directory of a TensorFile.
struct TensorInfo {
  std::string name;
  DType dtype = DType::f32;
  std::vector<Index> shape;
  Index elements = 1;  ///< product of the shape
};

/// The directory of a file of tensors is read and checked when it is opened, the values when they are asked
/// for. Immutable: any number of threads may load from one.
class TensorFile {
 public:
  virtual ~TensorFile() = default;
  TensorFile(const TensorFile&) = delete;
  TensorFile& operator=(const TensorFile&) = delete;

  const std::string& path() const { return path_; }
  /// "safetensors", for messages.
  const std::string& format() const { return format_; }
  /// In the order of the file.
  const std::vector<TensorInfo>& tensors() const { return tensors_; }
  /// nullptr when there is none of this name.
  const TensorInfo* find(std::string_view name) const;
  /// What else the file says about itself.
  const std::map<std::string, std::string>& metadata() const { return metadata_; }

  /// The values as float32: exact from F32, F16 and BF16, rounded from F64 and wide integers. Throws IoError
  /// when there is no such tensor, when its type is an F8, or when the file can't be read.
  Tensor load(std::string_view name) const;

 protected:
  TensorFile(std::string path, std::string format) : path_(std::move(path)), format_(std::move(format)) {}

  /// Hands `take` the elements of tensor i, little-endian and in C order, in pieces of whole elements. Throws
  /// IoError.
  virtual void visit(std::size_t i, const std::function<void(std::span<const std::byte>)>& take) const = 0;

  /// To be called once, when the directory is complete.
  void set_directory(std::vector<TensorInfo> tensors, std::map<std::string, std::string> metadata);

 private:
  std::string path_, format_;
  std::vector<TensorInfo> tensors_;
  std::map<std::string, std::size_t, std::less<>> by_name_;
  std::map<std::string, std::string> metadata_;
};

}  // namespace wavestride
