// Python's pickle as data: what a pickle would build, as a graph of values, of which none is ever run.
#pragma once

#include <deque>
#include <vector>

#include "checkpoint/byte_reader.h"

namespace wavestride::detail {

struct PickleValue {
  enum class Kind : std::uint8_t {
    none,
    boolean,
    integer,
    big_integer,  // beyond 64 bits: `text` holds its bytes, little-endian
    real,
    text,
    bytes,
    list,
    tuple,
    set,
    dict,
    global,     // a function or class: `text` is "module.name"
    call,       // what `callable`(*`arguments`) would give, then changed by `state` and `items`
    persistent  // an object outside of the pickle, which `arguments` name
  };

  Kind kind = Kind::none;
  std::int64_t integer = 0;  // also of a boolean, 0 or 1
  double real = 0;
  std::string text;
  /// Elements; of a dict, and of what was set on a call's result by key, keys and values in turn.
  std::vector<const PickleValue*> items;
  bool keyed = false;  // whether a call's items are keys and values
  const PickleValue *callable = nullptr, *arguments = nullptr, *state = nullptr;

  bool is(Kind k) const { return kind == k; }
  bool is_text(std::string_view t) const { return kind == Kind::text && text == t; }
};

/// One pickle of protocol 1 to 5. Values may hold each other in circles: whoever walks them limits depth and
/// steps.
class Pickle {
 public:
  /// Leaves `in` behind the pickle. Throws IoError when it is damaged, or larger than any checkpoint's: 64
  /// MiB, or 2²¹ values and memo entries, each of some 100 bytes, or 2²² places where values stand.
  explicit Pickle(ByteReader& in);

  const PickleValue& root() const { return *root_; }
  Index bytes() const { return bytes_; }

 private:
  std::deque<PickleValue> values_;
  const PickleValue* root_ = nullptr;
  Index bytes_ = 0;
};

}  // namespace wavestride::detail
