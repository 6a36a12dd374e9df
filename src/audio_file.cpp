#include <fcntl.h>
#include <poll.h>
#include <sndfile.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wavestride/audio_file.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cctype>
#include <cerrno>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <utility>

#include "check.h"

namespace wavestride {
namespace {

constexpr int max_sample_rate_hz = 10'000'000;
constexpr Index max_channels = 1024;      // libsndfile's own bound
constexpr Index block_samples = 1 << 14;  // converted at a time

// The formats of SampleFormat in its order. libsndfile codes of a container, of its samples, and what it
// holds: bits of an integer sample, 0 where floats are handed over.
struct Encoding {
  SampleFormat sample_format;
  const char* name;
  int code;
  int bits;
};
constexpr std::array pcm{
    Encoding{SampleFormat::int16, "int16", SF_FORMAT_PCM_16, 16},
    Encoding{SampleFormat::int24, "int24", SF_FORMAT_PCM_24, 24},
    Encoding{SampleFormat::int32, "int32", SF_FORMAT_PCM_32, 32},
    Encoding{SampleFormat::float32, "float32", SF_FORMAT_FLOAT, 0},
};
constexpr std::array vorbis{Encoding{SampleFormat::automatic, "automatic", SF_FORMAT_VORBIS, 0}};
constexpr std::array opus{Encoding{SampleFormat::automatic, "automatic", SF_FORMAT_OPUS, 0}};
constexpr std::array mp3{Encoding{SampleFormat::automatic, "automatic", SF_FORMAT_MPEG_LAYER_III, 0}};

struct Container {
  const char* extension;
  int code;
  std::span<const Encoding> encodings;  // the first is the automatic one
  bool large = true;                    // counts its bytes in more than 32 bits
  Index most_channels = max_channels;
  int most_hz = max_sample_rate_hz;
};
const std::array containers{
    Container{"wav", SF_FORMAT_WAV, pcm, false},
    Container{"wave", SF_FORMAT_WAV, pcm, false},
    Container{"w64", SF_FORMAT_W64, pcm},
    Container{"rf64", SF_FORMAT_RF64, pcm},
    Container{"aiff", SF_FORMAT_AIFF, pcm, false},
    Container{"aif", SF_FORMAT_AIFF, pcm, false},
    Container{"au", SF_FORMAT_AU, pcm, false},
    Container{"caf", SF_FORMAT_CAF, pcm},
    Container{"raw", SF_FORMAT_RAW | SF_ENDIAN_LITTLE, pcm},
    Container{"flac", SF_FORMAT_FLAC, std::span(pcm).first(2), true, 8, 655'350},
    Container{"ogg", SF_FORMAT_OGG, vorbis, true, 255, 200'000},
    Container{"oga", SF_FORMAT_OGG, vorbis, true, 255, 200'000},
    Container{"opus", SF_FORMAT_OGG, opus, true, 255},
    Container{"mp3", SF_FORMAT_MPEG, mp3, true, 2},
};

[[gnu::cold]] const Container& container_of(const std::string& path) {
  const std::size_t dot = path.find_last_of("./");
  std::string extension = dot == path.npos || path[dot] == '/' ? "" : path.substr(dot + 1);
  std::ranges::transform(extension, extension.begin(), [](unsigned char c) { return std::tolower(c); });
  std::string known;
  for (const Container& c : containers) {
    if (extension == c.extension) return c;
    known += (known.empty() ? "" : ", ") + std::string(c.extension);
  }
  throw IoError(path, "its name does not end in a known audio format: " + known);
}

[[gnu::cold]] const Encoding& encoding_of(const std::string& path, const Container& container,
                                          SampleFormat wanted) {
  if (wanted == SampleFormat::automatic) return container.encodings.front();
  std::string known;
  for (const Encoding& e : container.encodings) {
    if (e.sample_format == wanted) return e;
    known += (known.empty() ? "" : ", ") + std::string(e.name);
  }
  throw IoError(path, message(container.extension, " can't hold ",
                              pcm[static_cast<std::size_t>(wanted) - 1].name, " samples; it takes ", known));
}

// Bytes of a sample, 0 where a code packs several.
int bytes_of_sample(int format) {
  switch (format & SF_FORMAT_SUBMASK) {
    case SF_FORMAT_PCM_S8:
    case SF_FORMAT_PCM_U8:
    case SF_FORMAT_ULAW:
    case SF_FORMAT_ALAW:
      return 1;
    case SF_FORMAT_PCM_16:
      return 2;
    case SF_FORMAT_PCM_24:
      return 3;
    case SF_FORMAT_PCM_32:
    case SF_FORMAT_FLOAT:
      return 4;
    case SF_FORMAT_DOUBLE:
      return 8;
    default:
      return 0;
  }
}

constexpr Index absurd = Index{1} << 48;

// Whether a length is what a program writes ahead of sound whose length it does not know, into a pipe, where
// it can't come back to it: the largest number of 31, 32 or more bits, or a little less (sox: 0x7f000000).
bool stands_for_unknown(Index bytes) {
  constexpr Index little = (1 << 24) + (1 << 16), half = Index{1} << 31, whole = Index{1} << 32;
  return bytes >= absurd || (bytes > half - little && bytes <= half) ||
         (bytes > whole - little && bytes <= whole);
}

// How a format writes its chunks: a name, a size, and what they hold, up to a multiple of some unit.
struct Chunks {
  const char* magic;
  Index first;  // chunk's place
  int name, size;
  bool big_endian, whole;  // the size counts name and size, too
  Index unit;
  const char* samples;  // the chunk that holds them
  Index before;         // bytes of that chunk ahead of them
};
constexpr std::array chunked{
    Chunks{"RIFF", 12, 4, 4, false, false, 2, "data", 0},
    Chunks{"RIFX", 12, 4, 4, true, false, 2, "data", 0},
    Chunks{"RF64", 12, 4, 4, false, false, 2, "data", 0},
    Chunks{"riff", 40, 16, 8, false, true, 8, "data", 0},
    Chunks{"FORM", 12, 4, 4, true, false, 2, "SSND", 8},
    Chunks{"caff", 8, 4, 8, true, false, 1, "data", 4},
};

Index number(const unsigned char* at, int bytes, bool big_endian) {
  std::uint64_t n = 0;
  for (int i = 0; i < bytes; ++i) n = n << 8 | at[big_endian ? i : bytes - 1 - i];
  return static_cast<Index>(std::min(n, std::uint64_t{1} << 62));
}

bool named(const unsigned char* at, const char* name) {
  return std::memcmp(at, name, 4) == 0;
}

// Bytes of samples that a header claims and that its file holds, which libsndfile takes for the same; 0 and 0
// where the header isn't understood. A file may say what it likes: it is refused, or read as far as it goes.
struct Claim {
  Index bytes = 0, there = 0;
  Index begin = 0;          // of samples of no size, as an interrupted writer leaves them; else 0
  bool big_endian = false;  // as the header is
};
[[gnu::cold]] Claim claim_of(int file) {
  struct stat s;
  unsigned char head[24];
  const auto got = [&](int bytes, Index at) { return pread(file, head, bytes, at) == bytes; };
  if (fstat(file, &s) != 0 || !S_ISREG(s.st_mode) || !got(12, 0)) return {};
  const bool sun = named(head, ".snd");
  if (sun || named(head, "dns.")) {
    const Index bytes = number(head + 8, 4, sun), begin = number(head + 4, 4, sun);
    return {bytes, s.st_size - begin, bytes == 0 || stands_for_unknown(bytes) ? begin : 0, sun};
  }
  for (const Chunks& c : chunked) {
    if (!named(head, c.magic)) continue;
    const bool ended = number(head + 4, 4, c.big_endian) + 8 >= s.st_size;
    constexpr int most_chunks = 4096;
    Index at = c.first, large = 0;
    for (int n = 0; n < most_chunks && got(c.name + c.size, at); ++n) {
      at += c.name + c.size;
      const Index bytes = number(head + c.name, c.size, c.big_endian) - (c.whole ? c.name + c.size : 0);
      if (named(head, c.samples))
        return {(large != 0 && bytes == 0xffffffff ? large : bytes) - c.before, s.st_size - at - c.before,
                bytes == 0 && !ended ? at : 0, c.big_endian};
      if (bytes < 0 || bytes > s.st_size - at) break;
      if (named(head, "ds64") && got(16, at)) large = number(head + 8, 8, false);
      at += (bytes + c.unit - 1) / c.unit * c.unit;
    }
    break;
  }
  return {};
}

// Whether an Ogg file was cut: its last page is no whole one, or not marked as the end of its stream.
[[gnu::cold]] bool lacks_ogg_end(int file) {
  constexpr std::size_t head = 27, most = 1 << 16;  // bytes of a page's head, and of a page at most
  struct stat s;
  if (fstat(file, &s) != 0 || !S_ISREG(s.st_mode)) return false;
  std::string tail(std::min(static_cast<std::size_t>(s.st_size), most), '\0');
  const auto size = static_cast<ssize_t>(tail.size());
  if (pread(file, tail.data(), tail.size(), s.st_size - size) != size) return false;
  const std::size_t at = tail.rfind("OggS");
  if (at == tail.npos) return false;  // something else follows the last page
  const auto byte = [&](std::size_t i) -> std::size_t {
    return i < tail.size() ? static_cast<unsigned char>(tail[i]) : most;
  };
  std::size_t end = at + head + byte(at + head - 1);
  for (std::size_t i = at + head, pieces = end; i < pieces && end <= tail.size(); ++i) end += byte(i);
  return end > tail.size() || (byte(at + 5) & 4) == 0;
}

// Of 3 to 8 channels in the order of Vorbis (Vorbis I, 4.3.9), which libsndfile passes through, those that
// WAV's are.
constexpr std::uint8_t vorbis_channels[][8]{
    {0, 2, 1},          {0, 1, 2, 3},          {0, 2, 1, 3, 4},
    {0, 2, 1, 5, 3, 4}, {0, 2, 1, 6, 5, 3, 4}, {0, 2, 1, 7, 5, 6, 3, 4}};

// The row for a file; null where its channels are as WAV's, or nobody knows what they are.
const std::uint8_t* order_of(const SF_INFO& info) {
  const int code = info.format & SF_FORMAT_SUBMASK;
  const bool reordered = code == SF_FORMAT_VORBIS || code == SF_FORMAT_OPUS;
  return reordered && info.channels >= 3 && info.channels <= 8 ? vorbis_channels[info.channels - 3] : nullptr;
}

// Whether a file is Opus of channels that are no loudspeakers' (RFC 7845, 5.1.1.3).
bool has_discrete_channels(int file) {
  unsigned char head[47];  // a page's head of 28 bytes, then Opus's
  return pread(file, head, sizeof head, 0) == sizeof head && named(head + 28, "Opus") && head[46] == 255;
}

// The descriptor that libsndfile writes to. Its encoders pass over writes that fail, so what went wrong first
// stays here.
struct Sink {
  int descriptor;
  int error = 0;  // an errno

  static Sink& of(void* sink) { return *static_cast<Sink*>(sink); }
  static SF_VIRTUAL_IO calls();
};

SF_VIRTUAL_IO Sink::calls() {
  SF_VIRTUAL_IO io{};
  io.get_filelen = [](void* sink) -> sf_count_t {
    struct stat s;
    return fstat(of(sink).descriptor, &s) == 0 ? s.st_size : -1;
  };
  io.seek = [](sf_count_t offset, int whence, void* sink) -> sf_count_t {
    return lseek(of(sink).descriptor, offset, whence);
  };
  io.tell = [](void* sink) -> sf_count_t { return lseek(of(sink).descriptor, 0, SEEK_CUR); };
  io.read = [](void* to, sf_count_t bytes, void* sink) -> sf_count_t {
    ssize_t got = 0;
    do {
      got = ::read(of(sink).descriptor, to, static_cast<std::size_t>(bytes));
    } while (got < 0 && errno == EINTR);
    return std::max<ssize_t>(got, 0);
  };
  io.write = [](const void* from, sf_count_t bytes, void* sink) -> sf_count_t {
    sf_count_t done = 0;
    while (done < bytes) {
      const ssize_t now = ::write(of(sink).descriptor, static_cast<const char*>(from) + done,
                                  static_cast<std::size_t>(bytes - done));
      if (now < 0 && errno == EINTR) continue;
      if (now < 0) {
        if (of(sink).error == 0) of(sink).error = errno;
        break;
      }
      done += now;
    }
    return done;
  };
  return io;
}

// Texts that files hold. The program that made a file, which libsndfile tells too, does not make its copy.
constexpr struct {
  const char* name;
  int code;
} texts[] = {
    {"title", SF_STR_TITLE},     {"artist", SF_STR_ARTIST},
    {"album", SF_STR_ALBUM},     {"tracknumber", SF_STR_TRACKNUMBER},
    {"date", SF_STR_DATE},       {"genre", SF_STR_GENRE},
    {"comment", SF_STR_COMMENT}, {"copyright", SF_STR_COPYRIGHT},
    {"license", SF_STR_LICENSE},
};

// Loudspeakers in the order of WAV's mask, the lowest bit first.
constexpr std::array speakers{
    SF_CHANNEL_MAP_LEFT,
    SF_CHANNEL_MAP_RIGHT,
    SF_CHANNEL_MAP_CENTER,
    SF_CHANNEL_MAP_LFE,
    SF_CHANNEL_MAP_REAR_LEFT,
    SF_CHANNEL_MAP_REAR_RIGHT,
    SF_CHANNEL_MAP_FRONT_LEFT_OF_CENTER,
    SF_CHANNEL_MAP_FRONT_RIGHT_OF_CENTER,
    SF_CHANNEL_MAP_REAR_CENTER,
    SF_CHANNEL_MAP_SIDE_LEFT,
    SF_CHANNEL_MAP_SIDE_RIGHT,
    SF_CHANNEL_MAP_TOP_CENTER,
    SF_CHANNEL_MAP_TOP_FRONT_LEFT,
    SF_CHANNEL_MAP_TOP_FRONT_CENTER,
    SF_CHANNEL_MAP_TOP_FRONT_RIGHT,
    SF_CHANNEL_MAP_TOP_REAR_LEFT,
    SF_CHANNEL_MAP_TOP_REAR_CENTER,
    SF_CHANNEL_MAP_TOP_REAR_RIGHT,
};

[[gnu::cold]] std::uint32_t mask_of(std::span<const int> channels) {
  std::uint32_t mask = 0;
  for (const int channel : channels) {
    const auto bit = std::ranges::find(speakers, channel) - speakers.begin();
    if (bit == std::ssize(speakers) || mask >> bit != 0) return 0;
    mask |= std::uint32_t{1} << bit;
  }
  return mask;
}

[[gnu::cold]] std::vector<int> channels_of(std::uint32_t mask) {
  std::vector<int> channels;
  for (std::size_t bit = 0; bit < speakers.size(); ++bit)
    if (mask >> bit & 1) channels.push_back(speakers[bit]);
  return channels;
}

// What UTF-8 says, of characters that may be exchanged; empty where it is something else. libsndfile 1.2.0
// frees twice what libFLAC refuses.
[[gnu::cold]] std::u32string characters_of(const std::string& text) {
  std::u32string characters;
  for (std::size_t i = 0; i < text.size();) {
    const auto first = static_cast<unsigned char>(text[i++]);
    const int more = first < 0x80 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
    if ((first >= 0x80 && first < 0xc2) || first > 0xf4) return {};
    char32_t character = more == 0 ? first : first & (0x3f >> more);
    for (int k = 0; k < more; ++k, ++i) {
      if (i == text.size() || (text[i] & 0xc0) != 0x80) return {};
      character = character << 6 | (text[i] & 0x3f);
    }
    constexpr char32_t least[] = {0, 0x80, 0x800, 0x10000};
    if (character < least[more] || character > 0x10ffff || character >> 11 == 0xd800 >> 11 ||
        character == 0xfffe || character == 0xffff)
      return {};
    characters += character;
  }
  return characters;
}

// A text as libsndfile takes it for a container; empty where that can't hold it.
[[gnu::cold]] std::string stored_text(const std::string& text, int container) {
  constexpr std::size_t longest = 2000;  // in chunks libsndfile reads no longer ones, nor what follows them
  const bool to_mp3 = container == SF_FORMAT_MPEG;
  if (!to_mp3 && container != SF_FORMAT_FLAC && container != SF_FORMAT_OGG)
    return text.size() <= longest ? text : std::string();
  const std::u32string characters = characters_of(text);
  if (characters.empty() || text.size() > 1 << 16) return {};
  if (!to_mp3) return text;
  // Its encoder takes Latin-1.
  if (std::ranges::any_of(characters, [](char32_t c) { return c > 0xff; })) return {};
  return {characters.begin(), characters.end()};
}

// Tells libsndfile, which passes over what the format can't hold.
[[gnu::cold]] void describe(SNDFILE* file, const AudioMetadata& metadata, int container) {
  for (const auto& [name, code] : texts) {
    const auto tag = metadata.tags.find(name);
    const std::string text = tag != metadata.tags.end() ? stored_text(tag->second, container) : std::string();
    if (!text.empty()) sf_set_string(file, code, text.c_str());
  }
  std::vector<int> channels = channels_of(metadata.channel_mask);
  if (channels.empty()) return;
  sf_command(file, SFC_SET_CHANNEL_MAP_INFO, channels.data(),
             static_cast<int>(channels.size() * sizeof(int)));
}

struct Close {
  void operator()(SNDFILE* file) const { sf_close(file); }
};
using Handle = std::unique_ptr<SNDFILE, Close>;

[[gnu::cold]] std::string trimmed(std::string text) {
  if (text.starts_with("Error : ")) text.erase(0, 8);
  while (!text.empty() && (std::isspace(static_cast<unsigned char>(text.back())) || text.back() == '.'))
    text.pop_back();
  return text;
}

// "WAV (Microsoft), Signed 16 bit PCM" from libsndfile's own lists.
[[gnu::cold]] std::string format_name(int format) {
  std::string name;
  for (const int part : {format & SF_FORMAT_TYPEMASK, format & SF_FORMAT_SUBMASK}) {
    SF_FORMAT_INFO info{};
    info.format = part;
    if (sf_command(nullptr, SFC_GET_FORMAT_INFO, &info, sizeof info) == 0 && info.name)
      name += (name.empty() ? "" : ", ") + std::string(info.name);
  }
  return name;
}

// What a file is that libsndfile will not know; empty where it may be sound.
[[gnu::cold]] std::string what_else(int file) {
  struct stat s;
  if (fstat(file, &s) != 0) return {};
  if (S_ISDIR(s.st_mode)) return "it is a directory";
  if (S_ISREG(s.st_mode) && s.st_size == 0) return "it is empty";
  unsigned char begin[8] = {};
  if (!S_ISREG(s.st_mode) || pread(file, begin, sizeof begin, 0) != sizeof begin) return {};
  if (named(begin, "PK\3\4"))
    return "it is a zip archive, as numpy's .npz are; of these, save the array alone, as .npy";
  if (named(begin, "\x93NUM")) return "it is an array of numpy's";
  if (named(begin + 4, "ftyp") || named(begin, "\x1a\x45\xdf\xa3"))
    return "it is of the kind of .mp4, .m4a or .webm: convert it, as ffmpeg does, to .wav or .flac";
  return {};
}

// Waits until a pipe has so many bytes, or nobody writes to it any more.
[[gnu::cold]] void wait_for_bytes(int pipe, int bytes) {
  pollfd wait{pipe, POLLIN, 0};
  for (int there = 0; ioctl(pipe, FIONREAD, &there) == 0 && there < bytes && (wait.revents & ~POLLIN) == 0;) {
    if (there > 0) usleep(1000);  // poll() comes back at once
    poll(&wait, 1, -1);
  }
}

// libsndfile reads FLAC, CAF and the whole of RF64 from files alone, and of a pipe of MP3 what lies before
// its memory; and a WAV of next to no bytes, as those claim to be whose writer did not know the length, may
// be one of more. Of a pipe of them, all goes into a file without a name: returns its descriptor, or −1 and
// errno; for other input that itself. Closes what it does not return.
[[gnu::cold]] int as_file(int input) {
  constexpr Index next_to_none = 4096;
  unsigned char begin[8] = {};
  int ends[2];
  struct stat kind {};
  if (fstat(input, &kind) != 0 || !S_ISFIFO(kind.st_mode) || pipe2(ends, O_CLOEXEC) != 0) return input;
  wait_for_bytes(input, sizeof begin);
  // A copy of what stays in the pipe.
  const bool got = tee(input, ends[1], sizeof begin, 0) > 0 && ::read(ends[0], begin, sizeof begin) >= 4;
  close(ends[0]);
  close(ends[1]);
  const bool of_mp3 = std::memcmp(begin, "ID3", 3) == 0 || (begin[0] == 0xff && begin[1] >= 0xe0);
  const bool of_files =
      got && (of_mp3 || named(begin, "fLaC") || named(begin, "caff") || named(begin, "RF64") ||
              (named(begin, "RIFF") && number(begin + 4, 4, false) <= next_to_none));
  if (!of_files) return input;
  using Closed = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;
  const Closed from(fdopen(input, "rb"), std::fclose), to(std::tmpfile(), std::fclose);
  if (!from || !to) return -1;
  std::vector<char> block(1 << 16);
  std::size_t bytes = 0;
  while ((bytes = std::fread(block.data(), 1, block.size(), from.get())) > 0 &&
         std::fwrite(block.data(), 1, bytes, to.get()) == bytes) {
  }
  if (bytes > 0 || std::ferror(from.get()) != 0 || std::fflush(to.get()) != 0) return -1;
  std::rewind(to.get());
  return fcntl(fileno(to.get()), F_DUPFD_CLOEXEC, 0);
}

// libsndfile's last reason.
[[gnu::cold]] std::string reason_unread() {
  const std::string reason = trimmed(sf_strerror(nullptr));
  if (reason.find("SF_INFO") == reason.npos) return reason;
  return "its header gives no sample rate, or no channels";
}

}  // namespace

struct AudioReader::File {
  std::string path, format;
  SF_INFO info{};
  Handle handle;
  Index position = 0;
  Index room = 0;  // frames that libsndfile reads at most, where the header gives no length but this; else 0
  bool cut = false;
  const std::uint8_t* order = nullptr;  // of channels, see order_of()
};

[[gnu::cold]] AudioReader::AudioReader(const std::string& path, const std::optional<RawAudio>& raw)
    : file_(std::make_unique<File>()) {
  const bool standard_input = path == "-";
  file_->path = standard_input ? "standard input" : path;
  SF_INFO& info = file_->info;
  if (raw) {
    require(raw->sample_rate_hz >= 1 && raw->channels >= 1 && raw->channels <= max_channels,
            "AudioReader: raw audio must have a sample rate and 1 to ", max_channels, " channels, got ",
            raw->sample_rate_hz, " Hz and ", raw->channels);
    info.samplerate = raw->sample_rate_hz;
    info.channels = static_cast<int>(raw->channels);
    info.format =
        SF_FORMAT_RAW | SF_ENDIAN_LITTLE | encoding_of(path, container_of(".raw"), raw->sample_format).code;
  }
  // By descriptor: given a name, libsndfile takes a file that it does not recognise for headerless telephone
  // speech if it ends in .au or .snd.
  int descriptor =
      standard_input ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0) : open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor >= 0 && !raw) descriptor = as_file(descriptor);
  if (descriptor < 0)
    throw IoError(file_->path, "can't be opened: " + std::generic_category().message(errno));
  const std::string other = raw ? std::string() : what_else(descriptor);
  const Claim claim = raw ? Claim() : claim_of(descriptor);
  file_->handle.reset(sf_open_fd(descriptor, SFM_READ, &info, SF_TRUE));
  if (!file_->handle)
    throw IoError(file_->path, "is not read as audio: " + (other.empty() ? reason_unread() : other));
  if (info.channels < 1 || info.channels > max_channels || info.samplerate < 1 ||
      info.samplerate > max_sample_rate_hz)
    throw IoError(file_->path,
                  message("claims ", info.channels, " channels at ", info.samplerate, " Hz; 1 to ",
                          max_channels, " and 1 to ", max_sample_rate_hz, " are read"));
  file_->format = format_name(info.format);
  const Index frame = info.channels * bytes_of_sample(info.format);
  if (!info.seekable && (info.frames >= absurd || stands_for_unknown(info.frames * frame)))
    file_->room = std::exchange(info.frames, std::numeric_limits<Index>::max());
  if (frame > 0 && claim.bytes > claim.there && !stands_for_unknown(claim.bytes))
    info.frames = std::max<Index>(info.frames, claim.bytes / frame);
  if (frame > 0 && claim.begin > 0 && claim.there >= frame && info.frames == 0) {
    // libsndfile believes a size of 0; what has no header has no size.
    SF_INFO bare = info;
    bare.format = (info.format & SF_FORMAT_SUBMASK) | SF_FORMAT_RAW |
                  (claim.big_endian ? SF_ENDIAN_BIG : SF_ENDIAN_LITTLE);
    const int again = fcntl(descriptor, F_DUPFD_CLOEXEC, 0);  // sharing its place
    file_->handle.reset(
        again >= 0 && lseek(again, 0, SEEK_SET) == 0 ? sf_open_fd(again, SFM_READ, &bare, SF_TRUE) : nullptr);
    sf_count_t begin = claim.begin;
    if (!file_->handle ||
        sf_command(file_->handle.get(), SFC_SET_RAW_START_OFFSET, &begin, sizeof begin) != 0 ||
        sf_seek(file_->handle.get(), 0, SEEK_SET) != 0)
      throw IoError(file_->path, "is not read as audio: " + reason_unread());
    info.frames = claim.there / frame;
  }
  if ((info.format & SF_FORMAT_TYPEMASK) == SF_FORMAT_OGG) {
    file_->cut = lacks_ogg_end(descriptor);
    if (!has_discrete_channels(descriptor)) file_->order = order_of(info);
  }
}

AudioReader::AudioReader(AudioReader&&) noexcept = default;
AudioReader& AudioReader::operator=(AudioReader&&) noexcept = default;
AudioReader::~AudioReader() = default;

int AudioReader::sample_rate_hz() const {
  return file_->info.samplerate;
}
Index AudioReader::channels() const {
  return file_->info.channels;
}
const std::string& AudioReader::format() const {
  return file_->format;
}
SampleFormat AudioReader::sample_format() const {
  switch (file_->info.format & SF_FORMAT_SUBMASK) {
    case SF_FORMAT_PCM_S8:
    case SF_FORMAT_PCM_U8:
    case SF_FORMAT_PCM_16:
    case SF_FORMAT_ALAC_16:
      return SampleFormat::int16;
    case SF_FORMAT_PCM_24:
    case SF_FORMAT_ALAC_20:
    case SF_FORMAT_ALAC_24:
      return SampleFormat::int24;
    case SF_FORMAT_PCM_32:
    case SF_FORMAT_ALAC_32:
      return SampleFormat::int32;
    case SF_FORMAT_FLOAT:
    case SF_FORMAT_DOUBLE:
      return SampleFormat::float32;
    default:
      return SampleFormat::automatic;
  }
}
AudioMetadata AudioReader::metadata() const {
  SNDFILE* file = file_->handle.get();
  AudioMetadata all;
  for (const auto& [name, code] : texts)
    if (const char* text = sf_get_string(file, code); text && *text) all.tags.emplace(name, text);
  std::vector<int> map(static_cast<std::size_t>(channels()));
  const auto bytes = static_cast<int>(map.size() * sizeof(int));
  if (sf_command(file, SFC_GET_CHANNEL_MAP_INFO, map.data(), bytes) == SF_TRUE)
    all.channel_mask = mask_of(map);
  return all;
}
Index AudioReader::claimed_frames() const {
  const Index frames = file_->info.frames;
  return frames < 0 || frames == std::numeric_limits<Index>::max() ? -1 : frames;
}
Index AudioReader::position() const {
  return file_->position;
}

Index AudioReader::read(FramesSpan out) {
  File& f = *file_;
  require(out.frames() == 0 || out.channels() == channels(), "AudioReader: the file has ", channels(),
          " channels, to be read into ", out.channels());
  Index got = 0;
  while (got < out.frames()) {
    const Index wanted = std::min(out.frames() - got, std::max<Index>(1, block_samples / channels()));
    const Index now = sf_readf_float(f.handle.get(), out.frame(got), wanted);
    if (now <= 0) break;
    for (Index n = got; f.order && n < got + now; ++n) {
      std::array<float, 8> stored;
      std::copy_n(out.frame(n), channels(), stored.begin());
      for (Index c = 0; c < channels(); ++c) out.frame(n)[c] = stored[f.order[c]];
    }
    got += now;
  }
  f.position += got;
  if (got == out.frames()) return got;
  if (sf_error(f.handle.get()) != SF_ERR_NO_ERROR)
    throw IoError(f.path,
                  message("is damaged after frame ", f.position, ": ", trimmed(sf_strerror(f.handle.get()))));
  if (f.room > 0 && f.position >= f.room)
    throw IoError(f.path, message("is longer than the ", f.room, " frames that its header has room for"));
  if (f.position < claimed_frames())
    throw IoError(f.path, message("ends after ", f.position, " of the ", claimed_frames(),
                                  " frames that its header claims"));
  if (f.cut) throw IoError(f.path, message("ends after ", f.position, " frames without its stream's end"));
  return got;
}

Signal AudioReader::read(Index frames) {
  // Grows with what arrives: neither the header nor the caller's hope is worth an allocation.
  Signal x(channels(), 0);
  Index got = 0;
  while (got < frames) {
    const Index grown = std::max<Index>(2 * got, std::max<Index>(1, block_samples / channels()));
    x.conservativeResize(Eigen::NoChange, std::min(frames, grown));
    const Index now = read(FramesSpan(x).slice(got, x.cols() - got));
    const bool ended = now < x.cols() - got;
    got += now;
    if (ended) break;
  }
  x.conservativeResize(Eigen::NoChange, got);
  return x;
}

struct AudioWriter::File {
  File(const std::string& path, const AudioWriteOptions& options)
      : container(container_of(path)),
        encoding(encoding_of(path, container, options.sample_format)),
        output(path, options.inputs),
        sink{output.descriptor()} {}

  const Container& container;
  const Encoding& encoding;
  OutputFile output;  // it and the sink outlive the handle, which writes to them
  Sink sink;
  Handle handle;
  Index channels = 0, frames = 0, clipped = 0;
  std::vector<int> block;
  const std::uint8_t* order = nullptr;  // of channels, see order_of()
  std::vector<float> reordered;

  [[noreturn]] void fail(const std::string& reason) const { throw IoError(output.path(), reason); }
  [[noreturn]] void fail(int error) const {
    fail("writing failed: " + std::generic_category().message(error));
  }
  void require_written() const {
    if (sink.error != 0) fail(sink.error);
  }
  void require_open() const {
    if (!handle) fail("is finished: nothing follows commit()");
  }

  // Checks and, for integers, converts some frames; then hands them to libsndfile.
  void write(FramesView x) {
    const Index samples = x.frames() * channels;
    const auto all = std::span(x.data(), static_cast<std::size_t>(samples));
    if (encoding.code != SF_FORMAT_FLOAT) {
      const auto bad = std::ranges::find_if_not(all, [](float v) { return std::isfinite(v); });
      if (bad != all.end()) {
        const Index i = bad - all.begin();
        fail(message("frame ", frames + i / channels, ", channel ", i % channels + 1, " is ", *bad, "; ",
                     container.extension, " ", encoding.name, " can't hold it"));
      }
    }
    Index written = 0;
    if (encoding.bits > 0) {
      const double scale = std::ldexp(1.0, encoding.bits - 1), most = scale - 1;
      const int unit = 1 << (32 - encoding.bits);  // libsndfile takes the upper bits
      for (std::size_t i = 0; i < all.size(); ++i) {
        clipped += std::abs(all[i]) > 1.0f;
        block[i] = static_cast<int>(std::clamp(std::nearbyint(all[i] * scale), -scale, most)) * unit;
      }
      written = sf_writef_int(handle.get(), block.data(), x.frames());
    } else {
      for (Index n = 0; order && n < x.frames(); ++n)
        for (Index c = 0; c < channels; ++c) reordered[n * channels + order[c]] = x.frame(n)[c];
      written = sf_writef_float(handle.get(), order ? reordered.data() : x.data(), x.frames());
    }
    require_written();
    if (written != x.frames()) fail("writing failed: " + trimmed(sf_strerror(handle.get())));
    frames += written;
  }
};

namespace {

// Equal signals must give equal files, but the peak chunk of an RF64 file holds the time of writing, and
// libsndfile writes one whatever it is told: this sets the time to 0. Returns whether the file could be
// changed where it had to be.
bool forget_time_of_peaks(int file) {
  struct {
    char name[4];
    std::uint32_t bytes;
  } chunk;
  for (off_t at = 12; pread(file, &chunk, sizeof chunk, at) == sizeof chunk;
       at += static_cast<off_t>(sizeof chunk + chunk.bytes + chunk.bytes % 2)) {
    constexpr std::uint32_t time = 0;  // after the name, the size and the version
    if (std::memcmp(chunk.name, "PEAK", 4) == 0)
      return pwrite(file, &time, sizeof time, at + 12) == sizeof time;
    if (std::memcmp(chunk.name, "data", 4) == 0) break;
  }
  return true;
}

// Why a format can't have these, of which libsndfile says no more than that; empty where it may.
[[gnu::cold]] std::string too_much(const Container& c, int sample_rate_hz, Index channels) {
  if (channels > c.most_channels)
    return message(c.extension, " can't hold ", channels, " channels, at most ", c.most_channels);
  if (sample_rate_hz > c.most_hz)
    return message(c.extension, " can't hold a sample rate of ", sample_rate_hz, " Hz, at most ", c.most_hz);
  constexpr int of_two_bytes = 65'535;
  if (c.code == SF_FORMAT_FLAC && sample_rate_hz > of_two_bytes && sample_rate_hz % 10 != 0)
    return message("flac can't hold a sample rate of ", sample_rate_hz, " Hz: above ", of_two_bytes,
                   " it must be a multiple of 10");
  return {};
}

}  // namespace

[[gnu::cold]] AudioWriter::AudioWriter(const std::string& path, int sample_rate_hz, Index channels,
                                       const AudioWriteOptions& options) {
  require(sample_rate_hz >= 1 && sample_rate_hz <= max_sample_rate_hz,
          "AudioWriter: the sample rate must be 1 to ", max_sample_rate_hz, " Hz, got ", sample_rate_hz);
  require(channels >= 1 && channels <= max_channels, "AudioWriter: there must be 1 to ", max_channels,
          " channels, got ", channels);
  const std::uint32_t mask = options.metadata.channel_mask;
  require(mask == 0 || (mask >> speakers.size() == 0 && std::popcount(mask) == channels),
          "AudioWriter: the channel mask must have a known loudspeaker for each of ", channels,
          " channels, got ", mask);
  file_ = std::make_unique<File>(path, options);
  File& f = *file_;
  if (const std::string reason = too_much(f.container, sample_rate_hz, channels); !reason.empty())
    f.fail(reason);
  SF_INFO info{};
  info.samplerate = sample_rate_hz;
  info.channels = static_cast<int>(channels);
  const bool extensible = f.container.code == SF_FORMAT_WAV && mask != 0;
  info.format = (extensible ? SF_FORMAT_WAVEX : f.container.code) | f.encoding.code;
  SF_VIRTUAL_IO calls = Sink::calls();
  f.handle.reset(sf_open_virtual(&calls, SFM_WRITE, &info, &f.sink));
  f.require_written();
  if (!f.handle)
    f.fail(message(f.container.extension, " can't hold ", channels, " channels at ", sample_rate_hz,
                   " Hz: ", trimmed(sf_strerror(nullptr))));
  // The peak chunk holds the time of writing: equal signals must give equal files. AIFF's header then shrinks
  // where it stands, and of the longer one nothing may stay behind it.
  sf_command(f.handle.get(), SFC_SET_ADD_PEAK_CHUNK, nullptr, SF_FALSE);
  if (f.container.code == SF_FORMAT_AIFF && ftruncate(f.output.descriptor(), 0) != 0) f.fail(errno);
  describe(f.handle.get(), options.metadata, f.container.code);
  f.channels = channels;
  f.block.resize(static_cast<std::size_t>(std::max(channels, block_samples)));
  f.order = order_of(info);
  if (f.order) f.reordered.resize(f.block.size());
}

AudioWriter::AudioWriter(AudioWriter&&) noexcept = default;
AudioWriter& AudioWriter::operator=(AudioWriter&&) noexcept = default;
AudioWriter::~AudioWriter() = default;

void AudioWriter::write(FramesView x) {
  File& f = *file_;
  f.require_open();
  require(x.frames() == 0 || x.channels() == f.channels, "AudioWriter: the file has ", f.channels,
          " channels, got ", x.channels());
  if (!f.container.large) {
    constexpr Index most = (Index{1} << 32) - (1 << 16);  // and some space for the header
    const Index bytes_per_frame = f.channels * (f.encoding.bits > 0 ? f.encoding.bits / 8 : 4);
    if (x.frames() > most / bytes_per_frame - f.frames)
      f.fail(message(f.container.extension, " ends at 4 GiB; w64, rf64, caf, flac and raw do not"));
  }
  const Index step = static_cast<Index>(f.block.size()) / f.channels;
  for (Index n = 0; n < x.frames(); n += step) f.write(x.slice(n, std::min(step, x.frames() - n)));
}

[[gnu::cold]] void AudioWriter::commit() {
  File& f = *file_;
  f.require_open();
  if (f.frames == 0 && f.container.code == SF_FORMAT_OGG)
    f.fail(message(f.container.extension, " can't hold a signal of no frames: it could not be read again"));
  // Some formats write their header with the first frames; a signal of none needs one as well.
  if (f.frames == 0) sf_command(f.handle.get(), SFC_UPDATE_HEADER_NOW, nullptr, 0);
  const int error = sf_close(f.handle.release());
  f.require_written();
  if (error != 0) f.fail("writing failed: " + trimmed(sf_error_number(error)));
  if (f.container.code == SF_FORMAT_RF64 && !forget_time_of_peaks(f.output.descriptor())) f.fail(errno);
  f.output.commit();
}

Index AudioWriter::frames() const {
  return file_->frames;
}
Index AudioWriter::clipped_samples() const {
  return file_->clipped;
}

SampleFormat nearest_sample_format(const std::string& path, SampleFormat wanted) {
  if (wanted == SampleFormat::automatic) return wanted;
  return std::min(wanted, container_of(path).encodings.back().sample_format);
}

AudioData read_audio(const std::string& path, const std::optional<RawAudio>& raw) {
  AudioReader reader(path, raw);
  return {reader.read(std::numeric_limits<Index>::max()), reader.sample_rate_hz()};
}

Index write_audio(const std::string& path, FramesView samples, int sample_rate_hz,
                  const AudioWriteOptions& options) {
  AudioWriter writer(path, sample_rate_hz, samples.channels(), options);
  writer.write(samples);
  writer.commit();
  return writer.clipped_samples();
}

}  // namespace wavestride
