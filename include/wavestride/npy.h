// .npy: one array of numpy, as numpy.save writes it (format versions 1 to 3).
#pragma once

#include <wavestride/tensor_file.h>

#include <memory>

namespace WAVESTRIDE_API wavestride {

/// An array of numbers or truth values as float32 in C order, whatever order the file has; float32, float16
/// and int16 are exact, wider types are rounded. Throws IoError on anything but a little-endian array that
/// fills its file exactly; allocates no more than a small multiple of the file.
Tensor read_npy(const std::string& path);

/// Reads an array of two dimensions, [channels, frames], some frames at a time in constant memory.
class NpyReader {
 public:
  /// Throws IoError as read_npy, and on another number of dimensions.
  explicit NpyReader(const std::string& path);
  NpyReader(NpyReader&&) noexcept;
  NpyReader& operator=(NpyReader&&) noexcept;
  ~NpyReader();

  Index channels() const;
  Index frames() const;
  /// The next frames, at most so many; none at the end. Throws IoError when reading fails.
  Signal read(Index frames);

 private:
  struct File;
  std::unique_ptr<File> file_;
};

/// An array of integers, [channels, frames] or [frames], as channels × frames. Throws IoError on other types
/// and shapes.
IndexSignal read_npy_indices(const std::string& path);

/// Writes version 1, C order. dtype: f32, f64, f16, or i16, which rounds to nearest. Throws IoError when
/// writing fails and when a value does not fit int16, std::invalid_argument on another dtype.
void write_npy(const std::string& path, const Tensor& array, DType dtype = DType::f32);

/// Writes [channels, frames] of int64.
void write_npy(const std::string& path, const IndexSignal& indices);

}  // namespace wavestride
