// Memory for SIMD kernels.
#pragma once

#include <cstddef>
#include <new>
#include <vector>

namespace wavestride::kernels {

/// Memory that starts at a cache line, so that no vector load touches two.
template <class T>
struct CacheLineAllocator {
  using value_type = T;
  static constexpr std::align_val_t line{64};
  CacheLineAllocator() = default;
  template <class U>
  CacheLineAllocator(const CacheLineAllocator<U>&) {}
  T* allocate(std::size_t n) { return static_cast<T*>(::operator new(n * sizeof(T), line)); }
  void deallocate(T* p, std::size_t) { ::operator delete(p, line); }
  bool operator==(const CacheLineAllocator&) const = default;
};

template <class T>
using Aligned = std::vector<T, CacheLineAllocator<T>>;

}  // namespace wavestride::kernels
