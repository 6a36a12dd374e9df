/* The C interface, from C: c_interface GOLDEN_DIR. What it computes is tested in C++; here, that everything
 * arrives, and that no mistake of a caller does more than give an error. */
#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <threads.h>
#include <wavestride.h>

static int failures = 0;

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
    for (int64_t n = 0; n < frames; n += chunk) {
      const int64_t count = n + chunk < frames ? chunk : frames - n;
      int64_t expected = -1, got = -1;
      OK(wavestride_stream_frames_after(stream, count, &expected));
      OK(wavestride_stream_push(stream, in + n * info.in_channels, count, streamed + done * info.out_channels,
                                expected, &got));
      CHECK(got == expected);
      done += got;
    }
    int64_t rest = -1, got = -1;
    OK(wavestride_stream_frames_at_finish(stream, &rest));
    OK(wavestride_stream_finish(stream, streamed + done * info.out_channels, rest, &got));
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
  config.size = offsetof(wavestride_resampler_config, throughput); /* an older caller, who has no such field */
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

static void test_operators_by_name(void) {
  /* y[n] = 0.5 + 1·x[2n] + 2·x[2n+1] + 3·x[2n+2] */
  const float weight[] = {1, 2, 3}, bias[] = {0.5f};
  const int64_t shape[] = {1, 1, 3}, ones[] = {1, 1};
  wavestride_array arrays[2] = {{sizeof *arrays, "weight", weight, shape, 3},
                                {sizeof *arrays, "bias", bias, ones, 1}};
  const wavestride_option stride = {"stride", "2"};
  wavestride_op_config config = {sizeof config, ones, 1, &stride, 1, arrays, 2};
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

  wavestride_op_config sum = {sizeof sum, ones, 2, NULL, 0, NULL, 0};
  OK(wavestride_op_create("add", &sum, &op));
  wavestride_signal terms[2] = {{sizeof *terms, in, 1, 10, 0}, {sizeof *terms, in + 10, 1, 10, 0}};
  wavestride_signal result = {sizeof result, out, 1, 0, max_frames};
  OK(wavestride_op_run_all(op, terms, 2, &result, 1));
  CHECK(result.frames == 10);
  for (int n = 0; n < 10; ++n) CHECK(out[n] == in[n] + in[10 + n]);
  INVALID("has 2 inputs", wavestride_op_run(op, in, 10, out, max_frames, &frames));
  wavestride_stream* stream = NULL;
  INVALID("has 2 inputs", wavestride_stream_create(op, &stream));
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
  wavestride_op_config pool = {sizeof pool, ones, 1, &size, 1, NULL, 0};
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
  wavestride_op_config bare = {sizeof bare, ones, 1, NULL, 0, NULL, 0};
  INVALID("output-size must be given", wavestride_op_create("adaptive_avg_pool1d", &bare, &op));
  const struct {
    const char *name, *value, *complaint;
  } bad[] = {{"stride", "0", "stride must be at least 1"},
             {"stride", "two", "stride must be N"},
             {"stride", "", "stride must be N"},
             {"stride", "99999999999999999999", "stride must be N"},
             {"stride", NULL, "null"},
             {NULL, "1", "null"},
             {"factor", "2", "takes no option"},
             {"padding", "1,2,3", "padding must be"},
             {"padding-mode", "circular", "zeros|reflect"}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) {
    const wavestride_option option = {bad[i].name, bad[i].value};
    config.options = &option;
    INVALID(bad[i].complaint, wavestride_op_create("conv1d", &config, &op));
  }
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

static void test_model(const char* golden) {
  char path[4096];
  wavestride_model_info info = {.size = sizeof info};
  wavestride_op* op = NULL;
  snprintf(path, sizeof path, "%s/model-0.safetensors", golden);
  OK(wavestride_model_load(path, NULL, &info, &op));
  CHECK(info.sample_rate > 0 && info.n_mels > 0 && info.upsampling_num > 1 && info.lookahead_seconds > 0);
  wavestride_op_info shape = {.size = sizeof shape};
  OK(wavestride_op_get_info(op, &shape));
  CHECK(shape.in_channels == info.n_mels && shape.out_channels == 1);
  CHECK(shape.rate_num == info.upsampling_den && shape.rate_den == info.upsampling_num);
  check_stream(op, 20, 3);
  wavestride_op_free(op);
  OK(wavestride_model_load(NULL, NULL, &info, &op));
  CHECK(info.sample_rate == 16000 && info.n_mels == 80);
  check_stream(op, 20, 3);
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
  config = (wavestride_model_config){0};
  INVALID("wavestride_model_config", wavestride_model_load(path, &config, &info, &op));
  INVALID("op", wavestride_model_load(path, NULL, &info, NULL));
  info.size = 1;
  INVALID("wavestride_model_info", wavestride_model_load(path, NULL, &info, &op));
  CHECK(op == NULL);
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
  INVALID("quality", wavestride_resampler_create(&config, &op));
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
  INVALID("null", wavestride_stream_reset(NULL));
  INVALID("null", wavestride_stream_position(NULL, &frames, &more));
  INVALID("null", wavestride_stream_latency(NULL, &frames));

  op = resampler();
  INVALID("null", wavestride_op_get_info(op, NULL));
  INVALID("null", wavestride_op_total(op, 1, NULL));
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
      "got -2",
      wavestride_stream_create_with(
          op, &(wavestride_stream_config){.size = sizeof(wavestride_stream_config), .threads = -2}, &stream));
  OK(wavestride_stream_create(op, &stream));
  wavestride_op_free(op); /* the stream lives on */
  INVALID("null", wavestride_stream_frames_after(stream, 1, NULL));
  INVALID("negative", wavestride_stream_frames_after(stream, -1, &frames));
  INVALID("null", wavestride_stream_frames_at_finish(stream, NULL));
  INVALID("null", wavestride_stream_position(stream, NULL, &more));
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
  OK(wavestride_stream_finish(stream, out, max_frames, &frames));
  INVALID("finished", wavestride_stream_finish(stream, out, max_frames, &frames));
  INVALID("finished", wavestride_stream_push(stream, in, 1, out, max_frames, &frames));
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
}

int main(int argc, char** argv) {
  if (argc != 2) return fprintf(stderr, "usage: c_interface GOLDEN_DIR\n"), 2;
  make_input();
  CHECK(wavestride_version()[0] == '0');
  test_resampler();
  test_mel();
  test_operators_by_name();
  test_model(argv[1]);
  test_mistakes();
  test_errors_are_of_one_thread();
  return failures == 0 ? 0 : 1;
}
