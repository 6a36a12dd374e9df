#include <wavestride/stack.h>

#include "check.h"
#include "graph.h"

namespace wavestride {

StackBuilder::StackBuilder(std::string name) : name_(std::move(name)) {}

int StackBuilder::require_value(Value v) const {
  require(v.id >= 0 && v.id < static_cast<int>(channels_.size()), name_, ": this value is not of this stack");
  return v.id;
}

StackBuilder::Value StackBuilder::input(Index channels) {
  require(channels > 0, name_, ": an input must have at least one channel, got ", channels);
  Value v;
  v.id = static_cast<int>(channels_.size());
  channels_.push_back(channels);
  node_of_.push_back(-1);
  return v;
}

std::vector<StackBuilder::Value> StackBuilder::apply_all(const Op& op, std::span<const Value> inputs) {
  const detail::Graph& g = *op.graph();
  require(static_cast<Index>(inputs.size()) == op.inputs(), name_, ": ", op.name(), " has ", op.inputs(),
          " inputs, got ", inputs.size());
  std::vector<int> ids;  // of g's values, here
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const int id = require_value(inputs[i]);
    require(channels_[static_cast<std::size_t>(id)] == op.in_channels(static_cast<Index>(i)), name_, ": ",
            op.name(), " expects ", op.in_channels(static_cast<Index>(i)), " channels at input ", i, ", got ",
            channels_[static_cast<std::size_t>(id)]);
    ids.push_back(id);
  }
  for (const auto& node : g.nodes) {
    Node copy{node.kernel, {}};
    for (const int v : node.inputs) copy.inputs.push_back(ids[static_cast<std::size_t>(v)]);
    ids.push_back(static_cast<int>(channels_.size()));
    channels_.push_back(node.kernel->out_channels());
    node_of_.push_back(static_cast<int>(nodes_.size()));
    nodes_.push_back(std::move(copy));
  }
  std::vector<Value> results;
  for (const int v : g.outputs) {
    Value r;
    r.id = ids[static_cast<std::size_t>(v)];
    results.push_back(r);
  }
  return results;
}

StackBuilder::Value StackBuilder::apply(const Op& op, std::span<const Value> inputs) {
  require(op.outputs() == 1, name_, ": ", op.name(), " has ", op.outputs(), " outputs; use apply_all");
  return apply_all(op, inputs).front();
}

StackBuilder::Value StackBuilder::apply(const Op& op, std::initializer_list<Value> inputs) {
  return apply(op, std::span<const Value>(inputs.begin(), inputs.size()));
}

StackBuilder::Value StackBuilder::chain(Value x, std::span<const Op> ops) {
  for (const Op& op : ops) x = apply(op, {x});
  return x;
}

Index StackBuilder::channels(Value v) const {
  return channels_[static_cast<std::size_t>(require_value(v))];
}

Op StackBuilder::build(std::span<const Value> outputs) const {
  // The graph numbers its inputs first, then its nodes, both in order of creation; values that no output
  // needs (of a multi-output Op, say) are left out with the nodes behind them.
  std::vector<bool> needed(channels_.size(), false);
  for (const Value& v : outputs) needed[static_cast<std::size_t>(require_value(v))] = true;
  for (std::size_t v = channels_.size(); v-- > 0;)
    if (needed[v] && node_of_[v] >= 0)
      for (const int in : nodes_[static_cast<std::size_t>(node_of_[v])].inputs)
        needed[static_cast<std::size_t>(in)] = true;

  std::vector<int> ids(channels_.size(), -1);
  std::vector<Index> input_channels;
  for (std::size_t v = 0; v < channels_.size(); ++v)
    if (node_of_[v] < 0) {
      ids[v] = static_cast<int>(input_channels.size());
      input_channels.push_back(channels_[v]);
    }
  std::vector<detail::Graph::Node> nodes;
  for (std::size_t v = 0; v < channels_.size(); ++v) {
    if (node_of_[v] < 0 || !needed[v]) continue;
    const Node& node = nodes_[static_cast<std::size_t>(node_of_[v])];
    detail::Graph::Node copy{node.kernel, {}};
    for (const int in : node.inputs) copy.inputs.push_back(ids[static_cast<std::size_t>(in)]);
    ids[v] = static_cast<int>(input_channels.size() + nodes.size());
    nodes.push_back(std::move(copy));
  }
  std::vector<int> graph_outputs;
  for (const Value& v : outputs) graph_outputs.push_back(ids[static_cast<std::size_t>(v.id)]);
  return Op(std::make_shared<const detail::Graph>(name_, std::move(input_channels), std::move(nodes),
                                                  std::move(graph_outputs)));
}

Op StackBuilder::build(std::initializer_list<Value> outputs) const {
  return build(std::span<const Value>(outputs.begin(), outputs.size()));
}

namespace {

Op sequence(std::span<const Op> ops, std::string name) {
  require(!ops.empty(), name, ": needs at least one operator");
  StackBuilder b(std::move(name));
  const auto x = b.input(ops.front().in_channels());
  return b.build({b.chain(x, ops)});
}

}  // namespace

Stack::Stack(std::span<const Op> ops, std::string name) : Op(sequence(ops, std::move(name))) {}
Stack::Stack(std::initializer_list<Op> ops, std::string name)
    : Stack(std::span<const Op>(ops.begin(), ops.size()), std::move(name)) {}

Stack residual(const Op& op) {
  StackBuilder b("residual(" + op.name() + ")");
  const auto x = b.input(op.in_channels());
  const auto h = b.apply(op, {x});
  return Stack(b.build({b.apply(op::add(b.channels(x)), {h, x})}));
}

Stack branches(std::span<const Op> ops, const Op& join) {
  require(!ops.empty(), "branches: needs at least one operator");
  StackBuilder b("branches");
  const auto x = b.input(ops.front().in_channels());
  std::vector<StackBuilder::Value> results;
  for (const Op& op : ops) results.push_back(b.apply(op, {x}));
  return Stack(b.build({b.apply(join, results)}));
}

Stack branches(std::initializer_list<Op> ops, const Op& join) {
  return branches(std::span<const Op>(ops.begin(), ops.size()), join);
}

}  // namespace wavestride
