// Stack: operators in sequence and in branches, itself an Op: it streams depth-first with one latency.
#pragma once

#include <wavestride/join.h>
#include <wavestride/op.h>

#include <initializer_list>

namespace WAVESTRIDE_API wavestride {

/// Builds a graph value by value:
///
///     StackBuilder b("residual block");
///     auto x = b.input(64);
///     auto h = b.apply(op::conv1d(w, bias, {.padding = 1}), {x});
///     Stack block = b.build({b.apply(op::add(64), {h, x})});
///
/// apply() throws std::invalid_argument when channels disagree, build() when rates or lengths of joined
/// values do.
class StackBuilder {
 public:
  /// A signal inside the stack under construction.
  class Value {
    friend class StackBuilder;
    int id = -1;
  };

  explicit StackBuilder(std::string name = "stack");

  Value input(Index channels);
  /// The output of an Op of one output. Stacks may be applied like any other Op.
  Value apply(const Op& op, std::span<const Value> inputs);
  Value apply(const Op& op, std::initializer_list<Value> inputs);
  /// All outputs of an Op.
  std::vector<Value> apply_all(const Op& op, std::span<const Value> inputs);
  /// Ops after one another, each of one input and one output.
  Value chain(Value x, std::span<const Op> ops);

  Index channels(Value v) const;

  Op build(std::span<const Value> outputs) const;
  Op build(std::initializer_list<Value> outputs) const;

 private:
  struct Node {
    std::shared_ptr<const Kernel> kernel;
    std::vector<int> inputs;
  };
  int require_value(Value v) const;

  std::string name_;
  std::vector<Index> channels_;  // of every value, in order of creation
  std::vector<int> node_of_;     // node that makes the value, −1 for an input
  std::vector<Node> nodes_;
};

/// Operators in sequence; the output of each is the input of the next.
class Stack : public Op {
 public:
  Stack(std::initializer_list<Op> ops, std::string name = "stack");
  explicit Stack(std::span<const Op> ops, std::string name = "stack");
  explicit Stack(Op built) : Op(std::move(built)) {}
};

/// x + op(x).
Stack residual(const Op& op);

/// join(op_0(x), op_1(x), …): all branches read the same input.
Stack branches(std::span<const Op> ops, const Op& join);
Stack branches(std::initializer_list<Op> ops, const Op& join);

}  // namespace wavestride
