#include "thread_pool.h"

#include <system_error>
#include <utility>

#include "check.h"
#include "wait_awake.h"

namespace wavestride {

ThreadPool::ThreadPool(Index helpers) {
  std::fegetenv(&arithmetic_);
  try {
    for (Index i = 0; i < helpers; ++i) threads_.emplace_back([this] { help(); });
  } catch (const std::system_error& e) {
    stop();
    throw std::runtime_error(message("the threads of a stream can't be started: ", e.what()));
  } catch (...) {
    stop();
    throw;
  }
}

ThreadPool::~ThreadPool() {
  stop();
}

void ThreadPool::stop() noexcept {
  if (getpid() != process_) {  // nothing ends what is not there, not even a destructor
    new std::vector<std::thread>(std::move(threads_));
    return;
  }
  stopping_ = true;
  ++round_;
  round_.notify_all();
  for (std::thread& t : threads_) t.join();
}

void ThreadPool::run(Job& job) noexcept {
  job_ = &job;
  ++run_;
  std::fegetenv(&arithmetic_);
  inside_ = 0;
  ++round_;
  round_.notify_all();
  job.work();
  for (int left = inside_ += closed; left != closed; left = inside_) wait_awake(inside_, left);
}

void ThreadPool::help() noexcept {
  for (unsigned seen = 0, done = 0;;) {
    wait_awake(round_, seen);
    seen = round_;
    if (stopping_) return;
    int others = inside_;
    while (others >= 0 && !inside_.compare_exchange_weak(others, others + 1)) {
    }
    if (others < 0) continue;
    if (done != run_) {
      done = run_;
      std::fesetenv(&arithmetic_);
      job_->work();
    }
    if (--inside_ == closed) inside_.notify_all();
  }
}

}  // namespace wavestride
