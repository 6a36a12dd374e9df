#include "hostile.h"

#include <unistd.h>

#include <cstring>
#include <fstream>

namespace wavestride::testing {

TemporaryDirectory::TemporaryDirectory() {
  std::string name = (std::filesystem::temp_directory_path() / "wavestride-test-XXXXXX").string();
  REQUIRE(mkdtemp(name.data()) != nullptr);
  path_ = name;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::size_t TemporaryDirectory::size() const {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(path_), {}));
}

std::string file_bytes(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  REQUIRE(in.good());
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_bytes(const std::string& path, const std::string& bytes) {
  std::ofstream out(path, std::ios::binary);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  out.close();
  REQUIRE(out.good());
}

std::vector<std::string> mutations(const std::string& valid, std::size_t header, Rng& rng) {
  std::vector<std::string> all;
  header = std::min(header, valid.size());
  const auto change = [&](auto edit) {
    std::string bytes = valid;
    edit(bytes);
    if (bytes != valid) all.push_back(std::move(bytes));
  };
  for (std::size_t i = 0; i < header; ++i) {
    all.push_back(valid.substr(0, i));
    for (int bit = 0; bit < 8; ++bit)
      change([&](std::string& b) { b[i] = static_cast<char>(b[i] ^ (1 << bit)); });
    for (const char value : std::string("\0\xff\x7f\x80", 4) + "9-[{\"")
      change([&](std::string& b) { b[i] = value; });
    for (const std::uint64_t number :
         {0ull, ~0ull, ~0ull >> 1, 1ull << 63, 0x7fffffffull, 0x80000000ull, 1ull << 40})
      for (const std::size_t width : {2u, 4u, 8u})
        if (i % 2 == 0 && i + width <= valid.size())
          change([&](std::string& b) { std::memcpy(&b[i], &number, width); });
    change([&](std::string& b) { b.erase(i, 1); });
    change([&](std::string& b) { b.insert(i, 1, b[i]); });
  }
  change([&](std::string& b) { b.pop_back(); });
  change([&](std::string& b) { b.push_back('\0'); });
  for (int n = 0; n < 200; ++n)
    change([&](std::string& b) {
      for (Index k = uniform(rng, 1, 20); k > 0; --k)
        b[static_cast<std::size_t>(uniform(rng, 0, std::ssize(b) - 1))] =
            static_cast<char>(uniform(rng, 0, 255));
    });
  return all;
}

bool refuses(const std::string& path, const std::string& bytes, const AllocationBound& bound,
             const std::function<void(const std::string&)>& read) {
  std::filesystem::remove(
      path);  // a new file is quicker: one that is cut to nothing, ext4 writes out at once
  write_bytes(path, bytes);
  const std::size_t before = allocated_bytes();
  bool refused = false;
  try {
    read(path);
  } catch (const IoError& e) {
    refused = true;
    if (e.path() != path || e.reason().empty() || e.what() != path + ": " + e.reason())
      FAIL("an error without file and reason: " << e.what());
  }
  const std::size_t allocated = allocated_bytes() - before;
  if (allocated > bound.fixed + bound.per_byte * bytes.size())
    FAIL(allocated << " bytes allocated for a file of " << bytes.size());
  return refused;
}

}  // namespace wavestride::testing
