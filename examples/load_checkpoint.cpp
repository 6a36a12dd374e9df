// A trained vocoder in a few lines: load_checkpoint CHECKPOINT FEATURES.npy OUT.wav. The checkpoint is the
// file that its authors published; its config is found beside it.
#include <wavestride/wavestride.h>

#include <cstdio>
#include <exception>

using namespace wavestride;

int main(int argc, char** argv) try {
  if (argc != 4) throw std::invalid_argument("load_checkpoint CHECKPOINT FEATURES.npy OUT.wav");
  const Model model = load_model(argv[1]);
  const Signal features = to_signal(read_npy(argv[2]));  // n_mels × frames
  write_audio(argv[3], model(features), int(model.features.sample_rate));
  return 0;
} catch (const std::exception& e) {
  std::fprintf(stderr, "load_checkpoint: %s\n", e.what());
  return 1;
}
