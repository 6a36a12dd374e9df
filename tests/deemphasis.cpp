#include <sys/mman.h>
#include <unistd.h>
#include <wavestride/deemphasis.h>

#include <catch2/catch.hpp>

#include "contract.h"
#include "every_target.h"
#include "golden.h"
#include "kernels/recursive.h"

using namespace wavestride;
using namespace wavestride::testing;

TEST_CASE("preemphasis: by definition, undone by deemphasis, and keeps the contract of every Op") {
  Rng rng(96);
  for (const float coefficient : {0.97f, 0.0f, -0.5f, 2.0f}) {
    const Signal x = noise(rng, 3, 500);
    Signal y = x;
    y.rightCols(499) -= coefficient * x.leftCols(499);
    CHECK(relative_error(preemphasis(x, coefficient), y) <= 1e-6);
    if (coefficient < 1)
      CHECK(relative_error(deemphasis(preemphasis(x, coefficient), coefficient), x) <= 1e-5);
  }
  verify_contract(op::preemphasis(2), rng);
  CHECK(op::preemphasis(2).name() == "preemphasis(2, coefficient 0.97)");
  CHECK(op::preemphasis(2).lookahead_frames() == 0);
  CHECK_THROWS_WITH(op::preemphasis(0), "preemphasis: channels must be positive, got 0");
  CHECK_THROWS_AS(op::preemphasis(Index{1} << 62), std::invalid_argument);
  CHECK_THROWS_WITH(op::preemphasis(1, std::numeric_limits<float>::infinity()),
                    "preemphasis: coefficient must be finite, got inf");
}

TEST_CASE("deemphasis: undoes a pre-emphasis, and keeps the contract of every Op") {
  Rng rng(95);
  for (const float coefficient : {0.97f, 0.85f, 0.0f, -0.5f}) {
    const Signal y = noise(rng, 3, 500);
    Signal x = y;
    x.rightCols(499) -= coefficient * y.leftCols(499);
    CHECK(relative_error(deemphasis(x, coefficient), y) <= 1e-5);
    verify_contract_multi(op::deemphasis(2, coefficient), rng);
  }
  CHECK_THROWS_WITH(op::deemphasis(0), "deemphasis: channels must be positive, got 0");
  CHECK_THROWS_WITH(op::deemphasis(1, 1.0f), "deemphasis: coefficient must be between -1 and 1, got 1");
}

TEST_CASE("deemphasis: its kernel reads nothing behind its input on any SIMD target") {
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  void* const memory = mmap(nullptr, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  REQUIRE(memory != MAP_FAILED);
  REQUIRE(mprotect(static_cast<char*>(memory) + page, page, PROT_NONE) == 0);
  float* const end = static_cast<float*>(memory) + page / sizeof(float);
  EveryTarget targets;
  for (const std::string& name : targets.names) {
    kernels::use_simd_target(name);
    for (Index channels = 1; channels < 40; ++channels) {
      std::vector<float> last(static_cast<std::size_t>(channels), 1.0f), y(3 * last.size());
      kernels::decay(0.5f, end - 3 * channels, channels, 3, last.data(), y.data());
      CHECK(last.back() == 0.125f);
      kernels::decay(0.5f, last.data(), channels, 1, end - channels, y.data());
      CHECK(y[0] == 0.125f);
      std::fill_n(end - channels, channels, 0.0f);
    }
  }
  munmap(memory, 2 * page);
}

TEST_CASE(
    "deemphasis: its kernel has the bits of its plain twin on every SIMD target, whatever the channels") {
  EveryTarget targets;
  for (const std::string& name : targets.names) {
    kernels::use_simd_target(name);
    Rng rng(97);
    for (Index channels = 1; channels < 140; channels += channels < 40 ? 1 : 13) {
      INFO(name << ": " << channels << " channels");
      const Index frames = uniform(rng, 0, 11);
      const Signal x = noise(rng, channels, frames);
      Signal last = noise(rng, channels + 1, 1), y = Signal::Constant(channels, frames + 1, 7.0f);
      Signal expected_last = last, expected = y;
      for (Index n = 0; n < frames; ++n)
        for (Index c = 0; c < channels; ++c)
          expected(c, n) = expected_last(c) = std::fma(0.9f, expected_last(c), x(c, n));
      kernels::decay(0.9f, x.data(), channels, frames, last.data(), y.data());
      CHECK(same_bits(y, expected));
      CHECK(same_bits(last, expected_last));
    }
  }
}
