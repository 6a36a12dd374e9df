#include <wavestride/mel.h>
#include <wavestride/npy.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "cli/mel_features.h"

namespace wavestride::cli {

std::function<void()> mel_command(CLI::App& app) {
  struct Arguments {
    std::string in, out, preset, channel;
  };
  auto a = std::make_shared<Arguments>();
  app.add_option("IN", a->in, "sound file, at the sample rate of the preset")->required();
  app.add_option("OUT", a->out, ".npy file: float32 [mels, frames], C order")->required();
  add_preset_option(app, a->preset)->required();
  add_channel_option(app, a->channel);
  return [a] {
    check_output(a->out, {&a->in, 1});
    const MelOptions& preset = mel_preset(a->preset);
    const Sound sound = read_sound(a->in, a->channel);
    const Timer timer;
    const Signal features = mel_features(sound, preset);
    const double spent = timer.seconds();
    write_npy(a->out, to_tensor(features));
    say(sound.description());
    say(a->out, ": ", features.rows(), " mels x ", features.cols(), " frames at ",
        fixed(frame_rate(preset), 2), " frames/s; ", work_text(spent, sound.seconds()));
  };
}

}  // namespace wavestride::cli
