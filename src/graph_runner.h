// GraphRunner: drives one signal through a graph of kernels.
#pragma once

#include <wavestride/stream.h>

#include <mutex>

#include "frame_queue.h"
#include "graph.h"
#include "kernels/aligned.h"
#include "large_pages.h"
#include "thread_pool.h"

namespace wavestride::detail {

class SignalInPieces;

// Runs a graph depth-first: input is taken block by block, and each block is driven through all kernels
// before the next, so that what lies between two kernels stays in the cache.
//
// Queues are bounded and never stall. Graph::derive_held() has a schedule in which every frame comes after
// those that it reads and a queue never holds more than Graph::Value::held frames. Suppose that nothing can
// run after R input frames although some frames are still owed: those of the outputs that depend on these R
// alone, those that the schedule makes by then, all that these depend on, and all before one of them in the
// same value. Of the frames owed take the earliest in the schedule. What it reads is there, so its queue must
// be full, for a reader that lags behind the schedule. If the reader's next frame is owed, it is an earlier
// one. If not, the reader is as far as the schedule at R, and others use the value, too: then `held` has room
// for all that R frames can bring. Where inputs do not keep step, or a kernel needs its whole input, queues
// do fill up, and grow.
//
// Kernels whose weights fill the nearer caches are worth long blocks, which are many frames to keep for every
// value at once. On one thread they need not: a value that only the next node reads is made no longer than
// that node can read it at once, lies for so long in memory that all such values share, and keeps no more
// than a window of its own.
//
// On several threads a kernel works on one block at a time, so that its state is nobody else's, while others
// work before and behind it in the graph. What each block holds does not depend on who makes it and when.
// Kernels whose blocks take little are joined to groups first (kernel_group.h), each of which has a runner of
// its own, that is driven by whoever works on the group, and in whose memory its values have their places.
// A whole signal in one call is cut to pieces instead, of which each thread makes one after another by itself
// (signal_in_pieces.h), where that makes little twice.
class [[gnu::visibility("hidden")]] GraphRunner final : private ThreadPool::Job {
 public:
  /// A group's runner (kernel_group.h) gets its input and its scratch memory from whoever drives it; that of
  /// pieces (signal_in_pieces.h) the memory for its frames, too.
  enum class Use { signal, group, piece };
  /// `lengths` of the inputs bound the memory; they are empty where nobody knows them.
  [[gnu::cold]] GraphRunner(std::shared_ptr<const Graph> graph, const StreamOptions& options,
                            std::span<const Index> lengths = {}, Use use = Use::signal);

  ~GraphRunner();

  void reset() noexcept;

  bool finished() const {
    return finished_;
  }
  Index received(Index input) const {
    return values_[static_cast<std::size_t>(input)].made;
  }
  Index emitted(Index output) const {
    return sent_[static_cast<std::size_t>(output)];
  }
  Index state_bytes() const;
  const Graph& graph() const {
    return *graph_;
  }

  /// Output counts when each input i gets more(i) more frames and, with `last`, then ends.
  template <class More>
  void counts_after(More && more, bool last, std::span<Index> out) const noexcept {
    for (std::size_t i = 0; i < inputs_scratch_.size(); ++i)
      inputs_scratch_[i] = add_sat(values_[i].made, more(i));
    counts(last, out);
  }

  /// Everything checked by the caller: takes all of `in`, writes the `expected` frames that become ready.
  void process(std::span<const FramesView> in, bool last, std::span<const FramesSpan> out,
               std::span<const Index> expected, std::span<Index> written) noexcept;

  /// Input frames of a group: the frames first … last−1, all that it may read again and what is new.
  struct Lent {
    const float* frames = nullptr;
    Index first = 0, last = 0;
    bool ended = false;
  };
  /// Drives a group, to which its input and `scratch` are lent for the call: makes as many of the frames that
  /// are ready as `out` has room for.
  void process_group(std::span<const Lent> in, FramesSpan out, void* scratch) noexcept;

  /// The frames of each value that a piece needs, from `first` on and before `until`, and how many there are.
  struct Needs {
    std::span<const Index> first, until, total;
  };
  /// Makes the frames `out` of a whole signal, of which `in` are all inputs; `scratch` is lent for the call.
  void process_piece(std::span<const FramesView> in, const Needs& needs, FramesSpan out, bool past_caches,
                     void* scratch) noexcept;
  /// What queues take and, but in a group, places, and where they lie in this order.
  Index queue_floats() const noexcept;
  Index frame_floats() const noexcept {
    return queue_floats() + 2 * place_floats_;
  }
  void use(float* memory) noexcept;

  /// What a group's runner itself needs of its scratch memory, in front of what its kernels need, and that of
  /// pieces.
  Index borrowed_by_group() const noexcept {
    return (2 * place_floats_ + edge_floats_) * static_cast<Index>(sizeof(float));
  }
  Index borrowed_by_pieces() const noexcept {
    return edge_floats_ * static_cast<Index>(sizeof(float));
  }

 private:
  /// Output counts when the inputs are as long as inputs_scratch_ says.
  void counts(bool last, std::span<Index> out) const noexcept;
  struct Value {
    FrameQueue queue;
    Index made = 0;                                      // frames so far
    Index length = Work::unknown;                        // once it has ended
    Index until = Work::unknown, total = Work::unknown;  // where a piece needs no more, and of all of them
    Index block = 1;
    int direct = -1;         // the output to whose frames it is written straight away
    int place = 0;           // in the shared memory, the first or the second,
    Index place_frames = 0;  // for so many frames; or none
    int readers_at_work = 0;
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
    std::vector<Index> first;        // input frame of the windows under way, per port
    std::vector<Index> edge_floats;  // of a window with its virtual frames, per port
    std::vector<Index> reach;
    Index edge_group = 16;      // output frames made at a time where the border is near
    bool whole_blocks = false;  // which then are copied rather than cut
    Index worth = 1;            // fewer are not made while more of the caller's frames are to come
    bool group = false;
    bool past_caches = false;  // if the caller's frames are many
    bool at_work = false;
  };

  /// What a thread needs for the node that it works on.
  struct Workspace {
    kernels::Aligned<std::byte> own_scratch;
    kernels::Aligned<float> own_edges;
    float* edges = nullptr;  // windows with their virtual frames
    void* scratch = nullptr;
  };

  /// Output frames for one node to make.
  struct Block {
    int node = -1;
    Index count = 0;
    float* out = nullptr;
  };

  /// What a node could make now.
  struct Offer {
    enum Kind { none, part, whole } kind = none;
    Index count = 0;
  };

  class NodeSet {
   public:
    void resize(std::size_t nodes);
    void fill() noexcept;
    void add(int k) noexcept { words_[static_cast<std::size_t>(k) / 64] |= std::uint64_t{1} << k % 64; }
    void remove(int k) noexcept { words_[static_cast<std::size_t>(k) / 64] &= ~(std::uint64_t{1} << k % 64); }
    /// The last of the set before node k, or −1.
    int last_before(int k) const noexcept;

   private:
    std::vector<std::uint64_t> words_;
  };

  const Kernel& kernel(int k) const {
    return *graph_->nodes[static_cast<std::size_t>(k)].kernel;
  }
  const std::vector<int>& inputs_of(int k) const {
    return graph_->nodes[static_cast<std::size_t>(k)].inputs;
  }
  Value& input_of(int k, std::size_t p) {
    return values_[static_cast<std::size_t>(inputs_of(k)[p])];
  }
  Value& output_of(int k) {
    return values_[static_cast<std::size_t>(graph_->value_of(k))];
  }

  [[gnu::cold]] void plan_values(const StreamOptions& options, const std::vector<bool>& large_values,
                                 std::span<const Index> totals, Index threads, Use use);
  void plan_places() noexcept;
  [[gnu::cold]] void plan_nodes(const std::vector<bool>& large_values, std::span<const Index> totals);
  [[gnu::cold]] void make_memory(bool only_in_pieces);
  [[gnu::cold]] void make_workspaces();
  bool place_free(const Value& value) const noexcept;
  Index room(const Value& value) noexcept;
  void find_room(Value & value, Index count) noexcept;
  bool process_single(FramesView in, Index count, float* out) noexcept;
  void borrow(float* scratch) noexcept;
  bool may_lend(FramesView in) const noexcept;
  bool process_in_pieces(std::span<const FramesView> in, std::span<const Index> expected) noexcept;
  void make_up(std::span<const Index> expected) noexcept;
  void feed(Value & v, FramesView in, std::size_t i, Index n) noexcept;
  bool send() noexcept;
  static void end_value(Value & v) noexcept {
    v.length = v.made;
  }
  void release(int v) noexcept;
  void release_inputs(int k) noexcept;
  Index needed_from(const Graph::Reader& r, const Value& value) noexcept;

  Frames frames(int k) noexcept;
  Block prepare(int k, Index count, Workspace& workspace) noexcept;
  Index prepare_windows(int k, Index n, Index count, Workspace& workspace) noexcept;
  bool past_caches(int k) const noexcept;
  void compute_past_caches(const Block& b, Workspace& workspace) noexcept;
  void compute(const Block& b, Workspace& workspace) noexcept;
  void commit(const Block& b) noexcept;

  bool run(bool sparing = false) noexcept;
  bool run_alone(bool sparing) noexcept;
  bool pass(bool patient, bool sparing) noexcept;
  bool step(int k, bool patient, bool sparing) noexcept;

  void work() noexcept override;
  Block take(Workspace & workspace) noexcept;
  Offer offer_of(int k) noexcept;
  void give_back(const Block& b) noexcept;
  void end_output(int k) noexcept;
  void look_around(int k) noexcept;

  std::shared_ptr<const Graph> graph_;
  std::vector<Value> values_;
  std::vector<Node> nodes_;
  std::vector<Index> sent_;
  std::vector<bool> past_caches_;      // of each output: it is written past the caches, if its node may
  std::vector<Index> taken_;           // of each input, in the push under way
  std::vector<Workspace> workspaces_;  // of each thread
  UnwrittenFloats own_frames_;         // queues and places; of groups and pieces it is empty
  float* places_ = nullptr;            // two, one behind the other
  const Value* in_place_[2] = {};      // which were there last
  Index place_floats_ = 0, edge_floats_ = 0;
  mutable std::vector<Index> scratch_, inputs_scratch_;
  std::span<const FramesSpan> out_;
  std::span<Index> written_;
  bool single_ = false;  // one kernel, one input, one output, one thread
  bool finished_ = false;
  bool crowded_ = false;  // a queue had no room for all that could be made in this pass

  // Of several threads. The lock guards all of the above but the frames that a thread reads and makes.
  std::mutex lock_;
  NodeSet fresh_;                     // nodes that may be able to run
  NodeSet parts_;                     // nodes that can make a part of a block
  std::atomic<unsigned> changes_{0};  // counts what may let another thread go on
  std::atomic<unsigned> entered_{0};  // threads in the run under way
  int busy_ = 0, waiting_ = 0;
  bool moved_ = false;      // something was made or has ended
  bool last_look_ = false;  // all nodes are fresh because nothing could be made
  bool still_ = false;      // nothing more can be made
  std::unique_ptr<SignalInPieces> in_pieces_;
  std::unique_ptr<ThreadPool> pool_;
};

/// Whether frames are more than caches hold, and go to memory that need not come into the caches first: not
/// what has just been allocated, which is new or, of a smaller result, was in use before.
bool beyond_caches(const FramesSpan& frames) noexcept;

}  // namespace wavestride::detail
