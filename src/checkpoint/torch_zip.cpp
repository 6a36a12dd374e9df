#include <algorithm>

#include "checkpoint/formats.h"
#include "checkpoint/torch_values.h"
#include "checkpoint/zip.h"

namespace wavestride::detail {

std::unique_ptr<TensorFile> open_torch_zip(std::unique_ptr<InputFile> file) {
  std::map<std::string, ZipEntry, std::less<>> entries;
  for (ZipEntry& e : read_zip_directory(*file)) {
    const std::string name = e.name;
    file->require(entries.emplace(name, std::move(e)).second, "entry \"", name, "\" appears twice");
  }
  const auto entry = [&](const std::string& name) -> const ZipEntry& {
    const auto it = entries.find(name);
    file->require(it != entries.end(), "lacks the entry \"", name, "\"");
    file->require(it->second.stored, "entry \"", name,
                  "\" is compressed, which torch.save never does: save it anew");
    return it->second;
  };

  // The archive's name stands in front of all its entries.
  static constexpr std::string_view pickle_name = "data.pkl";
  const auto found = std::ranges::find_if(
      entries, [](const auto& e) { return e.first == pickle_name || e.first.ends_with("/data.pkl"); });
  file->require(found != entries.end(), "is a zip archive, but not of torch.save: it holds no data.pkl");
  const std::string root = found->first.substr(0, found->first.size() - pickle_name.size());
  if (entries.count(root + "byteorder") > 0) {
    const ZipEntry& order = entry(root + "byteorder");
    file->require(ByteReader(*file, order.begin, order.begin + order.size)
                          .text(static_cast<std::uint64_t>(order.size)) == "little",
                  "was written on a big-endian machine, which is not read");
  }
  const ZipEntry& pickled = entry(root + std::string(pickle_name));
  ByteReader in(*file, pickled.begin, pickled.begin + pickled.size);
  TorchValues values = torch_values(Pickle(in), *file);

  for (TorchStorage& s : values.storages) {
    const ZipEntry& e = entry(root + "data/" + s.key);
    file->require(s.elements * dtype_size(s.dtype) <= e.size, "storage \"", s.key, "\" claims ", s.elements,
                  " elements of ", dtype_name(s.dtype), ", its entry has ", e.size, " bytes");
    s.begin = e.begin;
  }
  return placed("torch.save (zip)", std::move(values), std::move(file));
}

}  // namespace wavestride::detail
