#include "signal_in_pieces.h"

#include <algorithm>
#include <numeric>

#include "kernel_group.h"
#include "large_pages.h"
#include "starts_anywhere.h"

namespace wavestride::detail {
namespace {

bool starts_anywhere(const Graph& graph) {
  if (graph.whole_signal_reason() || graph.outputs.size() != 1 || graph.outputs[0] < graph.inputs())
    return false;
  return std::all_of(graph.nodes.begin(), graph.nodes.end(), [](const Graph::Node& node) {
    const auto state = node.kernel->make_state();
    return !state || dynamic_cast<const StartsAnywhere*>(state.get()) != nullptr;
  });
}

/// How many frames of its input, of `total`, must be there before a port allows `count` output frames.
Index frames_for(const Port& port, Index count, Index total) noexcept {
  if (count <= 0) return 0;
  Index enough = std::clamp<Index>(port.geometry.window.last(count - 1) + 1, 0, total), few = enough - 1;
  const auto allows = [&](Index frames) { return frames >= total || port_available(port, frames) >= count; };
  for (Index step = 1; !allows(enough); step *= 2) {
    few = enough;
    enough = std::min(enough + step, total);
  }
  while (enough - few > 1) {
    const Index middle = few + (enough - few) / 2;
    (allows(middle) ? enough : few) = middle;
  }
  return std::max<Index>(enough, 0);
}

}  // namespace

std::unique_ptr<SignalInPieces> SignalInPieces::of(const std::shared_ptr<const Graph>& graph,
                                                   const StreamOptions& options, Index threads) {
  constexpr Index most_threads = 64;  // each takes memory
  if (threads < 2 || !starts_anywhere(*graph)) return nullptr;
  return std::unique_ptr<SignalInPieces>(new SignalInPieces(graph, options, std::min(threads, most_threads)));
}

SignalInPieces::SignalInPieces(std::shared_ptr<const Graph> graph, const StreamOptions& options,
                               Index threads)
    : graph_(std::move(graph)),
      output_(static_cast<std::size_t>(graph_->outputs[0])),
      totals_(graph_->values().size()) {
  work_.resize(static_cast<std::size_t>(graph_->inputs()));
  for (const Graph::Node& node : graph_->nodes) work_.push_back(work_of(*node.kernel));
  scratch_.resize(static_cast<std::size_t>(threads));
  for (Index i = 0; i < threads; ++i) {
    runners_.push_back(std::make_unique<GraphRunner>(
        graph_, StreamOptions{.block_frames = options.block_frames, .threads = 1}, std::span<const Index>(),
        GraphRunner::Use::piece));
    needs_.push_back({std::vector<Index>(totals_.size()), std::vector<Index>(totals_.size())});
  }
}

Index SignalInPieces::floats() const {
  return static_cast<Index>(runners_.size()) * runners_.front()->frame_floats();
}

void SignalInPieces::use(float* memory) noexcept {
  for (const auto& runner : runners_) {
    runner->use(memory);
    memory += runner->frame_floats();
  }
}

Index SignalInPieces::borrowed_bytes() const {
  Index bytes = 0;
  for (const Graph::Node& node : graph_->nodes) bytes = std::max(bytes, node.kernel->scratch_bytes());
  return bytes + runners_.front()->borrowed_by_pieces();
}

Index SignalInPieces::state_bytes() const {
  return std::accumulate(runners_.begin(), runners_.end(), Index{0},
                         [](Index sum, const auto& runner) { return sum + runner->state_bytes(); });
}

bool SignalInPieces::cut(std::span<const Index> lengths) noexcept {
  constexpr double most_twice = 1.0 / 12;     // of all work
  constexpr double least_work = 1e6;          // of a piece, lest others be woken for less than that takes
  constexpr double worth_balance = 1.0 / 64;  // made twice, so that a thread that is late has less to do
  constexpr Index most_pieces = 4;            // a thread
  const auto threads = static_cast<Index>(runners_.size());
  graph_->totals(lengths, totals_);
  const Index total = totals_[output_];
  Needs &left = needs_[0], &right = needs_[1];
  derive(0, total / 2, left);
  derive(total / 2, total, right);
  double work = 0, twice = 0;
  for (std::size_t v = 0; v < work_.size(); ++v) {
    work += work_[v] * static_cast<double>(totals_[v]);
    twice += work_[v] * static_cast<double>(std::max<Index>(left.until[v] - right.first[v], 0));
  }
  const auto share = [&](Index pieces) { return static_cast<double>(pieces) * twice / work; };
  if (total < threads || share(threads) > most_twice) return false;
  Index pieces = threads;
  while (pieces < most_pieces * threads && share(2 * pieces) <= worth_balance) pieces *= 2;
  const double enough = std::max(1.0, work / least_work);
  cut(lengths, enough < static_cast<double>(pieces) ? static_cast<Index>(enough) : pieces);
  return true;
}

void SignalInPieces::cut(std::span<const Index> lengths, Index pieces) noexcept {
  graph_->totals(lengths, totals_);
  pieces_ = std::min(pieces, totals_[output_]);
}

/// What output frames first … until−1 need.
void SignalInPieces::derive(Index first, Index until, Needs& needs) const noexcept {
  std::fill(needs.until.begin(), needs.until.end(), 0);
  needs.first = totals_;
  needs.first[output_] = first;
  needs.until[output_] = until;
  for (auto k = graph_->nodes.size(); k-- > 0;) {
    const Graph::Node& node = graph_->nodes[k];
    const auto out = static_cast<std::size_t>(graph_->value_of(static_cast<int>(k)));
    for (std::size_t p = 0; p < node.inputs.size(); ++p) {
      const Port& port = node.kernel->inputs()[p];
      const auto in = static_cast<std::size_t>(node.inputs[p]);
      const Index total = totals_[in];
      const Index needed = port_needs(port, needs.first[out], total, right_reach(port));
      needs.first[in] = std::min(needs.first[in], std::clamp<Index>(needed, 0, total));
      needs.until[in] = std::max(needs.until[in], frames_for(port, needs.until[out], total));
    }
  }
}

Index SignalInPieces::begin_of(Index piece) const noexcept {
  constexpr Index whole = 64;  // frames, so that kernels find most of their blocks uncut
  const Index total = totals_[output_], each = total / pieces_;
  if (piece == pieces_) return total;
  const Index begin = piece * each + std::min(piece, total % pieces_);
  return each < 16 * whole ? begin : begin / whole * whole;
}

void SignalInPieces::process(std::span<const FramesView> in, const FramesSpan& out,
                             ThreadPool& pool) noexcept {
  in_ = in;
  out_ = out;
  past_caches_ = beyond_caches(out);
  entered_ = 0;
  next_ = 0;
  pool.run(*this);
}

void SignalInPieces::work() noexcept {
  const std::size_t thread = entered_++;
  if (thread >= runners_.size()) return;
  Needs& needs = needs_[thread];
  for (Index piece; (piece = next_++) < pieces_;) {
    const Index first = begin_of(piece), until = begin_of(piece + 1);
    derive(first, until, needs);
    runners_[thread]->process_piece(in_, {needs.first, needs.until, totals_},
                                    out_.slice(first, until - first), past_caches_, scratch_[thread]);
  }
}

}  // namespace wavestride::detail
