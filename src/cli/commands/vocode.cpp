#include <wavestride/griffin_lim.h>
#include <wavestride/model.h>

#include <CLI/CLI.hpp>
#include <map>
#include <memory>
#include <optional>

#include "cli/mel_features.h"

namespace wavestride::cli {
namespace {

struct Arguments {
  std::string in, out, preset, channel, method, model, bits;
  Index iterations = 32, chunk = 1024;
  std::uint64_t seed = 0;
};

// The network to use, nothing for Griffin-Lim: that where it is asked for, or where nothing is and no network
// came with the library.
std::optional<Model> chosen_model(const Arguments& a) {
  if (a.method == "griffin-lim") {
    if (!a.model.empty()) throw UsageError("--model is of --method model, not of griffin-lim");
    return {};
  }
  std::string path = a.model;
  if (path.empty()) {
    try {
      path = data_file(default_vocoder_file);
    } catch (const IoError&) {
      if (a.method == "model") throw;
      return {};
    }
  }
  Model model = load_model(path);
  if (!a.preset.empty() && a.preset != model.features.name)
    throw UsageError("the model takes features of preset " + model.features.name + ", not of " + a.preset +
                     ": analyse with that one, name another --model, or use --method griffin-lim");
  return model;
}

const MelOptions& preset_of(const Arguments& a) {
  if (a.preset.empty()) throw UsageError("--preset is needed for Griffin-Lim");
  return mel_preset(a.preset);
}

}  // namespace

std::function<void()> vocode_command(CLI::App& app) {
  static const std::map<std::string, SampleFormat> formats{{"", SampleFormat::automatic},
                                                           {"16", SampleFormat::int16},
                                                           {"24", SampleFormat::int24},
                                                           {"32", SampleFormat::int32},
                                                           {"float", SampleFormat::float32}};
  auto a = std::make_shared<Arguments>();
  app.add_option("IN", a->in, "features [mels, frames] (.npy), or a sound file that is analysed first")
      ->required();
  app.add_option("OUT", a->out, "sound file; its extension chooses the format")->required();
  add_preset_option(app, a->preset);
  add_channel_option(app, a->channel);
  app.add_option("--method", a->method,
                 "model (a trained network; the default where one is installed) or griffin-lim")
      ->check(CLI::IsMember({"model", "griffin-lim"}).description(""))
      ->type_name("NAME");
  app.add_option("--model", a->model, "network to use instead of the installed one (.safetensors)")
      ->type_name("FILE");
  app.add_option("--chunk", a->chunk, "frames that the network takes at a time; the samples stay the same")
      ->check(CLI::Range(1, 1 << 24).description(""))
      ->capture_default_str();
  app.add_option("--iterations", a->iterations, "of Griffin-Lim")
      ->check(CLI::Range(0, 1'000'000).description(""))
      ->capture_default_str();
  app.add_option("--seed", a->seed, "of the phases to start with")->capture_default_str();
  app.add_option("--bits", a->bits, "per sample of the output, if not the usual ones of its format")
      ->check(CLI::IsMember({"16", "24", "32", "float"}).description(""))
      ->type_name("16|24|32|float");
  return [a] {
    const std::optional<Model> model = chosen_model(*a);
    const MelOptions preset = model ? model->features : preset_of(*a);
    std::vector<std::string> inputs{a->in};
    if (!a->model.empty()) inputs.push_back(a->model);
    AudioWriter writer(a->out, static_cast<int>(preset.sample_rate), 1,
                       {.sample_format = formats.at(a->bits), .inputs = inputs});
    const Timer timer;
    const Signal features =
        is_npy(a->in) ? read_features(a->in, preset) : mel_features(read_sound(a->in, a->channel), preset);
    double convergence = 0;
    const auto griffin_lim = [&] {
      Progress progress("Griffin-Lim");
      return vocode_griffin_lim(
          features, preset,
          {.n_iter = a->iterations, .seed = a->seed, .progress = [&](const GriffinLimProgress& p) {
             convergence = p.spectral_convergence;
             progress.show(static_cast<double>(p.iteration) / static_cast<double>(p.n_iter));
           }});
    };
    const Signal x =
        model ? run_with_progress(model->network, features, a->chunk, "vocoding") : griffin_lim();
    const double spent = timer.seconds();
    writer.write(x);
    writer.commit();
    say(a->out, ": ", duration_text(x.cols(), preset.sample_rate), " from ", features.cols(), " frames at ",
        fixed(frame_rate(preset), 2), " frames/s; ",
        work_text(spent, static_cast<double>(x.cols()) / static_cast<double>(preset.sample_rate)));
    if (!model && a->iterations > 0) say("spectral convergence ", fixed(convergence, 4));
    if (writer.clipped_samples() > 0) say(writer.clipped_samples(), " samples clipped");
  };
}

}  // namespace wavestride::cli
