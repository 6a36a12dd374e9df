#include <wavestride/conv1d.h>
#include <wavestride/conv_transpose1d.h>

#include <algorithm>

#include "alternatives.h"
#include "check.h"
#include "depthwise.h"
#include "dot_products.h"
#include "frame_lanes.h"
#include "idle_lanes.h"
#include "joined_groups.h"
#include "products.h"

namespace wavestride {
namespace {

struct Shape {
  Index in, out, kernel, groups, stride, padding, output_padding, dilation;
};

[[gnu::cold]] Shape check(const Tensor& weight, std::span<const float> bias,
                          const ConvTranspose1dOptions& o) {
  require(weight.shape.size() == 3 && !weight.empty(),
          "conv_transpose1d: weight must have shape (in, out/groups, kernel), got ",
          shape_string(weight.shape));
  weight.check();
  constexpr Index most = Index{1} << 40, most_phases = 1 << 20;
  require(o.stride >= 1 && o.stride <= most_phases, "conv_transpose1d: stride must be 1 to ", most_phases,
          ", got ", o.stride);
  require(o.dilation >= 1 && o.dilation < most / weight.dim(2),
          "conv_transpose1d: dilation must be at least 1 and dilation·kernel below 2^40, got ", o.dilation);
  require(o.padding >= 0 && o.padding < most, "conv_transpose1d: padding must be 0 or more, below 2^40, got ",
          o.padding);
  require(o.output_padding >= 0 && o.output_padding < std::max(o.stride, o.dilation),
          "conv_transpose1d: output_padding must be 0 or more and smaller than stride or dilation, got ",
          o.output_padding, " with stride ", o.stride, " and dilation ", o.dilation);
  require(o.groups >= 1 && weight.dim(0) % o.groups == 0, "conv_transpose1d: groups must divide the ",
          weight.dim(0), " input channels, got ", o.groups);
  const Index out = weight.dim(1) * o.groups;
  require(bias.empty() || static_cast<Index>(bias.size()) == out, "conv_transpose1d: bias must have ", out,
          " values, got ", bias.size());
  return {weight.dim(0), out, weight.dim(2), o.groups, o.stride, o.padding, o.output_padding, o.dilation};
}

/// With weights and frames in units of one float or two bfloat16.
template <class Unit>
class ConvTranspose1d final : public Kernel, public detail::HasAlternatives {
 public:
  /// value(c, o, k) gives a weight, o counted within its group.
  ConvTranspose1d(const Shape& s, const std::function<float(Index, Index, Index)>& value,
                  std::span<const float> bias)
      : Kernel(message("conv_transpose1d(", s.in, " → ", s.out, ", kernel ", s.kernel, ", stride ", s.stride,
                       ", dilation ", s.dilation, ", groups ", s.groups, rounds ? ", bfloat16)" : ")"),
               {{s.in,
                 conv_transpose_geometry(s.kernel, s.stride, s.padding, s.output_padding, s.dilation),
                 {}}},
               s.out),
        shape_(s),
        parameters_(s.in * (s.out / s.groups) * s.kernel + static_cast<Index>(bias.size())),
        bias_(static_cast<std::size_t>(s.out), 0.0f),
        phases_(static_cast<std::size_t>(s.stride)) {
    std::copy(bias.begin(), bias.end(), bias_.begin());
    for (Index k = s.kernel; k-- > 0;) phase_of(k).taps.push_back(k);
    const detail::DotShape shape = dot_shape(s.kernel);
    const bool dots = !rounds && detail::dots_pay_phases(shape, s.stride, s.dilation);
    const bool together = detail::side_by_side(shape, s.stride);
    for (Phase& phase : phases_)
      if (!phase.taps.empty()) fill(phase, value, dots && !together);
    if (together) put_together(dots);
  }

  Index scratch_bytes() const override {
    if (!rounds) return 0;
    const Window& w = inputs()[0].geometry.window;
    return detail::RoundedFrames::bytes(((outputs_at_once() * w.num + w.hi - w.lo) / w.den + 2) * shape_.in);
  }

  void compute(const Work& work) const noexcept override {
    if constexpr (rounds) {
      const Window& w = inputs()[0].geometry.window;
      const detail::RoundedFrames rounded(work.scratch);
      const Index most = outputs_at_once(), first = w.first(work.n), end = work.n + work.count;
      for (Index n = work.n; n < end; n += most) {
        const Index count = std::min(most, end - n), from = w.first(n), to = w.last(n + count - 1);
        const Unit* in =
            rounded.round(work.in[0] + (from - first) * shape_.in, 1, (to - from + 1) * shape_.in);
        make(in, n, count, work.out + (n - work.n) * shape_.out);
      }
    } else {
      make(work.in[0], work.n, work.count, work.out);
    }
  }

  std::shared_ptr<const Kernel> bfloat16() const override {
    if constexpr (rounds) {
      return nullptr;
    } else {
      const Index in = shape_.in / shape_.groups;
      if (!dots_.empty() || !detail::bfloat16_pays(in)) return nullptr;
      return std::make_shared<ConvTranspose1d<detail::Bfloat16Pair>>(
          shape_,
          [&](Index c, Index o, Index k) {
            const Phase& phase = phase_of(k);
            const auto tap = std::find(phase.taps.begin(), phase.taps.end(), k) - phase.taps.begin();
            return phase.groups[static_cast<std::size_t>(c / in)].value(o, c % in, tap);
          },
          bias_);
    }
  }

  std::shared_ptr<const Kernel> fastest() const override { return detail::faster_rounded(*this); }

  Index parameters() const override { return parameters_; }
  double macs_per_frame() const override {
    return static_cast<double>(shape_.in) * static_cast<double>(shape_.out / shape_.groups * shape_.kernel) /
           static_cast<double>(shape_.stride);
  }

 private:
  static constexpr Index unit = detail::channels_of<Unit>;
  static constexpr bool rounds = unit == 2;

  /// The taps that reach the output frames of one phase, earliest input frame first; empty without any.
  struct Phase {
    std::vector<Index> taps;
    Index reach = 0;  ///< how many frames before its own position the first tap reads
    std::vector<Index> offsets;
    std::vector<kernels::PackedWeights<Unit>> groups;
    detail::Depthwise depthwise;
    detail::JoinedGroups joined;
    kernels::DotWeights dots;
  };

  Phase& phase_of(Index tap) {
    return phases_[static_cast<std::size_t>(tap * shape_.dilation % shape_.stride)];
  }
  const Phase& phase_of(Index tap) const {
    return phases_[static_cast<std::size_t>(tap * shape_.dilation % shape_.stride)];
  }

  Index outputs_at_once() const { return shape_.stride * detail::outputs_at_once(shape_.in); }

  detail::DotShape dot_shape(Index taps) const {
    return {shape_.in / shape_.groups, shape_.out / shape_.groups, shape_.groups, taps,
            shape_.groups == 1 && shape_.dilation == 1};
  }

  void fill(Phase& phase, const std::function<float(Index, Index, Index)>& value,
            [[maybe_unused]] bool dots) const {
    const Index in = shape_.in / shape_.groups, out = shape_.out / shape_.groups;
    phase.reach = phase.taps.front() * shape_.dilation / shape_.stride;
    for (const Index k : phase.taps)
      phase.offsets.push_back((phase.reach - k * shape_.dilation / shape_.stride) * shape_.in / unit);
    if (in == 1 && out == 1 && shape_.groups > 1) {
      phase.depthwise = {
          shape_.in, static_cast<Index>(phase.taps.size()),
          [&](Index c, Index t) { return value(c, 0, phase.taps[static_cast<std::size_t>(t)]); }, bias_};
      return;
    }
    for (Index g = 0; g < shape_.groups; ++g)
      phase.groups.emplace_back(
          out, in / unit, static_cast<Index>(phase.taps.size()),
          [&](Index o, Index r, Index t) -> Unit {
            const Index c = g * in + r * unit, k = phase.taps[static_cast<std::size_t>(t)];
            if constexpr (rounds)
              return kernels::bfloat16_pair(value(c, o, k), value(c + 1, o, k));
            else
              return value(c, o, k);
          },
          std::span<const float>(bias_).subspan(static_cast<std::size_t>(g * out),
                                                static_cast<std::size_t>(out)),
          detail::row_block<Unit>());
    if constexpr (!rounds) {
      const auto taps = static_cast<Index>(phase.taps.size());
      const auto value_at = [&](Index o, Index c, Index t) {
        return value(o / out * in + c, o % out, phase.taps[static_cast<std::size_t>(t)]);
      };
      if (dots)
        phase.dots = detail::dot_products(dot_shape(taps), value_at, bias_);
      else if (shape_.groups > 1)
        phase.joined = {in, out, shape_.groups, taps, value_at, bias_};
    }
  }

  /// The phases side by side as output channels, where all read the same frames, or nearly so: a phase that
  /// lacks the first of the taps has a weight of zero there (idle_lanes.h).
  void put_together([[maybe_unused]] bool dots) {
    const Phase& first = phases_.front();
    const auto taps = static_cast<Index>(first.taps.size());
    ragged_ = shape_.kernel % shape_.stride != 0;
    // As many products as that takes, each with all lanes, against those of all phases, with some of them.
    if (ragged_ && (rounds || taps * shape_.stride * shape_.out > shape_.kernel * detail::lanes_of_vector()))
      return;
    std::vector<float> biases;
    for (Index phase = 0; phase < shape_.stride; ++phase)
      biases.insert(biases.end(), bias_.begin(), bias_.end());
    const auto unit_of = [&](Index o, Index r, Index t) -> Unit {
      const Phase& phase = phases_[static_cast<std::size_t>(o / shape_.out)];
      const Index lacks = taps - static_cast<Index>(phase.taps.size());
      return t < lacks ? Unit{} : phase.groups.front().value(o % shape_.out, r, t - lacks);
    };
    const Index rows = first.groups.front().rows(), all = shape_.stride * shape_.out;
    together_ = {all, rows, taps, unit_of, biases, detail::row_block<Unit>()};
    if constexpr (!rounds) {
      if (dots && all <= most_floats)
        dots_ = detail::dot_products({rows, all, 1, taps, true}, unit_of, biases);
      else
        lanes_ = {rows, all, taps, 1, unit_of, biases};
    }
  }

  /// From the window of outputs n on.
  void make(const Unit* in, Index n, Index count, float* out) const noexcept {
    const Index stride = shape_.stride, first = inputs()[0].geometry.window.first(n);
    if (together_.out_channels() == 0) return make_phases(in, first, n, count, out);
    const Index before = std::min(count, (stride - (n + shape_.padding) % stride) % stride);
    const Index turns = (count - before) / stride, made = before + turns * stride;
    make_part_of_turn(in, first, n, before, out);
    if (turns > 0) make_turns(in, first, n + before, turns, out + before * shape_.out);
    make_part_of_turn(in, first, n + made, count - made, out + made * shape_.out);
  }

  /// From outputs n on, which begin a turn; `in` begins with frame `first`.
  void make_turns(const Unit* in, Index first, Index n, Index turns, float* out) const noexcept {
    const Phase& phase = phases_.front();
    const Index frame = shape_.in / unit, all = together_.out_channels();
    const Unit* from = in + ((n + shape_.padding) / shape_.stride - phase.reach - first) * frame;
    Index made = 0;
    if constexpr (!rounds) {
      if (!dots_.empty()) return kernels::dots(dots_, from, phase.offsets.data(), frame, turns, out, all);
      made = lanes_.make(from, turns, out, {});
    }
    const auto make = [&](const Unit* at, Index some, float* to) {
      kernels::dense(together_, at, phase.offsets.data(), frame, some, to, all);
    };
    const Unit* const rest = from + made * frame;
    if (!ragged_) return make(rest, turns - made, out + made * all);
    constexpr Index at_once = 48;
    made += detail::make_while_finite(rest, frame, turns - made, at_once, out + made * all, all, {}, make);
    make_phases(in, first, n + made * shape_.stride, (turns - made) * shape_.stride, out + made * all);
  }

  static constexpr Index most_floats = 256;  // of a turn that is made for some of its outputs

  /// Some outputs of one turn: by all of them, where these are few, since the sums of one take as long, and
  /// dot products add in an order of their own.
  void make_part_of_turn(const Unit* in, Index first, Index n, Index count, float* out) const noexcept {
    if (count == 0) return;
    if ((count < 2 && dots_.empty()) || ragged_ || together_.out_channels() > most_floats)
      return make_phases(in, first, n, count, out);
    float turn[most_floats];
    const Index phase = (n + shape_.padding) % shape_.stride;
    make_turns(in, first, n - phase, 1, turn);
    std::copy_n(turn + phase * shape_.out, count * shape_.out, out);
  }

  /// From outputs n on; `in` begins with frame `first`.
  void make_phases(const Unit* in, Index first, Index n, Index count, float* out) const noexcept {
    const bool columns = shape_.groups > 1 && phases_.front().depthwise.empty();
    const Index most = columns ? shape_.stride * turns_at_once() : count;
    for (Index done = 0; done < count; done += most) {
      const Index some = std::min(most, count - done);
      float* to = out + done * shape_.out;
      // No phase has more taps than the first: what is joined there is in all that have any.
      if constexpr (!rounds)
        if (!phases_.front().joined.empty()) {
          for_each_phase(in, first, n + done, some, to,
                         [&](const Phase& phase, const float* from, Index frames, float* at) {
                           phase.joined.make(from, phase.offsets.data(), shape_.in, frames, at,
                                             shape_.stride * shape_.out);
                         });
          if (kernels::finite(to, some * shape_.out)) continue;
        }
      for_each_phase(in, first, n + done, some, to,
                     [&](const Phase& phase, const Unit* from, Index frames, float* at) {
                       make_phase(phase, from, frames, at);
                     });
    }
  }

  /// Groups are columns of the frames: all find so many frames in the nearest cache.
  Index turns_at_once() const { return std::clamp<Index>((8 << 10) / shape_.in, 16, 48); }

  /// Calls make(phase, its first input, frames, its first output) for the phases of outputs n on, and gives
  /// those that no tap reaches the bias.
  template <class Make>
  void for_each_phase(const Unit* in, Index first, Index n, Index count, float* out,
                      Make&& make) const noexcept {
    const Index stride = shape_.stride;
    for (Index j = 0; j < std::min(stride, count); ++j) {
      const Index position = n + j + shape_.padding, frames = (count - j + stride - 1) / stride;
      const Phase& phase = phases_[static_cast<std::size_t>(position % stride)];
      float* to = out + j * shape_.out;
      if (phase.offsets.empty())
        for (Index f = 0; f < frames; ++f)
          std::copy(bias_.begin(), bias_.end(), to + f * stride * shape_.out);
      else
        make(phase, in + (position / stride - phase.reach - first) * shape_.in / unit, frames, to);
    }
  }

  void make_phase(const Phase& phase, const Unit* in, Index frames, float* out) const noexcept {
    const Index in_step = shape_.in / unit, out_step = shape_.stride * shape_.out;
    if constexpr (!rounds) {
      if (!phase.depthwise.empty()) {
        phase.depthwise.make(in, phase.offsets.data(), in_step, frames, out, out_step);
        return;
      }
      if (!phase.dots.empty())
        return kernels::dots(phase.dots, in, phase.offsets.data(), in_step, frames, out, out_step);
    }
    for (Index g = 0; g < shape_.groups; ++g)
      kernels::dense(phase.groups[static_cast<std::size_t>(g)], in + g * (in_step / shape_.groups),
                     phase.offsets.data(), in_step, frames, out + g * (shape_.out / shape_.groups), out_step);
  }

  Shape shape_;
  Index parameters_;
  kernels::AlignedFloats bias_;
  std::vector<Phase> phases_;
  kernels::PackedWeights<Unit> together_;
  detail::FrameLanes lanes_;  // of turns
  kernels::DotWeights dots_;  // of turns
  bool ragged_ = false;       // phases have different numbers of taps
};

}  // namespace

namespace op {

[[gnu::cold]] Op conv_transpose1d(const Tensor& weight, std::span<const float> bias,
                                  const ConvTranspose1dOptions& options) {
  const Shape shape = check(weight, bias, options);
  const Index out = weight.dim(1), kernel = weight.dim(2),
              margin = (kernel - 1) * shape.dilation - shape.padding;
  const auto value = [&](Index c, Index o, Index k) {
    return weight.data[static_cast<std::size_t>((c * out + o) * kernel + k)];
  };
  if (shape.stride == 1 && margin >= 0) {  // a convolution, with the taps turned round
    const Index in = shape.in / shape.groups;
    Tensor turned({shape.out, in, kernel});
    for (Index o = 0; o < shape.out; ++o)
      for (Index c = 0; c < in; ++c)
        for (Index k = 0; k < kernel; ++k)
          turned.data[static_cast<std::size_t>((o * in + c) * kernel + k)] =
              value(o / out * in + c, o % out, kernel - 1 - k);
    return conv1d(turned, bias,
                  {.padding = {margin, margin + shape.output_padding},
                   .dilation = shape.dilation,
                   .groups = shape.groups});
  }
  return Op(std::make_shared<ConvTranspose1d<float>>(shape, value, detail::without_negative_zeros(bias)));
}

}  // namespace op

Signal conv_transpose1d(FramesView x, const Tensor& weight, std::span<const float> bias,
                        const ConvTranspose1dOptions& options) {
  return op::conv_transpose1d(weight, bias, options)(x);
}

}  // namespace wavestride
