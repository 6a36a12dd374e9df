// Kernels that can work in place joined to the kernel whose output they alone read.
#pragma once

#include "graph.h"

namespace wavestride::detail {

/// The graph as streams run it: the same values at its outputs, bit for bit, with fewer values between; the
/// graph itself where nothing can be joined. It is made once, for the first stream.
std::shared_ptr<const Graph> fused(const std::shared_ptr<const Graph>& graph);

}  // namespace wavestride::detail
