#include <wavestride/index_select.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <numeric>

#include "check.h"
#include "frame_shuffle.h"
#include "moves_frames.h"

namespace wavestride {
namespace {

class IndexSelect final : public Kernel, public detail::MovesFrames {
 public:
  IndexSelect(Index channels, std::vector<Index> index)
      : Kernel(message("index_select(", channels, " → ", index.size(), ")"),
               {{channels, conv_geometry(1, 1, 1, 0, 0), {}}}, static_cast<Index>(index.size())),
        index_(std::move(index)),
        shuffle_(channels, index_) {}

  void compute(const Work& work) const noexcept override {
    const Index channels = inputs()[0].channels;
    const float* in = work.in[0];
    float* out = work.out;
    Index n = shuffle_.make(in, work.count * channels, out, work.count * out_channels());
    for (; n + 4 <= work.count; n += 4) gather<4>(in + n * channels, out + n * out_channels());
    for (; n < work.count; ++n) gather<1>(in + n * channels, out + n * out_channels());
  }

  bool past_caches() const noexcept override { return out_channels() > inputs()[0].channels; }

 private:
  // Four values of a frame are one store. The next frames are fetched in the order in which they lie: one of
  // values here and there the processor does not guess.
  template <Index frames>
  void gather(const float* in, float* out) const noexcept {
    const Index channels = inputs()[0].channels, size = out_channels();
    const Index fours = frames < 4 || size < 4 ? 0 : size;
    for (Index at = 0; at < fours; at += 4) {
      // No pointer: these may lie beyond the signal.
      __builtin_prefetch(
          reinterpret_cast<const void*>(reinterpret_cast<std::uintptr_t>(in) +
                                        static_cast<std::uintptr_t>(frames * (channels + at)) * sizeof *in));
      const Index to = std::min(at, size - 4);
      const Index* const i = index_.data() + to;
      const Index a = i[0], b = i[1], c = i[2], d = i[3];
#pragma GCC unroll 4
      for (Index j = 0; j < frames; ++j) {
        const float* const x = in + j * channels;
        const float values[] = {x[a], x[b], x[c], x[d]};
        std::memcpy(out + j * size + to, values, sizeof values);
      }
    }
    for (Index at = fours; at < size; ++at)
      for (Index j = 0; j < frames; ++j)
        out[j * size + at] = in[j * channels + index_[static_cast<std::size_t>(at)]];
  }

  std::vector<Index> index_;
  detail::FrameShuffle shuffle_;
};

}  // namespace

namespace op {

Op index_select(Index channels, std::vector<Index> index) {
  require(!index.empty(), "index_select: index must name at least one channel");
  for (const Index i : index)
    require(i >= 0 && i < channels, "index_select: index must be 0 to ", channels - 1, ", got ", i);
  return Op(std::make_shared<IndexSelect>(channels, std::move(index)));
}

Op channel_slice(Index channels, Index first, Index count) {
  require(count > 0, "channel_slice: count must be positive, got ", count);
  require(first >= 0 && count <= channels && first <= channels - count, "channel_slice: ", count,
          " channels from ", first, " on must lie within ", channels);
  std::vector<Index> index(static_cast<std::size_t>(count));
  std::iota(index.begin(), index.end(), first);
  return index_select(channels, std::move(index));
}

}  // namespace op

Signal index_select(FramesView x, std::vector<Index> index) {
  return op::index_select(x.channels(), std::move(index))(x);
}

}  // namespace wavestride
