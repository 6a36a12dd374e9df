#include <wavestride/checkpoint.h>

#include <cstdlib>

#include "fuzz.h"

using namespace wavestride;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  testing::feed(data, size, [](const std::string& path) {
    const auto file = open_checkpoint(path);
    for (const TensorInfo& t : file->tensors()) {
      if (t.dtype == DType::f8_e4m3 || t.dtype == DType::f8_e5m2) continue;
      const Tensor tensor = file->load(t.name);
      if (tensor.shape != t.shape || tensor.size() != t.elements) std::abort();
    }
  });
  return 0;
}
