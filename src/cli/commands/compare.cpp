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
  bool from_silence = false;        ///< of which nothing is any number of times as loud
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
  return {log_sum / static_cast<double>(frames), std::sqrt(difference / std::max(energy, 1e-30)),
          energy == 0 && difference > 0};
}

/// What is printed of one pair: a name, and its value as text.
using Measures = std::vector<std::pair<std::string, std::string>>;

Measures measures(const Sound& a, const Sound& b, const MelOptions* preset) {
  if (std::min(a.samples.cols(), b.samples.cols()) == 0) {
    const std::string none = "no samples in common";
    return {{"log-spectral distance", none}, {"spectral convergence", none}};
  }
  const Distances d = distances(a.samples, b.samples);
  if (d.from_silence) {
    const std::string none = "the reference is silent";
    return {{"log-spectral distance", none}, {"spectral convergence", none}};
  }
  Measures all{{"log-spectral distance", fixed(d.log_spectral_db, 2) + " dB"},
               {"spectral convergence",
                message(fixed(d.spectral_convergence, 4), " (",
                        fixed(20 * std::log10(std::max(d.spectral_convergence, 1e-10)), 1), " dB)")}};
  if (preset == nullptr) return all;
  // Both as long as the shorter, before frames look beyond its end.
  const Index samples = std::min(a.samples.cols(), b.samples.cols());
  const auto levels = [&](const Sound& s) {
    const Sound shared{s.path, s.samples.leftCols(samples), s.sample_rate_hz};
    return mel_levels(mel_features(shared, *preset), *preset);
  };
  const Signal p = levels(a), q = levels(b);
  if (p.cols() > 0)
    all.emplace_back("mel distance (" + preset->name + ")",
                     fixed((p - q).cwiseAbs().cast<double>().mean(), 2) + " dB");
  return all;
}

/// Fills up `line` to this many characters, then appends.
void append_at(std::string& line, std::size_t column, const std::string& text) {
  line.resize(std::max(line.size(), column), ' ');
  line += text;
}

/// One line a measure, one column a file.
void say_table(const std::vector<Sound>& others, const std::vector<Measures>& columns) {
  // Of a pair that is too short for mel frames the last is missing.
  const Measures& all =
      *std::ranges::max_element(columns, {}, [](const Measures& column) { return column.size(); });
  std::size_t at = 0;
  for (const auto& [name, value] : all) at = std::max(at, name.size() + 2);
  std::vector<std::string> lines(all.size() + 1);
  for (std::size_t row = 1; row < lines.size(); ++row) lines[row] = all[row - 1].first;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    append_at(lines[0], at, file_name(others[i].path));
    for (std::size_t row = 0; row < columns[i].size(); ++row)
      append_at(lines[row + 1], at, columns[i][row].second);
    at = std::max(at + 20, lines[0].size()) + 2;
  }
  for (const std::string& line : lines) say(line);
}

void draw(const std::string& path, const Sound& a, const std::vector<Sound>& others, const std::string& title,
          std::span<const std::string> inputs) {
  std::vector<const Sound*> sounds{&a};
  for (const Sound& b : others) sounds.push_back(&b);
  Index samples = a.samples.cols();
  for (const Sound& b : others) samples = std::min(samples, b.samples.cols());
  std::vector<Panel> panels;
  LevelRange range;
  for (const Sound* s : sounds) {
    Signal levels = spectrogram_levels(FramesView(s->samples).slice(0, samples), s->sample_rate_hz);
    if (panels.empty()) range = level_range(levels, 80);
    panels.push_back(spectrogram_panel(file_name(s->path), std::move(levels), s->sample_rate_hz, range));
  }
  write_png(path, {title, time_axis(static_cast<double>(samples) / a.sample_rate_hz), panels}, inputs);
}

}  // namespace

std::function<void()> compare_command(CLI::App& app) {
  struct Arguments {
    std::string a, preset, channel, picture;
    std::vector<std::string> others;
  };
  auto args = std::make_shared<Arguments>();
  app.add_option("A", args->a,
                 "sound file, the reference; A or one B may be -, for a file from standard input")
      ->required();
  app.add_option("B", args->others,
                 "sound files of the same sample rate; the shorter of A and B decides what is compared")
      ->required();
  add_preset_option(app, args->preset);
  add_channel_option(app, args->channel);
  app.add_option("--picture", args->picture, "also all spectrograms one above the other, PNG");
  app.footer(
      "Log-spectral distance: rms over bins of the difference in dB, averaged over frames (1024 samples, "
      "every\n"
      "256; levels more than 60 dB below the mean of A count as that). Spectral convergence: the norm of |A| "
      "- |B|\n"
      "over that of |A|. Mel distance: mean absolute difference of the mel bands in dB.");
  return [args] {
    std::vector<std::string> inputs{args->a};
    inputs.insert(inputs.end(), args->others.begin(), args->others.end());
    if (std::ranges::count(inputs, "-") > 1) throw UsageError("standard input can be one of the files alone");
    for (const std::string& path : inputs) require_no_terminal(path, "");
    if (!args->picture.empty()) {
      require_extension(args->picture, ".png", "--picture");
      check_output(args->picture, inputs);
    }
    const auto read = [&](const std::string& path) {
      Sound s = read_sound(path, args->channel);
      require_finite(s);
      return s;
    };
    const Sound a = read(args->a);
    const MelOptions* preset = preset_for(args->preset, a.sample_rate_hz);
    std::vector<Sound> others;
    std::vector<Measures> columns;
    for (const std::string& path : args->others) {
      const Sound& b = others.emplace_back(read(path));
      if (a.sample_rate_hz != b.sample_rate_hz)
        throw IoError(path,
                      message("has ", b.sample_rate_hz, " Hz, and ", a.path, " has ", a.sample_rate_hz));
      columns.push_back(measures(a, b, preset));
    }
    say(a.description());
    for (const Sound& b : others) say(b.description());
    if (others.size() > 1)
      say_table(others, columns);
    else
      for (const auto& [name, value] : columns.front()) say(name, ": ", value);
    if (!args->picture.empty())
      draw(args->picture, a, others,
           others.size() > 1 ? file_name(a.path) : "log-spectral distance " + columns.front().front().second,
           inputs);
  };
}

}  // namespace wavestride::cli
