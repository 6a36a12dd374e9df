#include <wavestride/stream.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "check.h"
#include "graph.h"

namespace wavestride {
namespace detail {
namespace {

/// Makes the virtual frame v of a signal of T frames (T = Work::unknown while it runs), of which `frame(i)`
/// is frame i.
template <class FrameAt>
void make_virtual_frame(const Padding& padding, Index v, Index T, Index channels, FrameAt&& frame,
                        float* out) {
  Index source = 0;
  switch (padding.mode) {
    case PadMode::constant:
      std::fill_n(out, channels, padding.value);
      return;
    case PadMode::replicate:
      source = v < 0 ? 0 : T - 1;
      break;
    case PadMode::reflect:
      if (T == 1) break;
      if (T == Work::unknown) {
        source = -v;
      } else {
        const Index period = 2 * (T - 1);
        const Index r = ((v % period) + period) % period;
        source = r < T ? r : period - r;
      }
      break;
  }
  std::memcpy(out, frame(source), static_cast<std::size_t>(channels) * sizeof(float));
}

/// The frames of one value that some reader may still need, contiguous in memory. Memory that holds no frame
/// is NaN until it is first written, so that a kernel that reads outside its window shows.
class Queue {
 public:
  /// `limit` frames at once and `slack` more of memory, but no more than the `total` frames that ever come.
  void allocate(Index channels, Index limit, Index slack, Index total) {
    channels_ = channels;
    limit_ = std::min(limit, total);
    memory_.assign(static_cast<std::size_t>(channels * std::min(limit + slack, total)), std::nanf(""));
  }

  void reset() noexcept {
    begin_ = end_ = offset_ = 0;
    std::fill(memory_.begin(), memory_.end(), std::nanf(""));
  }

  Index begin() const { return begin_; }
  Index end() const { return end_; }
  Index room() const { return limit_ - (end_ - begin_); }
  Index bytes() const { return static_cast<Index>(memory_.size() * sizeof(float)); }

  const float* frame(Index n) const { return memory_.data() + (offset_ + n - begin_) * channels_; }

  /// Room for `count` more frames at the end, with room() ≥ count.
  float* prepare(Index count) noexcept {
    const Index size = end_ - begin_;
    if ((offset_ + size + count) * channels_ > static_cast<Index>(memory_.size())) {
      std::memmove(memory_.data(), memory_.data() + offset_ * channels_,
                   static_cast<std::size_t>(size * channels_) * sizeof(float));
      offset_ = 0;
    }
    return memory_.data() + (offset_ + size) * channels_;
  }

  void commit(Index count) noexcept { end_ += count; }

  /// Makes room for `count` frames; allocates when there is too little.
  void grow(Index count) {
    if (room() >= count) return;
    limit_ = std::max(end_ - begin_ + count, 2 * limit_);
    memory_.resize(static_cast<std::size_t>(channels_ * 2 * limit_), std::nanf(""));
  }

  void drop_before(Index n) noexcept {
    const Index to = std::min(std::max(n, begin_), end_);
    offset_ += to - begin_;
    begin_ = to;
    if (begin_ == end_) offset_ = 0;
  }

 private:
  std::vector<float> memory_;
  Index channels_ = 0, limit_ = 0;
  Index begin_ = 0, end_ = 0, offset_ = 0;
};

}  // namespace

// Runs a graph depth-first: input is taken block by block, and each block is driven through all kernels
// before the next, so that what lies between two kernels stays in the cache.
//
// Queues are bounded and never stall. Let a(R) be the frames that a value has when R input frames have
// arrived one by one and every kernel has run at once, and l(R) the first of them that a reader still needs.
// A queue holds at least max over R of a(R) − l(R−1) frames (Graph::Value::held). Suppose that nothing can
// run although frames could be made of what has arrived. Of all such frames take those that could be made
// earliest in R, and of these the one of the first kernel in topological order: all its inputs exist, and
// every reader of its value has done what it could do at R−1, so that its queue is not full: it can be made
// after all. Where inputs do not keep step, or a kernel needs its whole input, queues do fill up, and grow.
class GraphRunner {
 public:
  /// `lengths` of the inputs bound the memory; they are empty where nobody knows them.
  GraphRunner(std::shared_ptr<const Graph> graph, const StreamOptions& options,
              std::span<const Index> lengths = {})
      : graph_(std::move(graph)) {
    const Graph& g = *graph_;
    values_.resize(g.values().size());
    std::vector<Index> totals(values_.size(), Work::unknown);
    if (!lengths.empty()) g.totals(lengths, totals);
    for (std::size_t v = 0; v < values_.size(); ++v) {
      const Graph::Value& info = g.values()[v];
      const auto outputs = std::count(g.outputs.begin(), g.outputs.end(), static_cast<int>(v));
      values_[v].direct = info.readers.empty() && outputs == 1 && v >= static_cast<std::size_t>(g.inputs());
      values_[v].block = block_frames(info.channels, options);
      if (values_[v].direct) continue;
      values_[v].queue.allocate(info.channels, info.held + values_[v].block,
                                std::max(info.held, values_[v].block), totals[v]);
    }
    nodes_.resize(g.nodes.size());
    for (std::size_t k = 0; k < nodes_.size(); ++k) {
      const Kernel& kernel = *g.nodes[k].kernel;
      Node& node = nodes_[k];
      node.state = kernel.make_state();
      const std::size_t ports = kernel.inputs().size();
      node.in.resize(ports);
      node.length.resize(ports);
      node.edge.resize(ports);
      node.reach.resize(ports);
      if (g.whole(static_cast<int>(k)) ||
          totals[static_cast<std::size_t>(g.value_of(static_cast<int>(k)))] == 0)
        continue;
      for (const Port& port : kernel.inputs())  // a group of windows that do not overlap saves nothing
        if (port.geometry.window.num / port.geometry.window.den > port.geometry.window.span())
          node.edge_group = 1;
      for (std::size_t p = 0; p < ports; ++p) {
        const Port& port = kernel.inputs()[p];
        const Window& w = port.geometry.window;
        const Index frames = affine_floor(node.edge_group - 1, w.num, 0, w.den) + 1 + w.span();
        node.edge[p].assign(static_cast<std::size_t>(frames * port.channels), std::nanf(""));
        if (port.padding.mode == PadMode::reflect) node.reach[p] = right_reach(port);
      }
    }
    sent_.resize(g.outputs.size());
    scratch_.resize(values_.size());
    inputs_scratch_.resize(static_cast<std::size_t>(g.inputs()));
    taken_.resize(static_cast<std::size_t>(g.inputs()));
    reset();
  }

  void reset() noexcept {
    finished_ = false;
    for (Value& v : values_) {
      v.made = 0;
      v.length = Work::unknown;
      v.queue.reset();
    }
    for (Node& n : nodes_) {
      if (n.state) n.state->reset();
      n.seen = -1;
    }
    std::fill(sent_.begin(), sent_.end(), 0);
  }

  bool finished() const { return finished_; }
  Index received(Index input) const { return values_[static_cast<std::size_t>(input)].made; }
  Index emitted(Index output) const { return sent_[static_cast<std::size_t>(output)]; }

  Index state_bytes() const {
    Index sum = 0;
    for (const Value& v : values_) sum += v.queue.bytes();
    for (const Node& n : nodes_) {
      if (n.state) sum += n.state->bytes();
      for (const auto& e : n.edge) sum += static_cast<Index>(e.size() * sizeof(float));
    }
    return sum;
  }

  const Graph& graph() const { return *graph_; }

  /// Output counts when each input i gets n[i] more frames and, with `last`, then ends.
  void counts_after(const Index* n, std::size_t inputs, bool last, std::span<Index> out) const noexcept {
    if (finished_) return std::fill(out.begin(), out.end(), 0);
    for (std::size_t i = 0; i < inputs_scratch_.size(); ++i)
      inputs_scratch_[i] = values_[i].made + (i < inputs ? n[i] : 0);
    if (last)
      graph_->totals(inputs_scratch_, scratch_);
    else
      graph_->availables(inputs_scratch_, scratch_);
    for (std::size_t o = 0; o < out.size(); ++o)
      out[o] = std::max<Index>(0, scratch_[static_cast<std::size_t>(graph_->outputs[o])] - sent_[o]);
  }

  /// Everything checked by the caller: takes all of `in`, writes the `expected` frames that become ready.
  void process(std::span<const FramesView> in, bool last, std::span<const FramesSpan> out,
               std::span<const Index> expected, std::span<Index> written) noexcept {
    out_ = out;
    written_ = written;
    std::fill(written.begin(), written.end(), 0);
    std::fill(taken_.begin(), taken_.end(), 0);
    for (bool more = true; more;) {
      more = false;
      bool moved = false;
      for (std::size_t i = 0; i < in.size(); ++i) {
        Value& v = values_[i];
        const Index left = in[i].frames() - taken_[i];
        if (left == 0) continue;
        const Index n = std::min(left, v.queue.room());
        if (n > 0) feed(v, in[i], i, n);
        moved = moved || n > 0;
        more = more || taken_[i] < in[i].frames();
      }
      moved = run() || moved;
      if (more && !moved) {  // an input runs ahead of the others: keep what it brings
        for (std::size_t i = 0; i < in.size(); ++i) values_[i].queue.grow(in[i].frames() - taken_[i]);
      }
    }
    if (last) {
      finished_ = true;
      for (int i = 0; i < graph_->inputs(); ++i) end_value(values_[static_cast<std::size_t>(i)]);
      run();
    }
    // What is ready but not made waits behind a value that fills its queue for a reader which needs more: of
    // an input that lags, or of a whole signal.
    while (!std::equal(written.begin(), written.end(), expected.begin())) {
      for (Value& v : values_)
        if (!v.direct) v.queue.grow(v.block);
      if (!run()) break;
    }
  }

 private:
  struct Value {
    Queue queue;
    Index made = 0;                // frames so far
    Index length = Work::unknown;  // once it has ended
    Index block = 1;
    bool direct = false;  // written straight to the caller's frames
  };

  /// Frames of a node's output: those that can exist now, and all that there will be (Work::unknown until an
  /// input has ended; the shortest decides, however much longer the others run).
  struct Frames {
    Index now, total;
  };

  struct Node {
    std::unique_ptr<KernelState> state;
    Frames frames = {};  // when its inputs had `seen` frames in all, and `ended` of them had ended
    Index seen = -1, ended = 0;
    std::vector<const float*> in;
    std::vector<Index> length;
    std::vector<std::vector<float>> edge;  // a window with its virtual frames, per port
    std::vector<Index> reach;
    Index edge_group = 16;  // output frames made at a time where the border is near
  };

  static Index block_frames(Index channels, const StreamOptions& options) {
    if (options.block_frames > 0) return std::min<Index>(options.block_frames, 1 << 20);
    constexpr Index target_bytes = 16 << 10;
    return std::clamp<Index>(target_bytes / (4 * channels), 16, 4096);
  }

  void feed(Value& v, FramesView in, std::size_t i, Index n) noexcept {
    float* to = v.queue.prepare(n);
    std::memcpy(to, in.frame(taken_[i]), static_cast<std::size_t>(n * in.channels()) * sizeof(float));
    v.queue.commit(n);
    v.made += n;
    taken_[i] += n;
    release(static_cast<int>(i));
  }

  void end_value(Value& v) noexcept { v.length = v.made; }

  const Kernel& kernel(int k) const { return *graph_->nodes[static_cast<std::size_t>(k)].kernel; }
  Value& input_of(int k, std::size_t p) {
    return values_[static_cast<std::size_t>(graph_->nodes[static_cast<std::size_t>(k)].inputs[p])];
  }
  Value& output_of(int k) { return values_[static_cast<std::size_t>(graph_->value_of(k))]; }

  Frames frames(int k) noexcept {
    Node& node = nodes_[static_cast<std::size_t>(k)];
    const auto& ports = kernel(k).inputs();
    Index seen = 0, ended = 0;
    for (std::size_t p = 0; p < ports.size(); ++p) {
      const Value& in = input_of(k, p);
      node.length[p] = in.length;
      seen += in.made;
      ended += in.length != Work::unknown;
    }
    if (seen == node.seen && ended == node.ended) return node.frames;
    node.seen = seen;
    node.ended = ended;
    if (graph_->whole(k) && ended < static_cast<Index>(ports.size())) return node.frames = {0, Work::unknown};
    const Index total = ended > 0 ? kernel(k).total(node.length) : Work::unknown;
    Index ready = total;
    for (std::size_t p = 0; p < ports.size(); ++p)
      if (node.length[p] == Work::unknown)
        ready = std::min(ready, port_available(ports[p], input_of(k, p).made));
    return node.frames = {ready, total};
  }

  /// One pass over all kernels after another until nothing moves. A kernel whose output queue has less room
  /// than a block waits for its readers to make more, unless nothing else can run.
  bool run() noexcept {
    bool any = false;
    for (bool patient = true;;) {
      bool moved = false;
      for (int k = 0; k < static_cast<int>(nodes_.size()); ++k) moved = step(k, patient) || moved;
      moved = send() || moved;
      any = any || moved;
      if (!moved && !patient) break;
      patient = moved;
    }
    return any;
  }

  bool step(int k, bool patient) noexcept {
    Value& out = output_of(k);
    if (out.length != Work::unknown) return false;
    const auto [now, total] = frames(k);
    Index count = now - out.made;
    if (count > 0 && !out.direct && count > out.queue.room()) {
      count = out.queue.room();
      if (patient && count < out.block) count = 0;
    }
    if (count > 0) compute(k, count);
    if (out.made < total) return count > 0;
    end_value(out);
    for (const int v : graph_->nodes[static_cast<std::size_t>(k)].inputs) release(v);
    return true;
  }

  void compute(int k, Index count) noexcept {
    Node& node = nodes_[static_cast<std::size_t>(k)];
    const Kernel& kern = kernel(k);
    Value& out = output_of(k);
    while (count > 0) {
      const Index n = prepare_windows(k, out.made, std::min(count, out.block));
      float* to =
          out.direct ? out_[direct_output(k)].frame(written_[direct_output(k)]) : out.queue.prepare(n);
      kern.compute({node.in, out.made, n, to, node.state.get(), node.length});
      if (out.direct) {
        written_[direct_output(k)] += n;
        sent_[direct_output(k)] += n;
      } else {
        out.queue.commit(n);
      }
      out.made += n;
      count -= n;
    }
    for (const int v : graph_->nodes[static_cast<std::size_t>(k)].inputs) release(v);
    release(graph_->value_of(k));
  }

  std::size_t direct_output(int k) const noexcept {
    const auto it = std::find(graph_->outputs.begin(), graph_->outputs.end(), graph_->value_of(k));
    return static_cast<std::size_t>(it - graph_->outputs.begin());
  }

  /// Points node.in at the windows of output frames n … n+count−1; returns how many of them it prepared.
  Index prepare_windows(int k, Index n, Index count) noexcept {
    Node& node = nodes_[static_cast<std::size_t>(k)];
    const auto& ports = kernel(k).inputs();
    if (graph_->whole(k)) {
      for (std::size_t p = 0; p < ports.size(); ++p) node.in[p] = input_of(k, p).queue.frame(0);
      return count;
    }
    bool edge = false;
    for (std::size_t p = 0; p < ports.size(); ++p) {
      const Window& w = ports[p].geometry.window;
      edge = edge || w.first(n) < 0 || w.last(n) >= node.length[p];
    }
    if (edge) {
      count = std::min(count, node.edge_group);
    } else {
      for (std::size_t p = 0; p < ports.size(); ++p)
        if (node.length[p] != Work::unknown)
          count = std::clamp<Index>(ports[p].geometry.window.ready(node.length[p]) - n, 1, count);
    }
    for (std::size_t p = 0; p < ports.size(); ++p) {
      const Window& w = ports[p].geometry.window;
      const Queue& queue = input_of(k, p).queue;
      const Index first = w.first(n);
      if (touches_border(w, n, n + count - 1, node.length[p]))
        node.in[p] =
            assemble(node.edge[p].data(), ports[p], queue, first, w.last(n + count - 1), node.length[p]);
      else
        node.in[p] = queue.frame(std::clamp(first, queue.begin(), queue.end()));
    }
    return count;
  }

  static bool touches_border(const Window& w, Index n, Index m, Index length) noexcept {
    const Index first = w.first(n), last = w.last(m);
    return first <= last && (first < 0 || last >= length);
  }

  static const float* assemble(float* to, const Port& port, const Queue& queue, Index first, Index last,
                               Index length) noexcept {
    const auto frame = [&](Index i) { return queue.frame(i); };
    float* at = to;
    for (Index v = first; v <= last; ++v, at += port.channels) {
      if (v >= 0 && v < length)
        std::memcpy(at, frame(v), static_cast<std::size_t>(port.channels) * sizeof(float));
      else
        make_virtual_frame(port.padding, v, length, port.channels, frame, at);
    }
    return to;
  }

  /// Lets go of the frames of value v that no reader needs any more.
  void release(int v) noexcept {
    Value& value = values_[static_cast<std::size_t>(v)];
    if (value.direct) return;
    Index keep = value.made;
    for (const Graph::Reader& r : graph_->values()[static_cast<std::size_t>(v)].readers)
      keep = std::min(keep, needed_from(r, value));
    for (std::size_t o = 0; o < sent_.size(); ++o)
      if (graph_->outputs[o] == v) keep = std::min(keep, sent_[o]);
    value.queue.drop_before(keep);
  }

  Index needed_from(const Graph::Reader& r, const Value& value) noexcept {
    const Value& out = output_of(r.node);
    if (out.length != Work::unknown) return Work::unknown;
    if (graph_->whole(r.node)) return 0;
    const auto p = static_cast<std::size_t>(r.port);
    return port_needs(kernel(r.node).inputs()[p], out.made, value.made,
                      nodes_[static_cast<std::size_t>(r.node)].reach[p]);
  }

  /// Copies what queued outputs have to the caller's frames.
  bool send() noexcept {
    bool moved = false;
    for (std::size_t o = 0; o < sent_.size(); ++o) {
      Value& v = values_[static_cast<std::size_t>(graph_->outputs[o])];
      if (v.direct) continue;
      const Index n = v.queue.end() - sent_[o];
      if (n <= 0) continue;
      const FramesSpan to = out_[o].slice(written_[o], n);
      std::memcpy(to.data(), v.queue.frame(sent_[o]),
                  static_cast<std::size_t>(n * to.channels()) * sizeof(float));
      written_[o] += n;
      sent_[o] += n;
      release(graph_->outputs[o]);
      moved = true;
    }
    return moved;
  }

  std::shared_ptr<const Graph> graph_;
  std::vector<Value> values_;
  std::vector<Node> nodes_;
  std::vector<Index> sent_;
  std::vector<Index> taken_;  // of each input, in the push under way
  mutable std::vector<Index> scratch_, inputs_scratch_;
  std::span<const FramesSpan> out_;
  std::span<Index> written_;
  bool finished_ = false;
};

}  // namespace detail

// ---- Stream ----

namespace {

// The caller's mistake in a push or finish, or nullptr.
const char* mistake(const detail::GraphRunner& runner, std::span<const FramesView> in, bool last,
                    std::span<const FramesSpan> out, std::span<const Index> expected) noexcept {
  const detail::Graph& g = runner.graph();
  const auto& values = g.values();
  if (runner.finished()) return "the stream is finished; reset() starts a new signal";
  if (!last && in.size() != static_cast<std::size_t>(g.inputs())) return "wrong number of inputs";
  if (out.size() != g.outputs.size()) return "wrong number of outputs";
  for (std::size_t i = 0; i < in.size(); ++i)
    if (in[i].frames() > 0 && in[i].channels() != values[i].channels) return "wrong number of input channels";
  for (std::size_t o = 0; o < out.size(); ++o) {
    if (expected[o] == 0) continue;
    if (out[o].channels() != values[static_cast<std::size_t>(g.outputs[o])].channels)
      return "wrong number of output channels";
    if (out[o].frames() < expected[o]) return "fewer output frames than frames_after() asks for";
  }
  return nullptr;
}

constexpr std::size_t max_ends = detail::max_ports;  // inputs or outputs of a stream

bool process(detail::GraphRunner& runner, std::span<const FramesView> in, bool last,
             std::span<const FramesSpan> out, std::span<Index> written) noexcept {
  Index n[max_ends] = {}, expected[max_ends] = {};
  for (std::size_t i = 0; i < std::min(in.size(), max_ends); ++i) n[i] = in[i].frames();
  runner.counts_after(n, in.size(), last, {expected, runner.graph().outputs.size()});
  const char* wrong = mistake(runner, in, last, out, expected);
  assert(wrong == nullptr && "see Stream::push");
  if (wrong || written.size() < out.size()) return false;
  runner.process(in, last, out, {expected, out.size()}, written.first(out.size()));
  return true;
}

std::vector<Signal> process(detail::GraphRunner& runner, std::span<const FramesView> in, bool last) {
  const detail::Graph& g = runner.graph();
  Index n[max_ends] = {}, expected[max_ends] = {};
  for (std::size_t i = 0; i < std::min(in.size(), max_ends); ++i) n[i] = in[i].frames();
  runner.counts_after(n, in.size(), last, {expected, g.outputs.size()});
  std::vector<Signal> results;
  for (std::size_t o = 0; o < g.outputs.size(); ++o)
    results.emplace_back(g.values()[static_cast<std::size_t>(g.outputs[o])].channels, expected[o]);
  std::vector<FramesSpan> out(results.begin(), results.end());
  std::vector<Index> written(out.size());
  if (const char* wrong = mistake(runner, in, last, out, expected)) fail(g.name, ": ", wrong);
  runner.process(in, last, out, {expected, out.size()}, written);
  return results;
}

}  // namespace

Stream::Stream(const Op& op, const StreamOptions& options) : op_(op) {
  if (const auto reason = op.whole_signal_reason()) throw NotStreamable("no exact stream: " + *reason);
  require(options.block_frames >= 0, op.name(), ": block_frames must be 0 (automatic) or more, got ",
          options.block_frames);
  runner_ = std::make_unique<detail::GraphRunner>(op.graph(), options);
}

Stream::Stream(const Op& op, WholeSignal whole) : op_(op) {
  runner_ = std::make_unique<detail::GraphRunner>(op.graph(), StreamOptions{}, whole.lengths);
}

Stream::Stream(Stream&&) noexcept = default;
Stream& Stream::operator=(Stream&&) noexcept = default;
Stream::~Stream() = default;

Index Stream::frames_after(Index n) const noexcept {
  Index out[max_ends] = {};
  runner_->counts_after(&n, 1, false, {out, runner_->graph().outputs.size()});
  return out[0];
}

Index Stream::frames_at_finish() const noexcept {
  Index out[max_ends] = {};
  runner_->counts_after(nullptr, 0, true, {out, runner_->graph().outputs.size()});
  return out[0];
}

void Stream::frames_after(std::span<const Index> n, std::span<Index> out) const noexcept {
  runner_->counts_after(n.data(), n.size(), false, out);
}

void Stream::frames_at_finish(std::span<Index> out) const noexcept {
  runner_->counts_after(nullptr, 0, true, out);
}

Index Stream::push(FramesView in, FramesSpan out) noexcept {
  Index written = 0;
  return process(*runner_, {&in, 1}, false, {&out, 1}, {&written, 1}) ? written : -1;
}

Index Stream::finish(FramesSpan out) noexcept {
  Index written = 0;
  return process(*runner_, {}, true, {&out, 1}, {&written, 1}) ? written : -1;
}

bool Stream::push(std::span<const FramesView> in, std::span<const FramesSpan> out,
                  std::span<Index> written) noexcept {
  return process(*runner_, in, false, out, written);
}

bool Stream::finish(std::span<const FramesSpan> out, std::span<Index> written) noexcept {
  return process(*runner_, {}, true, out, written);
}

Signal Stream::push(FramesView in) {
  return std::move(process(*runner_, {&in, 1}, false).front());
}
Signal Stream::finish() {
  return std::move(process(*runner_, {}, true).front());
}
std::vector<Signal> Stream::push(std::span<const FramesView> in) {
  return process(*runner_, in, false);
}
std::vector<Signal> Stream::finish_all() {
  return process(*runner_, {}, true);
}

void Stream::reset() noexcept {
  runner_->reset();
}
Index Stream::received(Index input) const noexcept {
  return runner_->received(input);
}
Index Stream::emitted(Index output) const noexcept {
  return runner_->emitted(output);
}
bool Stream::finished() const noexcept {
  return runner_->finished();
}
Index Stream::state_bytes() const noexcept {
  return runner_->state_bytes();
}

}  // namespace wavestride
