// A signal is a matrix of channels × frames, column-major: one frame is one contiguous column, so K
// consecutive frames are one contiguous run of K·channels floats. Views borrow such runs; Tensor holds
// PyTorch-shaped arrays.
#pragma once

#include <wavestride/geometry.h>

#include <Eigen/Core>
#include <concepts>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace WAVESTRIDE_API wavestride {

/// Channels × frames, owned. Interleaved audio, spectrogram columns and activations all have this layout.
using Signal = Eigen::MatrixXf;

/// Channels × frames of 64-bit indices (max pooling's return_indices).
using IndexSignal = Eigen::Matrix<Index, Eigen::Dynamic, Eigen::Dynamic>;

/// A borrowed run of whole frames: `frames` columns of `channels` floats without gaps. T is float or const
/// float.
template <class T>
class BasicFrames {
 public:
  constexpr BasicFrames() = default;
  constexpr BasicFrames(T* data, Index channels, Index frames)
      : data_(data), channels_(channels), frames_(frames) {}

  /// From a Signal, a Map, or whole columns of one (`x.middleCols(a, n)`). Throws std::invalid_argument when
  /// they do not lie one behind the other, as those of `x.topRows(n)` or `x.row(c)` do not: copy these,
  /// Signal(x.row(c)).
  template <class M>
  requires std::derived_from<std::remove_cvref_t<M>, Eigen::MatrixBase<std::remove_cvref_t<M>>> &&
      requires(M& m) {
    { m.data() } -> std::convertible_to<T*>;
    m.colStride();
  } &&(!std::remove_cvref_t<M>::IsRowMajor || bool(std::remove_cvref_t<M>::IsVectorAtCompileTime))
      BasicFrames(M&& m)
      : data_(m.data()), channels_(m.rows()), frames_(m.cols()) {
    if ((m.cols() > 1 && m.colStride() != m.rows()) || (m.rows() > 1 && m.rowStride() != 1))
      throw std::invalid_argument(
          "frames must be whole columns of one matrix that lie one behind the other; a copy of a row or a "
          "block, Signal(x.row(0)), has such");
  }

  /// Writable frames are readable.
  constexpr operator BasicFrames<const T>() const { return {data_, channels_, frames_}; }

  constexpr T* data() const { return data_; }
  constexpr Index channels() const { return channels_; }
  constexpr Index frames() const { return frames_; }
  constexpr T* frame(Index n) const { return data_ + n * channels_; }

  /// Frames a … a+count−1.
  constexpr BasicFrames slice(Index a, Index count) const { return {frame(a), channels_, count}; }

  /// The same frames as an Eigen matrix expression.
  auto matrix() const {
    using Matrix = std::conditional_t<std::is_const_v<T>, const Signal, Signal>;
    return Eigen::Map<Matrix>(data_, channels_, frames_);
  }

 private:
  T* data_ = nullptr;
  Index channels_ = 0, frames_ = 0;
};

using FramesView = BasicFrames<const float>;
using FramesSpan = BasicFrames<float>;

/// An n-dimensional float array in C order, as PyTorch and numpy hold it. Weights are (out, in/groups,
/// kernel), for transposed convolution (in, out/groups, kernel); signals are [channels, frames].
struct Tensor {
  std::vector<Index> shape;
  std::vector<float> data;

  Tensor() = default;
  /// Throws std::invalid_argument when `data` does not hold as many values as `shape` says.
  Tensor(std::vector<Index> shape, std::vector<float> data);
  /// Zeros.
  explicit Tensor(std::vector<Index> shape);

  Index size() const { return static_cast<Index>(data.size()); }
  Index dim(std::size_t i) const { return i < shape.size() ? shape[i] : 1; }
  bool empty() const { return data.empty(); }
  /// Throws as the constructor does: what reads `data` by `shape` looks first, since both may be changed.
  void check() const;
};

/// "[2, 3, 7]", for messages.
std::string shape_string(std::span<const Index> shape);

/// [channels, frames] (or [frames], one channel) in C order to channels × frames. Throws on other shapes.
Signal to_signal(const Tensor& t);

/// Channels × frames to a C-order tensor [channels, frames].
Tensor to_tensor(FramesView x);

}  // namespace wavestride
