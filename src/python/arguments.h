// What Python gives as what C++ takes, and arrays back. Errors name the parameter: TypeError for a value of
// the wrong kind, ValueError for one out of range.
#pragma once

#include <pybind11/complex.h>
#include <pybind11/numpy.h>
#include <pybind11/stl.h>
#include <wavestride/wavestride.h>

#include <cstring>
#include <deque>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace py = pybind11;

namespace wavestride {

/// "input must be …", as TypeError.
[[noreturn]] inline void wrong_type(const char* name, const std::string& what) {
  throw py::type_error(std::string(name) + " must be " + what);
}

inline std::string shape_of(const py::array& a) {
  std::vector<Index> shape(a.shape(), a.shape() + a.ndim());
  return shape_string(shape);
}

/// Whatever numpy makes an array of. What it, or the value itself, has to say against that is passed on.
inline py::array any_array(const py::object& value, const char* name) {
  try {
    return py::array(value);
  } catch (py::error_already_set& e) {
    for (PyObject* type : {PyExc_TypeError, PyExc_ValueError, PyExc_RuntimeError}) {
      if (!e.matches(type)) continue;
      const std::string words = std::string(name) + " is no array: " + std::string(py::str(e.value()));
      py::raise_from(e, type, words.c_str());
      throw py::error_already_set();
    }
    throw;
  }
}

/// `value` as an array of Scalar. Takes no values that stand for something else or would lose a part of it:
/// no text, dates, objects or gaps, complex numbers only as such, and integers only where Scalar is one.
template <class Scalar, int layout = 0>
py::array_t<Scalar, layout | py::array::forcecast> array_from(const py::object& value, const char* name) {
  constexpr bool integers = std::is_integral_v<Scalar>, complex = !std::is_arithmetic_v<Scalar>;
  constexpr const char* what = integers ? "integers" : complex ? "numbers" : "real numbers";
  constexpr std::string_view kinds = integers ? "iu" : complex ? "biufc" : "biuf";
  using Array = py::array_t<Scalar, layout | py::array::forcecast>;
  const PyTypeObject* const array_type = py::detail::npy_api::get().PyArray_Type_;
  if (Py_TYPE(value.ptr()) == array_type && Array::check_(value)) return py::reinterpret_borrow<Array>(value);
  if (value.is_none()) wrong_type(name, std::string("an array of ") + what + ", got None");
  const py::array any = any_array(value, name);
  if (kinds.find(any.dtype().kind()) == kinds.npos)
    wrong_type(name, std::string("an array of ") + what + ", has dtype " + std::string(py::str(any.dtype())));
  const bool plain = Py_TYPE(any.ptr()) == array_type;
  if (!plain && py::hasattr(any, "mask") &&
      py::module_::import("numpy.ma").attr("is_masked")(any).cast<bool>())
    wrong_type(name, "without gaps, but some of its values are masked");
  return any;
}

/// A view of an array [channels, frames], or [frames] of one channel, for as long as this lives.
class Frames {
 public:
  explicit Frames(const py::object& value, const char* name = "input")
      : array_(array_from<float>(value, name)) {
    const auto n = array_.ndim();
    if (n != 1 && n != 2)
      throw py::value_error(std::string(name) + " must be [channels, frames], has shape " + shape_of(array_) +
                            (n > 2 ? "; of a batch give each signal by itself" : ""));
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
  const FramesView& view() const { return view_; }
  bool flat() const { return array_.ndim() == 1; }

 private:
  py::array_t<float, py::array::forcecast> array_;
  Signal copy_;
  FramesView view_;
};

/// Samples: one channel.
class Samples : public Frames {
 public:
  explicit Samples(const py::object& value, const char* name = "input") : Frames(value, name) {
    if (view().channels() != 1)
      throw py::value_error(
          std::string(name) + " must be one channel, [frames], has " + std::to_string(view().channels()) +
          (view().frames() == 1 ? "; of [frames, 1] give the transposed" : "; give each by itself"));
  }
};

/// Several signals, for as long as this lives.
class ManyFrames {
 public:
  explicit ManyFrames(const py::args& inputs) {
    for (const py::handle input : inputs)
      views_.push_back(frames_.emplace_back(py::reinterpret_borrow<py::object>(input)));
  }
  std::span<const FramesView> views() const { return views_; }

 private:
  std::deque<Frames> frames_;
  std::vector<FramesView> views_;
};

inline Tensor tensor_from(const py::object& value, const char* name) {
  const auto a = array_from<float, py::array::c_style>(value, name);
  return {{a.shape(), a.shape() + a.ndim()}, {a.data(), a.data() + a.size()}};
}

/// None: none.
inline std::vector<float> values_from(const py::object& value, const char* name) {
  return value.is_none() ? std::vector<float>{} : tensor_from(value, name).data;
}

/// Whether `value` is a sequence or an array of one dimension or more; one of none is a number.
inline bool has_parts(const py::object& value) {
  PyObject* const v = value.ptr();
  if (PyLong_Check(v) || PyFloat_Check(v) || PyUnicode_Check(v) || PyBytes_Check(v)) return false;
  if (PySequence_Check(v) == 0 && !py::hasattr(value, "__array__")) return false;
  if (PyObject_Size(v) >= 0) return true;
  PyErr_Clear();
  return false;
}

/// PyTorch takes 3 and (3,) alike.
inline py::object one_of(const py::object& value) {
  return has_parts(value) && py::len(value) == 1 ? value[py::int_(0)].cast<py::object>() : value;
}

inline double real(const py::object& value, const char* name) {
  const double x = PyFloat_AsDouble(one_of(value).ptr());
  if (x == -1 && PyErr_Occurred()) {
    PyErr_Clear();
    wrong_type(name, "a number, got " + std::string(py::repr(value)));
  }
  return x;
}

inline Index number(const py::object& value, const char* name) {
  const py::object part = one_of(value);
  const std::string rule = "an integer, got ";
  if (PyIndex_Check(part.ptr()) == 0) wrong_type(name, rule + std::string(py::repr(value)));
  const long long n = PyLong_AsLongLong(part.ptr());
  if (n == -1 && PyErr_Occurred()) {
    const bool too_large = PyErr_ExceptionMatches(PyExc_OverflowError) != 0;
    PyErr_Clear();
    if (!too_large) wrong_type(name, rule + std::string(py::repr(value)));
    PyErr_SetString(PyExc_OverflowError, (std::string(name) + " is too large for 64 bits").c_str());
    throw py::error_already_set();
  }
  return n;
}

/// Of random numbers: 0 to 2⁶⁴ − 1.
inline std::uint64_t seed_from(const py::object& value) {
  const py::object part = one_of(value);
  if (PyIndex_Check(part.ptr()) == 0) wrong_type("seed", "an integer, got " + std::string(py::repr(value)));
  const auto integer = py::reinterpret_steal<py::object>(PyNumber_Index(part.ptr()));
  if (!integer) throw py::error_already_set();
  if (integer < py::int_(0))
    throw py::value_error("seed must not be negative, got " + std::string(py::str(integer)));
  const std::uint64_t seed = PyLong_AsUnsignedLongLong(integer.ptr());
  if (PyErr_Occurred() == nullptr) return seed;
  PyErr_Clear();
  PyErr_SetString(PyExc_OverflowError, "seed is too large for 64 bits");
  throw py::error_already_set();
}

inline std::optional<Index> optional_number(const py::object& value, const char* name) {
  return value.is_none() ? std::nullopt : std::optional(number(value, name));
}

/// None: the default, which C++ spells 0.
inline Index positive_or_default(const py::object& value, const char* name) {
  const auto n = optional_number(value, name);
  if (n && *n < 1)
    throw py::value_error(std::string(name) + " must be at least 1, got " + std::to_string(*n));
  return n.value_or(0);
}

template <class T>
using Named = std::vector<std::pair<const char*, T>>;

template <class T>
std::string names_of(const Named<T>& known) {
  std::string names;
  for (const auto& [name, value] : known) names += (names.empty() ? "" : ", ") + std::string(name);
  return names;
}

/// The words that stand for the values of an enumeration.
template <class E>
const Named<E> words;
template <>
inline const Named<Quality> words<Quality>{{"fast", Quality::fast},
                                           {"standard", Quality::standard},
                                           {"best", Quality::best},
                                           {"steep", Quality::steep}};
template <>
inline const Named<Goal> words<Goal>{{"low_latency", Goal::low_latency}, {"throughput", Goal::throughput}};
template <>
inline const Named<Phase> words<Phase>{{"linear", Phase::linear}, {"minimum", Phase::minimum}};
template <>
inline const Named<PadMode> words<PadMode>{{"constant", PadMode::constant},
                                           {"reflect", PadMode::reflect},
                                           {"replicate", PadMode::replicate},
                                           {"circular", PadMode::circular}};
template <>
inline const Named<InterpolateMode> words<InterpolateMode>{{"nearest", InterpolateMode::nearest},
                                                           {"nearest-exact", InterpolateMode::nearest_exact},
                                                           {"linear", InterpolateMode::linear}};
template <>
inline const Named<Pooling> words<Pooling>{{"max", Pooling::max}, {"mean", Pooling::mean}};
template <>
inline const Named<MelFraming> words<MelFraming>{
    {"center", MelFraming::center}, {"tight", MelFraming::tight}, {"drop_last", MelFraming::drop_last}};
template <>
inline const Named<MelScale> words<MelScale>{{"slaney", MelScale::slaney}, {"htk", MelScale::htk}};
template <>  // torchaudio and librosa say None
inline const Named<MelNorm> words<MelNorm>{
    {"slaney", MelNorm::slaney}, {"none", MelNorm::none}, {"None", MelNorm::none}};
template <>
inline const Named<LogKind> words<LogKind>{
    {"ln", LogKind::ln}, {"log10", LogKind::log10}, {"db", LogKind::db}};

template <>
inline const Named<Given> words<Given>{
    {"features", Given::features}, {"noise", Given::noise}, {"samples", Given::samples}};

template <class E>
E named(const std::string& word, const char* name) {
  for (const auto& [known, value] : words<E>)
    if (word == known) return value;
  throw py::value_error(std::string(name) + " must be one of " + names_of(words<E>) + ", got " + word);
}

template <class E>
const char* word_of(E value) {
  for (const auto& [text, known] : words<E>)
    if (known == value) return text;
  return "";
}

/// A matrix as an array [rows, columns] that owns it.
template <class Scalar>
py::array_t<Scalar> array_of(Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic> matrix) {
  using Matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic>;
  auto* owned = new Matrix(std::move(matrix));
  const py::capsule owner(owned, [](void* p) { delete static_cast<Matrix*>(p); });
  constexpr auto step = static_cast<py::ssize_t>(sizeof(Scalar));
  return {{owned->rows(), owned->cols()}, {step, step * owned->rows()}, owned->data(), owner};
}

/// One array, or a tuple of several.
inline py::object arrays_of(std::vector<Signal> signals) {
  if (signals.size() == 1) return array_of(std::move(signals[0]));
  py::tuple arrays(signals.size());
  for (std::size_t i = 0; i < signals.size(); ++i) arrays[i] = array_of(std::move(signals[i]));
  return arrays;
}

/// A signal of one channel as an array [frames].
inline py::object samples_of(Signal y) {
  return array_of(std::move(y))[py::int_(0)].cast<py::object>();
}

/// Of samples [frames] samples, where it is one channel.
inline py::object array_like(const Frames& x, Signal y) {
  return x.flat() && y.rows() == 1 ? samples_of(std::move(y)) : py::object(array_of(std::move(y)));
}

}  // namespace wavestride
