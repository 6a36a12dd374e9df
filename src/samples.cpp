#include <wavestride/samples.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "check.h"
#include "counter_random.h"

namespace wavestride {
namespace {

template <class T>
int bits_of(const SampleOptions& options) {
  constexpr int all = 8 * sizeof(T);
  const int bits = options.bits == 0 ? all : options.bits;
  require(bits == all || (all == 32 && bits == 24), "samples: integers of ", all, " bits hold ",
          all == 32 ? "24 or 32" : "16", " bits, got ", bits);
  return bits;
}

}  // namespace

double triangular_noise(std::uint64_t seed, std::uint64_t position) {
  const std::uint64_t z = counter_bits(seed, position);
  return (static_cast<double>(z >> 32) - static_cast<double>(z & 0xFFFFFFFFu)) * 0x1p-32;
}

template <class T>
Signal from_samples(std::span<const T> samples, Index channels, const SampleOptions& options) {
  const auto size = static_cast<Index>(samples.size());
  require(channels >= 1 && size % channels == 0, "samples: ", size, " samples are no whole frames of ",
          channels, " channels");
  Signal x(channels, size / channels);
  double scale = 1;
  if constexpr (std::is_integral_v<T>) scale = std::ldexp(1.0, 1 - bits_of<T>(options));
  for (Index i = 0; i < size; ++i)
    x.data()[i] = static_cast<float>(scale * static_cast<double>(samples[static_cast<std::size_t>(i)]));
  return x;
}

template <class T>
Index to_samples(FramesView x, std::span<T> out, const SampleOptions& options, Index first_frame) {
  const Index size = x.channels() * x.frames();
  require(static_cast<Index>(out.size()) == size, "samples: room for ", size, " samples is needed, got ",
          out.size());
  if constexpr (!std::is_integral_v<T>) {
    std::copy_n(x.data(), size, out.begin());
    return 0;
  } else {
    const double scale = std::ldexp(1.0, bits_of<T>(options) - 1);
    const auto start = static_cast<std::uint64_t>(first_frame) * static_cast<std::uint64_t>(x.channels());
    Index saturated = 0;
    for (Index i = 0; i < size; ++i) {
      double v = static_cast<double>(x.data()[i]) * scale;
      if (options.dither_seed)
        v += triangular_noise(*options.dither_seed, start + static_cast<std::uint64_t>(i));
      v = std::isnan(v) ? 0 : std::nearbyint(v);
      const double kept = std::clamp(v, -scale, scale - 1);
      saturated += kept != v;
      out[static_cast<std::size_t>(i)] = static_cast<T>(kept);
    }
    return saturated;
  }
}

template Signal from_samples(std::span<const std::int16_t>, Index, const SampleOptions&);
template Signal from_samples(std::span<const std::int32_t>, Index, const SampleOptions&);
template Signal from_samples(std::span<const float>, Index, const SampleOptions&);
template Signal from_samples(std::span<const double>, Index, const SampleOptions&);
template Index to_samples(FramesView, std::span<std::int16_t>, const SampleOptions&, Index);
template Index to_samples(FramesView, std::span<std::int32_t>, const SampleOptions&, Index);
template Index to_samples(FramesView, std::span<float>, const SampleOptions&, Index);
template Index to_samples(FramesView, std::span<double>, const SampleOptions&, Index);

}  // namespace wavestride
