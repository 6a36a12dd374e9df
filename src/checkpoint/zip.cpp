#include "checkpoint/zip.h"

#include <algorithm>

#include "checkpoint/byte_reader.h"

namespace wavestride::detail {
namespace {

// https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, by its names.
constexpr std::uint32_t end_signature = 0x06054b50, end64_signature = 0x06064b50,
                        locator_signature = 0x07064b50, central_signature = 0x02014b50,
                        local_signature = 0x04034b50;
constexpr Index end_size = 22, locator_size = 20, central_size = 46, local_size = 30;
constexpr std::uint16_t zip64_field = 1;

struct Directory {
  std::uint64_t entries, begin, size;
};

/// A number of 32 bits that is all ones stands in the zip64 extension instead.
constexpr std::uint64_t extended = 0xffffffff;

Directory find_directory(const InputFile& file) {
  const Index tail = std::min<Index>(file.size(), end_size + 0xffff);
  std::string text(static_cast<std::size_t>(tail), '\0');
  file.read_at(file.size() - tail, std::as_writable_bytes(std::span(text)));
  for (Index at = tail - end_size; at >= 0; --at) {
    std::uint32_t signature;
    std::uint16_t comment;
    std::memcpy(&signature, &text[static_cast<std::size_t>(at)], sizeof signature);
    std::memcpy(&comment, &text[static_cast<std::size_t>(at + 20)], sizeof comment);
    // Bytes behind the comment are no harm: torch.load reads such files, too.
    if (signature != end_signature || at + end_size + comment > tail) continue;

    const Index end = file.size() - tail + at;
    ByteReader in(file, end + 8, file.size());
    in.skip(2);
    Directory d;
    d.entries = in.number<std::uint16_t>();
    d.size = in.number<std::uint32_t>();
    d.begin = in.number<std::uint32_t>();
    if (end < locator_size) return d;
    ByteReader locator(file, end - locator_size, end);
    if (locator.number<std::uint32_t>() != locator_signature) return d;
    locator.skip(4);
    const auto at64 = locator.number<std::uint64_t>();
    file.require(at64 < static_cast<std::uint64_t>(end), "its zip64 directory starts at byte ", at64, " of ",
                 file.size());
    ByteReader in64(file, static_cast<Index>(at64), end);
    file.require(in64.number<std::uint32_t>() == end64_signature, "has no zip64 directory where it says");
    in64.skip(28);
    d.entries = in64.number<std::uint64_t>();
    d.size = in64.number<std::uint64_t>();
    d.begin = in64.number<std::uint64_t>();
    return d;
  }
  file.fail("is a zip archive without its directory: it was cut off, or not closed");
}

struct Found {
  ZipEntry entry;
  std::uint64_t header;  // where its local header starts
};

Found read_entry(ByteReader& in) {
  const InputFile& file = in.file();
  Found found;
  file.require(in.number<std::uint32_t>() == central_signature, "its zip directory is damaged at byte ",
               in.position() - 4);
  in.skip(4);
  const auto flags = in.number<std::uint16_t>(), method = in.number<std::uint16_t>();
  in.skip(8);
  std::uint64_t packed = in.number<std::uint32_t>(), size = in.number<std::uint32_t>();
  const auto name = in.number<std::uint16_t>(), extra = in.number<std::uint16_t>(),
             comment = in.number<std::uint16_t>();
  in.skip(8);
  found.header = in.number<std::uint32_t>();
  found.entry.name = in.text(name);
  const Index extra_end = in.position() + extra;
  file.require(extra_end <= in.position() + in.remaining(), "its zip directory is damaged at byte ",
               in.position());
  while (extra_end - in.position() >= 4) {
    const auto id = in.number<std::uint16_t>(), length = in.number<std::uint16_t>();
    const Index end = in.position() + length;
    file.require(end <= extra_end, "its zip directory is damaged at byte ", in.position());
    if (id == zip64_field)
      for (std::uint64_t* value : {&size, &packed, &found.header})
        if (*value == extended && end - in.position() >= 8) *value = in.number<std::uint64_t>();
    in.skip(static_cast<std::uint64_t>(end - in.position()));
  }
  in.skip(static_cast<std::uint64_t>(extra_end - in.position()) + comment);
  found.entry.stored = method == 0 && (flags & 1) == 0;
  file.require(packed <= static_cast<std::uint64_t>(file.size()) && (!found.entry.stored || packed == size),
               "entry \"", found.entry.name, "\" claims ", packed, " bytes stored, ", size, " of content");
  found.entry.size = static_cast<Index>(packed);
  return found;
}

}  // namespace

std::vector<ZipEntry> read_zip_directory(const InputFile& file) {
  const Directory d = find_directory(file);
  const auto size = static_cast<std::uint64_t>(file.size());
  file.require(d.begin <= size && d.size <= size - d.begin && d.entries <= d.size / central_size,
               "its zip directory claims ", d.entries, " entries in ", d.size, " bytes from byte ", d.begin);
  ByteReader in(file, static_cast<Index>(d.begin), static_cast<Index>(d.begin + d.size));
  std::vector<Found> all;
  all.reserve(d.entries);
  for (std::uint64_t i = 0; i < d.entries; ++i) all.push_back(read_entry(in));
  std::ranges::stable_sort(all, {}, &Found::header);

  std::vector<ZipEntry> entries;
  entries.reserve(all.size());
  Index end = 0;  // of the entry before
  for (Found& f : all) {
    ZipEntry& e = f.entry;
    file.require(f.header >= static_cast<std::uint64_t>(end) && f.header < d.begin, "entry \"", e.name,
                 "\" starts at byte ", f.header, ", inside another or outside of the file");
    ByteReader local(file, static_cast<Index>(f.header), static_cast<Index>(d.begin));
    file.require(local.number<std::uint32_t>() == local_signature, "entry \"", e.name,
                 "\" is not where the directory says");
    local.skip(22);
    const auto name = local.number<std::uint16_t>(), extra = local.number<std::uint16_t>();
    file.require(name == e.name.size() && local.text(name) == e.name, "entry \"", e.name,
                 "\" has another name in its own header");
    local.skip(extra);
    file.require(e.size <= local.remaining(), "entry \"", e.name, "\" reaches out of the file");
    e.begin = local.position();
    end = e.begin + e.size;
    entries.push_back(std::move(e));
  }
  return entries;
}

}  // namespace wavestride::detail
