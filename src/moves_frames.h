// Kernels that move frames more than they compute.
#pragma once

namespace wavestride::detail {

/// What such a kernel is beside a Kernel.
struct MovesFrames {
  virtual ~MovesFrames() = default;
  /// Whether a signal that no cache holds is better made near by and written past them. It is where more is
  /// written than read, or where the two would wait for each other.
  virtual bool past_caches() const noexcept = 0;
};

}  // namespace wavestride::detail
