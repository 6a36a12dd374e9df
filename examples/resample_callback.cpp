// A sound card's callback at 48 kHz that hands 16 kHz on: 10 ms in, 10 ms out, every 10 ms, on a thread of
// its own. What such a thread must not do, allocate memory or wait for a lock, is counted here and does not
// happen.
#include <dlfcn.h>
#include <pthread.h>
#include <wavestride/wavestride.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <thread>

using namespace wavestride;

namespace {

thread_local bool in_callback = false;
std::atomic<int> allocations{0}, locks{0};

}  // namespace

// These stand before the C library's and count what the callback does.
extern "C" int pthread_mutex_lock(pthread_mutex_t* mutex) noexcept {
  static const auto real =
      reinterpret_cast<int (*)(pthread_mutex_t*)>(dlsym(RTLD_NEXT, "pthread_mutex_lock"));
  if (in_callback) ++locks;
  return real(mutex);
}
void* operator new(std::size_t bytes) {
  if (in_callback) ++allocations;
  if (void* memory = std::malloc(bytes)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept {
  if (in_callback) ++allocations;
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  operator delete(memory);
}

int main() {
  constexpr Index channels = 2, period = 480;
  const Op to_16k = op::resample(channels, 48000, 16000, {.max_delay_s = 0.005});
  Stream stream = to_16k.stream();  // all memory is allocated here
  Signal microphone = Signal::Random(channels, period), out(channels, period);
  Index given = 0;
  double longest_ms = 0;

  const auto callback = [&] {
    in_callback = true;
    const auto start = std::chrono::steady_clock::now();
    given += stream.push(microphone, out);
    const std::chrono::duration<double, std::milli> spent = std::chrono::steady_clock::now() - start;
    longest_ms = std::max(longest_ms, spent.count());
    in_callback = false;
  };
  std::thread sound_card([&] {
    auto due = std::chrono::steady_clock::now();
    for (int i = 0; i < 100; ++i) {
      callback();
      std::this_thread::sleep_until(due += std::chrono::milliseconds(10));
    }
  });
  sound_card.join();

  std::printf(
      "1 s in %d callbacks: %ld frames of 16 kHz, %.1f ms behind, at most %.3f ms of work in 10 ms; %d "
      "allocations, %d locks\n",
      100, long(given), 1000.0 * double(to_16k.latency_frames()) / 16000, longest_ms, allocations.load(),
      locks.load());
  return allocations == 0 && locks == 0 && given > 15'800 ? 0 : 1;
}
