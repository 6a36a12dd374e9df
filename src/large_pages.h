// Memory of large results: its pages.
#pragma once

#include <wavestride/signal.h>

#ifdef __linux__
#include <sys/mman.h>
#include <unistd.h>
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

/// Whether memory is there already, as its last page is, or half of it. What is not, the system makes zero
/// when it is first written, and then it is in the caches.
inline bool is_there([[maybe_unused]] const float* values, [[maybe_unused]] Index size) noexcept {
#if defined(__linux__)
  const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  const auto touched = [&](Index i) {
    unsigned char there = 0;
    const std::uintptr_t at = reinterpret_cast<std::uintptr_t>(values + i) / page * page;
    return mincore(reinterpret_cast<void*>(at), page, &there) == 0 && (there & 1) != 0;
  };
  return size > 0 && touched(size - 1) && touched(size / 2);
#else
  return false;
#endif
}

}  // namespace wavestride::detail
