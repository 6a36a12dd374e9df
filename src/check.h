// Messages for wrong configuration: fail("conv1d: stride must be at least 1, got ", stride).
#pragma once

#include <sstream>
#include <stdexcept>

namespace wavestride {

template <class... Parts>
std::string message(const Parts&... parts) {
  std::ostringstream s;
  (s << ... << parts);
  return s.str();
}

template <class... Parts>
[[noreturn]] void fail(const Parts&... parts) {
  throw std::invalid_argument(message(parts...));
}

/// Throws std::invalid_argument with the parts as its message unless `ok`.
template <class... Parts>
void require(bool ok, const Parts&... parts) {
  if (!ok) fail(parts...);
}

}  // namespace wavestride
