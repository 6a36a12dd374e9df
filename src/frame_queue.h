// FrameQueue: the frames of one value between the kernel that makes them and those that read them.
#pragma once

#include <wavestride/geometry.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/aligned.h"
#include "kernels/elementwise.h"

namespace wavestride::detail {

/// The frames of one value that some reader may still need, contiguous in memory: in its own, or in lent one,
/// or for a while in more than its own. Its own is NaN until it is first written, so that a kernel that reads
/// outside its window shows.
class FrameQueue {
 public:
  /// `limit` frames at once and `slack` more of memory, but no more than the `total` frames that ever come.
  [[gnu::cold, gnu::noinline]] void allocate(Index channels, Index limit, Index slack, Index total) {
    channels_ = channels;
    limit_ = std::min(limit, total);
    memory_.assign(static_cast<std::size_t>(channels * std::min(limit + slack, total)), std::nanf(""));
    at_home();
  }

  /// As many frames at once as ever come, which are lent in one go: its own memory is there once they are
  /// not.
  void allocate_late(Index channels, Index total) {
    channels_ = channels;
    limit_ = place_limit_ = total;
    late_ = true;
  }

  void reset() noexcept {
    begin_ = end_ = offset_ = 0;
    lent_ = nullptr;
    if (!late_) at_home();
  }

  Index begin() const { return begin_; }
  Index end() const { return end_; }
  Index room() const { return place_limit_ - (end_ - begin_); }
  Index bytes() const { return static_cast<Index>(memory_.size() * sizeof(float)); }

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
  bool away() const { return place_ != memory_.data(); }
  bool fits_home() const { return end_ - begin_ <= limit_; }
  void go_home() noexcept {
    kernels::copy(frame(begin_), (end_ - begin_) * channels_, memory_.data());
    offset_ = 0;
    at_home();
  }

  /// Moves to its own memory, however much it takes.
  void come_home() {
    if (!away()) return;
    if (!fits_home()) enlarge(end_ - begin_);
    go_home();
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
    kernels::copy(from, (end_ - begin_) * channels_, memory_.data());
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
    if (room() >= count) return;
    const bool was_away = away();
    enlarge(end_ - begin_ + count);
    was_away ? go_home() : at_home();
  }

  void drop_before(Index n) noexcept {
    const Index to = std::min(std::max(n, begin_), end_);
    offset_ += to - begin_;
    begin_ = to;
  }

 private:
  [[gnu::cold, gnu::noinline]] void be_there() {
    late_ = false;
    memory_.assign(static_cast<std::size_t>(channels_ * limit_), std::nanf(""));
    at_home();
  }
  [[gnu::cold, gnu::noinline]] void enlarge(Index frames) {
    late_ = false;
    limit_ = std::max(frames, 2 * limit_);
    memory_.resize(static_cast<std::size_t>(channels_ * 2 * limit_), std::nanf(""));
  }
  void at_home() noexcept {
    place_ = memory_.data();
    place_limit_ = limit_;
    place_floats_ = static_cast<Index>(memory_.size());
  }

  kernels::Aligned<float> memory_;
  float* place_ = nullptr;  // where frames are, unless they are lent
  Index place_limit_ = 0, place_floats_ = 0;
  Index channels_ = 0, limit_ = 0;
  Index begin_ = 0, end_ = 0, offset_ = 0;
  const float* lent_ = nullptr;
  Index lent_from_ = 0;
  bool late_ = false;
};

}  // namespace wavestride::detail
