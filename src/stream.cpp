#include <wavestride/stream.h>

#include <algorithm>

#include "check.h"
#include "fusion.h"
#include "graph_runner.h"

namespace wavestride {
namespace {

// The caller's mistake in a push or finish, or nullptr.
const char* mistake(const detail::GraphRunner& runner, std::span<const FramesView> in, bool last,
                    std::span<const FramesSpan> out, std::span<const Index> expected) noexcept {
  const detail::Graph& g = runner.graph();
  const auto& values = g.values();
  if (runner.finished()) return "the stream is finished; reset() starts a new signal";
  if (!(last && in.empty()) && in.size() != static_cast<std::size_t>(g.inputs()))
    return "wrong number of inputs";
  if (out.size() != g.outputs.size()) return "wrong number of outputs";
  for (std::size_t i = 0; i < in.size(); ++i) {
    if (in[i].frames() < 0) return "a negative number of frames";
    if (in[i].frames() > 0 && in[i].channels() != values[i].channels) return "wrong number of input channels";
  }
  for (std::size_t o = 0; o < out.size(); ++o) {
    if (expected[o] == 0) continue;
    if (out[o].channels() != values[static_cast<std::size_t>(g.outputs[o])].channels)
      return "wrong number of output channels";
    if (out[o].frames() < expected[o])
      return "fewer output frames than frames_after() or frames_at_finish() asks for";
  }
  return nullptr;
}

// Of the forms that give one signal.
[[gnu::cold]] void require_one_output(const detail::Graph& g) {
  require(g.outputs.size() == 1, g.name, ": has ", g.outputs.size(),
          " outputs; push a span of signals, and end with finish_all()");
}

constexpr std::size_t max_ends = detail::max_ports;  // outputs of a stream

auto frames_of(std::span<const FramesView> in) {
  return [in](std::size_t i) { return i < in.size() ? in[i].frames() : 0; };
}

auto each_of(std::span<const Index> n) {
  return [n](std::size_t i) { return i < n.size() ? n[i] : 0; };
}

// Of the first output, when the first input brings n frames.
Index first_count(const detail::GraphRunner& runner, Index n, bool last) noexcept {
  Index out[max_ends];
  runner.counts_after(each_of({&n, 1}), last, {out, runner.graph().outputs.size()});
  return out[0];
}

bool process(detail::GraphRunner& runner, std::span<const FramesView> in, bool last,
             std::span<const FramesSpan> out, std::span<Index> written) noexcept {
  Index expected[max_ends];  // written as far as there are outputs
  runner.counts_after(frames_of(in), last, {expected, runner.graph().outputs.size()});
  const char* wrong = mistake(runner, in, last, out, expected);
  assert(wrong == nullptr && "see Stream::push");
  if (wrong || written.size() < out.size()) return false;
  runner.process(in, last, out, {expected, out.size()}, written.first(out.size()));
  return true;
}

// With the numbers, for those who may allocate.
[[gnu::cold, noreturn]] void refuse(const detail::Graph& g, std::span<const FramesView> in, bool last,
                                    const char* wrong) {
  require((last && in.empty()) || in.size() == static_cast<std::size_t>(g.inputs()), g.name, ": has ",
          g.inputs(), " inputs, got ", in.size());
  for (std::size_t i = 0; i < in.size(); ++i) {
    const Index channels = g.values()[i].channels;
    require(in[i].frames() <= 0 || in[i].channels() == channels, g.name, ": expects ", channels,
            " channels at input ", i, ", got ", in[i].channels());
  }
  fail(g.name, ": ", wrong);
}

std::vector<Signal> process(detail::GraphRunner& runner, std::span<const FramesView> in, bool last) {
  const detail::Graph& g = runner.graph();
  Index expected[max_ends];
  runner.counts_after(frames_of(in), last, {expected, g.outputs.size()});
  std::vector<Signal> results;
  for (std::size_t o = 0; o < g.outputs.size(); ++o)
    results.emplace_back(g.values()[static_cast<std::size_t>(g.outputs[o])].channels, expected[o]);
  std::vector<FramesSpan> out(results.begin(), results.end());
  std::vector<Index> written(out.size());
  if (const char* wrong = mistake(runner, in, last, out, expected)) refuse(g, in, last, wrong);
  runner.process(in, last, out, {expected, out.size()}, written);
  return results;
}

}  // namespace

Stream::Stream(const Op& op, const StreamOptions& options) : op_(op) {
  if (const auto reason = op.whole_signal_reason()) throw NotStreamable("no exact stream: " + *reason);
  runner_ = std::make_unique<detail::GraphRunner>(detail::fused(op.graph()), options);
}

Stream::Stream(Stream&&) noexcept = default;
Stream& Stream::operator=(Stream&&) noexcept = default;
Stream::~Stream() = default;

Index Stream::frames_after(Index n) const noexcept {
  return first_count(*runner_, n, false);
}

Index Stream::frames_at_finish(Index n) const noexcept {
  return first_count(*runner_, n, true);
}

void Stream::frames_after(std::span<const Index> n, std::span<Index> out) const noexcept {
  runner_->counts_after(each_of(n), false, out);
}

void Stream::frames_at_finish(std::span<Index> out) const noexcept {
  frames_at_finish({}, out);
}

void Stream::frames_at_finish(std::span<const Index> n, std::span<Index> out) const noexcept {
  runner_->counts_after(each_of(n), true, out);
}

Index Stream::push(FramesView in, FramesSpan out) noexcept {
  Index written = 0;
  return process(*runner_, {&in, 1}, false, {&out, 1}, {&written, 1}) ? written : -1;
}

Index Stream::finish(FramesSpan out) noexcept {
  Index written = 0;
  return process(*runner_, {}, true, {&out, 1}, {&written, 1}) ? written : -1;
}

Index Stream::finish_with(FramesView last, FramesSpan out) noexcept {
  Index written = 0;
  return process(*runner_, {&last, 1}, true, {&out, 1}, {&written, 1}) ? written : -1;
}

bool Stream::push(std::span<const FramesView> in, std::span<const FramesSpan> out,
                  std::span<Index> written) noexcept {
  return process(*runner_, in, false, out, written);
}

bool Stream::finish(std::span<const FramesSpan> out, std::span<Index> written) noexcept {
  return process(*runner_, {}, true, out, written);
}

bool Stream::finish_with(std::span<const FramesView> last, std::span<const FramesSpan> out,
                         std::span<Index> written) noexcept {
  return process(*runner_, last, true, out, written);
}

Signal Stream::push(FramesView in) {
  require_one_output(runner_->graph());
  return std::move(process(*runner_, {&in, 1}, false).front());
}
Signal Stream::finish() {
  require_one_output(runner_->graph());
  return std::move(process(*runner_, {}, true).front());
}
Signal Stream::finish_with(FramesView last) {
  require_one_output(runner_->graph());
  return std::move(process(*runner_, {&last, 1}, true).front());
}
std::vector<Signal> Stream::push(std::span<const FramesView> in) {
  return process(*runner_, in, false);
}
std::vector<Signal> Stream::finish_all() {
  return process(*runner_, {}, true);
}
std::vector<Signal> Stream::finish_all_with(std::span<const FramesView> last) {
  return process(*runner_, last, true);
}

void Stream::reset() noexcept {
  runner_->reset();
}
Index Stream::received(Index input) const noexcept {
  return runner_->received(input);
}
Index Stream::emitted(Index output) const noexcept {
  return runner_->emitted(output);
}
bool Stream::finished() const noexcept {
  return runner_->finished();
}
Index Stream::state_bytes() const noexcept {
  return runner_->state_bytes();
}

}  // namespace wavestride
