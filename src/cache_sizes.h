// How large the caches of this machine are, for what is best as long as it fits them.
#pragma once

#include <wavestride/geometry.h>

#if defined(__linux__)
#include <unistd.h>
#endif

#include <algorithm>

namespace wavestride::detail {

/// Of the second-level cache of a core, in bytes, as the system says; what most cores have, where it does
/// not.
inline Index second_level_cache() noexcept {
  constexpr Index usual = 1 << 20;
#if defined(_SC_LEVEL2_CACHE_SIZE)
  static const long bytes = sysconf(_SC_LEVEL2_CACHE_SIZE);
  return bytes > 0 ? static_cast<Index>(bytes) : usual;
#else
  return usual;
#endif
}

/// How many times as large as on most cores what should stay in that cache may be: 2 from 2 MiB on, lest it
/// take much more memory where the cache is larger still.
inline Index cache_share() noexcept {
  return std::clamp<Index>(second_level_cache() >> 20, 1, 2);
}

}  // namespace wavestride::detail
