// Memory for SIMD kernels.
#pragma once

#include <cstddef>
#include <memory>
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

/// The same, of which nothing has been written yet: the system gives what is used of it.
class UnwrittenFloats {
 public:
  UnwrittenFloats() = default;
  explicit UnwrittenFloats(std::size_t n) : data_(CacheLineAllocator<float>().allocate(n)), size_(n) {}
  float* data() const { return data_.get(); }
  std::size_t size() const { return size_; }

 private:
  struct Free {
    void operator()(float* p) const { CacheLineAllocator<float>().deallocate(p, 0); }
  };
  std::unique_ptr<float, Free> data_;
  std::size_t size_ = 0;
};

}  // namespace wavestride::kernels
