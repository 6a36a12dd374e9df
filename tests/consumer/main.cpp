// A program outside this project: configures, runs and catches an error through the installed library.
#include <wavestride/wavestride.h>

#include <cstdio>

int main() {
  using namespace wavestride;
  const Signal x = Signal::Random(2, 4800);
  const Op op = op::resample(2, 48000, 16000);
  Stream stream = op.stream();
  Signal y(2, op.total(x.cols()));
  Index done = stream.push(FramesView(x).slice(0, 1000), y.leftCols(stream.frames_after(1000)));
  done += stream.push(FramesView(x).slice(1000, 3800), y.middleCols(done, stream.frames_after(3800)));
  done += stream.finish(y.middleCols(done, stream.frames_at_finish()));
  if (done != 1600 || y != op(x)) return std::puts("the stream differs from the whole signal"), 1;
  try {
    avg_pool1d(x, {.kernel_size = -1});
    return std::puts("a negative kernel was taken"), 1;
  } catch (const std::invalid_argument& e) {
    std::printf("1600 frames; refused: %s\n", e.what());
  }
#ifndef WAVESTRIDE_NO_MODELS
  try {
    load_model("/nonexistent");
    return std::puts("a model from nowhere"), 1;
  } catch (const IoError& e) {
    std::printf("refused: %s\n", e.what());
  }
#endif
  return 0;
}
