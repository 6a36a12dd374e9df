// Half an hour through a vocoder, or five minutes with all checks: what a server that runs for days relies
// on.
#include <wavestride/model.h>
#include <wavestride/stream.h>

#include <catch2/catch.hpp>

#include "contract.h"
#include "models.h"

using namespace wavestride;
using namespace wavestride::testing;

namespace {

struct Network {
  const char* name;
  Index narrower;  ///< by how much, in channels
};

#ifdef NDEBUG
constexpr Network network_of_test{"HiFi-GAN V2", 1};
constexpr Index minutes = 30;
#else  // with all checks these take too long
constexpr Network network_of_test{"HiFi-GAN V3", 16};
constexpr Index minutes = 5;
#endif

Model load() {
  for (const auto& network : published_networks()) {
    if (network.at("name") != network_of_test.name) continue;
    nlohmann::json shapes = network.at("tensors"), config = network.at("config");
    auto& channels = config.at("upsample_initial_channel");
    channels = channels.get<Index>() / network_of_test.narrower;
    for (auto& shape : shapes)
      for (auto& n : shape)
        if (n >= 32 && n != 80) n = n.get<Index>() / network_of_test.narrower;
    return load_model(ImaginedFile(shapes, config));
  }
  FAIL("no " << network_of_test.name);
  throw std::logic_error("unreachable");
}

/// Frames first … first+count−1 of one long signal of noise.
Signal features(Index first, Index count) {
  Signal x(80, count);
  for (Index n = 0; n < count; ++n)
    for (Index c = 0; c < 80; ++c) {
      const auto hash = static_cast<std::uint32_t>((first + n) * 80 + c) * 2654435761u;
      x(c, n) = static_cast<float>(hash >> 8) / static_cast<float>(1 << 23) - 1;
    }
  return x;
}

}  // namespace

TEST_CASE("a long signal streams in constant memory, and its ends are those of the whole signal") {
  const Model model = load();
  const Op& op = model.network;
  const Index hop = 256, minute = 60 * 22'050 / hop, T = minutes * minute, chunk = 64;
  const Index around = op.receptive_field();
  Stream stream = op.stream();
  const Index state = stream.state_bytes();
  Signal first(1, minute * hop), last(1, minute * hop);
  Signal out(1, (chunk + 2 * around) * hop);
  Index emitted = 0;
  std::size_t allocated = 0;
  const auto take = [&](Index made) {
    for (const auto& [to, from] : {std::pair{&first, Index{0}}, {&last, (T - minute) * hop}}) {
      const Index a = std::max(emitted, from), b = std::min(emitted + made, from + to->cols());
      if (a < b) to->middleCols(a - from, b - a) = out.middleCols(a - emitted, b - a);
    }
    emitted += made;
  };
  for (Index n = 0; n < T; n += chunk) {
    const Signal x = features(n, std::min(chunk, T - n));
    const std::size_t before = allocations();
    const Index made = stream.push(x, out);
    allocated += allocations() - before;
    REQUIRE(made >= 0);
    take(made);
  }
  take(stream.finish(out));
  CHECK(emitted == T * hop);
  CHECK(allocated == 0);
  CHECK(stream.state_bytes() == state);

  // Whole signals cut off where nothing beyond matters any more.
  const Signal head = op(features(0, minute + around));
  CHECK(same_bits(first, head.leftCols(minute * hop)));
  const Signal tail = op(features(T - minute - around, minute + around));
  CHECK(same_bits(last, Signal(tail.rightCols(minute * hop))));
  CHECK(first.norm() > 100);
}
