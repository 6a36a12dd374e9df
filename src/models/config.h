// Config: the settings of a model as its recipe wrote them. Every complaint is an IoError that names the
// file, the key, and what it must be.
#pragma once

#include <wavestride/geometry.h>
#include <wavestride/io.h>
#include <wavestride/kernel.h>

#include <cmath>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "check.h"

namespace wavestride::models {

using Json = nlohmann::json;

/// Spellings of one setting in different recipes: the first that a config holds counts.
using Keys = std::initializer_list<const char*>;

/// One object of a config, the whole of it or a section.
class Config {
 public:
  /// `path` is the file that complaints name. Throws IoError unless `root` is an object.
  Config(std::string path, Json root);

  template <class... Parts>
  [[noreturn]] void refuse(const Parts&... parts) const {
    throw IoError(path_, message("config: ", parts...));
  }

  const Json& json() const { return object_; }
  /// nullptr where it holds none of the keys.
  const Json* find(Keys keys) const;
  bool has(Keys keys) const { return find(keys) != nullptr; }
  /// The key as complaints name it: the spelling that is there, else the first.
  std::string name(Keys keys) const;

  std::string text(Keys keys) const;
  double number(Keys keys) const;
  bool flag(Keys keys) const;
  Index integer(Keys keys, Index least, Index most) const;
  /// The values of a list with at least `shortest` and at most `longest` of them.
  std::vector<Index> integers(Keys keys, std::size_t shortest, std::size_t longest, Index least,
                              Index most) const;
  /// The same of numbers.
  std::vector<double> numbers(Keys keys, std::size_t shortest, std::size_t longest, double least,
                              double most) const;
  /// A list of lists of integers.
  std::vector<std::vector<Index>> integer_lists(Keys keys, std::size_t shortest, std::size_t longest,
                                                Index least, Index most) const;
  /// A section of the config.
  Config section(Keys keys) const;
  /// The section at "a.b", "" this one; nothing where there is none.
  std::optional<Config> descend(std::string_view path) const;
  /// Other settings, of the same file.
  Config with(Json object) const { return {path_, where_, std::move(object)}; }
  /// These settings, and where they say nothing `defaults`.
  Config completed(Json defaults) const;
  /// A list of sections.
  std::vector<Config> sections(Keys keys, std::size_t shortest, std::size_t longest) const;

 private:
  Config(std::string path, std::string where, Json object)
      : path_(std::move(path)), where_(std::move(where)), object_(std::move(object)) {}
  const Json& list(Keys keys, std::size_t shortest, std::size_t longest) const;
  std::vector<Index> integers_of(const Json& list, const std::string& name, Index least, Index most) const;

  std::string path_;
  std::string where_;  // "model." in front of a section's keys
  Json object_;
};

/// "a, b, c".
std::string joined(const std::vector<std::string>& names);

/// Configs that come with the library, of networks whose files lie about without one.
std::vector<std::string> named_configs();
/// Nothing where there is none of this name.
std::optional<Config> named_config(std::string_view name);

/// The object in a JSON or YAML file. Throws IoError unless it is one.
Config read_config(const std::string& path);

}  // namespace wavestride::models
