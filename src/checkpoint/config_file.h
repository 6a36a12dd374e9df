// Config files of training recipes, JSON or YAML, as one kind of value.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace wavestride::detail {

/// JSON, with comments, where the file starts with a brace, else YAML, of which the first document counts:
/// plain scalars as PyYAML reads them (and 1e-4 as a number), keys as text, tags of Python objects without
/// effect, merges (<<) and HyperPyYAML's "!ref <key>" to what stands before resolved. What starts with a
/// brace and is no JSON is YAML if it is called .yml or .yaml, or holds Python's NaN or Infinity, which
/// become text. Throws IoError with the line where there is one: on syntax, nesting of more than 64, aliases
/// that multiply, more than 2¹⁸ values, and files of more than 4 MiB, or YAML of more than 1 MiB.
nlohmann::json read_config_file(const std::string& path);

/// JSON, with comments, that stands in the file `path`. Throws IoError that begins with `what`, on syntax, on
/// nesting of more than 64, as whoever walks the value may recurse, and on more than 4 MiB or 2¹⁸ values.
nlohmann::json parse_json(const std::string& text, const std::string& path, const std::string& what);

}  // namespace wavestride::detail
