// Where a command's samples go: a sound file that appears whole, or standard output as they are made.
#pragma once

#include <optional>

#include "cli/sound.h"

namespace wavestride::cli {

/// Declares --bits: 16, 24, 32, float, or empty for those of the input.
void add_bits_option(CLI::App& app, std::string& bits);
/// Declares --raw.
void add_raw_option(CLI::App& app, bool& raw);
/// What --bits asks for.
SampleFormat sample_format(const std::string& bits);

struct SoundOutputOptions {
  std::string bits;  ///< as --bits has them
  /// As the input is stored, and so the output where `bits` are empty, as far as its format can; automatic
  /// where there is nothing to keep.
  SampleFormat input = SampleFormat::automatic;
  bool raw = false;                      ///< as --raw
  std::vector<std::string> inputs = {};  ///< files that must not be overwritten
  AudioMetadata metadata = {};           ///< to keep
};

/// How samples are stored in what `path` names, "-" being standard output. Throws IoError on an unknown
/// extension.
SampleFormat stored_format(const std::string& path, const SoundOutputOptions& options);

class SoundOutput {
 public:
  /// `path` "-" is standard output: WAV of unknown length, or with `raw` the samples alone, little-endian,
  /// of 16 bits if nothing else is asked for. Throws IoError and UsageError.
  SoundOutput(const std::string& path, Index sample_rate_hz, Index channels, SoundOutputOptions options);

  void write(FramesView x);
  /// A WAV that standard output took as a file then tells its length.
  void commit();

  Index frames() const { return frames_; }
  Index clipped_samples() const { return file_ ? file_->clipped_samples() : clipped_; }

 private:
  template <class T>
  void convert(FramesView x, int bytes);
  void tell_length();

  std::optional<AudioWriter> file_;  // else standard output
  SampleFormat format_;
  Index channels_, frames_ = 0, clipped_ = 0;
  std::size_t header_bytes_ = 0;              // of a WAV on standard output
  std::optional<std::int64_t> header_place_;  // where these can be written again
};

}  // namespace wavestride::cli
