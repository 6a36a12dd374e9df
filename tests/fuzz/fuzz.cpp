#include "fuzz.h"

#include <sys/mman.h>
#include <unistd.h>
#include <wavestride/io.h>

#include <cstdlib>

namespace wavestride::testing {

void feed(const std::uint8_t* data, std::size_t size, const std::function<void(const std::string&)>& read) {
  const int file = memfd_create("fuzz", MFD_CLOEXEC);
  if (file < 0) std::abort();
  for (std::size_t done = 0; done < size;) {
    const ssize_t written = write(file, data + done, size - done);
    if (written <= 0) std::abort();
    done += static_cast<std::size_t>(written);
  }
  try {
    read("/proc/self/fd/" + std::to_string(file));
  } catch (const IoError&) {
  }
  close(file);
}

}  // namespace wavestride::testing
