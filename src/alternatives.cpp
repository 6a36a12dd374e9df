#include "alternatives.h"

#include <wavestride/arithmetic.h>
#include <wavestride/bfloat16.h>
#include <wavestride/int8.h>
#include <wavestride/minimal_filtering.h>

#include "graph.h"
#include "kernels/bfloat16.h"

namespace wavestride {
namespace {

using Way = std::shared_ptr<const Kernel> (detail::HasAlternatives::*)() const;

/// The op with those of its kernels computed in another way that have it and do at least so much of the work:
/// less would cost lookahead or bits and gain nothing.
Op computed(const Op& op, Way way, double least_share) {
  const detail::Graph& graph = *op.graph();
  const auto& values = graph.values();
  const auto work = [&](std::size_t node) {
    const auto& rate = values[static_cast<std::size_t>(graph.value_of(static_cast<int>(node)))].rate;
    const double macs = graph.nodes[node].kernel->macs_per_frame();
    return rate ? macs * static_cast<double>(rate->num) / static_cast<double>(rate->den) : macs;
  };
  double all = 0;
  for (std::size_t k = 0; k < graph.nodes.size(); ++k) all += work(k);
  std::vector<detail::Graph::Node> nodes = graph.nodes;
  for (std::size_t k = 0; k < nodes.size(); ++k)
    if (const auto* kernel = dynamic_cast<const detail::HasAlternatives*>(nodes[k].kernel.get());
        kernel != nullptr && work(k) >= least_share * all)
      if (auto other = (kernel->*way)()) nodes[k].kernel = std::move(other);
  std::vector<Index> channels;
  for (Index i = 0; i < op.inputs(); ++i) channels.push_back(op.in_channels(i));
  return Op(std::make_shared<const detail::Graph>(graph.name, std::move(channels), std::move(nodes),
                                                  graph.outputs));
}

}  // namespace

Op minimal_filtering(const Op& op) {
  return computed(op, &detail::HasAlternatives::minimal, 1.0 / 200);
}

Op bfloat16(const Op& op, const Bfloat16Options& options) {
  const Way way =
      options.minimal_filtering ? &detail::HasAlternatives::fastest : &detail::HasAlternatives::bfloat16;
  // Beside rounded layers, which may be several times as fast, those left count more.
  return computed(op, way, 1.0 / 500);
}

Op int8(const Op& op) {
  return computed(op, &detail::HasAlternatives::int8, 1.0 / 200);
}

Op compute_by(const Op& op, const Arithmetic& arithmetic) {
  const Op rest = arithmetic.int8 ? int8(op) : op;
  if (arithmetic.bfloat16) return bfloat16(rest, {.minimal_filtering = arithmetic.minimal_filtering});
  return arithmetic.minimal_filtering ? minimal_filtering(rest) : rest;
}

bool bfloat16_in_hardware() noexcept {
  return kernels::bfloat16_speed() > 1;
}

}  // namespace wavestride
