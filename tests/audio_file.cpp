#include <sndfile.h>
#include <sys/resource.h>
#include <wavestride/audio_file.h>

#include <bit>
#include <cmath>
#include <csignal>

#include "check.h"
#include "hostile.h"

#ifdef __SANITIZE_ADDRESS__
// libsndfile 1.2.0 leaks its decoder's state where it refuses a Vorbis file, and its encoder's where it can't
// write one.
extern "C" const char* __lsan_default_suppressions() {
  return "leak:libvorbis.so\nleak:libvorbisenc.so\nleak:libogg.so\n";
}
#endif

using namespace wavestride;
using namespace wavestride::testing;

namespace {

struct Stored {
  const char* extension;
  SampleFormat format;
  int bits;  // 0 for float
};

constexpr Stored lossless[] = {
    {"wav", SampleFormat::int16, 16},      {"wav", SampleFormat::int24, 24},
    {"wav", SampleFormat::int32, 32},      {"wav", SampleFormat::float32, 0},
    {"w64", SampleFormat::int16, 16},      {"w64", SampleFormat::int24, 24},
    {"w64", SampleFormat::int32, 32},      {"w64", SampleFormat::float32, 0},
    {"rf64", SampleFormat::int16, 16},     {"rf64", SampleFormat::int24, 24},
    {"rf64", SampleFormat::int32, 32},     {"rf64", SampleFormat::float32, 0},
    {"aiff", SampleFormat::int16, 16},     {"aiff", SampleFormat::int24, 24},
    {"aiff", SampleFormat::int32, 32},     {"aiff", SampleFormat::float32, 0},
    {"au", SampleFormat::int16, 16},       {"au", SampleFormat::int24, 24},
    {"au", SampleFormat::int32, 32},       {"au", SampleFormat::float32, 0},
    {"caf", SampleFormat::int16, 16},      {"caf", SampleFormat::int24, 24},
    {"caf", SampleFormat::int32, 32},      {"caf", SampleFormat::float32, 0},
    {"raw", SampleFormat::int16, 16},      {"raw", SampleFormat::int24, 24},
    {"raw", SampleFormat::int32, 32},      {"raw", SampleFormat::float32, 0},
    {"flac", SampleFormat::int16, 16},     {"flac", SampleFormat::int24, 24},
    {"WAVE", SampleFormat::automatic, 16}, {"FLAC", SampleFormat::automatic, 16},
};

// Noise on the grid of `bits` bits (of float32, for more than 24), extremes included.
Signal grid_noise(Rng& rng, Index channels, Index frames, int bits) {
  const float scale = std::ldexp(1.0f, std::min(bits ? bits : 24, 24) - 1);
  Signal x =
      (noise(rng, channels, frames) * 0.2f * scale).array().round().max(-scale).min(scale - 1) / scale + 0.0f;
  if (frames > 1) x(0, 0) = -1.0f, x(0, 1) = (scale - 1) / scale;
  return x;
}

std::optional<RawAudio> raw_of(const Stored& s, int rate, Index channels) {
  if (std::string(s.extension) != "raw") return {};
  return RawAudio{rate, channels, s.format};
}

constexpr AllocationBound audio_bound{24'000'000, 64};

// A tone of half scale, for lossy codes.
Signal tone(Index channels, Index frames) {
  return Signal::NullaryExpr(channels, frames, [](Index c, Index n) {
    return 0.5f * std::sin(0.05f * static_cast<float>((c + 1) * n));
  });
}

}  // namespace

TEST_CASE("audio files keep every sample that their format can hold") {
  Rng rng(1);
  const TemporaryDirectory dir;
  for (const Stored& s : lossless)
    for (const Index channels : {1, 2, 5})
      for (const Index frames : {0, 1, 40000}) {
        INFO(s.extension << " " << s.bits << " bits, " << channels << " × " << frames);
        const std::string path = dir / (std::string("x.") + s.extension);
        const Signal x = grid_noise(rng, channels, frames, s.bits);
        CHECK(write_audio(path, x, 22050, {.sample_format = s.format}) == 0);
        const AudioData y = read_audio(path, raw_of(s, 22050, channels));
        CHECK(y.sample_rate_hz == 22050);
        CHECK(same_bits(y.samples, x));
        const std::string before = file_bytes(path);
        write_audio(path, y.samples, 22050, {.sample_format = s.format});
        CHECK(file_bytes(path) == before);
      }
  for (const auto& entry : std::filesystem::directory_iterator(dir / ""))
    CHECK(entry.path().filename().string().starts_with("x."));
}

TEST_CASE("audio files hold no time of writing") {
  const TemporaryDirectory dir;
  for (const char* extension : {"wav", "aiff", "caf", "rf64"}) {
    INFO(extension);
    const std::string path = dir / (std::string("x.") + extension);
    write_audio(path, tone(2, 1000), 48000, {.sample_format = SampleFormat::float32});
    const std::string bytes = file_bytes(path);
    // Where there is a peak chunk: name, size and version, then the time.
    if (const auto peak = bytes.find("PEAK"); peak != std::string::npos)
      CHECK(bytes.substr(peak + 12, 4) == std::string(4, '\0'));
  }
}

TEST_CASE("audio files of lossy formats come back with their length and their sound") {
  const TemporaryDirectory dir;
  for (const char* extension : {"ogg", "oga", "opus", "mp3"})
    for (const Index channels : {1, 2}) {
      INFO(extension << ", " << channels << " channels");
      const std::string path = dir / (std::string("x.") + extension);
      const Signal x = tone(channels, 48000);
      write_audio(path, x, 48000);
      const AudioData y = read_audio(path);
      CHECK(y.sample_rate_hz == 48000);
      REQUIRE(y.samples.rows() == channels);
      CHECK(std::abs(y.samples.cols() - x.cols()) < 3000);  // mp3 adds the delay of its coder
      const Index n = std::min(x.cols(), y.samples.cols());
      if (std::string(extension) != "mp3")
        CHECK((x.leftCols(n) - y.samples.leftCols(n)).norm() < 0.1f * x.norm());
      CHECK(y.samples.norm() == Approx(x.norm()).epsilon(0.1));
    }
}

TEST_CASE("surround sound keeps WAV's order of channels, and is stored in that of Vorbis and Opus") {
  // Vorbis I, 4.3.9: which of WAV's channels stands where.
  const std::vector<std::vector<Index>> orders{
      {0, 2, 1},          {0, 1, 2, 3},          {0, 2, 1, 3, 4},
      {0, 2, 1, 4, 5, 3}, {0, 2, 1, 5, 6, 4, 3}, {0, 2, 1, 6, 7, 4, 5, 3},
  };
  constexpr Index frames = 48000;
  // Low ones: what is below 120 Hz is all that the codes keep of the channel for it.
  const auto tones_of = [](Index channels, Index length) {
    return Signal(Signal::NullaryExpr(channels, length, [](Index c, Index n) {
      return 0.5f * std::sin(0.004f * static_cast<float>((c + 1) * n));
    }));
  };
  // The tone that a channel has.
  const auto heard = [&](const Signal& x, Index c, Index tones) {
    Index loudest = -1;
    float most = 0.2f;
    const Signal pure = tones_of(tones, x.cols());
    for (Index k = 0; k < tones; ++k) {
      const float alike = x.row(c).dot(pure.row(k)) / pure.row(k).squaredNorm();
      if (alike > most) most = alike, loudest = k;
    }
    return loudest;
  };
  const TemporaryDirectory dir;
  for (const char* extension : {"ogg", "opus", "flac", "wav"})
    for (Index channels = 1; channels <= 8; ++channels) {
      INFO(extension << ", " << channels << " channels");
      const std::string path = dir / (std::string("x.") + extension);
      const Signal x = tones_of(channels, frames);
      AudioWriter writer(path, 48000, channels);
      for (Index n = 0; n < frames; n += 9999)
        writer.write(x.middleCols(n, std::min<Index>(9999, frames - n)));
      writer.commit();

      SF_INFO info{};
      Signal stored(channels, frames);
      SNDFILE* file = sf_open(path.c_str(), SFM_READ, &info);
      REQUIRE(file);
      CHECK(sf_readf_float(file, stored.data(), frames) == frames);
      sf_close(file);
      const bool vorbis = (extension[0] == 'o') && channels >= 3;
      AudioReader reader(path);
      Signal y(channels, frames);
      for (Index n = 0; n < frames; n += 7777)
        reader.read(FramesSpan(y).slice(n, std::min<Index>(7777, frames - n)));
      for (Index c = 0; c < channels; ++c) {
        CHECK(heard(y, c, channels) == c);
        CHECK(heard(stored, c, channels) == (vorbis ? orders[channels - 3][c] : c));
      }
    }
}

TEST_CASE("sound that was cut is refused at its end, and not where its writer knew no length") {
  Rng rng(3);
  const TemporaryDirectory dir;
  const Signal x = grid_noise(rng, 2, 1000, 16);
  struct Case {
    const char* name;
    std::size_t at;  // of the size of the samples
    std::size_t bytes;
    bool big_endian;
    std::size_t more = 0;  // than the samples' bytes
  };
  constexpr std::size_t samples = 1000 * 2 * 2;
  for (const Case& c :
       {Case{"x.wav", 40, 4, false}, Case{"x.w64", 0, 8, false, 24}, Case{"x.rf64", 28, 8, false},
        Case{"x.aiff", 42, 4, true, 8}, Case{"x.au", 8, 4, true}, Case{"x.caf", 0, 8, true, 4}}) {
    INFO(c.name);
    const std::string path = dir / c.name;
    write_audio(path, x, 8000);
    const std::string whole = file_bytes(path);
    const auto written = [&](std::uint64_t size) {
      std::string field;
      for (std::size_t i = 0; i < c.bytes; ++i)
        field += static_cast<char>(size >> 8 * (c.big_endian ? c.bytes - 1 - i : i) & 255);
      return field;
    };
    const std::size_t at = c.at ? c.at : whole.find("data") + (c.more == 24 ? 16 : 4);
    REQUIRE(whole.substr(at, c.bytes) == written(samples + c.more));
    CHECK(AudioReader(path).claimed_frames() == 1000);
    for (const std::size_t lost : {1, 4, 2000}) {
      write_bytes(path, whole.substr(0, whole.size() - lost));
      const Index left = 1000 - static_cast<Index>((lost + 3) / 4);
      const std::string reason = refusal([&] { read_audio(path); });
      CHECK(reason.ends_with(" of the 1000 frames that its header claims"));
      if (c.name == std::string("x.caf")) continue;  // libsndfile takes its last frames for padding
      CHECK(reason.starts_with(message("ends after ", left, " of ")));
      AudioReader reader(path);
      CHECK(same_bits(reader.read(left), x.leftCols(left)));
    }
    // What pipes and interrupted writers leave.
    if (c.bytes != 4) continue;
    for (const std::uint64_t size : {0u, 0xffffffffu, 0xffffff00u, 0x7ffff000u, 0x7f000000u}) {
      INFO("a size of " << size);
      std::string bytes = whole;
      if (c.name == std::string("x.wav")) bytes.replace(4, 4, written(size));
      write_bytes(path, bytes.replace(at, c.bytes, written(size)));
      CHECK(AudioReader(path).claimed_frames() == 1000);
      CHECK(same_bits(read_audio(path).samples, x));
    }
  }
  // Chunks after the samples are none of them.
  write_audio(dir / "y.wav", x, 8000);
  write_bytes(dir / "y.wav", file_bytes(dir / "y.wav") + std::string("LIST\4\0\0\0INFO", 12));
  CHECK(same_bits(read_audio(dir / "y.wav").samples, x));
  write_audio(dir / "y.wav", x.leftCols(0), 8000);
  std::string empty = file_bytes(dir / "y.wav") + std::string("LIST\4\0\0\0INFO", 12);
  write_bytes(dir / "y.wav", empty.replace(4, 1, 1, static_cast<char>(empty.size() - 8)));
  CHECK(read_audio(dir / "y.wav").samples.cols() == 0);
}

TEST_CASE("an Ogg file without the end of its stream is refused; one that goes on after it is read") {
  const TemporaryDirectory dir;
  for (const char* name : {"x.ogg", "x.opus"}) {
    INFO(name);
    const std::string path = dir / name;
    const Signal x = tone(1, 480'000);
    write_audio(path, x, 48000);
    const std::string whole = file_bytes(path);
    const std::size_t last = whole.rfind("OggS");
    for (const std::size_t size : {last, last + 3, last + 20, last + 27, last + 40, whole.size() - 1}) {
      INFO(size << " of " << whole.size() << " bytes");
      write_bytes(path, whole.substr(0, size));
      const std::string reason = refusal([&] { read_audio(path); });
      CHECK((reason.starts_with("ends after ") && reason.ends_with(" frames without its stream's end")));
    }
    for (const std::size_t padding : {1, 128, 1000, 70'000}) {
      INFO(padding << " bytes of padding");
      write_bytes(path, whole + std::string(padding, '\0'));
      CHECK(read_audio(path).samples.cols() == x.cols());
    }
    write_bytes(path, whole + whole);
    CHECK(read_audio(path).samples.cols() >= x.cols());
  }
}

TEST_CASE("a file's sample format is told, and what another holds best of it") {
  Rng rng(4);
  const TemporaryDirectory dir;
  for (const Stored& s : lossless) {
    const std::string path = dir / (std::string("x.") + s.extension);
    write_audio(path, grid_noise(rng, 1, 100, s.bits), 8000, {.sample_format = s.format});
    const SampleFormat held = s.format == SampleFormat::automatic ? SampleFormat::int16 : s.format;
    CHECK(AudioReader(path, raw_of(s, 8000, 1)).sample_format() == held);
    CHECK(nearest_sample_format(path, held) == held);
    CHECK(nearest_sample_format("x.flac", held) == std::min(held, SampleFormat::int24));
    CHECK(nearest_sample_format("x.opus", held) == SampleFormat::automatic);
  }
  write_audio(dir / "x.ogg", tone(1, 1000), 8000);
  CHECK(AudioReader(dir / "x.ogg").sample_format() == SampleFormat::automatic);
  CHECK(nearest_sample_format("x.wav", SampleFormat::automatic) == SampleFormat::automatic);
  CHECK(refusal([] {
          nearest_sample_format("x.txt", SampleFormat::int16);
        }).starts_with("its name does not end in a known audio format: "));
}

TEST_CASE("titles and the like are stored as far as a format can") {
  const TemporaryDirectory dir;
  AudioMetadata all;
  for (const char* name : {"title", "artist", "album", "genre", "comment", "copyright", "license"})
    all.tags[name] = std::string(name) + " of \xc3\xbc";
  all.tags["tracknumber"] = "7";
  all.tags["date"] = "2020";
  const std::vector<std::pair<const char*, std::vector<const char*>>> left_out{
      {"wav", {"license"}},
      {"rf64", {"license"}},
      {"caf", {}},
      {"flac", {}},
      {"ogg", {}},
      {"opus", {}},
      {"mp3", {"license", "copyright"}}};
  const Signal x = tone(1, 1001);
  const auto stored = [&](const std::string& path, const AudioMetadata& metadata) {
    write_audio(path, x, 48000, {.metadata = metadata});
    // What is told must not harm what is heard.
    write_audio(dir / message("plain.", path.substr(path.rfind('.') + 1)), x, 48000);
    const Signal heard = read_audio(path).samples;
    CHECK(same_bits(heard, read_audio(dir / message("plain.", path.substr(path.rfind('.') + 1))).samples));
    return AudioReader(path).metadata().tags;
  };
  for (const auto& [extension, missing] : left_out) {
    INFO(extension);
    const std::string path = dir / (std::string("x.") + extension);
    auto expected = all.tags;
    for (const char* name : missing) expected.erase(name);
    CHECK(stored(path, all) == expected);
    const std::string bytes = file_bytes(path);
    write_audio(path, x, 48000, {.metadata = all});
    CHECK((file_bytes(path) == bytes || extension[0] == 'o'));  // streams of Ogg have numbers drawn by lot
  }
  for (const char* extension : {"w64", "au"})
    CHECK(stored(dir / (std::string("x.") + extension), all).empty());
  CHECK(stored(dir / "x.aiff", all).at("title") == all.tags["title"]);

  // What libFLAC refuses, libsndfile 1.2.0 frees twice; longer chunks than these hide those that follow them.
  for (const std::string bad : {"\xfctitle", "\xed\xa0\x80", "\xc0\x80", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf",
                                "\xf4\x90\x80\x80", "\xef\xbf\xbf", "\xc3", "\x80", "\xff"})
    for (const char* extension : {"flac", "ogg", "opus", "mp3", "wav"}) {
      AudioMetadata some = all;
      some.tags["artist"] = bad;
      INFO(extension);
      const auto tags = stored(dir / (std::string("y.") + extension), some);
      CHECK(tags.count("artist") == (std::string(extension) == "wav" ? 1 : 0));
      CHECK(tags.at("title") == all.tags["title"]);
    }
  for (const std::size_t length : {2000u, 2001u, 1u << 16, (1u << 16) + 1})
    for (const char* extension : {"wav", "rf64", "caf", "flac", "ogg"}) {
      INFO(extension << ", " << length);
      AudioMetadata some = all;
      some.tags["title"] = std::string(length, 'x');
      const std::string form = extension;
      const auto tags = stored(dir / ("z." + form), some);
      CHECK(tags.count("title") == (length <= (form == "flac" || form == "ogg" ? 1u << 16 : 2000u)));
      CHECK(tags.at("genre") == all.tags["genre"]);
    }
}

TEST_CASE("a channel mask is stored where a format can, and read again") {
  Rng rng(6);
  const TemporaryDirectory dir;
  for (const std::uint32_t mask : {0x4u, 0x3u, 0x33u, 0x3fu, 0x60fu, 0x63fu}) {
    const Signal x = grid_noise(rng, std::popcount(mask), 100, 16);
    for (const char* extension : {"wav", "rf64", "w64", "flac", "au"}) {
      INFO(extension << ", " << mask);
      const std::string path = dir / (std::string("x.") + extension), form = extension;
      write_audio(path, x, 8000, {.metadata = {.channel_mask = mask}});
      CHECK(AudioReader(path).metadata().channel_mask == (form == "wav" || form == "rf64" ? mask : 0));
      CHECK(same_bits(read_audio(path).samples, x));
    }
  }
  const Signal x = grid_noise(rng, 6, 100, 16);
  for (const char* extension : {"caf", "aiff"}) {
    const std::string path = dir / (std::string("x.") + extension);
    write_audio(path, x, 8000, {.metadata = {.channel_mask = 0x3f}});
    CHECK(AudioReader(path).metadata().channel_mask == 0x3f);
    CHECK(same_bits(read_audio(path).samples, x));
  }
  write_audio(dir / "x.wav", x, 8000);
  CHECK(AudioReader(dir / "x.wav").metadata().channel_mask == 0);
  CHECK(AudioReader(dir / "x.wav").format() == "WAV (Microsoft), Signed 16 bit PCM");
  for (const std::uint32_t mask : {0x1fu, 0x7fu, 0x8000001fu})
    CHECK_THROWS_WITH(write_audio(dir / "y.wav", x, 8000, {.metadata = {.channel_mask = mask}}),
                      message("AudioWriter: the channel mask must have a known loudspeaker for each of 6 "
                              "channels, got ",
                              mask));
}

TEST_CASE("audio is read in every format that libsndfile writes") {
  const TemporaryDirectory dir;
  int formats = 0, kinds = 0;
  sf_command(nullptr, SFC_GET_FORMAT_MAJOR_COUNT, &kinds, sizeof kinds);
  int subtypes = 0;
  sf_command(nullptr, SFC_GET_FORMAT_SUBTYPE_COUNT, &subtypes, sizeof subtypes);
  const Signal x = tone(1, 16000);
  for (int m = 0; m < kinds; ++m)
    for (int s = 0; s < subtypes; ++s) {
      SF_FORMAT_INFO major{}, sub{};
      major.format = m;
      sub.format = s;
      sf_command(nullptr, SFC_GET_FORMAT_MAJOR, &major, sizeof major);
      sf_command(nullptr, SFC_GET_FORMAT_SUBTYPE, &sub, sizeof sub);
      SF_INFO info{};
      info.samplerate = 16000;
      info.channels = 1;
      info.format = major.format | sub.format;
      // Headerless telephone codes and Sound Designer II resource forks can't be told from their bytes.
      if (!sf_format_check(&info) || major.format == SF_FORMAT_RAW || major.format == SF_FORMAT_SD2) continue;
      INFO(major.name << ", " << sub.name);
      const std::string path = dir / message("x.", m, ".", s);
      SNDFILE* file = sf_open(path.c_str(), SFM_WRITE, &info);
      if (!file) continue;  // it has formats that it can only read
      const bool written = sf_writef_float(file, x.data(), x.cols()) == x.cols();
      REQUIRE(sf_close(file) == 0);
      if (!written) continue;
      AudioReader reader(path);
      const Signal y = reader.read(1'000'000);
      CHECK(reader.channels() == 1);
      CHECK(reader.position() == y.cols());
      CHECK(std::abs(y.cols() - x.cols()) < 4000);
      CHECK(y.norm() > 0.5f * x.norm());
      CHECK(reader.format().find(", ") != std::string::npos);
      ++formats;
    }
  CHECK(formats > 60);
}

TEST_CASE("audio is read and written in pieces as in one") {
  Rng rng(2);
  const TemporaryDirectory dir;
  for (const char* extension : {"wav", "flac", "w64"}) {
    const std::string whole = dir / (std::string("whole.") + extension),
                      path = dir / (std::string("x.") + extension);
    const Signal x = grid_noise(rng, 2, 30000, 16);
    write_audio(whole, x, 16000);
    AudioWriter writer(path, 16000, 2);
    for (Index n = 0; n < x.cols();) {
      const Index count = std::min(uniform(rng, 0, 3000), x.cols() - n);
      writer.write(x.middleCols(n, count));
      n += count;
      CHECK(writer.frames() == n);
    }
    writer.commit();
    CHECK(file_bytes(path) == file_bytes(whole));

    AudioReader reader(path);
    CHECK(reader.claimed_frames() == 30000);
    Signal y(2, 30001);
    Index got = 0;
    while (true) {
      const Index count = std::min(uniform(rng, 1, 3000), y.cols() - got);
      const Index now = reader.read(FramesSpan(y).slice(got, count));
      got += now;
      CHECK(reader.position() == got);
      if (now < count) break;
    }
    CHECK(got == 30000);
    CHECK(same_bits(y.leftCols(30000), x));
    CHECK(reader.read(5).cols() == 0);
    Signal one(1, 5);
    CHECK_THROWS_WITH(reader.read(one), "AudioReader: the file has 2 channels, to be read into 1");
  }
}

TEST_CASE("integers saturate, and what was clipped is counted") {
  const TemporaryDirectory dir;
  const std::string path = dir / "x.wav";
  const Signal x{{0.0f, 1.0f, -1.0f, 1.5f, -1e30f, 0.5f / 32768, 1.5f / 32768, 0.99999f}};
  CHECK(write_audio(path, x, 8000) == 2);
  const Signal y = read_audio(path).samples * 32768;
  CHECK(y == Signal{{0, 32767, -32768, 32767, -32768, 0, 2, 32767}});
  CHECK(write_audio(path, x, 8000, {.sample_format = SampleFormat::float32}) == 0);
  CHECK(same_bits(read_audio(path).samples, x));
}

TEST_CASE("NaN and infinities pass in float32 and are refused elsewhere") {
  const TemporaryDirectory dir;
  Signal x = Signal::Zero(2, 30000);
  for (const float bad : {NAN, -NAN, INFINITY, -INFINITY}) {
    x(1, 20000) = bad;
    for (const char* extension : {"wav", "flac", "ogg", "opus"}) {
      const std::string path = dir / (std::string("x.") + extension);
      const std::string reason = refusal([&] { write_audio(path, x, 48000); });
      const std::string said = std::isnan(bad) ? "nan" : bad > 0 ? "inf" : "-inf";
      CHECK(reason.starts_with("frame 20000, channel 2 is " + said + "; " + extension));
      CHECK_FALSE(std::filesystem::exists(path));
    }
    for (const char* extension : {"wav", "aiff", "au", "caf", "w64"}) {
      const std::string path = dir / (std::string("float.") + extension);
      write_audio(path, x, 48000, {.sample_format = SampleFormat::float32});
      const Signal y = read_audio(path).samples;
      CHECK((std::isnan(bad) ? std::isnan(y(1, 20000)) : y(1, 20000) == bad));
    }
  }
}

TEST_CASE("audio refuses what can't be written, saying why") {
  const TemporaryDirectory dir;
  const Signal x = Signal::Zero(1, 10);
  const auto reason = [&](const std::string& name, int rate, const AudioWriteOptions& options = {}) {
    return refusal([&] { write_audio(dir / name, x, rate, options); });
  };
  CHECK(reason("x", 8000).starts_with("its name does not end in a known audio format: wav, "));
  CHECK(reason("x.txt", 8000).starts_with("its name does not end in a known audio format: wav, "));
  CHECK(reason("x.flac", 8000, {.sample_format = SampleFormat::float32}) ==
        "flac can't hold float32 samples; it takes int16, int24");
  CHECK(reason("x.ogg", 8000, {.sample_format = SampleFormat::int16}) ==
        "ogg can't hold int16 samples; it takes automatic");
  CHECK(reason("x.opus", 22050).starts_with("opus can't hold 1 channels at 22050 Hz: Opus only "));
  const auto not_held = [&](const std::string& name, int rate, Index channels) {
    return refusal([&] { write_audio(dir / name, Signal(Signal::Zero(channels, 10)), rate); });
  };
  CHECK(not_held("x.flac", 8000, 9) == "flac can't hold 9 channels, at most 8");
  CHECK(not_held("x.mp3", 8000, 3) == "mp3 can't hold 3 channels, at most 2");
  CHECK(not_held("x.ogg", 8000, 256) == "ogg can't hold 256 channels, at most 255");
  CHECK(not_held("x.opus", 8000, 256) == "opus can't hold 256 channels, at most 255");
  CHECK(not_held("x.oga", 200'001, 1) == "oga can't hold a sample rate of 200001 Hz, at most 200000");
  CHECK(not_held("x.flac", 655'351, 1) == "flac can't hold a sample rate of 655351 Hz, at most 655350");
  CHECK(not_held("x.flac", 65'541, 1) ==
        "flac can't hold a sample rate of 65541 Hz: above 65535 it must be a multiple of 10");
  for (const char* name : {"most.flac", "most.ogg"}) {
    const int most = name[5] == 'f' ? 655'350 : 200'000;
    CHECK(not_held(name, most, name[5] == 'f' ? 8 : 255) == "");
    CHECK(read_audio(dir / name).sample_rate_hz == most);
    std::filesystem::remove(dir / name);
  }
  for (const char* name : {"x.ogg", "x.oga", "x.opus"})
    CHECK(refusal([&] {
            write_audio(dir / name, Signal(1, 0), 48000);
          }).find(" can't hold a signal of no frames") != std::string::npos);
  CHECK(reason("no/x.wav", 8000) == "can't be written: No such file or directory");
  write_audio(dir / "in.wav", x, 8000);
  CHECK(reason("in.wav", 8000, {.inputs = {dir / "in.wav"}}) == "is an input, it would be overwritten");
  CHECK_THROWS_WITH(AudioWriter(dir / "x.wav", 0, 1),
                    "AudioWriter: the sample rate must be 1 to 10000000 Hz, got 0");
  CHECK_THROWS_WITH(AudioWriter(dir / "x.wav", 8000, 0),
                    "AudioWriter: there must be 1 to 1024 channels, got 0");
  CHECK_THROWS_WITH(AudioWriter(dir / "x.wav", 8000, 2).write(x),
                    "AudioWriter: the file has 2 channels, got 1");
  {
    AudioWriter writer(dir / "big.wav", 8000, 1);
    const FramesView endless(x.data(), 1, Index{1} << 31);  // refused before it is read
    CHECK(refusal([&] { writer.write(endless); }) ==
          "wav ends at 4 GiB; w64, rf64, caf, flac and raw do not");
    AudioWriter moved = std::move(writer);
    moved.commit();
    CHECK(refusal([&] { moved.commit(); }) == "is finished: nothing follows commit()");
    CHECK(refusal([&] { moved.write(x); }) == "is finished: nothing follows commit()");
  }
  CHECK(dir.size() == 2);
}

TEST_CASE("a full disk is told with the system's reason, also by formats that write most at the end") {
  const TemporaryDirectory dir;
  const Signal x = tone(2, 100'000);
  const auto before = std::signal(SIGXFSZ, SIG_IGN);
  rlimit all;
  REQUIRE(getrlimit(RLIMIT_FSIZE, &all) == 0);
  for (const char* extension :
       {"wav", "w64", "rf64", "aiff", "au", "caf", "raw", "flac", "ogg", "opus", "mp3"}) {
    const std::string path = dir / (std::string("x.") + extension);
    write_audio(path, x, 48000);
    const std::string whole = file_bytes(path);
    for (const rlim_t room : {rlim_t{1}, rlim_t{8192}, static_cast<rlim_t>(whole.size() - 1)}) {
      INFO(extension << " in " << room << " of " << whole.size() << " bytes");
      const rlimit less{room, all.rlim_max};
      setrlimit(RLIMIT_FSIZE, &less);
      const std::string reason = refusal([&] { write_audio(path, x, 48000); });
      setrlimit(RLIMIT_FSIZE, &all);
      CHECK(reason == "writing failed: File too large");
      CHECK(file_bytes(path) == whole);
    }
  }
  std::signal(SIGXFSZ, before);
  CHECK(dir.size() == 11);
}

TEST_CASE("audio refuses what can't be read, saying why") {
  const TemporaryDirectory dir;
  const std::string path = dir / "x.au";
  CHECK(refusal([&] { read_audio(path); }) == "can't be opened: No such file or directory");
  CHECK(refusal([&] { read_audio(dir / "."); }) == "is not read as audio: it is a directory");
  write_bytes(dir / "x.npz", "PK\3\4, and so on");
  CHECK(refusal([&] { read_audio(dir / "x.npz"); }) ==
        "is not read as audio: it is a zip archive, as numpy's .npz are; of these, save the array alone, as "
        ".npy");
  write_bytes(dir / "x.npy", "\x93NUMPY, and so on");
  CHECK(refusal([&] { read_audio(dir / "x.npy"); }) == "is not read as audio: it is an array of numpy's");
  write_bytes(dir / "x.m4a", std::string("\0\0\0\x20", 4) + "ftypM4A , and so on");
  write_bytes(dir / "x.webm", "\x1a\x45\xdf\xa3, and so on");
  for (const char* name : {"x.m4a", "x.webm"})
    CHECK(
        refusal([&] { read_audio(dir / name); }) ==
        "is not read as audio: it is of the kind of .mp4, .m4a or .webm: convert it, as ffmpeg does, to .wav "
        "or .flac");
  write_audio(dir / "x.wav", Signal(Signal::Zero(1, 100)), 8000);
  std::string silent = file_bytes(dir / "x.wav");
  silent.replace(24, 4, 4, '\0');
  write_bytes(dir / "x.wav", silent);
  CHECK(refusal([&] { read_audio(dir / "x.wav"); }) ==
        "is not read as audio: its header gives no sample rate, or no channels");
  for (const std::string& bytes : {std::string(), std::string("hello"), std::string(1000, '\0')}) {
    write_bytes(path, bytes);
    CHECK(refusal([&] { read_audio(path); }).starts_with("is not read as audio: "));
  }
  CHECK_THROWS_WITH(read_audio(path, RawAudio{0, 1}),
                    "AudioReader: raw audio must have a sample rate and 1 to 1024 channels, got 0 Hz and 1");
  CHECK(read_audio(path, RawAudio{8000, 2}).samples.cols() == 250);

  const std::string flac = dir / "x.flac";
  Rng rng(1);
  write_audio(flac, grid_noise(rng, 1, 30000, 16), 8000);
  const std::string bytes = file_bytes(flac);
  write_bytes(flac, bytes.substr(0, bytes.size() / 2));
  const std::string reason = refusal([&] { read_audio(flac); });
  CHECK((reason.starts_with("ends after ") || reason.starts_with("is damaged after ")));
}

TEST_CASE("audio withstands mutated files") {
  Rng rng(5);
  const TemporaryDirectory dir;
  struct Case {
    const char* name;
    SampleFormat format;
    std::size_t header;
  };
  for (const auto& [name, format, header] :
       {Case{"x.wav", SampleFormat::int16, 48}, Case{"x.wav", SampleFormat::float32, 80},
        Case{"x.flac", SampleFormat::int16, 100}, Case{"x.aiff", SampleFormat::int24, 64},
        Case{"x.w64", SampleFormat::int16, 128}, Case{"x.rf64", SampleFormat::int16, 104},
        Case{"x.au", SampleFormat::int16, 32}, Case{"x.caf", SampleFormat::int16, 120},
        Case{"x.ogg", SampleFormat::automatic, 120}, Case{"x.opus", SampleFormat::automatic, 100}}) {
    INFO(name);
    const std::string path = dir / name;
    write_audio(path, grid_noise(rng, 2, 600, 16), 48000, {.sample_format = format});
    const std::string valid = file_bytes(path);
    std::size_t tried = 0, refused = 0;
    for (const std::string& mutant : mutations(valid, header, rng)) {
      ++tried;
      refused += refuses(path, mutant, audio_bound, [](const std::string& p) {
        AudioReader reader(p);
        Signal block(reader.channels(), 1000);
        for (int n = 0; n < 200 && reader.read(block) == block.cols(); ++n) {
        }
      });
    }
    CHECK(tried > 500);
    CHECK(refused > 0);
  }
}

TEST_CASE("a header's frame count is worth no memory") {
  const TemporaryDirectory dir;
  const std::string path = dir / "x.wav";
  const Signal zeros = Signal::Zero(2, 100);
  write_audio(path, zeros, 8000);
  std::string bytes = file_bytes(path);
  for (const std::size_t at : {4u, 40u}) bytes.replace(at, 4, "\xff\xff\xff\x7f");
  refuses(path, bytes, {2'000'000, 64},
          [](const std::string& p) { CHECK(read_audio(p).samples.cols() == 100); });
}
