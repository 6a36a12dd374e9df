// Real Fourier transforms of any size, and complex ones; the only place that sees FFTW. A plan is made once
// per size for the whole process and never depends on measurements, so that results are the same in every
// run.
#pragma once

#include <wavestride/geometry.h>

#include <memory>
#include <span>

namespace wavestride {

/// Immutable; any number of threads may transform at once, each in its own Buffers.
class RealFft {
  struct Free {
    void operator()(float* p) const noexcept;
  };
  using Memory = std::unique_ptr<float, Free>;
  struct Plans;

 public:
  static constexpr Index max_size = 65'536;

  /// What transforms work in. Its alignment is always the one that the plans were made for, so that results
  /// do not depend on where a caller's samples lie. Zero when made.
  class Buffers {
   public:
    explicit Buffers(const RealFft& fft);
    Index bytes() const noexcept { return bytes_; }
    std::span<float> time;      ///< size real values
    std::span<float> spectrum;  ///< size/2 + 1 complex values: real, imaginary, real, …

   private:
    friend class RealFft;
    friend struct Plans;
    Memory time_memory_, spectrum_memory_, work_memory_[3];
    Index bytes_ = 0;
  };

  /// Throws std::invalid_argument unless 1 ≤ size ≤ max_size.
  explicit RealFft(Index size);

  Index size() const { return size_; }
  Index bins() const { return size_ / 2 + 1; }

  /// spectrum[k] = Σ_n time[n] · exp(−2πi·kn/size); leaves `time` as it is.
  void forward(Buffers& buffers) const noexcept { forward(buffers, buffers.spectrum.data()); }
  /// The same with the spectrum anywhere else.
  void forward(Buffers& buffers, float* spectrum) const noexcept;
  /// magnitudes[k] = (|spectrum[k]|² + epsilon)^(power/2) of the first `bins`; magnitudes has bins() values.
  void magnitudes(Buffers& buffers, Index bins, float epsilon, double power,
                  float* magnitudes) const noexcept;
  /// time[n] = Σ_k spectrum[k] · exp(2πi·kn/size) over all `size` bins of a symmetric spectrum, unscaled. The
  /// imaginary parts of bin 0 and of bin size/2 (even sizes) count as zero. Overwrites `spectrum`.
  void inverse(Buffers& buffers) const noexcept;

 private:
  static std::shared_ptr<const Plans> plans(Index size);
  /// Of an even size, the transform of even samples as real and odd ones as imaginary parts.
  const float* halves(Buffers& buffers) const noexcept;

  Index size_;
  std::shared_ptr<const Plans> plans_;
};

/// A complex transform and its inverse, unscaled. T is float or double; values are real and imaginary parts
/// in turn, in memory that starts at a cache line.
template <class T>
class ComplexFft {
 public:
  enum class Direction { forward, inverse };

  /// Throws std::invalid_argument unless is_fast(size).
  ComplexFft(Direction direction, Index size);

  /// Whether the prime factors of `size` are ones that FFTW has code for.
  static bool is_fast(Index size);

  Index size() const { return size_; }

  /// `out` is not `in`, which it leaves as it is.
  void operator()(const T* in, T* out) const noexcept;

 private:
  struct Plan;

  Index size_;
  std::shared_ptr<const Plan> plan_;
};

}  // namespace wavestride
