#include <wavestride/softmax.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "check.h"
#include "kernels/elementwise.h"
#include "kernels/pooling.h"

namespace wavestride {
namespace {

using kernels::Function;

/// Of few channels some frames at a time, transposed, so that what is made of all channels of a frame is made
/// of many frames at once; of many a frame by itself.
class Softmax final : public Kernel {
 public:
  Softmax(const char* op, Index channels, bool logarithm)
      : Kernel(message(op, "(", channels, ")"), {{channels, conv_geometry(1, 1, 1, 0, 0), {}}}, channels),
        logarithm_(logarithm) {}

  Index scratch_bytes() const override {
    return many() ? 0 : (2 * out_channels() + 1) * at_once() * static_cast<Index>(sizeof(float));
  }

  void compute(const Work& work) const noexcept override {
    if (many()) {
      for (Index n = 0; n < work.count; ++n)
        make_frame(work.in[0] + n * out_channels(), work.out + n * out_channels());
      return;
    }
    for (Index n = 0; n < work.count; n += at_once())
      make(work.in[0] + n * out_channels(), std::min(at_once(), work.count - n),
           static_cast<float*>(work.scratch), work.out + n * out_channels());
  }

 private:
  static constexpr Index most = 256, some = 16;

  bool many() const { return out_channels() >= 384; }

  static constexpr auto greater = [](auto a, auto b) { return b < a ? a : b; };
  static constexpr auto plus = [](auto a, auto b) { return a + b; };
  static constexpr auto less = [](auto a, auto b) { return a - b; };
  static constexpr auto times = [](auto a, auto b) { return a * b; };

  /// Frames that stay in the nearest cache.
  Index at_once() const { return std::clamp<Index>(4096 / out_channels() / some * some, some, most); }

  void make(const float* in, Index frames, float* x, float* out) const noexcept {
    const Index channels = out_channels(), size = channels * frames;
    float* const e = x + channels * at_once();
    float most_of[most], sum[most];
    transpose(kernels::deinterleave, in, channels, frames, x);
    std::copy_n(x, frames, most_of);
    each_row<true>(x, channels, frames, most_of, greater);
    each_row(x, channels, frames, most_of, less);
    kernels::map(Function::exp, 0, 0, x, size, e);
    std::fill_n(sum, frames, 0.0f);
    // Some channels add for themselves first: the sum of many rounds less.
    for (Index c = 0; c < channels; c += some) {
      float part[most];
      std::fill_n(part, frames, 0.0f);
      each_row<true>(e + c * frames, std::min(some, channels - c), frames, part, plus);
      each_row<true>(part, 1, frames, sum, plus);
    }
    if (logarithm_) {
      kernels::map(Function::log, 0, 0, sum, frames, sum);
      each_row(x, channels, frames, sum, less);
    } else {
      for (Index i = 0; i < frames; ++i) sum[i] = 1 / sum[i];
      each_row(e, channels, frames, sum, times);
    }
    transpose(kernels::interleave, logarithm_ ? x : e, channels, frames, out);
  }

  /// Channels in rows of `some`.
  void make_frame(const float* in, float* out) const noexcept {
    constexpr Index block = 1024;
    constexpr float lowest = -std::numeric_limits<float>::infinity();
    const Index channels = out_channels();
    float x[block], lanes[some];
    const auto fill_row = [&](Index count, float value) {
      std::fill(x + count, x + (count + some - 1) / some * some, value);
    };
    const auto each_block = [&](const float* from, auto&& f) {
      for (Index c = 0; c < channels; c += block) {
        const Index count = std::min(block, channels - c);
        std::copy_n(from + c, count, x);
        fill_row(count, lowest);
        f(c, count, (count + some - 1) / some);
      }
    };
    std::fill_n(lanes, some, lowest);
    each_block(in, [&](Index, Index, Index rows) { each_row<true>(x, rows, some, lanes, greater); });
    const float largest = folded(lanes, greater);
    double sum = 0;
    each_block(in, [&](Index c, Index count, Index rows) {
      std::fill_n(lanes, some, largest);
      each_row(x, rows, some, lanes, less);
      if (logarithm_) std::copy_n(x, count, out + c);
      kernels::map(Function::exp, 0, 0, x, count, x);
      if (!logarithm_) std::copy_n(x, count, out + c);
      fill_row(count, 0);
      std::fill_n(lanes, some, 0.0f);
      each_row<true>(x, rows, some, lanes, plus);
      sum += folded(lanes, plus);
    });
    float of_all = static_cast<float>(sum);
    if (logarithm_) kernels::map(Function::log, 0, 0, &of_all, 1, &of_all);
    std::fill_n(lanes, some, logarithm_ ? of_all : 1 / of_all);
    each_block(out, [&](Index c, Index count, Index rows) {
      logarithm_ ? each_row(x, rows, some, lanes, less) : each_row(x, rows, some, lanes, times);
      std::copy_n(x, count, out + c);
    });
  }

  using Four [[gnu::vector_size(16)]] = float;

  /// Of every row a value, or what is known of its frame so far, becomes f(value, what is known).
  template <bool sums = false, class F>
  [[gnu::noinline]] static void each_row(float* rows, Index count, Index size, float* of_frames, F&& f) {
    for (; count > 0; --count, rows += size) {
      const auto some_of = [&]<class T>(T, Index i) {
        T row, of;
        std::memcpy(&row, rows + i, sizeof row);
        std::memcpy(&of, of_frames + i, sizeof of);
        row = f(row, of);
        std::memcpy((sums ? of_frames : rows) + i, &row, sizeof row);
      };
      Index i = 0;
      for (; i + 4 <= size; i += 4) some_of(Four(), i);
      for (; i < size; ++i) some_of(float(), i);
    }
  }

  template <class F>
  static float folded(float* lanes, F&& f) {
    for (Index half = some / 2; half > 0; half /= 2)
      for (Index i = 0; i < half; ++i) lanes[i] = f(lanes[i + half], lanes[i]);
    return lanes[0];
  }

  static void transpose(void (*order)(const float*, Index, Index, Index, float*), const float* in,
                        Index channels, Index frames, float* out) {
    if (channels == 1 || frames == 1)
      kernels::copy(in, channels * frames, out);
    else
      order(in, channels, frames, 1, out);
  }

  bool logarithm_;
};

[[gnu::cold]] Op make(const char* op, Index channels, bool logarithm) {
  constexpr Index most = Index{1} << 24;
  require(channels > 0 && channels <= most, op, ": channels must be 1 to ", most, ", got ", channels);
  return Op(std::make_shared<Softmax>(op, channels, logarithm));
}

}  // namespace

Op op::softmax(Index channels) {
  return make("softmax", channels, false);
}
Op op::log_softmax(Index channels) {
  return make("log_softmax", channels, true);
}

Signal softmax(FramesView x) {
  return op::softmax(x.channels())(x);
}
Signal log_softmax(FramesView x) {
  return op::log_softmax(x.channels())(x);
}

}  // namespace wavestride
