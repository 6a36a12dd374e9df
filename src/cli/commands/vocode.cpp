#include <wavestride/griffin_lim.h>

#include <CLI/CLI.hpp>
#include <map>
#include <memory>

#include "cli/mel_features.h"

namespace wavestride::cli {

std::function<void()> vocode_command(CLI::App& app) {
  struct Arguments {
    std::string in, out, preset, channel, method = "griffin-lim", bits;
    Index iterations = 32;
    std::uint64_t seed = 0;
  };
  static const std::map<std::string, SampleFormat> formats{{"", SampleFormat::automatic},
                                                           {"16", SampleFormat::int16},
                                                           {"24", SampleFormat::int24},
                                                           {"32", SampleFormat::int32},
                                                           {"float", SampleFormat::float32}};
  auto a = std::make_shared<Arguments>();
  app.add_option("IN", a->in, "features [mels, frames] (.npy), or a sound file that is analysed first")
      ->required();
  app.add_option("OUT", a->out, "sound file; its extension chooses the format")->required();
  add_preset_option(app, a->preset)->required();
  add_channel_option(app, a->channel);
  app.add_option("--method", a->method, "how waveforms are made; griffin-lim is the only one so far")
      ->check(CLI::IsMember({"griffin-lim"}).description(""))
      ->type_name("NAME");
  app.add_option("--iterations", a->iterations, "of Griffin-Lim")
      ->check(CLI::Range(0, 1'000'000).description(""))
      ->capture_default_str();
  app.add_option("--seed", a->seed, "of the phases to start with")->capture_default_str();
  app.add_option("--bits", a->bits, "per sample of the output, if not the usual ones of its format")
      ->check(CLI::IsMember({"16", "24", "32", "float"}).description(""))
      ->type_name("16|24|32|float");
  return [a] {
    const MelOptions& preset = mel_preset(a->preset);
    AudioWriter writer(a->out, static_cast<int>(preset.sample_rate), 1,
                       {.sample_format = formats.at(a->bits), .inputs = {a->in}});
    const Timer timer;
    const Signal features =
        is_npy(a->in) ? read_features(a->in, preset) : mel_features(read_sound(a->in, a->channel), preset);
    Progress progress("Griffin-Lim");
    double convergence = 0;
    const Signal x = vocode_griffin_lim(
        features, preset,
        {.n_iter = a->iterations, .seed = a->seed, .progress = [&](const GriffinLimProgress& p) {
           convergence = p.spectral_convergence;
           progress.show(static_cast<double>(p.iteration) / static_cast<double>(p.n_iter));
         }});
    const double spent = timer.seconds();
    writer.write(x);
    writer.commit();
    say(a->out, ": ", duration_text(x.cols(), preset.sample_rate), " from ", features.cols(), " frames at ",
        fixed(frame_rate(preset), 2), " frames/s; ",
        work_text(spent, static_cast<double>(x.cols()) / static_cast<double>(preset.sample_rate)));
    if (a->iterations > 0) say("spectral convergence ", fixed(convergence, 4));
    if (writer.clipped_samples() > 0) say(writer.clipped_samples(), " samples clipped");
  };
}

}  // namespace wavestride::cli
