#include "thread_pool.h"

#include <sys/resource.h>
#include <sys/wait.h>

#include <catch2/catch.hpp>
#include <cfenv>
#include <chrono>
#include <fstream>
#include <memory>

using namespace wavestride;

namespace {

/// Counts how many threads came, and how many of them round a third down.
struct Count final : ThreadPool::Job {
  std::atomic<int> entered{0}, left{0}, rounded_down{0};
  int wait_for = 1;

  void work() noexcept override {
    ++entered;
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (entered < wait_for && std::chrono::steady_clock::now() < until) std::this_thread::yield();
    const volatile float one = 1.0f, three = 3.0f;
    const float third = one / three;
    rounded_down += third * 3.0 < 1.0;
    ++left;
  }
};

/// Counts who comes, while the caller stays for some microseconds.
struct Visits final : ThreadPool::Job {
  std::thread::id caller = std::this_thread::get_id();
  std::chrono::microseconds stay{0};
  std::atomic<int> helpers{0};

  void work() noexcept override {
    if (std::this_thread::get_id() != caller) ++helpers;
    const auto until = std::chrono::steady_clock::now() + stay;
    while (std::this_thread::get_id() == caller && std::chrono::steady_clock::now() < until) {
    }
  }
};

}  // namespace

TEST_CASE("threads: no helper does a job twice, however late it wakes") {
  ThreadPool pool(3);
  int most = 0;
  for (int round = 0; round < 20'000; ++round) {
    Visits job;
    job.stay = std::chrono::microseconds(round % 40);
    pool.run(job);
    most = std::max<int>(most, job.helpers);
  }
  CHECK(most <= 3);
}

TEST_CASE("threads: all of a pool work on a job, and none is in it when run() returns") {
  for (const int helpers : {0, 1, 7}) {
    ThreadPool pool(helpers);
    for (int round = 0; round < 20; ++round) {
      Count job;
      job.wait_for = helpers + 1;
      pool.run(job);
      CHECK(job.entered == helpers + 1);
      CHECK(job.left == helpers + 1);
    }
  }
}

TEST_CASE("threads: a job that the caller can do alone waits for nobody") {
  ThreadPool pool(3);
  int left = 0;
  for (int round = 0; round < 5'000; ++round) {
    Count job;
    pool.run(job);
    REQUIRE(job.entered == job.left);
    left += job.left;
  }
  CHECK(left >= 5'000);
}

// The address sanitizer needs memory of its own for a thread: it ends without, and a process that was forked
// while a thread began may wait for it for ever.
#ifndef __SANITIZE_ADDRESS__
TEST_CASE("a pool in a process that was forked works alone, and ends") {
  auto pool = std::make_unique<ThreadPool>(2);
  const pid_t child = fork();
  if (child == 0) {
    alarm(60);
    Count job;
    pool->run(job);
    pool.reset();
    Count again;
    again.wait_for = 5;
    ThreadPool(4).run(again);
    _exit(job.left == 1 && again.left == 5 ? 0 : 1);
  }
  int status = -1;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
}

TEST_CASE("a pool that the system has no threads for says what can't be started") {
  const pid_t child = fork();
  if (child == 0) {
    Index pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    const rlimit tight{static_cast<rlim_t>(pages * sysconf(_SC_PAGESIZE) + (1 << 20)), RLIM_INFINITY};
    setrlimit(RLIMIT_AS, &tight);
    try {
      const ThreadPool pool(64);
    } catch (const std::runtime_error& e) {
      _exit(std::string_view(e.what()).starts_with("the threads of a stream can't be started: ") ? 0 : 1);
    }
    _exit(2);
  }
  int status = -1;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
}
#endif

TEST_CASE("threads: round as the caller does") {
  ThreadPool pool(2);
  Count job;
  job.wait_for = 3;
  std::fesetround(FE_DOWNWARD);
  pool.run(job);
  std::fesetround(FE_TONEAREST);
  CHECK(job.rounded_down == 3);
  Count again;
  again.wait_for = 3;
  pool.run(again);
  CHECK(again.rounded_down == 0);
}
