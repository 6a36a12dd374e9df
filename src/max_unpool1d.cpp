#include <wavestride/max_unpool1d.h>

#include "large_pages.h"
#include "pool1d.h"

namespace wavestride {
namespace {

pool::Windows check(const MaxUnpool1dOptions& o) {
  return pool::check_windows("max_unpool1d", o.kernel_size, o.stride, o.padding);
}

// The pooling windows that output frame m lies in are those that a transposed convolution would gather.
Geometry geometry(const pool::Windows& w, Index output_padding) {
  return conv_transpose_geometry(w.kernel, w.stride, w.padding, output_padding, 1);
}

class MaxUnpool1d final : public Kernel {
 public:
  MaxUnpool1d(Index channels, const pool::Windows& windows, Index output_padding)
      : Kernel(windows.description("max_unpool1d", channels),
               std::vector<Port>(2, {channels, geometry(windows, output_padding), {}}), channels),
        windows_(windows) {}

  void compute(const Work& work) const noexcept override {
    const Window& window = inputs()[0].geometry.window;
    const Index channels = out_channels(), base = window.first(work.n);
    const Index last = std::min(window.last(work.n + work.count - 1), work.length[0] - 1);
    std::fill_n(work.out, work.count * channels, 0.0f);
    for (Index n = std::max<Index>(base, 0); n <= last; ++n) {
      const float* values = work.in[0] + (n - base) * channels;
      const float* offsets = work.in[1] + (n - base) * channels;
      for (Index c = 0; c < channels; ++c) {
        if (!(offsets[c] >= 0 && offsets[c] < static_cast<float>(windows_.kernel))) continue;
        const Index to = windows_.start(n) + static_cast<Index>(offsets[c]) - work.n;
        if (to >= 0 && to < work.count) work.out[to * channels + c] = values[c];
      }
    }
  }

 private:
  pool::Windows windows_;
};

}  // namespace

[[gnu::cold]] Op op::max_unpool1d(Index channels, const MaxUnpool1dOptions& options, Index output_padding) {
  const pool::Windows windows = check(options);
  require(windows.reach() < (Index{1} << 24),
          "max_unpool1d: offsets must stay below 2^24 frames to be exact, got ", windows.reach());
  require(-windows.stride < output_padding && output_padding < windows.stride,
          "max_unpool1d: output_padding must be between −stride and stride ", windows.stride,
          ", exclusive, got ", output_padding);
  return Op(std::make_shared<MaxUnpool1d>(channels, windows, output_padding));
}

Signal max_unpool1d(FramesView x, const IndexSignal& indices, const MaxUnpool1dOptions& options,
                    std::optional<Index> output_size) {
  const pool::Windows windows = check(options);
  const Index channels = x.channels(), T = x.frames();
  require(indices.rows() == channels && indices.cols() == T, "max_unpool1d: indices must be ", channels,
          " × ", T, " as the values are, got ", indices.rows(), " × ", indices.cols());
  if (T == 0) return Signal(channels, 0);
  const Length& length = geometry(windows, 0).length;
  const Index usual = detail::affine_floor(T, length.mul, length.add, length.div);
  const Index size = output_size.value_or(usual), least = std::max<Index>(usual - windows.stride, 0);
  // Also of the usual size, which is 0 where padding leaves nothing: no frame has room for a value.
  require(least < size && size < usual + windows.stride, "max_unpool1d: output_size must be between ", least,
          " and ", usual + windows.stride, ", exclusive, got ", size);
  Signal y(channels, size);
  detail::prefer_large_pages(y);
  y.setZero();
  for (Index n = 0; n < T; ++n)
    for (Index c = 0; c < channels; ++c) {
      const Index to = indices(c, n);
      require(to >= 0 && to < size, "max_unpool1d: indices must be 0 to ", size - 1, ", got ", to,
              " in frame ", n);
      y(c, to) = x.frame(n)[c];
    }
  return y;
}

}  // namespace wavestride
