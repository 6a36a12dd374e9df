// StartsAnywhere: what a kernel's state says of itself where a signal may begin with any of its frames.
#pragma once

namespace wavestride::detail {

/// Of a KernelState that holds memory to work in, or what the kernel would make again if it were not there:
/// after reset() the kernel makes any frame as it would behind all frames before.
struct StartsAnywhere {
 protected:
  ~StartsAnywhere() = default;
};

}  // namespace wavestride::detail
