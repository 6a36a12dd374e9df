// Files: the error that every reader and writer throws, and output that appears whole or not at all.
#pragma once

#include <wavestride/export.h>

#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>

namespace WAVESTRIDE_API wavestride {

/// A file that can't be read or written: what() is "path: reason". Names are what somebody chose, and reasons
/// may quote the file: what a terminal would obey in them is escaped there, \033, and long reasons are cut.
class IoError : public std::runtime_error {
 public:
  IoError(const std::string& path, const std::string& reason);

  const std::string& path() const noexcept { return path_; }  ///< as it was given
  const std::string& reason() const noexcept { return reason_; }

 private:
  std::string path_, reason_;
};

/// Whether both paths name one existing file, through links too.
bool same_file(const std::string& a, const std::string& b);

/// OutputFiles that a process can have at once.
inline constexpr std::size_t most_output_files = 256;

/// A file under construction: written under a temporary name in the directory of `path`, given its name by
/// commit(), removed when destroyed without one. A file that was there before stays whole until commit().
class OutputFile {
 public:
  /// Throws IoError when `path` is one of `inputs` (by device and inode), is no regular file, is not
  /// writable, or its directory is not, and when there are most_output_files already.
  explicit OutputFile(const std::string& path, std::span<const std::string> inputs = {});
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  ~OutputFile();

  const std::string& path() const noexcept { return path_; }
  /// For libraries that write to a descriptor: it stays the OutputFile's to close.
  int descriptor() const noexcept { return descriptor_; }

  /// Appends. Throws IoError, as on a full disk.
  void write(const void* data, std::size_t bytes);
  /// Closes the file and gives it its name, in one step for every process that looks; a machine that loses
  /// power soon after may still lose it. Throws IoError; write nothing afterwards.
  void commit();

 private:
  std::string path_;
  std::string target_;  // path_ with symbolic links followed
  char* temporary_ = nullptr;
  int descriptor_ = -1;
};

/// Removes the temporary files of all OutputFiles before a call on any thread returns, and lets no more be
/// made. Async-signal-safe: `void on_interrupt(int) { remove_unfinished_outputs(); _exit(130); }` ends the
/// process.
void remove_unfinished_outputs() noexcept;

}  // namespace wavestride
