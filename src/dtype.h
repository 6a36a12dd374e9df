// Element types of arrays in files: one table of names and sizes, and conversion to and from float32.
#pragma once

#include <wavestride/tensor_file.h>

#include <bit>
#include <optional>

namespace wavestride::detail {

static_assert(std::endian::native == std::endian::little, "files are little-endian and read as they are");

struct DTypeEntry {
  DType dtype;
  std::string_view name;   // of safetensors
  std::string_view numpy;  // kind and size, empty where numpy has no such type
  Index bytes;
  // n elements at `in`, of any alignment, to float32, and back; nullptr where there is no conversion.
  void (*load)(const std::byte* in, float* out, Index n);
  void (*store)(const float* in, std::byte* out, Index n);
};

const DTypeEntry& entry(DType dtype);
const DTypeEntry* dtype_by_name(std::string_view name);
const DTypeEntry* dtype_by_numpy(std::string_view kind_and_size);

/// The elements of a shape; nullopt when a size is negative or elements × bytes overflows (sizes of 0 do not
/// hide an overflow).
std::optional<Index> checked_elements(std::span<const Index> shape, Index bytes);

/// Writes values as elements of a type that stores floats.
void store_all(const DTypeEntry& type, std::span<const float> values, OutputFile& file);

}  // namespace wavestride::detail
