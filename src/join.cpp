#include <wavestride/join.h>

#include <algorithm>
#include <cstring>
#include <numeric>

#include "check.h"
#include "finishing.h"
#include "kernels/elementwise.h"

namespace wavestride {
namespace {

Port plain_port(Index channels) {
  return {channels, conv_geometry(1, 1, 1, 0, 0), {}};
}

enum class Combine { sum, mean, product };

class Elementwise final : public Kernel, public detail::HasFinishRule {
 public:
  Elementwise(const char* what, Combine combine, Index channels, Index inputs)
      : Kernel(message(what, "(", inputs, " × ", channels, ")"),
               std::vector<Port>(static_cast<std::size_t>(inputs), plain_port(channels)), channels),
        combine_(combine) {}

  void compute(const Work& work) const noexcept override {
    const Index size = work.count * out_channels();
    if (combine_ == Combine::product)
      kernels::product(work.in, size, work.out);
    else
      kernels::sum(work.in, combine_ == Combine::mean ? 1.0f / static_cast<float>(work.in.size()) : 1.0f,
                   size, work.out);
  }

  bool in_place() const override { return true; }

  std::optional<detail::FinishRule> finish_rule() const override {
    if (combine_ == Combine::sum && inputs().size() == 2) return detail::FinishRule{.adds = true};
    return std::nullopt;
  }

 private:
  Combine combine_;
};

std::vector<Port> ports_of(const std::vector<Index>& channels) {
  std::vector<Port> ports;
  for (const Index c : channels) ports.push_back(plain_port(c));
  return ports;
}

class Concatenate final : public Kernel {
 public:
  explicit Concatenate(const std::vector<Index>& channels)
      : Kernel(message("concatenate", shape_string(channels)), ports_of(channels),
               std::accumulate(channels.begin(), channels.end(), Index{0})) {}

  void compute(const Work& work) const noexcept override {
    if (out_channels() == 2 && work.in.size() == 2) return interleave(work);
    Index n = 0;
    if (work.count > 4 && std::ranges::all_of(inputs(), [](const Port& p) { return p.channels <= 4; })) {
      if (work.in.size() == 2) n = in_fours<2>(work);
      if (work.in.size() == 3) n = in_fours<3>(work);
    }
    // Input by input, of as many frames as stay in the nearest cache.
    const Index most = std::max<Index>(1, 1024 / out_channels());
    for (; n < work.count; n += most) {
      float* to = work.out + n * out_channels();
      for (std::size_t i = 0; i < work.in.size(); ++i) {
        const Index c = inputs()[i].channels;
        kernels::copy_frames(work.in[i] + n * c, c, c, std::min(most, work.count - n), to, out_channels());
        to += c;
      }
    }
  }

 private:
  static void interleave(const Work& work) noexcept {
    const float *const a = work.in[0], *const b = work.in[1];
    for (Index n = 0; n < work.count; ++n) {
      work.out[2 * n] = a[n];
      work.out[2 * n + 1] = b[n];
    }
  }

  // Frames of up to four channels an input as vectors of four values, of which the next writes over what is
  // not its own: all but the last frames, behind which there may be nothing. Returns the frames made.
  template <std::size_t count>
  Index in_fours(const Work& work) const noexcept {
    const float* from[count];
    Index step[count];
    for (std::size_t i = 0; i < count; ++i) {
      from[i] = work.in[i];
      step[i] = inputs()[i].channels;
    }
    const Index frames = work.count - 4;
    float* out = work.out;
    for (Index n = 0; n < frames; ++n)
#pragma GCC unroll 4
      for (std::size_t i = 0; i < count; ++i) {
        std::memcpy(out, from[i], 4 * sizeof *out);
        from[i] += step[i];
        out += step[i];
      }
    return frames;
  }
};

Op elementwise(const char* what, Combine combine, Index channels, Index inputs) {
  require(channels > 0 && inputs > 0, what, ": channels and inputs must be positive, got ", channels, " and ",
          inputs);
  return Op(std::make_shared<Elementwise>(what, combine, channels, inputs));
}

Signal joined(const Op& op, std::span<const FramesView> x) {
  for (const FramesView& s : x)
    require(s.frames() == x[0].frames(), op.name(), ": signals must be equally long, got ", x[0].frames(),
            " and ", s.frames(), " frames");
  return std::move(op(x).front());
}

Index first_channels(std::span<const FramesView> x) {
  require(!x.empty(), "a join needs at least one signal");
  return x[0].channels();
}

}  // namespace

namespace op {

Op add(Index channels, Index inputs) {
  return elementwise("add", Combine::sum, channels, inputs);
}
Op mean(Index channels, Index inputs) {
  return elementwise("mean", Combine::mean, channels, inputs);
}
Op multiply(Index channels, Index inputs) {
  return elementwise("multiply", Combine::product, channels, inputs);
}
Op identity(Index channels) {
  return elementwise("identity", Combine::sum, channels, 1);
}

Op concatenate(std::vector<Index> channels) {
  require(!channels.empty(), "concatenate: needs at least one input");
  for (const Index c : channels) require(c > 0, "concatenate: channels must be positive, got ", c);
  return Op(std::make_shared<Concatenate>(channels));
}

}  // namespace op

Signal add(std::span<const FramesView> x) {
  return joined(op::add(first_channels(x), static_cast<Index>(x.size())), x);
}
Signal mean(std::span<const FramesView> x) {
  return joined(op::mean(first_channels(x), static_cast<Index>(x.size())), x);
}
Signal multiply(std::span<const FramesView> x) {
  return joined(op::multiply(first_channels(x), static_cast<Index>(x.size())), x);
}
Signal concatenate(std::span<const FramesView> x) {
  std::vector<Index> channels;
  for (const FramesView& s : x) channels.push_back(s.channels());
  return joined(op::concatenate(std::move(channels)), x);
}

}  // namespace wavestride
