#include "cli/sound_output.h"

#include <wavestride/samples.h>

#include <CLI/CLI.hpp>
#include <array>
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

/// Bytes of a sample.
int width(SampleFormat format) {
  constexpr int widths[] = {2, 2, 3, 4, 4};
  return widths[static_cast<int>(format)];
}

/// The head of a mono WAV that goes on until its stream ends.
std::array<char, 44> wav_header(Index sample_rate_hz, SampleFormat format) {
  static_assert(std::endian::native == std::endian::little);
  const auto bytes = static_cast<std::uint32_t>(width(format));
  const auto rate = static_cast<std::uint32_t>(sample_rate_hz);
  constexpr std::uint32_t unknown = 0xffffffff;
  const std::uint16_t pcm = format == SampleFormat::float32 ? 3 : 1, channels = 1,
                      frame = static_cast<std::uint16_t>(bytes), bits = static_cast<std::uint16_t>(8 * bytes);
  std::array<char, 44> header{};
  char* at = header.data();
  const auto put = [&](const auto& value, std::size_t size) {
    std::memcpy(at, &value, size);
    at += size;
  };
  put("RIFF", 4), put(unknown, 4), put("WAVEfmt ", 8), put(std::uint32_t{16}, 4), put(pcm, 2),
      put(channels, 2);
  put(rate, 4), put(rate * bytes, 4), put(frame, 2), put(bits, 2), put("data", 4), put(unknown, 4);
  return header;
}

}  // namespace

void add_bits_option(CLI::App& app, std::string& bits, const std::string& otherwise) {
  app.add_option("--bits", bits, "per sample of the output, if not " + otherwise)
      ->check(CLI::IsMember({"16", "24", "32", "float"}).description(""))
      ->type_name("16|24|32|float");
}

SampleFormat sample_format(const std::string& bits) {
  return formats.at(bits);
}

SampleFormat sample_format(const std::string& bits, const std::string& path, SampleFormat input) {
  return bits.empty() ? nearest_sample_format(path, input) : sample_format(bits);
}

SoundOutput::SoundOutput(const std::string& path, Index sample_rate_hz, const std::string& bits, bool raw,
                         std::vector<std::string> inputs)
    : format_(sample_format(bits)) {
  if (path == "-") {
    const auto header = wav_header(sample_rate_hz, format_);
    if (!raw) put(header.data(), header.size());
    return;
  }
  if (raw) throw UsageError("--raw is of standard output; a file named .raw has no header either");
  file_.emplace(path, static_cast<int>(sample_rate_hz), 1,
                AudioWriteOptions{.sample_format = format_, .inputs = std::move(inputs)});
}

template <class T>
void SoundOutput::convert(FramesView x, int bytes) {
  std::vector<T> samples(static_cast<std::size_t>(x.frames()));
  clipped_ += to_samples<T>(x, samples, {.bits = bytes == 3 ? 24 : 0}, frames_);
  // The low bytes of each sample, which come first.
  std::vector<char> packed(samples.size() * static_cast<std::size_t>(bytes));
  for (std::size_t i = 0; i < samples.size(); ++i)
    std::memcpy(packed.data() + i * static_cast<std::size_t>(bytes), &samples[i],
                static_cast<std::size_t>(bytes));
  put(packed.data(), packed.size());
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

void SoundOutput::put(const void* data, std::size_t bytes) {
  require_printed(std::fwrite(data, 1, bytes, stdout) == bytes && std::fflush(stdout) == 0);
}

void SoundOutput::commit() {
  if (file_) file_->commit();
}

}  // namespace wavestride::cli
