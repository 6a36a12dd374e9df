#include "cli/sound.h"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wavestride/mel.h>
#include <wavestride/stream.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <filesystem>

namespace wavestride::cli {
namespace {

constexpr Index block_frames = 1 << 16;

// A program that failed sends nothing down a pipe, of which libsndfile would say that it knows no such
// format.
const std::string& not_empty(const std::string& path) {
  struct stat s;
  pollfd input{STDIN_FILENO, POLLIN, 0};
  if (path == "-" && fstat(STDIN_FILENO, &s) == 0 && S_ISFIFO(s.st_mode) && poll(&input, 1, -1) == 1 &&
      (input.revents & POLLIN) == 0)
    throw IoError(input_name(path), "is not read as audio: it is empty");
  return path;
}

}  // namespace

std::string Sound::description() const {
  return path + ": " + duration_text(samples.cols(), sample_rate_hz);
}

SoundReader::SoundReader(const std::string& path, const std::string& channel)
    : path_(input_name(path)), reader_(not_empty(path)), chosen_(0) {
  const Index channels = reader_.channels();
  const std::string choices = message("--channel N (1 to ", channels, ") or --channel mix (their mean)");
  if (channel == "all" || channel == "mix") {
    chosen_ = channel == "all" ? all : mix;
  } else if (channel.empty()) {
    if (channels != 1) throw IoError(path_, message("has ", channels, " channels: choose with ", choices));
  } else {
    const auto n = parse_index(channel);
    if (!n || *n < 1) throw UsageError("--channel must be a number from 1 on, or mix, got " + channel);
    if (*n > channels) throw IoError(path_, "has no channel " + channel + ": choose with " + choices);
    chosen_ = *n - 1;
  }
}

AudioMetadata SoundReader::metadata() const {
  AudioMetadata metadata = reader_.metadata();
  if (chosen_ != all) metadata.channel_mask = 0;
  return metadata;
}

Signal SoundReader::read(Index frames) {
  const Signal block = reader_.read(frames);
  if (chosen_ == all) return block;
  if (chosen_ == mix) return block.colwise().mean();
  return block.row(chosen_);
}

std::optional<double> SoundReader::done() const {
  if (reader_.claimed_frames() <= 0) return {};
  return static_cast<double>(reader_.position()) / static_cast<double>(reader_.claimed_frames());
}

void SoundReader::require_finite(const Signal& block) const {
  if (block.allFinite()) return;
  Index n = 0, c = 0;
  while (block.col(n).allFinite()) ++n;
  while (std::isfinite(block(c, n))) ++c;
  const Index sample = reader_.position() - block.cols() + n;
  const std::string where = chosen_ == all && block.rows() > 1 ? message(" of channel ", c + 1) : "";
  throw IoError(path_, message("sample ", sample, where, " is not a finite number"));
}

Sound read_sound(const std::string& path, const std::string& channel) {
  SoundReader reader(path, channel);
  Sound sound{input_name(path), Signal(), reader.sample_rate_hz(), reader.sample_format(), reader.metadata()};
  std::vector<float> samples;
  Progress progress("reading " + file_name(sound.path));
  for (Signal block; (block = reader.read(block_frames)).cols() > 0;) {
    samples.insert(samples.end(), block.data(), block.data() + block.size());
    progress.show(reader.done());
  }
  const Index channels = reader.channels();
  sound.samples = Eigen::Map<Signal>(samples.data(), channels, static_cast<Index>(samples.size()) / channels);
  return sound;
}

void require_finite(const Sound& sound) {
  for (Index n = 0; n < sound.samples.cols(); ++n)
    if (!sound.samples.col(n).allFinite())
      throw IoError(sound.path, message("sample ", n, " is not a finite number"));
}

Signal run_with_progress(const Op& op, FramesView x, Index block, const std::string& label) {
  if (!op.streamable() || x.channels() != op.in_channels()) return op(x);  // which says what is wrong
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
      ->check(CLI::Validator(
          [](const std::string& text) {
            return text == "all" ? "must be a number from 1 on, or mix, got all" : "";  // our own word
          },
          ""))
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
  OutputFile(output, files_of({inputs.begin(), inputs.end()}));
}

std::vector<std::string> files_of(std::vector<std::string> inputs) {
  std::ranges::replace(inputs, "-", "/dev/stdin");
  return inputs;
}

bool is_npy(const std::string& path) {
  return extension_of(path) == ".npy";
}

std::string file_name(const std::string& path) {
  return std::filesystem::path(path).filename().string();
}

}  // namespace wavestride::cli
