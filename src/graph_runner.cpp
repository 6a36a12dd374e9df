#include "graph_runner.h"

#include <algorithm>
#include <bit>
#include <functional>

#include "cache_sizes.h"
#include "check.h"
#include "kernel_group.h"
#include "large_pages.h"
#include "moves_frames.h"
#include "signal_in_pieces.h"
#include "wait_awake.h"

namespace wavestride::detail {
namespace {

/// The frame of a signal of T frames (T = Work::unknown while it runs) that stands for its virtual frame v.
Index source_of(PadMode mode, Index v, Index T) {
  if (mode == PadMode::replicate) return v < 0 ? 0 : T - 1;
  if (T == 1) return 0;
  if (T == Work::unknown) return -v;
  const Index period = 2 * (T - 1);
  const Index r = ((v % period) + period) % period;
  return r < T ? r : period - r;
}

// Whether windows that begin with frame `first` and end with that of output m have virtual frames. Divisions
// are what a short push takes most of its time for: of a signal that goes on none is needed here.
bool touches_border(const Window& w, Index first, Index m, Index length) noexcept {
  if (first >= 0 && length == Work::unknown) return false;
  const Index last = w.last(m);
  return first <= last && (first < 0 || last >= length);
}

const float* assemble(float* to, const Port& port, const FrameQueue& queue, Index first, Index last,
                      Index length) noexcept {
  float* at = to;
  for (Index v = first; v <= last;) {
    const Index real = v < 0 ? 0 : std::min(last + 1, length) - v;
    Index made = std::max<Index>(real, 1);
    if (real > 0) {
      kernels::copy(queue.frame(v), real * port.channels, at);
    } else if (port.padding.mode == PadMode::constant) {  // all that follow each other at once
      made = (v < 0 ? std::min<Index>(last + 1, 0) : last + 1) - v;
      std::fill_n(at, made * port.channels, port.padding.value);
    } else {
      kernels::copy(queue.frame(source_of(port.padding.mode, v, length)), port.channels, at);
    }
    v += made;
    at += made * port.channels;
  }
  return to;
}

/// Output frames to make at a time where the border is near: `fewest`, or about as many as a window is long,
/// so that virtual frames are made once or twice, as long as that takes little memory.
Index edge_frames(const Kernel& kernel, Index fewest) {
  constexpr Index most_floats = 48 << 10;
  Index frames = most_floats / kernel.out_channels();
  for (const Port& port : kernel.inputs()) {
    const Window& w = port.geometry.window;
    // A group of windows that do not overlap saves nothing.
    if (w.num / w.den > w.span()) return 1;
    frames = std::min(frames, affine_floor(std::min(w.span(), most_floats / port.channels), w.den, 0, w.num));
  }
  return std::max(frames, fewest);
}

/// Whether the weights of a node come from beyond the nearer caches, once a block.
bool large(const Graph& graph, int k) {
  constexpr Index near = (48 << 10) / static_cast<Index>(sizeof(float));
  return graph.nodes[static_cast<std::size_t>(k)].kernel->parameters() > near;
}

/// Whether a value is made or read by a large kernel; or is of the rate of another that is, so that what is
/// made of one block of either is one of the other.
std::vector<bool> of_large_kernels(const Graph& graph) {
  const auto& values = graph.values();
  std::vector<bool> result(values.size());
  std::vector<std::optional<Ratio>> rates;
  for (std::size_t v = 0; v < values.size(); ++v) {
    const int maker = static_cast<int>(v) - graph.inputs();
    if ((maker >= 0 && large(graph, maker)) ||
        std::any_of(values[v].readers.begin(), values[v].readers.end(),
                    [&](const auto& r) { return large(graph, r.node); }))
      rates.push_back(values[v].rate);
  }
  for (std::size_t v = 0; v < values.size(); ++v)
    result[v] = std::find(rates.begin(), rates.end(), values[v].rate) != rates.end();
  return result;
}

/// Whether a value is read by the next node alone, frame for frame: what it holds beyond its window's frames
/// it need not hold for longer than until then.
bool passes_through(const Graph& graph, int v) {
  const Graph::Value& value = graph.values()[static_cast<std::size_t>(v)];
  if (v < graph.inputs() || value.readers.size() != 1) return false;
  const Graph::Reader r = value.readers[0];
  const Window& w = graph.nodes[static_cast<std::size_t>(r.node)]
                        .kernel->inputs()[static_cast<std::size_t>(r.port)]
                        .geometry.window;
  return r.node == v - graph.inputs() + 1 && w.num == 1 && w.den == 1 && !graph.whole(r.node) &&
         std::find(graph.outputs.begin(), graph.outputs.end(), v) == graph.outputs.end();
}

/// What blocks are of at most.
struct BlockLimits {
  /// As many frames as stay in the nearest cache.
  Index bytes = 24 << 10;
  /// Enough of them to be worth reading large kernels for.
  Index long_frames = 480;
};

/// Several threads together, each on a piece of its own or not, take twice the memory: their blocks are as
/// long as weights that are read once can be used for (MinimalConv1d::tiles_at_once), or somewhat shorter.
/// Where they share blocks, and the next cache is large, short ones are twice as long, since each is a turn
/// with the lock, and often one that another core has made.
BlockLimits limits_of(GraphRunner::Use use, bool several_threads) {
  if (use == GraphRunner::Use::signal && !several_threads) return {};
  const Index share = cache_share();
  if (use == GraphRunner::Use::piece) return {BlockLimits().bytes, share > 1 ? 384 : 128};
  return {share * BlockLimits().bytes, 192 * share};
}

Index block_frames(Index channels, const BlockLimits& limits) {
  return std::clamp<Index>(limits.bytes / (4 * channels), 16, 4096);
}

Index long_block_frames(Index channels, const BlockLimits& limits) {
  return std::clamp<Index>(3 * limits.long_frames * 256 / (4 * channels), 128, limits.long_frames);
}
constexpr Index short_block_frames = 16;

/// Output frames that node k is worth reading for, where it is large: those of a lower rate than the caller's
/// come one by one from blocks of that.
Index worth_frames(const Graph& graph, int k) {
  const auto& rate = graph.values()[static_cast<std::size_t>(graph.value_of(k))].rate;
  return large(graph, k) && rate && rate->num < rate->den ? 2 * short_block_frames : 1;
}

/// Frames of each value that are made at a time; `large` says which are of_large_kernels().
std::vector<Index> block_sizes(const Graph& graph, const std::vector<bool>& large,
                               const StreamOptions& options, const BlockLimits& limits) {
  std::vector<Index> sizes;
  for (std::size_t v = 0; v < graph.values().size(); ++v) {
    const Index channels = graph.values()[v].channels;
    sizes.push_back(options.block_frames > 0 ? std::min<Index>(options.block_frames, 1 << 20)
                    : large[v]               ? long_block_frames(channels, limits)
                                             : block_frames(channels, limits));
  }
  return sizes;
}

/// Of `count` output frames from n on, after which others follow, those up to where a window begins later
/// than the one before: phases of a transposed convolution are best made with all that read the same frames.
Index whole_windows(const Kernel& kernel, Index n, Index count) noexcept {
  if (kernel.inputs().size() != 1) return count;
  const Window& w = kernel.inputs()[0].geometry.window;
  if (w.num > 1 || w.den == 1) return count;
  const Index past = n + count + w.lo - w.first(n + count) * w.den;
  return past < count ? count - past : count;
}

/// Of `count` output frames from n on, those to make first: blocks of about the usual size, lest a few be
/// left for the last.
Index next_block(const Kernel& kernel, Index n, Index count, Index usual) {
  const Index parts = std::max<Index>(1, (count + usual / 2) / usual);
  return parts > 1 ? whole_windows(kernel, n, (count + parts - 1) / parts) : count;
}

constexpr Index line = 16;  // floats of a cache line
constexpr Index in_lines(Index floats) {
  return (floats + line - 1) / line * line;
}

// What the caller's memory gets past the caches is made in near memory, of so many floats and half as many
// again (next_block()), of so many frames at least.
constexpr Index near_floats = 6 << 10, fewest_past_caches = 16;

}  // namespace

bool beyond_caches(const FramesSpan& frames) noexcept {
  constexpr Index least_floats = 8 << 20;
  const Index size = frames.frames() * frames.channels();
  return size >= least_floats && is_there(frames.data(), size);
}

GraphRunner::GraphRunner(std::shared_ptr<const Graph> graph, const StreamOptions& options,
                         std::span<const Index> lengths, Use use)
    : graph_(std::move(graph)) {
  require(options.block_frames >= 0, graph_->name, ": block_frames must be 0 (automatic) or more, got ",
          options.block_frames);
  require(options.threads >= 0 && options.threads <= ThreadPool::most_threads, graph_->name,
          ": threads must be 0 (all) to ", ThreadPool::most_threads, ", got ", options.threads);
  const Index threads =
      options.threads > 0 ? options.threads : std::max<Index>(std::thread::hardware_concurrency(), 1);
  if (use == Use::signal) in_pieces_ = SignalInPieces::of(graph_, options, threads);
  if (!lengths.empty() && in_pieces_ && !in_pieces_->cut(lengths)) in_pieces_.reset();
  if (threads > 1)
    graph_ = grouped(graph_, block_sizes(*graph_, of_large_kernels(*graph_), options, limits_of(use, true)),
                     options, threads);
  const Graph& g = *graph_;
  std::vector<Index> totals(g.values().size(), Work::unknown);
  if (!lengths.empty()) g.totals(lengths, totals);
  const std::vector<bool> large = of_large_kernels(g);
  plan_values(options, large, totals, threads, use);
  plan_places();
  plan_nodes(large, totals);
  workspaces_.resize(static_cast<std::size_t>(threads));
  if (use == Use::signal) {
    make_memory(in_pieces_ && !lengths.empty());
    make_workspaces();
  }
  sent_.resize(g.outputs.size());
  past_caches_.resize(g.outputs.size());
  scratch_.resize(values_.size());
  inputs_scratch_.resize(static_cast<std::size_t>(g.inputs()));
  taken_.resize(static_cast<std::size_t>(g.inputs()));
  single_ = nodes_.size() == 1 && g.inputs() == 1 && g.outputs.size() == 1 && values_.back().direct >= 0 &&
            g.nodes[0].kernel->inputs().size() == 1 && !g.whole(0) && threads == 1;
  fresh_.resize(nodes_.size());
  parts_.resize(nodes_.size());
  if (threads > 1) pool_ = std::make_unique<ThreadPool>(threads - 1);
  reset();
}

GraphRunner::~GraphRunner() = default;

/// Where each value lies, and for how many frames it has room; `totals` are all that it will ever have.
void GraphRunner::plan_values(const StreamOptions& options, const std::vector<bool>& large_values,
                              std::span<const Index> totals, Index threads, Use use) {
  const Graph& g = *graph_;
  values_.resize(g.values().size());
  const BlockLimits limits = limits_of(use, threads > 1);
  const std::vector<Index> blocks = block_sizes(g, large_values, options, limits);
  for (std::size_t v = 0; v < values_.size(); ++v) {
    const Graph::Value& info = g.values()[v];
    Value& value = values_[v];
    const auto is_output = std::find(g.outputs.begin(), g.outputs.end(), static_cast<int>(v));
    const auto outputs = std::count(is_output, g.outputs.end(), static_cast<int>(v));
    if (info.readers.empty() && outputs == 1 && v >= static_cast<std::size_t>(g.inputs()))
      value.direct = static_cast<int>(is_output - g.outputs.begin());
    const bool large = large_values[v] && options.block_frames == 0;
    value.block = blocks[v];
    if (value.direct >= 0) {  // which has room for more
      if (large) value.block = std::max(value.block, long_block_frames(1, limits));
      continue;
    }
    const bool all =
        totals[v] != Work::unknown && std::any_of(info.readers.begin(), info.readers.end(),
                                                  [&](const Graph::Reader& r) { return g.whole(r.node); });
    if (v < static_cast<std::size_t>(g.inputs())) {
      if (use != Use::signal) {  // lent
        value.queue.plan(info.channels, 0, 0, 0);
        continue;
      }
      // A whole signal is lent in one go, at once to what needs all of it.
      if (totals[v] != Work::unknown) {
        value.queue.plan_late(info.channels, all ? totals[v] : std::min(info.held + value.block, totals[v]));
        continue;
      }
    }
    // What is needed whole has its memory at once, and does not move as it grows.
    if (all) {
      value.queue.plan(info.channels, totals[v], 0, totals[v]);
      continue;
    }
    const bool passes = passes_through(g, static_cast<int>(v));
    // Frames that it has room for and, so that what it holds is moved less often, that it can grow by.
    Index own = value.block, slack = threads > 1 && !large ? value.block : value.block / 4;
    if (threads == 1 && large) {
      slack = short_block_frames;
      if (passes) {
        value.place_frames = info.held + value.block;
        own = std::max(short_block_frames, worth_frames(g, info.readers[0].node));
      }
    } else if (threads > 1 && !passes) {
      own *= 2;  // one block is made while another is read
    }
    value.queue.plan(info.channels, info.held + own, std::max(info.held, slack), totals[v]);
  }
}

/// What each node keeps, and the memory for windows with virtual frames, which all share.
void GraphRunner::plan_nodes(const std::vector<bool>& large_values, std::span<const Index> totals) {
  const Graph& g = *graph_;
  nodes_.resize(g.nodes.size());
  for (std::size_t k = 0; k < nodes_.size(); ++k) {
    const Kernel& kernel = *g.nodes[k].kernel;
    Node& node = nodes_[k];
    node.state = kernel.make_state();
    node.group = is_group(kernel);
    const std::size_t ports = kernel.inputs().size();
    node.in.resize(ports);
    node.length.resize(ports);
    node.first.resize(ports);
    node.edge_floats.resize(ports);
    node.reach.resize(ports);
    const auto v = static_cast<std::size_t>(g.value_of(static_cast<int>(k)));
    const auto* moves = dynamic_cast<const MovesFrames*>(&kernel);
    node.past_caches =
        moves && moves->past_caches() && fewest_past_caches * kernel.out_channels() <= near_floats;
    if (g.whole(static_cast<int>(k)) || node.group || totals[v] == 0) continue;
    node.worth = worth_frames(g, static_cast<int>(k));
    // Reading a large kernel for a few frames takes more time than copying a block of them.
    node.whole_blocks =
        large_values[v] && kernel.parameters() > 2 * values_[v].block * kernel.inputs()[0].channels;
    Index fewest = large_values[v] ? 128 : 16;
    if (node.whole_blocks) fewest = std::max(fewest, values_[v].block);
    node.edge_group = edge_frames(kernel, fewest);
    Index floats = 0;
    for (std::size_t p = 0; p < ports; ++p) {
      const Port& port = kernel.inputs()[p];
      const Window& w = port.geometry.window;
      const Index length = totals[static_cast<std::size_t>(inputs_of(static_cast<int>(k))[p])];
      if (port.padding.mode == PadMode::reflect) node.reach[p] = right_reach(port);
      if (totals[v] != Work::unknown && !touches_border(w, w.first(0), totals[v] - 1, length)) continue;
      const Index frames = affine_floor(node.edge_group - 1, w.num, 0, w.den) + 1 + w.span();
      floats += node.edge_floats[p] = in_lines(frames * port.channels);
    }
    edge_floats_ = std::max(edge_floats_, floats);
  }
}

Index GraphRunner::queue_floats() const noexcept {
  Index floats = 0;
  for (const Value& v : values_) floats += in_lines(v.queue.floats());
  for (const Node& node : nodes_)
    if (node.group) floats += runner_of_group(*node.state).queue_floats();
  return floats;
}

void GraphRunner::use(float* memory) noexcept {
  for (Value& v : values_) {
    if (v.queue.floats() > 0) v.queue.use(memory);
    memory += in_lines(v.queue.floats());
  }
  for (const Node& node : nodes_) {
    if (!node.group) continue;
    runner_of_group(*node.state).use(memory);
    memory += runner_of_group(*node.state).queue_floats();
  }
  places_ = memory;
}

/// The memory for frames, in which a whole signal's pieces lie where no other signal is under way. It is NaN
/// until it is first written, so that a kernel that reads outside its window shows.
void GraphRunner::make_memory(bool only_in_pieces) {
  const Index own = only_in_pieces ? 0 : frame_floats();
  const Index all = std::max(own, in_pieces_ ? in_pieces_->floats() : 0);
  own_frames_ = UnwrittenFloats(static_cast<std::size_t>(all));
  std::fill_n(own_frames_.data(), own, std::nanf(""));
  if (!only_in_pieces) use(own_frames_.data());
  if (in_pieces_) in_pieces_->use(own_frames_.data());
}

/// What a thread works in, of which groups and pieces borrow theirs.
void GraphRunner::make_workspaces() {
  Index scratch = in_pieces_ ? in_pieces_->borrowed_bytes() : 0;
  for (std::size_t k = 0; k < nodes_.size(); ++k)
    scratch =
        std::max(scratch, graph_->nodes[k].kernel->scratch_bytes() +
                              (nodes_[k].group ? runner_of_group(*nodes_[k].state).borrowed_by_group() : 0));
  for (Workspace& w : workspaces_) {
    w.own_scratch = kernels::Aligned<std::byte>(static_cast<std::size_t>(scratch));
    w.own_edges = kernels::Aligned<float>(static_cast<std::size_t>(edge_floats_), std::nanf(""));
    w.edges = w.own_edges.data();
    w.scratch = w.own_scratch.data();
  }
}

/// Two places in memory that all values share, in turn: a node reads one and writes the other.
void GraphRunner::plan_places() noexcept {
  Index floats = 0;
  for (std::size_t v = 0; v < values_.size(); ++v) {
    values_[v].place = static_cast<int>(v % 2);
    floats = std::max(floats, values_[v].place_frames * graph_->values()[v].channels);
  }
  place_floats_ = floats > 0 ? (floats / line + 2) * line : 0;
}

/// Whether no other frames are where a value has its place: they may wait there for another input of their
/// reader.
bool GraphRunner::place_free(const Value& value) const noexcept {
  const Value* other = in_place_[value.place];
  return !other || other == &value || !other->queue.away();
}

/// Frames that a value can take: of the caller's, of its own, or with a place as many as its reader is
/// certain to read in this pass.
Index GraphRunner::room(const Value& value) noexcept {
  if (const auto o = static_cast<std::size_t>(value.direct); value.direct >= 0)
    return out_[o].frames() - written_[o];
  if (value.place_frames == 0 || !place_free(value)) return value.queue.room();
  const Graph::Reader r = graph_->values()[static_cast<std::size_t>(&value - values_.data())].readers[0];
  const Value& next = output_of(r.node);
  Index to_read = room(next);
  const auto& ports = kernel(r.node).inputs();
  for (std::size_t p = 0; p < ports.size(); ++p)
    if (const Value& other = input_of(r.node, p); &other != &value && other.length == Work::unknown)
      to_read = std::min(to_read, port_available(ports[p], other.made) - next.made);
  to_read -= std::max<Index>(frames(r.node).now - next.made, 0);
  const Index held = value.queue.end() - value.queue.begin(),
              there = std::min(to_read, value.place_frames - held);
  return std::max<Index>(there, value.queue.away() ? 0 : value.queue.room());
}

/// Moves a value that has less room than for `count` frames to its place.
void GraphRunner::find_room(Value& value, Index count) noexcept {
  if (value.place_frames == 0 || count <= value.queue.room() || value.queue.away()) return;
  value.queue.go_to(places_ + value.place * place_floats_, value.place_frames);
  in_place_[value.place] = &value;
}

void GraphRunner::reset() noexcept {
  finished_ = false;
  for (Value& v : values_) {
    v.made = 0;
    v.length = v.until = v.total = Work::unknown;
    v.queue.reset();
  }
  for (Node& n : nodes_) {
    if (n.state) n.state->reset();
    n.seen = -1;
  }
  std::fill(sent_.begin(), sent_.end(), 0);
}

Index GraphRunner::state_bytes() const {
  Index sum = 0;
  for (const Value& v : values_) sum += v.queue.bytes();
  for (const Node& n : nodes_)
    if (n.state) sum += n.state->bytes();
  for (const Workspace& w : workspaces_)
    sum += static_cast<Index>(w.own_scratch.size() + w.own_edges.size() * sizeof(float));
  if (in_pieces_) sum += in_pieces_->state_bytes();
  return sum + static_cast<Index>(own_frames_.size() * sizeof(float));
}

void GraphRunner::counts(bool last, std::span<Index> out) const noexcept {
  if (finished_) return std::fill(out.begin(), out.end(), 0);
  if (single_ && !last) {
    out[0] = std::max<Index>(0, port_available(kernel(0).inputs()[0], inputs_scratch_[0]) - sent_[0]);
    return;
  }
  if (last)
    graph_->totals(inputs_scratch_, scratch_);
  else
    graph_->availables(inputs_scratch_, scratch_);
  for (std::size_t o = 0; o < out.size(); ++o)
    out[o] = std::max<Index>(0, scratch_[static_cast<std::size_t>(graph_->outputs[o])] - sent_[o]);
}

void GraphRunner::process(std::span<const FramesView> in, bool last, std::span<const FramesSpan> out,
                          std::span<const Index> expected, std::span<Index> written) noexcept {
  if (single_ && !last && process_single(in[0], expected[0], out[0].data())) {
    written[0] = expected[0];
    return;
  }
  out_ = out;
  written_ = written;
  if (last && process_in_pieces(in, expected)) return;
  for (std::size_t o = 0; o < out.size(); ++o) past_caches_[o] = beyond_caches(out[o].slice(0, expected[o]));
  std::fill(written.begin(), written.end(), 0);
  std::fill(taken_.begin(), taken_.end(), 0);
  for (bool more = true; more;) {
    more = false;
    bool moved = false;
    for (std::size_t i = 0; i < in.size(); ++i) {
      Value& v = values_[i];
      const Index left = in[i].frames() - taken_[i];
      if (const Index from = v.made - taken_[i]; left > 0 && v.queue.begin() >= from && may_lend(in[i]))
        v.queue.lend(in[i].data(), from);
      if (left == 0) continue;
      const Index n = std::min(left, v.queue.room());
      if (n > 0) feed(v, in[i], i, n);
      moved = moved || n > 0;
      more = more || taken_[i] < in[i].frames();
    }
    moved = run(more) || moved;
    if (more && !moved) moved = pass(false, false);
    if (more && !moved) {  // an input runs ahead of the others: keep what it brings
      for (std::size_t i = 0; i < in.size(); ++i) values_[i].queue.grow(in[i].frames() - taken_[i]);
    }
  }
  if (last) {
    finished_ = true;
    for (int i = 0; i < graph_->inputs(); ++i) end_value(values_[static_cast<std::size_t>(i)]);
    run();
  }
  make_up(expected);
  for (int i = 0; i < graph_->inputs(); ++i) {
    FrameQueue& queue = values_[static_cast<std::size_t>(i)].queue;
    last ? queue.give_back() : queue.keep();
  }
}

void GraphRunner::process_group(std::span<const Lent> in, FramesSpan out, void* scratch) noexcept {
  places_ = static_cast<float*>(scratch);
  borrow(places_ + 2 * place_floats_);
  const Index expected = out.frames();
  Index written = 0;
  out_ = {&out, 1};
  written_ = {&written, 1};
  for (std::size_t i = 0; i < in.size(); ++i) {
    Value& v = values_[i];
    v.queue.lend(in[i].frames, in[i].first);
    const Index more = std::max<Index>(in[i].last - v.made, 0);
    v.queue.commit(more);
    v.made += more;
    if (in[i].ended) end_value(v);
  }
  run();
  make_up({&expected, 1});
  for (std::size_t i = 0; i < in.size(); ++i) values_[i].queue.give_back();
  for (Value& v : values_) v.queue.come_home();
}

void GraphRunner::borrow(float* scratch) noexcept {
  workspaces_.front().edges = scratch;
  workspaces_.front().scratch = scratch + edge_floats_;
}

/// Whether this is a whole signal, that several threads do best piece by piece; then it is done.
bool GraphRunner::process_in_pieces(std::span<const FramesView> in,
                                    std::span<const Index> expected) noexcept {
  const auto takes = [&](std::size_t i) { return values_[i].made == 0 && may_lend(in[i]); };
  for (std::size_t i = 0; i < inputs_scratch_.size(); ++i) {
    if (!in_pieces_ || i >= in.size() || !takes(i)) return false;
    inputs_scratch_[i] = in[i].frames();
  }
  if (!in_pieces_->cut(inputs_scratch_)) return false;
  in_pieces_->process(in, out_[0].slice(0, expected[0]), *pool_,
                      [&](std::size_t thread) { return workspaces_[thread].scratch; });
  for (std::size_t i = 0; i < in.size(); ++i) values_[i].made = in[i].frames();
  sent_[0] = written_[0] = expected[0];
  return finished_ = true;
}

void GraphRunner::process_piece(std::span<const FramesView> in, const Needs& needs, FramesSpan out,
                                bool past_caches, void* scratch) noexcept {
  borrow(static_cast<float*>(scratch));
  reset();
  const Index expected = out.frames();
  Index written = 0;
  out_ = {&out, 1};
  written_ = {&written, 1};
  past_caches_[0] = past_caches;
  for (std::size_t v = 0; v < values_.size(); ++v) {
    Value& value = values_[v];
    if (v < in.size()) {
      value.queue.lend(in[v].data(), 0);
      value.queue.commit(in[v].frames());
      value.made = in[v].frames();
      end_value(value);
    } else {
      value.queue.reset(needs.first[v]);
      value.made = needs.first[v];
      value.until = needs.until[v];
      value.total = needs.total[v];
    }
  }
  run();
  make_up({&expected, 1});
}

/// What is ready but not made waits behind a value that fills its queue for a reader which needs more: of an
/// input that lags, or of a whole signal.
void GraphRunner::make_up(std::span<const Index> expected) noexcept {
  while (!std::equal(written_.begin(), written_.end(), expected.begin())) {
    for (Value& v : values_)
      if (v.direct < 0) v.queue.grow(v.block);
    if (!run()) break;
  }
}

/// A push to a graph of one kernel, of which it holds frames already, where a short push would take longer to
/// look around than to compute: `count` frames become ready. Does nothing where it is not as simple as that.
bool GraphRunner::process_single(FramesView in, Index count, float* out) noexcept {
  Value &from = values_.front(), &to = values_.back();
  Node& node = nodes_.front();
  const Port& port = kernel(0).inputs()[0];
  const Window& w = port.geometry.window;
  // Of a signal that begins with less than what lies before it, that is held, too, lest windows that reach
  // there be put together for every push.
  if (const Index before = -w.first(0); from.made == 0 && port.padding.mode == PadMode::constant &&
                                        in.frames() > 0 && in.frames() < before &&
                                        before <= from.queue.room() - in.frames())
    from.queue.precede(before, port.padding.value);
  const Index first = w.first(to.made), begin = from.queue.begin();
  if (in.frames() > from.queue.room() || begin >= from.made || (first < 0 && first < begin)) return false;
  kernels::copy(in.data(), in.frames() * in.channels(), from.queue.prepare(in.frames()));
  from.queue.commit(in.frames());
  from.made += in.frames();
  if (count == 0) {
    if (from.queue.room() == 0) release(0);  // of what no window has
    return true;
  }
  node.length[0] = Work::unknown;
  for (Index left = count; left > 0;) {
    const Block b{0, next_block(kernel(0), to.made, left, to.block), out};
    node.in[0] = from.queue.frame(std::clamp(w.first(to.made), begin, from.queue.end()));
    compute(b, workspaces_.front());
    left -= b.count;
    to.made += b.count;
    out += b.count * kernel(0).out_channels();
  }
  sent_.front() += count;
  from.queue.drop_before(port_needs(port, to.made, from.made, node.reach[0]));
  return true;
}

/// Whether no output of this push may be written over frames that are yet to be read.
bool GraphRunner::may_lend(FramesView in) const noexcept {
  const auto apart = [&](const FramesSpan& out) {
    const std::less_equal<const float*> before;
    return before(out.data() + out.frames() * out.channels(), in.data()) ||
           before(in.data() + in.frames() * in.channels(), out.data());
  };
  return std::all_of(out_.begin(), out_.end(), apart);
}

/// Takes n more frames of an input: reads them where they are, or copies them.
void GraphRunner::feed(Value& v, FramesView in, std::size_t i, Index n) noexcept {
  if (!v.queue.lent()) kernels::copy(in.frame(taken_[i]), n * in.channels(), v.queue.prepare(n));
  v.queue.commit(n);
  v.made += n;
  taken_[i] += n;
  if (v.queue.room() == 0) release(static_cast<int>(i));  // of what no window has
}

/// Copies what queued outputs have to the caller's frames.
bool GraphRunner::send() noexcept {
  bool moved = false;
  for (std::size_t o = 0; o < sent_.size(); ++o) {
    Value& v = values_[static_cast<std::size_t>(graph_->outputs[o])];
    if (v.direct >= 0) continue;
    const Index n = v.queue.end() - sent_[o];
    if (n <= 0) continue;
    const FramesSpan to = out_[o].slice(written_[o], n);
    kernels::copy(v.queue.frame(sent_[o]), n * to.channels(), to.data());
    written_[o] += n;
    sent_[o] += n;
    release(graph_->outputs[o]);
    moved = true;
  }
  return moved;
}

/// Lets go of the frames of value v that no reader needs any more.
void GraphRunner::release(int v) noexcept {
  Value& value = values_[static_cast<std::size_t>(v)];
  if (value.direct >= 0) return;
  Index keep = value.made;
  for (const Graph::Reader& r : graph_->values()[static_cast<std::size_t>(v)].readers)
    keep = std::min(keep, needed_from(r, value));
  for (std::size_t o = 0; o < sent_.size(); ++o)
    if (graph_->outputs[o] == v) keep = std::min(keep, sent_[o]);
  value.queue.drop_before(keep);
  if (value.queue.away() && value.queue.fits_home()) value.queue.go_home();
}

void GraphRunner::release_inputs(int k) noexcept {
  for (const int v : inputs_of(k)) release(v);
}

Index GraphRunner::needed_from(const Graph::Reader& r, const Value& value) noexcept {
  const Value& out = output_of(r.node);
  if (out.length != Work::unknown || out.made >= out.until) return Work::unknown;
  if (graph_->whole(r.node)) return 0;
  const auto p = static_cast<std::size_t>(r.port);
  return port_needs(kernel(r.node).inputs()[p], out.made, value.made,
                    nodes_[static_cast<std::size_t>(r.node)].reach[p]);
}

GraphRunner::Frames GraphRunner::frames(int k) noexcept {
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
  const Value& out = output_of(k);
  const Index total = ended > 0 && out.total == Work::unknown ? kernel(k).total(node.length) : out.total;
  Index ready = total;
  for (std::size_t p = 0; p < ports.size(); ++p)
    if (node.length[p] == Work::unknown)
      ready = std::min(ready, port_available(ports[p], input_of(k, p).made));
  return node.frames = {std::min(ready, out.until), total};
}

/// Points the node at its windows and finds room for what it makes: `count` frames, or the first of them.
GraphRunner::Block GraphRunner::prepare(int k, Index count, Workspace& workspace) noexcept {
  Value& out = output_of(k);
  const Index n = prepare_windows(k, out.made, count, workspace);
  const auto direct = static_cast<std::size_t>(out.direct);
  return {k, n, out.direct >= 0 ? out_[direct].frame(written_[direct]) : out.queue.prepare(n)};
}

/// Whether node k makes frames of an output that are written past the caches.
bool GraphRunner::past_caches(int k) const noexcept {
  const int direct = values_[static_cast<std::size_t>(graph_->value_of(k))].direct;
  return direct >= 0 && past_caches_[static_cast<std::size_t>(direct)] &&
         nodes_[static_cast<std::size_t>(k)].past_caches;
}

/// Memory that is written past the caches need not be read first.
[[gnu::noinline]] void GraphRunner::compute_past_caches(const Block& b, Workspace& workspace) noexcept {
  alignas(64) float near[near_floats * 3 / 2];
  compute({b.node, b.count, near}, workspace);
  kernels::copy_past_caches(near, b.count * kernel(b.node).out_channels(), b.out);
}

void GraphRunner::compute(const Block& b, Workspace& workspace) noexcept {
  const Node& node = nodes_[static_cast<std::size_t>(b.node)];
  kernel(b.node).compute(
      {node.in, output_of(b.node).made, b.count, b.out, node.state.get(), node.length, workspace.scratch});
}

void GraphRunner::commit(const Block& b) noexcept {
  Value& out = output_of(b.node);
  if (out.direct >= 0) {
    written_[static_cast<std::size_t>(out.direct)] += b.count;
    sent_[static_cast<std::size_t>(out.direct)] += b.count;
  } else {
    out.queue.commit(b.count);
  }
  out.made += b.count;
}

/// Points node.in at the windows of output frames n … n+count−1; returns how many of them it prepared.
Index GraphRunner::prepare_windows(int k, Index n, Index count, Workspace& workspace) noexcept {
  Node& node = nodes_[static_cast<std::size_t>(k)];
  const auto& ports = kernel(k).inputs();
  if (graph_->whole(k)) {
    for (std::size_t p = 0; p < ports.size(); ++p) node.in[p] = input_of(k, p).queue.frame(0);
    return count;
  }
  if (node.group) {
    for (std::size_t p = 0; p < ports.size(); ++p) {
      const FrameQueue& queue = input_of(k, p).queue;
      node.in[p] = queue.frame(std::clamp(ports[p].geometry.window.first(n), queue.begin(), queue.end()));
    }
    return count;
  }
  bool edge = false;
  for (std::size_t p = 0; p < ports.size(); ++p) {
    const Window& w = ports[p].geometry.window;
    node.first[p] = w.first(n);
    const Index until = node.whole_blocks ? n + count - 1 : n;
    edge = edge || node.first[p] < 0 || (node.length[p] != Work::unknown && w.last(until) >= node.length[p]);
  }
  if (edge) {
    count = std::min(count, node.edge_group);
  } else {
    for (std::size_t p = 0; p < ports.size(); ++p)
      if (node.length[p] != Work::unknown)
        count = std::clamp<Index>(ports[p].geometry.window.ready(node.length[p]) - n, 1, count);
  }
  float* assembled = workspace.edges;
  for (std::size_t p = 0; p < ports.size(); assembled += node.edge_floats[p++]) {
    const Window& w = ports[p].geometry.window;
    const FrameQueue& queue = input_of(k, p).queue;
    const Index first = node.first[p];
    if (touches_border(w, first, n + count - 1, node.length[p]))
      node.in[p] = assemble(assembled, ports[p], queue, first, w.last(n + count - 1), node.length[p]);
    else
      node.in[p] = queue.frame(std::clamp(first, queue.begin(), queue.end()));
  }
  return count;
}

/// Makes all that can be made; `sparing`, what is worth it.
bool GraphRunner::run(bool sparing) noexcept {
  if (!pool_) return run_alone(sparing);
  bool any = false;
  for (bool more = true; more;) {
    fresh_.fill();
    entered_ = 0;
    moved_ = still_ = last_look_ = false;
    pool_->run(*this);
    more = send();
    any = any || moved_ || more;
  }
  return any;
}

// ---- One thread ----

/// One pass over all kernels after another until each has made what it can, or nothing moves. A kernel whose
/// output queue has less room than about a block waits for its readers to make more, unless nothing else can
/// run: else all would go on by what the last of them, of the highest rate, has room for.
bool GraphRunner::run_alone(bool sparing) noexcept {
  bool any = false;
  for (bool patient = true;;) {
    crowded_ = false;
    const bool moved = pass(patient, sparing);
    any = any || moved;
    if (!crowded_ || (!moved && !patient)) break;
    patient = moved;
  }
  return any;
}

bool GraphRunner::pass(bool patient, bool sparing) noexcept {
  if (pool_) return false;
  bool moved = false;
  for (int k = 0; k < static_cast<int>(nodes_.size()); ++k) moved = step(k, patient, sparing) || moved;
  return send() || moved;
}

bool GraphRunner::step(int k, bool patient, bool sparing) noexcept {
  Value& out = output_of(k);
  if (out.length != Work::unknown) return false;
  const auto [now, total] = frames(k);
  const Index ready = now - out.made;
  if (sparing && ready < nodes_[static_cast<std::size_t>(k)].worth && total == Work::unknown) return false;
  Index count = ready;
  if (out.direct >= 0 || out.queue.away() || count > out.queue.room()) count = std::min(count, room(out));
  if (count < ready && out.direct < 0) {
    crowded_ = true;
    const auto away = [&](int v) { return values_[static_cast<std::size_t>(v)].queue.away(); };
    if (patient && count < out.block - out.block / 16 &&
        std::none_of(inputs_of(k).begin(), inputs_of(k).end(), away))
      count = 0;
    count = whole_windows(kernel(k), out.made, count);
  }
  find_room(out, count);
  const bool moved = count > 0, past = past_caches(k);
  const Index usual = past ? std::min(out.block, near_floats / kernel(k).out_channels()) : out.block;
  while (count > 0) {
    const Block b = prepare(k, next_block(kernel(k), out.made, count, usual), workspaces_.front());
    past ? compute_past_caches(b, workspaces_.front()) : compute(b, workspaces_.front());
    commit(b);
    count -= b.count;
  }
  if (moved) {
    release_inputs(k);
    release(graph_->value_of(k));
  }
  if (out.made < total) return moved;
  end_value(out);
  release_inputs(k);
  return true;
}

// ---- Several threads ----

namespace {

/// Locks; it is held for much less time than it takes to fall asleep and wake.
void enter(std::unique_lock<std::mutex>& lock) noexcept {
  for (int i = 0; i < 200; ++i, relax())
    if (lock.try_lock()) return;
  lock.lock();
}

}  // namespace

/// What every thread does until nothing more can be made.
void GraphRunner::work() noexcept {
  Workspace& workspace = workspaces_[entered_++];
  std::unique_lock lock(lock_, std::defer_lock);
  enter(lock);
  while (!still_) {
    if (const Block b = take(workspace); b.node >= 0) {
      last_look_ = false;
      lock.unlock();
      compute(b, workspace);
      enter(lock);
      give_back(b);
    } else if (busy_ == 0 && !last_look_) {
      fresh_.fill();  // what waited for others need not wait any more
      last_look_ = true;
    } else if (busy_ == 0) {
      still_ = true;
      ++changes_;
      changes_.notify_all();
    } else {
      const unsigned seen = changes_;
      ++waiting_;
      lock.unlock();
      wait_awake(changes_, seen);
      enter(lock);
      --waiting_;
    }
  }
}

/// A block of the last node that can make a whole one, so that frames leave the graph before others enter;
/// else of the last that can make a part of one. Wakes a thread where there is another.
GraphRunner::Block GraphRunner::take(Workspace& workspace) noexcept {
  const int all = static_cast<int>(nodes_.size());
  int chosen = -1;
  bool others = false;
  Offer best{};
  for (int k = fresh_.last_before(all); k >= 0 && !others; k = fresh_.last_before(k)) {
    const Offer offer = offer_of(k);
    if (offer.kind == Offer::whole && chosen >= 0) {
      others = true;
    } else {
      fresh_.remove(k);
      if (offer.kind == Offer::whole) chosen = k, best = offer;
      if (offer.kind == Offer::part) parts_.add(k);
    }
    if (chosen >= 0 && waiting_ == 0) break;
  }
  for (int k = parts_.last_before(all); k >= 0 && chosen < 0; k = parts_.last_before(k)) {
    parts_.remove(k);
    const Offer offer = offer_of(k);
    if (offer.kind >= Offer::part) chosen = k, best = offer;
  }
  if (chosen < 0) return {};
  if (waiting_ > 0 && (others || parts_.last_before(all) >= 0)) changes_.notify_one();
  ++busy_;
  nodes_[static_cast<std::size_t>(chosen)].at_work = true;
  for (const int v : inputs_of(chosen)) ++values_[static_cast<std::size_t>(v)].readers_at_work;
  return prepare(chosen, best.count, workspace);
}

/// What node k could make now.
GraphRunner::Offer GraphRunner::offer_of(int k) noexcept {
  Value& out = output_of(k);
  if (nodes_[static_cast<std::size_t>(k)].at_work || out.length != Work::unknown) return {};
  const auto [now, total] = frames(k);
  Index count = std::min(now - out.made, out.block);
  if (count <= 0) {
    if (out.made >= total) end_output(k);
    return {};
  }
  const bool crowded = out.direct < 0 && count > out.queue.room();
  if (crowded) count = out.queue.room();
  if (count == 0) return {};
  if (out.direct < 0 && out.readers_at_work > 0 && out.queue.moves(count)) return {};
  if (count == out.block || count == total - out.made) return {Offer::whole, count};
  // More may come, of frames or of room, from what others work on; then there will be another look.
  if (crowded && busy_ > 0) return {};
  for (const int v : inputs_of(k)) {
    const int maker = v - graph_->inputs();
    if (maker >= 0 && nodes_[static_cast<std::size_t>(maker)].at_work) return {};
  }
  return {Offer::part, count};
}

void GraphRunner::give_back(const Block& b) noexcept {
  const int k = b.node;
  --busy_;
  nodes_[static_cast<std::size_t>(k)].at_work = false;
  for (const int v : inputs_of(k)) --values_[static_cast<std::size_t>(v)].readers_at_work;
  commit(b);
  release(graph_->value_of(k));
  moved_ = true;
  if (output_of(k).made >= frames(k).total) {
    end_output(k);
  } else {
    release_inputs(k);
    look_around(k);
  }
  ++changes_;
}

void GraphRunner::end_output(int k) noexcept {
  end_value(output_of(k));
  release_inputs(k);
  look_around(k);
  moved_ = true;
  last_look_ = false;
}

/// Node k, the makers of what it reads and the readers of what it makes are worth looking at again.
void GraphRunner::look_around(int k) noexcept {
  fresh_.add(k);
  for (const int v : inputs_of(k))
    if (v >= graph_->inputs()) fresh_.add(v - graph_->inputs());
  for (const Graph::Reader& r : graph_->values()[static_cast<std::size_t>(graph_->value_of(k))].readers)
    fresh_.add(r.node);
}

void GraphRunner::NodeSet::resize(std::size_t nodes) {
  words_.resize((nodes + 63) / 64);
}

void GraphRunner::NodeSet::fill() noexcept {
  std::fill(words_.begin(), words_.end(), ~std::uint64_t{0});
}

int GraphRunner::NodeSet::last_before(int k) const noexcept {
  for (int word = (k - 1) / 64; k > 0; k = word-- * 64) {
    std::uint64_t bits = words_[static_cast<std::size_t>(word)];
    if (const int from = k - word * 64; from < 64) bits &= (std::uint64_t{1} << from) - 1;
    if (bits != 0) return word * 64 + 63 - std::countl_zero(bits);
  }
  return -1;
}

}  // namespace wavestride::detail
