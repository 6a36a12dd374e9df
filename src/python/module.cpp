// The Python module. Arrays are [channels, frames] float32; memory goes through without a copy where a frame
// is contiguous in it, as in everything that the module returns.
#include <pybind11/complex.h>
#include <pybind11/numpy.h>
#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>
#include <wavestride/operators.h>
#include <wavestride/wavestride.h>

#include <deque>
#include <variant>

namespace py = pybind11;
using namespace py::literals;
using namespace wavestride;

namespace {

using FloatArray = py::array_t<float, py::array::forcecast>;
using CArray = py::array_t<float, py::array::c_style | py::array::forcecast>;
using Path = std::filesystem::path;
using Without = py::gil_scoped_release;

std::string shape_of(const py::array& a) {
  std::vector<Index> shape(a.shape(), a.shape() + a.ndim());
  return shape_string(shape);
}

// A view of an array [channels, frames], or [frames] of one channel, for as long as this lives.
class Frames {
 public:
  Frames(FloatArray x, const char* name = "input") : array_(std::move(x)) {
    const auto n = array_.ndim();
    if (n != 1 && n != 2)
      throw py::value_error(std::string(name) + " must be [channels, frames], has shape " + shape_of(array_));
    const Index channels = n == 2 ? array_.shape(0) : 1, frames = array_.shape(n - 1);
    const bool one_channel = channels == 1 && (frames <= 1 || array_.strides(n - 1) == sizeof(float));
    const bool columns = n == 2 && (channels <= 1 || array_.strides(0) == sizeof(float)) &&
                         (frames <= 1 || array_.strides(1) == channels * Index{sizeof(float)});
    if (one_channel || columns || channels == 0 || frames == 0) {
      view_ = {array_.data(), channels, frames};
      return;
    }
    using Strides = Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>;
    constexpr Index step = sizeof(float);
    const Index row = n == 2 ? array_.strides(0) : 0, column = array_.strides(n - 1);
    if (row % step == 0 && column % step == 0) {
      copy_ = Eigen::Map<const Signal, 0, Strides>(array_.data(), channels, frames,
                                                   Strides(column / step, row / step));
    } else {
      copy_.resize(channels, frames);
      const auto bytes = static_cast<const char*>(static_cast<const void*>(array_.data()));
      for (Index i = 0; i < frames; ++i)
        for (Index c = 0; c < channels; ++c)
          std::memcpy(&copy_(c, i), bytes + c * row + i * column, sizeof(float));
    }
    view_ = copy_;
  }

  operator FramesView() const { return view_; }
  FramesView view() const { return view_; }
  bool flat() const { return array_.ndim() == 1; }

 private:
  FloatArray array_;
  Signal copy_;
  FramesView view_;
};

// A matrix as an array [rows, columns] that owns it.
template <class Scalar>
py::array_t<Scalar> array_of(Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic> matrix) {
  using Matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic>;
  auto* owned = new Matrix(std::move(matrix));
  const py::capsule owner(owned, [](void* p) { delete static_cast<Matrix*>(p); });
  constexpr auto step = static_cast<py::ssize_t>(sizeof(Scalar));
  return {{owned->rows(), owned->cols()}, {step, step * owned->rows()}, owned->data(), owner};
}

py::object array_like(const Frames& x, Signal y) {
  py::array_t<float> array = array_of(std::move(y));
  return x.flat() && array.shape(0) == 1 ? array[py::int_(0)].cast<py::object>() : py::object(array);
}

Tensor tensor_of(const CArray& a) {
  return {{a.shape(), a.shape() + a.ndim()}, {a.data(), a.data() + a.size()}};
}

std::vector<float> values_of(const py::object& a) {
  return a.is_none() ? std::vector<float>{} : tensor_of(py::cast<CArray>(a)).data;
}

// PyTorch takes 3 and (3,) alike.
py::object one_of(const py::object& value) {
  const bool one =
      !py::isinstance<py::str>(value) && py::isinstance<py::sequence>(value) && py::len(value) == 1;
  return one ? value[py::int_(0)].cast<py::object>() : value;
}

double real(const py::object& value, const char* name) {
  const double x = PyFloat_AsDouble(one_of(value).ptr());
  if (x == -1 && PyErr_Occurred()) {
    PyErr_Clear();
    throw py::type_error(std::string(name) + " must be a number, got " + std::string(py::repr(value)));
  }
  return x;
}

Index number(const py::object& value, const char* name) {
  const py::object part = one_of(value);
  if (PyIndex_Check(part.ptr()) == 0)
    throw py::type_error(std::string(name) + " must be an integer, got " + std::string(py::repr(value)));
  const long long n = PyLong_AsLongLong(part.ptr());
  if (n == -1 && PyErr_Occurred()) throw py::error_already_set();
  return n;
}

Index number_or(const py::object& value, const char* name, Index otherwise) {
  return value.is_none() ? otherwise : number(value, name);
}

std::optional<Index> optional_number(const py::object& value, const char* name) {
  return value.is_none() ? std::nullopt : std::optional(number(value, name));
}

ConvPadding padding_of(const py::object& padding) {
  if (py::isinstance<py::str>(padding)) return padding.cast<std::string>().c_str();
  return number(padding, "padding");
}

template <class E>
E named(const std::string& name, const char* parameter,
        std::initializer_list<std::pair<const char*, E>> known) {
  std::string names;
  for (const auto& [text, value] : known) {
    if (name == text) return value;
    names += (names.empty() ? "" : ", ") + std::string(text);
  }
  throw py::value_error(std::string(parameter) + " must be one of " + names + ", got " + name);
}

Quality quality_named(const std::string& name) {
  return named<Quality>(name, "quality",
                        {{"fast", Quality::fast},
                         {"standard", Quality::standard},
                         {"best", Quality::best},
                         {"steep", Quality::steep}});
}

PadMode pad_mode_named(const std::string& name) {
  return named<PadMode>(
      name, "pad_mode",
      {{"constant", PadMode::constant}, {"reflect", PadMode::reflect}, {"replicate", PadMode::replicate}});
}

StftOptions stft_options(Index n_fft, const py::object& hop_length, const py::object& win_length,
                         const py::object& window, bool center, const std::string& pad_mode, bool normalized,
                         bool onesided) {
  StftOptions o{.n_fft = n_fft,
                .hop_length = number_or(hop_length, "hop_length", 0),
                .win_length = number_or(win_length, "win_length", 0),
                .window_type = WindowType::rectangular,
                .window = values_of(window),
                .center = center,
                .pad_mode = pad_mode_named(pad_mode),
                .normalized = normalized,
                .onesided = onesided};
  if (o.win_length == 0 && !o.window.empty()) o.win_length = static_cast<Index>(o.window.size());
  return o;
}

// Runs what computes without the interpreter's lock.
template <class Work>
auto unlocked(Work work) {
  const Without lock;
  return work();
}

py::tuple pooled(MaxPooled result) {
  return py::make_tuple(array_of(std::move(result.values)), array_of(std::move(result.indices)));
}

py::object conv1d_of(const FloatArray& input, const CArray& weight, const py::object& bias,
                     const py::object& stride, const py::object& padding, const py::object& dilation,
                     Index groups) {
  const Frames x(input);
  const Tensor w = tensor_of(weight);
  const std::vector<float> b = values_of(bias);
  const Conv1dOptions o{.stride = number(stride, "stride"),
                        .padding = padding_of(padding),
                        .dilation = number(dilation, "dilation"),
                        .groups = groups};
  return array_of(unlocked([&] { return conv1d(x, w, b, o); }));
}

py::object conv_transpose1d_of(const FloatArray& input, const CArray& weight, const py::object& bias,
                               const py::object& stride, const py::object& padding,
                               const py::object& output_padding, Index groups, const py::object& dilation) {
  const Frames x(input);
  const Tensor w = tensor_of(weight);
  const std::vector<float> b = values_of(bias);
  const ConvTranspose1dOptions o{.stride = number(stride, "stride"),
                                 .padding = number(padding, "padding"),
                                 .output_padding = number(output_padding, "output_padding"),
                                 .groups = groups,
                                 .dilation = number(dilation, "dilation")};
  return array_of(unlocked([&] { return conv_transpose1d(x, w, b, o); }));
}

py::object max_pool1d_of(const FloatArray& input, const py::object& kernel_size, const py::object& stride,
                         const py::object& padding, const py::object& dilation, bool ceil_mode,
                         bool return_indices) {
  const Frames x(input);
  const MaxPool1dOptions o{number(kernel_size, "kernel_size"), number_or(stride, "stride", 0),
                           number(padding, "padding"), number(dilation, "dilation"), ceil_mode};
  if (return_indices) return pooled(unlocked([&] { return max_pool1d_with_indices(x, o); }));
  return array_of(unlocked([&] { return max_pool1d(x, o); }));
}

py::object max_unpool1d_of(const FloatArray& input,
                           const py::array_t<Index, py::array::f_style | py::array::forcecast>& indices,
                           const py::object& kernel_size, const py::object& stride, const py::object& padding,
                           const py::object& output_size) {
  const Frames x(input);
  if (indices.ndim() != 2)
    throw py::value_error("indices must be [channels, frames], has shape " + shape_of(indices));
  const IndexSignal at = Eigen::Map<const IndexSignal>(indices.data(), indices.shape(0), indices.shape(1));
  const MaxUnpool1dOptions o{number(kernel_size, "kernel_size"), number_or(stride, "stride", 0),
                             number(padding, "padding")};
  // torch takes the whole output shape, too: its last value counts.
  py::object size = output_size;
  if (py::isinstance<py::sequence>(size) && py::len(size) > 1) size = size[py::int_(-1)];
  const auto frames = optional_number(size, "output_size");
  return array_of(unlocked([&] { return max_unpool1d(x, at, o, frames); }));
}

py::object avg_pool1d_of(const FloatArray& input, const py::object& kernel_size, const py::object& stride,
                         const py::object& padding, bool ceil_mode, bool count_include_pad) {
  const Frames x(input);
  const AvgPool1dOptions o{number(kernel_size, "kernel_size"), number_or(stride, "stride", 0),
                           number(padding, "padding"), ceil_mode, count_include_pad};
  return array_of(unlocked([&] { return avg_pool1d(x, o); }));
}

py::object adaptive_max_pool1d_of(const FloatArray& input, const py::object& output_size,
                                  bool return_indices) {
  const Frames x(input);
  const Index size = number(output_size, "output_size");
  if (return_indices) return pooled(unlocked([&] { return adaptive_max_pool1d_with_indices(x, size); }));
  return array_of(unlocked([&] { return adaptive_max_pool1d(x, size); }));
}

py::object interpolate_of(const FloatArray& input, const py::object& size, const py::object& scale_factor,
                          const std::string& mode, const std::optional<bool>& align_corners) {
  const Frames x(input);
  InterpolateOptions o{.size = optional_number(size, "size"),
                       .mode = named<InterpolateMode>(mode, "mode",
                                                      {{"nearest", InterpolateMode::nearest},
                                                       {"nearest-exact", InterpolateMode::nearest_exact},
                                                       {"linear", InterpolateMode::linear}}),
                       .align_corners = align_corners.value_or(false)};
  if (!scale_factor.is_none()) o.scale_factor = real(scale_factor, "scale_factor");
  return array_of(unlocked([&] { return interpolate(x, o); }));
}

py::object stft_of(const FloatArray& input, Index n_fft, const py::object& hop_length,
                   const py::object& win_length, const py::object& window, bool center,
                   const std::string& pad_mode, bool normalized, bool onesided) {
  const Frames x(input);
  const StftOptions o =
      stft_options(n_fft, hop_length, win_length, window, center, pad_mode, normalized, onesided);
  return array_of(unlocked([&] { return to_complex(stft(x, o)); }));
}

py::object istft_of(const py::array_t<std::complex<float>, py::array::f_style | py::array::forcecast>& input,
                    Index n_fft, const py::object& hop_length, const py::object& win_length,
                    const py::object& window, bool center, bool normalized, bool onesided,
                    const py::object& length) {
  if (input.ndim() != 2) throw py::value_error("input must be [bins, frames], has shape " + shape_of(input));
  const StftOptions o =
      stft_options(n_fft, hop_length, win_length, window, center, "reflect", normalized, onesided);
  const auto frames = optional_number(length, "length");
  // Complex numbers are real and imaginary parts in turn.
  const FramesView x(reinterpret_cast<const float*>(input.data()), 2 * input.shape(0), input.shape(1));
  return array_of(unlocked([&] { return istft(x, o, frames); }))[py::int_(0)].cast<py::object>();
}

py::object griffin_lim_of(const FloatArray& specgram, const py::object& window, Index n_fft,
                          const py::object& hop_length, const py::object& win_length, double power,
                          Index n_iter, double momentum, const py::object& length, bool rand_init,
                          std::uint64_t seed) {
  const Frames x(specgram, "specgram");
  const StftOptions o = stft_options(n_fft, hop_length, win_length, window, true, "reflect", false, true);
  const GriffinLimOptions how{.n_iter = n_iter, .momentum = momentum, .rand_init = rand_init, .seed = seed};
  const auto frames = optional_number(length, "length");
  return array_of(unlocked([&] { return griffin_lim(x, o, power, how, frames); }))[py::int_(0)]
      .cast<py::object>();
}

py::object run_op(const Op& op, const FloatArray& input) {
  const Frames x(input);
  Signal y = unlocked([&] { return op(x.view()); });
  return array_like(x, std::move(y));
}

// Several signals, for as long as this lives.
class ManyFrames {
 public:
  explicit ManyFrames(const py::args& inputs) {
    for (const py::handle input : inputs) views_.push_back(frames_.emplace_back(py::cast<FloatArray>(input)));
  }
  std::span<const FramesView> views() const { return views_; }

 private:
  std::deque<Frames> frames_;
  std::vector<FramesView> views_;
};

// One array, or a tuple of several.
py::object arrays_of(std::vector<Signal> signals) {
  if (signals.size() == 1) return array_of(std::move(signals[0]));
  py::tuple arrays(signals.size());
  for (std::size_t i = 0; i < signals.size(); ++i) arrays[i] = array_of(std::move(signals[i]));
  return arrays;
}

py::object run_on_many(const Op& op, const py::args& inputs) {
  const ManyFrames x(inputs);
  return arrays_of(unlocked([&] { return op(x.views()); }));
}

// A stream whose lock keeps two Python threads apart while neither holds the interpreter's.
struct PyStream {
  PyStream(const Op& op, Index threads) : stream(unlocked([&] { return op.stream({.threads = threads}); })) {}
  Stream stream;
  std::mutex busy;

  template <class Work>
  auto locked(Work work) {
    const Without lock;
    const std::lock_guard guard(busy);
    return work();
  }
};

OperatorSettings settings_of(std::vector<Index> channels, const py::kwargs& options) {
  OperatorSettings settings{.channels = std::move(channels)};
  for (const auto& [key, value] : options) {
    std::string name = py::cast<std::string>(key);
    if (name == "weight" || name == "bias") {
      settings.arrays.emplace(std::move(name), tensor_of(py::cast<CArray>(value)));
      continue;
    }
    std::replace(name.begin(), name.end(), '_', '-');
    std::string text;
    if (py::isinstance<py::bool_>(value)) {
      text = value.cast<bool>() ? "true" : "false";
    } else if (py::isinstance<py::str>(value) || !py::isinstance<py::sequence>(value)) {
      text = py::str(value);
      if (text == "True" || text == "False") text = text == "True" ? "true" : "false";  // of numpy
    } else {
      for (const py::handle part : value) text += (text.empty() ? "" : ",") + std::string(py::str(part));
    }
    settings.options.emplace(std::move(name), std::move(text));
  }
  return settings;
}

Goal goal_named(const std::string& goal) {
  return named<Goal>(goal, "goal", {{"low_latency", Goal::low_latency}, {"throughput", Goal::throughput}});
}

ResampleOptions resample_options(const std::string& quality, std::optional<double> stopband_db,
                                 std::optional<double> passband, std::optional<double> max_delay_s,
                                 const std::string& phase, bool causal, const std::string& goal) {
  return {.quality = quality_named(quality),
          .stopband_db = stopband_db,
          .passband = passband,
          .max_delay_s = max_delay_s,
          .phase = named<Phase>(phase, "phase", {{"linear", Phase::linear}, {"minimum", Phase::minimum}}),
          .causal = causal,
          .goal = goal_named(goal)};
}

struct MelSpectrogram {
  explicit MelSpectrogram(const std::string& preset)
      : options(mel_preset(preset)), op(op::mel_spectrogram(options)) {}
  MelOptions options;
  Op op;
};

}  // namespace

PYBIND11_MODULE(_wavestride, m) {
  m.attr("__version__") = WAVESTRIDE_VERSION;
  static py::exception<IoError> io_error(m, "IoError", PyExc_OSError);
  static py::exception<NotStreamable> not_streamable(m, "NotStreamable", PyExc_RuntimeError);
  py::register_exception_translator([](std::exception_ptr thrown) {
    try {
      if (thrown) std::rethrow_exception(thrown);
    } catch (const IoError& e) {
      io_error(e.what());
    } catch (const NotStreamable& e) {
      not_streamable(e.what());
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
      [](const FloatArray& input, const py::object& output_size) {
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
      [](const FloatArray& input, Index factor) {
        const Frames x(input);
        return array_of(unlocked([&] { return pixel_shuffle1d(x, factor); }));
      },
      "input"_a, "upscale_factor"_a,
      "torch.nn.functional.pixel_shuffle in one dimension: [C*r, frames] to [C, r*frames].");
  m.def(
      "pixel_unshuffle1d",
      [](const FloatArray& input, Index factor) {
        const Frames x(input);
        return array_of(unlocked([&] { return pixel_unshuffle1d(x, factor); }));
      },
      "input"_a, "downscale_factor"_a, "Undoes pixel_shuffle1d: [C, r*frames] to [C*r, frames].");
  m.def(
      "spatial_pyramid_pool1d",
      [](const FloatArray& input, const std::vector<Index>& levels, const std::string& pooling) {
        const Frames x(input);
        const auto kind =
            named<Pooling>(pooling, "pooling", {{"max", Pooling::max}, {"mean", Pooling::mean}});
        return array_of(unlocked([&] { return spatial_pyramid_pool1d(x, levels, kind); }));
      },
      "input"_a, "levels"_a, "pooling"_a = "max",
      "A vector [C*sum(levels), 1] of any number of frames: for each level its adaptively pooled bins.");

  m.def("stft", stft_of, "input"_a, "n_fft"_a, "hop_length"_a = none, "win_length"_a = none,
        "window"_a = none, "center"_a = true, "pad_mode"_a = "reflect", "normalized"_a = false,
        "onesided"_a = true,
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
          [](PyStream& s, const FloatArray& input) {
            const Frames x(input);
            const FramesView view = x;
            return arrays_of(s.locked([&] { return s.stream.push({&view, 1}); }));
          },
          "input"_a, "Takes any number of frames [channels, frames]; gives those that became ready.")
      .def(
          "push",
          [](PyStream& s, const py::args& inputs) {
            const ManyFrames x(inputs);
            return arrays_of(s.locked([&] { return s.stream.push(x.views()); }));
          },
          "The same of several inputs. Of several outputs a tuple.")
      .def(
          "finish", [](PyStream& s) { return arrays_of(s.locked([&] { return s.stream.finish_all(); })); },
          "Ends the signal, gives the remaining frames.")
      .def(
          "reset", [](PyStream& s) { s.locked([&] { s.stream.reset(); }); }, "Begins a new signal.")
      .def_property_readonly(
          "received", [](PyStream& s) { return s.locked([&] { return s.stream.received(); }); },
          "Frames taken since the start or the last reset.")
      .def_property_readonly(
          "emitted", [](PyStream& s) { return s.locked([&] { return s.stream.emitted(); }); },
          "Frames given since then.");

  const auto on_threads = "threads"_a = 1;  // 0: as many as there are cores; they never change a bit
  py::class_<Op> op(m, "Op", "An operator that is configured once: called on whole signals, or streamed.");
  op.def(
        "__call__",
        [](const Op& o, const FloatArray& input) {
          return o.outputs() == 1 ? run_op(o, input) : run_on_many(o, py::args(py::make_tuple(input)));
        },
        "input"_a, "The whole signal: [in_channels, frames] to [out_channels, ...].")
      .def("__call__", run_on_many, "The same of several inputs. Of several outputs a tuple.")
      .def(
          "stream", [](const Op& o, Index threads) { return std::make_unique<PyStream>(o, threads); },
          on_threads,
          "A stream; raises NotStreamable, with the reason, where an output needs the whole signal.")
      .def("__repr__", [](const Op& o) { return "<wavestride.Op " + o.name() + ">"; })
      .def_property_readonly("name", &Op::name)
      .def_property_readonly("in_channels", [](const Op& o) { return o.in_channels(); })
      .def_property_readonly("out_channels", [](const Op& o) { return o.out_channels(); })
      .def_property_readonly("latency_frames", &Op::latency_frames,
                             "How far the output lags, in output frames.")
      .def_property_readonly("lookahead_frames", &Op::lookahead_frames,
                             "Input frames read beyond an output frame's own position.")
      .def_property_readonly("receptive_field", &Op::receptive_field,
                             "Input frames that one output frame depends on.")
      .def(
          "total", [](const Op& o, Index frames) { return o.total(frames); }, "frames"_a,
          "Output frames of so many input frames.");
  m.def(
      "operator",
      [](const std::string& name, const std::variant<Index, std::vector<Index>>& channels,
         const py::kwargs& options) {
        const Index* one = std::get_if<Index>(&channels);
        return op::by_name(
            name, settings_of(one ? std::vector{*one} : std::get<std::vector<Index>>(channels), options));
      },
      "name"_a, "channels"_a,
      "An Op by the name and options of `wavestride apply`: operator('conv1d', 80, weight=w, stride=2). "
      "`channels` of each input, where there are several: operator('add', [80, 80]).");

  py::class_<Resampler>(m, "Resampler", "A designed sample-rate conversion, of any number of channels.")
      .def(
          py::init([](double in_rate, double out_rate, const std::string& quality,
                      std::optional<double> stopband_db, std::optional<double> passband,
                      std::optional<double> max_delay_s, const std::string& phase, bool causal,
                      const std::string& goal) {
            const auto o = resample_options(quality, stopband_db, passband, max_delay_s, phase, causal, goal);
            return unlocked([&] { return Resampler(in_rate, out_rate, o); });
          }),
          "in_rate"_a, "out_rate"_a, "quality"_a = "standard", py::kw_only(), "stopband_db"_a = none,
          "passband"_a = none, "max_delay_s"_a = none, "phase"_a = "linear", "causal"_a = false,
          "goal"_a = "low_latency",
          "Rates in Hz; quality 'fast', 'standard', 'best' or 'steep'; goal 'throughput' takes less time for "
          "the wait until a block is there.")
      .def(
          "__call__",
          [](const Resampler& r, const FloatArray& input) {
            const Frames x(input);
            Signal y = unlocked([&] { return r.op(x.view().channels())(x.view()); });
            return array_like(x, std::move(y));
          },
          "input"_a, "[channels, frames] or [frames] at the other rate.")
      .def(
          "stream",
          [](const Resampler& r, Index channels, Index threads) {
            return std::make_unique<PyStream>(r.op(channels), threads);
          },
          "channels"_a = 1, on_threads, "A stream of so many channels.")
      .def_property_readonly("taps", &Resampler::taps, "Input frames that an output frame reads.")
      .def_property_readonly("filter_delay_s", &Resampler::filter_delay_s,
                             "How far ahead the filter reads, seconds.")
      .def_property_readonly("passband_edge", &Resampler::passband_edge, "Of the lower Nyquist frequency.")
      .def_property_readonly("stopband_db", &Resampler::stopband_db);
  m.def(
      "resample",
      [](const FloatArray& input, double in_rate, double out_rate, const std::string& quality,
         const std::string& goal) {
        const Frames x(input);
        const ResampleOptions o{.quality = quality_named(quality), .goal = goal_named(goal)};
        Signal y = unlocked([&] { return resample(x, in_rate, out_rate, o); });
        return array_like(x, std::move(y));
      },
      "x"_a, "in_rate"_a, "out_rate"_a, "quality"_a = "standard", "goal"_a = "low_latency",
      "[channels, frames] or [frames] at another sample rate, aligned in time: ceil(frames*out/in) frames. "
      "Goal 'throughput' is the faster for long ones.");

  py::class_<MelSpectrogram>(m, "MelSpectrogram",
                             "A mel front end by the name of its preset: 'whisper-16k', 'hifigan-22k', ...")
      .def(py::init<const std::string&>(), "preset"_a)
      .def(
          "__call__",
          [](const MelSpectrogram& mel, const FloatArray& input) {
            const Frames x(input);
            return array_of(unlocked([&] { return mel.op(x.view()); }));
          },
          "input"_a, "Samples [frames] at sample_rate to [n_mels, frames].")
      .def(
          "stream",
          [](const MelSpectrogram& mel, Index threads) {
            return std::make_unique<PyStream>(mel.op, threads);
          },
          on_threads, "A stream of samples [1, frames].")
      .def(
          "griffin_lim",
          [](const MelSpectrogram& mel, const FloatArray& input, Index n_iter, std::uint64_t seed) {
            const Frames x(input);
            Signal y = unlocked(
                [&] { return vocode_griffin_lim(x, mel.options, {.n_iter = n_iter, .seed = seed}); });
            return array_of(std::move(y))[py::int_(0)].cast<py::object>();
          },
          "mel"_a, "n_iter"_a = 32, "seed"_a = 0, "Samples from features [n_mels, frames].")
      .def_property_readonly("sample_rate", [](const MelSpectrogram& mel) { return mel.options.sample_rate; })
      .def_property_readonly("hop_length", [](const MelSpectrogram& mel) { return mel.options.hop_length; })
      .def_property_readonly("n_mels", [](const MelSpectrogram& mel) { return mel.options.n_mels; });
  m.def(
      "mel_presets",
      [] {
        std::vector<std::string> names;
        for (const MelOptions& preset : mel_presets()) names.push_back(preset.name);
        return names;
      },
      "Names that MelSpectrogram takes.");

  py::class_<Model>(m, "Model", "A trained vocoder: features [n_mels, frames] to samples in [-1, 1].")
      .def(
          "__call__",
          [](const Model& model, const FloatArray& mel) {
            const Frames x(mel, "mel");
            Signal y = unlocked([&] { return model(x.view()); });
            return array_of(std::move(y))[py::int_(0)].cast<py::object>();
          },
          "mel"_a, "Samples [frames] of features [n_mels, frames].")
      .def(
          "stream",
          [](const Model& model, Index threads) {
            return std::make_unique<PyStream>(model.network, threads);
          },
          on_threads, "A stream of features; gives samples [1, frames].")
      .def_readonly("architecture", &Model::architecture)
      .def_property_readonly(
          "sample_rate", [](const Model& model) { return model.features.sample_rate; }, "Hz.")
      .def_property_readonly("n_mels", [](const Model& model) { return model.features.n_mels; })
      .def_property_readonly("preset", [](const Model& model) { return model.features.name; })
      .def_property_readonly(
          "lookahead_frames", [](const Model& model) { return model.network.lookahead_frames(); },
          "Frames of features read beyond a sample's own time.")
      .def_property_readonly(
          "upsampling",
          [](const Model& model) {
            const Ratio r = model.upsampling();
            return static_cast<double>(r.num) / static_cast<double>(r.den);
          },
          "Samples per frame.");
  m.def(
      "load_model",
      [](const std::optional<Path>& path, const std::optional<Path>& config,
         const std::optional<std::string>& preset, const std::optional<Path>& stats,
         const std::optional<Index>& speaker, std::uint64_t seed, bool minimal, bool rounded, bool int8) {
        return unlocked([&] {
          Model model = load_model(path ? path->string() : data_file(default_vocoder_file),
                                   {.config = config.value_or(Path()).string(),
                                    .preset = preset.value_or(""),
                                    .stats = stats.value_or(Path()).string(),
                                    .speaker = speaker,
                                    .seed = seed});
          model.network =
              compute_by(model.network, {.minimal_filtering = minimal, .bfloat16 = rounded, .int8 = int8});
          return model;
        });
      },
      "path"_a = none, "config"_a = none, py::kw_only(), "preset"_a = none, "stats"_a = none,
      "speaker"_a = none, "seed"_a = 0, "minimal_filtering"_a = false, "bfloat16"_a = false, "int8"_a = false,
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
      "by whichever is faster. int8: a WaveNet from weights of 8 bits. Raises IoError.");
  m.def("bfloat16_in_hardware", &bfloat16_in_hardware,
        "Whether this machine multiplies bfloat16 faster than float: by AMX or, AMD's processors, AVX-512 "
        "BF16.");
}
