/* The C interface, from C: c_interface GOLDEN_DIR. What it computes is tested in C++; here, that everything
 * arrives, and that no mistake of a caller does more than give an error. */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <threads.h>
#include <unistd.h>
#include <wavestride.h>

static int failures = 0;

/* Allocations of this thread, of which the one after `before_failure` others fails, while it is not negative:
 * by standing before the C library's function, where no sanitizer or Valgrind does. */
static _Thread_local size_t allocations = 0;
static _Thread_local int64_t before_failure = -1;
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
extern void* __libc_malloc(size_t);
void* malloc(size_t bytes) {
  ++allocations;
  return before_failure >= 0 && before_failure-- == 0 ? NULL : __libc_malloc(bytes);
}
#endif

#define CHECK(condition)                                                                     \
  do {                                                                                       \
    if (!(condition)) {                                                                      \
      fprintf(stderr, "%s:%d: failed: %s; last error: %s\n", __FILE__, __LINE__, #condition, \
              wavestride_last_error());                                                      \
      ++failures;                                                                            \
    }                                                                                        \
  } while (0)

#define OK(call) CHECK((call) == WAVESTRIDE_OK)
/* The call gives this error, with a message that holds these words. */
#define REFUSED(status, words, call) \
  CHECK((call) == (status) && strstr(wavestride_last_error(), (words)) != NULL)
#define INVALID(words, call) REFUSED(WAVESTRIDE_INVALID_ARGUMENT, words, call)

enum { max_frames = 8192 };
static float in[2 * max_frames], out[2 * max_frames], streamed[2 * max_frames];

static void make_input(void) {
  for (int i = 0; i < 2 * max_frames; ++i) in[i] = sinf(0.03f * (float)i) + 0.3f * sinf(1.7f * (float)i);
}

static wavestride_op* resampler(void) {
  wavestride_resampler_config config = {.size = sizeof config};
  wavestride_op* op = NULL;
  config.in_hz = 48000;
  config.out_hz = 16000;
  config.channels = 2;
  OK(wavestride_resampler_create(&config, &op));
  return op;
}

/* A stream fed `chunk` frames at a time gives the frames of the whole signal. */
static void check_stream(const wavestride_op* op, int64_t frames, int64_t chunk) {
  wavestride_op_info info = {.size = sizeof info};
  const wavestride_stream_config config = {.size = sizeof config, .threads = chunk % 3};
  wavestride_stream* stream = NULL;
  int64_t whole = -1, done = 0, total = -1, received = -1, emitted = -1, latency = -1;
  OK(wavestride_op_get_info(op, &info));
  OK(wavestride_op_total(op, frames, &total));
  OK(wavestride_op_run(op, in, frames, out, max_frames, &whole));
  CHECK(whole == total && whole > 0);
  OK(wavestride_stream_create_with(op, &config, &stream));
  OK(wavestride_stream_latency(stream, &latency));
  CHECK(latency == info.latency_frames && latency > 0);
  for (int repeat = 0; repeat < 2; ++repeat) {
    done = 0;
    int64_t n = 0, rest = -1, got = -1;
    while (n < frames) {
      const int64_t count = n + chunk < frames ? chunk : frames - n;
      int64_t expected = -1;
      if (repeat == 1 && n + count == frames) break; /* the last ones end the signal, too */
      OK(wavestride_stream_frames_after(stream, count, &expected));
      OK(wavestride_stream_push(stream, in + n * info.in_channels, count, streamed + done * info.out_channels,
                                expected, &got));
      CHECK(got == expected);
      done += got;
      n += count;
    }
    OK(wavestride_stream_frames_at_finish_with(stream, frames - n, &rest));
    OK(repeat == 1 ? wavestride_stream_finish_with(stream, in + n * info.in_channels, frames - n,
                                                   streamed + done * info.out_channels, rest, &got)
                   : wavestride_stream_finish(stream, streamed + done * info.out_channels, rest, &got));
    CHECK(got == rest && done + got == whole);
    CHECK(memcmp(streamed, out, (size_t)(whole * info.out_channels) * sizeof *out) == 0);
    OK(wavestride_stream_position(stream, &received, &emitted));
    CHECK(received == frames && emitted == whole);
    OK(wavestride_stream_reset(stream));
    memset(streamed, 0, sizeof streamed);
  }
  wavestride_stream_free(stream);
}

static void test_resampler(void) {
  wavestride_op* op = resampler();
  wavestride_op_info info = {.size = sizeof info};
  OK(wavestride_op_get_info(op, &info));
  CHECK(info.inputs == 1 && info.outputs == 1 && info.in_channels == 2 && info.out_channels == 2);
  CHECK(info.rate_num == 3 && info.rate_den == 1 && info.streamable == 1 && info.receptive_field > 1);
  CHECK(strstr(wavestride_op_name(op), "resample") != NULL);
  check_stream(op, 4801, 480);
  wavestride_op_free(op);

  wavestride_resampler_config config = {.size = sizeof config};
  config.in_hz = 44100;
  config.out_hz = 48000;
  config.channels = 1;
  config.quality = WAVESTRIDE_QUALITY_FAST;
  config.minimum_phase = 1;
  config.causal = 1;
  config.stopband_db = 60;
  OK(wavestride_resampler_create(&config, &op));
  check_stream(op, 3000, 77);
  wavestride_op_free(op);

  config = (wavestride_resampler_config){
      .size = sizeof config, .in_hz = 48000, .out_hz = 16000, .channels = 2, .throughput = 1};
  OK(wavestride_resampler_create(&config, &op));
  CHECK(strstr(wavestride_op_name(op), "by blocks") != NULL);
  check_stream(op, 4801, 480);
  wavestride_op_free(op);
  config.size =
      offsetof(wavestride_resampler_config, throughput); /* an older caller, who has no such field */
  OK(wavestride_resampler_create(&config, &op));
  CHECK(strstr(wavestride_op_name(op), "by blocks") == NULL);
  wavestride_op_free(op);
}

static void test_mel(void) {
  wavestride_mel_info info = {.size = sizeof info};
  wavestride_op* op = NULL;
  OK(wavestride_mel_create("wavestride-16k", &info, &op));
  CHECK(info.sample_rate == 16000 && info.hop_length == 160 && info.n_mels == 80);
  wavestride_op_info shape = {.size = sizeof shape};
  OK(wavestride_op_get_info(op, &shape));
  CHECK(shape.in_channels == 1 && shape.out_channels == 80);
  check_stream(op, max_frames, 1000);
  wavestride_op_free(op);
}

static bool same_config(const wavestride_mel_config* a, const wavestride_mel_config* b) {
  return a->sample_rate == b->sample_rate && a->n_fft == b->n_fft && a->hop_length == b->hop_length &&
         a->win_length == b->win_length && a->n_mels == b->n_mels && a->f_min == b->f_min &&
         a->f_max == b->f_max && a->power == b->power && a->epsilon == b->epsilon && a->floor == b->floor &&
         a->scale == b->scale && a->offset == b->offset && a->clip_low == b->clip_low &&
         a->clip_high == b->clip_high && a->peak_range == b->peak_range &&
         a->prefilter_taps == b->prefilter_taps && a->framing == b->framing && a->mel_scale == b->mel_scale &&
         a->norm == b->norm && a->log == b->log;
}

static void test_mel_settings(void) {
  wavestride_mel_config config = {.size = sizeof config}, again = {.size = sizeof again};
  wavestride_op* op = NULL;
  int64_t frames = -1;

  /* Every preset, from its settings. */
  size_t presets = 0;
  for (const char* name; (name = wavestride_mel_preset_name(presets)) != NULL; ++presets) {
    wavestride_mel_info info = {.size = sizeof info};
    OK(wavestride_mel_create(name, &info, &op));
    OK(wavestride_op_run(op, in, max_frames, out, max_frames, &frames));
    const size_t bytes = (size_t)(frames * info.n_mels) * sizeof *out;
    memcpy(streamed, out, bytes);
    OK(wavestride_op_get_mel_config(op, &again));
    wavestride_op_free(op);
    OK(wavestride_mel_get_config(name, &config));
    CHECK(same_config(&config, &again) && strcmp(config.name, name) == 0);
    CHECK(config.sample_rate == info.sample_rate && config.n_fft == info.n_fft &&
          config.hop_length == info.hop_length && config.n_mels == info.n_mels);
    OK(wavestride_mel_create_with(&config, &op));
    CHECK(strstr(wavestride_op_name(op), name) != NULL);
    OK(wavestride_op_run(op, in, max_frames, out, max_frames, &frames));
    CHECK(memcmp(streamed, out, bytes) == 0);
    wavestride_op_free(op);
  }
  CHECK(presets >= 8);

  /* One that no preset is. Every setting arrives. */
  const float prefilter[] = {1, -0.97f};
  const wavestride_mel_config own = {.size = sizeof own,
                                     .name = "my own",
                                     .sample_rate = 8000,
                                     .n_fft = 512,
                                     .hop_length = 100,
                                     .win_length = 400,
                                     .n_mels = 20,
                                     .f_min = 30,
                                     .f_max = 3000,
                                     .power = 2,
                                     .epsilon = 1e-6,
                                     .floor = 1e-8,
                                     .scale = 0.5,
                                     .offset = 3,
                                     .clip_low = -2,
                                     .clip_high = 4,
                                     .peak_range = 7,
                                     .prefilter = prefilter,
                                     .prefilter_taps = 2,
                                     .framing = WAVESTRIDE_MEL_TIGHT,
                                     .mel_scale = WAVESTRIDE_MEL_SCALE_HTK,
                                     .norm = WAVESTRIDE_MEL_NORM_NONE,
                                     .log = WAVESTRIDE_LOG_DB};
  config = own;
  char name[] = "my own";
  config.name = name;
  OK(wavestride_mel_create_with(&config, &op));
  name[0] = '?'; /* it is copied */
  CHECK(strcmp(wavestride_op_name(op), "mel_spectrogram(my own)") == 0);
  OK(wavestride_op_get_mel_config(op, &again));
  CHECK(same_config(&own, &again) && strcmp(again.name, "my own") == 0);
  CHECK(again.prefilter != prefilter && again.prefilter[0] == 1 && again.prefilter[1] == -0.97f);
  wavestride_op_info shape = {.size = sizeof shape};
  OK(wavestride_op_get_info(op, &shape));
  CHECK(shape.out_channels == 20 && shape.streamable == 0 && shape.latency_frames == INT64_MAX &&
        shape.lookahead_frames == INT64_MAX && shape.receptive_field == INT64_MAX);
  OK(wavestride_op_run(op, in, 1000, out, max_frames, &frames));
  CHECK(frames == 10); /* tight */
  for (int64_t i = 0; i < 20 * frames; ++i) CHECK(out[i] >= -2 && out[i] <= 4);
  wavestride_stream* stream = NULL;
  REFUSED(WAVESTRIDE_NOT_STREAMABLE, "peak_range", wavestride_stream_create(op, &stream));
  wavestride_op_free(op);

  OK(wavestride_mel_get_config(NULL, &config));
  CHECK(config.sample_rate == 16000 && config.n_fft == 1024 && config.hop_length == 256 &&
        config.n_mels == 80 && config.power == 1 && config.floor == 1e-5 && config.prefilter == NULL &&
        isinf(config.clip_low) && isinf(config.clip_high) && strcmp(config.name, "mel") == 0);
  config.name = NULL;
  config.n_mels = 128;
  OK(wavestride_mel_create_with(&config, &op));
  CHECK(strcmp(wavestride_op_name(op), "mel_spectrogram(mel)") == 0);
  check_stream(op, 3000, 700);
  wavestride_op_free(op);

  op = NULL;
  INVALID("no-such-preset", wavestride_mel_get_config("no-such-preset", &config));
  INVALID("wavestride_mel_config must not be null", wavestride_mel_get_config(NULL, NULL));
  INVALID("wavestride_mel_config must not be null", wavestride_mel_create_with(NULL, &op));
  INVALID("op must not be null", wavestride_mel_create_with(&own, NULL));
  const wavestride_mel_config unset = {.size = sizeof unset};
  INVALID("sample_rate must be", wavestride_mel_create_with(&unset, &op));
  again.size = 8;
  INVALID("size must be", wavestride_mel_get_config("whisper-16k", &again));
  INVALID("size must be", wavestride_mel_create_with(&again, &op));
#define WRONG(words, field, value)                           \
  do {                                                       \
    wavestride_mel_config wrong = own;                       \
    wrong.field = (value);                                   \
    INVALID(words, wavestride_mel_create_with(&wrong, &op)); \
  } while (0)
  WRONG("framing must be 0 to 2, got 3", framing, 3);
  WRONG("mel_scale must be 0 to 1, got -1", mel_scale, -1);
  WRONG("norm must be 0 to 1, got 2", norm, 2);
  WRONG("log must be 0 to 2, got 3", log, 3);
  WRONG("prefilter must not be null", prefilter, NULL);
  WRONG("prefilter_taps", prefilter_taps, (size_t)-1);
  WRONG("n_fft", n_fft, INT64_MAX);
  WRONG("n_mels", n_mels, -1);
  WRONG("hop_length", hop_length, 0);
  WRONG("win_length", win_length, 513);
  WRONG("f_max", f_max, NAN);
  WRONG("power", power, 0);
  WRONG("floor", floor, NAN);
  WRONG("clip_low", clip_high, -3);
  WRONG("peak_range", peak_range, -1);
  CHECK(op == NULL);

  INVALID("op must not be null", wavestride_op_get_mel_config(NULL, &config));
  op = resampler();
  INVALID("was not made by wavestride_mel_create", wavestride_op_get_mel_config(op, &config));
  wavestride_op_free(op);
  OK(wavestride_mel_create("whisper-16k", NULL, &op));
  INVALID("null", wavestride_op_get_mel_config(op, NULL));
  wavestride_op_free(op);
}

/* Pooling with indices, and back: offsets into windows. */
static void test_max_pooling(void) {
  const int64_t two[] = {2, 2}, lengths[] = {10, 10}, negative[] = {-1, 10};
  const wavestride_option pooling[] = {
      {"kernel-size", "3"}, {"stride", "2"}, {"padding", "1"}, {"return-indices", "true"}};
  const wavestride_op_config pool = {
      .size = sizeof pool, .channels = two, .inputs = 1, .options = pooling, .option_count = 4};
  wavestride_op* op = NULL;
  OK(wavestride_op_create("max_pool1d", &pool, &op));
  float values[20], offsets[20], restored[40];
  wavestride_signal x = {sizeof x, in, 2, 20, 0};
  wavestride_signal pooled[2] = {{sizeof x, values, 2, 0, 10}, {sizeof x, offsets, 2, 0, 10}};
  OK(wavestride_op_run_all(op, &x, 1, pooled, 2));
  CHECK(pooled[0].frames == 10 && pooled[1].frames == 10);
  for (int64_t n = 0; n < 10; ++n)
    for (int64_t c = 0; c < 2; ++c) {
      const int64_t frame = n * 2 - 1 + (int64_t)offsets[2 * n + c];
      CHECK(frame >= 0 && frame < 20 && in[2 * frame + c] == values[2 * n + c]);
    }
  pooled[1].capacity = 9;
  REFUSED(WAVESTRIDE_TOO_SMALL, "there are 10", wavestride_op_run_all(op, &x, 1, pooled, 2));
  wavestride_stream* stream = NULL;
  OK(wavestride_stream_create(op, &stream));
  float pushed[2][20];
  for (int64_t n = 0, done = 0, last = 0; !last; n += 7) {
    wavestride_signal piece = {sizeof x, in + 2 * n, 2, n + 7 < 20 ? 7 : 20 - n, 0};
    wavestride_signal now[2] = {{sizeof x, pushed[0] + 2 * done, 2, -1, 10 - done},
                                {sizeof x, pushed[1] + 2 * done, 2, -1, 10 - done}};
    OK(wavestride_stream_push_all(stream, &piece, 1, now, 2));
    CHECK(now[0].frames == now[1].frames && now[0].frames >= 0);
    done += now[0].frames;
    last = n + 7 >= 20;
    if (!last) continue;
    for (int o = 0; o < 2; ++o) now[o].data = pushed[o] + 2 * done, now[o].capacity = 10 - done;
    OK(wavestride_stream_finish_all(stream, now, 2));
    CHECK(done + now[0].frames == 10 && now[1].frames == now[0].frames);
  }
  CHECK(memcmp(pushed[0], values, sizeof values) == 0 && memcmp(pushed[1], offsets, sizeof offsets) == 0);
  wavestride_stream_free(stream);
  wavestride_op_free(op);

  /* 10 maxima could come of 19 frames or of 20. */
  wavestride_option unpooling[] = {
      {"kernel-size", "3"}, {"stride", "2"}, {"padding", "1"}, {"output-size", "20"}};
  wavestride_op_config unpool = {sizeof unpool, two, 2, unpooling, 4, NULL, 0, lengths};
  OK(wavestride_op_create("max_unpool1d", &unpool, &op));
  wavestride_signal whole = {sizeof x, restored, 2, 0, 20};
  OK(wavestride_op_run_all(op, pooled, 2, &whole, 1));
  CHECK(whole.frames == 20);
  for (int64_t n = 0; n < 10; ++n)
    for (int64_t c = 0; c < 2; ++c) {
      const int64_t frame = n * 2 - 1 + (int64_t)offsets[2 * n + c];
      CHECK(restored[2 * frame + c] == values[2 * n + c]);
    }
  wavestride_op_free(op);
  op = NULL;
  unpool.size = offsetof(wavestride_op_config, lengths); /* an older caller, who has no such field */
  INVALID("needs the lengths", wavestride_op_create("max_unpool1d", &unpool, &op));
  unpool.size = sizeof unpool;
  unpool.lengths = negative;
  INVALID("lengths must not be negative, got -1", wavestride_op_create("max_unpool1d", &unpool, &op));
  CHECK(op == NULL);
}

static void test_operators_by_name(void) {
  /* y[n] = 0.5 + 1·x[2n] + 2·x[2n+1] + 3·x[2n+2] */
  const float weight[] = {1, 2, 3}, bias[] = {0.5f};
  const int64_t shape[] = {1, 1, 3}, ones[] = {1, 1};
  wavestride_array arrays[2] = {{sizeof *arrays, "weight", weight, shape, 3},
                                {sizeof *arrays, "bias", bias, ones, 1}};
  const wavestride_option stride = {"stride", "2"};
  wavestride_op_config config = {sizeof config, ones, 1, &stride, 1, arrays, 2, NULL};
  wavestride_op* op = NULL;
  int64_t frames = -1;
  OK(wavestride_op_create("conv1d", &config, &op));
  OK(wavestride_op_run(op, in, 101, out, max_frames, &frames));
  CHECK(frames == 50);
  for (int n = 0; n < 50; ++n) {
    const float expected = 0.5f + in[2 * n] + 2 * in[2 * n + 1] + 3 * in[2 * n + 2];
    CHECK(fabsf(out[n] - expected) < 1e-5f);
  }
  wavestride_op_free(op);

  wavestride_op_config sum = {sizeof sum, ones, 2, NULL, 0, NULL, 0, NULL};
  OK(wavestride_op_create("add", &sum, &op));
  wavestride_signal terms[2] = {{sizeof *terms, in, 1, 10, 0}, {sizeof *terms, in + 10, 1, 10, 0}};
  wavestride_signal result = {sizeof result, out, 1, 0, max_frames};
  OK(wavestride_op_run_all(op, terms, 2, &result, 1));
  CHECK(result.frames == 10);
  for (int n = 0; n < 10; ++n) CHECK(out[n] == in[n] + in[10 + n]);
  INVALID("has 2 inputs", wavestride_op_run(op, in, 10, out, max_frames, &frames));
  wavestride_stream* stream = NULL;
  OK(wavestride_stream_create(op, &stream));
  OK(wavestride_stream_frames_after(stream, 10, &frames));
  CHECK(frames == 10);
  terms[1].frames = 6; /* which the other waits for */
  OK(wavestride_stream_push_all(stream, terms, 2, &result, 1));
  CHECK(result.frames == 6);
  for (int n = 0; n < 6; ++n) CHECK(out[n] == in[n] + in[10 + n]);
  terms[0].data = NULL;
  terms[0].frames = 0;
  terms[1].data = in + 16;
  terms[1].frames = 4;
  result.capacity = 3;
  REFUSED(WAVESTRIDE_TOO_SMALL, "there are 4", wavestride_stream_push_all(stream, terms, 2, &result, 1));
  CHECK(result.frames == 6); /* left as it was, and nothing was taken */
  result.capacity = max_frames;
  terms[1].channels = 2;
  INVALID("input 1 has 1 channels, not 2", wavestride_stream_push_all(stream, terms, 2, &result, 1));
  terms[1].channels = 1;
  terms[1].data = NULL;
  INVALID("input must not be null", wavestride_stream_push_all(stream, terms, 2, &result, 1));
  terms[1].data = in + 16;
  result.channels = 3;
  INVALID("output 0 has 1 channels, not 3", wavestride_stream_push_all(stream, terms, 2, &result, 1));
  INVALID("output 0 has 1 channels, not 3", wavestride_stream_finish_all(stream, &result, 1));
  result.channels = 1;
  OK(wavestride_stream_frames_after(stream, 1, &frames));
  CHECK(frames == 1);
  INVALID("not 1 and 1", wavestride_stream_push_all(stream, terms, 1, &result, 1));
  INVALID("not 2 and 0", wavestride_stream_finish_all(stream, NULL, 0));
  INVALID("null", wavestride_stream_push_all(stream, NULL, 2, &result, 1));
  INVALID("null", wavestride_stream_push_all(stream, terms, 2, NULL, 1));
  INVALID("null", wavestride_stream_push_all(NULL, terms, 2, &result, 1));
  INVALID("null", wavestride_stream_finish_all(NULL, &result, 1));
  INVALID("several inputs", wavestride_stream_push(stream, in, 1, out, max_frames, &frames));
  INVALID("several inputs", wavestride_stream_finish(stream, out, max_frames, &frames));
  OK(wavestride_stream_push_all(stream, terms, 2, &result, 1));
  CHECK(result.frames == 4);
  for (int n = 0; n < 4; ++n) CHECK(out[n] == in[6 + n] + in[16 + n]);
  OK(wavestride_stream_finish_all(stream, &result, 1));
  CHECK(result.frames == 0);
  INVALID("finished", wavestride_stream_push_all(stream, terms, 2, &result, 1));
  INVALID("finished", wavestride_stream_finish_all(stream, &result, 1));
  wavestride_stream_free(stream);
  stream = NULL;
  terms[0] = (wavestride_signal){sizeof *terms, in, 1, 10, 0};
  terms[1].data = in + 10;
  terms[1].frames = 10;
  result.capacity = 9;
  REFUSED(WAVESTRIDE_TOO_SMALL, "room for 9", wavestride_op_run_all(op, terms, 2, &result, 1));
  result.capacity = max_frames;
  terms[1].channels = 2;
  INVALID("channels", wavestride_op_run_all(op, terms, 2, &result, 1));
  terms[1].size = 3;
  INVALID("size", wavestride_op_run_all(op, terms, 2, &result, 1));
  INVALID("not 1 and 1", wavestride_op_run_all(op, terms, 1, &result, 1));
  INVALID("null", wavestride_op_run_all(op, NULL, 2, &result, 1));
  wavestride_op_free(op);

  const wavestride_option size = {"output-size", "7"};
  wavestride_op_config pool = {sizeof pool, ones, 1, &size, 1, NULL, 0, NULL};
  OK(wavestride_op_create("adaptive_avg_pool1d", &pool, &op));
  REFUSED(WAVESTRIDE_NOT_STREAMABLE, "stream", wavestride_stream_create(op, &stream));
  CHECK(stream == NULL);
  wavestride_op_info info = {.size = sizeof info};
  OK(wavestride_op_get_info(op, &info));
  CHECK(info.streamable == 0);
  wavestride_op_free(op);

  op = NULL;
  INVALID("unknown operator", wavestride_op_create("no_such_op", &config, &op));
  INVALID("name", wavestride_op_create(NULL, &config, &op));
  INVALID("null", wavestride_op_create("conv1d", NULL, &op));
  INVALID("op must not be null", wavestride_op_create("conv1d", &config, NULL));
  wavestride_op_config bare = {sizeof bare, ones, 1, NULL, 0, NULL, 0, NULL};
  INVALID("output-size must be given", wavestride_op_create("adaptive_avg_pool1d", &bare, &op));
  const struct {
    const char *name, *value, *complaint;
  } bad[] = {{"stride", "0", "stride must be at least 1"},
             {"stride", "two", "stride must be a whole number"},
             {"stride", "", "stride must be a whole number"},
             {"stride", "99999999999999999999", "stride must be a whole number"},
             {"stride", NULL, "null"},
             {NULL, "1", "null"},
             {"factor", "2", "takes no option \"factor\"; it takes weight, bias, stride"},
             {"weight", "1", "weight is an array, not text"},
             {"padding", "1,2,3", "padding must be"},
             {"padding-mode", "symmetric", "zeros|reflect|replicate|circular"}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) {
    const wavestride_option option = {bad[i].name, bad[i].value};
    config.options = &option;
    INVALID(bad[i].complaint, wavestride_op_create("conv1d", &config, &op));
  }
  const wavestride_option unknown_option = {"colour", "red"};
  bare.options = &unknown_option;
  bare.option_count = 1;
  INVALID("takes no option \"colour\"", wavestride_op_create("adaptive_avg_pool1d", &bare, &op));
  INVALID("it takes none", wavestride_op_create("relu", &bare, &op));
  config.options = NULL;
  INVALID("null", wavestride_op_create("conv1d", &config, &op));
  config.option_count = (size_t)-1;
  INVALID("at most", wavestride_op_create("conv1d", &config, &op));
  config.option_count = 0;
  const int64_t bad_shapes[][3] = {{-1, 1, 3}, {INT64_MAX, INT64_MAX, 3}, {0, 0, 0}};
  for (size_t i = 0; i < 3; ++i) {
    arrays[0].shape = bad_shapes[i];
    INVALID("", wavestride_op_create("conv1d", &config, &op));
  }
  arrays[0].shape = shape;
  arrays[0].dimensions = 99;
  INVALID("dimensions", wavestride_op_create("conv1d", &config, &op));
  arrays[0].dimensions = 3;
  arrays[0].data = NULL;
  INVALID("null", wavestride_op_create("conv1d", &config, &op));
  arrays[0].data = weight;
  arrays[1].name = "weight";
  INVALID("twice", wavestride_op_create("conv1d", &config, &op));
  arrays[1].name = "stride";
  INVALID("stride is text, not an array", wavestride_op_create("conv1d", &config, &op));
  arrays[1].name = "kernel";
  INVALID("takes no array \"kernel\"", wavestride_op_create("conv1d", &config, &op));
  arrays[1].name = NULL;
  INVALID("the name of an array must not be null", wavestride_op_create("conv1d", &config, &op));
  arrays[1].name = "bias";
  arrays[1].shape = NULL;
  INVALID("shape must not be null", wavestride_op_create("conv1d", &config, &op));
  arrays[1].shape = ones;
  arrays[1].size = sizeof *arrays + 8;
  INVALID("same size", wavestride_op_create("conv1d", &config, &op));
  arrays[0].size = sizeof *arrays + 1; /* so that the second would lie where no such struct can */
  config.array_count = 1;
  arrays[1] = (wavestride_array){0};
  INVALID("a multiple of 8", wavestride_op_create("conv1d", &config, &op));
  config.array_count = (size_t)-1;
  INVALID("at most 64", wavestride_op_create("conv1d", &config, &op));
  const wavestride_option same[] = {{"alpha", "1"}, {"alpha", "2"}};
  const wavestride_op_config twice = {sizeof twice, ones, 1, same, 2, NULL, 0, NULL};
  INVALID("option alpha is given twice", wavestride_op_create("elu", &twice, &op));
  const int64_t many[] = {INT64_MAX};
  const wavestride_op_config wide = {sizeof wide, many, 1, NULL, 0, NULL, 0, NULL};
  if (wavestride_op_create("relu", &wide, &op) == WAVESTRIDE_OK) wavestride_op_free(op), op = NULL;
  config.channels = NULL;
  INVALID("null", wavestride_op_create("conv1d", &config, &op));
  const int64_t no_channels[] = {0};
  config.channels = no_channels;
  config.array_count = 0;
  INVALID("channels", wavestride_op_create("relu", &config, &op));
  config.inputs = 0;
  INVALID("inputs", wavestride_op_create("relu", &config, &op));
  CHECK(op == NULL);
}

/* The first samples that a model makes of the test signal, or 0 where it is refused. */
static int64_t voice(const char* path, const wavestride_model_config* config, float* samples) {
  wavestride_model_info info = {.size = sizeof info};
  wavestride_op* op = NULL;
  int64_t frames = 0;
  if (wavestride_model_load(path, config, &info, &op) != WAVESTRIDE_OK) return 0;
  OK(wavestride_op_run(op, in, 20, samples, 2 * max_frames, &frames));
  wavestride_op_free(op);
  return frames;
}

static void test_voices(const char* golden) {
  char path[4096];
  const int64_t first = 0;
  const float of_ours[] = {0.1f, -0.2f, 0.3f, 0.4f};
  wavestride_model_config config = {.size = sizeof config};
  snprintf(path, sizeof path, "%s/models/hifigan-xtts/model.pth", golden);
  CHECK(voice(path, &config, out) == 0 &&
        strstr(wavestride_last_error(), "an embedding of 4 values") != NULL);
  config.speaker_embedding = of_ours;
  config.speaker_embedding_size = 4;
  int64_t frames = voice(path, &config, out);
  CHECK(frames > 0);
  config.speaker_embedding = (const float[]){0.1f, -0.2f, 0.3f, 0.5f};
  CHECK(voice(path, &config, streamed) == frames && memcmp(out, streamed, 4 * (size_t)frames) != 0);
  config.speaker_embedding_size = 3;
  CHECK(voice(path, &config, out) == 0 && strstr(wavestride_last_error(), "values, got 3") != NULL);
  wavestride_op* op = NULL;
  config.speaker_embedding_size = (size_t)-1;
  INVALID("speaker_embedding_size must be at most", wavestride_model_load(path, &config, NULL, &op));
  config.speaker_embedding_size = 4;
  config.speaker_embedding = NULL;
  INVALID("speaker_embedding must not be null", wavestride_model_load(path, &config, NULL, &op));
  /* One that is in the file. */
  snprintf(path, sizeof path, "%s/models/hifigan-vits/G_100000.pth", golden);
  config = (wavestride_model_config){.size = sizeof config, .speaker = &first};
  CHECK(voice(path, &config, out) > 0 && op == NULL);
}

/* Writes a file of the network in `from` and of a copy behind "model_ema.", whose values are half as large.
 */
static void write_copies(const char* from, const char* to) {
  static char header[8192], both[2 * sizeof header + 4096];
  static float data[16384];
  uint64_t length = 0, end = 0;
  FILE* file = fopen(from, "rb");
  CHECK(file != NULL && fread(&length, sizeof length, 1, file) == 1 && length < sizeof header);
  CHECK(fread(header, 1, length, file) == length);
  header[length] = 0;
  const size_t bytes = sizeof *data * fread(data, sizeof *data, sizeof data / sizeof *data, file);
  fclose(file);
  const char* tensors = strstr(header, "\"conv_pre.bias\""); /* behind the metadata */
  CHECK(tensors != NULL && bytes > 0 && bytes < sizeof data);
  end += (uint64_t)sprintf(both, "%.*s", (int)(tensors - header), header);
  for (size_t copy = 0; copy < 2; ++copy)
    for (const char* at = tensors; (at = strchr(at, '"')) != NULL; at = strchr(at, '}')) {
      char name[64] = "", description[128] = "";
      unsigned long first = 0, last = 0;
      CHECK(sscanf(at, "\"%63[^\"]\": {%127[^]]], \"data_offsets\": [%lu, %lu]}", name, description, &first,
                   &last) == 4);
      end += (uint64_t)sprintf(both + end, "%s\"%s%s\": {%s], \"data_offsets\": [%lu, %lu]}",
                               copy == 0 && at == tensors ? "" : ", ", copy ? "model_ema." : "", name,
                               description, first + copy * bytes, last + copy * bytes);
    }
  end += (uint64_t)sprintf(both + end, "}");
  file = fopen(to, "wb");
  CHECK(file != NULL && fwrite(&end, sizeof end, 1, file) == 1 && fwrite(both, 1, end, file) == end);
  CHECK(fwrite(data, 1, bytes, file) == bytes);
  for (size_t i = 0; i < bytes / sizeof *data; ++i) data[i] *= 0.5f;
  CHECK(fwrite(data, 1, bytes, file) == bytes && fclose(file) == 0);
}

static void test_copies(const char* golden) {
  char from[4096], settings[4096], path[] = "/tmp/wavestride-c-XXXXXX";
  snprintf(from, sizeof from, "%s/models/hifigan-speecht5/model.safetensors", golden);
  snprintf(settings, sizeof settings, "%s/models/hifigan-speecht5/config.json", golden);
  const int descriptor = mkstemp(path);
  CHECK(descriptor >= 0 && close(descriptor) == 0);
  write_copies(from, path);
  wavestride_model_config config = {.size = sizeof config, .config = settings};
  const int64_t frames = voice(from, &config, out);
  const size_t bytes = (size_t)frames * sizeof *out;
  CHECK(frames > 0);
  config.prefix = "";
  CHECK(voice(path, &config, streamed) == frames && memcmp(out, streamed, bytes) == 0);
  config.prefix = "model_ema";
  CHECK(voice(path, &config, streamed) == frames && memcmp(out, streamed, bytes) != 0);
  config.prefix = "ema";
  CHECK(voice(path, &config, streamed) == 0);
  CHECK(strstr(wavestride_last_error(), "no tensor whose name begins with \"ema.\"") != NULL);
  config.size = offsetof(wavestride_model_config, prefix); /* an older caller, who has no such field */
  CHECK(voice(from, &config, streamed) == frames && memcmp(out, streamed, bytes) == 0);
  CHECK(voice(path, &config, streamed) == 0 && strstr(wavestride_last_error(), "model_ema") != NULL);
  remove(path);
}

static void test_codes(const char* golden) {
  char path[4096];
  const double bandwidths[] = {0, 1.5, 3, 6, 12};
  const int64_t channels[] = {16, 2, 4, 8, 16};
  static float codes[16 * 3], samples[5][3 * 320];
  for (int i = 0; i < 16 * 3; ++i) codes[i] = (float)(i * 389 % 1024);
  snprintf(path, sizeof path, "%s/models/vocos-encodec/pytorch_model.bin", golden);
  for (int i = 0; i < 5; ++i) {
    const wavestride_model_config config = {.size = sizeof config, .bandwidth_kbps = bandwidths[i]};
    wavestride_model_info info = {.size = sizeof info};
    wavestride_mel_config features = {.size = sizeof features};
    wavestride_op* op = NULL;
    int64_t frames = 0;
    OK(wavestride_model_load(path, &config, &info, &op));
    CHECK(info.n_mels == channels[i] && info.sample_rate == 24000 && info.upsampling_num == 320 &&
          info.codes == 1024);
    INVALID("the codes that EnCodec makes of sound", wavestride_op_get_mel_config(op, &features));
    OK(wavestride_op_run(op, codes, 3, samples[i], 3 * 320, &frames));
    CHECK(frames == 3 * 320);
    wavestride_op_free(op);
  }
  CHECK(memcmp(samples[0], samples[4], sizeof *samples) == 0 &&
        memcmp(samples[3], samples[4], sizeof *samples));
  wavestride_op* op = NULL;
  wavestride_model_config config = {.size = sizeof config, .bandwidth_kbps = 24};
  REFUSED(WAVESTRIDE_IO_ERROR, "1.5, 3, 6, 12 kbps", wavestride_model_load(path, &config, NULL, &op));
  config.size =
      offsetof(wavestride_model_config, bandwidth_kbps); /* an older caller, who has no such field */
  wavestride_model_info info = {.size = offsetof(wavestride_model_info, codes), .codes = -1};
  OK(wavestride_model_load(path, &config, &info, &op));
  CHECK(info.n_mels == 16 && info.codes == -1);
  wavestride_op_free(op);
  snprintf(path, sizeof path, "%s/models/dac-44khz/weights.pth", golden);
  for (int64_t books = 0; books < 6; ++books) {
    wavestride_model_info info = {.size = sizeof info};
    config = (wavestride_model_config){.size = sizeof config, .codebooks = books};
    if (books == 5) {
      REFUSED(WAVESTRIDE_IO_ERROR, "the first 1 to 4", wavestride_model_load(path, &config, NULL, &op));
      config.size = offsetof(wavestride_model_config, codebooks); /* an older caller, who has no such field */
    }
    OK(wavestride_model_load(path, &config, &info, &op));
    CHECK(info.n_mels == (books == 0 || books == 5 ? 4 : books) && info.sample_rate == 16000);
    wavestride_op_free(op);
  }
}

/* Sound to codes and back. */
static void test_codes_of_sound(const char* golden) {
  char path[4096];
  static float sound[1600], codes[2 * 100], again[1600], faster_codes[4 * 100];
  for (int i = 0; i < 1600; ++i) sound[i] = (float)(i * 37 % 101 - 50) / 100;
  snprintf(path, sizeof path, "%s/models/dac-44khz/weights.pth", golden);
  const wavestride_model_config config = {.size = sizeof config, .codebooks = 2};
  wavestride_codec_encoder_info info = {.size = sizeof info};
  wavestride_op *encoder = NULL, *decoder = NULL;
  int64_t frames = 0;
  OK(wavestride_codec_encoder_load(path, &config, &info, &encoder));
  CHECK(info.sample_rate == 16000 && info.hop_length == 16 && info.per_frame == 2 && info.codes == 20);
  OK(wavestride_op_run(encoder, sound, 1590, codes, 100, &frames));
  CHECK(frames == 100);
  for (int i = 0; i < 200; ++i) CHECK(codes[i] >= 0 && codes[i] < 20 && codes[i] == (float)(int)codes[i]);
  OK(wavestride_model_load(path, &config, NULL, &decoder));
  OK(wavestride_op_run(decoder, codes, 100, again, 1600, &frames));
  CHECK(frames == 1600);
  wavestride_op_free(encoder);
  wavestride_op_free(decoder);
  OK(wavestride_codec_encoder_load(path, NULL, NULL, &encoder));
  wavestride_op_free(encoder);
  INVALID("path", wavestride_codec_encoder_load(NULL, NULL, NULL, &encoder));
  const wavestride_model_config faster = {
      .size = sizeof faster, .minimal_filtering = 1, .bfloat16 = 1, .int8_weights = 1};
  OK(wavestride_codec_encoder_load(path, &faster, &info, &encoder));
  OK(wavestride_op_run(encoder, sound, 1590, faster_codes, 100, &frames));
  CHECK(frames == 100 && info.per_frame == 4);
  wavestride_op_free(encoder);
  snprintf(path, sizeof path, "%s/models/encodec-fused/model.safetensors", golden);
  REFUSED(WAVESTRIDE_IO_ERROR, "holds no encoder", wavestride_codec_encoder_load(path, NULL, NULL, &encoder));
}

/* What a network of two inputs makes of them, whole and as a stream. */
static void check_given(const wavestride_op* op, const wavestride_signal* inputs, int64_t channels) {
  wavestride_signal made = {
      .size = sizeof made, .data = out, .channels = channels, .capacity = max_frames / 2};
  OK(wavestride_op_run_all(op, inputs, 2, &made, 1));
  CHECK(made.frames == inputs[1].frames);
  wavestride_stream* stream = NULL;
  OK(wavestride_stream_create(op, &stream));
  wavestride_signal rest = made;
  rest.data = streamed;
  OK(wavestride_stream_push_all(stream, inputs, 2, &rest, 1));
  const int64_t done = rest.frames;
  rest.data += done * channels;
  OK(wavestride_stream_finish_all(stream, &rest, 1));
  CHECK(done + rest.frames == made.frames &&
        memcmp(out, streamed, (size_t)(made.frames * channels) * sizeof *out) == 0);
  wavestride_stream_free(stream);
}

static void test_given(const char* golden) {
  char path[4096], wavenet[4096];
  static float silence[max_frames], of_silence[max_frames];
  enum { frames = 8 };
  wavestride_model_config config = {.size = sizeof config, .given = WAVESTRIDE_GIVEN_NOISE};
  wavestride_model_info info = {.size = sizeof info};
  wavestride_op* op = NULL;
  snprintf(path, sizeof path, "%s/models/parallel-wavegan-v1/checkpoint-400000steps.pkl", golden);
  snprintf(wavenet, sizeof wavenet, "%s/models/wavenet-vocoder-gaussian/checkpoint_step000000010_ema.pth",
           golden);
  OK(wavestride_model_load(path, &config, &info, &op));
  const int64_t samples = frames * info.upsampling_num / info.upsampling_den;
  wavestride_signal inputs[2] = {
      {.size = sizeof *inputs, .data = in, .channels = info.n_mels, .frames = frames},
      {.size = sizeof *inputs, .data = silence, .channels = 1, .frames = samples}};
  check_given(op, inputs, 1);
  memcpy(of_silence, out, (size_t)samples * sizeof *out);
  inputs[1].data = in;
  check_given(op, inputs, 1);
  CHECK(memcmp(of_silence, out, (size_t)samples * sizeof *out) != 0);
  wavestride_op_free(op);

  config.given = WAVESTRIDE_GIVEN_SAMPLES;
  OK(wavestride_model_load(wavenet, &config, &info, &op));
  inputs[0].channels = info.n_mels;
  inputs[1].frames = frames * info.upsampling_num / info.upsampling_den;
  check_given(op, inputs, 2); /* mean and log scale of each sample */
  wavestride_op_free(op);
  const int32_t wrong[] = {3, -1, INT32_MAX, INT32_MIN};
  for (int i = 0; i < 4; ++i) {
    config.given = wrong[i];
    INVALID("given must be 0 to 2, got ", wavestride_model_load(path, &config, NULL, &op));
  }
  config.given = WAVESTRIDE_GIVEN_SAMPLES;
  REFUSED(WAVESTRIDE_IO_ERROR, "has no use for given samples",
          wavestride_model_load(path, &config, NULL, &op));
  config.size = offsetof(wavestride_model_config, given); /* an older caller, who has no such field */
  OK(wavestride_model_load(path, &config, NULL, &op));
  wavestride_op_free(op);
}

static void test_model(const char* golden) {
  char path[4096];
  wavestride_model_info info = {.size = sizeof info};
  wavestride_op* op = NULL;
  snprintf(path, sizeof path, "%s/model-0.safetensors", golden);
  OK(wavestride_model_load(path, NULL, &info, &op));
  CHECK(info.sample_rate > 0 && info.n_mels > 0 && info.upsampling_num > 1 && info.lookahead_seconds > 0 &&
        info.codes == 0);
  wavestride_op_info shape = {.size = sizeof shape};
  OK(wavestride_op_get_info(op, &shape));
  CHECK(shape.in_channels == info.n_mels && shape.out_channels == 1);
  CHECK(shape.rate_num == info.upsampling_den && shape.rate_den == info.upsampling_num);
  check_stream(op, 20, 3);
  wavestride_op_free(op);
  OK(wavestride_model_load(NULL, NULL, &info, &op));
  CHECK(info.sample_rate == 16000 && info.n_mels == 80);
  check_stream(op, 20, 3);
  wavestride_mel_config features = {.size = sizeof features}, preset = {.size = sizeof preset};
  OK(wavestride_op_get_mel_config(op, &features));
  OK(wavestride_mel_get_config("wavestride-16k", &preset));
  CHECK(same_config(&features, &preset));
  wavestride_op_free(op);
  const double lookahead = info.lookahead_seconds;
  wavestride_model_config config = {.size = sizeof config, .minimal_filtering = 1};
  OK(wavestride_model_load(NULL, &config, &info, &op));
  CHECK(info.lookahead_seconds > lookahead);
  check_stream(op, 20, 3);
  wavestride_op_free(op);
  config = (wavestride_model_config){.size = sizeof config, .bfloat16 = 1};
  OK(wavestride_model_load(NULL, &config, &info, &op));
  CHECK(info.lookahead_seconds == lookahead);
  check_stream(op, 20, 3);
  wavestride_op_free(op);
  config = (wavestride_model_config){.size = offsetof(wavestride_model_config, int8_weights), .bfloat16 = 1};
  OK(wavestride_model_load(NULL, &config, &info, &op)); /* as a caller of an older header */
  wavestride_op_free(op);
  config = (wavestride_model_config){.size = sizeof config, .int8_weights = 1};
  OK(wavestride_model_load(NULL, &config, &info, &op));
  check_stream(op, 20, 3);
  wavestride_op_free(op);

  test_voices(golden);
  test_copies(golden);
  test_given(golden);
  test_codes(golden);
  test_codes_of_sound(golden);

  op = NULL;
  REFUSED(WAVESTRIDE_IO_ERROR, "/nonexistent", wavestride_model_load("/nonexistent", NULL, &info, &op));
  REFUSED(WAVESTRIDE_IO_ERROR, golden, wavestride_model_load(golden, NULL, &info, &op));
  config = (wavestride_model_config){.size = sizeof config, .config = "/nonexistent"};
  REFUSED(WAVESTRIDE_IO_ERROR, "/nonexistent", wavestride_model_load(path, &config, &info, &op));
  config = (wavestride_model_config){.size = sizeof config, .stats = "/nonexistent.npy"};
  REFUSED(WAVESTRIDE_IO_ERROR, "/nonexistent.npy", wavestride_model_load(path, &config, &info, &op));
  const int64_t speaker = 0;
  config = (wavestride_model_config){.size = sizeof config, .speaker = &speaker};
  REFUSED(WAVESTRIDE_IO_ERROR, "speaker", wavestride_model_load(path, &config, &info, &op));
  config = (wavestride_model_config){.size = sizeof config, .config = "hifigan-v9"};
  REFUSED(WAVESTRIDE_IO_ERROR, "hifigan-v1", wavestride_model_load(path, &config, &info, &op));
  config = (wavestride_model_config){.size = sizeof config, .preset = "no-such-preset"};
  CHECK(wavestride_model_load(path, &config, &info, &op) != WAVESTRIDE_OK);
  CHECK(wavestride_model_load("", NULL, &info, &op) == WAVESTRIDE_IO_ERROR);
  config = (wavestride_model_config){0};
  INVALID("wavestride_model_config", wavestride_model_load(path, &config, &info, &op));
  INVALID("op", wavestride_model_load(path, NULL, &info, NULL));
  info.size = 1;
  INVALID("wavestride_model_info", wavestride_model_load(path, NULL, &info, &op));
  INVALID("wavestride_model_info", wavestride_model_load("/nonexistent", NULL, &info, &op));
  CHECK(op == NULL);
}

static void test_griffin_lim(void) {
  wavestride_op *mel = NULL, *other = resampler();
  static float features[80 * 64];
  int64_t frames = -1, samples = -1;
  OK(wavestride_mel_create("hifigan-22k", NULL, &mel));
  OK(wavestride_op_run(mel, in, max_frames, features, 64, &frames));
  CHECK(frames == 32);
  OK(wavestride_griffin_lim(mel, features, frames, 30, 1, out, 2 * max_frames, &samples));
  CHECK(samples == max_frames);
  /* Its features are nearly those it was made of: closer by far than silence's. */
  OK(wavestride_op_run(mel, out, samples, streamed, 64, &frames));
  double error = 0, scale = 0;
  for (int i = 0; i < 80 * 32; ++i) error += fabs(streamed[i] - features[i]), scale += features[i] + 11.52;
  CHECK(error < 0.2 * scale);
  OK(wavestride_griffin_lim(mel, features, 32, 3, 1, out, max_frames, &samples));
  OK(wavestride_griffin_lim(mel, features, 32, 3, 2, streamed, max_frames, &samples));
  CHECK(memcmp(out, streamed, max_frames * sizeof *out) != 0); /* another seed */
  OK(wavestride_griffin_lim(mel, NULL, 0, 3, 1, NULL, 0, &samples));
  CHECK(samples == 0);
  samples = -1;
  REFUSED(WAVESTRIDE_TOO_SMALL, "there are 8192",
          wavestride_griffin_lim(mel, features, 32, 3, 1, out, max_frames - 1, &samples));
  INVALID("input must not be null", wavestride_griffin_lim(mel, NULL, 3, 3, 1, out, max_frames, &samples));
  INVALID("output must not be null",
          wavestride_griffin_lim(mel, features, 3, 3, 1, NULL, max_frames, &samples));
  INVALID("negative", wavestride_griffin_lim(mel, features, -3, 3, 1, out, max_frames, &samples));
  INVALID("n_iter", wavestride_griffin_lim(mel, features, 3, -3, 1, out, max_frames, &samples));
  INVALID("out_frames must not be null",
          wavestride_griffin_lim(mel, features, 3, 3, 1, out, max_frames, NULL));
  INVALID("op must not be null", wavestride_griffin_lim(NULL, features, 3, 3, 1, out, max_frames, &samples));
  INVALID("was not made by", wavestride_griffin_lim(other, features, 3, 3, 1, out, max_frames, &samples));
  CHECK(samples == -1);
  wavestride_op_free(mel);
  wavestride_op_free(other);
}

static void test_stack(void) {
  wavestride_resampler_config config = {
      .size = sizeof config, .in_hz = 48000, .out_hz = 16000, .channels = 1};
  wavestride_op *parts[65] = {NULL}, *stack = NULL;
  int64_t samples = -1, frames = -1, stacked = -1;
  OK(wavestride_resampler_create(&config, &parts[0]));
  OK(wavestride_mel_create("wavestride-16k", NULL, &parts[1]));
  OK(wavestride_op_run(parts[0], in, max_frames, out, max_frames, &samples));
  OK(wavestride_op_run(parts[1], out, samples, streamed, 200, &frames));
  const wavestride_op* const sequence[] = {parts[0], parts[1]};
  OK(wavestride_stack_create(sequence, 2, &stack));
  CHECK(strstr(wavestride_op_name(stack), "16000 Hz), mel_spectrogram(wavestride-16k)") != NULL);
  OK(wavestride_op_run(stack, in, max_frames, out, 200, &stacked));
  CHECK(stacked == frames && memcmp(out, streamed, 80 * (size_t)frames * sizeof *out) == 0);
  check_stream(stack, max_frames, 480);
  wavestride_op_free(stack);
  stack = NULL;
  const wavestride_op* const wrong_way[] = {parts[1], parts[0]};
  INVALID("channels", wavestride_stack_create(wrong_way, 2, &stack));
  const wavestride_op* const a_gap[] = {parts[0], NULL};
  INVALID("operator 1 must not be null", wavestride_stack_create(a_gap, 2, &stack));
  INVALID("1 to 64 operators, got 0", wavestride_stack_create(sequence, 0, &stack));
  INVALID("1 to 64 operators, got 65", wavestride_stack_create(sequence, 65, &stack));
  INVALID("ops must not be null", wavestride_stack_create(NULL, 2, &stack));
  INVALID("op must not be null", wavestride_stack_create(sequence, 2, NULL));
  const int64_t ones[] = {1, 1};
  const wavestride_op_config sum = {sizeof sum, ones, 2, NULL, 0, NULL, 0, NULL};
  OK(wavestride_op_create("add", &sum, &parts[2]));
  const wavestride_op* const joined[] = {parts[0], parts[2]};
  INVALID("has 2 inputs", wavestride_stack_create(joined, 2, &stack));
  CHECK(stack == NULL);
  for (int i = 0; i < 3; ++i) wavestride_op_free(parts[i]);
}

static void test_varispeed(void) {
  wavestride_varispeed_config config = {.size = sizeof config, .channels = 2};
  wavestride_varispeed* v = NULL;
  double speed = 0;
  int64_t expected = -1, got = -1, done = 0, received = -1, emitted = -1;
  OK(wavestride_varispeed_create(&config, &v));
  OK(wavestride_varispeed_get_speed(v, &speed));
  CHECK(speed == 1); /* which 0 stands for */
  wavestride_varispeed_free(v);

  config = (wavestride_varispeed_config){
      .size = sizeof config, .channels = 2, .speed = 2, .quality = WAVESTRIDE_QUALITY_FAST};
  OK(wavestride_varispeed_create(&config, &v));
  for (int whole = 1; whole >= 0; --whole) { /* the same bits in pieces; a change in the middle */
    float* const to = whole ? out : streamed;
    const int64_t piece = whole ? 2000 : 100;
    const size_t before = allocations;
    done = 0;
    for (int64_t n = 0; n < 4000; n += piece) {
      if (n == 2000) OK(wavestride_varispeed_set_speed(v, 0.75, 500));
      OK(wavestride_varispeed_frames_after(v, piece, &expected));
      OK(wavestride_varispeed_push(v, in + 2 * n, piece, to + 2 * done, max_frames - done, &got));
      CHECK(got == expected);
      done += got;
    }
    OK(wavestride_varispeed_frames_at_finish(v, &expected));
    REFUSED(WAVESTRIDE_TOO_SMALL, "room for 0", wavestride_varispeed_finish(v, out, 0, &got));
    OK(wavestride_varispeed_finish(v, to + 2 * done, max_frames - done, &got));
    CHECK(got == expected && got > 0);
    done += got;
    OK(wavestride_varispeed_position(v, &received, &emitted));
    CHECK(received == 4000 && emitted == done);
    OK(wavestride_varispeed_get_speed(v, &speed));
    CHECK(speed == 0.75);
    INVALID("finished", wavestride_varispeed_push(v, in, 1, out, max_frames, &got));
    INVALID("finished", wavestride_varispeed_finish(v, out, max_frames, &got));
    OK(wavestride_varispeed_reset(v));
    OK(wavestride_varispeed_get_speed(v, &speed));
    CHECK(speed == 2);
    CHECK(allocations == before);
  }
  CHECK(memcmp(out, streamed, 2 * (size_t)done * sizeof *out) == 0);
  for (int n = 100; n < 900; ++n) /* the slow sine of either channel, at twice the speed */
    CHECK(fabsf(out[2 * n] - sinf(0.03f * (float)(4 * n))) < 0.31f);

  int64_t near = -1, far = -1;
  OK(wavestride_varispeed_lookahead(v, 1, &near));
  OK(wavestride_varispeed_lookahead(v, 16, &far));
  CHECK(near > 1 && far > 8 * near);
  const size_t before = allocations;
  const double wrong_speeds[] = {0, -1, 0.06, 16.1, NAN, INFINITY};
  for (size_t i = 0; i < sizeof wrong_speeds / sizeof *wrong_speeds; ++i)
    INVALID("speed must be 1/16 to 16, got ", wavestride_varispeed_set_speed(v, wrong_speeds[i], 0));
  INVALID("16, got nan", wavestride_varispeed_set_speed(v, -NAN, 0));
  INVALID("ramp_frames must not be negative", wavestride_varispeed_set_speed(v, 1, -1));
  INVALID("varispeed must not be null", wavestride_varispeed_set_speed(NULL, 1, 0));
  INVALID("negative", wavestride_varispeed_push(v, in, -1, out, max_frames, &got));
  INVALID("input must not be null", wavestride_varispeed_push(v, NULL, 1, out, max_frames, &got));
  INVALID("output must not be null", wavestride_varispeed_push(v, in, 1000, NULL, max_frames, &got));
  INVALID("out_frames must not be null", wavestride_varispeed_push(v, in, 1000, out, max_frames, NULL));
  REFUSED(WAVESTRIDE_TOO_SMALL, "room for 3", wavestride_varispeed_push(v, in, 1000, out, 3, &got));
  INVALID("null", wavestride_varispeed_push(NULL, in, 1, out, max_frames, &got));
  INVALID("null", wavestride_varispeed_finish(NULL, out, max_frames, &got));
  INVALID("null", wavestride_varispeed_reset(NULL));
  CHECK(allocations == before);
  INVALID("speed must be 1/16 to 16", wavestride_varispeed_lookahead(v, 17, &far));
  INVALID("null", wavestride_varispeed_lookahead(v, 1, NULL));
  INVALID("null", wavestride_varispeed_lookahead(NULL, 1, &far));
  INVALID("null", wavestride_varispeed_get_speed(v, NULL));
  INVALID("null", wavestride_varispeed_get_speed(NULL, &speed));
  INVALID("negative", wavestride_varispeed_frames_after(v, -1, &got));
  INVALID("null", wavestride_varispeed_frames_after(v, 1, NULL));
  INVALID("null", wavestride_varispeed_frames_after(NULL, 1, &got));
  INVALID("null", wavestride_varispeed_frames_at_finish(v, NULL));
  INVALID("null", wavestride_varispeed_frames_at_finish(NULL, &got));
  INVALID("received must not be null", wavestride_varispeed_position(v, NULL, &emitted));
  INVALID("emitted must not be null", wavestride_varispeed_position(v, &received, NULL));
  INVALID("null", wavestride_varispeed_position(NULL, &received, &emitted));
  OK(wavestride_varispeed_position(v, &received, &emitted));
  CHECK(received == 0 && emitted == 0); /* nothing was taken */
  wavestride_varispeed_free(v);
  wavestride_varispeed_free(NULL);

  v = NULL;
  INVALID("wavestride_varispeed_config must not be null", wavestride_varispeed_create(NULL, &v));
  INVALID("varispeed must not be null", wavestride_varispeed_create(&config, NULL));
  config.speed = NAN;
  INVALID("speed must be 1/16 to 16", wavestride_varispeed_create(&config, &v));
  config.speed = 1;
  config.channels = 0;
  INVALID("channels must be 1 to 65536", wavestride_varispeed_create(&config, &v));
  config.channels = 1;
  config.quality = 4;
  INVALID("quality must be 0 to 3, got 4", wavestride_varispeed_create(&config, &v));
  config.size = 1;
  INVALID("size must be", wavestride_varispeed_create(&config, &v));
  CHECK(v == NULL);
}

static void test_int16(void) {
  const float x[] = {0, 0.5f, -0.5f, 1, -1, -2, 0.4f / 32768, 0.5f / 32768, NAN, INFINITY};
  const int16_t y[] = {0, 16384, -16384, 32767, -32768, -32768, 0, 0, 0, 32767};
  enum { count = sizeof x / sizeof *x };
  int16_t got[count] = {0}, dithered[2][1000];
  int64_t saturated = -1;
  const size_t before = allocations;
  OK(wavestride_to_int16(x, count, NULL, 0, got, &saturated));
  CHECK(memcmp(got, y, sizeof y) == 0 && saturated == 3);
  const uint64_t seed = 5;
  OK(wavestride_to_int16(in, 1000, &seed, 300, dithered[0], NULL));
  OK(wavestride_to_int16(in, 400, &seed, 300, dithered[1], NULL));
  OK(wavestride_to_int16(in + 400, 600, &seed, 700, dithered[1] + 400, NULL));
  CHECK(memcmp(dithered[0], dithered[1], sizeof dithered[0]) == 0);
  OK(wavestride_to_int16(in, 1000, NULL, 0, dithered[1], NULL));
  CHECK(memcmp(dithered[0], dithered[1], sizeof dithered[0]) != 0);
  for (int i = 0; i < 1000; ++i) CHECK(abs(dithered[0][i] - dithered[1][i]) <= 2);
  float back[count];
  OK(wavestride_from_int16(y, count, back));
  for (int i = 0; i < count; ++i) CHECK(back[i] == (float)y[i] / 32768);
  OK(wavestride_to_int16(NULL, 0, NULL, 0, NULL, NULL));
  OK(wavestride_from_int16(NULL, 0, NULL));
  INVALID("negative", wavestride_to_int16(x, -1, NULL, 0, got, NULL));
  INVALID("input must not be null", wavestride_to_int16(NULL, 1, NULL, 0, got, NULL));
  INVALID("output must not be null", wavestride_to_int16(x, 1, NULL, 0, NULL, NULL));
  INVALID("negative", wavestride_from_int16(y, -1, back));
  INVALID("must not be null", wavestride_from_int16(NULL, 1, back));
  INVALID("must not be null", wavestride_from_int16(y, 1, NULL));
  CHECK(allocations == before);
}

/* Whichever allocation fails, nothing is written, and nothing is lost. */
static void test_no_memory(void) {
  wavestride_op* op = NULL;
  wavestride_mel_info mel = {.size = sizeof mel, .n_mels = -1};
#define WITHOUT_MEMORY(untouched, call)                       \
  for (int64_t nth = 0; nth < 100000; ++nth) {                \
    before_failure = nth;                                     \
    const wavestride_status status = (call);                  \
    const bool failed = before_failure < 0;                   \
    before_failure = -1;                                      \
    if (status == WAVESTRIDE_OK || !failed) break;            \
    CHECK(status == WAVESTRIDE_OUT_OF_MEMORY && (untouched)); \
  }
  WITHOUT_MEMORY(op == NULL && mel.n_mels == -1, wavestride_mel_create("whisper-16k", &mel, &op));
  CHECK(op != NULL && mel.n_mels == 80);
  wavestride_op_free(op);
  op = NULL;
  wavestride_resampler_config config = {.size = sizeof config, .in_hz = 3, .out_hz = 2, .channels = 1};
  WITHOUT_MEMORY(op == NULL, wavestride_resampler_create(&config, &op));
  wavestride_stream* stream = NULL;
  WITHOUT_MEMORY(stream == NULL, wavestride_stream_create(op, &stream));
  wavestride_varispeed* v = NULL;
  const wavestride_varispeed_config speed = {.size = sizeof speed, .channels = 1};
  WITHOUT_MEMORY(v == NULL, wavestride_varispeed_create(&speed, &v));
  wavestride_varispeed_free(v);
  const size_t before = allocations;
  int64_t frames = -1;
  OK(wavestride_stream_push(stream, in, 1000, out, max_frames, &frames));
  REFUSED(WAVESTRIDE_TOO_SMALL, "room for 3", wavestride_stream_push(stream, in, 1000, out, 3, &frames));
  INVALID("null", wavestride_stream_push(stream, NULL, 1000, out, max_frames, &frames));
  OK(wavestride_stream_finish(stream, out, max_frames, &frames));
  OK(wavestride_stream_reset(stream));
  CHECK(allocations == before);
  wavestride_stream_free(stream);
  wavestride_op_free(op);
}

static void test_mistakes(void) {
  wavestride_op* op = NULL;
  wavestride_stream* stream = NULL;
  int64_t frames = -1, more = -1;

  wavestride_resampler_config config = {0};
  INVALID("size must be", wavestride_resampler_create(&config, &op));
  INVALID("null", wavestride_resampler_create(NULL, &op));
  config.size = sizeof config;
  INVALID("resample", wavestride_resampler_create(&config, &op));
  INVALID("op must not be null", wavestride_resampler_create(&config, NULL));
  const double bad_rates[] = {0, -1, NAN, INFINITY, 1e300};
  config.channels = 1;
  config.out_hz = 16000;
  for (size_t i = 0; i < sizeof bad_rates / sizeof *bad_rates; ++i) {
    config.in_hz = bad_rates[i];
    INVALID("", wavestride_resampler_create(&config, &op));
  }
  config.in_hz = 48000;
  config.quality = 17;
  INVALID("quality must be 0 to 3, got 17", wavestride_resampler_create(&config, &op));
  config.quality = 0;
  config.channels = -5;
  INVALID("channels", wavestride_resampler_create(&config, &op));
  config.channels = 1;
  config.passband = 7;
  INVALID("passband", wavestride_resampler_create(&config, &op));

  /* A newer caller: what it leaves at 0 is the default, what it sets is unknown here. */
  struct {
    wavestride_resampler_config known;
    int64_t unknown;
  } newer = {{.size = sizeof newer}, 0};
  newer.known.in_hz = 48000;
  newer.known.out_hz = 16000;
  newer.known.channels = 1;
  OK(wavestride_resampler_create(&newer.known, &op));
  wavestride_op_free(op);
  op = NULL;
  newer.unknown = 1;
  INVALID("does not have", wavestride_resampler_create(&newer.known, &op));

  /* What it wants to know that is not known here is 0. */
  struct {
    wavestride_mel_info known;
    int64_t unknown;
  } newer_info = {{.size = sizeof newer_info}, 77};
  OK(wavestride_mel_create("vocos-24k", &newer_info.known, &op));
  CHECK(newer_info.known.size == sizeof newer_info && newer_info.known.n_mels == 100 &&
        newer_info.unknown == 0);
  wavestride_op_free(op);
  op = NULL;

  wavestride_mel_info mel = {.size = sizeof mel};
  INVALID("no-such-preset", wavestride_mel_create("no-such-preset", &mel, &op));
  INVALID("null", wavestride_mel_create(NULL, &mel, &op));
  INVALID("null", wavestride_mel_create("whisper-16k", &mel, NULL));
  mel.size = (size_t)-1;
  INVALID("size", wavestride_mel_create("vocos-24k", &mel, &op));
  CHECK(op == NULL);

  wavestride_op_info info = {.size = sizeof info};
  INVALID("null", wavestride_op_get_info(NULL, &info));
  INVALID("null", wavestride_op_total(NULL, 1, &frames));
  INVALID("null", wavestride_op_run(NULL, in, 1, out, 1, &frames));
  INVALID("null", wavestride_op_run_all(NULL, NULL, 0, NULL, 0));
  CHECK(wavestride_op_name(NULL) == NULL);
  wavestride_op_free(NULL);
  wavestride_stream_free(NULL);
  INVALID("null", wavestride_stream_create(NULL, &stream));
  INVALID("null", wavestride_stream_frames_after(NULL, 1, &frames));
  INVALID("null", wavestride_stream_frames_at_finish(NULL, &frames));
  INVALID("null", wavestride_stream_push(NULL, in, 1, out, 1, &frames));
  INVALID("null", wavestride_stream_finish(NULL, out, 1, &frames));
  INVALID("null", wavestride_stream_finish_with(NULL, in, 1, out, 1, &frames));
  INVALID("null", wavestride_stream_frames_at_finish_with(NULL, 1, &frames));
  INVALID("null", wavestride_stream_reset(NULL));
  INVALID("null", wavestride_stream_position(NULL, &frames, &more));
  INVALID("null", wavestride_stream_latency(NULL, &frames));

  op = resampler();
  INVALID("null", wavestride_op_get_info(op, NULL));
  INVALID("wavestride_op_info: size must be", wavestride_op_get_info(op, &(wavestride_op_info){0}));
  INVALID("null", wavestride_op_total(op, 1, NULL));
  OK(wavestride_op_total(op, 0, &frames));
  CHECK(frames == 0);
  OK(wavestride_op_total(op, INT64_MAX, &frames));
  CHECK(frames > INT64_MAX / 4);
  OK(wavestride_op_run(op, NULL, 0, NULL, 0, &frames));
  CHECK(frames == 0);
  INVALID("negative", wavestride_op_total(op, -1, &frames));
  INVALID("negative", wavestride_op_run(op, in, INT64_MIN, out, max_frames, &frames));
  INVALID("input must not be null", wavestride_op_run(op, NULL, 9, out, max_frames, &frames));
  INVALID("output must not be null", wavestride_op_run(op, in, 9, NULL, max_frames, &frames));
  INVALID("null", wavestride_op_run(op, in, 9, out, max_frames, NULL));
  REFUSED(WAVESTRIDE_TOO_SMALL, "room for 2 frames", wavestride_op_run(op, in, 9, out, 2, &frames));
  REFUSED(WAVESTRIDE_TOO_SMALL, "room for -1 frames", wavestride_op_run(op, in, 9, out, -1, &frames));
  INVALID("null", wavestride_stream_create(op, NULL));
  INVALID("null", wavestride_stream_create_with(op, NULL, &stream));
  INVALID(
      "threads must be −1 (all) to 1024, got -2",
      wavestride_stream_create_with(
          op, &(wavestride_stream_config){.size = sizeof(wavestride_stream_config), .threads = -2}, &stream));
  INVALID("threads must be −1 (all) to 1024, got 9223372036854775807",
          wavestride_stream_create_with(
              op, &(wavestride_stream_config){.size = sizeof(wavestride_stream_config), .threads = INT64_MAX},
              &stream));
  INVALID("wavestride_stream_config: size must be",
          wavestride_stream_create_with(op, &(wavestride_stream_config){0}, &stream));
  CHECK(stream == NULL);
  OK(wavestride_stream_create(op, &stream));
  wavestride_op_free(op); /* the stream lives on */
  INVALID("null", wavestride_stream_frames_after(stream, 1, NULL));
  INVALID("negative", wavestride_stream_frames_after(stream, -1, &frames));
  INVALID("null", wavestride_stream_frames_at_finish(stream, NULL));
  INVALID("null", wavestride_stream_frames_at_finish_with(stream, 1, NULL));
  INVALID("negative", wavestride_stream_frames_at_finish_with(stream, -1, &frames));
  OK(wavestride_stream_frames_after(stream, INT64_MAX, &frames));
  CHECK(frames > INT64_MAX / 4);
  INVALID("received must not be null", wavestride_stream_position(stream, NULL, &more));
  INVALID("emitted must not be null", wavestride_stream_position(stream, &frames, NULL));
  INVALID("null", wavestride_stream_latency(stream, NULL));
  INVALID("negative", wavestride_stream_push(stream, in, -1, out, max_frames, &frames));
  INVALID("null", wavestride_stream_push(stream, NULL, 1, out, max_frames, &frames));
  INVALID("null", wavestride_stream_push(stream, in, 3000, NULL, max_frames, &frames));
  INVALID("null", wavestride_stream_push(stream, in, 3000, out, max_frames, NULL));
  REFUSED(WAVESTRIDE_TOO_SMALL, "room for 3", wavestride_stream_push(stream, in, 3000, out, 3, &frames));
  OK(wavestride_stream_position(stream, &frames, &more));
  CHECK(frames == 0 && more == 0); /* nothing was taken */
  OK(wavestride_stream_push(stream, NULL, 0, NULL, 0, &frames));
  CHECK(frames == 0);
  OK(wavestride_stream_push(stream, in, 3000, out, max_frames, &frames));
  REFUSED(WAVESTRIDE_TOO_SMALL, "room", wavestride_stream_finish(stream, out, 0, &frames));
  REFUSED(WAVESTRIDE_TOO_SMALL, "room", wavestride_stream_finish_with(stream, in, 3000, out, 1, &frames));
  INVALID("null", wavestride_stream_finish_with(stream, NULL, 1, out, max_frames, &frames));
  INVALID("output must not be null", wavestride_stream_finish(stream, NULL, max_frames, &frames));
  INVALID("out_frames must not be null", wavestride_stream_finish(stream, out, max_frames, NULL));
  OK(wavestride_stream_finish(stream, out, max_frames, &frames));
  INVALID("finished", wavestride_stream_finish(stream, out, max_frames, &frames));
  INVALID("finished", wavestride_stream_push(stream, in, 1, out, max_frames, &frames));
  INVALID("finished", wavestride_stream_finish_with(stream, in, 1, out, max_frames, &frames));
  OK(wavestride_stream_frames_after(stream, 3000, &frames));
  OK(wavestride_stream_frames_at_finish(stream, &more));
  CHECK(frames == 0 && more == 0);
  OK(wavestride_stream_position(stream, &frames, &more));
  CHECK(frames == 3000 && more == 1000);
  OK(wavestride_stream_reset(stream));
  OK(wavestride_stream_finish(stream, NULL, 0, &frames));
  CHECK(frames == 0);
  wavestride_stream_free(stream);
}

static int other_thread(void* unused) {
  (void)unused;
  CHECK(strcmp(wavestride_last_error(), "") == 0);
  INVALID("stream must not be null", wavestride_stream_reset(NULL));
  return 0;
}

static void test_errors_are_of_one_thread(void) {
  thrd_t thread;
  wavestride_op* op = NULL;
  INVALID("no-such-preset", wavestride_mel_create("no-such-preset", NULL, &op));
  CHECK(thrd_create(&thread, other_thread, NULL) == thrd_success);
  thrd_join(thread, NULL);
  CHECK(strstr(wavestride_last_error(), "no-such-preset") != NULL);
  char longest[5000] = {0};
  memset(longest, 'x', sizeof longest - 1);
  INVALID("xxxx", wavestride_mel_create(longest, NULL, &op));
  CHECK(strlen(wavestride_last_error()) < 1024);
  /* What is cut off is cut between characters, wherever they lie. */
  for (int shift = 0; shift < 4; ++shift) {
    for (size_t i = 0; i + 1 < sizeof longest; ++i)
      longest[i] = i < (size_t)shift ? 'x' : "\xF0\x9F\x8E\xB5"[(i - (size_t)shift) % 4];
    INVALID(&"x\xF0\x9F\x8E\xB5"[shift == 0], wavestride_mel_create(longest, NULL, &op));
    const char* message = wavestride_last_error();
    const size_t end = strlen(message);
    CHECK(end >= 1023 - 4 && strcmp(message + end - 4, "\xF0\x9F\x8E\xB5") == 0);
  }
  OK(wavestride_mel_create("vocos-24k", NULL, &op)); /* leaves the message */
  wavestride_op_free(op);
  CHECK(strstr(wavestride_last_error(), "\xF0\x9F\x8E\xB5") != NULL);
}

int main(int argc, char** argv) {
  if (argc != 2) return fprintf(stderr, "usage: c_interface GOLDEN_DIR\n"), 2;
  make_input();
  CHECK(wavestride_version()[0] == '0');
  test_resampler();
  test_mel();
  test_mel_settings();
  test_max_pooling();
  test_operators_by_name();
  test_model(argv[1]);
  test_griffin_lim();
  test_stack();
  test_varispeed();
  test_int16();
  test_no_memory();
  test_mistakes();
  test_errors_are_of_one_thread();
  return failures == 0 ? 0 : 1;
}
