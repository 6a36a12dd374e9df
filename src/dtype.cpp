#include "dtype.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace wavestride {
namespace detail {
namespace {

template <class T>
void load_as(const std::byte* in, float* out, Index n) {
  for (Index i = 0; i < n; ++i) {
    T value;
    std::memcpy(&value, in + i * static_cast<Index>(sizeof(T)), sizeof(T));
    out[i] = static_cast<float>(value);
  }
}

template <class T>
void store_as(const float* in, std::byte* out, Index n) {
  for (Index i = 0; i < n; ++i) {
    const T value = static_cast<T>(in[i]);
    std::memcpy(out + i * static_cast<Index>(sizeof(T)), &value, sizeof(T));
  }
}

// Only floating-point types take every float: storing integers would need a rule for what does not fit.
template <class T>
constexpr DTypeEntry floating(DType dtype, std::string_view name, std::string_view numpy) {
  return {dtype, name, numpy, sizeof(T), load_as<T>, store_as<T>};
}
template <class T>
constexpr DTypeEntry integer(DType dtype, std::string_view name, std::string_view numpy) {
  return {dtype, name, numpy, sizeof(T), load_as<T>, nullptr};
}

const std::array entries{
    floating<double>(DType::f64, "F64", "f8"),
    floating<float>(DType::f32, "F32", "f4"),
    floating<Eigen::half>(DType::f16, "F16", "f2"),
    floating<Eigen::bfloat16>(DType::bf16, "BF16", ""),
    integer<std::int64_t>(DType::i64, "I64", "i8"),
    integer<std::int32_t>(DType::i32, "I32", "i4"),
    integer<std::int16_t>(DType::i16, "I16", "i2"),
    integer<std::int8_t>(DType::i8, "I8", "i1"),
    integer<std::uint64_t>(DType::u64, "U64", "u8"),
    integer<std::uint32_t>(DType::u32, "U32", "u4"),
    integer<std::uint16_t>(DType::u16, "U16", "u2"),
    integer<std::uint8_t>(DType::u8, "U8", "u1"),
    integer<std::uint8_t>(DType::boolean, "BOOL", "b1"),
    DTypeEntry{DType::f8_e4m3, "F8_E4M3", "", 1, nullptr, nullptr},
    DTypeEntry{DType::f8_e5m2, "F8_E5M2", "", 1, nullptr, nullptr},
};

template <class T>
const DTypeEntry* find_entry(T DTypeEntry::*member, const T& value) {
  const auto it = std::ranges::find(entries, value, member);
  return it == entries.end() ? nullptr : &*it;
}

}  // namespace

const DTypeEntry& entry(DType dtype) {
  return *find_entry(&DTypeEntry::dtype, dtype);
}

const DTypeEntry* dtype_by_name(std::string_view name) {
  return find_entry(&DTypeEntry::name, name);
}

const DTypeEntry* dtype_by_numpy(std::string_view kind_and_size) {
  return kind_and_size.empty() ? nullptr : find_entry(&DTypeEntry::numpy, kind_and_size);
}

std::optional<Index> checked_elements(std::span<const Index> shape, Index bytes) {
  Index product = 1, limit = std::numeric_limits<Index>::max() / bytes;
  bool empty = false;
  for (const Index size : shape) {
    if (size < 0) return std::nullopt;
    empty |= size == 0;
    if (size == 0) continue;
    if (product > limit / size) return std::nullopt;
    product *= size;
  }
  return empty ? 0 : product;
}

void store_all(const DTypeEntry& type, std::span<const float> values, OutputFile& file) {
  constexpr std::size_t block = 8192;
  std::vector<std::byte> bytes(std::min(block, values.size()) * static_cast<std::size_t>(type.bytes));
  for (std::size_t at = 0; at < values.size(); at += block) {
    const auto chunk = values.subspan(at, std::min(block, values.size() - at));
    type.store(chunk.data(), bytes.data(), static_cast<Index>(chunk.size()));
    file.write(bytes.data(), chunk.size() * static_cast<std::size_t>(type.bytes));
  }
}

}  // namespace detail

std::string_view dtype_name(DType dtype) {
  return detail::entry(dtype).name;
}

Index dtype_size(DType dtype) {
  return detail::entry(dtype).bytes;
}

}  // namespace wavestride
