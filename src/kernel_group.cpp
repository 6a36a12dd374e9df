#include "kernel_group.h"

#include <algorithm>

#include "check.h"
#include "graph_runner.h"

namespace wavestride::detail {
namespace {

/// Whether a kernel makes frame for frame, of each input as many frames later.
bool keeps_step(const Kernel& kernel) {
  return !kernel.whole_signal_reason() &&
         std::all_of(kernel.inputs().begin(), kernel.inputs().end(), [](const Port& port) {
           constexpr Index far = 1 << 30;
           const Geometry& g = port.geometry;
           return g.window.num == 1 && g.window.den == 1 && g.length.mul == 1 && g.length.div == 1 &&
                  !g.starts_inside && port.padding.mode == PadMode::constant && g.available(far) <= far;
         });
}

/// Kernels that keep step, with one output.
class KernelGroup final : public Kernel {
 public:
  KernelGroup(std::shared_ptr<const Graph> graph, Index block_frames)
      : Kernel(graph->name, ports_of(*graph), graph->values().back().channels),
        graph_(std::move(graph)),
        block_frames_(block_frames) {
    for (const Graph::Node& node : graph_->nodes) {
      parameters_ = std::max(parameters_, node.kernel->parameters());
      macs_ += node.kernel->macs_per_frame();
      scratch_ = std::max(scratch_, node.kernel->scratch_bytes());
    }
  }

  Index total(std::span<const Index> lengths) const override {
    Index values[max_nodes + max_ports];  // streams ask while they run
    graph_->totals(lengths, {values, graph_->values().size()});
    return values[graph_->values().size() - 1];
  }

  std::unique_ptr<KernelState> make_state() const override {
    return std::make_unique<State>(graph_, block_frames_);
  }
  Index scratch_bytes() const override { return scratch_; }
  /// What must be read at once for a block.
  Index parameters() const override { return parameters_; }
  double macs_per_frame() const override { return macs_; }

  void compute(const Work& work) const noexcept override {
    GraphRunner::Lent in[max_ports];
    for (std::size_t p = 0; p < inputs().size(); ++p) {
      const Window& w = inputs()[p].geometry.window;
      const Index end = w.last(work.n + work.count - 1) + 1, last = std::min(end, work.length[p]);
      in[p] = {work.in[p], std::clamp<Index>(w.first(work.n), 0, last), last, end >= work.length[p]};
    }
    static_cast<State&>(*work.state)
        .runner.process_group({in, inputs().size()}, {work.out, out_channels(), work.count}, work.scratch);
  }

  static constexpr std::size_t max_nodes = 256 - max_ports;

  struct State final : KernelState {
    State(const std::shared_ptr<const Graph>& graph, Index block_frames)
        : runner(graph, {.block_frames = block_frames}, {}, GraphRunner::Use::group) {}
    void reset() noexcept override { runner.reset(); }
    Index bytes() const noexcept override { return runner.state_bytes(); }
    GraphRunner runner;
  };

 private:
  // Windows from the first frame that any kernel reads for an output frame on, and as far ahead as it takes
  // until all of them have made what they must for it. All of them begin with their frame 0, also where no
  // output needs it.
  static std::vector<Port> ports_of(const Graph& graph) {
    constexpr Index far = 1 << 30;
    const auto inputs = static_cast<std::size_t>(graph.inputs());
    const std::vector<FrameRange> reads = graph.reads(0, far);
    std::vector<Index> lengths(inputs), values(graph.values().size());
    std::vector<Port> ports;
    for (std::size_t i = 0; i < inputs; ++i) {
      std::fill(lengths.begin(), lengths.end(), 2 * far);
      lengths[i] = far;
      graph.availables(lengths, values);
      const Index ahead = far - values.back();
      graph.totals(lengths, values);
      ports.push_back(
          {graph.values()[i].channels,
           {{1, 1, std::min<Index>(reads[i].first - far, 0), ahead}, {1, values.back() - far, 1, 0}, false},
           {}});
    }
    return ports;
  }

  std::shared_ptr<const Graph> graph_;
  Index block_frames_, parameters_ = 0, scratch_ = 0;
  double macs_ = 0;
};

struct Group {
  double of_signal = 0, of_block = 0;  // work for a frame of input 0, for a block
  std::size_t ports = 0;
  bool open = true;
  std::vector<int> members;  // the last node first
};

/// The longest way to each value from an input, in nodes.
std::vector<int> depths_of(const Graph& graph) {
  std::vector<int> depth(graph.values().size(), 0);
  for (int k = 0; k < static_cast<int>(graph.nodes.size()); ++k)
    for (const int v : graph.nodes[static_cast<std::size_t>(k)].inputs) {
      int& own = depth[static_cast<std::size_t>(graph.value_of(k))];
      own = std::max(own, depth[static_cast<std::size_t>(v)] + 1);
    }
  return depth;
}

/// Chains of nodes, each of which alone reads what the one before it makes, but for later ones of its chain;
/// by the last node of each. A chain must not wait longer for its inputs than its first node alone does.
std::vector<Group> groups_of(const Graph& graph, std::span<const Index> blocks, Index threads) {
  constexpr double most_of_block = 16e6, too_little = 1.0 / 16;
  const auto& values = graph.values();
  std::vector<Group> groups;
  double total = 0;
  for (int k = 0; k < static_cast<int>(graph.nodes.size()); ++k) {
    const Kernel& kernel = *graph.nodes[static_cast<std::size_t>(k)].kernel;
    const auto v = static_cast<std::size_t>(graph.value_of(k));
    const Ratio rate = values[v].rate.value();
    const double work = work_of(kernel);
    groups.push_back({work * static_cast<double>(rate.num) / static_cast<double>(rate.den),
                      work * static_cast<double>(blocks[v]),
                      kernel.inputs().size(),
                      keeps_step(kernel),
                      {k}});
    total += groups.back().of_signal;
  }
  const double most_of_signal = total / (2 * static_cast<double>(threads));
  const auto fits = [&](const Group& to, const Group& one) {
    const bool worth_it =
        one.of_block <= too_little * to.of_block ||
        (to.of_signal + one.of_signal <= most_of_signal && to.of_block + one.of_block <= most_of_block);
    return worth_it && to.members.size() < KernelGroup::max_nodes && to.ports + one.ports <= max_ports;
  };

  const std::vector<int> depth = depths_of(graph);
  const auto waits_no_longer = [&](const Group& to, int k) {
    const int own = depth[static_cast<std::size_t>(graph.value_of(k))];
    const auto early = [&](int v) {
      const int maker = v - graph.inputs();
      return depth[static_cast<std::size_t>(v)] < own || maker == k ||
             std::find(to.members.begin(), to.members.end(), maker) != to.members.end();
    };
    return std::all_of(to.members.begin(), to.members.end(), [&](int m) {
      const auto& reads = graph.nodes[static_cast<std::size_t>(m)].inputs;
      return std::all_of(reads.begin(), reads.end(), early);
    });
  };

  std::vector<int> last(groups.size());
  for (int k = static_cast<int>(groups.size()); k-- > 0;) {
    last[static_cast<std::size_t>(k)] = k;
    Group& one = groups[static_cast<std::size_t>(k)];
    const int v = graph.value_of(k);
    const auto& readers = values[static_cast<std::size_t>(v)].readers;
    if (!one.open || readers.empty() ||
        std::find(graph.outputs.begin(), graph.outputs.end(), v) != graph.outputs.end())
      continue;
    const int g = last[static_cast<std::size_t>(readers[0].node)];
    Group& to = groups[static_cast<std::size_t>(g)];
    const bool alone = std::all_of(readers.begin(), readers.end(), [&](const Graph::Reader& r) {
      return last[static_cast<std::size_t>(r.node)] == g;
    });
    if (!alone || readers[0].node != to.members.back() || !to.open) continue;
    to.open = fits(to, one) && waits_no_longer(to, k);
    if (!to.open) continue;
    to.of_signal += one.of_signal;
    to.of_block += one.of_block;
    to.ports += one.ports;
    to.members.push_back(k);
    one.members.clear();
    last[static_cast<std::size_t>(k)] = g;
  }
  return groups;
}

/// One node for all members, the last of which makes its output; its inputs are values of the graph.
Graph::Node joined(const Graph& graph, const std::vector<int>& members, Index block_frames) {
  const auto node = [&](int k) -> const Graph::Node& { return graph.nodes[static_cast<std::size_t>(k)]; };
  if (members.size() == 1) return node(members[0]);
  const auto position = [](const std::vector<int>& in, int what) {
    return static_cast<int>(std::find(in.begin(), in.end(), what) - in.begin());
  };
  const auto count = static_cast<int>(members.size());
  std::vector<int> outside;  // values that the members read but do not make
  std::vector<Index> channels;
  for (const int k : members)
    for (const int v : node(k).inputs) {
      if (position(members, v - graph.inputs()) < count ||
          std::find(outside.begin(), outside.end(), v) != outside.end())
        continue;
      outside.push_back(v);
      channels.push_back(graph.values()[static_cast<std::size_t>(v)].channels);
    }
  const auto inputs = static_cast<int>(outside.size());
  std::vector<Graph::Node> own;
  for (const int k : members) {
    own.push_back(node(k));
    for (int& v : own.back().inputs) {
      const int member = position(members, v - graph.inputs());
      v = member < count ? inputs + member : position(outside, v);
    }
  }
  auto group = std::make_shared<const Graph>(
      message(count, " kernels to ", node(members.back()).kernel->name()), std::move(channels),
      std::move(own), std::vector<int>{inputs + count - 1}, true);
  return {std::make_shared<KernelGroup>(std::move(group), block_frames), std::move(outside)};
}

}  // namespace

double work_of(const Kernel& kernel) {
  Index channels = kernel.out_channels();
  for (const Port& port : kernel.inputs()) channels += port.channels;
  return kernel.macs_per_frame() + 2 * static_cast<double>(channels);
}

std::shared_ptr<const Graph> grouped(const std::shared_ptr<const Graph>& graph, std::span<const Index> blocks,
                                     const StreamOptions& options, Index threads) {
  if (graph->whole_signal_reason()) return graph;
  std::vector<Graph::Node> nodes(graph->nodes.size());  // of each group at the place of its last
  bool any = false;
  for (Group& group : groups_of(*graph, blocks, threads)) {
    if (group.members.empty()) continue;
    any = any || group.members.size() > 1;
    std::reverse(group.members.begin(), group.members.end());
    nodes[static_cast<std::size_t>(group.members.back())] =
        joined(*graph, group.members, options.block_frames);
  }
  return any ? replaced(*graph, nodes) : graph;
}

bool is_group(const Kernel& kernel) {
  return dynamic_cast<const KernelGroup*>(&kernel) != nullptr;
}

GraphRunner& runner_of_group(KernelState& state) {
  return static_cast<KernelGroup::State&>(state).runner;
}

}  // namespace wavestride::detail
