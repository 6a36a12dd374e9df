// Reading a regular file at given places: what the parsers of hostile headers stand on. Nothing is mapped, so
// that a file which shrinks while it is read gives an error and no signal.
#pragma once

#include <wavestride/geometry.h>
#include <wavestride/io.h>

#include "check.h"

namespace wavestride::detail {

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
