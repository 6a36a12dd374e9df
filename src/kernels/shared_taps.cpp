#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/shared_taps.cpp"
#include "kernels/shared_taps.h"

#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <type_traits>

#include "kernels/finish-inl.h"
#include "kernels/registers.h"
#include "kernels/store_part-inl.h"

HWY_BEFORE_NAMESPACE();
namespace wavestride::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// So many output channels, one vector, pay; none where it is 0.
constexpr int paying = HWY_TARGET == HWY_AVX2 ? 8 : HWY_TARGET <= HWY_AVX3 ? 16 : 0;
// Weights of four taps and an input take five of 16 or 32 registers.
constexpr int most_frames = paying == 16 ? 20 : paying == 8 ? 10 : 1;

// Adds T taps of all channels to the sums of F frames.
template <class D, int W, int T, int F>
HWY_INLINE void AddTaps(const float* HWY_RESTRICT& w, const float* HWY_RESTRICT in, Index in_step,
                        Index channels, hn::Vec<D> (&acc)[F]) {
  const D d;
  using V = hn::Vec<D>;
  constexpr int inputs = F + T - 1;
  const float* x[(inputs + 2) / 3];  // of every third input
#pragma GCC unroll 8
  for (int i = 0; i < inputs; i += 3) x[i / 3] = in + i * in_step;
  for (Index c = 0; c < channels; ++c, w += T * W) {
    V weight[T];
#pragma GCC unroll 4
    for (int t = 0; t < T; ++t) weight[t] = hn::LoadU(d, w + t * W);
#pragma GCC unroll 24
    for (int i = 0; i < inputs; ++i) {
      const V value = hn::Set(d, x[i / 3][i % 3 * in_step]);
#pragma GCC unroll 4
      for (int t = 0; t < T; ++t)
        if (i >= t && i - t < F) acc[i - t] = hn::MulAdd(value, weight[t], acc[i - t]);
    }
#pragma GCC unroll 8
    for (const float*& pointer : x) {
      ++pointer;
      keep_in_register(pointer);
    }
  }
}

// F frames of the output channels from o on that fit a vector.
template <class D, int W, int F>
HWY_INLINE void Tile(const SharedTaps& weights, Index o, const float* HWY_RESTRICT in, Index in_step,
                     float* HWY_RESTRICT out, Index out_step, const Finish& finish) {
  const D d;
  const Index channels = weights.channels();
  const float* HWY_RESTRICT w = weights.weights() + o;
  using V = hn::Vec<D>;
  V acc[F];
#pragma GCC unroll 24
  for (V& sum : acc) sum = hn::Zero(d);
  const auto add = [&](auto taps) HWY_ATTR {
    AddTaps<D, W, taps>(w, in, in_step, channels, acc);
    in += taps * in_step;
  };
  for (Index left = weights.taps(), next = 0; left > 0; left -= next) {
    next = SharedTaps::next_taps(left);
    if (next == 4) add(std::integral_constant<int, 4>());
    if (next == 3) add(std::integral_constant<int, 3>());
    if (next == 2) add(std::integral_constant<int, 2>());
    if (next == 1) add(std::integral_constant<int, 1>());
  }
  const V bias = hn::LoadU(d, weights.bias() + o);
#pragma GCC unroll 24
  for (V& sum : acc) sum = hn::Add(sum, bias);
  FinishVectors(d, finish, out_step, acc);
#pragma GCC unroll 24
  for (int f = 0; f < F; ++f) hn::StoreU(acc[f], d, out + f * out_step);
}

// Calls tile(F, first) for all of `count` things, F of them at a time: `most`, and of those that are left
// fewer.
template <int most, class TileOf>
HWY_INLINE void InTiles(Index count, TileOf&& tile) {
  Index first = 0;
  const auto tiles = [&](auto size) HWY_ATTR {
    for (; first + size <= count; first += size) tile(size, first);
  };
  tiles(std::integral_constant<int, most>());
  if constexpr (most > 16) tiles(std::integral_constant<int, 8>());
  if constexpr (most > 4) tiles(std::integral_constant<int, 4>());
  if constexpr (most > 1) tiles(std::integral_constant<int, 1>());
}

// W output channels.
template <int W>
void Frames(const SharedTaps& w, const float* in, Index in_step, Index frames, float* out, Index out_step,
            const Finish& finish) {
  using D = hn::CappedTag<float, W>;
  constexpr int most = W == paying ? most_frames : 1;
  for (Index o = 0; o < W; o += static_cast<Index>(hn::Lanes(D())))
    InTiles<most>(frames, [&](auto size, Index j) HWY_ATTR {
      const Index at = j * out_step + o;
      Tile<D, W, size>(w, o, in + j * in_step, in_step, out + at, out_step, finish.behind(at));
    });
}

void BySharedTaps(const SharedTaps& w, const float* in, Index in_step, Index frames, float* out,
                  Index out_step, const Finish& finish) {
  (w.out_channels() == 8 ? Frames<8> : Frames<16>)(w, in, in_step, frames, out, out_step, finish);
}

Index Paying() {
  return paying;
}

// F pairs, of T inputs each, to the lanes from o on that fit a vector. Where each input of all pairs lies is
// worked out from few pointers, by the steps that an address can multiply.
template <class D, int T, int F>
HWY_INLINE void PairTile(const PairedTaps& weights, Index o, const float* HWY_RESTRICT in, Index in_step,
                         float* HWY_RESTRICT out, Index out_step, Index apart) {
  const D d;
  using V = hn::Vec<D>;
  constexpr int inputs = 2 * (F - 1) + T, run = 9;
  const Index steps[run] = {0,           in_step,     2 * in_step, 3 * in_step, 4 * in_step,
                            5 * in_step, 6 * in_step, 7 * in_step, 8 * in_step};
  const float* x[(inputs + run - 1) / run];
#pragma GCC unroll 8
  for (int i = 0; i < inputs; i += run) x[i / run] = in + i * in_step;
  const float* HWY_RESTRICT w = weights.weights() + o;
  V acc[F];
#pragma GCC unroll 16
  for (V& sum : acc) sum = hn::Zero(d);
  for (const float* const end = w + weights.channels() * T * 16; w != end; w += T * 16) {
    V weight[T];
#pragma GCC unroll 16
    for (int t = 0; t < T; ++t) weight[t] = hn::LoadU(d, w + t * 16);
#pragma GCC unroll 48
    for (int i = 0; i < inputs; ++i) {
      const V value = hn::Set(d, x[i / run][steps[i % run]]);
#pragma GCC unroll 16
      for (int t = i % 2; t < T; t += 2)
        if (i >= t && (i - t) / 2 < F) acc[(i - t) / 2] = hn::MulAdd(value, weight[t], acc[(i - t) / 2]);
    }
#pragma GCC unroll 8
    for (const float*& pointer : x) {
      ++pointer;
      keep_in_register(pointer);
    }
  }
  const V bias = hn::LoadU(d, weights.bias() + o);
#pragma GCC unroll 16
  for (int f = 0; f < F; ++f) {
    const V sum = hn::Add(acc[f], bias);
    float* const to = out + f * out_step + o % 8;
    if constexpr (hn::MaxLanes(D()) == 16)
      StoreApart(d, sum, to, apart);
    else
      hn::StoreU(sum, d, o < 8 ? to : to + apart);
  }
}

template <int T>
void Pairs(const PairedTaps& w, const float* in, Index in_step, Index pairs, float* out, Index out_step,
           Index apart) {
  using D = hn::CappedTag<float, 16>;
  constexpr int most = paying == 16 ? 16 : 1;
  for (Index o = 0; o < 16; o += static_cast<Index>(hn::Lanes(D())))
    InTiles<most>(pairs, [&](auto size, Index j) HWY_ATTR {
      PairTile<D, T, size>(w, o, in + 2 * j * in_step, in_step, out + j * out_step, out_step, apart);
    });
}

void ByPairedTaps(const PairedTaps& w, const float* in, Index in_step, Index pairs, float* out,
                  Index out_step, Index apart) {
  const auto& by = w.inputs() == 4 ? Pairs<4> : w.inputs() == 8 ? Pairs<8> : Pairs<12>;
  by(w, in, in_step, pairs, out, out_step, apart);
}

}  // namespace wavestride::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace wavestride::kernels {

HWY_EXPORT(BySharedTaps);
HWY_EXPORT(ByPairedTaps);
HWY_EXPORT(Paying);

bool shared_taps_pay(Index channels, Index out_channels, Index taps, Index dilation) noexcept {
  // Of frames far apart there are few at a time, of many channels all the more.
  constexpr Index most_dilation = 16, most_channels_apart = 320;
  return out_channels == HWY_DYNAMIC_DISPATCH(Paying)() && taps > 1 && dilation <= most_dilation &&
         (out_channels == 8 || channels * dilation <= most_channels_apart);
}

void shared_taps(const SharedTaps& w, const float* in, Index in_step, Index frames, float* out,
                 Index out_step, const Finish& finish) noexcept {
  HWY_DYNAMIC_DISPATCH(BySharedTaps)(w, in, in_step, frames, out, out_step, finish);
}

bool paired_taps_pay(Index out_channels, Index kernel) noexcept {
  return HWY_DYNAMIC_DISPATCH(Paying)() == 16 && out_channels == 8 &&
         (kernel == 3 || kernel == 7 || kernel == 11);
}

void paired_taps(const PairedTaps& w, const float* in, Index in_step, Index pairs, float* out, Index out_step,
                 Index apart) noexcept {
  HWY_DYNAMIC_DISPATCH(ByPairedTaps)(w, in, in_step, pairs, out, out_step, apart);
}

}  // namespace wavestride::kernels
#endif
