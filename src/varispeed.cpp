#include <wavestride/varispeed.h>

#include <algorithm>
#include <cassert>
#include <cmath>

#include "check.h"
#include "kernels/cascade.h"
#include "resample_filter.h"

namespace wavestride {
namespace {

double in_range(double speed) {
  require(speed >= Varispeed::slowest && speed <= Varispeed::fastest, "varispeed: speed must be 1/",
          1 / Varispeed::slowest, " to ", Varispeed::fastest, ", got ", speed);
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
  static constexpr Index block = 256;  // input frames at a time

  // Where the next output lies.
  struct Cursor {
    Index frame = 0;      // input position: a frame and
    double fraction = 0;  // a part of one
    std::size_t change = 0;

    double position() const { return static_cast<double>(frame) + fraction; }
  };

  Index channels;
  double nominal;
  std::shared_ptr<const kernels::ContinuousFilter> table;
  double half_width;  // of the filter, in samples of the lower rate
  // Speeds up to 1 go through twice the rate.
  std::shared_ptr<const kernels::ContinuousFilter> second;
  Index second_reach;  // in frames of twice the rate
  kernels::KeptFrames doubled;
  Index slow_reach;  // of both, in input frames

  std::vector<Change> changes;  // by where they begin, from the one that the next output lies in
  std::vector<float> memory;    // input frames from `first` on
  Index first = 0, stored = 0, received = 0, emitted = 0;
  Cursor next;
  bool finished = false;

  // Outputs of speeds up to 1 that are to be made together.
  kernels::ContinuousScratch scratch;
  std::vector<kernels::ContinuousFilter::Output> waiting;

  State(Index channel_count, double speed, std::shared_ptr<const kernels::ContinuousFilter> filter,
        Doubling doubling)
      : channels(channel_count),
        nominal(speed),
        table(std::move(filter)),
        half_width(static_cast<double>(table->points() / 2) / static_cast<double>(table_step)),
        second(std::move(doubling.table)),
        second_reach((second->points() / 2 + table_step - 1) / table_step),
        doubled(kernels::Conversion(std::move(doubling.bank)), channels, most_doubled(), second->precise()),
        slow_reach(doubled.window().last(second_reach + 2)),
        scratch(*second, most_doubled()) {
    waiting.reserve(kernels::ContinuousScratch::most_outputs);
    // An output waits for as many frames as its filter reaches, and looks as far back. Each of the frames
    // that it waits for may begin a change.
    changes.reserve(static_cast<std::size_t>(reach(fastest) + 32));
    memory.resize(static_cast<std::size_t>((4 * reach(fastest) + 2 * block) * channels));
    reset();
  }

  void reset() {
    changes.assign(1, {0, nominal, nominal, 0});
    first = -reach(fastest);
    stored = -first;
    std::fill(memory.begin(), memory.end(), 0.0f);
    received = emitted = 0;
    next = {};
    doubled.reset();
    finished = false;
  }

  Index reach(double speed) const {
    return speed <= 1 ? slow_reach : static_cast<Index>(std::ceil(half_width * speed));
  }

  // Frames of twice the rate that the outputs which wait may read.
  Index most_doubled() const { return 2 * (kernels::ContinuousScratch::most_outputs + second_reach + 1); }

  // The speed of the next output where it lies before `stop` and its frames are among the first `end`, or 0.
  double ready(Cursor& c, Index end, Index stop) const noexcept {
    if (c.frame >= stop) return 0;
    while (c.change + 1 < changes.size() && c.position() >= static_cast<double>(changes[c.change + 1].begin))
      ++c.change;
    const double speed = changes[c.change].at(c.position());
    return c.frame + reach(speed) + 1 < end ? speed : 0;
  }

  static void advance(Cursor& c, double speed) noexcept {
    c.fraction += speed;
    const double whole = std::floor(c.fraction);
    c.frame += static_cast<Index>(whole);
    c.fraction -= whole;
  }

  // The outputs before position `stop` that the first `end` input frames give.
  Index count(Index end, Index stop) const noexcept {
    Cursor c = next;
    Index n = 0;
    for (double speed = 0; (speed = ready(c, end, stop)) > 0; ++n) advance(c, speed);
    return n;
  }

  // Those that wait, and returns where the output goes on.
  float* make_waiting(float* out) noexcept {
    if (waiting.empty()) return out;
    const Index from = waiting.front().first, to = waiting.back().first + waiting.back().frames;
    for (auto& o : waiting) o.first -= from;
    const auto apply = [&](const auto* frames) {
      second->apply(frames, waiting, channels, 1.0, out, scratch);
    };
    if (doubled.precise())
      apply(doubled.make<double>(from, to, memory.data(), first));
    else
      apply(doubled.make<float>(from, to, memory.data(), first));
    out += static_cast<Index>(waiting.size()) * channels;
    waiting.clear();
    return out;
  }

  // Makes the outputs before position `stop` that the first `end` input frames give, likewise.
  float* make(Index end, Index stop, float* out) noexcept {
    for (double speed = 0; (speed = ready(next, end, stop)) > 0; ++emitted) {
      // Of an output a fraction of a frame behind `frame`: what it reads, and the point of the first of
      // these.
      const auto place = [](const kernels::ContinuousFilter& filter, Index frame, double fraction,
                            Index around, double points) -> kernels::ContinuousFilter::Output {
        return {frame - around, 2 * around + 2,
                static_cast<double>(filter.points() / 2) + (static_cast<double>(around) + fraction) * points};
      };
      if (speed <= 1) {
        const Index half = next.fraction < 0.5 ? 0 : 1;
        waiting.push_back(place(*second, 2 * next.frame + half, 2 * next.fraction - static_cast<double>(half),
                                second_reach, static_cast<double>(table_step)));
        if (waiting.size() == waiting.capacity()) out = make_waiting(out);
      } else {
        out = make_waiting(out);
        const double points = static_cast<double>(table_step) / speed;
        const auto o = place(*table, next.frame, next.fraction, reach(speed), points);
        table->apply(memory.data() + (o.first - first) * channels, o.frames, channels, o.position, points,
                     1 / speed, out);
        out += channels;
      }
      advance(next, speed);
    }
    out = make_waiting(out);
    changes.erase(changes.begin(), changes.begin() + static_cast<std::ptrdiff_t>(next.change));
    next.change = 0;
    return out;
  }

  // Stores n frames more, silent ones where `in` is null.
  void store(const float* in, Index n) noexcept {
    if ((stored + n) * channels > static_cast<Index>(memory.size())) {
      const Index drop = std::clamp<Index>(next.frame - reach(fastest) - first, 0, stored);
      std::move(memory.begin() + drop * channels, memory.begin() + stored * channels, memory.begin());
      first += drop;
      stored -= drop;
    }
    float* to = memory.data() + stored * channels;
    if (in)
      std::copy_n(in, n * channels, to);
    else
      std::fill_n(to, n * channels, 0.0f);
    stored += n;
  }

  void push(FramesView in, float* out) noexcept {
    for (Index done = 0; done < in.frames();) {
      const Index n = std::min(block, in.frames() - done);
      store(in.frame(done), n);
      done += n;
      received += n;
      out = make(received, received, out);
    }
  }

  void finish(float* out) noexcept {
    for (Index done = 0; done < silence();) {
      const Index n = std::min(block, silence() - done);
      store(nullptr, n);
      done += n;
      out = make(received + done, received, out);
    }
    finished = true;
  }

  Index silence() const noexcept { return reach(fastest) + 2; }
  Index count_after(Index n) const noexcept {
    const Index end = detail::add_sat(received, n);
    return finished ? 0 : count(end, end);
  }
  Index count_at_finish() const noexcept { return finished ? 0 : count(received + silence(), received); }

  // The caller's mistake in a push or finish, or nullptr.
  const char* mistake(FramesView in, FramesSpan out, Index expected) const noexcept {
    if (finished) return "the signal is finished; reset() starts a new one";
    if (in.frames() > 0 && in.channels() != channels) return "wrong number of input channels";
    if (expected > 0 && out.channels() != channels) return "wrong number of output channels";
    if (out.frames() < expected) return "fewer output frames than frames_after() asks for";
    return nullptr;
  }
};

Varispeed::Varispeed(Index channels, double speed, Quality quality) {
  require(channels >= 1 && channels <= 1 << 16, "varispeed: channels must be 1 to 65536, got ", channels);
  state_ =
      std::make_unique<State>(channels, in_range(speed), shared_table(quality), shared_doubling(quality));
}

Varispeed::Varispeed(Varispeed&&) noexcept = default;
Varispeed& Varispeed::operator=(Varispeed&&) noexcept = default;
Varispeed::~Varispeed() = default;

void Varispeed::set_speed(double to, Index ramp_frames) {
  require(ramp_frames >= 0, "varispeed: a ramp must not be negative, got ", ramp_frames, " frames");
  const Change change{state_->received, speed(), in_range(to), ramp_frames};
  auto& changes = state_->changes;
  if (changes.back().begin == state_->received && changes.size() > 1) changes.pop_back();
  changes.push_back(change);
}

double Varispeed::speed() const {
  return state_->changes.back().at(static_cast<double>(state_->received));
}

Index Varispeed::frames_after(Index n) const noexcept {
  return state_->count_after(n);
}
Index Varispeed::frames_at_finish() const noexcept {
  return state_->count_at_finish();
}

Index Varispeed::push(FramesView in, FramesSpan out) noexcept {
  const Index n = frames_after(in.frames());
  const char* wrong = state_->mistake(in, out, n);
  assert(wrong == nullptr && "see Varispeed::push");
  if (wrong) return -1;
  state_->push(in, out.data());
  return n;
}

Index Varispeed::finish(FramesSpan out) noexcept {
  const Index n = frames_at_finish();
  const char* wrong = state_->mistake({}, out, n);
  assert(wrong == nullptr && "see Varispeed::push");
  if (wrong) return -1;
  state_->finish(out.data());
  return n;
}

Signal Varispeed::push(FramesView in) {
  Signal out(state_->channels, frames_after(in.frames()));
  require(state_->finished || in.frames() <= 0 || in.channels() == state_->channels, "varispeed: expects ",
          state_->channels, " channels, got ", in.channels());
  if (const char* wrong = state_->mistake(in, out, out.cols())) fail("varispeed: ", wrong);
  state_->push(in, out.data());
  return out;
}

Signal Varispeed::finish() {
  Signal out(state_->channels, frames_at_finish());
  if (const char* wrong = state_->mistake({}, out, out.cols())) fail("varispeed: ", wrong);
  state_->finish(out.data());
  return out;
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
