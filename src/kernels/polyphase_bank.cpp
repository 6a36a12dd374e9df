#include "kernels/polyphase_bank.h"

#include <algorithm>
#include <cmath>

namespace wavestride::kernels {
namespace {

// Products in double reach this many samples of the lower rate to either side of the centre, further where
// all ringing is on one side, and in filters longer than so many, where sums are large for longer, this part
// of the rest further.
constexpr double exact_reach = 8, exact_reach_aside = 12, exact_within = 200, exact_part = 1.0 / 10;

}  // namespace

// The filter, and what follows from it alone.
struct PolyphaseBank::Filter {
  Index L, M, last, size;
  std::span<const double> h;
  bool symmetric;
  Index peak;   // of h
  Index reach;  // frames to either side of an output's centre that count for much of it

  Filter(Index l, Index m, Index last_sample, std::span<const double> samples)
      : L(l), M(m), last(last_sample), size(static_cast<Index>(samples.size())), h(samples) {
    symmetric = std::equal(h.begin(), h.begin() + static_cast<std::ptrdiff_t>(h.size() / 2), h.rbegin());
    const auto smaller = [](double a, double b) { return std::abs(a) < std::abs(b); };
    peak = static_cast<Index>(std::max_element(h.begin(), h.end(), smaller) - h.begin());
    const double lower = static_cast<double>(std::max(L, M));  // of h, per sample of the lower rate
    const double near = symmetric ? exact_reach : exact_reach_aside;
    const double beyond = std::max(static_cast<double>(size) / lower - exact_within, 0.0);
    reach = static_cast<Index>(std::ceil((near + exact_part * beyond) * lower / static_cast<double>(L)));
  }

  double coefficient(Index output, Index frame) const {
    const Index i = output * M - frame * L + last;
    return i >= 0 && i < size ? h[static_cast<std::size_t>(i)] : 0.0;
  }
  /// The frame that meets the peak.
  Index centre(Index output) const { return detail::affine_floor(output, M, last - peak, L); }
  /// Outputs mirror each other where M times their sum is this, but for a multiple of L.
  Index mirror_sum() const { return size - 1 - 2 * last; }
};

PolyphaseBank::PolyphaseBank(Index L, Index M, Index last, std::span<const double> h, bool precise)
    : window_(fir_window(L, M, last, static_cast<Index>(h.size()))), precise_(precise) {
  const Filter f(L, M, last, h);
  if (precise) exact_begin_ = f.peak - f.reach * L, exact_end_ = f.peak + f.reach * L + 1;
  if (f.symmetric) choose_fold(f);
  Halves half{};
  if (folded()) {
    fill_fold(f);
  } else {
    half = choose_period(f);
    mirrored_ ? add_mirrored_groups(f, half) : add_groups();
    share_frames(f);
    fill_groups(f);
  }
  floats_of_group_ = floats_.size() / groups_.size();
  doubles_of_group_ = doubles_.size() / groups_.size();
  advance_ = period_ / L * M;
  if (mirrored_ && half.lone) add_lone(f, half);
}

PolyphaseBank::Group PolyphaseBank::make_group(Index start, int lanes_used, int outputs) const {
  Group g;
  g.start = start;
  g.outputs = outputs;
  g.origin = window_.first(start);
  for (int j = 0; j < fold_lanes; ++j) {
    g.begin[j] = j < lanes_used ? window_.first(start + j) - g.origin : 0;
    g.end[j] = j < lanes_used ? window_.last(start + j) + 1 - g.origin : 0;
  }
  return g;
}

Index PolyphaseBank::into_period(Index n) const {
  return n - detail::affine_floor(n, 1, 0, period_) * period_;
}

// value(lane) for each lane of a vector.
template <class F>
void PolyphaseBank::add_vector(bool exact, F&& value) {
  for (int i = 0; i < lanes; ++i)
    if (exact)
      doubles_.push_back(value(i));
    else
      floats_.push_back(static_cast<float>(value(i)));
}

// ---- A fold ----

// Of the outputs start … start + mirror, of which a period gives the first: whether these mirror each other
// and have enough frames in common.
bool PolyphaseBank::fold(const Filter& f, Index period, Index start, Index mirror) {
  if (((2 * start + mirror) * f.M - f.mirror_sum()) % f.L != 0) return false;
  const Index edge = window_.first(start + mirror) - window_.first(start);
  const Index core = window_.last(start) + 1 - window_.first(start + mirror);
  // What is large is in the core.
  if (core < std::max<Index>(2 * lanes, edge + (precise_ ? 2 * f.reach : 0))) return false;
  period_ = period;
  mirror_ = mirror;
  pairs_ = (core + 1) / 2;
  edge_ = edge;
  far_ = window_.last(start + lanes - 1) - window_.last(start);
  frames_ = core + 2 * edge_;
  if (precise_) exact_ = std::min(pairs_, f.reach + (f.centre(start + mirror) - f.centre(start) + 1) / 2);
  groups_.push_back(make_group(start, static_cast<int>(mirror + 1), static_cast<int>(period)));
  return true;
}

// Best it starts with the first output of those that a whole number of periods' frames don't give: then
// pushes of so many frames are made of whole folds.
void PolyphaseBank::choose_fold(const Filter& f) {
  for (Index p = fold_lanes / f.L * f.L; p > lanes; p -= f.L) {
    const Index best = (p - f.last / f.M % p) % p;
    for (Index m = p - 1; m < fold_lanes; ++m)
      if (fold(f, p, best, m)) return;
    for (Index m = p - 1; m < fold_lanes; ++m)
      for (Index start = 0; start < f.L; ++start)
        if (fold(f, p, start, m)) return;
  }
}

void PolyphaseBank::fill_fold(const Filter& f) {
  const Group& g = groups_.front();
  const auto at = [&](Index frame) {
    return [&f, &g, frame](int i) { return f.coefficient(g.start + i, g.origin + frame); };
  };
  for (Index e = 0; e < edge_; ++e) add_vector(false, at(e));
  for (Index e = 0; e < far_; ++e) add_vector(false, at(frames_ - edge_ + e));
  for (Index k = 0; k < pairs_; ++k)
    for (const int sign : {1, -1})
      add_vector(k >= pairs_ - exact_, [&](int i) {
        const Index frame = edge_ + k;
        const double sum = at(frame)(i) + sign * f.coefficient(g.start + mirror_ - i, g.origin + frame);
        return 2 * frame == frames_ - 1 ? sum / 4 : sum / 2;  // the middle is a pair with itself
      });
}

// ---- Direct sums ----

PolyphaseBank::Halves PolyphaseBank::halves(Index period, Index sum) const {
  // An output that is its own mirror image is in the middle of the outputs, where their number is odd; where
  // it is even there is none, or one at either end.
  if (window_.den % 2 == 1 && sum % 2 == period % 2) sum += window_.den;
  return {sum, (period + 1) / 2, period % 2 == 0 && sum % 2 == 0};
}

// Several periods of L together, where that fills the vectors better, as long as they stay in the cache.
PolyphaseBank::Halves PolyphaseBank::choose_period(const Filter& f) {
  const Index taps = (f.size + f.L - 1) / f.L;
  Index sum = 0;  // of an output and its mirror image, modulo L
  while (sum < f.L && (sum * f.M - f.mirror_sum()) % f.L != 0) ++sum;
  bool mirrors = f.symmetric;
  for (Index n = 0; n < f.L && mirrors; ++n) mirrors = window_.first(n + lanes - 1) <= window_.last(n);
  const auto whole = [](Index outputs) { return (outputs + lanes - 1) / lanes * lanes; };
  const auto cost = [&](Index period, bool mirrored) {
    const Halves half = halves(period, sum);
    const Index made = mirrored ? 2 * whole(half.outputs) + (half.lone ? 2 : 0) : whole(period);
    const double bytes = 4.0 * static_cast<double>(made) * static_cast<double>(taps) / (mirrored ? 2 : 1);
    return static_cast<double>(made) / static_cast<double>(period) * (1 + bytes / (4 << 20));
  };
  period_ = f.L;
  mirrored_ = mirrors;
  for (Index p = f.L; p <= f.L * lanes; p += f.L)
    for (const bool mirrored : {false, true})
      if ((mirrors || !mirrored) && cost(p, mirrored) < cost(period_, mirrored_))
        period_ = p, mirrored_ = mirrored;
  return halves(period_, sum);
}

// All outputs of a group have a frame in common, where the sums from both sides can meet.
void PolyphaseBank::add_groups() {
  for (Index at = 0; at < period_; at += groups_.back().outputs) {
    int outputs = 1;
    while (outputs < lanes && at + outputs < period_ && window_.first(at + outputs) <= window_.last(at))
      ++outputs;
    groups_.push_back(make_group(at, outputs, outputs));
  }
}

void PolyphaseBank::add_mirrored_groups(const Filter& f, const Halves& half) {
  for (Index k = 0; k < half.outputs; k += lanes) {
    const Index at = (half.sum + 1) / 2 + k, mirror = half.sum - at - (lanes - 1);
    const Index start = into_period(at);
    const auto outputs = static_cast<int>(std::min<Index>(lanes, half.outputs - k));
    Group& g = groups_.emplace_back(make_group(start, outputs, outputs));
    g.mirror_start = into_period(mirror);
    g.mirror_last = (half.sum * f.M - f.mirror_sum()) / f.L +
                    (start - at + g.mirror_start - mirror) / f.L * f.M - g.origin;
    g.shared = k == 0 && half.sum % 2 == 0;
  }
}

// How many frames are summed upwards, downwards and in double.
void PolyphaseBank::share_frames(const Filter& f) {
  Index from = window_.span(), to = 0;  // of the centres of all outputs
  for (const Group& g : groups_) {
    frames_ = std::max(frames_, g.end[g.outputs - 1]);
    from = std::min(from, f.centre(g.start) - g.origin);
    to = std::max(to, f.centre(g.start + g.outputs - 1) - g.origin);
  }
  low_ = std::clamp<Index>(precise_ ? from - f.reach : (from + to) / 2, 0, frames_);
  high_ = std::clamp<Index>(precise_ ? frames_ - (to + f.reach + 1) : frames_ - low_, 0, frames_ - low_);
  // Both of the same length where that costs little.
  if (std::abs(low_ - high_) <= 4) {
    if (!precise_) frames_ += frames_ % 2, low_ = high_ = frames_ / 2;
    low_ = high_ = std::min(low_, high_);
  }
}

void PolyphaseBank::fill_groups(const Filter& f) {
  const Index paired = std::min(low_, high_);
  for (const Group& g : groups_) {
    const auto add = [&](bool exact, Index frame) {
      add_vector(exact,
                 [&](int i) { return i < g.outputs ? f.coefficient(g.start + i, g.origin + frame) : 0.0; });
    };
    for (Index s = 0; s < low_ - paired; ++s) add(false, s);
    for (Index s = 0; s < high_ - paired; ++s) add(false, frames_ - 1 - s);
    for (Index s = 0; s < paired; ++s) {
      add(false, low_ - paired + s);
      add(false, frames_ - 1 - (high_ - paired) - s);
    }
    for (Index s = low_; s < frames_ - high_; ++s) add(true, s);
  }
}

void PolyphaseBank::add_lone(const Filter& f, const Halves& half) {
  const Group& g = groups_.emplace_back(make_group(into_period((half.sum + period_) / 2), 1, 1));
  const Index frames = g.end[0], middle = f.centre(g.start) - g.origin;
  const Index begin = precise_ ? std::max<Index>(middle - f.reach, 0) : frames;
  const Index end = precise_ ? std::min(middle + f.reach + 1, frames) : frames;
  const auto padded = [](Index taps) {
    return static_cast<std::size_t>((taps + lone_lanes - 1) / lone_lanes * lone_lanes);
  };
  lone_floats_.resize(padded(frames));
  lone_doubles_.resize(padded(end - begin));
  lone_exact_ = begin;
  for (Index s = 0; s < frames; ++s) {
    const double value = f.coefficient(g.start, g.origin + s);
    if (s >= begin && s < end)
      lone_doubles_[static_cast<std::size_t>(s - begin)] = value;
    else
      lone_floats_[static_cast<std::size_t>(s)] = static_cast<float>(value);
  }
}

// ---- What it says of itself ----

void PolyphaseBank::quantise(std::span<double> h) const {
  for (std::size_t i = 0; i < h.size(); ++i)
    if (static_cast<Index>(i) < exact_begin_ || static_cast<Index>(i) >= exact_end_)
      h[i] = static_cast<double>(static_cast<float>(h[i]));
}

Index PolyphaseBank::bytes() const {
  return static_cast<Index>((floats_.size() + lone_floats_.size()) * sizeof(float) +
                            (doubles_.size() + lone_doubles_.size()) * sizeof(double) +
                            groups_.size() * sizeof(Group));
}

double PolyphaseBank::macs() const {
  const auto products = static_cast<double>((mirrored_ ? 2 : 1) * (floats_.size() + doubles_.size()) +
                                            lone_floats_.size() + lone_doubles_.size());
  const auto twice = static_cast<double>(lanes * (edge_ + far_));  // coefficients of both sides of a fold
  return (products + twice) / static_cast<double>(period_);
}

}  // namespace wavestride::kernels
