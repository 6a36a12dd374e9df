#include "cli/sound_output.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wavestride/io.h>
#include <wavestride/samples.h>

#include <CLI/CLI.hpp>
#include <bit>
#include <cstring>
#include <map>

namespace wavestride::cli {
namespace {

const std::map<std::string, SampleFormat> formats{{"", SampleFormat::automatic},
                                                  {"16", SampleFormat::int16},
                                                  {"24", SampleFormat::int24},
                                                  {"32", SampleFormat::int32},
                                                  {"float", SampleFormat::float32}};

constexpr std::uint32_t unknown_bytes = 0xffffffff;  // in a header ahead of sound that is still to come

/// Bytes of a sample.
int width(SampleFormat format) {
  constexpr int widths[] = {2, 2, 3, 4, 4};
  return widths[static_cast<int>(format)];
}

constexpr std::pair<const char*, const char*> info_names[] = {
    {"title", "INAM"}, {"artist", "IART"}, {"album", "IPRD"},   {"tracknumber", "ITRK"},
    {"date", "ICRD"},  {"genre", "IGNR"},  {"comment", "ICMT"}, {"copyright", "ICOP"}};

/// The texts that WAV has names for, as its chunk; empty where there are none.
std::string wav_texts(const std::map<std::string, std::string>& tags) {
  constexpr std::size_t longest = 2000;  // libsndfile reads no longer ones
  std::string texts = "INFO";
  const auto put = [](std::string& chunks, const char* name, std::string text) {
    const auto bytes = static_cast<std::uint32_t>(text.size());
    if (bytes % 2 != 0) text += '\0';
    chunks += name;
    chunks.append(reinterpret_cast<const char*>(&bytes), sizeof bytes) += text;
  };
  for (const auto& [tag, name] : info_names)
    if (const auto at = tags.find(tag); at != tags.end() && at->second.size() <= longest)
      put(texts, name, at->second + '\0');
  std::string chunk;
  if (texts.size() > 4) put(chunk, "LIST", texts);
  return chunk;
}

/// The head of a WAV that goes on until its stream ends; it is of the extensible kind where loudspeakers are
/// to be told.
std::string wav_header(Index sample_rate_hz, Index channels, SampleFormat format,
                       const AudioMetadata& metadata) {
  static_assert(std::endian::native == std::endian::little);
  const auto bytes = static_cast<std::uint32_t>(width(format)),
             frame = static_cast<std::uint32_t>(channels) * bytes,
             rate = static_cast<std::uint32_t>(sample_rate_hz);
  const std::uint32_t mask = metadata.channel_mask;
  const std::uint16_t tag = format == SampleFormat::float32 ? 3 : 1, extensible = 0xfffe;
  std::string header;
  const auto put = [&]<class T>(T value) {
    header.append(reinterpret_cast<const char*>(&value), sizeof value);
  };
  header += "RIFF", put(unknown_bytes), header += "WAVEfmt ", put(std::uint32_t{mask != 0 ? 40u : 16u});
  put(mask != 0 ? extensible : tag), put(static_cast<std::uint16_t>(channels)), put(rate), put(rate * frame);
  put(static_cast<std::uint16_t>(frame)), put(static_cast<std::uint16_t>(8 * bytes));
  if (mask != 0) {
    constexpr std::string_view rest("\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71", 14);  // of a GUID
    put(std::uint16_t{22}), put(static_cast<std::uint16_t>(8 * bytes)), put(mask), put(tag), header += rest;
  }
  header += wav_texts(metadata.tags), header += "data", put(unknown_bytes);
  return header;
}

/// Where standard output stands, if it is a file in which that place can be written again.
std::optional<std::int64_t> place_in_file() {
  struct stat s;
  const int flags = fcntl(STDOUT_FILENO, F_GETFL);
  if (fstat(STDOUT_FILENO, &s) != 0 || !S_ISREG(s.st_mode) || flags < 0 || (flags & O_APPEND) != 0) return {};
  const off_t at = lseek(STDOUT_FILENO, 0, SEEK_CUR);
  return at >= 0 ? std::optional<std::int64_t>(at) : std::nullopt;
}

}  // namespace

void add_bits_option(CLI::App& app, std::string& bits) {
  app.add_option(
         "--bits", bits,
         "per sample of the output, if not those of the input, as far as the output's format has them, "
         "and 16 where neither tells; a format that can't have what is asked for is refused")
      ->check(CLI::IsMember({"16", "24", "32", "float"}).description(""))
      ->type_name("16|24|32|float");
}

void add_raw_option(CLI::App& app, bool& raw) {
  app.add_flag("--raw", raw, "samples without a header on standard output, of 16 bits without --bits");
}

SampleFormat sample_format(const std::string& bits) {
  return formats.at(bits);
}

SampleFormat stored_format(const std::string& path, const SoundOutputOptions& options) {
  if (!options.bits.empty()) return sample_format(options.bits);
  if (path != "-") return nearest_sample_format(path, options.input);
  return options.raw || options.input == SampleFormat::automatic ? SampleFormat::int16 : options.input;
}

SoundOutput::SoundOutput(const std::string& path, Index sample_rate_hz, Index channels,
                         SoundOutputOptions options)
    : format_(stored_format(path, options)), channels_(channels) {
  if (path == "-") {
    if (options.raw) return;
    header_place_ = place_in_file();
    const std::string header = wav_header(sample_rate_hz, channels, format_, options.metadata);
    header_bytes_ = header.size();
    print_bytes(header.data(), header.size());
    return;
  }
  if (options.raw) throw UsageError("--raw is of standard output; a file named .raw has no header either");
  file_.emplace(path, static_cast<int>(sample_rate_hz), channels,
                AudioWriteOptions{.sample_format = format_,
                                  .inputs = files_of(std::move(options.inputs)),
                                  .metadata = std::move(options.metadata)});
}

template <class T>
void SoundOutput::convert(FramesView x, int bytes) {
  if (format_ != SampleFormat::float32 && !x.matrix().allFinite())
    throw IoError("standard output", message("integers can't hold what is no finite number, between samples ",
                                             frames_, " and ", frames_ + x.frames()));
  std::vector<T> samples(static_cast<std::size_t>(x.frames() * channels_));
  clipped_ += to_samples<T>(x, samples, {.bits = bytes == 3 ? 24 : 0}, frames_);
  // The low bytes of each sample, which come first.
  std::vector<char> packed(samples.size() * static_cast<std::size_t>(bytes));
  for (std::size_t i = 0; i < samples.size(); ++i)
    std::memcpy(packed.data() + i * static_cast<std::size_t>(bytes), &samples[i],
                static_cast<std::size_t>(bytes));
  print_bytes(packed.data(), packed.size());
}

void SoundOutput::write(FramesView x) {
  if (file_)
    file_->write(x);
  else if (format_ == SampleFormat::float32)
    convert<float>(x, 4);
  else if (width(format_) == 2)
    convert<std::int16_t>(x, 2);
  else
    convert<std::int32_t>(x, width(format_));
  frames_ += x.frames();
}

void SoundOutput::tell_length() {
  const Index bytes = frames_ * channels_ * width(format_), all = static_cast<Index>(header_bytes_) + bytes;
  if (all >= Index{unknown_bytes}) return;  // it has no number of more
  if (bytes % 2 != 0) print_bytes("", 1);
  const auto put = [&](Index value, Index place) {
    const auto number = static_cast<std::uint32_t>(value);
    require_printed(pwrite(STDOUT_FILENO, &number, sizeof number, *header_place_ + place) == sizeof number);
  };
  put(all + bytes % 2 - 8, 4), put(bytes, static_cast<Index>(header_bytes_) - 4);
}

void SoundOutput::commit() {
  if (file_) file_->commit();
  if (header_place_) tell_length();
}

}  // namespace wavestride::cli
