#include <wavestride/mel.h>
#include <wavestride/npy.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "cli/files.h"
#include "cli/mel_features.h"

namespace wavestride::cli {

std::function<void()> mel_command(CLI::App& app) {
  struct Arguments {
    std::string preset, channel;
  };
  auto a = std::make_shared<Arguments>();
  const Files files(app, "sound file, at the sample rate of the preset",
                    ".npy file: float32 [mels, frames], C order",
                    {.extension = ".npy", .extension_fixed = true});
  add_preset_option(app, a->preset)->required();
  add_channel_option(app, a->channel);
  return [a, files] {
    const MelOptions& preset = mel_preset(a->preset);
    files.run([&](const std::string& in, const std::string& out) {
      check_output(out, {&in, 1});
      const Sound sound = read_sound(in, a->channel);
      const Timer timer;
      const Signal features = mel_features(sound, preset);
      const double spent = timer.seconds();
      write_npy(out, to_tensor(features));
      return Made{message(sound.description(), "\n", out, ": ", features.rows(), " mels x ", features.cols(),
                          " frames at ", fixed(frame_rate(preset), 2), " frames/s; ",
                          work_text(spent, sound.seconds())),
                  sound.seconds()};
    });
  };
}

}  // namespace wavestride::cli
