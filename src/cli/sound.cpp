#include "cli/sound.h"

#include <wavestride/mel.h>
#include <wavestride/stream.h>

#include <CLI/CLI.hpp>
#include <filesystem>

namespace wavestride::cli {
namespace {

constexpr Index block_frames = 1 << 16;

// Which channel --channel means, −1 for their mean.
Index chosen_channel(const std::string& path, const std::string& channel, Index channels) {
  const std::string choices = message("--channel N (1 to ", channels, ") or --channel mix (their mean)");
  if (channel == "mix") return -1;
  if (channel.empty()) {
    if (channels != 1) throw IoError(path, message("has ", channels, " channels: choose with ", choices));
    return 0;
  }
  const auto n = parse_index(channel);
  if (!n || *n < 1) throw UsageError("--channel must be a number from 1 on, or mix, got " + channel);
  if (*n > channels) throw IoError(path, "has no channel " + channel + ": choose with " + choices);
  return *n - 1;
}

}  // namespace

std::string Sound::description() const {
  return path + ": " + duration_text(samples.cols(), sample_rate_hz);
}

Sound read_sound(const std::string& path, const std::string& channel) {
  AudioReader reader(path);
  const bool all = channel == "all";
  const Index chosen = all ? 0 : chosen_channel(path, channel, reader.channels());
  Sound sound{path, Signal(all ? reader.channels() : 1, 0), reader.sample_rate_hz()};
  Signal block(reader.channels(), block_frames);
  std::vector<float> samples;
  Progress progress("reading " + file_name(path));
  while (const Index n = reader.read(block)) {
    const auto read = block.leftCols(n);
    if (all)
      samples.insert(samples.end(), block.data(), block.data() + block.rows() * n);
    else if (chosen < 0)
      for (Index i = 0; i < n; ++i) samples.push_back(read.col(i).mean());
    else
      for (Index i = 0; i < n; ++i) samples.push_back(read(chosen, i));
    if (reader.claimed_frames() > 0)
      progress.show(static_cast<double>(reader.position()) / static_cast<double>(reader.claimed_frames()));
  }
  const Index channels = sound.samples.rows();
  sound.samples = Eigen::Map<Signal>(samples.data(), channels, static_cast<Index>(samples.size()) / channels);
  return sound;
}

void require_finite(const Sound& sound) {
  for (Index n = 0; n < sound.samples.cols(); ++n)
    if (!sound.samples.col(n).allFinite())
      throw IoError(sound.path, message("sample ", n, " is not a finite number"));
}

Signal run_with_progress(const Op& op, FramesView x, Index block, const std::string& label) {
  if (!op.streamable()) return op(x);
  Signal y(op.out_channels(), op.total(x.frames()));
  Stream stream = op.stream();
  Progress progress(label);
  const auto rest = [&] { return FramesSpan(y).slice(stream.emitted(), y.cols() - stream.emitted()); };
  for (Index n = 0; n < x.frames(); n += block) {
    stream.push(x.slice(n, std::min(block, x.frames() - n)), rest());
    progress.show(static_cast<double>(n) / static_cast<double>(x.frames()));
  }
  stream.finish(rest());
  return y;
}

void add_channel_option(CLI::App& app, std::string& channel) {
  app.add_option("--channel", channel,
                 "of a file of several: its number (1 is the first), or mix, their mean")
      ->type_name("N|mix");
}

CLI::Option* add_preset_option(CLI::App& app, std::string& preset) {
  std::vector<std::string> names;
  for (const MelOptions& p : mel_presets()) names.push_back(p.name);
  return app.add_option("--preset", preset, "mel front end, see wavestride presets")
      ->check(CLI::IsMember(names).description(""))
      ->type_name("NAME");
}

void check_output(const std::string& output, std::span<const std::string> inputs) {
  OutputFile(output, inputs);
}

bool is_npy(const std::string& path) {
  return CLI::detail::to_lower(std::filesystem::path(path).extension().string()) == ".npy";
}

std::string file_name(const std::string& path) {
  return std::filesystem::path(path).filename().string();
}

}  // namespace wavestride::cli
