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
    const Index channels = out_channels(), T = work.length[0], step = T / output_size_,
                left = T % output_size_;
    auto [first, count] = pool::adaptive_bin(work.n, output_size_, T);
    Index rest = static_cast<Index>(static_cast<detail::Wide>(work.n) * T -
                                    static_cast<detail::Wide>(first) * output_size_);
    for (Index j = 0; j < work.count; ++j) {
      // The next bin begins at the last frame of this one where it shares it.
      Index next = first + step;
      if ((rest += left) >= output_size_) rest -= output_size_, ++next;
      count = next - first + (rest > 0 ? 1 : 0);
      const float* in = work.in[0] + first * channels;
      float* out = work.out + j * channels;
      // These take less time to reduce than to tell a kernel of.
      if (channels < 4 && channels * count <= (channels == 1 && pooling_ == Pooling::max ? 64 : 16))
        for (Index c = 0; c < channels; ++c) out[c] = reduced(in + c, channels, count);
      else
        pool::reduce(pooling_, in, channels, channels, count, out);
      first = next;
    }
  }

 private:
  // As the kernels do it, in that order.
  float reduced(const float* in, Index step, Index count) const noexcept {
    float result = pooling_ == Pooling::max ? *in : 0.0f + *in;
    for (Index k = 1; k < count; ++k) {
      const float v = in[k * step];
      result = pooling_ == Pooling::max ? (pool::exceeds(v, result) ? v : result) : result + v;
    }
    return pooling_ == Pooling::max ? result : result * (1 / static_cast<float>(count));
  }

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
