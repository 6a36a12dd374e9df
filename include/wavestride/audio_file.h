// Sound files, through libsndfile: every format that it reads, any number of channels, whole or as a stream.
// Samples are floats with full scale at ±1.
#pragma once

#include <wavestride/io.h>
#include <wavestride/signal.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>

namespace WAVESTRIDE_API wavestride {

/// How samples are stored. `automatic` is what the format stores if not told: int16, or a lossy code.
enum class SampleFormat { automatic, int16, int24, int32, float32 };

/// What a file without a header can't say.
struct RawAudio {
  int sample_rate_hz = 0;
  Index channels = 1;
  SampleFormat sample_format = SampleFormat::int16;  ///< little-endian
};

/// What a file tells of its sound besides the samples.
struct AudioMetadata {
  /// Texts under the names title, artist, album, tracknumber, date, genre, comment, copyright and license, in
  /// the file's encoding: UTF-8, and in WAV and AIFF whatever its writer used.
  std::map<std::string, std::string> tags = {};
  /// The loudspeakers of the channels as WAV has them, a bit for each: 1 front left, 2 front right, 4 front
  /// centre, 8 LFE, …; 0 where the file does not say, or has them in another order than WAV.
  std::uint32_t channel_mask = 0;
};

/// Reads a sound file piece by piece in constant memory. NaN and infinities of a floating-point file arrive
/// as they are; integers of b bits are divided by 2^(b−1). Surround sound has WAV's order of channels, that
/// of Vorbis and Opus too. Move-only; one thread at a time.
class AudioReader {
 public:
  /// The content decides on the format, the name on nothing, but that "-" is standard input; with `raw` there
  /// is no header. Throws IoError when the file can't be opened or understood, or claims no channel or an
  /// absurd sample rate, and std::invalid_argument on a `raw` of no channel, an absurd rate or a format that
  /// raw samples can't have.
  explicit AudioReader(const std::string& path, const std::optional<RawAudio>& raw = {});
  AudioReader(AudioReader&&) noexcept;
  AudioReader& operator=(AudioReader&&) noexcept;
  ~AudioReader();

  int sample_rate_hz() const;
  Index channels() const;
  /// "WAV (Microsoft), Signed 16 bit PCM".
  const std::string& format() const;
  /// The least that holds the file's samples; automatic for a lossy code.
  SampleFormat sample_format() const;
  /// Of what stands behind the samples, nothing where the file comes through a pipe.
  AudioMetadata metadata() const;
  /// What the header claims; −1 where it says nothing, or comes through a pipe with the largest number that
  /// it can hold, as those do whose writer did not know the length; of a file with such a number, or none,
  /// what is there. For progress, not for allocation.
  Index claimed_frames() const;
  /// Frames read so far.
  Index position() const;

  /// Fills `out` (channels() × any), returns the frames read: fewer than asked only at the end. Throws
  /// IoError on damaged data, when the file ends before the frames that its header claims, or an Ogg file
  /// before the end of its stream, and std::invalid_argument on `out` of other channels.
  Index read(FramesSpan out);
  /// At most `frames` more frames.
  Signal read(Index frames);

 private:
  struct File;
  std::unique_ptr<File> file_;
};

/// How AudioWriter stores samples.
struct AudioWriteOptions {
  SampleFormat sample_format = SampleFormat::automatic;
  std::vector<std::string> inputs = {};  ///< files that must not be overwritten
  /// Stored as far as the format can: other names than those of AudioMetadata, in FLAC, Ogg and MP3 what is
  /// no UTF-8 or longer than 64 KiB, and elsewhere what is longer than 2,000 bytes, are left out.
  AudioMetadata metadata = {};
};

/// How a file named `path` stores best what another stores as `wanted`: the same, or the most that its format
/// takes; automatic where that is a lossy code, or `wanted` is. Throws IoError on an unknown extension.
SampleFormat nearest_sample_format(const std::string& path, SampleFormat wanted);

/// Writes a sound file piece by piece in constant memory; it appears, whole, at commit().
///
/// The name's extension chooses the format: wav, w64, rf64, aiff, au, caf, raw (little-endian, no header):
/// int16, int24, int32, float32; flac: int16, int24; ogg (Vorbis), opus, mp3: automatic alone. Integers are
/// round(x · 2^(b−1)), so that reading them again and writing gives the same bits; samples beyond ±1 saturate
/// and are counted. NaN and infinities pass in float32 and are refused elsewhere. 3 to 8 channels in WAV's
/// order (5.1: left, right, centre, LFE, back left, back right) are stored in that of the format.
class AudioWriter {
 public:
  /// Throws std::invalid_argument when sample rate or channels are below 1, or a channel mask is not of as
  /// many loudspeakers as channels; IoError when the format takes them not, or can't be written, and as
  /// OutputFile does.
  AudioWriter(const std::string& path, int sample_rate_hz, Index channels,
              const AudioWriteOptions& options = {});
  AudioWriter(AudioWriter&&) noexcept;
  AudioWriter& operator=(AudioWriter&&) noexcept;
  /// Without commit() nothing is left, and what was at `path` before is untouched.
  ~AudioWriter();

  /// Appends. Throws std::invalid_argument on another number of channels; IoError on NaN or infinity where
  /// they are refused, on a full disk (what libsndfile still held at the latest in commit()), and where wav,
  /// aiff or au would outgrow 4 GiB.
  void write(FramesView x);
  /// Throws IoError for Ogg and Opus files of no frames too, which nothing could read.
  void commit();

  /// Frames taken.
  Index frames() const;
  /// Samples that lay beyond ±1 and were saturated.
  Index clipped_samples() const;

 private:
  struct File;
  std::unique_ptr<File> file_;
};

/// A whole sound file: channels × frames.
struct AudioData {
  Signal samples;
  int sample_rate_hz = 0;
};

/// Reads to the end as AudioReader does; memory grows with the frames that arrive, whatever the header
/// claims.
AudioData read_audio(const std::string& path, const std::optional<RawAudio>& raw = {});

/// Writes a file as AudioWriter does; returns the number of samples that were clipped.
Index write_audio(const std::string& path, FramesView samples, int sample_rate_hz,
                  const AudioWriteOptions& options = {});

}  // namespace wavestride
