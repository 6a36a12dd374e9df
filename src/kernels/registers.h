// What registers a SIMD target has, and what is to be in them.
#pragma once

#include <hwy/base.h>

/// Sums that a tile of the target that is being compiled keeps in registers: as many as hide the latency of a
/// multiply-add, and no more than there are registers beside its factors; few without vectors, where little
/// code matters more than speed. A macro, since each target has its own.
#define WAVESTRIDE_MOST_SUMS                                                          \
  (HWY_TARGET == HWY_SCALAR                                                      ? 4  \
   : HWY_TARGET == HWY_SSSE3 || HWY_TARGET == HWY_SSE4 || HWY_TARGET == HWY_AVX2 ? 12 \
                                                                                 : 24)

namespace wavestride::kernels {

/// Has the compiler hold a pointer in a register as it is, and not work it out from others.
template <class T>
HWY_INLINE void keep_in_register(const T*& pointer) {
#if HWY_COMPILER_GCC || HWY_COMPILER_CLANG
  asm("" : "+r"(pointer));
#endif
}

}  // namespace wavestride::kernels
