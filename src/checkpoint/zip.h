// Where the entries of a zip archive lie in it, as far as they are stored without compression.
#pragma once

#include <string>
#include <vector>

#include "input_file.h"

namespace wavestride::detail {

struct ZipEntry {
  std::string name;
  Index begin = 0, size = 0;  // of its bytes in the archive
  bool stored = true;         // false: compressed or encrypted, and not to be read in place
};

/// In the order of the archive. Throws IoError when its directory is damaged, when an entry's own header says
/// otherwise, and when entries overlap.
std::vector<ZipEntry> read_zip_directory(const InputFile& file);

}  // namespace wavestride::detail
