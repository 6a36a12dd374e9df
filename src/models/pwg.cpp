#include "models/pwg.h"

#include <wavestride/pqmf.h>

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

float activation_slope(const Config& c, float usual) {
  const Keys name{"nonlinear_activation", "generator_nonlinear_activation"},
      parameters{"nonlinear_activation_params", "generator_nonlinear_activation_params"};
  const std::string kind = c.has(name) ? c.text(name) : "LeakyReLU";
  if (kind == "ReLU") return 0;
  if (kind != "LeakyReLU") c.refuse(c.name(name), " must be LeakyReLU or ReLU, is \"", kind, "\"");
  if (!c.has(parameters)) return usual;
  constexpr float default_slope = 0.01f;  // PyTorch's
  const Config given = c.section(parameters);
  return given.has({"negative_slope"}) ? static_cast<float>(given.number({"negative_slope"})) : default_slope;
}

Op joined_subbands(const Config& config, Index subbands) {
  PqmfOptions o{.subbands = subbands};
  if (!config.has({"pqmf_params"})) {
    // Until 0.4.2 the filters of a config that says nothing of them had another cutoff.
    if (!version_at_least(config, 0, 4, 3)) o.cutoff_ratio = 0.15;
    return op::pqmf_synthesis(o);
  }
  const Config c = config.section({"pqmf_params"});
  if (c.has({"taps"})) o.taps = c.integer({"taps"}, 1, 1 << 16);
  if (c.has({"cutoff_ratio"})) o.cutoff_ratio = c.number({"cutoff_ratio"});
  if (c.has({"beta"})) o.beta = c.number({"beta"});
  return op::pqmf_synthesis(o);
}

}  // namespace wavestride::models
