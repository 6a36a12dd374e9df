// The coefficients of a polyphase filter, in the order in which its hot loop meets them.
//
// A vector holds 16 consecutive outputs, a group; one input sample, broadcast, meets a vector of coefficients
// that is shared by all rows in flight (the same outputs of other periods). Where an output does not read a
// sample its coefficient is zero. Sums run from the far ends of the filter towards its centre, so that they
// stay small, and round little, for as long as possible; a precise bank takes the centre in double.
//
// Symmetric filters with a short period are folded: of up to 32 outputs around a common centre, output i and
// its mirror image j read sample t and its mirror t' with coefficients (a, b) and (b, a), so that
//     y_i + y_j = Σ (a+b)(x_t + x_t')        y_i − y_j = Σ (a−b)(x_t − x_t')
// needs half of the products. Only samples that all of the outputs read are folded (the core); the frames
// before and after it, its edges, are summed directly.
//
// Other symmetric filters are mirrored: the outputs of one half of a period have the coefficients of the
// other half in reverse. A group then makes both, so that a row of the other half reads the samples from the
// last to the first and gives its outputs in reverse. This halves the coefficients that are held, and those
// that a short call has to read. At most one output of a period is left over, alone.
#pragma once

#include <wavestride/geometry.h>

#include <span>
#include <vector>

#include "kernels/aligned.h"

namespace wavestride::kernels {

/// The frames that output n reads in y[n] = Σ_m x[m] · h[n·M − m·L + last], h of `size` samples.
constexpr Window fir_window(Index L, Index M, Index last, Index size) {
  return {M, L, last - size + L, last};
}

class PolyphaseBank {
 public:
  static constexpr int lanes = 16, fold_lanes = 2 * lanes, lone_lanes = 2 * lanes;

  /// Consecutive outputs of a period; those of a fold, or at most 16.
  struct Group {
    Index start = 0;                           ///< output of lane 0
    int outputs = 0;                           ///< that this group gives; a fold may compute more
    Index origin = 0;                          ///< first frame that lane 0 reads, for output `start`
    Index begin[fold_lanes], end[fold_lanes];  ///< the frames that each lane reads, relative to origin
    Index mirror_start = 0;  ///< of a mirrored group: lane i also makes output mirror_start + lanes − 1 − i,
    Index mirror_last = 0;  ///< of frame mirror_last − s where it reads frame origin + s,
    int shared = 0;         ///< but for these first lanes, which are their own mirror image
  };

  /// y[n] = Σ_m x[m] · h[n·M − m·L + last], L/M reduced.
  [[gnu::cold]] PolyphaseBank(Index L, Index M, Index last, std::span<const double> h, bool precise);

  const Window& window() const { return window_; }
  Index period() const { return period_; }    ///< outputs
  Index advance() const { return advance_; }  ///< input frames per period
  bool precise() const { return precise_; }
  std::span<const Group> groups() const { return groups_; }
  /// Frames that a row of outputs reads, alike for all groups.
  Index frames() const { return frames_; }

  bool mirrored() const { return mirrored_; }
  /// Whether the last group is an output alone, with coefficients of its own.
  bool lone() const { return !lone_floats_.empty(); }

  /// Direct sums: `low` frames upwards from the first, `high` frames downwards from the last, in step at
  /// their ends. Floats are one vector a frame until one side is left with as many as the other, and then
  /// two. Doubles are one vector a frame, for the centre.
  Index low() const { return low_; }
  Index high() const { return high_; }
  Index centre() const { return frames_ - low_ - high_; }

  /// A fold, the only group of its bank: `edge` frames before the core and as many after it, of which the
  /// first 16 outputs read only the first `far`. Floats are one vector for each frame of the edges, then two
  /// for each pair of the core, for sums and for differences; the innermost pairs are double.
  bool folded() const { return pairs_ > 0; }
  Index edge() const { return edge_; }
  Index far() const { return far_; }
  Index pairs() const { return pairs_; }
  Index exact() const { return exact_; }
  /// Lanes of the fold: lane i mirrors lane mirror − i.
  Index mirror() const { return mirror_; }

  const float* floats(std::size_t group) const { return floats_.data() + group * floats_of_group_; }
  const double* doubles(std::size_t group) const { return doubles_.data() + group * doubles_of_group_; }
  /// Of the output alone, whole vectors from its origin on: floats, 0 where doubles follow; and those, from
  /// frame lone_exact() on.
  std::span<const float> lone_floats() const { return lone_floats_; }
  std::span<const double> lone_doubles() const { return lone_doubles_; }
  Index lone_exact() const { return lone_exact_; }

  Index bytes() const;
  /// Multiply-adds per output, zeros included.
  double macs() const;

  /// Rounds h as it is held here: to float, but for the centre of a precise bank.
  void quantise(std::span<double> h) const;

 private:
  struct Filter;
  struct Halves {
    Index sum;      // of an output and its mirror image
    Index outputs;  // of one half
    bool lone;      // an output in the middle of the other end of the period
  };

  Group make_group(Index start, int lanes_used, int outputs) const;
  Halves halves(Index period, Index sum) const;
  Index into_period(Index n) const;

  bool fold(const Filter& f, Index period, Index start, Index mirror);
  void choose_fold(const Filter& f);
  void fill_fold(const Filter& f);

  Halves choose_period(const Filter& f);
  void add_groups();
  void add_mirrored_groups(const Filter& f, const Halves& half);
  void share_frames(const Filter& f);
  void fill_groups(const Filter& f);
  void add_lone(const Filter& f, const Halves& half);

  template <class F>
  void add_vector(bool exact, F&& value);

  Window window_;
  bool precise_;
  Index exact_begin_ = 0, exact_end_ = 0;  // of h, what is held in double
  Index period_ = 1, advance_ = 1, frames_ = 0;
  Index low_ = 0, high_ = 0;
  Index edge_ = 0, far_ = 0, pairs_ = 0, exact_ = 0, mirror_ = 0;
  bool mirrored_ = false;
  Index lone_exact_ = 0;
  std::vector<Group> groups_;
  std::size_t floats_of_group_ = 0, doubles_of_group_ = 0;
  Aligned<float> floats_;
  Aligned<double> doubles_;
  Aligned<float> lone_floats_;
  Aligned<double> lone_doubles_;
};

}  // namespace wavestride::kernels
