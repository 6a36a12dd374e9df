// Conversions of the sample rate, and two of them in sequence: where a sharp filter is cheap at one rate and
// the rate that is asked for is another, the first of them goes to a rate between and the second from there.
#pragma once

#include <memory>
#include <optional>

#include "kernels/continuous.h"
#include "kernels/polyphase.h"

namespace wavestride::kernels {

/// A filter between rates of no common period: y[n] = gain · Σ_m x[m] · h(origin + (n·M − m·L +
/// last)·points), in points of its table.
struct TableConversion {
  std::shared_ptr<const ContinuousFilter> filter;
  Window window{};    // M, L, and what an output reads
  Index last = 0;     // the sample at L times the input rate that meets an input frame at the output's time
  double points = 0;  // of the table, from such a sample to the next
  double origin = 0;  // the point of sample 0

  bool precise() const { return filter->precise(); }
};

/// A bank or a table, and what its calls work in: one per thread.
class Conversion {
 public:
  [[gnu::cold]] explicit Conversion(std::shared_ptr<const PolyphaseBank> bank);
  [[gnu::cold]] explicit Conversion(std::shared_ptr<const TableConversion> table);
  Conversion(Conversion&&) noexcept;
  [[gnu::cold]] ~Conversion();

  const Window& window() const { return bank_ ? bank_->window() : table_->window; }
  bool precise() const { return bank_ ? bank_->precise() : table_->precise(); }
  Index bytes() const { return bank_ ? bank_scratch_->bytes() : table_scratch_->bytes(); }

  /// Outputs n … n+count−1, as polyphase(): `in` is the frame that the window of output n starts with.
  template <class In, class Out>
  void run(const In* in, Index n, Index count, Index channels, Out* out) noexcept;

 private:
  std::shared_ptr<const PolyphaseBank> bank_;
  std::shared_ptr<const TableConversion> table_;
  std::optional<PolyphaseScratch> bank_scratch_;
  std::optional<ContinuousScratch> table_scratch_;
  Index block_ = 0;  // outputs of a call of the table
};

/// The input frames that an output frame reads through both.
Window cascade_window(const Window& first, const Window& second);

/// The latest frames of a conversion, kept from call to call so that none is made twice as long as calls
/// follow each other.
class KeptFrames {
 public:
  /// At most so many at a time; in double where the conversion and what follows are precise.
  [[gnu::cold]] KeptFrames(Conversion conversion, Index channels, Index most, bool precise_follows);

  const Window& window() const { return conversion_.window(); }
  bool precise() const { return !doubles_.empty(); }
  Index bytes() const;

  /// Frames from … to−1, from input whose first frame is in_start; T is double where precise. Frames kept
  /// must be of the same signal: reset() starts another.
  template <class T>
  const T* make(Index from, Index to, const float* in, Index in_start) noexcept;
  void reset() noexcept { begin_ = end_ = 0; }

 private:
  Conversion conversion_;
  Index channels_;
  Index begin_ = 0, end_ = 0;  // those that are kept
  Aligned<float> floats_;      // they are here,
  Aligned<double> doubles_;    // or here
};

/// Two conversions, with the frames between them in double where both are precise.
class CascadeScratch {
 public:
  [[gnu::cold]] CascadeScratch(Conversion first, Conversion second, Index channels);

  /// As Conversion::run(); of another signal after reset().
  void run(const float* in, Index n, Index count, float* out) noexcept;
  void reset() noexcept { between_.reset(); }
  Index bytes() const { return between_.bytes() + second_.bytes(); }

 private:
  Conversion second_;
  Window window_;
  Index channels_, block_;  // outputs at a time
  KeptFrames between_;
};

}  // namespace wavestride::kernels
