// How large the caches of this machine are, for what is best as long as it fits them.
#pragma once

#include <wavestride/geometry.h>

#if defined(__linux__)
#include <unistd.h>
#endif

#include <algorithm>

namespace wavestride::detail {

/// Bytes of the second-level cache of a core, as the system says; where it says nothing, of most cores.
inline Index second_level_cache() noexcept {
  constexpr Index usual = 1 << 20;
#if defined(_SC_LEVEL2_CACHE_SIZE)
  static const long bytes = sysconf(_SC_LEVEL2_CACHE_SIZE);
  return bytes > 0 ? static_cast<Index>(bytes) : usual;
#else
  return usual;
#endif
}

/// How many times as large as on most cores what should stay in that cache may be: twice from 2 MiB on, and
/// no more, lest it take much memory.
inline Index cache_share() noexcept {
  return std::clamp<Index>(second_level_cache() >> 20, 1, 2);
}

}  // namespace wavestride::detail
