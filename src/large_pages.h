// Memory of results in large pages.
#pragma once

#include <wavestride/signal.h>

#ifdef __linux__
#include <sys/mman.h>
#endif

#include <cstdint>

namespace wavestride::detail {

/// Asks for large pages for a large signal that nobody has touched yet. Where the system gives them on
/// request only, its small ones would take longer to come, one by one, than many an operator takes to fill
/// them.
inline void prefer_large_pages([[maybe_unused]] Signal& signal) {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  constexpr std::uintptr_t page = 2 << 20;
  const auto begin = reinterpret_cast<std::uintptr_t>(signal.data());
  const std::uintptr_t end = begin + static_cast<std::uintptr_t>(signal.size()) * sizeof(float);
  const std::uintptr_t first = (begin + page - 1) / page * page, last = end / page * page;
  if (first < last) (void)madvise(reinterpret_cast<void*>(first), last - first, MADV_HUGEPAGE);  // a hint
#endif
}

}  // namespace wavestride::detail
