// Memory in large pages.
#pragma once

#include <wavestride/signal.h>

#ifdef __linux__
#include <sys/mman.h>
#include <unistd.h>
#endif

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <vector>

namespace wavestride::detail {

constexpr std::size_t large_page = 2 << 20;

/// Asks for large pages, where they fit into memory that nobody has touched yet.
inline void prefer_large_pages([[maybe_unused]] const void* memory, [[maybe_unused]] std::size_t bytes) {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  const auto begin = reinterpret_cast<std::uintptr_t>(memory);
  const std::uintptr_t first = (begin + large_page - 1) / large_page * large_page,
                       last = (begin + bytes) / large_page * large_page;
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

/// For a large result: where the system gives large pages on request only, its small ones would take longer
/// to come, one by one, than many an operator takes to fill them.
inline void prefer_large_pages(Signal& signal) {
  prefer_large_pages(signal.data(), static_cast<std::size_t>(signal.size()) * sizeof(float));
}

/// In large pages, where there is enough to fill one by half; else from a cache line on. What is read over
/// and over from all over a few MiB would, in small ones, be looked for longer than it takes to come.
template <class T>
struct LargePageAllocator {
  using value_type = T;
  LargePageAllocator() = default;
  template <class U>
  LargePageAllocator(const LargePageAllocator<U>&) {}

  T* allocate(std::size_t n) {
    const std::size_t bytes = bytes_of(n);
    void* const memory = ::operator new(bytes, alignment(bytes));
    if (bytes >= large_page) prefer_large_pages(memory, bytes);
    return static_cast<T*>(memory);
  }
  void deallocate(T* p, std::size_t n) { ::operator delete(p, alignment(bytes_of(n))); }
  bool operator==(const LargePageAllocator&) const = default;

 private:
  static std::size_t bytes_of(std::size_t n) {
    const std::size_t bytes = n * sizeof(T);
    return bytes < large_page / 2 ? bytes : (bytes + large_page - 1) / large_page * large_page;
  }
  static std::align_val_t alignment(std::size_t bytes) {
    return std::align_val_t{bytes < large_page ? 64 : large_page};
  }
};

template <class T>
using LargePages = std::vector<T, LargePageAllocator<T>>;

/// The same, of which nothing has been written yet: the system gives what is used of it.
class UnwrittenFloats {
 public:
  UnwrittenFloats() = default;
  explicit UnwrittenFloats(std::size_t n) : data_(LargePageAllocator<float>().allocate(n), {n}) {}
  float* data() const { return data_.get(); }
  std::size_t size() const { return data_.get_deleter().size; }

 private:
  struct Free {
    std::size_t size;
    void operator()(float* p) const { LargePageAllocator<float>().deallocate(p, size); }
  };
  std::unique_ptr<float, Free> data_;
};

}  // namespace wavestride::detail
