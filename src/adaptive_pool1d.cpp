#include <wavestride/adaptive_pool1d.h>

#include "pool1d.h"
#include "whole_signal.h"

namespace wavestride {
namespace {

const char* name_of(Pooling pooling) {
  return pooling == Pooling::max ? "adaptive_max_pool1d" : "adaptive_avg_pool1d";
}

class AdaptivePool1d final : public WholeSignalKernel {
 public:
  AdaptivePool1d(Pooling pooling, Index channels, Index output_size)
      : WholeSignalKernel(
            message(name_of(pooling), "(", channels, " channels, output_size ", output_size, ")"), channels,
            channels, pool::bins_reason),
        pooling_(pooling),
        output_size_(output_size) {}

  Index total(std::span<const Index> lengths) const override { return lengths[0] > 0 ? output_size_ : 0; }

  void compute(const Work& work) const noexcept override {
    const Index channels = out_channels();
    for (Index j = 0; j < work.count; ++j) {
      const auto [first, count] = pool::adaptive_bin(work.n + j, output_size_, work.length[0]);
      pool::reduce(pooling_, work.in[0] + first * channels, channels, channels, count,
                   work.out + j * channels);
    }
  }

 private:
  Pooling pooling_;
  Index output_size_;
};

Op adaptive_pool1d(Pooling pooling, Index channels, Index output_size) {
  require(output_size >= 0, name_of(pooling), ": output_size must not be negative, got ", output_size);
  return Op(std::make_shared<AdaptivePool1d>(pooling, channels, output_size));
}

}  // namespace

namespace op {

Op adaptive_avg_pool1d(Index channels, Index output_size) {
  return adaptive_pool1d(Pooling::mean, channels, output_size);
}
Op adaptive_max_pool1d(Index channels, Index output_size) {
  return adaptive_pool1d(Pooling::max, channels, output_size);
}

}  // namespace op

Signal adaptive_avg_pool1d(FramesView x, Index output_size) {
  return op::adaptive_avg_pool1d(x.channels(), output_size)(x);
}
Signal adaptive_max_pool1d(FramesView x, Index output_size) {
  return op::adaptive_max_pool1d(x.channels(), output_size)(x);
}

MaxPooled adaptive_max_pool1d_with_indices(FramesView x, Index output_size) {
  const Index channels = x.channels();
  const Index frames = op::adaptive_max_pool1d(channels, output_size).total(x.frames());
  MaxPooled y{Signal(channels, frames), IndexSignal(channels, frames)};
  for (Index i = 0; i < frames; ++i) {
    const auto [first, count] = pool::adaptive_bin(i, output_size, x.frames());
    pool::max_over(x.frame(first), channels, channels, count, y.values.col(i).data(), y.indices.col(i).data(),
                   first, Index{1});
  }
  return y;
}

}  // namespace wavestride
