// FrameQueue: the frames of one value between the kernel that makes them and those that read them.
#pragma once

#include <wavestride/geometry.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/aligned.h"
#include "kernels/elementwise.h"

namespace wavestride::detail {

/// The frames of one value that some reader may still need, contiguous in memory: in that which they are
/// given, or in lent one, or for a while in more than their own.
class FrameQueue {
 public:
  /// For `limit` frames at once and `slack` more of memory, but no more than the `total` frames that ever
  /// come.
  void plan(Index channels, Index limit, Index slack, Index total) {
    channels_ = channels;
    limit_ = std::min(limit, total);
    home_floats_ = channels * std::min(limit + slack, total);
  }
  /// What it needs of memory, and that.
  Index floats() const { return home_floats_; }
  void use(float* memory) noexcept {
    home_ = memory;
    at_home();
  }

  /// For as many frames at once as ever come, which are lent in one go: it has memory once they are not.
  void plan_late(Index channels, Index total) {
    channels_ = channels;
    limit_ = place_limit_ = total;
    late_ = true;
  }

  /// Empty, before frame `first`.
  void reset(Index first = 0) noexcept {
    begin_ = end_ = first;
    offset_ = 0;
    lent_ = nullptr;
    if (!late_) at_home();
  }

  Index begin() const { return begin_; }
  Index end() const { return end_; }
  Index room() const { return place_limit_ - (end_ - begin_); }
  /// Of memory beside that which it was given.
  Index bytes() const { return static_cast<Index>(more_.size() * sizeof(float)); }

  const float* frame(Index n) const {
    return lent_ ? lent_ + (n - lent_from_) * channels_ : place_ + (offset_ + n - begin_) * channels_;
  }

  /// Moves to `place`, which has room for `frames` frames, more than its own memory, until go_home().
  void go_to(float* place, Index frames) noexcept {
    kernels::copy(frame(begin_), (end_ - begin_) * channels_, place);
    offset_ = 0;
    place_ = place;
    place_limit_ = frames;
    place_floats_ = frames * channels_;
  }
  bool away() const { return place_ != home_; }
  bool fits_home() const { return end_ - begin_ <= limit_; }
  void go_home() noexcept {
    kernels::copy(frame(begin_), (end_ - begin_) * channels_, home_);
    offset_ = 0;
    at_home();
  }

  /// Moves to its own memory, however much it takes.
  void come_home() {
    if (!away()) return;
    fits_home() ? go_home() : enlarge(end_ - begin_);
  }

  /// From now until keep(), frames lie at `frames`, the first of them frame `from` ≤ begin(): commit(n) alone
  /// adds n more.
  void lend(const float* frames, Index from) noexcept {
    lent_ = frames;
    lent_from_ = from;
  }
  bool lent() const { return lent_ != nullptr; }

  /// Lent frames are taken back, and will be lent again before any are read.
  void give_back() noexcept { lent_ = nullptr; }

  /// Copies what is still here of lent frames.
  void keep() noexcept {
    if (!lent_) return;
    const float* from = frame(begin_);
    lent_ = nullptr;
    offset_ = 0;
    if (begin_ == end_) return;
    if (late_) be_there();
    kernels::copy(from, (end_ - begin_) * channels_, home_);
  }

  /// Holds `count` ≤ room() frames before the first, all of them `value`; nothing is here yet.
  void precede(Index count, float value) noexcept {
    std::fill_n(place_, count * channels_, value);
    begin_ = -count;
    offset_ = 0;
  }

  /// Whether prepare(count) moves the frames that are here.
  bool moves(Index count) const {
    const Index size = end_ - begin_;
    return size > 0 && (offset_ + size + count) * channels_ > place_floats_;
  }

  /// Room for `count` more frames at the end, with room() ≥ count. Dropping frames leaves it where it is.
  float* prepare(Index count) noexcept {
    if (late_) be_there();
    const Index size = end_ - begin_;
    if (moves(count)) kernels::copy(place_ + offset_ * channels_, size * channels_, place_);
    if (size == 0 || moves(count)) offset_ = 0;
    return place_ + (offset_ + size) * channels_;
  }

  void commit(Index count) noexcept { end_ += count; }

  /// Makes room for `count` frames, at home; allocates when there is too little.
  void grow(Index count) {
    if (room() < count) enlarge(end_ - begin_ + count);
  }

  void drop_before(Index n) noexcept {
    const Index to = std::min(std::max(n, begin_), end_);
    offset_ += to - begin_;
    begin_ = to;
  }

 private:
  [[gnu::cold, gnu::noinline]] void be_there() {
    late_ = false;
    live_in(more_of(limit_));
  }
  [[gnu::cold, gnu::noinline]] void enlarge(Index frames) {
    late_ = false;
    limit_ = std::max(frames, 2 * limit_);
    auto more = more_of(2 * limit_);
    if (!lent_ && begin_ < end_) {
      kernels::copy(frame(begin_), (end_ - begin_) * channels_, more.data());
      offset_ = 0;
    }
    live_in(std::move(more));
  }
  kernels::Aligned<float> more_of(Index frames) const {
    return kernels::Aligned<float>(static_cast<std::size_t>(channels_ * frames), std::nanf(""));
  }
  void live_in(kernels::Aligned<float>&& more) noexcept {
    more_ = std::move(more);
    home_floats_ = static_cast<Index>(more_.size());
    use(more_.data());
  }
  void at_home() noexcept {
    place_ = home_;
    place_limit_ = limit_;
    place_floats_ = home_floats_;
  }

  kernels::Aligned<float> more_;  // where what it was given is not enough
  float* home_ = nullptr;
  Index home_floats_ = 0;
  float* place_ = nullptr;  // where frames are, unless they are lent
  Index place_limit_ = 0, place_floats_ = 0;
  Index channels_ = 0, limit_ = 0;
  Index begin_ = 0, end_ = 0, offset_ = 0;
  const float* lent_ = nullptr;
  Index lent_from_ = 0;
  bool late_ = false;
};

}  // namespace wavestride::detail
