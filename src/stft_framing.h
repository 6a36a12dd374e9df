// What the transforms of a signal's frames have in common.
#pragma once

#include <wavestride/kernel.h>
#include <wavestride/stft.h>

#include <vector>

#include "fft.h"
#include "starts_anywhere.h"

namespace wavestride {

/// Options with every default filled in.
struct StftFraming {
  /// Throws std::invalid_argument on anything wrong with the options.
  StftFraming(const char* op, const StftOptions& o);

  Index n_fft, hop, left, right;
  Index bins, rows;  // bins of the transform, rows of the spectrum given or taken
  Padding padding;
  std::vector<float> window;  // from the first to the last value that is not zero
  Index first;                // where it starts in the n_fft samples of a frame
  float scale;                // of the spectrum

  Index last() const { return first + static_cast<Index>(window.size()) - 1; }

  /// For one channel of samples.
  Port port() const;
  /// A frame's samples, windowed, as the values in time; those around the window are zero, always.
  void take(const float* samples, RealFft::Buffers& buffers) const noexcept;
};

struct FftState : KernelState, detail::StartsAnywhere {
  explicit FftState(const RealFft& fft) : buffers(fft) {}
  Index bytes() const noexcept override { return buffers.bytes(); }
  RealFft::Buffers buffers;
};

}  // namespace wavestride
