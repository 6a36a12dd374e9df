#include "kernels/cascade.h"

#include <algorithm>
#include <type_traits>
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

KeptFrames::KeptFrames(Conversion conversion, Index channels, Index most, bool precise_follows)
    : conversion_(std::move(conversion)), channels_(channels) {
  const auto room = static_cast<std::size_t>(channels * most);
  conversion_.precise() && precise_follows ? doubles_.resize(room) : floats_.resize(room);
}

Index KeptFrames::bytes() const {
  return conversion_.bytes() +
         static_cast<Index>(floats_.size() * sizeof(float) + doubles_.size() * sizeof(double));
}

template <class T>
const T* KeptFrames::make(Index from, Index to, const float* in, Index in_start) noexcept {
  T* kept;
  if constexpr (std::is_same_v<T, float>)
    kept = floats_.data();
  else
    kept = doubles_.data();
  if (from < begin_ || from > end_) begin_ = end_ = from;
  std::move(kept + (from - begin_) * channels_, kept + (end_ - begin_) * channels_, kept);
  begin_ = from;
  if (to > end_) {
    conversion_.run(in + (window().first(end_) - in_start) * channels_, end_, to - end_, channels_,
                    kept + (end_ - begin_) * channels_);
    end_ = to;
  }
  return kept;
}

template const float* KeptFrames::make(Index, Index, const float*, Index) noexcept;
template const double* KeptFrames::make(Index, Index, const float*, Index) noexcept;

// Outputs of `second` of about a thousand frames between.
static Index block_of(const Conversion& second) {
  const Window& w = second.window();
  return std::max<Index>(detail::affine_floor(1024, w.den, 0, w.num), 1);
}

CascadeScratch::CascadeScratch(Conversion first, Conversion second, Index channels)
    : second_(std::move(second)),
      window_(cascade_window(first.window(), second_.window())),
      channels_(channels),
      block_(block_of(second_)),
      between_(std::move(first), channels,
               second_.window().span() +
                   detail::affine_floor(block_, second_.window().num, 0, second_.window().den) + 2,
               second_.precise()) {}

void CascadeScratch::run(const float* in, Index n, Index count, float* out) noexcept {
  const Window& w = second_.window();
  const Index in_start = window_.first(n);
  for (Index done = 0; done < count;) {
    const Index some = std::min(block_, count - done);
    const Index from = w.first(n + done), to = w.last(n + done + some - 1) + 1;
    const auto convert = [&](const auto* between) {
      second_.run(between, n + done, some, channels_, out + done * channels_);
    };
    if (between_.precise())
      convert(between_.make<double>(from, to, in, in_start));
    else
      convert(between_.make<float>(from, to, in, in_start));
    done += some;
  }
}

}  // namespace wavestride::kernels
