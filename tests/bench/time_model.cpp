// time_model CHECKPOINT MEL.npy OUT.npy WAY THREADS CHUNK REPEATS: what compare.py times. Prints the seconds
// that each repetition takes, one a line, and writes what the model says. WAY: direct, minimal (filtering),
// bfloat16 or both. CHUNK: frames a push, 0: all at once.
#include <wavestride/bfloat16.h>
#include <wavestride/minimal_filtering.h>
#include <wavestride/model.h>
#include <wavestride/npy.h>
#include <wavestride/stream.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>

using namespace wavestride;

static void time_model(char** argument) {
  Model model = load_model(argument[1]);
  const Signal x = to_signal(read_npy(argument[2]));
  const Index threads = std::atoll(argument[5]), repeats = std::atoll(argument[7]);
  const Index chunk = std::atoll(argument[6]) > 0 ? std::atoll(argument[6]) : x.cols();
  const std::string way = argument[4];
  if (way == "minimal") model.network = minimal_filtering(model.network);
  if (way == "bfloat16") model.network = bfloat16(model.network);
  if (way == "both") model.network = bfloat16(model.network, {.minimal_filtering = true});
  Signal y(1, model.network.total(x.cols()));
  Stream stream = model.network.stream({.threads = threads});
  for (Index i = 0; i <= repeats; ++i) {
    const auto start = std::chrono::steady_clock::now();
    stream.reset();
    Index made = 0, n = 0;
    for (; n + chunk < x.cols(); n += chunk)
      made += stream.push(x.middleCols(n, chunk), FramesSpan(y).slice(made, y.cols() - made));
    stream.finish_with(x.middleCols(n, x.cols() - n), FramesSpan(y).slice(made, y.cols() - made));
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    if (i > 0) std::printf("%.6f\n", seconds.count());  // the first one touches the memory
  }
  write_npy(argument[3], to_tensor(y));
}

int main(int argc, char** argv) {
  if (argc != 8) {
    std::fprintf(stderr, "usage: time_model CHECKPOINT MEL.npy OUT.npy WAY THREADS CHUNK REPEATS\n");
    return 2;
  }
  try {
    time_model(argv);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
}
