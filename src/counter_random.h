// Random numbers by counter: number i of a seed can be had without those before it, so that neither chunking
// nor threads change a result.
#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>

namespace wavestride {

/// 64 random bits: output i + 1 of SplitMix64 (Steele, Lea and Flood, 2014) started at `seed`.
constexpr std::uint64_t counter_bits(std::uint64_t seed, std::uint64_t i) {
  std::uint64_t z = seed + (i + 1) * 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

/// Uniform in [0, 1), 53 bits.
constexpr double counter_uniform(std::uint64_t seed, std::uint64_t i) {
  return static_cast<double>(static_cast<std::int64_t>(counter_bits(seed, i) >> 11)) * 0x1p-53;
}

/// Standard normal, by Box and Muller of uniform numbers 2i and 2i + 1. kernels::normal() makes many at once.
inline double counter_normal(std::uint64_t seed, std::uint64_t i) {
  const double radius = std::sqrt(-2 * std::log1p(-counter_uniform(seed, 2 * i)));
  return radius * std::cos(2 * std::numbers::pi * counter_uniform(seed, 2 * i + 1));
}

}  // namespace wavestride
