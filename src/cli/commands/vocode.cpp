#include <wavestride/arithmetic.h>
#include <wavestride/griffin_lim.h>
#include <wavestride/model.h>
#include <wavestride/npy.h>
#include <wavestride/stack.h>
#include <wavestride/stream.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>

#include "cli/feature_source.h"
#include "cli/files.h"
#include "cli/integers.h"
#include "cli/model_options.h"
#include "cli/sound_output.h"

namespace wavestride::cli {
namespace {

struct Arguments {
  std::string preset, channel, method, model, bits, embedding;
  ModelOptions options;
  StreamOptions stream;
  Index iterations = 32, chunk = 1024;
  std::uint64_t seed = 0;
  Arithmetic arithmetic;
  bool raw = false;
};

// Whether the codes of an only input say how many codebooks they are of: where nothing else does.
bool rows_decide(const Arguments& a, const std::string& only_input) {
  return is_npy(only_input) && !a.options.bandwidth_kbps && !a.options.codebooks;
}

// The network that --model names.
CodesModel named_model(const Arguments& a, const std::string& only_input) {
  ModelOptions options = a.options;
  read_speaker_embedding(a.embedding, options);
  options.preset = a.preset;
  options.seed = a.seed;
  std::optional<Index> rows;
  if (rows_decide(a, only_input)) rows = NpyReader(only_input).channels();
  return load_model_for_codes(a.model, options, rows);
}

// The network to use, nothing for Griffin-Lim: that where it is asked for, or where nothing is and no network
// came with the library.
std::optional<CodesModel> chosen_model(const Arguments& a, const std::string& only_input) {
  if (a.model.empty() &&
      (!a.options.config.empty() || !a.options.stats.empty() || a.options.speaker || !a.embedding.empty() ||
       a.options.bandwidth_kbps || a.options.codebooks || a.options.prefix))
    throw UsageError(
        "--config, --stats, --speaker, --speaker-embedding, --bandwidth, --codebooks and --prefix are of a "
        "network that --model names");
  if (a.method == "griffin-lim") {
    if (!a.model.empty()) throw UsageError("--model is of --method model, not of griffin-lim");
    return {};
  }
  if (!a.model.empty()) return named_model(a, only_input);
  std::string file;
  try {
    file = data_file(default_vocoder_file);
  } catch (const IoError&) {
    if (a.method == "model") throw;
    return {};
  }
  return CodesModel{load_model(file)};
}

// The features that come in: those of --preset, else what the model takes.
MelOptions chosen_features(const Arguments& a, const Model* model) {
  if (!model && a.preset.empty()) throw UsageError("--preset is needed for Griffin-Lim");
  return a.preset.empty() ? model->features : mel_preset(a.preset);
}

// The network behind what makes its features of others, where that is exact.
Op network_for(const Model& model, const MelOptions& features, const Arguments& a) {
  const Op network = compute_by(model.network, a.arithmetic);
  if (features.name == model.features.name) return network;
  try {
    return Stack({op::mel_convert(features, model.features), network});
  } catch (const std::invalid_argument& e) {
    throw UsageError(
        "the model takes features of preset " + model.features.name + ", not of " + features.name +
        ": analyse with that one, name another --model, or use --method griffin-lim (" + e.what() + ")");
  }
}

void vocode_with_model(const Op& network, const StreamOptions& options, FeatureSource& source, Index chunk,
                       SoundOutput& output) {
  if (!network.streamable()) {
    output.write(network(read_all(source, network.in_channels()), options));
    return;
  }
  Stream stream = network.stream(options);
  Progress progress("vocoding");
  for (Signal features; (features = source.read(chunk)).cols() > 0;) {
    // A source may have more at hand than was asked for.
    for (Index n = 0; n < features.cols(); n += chunk)
      output.write(stream.push(FramesView(features).slice(n, std::min(chunk, features.cols() - n))));
    progress.show(source.done());
  }
  output.write(stream.finish());
}

// Returns the spectral convergence.
double vocode_with_griffin_lim(const Arguments& a, const MelOptions& preset, FeatureSource& source,
                               SoundOutput& output) {
  double convergence = 0;
  Progress progress("Griffin-Lim");
  output.write(vocode_griffin_lim(
      read_all(source, preset.n_mels), preset,
      {.n_iter = a.iterations, .seed = a.seed, .progress = [&](const GriffinLimProgress& p) {
         convergence = p.spectral_convergence;
         progress.show(static_cast<double>(p.iteration) / static_cast<double>(p.n_iter));
       }}));
  return convergence;
}

}  // namespace

std::function<void()> vocode_command(CLI::App& app) {
  auto a = std::make_shared<Arguments>();
  const Files files(
      app,
      "features [mels, frames], or codes [codes of a frame, frames] for a model that takes such (.npy); a "
      "sound file, which is analysed first; or - for frames of float32 from standard input, all bands of a "
      "frame together, as wavestride mel IN - makes them",
      "sound file, its extension chooses the format, which keeps title, artist, comment and the like of IN "
      "as far as it can; or - for WAV to standard output, as it is made",
      {.extension = ".wav", .features = true});
  add_preset_option(app, a->preset);
  add_channel_option(app, a->channel);
  app.add_option("--method", a->method, "model (a trained network; the default) or griffin-lim")
      ->check(CLI::IsMember({"model", "griffin-lim"}).description(""))
      ->type_name("NAME");
  app.add_option("--model", a->model, "network to use instead of the one that comes with the library")
      ->type_name("FILE");
  add_model_options(app, a->options);
  add_speaker_options(app, a->options, a->embedding);
  add_codes_options(app, a->options);
  app.add_option("--chunk", a->chunk, "frames that the network takes at a time; the samples stay the same")
      ->transform(decimal<Index>(1, 1 << 24))
      ->capture_default_str();
  add_threads_option(app, a->stream);
  app.add_flag("--minimal-filtering", a->arithmetic.minimal_filtering,
               "makes large convolutions of a network by half the multiplications: faster, with a longer lag "
               "and other rounding");
  app.add_flag(
      "--bfloat16", a->arithmetic.bfloat16,
      "makes large convolutions of a network from numbers of 8 significant bits: three to five times as "
      "fast where an Intel processor has AMX, twice where an AMD one has AVX-512 BF16, slower elsewhere; 41 "
      "to 46 dB of signal to error with HiFi-GAN, too little (12 to 28) with the network that comes along. "
      "Of a WaveNet the weights alone: up to twice as "
      "fast anywhere. With --minimal-filtering each layer is made by whichever is faster");
  app.add_flag(
      "--int8", a->arithmetic.int8,
      "makes the samples of a WaveNet from weights of 8 bits: two to three times as fast, with the last "
      "layers as by --bfloat16; other networks stay as they are");
  app.add_option("--iterations", a->iterations, "of Griffin-Lim")
      ->transform(decimal<Index>(0, 1'000'000))
      ->capture_default_str();
  app.add_option("--seed", a->seed,
                 "of Griffin-Lim's phases to start with, and of networks that draw random numbers")
      ->transform(decimal<std::uint64_t>(0))
      ->capture_default_str();
  add_bits_option(app, a->bits);
  add_raw_option(app, a->raw);
  return [a, files, &app] {
    files.require_sounds(a->bits);
    const std::string only = files.only_input();
    require_used(app,
                 {{"--channel", only != "-" && !is_npy(only), "for sound files, and IN holds features"}});
    const std::optional<CodesModel> chosen = chosen_model(*a, only);
    const Model* model = chosen ? &chosen->model : nullptr;
    require_used(app, {{"--iterations", !model, "for --method griffin-lim, not for a network"}});
    for (const char* name : {"--chunk", "--threads", "--minimal-filtering", "--bfloat16", "--int8"})
      require_used(app, {{name, model != nullptr, "for networks, not for Griffin-Lim"}});
    const MelOptions preset = chosen_features(*a, model);
    const std::optional<Op> network = model ? std::optional(network_for(*model, preset, *a)) : std::nullopt;
    const Codes codes = model ? Codes{model->codes, chosen->choices, rows_decide(*a, only)} : Codes{};
    files.run([&](const std::string& in, const std::string& out) {
      if (model && !model->no_analysis.empty() && in != "-" && !is_npy(in))
        throw IoError(
            in, model->no_analysis +
                    (model->codes > 0 ? ": wavestride encode makes them, by the codec's own file" : ""));
      const std::unique_ptr<FeatureSource> source = open_features(in, a->channel, preset, codes);
      std::vector<std::string> inputs{in};
      for (const std::string& more : {a->model, a->options.config, a->options.stats, a->embedding})
        if (!more.empty()) inputs.push_back(more);
      SoundOutput output(out, preset.sample_rate, 1,
                         {.bits = a->bits,
                          .input = source->sample_format(),
                          .raw = a->raw,
                          .inputs = inputs,
                          .metadata = source->metadata()});
      const Timer timer;
      const double convergence =
          network ? (vocode_with_model(*network, a->stream, *source, a->chunk, output), 0.0)
                  : vocode_with_griffin_lim(*a, preset, *source, output);
      output.commit();

      const double seconds = static_cast<double>(output.frames()) / static_cast<double>(preset.sample_rate);
      Made made{
          {message(output_name(out), ": ", duration_text(output.frames(), preset.sample_rate), " by ",
                   model ? model->architecture : "griffin-lim", "; ", work_text(timer.seconds(), seconds))},
          seconds,
          output.clipped_samples()};
      if (!model && a->iterations > 0) made.lines.push_back("spectral convergence " + fixed(convergence, 4));
      return made;
    });
  };
}

}  // namespace wavestride::cli
