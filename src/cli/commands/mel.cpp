#include <wavestride/mel.h>
#include <wavestride/npy.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "cli/feature_source.h"
#include "cli/files.h"
#include "cli/mel_features.h"

namespace wavestride::cli {

std::function<void()> mel_command(CLI::App& app) {
  struct Arguments {
    std::string preset, channel;
  };
  auto a = std::make_shared<Arguments>();
  const Files files(app, "sound file, at the sample rate of the preset, or - for one from standard input",
                    ".npy file: float32 [mels, frames], C order; or - for frames of float32 to standard "
                    "output, as they are made, all bands of a frame together",
                    {.extension = ".npy", .extension_fixed = true});
  add_preset_option(app, a->preset)->required();
  add_channel_option(app, a->channel);
  return [a, files] {
    const MelOptions& preset = mel_preset(a->preset);
    files.run([&](const std::string& in, const std::string& out) {
      const auto text = [&](Index frames, double spent, double seconds) {
        return message(output_name(out), ": ", preset.n_mels, " mels x ", frames, " frames at ",
                       fixed(frame_rate(preset), 2), " frames/s; ", work_text(spent, seconds));
      };
      if (out == "-") {
        const Timer timer;
        const Index frames = print_all(*open_sound_features(in, a->channel, preset), 16);
        const double seconds = static_cast<double>(frames) / frame_rate(preset);
        return Made{{text(frames, timer.seconds(), seconds)}, seconds};
      }
      check_output(out, {&in, 1});
      const Sound sound = read_sound(in, a->channel);
      const Timer timer;
      const Signal features = mel_features(sound, preset);
      const double spent = timer.seconds();
      write_npy(out, to_tensor(features));
      return Made{{sound.description(), text(features.cols(), spent, sound.seconds())}, sound.seconds()};
    });
  };
}

}  // namespace wavestride::cli
