#include <wavestride/pixel_shuffle1d.h>

#include <algorithm>

#include "check.h"
#include "frame_shuffle.h"
#include "kernels/pooling.h"
#include "moves_frames.h"

namespace wavestride {
namespace {

std::string description(const char* what, Index channels, Index factor, ShuffleOrder order) {
  return message(what, "(", channels, " channels, factor ", factor,
                 order == ShuffleOrder::phase_major ? ", phase-major)" : ")");
}

// Frames of few values, or of somewhat more that are no whole squares of four, are put in order several at a
// time. From each, value r·parts + i comes to i·rows + r.
detail::FrameShuffle transposition(Index rows, Index parts, ShuffleOrder order) {
  constexpr Index few = 9, most = 16, square = 4;
  std::vector<Index> index;
  if (order == ShuffleOrder::phase_major || rows == 1 || parts == 1 ||
      rows * parts >= (std::min(rows, parts) < square ? most + 1 : few))
    return {};
  for (Index i = 0; i < parts; ++i)
    for (Index r = 0; r < rows; ++r) index.push_back(r * parts + i);
  return {rows * parts, index};
}

class PixelShuffle1d final : public Kernel, public detail::MovesFrames {
 public:
  PixelShuffle1d(Index channels, Index factor, ShuffleOrder order)
      : Kernel(description("pixel_shuffle1d", channels, factor, order),
               {{channels, repeat_geometry(factor), {}}}, channels / factor),
        factor_(factor),
        order_(order),
        shuffle_(transposition(channels / factor, factor, order)) {}

  void compute(const Work& work) const noexcept override {
    const Index channels = out_channels();
    const Index phase = work.n % factor_;
    if (order_ == ShuffleOrder::phase_major) {
      kernels::copy(work.in[0] + phase * channels, work.count * channels, work.out);
      return;
    }
    float* out = work.out;
    const Index end = phase + work.count;
    for (Index j = phase; j < end;) {
      const Index from = j / factor_, frames = end / factor_ - from;
      const float* in = work.in[0] + from * factor_ * channels + j % factor_;
      if (j % factor_ == 0 && frames > 0) {
        const Index size = factor_ * channels, some = shuffle_.make(in, frames * size, out, frames * size);
        kernels::deinterleave(in + some * size, factor_, channels, frames - some, out + some * size);
        out += frames * factor_ * channels;
        j += frames * factor_;
        continue;
      }
      for (Index c = 0; c < channels; ++c) *out++ = in[c * factor_];
      ++j;
    }
  }

  bool past_caches() const noexcept override { return factor_ == 2 && shuffle_.empty(); }

 private:
  Index factor_;
  ShuffleOrder order_;
  detail::FrameShuffle shuffle_;
};

class PixelUnshuffle1d final : public Kernel, public detail::MovesFrames {
 public:
  PixelUnshuffle1d(Index channels, Index factor, ShuffleOrder order)
      : Kernel(description("pixel_unshuffle1d", channels, factor, order),
               {{channels, group_geometry(factor), {}}}, channels * factor),
        factor_(factor),
        order_(order),
        shuffle_(transposition(factor, channels, order)) {}

  void compute(const Work& work) const noexcept override {
    const Index channels = inputs()[0].channels;
    if (order_ == ShuffleOrder::phase_major) {
      kernels::copy(work.in[0], work.count * out_channels(), work.out);
      return;
    }
    const Index size = out_channels(),
                some = shuffle_.make(work.in[0], work.count * size, work.out, work.count * size);
    kernels::interleave(work.in[0] + some * size, factor_, channels, work.count - some,
                        work.out + some * size);
  }

  bool past_caches() const noexcept override { return factor_ == 2 && shuffle_.empty(); }

 private:
  Index factor_;
  ShuffleOrder order_;
  detail::FrameShuffle shuffle_;
};

constexpr Index most = Index{1} << 31;

}  // namespace

namespace op {

Op pixel_shuffle1d(Index channels, Index factor, ShuffleOrder order) {
  require(factor >= 1 && factor < most, "pixel_shuffle1d: factor must be 1 to 2^31 − 1, got ", factor);
  require(channels >= 1 && channels % factor == 0, "pixel_shuffle1d: factor ", factor,
          " must divide the channels, got ", channels);
  return Op(std::make_shared<PixelShuffle1d>(channels, factor, order));
}

Op pixel_unshuffle1d(Index channels, Index factor, ShuffleOrder order) {
  require(factor >= 1 && factor < most, "pixel_unshuffle1d: factor must be 1 to 2^31 − 1, got ", factor);
  require(channels >= 1 && channels < most / factor, "pixel_unshuffle1d: channels times factor ", factor,
          " must be 1 to 2^31 − 1, got ", channels, " channels");
  return Op(std::make_shared<PixelUnshuffle1d>(channels, factor, order));
}

}  // namespace op

Signal pixel_shuffle1d(FramesView x, Index factor, ShuffleOrder order) {
  return op::pixel_shuffle1d(x.channels(), factor, order)(x);
}
Signal pixel_unshuffle1d(FramesView x, Index factor, ShuffleOrder order) {
  return op::pixel_unshuffle1d(x.channels(), factor, order)(x);
}

}  // namespace wavestride
