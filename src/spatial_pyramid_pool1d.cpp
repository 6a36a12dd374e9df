#include <wavestride/spatial_pyramid_pool1d.h>

#include <numeric>

#include "pool1d.h"
#include "whole_signal.h"

namespace wavestride {
namespace {

class SpatialPyramidPool1d final : public WholeSignalKernel {
 public:
  SpatialPyramidPool1d(Index channels, std::span<const Index> levels, Pooling pooling)
      : WholeSignalKernel(message("spatial_pyramid_pool1d(", channels, " channels, levels ",
                                  shape_string(levels), ", ", pooling == Pooling::max ? "max" : "mean", ")"),
                          channels, channels * std::accumulate(levels.begin(), levels.end(), Index{0}),
                          pool::bins_reason),
        levels_(levels.begin(), levels.end()),
        pooling_(pooling) {}

  Index total(std::span<const Index> lengths) const override { return lengths[0] > 0 ? 1 : 0; }

  void compute(const Work& work) const noexcept override {
    const Index channels = inputs()[0].channels;
    float* out = work.out;
    for (const Index level : levels_) {
      for (Index i = 0; i < level; ++i) {
        const auto bin = pool::adaptive_bin(i, level, work.length[0]);
        pool::for_channel_blocks(channels, [&](Index from, Index block) {
          float pooled[pool::channel_block];
          pool::reduce(pooling_, work.in[0] + bin.first * channels + from, block, channels, bin.count,
                       pooled);
          for (Index c = 0; c < block; ++c) out[(from + c) * level + i] = pooled[c];
        });
      }
      out += channels * level;
    }
  }

 private:
  std::vector<Index> levels_;
  Pooling pooling_;
};

}  // namespace

namespace op {

Op spatial_pyramid_pool1d(Index channels, std::span<const Index> levels, Pooling pooling) {
  constexpr Index most = Index{1} << 31;
  require(!levels.empty(), "spatial_pyramid_pool1d: needs at least one level");
  Index values = 0;
  for (const Index level : levels) {
    require(level >= 1, "spatial_pyramid_pool1d: levels must be at least 1, got ", shape_string(levels));
    values = detail::affine_floor(channels, level, values, 1);
  }
  require(channels >= 1 && values < most, "spatial_pyramid_pool1d: must give 1 to 2^31 − 1 values, got ",
          channels, " channels, levels ", shape_string(levels));
  return Op(std::make_shared<SpatialPyramidPool1d>(channels, levels, pooling));
}

Op spatial_pyramid_pool1d(Index channels, std::initializer_list<Index> levels, Pooling pooling) {
  return spatial_pyramid_pool1d(channels, std::span(levels.begin(), levels.size()), pooling);
}

}  // namespace op

Signal spatial_pyramid_pool1d(FramesView x, std::span<const Index> levels, Pooling pooling) {
  return op::spatial_pyramid_pool1d(x.channels(), levels, pooling)(x);
}

Signal spatial_pyramid_pool1d(FramesView x, std::initializer_list<Index> levels, Pooling pooling) {
  return op::spatial_pyramid_pool1d(x.channels(), levels, pooling)(x);
}

}  // namespace wavestride
