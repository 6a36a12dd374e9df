#include "models/config.h"

#include "checkpoint/config_file.h"

namespace wavestride::models {

Config::Config(std::string path, Json root) : path_(std::move(path)), object_(std::move(root)) {
  if (!object_.is_object()) throw IoError(path_, "the config is no object of keys and values");
}

const Json* Config::find(Keys keys) const {
  for (const char* key : keys)
    if (const auto it = object_.find(key); it != object_.end() && !it->is_null()) return &*it;
  return nullptr;
}

std::string Config::name(Keys keys) const {
  for (const char* key : keys)
    if (has({key})) return "\"" + where_ + key + "\"";
  return "\"" + where_ + *keys.begin() + "\"";
}

std::string Config::text(Keys keys) const {
  const Json* value = find(keys);
  if (value == nullptr || !value->is_string()) refuse(name(keys), " must be a string");
  return value->get<std::string>();
}

double Config::number(Keys keys) const {
  const Json* value = find(keys);
  if (value == nullptr || !value->is_number()) refuse(name(keys), " must be a number");
  return value->get<double>();
}

bool Config::flag(Keys keys) const {
  const Json* value = find(keys);
  if (value == nullptr || !value->is_boolean()) refuse(name(keys), " must be true or false");
  return value->get<bool>();
}

namespace {

// As a double, numbers beyond 64 bits are still beyond `most`; Python writes 8000.0 for the result of a
// division.
bool is_integer(const Json* value, Index least, Index most) {
  const double v = value != nullptr && value->is_number() ? value->get<double>() : std::nan("");
  return v == std::floor(v) && v >= static_cast<double>(least) && v <= static_cast<double>(most);
}

}  // namespace

Index Config::integer(Keys keys, Index least, Index most) const {
  const Json* value = find(keys);
  if (!is_integer(value, least, most)) refuse(name(keys), " must be an integer from ", least, " to ", most);
  return value->get<Index>();
}

const Json& Config::list(Keys keys, std::size_t shortest, std::size_t longest) const {
  const Json* value = find(keys);
  if (value == nullptr || !value->is_array() || value->size() < shortest || value->size() > longest)
    refuse(name(keys), " must be a list of ", shortest,
           shortest == longest ? std::string() : message(" to ", longest), " values");
  return *value;
}

std::vector<Index> Config::integers_of(const Json& list, const std::string& name, Index least,
                                       Index most) const {
  std::vector<Index> values;
  for (const Json& value : list) {
    if (!is_integer(&value, least, most)) refuse(name, " must hold integers from ", least, " to ", most);
    values.push_back(value.get<Index>());
  }
  return values;
}

std::vector<Index> Config::integers(Keys keys, std::size_t shortest, std::size_t longest, Index least,
                                    Index most) const {
  return integers_of(list(keys, shortest, longest), name(keys), least, most);
}

std::vector<double> Config::numbers(Keys keys, std::size_t shortest, std::size_t longest, double least,
                                    double most) const {
  std::vector<double> values;
  for (const Json& value : list(keys, shortest, longest)) {
    const double v = value.is_number() ? value.get<double>() : std::nan("");
    if (!(v >= least && v <= most)) refuse(name(keys), " must hold numbers from ", least, " to ", most);
    values.push_back(v);
  }
  return values;
}

std::vector<std::vector<Index>> Config::integer_lists(Keys keys, std::size_t shortest, std::size_t longest,
                                                      Index least, Index most) const {
  std::vector<std::vector<Index>> lists;
  for (const Json& inner : list(keys, shortest, longest)) {
    if (!inner.is_array() || inner.empty() || inner.size() > 64)
      refuse(name(keys), " must hold lists of 1 to 64 values");
    lists.push_back(integers_of(inner, name(keys), least, most));
  }
  return lists;
}

Config Config::section(Keys keys) const {
  const Json* value = find(keys);
  const std::string full = name(keys);
  if (value == nullptr || !value->is_object()) refuse(full, " must be a section");
  return {path_, full.substr(1, full.size() - 2) + ".", *value};
}

std::optional<Config> Config::descend(std::string_view path) const {
  if (path.empty()) return *this;
  const std::string key(path.substr(0, path.find('.')));
  const Json* value = find({key.c_str()});
  if (value == nullptr || !value->is_object()) return {};
  return section({key.c_str()}).descend(path.substr(std::min(path.size(), key.size() + 1)));
}

Config Config::completed(Json defaults) const {
  for (const auto& [key, value] : object_.items())
    if (!value.is_null()) defaults[key] = value;
  return with(std::move(defaults));
}

std::vector<Config> Config::sections(Keys keys, std::size_t shortest, std::size_t longest) const {
  const std::string full = name(keys);
  std::vector<Config> result;
  for (const Json& inner : list(keys, shortest, longest)) {
    if (!inner.is_object()) refuse(full, " must hold sections");
    result.push_back({path_, message(full.substr(1, full.size() - 2), ".", result.size(), "."), inner});
  }
  return result;
}

std::string joined(const std::vector<std::string>& names) {
  std::string all;
  for (const std::string& name : names) all += (all.empty() ? "" : ", ") + name;
  return all;
}

namespace {

struct Named {
  const char* name;
  const char* json;
};

constexpr Named named[] = {
    {"hifigan-v1",
     R"({"sampling_rate": 22050, "n_fft": 1024, "hop_size": 256, "win_size": 1024, "num_mels": 80,
      "fmin": 0, "fmax": 8000, "resblock": "1", "upsample_rates": [8, 8, 2, 2],
      "upsample_kernel_sizes": [16, 16, 4, 4], "upsample_initial_channel": 512, "resblock_kernel_sizes": [3, 7, 11],
      "resblock_dilation_sizes": [[1, 3, 5], [1, 3, 5], [1, 3, 5]]})"},
    {"hifigan-v2",
     R"({"sampling_rate": 22050, "n_fft": 1024, "hop_size": 256, "win_size": 1024, "num_mels": 80,
      "fmin": 0, "fmax": 8000, "resblock": "1", "upsample_rates": [8, 8, 2, 2],
      "upsample_kernel_sizes": [16, 16, 4, 4], "upsample_initial_channel": 128, "resblock_kernel_sizes": [3, 7, 11],
      "resblock_dilation_sizes": [[1, 3, 5], [1, 3, 5], [1, 3, 5]]})"},
    {"hifigan-v3",
     R"({"sampling_rate": 22050, "n_fft": 1024, "hop_size": 256, "win_size": 1024, "num_mels": 80,
      "fmin": 0, "fmax": 8000, "resblock": "2", "upsample_rates": [8, 8, 4],
      "upsample_kernel_sizes": [16, 16, 8], "upsample_initial_channel": 256, "resblock_kernel_sizes": [3, 5, 7],
      "resblock_dilation_sizes": [[1, 2], [2, 6], [3, 12]]})"},
};

}  // namespace

std::vector<std::string> named_configs() {
  std::vector<std::string> names;
  for (const Named& n : named) names.emplace_back(n.name);
  return names;
}

std::optional<Config> named_config(std::string_view name) {
  for (const Named& n : named)
    if (n.name == name) return Config(n.name, Json::parse(n.json));
  return {};
}

Config read_config(const std::string& path) {
  return {path, detail::read_config_file(path)};
}

}  // namespace wavestride::models
