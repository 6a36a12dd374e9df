#include "cli/feature_source.h"

#include <unistd.h>
#include <wavestride/npy.h>
#include <wavestride/resample.h>
#include <wavestride/stack.h>
#include <wavestride/stream.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <system_error>

#include "cli/command.h"

namespace wavestride::cli {
namespace {

Signal checked(Signal features, const std::string& path, Index codes) {
  if (!features.allFinite()) throw IoError(path, "holds values that are not finite numbers");
  for (const float v : features.reshaped().head(codes > 0 ? features.size() : 0))
    if (v != std::floor(v) || v < 0 || v >= static_cast<float>(codes))
      throw IoError(path, message("holds ", v, ", and codes are whole numbers from 0 to ", codes - 1));
  return features;
}

/// Numbers of rows that the codes of a model may have: "2, 4 or 8".
std::string known_rows(const std::vector<CodesChoice>& choices) {
  const Index n = std::ssize(choices);
  if (n > 2 && choices.front().per_frame == 1 && choices.back().per_frame == n) return message("1 to ", n);
  std::string known;
  for (Index i = 0; i < n; ++i)
    known += message(i == 0 ? "" : i + 1 < n ? ", " : " or ", choices[static_cast<std::size_t>(i)].per_frame);
  return known;
}

/// What is wrong with an array that is not [takes, frames].
std::string no_codes(Index rows, Index frames, Index takes, const Codes& codes) {
  const auto with = [&](Index n) { return std::ranges::find(codes.choices, n, &CodesChoice::per_frame); };
  const std::string shape = message("has shape ", shape_string(std::array{rows, frames}), ", and the model ");
  if (const auto c = with(rows); c != codes.choices.end())
    return message(shape, "takes codes [", takes, ", frames]; with --codebooks ", c->codebooks,
                   c->bandwidth_kbps ? message(" or --bandwidth ", *c->bandwidth_kbps) : "",
                   " it takes these");
  const bool transposed = codes.by_rows ? with(frames) != codes.choices.end() : frames == takes;
  return message(shape, "takes codes of ", known_rows(codes.choices), " rows",
                 transposed ? ": the transposed array would do" : "");
}

class ArrayFeatures final : public FeatureSource {
 public:
  ArrayFeatures(const std::string& path, const MelOptions& preset, const Codes& codes)
      : path_(path), reader_(path), codes_(codes.values) {
    if (reader_.channels() == preset.n_mels) return;
    throw IoError(path, codes_ > 0 ? no_codes(reader_.channels(), reader_.frames(), preset.n_mels, codes)
                                   : no_features(std::array{reader_.channels(), reader_.frames()}, preset));
  }

  Signal read(Index frames) override {
    Signal features = checked(reader_.read(frames), path_, codes_);
    read_ += features.cols();
    return features;
  }
  std::optional<double> done() const override {
    return static_cast<double>(read_) / static_cast<double>(std::max<Index>(1, reader_.frames()));
  }

 private:
  std::string path_;
  NpyReader reader_;
  Index codes_, read_ = 0;
};

/// `op`, of sound at `rate_hz`, behind a conversion to that.
Op converted(int sample_rate_hz, Index rate_hz, const Op& op) {
  if (sample_rate_hz == rate_hz) return op;
  return Stack(
      {op::resample(1, sample_rate_hz, static_cast<double>(rate_hz), {.goal = Goal::throughput}), op});
}

Op analysis(int sample_rate_hz, const MelOptions& preset) {
  return converted(sample_rate_hz, preset.sample_rate, op::mel_spectrogram(preset));
}

class SoundFeatures final : public FeatureSource {
 public:
  /// What `analyse` makes of it, which takes sound at `rate_hz`.
  SoundFeatures(const std::string& path, const std::string& channel, Index rate_hz, const Op& analyse,
                const StreamOptions& options = {})
      : path_(input_name(path)),
        reader_(path, channel),
        samples_per_frame_(static_cast<double>(reader_.sample_rate_hz()) / static_cast<double>(rate_hz) *
                           static_cast<double>(analyse.rate().num) / static_cast<double>(analyse.rate().den)),
        stream_(converted(reader_.sample_rate_hz(), rate_hz, analyse).stream(options)) {
    if (reader_.channels() != 1) throw IoError(path_, "has several channels: choose one or mix");
  }
  SoundFeatures(const std::string& path, const std::string& channel, const MelOptions& preset)
      : SoundFeatures(path, channel, preset.sample_rate, op::mel_spectrogram(preset)) {}

  Signal read(Index frames) override {
    const auto samples = static_cast<Index>(std::ceil(static_cast<double>(frames) * samples_per_frame_));
    while (!stream_.finished()) {
      const Signal x = reader_.read(samples);
      for (Index n = 0; n < x.cols(); ++n)
        if (!x.col(n).allFinite())
          throw IoError(path_, message("sample ", stream_.received() + n, " is not a finite number"));
      const Signal features = x.cols() > 0 ? stream_.push(x) : stream_.finish();
      if (features.cols() > 0) return features;
    }
    return Signal(stream_.op().out_channels(), 0);
  }
  std::optional<double> done() const override { return reader_.done(); }
  SampleFormat sample_format() const override { return reader_.sample_format(); }
  AudioMetadata metadata() const override { return reader_.metadata(); }
  int sample_rate_hz() const { return reader_.sample_rate_hz(); }

 private:
  std::string path_;
  SoundReader reader_;
  double samples_per_frame_;
  Stream stream_;
};

// Of an analysis that needs the whole signal, as Whisper's.
class WholeSoundFeatures final : public FeatureSource {
 public:
  WholeSoundFeatures(const std::string& path, const std::string& channel, const MelOptions& preset) {
    Sound sound = read_sound(path, channel);
    require_finite(sound);
    sample_format_ = sound.sample_format;
    metadata_ = std::move(sound.metadata);
    sample_rate_hz_ = sound.sample_rate_hz;
    features_ = analysis(sound.sample_rate_hz, preset)(sound.samples);
  }

  Signal read(Index frames) override {
    const Index first = read_;
    read_ = std::min(first + frames, features_.cols());
    return features_.middleCols(first, read_ - first);
  }
  std::optional<double> done() const override {
    return static_cast<double>(read_) / static_cast<double>(std::max<Index>(1, features_.cols()));
  }
  SampleFormat sample_format() const override { return sample_format_; }
  AudioMetadata metadata() const override { return metadata_; }
  int sample_rate_hz() const { return sample_rate_hz_; }

 private:
  Signal features_;
  SampleFormat sample_format_ = SampleFormat::automatic;
  AudioMetadata metadata_;
  int sample_rate_hz_ = 0;
  Index read_ = 0;
};

class StandardInputFeatures final : public FeatureSource {
 public:
  StandardInputFeatures(const MelOptions& preset, Index codes)
      : mels_(preset.n_mels), codes_(codes), frame_bytes_(static_cast<std::size_t>(mels_) * sizeof(float)) {}

  // Hands on what is there: whoever writes may wait for the sound of it.
  Signal read(Index frames) override {
    bytes_.resize(std::max(bytes_.size(), static_cast<std::size_t>(frames) * frame_bytes_));
    while (held_ < frame_bytes_) {
      const ssize_t n = ::read(STDIN_FILENO, bytes_.data() + held_, bytes_.size() - held_);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) throw IoError("standard input", std::generic_category().message(errno));
      if (n == 0 && held_ > 0)
        throw IoError("standard input",
                      message("ends within a frame: frames are ", mels_, " values of float32"));
      if (n == 0) return Signal(mels_, 0);
      held_ += static_cast<std::size_t>(n);
      if (!begun_) require_frames();
    }
    Signal features(mels_, static_cast<Index>(held_ / frame_bytes_));
    const std::size_t used = static_cast<std::size_t>(features.size()) * sizeof(float);
    std::memcpy(features.data(), bytes_.data(), used);
    std::memmove(bytes_.data(), bytes_.data() + used, held_ -= used);
    return checked(std::move(features), "standard input", codes_);
  }
  std::optional<double> done() const override { return {}; }

 private:
  // What files begin with would be no value that features have.
  void require_frames() {
    if (held_ < 4) return;
    begun_ = true;
    for (const std::string_view begin : {"RIFF", "RF64", "FORM", "caff", "fLaC", "OggS", ".snd", "\x93NUM"})
      if (std::memcmp(bytes_.data(), begin.data(), begin.size()) == 0)
        throw IoError(
            "standard input",
            message("is a file, where frames of ", mels_, " values of float32 must come",
                    codes_ > 0 ? ", the codes of each" : ": wavestride mel - - makes them of sound"));
  }

  bool begun_ = false;
  Index mels_, codes_;
  std::size_t frame_bytes_, held_ = 0;
  std::vector<char> bytes_;
};

}  // namespace

std::unique_ptr<FeatureSource> open_features(const std::string& path, const std::string& channel,
                                             const MelOptions& preset, const Codes& codes) {
  if (path == "-") return std::make_unique<StandardInputFeatures>(preset, codes.values);
  if (is_npy(path)) return std::make_unique<ArrayFeatures>(path, preset, codes);
  if (preset.peak_range > 0) return std::make_unique<WholeSoundFeatures>(path, channel, preset);
  return std::make_unique<SoundFeatures>(path, channel, preset);
}

std::unique_ptr<FeatureSource> open_sound_features(const std::string& path, const std::string& channel,
                                                   const MelOptions& preset) {
  const auto checked = [&](auto source) -> std::unique_ptr<FeatureSource> {
    require_rate(input_name(path), source->sample_rate_hz(), preset);
    return source;
  };
  if (preset.peak_range > 0) return checked(std::make_unique<WholeSoundFeatures>(path, channel, preset));
  return checked(std::make_unique<SoundFeatures>(path, channel, preset));
}

std::unique_ptr<FeatureSource> open_analysed(const std::string& path, const std::string& channel,
                                             Index rate_hz, const Op& analyse, const StreamOptions& options) {
  return std::make_unique<SoundFeatures>(path, channel, rate_hz, analyse, options);
}

Index print_all(FeatureSource& source, Index block_frames) {
  Index frames = 0;
  for (Signal x; (x = source.read(block_frames)).cols() > 0; frames += x.cols())
    print_bytes(x.data(), static_cast<std::size_t>(x.size()) * sizeof(float));
  return frames;
}

Signal read_all(FeatureSource& source, Index n_mels) {
  std::vector<float> values;
  for (Signal features; (features = source.read(4096)).cols() > 0;)
    values.insert(values.end(), features.data(), features.data() + features.size());
  return Eigen::Map<Signal>(values.data(), n_mels, static_cast<Index>(values.size()) / n_mels);
}

}  // namespace wavestride::cli
