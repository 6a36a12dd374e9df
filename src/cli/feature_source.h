// Mel frames, or codes, for commands that work through them piece by piece, in constant memory.
#pragma once

#include <wavestride/codes_choice.h>
#include <wavestride/stream.h>

#include <memory>

#include "cli/mel_features.h"

namespace wavestride::cli {

class FeatureSource {
 public:
  virtual ~FeatureSource() = default;
  /// Some of the next frames, as many as came or at most `frames` where they lie ready; none at the end.
  /// Throws IoError on values that are not finite, or no codes where codes must be.
  virtual Signal read(Index frames) = 0;
  /// Part of the input that was read, 0 … 1; nothing where nobody knows.
  virtual std::optional<double> done() const = 0;
  /// How the sound that they are made of is stored; automatic where there is none.
  virtual SampleFormat sample_format() const { return SampleFormat::automatic; }
  /// Of that sound.
  virtual AudioMetadata metadata() const { return {}; }
};

/// What a model of codes takes.
struct Codes {
  Index values = 0;                       ///< Model::codes
  std::vector<CodesChoice> choices = {};  ///< of which it is one
  bool by_rows = false;                   ///< whether the rows of its array decide which of them it is
};

/// `path` is a .npy array [mels, frames]; a sound file, which is converted to the preset's sample rate and
/// analysed; or "-", standard input: frame after frame, each n_mels little-endian float32. Throws IoError.
/// Values are codes where there are any.
std::unique_ptr<FeatureSource> open_features(const std::string& path, const std::string& channel,
                                             const MelOptions& preset, const Codes& codes = {});

/// The features of a sound file, or of what comes by standard input ("-"), which must have the preset's
/// sample rate. Throws IoError.
std::unique_ptr<FeatureSource> open_sound_features(const std::string& path, const std::string& channel,
                                                   const MelOptions& preset);

/// What `analyse`, which takes sound at `rate_hz`, makes of a sound file, converted to that rate, or of one
/// that comes by standard input ("-"). Throws IoError.
std::unique_ptr<FeatureSource> open_analysed(const std::string& path, const std::string& channel,
                                             Index rate_hz, const Op& analyse, const StreamOptions& options);

/// What is left of a source, to standard output, frame after frame as they are made, as vocode takes them: so
/// many at a time, since whoever sends a sound may wait. Returns how many there were.
Index print_all(FeatureSource& source, Index block_frames);

/// What is left of a source: n_mels × frames.
Signal read_all(FeatureSource& source, Index n_mels);

}  // namespace wavestride::cli
