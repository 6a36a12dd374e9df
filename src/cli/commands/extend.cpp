#include <wavestride/model.h>
#include <wavestride/resample.h>
#include <wavestride/stack.h>
#include <wavestride/stream.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "cli/files.h"
#include "cli/integers.h"
#include "cli/model_options.h"
#include "cli/sound_output.h"

namespace wavestride::cli {
namespace {

struct Arguments {
  std::string in, out, channel, model, bits;
  ModelOptions options;
  StreamOptions stream;
  Index chunk = 8192;
  bool raw = false;
};

// The network behind a conversion to the rate that it extends.
Op network_for(const Model& model, int rate_hz) {
  const Index low = model.features.sample_rate / model.features.hop_length;
  if (rate_hz == low) return model.network;
  return Stack({Resampler(rate_hz, static_cast<double>(low)).op(), model.network});
}

}  // namespace

std::function<void()> extend_command(CLI::App& app) {
  auto a = std::make_shared<Arguments>();
  app.add_option(
         "IN", a->in,
         "sound file, or - for one from standard input; it is converted to the rate that the network takes")
      ->required();
  app.add_option("OUT", a->out,
                 "sound file at the network's higher rate; or - for WAV to standard output, as it is made")
      ->required();
  app.add_option("--model", a->model, "network that extends sound: audio-super-res")
      ->required()
      ->type_name("FILE");
  add_config_option(app, a->options);
  add_channel_option(app, a->channel);
  app.add_option("--chunk", a->chunk, "samples that the network takes at a time; the result stays the same")
      ->transform(decimal<Index>(1, 1 << 24))
      ->capture_default_str();
  add_threads_option(app, a->stream);
  add_bits_option(app, a->bits);
  add_raw_option(app, a->raw);
  return [a] {
    require_no_terminal(a->in, a->out);
    if (a->out != "-") require_sound_name(a->out, a->bits, "OUT");
    const Model model = load_model(a->model, a->options);
    if (model.architecture != "audio-super-res")
      throw UsageError("the model makes sound of features, not of sound: wavestride vocode runs it");
    SoundReader source(a->in, a->channel);
    if (source.channels() != 1) throw UsageError("extend works on one channel: choose one or mix");
    const Op network = network_for(model, source.sample_rate_hz());
    SoundOutput output(a->out, model.features.sample_rate, 1,
                       {.bits = a->bits,
                        .input = source.sample_format(),
                        .raw = a->raw,
                        .inputs = {a->in, a->model},
                        .metadata = source.metadata()});
    const Timer timer;
    {
      Stream stream = network.stream(a->stream);
      Progress progress("extending");
      for (Signal x; (x = source.read(a->chunk)).cols() > 0;) {
        source.require_finite(x);
        output.write(stream.push(x));
        progress.show(source.done());
      }
      output.write(stream.finish());
    }
    output.commit();
    say_clipped(a->out, output.clipped_samples());
    const std::string line =
        message(output_name(a->out), ": ", duration_text(output.frames(), model.features.sample_rate),
                " from ", source.sample_rate_hz(), " Hz by ", model.architecture, "; ",
                work_text(timer.seconds(), static_cast<double>(output.frames()) /
                                               static_cast<double>(model.features.sample_rate)));
    a->out == "-" ? say_aside(line) : say(line);
  };
}

}  // namespace wavestride::cli
