// Reading a regular file at given places: by copies, which is what the parsers of hostile headers stand on,
// and by its pages, for values in bulk.
#pragma once

#include <wavestride/geometry.h>
#include <wavestride/io.h>

#include <functional>

#include "check.h"

namespace wavestride::detail {

/// The most tensors and metadata that a file may list, each of which takes many times its bytes there.
inline constexpr std::size_t max_entries = 1 << 18;

class InputFile {
 public:
  /// Throws IoError when `path` can't be opened or is no regular file.
  explicit InputFile(std::string path);
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;
  ~InputFile();

  const std::string& path() const { return path_; }
  Index size() const { return size_; }

  /// Throws IoError when the file ends before.
  void read_at(Index offset, std::span<std::byte> out) const;

  /// Hands `take` the bytes from `offset` on, in order and in pieces of whole elements of up to 8 bytes.
  /// Small ranges are copied; large ones are mapped, 4 MiB at a time, and copied where that fails. Throws
  /// IoError when the file ends before. A file that another process cuts off between this check and the use
  /// of a mapped piece ends the program by SIGBUS: replace models by renaming, not by writing over them.
  void visit(Index offset, Index bytes, const std::function<void(std::span<const std::byte>)>& take) const;

  /// IoError for this file.
  template <class... Parts>
  [[noreturn]] void fail(const Parts&... parts) const {
    throw IoError(path_, message(parts...));
  }
  template <class... Parts>
  void require(bool ok, const Parts&... parts) const {
    if (!ok) fail(parts...);
  }

 private:
  std::string path_;
  int descriptor_ = -1;
  Index size_ = 0;
};

}  // namespace wavestride::detail
