#include <wavestride/resample.h>
#include <wavestride/samples.h>
#include <wavestride/stream.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

#include "cli/files.h"
#include "cli/integers.h"
#include "cli/panels.h"
#include "cli/sound_output.h"

namespace wavestride::cli {
namespace {

const std::map<std::string, Quality> qualities = {{"fast", Quality::fast},
                                                  {"standard", Quality::standard},
                                                  {"best", Quality::best},
                                                  {"steep", Quality::steep}};
struct Arguments {
  std::string bits, plot, phase = "linear", quality = "standard";
  int rate_hz = 0;
  double from_hz = 0, to_hz = 0;
  bool describe = false, raw = false;
  std::optional<double> stopband_db, passband, max_delay_ms;
  std::optional<std::uint64_t> dither;

  ResampleOptions options() const {
    ResampleOptions o{.quality = qualities.at(quality),
                      .stopband_db = stopband_db,
                      .passband = passband,
                      .goal = Goal::throughput};
    if (max_delay_ms) o.max_delay_s = *max_delay_ms / 1000;
    o.phase = phase == "minimum" ? Phase::minimum : Phase::linear;
    return o;
  }
};

Resampler resampler_for(double in_hz, double out_hz, const Arguments& a) {
  try {
    return {in_hz, out_hz, a.options()};
  } catch (const std::invalid_argument& e) {
    if (!a.max_delay_ms) throw;
    throw UsageError(message("--max-delay ", *a.max_delay_ms, ": ", e.what()));
  }
}

// Rounds to the file's integers with dither; they are floats again afterwards, and written as they are.
// Returns how many were clipped.
Index dither_block(Signal& block, bool of_24_bits, std::uint64_t seed, Index first_frame) {
  const SampleOptions options{.bits = of_24_bits ? 24 : 0, .dither_seed = seed};
  const auto round = [&]<class T>(std::vector<T> samples) {
    samples.resize(static_cast<std::size_t>(block.size()));
    const Index clipped = to_samples<T>(block, samples, options, first_frame);
    block = from_samples<T>(samples, block.rows(), options);
    return clipped;
  };
  return of_24_bits ? round(std::vector<std::int32_t>()) : round(std::vector<std::int16_t>());
}

Made convert(const Arguments& a, const std::string& in, const std::string& out) {
  const Index block_frames = out == "-" ? 1 << 11 : 1 << 15;  // whoever listens waits for a block
  const Timer timer;
  SoundReader reader(in, "all");
  const Resampler resampler = resampler_for(reader.sample_rate_hz(), a.rate_hz, a);
  const SoundOutputOptions options{.bits = a.bits,
                                   .input = reader.sample_format(),
                                   .raw = a.raw,
                                   .inputs = {in},
                                   .metadata = reader.metadata()};
  const SampleFormat format = stored_format(out, options);
  const bool of_24_bits = format == SampleFormat::int24;
  if (a.dither && !of_24_bits && format != SampleFormat::int16)
    throw UsageError("--dither needs integers of 16 or 24 bits in " + output_name(out) +
                     ": choose with --bits");
  SoundOutput writer(out, a.rate_hz, reader.channels(), options);
  Stream stream = resampler.op(reader.channels()).stream();
  Progress progress("converting " + file_name(input_name(in)));
  Index frames = 0, clipped = 0;
  const auto write = [&](Signal block) {
    if (a.dither) clipped += dither_block(block, of_24_bits, *a.dither, writer.frames());
    writer.write(block);
  };
  for (Signal block; (block = reader.read(block_frames)).cols() > 0; frames += block.cols()) {
    if (format != SampleFormat::float32) reader.require_finite(block);
    write(stream.push(block));
    progress.show(reader.done());
  }
  write(stream.finish());
  writer.commit();
  const double seconds = static_cast<double>(frames) / reader.sample_rate_hz();
  return {{message(output_name(out), ": ", duration_text(writer.frames(), a.rate_hz), ", ",
                   work_text(timer.seconds(), seconds))},
          seconds,
          clipped + writer.clipped_samples()};
}

void draw_response(const Arguments& a, const Resampler& resampler) {
  constexpr double highest = 2, lowest_db = -200;
  Trace trace;
  for (const double db : resampler.response_db(8 * panel_width, highest))
    trace.samples.push_back(static_cast<float>(std::max(db, lowest_db)));
  const double nyquist = std::min(a.from_hz, a.to_hz) / 2;
  Panel panel{"gain (dB)", linear_axis("gain (dB)", lowest_db, 10, 6), std::move(trace)};
  write_png(a.plot,
            {message(a.from_hz, " to ", a.to_hz, " Hz, ", a.quality),
             linear_axis("frequency (Hz)", 0, highest * nyquist, 12),
             {std::move(panel)}},
            {});
}

void describe(const Arguments& a) {
  const Resampler r = resampler_for(a.from_hz, a.to_hz, a);
  const FilterResponse achieved = r.achieved();
  const double nyquist = std::min(a.from_hz, a.to_hz) / 2;
  say("from ", a.from_hz, " to ", a.to_hz, " Hz, ", a.phase, " phase");
  say("stopband   ", fixed(achieved.stopband_db, 1), " dB from ", nyquist, " Hz on");
  say("passband   to ", fixed(r.passband_edge() * nyquist, 1), " Hz (", fixed(r.passband_edge(), 3),
      "), -0.1 dB at ", fixed(achieved.passband * nyquist, 1), " Hz (", fixed(achieved.passband, 3), ")");
  say("ripple     ", fixed(achieved.ripple_db, 7), " dB");
  say("taps       ", r.taps(), " input frames an output frame");
  say("delay      ", fixed(1000 * r.filter_delay_s(), 3), " ms, taken out of the output");
  say("memory     ", r.bytes(), " bytes of coefficients");
  if (!a.plot.empty()) draw_response(a, r);
}

void check_usage(const Arguments& a, const CLI::App& app, const Files& files) {
  if (a.describe) {
    const std::string why = "for converting, and --describe converts nothing";
    require_used(
        app,
        {{"--rate", false, why}, {"--bits", false, why}, {"--dither", false, why}, {"--raw", false, why}});
    files.require_none(why);
    if (!a.plot.empty()) require_extension(a.plot, ".png", "--plot");
    if (a.from_hz == 0 || a.to_hz == 0) throw UsageError("--describe needs --from and --to");
    return;
  }
  for (const char* name : {"--from", "--to", "--plot"}) require_used(app, {{name, false, "for --describe"}});
  if (a.rate_hz == 0) throw UsageError("--rate is required");
  files.require_sounds(a.bits);
  if (a.dither && (a.bits == "32" || a.bits == "float")) throw UsageError("--dither needs --bits 16 or 24");
}

}  // namespace

std::function<void()> resample_command(CLI::App& app) {
  auto a = std::make_shared<Arguments>();
  const auto names = [](const auto& map) {
    std::vector<std::string> keys;
    for (const auto& entry : map) keys.push_back(entry.first);
    return CLI::IsMember(keys).description("");
  };
  const Files files(
      app, "sound file, or - for one from standard input",
      "sound file, its extension chooses the format, which keeps title, artist, comment and the "
      "like and the loudspeakers of channels as far as it can; or - for WAV to standard output, "
      "as it is made",
      {});
  app.add_option("--rate", a->rate_hz, "sample rate of the output, Hz")->transform(decimal(1, 10'000'000));
  app.add_option("--quality", a->quality, "fast, standard, best or steep")
      ->check(names(qualities))
      ->capture_default_str();
  app.add_option("--stopband-db", a->stopband_db, "attenuation of the stopband, instead of the quality's")
      ->check(number(20, 160));
  app.add_option("--passband", a->passband, "edge as a fraction of the lower Nyquist frequency, likewise")
      ->check(number(0.05, 0.995));
  app.add_option("--max-delay", a->max_delay_ms, "ms that the filter may delay at most")
      ->check(positive("ms"));
  app.add_option("--phase", a->phase, "linear or minimum")
      ->check(CLI::IsMember({"linear", "minimum"}).description(""))
      ->capture_default_str();
  add_bits_option(app, a->bits);
  add_raw_option(app, a->raw);
  app.add_option("--dither", a->dither, "add triangular dither, seeded with this number")
      ->transform(decimal<std::uint64_t>(0))
      ->type_name("SEED");
  app.add_flag("--describe", a->describe, "print what a filter achieves, and convert nothing");
  app.add_option("--from", a->from_hz, "Hz, for --describe")->check(positive("Hz"));
  app.add_option("--to", a->to_hz, "Hz, for --describe")->check(positive("Hz"));
  app.add_option("--plot", a->plot, "PNG file for the filter's response, with --describe");
  return [a, files, &app] {
    check_usage(*a, app, files);
    if (a->describe) return describe(*a);
    files.run([&](const std::string& in, const std::string& out) { return convert(*a, in, out); });
  };
}

}  // namespace wavestride::cli
