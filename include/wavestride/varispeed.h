// Sample-rate conversion by a ratio that changes while it runs: clock drift, varispeed, pitch.
#pragma once

#include <wavestride/resample.h>

namespace WAVESTRIDE_API wavestride {

/// Output frames lie at input positions p(0) = 0, p(n+1) = p(n) + speed(p(n)), where speed is the number of
/// input frames per output frame: a function of the input position alone, so that no chunking changes a bit.
/// The filter is that of the quality at every speed, and is widened above 1 so that nothing aliases.
///
///     Varispeed v(2);
///     play(v.push(chunk));
///     v.set_speed(1.001, 480);  // from the next frame that is pushed, over 480 frames
///
/// All memory is allocated when the object is made: set_speed() and the forms of push and finish that write
/// to the caller's frames do not allocate.
class Varispeed {
 public:
  static constexpr double slowest = 1.0 / 16, fastest = 16;  ///< speeds

  /// Throws std::invalid_argument when channels are not 1 to 65536, or speed is not from slowest to fastest.
  explicit Varispeed(Index channels, double speed = 1, Quality quality = Quality::standard);
  Varispeed(Varispeed&&) noexcept;
  Varispeed& operator=(Varispeed&&) noexcept;
  ~Varispeed();

  /// Changes the speed from input frame received() on, linearly over `ramp_frames` input frames. A change
  /// that comes before an earlier ramp is over starts where that ramp stands. Throws as the constructor, and
  /// on a negative ramp.
  void set_speed(double speed, Index ramp_frames = 0);
  /// The speed at input frame received().
  double speed() const;

  /// Exactly how many frames a push of n frames, or finish(), would give now: counted one by one, since their
  /// positions are sums that are rounded one by one.
  Index frames_after(Index n) const noexcept;
  Index frames_at_finish() const noexcept;

  /// Takes any number of frames, writes the output frames that are ready to `out`, which has room for
  /// frames_after(in.frames()), and returns how many they are; −1, and takes nothing, on a caller's mistake:
  /// another number of channels, too little room, frames after finish().
  Index push(FramesView in, FramesSpan out) noexcept;
  /// The output frames up to the end of the input; frames past it are silent.
  Index finish(FramesSpan out) noexcept;

  /// The same for callers who may allocate. Throw std::invalid_argument on the mistakes above.
  Signal push(FramesView in);
  Signal finish();
  /// Starts over at the speed of the constructor.
  void reset();

  Index received() const;
  Index emitted() const;
  /// Input frames that an output frame reads ahead at a speed.
  Index lookahead_frames(double speed) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace wavestride
