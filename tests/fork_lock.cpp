#include <sys/wait.h>
#include <unistd.h>
#include <wavestride/resample.h>
#include <wavestride/stft.h>

#include <catch2/catch.hpp>
#include <thread>

using namespace wavestride;

namespace {

/// Forks beside two threads that do `work(n)` over and over, and has it done in the new processes; returns
/// how many of these ended. One that hangs is ended after some seconds, and is the last.
template <class Work>
int forked_beside_threads(int processes, Work work) {
  std::atomic<bool> stopped{false};
  const auto go_on = [&](Index n) {
    for (; !stopped; n += 2) work(n);
  };
  std::thread one(go_on, 0), two(go_on, 1);
  int ended = 0;
  for (bool hung = false; ended < processes && !hung; ended += !hung) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    const pid_t child = fork();
    if (child == 0) {
      alarm(60);
      work(1'000'000 + ended);
      _exit(0);
    }
    int status = 0;
    hung = child < 0 || waitpid(child, &status, 0) != child || status != 0;
  }
  stopped = true;
  one.join();
  two.join();
  return ended;
}

}  // namespace

// The address sanitizer's own memory is not there for a process that is forked while another thread takes
// some: such hang, whatever they run.
#ifndef __SANITIZE_ADDRESS__
TEST_CASE("a process that was forked beside threads that design filters designs its own") {
  CHECK(forked_beside_threads(10, [](Index n) {
          Resampler(48'000, 44'100, {.stopband_db = 60 + 1e-5 * static_cast<double>(n)});
        }) == 10);
}

TEST_CASE("a process that was forked beside threads that plan transforms plans its own") {
  CHECK(forked_beside_threads(50, [](Index n) { op::stft({.n_fft = 2 + n % 4'000}); }) == 50);
}
#endif
