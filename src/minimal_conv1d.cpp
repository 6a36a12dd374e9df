#include "minimal_conv1d.h"

#include <algorithm>
#include <cmath>

#include "cache_sizes.h"
#include "check.h"
#include "finishing.h"
#include "kept_block.h"
#include "kernels/dense.h"
#include "kernels/minimal.h"

namespace wavestride::detail {
namespace {

// A kernel longer than the filter is cut into groups of taps, whose sums are added at the points. With as
// many taps as outputs, the inputs of group g of a tile are those of the first group of the tile g later,
// transformed once. Taps that fill up the last group stand before the first, so that they cost history, not
// latency.
Index groups_of(kernels::MinimalFilter f, Index kernel) {
  return (kernel + f.taps - 1) / f.taps;
}
/// Products of a channel of the input for a channel of the output, of a tile.
Index products(kernels::MinimalFilter f, Index kernel) {
  return groups_of(f, kernel) * f.points();
}
/// The one of fewest products.
kernels::MinimalFilter filter_of(const MinimalConvShape& s) {
  const Index kernel = s.kernel, most_points = s.rough ? 15 : 12;
  const auto cost = [&](kernels::MinimalFilter f) {
    const bool fits = f.points() <= most_points && (kernel <= f.taps || f.taps == f.outputs);
    return fits ? static_cast<double>(products(f, kernel)) / static_cast<double>(f.outputs) : HUGE_VAL;
  };
  return *std::min_element(kernels::minimal_filters.begin(), kernels::minimal_filters.end(),
                           [&](auto a, auto b) { return cost(a) < cost(b); });
}
Index filling(kernels::MinimalFilter f, Index kernel) {
  return groups_of(f, kernel) * f.taps - kernel;
}

// Frames that are made at once, so that their bits do not depend on what is made with them: some of each of
// the signals that every `dilation`th frame belongs to.
Index block_frames(kernels::MinimalFilter f, const MinimalConvShape& s) {
  return f.outputs * s.dilation;
}

// A frame is made with its block: the window reaches as far as that of any frame that may be in it.
Geometry geometry_of(const MinimalConvShape& s) {
  Geometry g = conv_geometry(s.kernel, 1, s.dilation, s.left, s.right);
  const auto filter = filter_of(s);
  g.window.lo -= filling(filter, s.kernel) * s.dilation + block_frames(filter, s) - 1;
  g.window.hi += block_frames(filter, s) - 1;
  return g;
}

class MinimalConv1d final : public Kernel, public Finishing {
 public:
  MinimalConv1d(const MinimalConvShape& s, const std::function<float(Index, Index, Index)>& weight,
                std::span<const float> bias)
      : Kernel(message("conv1d(", s.in, " → ", s.out, ", kernel ", s.kernel, ", dilation ", s.dilation,
                       ", minimal filtering)"),
               {{s.in, geometry_of(s), {s.padding_mode, 0.0f}}}, s.out),
        shape_(s),
        filter_(filter_of(s)),
        bias_(static_cast<std::size_t>(s.out), 0.0f),
        parameters_(s.out * s.in * s.kernel + static_cast<Index>(bias.size())),
        most_blocks_(std::max<Index>(1, tiles_at_once(s.in) / s.dilation)) {
    std::copy(bias.begin(), bias.end(), bias_.begin());
    const Index groups = groups_of(filter_, s.kernel), taps = filter_.taps, fill = filling(filter_, s.kernel);
    for (Index g = 0; g < groups; ++g) offsets_.push_back(g * s.dilation * s.in);
    std::vector<double> at_points;
    for (Index p = 0; p < filter_.points(); ++p)
      for (Index t = 0; t < taps; ++t) at_points.push_back(filter_.weight(p, t));
    std::vector<float> weights;
    weights.reserve(static_cast<std::size_t>(s.out * s.in * s.kernel));
    for (Index o = 0; o < s.out; ++o)
      for (Index c = 0; c < s.in; ++c)
        for (Index k = 0; k < s.kernel; ++k) weights.push_back(weight(o, c, k));
    memory_.assign(
        static_cast<std::size_t>(filter_.points() * kernels::DenseWeights::units(s.out, s.in, groups)), 0.0f);
    float* memory = memory_.data();
    for (Index from = 0; from < s.out; from += slice_channels)
      for (Index p = 0; p < filter_.points(); ++p) {
        const Index slice = std::min(slice_channels, s.out - from);
        weights_.emplace_back(
            slice, s.in, groups,
            [&](Index o, Index c, Index g) {
              const double* at_point = at_points.data() + p * taps;
              const float* of = weights.data() + ((from + o) * s.in + c) * s.kernel;
              double sum = 0;
              for (Index t = 0; t < taps; ++t)
                if (const Index k = g * taps + t - fill; k >= 0)
                  sum += at_point[t] * static_cast<double>(of[k]);
              return static_cast<float>(sum);
            },
            std::span<const float>(), 0, memory);
        memory += kernels::DenseWeights::units(slice, s.in, groups);
      }
  }

  std::unique_ptr<KernelState> make_state() const override {
    return std::make_unique<KeptBlock>(block_frames(filter_, shape_), shape_.out);
  }

  /// What is transformed, and the sums at the points.
  Index scratch_bytes() const override {
    return filter_.points() * (in_step() + out_step()) * static_cast<Index>(sizeof(float));
  }

  void compute(const Work& work) const noexcept override { compute_finished(work, 1, {}); }
  bool slopes_inputs() const override { return true; }

  void compute_finished(const Work& work, float slope,
                        const kernels::Finish& finish) const noexcept override {
    auto& state = static_cast<KeptBlock&>(*work.state);
    auto* const transformed = static_cast<float*>(work.scratch);
    const Index size = block_frames(filter_, shape_), end = work.n + work.count;
    Index block = work.n / size;
    // A block is kept as it is before it is finished, since what is added to all of it may not be here yet.
    const auto give = [&] {
      const auto [first, frames] = state.give(work.n, work.count, work.out);
      const Index floats = (first - work.n) * shape_.out;
      kernels::finish(finish.behind(floats), frames * shape_.out, work.out + floats);
    };
    if (state.number() == block) {
      give();
      ++block;
    }
    const Index blocks = (end + size - 1) / size;
    const Index window = inputs()[0].geometry.window.first(work.n);
    while (block < blocks) {
      // Where nothing is kept of a block that is wanted from its middle on, it comes by itself.
      // The others in parts of about one size, since each part reads all weights.
      const Index left = blocks - block, parts = (left + most_blocks_ - 1) / most_blocks_;
      const Index count = block * size < work.n ? 1 : (left + parts - 1) / parts;
      const float* in = work.in[0] + (block * size - shape_.left -
                                      filling(filter_, shape_.kernel) * shape_.dilation - window) *
                                         shape_.in;
      const Index input_blocks = count + static_cast<Index>(offsets_.size()) - 1;
      kernels::minimal_input(filter_, in, slope, shape_.dilation * shape_.in, input_blocks, transformed,
                             in_step());
      const auto destination = [&](Index b) -> Destination {
        if (b * size < work.n || (b + 1) * size > end) return {state.data(), {}};
        const Index floats = (b * size - work.n) * shape_.out;
        return {work.out + floats, finish.behind(floats)};
      };
      make_blocks(transformed, block, count, destination);
      block += count;
      if (destination(block - 1).out == state.data()) {
        (void)state.keep(block - 1);
        give();
      }
    }
  }

  Index parameters() const override { return parameters_; }
  double macs_per_frame() const override {
    return static_cast<double>(shape_.out) * static_cast<double>(shape_.in * shape_.kernel);
  }

 private:
  struct Destination {
    float* out;
    kernels::Finish finish;
  };

  // Channels of the output that are made of all points before the next, so that they stay in the cache.
  static constexpr Index slice_channels = 64;

  // Enough tiles to pay for reading the weights, few enough to stay in the cache.
  static Index tiles_at_once(Index channels) {
    return cache_share() * std::clamp<Index>((4 << 10) / channels, 24, 48);
  }

  // A cache line more than the rows take, lest all points fall on the same lines.
  Index in_step() const {
    return (most_blocks_ + static_cast<Index>(offsets_.size()) - 1) * shape_.dilation * shape_.in + 16;
  }
  Index out_step() const {
    return most_blocks_ * shape_.dilation * std::min(slice_channels, shape_.out) + 16;
  }

  // Blocks from `block` on, of transformed inputs, behind which there is room for the sums.
  template <class F>
  void make_blocks(float* transformed, Index block, Index count, F&& destination) const noexcept {
    const Index tiles = count * shape_.dilation, floats = block_frames(filter_, shape_) * shape_.out;
    float* const sums = transformed + filter_.points() * in_step();
    auto w = weights_.begin();
    for (Index from = 0; from < shape_.out; from += slice_channels) {
      const Index width = std::min(slice_channels, shape_.out - from);
      for (Index p = 0; p < filter_.points(); ++p)
        kernels::dense(*w++, transformed + p * in_step(), offsets_.data(), shape_.in, tiles,
                       sums + p * out_step(), width);
      for (Index b = 0, run = 1; b < count; b += run) {  // of blocks that lie one behind the other
        const auto [out, finish] = destination(block + b);
        for (run = 1; b + run < count && destination(block + b + run).out == out + run * floats;) ++run;
        kernels::minimal_output(filter_, sums + b * shape_.dilation * width, out_step(), bias_.data() + from,
                                width, run * shape_.dilation, shape_.dilation, finish.behind(from),
                                out + from, shape_.out);
      }
    }
  }

  MinimalConvShape shape_;
  kernels::MinimalFilter filter_;
  std::vector<Index> offsets_;                  // of the groups of taps, in transformed inputs
  kernels::AlignedFloats memory_;               // of all weights, in the order of their use:
  std::vector<kernels::DenseWeights> weights_;  // by slice of output channels, then point
  kernels::AlignedFloats bias_;
  Index parameters_;
  Index most_blocks_;
};

// Of an output channel in a tile: products, and as how many more the transforms of a channel take.
struct Work {
  explicit Work(const MinimalConvShape& s) {
    const auto filter = filter_of(s);
    const auto in = static_cast<double>(s.in);
    direct = static_cast<double>(filter.outputs * s.kernel) * in;
    minimal = static_cast<double>(products(filter, s.kernel)) * in;
    transforms = 22 * static_cast<double>(filter.points());
  }
  double direct, minimal, transforms;
};

}  // namespace

bool minimal_pays(const MinimalConvShape& s) {
  constexpr double least_saving = 1.5;
  const Work work(s);
  return s.in % 16 == 0 && s.out % 16 == 0 && s.dilation <= 16 &&
         work.direct >= least_saving * work.minimal && work.direct >= work.minimal + work.transforms;
}

double minimal_speed(const MinimalConvShape& s) {
  const Work work(s);
  return work.direct / (work.minimal + work.transforms);
}

std::shared_ptr<const Kernel> minimal_conv1d(const MinimalConvShape& shape,
                                             const std::function<float(Index, Index, Index)>& weight,
                                             std::span<const float> bias) {
  return std::make_shared<MinimalConv1d>(shape, weight, bias);
}

}  // namespace wavestride::detail
