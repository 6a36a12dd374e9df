#include <wavestride/conv1d.h>

#include "alternatives.h"
#include "chained_conv1d.h"
#include "check.h"
#include "circular.h"
#include "depthwise.h"
#include "dot_products.h"
#include "finishing.h"
#include "frame_lanes.h"
#include "frame_pairs.h"
#include "idle_lanes.h"
#include "joined_groups.h"
#include "kernels/shared_taps.h"
#include "minimal_conv1d.h"
#include "products.h"

namespace wavestride {

ConvPadding::ConvPadding(const std::string& rule) : same_(rule == "same") {
  require(same_ || rule == "valid", "conv1d: padding must be frames, \"same\" or \"valid\", got \"", rule,
          "\"");
}

ConvPadding::Sides ConvPadding::sides(Index kernel, Index stride, Index dilation) const {
  if (same_) {
    require(stride == 1, "conv1d: padding \"same\" needs stride 1, got ", stride);
    const Index both = (kernel - 1) * dilation;
    return {both / 2, both - both / 2};
  }
  require(left_ >= 0 && right_ >= 0, "conv1d: padding must not be negative, got (", left_, ", ", right_, ")");
  return {left_, right_};
}

namespace {

struct Conv1dShape {
  Index in, out, kernel, groups, stride, dilation;
  ConvPadding::Sides pad;
};

[[gnu::cold]] Conv1dShape check(const Tensor& weight, std::span<const float> bias, const Conv1dOptions& o) {
  require(weight.shape.size() == 3 && !weight.empty(),
          "conv1d: weight must have shape (out, in/groups, kernel), got ", shape_string(weight.shape));
  weight.check();
  require(o.stride >= 1, "conv1d: stride must be at least 1, got ", o.stride);
  require(o.dilation >= 1, "conv1d: dilation must be at least 1, got ", o.dilation);
  require(o.groups >= 1 && weight.dim(0) % o.groups == 0, "conv1d: groups must divide the ", weight.dim(0),
          " output channels, got ", o.groups);
  require(bias.empty() || static_cast<Index>(bias.size()) == weight.dim(0), "conv1d: bias must have ",
          weight.dim(0), " values, got ", bias.size());
  constexpr Index most = Index{1} << 40;
  require(o.stride < most && o.dilation < most / weight.dim(2),
          "conv1d: stride and dilation must stay below 2^40, got ", o.stride, " and ", o.dilation);
  const auto pad = o.padding.sides(weight.dim(2), o.stride, o.dilation);
  require(pad.left < most && pad.right < most, "conv1d: padding must stay below 2^40, got (", pad.left, ", ",
          pad.right, ")");
  return {weight.dim(1) * o.groups, weight.dim(0), weight.dim(2), o.groups, o.stride, o.dilation, pad};
}

/// With weights and frames in units of one float or two bfloat16.
template <class Unit>
class Conv1d final : public Kernel, public detail::HasAlternatives, public detail::Finishing {
 public:
  /// Input channels of a weight are counted within its group. `chained`: each sum is one chain, tap by tap.
  Conv1d(const Conv1dShape& s, const kernels::WeightAt& value, std::span<const float> bias, PadMode mode,
         bool chained = false)
      : Kernel(message("conv1d(", s.in, " → ", s.out, ", kernel ", s.kernel, ", stride ", s.stride,
                       ", dilation ", s.dilation, ", groups ", s.groups, rounds ? ", bfloat16)" : ")"),
               {{s.in, conv_geometry(s.kernel, s.stride, s.dilation, s.pad.left, s.pad.right), {mode, 0.0f}}},
               s.out),
        shape_(s),
        parameters_(s.out * (s.in / s.groups) * s.kernel + static_cast<Index>(bias.size())) {
    for (Index k = 0; k < s.kernel; ++k) offsets_.push_back(k * s.dilation * s.in / unit);
    const Index in = s.in / s.groups, out = s.out / s.groups;
    const detail::DotShape dots{in, out, s.groups, s.kernel, s.groups == 1 && s.dilation == 1};
    const bool dots_pay = !rounds && !chained && detail::dots_pay(dots, s.groups == 1 && s.stride == 1);
    if (in == 1 && out == 1 && (s.groups > 1 || s.stride > 1 || s.kernel < long_filter) && !dots_pay) {
      depthwise_ = {s.out, s.kernel, [&](Index c, Index k) { return value(c, 0, k); }, bias};
      return;
    }
    for (Index g = 0; g < s.groups; ++g)
      groups_.emplace_back(
          out, in / unit, s.kernel,
          [&](Index o, Index r, Index k) -> Unit {
            if constexpr (rounds)
              return kernels::bfloat16_pair(value(g * out + o, 2 * r, k), value(g * out + o, 2 * r + 1, k));
            else
              return value(g * out + o, r, k);
          },
          bias.empty() ? bias
                       : bias.subspan(static_cast<std::size_t>(g * out), static_cast<std::size_t>(out)),
          detail::row_block<Unit>());
    if (rounds) return;
    if (!chained && s.kernel * s.out * s.groups * s.stride == 1 && kernels::mixes(s.in)) {
      for (Index c = 0; c < s.in; ++c) mix_.push_back(value(0, c, 0));
      return;
    }
    if (dots_pay) {
      dots_ = detail::dot_products(dots, value, bias);
      return;
    }
    if (s.groups > 1) {
      joined_ = {in, out, s.groups, s.kernel, value, bias};
      if (!joined_.by_frames()) near_ = near_outputs(s);
    }
    if (s.stride != 1 || s.groups != 1) return;
    if (!chained && kernels::shared_taps_pay(s.in, s.out, s.kernel, s.dilation))
      taps_ = {s.out, s.in, s.kernel, value, bias};
    else if (!chained && detail::FramePairs::pay(s.in, s.out, s.kernel, s.dilation))
      pairs_ = {s.in, s.kernel, s.dilation, value, bias};
    else
      lanes_ = {s.in, s.out, s.kernel, s.dilation, value, bias};
  }

  Index scratch_bytes() const override {
    if (!rounds) return near_ > 0 ? window_frames(near_) * shape_.in * static_cast<Index>(sizeof(float)) : 0;
    const Index most = outputs_at_once(), kernel = shape_.kernel;
    return detail::RoundedFrames::bytes(std::min(window_frames(most), kernel * most) * shape_.in, kernel);
  }

  void compute(const Work& work) const noexcept override { compute_finished(work, 1, {}); }
  bool slopes_inputs() const override { return rounds; }

  void compute_finished(const Work& work, float slope,
                        const kernels::Finish& finish) const noexcept override {
    const Index stride = shape_.stride, channels = shape_.in;
    if constexpr (rounds) {
      const Index most = outputs_at_once();
      for (Index n = 0; n < work.count; n += most) {
        const Index count = std::min(most, work.count - n), at = n * shape_.out;
        make_rounded({work.scratch, shape_.kernel}, work.in[0] + n * stride * channels, slope, count,
                     work.out + at);
        kernels::finish(finish.behind(at), count * shape_.out, work.out + at);
      }
    } else if (!depthwise_.empty()) {
      depthwise_.make(work.in[0], offsets_.data(), stride * channels, work.count, work.out, channels);
      kernels::finish(finish, work.count * shape_.out, work.out);
    } else if (!mix_.empty()) {
      kernels::mix(mix_.data(), channels, *groups_.front().bias(), work.in[0], work.count, work.out);
      kernels::finish(finish, work.count, work.out);
    } else if (!dots_.empty()) {
      kernels::dots(dots_, work.in[0], offsets_.data(), stride * channels, work.count, work.out, shape_.out,
                    finish);
    } else if (!taps_.empty()) {
      // Frames that lie `dilation` apart share their inputs.
      const Index apart = shape_.dilation;
      for (Index n = 0; n < std::min(apart, work.count); ++n)
        kernels::shared_taps(taps_, work.in[0] + n * channels, apart * channels,
                             (work.count - n + apart - 1) / apart, work.out + n * shape_.out,
                             apart * shape_.out, finish.behind(n * shape_.out));
    } else if (!pairs_.empty()) {
      pairs_.make(work.in[0], work.count, work.out, finish);
    } else {
      const Index most = near_ > 0 ? near_ : work.count;
      for (Index n = 0; n < work.count; n += most) {
        const Index count = std::min(most, work.count - n), at = n * shape_.out;
        const float* in = work.in[0] + n * stride * channels;
        if (2 * count > near_ && near_ > 0) {
          auto* copies = static_cast<float*>(work.scratch);
          kernels::copy(in, window_frames(count) * channels, copies);
          in = copies;
        }
        make_lanes(in, count, work.out + at, finish.behind(at));
      }
    }
  }

  std::shared_ptr<const Kernel> minimal() const override { return minimal_at(0, false); }

  std::shared_ptr<const Kernel> bfloat16() const override {
    if constexpr (rounds) {
      return nullptr;
    } else {
      if (!depthwise_.empty() || !mix_.empty() || !dots_.empty() ||
          !detail::bfloat16_pays(shape_.in / shape_.groups))
        return nullptr;
      const Index out = shape_.out / shape_.groups;
      std::vector<float> bias;
      for (const kernels::DenseWeights& w : groups_) bias.insert(bias.end(), w.bias(), w.bias() + out);
      return std::make_shared<Conv1d<detail::Bfloat16Pair>>(
          shape_,
          [&](Index o, Index c, Index k) {
            return groups_[static_cast<std::size_t>(o / out)].value(o % out, c, k);
          },
          bias, inputs()[0].padding.mode);
    }
  }

  std::shared_ptr<const Kernel> fastest() const override {
    if (auto minimal = minimal_at(kernels::bfloat16_speed(), true)) return minimal;
    return detail::faster_rounded(*this);
  }

  Index parameters() const override { return parameters_; }
  double macs_per_frame() const override {
    return static_cast<double>(shape_.out) * static_cast<double>(shape_.in / shape_.groups * shape_.kernel);
  }

 private:
  static constexpr Index long_filter = 48;  // of one channel: of so many taps FrameLanes load less
  static constexpr Index unit = detail::channels_of<Unit>;
  static constexpr bool rounds = unit == 2;

  /// By minimal filtering, where it is to be expected at least so many times as fast as the sums.
  std::shared_ptr<const Kernel> minimal_at(double least_speed, bool rough) const {
    if constexpr (rounds) {
      return nullptr;
    } else {
      const detail::MinimalConvShape shape{shape_.in,
                                           shape_.out,
                                           shape_.kernel,
                                           shape_.dilation,
                                           shape_.pad.left,
                                           shape_.pad.right,
                                           inputs()[0].padding.mode,
                                           rough};
      if (shape_.stride != 1 || shape_.groups != 1 || !depthwise_.empty() || !detail::minimal_pays(shape) ||
          detail::minimal_speed(shape) < least_speed)
        return nullptr;
      const kernels::DenseWeights& w = groups_.front();
      return detail::minimal_conv1d(shape, [&](Index o, Index c, Index k) { return w.value(o, c, k); },
                                    {w.bias(), static_cast<std::size_t>(shape_.out)});
    }
  }

  Index outputs_at_once() const { return detail::outputs_at_once(shape_.stride * shape_.in); }
  /// Input frames from the first to the last that so many outputs read.
  Index window_frames(Index outputs) const {
    return (outputs - 1) * shape_.stride + (shape_.kernel - 1) * shape_.dilation + 1;
  }

  /// How many outputs' inputs to copy to where all groups find them near. A group is a column of the frames:
  /// where these are wide, what it reads next lies too far off for a processor to foresee. 0: where they are
  /// narrow, or weights too large to be read often, all groups read them where they are.
  static Index near_outputs(const Conv1dShape& s) {
    // Of narrower frames AVX-512 makes more groups than it takes to copy these, by one tap of any but the
    // widest.
    const Index least_channels = !detail::parts_are_stored_at_once() ? 48 : s.kernel > 1 ? 256 : 512;
    constexpr Index most_weights = 64 << 10, most_floats = 12 << 10, fewest = 10, most = 48;
    const Index shared = (s.kernel - 1) * s.dilation;
    const Index outputs = std::min((most_floats / s.in - shared - 1) / s.stride + 1, most);
    const bool pays = s.in >= least_channels && s.out * (s.in / s.groups) * s.kernel <= most_weights &&
                      outputs >= fewest && outputs * s.stride >= shared && s.stride <= 2 * (shared + 1);
    return pays ? outputs : 0;
  }

  /// Several groups or frames in the lanes of a vector, where that pays, and then what these leave.
  void make_lanes(const float* in, Index count, float* out, const kernels::Finish& finish) const noexcept {
    const Index step = shape_.stride * shape_.in;
    const Index made = shape_.groups > 1 ? joined_.make_finite(in, offsets_.data(), step, count, out, finish)
                                         : lanes_.make(in, count, out, finish);
    if (made == count) return;
    const Index at = made * shape_.out;
    make(in + made * step, offsets_.data(), step, count - made, out + at, finish.behind(at));
  }

  /// `in_step` and offsets are in units.
  template <class... Finish>
  void make(const Unit* in, const Index* offsets, Index in_step, Index count, float* out,
            const Finish&... finish) const noexcept {
    for (Index g = 0; g < shape_.groups; ++g) {
      const Index at = g * (shape_.out / shape_.groups);
      kernels::dense(groups_[static_cast<std::size_t>(g)], in + g * (shape_.in / shape_.groups / unit),
                     offsets, in_step, count, out + at, shape_.out, finish.behind(at)...);
    }
  }

  /// Of all frames in the window or, where a few outputs lie far apart from tap to tap, of those that they
  /// read.
  void make_rounded(const detail::RoundedFrames& rounded, const float* in, float slope, Index count,
                    float* out) const noexcept {
    const Index channels = shape_.in, frames = window_frames(count);
    if (frames <= shape_.kernel * count) {
      const Unit* units = rounded.round(in, slope, frames * channels);
      return make(units, offsets_.data(), shape_.stride * channels / unit, count, out);
    }
    const Unit* units = nullptr;
    for (Index k = 0; k < shape_.kernel; ++k) {
      for (Index j = 0; j < count; ++j)
        units = rounded.round(in + (k * shape_.dilation + j * shape_.stride) * channels, slope, channels,
                              (k * count + j) * channels);
      rounded.offsets[k] = k * count * channels / unit;
    }
    make(units, rounded.offsets, channels / unit, count, out);
  }

  Conv1dShape shape_;
  std::vector<Index> offsets_;
  std::vector<kernels::PackedWeights<Unit>> groups_;
  detail::FrameLanes lanes_;
  detail::JoinedGroups joined_;
  kernels::SharedTaps taps_;
  detail::FramePairs pairs_;
  kernels::DotWeights dots_;
  std::vector<float> mix_;  // of two or four channels to one, without a window
  detail::Depthwise depthwise_;
  Index near_ = 0;
  Index parameters_;
};

[[gnu::cold]] Op made(const Tensor& weight, std::span<const float> bias, const Conv1dOptions& options,
                      bool chained) {
  const Conv1dShape shape = check(weight, bias, options);
  if (options.padding_mode == PadMode::circular) {
    Conv1dOptions bare = options;
    bare.padding = 0;
    bare.padding_mode = PadMode::constant;
    return detail::behind_circular(shape.pad.left, shape.pad.right, made(weight, bias, bare, chained));
  }
  const Index in = weight.dim(1), kernel = weight.dim(2);
  const auto value = [&](Index o, Index c, Index k) {
    return weight.data[static_cast<std::size_t>((o * in + c) * kernel + k)];
  };
  return Op(std::make_shared<Conv1d<float>>(shape, value, detail::without_negative_zeros(bias),
                                            options.padding_mode, chained));
}

/// The weight of a linear layer as that of a convolution.
[[gnu::cold]] Tensor pointwise(const Tensor& weight) {
  Tensor w = weight;
  if (w.shape.size() == 2) w.shape.push_back(1);
  require(w.shape.size() == 3 && w.shape[2] == 1, "linear: weight must have shape (out, in), got ",
          shape_string(weight.shape));
  return w;
}

}  // namespace

Op detail::chained_conv1d(const Tensor& weight, std::span<const float> bias, const Conv1dOptions& options) {
  return made(weight, bias, options, true);
}

Op detail::chained_linear(const Tensor& weight, std::span<const float> bias) {
  return made(pointwise(weight), bias, {}, true);
}

namespace op {

Op conv1d(const Tensor& weight, std::span<const float> bias, const Conv1dOptions& options) {
  return made(weight, bias, options, false);
}

Op linear(const Tensor& weight, std::span<const float> bias) {
  return made(pointwise(weight), bias, {}, false);
}

}  // namespace op

Signal conv1d(FramesView x, const Tensor& weight, std::span<const float> bias, const Conv1dOptions& options) {
  return op::conv1d(weight, bias, options)(x);
}

Signal linear(FramesView x, const Tensor& weight, std::span<const float> bias) {
  return op::linear(weight, bias)(x);
}

}  // namespace wavestride
