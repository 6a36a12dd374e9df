#include "kernels/cascade.h"

#include <algorithm>

namespace wavestride::kernels {

Window cascade_window(const Window& a, const Window& b) {
  using detail::Wide;
  const Index g = std::gcd(a.num * b.num, a.den * b.den);
  const auto reduced = [&](Wide offset) { return detail::saturate(detail::floor_div(offset, g)); };
  return {a.num * b.num / g, a.den * b.den / g,
          reduced(static_cast<Wide>(a.num) * (b.lo - b.den + 1) + static_cast<Wide>(a.lo) * b.den),
          reduced(static_cast<Wide>(a.num) * b.hi + static_cast<Wide>(a.hi) * b.den)};
}

CascadeScratch::CascadeScratch(std::shared_ptr<const PolyphaseBank> first,
                               std::shared_ptr<const PolyphaseBank> second, Index channels)
    : first_(std::move(first)),
      second_(std::move(second)),
      first_scratch_(*first_),
      second_scratch_(*second_),
      window_(cascade_window(first_->window(), second_->window())),
      channels_(channels) {
  constexpr Index frames = 1024;
  const Window& w = second_->window();
  block_ = std::max<Index>(detail::affine_floor(frames, w.den, 0, w.num), 1);
  const auto room =
      static_cast<std::size_t>(channels * (w.span() + detail::affine_floor(block_, w.num, 0, w.den) + 2));
  second_->precise() ? doubles_.resize(room) : floats_.resize(room);
}

Index CascadeScratch::bytes() const {
  return first_scratch_.bytes() + second_scratch_.bytes() +
         static_cast<Index>(floats_.size() * sizeof(float) + doubles_.size() * sizeof(double));
}

template <class T>
void CascadeScratch::run(Aligned<T>& between, const float* in, Index n, Index count, float* out) noexcept {
  const Window &a = first_->window(), &b = second_->window();
  const Index in_start = window_.first(n);
  for (Index done = 0; done < count;) {
    const Index some = std::min(block_, count - done);
    const Index from = b.first(n + done), to = b.last(n + done + some - 1) + 1;
    if (from < begin_ || from > end_) begin_ = end_ = from;
    std::move(between.begin() + (from - begin_) * channels_, between.begin() + (end_ - begin_) * channels_,
              between.begin());
    begin_ = from;
    if (to > end_) {
      polyphase(*first_, in + (a.first(end_) - in_start) * channels_, end_, to - end_, channels_,
                between.data() + (end_ - begin_) * channels_, first_scratch_);
      end_ = to;
    }
    polyphase(*second_, static_cast<const T*>(between.data()), n + done, some, channels_,
              out + done * channels_, second_scratch_);
    done += some;
  }
}

void CascadeScratch::run(const float* in, Index n, Index count, float* out) noexcept {
  if (second_->precise())
    run(doubles_, in, n, count, out);
  else
    run(floats_, in, n, count, out);
}

}  // namespace wavestride::kernels
