#include "fork_lock.h"

#include <pthread.h>

#include <algorithm>
#include <iterator>

namespace wavestride::detail {
namespace {

constinit std::mutex locks[3];

void hold_all() {
  for (std::mutex& lock : locks) lock.lock();
}

void let_all_go() {
  std::for_each(std::rbegin(locks), std::rend(locks), [](std::mutex& lock) { lock.unlock(); });
}

[[maybe_unused]] const int refused = pthread_atfork(hold_all, let_all_go, let_all_go);

}  // namespace

std::mutex& lock_of(Kept what) noexcept {
  return locks[static_cast<std::size_t>(what)];
}

}  // namespace wavestride::detail
