#include <wavestride/op.h>
#include <wavestride/stream.h>

#include <algorithm>

#include "check.h"
#include "fusion.h"
#include "graph.h"
#include "graph_runner.h"
#include "large_pages.h"

namespace wavestride {
namespace {

[[gnu::cold]] std::shared_ptr<const detail::Graph> single(std::shared_ptr<const Kernel> kernel) {
  require(kernel != nullptr, "Op: needs a kernel");
  detail::Graph::Node node{kernel, {}};
  std::vector<Index> channels;
  for (std::size_t p = 0; p < kernel->inputs().size(); ++p) {
    node.inputs.push_back(static_cast<int>(p));
    channels.push_back(kernel->inputs()[p].channels);
  }
  const int out = static_cast<int>(channels.size());
  return std::make_shared<const detail::Graph>(kernel->name(), std::move(channels),
                                               std::vector<detail::Graph::Node>{std::move(node)},
                                               std::vector<int>{out});
}

// The value of an input or output, as graphs count them.
[[gnu::cold]] std::size_t value_of_input(const detail::Graph& graph, Index input) {
  require(input >= 0 && input < graph.inputs(), graph.name, ": has ", graph.inputs(), " inputs, no input ",
          input);
  return static_cast<std::size_t>(input);
}
[[gnu::cold]] std::size_t value_of_output(const detail::Graph& graph, Index output) {
  const auto outputs = static_cast<Index>(graph.outputs.size());
  require(output >= 0 && output < outputs, graph.name, ": has ", outputs, " outputs, no output ", output);
  return static_cast<std::size_t>(graph.outputs[static_cast<std::size_t>(output)]);
}

}  // namespace

Op::Op(std::shared_ptr<const Kernel> kernel) : graph_(single(std::move(kernel))) {}
Op::Op(std::shared_ptr<const detail::Graph> graph) : graph_(std::move(graph)) {}

const std::string& Op::name() const {
  return graph_->name;
}
Index Op::inputs() const {
  return graph_->inputs();
}
Index Op::outputs() const {
  return static_cast<Index>(graph_->outputs.size());
}
Index Op::in_channels(Index input) const {
  return graph_->values()[value_of_input(*graph_, input)].channels;
}
Index Op::out_channels(Index output) const {
  return graph_->values()[value_of_output(*graph_, output)].channels;
}

Index Op::total(Index T) const {
  return total(graph_->matching_lengths(T), 0);
}

Index Op::total(std::span<const Index> lengths, Index output) const {
  require(static_cast<Index>(lengths.size()) == inputs(), name(), ": has ", inputs(), " inputs, got ",
          lengths.size(), " lengths");
  std::vector<Index> values(graph_->values().size());
  graph_->totals(lengths, values);
  return values[value_of_output(*graph_, output)];
}

Index Op::available(Index received) const {
  std::vector<Index> values(graph_->values().size());
  graph_->availables(graph_->matching_lengths(received), values);
  return values[static_cast<std::size_t>(graph_->outputs[0])];
}

FrameRange Op::reads(Index n, Index output, Index input) const {
  (void)value_of_output(*graph_, output);
  return graph_->reads(static_cast<int>(output), n)[value_of_input(*graph_, input)];
}

Ratio Op::rate(Index output, Index input) const {
  using namespace detail;
  const auto& in = graph_->values()[value_of_input(*graph_, input)].rate;
  const auto& out = graph_->values()[value_of_output(*graph_, output)].rate;
  if (!in || !out) return {0, 1};
  return *in * inverse(*out);
}

namespace {

struct Lag {
  Index frames_in = 0, frames_out = 0;  // Op::lookahead_frames() and latency_frames()
};

// Frames that come together wait for the same frame, the first of them longest. The first that ever come may
// wait for more than their windows read, frames that are reflected at the start; later ones come as a period
// before.
[[gnu::cold]] Lag worst_lag(const detail::Graph& graph, Ratio rate) {
  constexpr Index beyond =
      Index{1} << 40;  // by which further inputs are ahead, so that nothing waits for them
  std::vector<Index> values(graph.values().size());
  const auto available = [&](Index received) {
    std::vector<Index> lengths = graph.matching_lengths(received + beyond);
    lengths[0] = received;
    graph.availables(lengths, values);
    return values[static_cast<std::size_t>(graph.outputs[0])];
  };
  Lag worst;
  const auto arrive = [&](Index received, Index) {
    const Index n = available(received - 1);
    if (n == available(received)) return;
    worst.frames_in =
        std::max(worst.frames_in, received - 1 - detail::affine_floor(n, rate.num, 0, rate.den));
    worst.frames_out = std::max(worst.frames_out, detail::affine_floor(received, rate.den, 0, rate.num) - n);
  };
  const Index first = detail::last_of_run(0, beyond, available) + 1;
  arrive(first, first);
  detail::for_each_run(first + 1, graph.period(0), available, arrive);
  return worst;
}

}  // namespace

Index Op::lookahead_frames() const {
  return streamable() ? worst_lag(*graph_, rate()).frames_in : Work::unknown;
}

Index Op::latency_frames() const {
  return streamable() ? worst_lag(*graph_, rate()).frames_out : Work::unknown;
}

[[gnu::cold]] Index Op::receptive_field() const {
  if (!streamable()) return Work::unknown;
  Index widest = 0;
  // Of frames whose last input frame is the same, the first reads most.
  detail::for_each_run(
      detail::far_off, graph_->period(graph_->outputs[0]), [&](Index n) { return reads(n).last; },
      [&](Index n, Index) {
        const FrameRange range = reads(n);
        widest = std::max(widest, range.last - range.first + 1);
      });
  return widest;
}

Index Op::carried_bytes() const {
  if (!streamable()) return Work::unknown;
  return graph_->carried_floats() * static_cast<Index>(sizeof(float));
}

Index Op::parameters() const {
  Index sum = 0;
  for (const auto& node : graph_->nodes) sum += node.kernel->parameters();
  return sum;
}

double Op::macs_per_frame() const {
  const auto& values = graph_->values();
  const auto& out = values[static_cast<std::size_t>(graph_->outputs[0])].rate;
  double sum = 0;
  for (std::size_t k = 0; k < graph_->nodes.size(); ++k) {
    const auto& r = values[static_cast<std::size_t>(graph_->value_of(static_cast<int>(k)))].rate;
    const double frames = r && out ? static_cast<double>(r->num) / static_cast<double>(r->den) *
                                         static_cast<double>(out->den) / static_cast<double>(out->num)
                                   : 1.0;
    sum += frames * graph_->nodes[k].kernel->macs_per_frame();
  }
  return sum;
}

std::optional<std::string> Op::whole_signal_reason() const {
  return graph_->whole_signal_reason();
}

Stream Op::stream() const {
  return Stream(*this);
}
Stream Op::stream(const StreamOptions& options) const {
  return Stream(*this, options);
}

Signal Op::operator()(FramesView x) const {
  return (*this)(x, StreamOptions{});
}

Signal Op::operator()(FramesView x, const StreamOptions& options) const {
  require(inputs() == 1 && outputs() == 1, name(), ": has ", inputs(), " inputs and ", outputs(),
          " outputs; pass a span of signals");
  return std::move((*this)(std::span<const FramesView>(&x, 1), options).front());
}

std::vector<Signal> Op::operator()(std::span<const FramesView> x) const {
  return (*this)(x, StreamOptions{});
}

std::vector<Signal> Op::operator()(std::span<const FramesView> x, const StreamOptions& options) const {
  require(static_cast<Index>(x.size()) == inputs(), name(), ": has ", inputs(), " inputs, got ", x.size());
  std::vector<Index> lengths;
  for (std::size_t i = 0; i < x.size(); ++i) {
    require(x[i].channels() == in_channels(static_cast<Index>(i)), name(), ": expects ",
            in_channels(static_cast<Index>(i)), " channels at input ", i, ", got ", x[i].channels());
    require(x[i].frames() >= 0, name(), ": a signal can't have ", x[i].frames(), " frames");
    lengths.push_back(x[i].frames());
  }
  std::vector<Signal> results;
  std::vector<FramesSpan> out;
  for (Index o = 0; o < outputs(); ++o)
    detail::prefer_large_pages(results.emplace_back(out_channels(o), total(lengths, o)));
  for (auto& r : results) out.emplace_back(r);
  std::vector<Index> expected, written(out.size());
  for (const FramesSpan& frames : out) expected.push_back(frames.frames());
  detail::GraphRunner(detail::fused(graph_), options, lengths).process(x, true, out, expected, written);
  return results;
}

}  // namespace wavestride
