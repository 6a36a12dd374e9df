// Files that lie: mutations of valid files, and what every reader owes when it is given one.
#pragma once

#include <wavestride/io.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "contract.h"

namespace wavestride::testing {

/// A directory of its own for a test, removed with all that is in it.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  std::string operator/(const std::string& name) const { return (path_ / name).string(); }
  /// Entries left in it.
  std::size_t size() const;

 private:
  std::filesystem::path path_;
};

std::string file_bytes(const std::string& path);
void write_bytes(const std::string& path, const std::string& bytes);

/// Truncations at every byte of the header, every bit of it flipped, bytes set to extremes, 2, 4 and 8 byte
/// numbers overwritten by huge, zero and negative ones, bytes removed and doubled, and random damage.
std::vector<std::string> mutations(const std::string& valid, std::size_t header, Rng& rng);

/// What allocation a file of so many bytes justifies.
struct AllocationBound {
  std::size_t fixed, per_byte;
};

/// Writes `bytes` to `path` and reads them: either `read` returns, or it throws an IoError that names the
/// file and a reason; in both cases it allocates within the bound. Returns whether it was refused.
bool refuses(const std::string& path, const std::string& bytes, const AllocationBound& bound,
             const std::function<void(const std::string&)>& read);

/// The reason of the IoError that `call` throws; empty when it throws none.
template <class Call>
std::string refusal(Call call) {
  try {
    call();
  } catch (const IoError& e) {
    return e.reason();
  }
  return {};
}

}  // namespace wavestride::testing
