#include <wavestride/npy.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "cli/integers.h"
#include "cli/mel_features.h"
#include "cli/panels.h"

namespace wavestride::cli {
namespace {

struct Arguments {
  std::string in, out, kind, preset, channel = "all", title;
  double range_db = 80;
};

Plot features_plot(const Arguments& a) {
  if (a.preset.empty()) {
    const Tensor array = read_npy(a.in);
    if (array.shape.size() != 2)
      throw IoError(a.in, message("has shape ", shape_string(array.shape), ", must be [rows, frames]"));
    return {a.title,
            linear_axis("frame", 0, static_cast<double>(array.shape[1]), 12),
            {array_panel("array " + shape_string(array.shape), to_signal(array))}};
  }
  const MelOptions& preset = mel_preset(a.preset);
  Signal levels = mel_levels(read_features(a.in, preset), preset);
  const auto range = level_range(levels, a.range_db);
  return {a.title,
          time_axis(static_cast<double>(levels.cols()) / frame_rate(preset)),
          {mel_panel("mel features, " + preset.name, std::move(levels), preset, range)}};
}

Plot sound_plot(const Arguments& a) {
  constexpr Index most_channels = 16;
  const Sound sound = read_sound(a.in, a.channel);
  const Index channels = sound.samples.rows();
  if (channels > most_channels)
    throw IoError(a.in,
                  message("has ", channels, " channels, too many for one picture: choose with --channel"));
  Plot plot{a.title, time_axis(sound.seconds()), {}};
  for (Index c = 0; c < channels; ++c) {
    const Signal x = sound.samples.row(c);
    const auto title = [&](const std::string& what) {
      return channels == 1 ? what : message(what, ", channel ", c + 1);
    };
    if (a.kind.empty() || a.kind == "waveform")
      plot.panels.push_back(waveform_panel(title("waveform"), {x.data(), x.data() + x.size()}));
    if (a.kind.empty() || a.kind == "spectrogram") {
      Signal levels = spectrogram_levels(x, sound.sample_rate_hz);
      const auto range = level_range(levels, a.range_db);
      plot.panels.push_back(
          spectrogram_panel(title("spectrogram"), std::move(levels), sound.sample_rate_hz, range));
    }
    if (a.kind == "mel") {
      const MelOptions* preset = preset_for(a.preset, sound.sample_rate_hz);
      if (!preset)
        throw IoError(a.in,
                      message("no mel preset has its ", sound.sample_rate_hz, " Hz (wavestride presets)"));
      Signal levels = mel_levels(mel_features({a.in, x, sound.sample_rate_hz}, *preset), *preset);
      const auto range = level_range(levels, a.range_db);
      plot.panels.push_back(
          mel_panel(title("mel features, " + preset->name), std::move(levels), *preset, range));
    }
  }
  return plot;
}

}  // namespace

std::function<void()> plot_command(CLI::App& app) {
  auto a = std::make_shared<Arguments>();
  app.add_option("IN", a->in, "sound file, - for one from standard input, or an array [mels, frames] (.npy)")
      ->required();
  app.add_option("OUT", a->out, "PNG file")->required();
  app.add_option("--kind", a->kind, "of a sound: waveform, spectrogram or mel; the first two if not given")
      ->check(CLI::IsMember({"waveform", "spectrogram", "mel"}).description(""))
      ->type_name("KIND");
  add_preset_option(app, a->preset);
  app.add_option("--channel", a->channel, "only this channel (1 is the first), or mix, their mean")
      ->type_name("N|mix");
  app.add_option("--title", a->title, "instead of the file's name");
  app.add_option("--range", a->range_db, "dB from the lowest level shown to the highest")
      ->check(number(1, 200))
      ->capture_default_str();
  return [a, &app] {
    require_extension(a->out, ".png");
    check_output(a->out, {&a->in, 1});
    if (a->title.empty()) a->title = file_name(input_name(a->in));
    require_no_terminal(a->in, a->out);
    if (is_npy(a->in) && !a->kind.empty() && a->kind != "mel")
      throw UsageError("--kind " + a->kind + " needs a sound file, and " + a->in + " is an array");
    const bool array = is_npy(a->in), levels = array ? !a->preset.empty() : a->kind != "waveform";
    require_used(app, {{"--channel", !array, "for sound files, and " + a->in + " is an array"},
                       {"--preset", array || a->kind == "mel", "for --kind mel, and for arrays"},
                       {"--range", levels, "for levels in dB: spectrograms and mel features of a --preset"}});
    const Plot plot = is_npy(a->in) ? features_plot(*a) : sound_plot(*a);
    write_png(a->out, plot, {&a->in, 1});
  };
}

}  // namespace wavestride::cli
