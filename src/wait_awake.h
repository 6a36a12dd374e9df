// Waiting for another thread: for a moment awake, then asleep.
#pragma once

#include <atomic>
#include <chrono>

namespace wavestride {

/// Lets the other thread of a core go first.
inline void relax() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/// Falling asleep and waking takes a few microseconds, of which a virtual machine makes tens; what threads of
/// one signal wait for mostly takes no longer.
inline constexpr std::chrono::microseconds awake_for(50);

/// Waits until `value` is not `seen`.
template <class T>
void wait_awake(const std::atomic<T>& value, T seen) noexcept {
  using Clock = std::chrono::steady_clock;
  const auto until = Clock::now() + awake_for;
  do {
    for (int i = 0; i < 16; ++i, relax())
      if (value != seen) return;
  } while (Clock::now() < until);
  value.wait(seen);
}

}  // namespace wavestride
