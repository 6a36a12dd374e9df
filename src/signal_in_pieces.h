// SignalInPieces: several threads at work on a whole signal, each on a piece of the output by itself.
#pragma once

#include "graph_runner.h"

namespace wavestride::detail {

/// A thread makes one piece of the output after another as one thread alone would make all of it, depth-first
/// from the inputs on, and shares nothing with the others. Of the values between it makes again what a piece
/// needs of the frames before it: the same, since a frame does not depend on what it is made with.
class [[gnu::visibility("hidden")]] SignalInPieces final : private ThreadPool::Job {
 public:
  /// nullptr for a graph that needs a whole signal, has several outputs, or keeps what only all frames before
  /// can give. Of very many threads some have no part in it.
  [[gnu::cold]] static std::unique_ptr<SignalInPieces> of(const std::shared_ptr<const Graph>& graph,
                                                          const StreamOptions& options, Index threads);

  /// Memory for frames that must be lent to it, and what process() needs for each thread.
  Index floats() const;
  void use(float* memory) noexcept;
  Index borrowed_bytes() const;
  Index state_bytes() const;

  /// Cuts a signal whose inputs are so long; false where too much would be made twice.
  bool cut(std::span<const Index> lengths) noexcept;
  /// Likewise to a given number of pieces, of a frame each at least.
  void cut(std::span<const Index> lengths, Index pieces) noexcept;
  Index pieces() const {
    return pieces_;
  }

  /// Makes what cut() has cut; scratch(i) is thread i's.
  template <class Scratch>
  void process(std::span<const FramesView> in, const FramesSpan& out, ThreadPool& pool,
               Scratch&& scratch) noexcept {
    for (std::size_t i = 0; i < scratch_.size(); ++i) scratch_[i] = scratch(i);
    process(in, out, pool);
  }

 private:
  SignalInPieces(std::shared_ptr<const Graph> graph, const StreamOptions& options, Index threads);

  /// The frames of each value that a piece needs: from `first` on, and before `until`.
  struct Needs {
    std::vector<Index> first, until;
  };
  void derive(Index first, Index until, Needs & needs) const noexcept;
  Index begin_of(Index piece) const noexcept;
  void process(std::span<const FramesView> in, const FramesSpan& out, ThreadPool& pool) noexcept;
  void work() noexcept override;

  std::shared_ptr<const Graph> graph_;
  std::size_t output_;
  std::vector<double> work_;                           // of each value, for a frame
  std::vector<std::unique_ptr<GraphRunner>> runners_;  // of each thread
  std::vector<Needs> needs_;                           // likewise
  std::vector<void*> scratch_;
  std::vector<Index> totals_;
  Index pieces_ = 0;

  std::span<const FramesView> in_;
  FramesSpan out_;
  bool past_caches_ = false;
  std::atomic<std::size_t> entered_{0};
  std::atomic<Index> next_{0};
};

}  // namespace wavestride::detail
