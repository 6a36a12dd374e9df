#include "fusion.h"

#include <algorithm>
#include <cmath>

#include "check.h"
#include "finishing.h"

namespace wavestride::detail {
namespace {

std::optional<FinishRule> rule_of(const Kernel& kernel) {
  const auto* has = dynamic_cast<const HasFinishRule*>(&kernel);
  return has ? has->finish_rule() : std::nullopt;
}

/// A kernel and another, which works in place on what the first one makes. Its inputs are those of the first
/// one, then those of the second but `port`.
class Fused final : public Kernel {
 public:
  Fused(std::shared_ptr<const Kernel> first, std::shared_ptr<const Kernel> second, std::size_t port)
      : Kernel(message(first->name(), ", ", second->name()), ports_of(*first, *second, port),
               first->out_channels()),
        first_(std::move(first)),
        second_(std::move(second)),
        port_(port),
        rule_(rule_of(*second_)) {
    if (rule_) finishing_ = dynamic_cast<const Finishing*>(first_.get());
  }

  Index total(std::span<const Index> lengths) const override {
    const std::size_t own = first_->inputs().size();
    Index second[max_ports];
    distribute(first_->total(lengths.first(own)), lengths.subspan(own), second);
    return second_->total({second, second_->inputs().size()});
  }

  std::unique_ptr<KernelState> make_state() const override { return first_->make_state(); }
  Index scratch_bytes() const override { return first_->scratch_bytes(); }

  void compute(const Work& work) const noexcept override {
    const std::size_t own = first_->inputs().size();
    const Work first{work.in.first(own),     work.n,      work.count, work.out, work.state,
                     work.length.first(own), work.scratch};
    if (finishing_)
      return finishing_->compute_finished(first, 1, {rule_->adds ? work.in[own] : nullptr, rule_->slope});
    first_->compute(first);
    const float* in[max_ports];
    Index length[max_ports];
    distribute(static_cast<const float*>(work.out), work.in.subspan(own), in);
    distribute(Work::unknown, work.length.subspan(own), length);
    const std::size_t ports = second_->inputs().size();
    second_->compute({{in, ports}, work.n, work.count, work.out, nullptr, {length, ports}, nullptr});
  }

  Index parameters() const override { return first_->parameters() + second_->parameters(); }
  double macs_per_frame() const override { return first_->macs_per_frame() + second_->macs_per_frame(); }

 private:
  static std::vector<Port> ports_of(const Kernel& first, const Kernel& second, std::size_t port) {
    std::vector<Port> ports = first.inputs();
    for (std::size_t p = 0; p < second.inputs().size(); ++p)
      if (p != port) ports.push_back(second.inputs()[p]);
    return ports;
  }

  /// Puts what belongs to `port` and what belongs to the other inputs of the second kernel in their order.
  template <class T>
  void distribute(T own, std::span<const T> others, T* to) const noexcept {
    std::copy_n(others.begin(), port_, to);
    to[port_] = own;
    std::copy(others.begin() + static_cast<std::ptrdiff_t>(port_), others.end(), to + port_ + 1);
  }

  std::shared_ptr<const Kernel> first_, second_;
  std::size_t port_;
  std::optional<FinishRule> rule_;
  const Finishing* finishing_ = nullptr;  ///< the first kernel, where it does what the second is for
};

/// A kernel that makes a slope of its inputs.
class Sloped final : public Kernel, public Finishing {
 public:
  Sloped(const Kernel& slope, std::shared_ptr<const Kernel> kernel, float value)
      : Kernel(message(slope.name(), ", ", kernel->name()), kernel->inputs(), kernel->out_channels()),
        kernel_(std::move(kernel)),
        finishing_(dynamic_cast<const Finishing&>(*kernel_)),
        slope_(value) {}

  Index total(std::span<const Index> lengths) const override { return kernel_->total(lengths); }
  std::unique_ptr<KernelState> make_state() const override { return kernel_->make_state(); }
  Index scratch_bytes() const override { return kernel_->scratch_bytes(); }

  void compute(const Work& work) const noexcept override { compute_finished(work, 1, {}); }
  void compute_finished(const Work& work, float /*slope*/,
                        const kernels::Finish& finish) const noexcept override {
    finishing_.compute_finished(work, slope_, finish);
  }

  Index parameters() const override { return kernel_->parameters(); }
  double macs_per_frame() const override { return kernel_->macs_per_frame(); }

 private:
  std::shared_ptr<const Kernel> kernel_;
  const Finishing& finishing_;
  float slope_;
};

/// The slope that a kernel is, where frames beyond the ends, which `reader` has it made of, too, stay as they
/// are: zero.
std::optional<float> slope_of(const Kernel& kernel, const Port& reader) {
  const auto rule = rule_of(kernel);
  if (!rule || rule->adds || rule->slope < 0 || !std::isfinite(rule->slope)) return std::nullopt;
  if (reader.padding.mode == PadMode::constant && reader.padding.value != 0) return std::nullopt;
  return rule->slope;
}

/// The graph with what can be joined joined; nullptr where nothing can.
std::shared_ptr<const Graph> joined(const Graph* graph) {
  const auto& values = graph->values();
  std::vector<Graph::Node> nodes = graph->nodes;
  bool any = false;
  // The node that makes what a port reads, if nothing else needs it and a node can go on in its place.
  const auto maker = [&](int v) -> int {
    const int k = v - graph->inputs();
    const bool alone = values[static_cast<std::size_t>(v)].readers.size() == 1 &&
                       std::find(graph->outputs.begin(), graph->outputs.end(), v) == graph->outputs.end();
    return k >= 0 && alone && !graph->whole(k) ? k : -1;
  };
  // What makes a slope of values that others read too, which their maker can't do in place.
  for (std::size_t k = 0; k < nodes.size(); ++k) {
    const auto* finishing = dynamic_cast<const Finishing*>(nodes[k].kernel.get());
    if (!finishing || !finishing->slopes_inputs() || nodes[k].inputs.size() != 1) continue;
    const int m = maker(nodes[k].inputs[0]);
    if (m < 0) continue;
    Graph::Node& before = nodes[static_cast<std::size_t>(m)];
    const auto slope = slope_of(*before.kernel, nodes[k].kernel->inputs()[0]);
    if (!slope || maker(before.inputs[0]) >= 0) continue;
    nodes[k] = {std::make_shared<Sloped>(*before.kernel, nodes[k].kernel, *slope), before.inputs};
    before = {};
    any = true;
  }
  for (std::size_t k = 0; k < nodes.size(); ++k) {
    const Kernel* second = nodes[k].kernel.get();
    if (!second || !second->in_place() || second->scratch_bytes() > 0) continue;
    for (std::size_t p = nodes[k].inputs.size(); p-- > 0;) {
      const int m = maker(graph->nodes[k].inputs[p]);
      if (m < 0) continue;
      const Graph::Node& first = nodes[static_cast<std::size_t>(m)];
      std::vector<int> inputs = first.inputs;
      for (std::size_t q = 0; q < nodes[k].inputs.size(); ++q)
        if (q != p) inputs.push_back(nodes[k].inputs[q]);
      if (inputs.size() > max_ports) continue;
      nodes[k] = {std::make_shared<Fused>(first.kernel, nodes[k].kernel, p), std::move(inputs)};
      nodes[static_cast<std::size_t>(m)] = {};
      any = true;
      break;
    }
  }
  return any ? replaced(*graph, nodes) : nullptr;
}

}  // namespace

std::shared_ptr<const Graph> fused(const std::shared_ptr<const Graph>& graph) {
  std::call_once(graph->fusion_.once, [&] { graph->fusion_.graph = joined(graph.get()); });
  return graph->fusion_.graph ? graph->fusion_.graph : graph;
}

}  // namespace wavestride::detail
