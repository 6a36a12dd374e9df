// Features at 100 frames a second become a signal at 800: a convolution and a transposed convolution, as one
// operator.
#include <wavestride/wavestride.h>

#include <cstdio>

using namespace wavestride;

int main() {
  const Tensor w1({32, 80, 3}, std::vector<float>(32 * 80 * 3, 0.01f));  // (out, in/groups, kernel)
  const Tensor w2({32, 1, 16}, std::vector<float>(32 * 16, 0.1f));       // (in, out/groups, kernel)
  const Stack upsample({op::conv1d(w1, {}, {.padding = "same"}), op::leaky_relu(32, 0.1f),
                        op::conv_transpose1d(w2, {}, {.stride = 8, .padding = 4})});

  const Signal features = Signal::Random(80, 100);  // channels × frames
  const Signal y = upsample(features);
  std::printf("%ld frames of 80 channels → %ld frames of 1, latency %ld frames\n", long(features.cols()),
              long(y.cols()), long(upsample.latency_frames()));
  return y.cols() == 800 ? 0 : 1;
}
