#include "checkpoint/torch_values.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "dtype.h"

namespace wavestride::detail {
namespace {

using Kind = PickleValue::Kind;
using Json = nlohmann::json;
using Items = std::vector<const PickleValue*>;

constexpr std::size_t max_depth = 100, max_dimensions = 32, max_state_dicts = 1000, max_budget = 1 << 27,
                      max_values = 1 << 19;

/// What the functions and classes mean that are understood; all others are kept as names.
enum class Meaning {
  unknown,
  dict,
  list,
  tensor,        // (storage, offset, size, stride, …)
  typed_tensor,  // (storage, offset, size, stride, requires_grad, hooks, dtype, …)
  same,          // what the first argument is
  delegate,      // (function, type, arguments, …): what the function makes of the arguments
  object,        // (class, base, what it is made of as one of its base): by protocol 1 most objects
  number,        // (numpy.dtype, bytes)
  bytes          // (text, "latin1")
};

struct Callable {
  std::string_view name;
  Meaning meaning;
  std::size_t arguments;  // at least
};

constexpr Callable callables[] = {
    {"collections.OrderedDict", Meaning::dict, 0},
    {"collections.defaultdict", Meaning::dict, 0},
    {"__builtin__.dict", Meaning::dict, 0},
    {"builtins.dict", Meaning::dict, 0},
    {"torch.Size", Meaning::list, 1},
    {"__builtin__.set", Meaning::list, 1},
    {"builtins.set", Meaning::list, 1},
    {"__builtin__.frozenset", Meaning::list, 1},
    {"builtins.frozenset", Meaning::list, 1},
    {"torch._utils._rebuild_tensor", Meaning::tensor, 4},
    {"torch._utils._rebuild_tensor_v2", Meaning::tensor, 4},
    {"torch._utils._rebuild_tensor_v3", Meaning::typed_tensor, 7},
    {"torch._utils._rebuild_parameter", Meaning::same, 1},
    {"torch._utils._rebuild_parameter_with_state", Meaning::same, 1},
    {"torch._tensor._rebuild_from_type_v2", Meaning::delegate, 3},
    {"copy_reg._reconstructor", Meaning::object, 3},
    {"copyreg._reconstructor", Meaning::object, 3},
    {"numpy.core.multiarray.scalar", Meaning::number, 2},
    {"numpy._core.multiarray.scalar", Meaning::number, 2},
    {"_codecs.encode", Meaning::bytes, 1},
};

struct StorageType {
  std::string_view name;
  DType dtype;
};

constexpr StorageType storage_types[] = {
    {"torch.DoubleStorage", DType::f64}, {"torch.FloatStorage", DType::f32},
    {"torch.HalfStorage", DType::f16},   {"torch.BFloat16Storage", DType::bf16},
    {"torch.LongStorage", DType::i64},   {"torch.IntStorage", DType::i32},
    {"torch.ShortStorage", DType::i16},  {"torch.CharStorage", DType::i8},
    {"torch.ByteStorage", DType::u8},    {"torch.BoolStorage", DType::boolean},
    {"torch.UntypedStorage", DType::u8}, {"torch.storage.UntypedStorage", DType::u8},
};

constexpr StorageType element_types[] = {
    {"torch.float64", DType::f64},         {"torch.float32", DType::f32},
    {"torch.float16", DType::f16},         {"torch.bfloat16", DType::bf16},
    {"torch.int64", DType::i64},           {"torch.int32", DType::i32},
    {"torch.int16", DType::i16},           {"torch.int8", DType::i8},
    {"torch.uint64", DType::u64},          {"torch.uint32", DType::u32},
    {"torch.uint16", DType::u16},          {"torch.uint8", DType::u8},
    {"torch.bool", DType::boolean},        {"torch.float8_e4m3fn", DType::f8_e4m3},
    {"torch.float8_e5m2", DType::f8_e5m2},
};

/// nullptr where there is none of this name.
template <class Table>
auto find(const Table& table, const PickleValue& named) {
  const auto it =
      std::ranges::find(table, std::string_view(named.text), [](const auto& row) { return row.name; });
  return named.is(Kind::global) && it != std::end(table) ? &*it : nullptr;
}

/// Text whose characters stand for bytes, as Python 3 writes bytes for Python 2 to read.
std::string latin1(const std::string& utf8) {
  std::string bytes;
  for (std::size_t i = 0; i < utf8.size(); ++i) {
    const auto lead = static_cast<unsigned char>(utf8[i]);
    const bool pair = (lead & 0xfe) == 0xc2 && i + 1 < utf8.size();
    bytes += pair ? static_cast<char>(lead << 6 | (utf8[++i] & 0x3f)) : utf8[i];
  }
  return bytes;
}

/// The little-endian number that a numpy type like "f8" makes of bytes.
Json numpy_number(std::string_view type, std::string bytes) {
  const DTypeEntry* entry = dtype_by_numpy(type);
  if (!entry || static_cast<std::size_t>(entry->bytes) != bytes.size()) return {};
  if (entry->dtype == DType::f64) {
    double value;
    std::memcpy(&value, bytes.data(), sizeof value);
    return value;
  }
  if (type[0] == 'f') {
    float value;
    entry->load(reinterpret_cast<const std::byte*>(bytes.data()), &value, 1);
    return value;
  }
  bytes.resize(8, type[0] == 'i' && bytes.back() & 0x80 ? '\xff' : '\0');
  std::int64_t value;
  std::memcpy(&value, bytes.data(), sizeof value);
  if (type[0] == 'b') return value != 0;
  return type[0] == 'u' ? Json(static_cast<std::uint64_t>(value)) : Json(value);
}

std::string join(const std::string& path, const std::string& name) {
  return path.empty() ? name : path + "." + name;
}

class Reader {
 public:
  Reader(const Pickle& pickle, const InputFile& file)
      : file_(file),
        budget_((1 << 15) + std::min(64 * static_cast<std::size_t>(pickle.bytes()), max_budget)) {
    std::optional<Json> values;
    if (!tensor(pickle.root(), "tensor")) values = read(pickle.root(), "", true);
    out_.metadata["values"] = dumped(std::move(values).value_or(Json::object()));
    out_.metadata["state_dicts"] = dumped(state_dicts_);
  }

  TorchValues take() { return std::move(out_); }

 private:
  template <class... Parts>
  [[noreturn]] void fail(const Parts&... parts) const {
    file_.fail("its pickle ", parts...);
  }
  template <class... Parts>
  void require(bool ok, const Parts&... parts) const {
    if (!ok) fail(parts...);
  }

  static std::string dumped(const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
  }

  /// Values that stand in many places are met again in each.
  void charge(std::size_t bytes) {
    require(bytes <= budget_ && ++values_ <= max_values,
            "repeats its values too often, or holds more than a checkpoint does");
    budget_ -= bytes;
  }

  /// Notes down the tensors in a value, which is none itself, and gives what else it holds: nothing if
  /// nothing else. `named`: whether keys alone lead here, no numbers in lists.
  std::optional<Json> read(const PickleValue& value, const std::string& path, bool named) {
    charge(64 + path.size() + value.text.size());
    if (std::ranges::find(open_, &value) != open_.end()) return "(itself)";
    require(open_.size() < max_depth, "nests values more than ", max_depth, " deep");
    open_.push_back(&value);
    std::optional<Json> json;
    switch (value.kind) {
      case Kind::none:
        json = Json();
        break;
      case Kind::boolean:
        json = value.integer != 0;
        break;
      case Kind::integer:
        json = value.integer;
        break;
      case Kind::real:
        json = value.real;
        break;
      case Kind::text:
      case Kind::global:
        json = value.text;
        break;
      case Kind::big_integer:
      case Kind::bytes:
        json = bytes_text(value.text);
        break;
      case Kind::persistent:
        json = "(outside of the pickle)";
        break;
      case Kind::list:
      case Kind::tuple:
      case Kind::set:
        json = read_list({&value.items}, path);
        break;
      case Kind::dict:
        json = read_dict({&value.items}, path, named);
        break;
      case Kind::call:
        json = read_call(value, path, named);
    }
    open_.pop_back();
    return json;
  }

  static Json bytes_text(const std::string& bytes) { return message("(", bytes.size(), " bytes)"); }

  std::optional<Json> read_list(std::initializer_list<const Items*> parts, const std::string& path) {
    Json list = Json::array();
    bool any = false, others = false;
    for (const Items* items : parts)
      for (const PickleValue* item : *items) {
        any = true;
        const std::string name = join(path, std::to_string(list.size()));
        std::optional<Json> json;
        if (!tensor(*item, name)) json = read(*item, name, false);
        others |= json.has_value();
        list.push_back(std::move(json).value_or(Json()));
      }
    return any && !others ? std::nullopt : std::optional(std::move(list));
  }

  std::optional<Json> read_dict(std::initializer_list<const Items*> parts, const std::string& path,
                                bool named, Json object = Json::object()) {
    bool any = false, has_tensors = false;
    for (const Items* items : parts)
      for (std::size_t i = 0; i + 1 < items->size(); i += 2) {
        any = true;
        const PickleValue &key = *(*items)[i], &value = *(*items)[i + 1];
        // A module keeps its parts in dictionaries of these names.
        const bool part = key.is_text("_parameters") || key.is_text("_buffers") || key.is_text("_modules");
        const std::string name = key_text(key, i / 2), inner = part ? path : join(path, name);
        if (tensor(value, inner))
          has_tensors = true;
        else if (auto json = read(value, inner, named && key.is(Kind::text)))
          object[name] = std::move(*json);
      }
    const bool new_path = state_dicts_.empty() || state_dicts_.back() != path;
    if (has_tensors && named && new_path && state_dicts_.size() < max_state_dicts)
      state_dicts_.push_back(path);
    return any && object.empty() ? std::nullopt : std::optional(std::move(object));
  }

  static std::string key_text(const PickleValue& key, std::size_t index) {
    switch (key.kind) {
      case Kind::text:
        return key.text;
      case Kind::integer:
        return std::to_string(key.integer);
      case Kind::boolean:
        return key.integer ? "True" : "False";
      case Kind::none:
        return "None";
      default:
        return message("(key ", index, ")");
    }
  }

  std::optional<Json> read_call(const PickleValue& call, const std::string& path, bool named) {
    static const Items none;
    const Items& arguments = call.arguments->items;
    const Callable* callable = known(*call.callable, arguments);
    const Items& first = arguments.empty() ? none : arguments[0]->items;
    switch (callable ? callable->meaning : Meaning::unknown) {
      case Meaning::dict: {
        Items pairs;  // as Python 2 gives them
        for (const PickleValue* pair : first)
          if (pair->items.size() == 2) pairs.insert(pairs.end(), pair->items.begin(), pair->items.end());
        return read_dict({&pairs, &call.items}, path, named);
      }
      case Meaning::list:
        return read_list({&first, &call.items}, path);
      case Meaning::same:
        return read(*arguments[0], path, named);
      case Meaning::number:
        if (const PickleValue* type = arguments[0]; type->is(Kind::call) && !type->arguments->items.empty())
          return numpy_number(type->arguments->items[0]->text, bytes_of(*arguments[1]));
        break;
      case Meaning::bytes:
        return bytes_text(bytes_of(call));
      default:
        break;
    }
    return read_object(call, path, named);
  }

  static std::string bytes_of(const PickleValue& value) {
    if (!value.is(Kind::call)) return value.text;
    const Items& arguments = value.arguments->items;
    return arguments.empty() ? std::string() : latin1(arguments[0]->text);
  }

  /// What nothing is known of but its class and what it was given.
  std::optional<Json> read_object(const PickleValue& call, const std::string& path, bool named) {
    static const Items none;
    Items given = call.arguments->items;
    const Callable* callable = known(*call.callable, given);
    const PickleValue* type = call.callable;
    const Items* keyed = call.keyed ? &call.items : &none;
    if (callable && callable->meaning == Meaning::object) {
      const PickleValue* made_of = given[2];
      type = given[0];
      given.clear();
      if (made_of->is(Kind::dict))
        keyed = &made_of->items;
      else if (!made_of->is(Kind::none))
        given = {made_of};
    }
    Json object{{"__class__", type->is(Kind::global) ? type->text : "(what a call gave)"}};
    if (!call.keyed) given.insert(given.end(), call.items.begin(), call.items.end());
    if (!given.empty())
      if (auto json = read_list({&given}, path)) object["__args__"] = std::move(*json);
    // Of classes with slots the state is a tuple of two dictionaries.
    std::array<const Items*, 2> state{&none, &none};
    if (call.state && call.state->is(Kind::dict)) state[0] = &call.state->items;
    if (call.state && call.state->is(Kind::tuple))
      for (std::size_t i = 0; i < 2 && i < call.state->items.size(); ++i)
        if (call.state->items[i]->is(Kind::dict)) state[i] = &call.state->items[i]->items;
    return read_dict({keyed, state[0], state[1]}, path, named, std::move(object));
  }

  /// nullptr when nothing is known of it, or when it lacks arguments.
  static const Callable* known(const PickleValue& callable, const Items& arguments) {
    const Callable* found = find(callables, callable);
    return found && arguments.size() >= found->arguments ? found : nullptr;
  }

  /// Whether the value is a tensor, which is noted down then.
  bool tensor(const PickleValue& value, const std::string& name) {
    const PickleValue* at = &value;
    for (int wrappers = 0; at->is(Kind::call) && wrappers < 8; ++wrappers) {
      const PickleValue* callable = at->callable;
      const Items* arguments = &at->arguments->items;
      const Callable* meant = known(*callable, *arguments);
      if (meant && meant->meaning == Meaning::delegate) {
        callable = (*arguments)[0];
        arguments = &(*arguments)[2]->items;
        meant = known(*callable, *arguments);
      }
      if (!meant) return false;
      if (meant->meaning == Meaning::same) {
        at = (*arguments)[0];
      } else {
        const bool typed = meant->meaning == Meaning::typed_tensor;
        return (typed || meant->meaning == Meaning::tensor) && place(*arguments, typed, name);
      }
    }
    return false;
  }

  struct StorageView {
    std::size_t storage;
    Index first, elements;
  };

  /// (storage, offset, size, stride, …); false when its numbers are of a type that is not read.
  bool place(const Items& arguments, bool typed, const std::string& name) {
    const auto storage = storage_of(*arguments[0]);
    if (!storage) return false;
    PlacedTensor t;
    t.info.name = name;
    t.info.dtype = out_.storages[storage->storage].dtype;
    const Index element = dtype_size(t.info.dtype);
    if (typed) {
      const StorageType* type = find(element_types, *arguments[6]);
      if (!type) return false;
      t.info.dtype = type->dtype;
    }
    charge(128 + name.size());
    const Index size = dtype_size(t.info.dtype), elements = storage->elements * element / size;
    t.info.shape = integers(*arguments[2], name);
    t.stride = integers(*arguments[3], name);
    const Index offset = integer(*arguments[1], name);
    const auto count = checked_elements(t.info.shape, size);
    require(count && t.stride.size() == t.info.shape.size(), "gives tensor \"", name, "\" the shape ",
            shape_string(t.info.shape), " and strides ", shape_string(t.stride));
    t.info.elements = *count;
    if (*count == 0) {
      t.stride.clear();
    } else {
      Index last = offset;
      for (std::size_t d = 0; d < t.stride.size(); ++d) {
        Index& stride = t.stride[d];
        const Index steps = t.info.shape[d] - 1;
        if (steps == 0) stride = 0;
        require(steps == 0 || stride <= (elements - 1 - std::min(last, elements)) / steps, "lets tensor \"",
                name, "\" reach out of its storage of ", elements, " elements");
        last += steps * stride;
      }
      require(last < elements, "lets tensor \"", name, "\" reach out of its storage of ", elements,
              " elements");
      t.begin = storage->first * element + offset * size;
    }
    out_.tensors.push_back(std::move(t));
    out_.storage_of.push_back(storage->storage);
    return true;
  }

  Index integer(const PickleValue& value, const std::string& name) const {
    require(value.is(Kind::integer) && value.integer >= 0, "gives tensor \"", name,
            "\" a number that is none, or negative");
    return value.integer;
  }

  std::vector<Index> integers(const PickleValue& value, const std::string& name) const {
    const PickleValue* list = &value;
    if (value.is(Kind::call)) {
      const Items& arguments = value.arguments->items;
      const Callable* meant = known(*value.callable, arguments);
      if (meant && meant->meaning == Meaning::list) list = arguments[0];
    }
    require(list->is(Kind::tuple) || list->is(Kind::list), "gives tensor \"", name,
            "\" a shape that is none");
    require(list->items.size() <= max_dimensions, "gives tensor \"", name, "\" more than ", max_dimensions,
            " dimensions");
    std::vector<Index> result;
    for (const PickleValue* item : list->items) result.push_back(integer(*item, name));
    return result;
  }

  /// ("storage", type, key, device, elements[, view]), where a view is (key, first, elements) or None.
  std::optional<StorageView> storage_of(const PickleValue& value) {
    require(value.is(Kind::persistent) && value.arguments->is(Kind::tuple), "makes a tensor of no storage");
    const Items& id = value.arguments->items;
    require(id.size() >= 5 && id[0]->is_text("storage") && id[2]->is(Kind::text), "names a storage wrongly");
    const StorageType* type = find(storage_types, *id[1]);
    if (!type) return {};
    TorchStorage storage{id[2]->text, type->dtype, integer(*id[4], id[2]->text)};
    require(storage.elements <= std::numeric_limits<Index>::max() / 8, "claims a storage of ",
            storage.elements, " elements");
    const auto [it, first] = storages_.emplace(storage.key, out_.storages.size());
    if (first) out_.storages.push_back(storage);
    TorchStorage& known = out_.storages[it->second];
    require(known.dtype == storage.dtype, "has storage \"", storage.key, "\" of two types");
    known.elements = std::max(known.elements, storage.elements);
    StorageView view{it->second, 0, storage.elements};
    if (id.size() > 5 && id[5]->is(Kind::tuple) && id[5]->items.size() == 3) {
      view.first = integer(*id[5]->items[1], storage.key);
      view.elements = integer(*id[5]->items[2], storage.key);
      require(view.first <= storage.elements && view.elements <= storage.elements - view.first,
              "lets a view reach out of storage \"", storage.key, "\"");
    }
    return view;
  }

  const InputFile& file_;
  std::size_t budget_, values_ = 0;
  TorchValues out_;
  Json state_dicts_ = Json::array();
  std::vector<const PickleValue*> open_;
  std::map<std::string, std::size_t, std::less<>> storages_;  // by key
};

}  // namespace

TorchValues torch_values(const Pickle& pickle, const InputFile& file) {
  return Reader(pickle, file).take();
}

std::unique_ptr<TensorFile> placed(std::string format, TorchValues values, std::unique_ptr<InputFile> file) {
  for (std::size_t i = 0; i < values.tensors.size(); ++i) {
    const TorchStorage& s = values.storages[values.storage_of[i]];
    file->require(s.begin >= 0, "lacks the storage \"", s.key, "\" of tensor \"", values.tensors[i].info.name,
                  "\"");
    values.tensors[i].begin += s.begin;
  }
  return std::make_unique<PlacedTensors>(std::move(format), std::move(file), std::move(values.tensors),
                                         std::move(values.metadata));
}

}  // namespace wavestride::detail
