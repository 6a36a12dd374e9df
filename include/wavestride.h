/* Wavestride in C: operators, resamplers, mel front ends and trained networks, on whole signals and as
 * streams, and what brings their samples to a device.
 *
 * A signal is frames of interleaved channels, `channels` 32-bit floats a frame, without gaps: sample c of
 * frame n is data[n * channels + c]. Counts (int64_t) are of frames, capacities too. Audio has full scale
 * at 1.
 *
 * Errors: functions return WAVESTRIDE_OK or what went wrong, and then leave their results as they were;
 * wavestride_last_error() says it in words. A null pointer where none is allowed, a negative count, a size
 * that is no struct's and the like are WAVESTRIDE_INVALID_ARGUMENT. No function exits, prints, or lets a C++
 * exception out. Not seen are pointers to less memory than was said, and handles that were freed.
 *
 * Structs begin with their size, set by the caller, also where a function fills them:
 *
 *     wavestride_resampler_config config = {.size = sizeof config};
 *
 * so that fields can be added at their end, where 0 means what was usual before: set all other bytes to 0.
 * int32_t fields are 0 or 1, or hold the enum that they name; enums have fixed values.
 *
 * Ownership: a call copies the strings, arrays and structs that it is given, which may be freed after it;
 * what it writes goes to memory of the caller's, which must not overlap what it reads. Every operator, stream
 * and varispeed that a call made is freed by the caller, once, by wavestride_op_free() and the like, in any
 * order. Strings end with 0 and are UTF-8; paths are bytes as the file system has them, and messages
 * repeat them so.
 *
 * Threads: all functions may be called from any number of threads at once. An operator is immutable and may
 * be shared. A stream or varispeed is of one call at a time, from whichever thread. A handle is freed when no
 * call on it is under way. */
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
  WAVESTRIDE_INVALID_ARGUMENT = 1, /**< null, contradicting or unknown settings, another number of channels,
                                      a push after finish */
  WAVESTRIDE_IO_ERROR = 2,         /**< a file can't be read, or is not what it should be */
  WAVESTRIDE_NOT_STREAMABLE = 3,   /**< the operator needs the whole signal */
  WAVESTRIDE_OUT_OF_MEMORY = 4,
  WAVESTRIDE_TOO_SMALL = 5,     /**< the output does not fit; nothing was taken */
  WAVESTRIDE_UNSUPPORTED = 6,   /**< left out when the library was built */
  WAVESTRIDE_INTERNAL_ERROR = 7 /**< a fault of the library; newer ones may have further errors */
} wavestride_status;

/** What the last call of this thread that failed had to complain about, at most 1023 bytes; "" before any,
 * never null. A call that succeeds leaves it alone. The library's own, valid until the thread's next call
 * that fails or the thread's end. */
WAVESTRIDE_C_API const char* wavestride_last_error(void);

/** "0.1.0"; the library's own, valid for ever. */
WAVESTRIDE_C_API const char* wavestride_version(void);

/** An operator: sample-rate conversion, a layer, a mel front end, a trained network. Functions that make one
 * write its handle to *op. */
typedef struct wavestride_op wavestride_op;

/** Frees an operator; streams that were made of it live on. Null is allowed. */
WAVESTRIDE_C_API void wavestride_op_free(wavestride_op* op);

/** What an operator says of itself. */
typedef struct wavestride_op_info {
  size_t size;             /**< sizeof(wavestride_op_info) */
  int64_t inputs, outputs; /**< signals that it takes and gives */
  int64_t in_channels;     /**< of the first input */
  int64_t out_channels;    /**< of the first output */
  int64_t rate_num; /**< rate_num/rate_den: input frames per output frame; 0/1 where there is no such */
  int64_t rate_den;
  int64_t latency_frames;   /**< how far the output lags at most, in output frames; this and the next two:
                               INT64_MAX where streamable is 0 */
  int64_t lookahead_frames; /**< input frames that must come after an output frame's own position, at most */
  int64_t receptive_field;  /**< input frames that one output frame depends on, at most */
  int32_t streamable;       /**< 1: wavestride_stream_create() takes it */
} wavestride_op_info;

/** Fills `info`. */
WAVESTRIDE_C_API wavestride_status wavestride_op_get_info(const wavestride_op* op, wavestride_op_info* info);

/** Kind and sizes, as "mel_spectrogram(whisper-16k)"; lives as long as the operator. Null for null. */
WAVESTRIDE_C_API const char* wavestride_op_name(const wavestride_op* op);

/** Output frames of a whole signal of so many frames, 0 or more; of the first output, for inputs of that
 * length each, where there are several. */
WAVESTRIDE_C_API wavestride_status wavestride_op_total(const wavestride_op* op, int64_t frames,
                                                       int64_t* total);

/** The whole signal: in_frames frames of info.in_channels to `out`, which has room for `capacity` frames of
 * info.out_channels; wavestride_op_total() says how many there will be. *out_frames is their number. A
 * pointer to no frames may be null. Allocates, and takes one thread. For operators of one input and one
 * output. */
WAVESTRIDE_C_API wavestride_status wavestride_op_run(const wavestride_op* op, const float* in,
                                                     int64_t in_frames, float* out, int64_t capacity,
                                                     int64_t* out_frames);

/** A signal to be read (`capacity` is not looked at, nothing is written), or room for `capacity` frames, of
 * which the call sets `frames`. */
typedef struct wavestride_signal {
  size_t size; /**< sizeof(wavestride_signal) */
  float* data; /**< the caller's; null only where there are no frames */
  int64_t channels, frames, capacity;
} wavestride_signal;

/** The same for any number of inputs and outputs: info.inputs and info.outputs of them, in arrays whose
 * structs all have the same size. Of WAVESTRIDE_TOO_SMALL the message says how many frames there are. */
WAVESTRIDE_C_API wavestride_status wavestride_op_run_all(const wavestride_op* op,
                                                         const wavestride_signal* inputs, size_t input_count,
                                                         wavestride_signal* outputs, size_t output_count);

typedef enum wavestride_quality {
  WAVESTRIDE_QUALITY_STANDARD = 0, /**< stopband 125 dB, passband 0.923 of the lower Nyquist frequency */
  WAVESTRIDE_QUALITY_FAST = 1,     /**< 100 dB, 0.85 */
  WAVESTRIDE_QUALITY_BEST = 2,     /**< 150 dB, 0.923 */
  WAVESTRIDE_QUALITY_STEEP = 3     /**< 150 dB, 0.968 */
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
  size_t size;         /**< sizeof(wavestride_mel_info) */
  int64_t sample_rate; /**< Hz */
  int64_t n_fft;       /**< samples of a transform */
  int64_t hop_length;  /**< samples from frame to frame */
  int64_t n_mels;      /**< channels of the output */
} wavestride_mel_info;

/** A mel front end, 1 channel of samples to n_mels channels: "whisper-16k", "hifigan-22k", … `info` may be
 * null. */
WAVESTRIDE_C_API wavestride_status wavestride_mel_create(const char* preset, wavestride_mel_info* info,
                                                         wavestride_op** op);

/** The name of preset i, counted from 0; null behind the last. The library's own, valid for ever. */
WAVESTRIDE_C_API const char* wavestride_mel_preset_name(size_t i);

/** How frames lie on the signal; all are padded by reflection. T samples give … */
typedef enum wavestride_mel_framing {
  WAVESTRIDE_MEL_CENTER = 0,   /**< n_fft/2 on both sides: 1 + T/hop frames (librosa) */
  WAVESTRIDE_MEL_TIGHT = 1,    /**< (n_fft - hop)/2 on both sides: T/hop frames (HiFi-GAN) */
  WAVESTRIDE_MEL_DROP_LAST = 2 /**< as center, without its last frame: T/hop frames (Whisper) */
} wavestride_mel_framing;

typedef enum wavestride_mel_scale {
  WAVESTRIDE_MEL_SCALE_SLANEY = 0, /**< linear below 1 kHz, then logarithmic (librosa's default) */
  WAVESTRIDE_MEL_SCALE_HTK = 1     /**< 2595 log10(1 + f/700) */
} wavestride_mel_scale;

typedef enum wavestride_mel_norm {
  WAVESTRIDE_MEL_NORM_SLANEY = 0, /**< triangles of equal area: height 2/(width in Hz) */
  WAVESTRIDE_MEL_NORM_NONE = 1    /**< triangles of height 1 */
} wavestride_mel_norm;

typedef enum wavestride_log {
  WAVESTRIDE_LOG_LN = 0,
  WAVESTRIDE_LOG_10 = 1,
  WAVESTRIDE_LOG_DB = 2 /**< 20 log10 x */
} wavestride_log;

/** All settings of a mel front end, filled by wavestride_mel_get_config() before some are changed:
 * y = clip(scale * log(max(sum over k of band[k] * (re^2 + im^2 + epsilon)^(power/2), floor)) + offset). */
typedef struct wavestride_mel_config {
  size_t size;         /**< sizeof(wavestride_mel_config) */
  const char* name;    /**< what wavestride_op_name() shows; null: "mel" */
  int64_t sample_rate; /**< Hz */
  int64_t n_fft;       /**< samples of a transform */
  int64_t hop_length;  /**< samples from frame to frame */
  int64_t win_length;  /**< samples of the periodic Hann window; 0: n_fft */
  int64_t n_mels;
  double f_min, f_max;        /**< Hz; f_max 0: sample_rate/2 */
  double power, epsilon;      /**< power 1: magnitudes */
  double floor;               /**< above 0 */
  double scale, offset;       /**< scale above 0 */
  double clip_low, clip_high; /**< -INFINITY and INFINITY: not at all */
  double peak_range;      /**< values are raised to at least the maximum of the whole signal less this many
                             units of the logarithm, and there is no stream; 0: not at all */
  const float* prefilter; /**< what the signal passes first: x[n] becomes the sum over k of prefilter[k] *
                             x[n - k]; {1, -0.97} is a pre-emphasis */
  size_t prefilter_taps;  /**< 0: not at all */
  int32_t framing;        /**< wavestride_mel_framing */
  int32_t mel_scale;      /**< wavestride_mel_scale */
  int32_t norm;           /**< wavestride_mel_norm */
  int32_t log;            /**< wavestride_log */
} wavestride_mel_config;

/** The settings of a preset; null: usual ones, of 16 kHz. Its name and prefilter are the library's own, valid
 * for ever. */
WAVESTRIDE_C_API wavestride_status wavestride_mel_get_config(const char* preset,
                                                             wavestride_mel_config* config);

/** A mel front end of these settings:
 *
 *     wavestride_mel_config config = {.size = sizeof config};
 *     wavestride_mel_get_config("whisper-16k", &config);
 *     config.n_mels = 128;
 *     wavestride_mel_create_with(&config, &op);
 */
WAVESTRIDE_C_API wavestride_status wavestride_mel_create_with(const wavestride_mel_config* config,
                                                              wavestride_op** op);

/** The settings of what wavestride_mel_create() or wavestride_mel_create_with() made, or of the features that
 * a model takes, to make them of sound; WAVESTRIDE_INVALID_ARGUMENT for any other operator, and for a model
 * whose features can't be made so. Name and prefilter live as long as the operator. */
WAVESTRIDE_C_API wavestride_status wavestride_op_get_mel_config(const wavestride_op* op,
                                                                wavestride_mel_config* config);

/** Samples of features that `op` makes or takes, by the Griffin-Lim iteration instead of a network: `frames`
 * frames of n_mels to 1 channel, about hop_length times as many; of WAVESTRIDE_TOO_SMALL the message says how
 * many, before any work. Some 60 `iterations` are usual, `seed` chooses the phases to start with. Fails as
 * wavestride_op_get_mel_config() does. Allocates. */
WAVESTRIDE_C_API wavestride_status wavestride_griffin_lim(const wavestride_op* op, const float* features,
                                                          int64_t frames, int64_t iterations, uint64_t seed,
                                                          float* out, int64_t capacity, int64_t* out_frames);

/** A setting of an operator by name, as text: {"stride", "2"}, {"padding", "same"}, {"levels", "1,2,4"},
 * {"ceil-mode", "true"}. */
typedef struct wavestride_option {
  const char *name, *value;
} wavestride_option;

/** Weights, in C order with PyTorch's shapes: "weight", "bias"; the last dimension is contiguous. */
typedef struct wavestride_array {
  size_t size; /**< sizeof(wavestride_array) */
  const char* name;
  const float* data;
  const int64_t* shape; /**< `dimensions` of them, 1 to 8 */
  size_t dimensions;
} wavestride_array;

/** What wavestride_op_create() makes an operator of; at most 64 of each. */
typedef struct wavestride_op_config {
  size_t size;             /**< sizeof(wavestride_op_config) */
  const int64_t* channels; /**< of each input */
  size_t inputs;
  const wavestride_option* options;
  size_t option_count;
  const wavestride_array* arrays; /**< all of the same size */
  size_t array_count;
  const int64_t* lengths; /**< frames of each input, for the option output-size of "max_unpool1d" alone; null:
                             not known */
} wavestride_op_config;

/** An operator by the name and the options that `wavestride apply NAME --help` lists: "conv1d", "stft",
 * "interpolate", …; the message on an unknown one lists them, too. An option that is left out has PyTorch's
 * default where there is one.
 *
 * "max_pool1d" with {"return-indices", "true"} has a second output, in floats: how many frames into its
 * window each maximum stands, so that it is exact however long a stream is. Of output frame n PyTorch's index
 * is n*stride - padding + that. "max_unpool1d" takes such offsets as its second input. */
WAVESTRIDE_C_API wavestride_status wavestride_op_create(const char* name, const wavestride_op_config* config,
                                                        wavestride_op** op);

/** Operators of one input and one output in sequence, the output of each the input of the next: one operator,
 * and so one stream, of a network and the conversion of its sound to a device's rate. At most 64; they may be
 * freed after it. Its name is theirs. */
WAVESTRIDE_C_API wavestride_status wavestride_stack_create(const wavestride_op* const* ops, size_t count,
                                                           wavestride_op** op);

/** What a model says of itself. */
typedef struct wavestride_model_info {
  size_t size;            /**< sizeof(wavestride_model_info) */
  int64_t sample_rate;    /**< Hz, of its output */
  int64_t n_mels;         /**< channels of its input; wavestride_op_get_mel_config() says how they are made */
  int64_t upsampling_num; /**< samples per frame, a fraction */
  int64_t upsampling_den;
  double lookahead_seconds; /**< how far beyond its own time a sample waits for features */
  int64_t codes; /**< 0; of a network that takes the codes of a codec, n_mels a frame, how many there are: a
                    code is a whole number from 0 to codes - 1 */
} wavestride_model_info;

/** What its caller gives to a network that draws random numbers. */
typedef enum wavestride_given {
  WAVESTRIDE_GIVEN_FEATURES = 0, /**< nothing else: it draws them by `seed` and position */
  WAVESTRIDE_GIVEN_NOISE = 1,    /**< as a second input, 1 channel of normal noise at the rate of the samples;
                                    to a WaveNet as many channels as it draws numbers for a sample (of a
                                    mixture of K one more than K, else 1), the last of them normal where the
                                    distribution is, the others uniform from 0 to 1; to SNAC as one more input
                                    for each of its rates, 1 channel at the rate behind it */
  WAVESTRIDE_GIVEN_SAMPLES = 2   /**< to a WaveNet the samples themselves, one later, likewise: its output is
                                    what it says of each */
} wavestride_given;

/** What a checkpoint does not say about itself; all but the size may be 0. */
typedef struct wavestride_model_config {
  size_t size;        /**< sizeof(wavestride_model_config) */
  const char* config; /**< path of its config, or the name of one that comes with the library ("hifigan-v1");
                           null: in the file, or beside it */
  const char* preset; /**< of the features, where the config does not describe them: "hifigan-22k" */
  const char* stats;  /**< path of mean and deviation of the features (.npy), to normalise them by */
  const int64_t* speaker;    /**< the voice, from 0, in a file that has several; null: the file has one */
  uint64_t seed;             /**< of networks that draw random numbers */
  int32_t minimal_filtering; /**< 1: large convolutions by half the multiplications, with a longer lag */
  int32_t bfloat16; /**< 1: large convolutions from numbers of 8 significant bits; fast where the processor
                       has AMX or, AMD's, AVX-512 BF16, slow elsewhere; of a WaveNet the weights alone, fast
                       anywhere. With minimal_filtering each layer is made by whichever is faster */
  int32_t int8_weights; /**< 1: a WaveNet from weights of 8 bits, two to three times as fast */
  const char* prefix;   /**< of a file that holds a network several times, as beside a moving average of its
                           weights: what the names of the copy to take begin with, "model_ema"; "": the copy
                           that stands behind no such name; null: the file holds one */
  const float* speaker_embedding; /**< a voice that is not in the file: its embedding, instead of `speaker` */
  size_t speaker_embedding_size;  /**< 0: not at all */
  double bandwidth_kbps; /**< of a network that takes the codes of a codec, whole numbers (between two
                            the lower counts): one of the rates that it was trained on, in kilobits per
                            second, by which a frame has more or fewer codes; 0: the highest */
  int32_t given;         /**< wavestride_given */
  int64_t codebooks; /**< as bandwidth_kbps, by how many of its codebooks, the first ones, a frame has codes
                        of; of DAC and SNAC any number; 0: all */
} wavestride_model_config;

/** A trained vocoder: n_mels channels of features to 1 channel of samples. A null `path` is the vocoder that
 * comes with the library (16 kHz, preset "wavestride-16k"); `config` and `info` may be null. The file is read
 * whole and closed. WAVESTRIDE_IO_ERROR where it can't be read or is none of the known networks, its config
 * is missing, unknown or contradicts it; of an unknown name of a config the message lists the known ones.
 * WAVESTRIDE_UNSUPPORTED where the library was built without models. */
WAVESTRIDE_C_API wavestride_status wavestride_model_load(const char* path,
                                                         const wavestride_model_config* config,
                                                         wavestride_model_info* info, wavestride_op** op);

/** What the encoder of a codec says of itself. */
typedef struct wavestride_codec_encoder_info {
  size_t size;         /**< sizeof(wavestride_codec_encoder_info) */
  int64_t sample_rate; /**< Hz, of the sound */
  int64_t hop_length;  /**< samples of a frame of codes */
  int64_t per_frame;   /**< codes of a frame: channels of its output */
  int64_t codes;       /**< a code is a whole number from 0 to codes - 1 */
} wavestride_codec_encoder_info;

/** The encoder of a neural codec: 1 channel of samples to the codes that wavestride_model_load() of the same
 * file and settings takes. Of these config, prefix, bandwidth_kbps, codebooks, minimal_filtering and bfloat16
 * have a say, and no other may be set but the seed and int8_weights; `config` and `info` may be null. Fails
 * as wavestride_model_load() does, and with WAVESTRIDE_IO_ERROR where the file holds no encoder. */
WAVESTRIDE_C_API wavestride_status wavestride_codec_encoder_load(const char* path,
                                                                 const wavestride_model_config* config,
                                                                 wavestride_codec_encoder_info* info,
                                                                 wavestride_op** op);

/** One signal passing through one operator, or one of each of its inputs. All memory is allocated when it is
 * made, and the operator may be freed then. What it gives has the same bits however the signal is cut, and
 * equals wavestride_op_run() or wavestride_op_run_all(). */
typedef struct wavestride_stream wavestride_stream;

/** How a stream works; all but the size may be 0. */
typedef struct wavestride_stream_config {
  size_t size;     /**< sizeof(wavestride_stream_config) */
  int64_t threads; /**< that share the work of a push, the caller's included, and sleep in between; 0 or 1:
                      the caller's alone, -1: as many as the machine has cores; at most 1024 */
} wavestride_stream_config;

/** WAVESTRIDE_NOT_STREAMABLE, with the reason, where an output frame depends on the whole signal. */
WAVESTRIDE_C_API wavestride_status wavestride_stream_create(const wavestride_op* op,
                                                            wavestride_stream** stream);
/** The same, as `config` says, which never changes a bit of what it gives. */
WAVESTRIDE_C_API wavestride_status wavestride_stream_create_with(const wavestride_op* op,
                                                                 const wavestride_stream_config* config,
                                                                 wavestride_stream** stream);
/** Null is allowed. */
WAVESTRIDE_C_API void wavestride_stream_free(wavestride_stream* stream);

/** Exactly how many frames a push of so many frames, and finish, would give now; 0 once it is finished. Of
 * several: what the first output gives for so many frames of each input. */
WAVESTRIDE_C_API wavestride_status wavestride_stream_frames_after(const wavestride_stream* stream,
                                                                  int64_t frames, int64_t* out_frames);
WAVESTRIDE_C_API wavestride_status wavestride_stream_frames_at_finish(const wavestride_stream* stream,
                                                                      int64_t* out_frames);
/** Exactly how many frames finish_with of the last so many frames would give now. */
WAVESTRIDE_C_API wavestride_status wavestride_stream_frames_at_finish_with(const wavestride_stream* stream,
                                                                           int64_t frames,
                                                                           int64_t* out_frames);

/** Takes any number of frames, also none, and gives those that became ready: *out_frames to `out`, which has
 * room for `capacity`. A pointer to no frames may be null. Where it fails, WAVESTRIDE_TOO_SMALL or
 * WAVESTRIDE_INVALID_ARGUMENT, it has taken nothing and the stream goes on. Allocates nothing, also where it
 * fails; a stream of one thread does not lock either: it may be called where sound is played. */
WAVESTRIDE_C_API wavestride_status wavestride_stream_push(wavestride_stream* stream, const float* in,
                                                          int64_t in_frames, float* out, int64_t capacity,
                                                          int64_t* out_frames);
/** Ends the signal and gives the remaining frames, by the same rules. Afterwards push and finish are
 * WAVESTRIDE_INVALID_ARGUMENT, until reset. */
WAVESTRIDE_C_API wavestride_status wavestride_stream_finish(wavestride_stream* stream, float* out,
                                                            int64_t capacity, int64_t* out_frames);
/** Push of the signal's last frames and finish in one, which takes less time than both. */
WAVESTRIDE_C_API wavestride_status wavestride_stream_finish_with(wavestride_stream* stream, const float* last,
                                                                 int64_t last_frames, float* out,
                                                                 int64_t capacity, int64_t* out_frames);
/** Push and finish for any number of inputs and outputs, in arrays whose structs all have the same size. An
 * input may bring any number of frames, but inputs should keep step: frames that one is more than a block
 * ahead of the others are kept, and may allocate; so may the message where these fail. Of
 * WAVESTRIDE_TOO_SMALL it says how many frames an output has now. */
WAVESTRIDE_C_API wavestride_status wavestride_stream_push_all(wavestride_stream* stream,
                                                              const wavestride_signal* inputs,
                                                              size_t input_count, wavestride_signal* outputs,
                                                              size_t output_count);
WAVESTRIDE_C_API wavestride_status wavestride_stream_finish_all(wavestride_stream* stream,
                                                                wavestride_signal* outputs,
                                                                size_t output_count);
/** Begins a new signal, in the same memory, whether or not the last was finished; allocates nothing. */
WAVESTRIDE_C_API wavestride_status wavestride_stream_reset(wavestride_stream* stream);

/** Frames taken and given since the start or the last reset, of the first input and output. */
WAVESTRIDE_C_API wavestride_status wavestride_stream_position(const wavestride_stream* stream,
                                                              int64_t* received, int64_t* emitted);
/** How far the output lags at most, in output frames. */
WAVESTRIDE_C_API wavestride_status wavestride_stream_latency(const wavestride_stream* stream,
                                                             int64_t* out_frames);

/** Sample-rate conversion by a ratio that changes while it runs, for clock drift, speed and pitch: a signal
 * of its own, as a stream is. Output frames lie at input positions p(0) = 0, p(n+1) = p(n) + speed(p(n)), so
 * that no cutting of the signal changes a bit. All memory is allocated when it is made. */
typedef struct wavestride_varispeed wavestride_varispeed;

/** What wavestride_varispeed_create() makes. */
typedef struct wavestride_varispeed_config {
  size_t size; /**< sizeof(wavestride_varispeed_config) */
  int64_t channels;
  double speed;    /**< input frames per output frame at first, 1/16 to 16; 0: 1 */
  int32_t quality; /**< wavestride_quality; holds at every speed, and above 1 nothing aliases */
} wavestride_varispeed_config;

WAVESTRIDE_C_API wavestride_status wavestride_varispeed_create(const wavestride_varispeed_config* config,
                                                               wavestride_varispeed** varispeed);
/** Null is allowed. */
WAVESTRIDE_C_API void wavestride_varispeed_free(wavestride_varispeed* varispeed);

/** Changes the speed to 1/16 to 16 from the next frame that is pushed, linearly over `ramp_frames` input
 * frames. A change that comes before an earlier ramp is over starts where that ramp stands. Allocates
 * nothing, also where it fails. */
WAVESTRIDE_C_API wavestride_status wavestride_varispeed_set_speed(wavestride_varispeed* varispeed,
                                                                  double speed, int64_t ramp_frames);
/** The speed at the next frame that is pushed. */
WAVESTRIDE_C_API wavestride_status wavestride_varispeed_get_speed(const wavestride_varispeed* varispeed,
                                                                  double* speed);
/** Input frames that an output frame reads ahead at a speed: how far the output lags. */
WAVESTRIDE_C_API wavestride_status wavestride_varispeed_lookahead(const wavestride_varispeed* varispeed,
                                                                  double speed, int64_t* in_frames);

/** As of streams, by the same rules. Frames are counted one by one, since their positions are sums that are
 * rounded one by one: ask for as many as a push brings. */
WAVESTRIDE_C_API wavestride_status wavestride_varispeed_frames_after(const wavestride_varispeed* varispeed,
                                                                     int64_t frames, int64_t* out_frames);
WAVESTRIDE_C_API wavestride_status
wavestride_varispeed_frames_at_finish(const wavestride_varispeed* varispeed, int64_t* out_frames);
WAVESTRIDE_C_API wavestride_status wavestride_varispeed_push(wavestride_varispeed* varispeed, const float* in,
                                                             int64_t in_frames, float* out, int64_t capacity,
                                                             int64_t* out_frames);
WAVESTRIDE_C_API wavestride_status wavestride_varispeed_finish(wavestride_varispeed* varispeed, float* out,
                                                               int64_t capacity, int64_t* out_frames);
/** Begins a new signal at the speed that it was made with; allocates nothing. */
WAVESTRIDE_C_API wavestride_status wavestride_varispeed_reset(wavestride_varispeed* varispeed);
WAVESTRIDE_C_API wavestride_status wavestride_varispeed_position(const wavestride_varispeed* varispeed,
                                                                 int64_t* received, int64_t* emitted);

/** 16-bit samples as devices and files take them: round(x * 32768), saturated, 0 for NaN. With *dither_seed,
 * unless it is null, triangular noise of one step is added before rounding, the same on every machine;
 * `first_sample` counts from the start of the signal, so that pieces give what the whole gives. `samples`
 * counts all channels'. *saturated, unless it is null, is how many were beyond full scale. Allocates
 * nothing. */
WAVESTRIDE_C_API wavestride_status wavestride_to_int16(const float* in, int64_t samples,
                                                       const uint64_t* dither_seed, int64_t first_sample,
                                                       int16_t* out, int64_t* saturated);
/** x / 32768. */
WAVESTRIDE_C_API wavestride_status wavestride_from_int16(const int16_t* in, int64_t samples, float* out);

#ifdef __cplusplus
}
#endif

#endif
