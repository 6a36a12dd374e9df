// A graph of kernels: what an Op is inside. Values 0 … inputs−1 are the graph's inputs, value inputs+k is the
// output of node k; nodes stand in topological order. Everything here is derived once, when the graph is
// made.
#pragma once

#include <wavestride/op.h>

#include <mutex>

namespace wavestride::detail {

/// The most inputs that one kernel may have, and the most inputs and outputs of a graph.
inline constexpr std::size_t max_ports = 64;

class [[gnu::visibility("hidden")]] Graph {
 public:
  struct Node {
    std::shared_ptr<const Kernel> kernel;
    std::vector<int> inputs;  // value of each port
  };

  /// A port that reads a value.
  struct Reader {
    int node = 0, port = 0;
  };

  /// What a stream must reserve for the frames of a value.
  struct Value {
    Index channels = 0;
    std::vector<Reader> readers;
    /// Frames per frame of input 0; nullopt behind a kernel that needs the whole signal.
    std::optional<Ratio> rate;
    /// Frames that may have to be held at once. A queue of this size never stalls the graph (see
    /// GraphRunner).
    Index held = 0;
  };

  /// Throws std::invalid_argument where channels, rates or lengths of joined values disagree, or where a
  /// value is computed that no output needs. Lengths are `known` to agree where kernels of such a graph were
  /// joined.
  Graph(std::string name, std::vector<Index> input_channels, std::vector<Node> nodes,
        std::vector<int> outputs, bool known = false);

  const std::string name;
  const std::vector<Node> nodes;
  const std::vector<int> outputs;
  const std::optional<std::string>& whole_signal_reason() const {
    return whole_signal_reason_;
  }
  /// Whether a node needs its whole input before it can make a frame.
  bool whole(int node) const {
    return whole_[static_cast<std::size_t>(node)] != 0;
  }
  int inputs() const {
    return inputs_;
  }
  const std::vector<Value>& values() const {
    return values_;
  }
  int value_of(int node) const {
    return inputs_ + node;
  }

  /// The lengths of all values when the inputs have the given lengths, or `received` frames so far.
  void totals(std::span<const Index> input_lengths, std::span<Index> values) const noexcept;
  void availables(std::span<const Index> received, std::span<Index> values) const noexcept;

  /// The frames of every value that frame n of an output depends on.
  std::vector<FrameRange> reads(int output, Index n) const;

  /// After so many frames of a value all others repeat which of their frames they read; most_period at most.
  Index period(int value) const;
  static constexpr Index most_period = Index{1} << 40;

  /// The most floats that readers still need when what can be made of the inputs so far has been made.
  Index carried_floats() const;

  /// Lengths of all inputs that last as long as T frames of input 0.
  std::vector<Index> matching_lengths(Index T) const;

 private:
  void connect(const std::vector<Index>& input_channels);
  void derive_rates();
  void derive_held();
  void check_lengths() const;

  friend std::shared_ptr<const Graph> fused(const std::shared_ptr<const Graph>& graph);
  /// What fused() made of this graph, once somebody asked; nullptr where that is the graph itself.
  struct Fusion {
    std::once_flag once;
    std::shared_ptr<const Graph> graph;
  };

  int inputs_;
  mutable Fusion fusion_;
  std::vector<Value> values_;
  std::vector<char> whole_;
  std::optional<std::string> whole_signal_reason_;
};

/// A frame further from the start than most windows reach.
inline constexpr Index far_off = Index{1} << 20;

/// The last number of those from `first` to `limit` of which value(n), which never falls as n grows, is the
/// same as of `first`.
template <class Value>
Index last_of_run(Index first, Index limit, Value&& value) {
  const auto same = [&, here = value(first)](Index n) { return n <= limit && value(n) == here; };
  Index step = 1;
  while (same(first + step)) step *= 2;
  Index last = first + step / 2, beyond = first + step;
  while (last + 1 < beyond) {
    const Index middle = last + (beyond - last) / 2;
    (same(middle) ? last : beyond) = middle;
  }
  return last;
}

/// Calls f(first, last) for the runs of numbers of which value(n) is the same: those from `begin` on in one
/// period, or the first 32,768 where there are more.
template <class Value, class F>
void for_each_run(Index begin, Index period, Value&& value, F&& f) {
  constexpr Index most_runs = 1 << 15;
  Index first = begin;
  for (Index runs = 0; first < begin + period && runs < most_runs; ++runs) {
    const Index last = last_of_run(first, begin + period - 1, value);
    f(first, last);
    first = last + 1;
  }
}

/// The graph with other nodes in place of its own, which give the same frames; those without a kernel are
/// gone, and nothing reads what they made.
std::shared_ptr<const Graph> replaced(const Graph& graph, const std::vector<Graph::Node>& nodes);

/// Output frames that `received` frames of an unfinished input allow: Geometry::available, and nothing before
/// the frames have arrived that a reflection at the start needs.
Index port_available(const Port& port, Index received) noexcept;

/// The first frame that a port still needs when `out_made` frames have been made of the `received` so far;
/// `reach` is its right_reach() where it pads by reflection.
Index port_needs(const Port& port, Index out_made, Index received, Index reach) noexcept;

/// A bound on how many virtual frames past the end a port's last window can reach.
Index right_reach(const Port& port);

/// Ratio of products, reduced.
Ratio operator*(Ratio a, Ratio b);
inline Ratio inverse(Ratio r) {
  return {r.den, r.num};
}

}  // namespace wavestride::detail
