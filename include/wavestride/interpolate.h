// Interpolation over frames, or over bins × frames: torch.nn.functional.interpolate, with its coordinates.
//
// Output n lies at input position (n + ½)/scale − ½ (half-pixel centres), or with align_corners at
// n·(T−1)/(out−1). "nearest" takes frame floor(n/scale), "nearest-exact" the frame whose centre is nearest.
// Positions are exact fractions, so that frame numbers are right at any length; PyTorch computes them in
// float. And a scale is the same for every length; PyTorch copies a signal whose length a linear scale
// happens to leave as it is (1.4 of 2 frames).
#pragma once

#include <wavestride/op.h>

namespace WAVESTRIDE_API wavestride {

/// Output frames per input frame as an exact fraction. A double stands for the fraction of the smallest
/// denominator that rounds to it: 0.1 is 1/10, 1.0/3 is 1/3, 22050/16000.0 is 441/320. Throws
/// std::invalid_argument unless it is between 2^-20 and 2^20 and, where it is given as a ratio, its terms are
/// at most 2^40.
class ScaleFactor {
 public:
  ScaleFactor(double scale);
  ScaleFactor(Ratio out_per_in);
  Ratio ratio() const { return ratio_; }

 private:
  Ratio ratio_;
};

enum class InterpolateMode { nearest, nearest_exact, linear };

/// Exactly one of size (output frames) and scale_factor must be given.
struct InterpolateOptions {
  std::optional<Index> size = {};
  std::optional<ScaleFactor> scale_factor = {};
  InterpolateMode mode = InterpolateMode::nearest;
  bool align_corners = false;  ///< linear only
};

/// Bins × frames; linear is PyTorch's "bilinear".
struct Interpolate2dOptions {
  /// Output bins and frames.
  struct Size {
    Index bins, frames;
  };
  /// Output bins and frames per input bin and frame.
  struct Scale {
    ScaleFactor bins, frames;
  };
  std::optional<Size> size = {};
  std::optional<Scale> scale_factor = {};
  InterpolateMode mode = InterpolateMode::nearest;
  bool align_corners = false;
};

namespace op {

/// x: channels × T, y: channels × floor(T·scale_factor), or × size for any T > 0. Streams when driven by
/// scale_factor without align_corners; a fixed size, and the spacing of align_corners, depend on the length.
/// Throws std::invalid_argument on contradicting options.
Op interpolate(Index channels, const InterpolateOptions& options);

/// The same with a signal as an image of `bins` × T, both axes at once: nn.Upsample on a spectrogram. y:
/// floor(bins·scale) × floor(T·scale), or size.
Op interpolate2d(Index bins, const Interpolate2dOptions& options);

/// Every frame `times` times: nearest by an integer, torch.repeat_interleave over frames.
Op repeat(Index channels, Index times);

}  // namespace op

/// The same on whole signals.
Signal interpolate(FramesView x, const InterpolateOptions& options);
Signal interpolate2d(FramesView x, const Interpolate2dOptions& options);
Signal repeat(FramesView x, Index times);

}  // namespace wavestride
