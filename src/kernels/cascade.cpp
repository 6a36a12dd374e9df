#include "kernels/cascade.h"

#include <algorithm>
#include <utility>

namespace wavestride::kernels {

Conversion::Conversion(std::shared_ptr<const PolyphaseBank> bank) : bank_(std::move(bank)) {
  bank_scratch_.emplace(*bank_);
}

Conversion::Conversion(std::shared_ptr<const TableConversion> table) : table_(std::move(table)) {
  // Few enough frames for the nearest cache, but no fewer than one output reads.
  const Window& w = table_->window;
  const Index frames = std::max<Index>(1024, w.span());
  block_ =
      std::clamp<Index>(detail::affine_floor(frames, w.den, 0, w.num), 1, ContinuousScratch::most_outputs);
  table_scratch_.emplace(*table_->filter, w.span() + detail::affine_floor(block_, w.num, 0, w.den) + 2);
}

Conversion::Conversion(Conversion&&) noexcept = default;
Conversion::~Conversion() = default;

template <class In, class Out>
void Conversion::run(const In* in, Index n, Index count, Index channels, Out* out) noexcept {
  if (bank_) return polyphase(*bank_, in, n, count, channels, out, *bank_scratch_);
  const TableConversion& t = *table_;
  const Window& w = t.window;
  const Index L = w.den, M = w.num, start = w.first(n);
  const double gain = std::min(1.0, static_cast<double>(L) / static_cast<double>(M));
  // Where in its first frame, from 0 to L − 1, the window of an output begins, whose length follows.
  auto at =
      static_cast<Index>(static_cast<detail::Wide>(n) * M + w.lo - static_cast<detail::Wide>(start) * L);
  const Index frames = (w.hi - w.lo) / L + 1, past = (w.hi - w.lo) % L, whole = M / L, rest = M % L;
  ContinuousFilter::Output outputs[ContinuousScratch::most_outputs];
  for (Index done = 0, frame = 0; done < count;) {
    const Index some = std::min(block_, count - done);
    for (Index i = 0; i < some; ++i, at += rest, frame += whole) {
      if (at >= L) at -= L, ++frame;
      outputs[i] = {frame, frames + (at + past >= L ? 1 : 0),
                    t.origin + static_cast<double>(at - w.lo + t.last) * t.points};
    }
    t.filter->apply(in, {outputs, static_cast<std::size_t>(some)}, channels, gain, out + done * channels,
                    *table_scratch_);
    done += some;
  }
}

template void Conversion::run(const float*, Index, Index, Index, float*) noexcept;

Window cascade_window(const Window& a, const Window& b) {
  using detail::Wide;
  const Index g = std::gcd(a.num * b.num, a.den * b.den);
  const auto reduced = [&](Wide offset) { return detail::saturate(detail::floor_div(offset, g)); };
  return {a.num * b.num / g, a.den * b.den / g,
          reduced(static_cast<Wide>(a.num) * (b.lo - b.den + 1) + static_cast<Wide>(a.lo) * b.den),
          reduced(static_cast<Wide>(a.num) * b.hi + static_cast<Wide>(a.hi) * b.den)};
}

CascadeScratch::CascadeScratch(Conversion first, Conversion second, Index channels)
    : first_(std::move(first)),
      second_(std::move(second)),
      window_(cascade_window(first_.window(), second_.window())),
      channels_(channels) {
  constexpr Index frames = 1024;
  const Window& w = second_.window();
  block_ = std::max<Index>(detail::affine_floor(frames, w.den, 0, w.num), 1);
  const auto room =
      static_cast<std::size_t>(channels * (w.span() + detail::affine_floor(block_, w.num, 0, w.den) + 2));
  first_.precise() && second_.precise() ? doubles_.resize(room) : floats_.resize(room);
}

Index CascadeScratch::bytes() const {
  return first_.bytes() + second_.bytes() +
         static_cast<Index>(floats_.size() * sizeof(float) + doubles_.size() * sizeof(double));
}

template <class T>
void CascadeScratch::run(Aligned<T>& between, const float* in, Index n, Index count, float* out) noexcept {
  const Window &a = first_.window(), &b = second_.window();
  const Index in_start = window_.first(n);
  for (Index done = 0; done < count;) {
    const Index some = std::min(block_, count - done);
    const Index from = b.first(n + done), to = b.last(n + done + some - 1) + 1;
    if (from < begin_ || from > end_) begin_ = end_ = from;
    std::move(between.begin() + (from - begin_) * channels_, between.begin() + (end_ - begin_) * channels_,
              between.begin());
    begin_ = from;
    if (to > end_) {
      first_.run(in + (a.first(end_) - in_start) * channels_, end_, to - end_, channels_,
                 between.data() + (end_ - begin_) * channels_);
      end_ = to;
    }
    second_.run(std::as_const(between).data(), n + done, some, channels_, out + done * channels_);
    done += some;
  }
}

void CascadeScratch::run(const float* in, Index n, Index count, float* out) noexcept {
  doubles_.empty() ? run(floats_, in, n, count, out) : run(doubles_, in, n, count, out);
}

}  // namespace wavestride::kernels
