#include <wavestride/stack.h>
#include <wavestride/stft.h>
#include <wavestride/stream.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <memory>

#include "cli/mel_features.h"
#include "cli/panels.h"

namespace wavestride::cli {
namespace {

struct Distances {
  double log_spectral_db = 0;       ///< mean over frames of the rms over bins of the difference in dB
  double spectral_convergence = 0;  ///< ‖ |A| − |B| ‖ / ‖ |A| ‖
};

// Spectra of 1024 samples every 256. Levels more than 60 dB below the mean of A count as that, so that what
// differs in silence does not decide.
Distances distances(FramesView a, FramesView b) {
  constexpr Index n_fft = 1024, block = 1 << 16;
  const StftOptions options{.n_fft = n_fft, .pad_mode = PadMode::constant};
  const Stack magnitude{op::stft(options), op::magnitude(options.bins())};
  double window_power = 0;
  for (const float w : make_window(options.window_type, n_fft)) window_power += double{w} * w;
  const Index samples = std::min(a.frames(), b.frames());
  if (samples == 0) return {};
  const double mean_square =
      a.slice(0, samples).matrix().cast<double>().squaredNorm() / static_cast<double>(samples);
  const double floor =
      std::max(1e-6 * window_power * mean_square, 1e-30);  // Parseval: the mean of |A|² over bins

  double log_sum = 0, difference = 0, energy = 0;
  Index frames = 0;
  const auto add = [&](const Signal& p, const Signal& q) {
    for (Index n = 0; n < p.cols(); ++n) {
      const Eigen::ArrayXd x = p.col(n).cast<double>(), y = q.col(n).cast<double>();
      log_sum += std::sqrt((10 * (x.square().max(floor) / y.square().max(floor)).log10()).square().mean());
      difference += (x - y).square().sum();
      energy += x.square().sum();
    }
    frames += p.cols();
  };
  Stream of_a = magnitude.stream(), of_b = magnitude.stream();
  for (Index n = 0; n < samples; n += block) {
    const Index count = std::min(block, samples - n);
    add(of_a.push(a.slice(n, count)), of_b.push(b.slice(n, count)));
  }
  add(of_a.finish(), of_b.finish());
  return {log_sum / static_cast<double>(frames), std::sqrt(difference / std::max(energy, 1e-30))};
}

}  // namespace

std::function<void()> compare_command(CLI::App& app) {
  struct Arguments {
    std::string a, b, preset, channel, picture;
  };
  auto args = std::make_shared<Arguments>();
  app.add_option("A", args->a, "sound file, the reference")->required();
  app.add_option("B", args->b, "sound file of the same sample rate; the shorter decides what is compared")
      ->required();
  add_preset_option(app, args->preset);
  add_channel_option(app, args->channel);
  app.add_option("--picture", args->picture, "also both spectrograms one above the other, PNG");
  app.footer(
      "Log-spectral distance: rms over bins of the difference in dB, averaged over frames (1024 samples, "
      "every\n"
      "256; levels more than 60 dB below the mean of A count as that). Spectral convergence: the norm of |A| "
      "- |B|\n"
      "over that of |A|. Mel distance: mean absolute difference of the mel bands in dB.");
  return [args] {
    const std::vector<std::string> inputs{args->a, args->b};
    if (!args->picture.empty()) check_output(args->picture, inputs);
    const Sound a = read_sound(args->a, args->channel), b = read_sound(args->b, args->channel);
    if (a.sample_rate_hz != b.sample_rate_hz)
      throw IoError(args->b,
                    message("has ", b.sample_rate_hz, " Hz, and ", args->a, " has ", a.sample_rate_hz));
    for (const Sound& s : {a, b}) {
      require_finite(s);
      say(s.description());
    }
    const Distances d = distances(a.samples, b.samples);
    say("log-spectral distance: ", fixed(d.log_spectral_db, 2), " dB");
    say("spectral convergence: ", fixed(d.spectral_convergence, 4), " (",
        fixed(20 * std::log10(std::max(d.spectral_convergence, 1e-10)), 1), " dB)");
    if (const MelOptions* preset = preset_for(args->preset, a.sample_rate_hz)) {
      const Signal p = mel_levels(mel_features(a, *preset), *preset),
                   q = mel_levels(mel_features(b, *preset), *preset);
      const Index frames = std::min(p.cols(), q.cols());
      if (frames > 0)
        say("mel distance (", preset->name,
            "): ", fixed((p.leftCols(frames) - q.leftCols(frames)).cwiseAbs().cast<double>().mean(), 2),
            " dB");
    }
    if (args->picture.empty()) return;
    const Index samples = std::min(a.samples.cols(), b.samples.cols());
    std::vector<Panel> panels;
    LevelRange range;
    for (const Sound* s : {&a, &b}) {
      Signal levels = spectrogram_levels(FramesView(s->samples).slice(0, samples), s->sample_rate_hz);
      if (panels.empty()) range = level_range(levels, 80);
      panels.push_back(spectrogram_panel(file_name(s->path), std::move(levels), s->sample_rate_hz, range));
    }
    const double seconds = std::min(a.seconds(), b.seconds());
    write_png(
        args->picture,
        {message("log-spectral distance ", fixed(d.log_spectral_db, 2), " dB"), time_axis(seconds), panels},
        inputs);
  };
}

}  // namespace wavestride::cli
