#include "models/pwg.h"

#include <array>
#include <charconv>

namespace wavestride::models {

bool version_at_least(const Config& config, Index major, Index minor, Index patch) {
  const Keys keys{"version"};
  if (!config.has(keys)) return false;
  const std::string text = config.text(keys);
  std::array<Index, 3> version{};
  const char* at = text.data();
  const char* const end = at + text.size();
  for (std::size_t i = 0; i < version.size() && at < end; ++i) {
    const auto [rest, error] = std::from_chars(at, end, version[i]);
    if (error != std::errc()) config.refuse(config.name(keys), " must be like 0.5.5, is \"", text, "\"");
    at = rest < end && *rest == '.' ? rest + 1 : end;
  }
  return version >= std::array{major, minor, patch};
}

PadMode causal_start(const Config& config) {
  return version_at_least(config, 0, 5, 5) ? PadMode::replicate : PadMode::constant;
}

}  // namespace wavestride::models
