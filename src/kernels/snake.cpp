#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/snake.cpp"
#include "kernels/snake.h"

#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <cmath>

HWY_BEFORE_NAMESPACE();
namespace wavestride::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::CappedTag<float, 16>;
using V = hn::Vec<D>;

// Of arguments too large for what follows, each by itself.
HWY_NOINLINE V SquaredSineOfLarge(V u, V square, hn::Mask<D> large) {
  const D d;
  HWY_ALIGN float lanes[16] = {};
  hn::Store(u, d, lanes);
  for (float& lane : lanes) lane = std::sin(lane);
  const V sine = hn::Load(d, lanes);
  return hn::IfThenElse(large, hn::Mul(sine, sine), square);
}

// sin²(u): u less the nearest multiple of π, which is the sum of three, the first two short enough for exact
// products, and the polynomial of sin(r)/r whose error up to π/2 is at most 6.3e-9.
HWY_INLINE V SquaredSine(V u) {
  const D d;
  const V rounds = hn::Set(d, 0x1.8p23f);
  const V n = hn::Sub(hn::MulAdd(u, hn::Set(d, 0.318309886f), rounds), rounds);
  V r = hn::NegMulAdd(n, hn::Set(d, 3.140625f), u);
  r = hn::NegMulAdd(n, hn::Set(d, 0x1.fbp-11f), r);
  r = hn::NegMulAdd(n, hn::Set(d, 6.27832957e-07f), r);
  const V z = hn::Mul(r, r);
  V p = hn::Set(d, 2.6060818e-06f);
  for (const float c : {-0.00019809774f, 0.008333069f, -0.1666666f}) p = hn::MulAdd(p, z, hn::Set(d, c));
  const V sine = hn::MulAdd(hn::Mul(r, z), p, r);
  const V square = hn::Mul(sine, sine);
  const auto large = hn::Ge(hn::Abs(u), hn::Set(d, 39000.0f));
  return HWY_LIKELY(hn::AllFalse(d, large)) ? square : SquaredSineOfLarge(u, square, large);
}

// body(i, c) for every vector of `size` values, the first of channel c, the last of which ends where they
// end.
template <class F>
HWY_INLINE void EachVector(const SnakeWeights& w, Index c, Index size, F&& body) {
  const auto N = static_cast<Index>(hn::Lanes(D()));
  const Index channels = w.channels(), step = N % channels;
  for (Index i = 0; i < size; i += N) {
    if (i + N > size) {
      i = size - N;
      c = (c + channels - (N - size % N) % channels) % channels;
    }
    body(i, c);
    c += step;
    if (c >= channels) c -= channels;
  }
}

// From channel c on. Fewer values than a vector has are made in a buffer.
void Snakes(const SnakeWeights& w, Index c, const float* in, Index size, float* out) {
  const D d;
  HWY_ALIGN float few[16] = {};
  float* to = out;
  const auto N = static_cast<Index>(hn::Lanes(d));
  if (size < N) {
    std::copy_n(in, size, few);
    in = to = few;
  }
  const V last = hn::LoadU(d, in + std::max<Index>(size - N, 0));  // since `out` may be `in`
  const float *HWY_RESTRICT alphas = w.alpha(), *HWY_RESTRICT gains = w.gain();
  EachVector(w, c, std::max(size, N), [&](Index i, Index channel) HWY_ATTR {
    const V x = i + N == size ? last : hn::LoadU(d, in + i);
    const V square = SquaredSine(hn::Mul(x, hn::LoadU(d, alphas + channel)));
    hn::StoreU(hn::MulAdd(square, hn::LoadU(d, gains + channel), x), d, to + i);
  });
  if (to == few) std::copy_n(few, size, out);
}

constexpr Index half = snake_taps / 2;

// Of the frames p of x, from `size` values on, a = y[2·p + 1] and b = y[2·p + 2], which read the same six
// frames, p − 2 to p + 3; `in` begins with the first of these.
void Up(const SnakeWeights& w, const float* HWY_RESTRICT up, const float* HWY_RESTRICT in, Index in_step,
        Index size, float* HWY_RESTRICT a, float* HWY_RESTRICT b) {
  const D d;
  HWY_ALIGN float few[half * 16] = {};
  const auto N = static_cast<Index>(hn::Lanes(d));
  if (size < N) {
    for (Index k = 0; k < half; ++k) std::copy_n(in + k * in_step, size, few + k * N);
    in = few;
    in_step = size = N;  // what is more than was asked for is made again with what follows
  }
  EachVector(w, 0, size, [&](Index i, Index) HWY_ATTR {
    V odd = hn::Zero(d), even = hn::Zero(d);
#pragma GCC unroll 6
    for (Index k = 0; k < half; ++k) {
      const V x = hn::LoadU(d, in + k * in_step + i);
      odd = hn::MulAdd(x, hn::Set(d, up[10 - 2 * k]), odd);
      even = hn::MulAdd(x, hn::Set(d, up[11 - 2 * k]), even);
    }
    hn::StoreU(odd, d, a + i);
    hn::StoreU(even, d, b + i);
  });
}

// Σ over k of down[2·k]·a[k] + down[2·k + 1]·b[k], frames `step` apart.
void Down(const SnakeWeights& w, const float* HWY_RESTRICT down, const float* HWY_RESTRICT a,
          const float* HWY_RESTRICT b, Index step, Index size, float* HWY_RESTRICT out) {
  const D d;
  HWY_ALIGN float few[16];
  const auto N = static_cast<Index>(hn::Lanes(d));
  float* const to = size < N ? few : out;
  EachVector(w, 0, std::max(size, N), [&](Index i, Index) HWY_ATTR {
    V of_a = hn::Zero(d), of_b = hn::Zero(d);
#pragma GCC unroll 6
    for (Index k = 0; k < half; ++k) {
      of_a = hn::MulAdd(hn::LoadU(d, a + k * step + i), hn::Set(d, down[2 * k]), of_a);
      of_b = hn::MulAdd(hn::LoadU(d, b + k * step + i), hn::Set(d, down[2 * k + 1]), of_b);
    }
    hn::StoreU(hn::Add(of_a, of_b), d, to + i);
  });
  if (to == few) std::copy_n(few, size, out);
}

}  // namespace wavestride::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace wavestride::kernels {

HWY_EXPORT(Snakes);
HWY_EXPORT(Up);
HWY_EXPORT(Down);

SnakeWeights::SnakeWeights(std::span<const float> alpha, std::span<const float> beta)
    : alpha_(alpha.size() + longest_vector),
      gain_(alpha_.size()),
      channels_(static_cast<Index>(alpha.size())) {
  for (std::size_t i = 0; i < alpha_.size(); ++i) {
    alpha_[i] = alpha[i % alpha.size()];
    gain_[i] = 1 / (beta[i % alpha.size()] + 1e-9f);
  }
}

void snake(const SnakeWeights& w, const float* in, Index size, float* out) noexcept {
  HWY_DYNAMIC_DISPATCH(Snakes)(w, 0, in, size, out);
}

void anti_aliased_snake(const SnakeWeights& w, const SnakeFilters& filters, const float* in, Index n,
                        Index count, Index length, float* out, float* scratch) noexcept {
  constexpr Index shared = snake_taps / 2 - 1;  // pairs that an output and the next both read
  auto* const up = HWY_DYNAMIC_DISPATCH(Up);
  auto* const snakes = HWY_DYNAMIC_DISPATCH(Snakes);
  auto* const down = HWY_DYNAMIC_DISPATCH(Down);
  const Index channels = w.channels();
  const SnakeBlock block(channels);
  float *const a = scratch, *const b = scratch + block.scratch() / 2;
  for (Index c = 0; c < channels; c += block.channels) {
    const Index width = std::min(block.channels, channels - c);
    // make(frame, values) for frames `from` to `to`: of all channels, they are one.
    const auto each = [&](Index from, Index to, auto&& make) {
      if (width == channels) return make(from, (to - from) * width);
      for (; from < to; ++from) make(from, width);
    };
    Index kept = 0;  // frames that the block before has made
    for (Index j = 0, some; j < count; j += some, kept = shared) {
      some = std::min(block.frames, count - j);
      const Index first = n + j - 3, frames = some + shared;  // pairs
      each(kept, frames, [&](Index i, Index size) {
        up(w, filters.up.data(), in + (j + i) * channels + c, channels, size, a + i * width, b + i * width);
      });
      each(kept, frames, [&](Index i, Index size) {
        for (float* z : {a, b}) snakes(w, c, z + i * width, size, z + i * width);
      });
      const auto repeat = [&](const float* from, float* z, Index i) {
        std::copy_n(from, width, z + i * width);
      };
      for (Index i = kept; first + i < 0; ++i) {
        const float* start = b + (-1 - first) * width;
        repeat(start, a, i);
        if (first + i < -1) repeat(start, b, i);
      }
      for (Index i = frames; --i >= kept && first + i >= length - 1;) {
        const float* end = a + (length - 1 - first) * width;
        repeat(end, b, i);
        if (first + i >= length) repeat(end, a, i);
      }
      each(0, some, [&](Index i, Index size) {
        down(w, filters.down.data(), a + i * width, b + i * width, width, size, out + (j + i) * channels + c);
      });
      std::copy_n(a + some * width, shared * width, a);
      std::copy_n(b + some * width, shared * width, b);
    }
  }
}

}  // namespace wavestride::kernels
#endif
