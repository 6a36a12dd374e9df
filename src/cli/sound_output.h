// Where a command's samples go: a sound file that appears whole, or standard output as they are made.
#pragma once

#include <optional>

#include "cli/sound.h"

namespace wavestride::cli {

/// Declares --bits: 16, 24, 32, float, or empty for the usual ones of the output's format.
void add_bits_option(CLI::App& app, std::string& bits);
/// What it asks for.
SampleFormat sample_format(const std::string& bits);

class SoundOutput {
 public:
  /// `path` "-" is standard output: WAV of unknown length, or with `raw` the samples alone, little-endian.
  /// `bits` as --bits has them. Throws IoError and UsageError.
  SoundOutput(const std::string& path, Index sample_rate_hz, const std::string& bits, bool raw,
              std::vector<std::string> inputs);

  /// One channel.
  void write(FramesView x);
  void commit();

  Index frames() const { return frames_; }
  Index clipped_samples() const { return file_ ? file_->clipped_samples() : clipped_; }

 private:
  template <class T>
  void convert(FramesView x, int bytes);
  void put(const void* data, std::size_t bytes);

  std::optional<AudioWriter> file_;  // else standard output
  SampleFormat format_;
  Index frames_ = 0, clipped_ = 0;
};

}  // namespace wavestride::cli
