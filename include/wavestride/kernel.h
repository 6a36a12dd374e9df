// Kernel: what an operator implements. It declares, for each input, the window of frames that an output frame
// reads and how frames beyond the signal are made; and it computes output frames from whole windows. Length,
// latency, history, borders and streaming follow from the declaration and are nobody's code but the engine's.
#pragma once

#include <wavestride/signal.h>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace WAVESTRIDE_API wavestride {

/// How an operator sees frames before the start and past the end of its input.
enum class PadMode {
  constant,   ///< a fixed value (PyTorch's "zeros" when it is 0)
  reflect,    ///< x[-i] = x[i]; a signal shorter than the padding is reflected again, as numpy.pad does
  replicate,  ///< the first or last frame again
  circular,   ///< x[i mod T]: the signal again and again. What pads so can't stream; no port of a kernel may
};

/// The rule that makes frames beyond the ends, and its value.
struct Padding {
  PadMode mode = PadMode::constant;
  float value = 0.0f;
};

/// One input of a kernel.
struct Port {
  Index channels = 1;
  Geometry geometry;
  Padding padding;
};

/// What a stream keeps for a kernel beside its input frames: FFT buffers, recurrent state.
struct KernelState {
  virtual ~KernelState() = default;
  virtual void reset() noexcept {}
  /// Bytes that it holds.
  virtual Index bytes() const noexcept = 0;
};

/// One call of Kernel::compute: make output frames n … n+count−1.
struct Work {
  /// Of input i, the frame that the window of output n starts with; the frames up to the end of the window of
  /// output n+count−1 follow without gaps, virtual frames included. For a whole-signal kernel: frame 0.
  std::span<const float* const> in;
  Index n = 0, count = 0;
  float* out = nullptr;           ///< out_channels × count
  KernelState* state = nullptr;   ///< from make_state()
  std::span<const Index> length;  ///< of input i: its frames once it has ended, before that `unknown`
  void* scratch = nullptr;  ///< scratch_bytes() from a cache line on, in which others have worked before
  static constexpr Index unknown = std::numeric_limits<Index>::max();
};

/// An operator without parts: immutable, shared by any number of streams and threads.
///
/// compute() must give output frame n the same bits whatever n is grouped with: the order of summation may
/// depend on n modulo the window's den and on the kernel alone.
class Kernel {
 public:
  virtual ~Kernel() = default;

  /// PyTorch's name and the parameters that matter: "conv1d(80 → 512, kernel 7, stride 1)".
  const std::string& name() const { return name_; }
  const std::vector<Port>& inputs() const { return inputs_; }
  Index out_channels() const { return out_channels_; }

  /// Output frames for inputs of these lengths (Work::unknown: endless); the shortest input decides.
  virtual Index total(std::span<const Index> lengths) const;

  /// Why no output frame can be made before the whole signal is known; nullopt for a kernel that streams.
  virtual std::optional<std::string> whole_signal_reason() const { return std::nullopt; }

  virtual std::unique_ptr<KernelState> make_state() const { return nullptr; }

  /// Memory that a call of compute() needs for itself; all kernels that a thread runs share it.
  virtual Index scratch_bytes() const { return 0; }

  virtual void compute(const Work& work) const noexcept = 0;

  /// Whether output frame n is made of frame n of each input and nothing else, without a state, with as many
  /// channels as each input has, and compute() may write it over any one of them. Streams then join it,
  /// unless it needs scratch memory, to the kernel whose output it alone reads; the length of that is unknown
  /// to it.
  virtual bool in_place() const { return false; }

  /// Learned values held.
  virtual Index parameters() const { return 0; }
  /// Multiply-adds per output frame.
  virtual double macs_per_frame() const { return 0; }

 protected:
  Kernel(std::string name, std::vector<Port> inputs, Index out_channels)
      : name_(std::move(name)), inputs_(std::move(inputs)), out_channels_(out_channels) {}

 private:
  std::string name_;
  std::vector<Port> inputs_;
  Index out_channels_;
};

}  // namespace wavestride
