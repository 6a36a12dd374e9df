// Files as the commands take them: sounds of one channel, outputs that are checked before work begins.
#pragma once

#include <wavestride/audio_file.h>
#include <wavestride/op.h>

#include <string>

#include "cli/command.h"

namespace wavestride::cli {

struct Sound {
  std::string path;
  Signal samples;  ///< channels × frames
  int sample_rate_hz = 0;
  SampleFormat sample_format = SampleFormat::automatic;  ///< as SoundReader has it
  AudioMetadata metadata = {};                           ///< likewise

  double seconds() const { return static_cast<double>(samples.cols()) / sample_rate_hz; }
  /// "speech.wav: 2.5 s at 16000 Hz".
  std::string description() const;
};

/// A sound file piece by piece, or what comes by standard input ("-"), of the channels that read_sound()
/// speaks of.
class SoundReader {
 public:
  SoundReader(const std::string& path, const std::string& channel);

  int sample_rate_hz() const { return reader_.sample_rate_hz(); }
  /// How the file stores its samples; automatic where by a lossy code.
  SampleFormat sample_format() const { return reader_.sample_format(); }
  /// Of the file; loudspeakers only where all channels are read.
  AudioMetadata metadata() const;
  Index channels() const { return chosen_ == all ? reader_.channels() : 1; }
  /// The next frames, at most so many; none at the end.
  Signal read(Index frames);
  /// Part of the file that was read, 0 … 1; nothing where its header doesn't tell.
  std::optional<double> done() const;
  /// Throws IoError on NaN and infinities in `block`, which read() returned last.
  void require_finite(const Signal& block) const;

 private:
  static constexpr Index mix = -1, all = -2;
  std::string path_;
  AudioReader reader_;
  Index chosen_;  // a channel, or one of these
};

/// A sound file: all of its channels (`channel` is "all"), their mean ("mix"), one of them ("1" is the
/// first), or the only one there is (""). Throws IoError where it has several and none is chosen, or not that
/// many.
Sound read_sound(const std::string& path, const std::string& channel);

/// Throws IoError on NaN and infinities.
void require_finite(const Sound& sound);

/// op(x), with a progress bar: as a stream, `block` frames at a time, where it streams.
Signal run_with_progress(const Op& op, FramesView x, Index block, const std::string& label);

/// Declares --channel of a command that works on one channel.
void add_channel_option(CLI::App& app, std::string& channel);
/// Declares --preset with the names of the mel presets.
CLI::Option* add_preset_option(CLI::App& app, std::string& preset);

/// Throws IoError when `output` could not be written, or is one of the inputs: what would fail after the work
/// fails before it.
void check_output(const std::string& output, std::span<const std::string> inputs);

/// Inputs by the names that they have as files, the one behind standard input, too.
std::vector<std::string> files_of(std::vector<std::string> inputs);

/// Whether the name ends in .npy.
bool is_npy(const std::string& path);
/// The name without its folders.
std::string file_name(const std::string& path);

}  // namespace wavestride::cli
