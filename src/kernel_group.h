// Kernels joined to one, so that several threads have less often to agree on who works on what.
#pragma once

#include <wavestride/stream.h>

#include "graph.h"

namespace wavestride::detail {

class GraphRunner;

/// What a kernel takes for an output frame, about: multiply-adds, and the reading and writing of frames.
double work_of(const Kernel& kernel);

/// The graph with kernels joined to groups, each of which a thread drives depth-first for a block, so that
/// what lies between its kernels stays in that thread's cache; the graph itself where nothing can be joined.
/// The values at the outputs are the same, bit for bit, and as soon there. Kernels stay apart as far as
/// `threads` must share their work, and where `blocks` frames, of each value, take long anyway.
std::shared_ptr<const Graph> grouped(const std::shared_ptr<const Graph>& graph, std::span<const Index> blocks,
                                     const StreamOptions& options, Index threads);

/// Whether a kernel is a group: one that takes frames as they are, without virtual ones.
bool is_group(const Kernel& kernel);
/// What drives it, of a group's state: it is given memory for its frames, and borrows some of the scratch
/// memory, beside what the group's kernel says that it needs.
GraphRunner& runner_of_group(KernelState& state);

}  // namespace wavestride::detail
