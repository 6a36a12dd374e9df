#include "checkpoint/formats.h"
#include "checkpoint/torch_values.h"

namespace wavestride::detail {
namespace {

constexpr std::int64_t protocol_version = 1001;

/// Whether a dictionary of the writer's system says this of itself; true where it says nothing.
bool is_little_endian(const PickleValue& system) {
  for (std::size_t i = 0; i + 1 < system.items.size(); i += 2)
    if (system.items[i]->is_text("little_endian")) return system.items[i + 1]->integer != 0;
  return true;
}

}  // namespace

std::unique_ptr<TensorFile> open_torch_legacy(std::unique_ptr<InputFile> file) {
  ByteReader in(*file, 0, file->size());
  const Pickle magic_number(in);
  const std::int64_t version = Pickle(in).root().integer;
  file->require(version == protocol_version, "is of torch.save's protocol ", version, "; ", protocol_version,
                " is read");
  file->require(is_little_endian(Pickle(in).root()),
                "was written on a big-endian machine, which is not read");
  TorchValues values = torch_values(Pickle(in), *file);

  std::map<std::string, TorchStorage*, std::less<>> by_key;
  for (TorchStorage& s : values.storages) by_key.emplace(s.key, &s);
  const Pickle keys(in);
  for (const PickleValue* key : keys.root().items) {
    const auto it = by_key.find(key->text);
    file->require(it != by_key.end(), "holds a storage \"", key->text, "\" of unknown type");
    TorchStorage& s = *it->second;
    const auto elements = in.number<std::int64_t>();
    file->require(elements >= s.elements && elements <= in.remaining() / dtype_size(s.dtype), "storage \"",
                  s.key, "\" has ", elements, " elements of ", dtype_name(s.dtype), " where ", s.elements,
                  " are claimed and ", in.remaining(), " bytes are left");
    s.begin = in.position();
    in.skip(static_cast<std::uint64_t>(elements * dtype_size(s.dtype)));
  }
  return placed("torch.save (before 1.6)", std::move(values), std::move(file));
}

}  // namespace wavestride::detail
