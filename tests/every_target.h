// Kernels on all SIMD targets of the machine, one after another.
#pragma once

#include "kernels/dense.h"

namespace wavestride::testing {

/// The names of the targets; whichever was used last, the best one is used again afterwards.
struct EveryTarget {
  EveryTarget() : names(kernels::simd_targets()) {}
  ~EveryTarget() { kernels::use_simd_target(""); }
  std::vector<std::string> names;
};

}  // namespace wavestride::testing
