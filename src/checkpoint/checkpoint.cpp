#include <wavestride/checkpoint.h>
#include <wavestride/safetensors.h>

#include <algorithm>
#include <array>

#include "checkpoint/formats.h"

namespace wavestride {
namespace {

using detail::InputFile;

struct Format {
  std::size_t offset;
  std::string_view magic;
  std::unique_ptr<TensorFile> (*open)(std::unique_ptr<InputFile> file);  // nullptr: refused
  const char* refusal = nullptr;
};

std::unique_ptr<TensorFile> open_safetensors(std::unique_ptr<InputFile> file) {
  return std::make_unique<SafetensorsFile>(file->path());
}

using namespace std::string_view_literals;

constexpr auto torch_magic = "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"sv;

// Files that come under a checkpoint's name, and what to do about them.
constexpr Format formats[] = {
    {4, "\0\0\0\0{"sv, open_safetensors},
    {0, "PK\x03\x04"sv, detail::open_torch_zip},
    {2, torch_magic, detail::open_torch_legacy},
    {11, torch_magic, detail::open_torch_legacy},                       // behind a frame, from protocol 4 on
    {0, "L119547037146038801333356L\n."sv, detail::open_torch_legacy},  // the same by protocol 1
    {0, "\x08"sv, detail::open_onnx},  // its version comes first: protobuf has no magic
    {0, "PK\x05\x06"sv, nullptr, "is an empty zip archive"},
    {0, "\x80"sv, nullptr, "is a pickle, but not of torch.save"},
    {0, "version https://git-lfs"sv, nullptr, "is a pointer of Git LFS: fetch the file that it stands for"},
    {0, "\x1f\x8b"sv, nullptr, "is compressed by gzip: unpack it first"},
    {257, "ustar"sv, nullptr, "is a tar archive: unpack it, and give the checkpoint in it"},
    {0, "\x89HDF"sv, nullptr, "is HDF5: convert it in Python, where it comes from"},
    {0, "\x93NUMPY"sv, nullptr, "is a single array of numpy, no checkpoint"},
    {0, "<"sv, nullptr, "is a web page, perhaps of a download that failed"},
};

}  // namespace

std::unique_ptr<TensorFile> open_checkpoint(const std::string& path) {
  auto file = std::make_unique<InputFile>(path);
  std::array<char, 512> buffer{};
  const auto start =
      std::span(buffer).first(std::min<std::size_t>(buffer.size(), static_cast<std::size_t>(file->size())));
  file->read_at(0, std::as_writable_bytes(start));
  const std::string_view head(start.data(), start.size());
  for (const Format& f : formats) {
    if (head.size() < f.offset || !head.substr(f.offset).starts_with(f.magic)) continue;
    if (f.open) return f.open(std::move(file));
    file->fail(f.refusal);
  }
  file->fail("is no checkpoint: neither safetensors, nor of torch.save, nor ONNX");
}

}  // namespace wavestride
