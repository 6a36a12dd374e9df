// Kernels that move frames more than they compute.
#pragma once

namespace wavestride::detail {

/// What such a kernel is beside a Kernel.
struct MovesFrames {
  virtual ~MovesFrames() = default;
  /// Whether a signal that no cache holds is better made near by and written past them: of as many frames as
  /// are read, or few at a time, that is no gain.
  virtual bool past_caches() const noexcept { return true; }
};

}  // namespace wavestride::detail
