#include <wavestride/index_select.h>

#include <numeric>

#include "check.h"

namespace wavestride {
namespace {

class IndexSelect final : public Kernel {
 public:
  IndexSelect(Index channels, std::vector<Index> index)
      : Kernel(message("index_select(", channels, " → ", index.size(), ")"),
               {{channels, conv_geometry(1, 1, 1, 0, 0), {}}}, static_cast<Index>(index.size())),
        index_(std::move(index)) {}

  void compute(const Work& work) const noexcept override {
    float* to = work.out;
    for (Index n = 0; n < work.count; ++n) {
      const float* frame = work.in[0] + n * inputs()[0].channels;
      for (const Index i : index_) *to++ = frame[i];
    }
  }

 private:
  std::vector<Index> index_;
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
