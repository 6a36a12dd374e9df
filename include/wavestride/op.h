// Op: an operator or a whole graph of them, ready to use. Immutable and cheap to copy; any number of streams
// and threads share one. Calling it on a whole signal is one push and one finish of a stream.
#pragma once

#include <wavestride/kernel.h>

#include <stdexcept>

namespace WAVESTRIDE_API wavestride {

class Stream;
struct StreamOptions;

namespace detail {
class Graph;
}

/// Thrown by Op::stream() where an output frame depends on the whole signal; what() says on what.
class NotStreamable : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

/// First and last input frame.
struct FrameRange {
  Index first = 0, last = -1;
};

/// An operator or a graph of them; see the head of this file. Numbers of inputs and outputs that it does not
/// have throw std::invalid_argument.
class Op {
 public:
  /// An Op of one kernel. Throws std::invalid_argument when the kernel contradicts itself.
  explicit Op(std::shared_ptr<const Kernel> kernel);
  explicit Op(std::shared_ptr<const detail::Graph> graph);

  /// Name of the kernel, or of the stack.
  const std::string& name() const;
  Index inputs() const;
  Index outputs() const;
  Index in_channels(Index input = 0) const;
  Index out_channels(Index output = 0) const;

  /// Output frames of a whole signal of T frames (of inputs that last equally long, for several).
  Index total(Index T) const;
  Index total(std::span<const Index> lengths, Index output = 0) const;
  /// Output frames that exist after `received` input frames, while more may come.
  Index available(Index received) const;
  /// The input frames that output frame n depends on; virtual frames (before 0, past the end) count too.
  FrameRange reads(Index n, Index output = 0, Index input = 0) const;

  /// Input frames per output frame.
  Ratio rate(Index output = 0, Index input = 0) const;
  /// Input frames that must come after the one at an output frame's own position before that frame comes out,
  /// at worst: what its window reads, what must be known to be no end that a crop removes, and at the start
  /// what is reflected. Here and below: of output 0 and input 0, while frames of other inputs are there.
  Index lookahead_frames() const;
  /// How far the output lags, at worst, in output frames: what has come in, at the output's rate, minus what
  /// has come out, right before a frame comes out.
  Index latency_frames() const;
  /// The largest number of input frames that one output frame depends on.
  Index receptive_field() const;
  /// Bytes of frames that a stream must carry from one push to the next, at worst: the history of windows,
  /// and what waits for branches that lag. Stream::state_bytes() has its working memory on top.
  Index carried_bytes() const;
  Index parameters() const;
  /// Multiply-adds per frame of the first output.
  double macs_per_frame() const;

  /// Why this can't be streamed exactly; nullopt when it can.
  std::optional<std::string> whole_signal_reason() const;
  bool streamable() const { return !whole_signal_reason(); }

  /// A stream over this operator, all memory allocated. Throws NotStreamable with the reason where there is
  /// none.
  Stream stream() const;
  Stream stream(const StreamOptions& options) const;

  /// The whole-signal result, channels × total(x.frames()). Throws std::invalid_argument when x has other
  /// than in_channels() channels.
  Signal operator()(FramesView x) const;
  Signal operator()(FramesView x, const StreamOptions& options) const;
  /// Several inputs, several outputs.
  std::vector<Signal> operator()(std::span<const FramesView> inputs) const;
  std::vector<Signal> operator()(std::span<const FramesView> inputs, const StreamOptions& options) const;

  const std::shared_ptr<const detail::Graph>& graph() const { return graph_; }

 private:
  std::shared_ptr<const detail::Graph> graph_;
};

}  // namespace wavestride
