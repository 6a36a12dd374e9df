// Other ways to compute what a kernel computes, which a user may choose for a whole op.
#pragma once

#include <wavestride/kernel.h>

namespace wavestride::detail {

/// What a kernel is beside a Kernel if it may be computed otherwise. Each way gives nullptr where it does not
/// take well less time.
struct HasAlternatives {
  virtual ~HasAlternatives() = default;
  /// By minimal filtering.
  virtual std::shared_ptr<const Kernel> minimal() const { return nullptr; }
  /// By products of bfloat16.
  virtual std::shared_ptr<const Kernel> bfloat16() const { return nullptr; }
  /// By 8-bit weights.
  virtual std::shared_ptr<const Kernel> int8() const { return nullptr; }
  /// By whichever of the first two takes less time.
  virtual std::shared_ptr<const Kernel> fastest() const {
    auto rounded = bfloat16();
    return rounded ? rounded : minimal();
  }
};

}  // namespace wavestride::detail
