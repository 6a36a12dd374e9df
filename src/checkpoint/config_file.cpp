#include "checkpoint/config_file.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>

#include "input_file.h"

namespace wavestride::detail {
namespace {

using Json = nlohmann::json;

constexpr Index max_bytes = 4 << 20;
/// yaml-cpp makes up to 100 bytes of a byte before it tells of any value,
constexpr Index max_yaml_bytes = 1 << 20;
/// and 250 of a bracket that does not close. In texts some may stand by themselves.
constexpr Index max_open_brackets = 4096;
constexpr std::size_t max_depth = 64;
/// Each takes some 100 bytes, and a destructor of theirs that finds no memory ends the program.
constexpr std::size_t max_values = 1 << 18;

struct Word {
  std::string_view text;
  Json value;
};

/// The base of a number that is written in another than 10: "0x10", "0b10", "010"; else 0.
int base_of(std::string_view digits) {
  if (digits.starts_with("0x")) return 16;
  if (digits.starts_with("0b")) return 2;
  return digits.size() > 1 && digits[0] == '0' && digits.find_first_not_of("01234567") == digits.npos ? 8 : 0;
}

/// A scalar without quotes, as YAML 1.1 understands it.
Json plain_scalar(const std::string& text) {
  static const Word words[] = {
      {"", nullptr},        {"~", nullptr},       {"null", nullptr}, {"Null", nullptr},  {"NULL", nullptr},
      {"true", true},       {"True", true},       {"TRUE", true},    {"false", false},   {"False", false},
      {"FALSE", false},     {"yes", true},        {"Yes", true},     {"YES", true},      {"no", false},
      {"No", false},        {"NO", false},        {"on", true},      {"On", true},       {"ON", true},
      {"off", false},       {"Off", false},       {"OFF", false},    {".inf", INFINITY}, {".Inf", INFINITY},
      {"-.inf", -INFINITY}, {"-.Inf", -INFINITY}, {".nan", NAN},     {".NaN", NAN}};
  if (const auto it = std::ranges::find(words, std::string_view(text), &Word::text); it != std::end(words))
    return it->value;
  std::string digits = text;
  if (digits.starts_with('+')) digits.erase(0, 1);
  const std::size_t first = digits.find_first_of("0123456789");
  if (first > digits.find_first_not_of("-.")) return text;  // "inf" and "nan" are words
  std::erase(digits, '_');
  const char *begin = digits.data(), *end = begin + digits.size();
  if (const bool minus = *begin == '-'; const int base = base_of(digits.substr(minus))) {
    std::uint32_t bits = 0;  // configs have no larger ones
    const auto [at, error] = std::from_chars(begin + minus + (base == 8 ? 1 : 2), end, bits, base);
    if (error == std::errc() && at == end) return minus ? -std::int64_t{bits} : std::int64_t{bits};
  }
  std::int64_t integer = 0;
  if (const auto [at, error] = std::from_chars(begin, end, integer); error == std::errc() && at == end)
    return integer;
  double real = 0;
  if (const auto [at, error] = std::from_chars(begin, end, real); error == std::errc() && at == end)
    return real;
  return text;
}

struct Extent {
  std::size_t values = 1, depth = 1;
};

Extent extent(const Json& json) {
  Extent all;
  for (const Json& inner : json) {
    if (!json.is_structured()) break;  // a scalar iterates over itself
    const Extent e = extent(inner);
    all.values += e.values;
    all.depth = std::max(all.depth, e.depth + 1);
  }
  return all;
}

/// Builds a value from the events of a parser.
class Builder final : public YAML::EventHandler {
 public:
  Builder(const InputFile& file, std::size_t bytes)
      : file_(file), copies_(std::min((1 << 16) + 4 * bytes, max_values)) {}

  Json take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { add(mark, anchor, Json()); }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    if (tag == "!ref") return add(mark, anchor, referred(mark, text));
    const bool as_it_is = tag == "!" || tag == "tag:yaml.org,2002:str" || expects_key();
    add(mark, anchor, as_it_is ? Json(text) : plain_scalar(text));
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto it = anchored_.find(anchor);
    require(it != anchored_.end(), mark, "an alias within what it stands for");
    add(mark, YAML::NullAnchor, copy(mark, it->second));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, anchor, Json::array());
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, anchor, Json::object());
  }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    YAML::Mark mark;
    YAML::anchor_t anchor;
    Json value;
    std::optional<std::string> key = {};  // whose value comes next
  };

  void require(bool ok, const YAML::Mark& mark, const char* reason) const {
    file_.require(ok, "line ", mark.line + 1, ": ", reason);
  }

  bool expects_key() const { return !open_.empty() && open_.back().value.is_object() && !open_.back().key; }

  void open(const YAML::Mark& mark, YAML::anchor_t anchor, Json value) {
    require(open_.size() < max_depth, mark, "values nest too deep");
    open_.push_back({mark, anchor, std::move(value)});
  }

  void close() {
    Open closed = std::move(open_.back());
    open_.pop_back();
    add(closed.mark, closed.anchor, std::move(closed.value));
  }

  /// What is complete goes into what is open.
  void add(const YAML::Mark& mark, YAML::anchor_t anchor, Json value) {
    file_.require(++values_ <= max_values, "holds more than ", max_values, " values");
    if (anchor != YAML::NullAnchor) anchored_[anchor] = copy(mark, value);
    if (open_.empty()) {
      root_ = std::move(value);
      return;
    }
    Open& to = open_.back();
    if (to.value.is_array()) {
      to.value.push_back(std::move(value));
    } else if (!to.key) {
      require(!value.is_structured(), mark, "a key that is no scalar");
      to.key = value.is_string() ? value.get<std::string>() : value.dump();
    } else {
      const std::string key = *std::exchange(to.key, std::nullopt);
      if (key == "<<")
        merge(to.value, value);
      else
        to.value[key] = std::move(value);
    }
  }

  /// Keys that are there stay.
  static void merge(Json& into, const Json& from) {
    if (from.is_object()) into.insert(from.begin(), from.end());
    if (from.is_array())
      for (const Json& part : from)
        if (part.is_object()) into.insert(part.begin(), part.end());
  }

  /// Anchors, aliases and references copy values, aliases of aliases many times over.
  Json copy(const YAML::Mark& mark, const Json& value) {
    const Extent e = extent(value);
    require(e.values <= copies_, mark, "aliases multiply their values");
    require(open_.size() + e.depth <= max_depth, mark, "values nest too deep");
    copies_ -= e.values;
    return value;
  }

  /// "<key>" is the value of a key of the whole; other references stay text.
  Json referred(const YAML::Mark& mark, const std::string& text) {
    if (open_.empty() || !text.starts_with('<') || !text.ends_with('>')) return text;
    const Json& all = open_.front().value;
    const auto it = all.find(text.substr(1, text.size() - 2));
    return it == all.end() ? Json(text) : copy(mark, *it);
  }

  const InputFile& file_;
  std::size_t copies_;      // of values that may still be made
  std::size_t values_ = 0;  // that were made, keys among them
  Json root_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, Json> anchored_;
};

}  // namespace

Json parse_json(const std::string& text, const std::string& path, const std::string& what) {
  if (std::ssize(text) > max_bytes)
    throw IoError(path,
                  message(what, "has ", text.size(), " bytes; configs of at most ", max_bytes, " are read"));
  std::size_t values = 0;
  const auto limit = [&](int depth, Json::parse_event_t event, Json&) {
    using Event = Json::parse_event_t;
    if (depth > static_cast<int>(max_depth))
      throw IoError(path, message(what, "nests values more than ", max_depth, " deep"));
    values += event == Event::value || event == Event::object_start || event == Event::array_start;
    if (values > max_values) throw IoError(path, message(what, "holds more than ", max_values, " values"));
    return true;
  };
  try {
    return Json::parse(text, limit, true, true);
  } catch (const Json::exception& e) {
    // "[json.exception.parse_error.101] parse error at line 1, column 2: …"
    const std::string reason = e.what();
    throw IoError(path, what + "is no JSON: " + reason.substr(reason.find("] ") + 2));
  }
}

namespace {

/// Whether what starts with a brace and is no JSON is to be read as YAML: by its name, or because Python has
/// written numbers to it that JSON lacks, which then are words.
bool may_be_flow_yaml(const std::string& path, const std::string& text) {
  return path.ends_with(".yml") || path.ends_with(".yaml") || text.find("NaN") != text.npos ||
         text.find("Infinity") != text.npos;
}

Index most_open_brackets(const std::string& text) {
  Index open = 0, most = 0;
  for (const char c : text) {
    if (c == '[' || c == '{') most = std::max(most, ++open);
    if (c == ']' || c == '}') open = std::max<Index>(open - 1, 0);
  }
  return most;
}

}  // namespace

Json read_config_file(const std::string& path) {
  const InputFile file(path);
  file.require(file.size() <= max_bytes, "has ", file.size(), " bytes; configs of at most ", max_bytes,
               " are read");
  std::string text(static_cast<std::size_t>(file.size()), '\0');
  file.read_at(0, std::as_writable_bytes(std::span(text)));
  const std::size_t first = text.find_first_not_of("\xef\xbb\xbf \t\r\n");
  if (first != text.npos && text[first] == '{') {
    try {
      return parse_json(text, path, "");
    } catch (const IoError&) {
      if (!may_be_flow_yaml(path, text)) throw;
    }
  }
  file.require(file.size() <= max_yaml_bytes, "has ", file.size(), " bytes; YAML of at most ", max_yaml_bytes,
               " is read");
  file.require(most_open_brackets(text) <= max_open_brackets, "values nest too deep");
  std::istringstream in(text);
  Builder builder(file, text.size());
  try {
    YAML::Parser(in).HandleNextDocument(builder);
  } catch (const YAML::Exception& e) {
    file.fail("line ", e.mark.line + 1, ": ", e.msg);
  }
  return builder.take();
}

}  // namespace wavestride::detail
