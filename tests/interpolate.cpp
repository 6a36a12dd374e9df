#include <wavestride/interpolate.h>

#include <catch2/catch.hpp>
#include <cmath>

#include "contract.h"
#include "every_target.h"
#include "golden.h"

using namespace wavestride;
using namespace wavestride::testing;

namespace {

constexpr InterpolateMode modes[] = {InterpolateMode::nearest, InterpolateMode::nearest_exact,
                                     InterpolateMode::linear};

Signal as_golden(const GoldenCase& c) {
  const auto& p = c.parameters;
  const std::string mode = p.at("mode");
  const InterpolateMode m = mode == "linear"          ? InterpolateMode::linear
                            : mode == "nearest-exact" ? InterpolateMode::nearest_exact
                                                      : InterpolateMode::nearest;
  const bool align = p.at("align_corners");
  if (p.at("dims") == 1) {
    InterpolateOptions o{.mode = m, .align_corners = align};
    if (p.contains("size")) o.size = p["size"].get<Index>();
    if (p.contains("scale_factor")) o.scale_factor = p["scale_factor"].get<double>();
    return interpolate(c.signal("x"), o);
  }
  Interpolate2dOptions o{.mode = m, .align_corners = align};
  if (p.contains("size")) o.size = {p["size"][0].get<Index>(), p["size"][1].get<Index>()};
  if (p.contains("scale_factor"))
    o.scale_factor = {p["scale_factor"][0].get<double>(), p["scale_factor"][1].get<double>()};
  return interpolate2d(c.signal("x"), o);
}

}  // namespace

TEST_CASE("interpolate and interpolate2d equal torch.nn.functional.interpolate") {
  for (const GoldenCase& c : golden_cases("interpolate")) {
    INFO(c.name << " " << c.parameters << " x " << shape_string(c["x"].shape));
    CHECK(relative_error(as_golden(c), c.signal("y")) <= golden_tolerance);
  }
}

TEST_CASE("a scale factor stands for the simplest fraction that is the same double") {
  const auto ratio = [](double s) { return ScaleFactor(s).ratio(); };
  CHECK(ratio(0.1) == Ratio(1, 10));
  CHECK(ratio(1.0 / 3) == Ratio(1, 3));
  CHECK(ratio(1.5) == Ratio(3, 2));
  CHECK(ratio(256) == Ratio(256, 1));
  CHECK(ratio(22050 / 16000.0) == Ratio(441, 320));
  CHECK(ratio(48000 / 44100.0) == Ratio(160, 147));
  CHECK(ratio(0x1p-20) == Ratio(1, 1 << 20));
  CHECK(ratio(0x1p20) == Ratio(1 << 20, 1));
  Rng rng(51);
  for (int i = 0; i < 2000; ++i) {
    const Ratio r(uniform(rng, 1, 100'000), uniform(rng, 1, 100'000));
    const double s = static_cast<double>(r.num) / static_cast<double>(r.den);
    CHECK(ratio(s) == r);
    const double any = std::exp(std::uniform_real_distribution<double>(-13.8, 13.8)(rng));
    CHECK(static_cast<double>(ratio(any).num) / static_cast<double>(ratio(any).den) == any);
  }
}

TEST_CASE("interpolate by a scale factor keeps the contract of every Op") {
  Rng rng(52);
  for (const InterpolateMode mode : modes)
    for (int i = 0; i < 12; ++i) {
      const Ratio r(uniform(rng, 1, 9), uniform(rng, 1, 9));
      verify_contract(op::interpolate(uniform(rng, 1, 20), {.scale_factor = r, .mode = mode}), rng);
      const Index bins = uniform(rng, 3, 9);
      const Ratio b(uniform(rng, 1, 4), uniform(rng, 1, 3));
      verify_contract(
          op::interpolate2d(bins, {.scale_factor = Interpolate2dOptions::Scale{b, r}, .mode = mode}), rng,
          {.dense = false});
    }
  verify_contract(op::repeat(3, 7), rng);
  verify_contract(op::interpolate2d(5, {.scale_factor = Interpolate2dOptions::Scale{2.5, 1.0},
                                        .mode = InterpolateMode::linear,
                                        .align_corners = true}),
                  rng);
}

TEST_CASE("interpolate gives few channels what it gives each of many") {
  Rng rng(54);
  const Signal x = noise(rng, 9, 301);
  for (const InterpolateMode mode : modes)
    for (const double scale : {0.3, 0.5, 1.0, 1.25, 1.5, 4.0})
      for (const Index channels : {1, 2, 3, 4, 5}) {
        const InterpolateOptions options{.scale_factor = scale, .mode = mode};
        const Signal all = interpolate(x, options), few = interpolate(Signal(x.topRows(channels)), options);
        if (mode == InterpolateMode::linear)
          CHECK((few - all.topRows(channels)).cwiseAbs().maxCoeff() < 1e-6f);
        else
          CHECK(same_bits(few, Signal(all.topRows(channels))));
        const InterpolateOptions sized{.size = all.cols() + 3, .mode = mode};
        const Signal most = interpolate(x, sized);
        CHECK(
            (interpolate(Signal(x.topRows(channels)), sized) - most.topRows(channels)).cwiseAbs().maxCoeff() <
            1e-6f);
      }
}

TEST_CASE("interpolate of few channels equals its plain twin on every SIMD target, from any frame on") {
  EveryTarget targets;
  for (const std::string& name : targets.names) {
    kernels::use_simd_target(name);
    Rng rng(55);
    for (const Ratio r :
         {Ratio(1, 1), Ratio(2, 1), Ratio(3, 1), Ratio(4, 1), Ratio(7, 1), Ratio(160, 1), Ratio(1100, 1),
          Ratio(3, 2), Ratio(9, 7), Ratio(160, 147), Ratio(147, 160), Ratio(1, 2), Ratio(2, 5), Ratio(1, 9)})
      for (const Index channels : {1, 2, 3, 5, 8, 15, 16, 17, 32, 33})
        for (const InterpolateMode mode : modes) {
          const Op op = op::interpolate(channels, {.scale_factor = r, .mode = mode});
          const Index frames = uniform(rng, 0, r.num > 100 ? 30 : 200) * r.den / std::min(r.num, r.den);
          Signal x = noise(rng, channels, frames);
          if (frames > 4) x(0, frames / 2) = std::nanf("");
          const Signal y = op(x);
          INFO(name << ": " << op.name() << " of " << frames << " frames");
          bool right = true;
          for (Index n = 0; n < y.cols(); ++n) {
            // In halves of 1/num of a frame of the input.
            const Index twice = mode == InterpolateMode::nearest         ? 2 * n * r.den
                                : mode == InterpolateMode::nearest_exact ? (2 * n + 1) * r.den
                                                                         : (2 * n + 1) * r.den - r.num;
            const Index at = twice >= 0 ? twice / (2 * r.num) : -1, rest = twice - at * 2 * r.num;
            const double w = mode == InterpolateMode::linear
                                 ? static_cast<double>(rest) / static_cast<double>(2 * r.num)
                                 : 0.0;
            for (Index c = 0; c < channels; ++c) {
              const float a = x(c, std::clamp<Index>(at, 0, frames - 1)),
                          b = w == 0 ? a : x(c, std::clamp<Index>(at + 1, 0, frames - 1));
              const double exact = (1 - w) * static_cast<double>(a) + w * static_cast<double>(b),
                           off = std::abs(static_cast<double>(y(c, n)) - exact);
              right = right && (std::isnan(exact) ? std::isnan(y(c, n))
                                : w == 0          ? y(c, n) == a
                                                  : off <= 2e-7 * std::max(std::abs(a), std::abs(b)));
            }
          }
          CHECK(right);
          // In pieces, the last of them shorter.
          Stream stream = op.stream();
          Signal again(channels, y.cols());
          Index made = 0;
          for (Index from = 0, some; from < frames; from += some) {
            some = std::min(uniform(rng, 1, 90), frames - from);
            made += stream.push(x.middleCols(from, some), again.middleCols(made, stream.frames_after(some)));
          }
          stream.finish(again.middleCols(made, stream.frames_at_finish()));
          CHECK(same_bits(again, y));
        }
  }
  Rng rng(56);
  const Op op = op::interpolate(2, {.scale_factor = 4.0, .mode = InterpolateMode::linear});
  const Signal x = noise(rng, 2, 100), y = op(x);
  for (const std::string& name : targets.names) {  // whatever vectors it was made for
    kernels::use_simd_target(name);
    CHECK(relative_error(op(x), y) < 1e-6);
  }
}

TEST_CASE("interpolate that depends on the length says so when a stream is asked for") {
  CHECK_THROWS_WITH(
      op::interpolate(2, {.size = 7}).stream(),
      "no exact stream: interpolate(2, nearest, size 7): a fixed number of output frames is spread over "
      "the whole signal");
  CHECK_THROWS_WITH(
      op::interpolate(2, {.scale_factor = 2.5, .mode = InterpolateMode::linear, .align_corners = true})
          .stream(),
      "no exact stream: interpolate(2, linear, scale 5/2): the spacing (T − 1)/(out − 1) of align_corners "
      "depends on the length of the signal");
  CHECK_THROWS_AS(op::interpolate2d(4, {.size = Interpolate2dOptions::Size{16, 16}}).stream(), NotStreamable);
}

TEST_CASE("interpolate of the shortest signals") {
  const Signal one = Signal::Constant(2, 1, 3.0f);
  for (const InterpolateMode mode : modes) {
    CHECK(interpolate(Signal(2, 0), {.size = 5, .mode = mode}).cols() == 0);
    CHECK(interpolate(Signal(2, 0), {.scale_factor = 2.0, .mode = mode}).cols() == 0);
    CHECK(interpolate(one, {.size = 5, .mode = mode}) == Signal::Constant(2, 5, 3.0f));
    CHECK(interpolate(one, {.scale_factor = 0.5, .mode = mode}).cols() == 0);
  }
  CHECK(repeat(one, 4) == Signal::Constant(2, 4, 3.0f));
}

TEST_CASE("a NaN does not spread to outputs that give it no weight") {
  Signal x = Signal::Ones(3, 5);
  x(1, 2) = std::nanf("");
  const Signal y = interpolate(x, {.scale_factor = 3.0, .mode = InterpolateMode::linear});
  CHECK(y.array().isNaN().count() == 5);  // 2 outputs on either side, and the one upon it
  const Interpolate2dOptions::Scale thrice{3.0, 3.0};
  CHECK(interpolate2d(x, {.scale_factor = thrice, .mode = InterpolateMode::linear}).array().isNaN().count() ==
        25);
}

TEST_CASE("interpolate refuses contradicting options, saying what was given") {
  CHECK_THROWS_WITH(op::interpolate(0, {.size = 3}), "interpolate: channels must be positive, got 0");
  CHECK_THROWS_WITH(op::interpolate(2, {}),
                    "interpolate: exactly one of size and scale_factor must be given, got neither");
  CHECK_THROWS_WITH(op::interpolate(2, {.size = 3, .scale_factor = 2.0}),
                    "interpolate: exactly one of size and scale_factor must be given, got both");
  CHECK_THROWS_WITH(op::interpolate(2, {.size = 0}), "interpolate: size of frames must be 1 to 2^31, got 0");
  CHECK_THROWS_WITH(op::interpolate(2, {.size = 3, .align_corners = true}),
                    "interpolate: align_corners needs mode linear, got nearest");
  CHECK_THROWS_WITH(ScaleFactor(0.0), "scale_factor must be between 2^-20 and 2^20, got 0");
  CHECK_THROWS_WITH(ScaleFactor(std::nan("")), "scale_factor must be between 2^-20 and 2^20, got nan");
  CHECK_THROWS_WITH(ScaleFactor(Ratio(0, 1)),
                    "scale_factor must be between 2^-20 and 2^20 with terms from 1 to 2^40, got 0/1");
  CHECK_THROWS_WITH(op::interpolate2d(3, {.scale_factor = Interpolate2dOptions::Scale{0.25, 1.0}}),
                    "interpolate2d: output must have 1 to 2^24 bins, got 0");
  CHECK_THROWS_WITH(op::interpolate2d(3, {.size = Interpolate2dOptions::Size{-1, 4}}),
                    "interpolate2d: size of bins must be 1 to 2^31, got -1");
  CHECK_THROWS_WITH(op::repeat(2, 0), "repeat: times must be 1 to 1048576, got 0");
}
