#include <wavestride/varispeed.h>

#include <algorithm>
#include <cmath>
#include <deque>

#include "check.h"
#include "resample_filter.h"

namespace wavestride {
namespace {

constexpr double slowest = 1.0 / 16, fastest = 16;

double in_range(double speed) {
  require(speed >= slowest && speed <= fastest, "varispeed: speed must be 1/16 to 16, got ", speed);
  return speed;
}

// From input position `begin` on the speed runs from `from` to `to` over `ramp` frames, then stays.
struct Change {
  Index begin;
  double from, to;
  Index ramp;

  double at(double position) const {
    const double passed = position - static_cast<double>(begin);
    return passed >= static_cast<double>(ramp) ? to : from + (to - from) * passed / static_cast<double>(ramp);
  }
};

}  // namespace

struct Varispeed::State {
  Index channels;
  double nominal;
  std::shared_ptr<const kernels::ContinuousFilter> table;
  double half_width;  // of the filter, in samples of the lower rate

  std::deque<Change> changes;  // the first has begun at the next output's position, or is the oldest
  std::vector<float> memory;   // input frames from `first` on
  Index first, received, emitted;
  Index frame;      // input position of the next output: a frame and
  double fraction;  // a part of one
  bool finished;

  void reset() {
    changes.assign(1, {0, nominal, nominal, 0});
    first = -reach(fastest);
    memory.assign(static_cast<std::size_t>(-first * channels), 0.0f);
    received = emitted = frame = 0;
    fraction = 0;
    finished = false;
  }

  double position() const { return static_cast<double>(frame) + fraction; }
  Index reach(double speed) const { return static_cast<Index>(std::ceil(half_width * std::max(1.0, speed))); }

  // The frames that are ready when `end` frames of input (silent ones included) exist and outputs stop before
  // position `stop`.
  Signal make(Index end, Index stop) {
    std::vector<float> out;
    while (frame < stop) {
      while (changes.size() > 1 && position() >= static_cast<double>(changes[1].begin)) changes.pop_front();
      const double speed = changes[0].at(position()), widen = std::max(1.0, speed);
      const Index around = reach(speed);
      if (frame + around + 1 >= end) break;
      const Index from = frame - around;
      const double points = static_cast<double>(table_step) / widen;
      const double centre = static_cast<double>(table->points() / 2);
      out.resize(out.size() + static_cast<std::size_t>(channels));
      table->apply(memory.data() + (from - first) * channels, 2 * around + 2, channels,
                   centre + (static_cast<double>(around) + fraction) * points, points, 1 / widen,
                   out.data() + (out.size() - static_cast<std::size_t>(channels)));
      fraction += speed;
      const double whole = std::floor(fraction);
      frame += static_cast<Index>(whole);
      fraction -= whole;
      ++emitted;
    }
    const Index keep = std::min(frame - reach(fastest), end);
    memory.erase(memory.begin(), memory.begin() + std::max<Index>(keep - first, 0) * channels);
    first = std::max(first, keep);
    return Eigen::Map<Signal>(out.data(), channels, static_cast<Index>(out.size()) / channels);
  }
};

Varispeed::Varispeed(Index channels, double speed, Quality quality) {
  require(channels >= 1, "varispeed: channels must be at least 1, got ", channels);
  const auto table = shared_table(quality);
  const double half = static_cast<double>(table->points() / 2) / static_cast<double>(table_step);
  state_.reset(new State{channels, in_range(speed), table, half, {}, {}, 0, 0, 0, 0, 0, false});
  state_->reset();
}

Varispeed::Varispeed(Varispeed&&) noexcept = default;
Varispeed& Varispeed::operator=(Varispeed&&) noexcept = default;
Varispeed::~Varispeed() = default;

void Varispeed::set_speed(double to, Index ramp_frames) {
  require(ramp_frames >= 0, "varispeed: a ramp must not be negative, got ", ramp_frames, " frames");
  const double from = speed();
  auto& changes = state_->changes;
  if (changes.back().begin == state_->received && changes.size() > 1) changes.pop_back();
  changes.push_back({state_->received, from, in_range(to), ramp_frames});
}

double Varispeed::speed() const {
  return state_->changes.back().at(static_cast<double>(state_->received));
}

Signal Varispeed::push(FramesView in) {
  State& s = *state_;
  require(!s.finished, "varispeed: the signal is finished; reset() starts a new one");
  require(in.frames() == 0 || in.channels() == s.channels, "varispeed: expects ", s.channels,
          " channels, got ", in.channels());
  s.memory.insert(s.memory.end(), in.data(), in.data() + in.channels() * in.frames());
  s.received += in.frames();
  return s.make(s.received, s.received);
}

Signal Varispeed::finish() {
  State& s = *state_;
  require(!s.finished, "varispeed: the signal is finished; reset() starts a new one");
  s.finished = true;
  const Index silence = s.reach(fastest) + 2;
  s.memory.resize(s.memory.size() + static_cast<std::size_t>(silence * s.channels), 0.0f);
  return s.make(s.received + silence, s.received);
}

void Varispeed::reset() {
  state_->reset();
}
Index Varispeed::received() const {
  return state_->received;
}
Index Varispeed::emitted() const {
  return state_->emitted;
}
Index Varispeed::lookahead_frames(double speed) const {
  return state_->reach(in_range(speed)) + 1;
}

}  // namespace wavestride
