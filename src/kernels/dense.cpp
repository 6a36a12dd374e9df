#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/dense.cpp"
#include "kernels/dense.h"

#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>

HWY_BEFORE_NAMESPACE();
namespace wavestride::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::CappedTag<float, 16>;

// Frames × vectors of a register tile: 12 × 2 where there are 32 vector registers, else 6 × 2.
#if HWY_TARGET == HWY_SSSE3 || HWY_TARGET == HWY_SSE4 || HWY_TARGET == HWY_AVX2
constexpr int tile_frames = 6;
#else
constexpr int tile_frames = 12;
#endif

// The first `count` lanes, and no byte beyond.
HWY_INLINE void StorePart(hn::Vec<D> v, Index count, float* HWY_RESTRICT out) {
  const D d;
#if HWY_TARGET <= HWY_AVX3
  hn::BlendedStore(v, hn::FirstN(d, static_cast<std::size_t>(count)), d, out);
#else
  // Masked stores may write the other lanes too.
  if (count == static_cast<Index>(hn::Lanes(d))) return hn::StoreU(v, d, out);
  HWY_ALIGN float lanes[16];
  hn::Store(v, d, lanes);
  std::copy_n(lanes, count, out);
#endif
}

// F frames of V vectors of output channels. `w` points at the first of these channels in a block of `width`.
template <int F, int V>
HWY_INLINE void Tile(const float* HWY_RESTRICT w, const float* HWY_RESTRICT bias, Index width, Index taps,
                     Index channels, const float* HWY_RESTRICT in, const Index* HWY_RESTRICT offsets,
                     Index in_step, float* HWY_RESTRICT out, Index out_step, Index out_channels) {
  const D d;
  const auto N = static_cast<Index>(hn::Lanes(d));
  hn::Vec<D> acc[F][V];
#pragma GCC unroll 16
  for (int f = 0; f < F; ++f)
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) acc[f][v] = hn::LoadU(d, bias + v * N);
  for (Index t = 0; t < taps; ++t) {
    const float* HWY_RESTRICT x = in + offsets[t];
    for (Index c = 0; c < channels; ++c, w += width) {
      hn::Vec<D> weight[V];
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) weight[v] = hn::LoadU(d, w + v * N);
#pragma GCC unroll 16
      for (int f = 0; f < F; ++f) {
        const auto value = hn::Set(d, x[f * in_step + c]);
#pragma GCC unroll 2
        for (int v = 0; v < V; ++v) acc[f][v] = hn::MulAdd(value, weight[v], acc[f][v]);
      }
    }
  }
  // Only the last vector may be partial.
  const Index last = std::min(N, out_channels - (V - 1) * N);
#pragma GCC unroll 16
  for (int f = 0; f < F; ++f) {
#pragma GCC unroll 2
    for (int v = 0; v + 1 < V; ++v) hn::StoreU(acc[f][v], d, out + f * out_step + v * N);
    StorePart(acc[f][V - 1], last, out + f * out_step + (V - 1) * N);
  }
}

template <int V>
HWY_INLINE void Columns(const float* w, const float* bias, Index width, Index taps, Index channels,
                        const float* in, const Index* offsets, Index in_step, Index frames, float* out,
                        Index out_step, Index out_channels) {
  Index j = 0;
  const auto run = [&](auto tile, Index size) {
    for (; j + size <= frames; j += size)
      tile(w, bias, width, taps, channels, in + j * in_step, offsets, in_step, out + j * out_step, out_step,
           out_channels);
  };
  run([](auto... a) { Tile<tile_frames, V>(a...); }, tile_frames);
  run([](auto... a) { Tile<4, V>(a...); }, 4);
  run([](auto... a) { Tile<1, V>(a...); }, 1);
}

void Dense(const DenseWeights& w, const float* in, const Index* offsets, Index in_step, Index frames,
           float* out, Index out_step) {
  const auto N = static_cast<Index>(hn::Lanes(D()));
  const Index padded = (w.out_channels() + 15) / 16 * 16;
  for (Index block = 0; block < padded; block += 32) {
    const Index width = block + 32 <= padded ? 32 : 16;
    const float* weights = w.weights() + block * w.in_channels() * w.taps();
    for (Index o = 0; o < width && block + o < w.out_channels();) {
      const Index left = w.out_channels() - block - o;
      if (left > N && o + 2 * N <= width) {
        Columns<2>(weights + o, w.bias() + block + o, width, w.taps(), w.in_channels(), in, offsets, in_step,
                   frames, out + block + o, out_step, left);
        o += 2 * N;
      } else {
        Columns<1>(weights + o, w.bias() + block + o, width, w.taps(), w.in_channels(), in, offsets, in_step,
                   frames, out + block + o, out_step, left);
        o += N;
      }
    }
  }
}

void Depthwise(const float* HWY_RESTRICT w, const float* HWY_RESTRICT bias, Index channels, Index taps,
               const float* HWY_RESTRICT in, const Index* HWY_RESTRICT offsets, Index in_step, Index frames,
               float* HWY_RESTRICT out, Index out_step) {
  const D d;
  const auto N = static_cast<Index>(hn::Lanes(d));
  const hn::CappedTag<float, 1> one;
  for (Index j = 0; j < frames; ++j, in += in_step, out += out_step) {
    Index c = 0;
    const auto run = [&](auto tag, Index step) {
      for (; c + step <= channels; c += step) {
        auto sum = hn::LoadU(tag, bias + c);
        for (Index t = 0; t < taps; ++t)
          sum = hn::MulAdd(hn::LoadU(tag, in + offsets[t] + c), hn::LoadU(tag, w + t * channels + c), sum);
        hn::StoreU(sum, tag, out + c);
      }
    };
    run(d, N);
    run(one, 1);
  }
}

}  // namespace wavestride::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "check.h"

namespace wavestride::kernels {

HWY_EXPORT(Dense);
HWY_EXPORT(Depthwise);

void dense(const DenseWeights& w, const float* in, const Index* offsets, Index in_step, Index frames,
           float* out, Index out_step) noexcept {
  HWY_DYNAMIC_DISPATCH(Dense)(w, in, offsets, in_step, frames, out, out_step);
}

void depthwise(const float* w, const float* bias, Index channels, Index taps, const float* in,
               const Index* offsets, Index in_step, Index frames, float* out, Index out_step) noexcept {
  HWY_DYNAMIC_DISPATCH(Depthwise)(w, bias, channels, taps, in, offsets, in_step, frames, out, out_step);
}

std::vector<std::string> simd_targets() {
  hwy::SetSupportedTargetsForTest(0);
  std::vector<std::string> names;
  for (const std::int64_t target : hwy::SupportedAndGeneratedTargets())
    names.emplace_back(hwy::TargetName(target));
  return names;
}

void use_simd_target(const std::string& name) {
  hwy::SetSupportedTargetsForTest(0);
  if (!name.empty()) {
    std::int64_t chosen = 0;
    for (const std::int64_t target : hwy::SupportedAndGeneratedTargets())
      if (name == hwy::TargetName(target)) chosen = target;
    require(chosen != 0, "SIMD target ", name, " is not available on this machine");
    hwy::SetSupportedTargetsForTest(chosen);
  }
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

}  // namespace wavestride::kernels
#endif
