// Where a command's samples go: a sound file that appears whole, or standard output as they are made.
#pragma once

#include <optional>

#include "cli/sound.h"

namespace wavestride::cli {

/// Declares --bits: 16, 24, 32, float, or empty for what is there otherwise.
void add_bits_option(CLI::App& app, std::string& bits,
                     const std::string& otherwise = "the usual ones of its format");
/// What it asks for.
SampleFormat sample_format(const std::string& bits);

/// What a file named `path` holds of a sound that another stores as `input`, unless `bits` say otherwise: the
/// same, or the most that its format takes. Throws IoError on an unknown extension.
SampleFormat sample_format(const std::string& bits, const std::string& path, SampleFormat input);

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
