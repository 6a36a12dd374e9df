#include <wavestride/safetensors.h>

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>

#include "check.h"
#include "dtype.h"
#include "input_file.h"

namespace wavestride {
namespace {

constexpr Index max_header = 100'000'000;
constexpr std::size_t max_dimensions = 32;
constexpr const char* metadata_key = "__metadata__";

struct Entry {
  TensorInfo info;
  std::vector<Index> offsets;
};

// The directory is read event by event: anything but
//   {"name": {"dtype": "F32", "shape": [n, …], "data_offsets": [begin, end]}, …, "__metadata__": {"k": "v"}}
// ends the reading where it appears, before memory is spent on it.
class Directory final : public nlohmann::json_sax<nlohmann::json> {
 public:
  std::vector<Entry> entries;
  std::map<std::string, std::string> metadata;
  std::string error;

  bool start_object(std::size_t) override {
    if (at_ == Place::start) return go(Place::directory);
    if (at_ != Place::directory || key_.empty()) return refuse("holds an object in a wrong place");
    if (key_ == metadata_key) return go(Place::metadata);
    entries.emplace_back().info.name = key_;
    fields_.clear();
    return go(Place::tensor);
  }

  bool end_object() override {
    if (at_ == Place::directory) return go(Place::end);
    if (at_ == Place::tensor && fields_.size() != 3)
      return refuse("lacks dtype, shape or data_offsets of tensor \"", entries.back().info.name, "\"");
    key_.clear();
    return go(Place::directory);
  }

  bool key(std::string& name) override {
    key_ = name;
    if (at_ != Place::tensor && name != metadata_key &&
        entries.size() + metadata.size() >= detail::max_entries)
      return refuse("holds more than ", detail::max_entries, " entries");
    if (at_ == Place::directory && name == metadata_key && std::exchange(has_metadata_, true))
      return refuse("holds ", metadata_key, " twice");
    if (at_ == Place::directory && name.empty()) return refuse("holds a tensor without a name");
    if (at_ != Place::tensor) return true;
    if (name != "dtype" && name != "shape" && name != "data_offsets")
      return refuse("says \"", name, "\" of tensor \"", entries.back().info.name, "\"");
    if (std::ranges::find(fields_, name) != fields_.end())
      return refuse("says \"", name, "\" of tensor \"", entries.back().info.name, "\" twice");
    fields_.push_back(name);
    return true;
  }

  bool string(std::string& value) override {
    if (at_ == Place::metadata)
      return metadata.emplace(key_, value).second || refuse("holds metadata \"", key_, "\" twice");
    if (at_ != Place::tensor || key_ != "dtype") return misplaced("text");
    const auto* type = detail::dtype_by_name(value);
    if (!type)
      return refuse("gives tensor \"", entries.back().info.name, "\" the unknown dtype \"", value, "\"");
    entries.back().info.dtype = type->dtype;
    return true;
  }

  bool start_array(std::size_t) override {
    if (at_ != Place::tensor || key_ == "dtype") return misplaced("a list");
    return go(key_ == "shape" ? Place::shape : Place::offsets);
  }

  bool end_array() override {
    if (at_ == Place::offsets && entries.back().offsets.size() != 2) return misplaced("a list");
    return go(Place::tensor);
  }

  bool number_unsigned(std::uint64_t value) override {
    if (at_ != Place::shape && at_ != Place::offsets) return misplaced("a number");
    auto& list = at_ == Place::shape ? entries.back().info.shape : entries.back().offsets;
    if (list.size() >= (at_ == Place::shape ? max_dimensions : 2))
      return refuse("gives tensor \"", entries.back().info.name, "\" too many numbers in its ", key_);
    if (value > std::uint64_t{std::numeric_limits<Index>::max()})
      return refuse("gives tensor \"", entries.back().info.name, "\" a ", key_, " of ", value);
    list.push_back(static_cast<Index>(value));
    return true;
  }

  bool null() override { return misplaced("null"); }
  bool boolean(bool) override { return misplaced("a truth value"); }
  bool number_integer(std::int64_t) override { return misplaced("a negative number"); }
  bool number_float(double, const std::string&) override {
    return misplaced("a fraction or too large a number");
  }
  bool binary(binary_t&) override { return misplaced("binary data"); }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::json::exception&) override {
    return refuse("is not JSON from byte ", position, " on");
  }

 private:
  enum class Place { start, directory, metadata, tensor, shape, offsets, end };

  bool go(Place place) {
    at_ = place;
    return true;
  }
  template <class... Parts>
  bool refuse(const Parts&... parts) {
    error = message("the header ", parts...);
    return false;
  }
  bool misplaced(const char* what) {
    return refuse("holds ", what, " in a wrong place", key_.empty() ? "" : ", at \"" + key_ + "\"");
  }

  Place at_ = Place::start;
  std::string key_;
  std::vector<std::string> fields_;
  bool has_metadata_ = false;
};

}  // namespace

SafetensorsFile::~SafetensorsFile() = default;

SafetensorsFile::SafetensorsFile(const std::string& path)
    : TensorFile(path, "safetensors"), file_(std::make_unique<detail::InputFile>(path)) {
  const detail::InputFile& file = *file_;
  std::uint64_t length = 0;
  file.require(file.size() >= 8, "is no safetensors file: ", file.size(), " bytes");
  file.read_at(0, std::as_writable_bytes(std::span(&length, 1)));
  file.require(length <= std::min<std::uint64_t>(max_header, static_cast<std::uint64_t>(file.size() - 8)),
               "is no safetensors file: a header of ", length, " bytes in a file of ", file.size(),
               " (at most ", max_header, " are read)");
  std::string header(length, '\0');
  file.read_at(8, std::as_writable_bytes(std::span(header)));
  file.require(header.starts_with('{'), "is no safetensors file: its header does not start with {");

  Directory directory;
  if (!nlohmann::json::sax_parse(header, &directory)) file.fail(directory.error);
  const Index start = 8 + static_cast<Index>(length), size = file.size() - start;
  auto& entries = directory.entries;
  std::ranges::stable_sort(entries, {}, [](const Entry& e) { return std::pair(e.offsets[0], e.offsets[1]); });
  Index at = 0;
  std::vector<TensorInfo> tensors;
  for (Entry& e : entries) {
    TensorInfo& info = e.info;
    const Index begin = e.offsets[0], end = e.offsets[1], bytes = dtype_size(info.dtype);
    const auto elements = detail::checked_elements(info.shape, bytes);
    file.require(begin <= end && end <= size, "tensor \"", info.name, "\" claims bytes ", begin, " to ", end,
                 " of ", size);
    file.require(elements && *elements * bytes == end - begin, "tensor \"", info.name, "\" claims ",
                 end - begin, " bytes for ", dtype_name(info.dtype), " ", shape_string(info.shape));
    file.require(begin == at, "tensor \"", info.name, "\" starts at byte ", begin,
                 begin < at ? ", inside the one before, which ends at " : ", after a gap from byte ", at);
    info.elements = *elements;
    begins_.push_back(start + begin);
    tensors.push_back(std::move(info));
    at = end;
  }
  file.require(at == size, "its tensors end at byte ", at, " of ", size);
  set_directory(std::move(tensors), std::move(directory.metadata));
}

void SafetensorsFile::visit(std::size_t i,
                            const std::function<void(std::span<const std::byte>)>& take) const {
  const TensorInfo& t = tensors()[i];
  file_->visit(begins_[i], t.elements * dtype_size(t.dtype), take);
}

void write_safetensors(const std::string& path, const std::map<std::string, Tensor>& tensors,
                       const SafetensorsOptions& options) {
  const detail::DTypeEntry& type = detail::entry(options.dtype);
  require(type.store, "write_safetensors: dtype must be F64, F32, F16 or BF16, got ", type.name);
  require(tensors.size() + options.metadata.size() <= detail::max_entries, "write_safetensors: at most ",
          detail::max_entries, " tensors and metadata are allowed, got ",
          tensors.size() + options.metadata.size());
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!options.metadata.empty()) header[metadata_key] = options.metadata;
  Index at = 0;
  for (const auto& [name, tensor] : tensors) {
    require(!name.empty() && name != metadata_key, "write_safetensors: a tensor can't be named \"", name,
            "\"");
    require(detail::checked_elements(tensor.shape, 1) == tensor.size(), "write_safetensors: tensor \"", name,
            "\" of shape ", shape_string(tensor.shape), " holds ", tensor.size(), " values");
    const Index end = at + tensor.size() * type.bytes;
    header[name] = {{"dtype", type.name}, {"shape", tensor.shape}, {"data_offsets", {at, end}}};
    at = end;
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const nlohmann::json::exception&) {
    fail("write_safetensors: names and metadata must be UTF-8");
  }
  text.append((8 - text.size() % 8) % 8, ' ');  // the values stay aligned
  require(static_cast<Index>(text.size()) <= max_header, "write_safetensors: names and metadata take ",
          text.size(), " bytes, at most ", max_header, " are allowed");

  OutputFile file(path);
  const std::uint64_t length = text.size();
  file.write(&length, sizeof length);
  file.write(text.data(), text.size());
  for (const auto& [name, tensor] : tensors) detail::store_all(type, tensor.data, file);
  file.commit();
}

}  // namespace wavestride
