// Feeds a harness without a fuzzer: run_corpus SEEDS_FOLDER [mutations of each, by default 3000].
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using Bytes = std::vector<std::uint8_t>;

std::vector<Bytes> read_folder(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  std::vector<Bytes> seeds;
  for (const auto& path : paths) {
    std::ifstream in(path, std::ios::binary);
    seeds.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }
  return seeds;
}

/// A few bytes changed, removed, or taken from another place or another seed.
Bytes mutated(Bytes bytes, const std::vector<Bytes>& seeds, std::mt19937& random) {
  const auto below = [&](std::size_t n) { return n == 0 ? 0 : random() % n; };
  for (std::size_t edits = 1 + below(6); edits > 0; --edits) {
    const std::size_t at = below(bytes.size()), length = std::min(below(24), bytes.size() - at);
    const auto place = bytes.begin() + static_cast<std::ptrdiff_t>(at);
    const Bytes& other = seeds[below(seeds.size())];
    const std::size_t from = below(other.size()), count = std::min(below(64), other.size() - from);
    switch (below(5)) {
      case 0:
        if (!bytes.empty()) *place = static_cast<std::uint8_t>(random());
        break;
      case 1:
        if (!bytes.empty()) *place ^= static_cast<std::uint8_t>(1 << below(8));
        break;
      case 2:
        std::fill_n(place, length, static_cast<std::uint8_t>(below(2) * 0xff));
        break;
      case 3:
        bytes.erase(place, place + static_cast<std::ptrdiff_t>(length));
        break;
      default:
        bytes.insert(place, other.begin() + static_cast<std::ptrdiff_t>(from),
                     other.begin() + static_cast<std::ptrdiff_t>(from + count));
    }
  }
  return bytes;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return std::fputs("run_corpus SEEDS_FOLDER [MUTATIONS]\n", stderr), 2;
  const std::vector<Bytes> seeds = read_folder(argv[1]);
  const int mutations = argc > 2 ? std::atoi(argv[2]) : 3000;
  std::mt19937 random(1);
  for (const Bytes& seed : seeds) {
    LLVMFuzzerTestOneInput(seed.data(), seed.size());
    for (int i = 0; i < mutations; ++i) {
      const Bytes bytes = mutated(seed, seeds, random);
      LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
    }
  }
  std::printf("%zu seeds, %d mutations of each\n", seeds.size(), mutations);
  return seeds.empty() ? 1 : 0;
}
