#include <wavestride.h>
#include <wavestride/arithmetic.h>
#include <wavestride/griffin_lim.h>
#include <wavestride/io.h>
#include <wavestride/mel.h>
#include <wavestride/operators.h>
#include <wavestride/resample.h>
#include <wavestride/samples.h>
#include <wavestride/stack.h>
#include <wavestride/stream.h>
#include <wavestride/varispeed.h>
#ifndef WAVESTRIDE_NO_MODELS
#include <wavestride/codec_encoder.h>
#include <wavestride/model.h>
#endif

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <new>

#include "check.h"
#include "thread_pool.h"

using namespace wavestride;

struct wavestride_op {
  Op op;
  std::optional<MelOptions> features = {};  // of a mel front end, and of what a model takes
  std::string no_analysis = {};             // why features of a model can't be made so
};

struct wavestride_stream {
  Stream stream;
  Index in_channels, out_channels, latency_frames;
  bool plain;  // of one input and one output
};

struct wavestride_varispeed {
  Varispeed varispeed;
  Index channels;
  bool finished = false;
};

namespace {

// Of a fixed size, so that a stream can complain without allocating.
thread_local char last_error[1024] = "";

// Text that does not fit ends before a whole character of UTF-8.
void end_at_character() noexcept {
  std::size_t end = sizeof last_error - 1;
  if (last_error[end - 1] == 0) return;
  do --end;
  while (end > sizeof last_error - 5 && (last_error[end] & 0xC0) == 0x80);
  last_error[end] = 0;
}

template <class... Parts>
[[gnu::cold, gnu::noinline]] wavestride_status complain(wavestride_status status, const char* format,
                                                        Parts... parts) noexcept {
  last_error[sizeof last_error - 2] = 0;
  std::snprintf(last_error, sizeof last_error, format, parts...);
  end_at_character();
  return status;
}

[[gnu::cold, gnu::noinline]] wavestride_status complain(wavestride_status status, const char* text) noexcept {
  return complain(status, "%s", text);
}

class Unsupported : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class TooSmall : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// The exception that is being handled, as a status.
[[gnu::cold]] wavestride_status status_of_exception() noexcept {
  try {
    throw;
  } catch (const NotStreamable& e) {
    return complain(WAVESTRIDE_NOT_STREAMABLE, e.what());
  } catch (const IoError& e) {
    return complain(WAVESTRIDE_IO_ERROR, e.what());
  } catch (const TooSmall& e) {
    return complain(WAVESTRIDE_TOO_SMALL, e.what());
  } catch (const Unsupported& e) {
    return complain(WAVESTRIDE_UNSUPPORTED, e.what());
  } catch (const std::bad_alloc&) {
    return complain(WAVESTRIDE_OUT_OF_MEMORY, "not enough memory");
  } catch (const std::length_error&) {
    return complain(WAVESTRIDE_OUT_OF_MEMORY, "larger than any memory");
  } catch (const std::invalid_argument& e) {
    return complain(WAVESTRIDE_INVALID_ARGUMENT, e.what());
  } catch (const std::exception& e) {
    return complain(WAVESTRIDE_INTERNAL_ERROR, e.what());
  } catch (...) {
    return complain(WAVESTRIDE_INTERNAL_ERROR, "an error of unknown kind");
  }
}

// What `work` throws as a status: no exception crosses the border. Small rather than fast: what must be fast
// does without.
template <class Work>
[[gnu::cold]] wavestride_status guarded(Work work) noexcept {
  try {
    work();
    return WAVESTRIDE_OK;
  } catch (...) {
    return status_of_exception();
  }
}

void require_given(const void* pointer, const char* name) {
  require(pointer != nullptr, name, " must not be null");
}

// The size that a caller's struct says it has. What an older version does not know of it ended after `oldest`
// bytes, what a newer one knows is beyond `known`.
std::size_t size_of(const void* given, const char* name, std::size_t oldest, std::size_t known) {
  require_given(given, name);
  constexpr std::size_t most = 65536;
  std::size_t size;
  std::memcpy(&size, given, sizeof size);
  require(size >= oldest && size <= most, name, ": size must be sizeof(", name, "), ", known, ", is ", size);
  return size;
}

// Fields that only a newer version knows must be 0.
void read_struct(const void* given, const char* name, std::size_t oldest, void* to, std::size_t known) {
  const std::size_t size = size_of(given, name, oldest, known);
  const auto bytes = static_cast<const unsigned char*>(given);
  const std::size_t common = std::min(size, known);
  require(std::all_of(bytes + common, bytes + size, [](unsigned char b) { return b == 0; }), name,
          ": sets fields that this version of the library does not have");
  std::memcpy(to, given, common);
}

// A caller's struct as this version knows it; what its version does not know is 0.
template <class T>
T known_part(const T* given, const char* name, std::size_t oldest = sizeof(T)) {
  static_assert(offsetof(T, size) == 0);
  T known{};
  read_struct(given, name, oldest, &known, sizeof known);
  return known;
}

// Sets a caller's struct, all but its size. What this version does not know is 0, what the caller's does not
// is left out.
template <class T>
void fill(T* given, const T& values, const char* name, std::size_t oldest = sizeof(T)) {
  const std::size_t size = size_of(given, name, oldest, sizeof(T)), common = std::min(size, sizeof(T));
  const auto bytes = reinterpret_cast<char*>(given);
  std::memcpy(bytes + sizeof size, reinterpret_cast<const char*>(&values) + sizeof size,
              common - sizeof size);
  std::memset(bytes + common, 0, size - common);
}

constexpr std::size_t most_parts = 64;

// A caller's array as this version knows it.
template <class T>
struct Parts {
  std::array<T, most_parts> known;
  std::size_t count = 0;
  const T* begin() const { return known.data(); }
  const T* end() const { return begin() + count; }
};

// Elements of a caller's array are as far apart as their size says.
template <class T>
T* part(T* first, std::size_t i) {
  using Byte = std::conditional_t<std::is_const_v<T>, const char, char>;
  return reinterpret_cast<T*>(reinterpret_cast<Byte*>(first) + i * first->size);
}

template <class T>
Parts<T> known_parts(const T* first, std::size_t count, const char* name) {
  require(count <= most_parts, name, ": at most ", most_parts, ", got ", count);
  if (count > 0) require_given(first, name);
  Parts<T> parts;
  for (; parts.count < count; ++parts.count) {
    const T* const at = part(first, parts.count);
    require(at->size == first->size, name, ": all must have the same size");
    parts.known[parts.count] = known_part(at, name);
    require(first->size % alignof(T) == 0, name, ": size must be a multiple of ", alignof(T));
  }
  return parts;
}

FramesView input(const float* data, Index channels, Index frames) {
  require(frames >= 0, "frames must not be negative, got ", frames);
  require(data != nullptr || frames == 0, "input must not be null");
  return {data, channels, frames};
}

void require_room(const float* out, Index capacity, Index frames) {
  if (capacity < frames)
    throw TooSmall(message("the output has room for ", capacity, " frames, and there are ", frames));
  require(out != nullptr || frames == 0, "output must not be null");
}

void require_plain(const Op& op) {
  require(op.inputs() == 1 && op.outputs() == 1, op.name(), " has ", op.inputs(), " inputs and ",
          op.outputs(), " outputs, must have one of each here");
}

// Runs `make` and gives what it made to the caller. `tell` writes what else the caller wants to know, where
// nothing can fail any more but that itself.
template <class Make, class Tell>
wavestride_status create(wavestride_op** op, Make make, Tell tell) noexcept {
  return guarded([&] {
    require_given(op, "op");
    auto made = std::make_unique<wavestride_op>(make());
    tell();
    *op = made.release();
  });
}

template <class Make>
wavestride_status create(wavestride_op** op, Make make) noexcept {
  return create(op, make, [] {});
}

Tensor tensor_of(const wavestride_array& array) {
  constexpr std::size_t most_dimensions = 8;
  constexpr Index most_values = Index{1} << 40;
  require(array.dimensions >= 1 && array.dimensions <= most_dimensions, "array ", array.name,
          ": dimensions must be 1 to ", most_dimensions, ", got ", array.dimensions);
  require_given(array.shape, "shape");
  Index values = 1;
  for (std::size_t i = 0; i < array.dimensions; ++i) {
    const Index n = array.shape[i];
    require(n >= 0 && (n == 0 || values <= most_values / n), "array ", array.name, ": dimension ", i,
            " can't be ", n);
    values *= n;
  }
  require(array.data != nullptr || values == 0, "array ", array.name, ": data must not be null");
  return {{array.shape, array.shape + array.dimensions}, {array.data, array.data + values}};
}

OperatorSettings settings_of(const wavestride_op_config& config) {
  require(config.inputs <= most_parts && config.option_count <= most_parts, "at most ", most_parts,
          " inputs and options");
  OperatorSettings settings;
  if (config.inputs > 0) require_given(config.channels, "channels");
  settings.channels.assign(config.channels, config.channels + config.inputs);
  if (config.lengths != nullptr) settings.lengths.assign(config.lengths, config.lengths + config.inputs);
  for (const Index length : settings.lengths)
    require(length >= 0, "lengths must not be negative, got ", length);
  if (config.option_count > 0) require_given(config.options, "options");
  for (std::size_t i = 0; i < config.option_count; ++i) {
    const wavestride_option& option = config.options[i];
    require_given(option.name, "the name of an option");
    require(option.value != nullptr, "option ", option.name, ": value must not be null");
    require(settings.options.emplace(option.name, option.value).second, "option ", option.name,
            " is given twice");
  }
  for (const wavestride_array& array : known_parts(config.arrays, config.array_count, "wavestride_array")) {
    require_given(array.name, "the name of an array");
    require(settings.arrays.emplace(array.name, tensor_of(array)).second, "array ", array.name,
            " is given twice");
  }
  return settings;
}

// C's number of a value of E, of which there are `count`.
template <class E>
E enum_of(std::int32_t value, std::int32_t count, const char* name) {
  require(value >= 0 && value < count, name, " must be 0 to ", count - 1, ", got ", value);
  return static_cast<E>(value);
}
template <auto A, auto B>
constexpr bool same = static_cast<int>(A) == static_cast<int>(B);
static_assert(same<MelFraming::center, WAVESTRIDE_MEL_CENTER> &&
              same<MelFraming::tight, WAVESTRIDE_MEL_TIGHT> &&
              same<MelFraming::drop_last, WAVESTRIDE_MEL_DROP_LAST>);
static_assert(same<MelScale::slaney, WAVESTRIDE_MEL_SCALE_SLANEY> &&
              same<MelScale::htk, WAVESTRIDE_MEL_SCALE_HTK>);
static_assert(same<MelNorm::slaney, WAVESTRIDE_MEL_NORM_SLANEY> &&
              same<MelNorm::none, WAVESTRIDE_MEL_NORM_NONE>);
static_assert(same<LogKind::ln, WAVESTRIDE_LOG_LN> && same<LogKind::log10, WAVESTRIDE_LOG_10> &&
              same<LogKind::db, WAVESTRIDE_LOG_DB>);

Quality quality_of(std::int32_t quality) {
  static constexpr Quality qualities[] = {Quality::standard, Quality::fast, Quality::best, Quality::steep};
  return qualities[enum_of<std::int32_t>(quality, std::size(qualities), "quality")];
}

constexpr const char* mel_config_name = "wavestride_mel_config";

MelOptions options_of(const wavestride_mel_config& c) {
  constexpr std::size_t most_taps = 65536;
  require(c.prefilter_taps <= most_taps, "prefilter_taps must be at most ", most_taps, ", got ",
          c.prefilter_taps);
  if (c.prefilter_taps > 0) require_given(c.prefilter, "prefilter");
  return {.name = c.name == nullptr ? "mel" : c.name,
          .sample_rate = c.sample_rate,
          .prefilter = {c.prefilter, c.prefilter + c.prefilter_taps},
          .n_fft = c.n_fft,
          .hop_length = c.hop_length,
          .win_length = c.win_length,
          .framing = enum_of<MelFraming>(c.framing, 3, "framing"),
          .power = c.power,
          .epsilon = c.epsilon,
          .n_mels = c.n_mels,
          .f_min = c.f_min,
          .f_max = c.f_max,
          .mel_scale = enum_of<MelScale>(c.mel_scale, 2, "mel_scale"),
          .norm = enum_of<MelNorm>(c.norm, 2, "norm"),
          .log = enum_of<LogKind>(c.log, 3, "log"),
          .floor = c.floor,
          .scale = c.scale,
          .offset = c.offset,
          .clip_low = c.clip_low,
          .clip_high = c.clip_high,
          .peak_range = c.peak_range};
}

#ifndef WAVESTRIDE_NO_MODELS
static_assert(same<Given::features, WAVESTRIDE_GIVEN_FEATURES> &&
              same<Given::noise, WAVESTRIDE_GIVEN_NOISE> && same<Given::samples, WAVESTRIDE_GIVEN_SAMPLES>);

ModelOptions options_of(const wavestride_model_config& config, Arithmetic& arithmetic) {
  const auto c =
      known_part(&config, "wavestride_model_config", offsetof(wavestride_model_config, int8_weights));
  const auto text = [](const char* s) { return std::string(s == nullptr ? "" : s); };
  arithmetic = {.minimal_filtering = c.minimal_filtering != 0,
                .bfloat16 = c.bfloat16 != 0,
                .int8 = c.int8_weights != 0};
  ModelOptions options{
      .config = text(c.config), .preset = text(c.preset), .stats = text(c.stats), .seed = c.seed};
  if (c.speaker != nullptr) options.speaker = *c.speaker;
  if (c.prefix != nullptr) options.prefix = c.prefix;
  options.given = enum_of<Given>(c.given, 3, "given");
  if (c.bandwidth_kbps != 0) options.bandwidth_kbps = c.bandwidth_kbps;
  if (c.codebooks != 0) options.codebooks = c.codebooks;
  constexpr std::size_t most = 65536;
  require(c.speaker_embedding_size <= most, "speaker_embedding_size must be at most ", most, ", got ",
          c.speaker_embedding_size);
  if (c.speaker_embedding_size > 0) require_given(c.speaker_embedding, "speaker_embedding");
  options.speaker_embedding.assign(c.speaker_embedding, c.speaker_embedding + c.speaker_embedding_size);
  return options;
}
#endif

// What `op` makes of sound, or takes.
const MelOptions& features_of(const wavestride_op* op) {
  require_given(op, "op");
  require(op->features && op->no_analysis.empty(), op->op.name(), ": ",
          op->features ? op->no_analysis : "was not made by wavestride_mel_create or wavestride_model_load");
  return *op->features;
}

// Texts and arrays stay those of `o`.
void fill_config(wavestride_mel_config* config, const MelOptions& o) {
  fill(config,
       {.size = 0,
        .name = o.name.c_str(),
        .sample_rate = o.sample_rate,
        .n_fft = o.n_fft,
        .hop_length = o.hop_length,
        .win_length = o.win_length,
        .n_mels = o.n_mels,
        .f_min = o.f_min,
        .f_max = o.f_max,
        .power = o.power,
        .epsilon = o.epsilon,
        .floor = o.floor,
        .scale = o.scale,
        .offset = o.offset,
        .clip_low = o.clip_low,
        .clip_high = o.clip_high,
        .peak_range = o.peak_range,
        .prefilter = o.prefilter.empty() ? nullptr : o.prefilter.data(),
        .prefilter_taps = o.prefilter.size(),
        .framing = static_cast<std::int32_t>(o.framing),
        .mel_scale = static_cast<std::int32_t>(o.mel_scale),
        .norm = static_cast<std::int32_t>(o.norm),
        .log = static_cast<std::int32_t>(o.log)},
       mel_config_name);
}

std::optional<double> unless_0(double value) {
  return value == 0 ? std::nullopt : std::optional(value);
}

constexpr const char* is_finished = "the stream is finished, reset begins a new signal";

// What is wrong with the frames that a call of a stream takes.
wavestride_status check_taken(const float* in, Index in_frames) noexcept {
  if (in_frames < 0) return complain(WAVESTRIDE_INVALID_ARGUMENT, "frames must not be negative");
  if (in == nullptr && in_frames > 0) return complain(WAVESTRIDE_INVALID_ARGUMENT, "input must not be null");
  return WAVESTRIDE_OK;
}

// What is wrong with where it should write its `frames`.
wavestride_status check_given(bool finished, Index frames, const float* out, Index capacity,
                              const std::int64_t* out_frames) noexcept {
  if (finished) return complain(WAVESTRIDE_INVALID_ARGUMENT, is_finished);
  if (out_frames == nullptr) return complain(WAVESTRIDE_INVALID_ARGUMENT, "out_frames must not be null");
  if (capacity < frames)
    return complain(WAVESTRIDE_TOO_SMALL, "the output has room for %lld frames, and there are %lld",
                    static_cast<long long>(capacity), static_cast<long long>(frames));
  if (out == nullptr && frames > 0) return complain(WAVESTRIDE_INVALID_ARGUMENT, "output must not be null");
  return WAVESTRIDE_OK;
}

wavestride_status check_plain(const wavestride_stream* stream) noexcept {
  if (stream == nullptr) return complain(WAVESTRIDE_INVALID_ARGUMENT, "stream must not be null");
  if (!stream->plain)
    return complain(WAVESTRIDE_INVALID_ARGUMENT, "the stream has several inputs or outputs: see push_all");
  return WAVESTRIDE_OK;
}

wavestride_status check_varispeed(const wavestride_varispeed* varispeed) noexcept {
  return varispeed != nullptr ? WAVESTRIDE_OK
                              : complain(WAVESTRIDE_INVALID_ARGUMENT, "varispeed must not be null");
}

// Writes the number that `read` gives of a handle, both named as messages name them.
template <class Handle, class Number, class Read>
wavestride_status tell(const Handle* handle, const char* handle_name, Number* to, const char* to_name,
                       Read read) noexcept {
  return guarded([&] {
    require_given(handle, handle_name);
    require_given(to, to_name);
    *to = read();
  });
}

// Frames taken and given by what is `of` a handle.
template <class Handle, class Of>
wavestride_status tell_position(const Handle* handle, const char* handle_name, Of Handle::*of,
                                std::int64_t* received, std::int64_t* emitted) noexcept {
  return guarded([&] {
    require_given(handle, handle_name);
    require_given(received, "received");
    require_given(emitted, "emitted");
    *received = (handle->*of).received();
    *emitted = (handle->*of).emitted();
  });
}

// Signals that a call reads and writes, of which the latter need room for so many frames each.
struct Signals {
  Signals(std::size_t input_count, std::size_t output_count) : inputs(input_count), outputs(output_count) {}
  std::array<FramesView, most_parts> in;
  std::array<Index, most_parts> in_frames;
  std::array<FramesSpan, most_parts> out;
  std::array<Index, most_parts> out_frames;
  std::size_t inputs, outputs;

  std::span<const FramesView> taken() const { return {in.data(), inputs}; }
  std::span<const Index> lengths() const { return {in_frames.data(), inputs}; }
  std::span<Index> counts() { return {out_frames.data(), outputs}; }
};

void require_ports(const Op& op, std::size_t inputs, std::size_t outputs) {
  require(static_cast<Index>(inputs) == op.inputs() && static_cast<Index>(outputs) == op.outputs(), op.name(),
          " has ", op.inputs(), " inputs and ", op.outputs(), " outputs, not ", inputs, " and ", outputs);
}

void take(Signals& signals, const Op& op, const wavestride_signal* inputs) {
  std::size_t i = 0;
  for (const wavestride_signal& x : known_parts(inputs, signals.inputs, "wavestride_signal")) {
    const Index channels = op.in_channels(static_cast<Index>(i));
    require(x.channels == channels, "input ", i, " has ", channels, " channels, not ", x.channels);
    signals.in[i] = input(x.data, x.channels, x.frames);
    signals.in_frames[i++] = x.frames;
  }
}

void make_room(Signals& signals, const Op& op, const wavestride_signal* outputs) {
  std::size_t o = 0;
  for (const wavestride_signal& y : known_parts(outputs, signals.outputs, "wavestride_signal")) {
    const Index channels = op.out_channels(static_cast<Index>(o)), frames = signals.out_frames[o];
    require(y.channels == channels, "output ", o, " has ", channels, " channels, not ", y.channels);
    require_room(y.data, y.capacity, frames);
    signals.out[o++] = {y.data, channels, frames};
  }
}

void tell_frames(const Signals& signals, wavestride_signal* outputs) {
  for (std::size_t o = 0; o < signals.outputs; ++o) part(outputs, o)->frames = signals.out_frames[o];
}

}  // namespace

extern "C" {

const char* wavestride_last_error(void) {
  return last_error;
}

const char* wavestride_version(void) {
  return WAVESTRIDE_VERSION;
}

void wavestride_op_free(wavestride_op* op) {
  delete op;
}

wavestride_status wavestride_op_get_info(const wavestride_op* op, wavestride_op_info* info) {
  return guarded([&] {
    require_given(op, "op");
    const Ratio rate = op->op.rate();
    fill(info,
         {.size = 0,
          .inputs = op->op.inputs(),
          .outputs = op->op.outputs(),
          .in_channels = op->op.in_channels(),
          .out_channels = op->op.out_channels(),
          .rate_num = rate.num,
          .rate_den = rate.den,
          .latency_frames = op->op.latency_frames(),
          .lookahead_frames = op->op.lookahead_frames(),
          .receptive_field = op->op.receptive_field(),
          .streamable = op->op.streamable()},
         "wavestride_op_info");
  });
}

const char* wavestride_op_name(const wavestride_op* op) {
  return op == nullptr ? nullptr : op->op.name().c_str();
}

wavestride_status wavestride_op_total(const wavestride_op* op, int64_t frames, int64_t* total) {
  return guarded([&] {
    require_given(op, "op");
    require_given(total, "total");
    require(frames >= 0, "frames must not be negative, got ", frames);
    *total = op->op.total(frames);
  });
}

wavestride_status wavestride_op_run(const wavestride_op* op, const float* in, int64_t in_frames, float* out,
                                    int64_t capacity, int64_t* out_frames) {
  return guarded([&] {
    require_given(op, "op");
    require_given(out_frames, "out_frames");
    require_plain(op->op);
    const FramesView x = input(in, op->op.in_channels(), in_frames);
    require_room(out, capacity, op->op.total(in_frames));
    const Signal y = op->op(x);
    std::copy_n(y.data(), y.size(), out);
    *out_frames = y.cols();
  });
}

wavestride_status wavestride_op_run_all(const wavestride_op* op, const wavestride_signal* inputs,
                                        size_t input_count, wavestride_signal* outputs, size_t output_count) {
  return guarded([&] {
    require_given(op, "op");
    require_ports(op->op, input_count, output_count);
    Signals signals(input_count, output_count);
    take(signals, op->op, inputs);
    for (std::size_t o = 0; o < output_count; ++o)
      signals.out_frames[o] = op->op.total(signals.lengths(), static_cast<Index>(o));
    make_room(signals, op->op, outputs);
    const std::vector<Signal> results = op->op(signals.taken());
    for (std::size_t o = 0; o < output_count; ++o)
      std::copy_n(results[o].data(), results[o].size(), signals.out[o].data());
    tell_frames(signals, outputs);
  });
}

wavestride_status wavestride_resampler_create(const wavestride_resampler_config* config, wavestride_op** op) {
  return create(op, [&]() -> wavestride_op {
    const auto c =
        known_part(config, "wavestride_resampler_config", offsetof(wavestride_resampler_config, throughput));
    return {op::resample(c.channels, c.in_hz, c.out_hz,
                         {.quality = quality_of(c.quality),
                          .stopband_db = unless_0(c.stopband_db),
                          .passband = unless_0(c.passband),
                          .max_delay_s = unless_0(c.max_delay_s),
                          .phase = c.minimum_phase != 0 ? Phase::minimum : Phase::linear,
                          .causal = c.causal != 0,
                          .goal = c.throughput != 0 ? Goal::throughput : Goal::low_latency})};
  });
}

wavestride_status wavestride_mel_create(const char* preset, wavestride_mel_info* info, wavestride_op** op) {
  wavestride_mel_info known{};
  return create(
      op,
      [&]() -> wavestride_op {
        require_given(preset, "preset");
        const MelOptions& options = mel_preset(preset);
        known = {0, options.sample_rate, options.n_fft, options.hop_length, options.n_mels};
        return {op::mel_spectrogram(options), options};
      },
      [&] {
        if (info != nullptr) fill(info, known, "wavestride_mel_info");
      });
}

const char* wavestride_mel_preset_name(size_t i) {
  const auto presets = mel_presets();
  return i < presets.size() ? presets[i].name.c_str() : nullptr;
}

wavestride_status wavestride_mel_get_config(const char* preset, wavestride_mel_config* config) {
  return guarded([&] {
    static const MelOptions usual;
    fill_config(config, preset == nullptr ? usual : mel_preset(preset));
  });
}

wavestride_status wavestride_mel_create_with(const wavestride_mel_config* config, wavestride_op** op) {
  return create(op, [&]() -> wavestride_op {
    MelOptions options = options_of(known_part(config, mel_config_name));
    return {op::mel_spectrogram(options), options};
  });
}

wavestride_status wavestride_op_get_mel_config(const wavestride_op* op, wavestride_mel_config* config) {
  return guarded([&] { fill_config(config, features_of(op)); });
}

wavestride_status wavestride_op_create(const char* name, const wavestride_op_config* config,
                                       wavestride_op** op) {
  return create(op, [&]() -> wavestride_op {
    require_given(name, "name");
    return {op::by_name(name, settings_of(known_part(config, "wavestride_op_config",
                                                     offsetof(wavestride_op_config, lengths))))};
  });
}

wavestride_status wavestride_griffin_lim(const wavestride_op* op, const float* features, int64_t frames,
                                         int64_t iterations, uint64_t seed, float* out, int64_t capacity,
                                         int64_t* out_frames) {
  return guarded([&] {
    require_given(out_frames, "out_frames");
    const MelOptions& made_by = features_of(op);
    const FramesView x = input(features, made_by.n_mels, frames);
    require_room(out, capacity, op::istft(made_by.stft()).total(frames));
    const Signal y = vocode_griffin_lim(x, made_by, {.n_iter = iterations, .seed = seed});
    std::copy_n(y.data(), y.size(), out);
    *out_frames = y.cols();
  });
}

wavestride_status wavestride_stack_create(const wavestride_op* const* ops, size_t count, wavestride_op** op) {
  return create(op, [&]() -> wavestride_op {
    require(count >= 1 && count <= most_parts, "a stack is of 1 to ", most_parts, " operators, got ", count);
    require_given(ops, "ops");
    std::vector<Op> sequence;
    std::string name;
    for (std::size_t i = 0; i < count; ++i) {
      require(ops[i] != nullptr, "operator ", i, " must not be null");
      require_plain(ops[i]->op);
      sequence.push_back(ops[i]->op);
      name = message(name, i == 0 ? "" : ", ", ops[i]->op.name());
    }
    return {Stack(sequence, name)};
  });
}

#ifdef WAVESTRIDE_NO_MODELS
wavestride_status wavestride_model_load(const char*, const wavestride_model_config*, wavestride_model_info*,
                                        wavestride_op**) {
  return complain(WAVESTRIDE_UNSUPPORTED, "this library was built without models");
}
wavestride_status wavestride_codec_encoder_load(const char*, const wavestride_model_config*,
                                                wavestride_codec_encoder_info*, wavestride_op**) {
  return complain(WAVESTRIDE_UNSUPPORTED, "this library was built without models");
}
#else
wavestride_status wavestride_model_load(const char* path, const wavestride_model_config* config,
                                        wavestride_model_info* info, wavestride_op** op) {
  constexpr const char* info_name = "wavestride_model_info";
  constexpr std::size_t oldest = offsetof(wavestride_model_info, codes);
  wavestride_model_info known{};
  return create(
      op,
      [&]() -> wavestride_op {
        if (info != nullptr) size_of(info, info_name, oldest, sizeof known);
        Arithmetic arithmetic;
        const ModelOptions options = config != nullptr ? options_of(*config, arithmetic) : ModelOptions();
        Model model = load_model(path == nullptr ? data_file(default_vocoder_file) : path, options);
        model.network = compute_by(model.network, arithmetic);
        const Ratio upsampling = model.upsampling();
        known = {0,
                 model.features.sample_rate,
                 model.features.n_mels,
                 upsampling.num,
                 upsampling.den,
                 model.lookahead_seconds(),
                 model.codes};
        return {model.network, std::move(model.features), std::move(model.no_analysis)};
      },
      [&] {
        if (info != nullptr) fill(info, known, info_name, oldest);
      });
}

wavestride_status wavestride_codec_encoder_load(const char* path, const wavestride_model_config* config,
                                                wavestride_codec_encoder_info* info, wavestride_op** op) {
  constexpr const char* info_name = "wavestride_codec_encoder_info";
  wavestride_codec_encoder_info known{};
  return create(
      op,
      [&]() -> wavestride_op {
        require_given(path, "path");
        if (info != nullptr) size_of(info, info_name, sizeof known, sizeof known);
        Arithmetic arithmetic;
        const ModelOptions options = config != nullptr ? options_of(*config, arithmetic) : ModelOptions();
        const CodecEncoder encoder = compute_by(load_codec_encoder(path, options), arithmetic);
        known = {0, encoder.sample_rate, encoder.hop_length, encoder.network.out_channels(), encoder.codes};
        return {encoder.network};
      },
      [&] {
        if (info != nullptr) fill(info, known, info_name, sizeof known);
      });
}
#endif

wavestride_status wavestride_stream_create(const wavestride_op* op, wavestride_stream** stream) {
  const wavestride_stream_config config = {.size = sizeof config, .threads = 1};
  return wavestride_stream_create_with(op, &config, stream);
}

wavestride_status wavestride_stream_create_with(const wavestride_op* op,
                                                const wavestride_stream_config* config,
                                                wavestride_stream** stream) {
  return guarded([&] {
    require_given(op, "op");
    require_given(stream, "stream");
    const wavestride_stream_config given = known_part(config, "wavestride_stream_config");
    constexpr Index all = 0, most = ThreadPool::most_threads;
    require(given.threads >= -1 && given.threads <= most, "threads must be −1 (all) to ", most, ", got ",
            given.threads);
    const StreamOptions options{.threads = given.threads == -1 ? all : std::max<Index>(given.threads, 1)};
    *stream = new wavestride_stream{op->op.stream(options), op->op.in_channels(), op->op.out_channels(),
                                    op->op.latency_frames(), op->op.inputs() == 1 && op->op.outputs() == 1};
  });
}

void wavestride_stream_free(wavestride_stream* stream) {
  delete stream;
}

wavestride_status wavestride_stream_frames_after(const wavestride_stream* stream, int64_t frames,
                                                 int64_t* out_frames) {
  return tell(stream, "stream", out_frames, "out_frames", [&] {
    require(frames >= 0, "frames must not be negative, got ", frames);
    const Op& op = stream->stream.op();
    std::array<Index, most_parts> each, given;
    each.fill(frames);
    stream->stream.frames_after({each.data(), static_cast<std::size_t>(op.inputs())},
                                {given.data(), static_cast<std::size_t>(op.outputs())});
    return given[0];
  });
}

wavestride_status wavestride_stream_frames_at_finish(const wavestride_stream* stream, int64_t* out_frames) {
  return tell(stream, "stream", out_frames, "out_frames", [&] { return stream->stream.frames_at_finish(); });
}

wavestride_status wavestride_stream_frames_at_finish_with(const wavestride_stream* stream, int64_t frames,
                                                          int64_t* out_frames) {
  return tell(stream, "stream", out_frames, "out_frames", [&] {
    require_plain(stream->stream.op());
    require(frames >= 0, "frames must not be negative, got ", frames);
    return stream->stream.frames_at_finish(frames);
  });
}

wavestride_status wavestride_stream_push(wavestride_stream* stream, const float* in, int64_t in_frames,
                                         float* out, int64_t capacity, int64_t* out_frames) {
  if (const auto wrong = check_plain(stream)) return wrong;
  if (const auto wrong = check_taken(in, in_frames)) return wrong;
  const Index frames = stream->stream.frames_after(in_frames);
  if (const auto wrong = check_given(stream->stream.finished(), frames, out, capacity, out_frames))
    return wrong;
  *out_frames = stream->stream.push(FramesView(in, stream->in_channels, in_frames),
                                    FramesSpan(out, stream->out_channels, frames));
  return WAVESTRIDE_OK;
}

wavestride_status wavestride_stream_finish(wavestride_stream* stream, float* out, int64_t capacity,
                                           int64_t* out_frames) {
  return wavestride_stream_finish_with(stream, nullptr, 0, out, capacity, out_frames);
}

wavestride_status wavestride_stream_finish_with(wavestride_stream* stream, const float* last,
                                                int64_t last_frames, float* out, int64_t capacity,
                                                int64_t* out_frames) {
  if (const auto wrong = check_plain(stream)) return wrong;
  if (const auto wrong = check_taken(last, last_frames)) return wrong;
  const Index frames = stream->stream.frames_at_finish(last_frames);
  if (const auto wrong = check_given(stream->stream.finished(), frames, out, capacity, out_frames))
    return wrong;
  *out_frames = stream->stream.finish_with(FramesView(last, stream->in_channels, last_frames),
                                           FramesSpan(out, stream->out_channels, frames));
  return WAVESTRIDE_OK;
}

wavestride_status wavestride_stream_push_all(wavestride_stream* stream, const wavestride_signal* inputs,
                                             size_t input_count, wavestride_signal* outputs,
                                             size_t output_count) {
  return guarded([&] {
    require_given(stream, "stream");
    const Op& op = stream->stream.op();
    require_ports(op, input_count, output_count);
    require(!stream->stream.finished(), is_finished);
    Signals signals(input_count, output_count);
    take(signals, op, inputs);
    stream->stream.frames_after(signals.lengths(), signals.counts());
    make_room(signals, op, outputs);
    stream->stream.push(signals.taken(), {signals.out.data(), output_count}, signals.counts());
    tell_frames(signals, outputs);
  });
}

wavestride_status wavestride_stream_finish_all(wavestride_stream* stream, wavestride_signal* outputs,
                                               size_t output_count) {
  return guarded([&] {
    require_given(stream, "stream");
    const Op& op = stream->stream.op();
    require_ports(op, static_cast<std::size_t>(op.inputs()), output_count);
    require(!stream->stream.finished(), is_finished);
    Signals signals(0, output_count);
    stream->stream.frames_at_finish(signals.counts());
    make_room(signals, op, outputs);
    stream->stream.finish({signals.out.data(), output_count}, signals.counts());
    tell_frames(signals, outputs);
  });
}

wavestride_status wavestride_stream_reset(wavestride_stream* stream) {
  if (stream == nullptr) return complain(WAVESTRIDE_INVALID_ARGUMENT, "stream must not be null");
  stream->stream.reset();
  return WAVESTRIDE_OK;
}

wavestride_status wavestride_stream_position(const wavestride_stream* stream, int64_t* received,
                                             int64_t* emitted) {
  return tell_position(stream, "stream", &wavestride_stream::stream, received, emitted);
}

wavestride_status wavestride_stream_latency(const wavestride_stream* stream, int64_t* out_frames) {
  return tell(stream, "stream", out_frames, "out_frames", [&] { return stream->latency_frames; });
}

wavestride_status wavestride_varispeed_create(const wavestride_varispeed_config* config,
                                              wavestride_varispeed** varispeed) {
  return guarded([&] {
    require_given(varispeed, "varispeed");
    const auto c = known_part(config, "wavestride_varispeed_config");
    *varispeed = new wavestride_varispeed{
        Varispeed(c.channels, unless_0(c.speed).value_or(1), quality_of(c.quality)), c.channels};
  });
}

void wavestride_varispeed_free(wavestride_varispeed* varispeed) {
  delete varispeed;
}

wavestride_status wavestride_varispeed_set_speed(wavestride_varispeed* varispeed, double speed,
                                                 int64_t ramp_frames) {
  if (const auto wrong = check_varispeed(varispeed)) return wrong;
  if (!(speed >= Varispeed::slowest && speed <= Varispeed::fastest))
    return complain(WAVESTRIDE_INVALID_ARGUMENT, "speed must be 1/%g to %g, got %g", 1 / Varispeed::slowest,
                    Varispeed::fastest, std::isnan(speed) ? std::abs(speed) : speed);
  if (ramp_frames < 0) return complain(WAVESTRIDE_INVALID_ARGUMENT, "ramp_frames must not be negative");
  varispeed->varispeed.set_speed(speed, ramp_frames);
  return WAVESTRIDE_OK;
}

wavestride_status wavestride_varispeed_get_speed(const wavestride_varispeed* varispeed, double* speed) {
  return tell(varispeed, "varispeed", speed, "speed", [&] { return varispeed->varispeed.speed(); });
}

wavestride_status wavestride_varispeed_lookahead(const wavestride_varispeed* varispeed, double speed,
                                                 int64_t* in_frames) {
  return tell(varispeed, "varispeed", in_frames, "in_frames",
              [&] { return varispeed->varispeed.lookahead_frames(speed); });
}

wavestride_status wavestride_varispeed_frames_after(const wavestride_varispeed* varispeed, int64_t frames,
                                                    int64_t* out_frames) {
  return tell(varispeed, "varispeed", out_frames, "out_frames", [&] {
    require(frames >= 0, "frames must not be negative, got ", frames);
    return varispeed->varispeed.frames_after(frames);
  });
}

wavestride_status wavestride_varispeed_frames_at_finish(const wavestride_varispeed* varispeed,
                                                        int64_t* out_frames) {
  return tell(varispeed, "varispeed", out_frames, "out_frames",
              [&] { return varispeed->varispeed.frames_at_finish(); });
}

wavestride_status wavestride_varispeed_push(wavestride_varispeed* varispeed, const float* in,
                                            int64_t in_frames, float* out, int64_t capacity,
                                            int64_t* out_frames) {
  if (const auto wrong = check_varispeed(varispeed)) return wrong;
  if (const auto wrong = check_taken(in, in_frames)) return wrong;
  const Index frames = varispeed->varispeed.frames_after(in_frames);
  if (const auto wrong = check_given(varispeed->finished, frames, out, capacity, out_frames)) return wrong;
  *out_frames = varispeed->varispeed.push(FramesView(in, varispeed->channels, in_frames),
                                          FramesSpan(out, varispeed->channels, frames));
  return WAVESTRIDE_OK;
}

wavestride_status wavestride_varispeed_finish(wavestride_varispeed* varispeed, float* out, int64_t capacity,
                                              int64_t* out_frames) {
  if (const auto wrong = check_varispeed(varispeed)) return wrong;
  const Index frames = varispeed->varispeed.frames_at_finish();
  if (const auto wrong = check_given(varispeed->finished, frames, out, capacity, out_frames)) return wrong;
  *out_frames = varispeed->varispeed.finish(FramesSpan(out, varispeed->channels, frames));
  varispeed->finished = true;
  return WAVESTRIDE_OK;
}

wavestride_status wavestride_varispeed_reset(wavestride_varispeed* varispeed) {
  if (const auto wrong = check_varispeed(varispeed)) return wrong;
  varispeed->varispeed.reset();
  varispeed->finished = false;
  return WAVESTRIDE_OK;
}

wavestride_status wavestride_varispeed_position(const wavestride_varispeed* varispeed, int64_t* received,
                                                int64_t* emitted) {
  return tell_position(varispeed, "varispeed", &wavestride_varispeed::varispeed, received, emitted);
}

wavestride_status wavestride_to_int16(const float* in, int64_t samples, const uint64_t* dither_seed,
                                      int64_t first_sample, int16_t* out, int64_t* saturated) {
  if (const auto wrong = check_taken(in, samples)) return wrong;
  if (out == nullptr && samples > 0) return complain(WAVESTRIDE_INVALID_ARGUMENT, "output must not be null");
  SampleOptions options;
  if (dither_seed != nullptr) options.dither_seed = *dither_seed;
  const Index clipped = to_samples(FramesView(in, 1, samples),
                                   std::span(out, static_cast<std::size_t>(samples)), options, first_sample);
  if (saturated != nullptr) *saturated = clipped;
  return WAVESTRIDE_OK;
}

wavestride_status wavestride_from_int16(const int16_t* in, int64_t samples, float* out) {
  if (samples < 0) return complain(WAVESTRIDE_INVALID_ARGUMENT, "samples must not be negative");
  if (samples > 0 && (in == nullptr || out == nullptr))
    return complain(WAVESTRIDE_INVALID_ARGUMENT, "input and output must not be null");
  constexpr float step = 1.0f / 32768;
  std::transform(in, in + samples, out, [](std::int16_t x) { return static_cast<float>(x) * step; });
  return WAVESTRIDE_OK;
}

}  // extern "C"
