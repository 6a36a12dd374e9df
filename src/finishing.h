// Kernels that do more with what they read and make than their own work, while it is at hand.
#pragma once

#include <wavestride/kernel.h>

#include <optional>

#include "kernels/finish.h"

namespace wavestride::detail {

/// What a kernel is beside a Kernel if it can finish its outputs.
struct Finishing {
  virtual ~Finishing() = default;

  /// compute(), with `finish` after it; and of inputs x > 0 ? x : slope·x, where slopes_inputs() or it is 1.
  virtual void compute_finished(const Work& work, float slope,
                                const kernels::Finish& finish) const noexcept = 0;
  virtual bool slopes_inputs() const { return false; }
};

/// A kernel that works in place and does what a Finish can: adds its one other input, or is a slope.
struct FinishRule {
  bool adds = false;
  float slope = 1;
};

/// What such a kernel is beside a Kernel.
struct HasFinishRule {
  virtual ~HasFinishRule() = default;
  /// nullopt: it does more than that.
  virtual std::optional<FinishRule> finish_rule() const = 0;
};

}  // namespace wavestride::detail
