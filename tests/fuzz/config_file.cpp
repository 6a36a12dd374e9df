#include "checkpoint/config_file.h"

#include <nlohmann/json.hpp>

#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  wavestride::testing::feed(data, size, [](const std::string& path) {
    using Json = nlohmann::json;
    wavestride::detail::read_config_file(path).dump(-1, ' ', false, Json::error_handler_t::replace);
  });
  return 0;
}
