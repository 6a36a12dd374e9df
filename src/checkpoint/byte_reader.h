// Reads a range of a file forwards, through a small buffer: for formats that are parsed from start to end.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <string>

#include "input_file.h"

namespace wavestride::detail {

class ByteReader {
 public:
  /// Bytes begin … end − 1 of `file`, which outlives the reader.
  ByteReader(const InputFile& file, Index begin, Index end) : file_(file), at_(begin), end_(end) {}

  const InputFile& file() const { return file_; }
  Index position() const { return at_; }
  Index remaining() const { return end_ - at_; }

  void read(std::span<std::byte> out) {
    require_remaining(out.size());
    if (out.size() > buffer_.size()) {
      file_.read_at(at_, out);
    } else {
      if (at_ < buffered_ || at_ + std::ssize(out) > buffered_ + held_) refill();
      std::memcpy(out.data(), buffer_.data() + (at_ - buffered_), out.size());
    }
    at_ += std::ssize(out);
  }

  /// A little-endian number.
  template <class T>
  T number() {
    T value;
    read(std::as_writable_bytes(std::span(&value, 1)));
    return value;
  }

  std::uint8_t byte() { return number<std::uint8_t>(); }

  /// The claimed length is checked before memory is spent on it.
  std::string text(std::uint64_t bytes) {
    require_remaining(bytes);
    std::string s(bytes, '\0');
    read(std::as_writable_bytes(std::span(s)));
    return s;
  }

  /// Up to a line feed, which is taken too.
  std::string line() {
    std::string s;
    for (char c; (c = static_cast<char>(byte())) != '\n';) s += c;
    return s;
  }

  void skip(std::uint64_t bytes) {
    require_remaining(bytes);
    at_ += static_cast<Index>(bytes);
  }

 private:
  void require_remaining(std::uint64_t bytes) const {
    file_.require(bytes <= static_cast<std::uint64_t>(remaining()), "ends or is damaged: ", bytes,
                  " bytes are claimed at byte ", at_, ", ", remaining(), " are left");
  }

  void refill() {
    buffered_ = at_;
    held_ = std::min<Index>(std::ssize(buffer_), remaining());
    file_.read_at(at_, std::span(buffer_).first(static_cast<std::size_t>(held_)));
  }

  const InputFile& file_;
  Index at_, end_;
  std::array<std::byte, 4096> buffer_;
  Index buffered_ = 0, held_ = 0;  // where the buffer's bytes come from, and how many there are
};

}  // namespace wavestride::detail
