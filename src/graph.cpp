#include "graph.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "check.h"

namespace wavestride {

Index Kernel::total(std::span<const Index> lengths) const {
  Index n = Work::unknown;
  for (std::size_t i = 0; i < inputs_.size(); ++i) n = std::min(n, inputs_[i].geometry.total(lengths[i]));
  return n;
}

namespace detail {
namespace {

/// What the engine relies on, which a kernel may have got wrong.
void check_declaration(const Kernel& kernel) {
  require(kernel.scratch_bytes() >= 0, kernel.name(), ": scratch_bytes() must not be negative, is ",
          kernel.scratch_bytes());
  for (std::size_t p = 0; p < kernel.inputs().size() && !kernel.whole_signal_reason(); ++p) {
    const Port& port = kernel.inputs()[p];
    const Window& w = port.geometry.window;
    const Length& length = port.geometry.length;
    require(port.padding.mode != PadMode::circular, kernel.name(), ": input ", p,
            " can't be padded circularly; op::pad1d before it can");
    require(w.num >= 1 && w.den >= 1 && w.span() >= 1, kernel.name(), ": the window of input ", p,
            " must have num and den of 1 or more and hi from lo − den + 1 on, has num ", w.num, ", den ",
            w.den, ", lo ", w.lo, ", hi ", w.hi);
    require(length.mul >= 1 && length.div >= 1 && Ratio(length.div, length.mul) == port.geometry.rate(),
            kernel.name(), ": the length of input ", p, " must grow as its window does, by ", w.den, "/",
            w.num, ", has mul ", length.mul, " and div ", length.div);
    require(!kernel.in_place() || (w.num == w.den && w.first(0) == 0 && w.last(0) == 0 &&
                                   port.channels == kernel.out_channels()),
            kernel.name(), ": in_place() is for kernels that make a frame of the same frame of each input");
  }
}

}  // namespace

Ratio operator*(Ratio a, Ratio b) {
  const Ratio x(a.num, b.den), y(b.num, a.den);
  const Wide num = static_cast<Wide>(x.num) * y.num, den = static_cast<Wide>(x.den) * y.den;
  require(num == saturate(num) && den == saturate(den), "stack: the product of its rate changes overflows");
  return {static_cast<Index>(num), static_cast<Index>(den)};
}

Index port_available(const Port& port, Index received) noexcept {
  if (port.padding.mode == PadMode::reflect && received <= -port.geometry.window.first(0)) return 0;
  return port.geometry.available(received);
}

Index port_needs(const Port& port, Index out_made, Index received, Index reach) noexcept {
  const Index first = port.geometry.window.first(out_made);
  switch (port.padding.mode) {
    case PadMode::constant:
    case PadMode::circular:
      return first;
    case PadMode::replicate:
      return std::min(first, received - 1);
    case PadMode::reflect:
      return std::min(first, received - 1 - reach);
  }
  return first;
}

Index right_reach(const Port& port) {
  // last(total(T) − 1) − T + 1, with floor() left out and mul/div = den/num, so that T drops out.
  const Window& w = port.geometry.window;
  const Length& len = port.geometry.length;
  const Wide past =
      static_cast<Wide>(len.add) * w.num + (static_cast<Wide>(len.plus - 1) * w.num + w.hi) * len.div;
  return std::max<Index>(0, saturate(floor_div(past, static_cast<Wide>(len.div) * w.den)) + 1);
}

Graph::Graph(std::string graph_name, std::vector<Index> input_channels, std::vector<Node> graph_nodes,
             std::vector<int> graph_outputs, bool known)
    : name(std::move(graph_name)),
      nodes(std::move(graph_nodes)),
      outputs(std::move(graph_outputs)),
      inputs_(static_cast<int>(input_channels.size())) {
  connect(input_channels);
  derive_rates();
  if (!known) check_lengths();
  if (!whole_signal_reason_) derive_held();
}

void Graph::connect(const std::vector<Index>& input_channels) {
  require(inputs_ > 0 && input_channels.size() <= max_ports, name, ": must have 1 to ", max_ports,
          " inputs, has ", input_channels.size());
  require(!outputs.empty() && outputs.size() <= max_ports, name, ": must have 1 to ", max_ports,
          " outputs, has ", outputs.size());
  values_.resize(input_channels.size() + nodes.size());
  for (int i = 0; i < inputs_; ++i) {
    require(input_channels[i] > 0, name, ": an input must have at least one channel, got ",
            input_channels[i]);
    values_[i].channels = input_channels[i];
  }
  for (int k = 0; k < static_cast<int>(nodes.size()); ++k) {
    const Node& node = nodes[k];
    const auto& ports = node.kernel->inputs();
    require(!ports.empty() && ports.size() <= max_ports, node.kernel->name(), ": must have 1 to ", max_ports,
            " inputs, has ", ports.size());
    require(node.inputs.size() == ports.size(), name, ": ", node.kernel->name(), " has ", ports.size(),
            " inputs, got ", node.inputs.size());
    require(node.kernel->out_channels() > 0, node.kernel->name(), ": must have at least one output channel");
    check_declaration(*node.kernel);
    for (std::size_t p = 0; p < ports.size(); ++p) {
      const int v = node.inputs[p];
      require(v >= 0 && v < value_of(k), name, ": ", node.kernel->name(),
              " reads a value that is not made before it");
      require(values_[v].channels == ports[p].channels, name, ": ", node.kernel->name(), " expects ",
              ports[p].channels, " channels at input ", p, ", got ", values_[v].channels);
      values_[v].readers.push_back({k, static_cast<int>(p)});
    }
    values_[value_of(k)].channels = node.kernel->out_channels();
    const auto reason = node.kernel->whole_signal_reason();
    whole_.push_back(reason.has_value());
    if (reason && !whole_signal_reason_) whole_signal_reason_ = node.kernel->name() + ": " + *reason;
  }
  std::vector<bool> needed(values_.size(), false);
  for (const int v : outputs) {
    require(v >= 0 && v < static_cast<int>(values_.size()), name,
            ": an output names a value that does not exist");
    needed[v] = true;
  }
  for (int k = static_cast<int>(nodes.size()); k-- > 0;) {
    require(needed[value_of(k)], name, ": the result of ", nodes[k].kernel->name(), " is not used");
    for (const int v : nodes[k].inputs) needed[v] = true;
  }
  for (int i = 0; i < inputs_; ++i) require(needed[i], name, ": input ", i, " is not used");
}

// The rate of input 0 is 1. Rates spread forwards through every kernel, and backwards to an input that meets
// a value of known rate in a kernel.
void Graph::derive_rates() {
  std::vector<bool> unrated(values_.size(), false);  // behind a whole-signal kernel
  values_[0].rate = Ratio{};
  const auto out_rate = [&](const Node& node, std::size_t p) {
    return *values_[node.inputs[p]].rate * inverse(node.kernel->inputs()[p].geometry.rate());
  };
  for (bool changed = true; changed;) {
    changed = false;
    for (int k = 0; k < static_cast<int>(nodes.size()); ++k) {
      const Node& node = nodes[k];
      Value& out = values_[value_of(k)];
      if (unrated[value_of(k)]) continue;
      if (whole(k) ||
          std::any_of(node.inputs.begin(), node.inputs.end(), [&](int v) { return unrated[v]; })) {
        unrated[value_of(k)] = changed = true;
        continue;
      }
      for (std::size_t p = 0; p < node.inputs.size() && !out.rate; ++p)
        if (values_[node.inputs[p]].rate) out.rate = out_rate(node, p), changed = true;
      for (std::size_t p = 0; p < node.inputs.size() && out.rate; ++p) {
        Value& in = values_[node.inputs[p]];
        if (!in.rate) {
          in.rate = *out.rate * node.kernel->inputs()[p].geometry.rate();
          changed = true;
        }
        const Ratio r = out_rate(node, p);
        require(r == *out.rate, name, ": ", node.kernel->name(), " joins values of different rates: input ",
                p, " has ", r.num, "/", r.den, " frames per input frame, input 0 has ", out.rate->num, "/",
                out.rate->den);
      }
    }
  }
  for (int v = 0; v < static_cast<int>(values_.size()); ++v)
    require(values_[v].rate || unrated[v] || whole_signal_reason_, name, ": input ", v,
            " does not meet the other inputs anywhere, so their rates can't be related");
}

// Joined values whose lengths disagree by the same number of frames for every input length come from a
// padding mistake; where they agree for some lengths, the shortest decides (U-Nets on odd lengths).
void Graph::check_lengths() const {
  if (whole_signal_reason_) return;
  constexpr int trials = 48;
  std::vector<std::vector<Index>> lengths(trials, std::vector<Index>(values_.size()));
  for (int t = 0; t < trials; ++t) totals(matching_lengths(100'000 + 7919 * t), lengths[t]);  // all residues
  for (const Node& node : nodes) {
    for (std::size_t p = 1; p < node.inputs.size(); ++p) {
      const auto difference = [&](int t) {
        return node.kernel->inputs()[p].geometry.total(lengths[t][node.inputs[p]]) -
               node.kernel->inputs()[0].geometry.total(lengths[t][node.inputs[0]]);
      };
      const Index d = difference(0);
      bool always = d != 0;
      for (int t = 1; t < trials && always; ++t) always = difference(t) == d;
      require(!always, name, ": ", node.kernel->name(), ": input ", p, " is ", std::abs(d), " frames ",
              d > 0 ? "longer" : "shorter", " than input 0 for every length; pad or crop the branches alike");
    }
  }
}

// A schedule that spreads the frames of every value evenly over time: frame n of v is made at the time (n +
// delay_v)/rate_v, where frame T of input 0 arrives at the time T and `delay` is as small as the frames that
// are read allow. What a queue holds in this schedule is enough for any other: see GraphRunner. Only where a
// value has several uses may one of them call for all frames that can be made by then, rate·(T + 1) + high at
// most, while another keeps to the schedule.
void Graph::derive_held() {
  struct Course {
    double delay = 0, high = 0;
  };
  std::vector<Course> course(values_.size());
  const auto rate = [&](int v) {
    return static_cast<double>(values_[v].rate->num) / static_cast<double>(values_[v].rate->den);
  };
  for (int i = 1; i < inputs_; ++i) course[i].delay = 1;  // by the time T, no more than T·rate have come
  for (int k = 0; k < static_cast<int>(nodes.size()); ++k) {
    const Node& node = nodes[k];
    Course out{-1e300, 1e300};
    for (std::size_t p = 0; p < node.inputs.size(); ++p) {
      const Port& port = node.kernel->inputs()[p];
      const Window& w = port.geometry.window;
      const Length& len = port.geometry.length;
      const Course in = course[node.inputs[p]];
      const auto num = static_cast<double>(w.num), den = static_cast<double>(w.den),
                 hi = static_cast<double>(w.hi);
      const auto mul = static_cast<double>(len.mul), div = static_cast<double>(len.div);
      const auto add = static_cast<double>(len.add), plus = static_cast<double>(len.plus);
      const double cut = 1 - plus + (port.geometry.starts_inside ? 1 : 0);
      double behind = std::max(hi / num, cut - (add + 1) / div);  // its window, and what a right crop removes
      if (port.padding.mode == PadMode::reflect)  // nothing is made until the reflected frames are there
        behind = std::max(behind, den / num * static_cast<double>(-w.first(0)));
      out.delay = std::max(out.delay, behind + den / num * in.delay);
      const double high = std::min((den * in.high - hi - 1) / num + 1, (in.high * mul + add) / div + plus);
      out.high = std::min(out.high, high);
    }
    course[value_of(k)] = out;
  }
  for (int v = 0; v < static_cast<int>(values_.size()); ++v) {
    double held = 1;
    for (const Reader& r : values_[v].readers) {
      const Port& port = nodes[r.node].kernel->inputs()[r.port];
      const Window& w = port.geometry.window;
      const auto num = static_cast<double>(w.num), den = static_cast<double>(w.den);
      const double lag = course[value_of(r.node)].delay * num / den - course[v].delay;
      held = std::max(held, lag - static_cast<double>(w.lo) / den + 2);
      if (port.padding.mode == PadMode::reflect)  // frames that may be reflected at the end
        held = std::max(held, static_cast<double>(right_reach(port)) + 2);
    }
    const auto outputs_of = std::count(outputs.begin(), outputs.end(), v);
    if (static_cast<Index>(values_[v].readers.size()) + outputs_of > 1 || v < inputs_)
      held += std::max(0.0, rate(v) + course[v].high + course[v].delay);
    held = std::ceil(held) + 2;
    const double size = held * static_cast<double>(values_[v].channels);
    require(size < 1e12, name, ": a stream would have to hold ", size, " floats of one value");
    values_[v].held = static_cast<Index>(held);
  }
}

std::shared_ptr<const Graph> replaced(const Graph& graph, const std::vector<Graph::Node>& nodes) {
  const auto inputs = static_cast<std::size_t>(graph.inputs());
  std::vector<int> place(graph.values().size());  // of a value in the new graph
  std::vector<Index> channels;
  for (std::size_t i = 0; i < inputs; ++i) {
    place[i] = static_cast<int>(i);
    channels.push_back(graph.values()[i].channels);
  }
  const auto moved = [&](std::vector<int> values) {
    for (int& v : values) v = place[static_cast<std::size_t>(v)];
    return values;
  };
  std::vector<Graph::Node> kept;
  for (std::size_t k = 0; k < nodes.size(); ++k) {
    if (!nodes[k].kernel) continue;
    place[inputs + k] = static_cast<int>(inputs + kept.size());
    kept.push_back({nodes[k].kernel, moved(nodes[k].inputs)});
  }
  return std::make_shared<const Graph>(graph.name, std::move(channels), std::move(kept), moved(graph.outputs),
                                       true);
}

std::vector<Index> Graph::matching_lengths(Index T) const {
  std::vector<Index> lengths(static_cast<std::size_t>(inputs_), T);
  for (int i = 0; i < inputs_; ++i)
    if (const auto& r = values_[i].rate) lengths[i] = affine_floor(T, r->num, 0, r->den);
  return lengths;
}

namespace {

template <class F>
void forward(const Graph& g, std::span<const Index> inputs, std::span<Index> values,
             F&& out_frames) noexcept {
  std::copy(inputs.begin(), inputs.end(), values.begin());
  for (int k = 0; k < static_cast<int>(g.nodes.size()); ++k) values[g.value_of(k)] = out_frames(k);
}

}  // namespace

void Graph::totals(std::span<const Index> input_lengths, std::span<Index> values) const noexcept {
  forward(*this, input_lengths, values, [&](int k) {
    const Node& node = nodes[k];
    Index lengths[max_ports];
    for (std::size_t p = 0; p < node.inputs.size(); ++p) lengths[p] = values[node.inputs[p]];
    return node.kernel->total({lengths, node.inputs.size()});
  });
}

void Graph::availables(std::span<const Index> received, std::span<Index> values) const noexcept {
  forward(*this, received, values, [&](int k) {
    const Node& node = nodes[k];
    if (whole(k)) return Index{0};
    Index n = Work::unknown;
    for (std::size_t p = 0; p < node.inputs.size(); ++p)
      n = std::min(n, port_available(node.kernel->inputs()[p], values[node.inputs[p]]));
    return n;
  });
}

Index Graph::period(int value) const {
  const Ratio of = *values_[value].rate;
  Wide period = 1;
  for (const Value& v : values_) {
    if (!v.rate) continue;
    const Ratio a(v.rate->num, of.num), b(of.den, v.rate->den);  // whose product need not fit
    const Wide den = static_cast<Wide>(a.den) * b.den;
    if (den > most_period) return most_period;
    period *= den / std::gcd(static_cast<Index>(period), static_cast<Index>(den));
    if (period > most_period) return most_period;
  }
  return static_cast<Index>(period);
}

Index Graph::carried_floats() const {
  std::vector<Index> made(values_.size());
  const auto made_of = [&](Index received) {
    availables(matching_lengths(received), made);
    return std::accumulate(made.begin() + inputs_, made.end(), Index{0});
  };
  Index worst = 0;
  // The most is held just before something can be made again.
  for_each_run(far_off, period(0), made_of, [&](Index, Index received) {
    availables(matching_lengths(received), made);
    Index sum = 0;
    for (std::size_t v = 0; v < values_.size(); ++v) {
      Index needed = made[v];
      for (const Reader& r : values_[v].readers) {
        const Port& port =
            nodes[static_cast<std::size_t>(r.node)].kernel->inputs()[static_cast<std::size_t>(r.port)];
        needed = std::min(needed, port_needs(port, made[static_cast<std::size_t>(value_of(r.node))], made[v],
                                             right_reach(port)));
      }
      sum += (made[v] - needed) * values_[v].channels;
    }
    worst = std::max(worst, sum);
  });
  return worst;
}

std::vector<FrameRange> Graph::reads(int output, Index n) const {
  constexpr FrameRange none{Work::unknown, std::numeric_limits<Index>::min()};
  std::vector<FrameRange> need(values_.size(), none);
  need[outputs[output]] = {n, n};
  for (int k = static_cast<int>(nodes.size()); k-- > 0;) {
    const FrameRange out = need[value_of(k)];
    if (out.first > out.last) continue;
    for (std::size_t p = 0; p < nodes[k].inputs.size(); ++p) {
      FrameRange& in = need[nodes[k].inputs[p]];
      const Window& w = nodes[k].kernel->inputs()[p].geometry.window;
      in.first = std::min(in.first, whole(k) ? 0 : w.first(out.first));
      in.last = std::max(in.last, whole(k) ? Work::unknown - 1 : w.last(out.last));
    }
  }
  for (FrameRange& r : need)
    if (r.first > r.last) r = {};
  return need;
}

}  // namespace detail
}  // namespace wavestride
