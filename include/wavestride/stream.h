// Stream: the state of one signal (or of one set of signals) passing through one Op.
#pragma once

#include <wavestride/op.h>

namespace WAVESTRIDE_API wavestride {

/// Of Op::stream().
struct StreamOptions {
  /// Frames that an operator makes at a time at most; 0 chooses by the size of a frame so that a block of
  /// activations stays in the cache. Never changes a bit of the output.
  Index block_frames = 0;
  /// Threads that share the work of a push or a whole signal, the caller's included; 0: as many as the
  /// machine has cores. They are the stream's own and sleep between pushes. Of a whole signal (op(x), or
  /// finish_with() before any push) each makes pieces by itself, but where a frame depends on all before it
  /// or outputs are several; of a push each works on one block at a time, which pays where a graph has many
  /// operators. Never changes a bit of the output. A fork has none.
  Index threads = 1;
};

namespace detail {
class GraphRunner;
}

/// Feeds an Op frame by frame. Output frames come as soon as the frames that they depend on have arrived; the
/// concatenated output has the same bits for every chunking, and equals op(x).
///
///     auto stream = op.stream();
///     while (auto chunk = microphone()) play(stream.push(chunk));
///     play(stream.finish());
///
/// Start: the operators' own padding stands before frame 0; nothing needs to be primed. End: finish() emits
/// the remaining frames; reset() then begins a new signal. All memory is allocated when the stream is made:
/// the forms of push and finish that write to the caller's frames neither allocate nor throw. One caller at a
/// time.
class Stream {
 public:
  explicit Stream(const Op& op, const StreamOptions& options = {});
  Stream(Stream&&) noexcept;
  Stream& operator=(Stream&&) noexcept;
  ~Stream();

  /// Exactly how many frames a push of n frames would emit now.
  Index frames_after(Index n) const noexcept;
  /// Exactly how many frames finish() would emit now, and finish_with() the last n frames.
  Index frames_at_finish(Index n = 0) const noexcept;

  /// Takes any number of frames, also none; writes the frames that became ready to the start of `out` and
  /// returns their number. Takes nothing and returns −1 on a caller's mistake (asserted in debug builds): a
  /// wrong number of channels, `out` shorter than frames_after(), a push after finish(), an Op of several
  /// inputs or outputs.
  Index push(FramesView in, FramesSpan out) noexcept;
  /// Fixes the length and writes the remaining frames; same rules as push.
  Index finish(FramesSpan out) noexcept;
  /// push() of the signal's last frames and finish() in one: operators then make all that is left at once,
  /// which takes less time where reading their weights counts.
  Index finish_with(FramesView last, FramesSpan out) noexcept;

  /// The same for callers who may allocate. Throws std::invalid_argument on the mistakes above.
  Signal push(FramesView in);
  Signal finish();
  Signal finish_with(FramesView last);

  /// Several inputs and outputs: in[i] may hold any number of frames, none included, but inputs should keep
  /// step: frames of an input that run more than a block ahead of the others are kept, and may allocate.
  /// Frames written to out[j] are counted in written[j]. Returns false, and takes nothing, on a caller's
  /// mistake.
  bool push(std::span<const FramesView> in, std::span<const FramesSpan> out,
            std::span<Index> written) noexcept;
  bool finish(std::span<const FramesSpan> out, std::span<Index> written) noexcept;
  bool finish_with(std::span<const FramesView> last, std::span<const FramesSpan> out,
                   std::span<Index> written) noexcept;
  std::vector<Signal> push(std::span<const FramesView> in);
  std::vector<Signal> finish_all();
  std::vector<Signal> finish_all_with(std::span<const FramesView> last);
  void frames_after(std::span<const Index> n, std::span<Index> out) const noexcept;
  void frames_at_finish(std::span<Index> out) const noexcept;
  void frames_at_finish(std::span<const Index> n, std::span<Index> out) const noexcept;

  /// Starts over with an empty signal; keeps the memory.
  void reset() noexcept;

  /// Frames taken and given since the start or the last reset.
  Index received(Index input = 0) const noexcept;
  Index emitted(Index output = 0) const noexcept;
  bool finished() const noexcept;

  /// Bytes that the stream holds: history, blocks and state. Of several threads some are taken from the
  /// system only with the first whole signal.
  Index state_bytes() const noexcept;
  const Op& op() const noexcept { return op_; }

 private:
  Op op_;
  std::unique_ptr<detail::GraphRunner> runner_;
};

}  // namespace wavestride
