// ThreadPool: threads that sleep until there is work for all of them at once.
#pragma once

#include <unistd.h>
#include <wavestride/geometry.h>

#include <atomic>
#include <cfenv>
#include <thread>
#include <vector>

namespace wavestride {

class ThreadPool {
 public:
  /// That a stream may ask for, the caller's included.
  static constexpr Index most_threads = 1024;

  /// What run() calls on every thread.
  struct Job {
    virtual void work() noexcept = 0;

   protected:
    ~Job() = default;
  };

  /// Starts the threads. Throws std::runtime_error when the system has no more.
  explicit ThreadPool(Index helpers);
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  ~ThreadPool();

  /// Calls job.work() on this thread and, once, on every helper that wakes before this thread is through;
  /// returns when none is in it any more. A helper that the system leaves asleep keeps nobody waiting.
  /// Rounding and treatment of denormals are this thread's on all of them. One caller at a time. In a process
  /// that was forked from that of the threads there are none, and the caller works alone.
  void run(Job& job) noexcept;

 private:
  void help() noexcept;
  void stop() noexcept;

  static constexpr int closed = -(1 << 30);
  std::atomic<unsigned> round_{0};   // counts the calls of run()
  std::atomic<int> inside_{closed};  // helpers in the job; `closed` is added while none may enter
  std::atomic<bool> stopping_{false};
  Job* job_ = nullptr;
  unsigned run_ = 0;  // which call of run() job_ is of; a late helper may have missed when it began
  std::fenv_t arithmetic_;
  const pid_t process_ = getpid();  // whose threads these are
  std::vector<std::thread> threads_;
};

}  // namespace wavestride
