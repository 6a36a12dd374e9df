#include <wavestride.h>
#include <wavestride/arithmetic.h>
#include <wavestride/io.h>
#include <wavestride/mel.h>
#include <wavestride/operators.h>
#include <wavestride/resample.h>
#include <wavestride/stream.h>
#ifndef WAVESTRIDE_NO_MODELS
#include <wavestride/model.h>
#endif

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <new>

#include "check.h"

using namespace wavestride;

struct wavestride_op {
  Op op;
};

struct wavestride_stream {
  Stream stream;
  Index in_channels, out_channels, latency_frames;
};

namespace {

// Of a fixed size, so that a stream can complain without allocating.
thread_local char last_error[1024] = "";

template <class... Parts>
wavestride_status complain(wavestride_status status, const char* format, Parts... parts) noexcept {
  std::snprintf(last_error, sizeof last_error, format, parts...);
  return status;
}

wavestride_status complain(wavestride_status status, const char* text) noexcept {
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

// What `work` throws as a status: no exception crosses the border.
template <class Work>
wavestride_status guarded(Work work) noexcept {
  try {
    work();
    return WAVESTRIDE_OK;
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

template <class T>
void require_given(const T* pointer, const char* name) {
  require(pointer != nullptr, name, " must not be null");
}

// A caller's struct as this version knows it. Fields that only a newer version knows must be 0; those that an
// older one does not know, which ended after `oldest` bytes, are 0.
template <class T>
T known_part(const T* given, const char* name, std::size_t oldest = sizeof(T)) {
  require_given(given, name);
  T known{};
  require(given->size >= oldest && given->size <= 65536, name, ": size must be sizeof(", name, "), ",
          sizeof known, ", is ", given->size);
  const auto bytes = reinterpret_cast<const unsigned char*>(given);
  const std::size_t size = std::min(given->size, sizeof known);
  require(std::all_of(bytes + size, bytes + given->size, [](unsigned char b) { return b == 0; }), name,
          ": sets fields that this version of the library does not have");
  std::memcpy(&known, given, size);
  return known;
}

// Sets a caller's struct, all but its size.
template <class T>
void fill(T* given, T values, const char* name) {
  values.size = known_part(given, name).size;
  std::memcpy(given, &values, sizeof values);
}

// Elements of a caller's array are as far apart as their size says.
template <class T>
std::vector<T> known_parts(const T* first, std::size_t count, const char* name) {
  constexpr std::size_t most = 64;
  require(count <= most, name, ": at most ", most, ", got ", count);
  if (count > 0) require_given(first, name);
  std::vector<T> parts;
  for (std::size_t i = 0; i < count; ++i) {
    const auto at = reinterpret_cast<const char*>(first) + i * first->size;
    parts.push_back(known_part(reinterpret_cast<const T*>(at), name));
    require(parts.back().size == first->size, name, ": all must have the same size");
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

// Runs `make` and gives its Op to the caller.
template <class Make>
wavestride_status create(wavestride_op** op, Make make) noexcept {
  return guarded([&] {
    require_given(op, "op");
    *op = new wavestride_op{make()};
  });
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
  constexpr std::size_t most = 64;
  require(config.inputs <= most && config.option_count <= most, "at most ", most, " inputs and options");
  OperatorSettings settings;
  if (config.inputs > 0) require_given(config.channels, "channels");
  settings.channels.assign(config.channels, config.channels + config.inputs);
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

Quality quality_of(std::int32_t quality) {
  switch (quality) {
    case WAVESTRIDE_QUALITY_STANDARD:
      return Quality::standard;
    case WAVESTRIDE_QUALITY_FAST:
      return Quality::fast;
    case WAVESTRIDE_QUALITY_BEST:
      return Quality::best;
    case WAVESTRIDE_QUALITY_STEEP:
      return Quality::steep;
    default:
      fail("quality must be a wavestride_quality, got ", quality);
  }
}

std::optional<double> unless_0(double value) {
  return value == 0 ? std::nullopt : std::optional(value);
}

// Writes what one call of a stream gives, after all that can be wrong with it was checked.
template <class Give>
wavestride_status give(wavestride_stream* stream, Index frames, float* out, Index capacity,
                       std::int64_t* out_frames, Give give) noexcept {
  if (stream->stream.finished())
    return complain(WAVESTRIDE_INVALID_ARGUMENT, "the stream is finished, reset begins a new signal");
  if (out_frames == nullptr) return complain(WAVESTRIDE_INVALID_ARGUMENT, "out_frames must not be null");
  if (capacity < frames)
    return complain(WAVESTRIDE_TOO_SMALL, "the output has room for %lld frames, and there are %lld",
                    static_cast<long long>(capacity), static_cast<long long>(frames));
  if (out == nullptr && frames > 0) return complain(WAVESTRIDE_INVALID_ARGUMENT, "output must not be null");
  *out_frames = give(FramesSpan(out, stream->out_channels, frames));
  return WAVESTRIDE_OK;
}

constexpr const char* no_stream = "stream must not be null";

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
    require(static_cast<Index>(input_count) == op->op.inputs() &&
                static_cast<Index>(output_count) == op->op.outputs(),
            op->op.name(), " has ", op->op.inputs(), " inputs and ", op->op.outputs(), " outputs, not ",
            input_count, " and ", output_count);
    std::vector<FramesView> in;
    std::vector<Index> lengths;
    for (const wavestride_signal& x : known_parts(inputs, input_count, "wavestride_signal")) {
      in.push_back(input(x.data, x.channels, x.frames));
      lengths.push_back(x.frames);
    }
    std::vector<wavestride_signal> room = known_parts(outputs, output_count, "wavestride_signal");
    for (std::size_t o = 0; o < output_count; ++o) {
      const auto output = static_cast<Index>(o);
      require(room[o].channels == op->op.out_channels(output), "output ", o, " has ",
              op->op.out_channels(output), " channels, not ", room[o].channels);
      require_room(room[o].data, room[o].capacity, op->op.total(lengths, output));
    }
    const std::vector<Signal> results = op->op(in);
    for (std::size_t o = 0; o < output_count; ++o) {
      std::copy_n(results[o].data(), results[o].size(), room[o].data);
      const auto at = reinterpret_cast<char*>(outputs) + o * outputs->size;
      reinterpret_cast<wavestride_signal*>(at)->frames = results[o].cols();
    }
  });
}

wavestride_status wavestride_resampler_create(const wavestride_resampler_config* config, wavestride_op** op) {
  return create(op, [&] {
    const auto c =
        known_part(config, "wavestride_resampler_config", offsetof(wavestride_resampler_config, throughput));
    return op::resample(c.channels, c.in_hz, c.out_hz,
                        {.quality = quality_of(c.quality),
                         .stopband_db = unless_0(c.stopband_db),
                         .passband = unless_0(c.passband),
                         .max_delay_s = unless_0(c.max_delay_s),
                         .phase = c.minimum_phase != 0 ? Phase::minimum : Phase::linear,
                         .causal = c.causal != 0,
                         .goal = c.throughput != 0 ? Goal::throughput : Goal::low_latency});
  });
}

wavestride_status wavestride_mel_create(const char* preset, wavestride_mel_info* info, wavestride_op** op) {
  return create(op, [&] {
    require_given(preset, "preset");
    const MelOptions& options = mel_preset(preset);
    Op made = op::mel_spectrogram(options);
    if (info != nullptr)
      fill(info, {0, options.sample_rate, options.n_fft, options.hop_length, options.n_mels},
           "wavestride_mel_info");
    return made;
  });
}

wavestride_status wavestride_op_create(const char* name, const wavestride_op_config* config,
                                       wavestride_op** op) {
  return create(op, [&] {
    require_given(name, "name");
    return op::by_name(name, settings_of(known_part(config, "wavestride_op_config")));
  });
}

wavestride_status wavestride_model_load(const char* path, const wavestride_model_config* config,
                                        wavestride_model_info* info, wavestride_op** op) {
  return create(op, [&]() -> Op {
#ifdef WAVESTRIDE_NO_MODELS
    (void)path, (void)config, (void)info;
    throw Unsupported("this library was built without models");
#else
    ModelOptions options;
    Arithmetic arithmetic;
    if (config != nullptr) {
      const auto given =
          known_part(config, "wavestride_model_config", offsetof(wavestride_model_config, int8_weights));
      const auto text = [](const char* s) { return std::string(s == nullptr ? "" : s); };
      options = {.config = text(given.config),
                 .preset = text(given.preset),
                 .stats = text(given.stats),
                 .seed = given.seed};
      if (given.speaker != nullptr) options.speaker = *given.speaker;
      arithmetic = {.minimal_filtering = given.minimal_filtering != 0,
                    .bfloat16 = given.bfloat16 != 0,
                    .int8 = given.int8_weights != 0};
    }
    Model model = load_model(path == nullptr ? data_file(default_vocoder_file) : path, options);
    model.network = compute_by(model.network, arithmetic);
    const Ratio upsampling = model.upsampling();
    if (info != nullptr)
      fill(info,
           {0, model.features.sample_rate, model.features.n_mels, upsampling.num, upsampling.den,
            model.lookahead_seconds()},
           "wavestride_model_info");
    return model.network;
#endif
  });
}

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
    require(given.threads >= -1, "threads must be −1 (all) or not negative, got ", given.threads);
    require_plain(op->op);
    constexpr Index all = 0;
    const StreamOptions options{.threads = given.threads == -1 ? all : std::max<Index>(given.threads, 1)};
    *stream = new wavestride_stream{op->op.stream(options), op->op.in_channels(), op->op.out_channels(),
                                    op->op.latency_frames()};
  });
}

void wavestride_stream_free(wavestride_stream* stream) {
  delete stream;
}

wavestride_status wavestride_stream_frames_after(const wavestride_stream* stream, int64_t frames,
                                                 int64_t* out_frames) {
  return guarded([&] {
    require_given(stream, "stream");
    require_given(out_frames, "out_frames");
    require(frames >= 0, "frames must not be negative, got ", frames);
    *out_frames = stream->stream.frames_after(frames);
  });
}

wavestride_status wavestride_stream_frames_at_finish(const wavestride_stream* stream, int64_t* out_frames) {
  return guarded([&] {
    require_given(stream, "stream");
    require_given(out_frames, "out_frames");
    *out_frames = stream->stream.frames_at_finish();
  });
}

wavestride_status wavestride_stream_push(wavestride_stream* stream, const float* in, int64_t in_frames,
                                         float* out, int64_t capacity, int64_t* out_frames) {
  if (stream == nullptr) return complain(WAVESTRIDE_INVALID_ARGUMENT, no_stream);
  if (in_frames < 0) return complain(WAVESTRIDE_INVALID_ARGUMENT, "frames must not be negative");
  if (in == nullptr && in_frames > 0) return complain(WAVESTRIDE_INVALID_ARGUMENT, "input must not be null");
  return give(stream, stream->stream.frames_after(in_frames), out, capacity, out_frames,
              [&](FramesSpan y) noexcept {
                return stream->stream.push(FramesView(in, stream->in_channels, in_frames), y);
              });
}

wavestride_status wavestride_stream_finish(wavestride_stream* stream, float* out, int64_t capacity,
                                           int64_t* out_frames) {
  if (stream == nullptr) return complain(WAVESTRIDE_INVALID_ARGUMENT, no_stream);
  return give(stream, stream->stream.frames_at_finish(), out, capacity, out_frames,
              [&](FramesSpan y) noexcept { return stream->stream.finish(y); });
}

wavestride_status wavestride_stream_reset(wavestride_stream* stream) {
  if (stream == nullptr) return complain(WAVESTRIDE_INVALID_ARGUMENT, no_stream);
  stream->stream.reset();
  return WAVESTRIDE_OK;
}

wavestride_status wavestride_stream_position(const wavestride_stream* stream, int64_t* received,
                                             int64_t* emitted) {
  return guarded([&] {
    require_given(stream, "stream");
    require_given(received, "received");
    require_given(emitted, "emitted");
    *received = stream->stream.received();
    *emitted = stream->stream.emitted();
  });
}

wavestride_status wavestride_stream_latency(const wavestride_stream* stream, int64_t* out_frames) {
  return guarded([&] {
    require_given(stream, "stream");
    require_given(out_frames, "out_frames");
    *out_frames = stream->latency_frames;
  });
}

}  // extern "C"
