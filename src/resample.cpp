#include <wavestride/resample.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>
#include <numeric>
#include <tuple>
#include <utility>

#include "block_resample.h"
#include "check.h"
#include "filter_design.h"
#include "fork_lock.h"
#include "kernels/cascade.h"
#include "kernels/elementwise.h"
#include "low_pass_edge.h"
#include "resample_filter.h"
#include "starts_anywhere.h"

namespace wavestride {
namespace {

struct Preset {
  double stopband_db, passband;
};
constexpr Preset presets[] = {{100, 0.85}, {125, 0.923}, {150, 0.923}, {150, 0.968}};

// What rounding of the coefficients and the far ends of responses add.
constexpr double design_margin_db = 0.8;
// A passband is narrowed to fit a delay, but not below this.
constexpr double narrowest_passband = 0.3;
// Float sums reach the signal-to-noise ratio that goes with a stopband up to here.
constexpr double precise_above_db = 130;
constexpr Index most_taps = Index{1} << 22;
// Of a bank; one of many phases is slower than a table where it does not fit the second-level cache.
constexpr double most_bytes = 16 << 20, most_bytes_of_many = 2 << 20;
constexpr Index many_phases = 2048;
constexpr Index most_in_float = 256;  // samples in a sum of one order

Index millihertz(const char* which, double hz) {
  require(std::isfinite(hz) && hz > 0, "resample: the ", which, " rate must be positive, got ", hz, " Hz");
  require(hz <= 1e9, "resample: the ", which, " rate must be at most 1e9 Hz, got ", hz);
  const double mhz = std::round(hz * 1000);
  require(mhz >= 1 && std::abs(hz * 1000 - mhz) < 1e-6 * mhz, "resample: the ", which,
          " rate must be a multiple of 0.001 Hz, got ", hz,
          "; for other ratios give two whole numbers in that ratio");
  return static_cast<Index>(mhz);
}

// A low-pass filter by what it depends on.
struct Filter {
  Index L, M;
  double passband, stopband_db;
  Phase phase;
  double stopband = 1;          // where it begins, as the passband: a fraction of the lower Nyquist frequency
  double ripple_margin_db = 0;  // less ripple than this filter's share
  bool precise = stopband_db > precise_above_db;
  auto operator<=>(const Filter&) const = default;

  double transition() const { return stopband - passband; }
  double cutoff() const { return passband + LowPassEdge::place * transition(); }

  // Of the passband and of the stopband, in dB.
  std::pair<double, double> deviations() const {
    // A gain that is off by a ten-thousandth is nothing to hear, and a shorter filter. But far into the
    // passband of the edge at the negative cutoff lies the stopband, and near edges disturb each other.
    const bool apart = cutoff() > 2.5 * transition();
    const double passband_db =
        apart ? std::min(stopband_db, std::max(stopband_db * 2 / 3, 82.0)) : stopband_db;
    const double distance =
        2 * cutoff() / transition() * LowPassEdge::estimated_width(passband_db, stopband_db);
    const double disturbance = 20 * std::log10(1 + std::pow(10, std::min(0.0, (24 - distance) / 20)));
    // In steps, so that few edges need to be designed.
    const double margin = design_margin_db + std::ceil(2 * disturbance - 0.01) / 2;
    return {passband_db + margin + ripple_margin_db, stopband_db + margin};
  }
  LowPassEdge edge() const {
    const auto [passband_deviation, stopband_deviation] = deviations();
    return {passband_deviation, stopband_deviation};
  }
};

// Objects in use by key, so that equal ones are made and held once.
template <class Value, class Key, class Make>
std::shared_ptr<const Value> shared(const Key& key, Make&& make) {
  std::mutex& mutex = detail::lock_of(detail::Kept::filters);
  static std::map<Key, std::weak_ptr<const Value>> cache;
  {
    const std::lock_guard lock(mutex);
    if (const auto it = cache.find(key); it != cache.end())
      if (auto value = it->second.lock()) return value;
  }
  std::shared_ptr<const Value> made = make();
  const std::lock_guard lock(mutex);
  std::erase_if(cache, [](const auto& entry) { return entry.second.expired(); });
  auto& entry = cache[key];
  if (auto value = entry.lock()) return value;
  entry = made;
  return made;
}

// A low-pass filter, so many points to a sample of the lower rate, and their sum.
std::vector<double> impulse_response(const Filter& f, double points, double total) {
  // Minimum phase takes large transforms, and many points add only more of the stopband to them.
  constexpr double enough = 16;
  if (f.phase == Phase::minimum && points > enough) {
    std::vector<double> h = interpolated(impulse_response(f, enough, enough), points / enough);
    for (double& v : h) v *= total / points;
    return h;
  }
  const double lower_nyquist = 0.5 / points;
  const LowPassEdge edge = f.edge();
  // It comes to 0 half a sample beyond its ends.
  const double half = std::ceil(edge.half_width() / (f.transition() * lower_nyquist) - 0.5);
  const auto middle = static_cast<std::size_t>(half);
  std::vector<double> h(2 * middle + 1);
  edge.response(f.cutoff() * lower_nyquist, half + 0.5, std::span(h).subspan(middle));
  std::reverse_copy(h.begin() + static_cast<std::ptrdiff_t>(middle) + 1, h.end(), h.begin());
  if (f.phase == Phase::minimum) h = minimum_phase(h, f.stopband_db + 40);
  const double gain = total / std::accumulate(h.begin(), h.end(), 0.0);
  for (double& v : h) v *= gain;
  return h;
}

// At L times the input rate, with unit gain after the M-th of its samples are picked.
std::vector<double> impulse_response(const Filter& f) {
  return impulse_response(f, static_cast<double>(std::max(f.L, f.M)), static_cast<double>(f.L));
}

double low_frequency_delay(std::span<const double> h) {
  double sum = 0, moment = 0;
  for (std::size_t i = 0; i < h.size(); ++i) sum += h[i], moment += static_cast<double>(i) * h[i];
  return moment / sum;
}

// The same filter between any two rates: its impulse response as a function of time.
Filter table_filter(const Filter& f) {
  return {table_step, 1, f.passband, f.stopband_db, f.phase, f.stopband, f.ripple_margin_db, f.precise};
}

// Of `points` points to a sample of the lower rate, `step` to one of the input. `h` is its impulse response,
// or empty where that is made here, if it needs to be.
std::shared_ptr<const kernels::ContinuousFilter> shared_table(const Filter& f, double points, Index step,
                                                              std::span<const double> h) {
  return shared<kernels::ContinuousFilter>(std::pair(f, points), [&] {
    return std::make_shared<const kernels::ContinuousFilter>(
        h.empty() ? impulse_response(f, points, points) : h, step, f.precise);
  });
}

}  // namespace

std::shared_ptr<const kernels::ContinuousFilter> shared_table(Quality quality) {
  const Preset& preset = presets[static_cast<int>(quality)];
  return shared_table({table_step, 1, preset.passband, preset.stopband_db, Phase::linear}, table_step,
                      table_step, {});
}

// A filter, fitted to a pair of rates: a bank, a table, or blocks; or two conversions in sequence, by banks
// or by a bank and a table.
struct Resampler::Design {
  Filter filter;
  double in_hz, out_hz;
  Window window{};
  double delay_s = 0, output_delay_s = 0;  // of the filter, and what is left of it in the output
  std::shared_ptr<const kernels::PolyphaseBank> bank{};
  std::shared_ptr<const kernels::TableConversion> table{};
  std::shared_ptr<const BlockFilter> blocks{};
  std::shared_ptr<const Design> before{}, after{};

  // As far as the frames of an output's block are its own, too.
  Geometry geometry() const {
    return {blocks ? window_of_pairs(window, blocks->pair()) : window, {filter.L, filter.M - 1, filter.M, 0}};
  }
};

namespace {

using Design = Resampler::Design;

double taps(const Filter& f, double half_width) {
  return 4 * half_width / f.transition() * std::max(1.0, static_cast<double>(f.M) / static_cast<double>(f.L));
}
double taps(const Filter& f) {
  return taps(f, f.edge().half_width());
}
// Without designing an edge, to choose among many.
double estimated_taps(const Filter& f) {
  const auto [passband_deviation, stopband_deviation] = f.deviations();
  return taps(f,
              LowPassEdge::estimated_width(passband_deviation, stopband_deviation) / (2 * std::numbers::pi));
}

bool fits_bank(const Filter& f, double taps) {
  constexpr double lanes = kernels::PolyphaseBank::lanes;
  const auto L = static_cast<double>(f.L), M = static_cast<double>(f.M);
  const double bytes = std::max(L, 2 * lanes) * (taps + 2 * lanes * M / L) * sizeof(float);
  return bytes <= (f.L > many_phases ? most_bytes_of_many : most_bytes) &&
         (f.phase == Phase::linear || taps * L <= 1 << 20);
}

// Multiply-adds per output of a bank, as PolyphaseBank lays them out; a fold halves those of its core.
double cost(const Filter& f, double taps) {
  constexpr double lanes = kernels::PolyphaseBank::lanes;
  const double pace = static_cast<double>(f.M) / static_cast<double>(f.L), edge = 2 * lanes * pace;
  const bool folded = f.phase == Phase::linear && f.L <= kernels::PolyphaseBank::lanes && taps > 2 * edge;
  return folded ? (taps + 2 * edge) / 2 : taps + lanes * pace;
}

// A sharp filter, to L/M of the rate before it, and a loose one, which needs to be steep only over what the
// sharp one leaves free, for the rest of the way.
struct SharpAndLoose {
  Filter sharp, loose;
  double between;  // the rate there, in units of the lower one

  SharpAndLoose(const Filter& f, Index L, Index M, bool sharp_first) : sharp(f), loose(f) {
    constexpr double loose_margin_db = 12;  // costs little, and leaves the stopband to the sharp filter
    const double pace = static_cast<double>(f.M) / static_cast<double>(f.L);
    double sharp_end = std::max(1.0, pace), loose_end = std::max(1.0, 1 / pace);
    if (!sharp_first) std::swap(sharp_end, loose_end);
    between = sharp_end * static_cast<double>(sharp_first ? L : M) / static_cast<double>(sharp_first ? M : L);
    const double sharp_lower = std::min(between, sharp_end), loose_lower = std::min(between, loose_end);
    const Ratio rest(f.L * M, f.M * L);
    std::tie(sharp.L, sharp.M) = std::pair(L, M);
    std::tie(loose.L, loose.M) = std::pair(rest.num, rest.den);
    loose.stopband_db = f.stopband_db + loose_margin_db;
    loose.ripple_margin_db = loose_margin_db;
    sharp.passband = f.passband / sharp_lower;
    sharp.stopband = 1 / sharp_lower;
    loose.passband = f.passband / loose_lower;
    loose.stopband = (2 * between - 1) / loose_lower;
  }
};

// In the order in which they come, and their multiply-adds per output.
struct InTwo {
  Filter first, second;
  double cost;
};

// Both of a rate between that is a little above the lower one, where the sharp filter's multiply-adds are few
// and folded.
std::optional<InTwo> in_two(const Filter& f) {
  constexpr double worth = 0.65;  // of the multiply-adds, which short filters do less fast
  std::optional<InTwo> best;
  double least = worth * cost(f, taps(f));
  if (f.phase == Phase::minimum) return best;
  const bool up = f.L > f.M;
  for (const auto& [a, b] : {std::pair<Index, Index>{3, 2}, {2, 1}}) {
    const auto [sharp, loose, between] = up ? SharpAndLoose(f, a, b, true) : SharpAndLoose(f, b, a, false);
    if (loose.L == loose.M) continue;
    // Frames between per output.
    const double pace = up ? static_cast<double>(loose.M) / static_cast<double>(loose.L) : between;
    const auto sum = [&, &sharp = sharp, &loose = loose](double sharp_taps, double loose_taps) {
      const double of_sharp = cost(sharp, sharp_taps), of_loose = cost(loose, loose_taps);
      return up ? of_sharp * pace + of_loose : of_loose * pace + of_sharp;
    };
    // Edges are designed only where that may decide.
    constexpr double estimates_err_by = 1.2;
    if (sum(estimated_taps(sharp), estimated_taps(loose)) > estimates_err_by * least) continue;
    const double sharp_taps = taps(sharp), loose_taps = taps(loose), exact = sum(sharp_taps, loose_taps);
    if (exact < least && fits_bank(loose, loose_taps))
      least = exact, best = up ? InTwo{sharp, loose, exact} : InTwo{loose, sharp, exact};
  }
  return best;
}

// A filter at L times the input rate, where time 0 is in it, and how long it delays, in input frames: by
// itself, and in the output.
struct Response {
  std::vector<double> h;
  Index last;
  double delay, output_delay;
  Window window;

  Response(const Filter& f, bool causal) : h(impulse_response(f)) {
    const double middle =
        f.phase == Phase::linear ? static_cast<double>(h.size() / 2) : low_frequency_delay(h);
    const auto L = static_cast<double>(f.L);
    last = causal ? 0 : static_cast<Index>(std::llround(middle));
    delay = middle / L;
    output_delay = (middle - static_cast<double>(last)) / L;
    window = kernels::fir_window(f.L, f.M, last, static_cast<Index>(h.size()));
  }
};

std::shared_ptr<const kernels::PolyphaseBank> make_bank(const Filter& f, const Response& r) {
  return shared<kernels::PolyphaseBank>(std::pair(f, r.last), [&] {
    return std::make_shared<const kernels::PolyphaseBank>(f.L, f.M, r.last, r.h, f.precise);
  });
}

void design_table(Design& d, bool causal) {
  Filter f = d.filter;
  // A whole number of points to a sample of the input, and no fewer than table_step to one of the lower rate.
  const auto L = static_cast<double>(f.L), higher = static_cast<double>(std::max(f.L, f.M));
  const double step = std::ceil(static_cast<double>(table_step) * L / higher), points = step * higher / L;
  const std::vector<double> h = impulse_response(table_filter(f), points, points);
  double delay = f.phase == Phase::linear ? static_cast<double>(h.size() / 2) : low_frequency_delay(h);
  kernels::TableConversion table;
  table.points = points / higher;
  const double half = std::floor(delay / table.points);
  if (f.phase == Phase::linear) table.origin = delay - half * table.points;
  // The last point of the table may lie between two samples.
  const Index size =
      static_cast<Index>((static_cast<double>(h.size() - 1) - 2 * table.origin) / table.points) + 1;
  delay = (delay - table.origin) / table.points;
  table.last = causal ? 0 : static_cast<Index>(std::llround(delay));
  table.window = d.window = kernels::fir_window(f.L, f.M, table.last, size);
  // Of many samples sums in float round too much.
  f.precise = f.precise || d.window.span() > most_in_float;
  table.filter = shared_table(table_filter(f), points, static_cast<Index>(step), h);
  d.table = std::make_shared<const kernels::TableConversion>(std::move(table));
  const double rate = L * d.in_hz;
  d.delay_s = delay / rate;
  d.output_delay_s = (delay - static_cast<double>(d.table->last)) / rate;
}

void design_bank(Design& d, const Filter& f, const Response& r) {
  d.bank = make_bank(f, r);
  d.window = r.window;
  d.delay_s = r.delay / d.in_hz;
  d.output_delay_s = r.output_delay / d.in_hz;
}

void design_bank(Design& d, bool causal) {
  design_bank(d, d.filter, Response(d.filter, causal));
}

// A part of a design, and how it is made.
struct Part {
  const Filter& filter;
  void (&design)(Design&, bool);
};

void design_in_sequence(Design& d, bool causal, const Part& first, const Part& second) {
  const double between_hz =
      d.in_hz * static_cast<double>(first.filter.L) / static_cast<double>(first.filter.M);
  const auto make = [&](const Part& part, double in_hz, double out_hz) {
    Design one{.filter = part.filter, .in_hz = in_hz, .out_hz = out_hz};
    part.design(one, causal);
    d.delay_s += one.delay_s;
    d.output_delay_s += one.output_delay_s;
    return std::make_shared<const Design>(std::move(one));
  };
  d.before = make(first, d.in_hz, between_hz);
  d.after = make(second, between_hz, d.out_hz);
  d.window = kernels::cascade_window(d.before->window, d.after->window);
}

// As multiply-adds of a bank, per output of a table, whose coefficients are made anew for each.
double table_cost(const Filter& f) {
  return 200 + 7 * estimated_taps(f);
}

// A loose filter has few taps, and a bank of few phases is as sharp as it takes. The bank comes first, to a
// rate a little above the lower one, so that a table makes no more than the outputs; unless the bank would be
// much longer than one that halves twice as many of them.
void design_around_table(Design& d, bool causal) {
  const Filter& f = d.filter;
  const bool up = f.L > f.M;
  const SharpAndLoose halving(f, 1, 2, false);
  const auto bank_cost = [](const Filter& bank) { return cost(bank, estimated_taps(bank)); };
  double least =
      up ? std::numeric_limits<double>::infinity() : 2 * table_cost(halving.loose) + bank_cost(halving.sharp);
  std::optional<SharpAndLoose> best;
  for (Index L = 1; L <= 4; ++L)
    for (Index M = 1; M <= 8; ++M) {
      const SharpAndLoose s(f, L, M, true);
      if (std::gcd(L, M) > 1 || L == M || s.between < 1.35 || !fits_bank(s.sharp, estimated_taps(s.sharp)))
        continue;
      // Frames between per output.
      const double pace = static_cast<double>(s.loose.M) / static_cast<double>(s.loose.L);
      const double sum = bank_cost(s.sharp) * pace + table_cost(s.loose);
      if (sum < least) least = sum, best = s;
    }
  if (best)
    design_in_sequence(d, causal, {best->sharp, design_bank}, {best->loose, design_table});
  else
    design_in_sequence(d, causal, {halving.loose, design_table}, {halving.sharp, design_bank});
}

// How to convert by blocks, where that takes less time than direct sums.
std::optional<BlockShape> blocks_for(const Filter& f, const Window& window,
                                     const std::optional<InTwo>& stages) {
  // Multiply-adds per cycle of sums in float and partly in double, and cycles beside them, as blocks take
  // them: seen on Granite Rapids.
  const double direct = stages ? (f.precise ? stages->cost / 13 + 1 : stages->cost / 17.5 + 1.25)
                               : (f.precise ? cost(f, taps(f)) / 21 + 1 : cost(f, taps(f)) / 24.5 + 0.9);
  auto shape = block_shape(window, f.precise);
  if (shape && shape->cycles > direct) shape.reset();
  return shape;
}

Design design_filter(const Filter& f, double in_hz, double out_hz, const ResampleOptions& o) {
  Design d{.filter = f, .in_hz = in_hz, .out_hz = out_hz};
  if (f.L == f.M) return d;
  require(taps(f) <= most_taps, "resample: from ", in_hz, " to ", out_hz, " Hz an output frame would read ",
          taps(f), " input frames, at most ", most_taps,
          " are allowed; convert in two steps, or ask for a lower stopband or passband");
  if (!fits_bank(f, taps(f))) {
    constexpr double few = 48;
    const bool in_sequence = f.phase == Phase::linear && taps(f) > few;
    (in_sequence ? design_around_table : design_table)(d, o.causal);
    return d;
  }
  const auto stages = in_two(f);
  if (!stages || o.goal == Goal::throughput) {
    const Response whole(f, o.causal);
    if (const auto shape = o.goal == Goal::throughput ? blocks_for(f, whole.window, stages) : std::nullopt) {
      d.blocks = shared<BlockFilter>(std::pair(f, whole.last), [&] {
        return make_block_filter(*shape, whole.window, whole.h, f.precise);
      });
      d.window = whole.window;
      d.delay_s = whole.delay / in_hz;
      d.output_delay_s = whole.output_delay / in_hz;
      return d;
    }
    if (!stages) {
      design_bank(d, f, whole);
      return d;
    }
  }
  design_in_sequence(d, o.causal, {stages->first, design_bank}, {stages->second, design_bank});
  return d;
}

// Narrows the passband until the filter delays no more than asked.
Design fit(Filter f, double in_hz, double out_hz, const ResampleOptions& o) {
  Design d = design_filter(f, in_hz, out_hz, o);
  if (!o.max_delay_s || d.delay_s <= *o.max_delay_s) return d;
  const double asked_passband = f.passband, asked_delay = d.delay_s;
  const double narrowest = std::min(asked_passband, narrowest_passband);
  const auto narrow = [&](double passband) {
    f.passband = passband;
    d = design_filter(f, in_hz, out_hz, o);
  };
  const auto refuse = [&](const auto&... instead) {
    fail("resample: a stopband of ", f.stopband_db, " dB with a passband of ", asked_passband, " from ",
         in_hz, " to ", out_hz, " Hz delays by ", asked_delay, " s; within ", *o.max_delay_s, " s ",
         instead...);
  };
  // Of linear phase the delay is about the inverse of the transition band's width; of minimum phase it hardly
  // depends on the passband, and a few of these are tried.
  const bool linear = f.phase == Phase::linear;
  narrow(narrowest);
  double least = std::min(asked_delay, d.delay_s);
  const auto refuse_all = [&] {
    refuse("not even a passband of ", narrowest, " is possible: allow ", least,
           " s, or ask for a lower stopband");
  };
  if (*o.max_delay_s < (linear ? 1 : 0.5) * least) refuse_all();
  f.passband = asked_passband;
  for (double delay = asked_delay; delay > *o.max_delay_s; delay = d.delay_s) {
    if (f.passband == narrowest) refuse_all();
    const double wider = linear ? std::max(1.002, delay / *o.max_delay_s) : 1.1;
    narrow(std::max(1 - (1 - f.passband) * wider, narrowest));
    least = std::min(least, d.delay_s);
  }
  if (o.passband && f.passband < asked_passband) refuse("the passband can be ", f.passband);
  return d;
}

std::string name_of(Index channels, const Design& d) {
  return message("resample(", channels, " × ", d.in_hz, " → ", d.out_hz, " Hz",
                 d.blocks ? ", by blocks)" : ")");
}

class ResampleKernel final : public Kernel {
 public:
  ResampleKernel(Index channels, std::shared_ptr<const Design> design)
      : Kernel(name_of(channels, *design), {{channels, design->geometry(), {}}}, channels),
        design_(std::move(design)) {}

  std::unique_ptr<KernelState> make_state() const override {
    if (design_->before) return std::make_unique<Cascade>(*design_, out_channels());
    if (design_->bank || design_->table) return std::make_unique<Single>(*design_);
    return nullptr;
  }

  void compute(const Work& work) const noexcept override {
    const Index channels = out_channels();
    if (design_->before)
      static_cast<Cascade*>(work.state)->scratch.run(work.in[0], work.n, work.count, work.out);
    else if (work.state)
      static_cast<Single*>(work.state)->conversion.run(work.in[0], work.n, work.count, channels, work.out);
    else
      kernels::copy(work.in[0], work.count * channels, work.out);
  }

  double macs_per_frame() const override { return static_cast<double>(out_channels()) * macs(*design_); }

 private:
  [[gnu::cold]] static double macs(const Design& d) {
    if (d.bank) return d.bank->macs();
    if (!d.before) return static_cast<double>(d.window.span());
    const Window& w = d.after->window;
    return macs(*d.after) + macs(*d.before) * static_cast<double>(w.num) / static_cast<double>(w.den);
  }

  static kernels::Conversion conversion(const Design& d) {
    return d.bank ? kernels::Conversion(d.bank) : kernels::Conversion(d.table);
  }

  struct Single : KernelState, detail::StartsAnywhere {
    explicit Single(const Design& d) : conversion(ResampleKernel::conversion(d)) {}
    Index bytes() const noexcept override { return conversion.bytes(); }
    kernels::Conversion conversion;
  };
  struct Cascade : KernelState, detail::StartsAnywhere {
    Cascade(const Design& d, Index channels)
        : scratch(conversion(*d.before), conversion(*d.after), channels) {}
    void reset() noexcept override { scratch.reset(); }
    Index bytes() const noexcept override { return scratch.bytes(); }
    kernels::CascadeScratch scratch;
  };

  std::shared_ptr<const Design> design_;
};

double in_range(const char* what, double value, double lowest, double highest) {
  require(value >= lowest && value <= highest, "resample: ", what, " must be ", lowest, " to ", highest,
          ", got ", value);
  return value;
}

Index bytes_of(const Design& d) {
  if (d.before) return bytes_of(*d.before) + bytes_of(*d.after);
  const auto bytes = [](const auto& filter) { return filter ? filter->bytes() : 0; };
  return bytes(d.bank) + (d.table ? bytes(d.table->filter) : 0) + bytes(d.blocks);
}

double decibels(double amplitude) {
  return 20 * std::log10(std::max(amplitude, 1e-15));
}

}  // namespace

Doubling shared_doubling(Quality quality) {
  const Preset& preset = presets[static_cast<int>(quality)];
  const SharpAndLoose s({2, 1, preset.passband, preset.stopband_db, Phase::linear}, 2, 1, true);
  return {make_bank(s.sharp, Response(s.sharp, false)),
          shared_table(table_filter(s.loose), table_step, table_step, {})};
}

Resampler::Resampler(double in_hz, double out_hz, const ResampleOptions& o) {
  const Ratio ratio(millihertz("output", out_hz), millihertz("input", in_hz));
  const Preset& preset = presets[static_cast<int>(o.quality)];
  const Filter filter{ratio.num, ratio.den,
                      in_range("passband", o.passband.value_or(preset.passband), 0.05, 0.995),
                      in_range("stopband_db", o.stopband_db.value_or(preset.stopband_db), 20, 160), o.phase};
  if (o.max_delay_s)
    require(*o.max_delay_s > 0, "resample: max_delay_s must be positive, got ", *o.max_delay_s);
  design_ = std::make_shared<const Design>(fit(filter, in_hz, out_hz, o));
}

Op Resampler::op(Index channels) const {
  require(channels >= 1 && channels <= 1 << 20, "resample: channels must be 1 to 1048576, got ", channels);
  if (design_->blocks) return Op(block_resample(name_of(channels, *design_), channels, design_->blocks));
  return Op(std::make_shared<ResampleKernel>(channels, design_));
}

Ratio Resampler::rate() const {
  return {design_->filter.M, design_->filter.L};
}
Index Resampler::total(Index T) const {
  return design_->geometry().total(T);
}
Index Resampler::available(Index received) const {
  return op().available(received);
}
Index Resampler::needed(Index N) const {
  return N <= 0 ? 0 : std::max<Index>(detail::add_sat(op().reads(N - 1).last, 1), 1);
}
double Resampler::filter_delay_s() const {
  return design_->delay_s;
}
double Resampler::output_delay_s() const {
  return design_->output_delay_s;
}
Index Resampler::taps() const {
  return design_->window.span();
}
Index Resampler::bytes() const {
  return bytes_of(*design_);
}
double Resampler::passband_edge() const {
  return design_->filter.passband;
}
double Resampler::stopband_db() const {
  return design_->filter.stopband_db;
}

namespace {

std::vector<double> response(std::span<const double> h) {
  return amplitude_response(h, 8 * static_cast<Index>(h.size()));
}

// As the bank holds it.
std::vector<double> held(const Design& d) {
  std::vector<double> h = impulse_response(d.filter);
  d.bank->quantise(h);
  return h;
}

// Two banks in sequence are one filter: output n has the coefficient of input frame k that the sum over the
// frames between them gives, and belongs to sample n·M − k·L of the impulse response. Where M input frames
// are no whole number of frames between, that response alternates; this is the one around output turn·L.
std::vector<double> in_sequence(const Design& d, std::span<const double> a, std::span<const double> b,
                                Index turn) {
  const Window &wa = d.before->window, &wb = d.after->window, &w = d.window;
  const auto at = [](std::span<const double> h, const Window& v, Index n, Index m) {
    const Index i = n * v.num - m * v.den + v.hi;
    return i >= 0 && i < static_cast<Index>(h.size()) ? h[static_cast<std::size_t>(i)] : 0.0;
  };
  std::vector<double> h(static_cast<std::size_t>(w.hi - w.lo + w.den));
  for (Index n = turn * w.den; n < (turn + 1) * w.den; ++n)
    for (Index m = wb.first(n); m <= wb.last(n); ++m)
      for (Index k = wa.first(m); k <= wa.last(m); ++k)
        if (const Index i = n * w.num - k * w.den + w.hi; i >= 0 && i < static_cast<Index>(h.size()))
          h[static_cast<std::size_t>(i)] += at(b, wb, n, m) * at(a, wa, m, k);
  return h;
}

// A bank and a table in sequence, each by its response in units of the rate between. Where a bank that comes
// first thins its frames, a tone reaches the table as what it is there, and frequencies that are the same
// there reach an output: the largest that the two leave of any.
std::pair<std::vector<double>, double> around_table(const Design& d) {
  constexpr Index points = 64, furthest = 16;
  const bool bank_first = d.before->bank != nullptr;
  const Design &bank = bank_first ? *d.before : *d.after, &table = bank_first ? *d.after : *d.before;
  const double pace = table.in_hz / table.out_hz,
               to_lower = static_cast<double>(points) * std::max(1.0, bank_first ? pace : 1 / pace);
  const std::vector<double> sharp = response(held(bank)),
                            loose =
                                response(impulse_response(table_filter(table.filter), to_lower, to_lower));
  const Index turns = bank_first ? bank.filter.M : 1, period = 2 * (static_cast<Index>(sharp.size()) - 1);
  const double unit = static_cast<double>(period) / static_cast<double>(turns);
  const auto of_bank = [&](Index i) {
    const Index at = i % period;
    return sharp[static_cast<std::size_t>(std::min(at, period - at))];
  };
  const auto of_table = [&](double frequency) {
    const double at = frequency * 2 * static_cast<double>(loose.size() - 1) / static_cast<double>(points);
    return loose[static_cast<std::size_t>(std::llround(at))];
  };
  std::vector<double> amplitude(static_cast<std::size_t>(static_cast<double>(furthest) * unit));
  for (std::size_t i = 0; i < amplitude.size(); ++i) {
    const double frequency = static_cast<double>(i) / unit;
    double largest = 0;
    for (Index turn = 0; turn < turns; ++turn)
      largest =
          std::max(largest, of_bank(static_cast<Index>(i) + std::llround(static_cast<double>(turn) * unit)));
    amplitude[i] = largest * of_table(frequency);
    if (2 * frequency < static_cast<double>(turns))
      amplitude[i] = std::max(amplitude[i], of_bank(static_cast<Index>(i)) *
                                                of_table(std::abs(frequency - std::round(frequency))));
  }
  return {amplitude, unit * std::min(d.in_hz, d.out_hz) / (2 * d.after->in_hz)};
}

// The amplitude response, and how many of its points the lower Nyquist frequency is. Of responses that
// alternate, the largest: none of the components that a tone leaves is larger.
std::pair<std::vector<double>, double> measured(const Design& d) {
  constexpr double longest = 1 << 19;
  if (d.before && (d.before->table || d.after->table)) return around_table(d);
  Filter f = d.filter;
  if (d.table || taps(f) * static_cast<double>(f.L) > longest) f = table_filter(f);
  std::vector<double> amplitude;
  if (d.table || d.blocks || f != d.filter) {
    amplitude = response(impulse_response(f));
  } else if (d.before) {
    const std::vector<double> a = held(*d.before), b = held(*d.after);
    const Index turns = Ratio(f.M * d.before->filter.L, d.before->filter.M).den;
    for (Index turn = 0; turn < turns; ++turn) {
      const std::vector<double> other = response(in_sequence(d, a, b, turn));
      if (amplitude.empty()) amplitude = other;
      for (std::size_t i = 0; i < other.size(); ++i) amplitude[i] = std::max(amplitude[i], other[i]);
    }
  } else {
    amplitude = response(held(d));
  }
  return {amplitude, static_cast<double>(amplitude.size() - 1) / static_cast<double>(std::max(f.L, f.M))};
}

}  // namespace

FilterResponse Resampler::achieved() const {
  FilterResponse r;
  if (design_->filter.L == design_->filter.M) return {std::numeric_limits<double>::infinity(), 1, 0};
  const auto [amplitude, nyquist] = measured(*design_);
  const double unity = amplitude[0];
  double stop = 0;
  bool inside = true;
  for (std::size_t i = 0; i < amplitude.size(); ++i) {
    const double f = static_cast<double>(i) / nyquist, gain = amplitude[i] / unity;
    if (f <= design_->filter.passband) r.ripple_db = std::max(r.ripple_db, std::abs(decibels(gain)));
    inside = inside && decibels(gain) >= -0.1;
    if (inside) r.passband = f;
    if (f >= 1) stop = std::max(stop, gain);
  }
  r.stopband_db = -decibels(stop);
  return r;
}

std::vector<double> Resampler::response_db(Index points, double highest) const {
  std::vector<double> db(static_cast<std::size_t>(std::max<Index>(points, 0)));
  if (design_->filter.L == design_->filter.M) return db;
  const auto [amplitude, nyquist] = measured(*design_);
  for (std::size_t i = 0; i < db.size(); ++i) {
    const double f = highest * static_cast<double>(i) / std::max(1.0, static_cast<double>(points - 1));
    const auto at = static_cast<std::size_t>(std::llround(f * nyquist));
    db[i] = decibels(at < amplitude.size() ? amplitude[at] / amplitude[0] : 0);
  }
  return db;
}

namespace op {

Op resample(Index channels, double in_hz, double out_hz, const ResampleOptions& options) {
  return Resampler(in_hz, out_hz, options).op(channels);
}

}  // namespace op

Signal resample(FramesView x, double in_hz, double out_hz, const ResampleOptions& options) {
  return op::resample(x.channels(), in_hz, out_hz, options)(x);
}

}  // namespace wavestride
