#include <wavestride/minimal_filtering.h>

#include "graph.h"
#include "minimal_conv1d.h"

namespace wavestride {

Op minimal_filtering(const Op& op) {
  // A layer that does a small part of the work would cost lookahead and gain nothing.
  constexpr double least_share = 1.0 / 200;
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
    if (const auto* conv = dynamic_cast<const detail::HasMinimal*>(nodes[k].kernel.get());
        conv != nullptr && work(k) >= least_share * all)
      if (auto kernel = conv->minimal()) nodes[k].kernel = std::move(kernel);
  std::vector<Index> channels;
  for (Index i = 0; i < op.inputs(); ++i) channels.push_back(op.in_channels(i));
  return Op(std::make_shared<const detail::Graph>(graph.name, std::move(channels), std::move(nodes),
                                                  graph.outputs));
}

}  // namespace wavestride
