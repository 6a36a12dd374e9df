/* Wavestride from C: raw 16-bit mono sound of one sample rate on standard input to another on standard
 * output,
 *
 *     resample IN_HZ OUT_HZ <in.raw >out.raw
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <wavestride.h>

enum { block = 4096 };

static void check(wavestride_status status) {
  if (status == WAVESTRIDE_OK) return;
  fprintf(stderr, "resample: %s\n", wavestride_last_error());
  exit(1);
}

static void put(const float* samples, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    const float x = 32768 * samples[i];
    const int16_t sample = x >= 32767 ? 32767 : x <= -32768 ? -32768 : (int16_t)(x < 0 ? x - 0.5f : x + 0.5f);
    fwrite(&sample, sizeof sample, 1, stdout);
  }
}

int main(int argc, char** argv) {
  if (argc != 3) return fputs("usage: resample IN_HZ OUT_HZ <in.raw >out.raw\n", stderr), 2;
  wavestride_resampler_config config = {
      .size = sizeof config, .in_hz = atof(argv[1]), .out_hz = atof(argv[2]), .channels = 1};
  wavestride_op* op = NULL;
  wavestride_stream* stream = NULL;
  check(wavestride_resampler_create(&config, &op));
  check(wavestride_stream_create(op, &stream));
  wavestride_op_free(op); /* the stream keeps what it needs */

  /* Room for what the largest block, and the end, can give. */
  int64_t room = 0, rest = 0, got = 0;
  check(wavestride_stream_frames_after(stream, 2 * block, &room));
  room += 65536;
  float* out = malloc((size_t)room * sizeof *out);
  if (out == NULL) return 1;

  int16_t samples[block];
  float in[block];
  for (size_t n; (n = fread(samples, sizeof *samples, block, stdin)) > 0;) {
    for (size_t i = 0; i < n; ++i) in[i] = (float)samples[i] / 32768;
    check(wavestride_stream_push(stream, in, (int64_t)n, out, room, &got));
    put(out, got);
  }
  check(wavestride_stream_frames_at_finish(stream, &rest));
  check(wavestride_stream_finish(stream, out, room, &got));
  put(out, got);
  free(out);
  wavestride_stream_free(stream);
  return fflush(stdout) == 0 ? 0 : 1;
}
