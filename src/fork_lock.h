// Locks of what is made once for a whole process. A fork waits until none is held: in the new process, which
// has none of the threads, nobody would ever let go of it.
#pragma once

#include <mutex>

namespace wavestride::detail {

/// What they guard, in the order in which one thread may hold several.
enum class Kept { edges, filters, plans };

std::mutex& lock_of(Kept what) noexcept;

}  // namespace wavestride::detail
