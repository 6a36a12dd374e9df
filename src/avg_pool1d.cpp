#include <wavestride/avg_pool1d.h>

#include "pool1d.h"

namespace wavestride {
namespace {

class AvgPool1d final : public Kernel {
 public:
  AvgPool1d(Index channels, const pool::Windows& windows, bool count_include_pad)
      : Kernel(windows.description("avg_pool1d", channels), {{channels, windows.geometry(), {}}}, channels),
        windows_(windows),
        count_include_pad_(count_include_pad) {}

  void compute(const Work& work) const noexcept override {
    const Index channels = out_channels(), T = work.length[0];
    for (Index j = 0; j < work.count; ++j) {
      const Index whole = windows_.whole(work.n + j, work.count - j, T), kernel = windows_.kernel;
      const kernels::WindowTaps taps{work.in[0] + j * windows_.stride * channels, windows_.stride * channels,
                                     channels, kernel};
      float* out = work.out + j * channels;
      if (kernel <= pool::most_float_taps)
        kernels::sum_over(taps, 1 / static_cast<float>(kernel), channels, whole, out);
      else
        kernels::mean_over(taps, static_cast<double>(kernel), channels, whole, out);
      j += whole;
      if (j == work.count) return;
      const auto [first, count] = windows_.taps(work.n + j, T);
      // From the start of the window to its end or, if that comes first, the end of the padding.
      const Index padded =
          std::min(windows_.kernel, detail::add_sat(T, windows_.padding - windows_.start(work.n + j)));
      pool::mean_over(work.in[0] + (j * windows_.stride + first) * channels, channels, channels, count,
                      count_include_pad_ ? padded : count, work.out + j * channels);
    }
  }

 private:
  pool::Windows windows_;
  bool count_include_pad_;
};

}  // namespace

Op op::avg_pool1d(Index channels, const AvgPool1dOptions& o) {
  const auto windows = pool::check_windows("avg_pool1d", o.kernel_size, o.stride, o.padding, 1, o.ceil_mode);
  return Op(std::make_shared<AvgPool1d>(channels, windows, o.count_include_pad));
}

Signal avg_pool1d(FramesView x, const AvgPool1dOptions& options) {
  return op::avg_pool1d(x.channels(), options)(x);
}

}  // namespace wavestride
