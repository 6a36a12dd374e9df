// The Python module. Arrays are [channels, frames] float32; memory goes through without a copy where a frame
// is contiguous in it, as in everything that the module returns.
#include <pybind11/stl/filesystem.h>
#include <unistd.h>
#include <wavestride/operators.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <variant>

#include "../large_pages.h"
#include "arguments.h"

using namespace py::literals;
using namespace wavestride;

namespace {

using Path = std::filesystem::path;

// Of a file that need not be given; but an empty path is none.
std::string path_or_none(const std::optional<Path>& path, const char* name) {
  if (path && path->empty()) throw std::invalid_argument(std::string(name) + " must not be an empty path");
  return path.value_or(Path()).string();
}

// Takes the interpreter's lock by `take`. Where the interpreter ends meanwhile, that ends the thread: it
// waits for the end of the process instead, since what it holds could not be let go without the lock.
template <class Take>
auto taken(Take take) {
  try {
    return take();
  } catch (...) {
    for (;;) pause();
  }
}

// Without the interpreter's lock.
class Without {
 public:
  Without() : state_(PyEval_SaveThread()) {}
  Without(const Without&) = delete;
  Without& operator=(const Without&) = delete;
  ~Without() {
    taken([&] { PyEval_RestoreThread(state_); });
  }

 private:
  PyThreadState* state_;
};

// With it, in a thread that may be without.
class With {
 public:
  With() : state_(taken(PyGILState_Ensure)) {}
  With(const With&) = delete;
  With& operator=(const With&) = delete;
  ~With() { PyGILState_Release(state_); }

 private:
  PyGILState_STATE state_;
};

// Runs what computes without the interpreter's lock.
template <class Work>
auto unlocked(Work work) {
  const Without lock;
  return work();
}

// Lets Ctrl-C end what runs without the lock.
void check_signals() {
  const With lock;
  if (PyErr_CheckSignals() != 0) throw py::error_already_set();
}

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds patience(100);  // of one who pressed Ctrl-C

// In multiply-adds, as many as take a value to memory and back; 1e9 mostly take less than that patience, and
// 1e6 less than to make what works through them.
constexpr double of_a_value = 16, little_work = 1e9, least_work = 1e6;

// What it takes to make `totals` frames of the outputs, of x.
double work_of(const Op& op, std::span<const FramesView> x, std::span<const Index> totals) {
  double values = 0;
  for (const FramesView& in : x) values += static_cast<double>(in.channels() * in.frames());
  for (std::size_t o = 0; o < totals.size(); ++o)
    values += static_cast<double>(op.out_channels(static_cast<Index>(o)) * totals[o]);
  return of_a_value * values + op.macs_per_frame() * static_cast<double>(totals[0]);
}

// Whether these are signals that it takes.
bool fits(const Op& op, std::span<const FramesView> x) {
  if (static_cast<Index>(x.size()) != op.inputs()) return false;
  for (std::size_t i = 0; i < x.size(); ++i)
    if (x[i].channels() != op.in_channels(static_cast<Index>(i))) return false;
  return true;
}

std::vector<Signal> room_for(const Op& op, std::span<const Index> frames) {
  std::vector<Signal> room;
  for (std::size_t o = 0; o < frames.size(); ++o)
    detail::prefer_large_pages(room.emplace_back(op.out_channels(static_cast<Index>(o)), frames[o]));
  return room;
}

// Pushes x in pieces, which gives the same bits, and lets Ctrl-C in between; `rest` is moved behind what came
// out. Inputs keep step.
void push_in_pieces(Stream& stream, std::span<const FramesView> x, double work,
                    std::vector<FramesSpan>& rest) {
  double done = 0, piece = 0.2 * little_work / work;  // as parts of the whole
  std::vector<FramesView> part(x.begin(), x.end());
  std::vector<Index> given(rest.size());
  while (done < 1) {
    const auto start = Clock::now();
    const double end = std::min(done + piece, 1.0);
    for (std::size_t i = 0; i < x.size(); ++i) {
      const auto up_to = [&](double of) {
        return static_cast<Index>(static_cast<double>(x[i].frames()) * of);
      };
      part[i] = x[i].slice(up_to(done), up_to(end) - up_to(done));
    }
    stream.push(part, rest, given);
    for (std::size_t o = 0; o < rest.size(); ++o)
      rest[o] = rest[o].slice(given[o], rest[o].frames() - given[o]);
    done = end;
    if (Clock::now() - start < patience) piece *= 2;
    check_signals();
  }
}

// stream.push(x), likewise, or stream.finish(x), which may have no x.
std::vector<Signal> push(Stream& stream, std::span<const FramesView> x, bool last) {
  const Op& op = stream.op();
  const auto at_once = [&] {
    if (!last) return stream.push(x);
    return x.empty() ? stream.finish_all() : stream.finish_all_with(x);
  };
  if (stream.finished() || !fits(op, x)) return at_once();  // which says what is wrong
  std::vector<Index> frames;
  for (const FramesView& in : x) frames.push_back(in.frames());
  std::vector<Index> given(static_cast<std::size_t>(op.outputs()));
  last ? stream.frames_at_finish(frames, given) : stream.frames_after(frames, given);
  const double work = work_of(op, x, given);
  if (work < little_work) return at_once();
  std::vector<Signal> y = room_for(op, given);
  std::vector<FramesSpan> rest(y.begin(), y.end());
  push_in_pieces(stream, x, work, rest);
  if (last) stream.finish(rest, given);
  return y;
}

// A stream that short signals pass through one after the other.
struct KeptStream {
  std::mutex busy;
  std::optional<Stream> stream;
};

// op(x), without the lock. What takes long passes through a stream, what is short through `kept` where that
// has no other to do.
std::vector<Signal> whole(const Op& op, std::span<const FramesView> x, KeptStream* kept = nullptr) {
  if (!op.streamable() || !fits(op, x)) return op(x);
  std::vector<Index> frames, totals;
  for (const FramesView& in : x) frames.push_back(in.frames());
  for (Index o = 0; o < op.outputs(); ++o) totals.push_back(op.total(frames, o));
  const double work = work_of(op, x, totals);
  std::unique_lock<std::mutex> mine;
  if (kept != nullptr && work < least_work) mine = std::unique_lock(kept->busy, std::try_to_lock);
  if (!mine && work < little_work) return op(x);
  std::vector<Signal> y = room_for(op, totals);
  std::vector<FramesSpan> rest(y.begin(), y.end());
  if (mine) {
    if (kept->stream)
      kept->stream->reset();
    else
      kept->stream = op.stream();
    kept->stream->finish_with(x, rest, totals);
    return y;
  }
  Stream stream = op.stream();
  push_in_pieces(stream, x, work, rest);
  stream.finish(rest, totals);
  return y;
}

Signal whole(const Op& op, FramesView x, KeptStream* kept = nullptr) {
  return std::move(whole(op, std::span<const FramesView>(&x, 1), kept).front());
}

// An operator that is made for a call, and the stream of short signals.
struct KeptOp {
  explicit KeptOp(Op its) : op(std::move(its)) {}
  Op op;
  KeptStream kept;

  Signal operator()(FramesView x) { return whole(op, x, &kept); }
};

// Those of the last calls, by what they are made of: to make one takes longer than a short signal does. With
// the interpreter's lock, which is all they need: a mutex that a thread holds while another forks would stay
// locked in the new process.
template <class Key>
class LastOps {
 public:
  template <class Make>
  std::shared_ptr<KeptOp> of(const Key& key, Make make) {
    if (auto known = find(key)) return known;
    auto made = unlocked([&] { return std::make_shared<KeptOp>(make()); });
    if (auto known = find(key)) return known;  // another thread has been quicker
    ops_.emplace(ops_.begin(), key, made);
    if (ops_.size() > most) ops_.pop_back();
    return made;
  }

 private:
  std::shared_ptr<KeptOp> find(const Key& key) {
    const auto at =
        std::find_if(ops_.begin(), ops_.end(), [&](const auto& each) { return each.first == key; });
    if (at == ops_.end()) return nullptr;
    std::rotate(ops_.begin(), at, at + 1);
    return ops_.front().second;
  }

  static constexpr std::size_t most = 4;
  std::vector<std::pair<Key, std::shared_ptr<KeptOp>>> ops_;
};

// The same of the operator that `make` makes.
template <class Make>
Signal run(const Frames& x, Make make) {
  return unlocked([&] { return whole(make(), x); });
}

// For a GriffinLimOptions: Ctrl-C ends it, too.
void check_signals_of(const GriffinLimProgress&) {
  thread_local Clock::time_point last;
  if (Clock::now() - last < patience) return;  // the lock may take as long as an iteration
  check_signals();
  last = Clock::now();
}

StftOptions stft_options(const py::object& n_fft, const py::object& hop_length, const py::object& win_length,
                         const py::object& window, bool center, const std::string& pad_mode, bool normalized,
                         bool onesided) {
  StftOptions o{.n_fft = number(n_fft, "n_fft"),
                .hop_length = positive_or_default(hop_length, "hop_length"),
                .win_length = positive_or_default(win_length, "win_length"),
                .window_type = WindowType::rectangular,
                .window = values_from(window, "window"),
                .center = center,
                .pad_mode = named<PadMode>(pad_mode, "pad_mode"),
                .normalized = normalized,
                .onesided = onesided};
  if (o.win_length == 0 && !o.window.empty()) o.win_length = static_cast<Index>(o.window.size());
  return o;
}

py::tuple pooled(MaxPooled result) {
  return py::make_tuple(array_of(std::move(result.values)), array_of(std::move(result.indices)));
}

py::object conv1d_of(const py::object& input, const py::object& weight, const py::object& bias,
                     const py::object& stride, const py::object& padding, const py::object& dilation,
                     const py::object& groups) {
  const Frames x(input);
  const Tensor w = tensor_from(weight, "weight");
  const std::vector<float> b = values_from(bias, "bias");
  Conv1dOptions o{.stride = number(stride, "stride"),
                  .dilation = number(dilation, "dilation"),
                  .groups = number(groups, "groups")};
  if (py::isinstance<py::str>(padding))
    o.padding = padding.cast<std::string>().c_str();
  else
    o.padding = number(padding, "padding");
  return array_of(run(x, [&] { return op::conv1d(w, b, o); }));
}

py::object conv_transpose1d_of(const py::object& input, const py::object& weight, const py::object& bias,
                               const py::object& stride, const py::object& padding,
                               const py::object& output_padding, const py::object& groups,
                               const py::object& dilation) {
  const Frames x(input);
  const Tensor w = tensor_from(weight, "weight");
  const std::vector<float> b = values_from(bias, "bias");
  const ConvTranspose1dOptions o{.stride = number(stride, "stride"),
                                 .padding = number(padding, "padding"),
                                 .output_padding = number(output_padding, "output_padding"),
                                 .groups = number(groups, "groups"),
                                 .dilation = number(dilation, "dilation")};
  return array_of(run(x, [&] { return op::conv_transpose1d(w, b, o); }));
}

py::object max_pool1d_of(const py::object& input, const py::object& kernel_size, const py::object& stride,
                         const py::object& padding, const py::object& dilation, bool ceil_mode,
                         bool return_indices) {
  const Frames x(input);
  const MaxPool1dOptions o{number(kernel_size, "kernel_size"), positive_or_default(stride, "stride"),
                           number(padding, "padding"), number(dilation, "dilation"), ceil_mode};
  if (return_indices) return pooled(unlocked([&] { return max_pool1d_with_indices(x, o); }));
  return array_of(run(x, [&] { return op::max_pool1d(x.view().channels(), o); }));
}

py::object max_unpool1d_of(const py::object& input, const py::object& indices, const py::object& kernel_size,
                           const py::object& stride, const py::object& padding,
                           const py::object& output_size) {
  const Frames x(input);
  const auto frames_of = array_from<Index, py::array::f_style>(indices, "indices");
  if (frames_of.ndim() != 2)
    throw py::value_error("indices must be [channels, frames], has shape " + shape_of(frames_of));
  const IndexSignal at =
      Eigen::Map<const IndexSignal>(frames_of.data(), frames_of.shape(0), frames_of.shape(1));
  const MaxUnpool1dOptions o{number(kernel_size, "kernel_size"), positive_or_default(stride, "stride"),
                             number(padding, "padding")};
  // torch takes the whole output shape, too: its last value counts.
  py::object size = output_size;
  if (has_parts(size) && py::len(size) > 1) size = size[py::int_(-1)];
  const auto frames = optional_number(size, "output_size");
  return array_of(unlocked([&] { return max_unpool1d(x, at, o, frames); }));
}

py::object avg_pool1d_of(const py::object& input, const py::object& kernel_size, const py::object& stride,
                         const py::object& padding, bool ceil_mode, bool count_include_pad) {
  const Frames x(input);
  const AvgPool1dOptions o{number(kernel_size, "kernel_size"), positive_or_default(stride, "stride"),
                           number(padding, "padding"), ceil_mode, count_include_pad};
  return array_of(run(x, [&] { return op::avg_pool1d(x.view().channels(), o); }));
}

py::object adaptive_max_pool1d_of(const py::object& input, const py::object& output_size,
                                  bool return_indices) {
  const Frames x(input);
  const Index size = number(output_size, "output_size");
  if (return_indices) return pooled(unlocked([&] { return adaptive_max_pool1d_with_indices(x, size); }));
  return array_of(unlocked([&] { return adaptive_max_pool1d(x, size); }));
}

py::object interpolate_of(const py::object& input, const py::object& size, const py::object& scale_factor,
                          const std::string& mode, const std::optional<bool>& align_corners) {
  const Frames x(input);
  InterpolateOptions o{.size = optional_number(size, "size"),
                       .mode = named<InterpolateMode>(mode, "mode"),
                       .align_corners = align_corners.value_or(false)};
  if (!scale_factor.is_none()) o.scale_factor = real(scale_factor, "scale_factor");
  return array_of(run(x, [&] { return op::interpolate(x.view().channels(), o); }));
}

py::object stft_of(const py::object& input, const py::object& n_fft, const py::object& hop_length,
                   const py::object& win_length, const py::object& window, bool center,
                   const std::string& pad_mode, bool normalized, bool onesided, bool return_complex) {
  if (!return_complex) throw py::value_error("return_complex must be True: spectra are complex64");
  const Samples x(input);
  const StftOptions o =
      stft_options(n_fft, hop_length, win_length, window, center, pad_mode, normalized, onesided);
  return array_of(unlocked([&] { return to_complex(whole(op::stft(o), x)); }));
}

py::object istft_of(const py::object& input, const py::object& n_fft, const py::object& hop_length,
                    const py::object& win_length, const py::object& window, bool center, bool normalized,
                    bool onesided, const py::object& length) {
  const auto bins = array_from<std::complex<float>, py::array::f_style>(input, "input");
  if (bins.ndim() != 2) throw py::value_error("input must be [bins, frames], has shape " + shape_of(bins));
  const StftOptions o =
      stft_options(n_fft, hop_length, win_length, window, center, "reflect", normalized, onesided);
  const auto frames = optional_number(length, "length");
  // Complex numbers are real and imaginary parts in turn.
  const FramesView x(reinterpret_cast<const float*>(bins.data()), 2 * bins.shape(0), bins.shape(1));
  return samples_of(unlocked([&] { return frames ? istft(x, o, frames) : whole(op::istft(o), x); }));
}

py::object griffin_lim_of(const py::object& specgram, const py::object& window, const py::object& n_fft,
                          const py::object& hop_length, const py::object& win_length, double power,
                          Index n_iter, double momentum, const py::object& length, bool rand_init,
                          const py::object& seed) {
  const Frames x(specgram, "specgram");
  const StftOptions o = stft_options(n_fft, hop_length, win_length, window, true, "reflect", false, true);
  const GriffinLimOptions how{.n_iter = n_iter,
                              .momentum = momentum,
                              .rand_init = rand_init,
                              .seed = seed_from(seed),
                              .progress = check_signals_of};
  const auto frames = optional_number(length, "length");
  return samples_of(unlocked([&] { return griffin_lim(x, o, power, how, frames); }));
}

Index not_negative(Index frames) {
  if (frames < 0) throw py::value_error("frames must not be negative, got " + std::to_string(frames));
  return frames;
}

// What is of one call at a time: its lock keeps Python threads apart while none holds the interpreter's.
// Ctrl-C ends the wait for it.
class OneAtATime {
 public:
  template <class Work>
  auto locked(Work work) {
    const Without lock;
    std::unique_lock guard(busy_, patience);
    while (!guard.owns_lock()) {
      check_signals();
      if (process_ != getpid())
        throw std::runtime_error("a thread was at work on it when this process was forked: make another");
      guard.try_lock_for(patience);
    }
    process_ = getpid();
    return work();
  }

 private:
  std::timed_mutex busy_;
  std::atomic<pid_t> process_{getpid()};  // of the last call
};

struct PyStream : OneAtATime {
  PyStream(const Op& op, Index threads) : stream(unlocked([&] { return op.stream({.threads = threads}); })) {}
  Stream stream;

  py::object push(std::span<const FramesView> inputs, bool last = false) {
    return arrays_of(locked([&] { return ::push(stream, inputs, last); }));
  }

  // A number, or of several outputs a tuple.
  py::object frames_after(Index frames) {
    const std::vector<Index> n(static_cast<std::size_t>(stream.op().inputs()), not_negative(frames));
    std::vector<Index> out(static_cast<std::size_t>(stream.op().outputs()));
    locked([&] { stream.frames_after(n, out); });
    return out.size() == 1 ? py::object(py::int_(out[0])) : py::object(py::tuple(py::cast(out)));
  }
};

struct PyVarispeed : OneAtATime {
  PyVarispeed(Index channel_count, double speed, const std::string& quality)
      : varispeed(channel_count, speed, named<Quality>(quality, "quality")), channels(channel_count) {}
  Varispeed varispeed;
  Index channels;

  py::object push(const Frames& input) {
    const FramesView x = input;
    if (x.channels() != channels && x.frames() > 0)
      throw py::value_error("input must have " + std::to_string(channels) + " channels, has " +
                            std::to_string(x.channels()));
    return array_of(locked([&] { return push_in_pieces(x); }));
  }

 private:
  // Ctrl-C ends what takes long.
  Signal push_in_pieces(FramesView x) {
    const Index piece = std::max<Index>(1, Index{1 << 19} / channels);
    if (x.frames() <= piece) return varispeed.push(x);
    Signal y(channels, varispeed.frames_after(x.frames()));
    const FramesSpan out(y);
    Index done = 0;
    for (Index n = 0; n < x.frames(); n += piece) {
      const Signal made = varispeed.push(x.slice(n, std::min(piece, x.frames() - n)));
      std::copy_n(made.data(), made.size(), out.frame(done));
      done += made.cols();
      check_signals();
    }
    return y;
  }
};

// An operator, with what it was made of.
struct PyOp : Op {
  PyOp(std::string operator_name, OperatorSettings its)
      : Op(op::by_name(operator_name, its)), made_as(std::move(operator_name)), settings(std::move(its)) {}
  std::string made_as;
  OperatorSettings settings;
  std::shared_ptr<KeptStream> kept = std::make_shared<KeptStream>();

  py::object call(std::span<const FramesView> inputs) const {
    return arrays_of(unlocked([&] { return whole(*this, inputs, kept.get()); }));
  }

  py::tuple state() const {
    py::dict arrays;
    for (const auto& [name, tensor] : settings.arrays)
      arrays[py::str(name)] = py::array_t<float>(tensor.shape, tensor.data.data());
    return py::make_tuple(made_as, settings.channels, settings.options, arrays);
  }
  static PyOp of(const py::tuple& state) {
    OperatorSettings settings{.channels = state[1].cast<std::vector<Index>>(),
                              .options = state[2].cast<std::map<std::string, std::string, std::less<>>>()};
    for (const auto& [name, values] : state[3].cast<std::map<std::string, py::object>>())
      settings.arrays.emplace(name, tensor_from(values, name.c_str()));
    return {state[0].cast<std::string>(), std::move(settings)};
  }
};

// A value without parts as `wavestride apply` takes it. That of a tensor is its item(), numpy's are written
// alike.
std::string text_of(const py::object& value) {
  const bool tensor = py::hasattr(value, "item") && !py::hasattr(value, "__array_interface__");
  std::string text = py::str(tensor ? value.attr("item")() : value);
  return text == "True" ? "true" : text == "False" ? "false" : text;
}

bool takes_array(std::string_view option) {
  return std::ranges::any_of(known_operators(), [&](const OperatorInfo& info) {
    return std::ranges::any_of(
        info.options, [&](const OperatorOption& o) { return o.name == option && o.values == "ARRAY"; });
  });
}

OperatorSettings settings_of(std::vector<Index> channels, const py::kwargs& options) {
  OperatorSettings settings{.channels = std::move(channels)};
  for (const auto& [key, handle] : options) {
    const auto value = py::reinterpret_borrow<py::object>(handle);
    auto name = py::cast<std::string>(key);
    if (value.is_none()) continue;  // not given
    std::string option = name;
    std::replace(option.begin(), option.end(), '_', '-');
    if (takes_array(option)) {
      settings.arrays.emplace(std::move(option), tensor_from(value, name.c_str()));
      continue;
    }
    std::string text;
    if (has_parts(value)) {
      for (const py::handle part : value)
        text += (text.empty() ? "" : ",") + text_of(py::reinterpret_borrow<py::object>(part));
    } else {
      text = text_of(value);
    }
    settings.options.emplace(std::move(option), std::move(text));
  }
  return settings;
}

// A resampler, with what it was made of.
struct PyResampler : Resampler {
  PyResampler(double in, double out, const ResampleOptions& its)
      : Resampler(in, out, its), in_rate(in), out_rate(out), options(its) {}
  double in_rate, out_rate;
  ResampleOptions options;
  std::shared_ptr<LastOps<Index>> last = std::make_shared<LastOps<Index>>();

  std::shared_ptr<KeptOp> kept(Index channels) const {
    return last->of(channels, [&] { return op(channels); });
  }

  static PyResampler make(double in_rate, double out_rate, const std::string& quality,
                          std::optional<double> stopband_db, std::optional<double> passband,
                          std::optional<double> max_delay_s, const std::string& phase, bool causal,
                          const std::string& goal) {
    const ResampleOptions o{.quality = named<Quality>(quality, "quality"),
                            .stopband_db = stopband_db,
                            .passband = passband,
                            .max_delay_s = max_delay_s,
                            .phase = named<Phase>(phase, "phase"),
                            .causal = causal,
                            .goal = named<Goal>(goal, "goal")};
    return unlocked([&] { return PyResampler(in_rate, out_rate, o); });
  }

  // What make() takes.
  using State = std::tuple<double, double, std::string, std::optional<double>, std::optional<double>,
                           std::optional<double>, std::string, bool, std::string>;
  State state() const {
    return {in_rate,
            out_rate,
            word_of(options.quality),
            options.stopband_db,
            options.passband,
            options.max_delay_s,
            word_of(options.phase),
            options.causal,
            word_of(options.goal)};
  }
};

// The settings of a MelOptions that Python has, by their names there.
using MelSetting = std::variant<Index MelOptions::*, double MelOptions::*, std::vector<float> MelOptions::*,
                                MelFraming MelOptions::*, MelScale MelOptions::*, MelNorm MelOptions::*,
                                LogKind MelOptions::*>;
const Named<MelSetting> mel_settings = {
    {"sample_rate", &MelOptions::sample_rate},
    {"prefilter", &MelOptions::prefilter},
    {"n_fft", &MelOptions::n_fft},
    {"hop_length", &MelOptions::hop_length},
    {"win_length", &MelOptions::win_length},
    {"framing", &MelOptions::framing},
    {"power", &MelOptions::power},
    {"epsilon", &MelOptions::epsilon},
    {"n_mels", &MelOptions::n_mels},
    {"f_min", &MelOptions::f_min},
    {"f_max", &MelOptions::f_max},
    {"mel_scale", &MelOptions::mel_scale},
    {"norm", &MelOptions::norm},
    {"log", &MelOptions::log},
    {"floor", &MelOptions::floor},
    {"scale", &MelOptions::scale},
    {"offset", &MelOptions::offset},
    {"clip_low", &MelOptions::clip_low},
    {"clip_high", &MelOptions::clip_high},
    {"peak_range", &MelOptions::peak_range},
};

template <class T>
void set(T& setting, const py::object& value, const char* name) {
  if constexpr (std::is_same_v<T, Index>)
    setting = number(value, name);
  else if constexpr (std::is_same_v<T, double>)
    setting = real(value, name);
  else if constexpr (std::is_enum_v<T>)
    setting = named<T>(py::str(value), name);
  else
    setting = values_from(value, name);
}

template <class T>
py::object object_of(const T& setting) {
  if constexpr (std::is_enum_v<T>)
    return py::str(word_of(setting));
  else
    return py::cast(setting);
}

// Without a preset MelOptions' own values.
MelOptions mel_options(const std::optional<std::string>& preset, const py::dict& given) {
  MelOptions options = preset ? mel_preset(*preset) : MelOptions();
  for (const auto& [key, value] : given) {
    const auto wanted = py::cast<std::string>(key);
    const auto known = std::find_if(mel_settings.begin(), mel_settings.end(),
                                    [&](const auto& setting) { return wanted == setting.first; });
    if (known == mel_settings.end())
      throw py::type_error("no option " + wanted + "; there are " + names_of(mel_settings));
    const auto object = py::reinterpret_borrow<py::object>(value);
    std::visit([&, name = known->first](auto member) { set(options.*member, object, name); }, known->second);
  }
  return options;
}

// A mel front end, with what it was made of.
struct MelSpectrogram {
  MelSpectrogram(std::optional<std::string> named, const py::dict& given)
      : preset(std::move(named)), options(mel_options(preset, given)), op(op::mel_spectrogram(options)) {
    if (options.peak_range == 0) return;
    MelOptions open = options;
    open.peak_range = 0;
    without_peak = op::mel_spectrogram(open);
  }
  std::optional<std::string> preset;
  MelOptions options;
  Op op, without_peak = op;  // which has a stream
  std::shared_ptr<KeptStream> kept = std::make_shared<KeptStream>();

  // What peak_range does to the whole signal comes last, so that Ctrl-C can end what is before.
  Signal operator()(FramesView x) const {
    Signal y = whole(without_peak, x, kept.get());
    if (options.peak_range == 0 || y.size() == 0) return y;
    const std::span<float> values(y.data(), static_cast<std::size_t>(y.size()));
    const float least = *std::max_element(values.begin(), values.end()) -
                        static_cast<float>(options.peak_range * options.scale);
    for (float& v : values) v = std::max(v, least);
    return y;
  }

  // The one of these options; by the name of their preset, where there is one.
  static MelSpectrogram of(const MelOptions& options) {
    const auto presets = mel_presets();
    const bool named = std::any_of(presets.begin(), presets.end(),
                                   [&](const MelOptions& preset) { return preset.name == options.name; });
    py::dict all;
    for (const auto& [name, setting] : mel_settings)
      std::visit([&, key = name](auto member) { all[key] = object_of(options.*member); }, setting);
    return {named ? std::optional(options.name) : std::nullopt, all};
  }

  // All settings, or those that differ from the preset's.
  py::dict settings(bool all) const {
    const MelOptions usual = mel_options(preset, {});
    py::dict result;
    for (const auto& [name, setting] : mel_settings)
      std::visit(
          [&, key = name](auto member) {
            if (all || options.*member != usual.*member) result[key] = object_of(options.*member);
          },
          setting);
    return result;
  }
};

// A model, with what load_model() made it of.
struct PyModel : Model {
  PyModel(Model model, py::dict its) : Model(std::move(model)), made_of(std::move(its)) {}
  py::dict made_of;

  static PyModel of(const py::dict& its) {
    return py::module_::import("wavestride").attr("load_model")(**its).cast<PyModel>();
  }
};

struct PyCodecEncoder : CodecEncoder {
  PyCodecEncoder(CodecEncoder encoder, py::dict its)
      : CodecEncoder(std::move(encoder)), made_of(std::move(its)) {}
  py::dict made_of;

  static PyCodecEncoder of(const py::dict& its) {
    return py::module_::import("wavestride").attr("load_codec_encoder")(**its).cast<PyCodecEncoder>();
  }
};

// That of a file that is there stays what it is where another folder is the current one.
std::optional<Path> lasting(const std::optional<Path>& path) {
  std::error_code ignored;
  return path && exists(*path, ignored) ? absolute(*path) : path;
}

// "wavestride.NAME(1, 'two', three=3)".
std::string call_text(const char* name, const py::tuple& values, const py::dict& by_name = {}) {
  std::string text;
  for (const py::handle value : values) text += (text.empty() ? "" : ", ") + std::string(py::repr(value));
  for (const auto& [key, value] : by_name)
    text += (text.empty() ? "" : ", ") + std::string(py::str(key)) + "=" + std::string(py::repr(value));
  return "wavestride." + std::string(name) + "(" + text + ")";
}

// Protocols 0 and 1 of pickle make an instance of the base that pybind11 gives its classes, which ends the
// process: they get what later ones save.
void pickle_by_later_protocols(const py::module_& m) {
  for (const auto& [name, value] : py::dict(m.attr("__dict__")))
    if (py::isinstance<py::type>(value))
      value.attr("__reduce_ex__") = py::cpp_function(
          [](const py::object& self, int protocol) {
            const py::handle object(reinterpret_cast<PyObject*>(&PyBaseObject_Type));
            return object.attr("__reduce_ex__")(self, std::max(protocol, 2));
          },
          py::name("__reduce_ex__"), py::is_method(value));
}

}  // namespace

PYBIND11_MODULE(_wavestride, m) {
  m.attr("__version__") = WAVESTRIDE_VERSION;
  py::register_exception_translator([](std::exception_ptr thrown) {
    const auto errors = [] { return py::module_::import("wavestride._errors"); };
    try {
      if (thrown) std::rethrow_exception(thrown);
    } catch (const IoError& e) {
      const py::object error =
          errors().attr("io_error")(py::bytes(e.path()), py::bytes(e.reason()), py::bytes(e.what()));
      PyErr_SetObject(py::type::handle_of(error).ptr(), error.ptr());
    } catch (const NotStreamable& e) {
      PyErr_SetString(errors().attr("NotStreamable").ptr(), e.what());
    }
  });

  const py::object none = py::none();
  m.def("conv1d", conv1d_of, "input"_a, "weight"_a, "bias"_a = none, "stride"_a = 1, "padding"_a = 0,
        "dilation"_a = 1, "groups"_a = 1,
        "torch.nn.functional.conv1d of [in, frames]; weight [out, in/groups, kernel]. padding is a number, "
        "'same' or 'valid'.");
  m.def("conv_transpose1d", conv_transpose1d_of, "input"_a, "weight"_a, "bias"_a = none, "stride"_a = 1,
        "padding"_a = 0, "output_padding"_a = 0, "groups"_a = 1, "dilation"_a = 1,
        "torch.nn.functional.conv_transpose1d of [in, frames]; weight [in, out/groups, kernel].");
  m.def("max_pool1d", max_pool1d_of, "input"_a, "kernel_size"_a, "stride"_a = none, "padding"_a = 0,
        "dilation"_a = 1, "ceil_mode"_a = false, "return_indices"_a = false,
        "torch.nn.functional.max_pool1d; with return_indices also the frame of each maximum, int64.");
  m.def("max_unpool1d", max_unpool1d_of, "input"_a, "indices"_a, "kernel_size"_a, "stride"_a = none,
        "padding"_a = 0, "output_size"_a = none, "torch.nn.functional.max_unpool1d.");
  m.def("avg_pool1d", avg_pool1d_of, "input"_a, "kernel_size"_a, "stride"_a = none, "padding"_a = 0,
        "ceil_mode"_a = false, "count_include_pad"_a = true, "torch.nn.functional.avg_pool1d.");
  m.def(
      "adaptive_avg_pool1d",
      [](const py::object& input, const py::object& output_size) {
        const Frames x(input);
        const Index size = number(output_size, "output_size");
        return array_of(unlocked([&] { return adaptive_avg_pool1d(x, size); }));
      },
      "input"_a, "output_size"_a, "torch.nn.functional.adaptive_avg_pool1d.");
  m.def("adaptive_max_pool1d", adaptive_max_pool1d_of, "input"_a, "output_size"_a, "return_indices"_a = false,
        "torch.nn.functional.adaptive_max_pool1d.");
  m.def("interpolate", interpolate_of, "input"_a, "size"_a = none, "scale_factor"_a = none,
        "mode"_a = "nearest", "align_corners"_a = none,
        "torch.nn.functional.interpolate over frames; mode 'nearest', 'nearest-exact' or 'linear'.");
  m.def(
      "pixel_shuffle1d",
      [](const py::object& input, const py::object& upscale_factor) {
        const Frames x(input);
        const Index factor = number(upscale_factor, "upscale_factor");
        return array_of(run(x, [&] { return op::pixel_shuffle1d(x.view().channels(), factor); }));
      },
      "input"_a, "upscale_factor"_a,
      "torch.nn.functional.pixel_shuffle in one dimension: [C*r, frames] to [C, r*frames].");
  m.def(
      "pixel_unshuffle1d",
      [](const py::object& input, const py::object& downscale_factor) {
        const Frames x(input);
        const Index factor = number(downscale_factor, "downscale_factor");
        return array_of(run(x, [&] { return op::pixel_unshuffle1d(x.view().channels(), factor); }));
      },
      "input"_a, "downscale_factor"_a, "Undoes pixel_shuffle1d: [C, r*frames] to [C*r, frames].");
  m.def(
      "spatial_pyramid_pool1d",
      [](const py::object& input, const std::vector<Index>& levels, const std::string& pooling) {
        const Frames x(input);
        const auto kind = named<Pooling>(pooling, "pooling");
        return array_of(unlocked([&] { return spatial_pyramid_pool1d(x, levels, kind); }));
      },
      "input"_a, "levels"_a, "pooling"_a = "max",
      "A vector [C*sum(levels), 1] of any number of frames: for each level its adaptively pooled bins.");

  m.def("stft", stft_of, "input"_a, "n_fft"_a, "hop_length"_a = none, "win_length"_a = none,
        "window"_a = none, "center"_a = true, "pad_mode"_a = "reflect", "normalized"_a = false,
        "onesided"_a = true, "return_complex"_a = true,
        "torch.stft(..., return_complex=True) of samples [frames]: complex64 [bins, frames]. As there, no "
        "window is a rectangular one.");
  m.def("istft", istft_of, "input"_a, "n_fft"_a, "hop_length"_a = none, "win_length"_a = none,
        "window"_a = none, "center"_a = true, "normalized"_a = false, "onesided"_a = true, "length"_a = none,
        "torch.istft: complex64 [bins, frames] to samples.");
  m.def("griffin_lim", griffin_lim_of, "specgram"_a, "window"_a, "n_fft"_a, "hop_length"_a = none,
        "win_length"_a = none, "power"_a = 2.0, "n_iter"_a = 32, "momentum"_a = 0.99, "length"_a = none,
        "rand_init"_a = true, "seed"_a = 0,
        "torchaudio.functional.griffinlim: samples from magnitudes to a power, [bins, frames].");

  py::class_<PyStream>(m, "Stream",
                       "One signal passing through one operator. What it gives, one after the other, has the "
                       "same bits however the signal is cut, and equals the operator's whole-signal result.")
      .def(
          "push",
          [](PyStream& s, const py::object& input) {
            const Frames x(input);
            return s.push({&x.view(), 1});
          },
          "input"_a,
          "Takes any number of frames [channels, frames]; gives those that became ready. A push that Ctrl-C "
          "ends has taken a part: reset() begins anew.")
      .def(
          "push", [](PyStream& s, const py::args& inputs) { return s.push(ManyFrames(inputs).views()); },
          "The same of several inputs. Of several outputs a tuple.")
      .def(
          "finish", [](PyStream& s, const py::args& last) { return s.push(ManyFrames(last).views(), true); },
          "Ends the signal, behind the last frames of each input if any are given; gives the remaining ones, "
          "of "
          "several outputs a tuple.")
      .def(
          "reset", [](PyStream& s) { s.locked([&] { s.stream.reset(); }); }, "Begins a new signal.")
      .def("frames_after", &PyStream::frames_after, "frames"_a,
           "Frames that a push of so many (to each input) would give now; of several outputs a tuple.")
      .def_property_readonly(
          "received", [](PyStream& s) { return s.locked([&] { return s.stream.received(); }); },
          "Frames taken since the start or the last reset.")
      .def_property_readonly(
          "emitted", [](PyStream& s) { return s.locked([&] { return s.stream.emitted(); }); },
          "Frames given since then.")
      .def_property_readonly(
          "finished", [](PyStream& s) { return s.locked([&] { return s.stream.finished(); }); },
          "Whether finish() was called since then: no more is taken until a reset.")
      .def_property_readonly(
          "latency_frames", [](const PyStream& s) { return s.stream.op().latency_frames(); },
          "How far the output lags at worst, in output frames.")
      .def("__repr__",
           [](const PyStream& s) { return "<wavestride.Stream of " + s.stream.op().name() + ">"; });

  const auto on_threads = "threads"_a = 1;  // 0: as many as there are cores; they never change a bit
  py::class_<PyOp>(
      m, "Op",
      "An operator that is configured once: called on whole signals, or streamed. operator() makes "
      "it; it can be pickled.")
      .def(
          "__call__",
          [](const PyOp& o, const py::object& input) {
            const Frames x(input);
            if (o.inputs() != 1 || o.outputs() != 1) return o.call({&x.view(), 1});
            return array_like(x, unlocked([&] { return whole(o, x, o.kept.get()); }));
          },
          "input"_a,
          "The whole signal: [in_channels, frames] to [out_channels, ...]; of [frames] also [frames], where "
          "that is one channel.")
      .def(
          "__call__",
          [](const PyOp& o, const py::args& inputs) { return o.call(ManyFrames(inputs).views()); },
          "The same of several inputs. Of several outputs a tuple.")
      .def(
          "stream", [](const PyOp& o, Index threads) { return std::make_unique<PyStream>(o, threads); },
          on_threads,
          "A stream; raises NotStreamable, with the reason, where an output needs the whole signal.")
      .def("__repr__", [](const PyOp& o) { return "<wavestride.Op " + o.name() + ">"; })
      .def(py::pickle([](const PyOp& o) { return o.state(); }, &PyOp::of))
      .def_property_readonly("name", &PyOp::name, "Kind and shapes, as errors call it.")
      .def_property_readonly(
          "in_channels", [](const PyOp& o) { return o.in_channels(); }, "Of the first input.")
      .def_property_readonly(
          "out_channels", [](const PyOp& o) { return o.out_channels(); }, "Of the first output.")
      .def_property_readonly("latency_frames", &PyOp::latency_frames,
                             "How far the output lags at worst, in output frames.")
      .def_property_readonly("lookahead_frames", &PyOp::lookahead_frames,
                             "Input frames that must come after an output frame's own position, at worst.")
      .def_property_readonly("receptive_field", &PyOp::receptive_field,
                             "Input frames that one output frame depends on.")
      .def(
          "total", [](const PyOp& o, Index frames) { return o.total(not_negative(frames)); }, "frames"_a,
          "Output frames of so many input frames.");
  m.def(
      "operator",
      [](const std::string& name, const std::variant<Index, std::vector<Index>>& channels,
         const py::kwargs& options) {
        const Index* one = std::get_if<Index>(&channels);
        return PyOp(name,
                    settings_of(one ? std::vector{*one} : std::get<std::vector<Index>>(channels), options));
      },
      "name"_a, "channels"_a,
      "An Op by name, with options as torch.nn.functional names them: operator('conv1d', 80, weight=w,\n"
      "stride=2). `channels` of each input, where there are several: operator('add', [80, 80]). None: not\n"
      "given. What there is, operators or options of one, is listed by the ValueError on an unknown name,\n"
      "and by `wavestride apply --list` and `wavestride apply NAME --help`.");

  py::class_<PyResampler>(m, "Resampler", "A designed sample-rate conversion, of any number of channels.")
      .def(py::init(&PyResampler::make), "in_rate"_a, "out_rate"_a, "quality"_a = "standard", py::kw_only(),
           "stopband_db"_a = none, "passband"_a = none, "max_delay_s"_a = none, "phase"_a = "linear",
           "causal"_a = false, "goal"_a = "low_latency",
           "Rates in Hz; quality 'fast', 'standard', 'best' or 'steep', or instead of the quality's "
           "stopband_db (20 to 160) and passband (0.05 to 0.995 of the lower Nyquist frequency); max_delay_s "
           "is the most that the filter may delay. phase 'minimum' does not ring before an impulse; causal "
           "leaves the filter's delay in the output instead of reading ahead: output_delay_s tells. goal "
           "'throughput' "
           "takes less time for the wait until a block is there.")
      .def(
          "__call__",
          [](const PyResampler& r, const py::object& input) {
            const Frames x(input);
            const auto kept = r.kept(x.view().channels());
            return array_like(x, unlocked([&] { return (*kept)(x); }));
          },
          "input"_a, "[channels, frames] or [frames] at the other rate.")
      .def(
          "stream",
          [](const PyResampler& r, Index channels, Index threads) {
            return std::make_unique<PyStream>(r.op(channels), threads);
          },
          "channels"_a = 1, on_threads, "A stream of so many channels.")
      .def("__repr__",
           [](const PyResampler& r) {
             py::dict given;
             const ResampleOptions usual;
             const auto add = [&](const char* name, const auto& value, const auto& otherwise) {
               if (value != otherwise) given[name] = value;
             };
             add("stopband_db", r.options.stopband_db, usual.stopband_db);
             add("passband", r.options.passband, usual.passband);
             add("max_delay_s", r.options.max_delay_s, usual.max_delay_s);
             add("phase", std::string(word_of(r.options.phase)), word_of(usual.phase));
             add("causal", r.options.causal, usual.causal);
             add("goal", std::string(word_of(r.options.goal)), word_of(usual.goal));
             return call_text("Resampler", py::make_tuple(r.in_rate, r.out_rate, word_of(r.options.quality)),
                              given);
           })
      .def(py::pickle([](const PyResampler& r) { return r.state(); },
                      [](const PyResampler::State& state) { return std::apply(&PyResampler::make, state); }))
      .def_property_readonly("taps", &PyResampler::taps, "Input frames that an output frame reads.")
      .def_property_readonly("filter_delay_s", &PyResampler::filter_delay_s,
                             "How far ahead the filter reads, or with `causal` how far it lags, seconds.")
      .def_property_readonly(
          "output_delay_s", &PyResampler::output_delay_s,
          "Delay of the output against the input at low frequencies, seconds: 0 for linear "
          "phase, less than an input frame for minimum phase, filter_delay_s when causal.")
      .def_property_readonly("passband_edge", &PyResampler::passband_edge, "Of the lower Nyquist frequency.")
      .def_property_readonly(
          "stopband_db", &PyResampler::stopband_db,
          "Least attenuation from the lower Nyquist frequency on that was designed for, dB.");
  m.def(
      "resample",
      [](const py::object& input, double in_rate, double out_rate, const std::string& quality,
         const std::string& goal) {
        const Frames x(input, "x");
        const ResampleOptions o{.quality = named<Quality>(quality, "quality"),
                                .goal = named<Goal>(goal, "goal")};
        // Not destroyed: threads may still run when the process ends.
        static auto& last = *new LastOps<std::tuple<Index, double, double, Quality, Goal>>;
        const Index channels = x.view().channels();
        const auto kept = last.of({channels, in_rate, out_rate, o.quality, o.goal},
                                  [&] { return op::resample(channels, in_rate, out_rate, o); });
        return array_like(x, unlocked([&] { return (*kept)(x); }));
      },
      "x"_a, "in_rate"_a, "out_rate"_a, "quality"_a = "standard", "goal"_a = "low_latency",
      "[channels, frames] or [frames] at another sample rate, aligned in time: ceil(frames*out/in) frames.\n"
      "quality: 'fast', 'standard', 'best' or 'steep', goal: 'low_latency' or 'throughput', which is the\n"
      "faster for long signals: see Resampler, which has further settings and streams.");

  py::class_<PyVarispeed>(m, "Varispeed",
                          "Sample-rate conversion by a ratio that changes while it runs: clock drift, speed, "
                          "pitch. What it gives has the same bits however the signal is cut.")
      .def(py::init<Index, double, const std::string&>(), "channels"_a = 1, "speed"_a = 1.0,
           "quality"_a = "standard",
           "speed: input frames per output frame, 1/16 to 16. The filter is that of the quality at every "
           "speed.")
      .def(
          "push", [](PyVarispeed& v, const py::object& input) { return v.push(Frames(input)); }, "input"_a,
          "Takes any number of frames [channels, frames]; gives those that became ready. A push that Ctrl-C "
          "ends has taken a part: reset() begins anew.")
      .def(
          "finish", [](PyVarispeed& v) { return array_of(v.locked([&] { return v.varispeed.finish(); })); },
          "Ends the signal, gives the remaining frames.")
      .def(
          "reset", [](PyVarispeed& v) { v.locked([&] { v.varispeed.reset(); }); },
          "Begins a new signal at the first speed.")
      .def(
          "set_speed",
          [](PyVarispeed& v, double speed, Index ramp_frames) {
            v.locked([&] { v.varispeed.set_speed(speed, ramp_frames); });
          },
          "speed"_a, "ramp_frames"_a = 0,
          "Changes the speed from the next frame that is pushed, linearly over so many input frames.")
      .def(
          "frames_after",
          [](PyVarispeed& v, Index frames) {
            return v.locked([&, n = not_negative(frames)] { return v.varispeed.frames_after(n); });
          },
          "frames"_a, "Frames that a push of so many would give now.")
      .def(
          "lookahead_frames",
          [](const PyVarispeed& v, double speed) { return v.varispeed.lookahead_frames(speed); }, "speed"_a,
          "Input frames that an output frame reads ahead at a speed.")
      .def_property_readonly(
          "speed", [](PyVarispeed& v) { return v.locked([&] { return v.varispeed.speed(); }); },
          "At the next frame that is pushed.")
      .def_property_readonly(
          "received", [](PyVarispeed& v) { return v.locked([&] { return v.varispeed.received(); }); },
          "Frames taken since the start or the last reset.")
      .def_property_readonly(
          "emitted", [](PyVarispeed& v) { return v.locked([&] { return v.varispeed.emitted(); }); },
          "Frames given since then.")
      .def("__repr__", [](PyVarispeed& v) {
        return "<wavestride.Varispeed of " + std::to_string(v.channels) + " channels>";
      });

  py::class_<MelSpectrogram>(
      m, "MelSpectrogram",
      "A mel front end by the name of its preset, 'whisper-16k', 'hifigan-22k', ..., with options instead of "
      "the preset's: clip(scale * log(max(bands(sqrt(re**2 + im**2 + epsilon)**power), floor)) + offset).")
      .def(py::init([](std::optional<std::string> preset, const py::kwargs& options) {
             return MelSpectrogram(std::move(preset), options);
           }),
           "preset"_a = none,
           "Options: sample_rate (Hz); prefilter (taps that the signal passes first; [1, -0.97] is a\n"
           "pre-emphasis); n_fft, hop_length, win_length (samples; 0: n_fft); framing: 'center' makes\n"
           "1 + T//hop_length frames of T samples, 'tight' and 'drop_last' T//hop_length; power, epsilon;\n"
           "n_mels, f_min, f_max (Hz; 0: sample_rate/2); mel_scale 'slaney' or 'htk'; norm 'slaney' or\n"
           "'none' (or None); log 'ln', 'log10' or 'db' (20*log10); floor, scale, offset, clip_low,\n"
           "clip_high; peak_range: values are raised to the maximum of the whole signal less so much; 0:\n"
           "not at all, which streaming needs. Without a preset: n_fft 1024, hop_length 256, 80 bands, ln\n"
           "of magnitudes at 16 kHz.")
      .def(
          "__call__",
          [](const MelSpectrogram& mel, const py::object& input) {
            const Samples x(input);
            return array_of(unlocked([&] { return mel(x); }));
          },
          "input"_a, "Samples [frames] at sample_rate to [n_mels, frames].")
      .def(
          "stream",
          [](const MelSpectrogram& mel, Index threads) {
            return std::make_unique<PyStream>(mel.op, threads);
          },
          on_threads, "A stream of samples [1, frames]; raises NotStreamable unless peak_range is 0.")
      .def(
          "griffin_lim",
          [](const MelSpectrogram& mel, const py::object& input, Index n_iter, const py::object& seed) {
            const Frames x(input, "mel");
            const GriffinLimOptions how{
                .n_iter = n_iter, .seed = seed_from(seed), .progress = check_signals_of};
            return samples_of(unlocked([&] { return vocode_griffin_lim(x, mel.options, how); }));
          },
          "mel"_a, "n_iter"_a = 32, "seed"_a = 0, "Samples from features [n_mels, frames].")
      .def("__repr__",
           [](const MelSpectrogram& mel) {
             return call_text("MelSpectrogram", mel.preset ? py::make_tuple(*mel.preset) : py::tuple(),
                              mel.settings(false));
           })
      .def(py::pickle(
          [](const MelSpectrogram& mel) { return py::make_tuple(mel.preset, mel.settings(false)); },
          [](const py::tuple& state) {
            return MelSpectrogram(state[0].cast<std::optional<std::string>>(), state[1].cast<py::dict>());
          }))
      .def_property_readonly(
          "preset", [](const MelSpectrogram& mel) { return mel.preset; }, "Its name, or None.")
      .def_property_readonly(
          "options", [](const MelSpectrogram& mel) { return mel.settings(true); },
          "All options as they are, by name: MelSpectrogram(**options) is the same.")
      .def_property_readonly(
          "sample_rate", [](const MelSpectrogram& mel) { return mel.options.sample_rate; }, "Hz.")
      .def_property_readonly(
          "hop_length", [](const MelSpectrogram& mel) { return mel.options.hop_length; },
          "Samples from frame to frame.")
      .def_property_readonly(
          "n_mels", [](const MelSpectrogram& mel) { return mel.options.n_mels; }, "Bands.");
  m.def(
      "mel_presets",
      [] {
        std::vector<std::string> names;
        for (const MelOptions& preset : mel_presets()) names.push_back(preset.name);
        return names;
      },
      "Names that MelSpectrogram takes.");
  m.def(
      "mel_filterbank",
      [](const std::optional<std::string>& preset, const py::kwargs& options) {
        return array_of(mel_filterbank(mel_options(preset, options)));
      },
      "preset"_a = none,
      "librosa.filters.mel, transposed torchaudio.functional.melscale_fbanks: triangles "
      "[n_mels, n_fft/2 + 1] of a preset and options as MelSpectrogram takes them. Of these count "
      "sample_rate, n_fft, n_mels, f_min, f_max, mel_scale and norm.");

  py::class_<PyModel>(m, "Model",
                      "A trained vocoder: features [n_mels, frames] to samples in [-1, 1]. It can be\n"
                      "pickled: as its path and options, from which it is loaded again.")
      .def(
          "__call__",
          [](const PyModel& model, const py::object& mel) {
            const Frames x(mel, "mel");
            const Index bands = model.network.in_channels();
            if (x.view().channels() != bands && x.view().frames() == bands)
              throw py::value_error("mel must have " + std::to_string(bands) + " channels, has " +
                                    std::to_string(x.view().channels()) + "; of [frames, " +
                                    std::to_string(bands) + "] give the transposed");
            return samples_of(run(x, [&]() -> const Op& { return model.network; }));
          },
          "mel"_a, "Samples [frames] of features [n_mels, frames].")
      .def(
          "__call__",
          [](const PyModel& model, const py::args& inputs) {
            const ManyFrames x(inputs);
            Signal y = std::move(unlocked([&] { return whole(model.network, x.views()); }).front());
            return y.rows() == 1 ? samples_of(std::move(y)) : py::object(array_of(std::move(y)));
          },
          "The same of features and what else `given` names.")
      .def(
          "stream",
          [](const PyModel& model, Index threads) {
            return std::make_unique<PyStream>(model.network, threads);
          },
          on_threads, "A stream of features; gives samples [1, frames].")
      .def(py::pickle([](const PyModel& model) { return model.made_of; }, &PyModel::of))
      .def("__copy__", [](const py::object& model) { return model; })
      .def("__deepcopy__", [](const py::object& model, const py::dict&) { return model; })
      .def("__repr__",
           [](const PyModel& model) {
             return "<wavestride.Model " + model.architecture + ", " + std::to_string(model.features.n_mels) +
                    (model.codes > 0 ? " codes to " : " bands to ") +
                    std::to_string(model.features.sample_rate) + " Hz>";
           })
      .def_readonly("architecture", &Model::architecture, "Name of the kind of network: 'hifigan', ...")
      .def_property_readonly(
          "sample_rate", [](const PyModel& model) { return model.features.sample_rate; }, "Hz.")
      .def_property_readonly(
          "n_mels", [](const PyModel& model) { return model.features.n_mels; },
          "Bands of the features; of a model that takes codes, how many a frame has.")
      .def_property_readonly(
          "preset", [](const PyModel& model) { return model.features.name; },
          "Name of the features that it takes: of their preset, or where the config has its own, of the "
          "recipe\n"
          "('HiFi-GAN', 'Vocos', ...); 'EnCodec', 'DAC' or 'SNAC' of those codes.")
      .def_property_readonly(
          "mel",
          [](const PyModel& model) {
            if (!model.no_analysis.empty()) throw py::value_error(model.no_analysis);
            return MelSpectrogram::of(model.features);
          },
          "The MelSpectrogram that makes the features which it takes: model(model.mel(samples)). Raises "
          "ValueError, with the reason, where they can't be made of sound alone.")
      .def_property_readonly(
          "lookahead_frames", [](const PyModel& model) { return model.network.lookahead_frames(); },
          "Frames of features that must come after a sample's own time, at worst.")
      .def_property_readonly(
          "codes", [](const PyModel& model) { return model.codes; },
          "Of a model that takes codes, [n_mels, frames] of whole numbers, in place of mel frames: they are\n"
          "0 to codes - 1, of what lies between two the lower, of what lies beyond the first or the last, "
          "of\n"
          "NaN the first. 0 of others.")
      .def_property_readonly(
          "upsampling",
          [](const PyModel& model) {
            const Ratio r = model.upsampling();
            return static_cast<double>(r.num) / static_cast<double>(r.den);
          },
          "Samples per frame.");
  m.def(
      "load_model",
      [](const std::optional<Path>& path, const std::optional<Path>& config,
         const std::optional<std::string>& preset, const std::optional<Path>& stats,
         const std::optional<Index>& speaker, const py::object& seed, bool minimal, bool rounded, bool int8,
         const std::optional<std::string>& prefix, const py::object& speaker_embedding,
         const std::optional<double>& bandwidth_kbps, const std::optional<Index>& codebooks,
         const std::string& given) {
        const std::vector<float> embedding = values_from(speaker_embedding, "speaker_embedding");
        const auto what = named<Given>(given, "given");
        const std::uint64_t start = seed_from(seed);
        py::dict its("path"_a = lasting(path), "config"_a = lasting(config), "preset"_a = preset,
                     "stats"_a = lasting(stats), "speaker"_a = speaker, "seed"_a = start,
                     "minimal_filtering"_a = minimal, "bfloat16"_a = rounded, "int8"_a = int8,
                     "prefix"_a = prefix, "speaker_embedding"_a = py::none(),
                     "bandwidth_kbps"_a = bandwidth_kbps, "codebooks"_a = codebooks, "given"_a = given);
        if (!embedding.empty()) its["speaker_embedding"] = embedding;
        Model made = unlocked([&] {
          Model model = load_model(path ? path->string() : data_file(default_vocoder_file),
                                   {.config = path_or_none(config, "config"),
                                    .preset = preset.value_or(""),
                                    .stats = path_or_none(stats, "stats"),
                                    .speaker = speaker,
                                    .speaker_embedding = embedding,
                                    .bandwidth_kbps = bandwidth_kbps,
                                    .codebooks = codebooks,
                                    .seed = start,
                                    .given = what,
                                    .prefix = prefix});
          model.network =
              compute_by(model.network, {.minimal_filtering = minimal, .bfloat16 = rounded, .int8 = int8});
          return model;
        });
        return PyModel(std::move(made), std::move(its));
      },
      "path"_a = none, "config"_a = none, py::kw_only(), "preset"_a = none, "stats"_a = none,
      "speaker"_a = none, "seed"_a = 0, "minimal_filtering"_a = false, "bfloat16"_a = false, "int8"_a = false,
      "prefix"_a = none, "speaker_embedding"_a = none, "bandwidth_kbps"_a = none, "codebooks"_a = none,
      "given"_a = "features",
      "A vocoder from a checkpoint, or without a path the one that comes with the library (16 kHz, preset\n"
      "'wavestride-16k'). config: path of its config where that is neither in the file nor beside it, or "
      "the\n"
      "name of one that comes with the library. preset: of the features, where the config does not describe\n"
      "them. stats: path of their mean and deviation (.npy), to normalise them by. speaker: the voice, in a\n"
      "file that has several. seed: of networks that draw random numbers. minimal_filtering: large\n"
      "convolutions by half the multiplications or less, with a longer lag and other rounding. bfloat16: "
      "large\n"
      "convolutions from numbers of 8 significant bits, fast where bfloat16_in_hardware(); with both each "
      "layer\n"
      "by whichever is faster. int8: a WaveNet from weights of 8 bits. prefix: of the copy to take, where a\n"
      "file holds a network several times, as beside an average of its weights. speaker_embedding: of a "
      "voice\n"
      "that is not in the file, instead of speaker. bandwidth_kbps: of a model that takes a codec's codes, "
      "one\n"
      "of the rates that it was trained on; the highest if it is None. codebooks: the same by how many, the\n"
      "first ones, there are codes of; of DAC and SNAC any number, all if it is None. given: what the\n"
      "caller gives to a network that draws random numbers, 'features' and nothing else, 'noise' as a second "
      "input\n"
      "(to SNAC one for each of its rates), or, to a WaveNet, the 'samples', one later. Raises IoError.");
  py::class_<PyCodecEncoder>(m, "CodecEncoder",
                             "The encoder of a neural codec: samples to codes [codes of a frame, frames], "
                             "which the load_model() of\n"
                             "the same file and options takes. It can be pickled: as its path and options.")
      .def(
          "__call__",
          [](const PyCodecEncoder& encoder, const py::object& input) {
            const Samples x(input);
            const Signal codes = unlocked([&] { return whole(encoder.network, x); });
            return array_of(IndexSignal(codes.cast<Index>()));
          },
          "input"_a,
          "Codes, int64, of samples [frames] at sample_rate; zeros or what the recipe puts there "
          "fill the last frame.")
      .def(
          "latents",
          [](const PyCodecEncoder& encoder, const py::object& input) {
            const Samples x(input);
            return array_of(unlocked([&] { return whole(encoder.latents, x); }));
          },
          "input"_a, "What is quantised, before it is, of samples [frames].")
      .def(
          "stream",
          [](const PyCodecEncoder& encoder, Index threads) {
            return std::make_unique<PyStream>(encoder.network, threads);
          },
          on_threads, "A stream of samples [1, frames]; gives codes as float32.")
      .def(py::pickle([](const PyCodecEncoder& encoder) { return encoder.made_of; }, &PyCodecEncoder::of))
      .def("__copy__", [](const py::object& encoder) { return encoder; })
      .def("__deepcopy__", [](const py::object& encoder, const py::dict&) { return encoder; })
      .def("__repr__",
           [](const PyCodecEncoder& encoder) {
             return "<wavestride.CodecEncoder " + encoder.architecture + ", " +
                    std::to_string(encoder.sample_rate) + " Hz to " +
                    std::to_string(encoder.network.out_channels()) + " codes>";
           })
      .def_readonly("architecture", &CodecEncoder::architecture, "'dac', 'encodec' or 'snac'.")
      .def_readonly("sample_rate", &CodecEncoder::sample_rate, "Hz.")
      .def_readonly("hop_length", &CodecEncoder::hop_length, "Samples of a frame of codes.")
      .def_readonly("codes", &CodecEncoder::codes, "They are 0 to codes - 1.")
      .def_property_readonly(
          "per_frame", [](const PyCodecEncoder& encoder) { return encoder.network.out_channels(); },
          "Codes of a frame.")
      .def_property_readonly(
          "lookahead_frames",
          [](const PyCodecEncoder& encoder) { return encoder.network.lookahead_frames(); },
          "Samples that must come after the start of a frame of codes, at worst.");
  m.def(
      "load_codec_encoder",
      [](const Path& path, const std::optional<Path>& config, const std::optional<std::string>& prefix,
         const std::optional<double>& bandwidth_kbps, const std::optional<Index>& codebooks, bool minimal,
         bool rounded) {
        py::dict its("path"_a = lasting(path), "config"_a = lasting(config), "prefix"_a = prefix,
                     "bandwidth_kbps"_a = bandwidth_kbps, "codebooks"_a = codebooks,
                     "minimal_filtering"_a = minimal, "bfloat16"_a = rounded);
        CodecEncoder made = unlocked([&] {
          const ModelOptions options{.config = path_or_none(config, "config"),
                                     .bandwidth_kbps = bandwidth_kbps,
                                     .codebooks = codebooks,
                                     .prefix = prefix};
          return compute_by(load_codec_encoder(path.string(), options),
                            {.minimal_filtering = minimal, .bfloat16 = rounded});
        });
        return PyCodecEncoder(std::move(made), std::move(its));
      },
      "path"_a, "config"_a = none, py::kw_only(), "prefix"_a = none, "bandwidth_kbps"_a = none,
      "codebooks"_a = none, "minimal_filtering"_a = false, "bfloat16"_a = false,
      "The encoder in a file of EnCodec, DAC or SNAC, as its recipe saved it or converted. config, prefix, "
      "bandwidth_kbps,\n"
      "codebooks, minimal_filtering and bfloat16 as load_model() has them; of latents that round otherwise "
      "some\n"
      "codes are others. Raises IoError, also where the file holds no encoder.");
  m.def("bfloat16_in_hardware", &bfloat16_in_hardware,
        "Whether this machine multiplies bfloat16 faster than float: by AMX or, AMD's processors, AVX-512 "
        "BF16.");
  pickle_by_later_protocols(m);
}
