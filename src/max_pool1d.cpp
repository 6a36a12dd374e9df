#include <wavestride/max_pool1d.h>

#include "graph.h"
#include "pool1d.h"

namespace wavestride {
namespace {

pool::Windows check(const MaxPool1dOptions& o) {
  return pool::check_windows("max_pool1d", o.kernel_size, o.stride, o.padding, o.dilation, o.ceil_mode);
}

// Maxima of windows, or their offsets. Frames beyond the signal are skipped, so that what stands there does
// not matter.
class MaxPool1d final : public Kernel {
 public:
  enum class Result { values, offsets };

  MaxPool1d(Index channels, const pool::Windows& windows, Result result)
      : Kernel(windows.description(result == Result::values ? "max_pool1d" : "max_pool1d offsets", channels),
               {{channels, windows.geometry(), {}}}, channels),
        windows_(windows),
        result_(result) {}

  void compute(const Work& work) const noexcept override {
    const Index channels = out_channels(), step = windows_.dilation * channels,
                in_step = windows_.stride * channels;
    const auto gap = static_cast<float>(windows_.dilation);
    for (Index j = 0; j < work.count; ++j) {
      const Index whole = windows_.whole(work.n + j, work.count - j, work.length[0]);
      const kernels::WindowTaps taps{work.in[0] + j * in_step, in_step, step, windows_.kernel};
      if (result_ == Result::values)
        kernels::max_over(taps, channels, whole, work.out + j * channels);
      else
        kernels::place_of_max(taps, gap, channels, whole, work.out + j * channels);
      j += whole;
      if (j == work.count) return;
      const auto [first, count] = windows_.taps(work.n + j, work.length[0]);
      const float* in = work.in[0] + j * in_step + first * step;
      float* out = work.out + j * channels;
      if (result_ == Result::values) {
        pool::max_over(in, channels, step, count, out);
        continue;
      }
      const auto offset = static_cast<float>(first * windows_.dilation);
      pool::for_channel_blocks(channels, [&, some = count](Index from, Index block) {
        float best[pool::channel_block];
        pool::max_over(in + from, block, step, some, best, out + from, offset, gap);
      });
    }
  }

 private:
  pool::Windows windows_;
  Result result_;
};

}  // namespace

namespace op {

Op max_pool1d(Index channels, const MaxPool1dOptions& options) {
  return Op(std::make_shared<MaxPool1d>(channels, check(options), MaxPool1d::Result::values));
}

Op max_pool1d_with_offsets(Index channels, const MaxPool1dOptions& options) {
  const pool::Windows windows = check(options);
  require(windows.reach() < (Index{1} << 24),
          "max_pool1d: offsets must stay below 2^24 frames to be exact, got ", windows.reach());
  std::vector<detail::Graph::Node> nodes;
  for (const auto result : {MaxPool1d::Result::values, MaxPool1d::Result::offsets})
    nodes.push_back({std::make_shared<MaxPool1d>(channels, windows, result), {0}});
  return Op(std::make_shared<const detail::Graph>("max_pool1d with offsets", std::vector<Index>{channels},
                                                  std::move(nodes), std::vector<int>{1, 2}));
}

}  // namespace op

Signal max_pool1d(FramesView x, const MaxPool1dOptions& options) {
  return op::max_pool1d(x.channels(), options)(x);
}

MaxPooled max_pool1d_with_indices(FramesView x, const MaxPool1dOptions& options) {
  const pool::Windows windows = check(options);
  std::vector<Signal> y = op::max_pool1d_with_offsets(x.channels(), options)({&x, 1});
  const Index channels = y[1].rows(), frames = y[1].cols();
  MaxPooled result{std::move(y[0]), IndexSignal(channels, frames)};
  const float* offset = y[1].data();
  Index* index = result.indices.data();
  for (Index n = 0, start = windows.start(0); n < frames; ++n, start += windows.stride)
    for (Index c = 0; c < channels; ++c) *index++ = start + static_cast<Index>(*offset++);
  return result;
}

}  // namespace wavestride
