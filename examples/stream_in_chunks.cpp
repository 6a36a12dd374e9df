// A stream fed in chunks gives, bit for bit, what the whole signal gives; the frames come as soon as they are
// final.
#include <wavestride/wavestride.h>

#include <cstdio>
#include <cstring>

using namespace wavestride;

int main() {
  const Tensor w({8, 1, 9}, std::vector<float>(8 * 9, 0.1f));
  const Stack net({op::conv1d(w, {}, {.stride = 2, .padding = 4, .padding_mode = PadMode::reflect}),
                   residual(op::tanh(8)),
                   op::interpolate(8, {.scale_factor = 3.0, .mode = InterpolateMode::linear})});

  const Signal x = Signal::Random(1, 16000);
  Signal y(net.out_channels(), net.total(x.cols()));

  Stream stream = net.stream();  // allocates here, and not below
  Index done = 0;
  for (Index n = 0; n < x.cols(); n += 160) {
    const FramesView chunk = x.middleCols(n, 160);
    done += stream.push(chunk, y.middleCols(done, stream.frames_after(160)));
  }
  done += stream.finish(y.middleCols(done, stream.frames_at_finish()));

  const Signal whole = net(x);
  const bool equal = done == whole.cols() &&
                     std::memcmp(whole.data(), y.data(), sizeof(float) * std::size_t(whole.size())) == 0;
  std::printf("%ld frames in 10 ms chunks, %s the whole-signal result; needs %ld frames ahead\n", long(done),
              equal ? "equal to" : "different from", long(net.lookahead_frames()));
  return equal ? 0 : 1;
}
