/* Wavestride in C: operators, resamplers, mel front ends and trained networks, on whole signals and as
 * streams.
 *
 * A signal is frames of interleaved channels, `channels` floats a frame; counts are of frames. Audio has full
 * scale at 1. Functions return WAVESTRIDE_OK or an error, and then leave their results as they were;
 * wavestride_last_error() says what was wrong. Structs begin with their size, set by the caller:
 *
 *     wavestride_resampler_config config = {.size = sizeof config};
 *
 * so that fields can be added at their end, where 0 means what was usual before. Operators are immutable and
 * may be shared by threads; a stream is of one thread at a time. */
#ifndef WAVESTRIDE_H
#define WAVESTRIDE_H

#include <stddef.h>
#include <stdint.h>

#define WAVESTRIDE_C_API __attribute__((visibility("default")))

#ifdef __cplusplus
extern "C" {
#endif

typedef enum wavestride_status {
  WAVESTRIDE_OK = 0,
  WAVESTRIDE_INVALID_ARGUMENT = 1, /**< null, contradicting or unknown settings, another number of channels */
  WAVESTRIDE_IO_ERROR = 2,         /**< a file can't be read, or is not what it should be */
  WAVESTRIDE_NOT_STREAMABLE = 3,   /**< the operator needs the whole signal */
  WAVESTRIDE_OUT_OF_MEMORY = 4,
  WAVESTRIDE_TOO_SMALL = 5,   /**< the output does not fit; nothing was taken */
  WAVESTRIDE_UNSUPPORTED = 6, /**< left out when the library was built */
  WAVESTRIDE_INTERNAL_ERROR = 7
} wavestride_status;

/** What the last call of this thread that failed had to complain about; never null. Valid until the thread's
 * next call that fails. */
WAVESTRIDE_C_API const char* wavestride_last_error(void);

/** "0.1.0". */
WAVESTRIDE_C_API const char* wavestride_version(void);

/** An operator: sample-rate conversion, a layer, a mel front end, a trained network. */
typedef struct wavestride_op wavestride_op;

/** Frees an operator; streams that were made of it live on. Null is allowed. */
WAVESTRIDE_C_API void wavestride_op_free(wavestride_op* op);

/** What an operator says of itself. */
typedef struct wavestride_op_info {
  size_t size;             /**< sizeof(wavestride_op_info) */
  int64_t inputs, outputs; /**< signals that it takes and gives */
  int64_t in_channels;     /**< of the first input */
  int64_t out_channels;    /**< of the first output */
  int64_t rate_num;        /**< rate_num/rate_den: input frames per output frame */
  int64_t rate_den;
  int64_t latency_frames;   /**< how far the output lags at most, in output frames */
  int64_t lookahead_frames; /**< input frames read beyond an output frame's own position, at most */
  int64_t receptive_field;  /**< input frames that one output frame depends on */
  int32_t streamable;       /**< 1: wavestride_stream_create() takes it */
} wavestride_op_info;

WAVESTRIDE_C_API wavestride_status wavestride_op_get_info(const wavestride_op* op, wavestride_op_info* info);

/** Kind and sizes: "conv1d(80 -> 512, kernel 7, stride 1)"; lives as long as the operator. Null for null. */
WAVESTRIDE_C_API const char* wavestride_op_name(const wavestride_op* op);

/** Output frames of a whole signal of so many frames. */
WAVESTRIDE_C_API wavestride_status wavestride_op_total(const wavestride_op* op, int64_t frames,
                                                       int64_t* total);

/** The whole signal: in_frames frames to `out`, which has room for `capacity` frames; wavestride_op_total()
 * says how many there will be. *out_frames is their number. For operators of one input and one output. */
WAVESTRIDE_C_API wavestride_status wavestride_op_run(const wavestride_op* op, const float* in,
                                                     int64_t in_frames, float* out, int64_t capacity,
                                                     int64_t* out_frames);

/** A signal to be read (capacity is not looked at), or room for `capacity` frames, of which `frames` are set.
 */
typedef struct wavestride_signal {
  size_t size; /**< sizeof(wavestride_signal) */
  float* data;
  int64_t channels, frames, capacity;
} wavestride_signal;

/** The same for any number of inputs and outputs. */
WAVESTRIDE_C_API wavestride_status wavestride_op_run_all(const wavestride_op* op,
                                                         const wavestride_signal* inputs, size_t input_count,
                                                         wavestride_signal* outputs, size_t output_count);

typedef enum wavestride_quality {
  WAVESTRIDE_QUALITY_STANDARD = 0, /**< stopband 125 dB, passband 0.923 of the lower Nyquist frequency */
  WAVESTRIDE_QUALITY_FAST = 1,     /**< 100 dB, 0.85 */
  WAVESTRIDE_QUALITY_BEST = 2,     /**< 150 dB, 0.923 */
  WAVESTRIDE_QUALITY_STEEP = 3     /* 150 dB, 0.968 */
} wavestride_quality;

/** What wavestride_resampler_create() makes; all but the first four may be 0. */
typedef struct wavestride_resampler_config {
  size_t size; /**< sizeof(wavestride_resampler_config) */
  double in_hz, out_hz;
  int64_t channels;
  int32_t quality;       /**< wavestride_quality */
  int32_t minimum_phase; /**< 1: no ringing before an impulse */
  int32_t causal;        /**< 1: leaves the filter's delay in the output instead of reading ahead by it */
  double stopband_db;    /**< 20 to 160; 0: the quality's */
  double passband;       /**< 0.05 to 0.995 of the lower Nyquist frequency; 0: the quality's */
  double max_delay_s;    /**< the most that the filter may delay; 0: any */
  int32_t throughput; /**< 1: by blocks where that takes less time, for the wait until a block is there; for
                         files */
} wavestride_resampler_config;

/** Sample-rate conversion by a fixed ratio: ceil(T*out_hz/in_hz) frames of T. */
WAVESTRIDE_C_API wavestride_status wavestride_resampler_create(const wavestride_resampler_config* config,
                                                               wavestride_op** op);

/** The sizes of a mel front end. */
typedef struct wavestride_mel_info {
  size_t size; /**< sizeof(wavestride_mel_info) */
  int64_t sample_rate, n_fft, hop_length, n_mels;
} wavestride_mel_info;

/** A mel front end, 1 channel of samples to n_mels channels: "whisper-16k", "hifigan-22k" …; `wavestride
 * presets` lists them. `info` may be null. */
WAVESTRIDE_C_API wavestride_status wavestride_mel_create(const char* preset, wavestride_mel_info* info,
                                                         wavestride_op** op);

/** A setting of an operator by name, as text: {"stride", "2"}, {"padding", "same"}. */
typedef struct wavestride_option {
  const char *name, *value;
} wavestride_option;

/** Weights, in C order with PyTorch's shapes: "weight", "bias". */
typedef struct wavestride_array {
  size_t size; /**< sizeof(wavestride_array) */
  const char* name;
  const float* data;
  const int64_t* shape;
  size_t dimensions;
} wavestride_array;

/** What wavestride_op_create() makes an operator of. */
typedef struct wavestride_op_config {
  size_t size;             /**< sizeof(wavestride_op_config) */
  const int64_t* channels; /**< of each input */
  size_t inputs;
  const wavestride_option* options;
  size_t option_count;
  const wavestride_array* arrays;
  size_t array_count;
} wavestride_op_config;

/** An operator by the name and the options that `wavestride apply NAME --help` lists: "conv1d", "stft",
 * "interpolate", … Arrays are copied. */
WAVESTRIDE_C_API wavestride_status wavestride_op_create(const char* name, const wavestride_op_config* config,
                                                        wavestride_op** op);

/** What a model says of itself. */
typedef struct wavestride_model_info {
  size_t size;            /**< sizeof(wavestride_model_info) */
  int64_t sample_rate;    /**< Hz, of its output */
  int64_t n_mels;         /**< channels of its input */
  int64_t upsampling_num; /**< samples per frame, a fraction */
  int64_t upsampling_den;
  double lookahead_seconds; /**< how far beyond its own time a sample reads the features */
} wavestride_model_info;

/** What a checkpoint does not say about itself; all but the size may be 0. */
typedef struct wavestride_model_config {
  size_t size;        /**< sizeof(wavestride_model_config) */
  const char* config; /**< path of its config, or the name of one that comes with the library ("hifigan-v1");
                           null: in the file, or beside it */
  const char* preset; /**< of the features, where the config does not describe them: "hifigan-22k" */
  const char* stats;  /**< path of mean and deviation of the features (.npy), to normalise them by */
  const int64_t* speaker;    /**< the voice, in a file that has several; null: the file has one */
  uint64_t seed;             /**< of networks that draw random numbers */
  int32_t minimal_filtering; /**< 1: large convolutions by half the multiplications, with a longer lag */
  int32_t bfloat16; /**< 1: large convolutions from numbers of 8 significant bits; fast where the processor
                       has AMX or, AMD's, AVX-512 BF16, slow elsewhere; of a WaveNet the weights alone, fast
                       anywhere. With minimal_filtering each layer is made by whichever is faster */
  int32_t int8_weights; /**< 1: a WaveNet from weights of 8 bits, two to three times as fast */
} wavestride_model_config;

/** A trained vocoder: n_mels channels of features to 1 channel of samples. A null `path` is the vocoder that
 * comes with the library (16 kHz, preset "wavestride-16k"); `config` and `info` may be null. */
WAVESTRIDE_C_API wavestride_status wavestride_model_load(const char* path,
                                                         const wavestride_model_config* config,
                                                         wavestride_model_info* info, wavestride_op** op);

/** One signal passing through one operator of one input and one output. All memory is allocated when it is
 * made. What it gives has the same bits however the signal is cut, and equals wavestride_op_run(). */
typedef struct wavestride_stream wavestride_stream;

/** How a stream works; all but the size may be 0. */
typedef struct wavestride_stream_config {
  size_t size;     /**< sizeof(wavestride_stream_config) */
  int64_t threads; /**< that share the work of a push, the caller's included, and sleep in between; 0 or 1:
                      the caller's alone, -1: as many as the machine has cores */
} wavestride_stream_config;

WAVESTRIDE_C_API wavestride_status wavestride_stream_create(const wavestride_op* op,
                                                            wavestride_stream** stream);
/** The same, as `config` says, which never changes a bit of what it gives. */
WAVESTRIDE_C_API wavestride_status wavestride_stream_create_with(const wavestride_op* op,
                                                                 const wavestride_stream_config* config,
                                                                 wavestride_stream** stream);
WAVESTRIDE_C_API void wavestride_stream_free(wavestride_stream* stream);

/** Exactly how many frames a push of so many frames, and finish, would give now. */
WAVESTRIDE_C_API wavestride_status wavestride_stream_frames_after(const wavestride_stream* stream,
                                                                  int64_t frames, int64_t* out_frames);
WAVESTRIDE_C_API wavestride_status wavestride_stream_frames_at_finish(const wavestride_stream* stream,
                                                                      int64_t* out_frames);

/** Takes any number of frames, also none, and gives those that became ready: *out_frames to `out`, which has
 * room for `capacity`. Allocates nothing, also where it fails; a stream of one thread does not lock either. */
WAVESTRIDE_C_API wavestride_status wavestride_stream_push(wavestride_stream* stream, const float* in,
                                                          int64_t in_frames, float* out, int64_t capacity,
                                                          int64_t* out_frames);
/** Ends the signal and gives the remaining frames. */
WAVESTRIDE_C_API wavestride_status wavestride_stream_finish(wavestride_stream* stream, float* out,
                                                            int64_t capacity, int64_t* out_frames);
/** Begins a new signal, in the same memory. */
WAVESTRIDE_C_API wavestride_status wavestride_stream_reset(wavestride_stream* stream);

/** Frames taken and given since the start or the last reset. */
WAVESTRIDE_C_API wavestride_status wavestride_stream_position(const wavestride_stream* stream,
                                                              int64_t* received, int64_t* emitted);
/** How far the output lags at most, in output frames. */
WAVESTRIDE_C_API wavestride_status wavestride_stream_latency(const wavestride_stream* stream,
                                                             int64_t* out_frames);

#ifdef __cplusplus
}
#endif

#endif
