#include <wavestride/index_select.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <numeric>

#include "check.h"
#include "kernels/elementwise.h"

namespace wavestride {
namespace {

class IndexSelect final : public Kernel {
 public:
  IndexSelect(Index channels, std::vector<Index> index)
      : Kernel(message("index_select(", channels, " → ", index.size(), ")"),
               {{channels, conv_geometry(1, 1, 1, 0, 0), {}}}, static_cast<Index>(index.size())),
        index_(std::move(index)) {
    plan(channels);
  }

  void compute(const Work& work) const noexcept override {
    const Index channels = inputs()[0].channels;
    const float* in = work.in[0];
    float* out = work.out;
    Index n = shuffle(work);
    for (; n + 4 <= work.count; n += 4) gather<4>(in + n * channels, out + n * out_channels());
    for (; n < work.count; ++n) gather<1>(in + n * channels, out + n * out_channels());
  }

 private:
  // Steps are frames, or several that together fit in a vector. A vector takes what follows one another in
  // the output for as long as it lies within a vector of the input; where that is less than two values each,
  // one by one is no slower.
  void plan(Index channels) {
    const Index lanes = kernels::shuffle_lanes();
    frames_ = std::max<Index>(1, lanes / std::max(channels, out_channels()));
    const Index values = frames_ * out_channels(), in_step = frames_ * channels;
    const auto source = [&](Index at) {
      return at / out_channels() * channels + index_[static_cast<std::size_t>(at % out_channels())];
    };
    for (Index at = 0, end; at < values; at = end) {
      Index least = source(at), most = least;
      for (end = at + 1; end < values && end - at < lanes; ++end) {
        const Index i = source(end), low = std::min(least, i), high = std::max(most, i);
        if (high - low >= lanes) break;
        least = low;
        most = high;
      }
      const Index from = std::max<Index>(0, std::min(least, in_step - lanes));
      kernels::Shuffle& piece = pieces_.emplace_back(kernels::Shuffle{from, at, lanes, {}});
      for (Index i = at; i < end; ++i) piece.lane[i - at] = static_cast<std::int32_t>(source(i) - from);
      last_read_ = std::max(last_read_, from + lanes);
    }
    if (2 * static_cast<Index>(pieces_.size()) > values) pieces_ = {};
  }

  // The frames made: whole vectors must lie within the signals.
  Index shuffle(const Work& work) const noexcept {
    if (pieces_.empty()) return 0;
    const Index in_step = frames_ * inputs()[0].channels, out_step = frames_ * out_channels();
    const Index left = work.count * inputs()[0].channels - last_read_,
                room = work.count * out_channels() - pieces_.back().to - pieces_.back().lanes;
    if (left < 0 || room < 0) return 0;
    const Index steps = std::min({left / in_step + 1, room / out_step + 1, work.count / frames_});
    return frames_ * kernels::shuffle(pieces_, work.in[0], in_step, steps, work.out, out_step);
  }

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
  std::vector<kernels::Shuffle> pieces_;
  Index frames_ = 1, last_read_ = 0;
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
