#include <algorithm>
#include <optional>

#include "checkpoint/byte_reader.h"
#include "checkpoint/formats.h"
#include "checkpoint/placed_tensors.h"
#include "dtype.h"

namespace wavestride::detail {
namespace {

/// A range of the file.
struct Range {
  Index begin = 0, end = 0;
  Index size() const { return end - begin; }
};

/// One field of a protobuf message: https://protobuf.dev/programming-guides/encoding.
struct Field {
  std::uint64_t number = 0;
  std::uint64_t value = 0;  // of an integer
  Range bytes;              // what it is encoded in; of text and messages their content
  bool is_integer = false;
  bool has_length = false;
};

class Message {
 public:
  Message(const InputFile& file, Range range) : in_(file, range.begin, range.end) {}

  /// False at the end.
  bool next(Field& field) {
    if (in_.remaining() == 0) return false;
    const std::uint64_t tag = integer();
    field = {};
    field.number = tag >> 3;
    field.bytes.begin = in_.position();
    switch (tag & 7) {
      case 0:
        field.is_integer = true;
        field.value = integer();
        break;
      case 1:
        in_.skip(8);
        break;
      case 2: {
        const std::uint64_t length = integer();
        field.has_length = true;
        field.bytes.begin = in_.position();
        in_.skip(length);
        break;
      }
      case 5:
        in_.skip(4);
        break;
      default:
        in_.file().fail("is no ONNX file, or damaged: no field starts at byte ", field.bytes.begin - 1);
    }
    field.bytes.end = in_.position();
    return true;
  }

  /// An integer of 1 to 10 bytes, seven bits in each.
  std::uint64_t integer() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const std::uint8_t byte = in_.byte();
      value |= std::uint64_t{byte & 0x7fu} << shift;
      if (byte < 0x80) return value;
    }
    in_.file().fail("is no ONNX file, or damaged: no integer ends at byte ", in_.position());
  }

  bool at_end() const { return in_.remaining() == 0; }

 private:
  ByteReader in_;
};

std::string text(const InputFile& file, const Field& field) {
  const Range r = field.bytes;
  return ByteReader(file, r.begin, r.end).text(static_cast<std::uint64_t>(r.size()));
}

// Field numbers of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.
namespace model_proto {
constexpr std::uint64_t graph = 7, metadata_props = 14;
}
namespace graph_proto {
constexpr std::uint64_t initializer = 5;
}
namespace entry_proto {
constexpr std::uint64_t key = 1, value = 2;
}
namespace tensor_proto {
constexpr std::uint64_t dims = 1, data_type = 2, segment = 3, float_data = 4, int32_data = 5, int64_data = 7,
                        name = 8, raw_data = 9, double_data = 10, uint64_data = 11, external_data = 13,
                        data_location = 14;
}

struct Type {
  std::uint64_t number;  // of TensorProto.DataType
  DType dtype;
  std::uint64_t field;    // that holds its values where raw_data does not
  bool variable = false;  // whether they are integers of variable length there
};

constexpr Type types[] = {
    {1, DType::f32, tensor_proto::float_data},
    {2, DType::u8, tensor_proto::int32_data, true},
    {3, DType::i8, tensor_proto::int32_data, true},
    {4, DType::u16, tensor_proto::int32_data, true},
    {5, DType::i16, tensor_proto::int32_data, true},
    {6, DType::i32, tensor_proto::int32_data, true},
    {7, DType::i64, tensor_proto::int64_data, true},
    {9, DType::boolean, tensor_proto::int32_data, true},
    {10, DType::f16, tensor_proto::int32_data, true},
    {11, DType::f64, tensor_proto::double_data},
    {12, DType::u32, tensor_proto::uint64_data, true},
    {13, DType::u64, tensor_proto::uint64_data, true},
    {16, DType::bf16, tensor_proto::int32_data, true},
    {17, DType::f8_e4m3, tensor_proto::int32_data, true},
    {19, DType::f8_e5m2, tensor_proto::int32_data, true},
};

/// What a TensorProto says, whatever the order of its fields.
struct Initializer {
  std::string name;
  std::vector<Index> shape;
  std::uint64_t type = 0;
  std::optional<Range> raw;
  std::vector<std::pair<std::uint64_t, Range>> lists;  // by field; one may come in parts
};

Initializer read_initializer(const InputFile& file, Range range) {
  constexpr std::size_t max_dimensions = 32;
  Initializer t;
  const char* elsewhere = nullptr;
  Message message(file, range);
  for (Field f; message.next(f);) {
    switch (f.number) {
      case tensor_proto::dims: {
        Message dims(file, f.bytes);
        while (!dims.at_end()) {
          file.require(t.shape.size() < max_dimensions, "has a tensor of more than ", max_dimensions,
                       " dimensions");
          t.shape.push_back(static_cast<Index>(dims.integer()));
        }
        break;
      }
      case tensor_proto::data_type:
        t.type = f.value;
        break;
      case tensor_proto::name:
        t.name = text(file, f);
        break;
      case tensor_proto::raw_data:
        t.raw = f.bytes;
        break;
      case tensor_proto::float_data:
      case tensor_proto::int32_data:
      case tensor_proto::int64_data:
      case tensor_proto::double_data:
      case tensor_proto::uint64_data:
        t.lists.emplace_back(f.number, f.bytes);
        break;
      case tensor_proto::segment:
        elsewhere = "in segments";
        break;
      case tensor_proto::external_data:
        elsewhere = "in another file";
        break;
      case tensor_proto::data_location:
        if (f.value != 0) elsewhere = "in another file";
    }
  }
  if (elsewhere)
    file.fail("tensor \"", t.name, "\" has its values ", elsewhere,
              ", which is not read: save the model in one file");
  return t;
}

/// Integers of variable length, each cut to the bytes of an element.
std::vector<std::byte> decoded(const InputFile& file, std::span<const Range> parts, std::size_t element) {
  std::vector<std::byte> values;
  for (const Range& part : parts)
    for (Message in(file, part); !in.at_end();) {
      const std::uint64_t value = in.integer();
      const auto bytes = std::as_bytes(std::span(&value, 1)).first(element);
      values.insert(values.end(), bytes.begin(), bytes.end());
    }
  return values;
}

std::vector<std::byte> joined(const InputFile& file, std::span<const Range> parts) {
  std::vector<std::byte> values;
  for (const Range& part : parts) {
    values.resize(values.size() + static_cast<std::size_t>(part.size()));
    file.read_at(part.begin, std::span(values).last(static_cast<std::size_t>(part.size())));
  }
  return values;
}

PlacedTensor place(const InputFile& file, const Initializer& t, const Type& type) {
  PlacedTensor placed;
  placed.info.name = t.name;
  placed.info.dtype = type.dtype;
  placed.info.shape = t.shape;
  const Index element = dtype_size(type.dtype);
  const auto elements = checked_elements(t.shape, element);
  file.require(elements.has_value(), "tensor \"", t.name, "\" has the shape ", shape_string(t.shape));
  placed.info.elements = *elements;

  Index bytes = 0;
  if (t.raw) {
    placed.begin = t.raw->begin;
    bytes = t.raw->size();
  } else {
    std::vector<Range> parts;
    for (const auto& [field, range] : t.lists)
      if (field == type.field && range.size() > 0) parts.push_back(range);
    if (type.variable || parts.size() > 1) {
      placed.values =
          type.variable ? decoded(file, parts, static_cast<std::size_t>(element)) : joined(file, parts);
      bytes = std::ssize(placed.values);
    } else if (!parts.empty()) {
      placed.begin = parts[0].begin;
      bytes = parts[0].size();
    }
  }
  file.require(bytes == *elements * element, "tensor \"", t.name, "\" has ", bytes, " bytes of values for ",
               dtype_name(type.dtype), " ", shape_string(t.shape));
  return placed;
}

}  // namespace

std::unique_ptr<TensorFile> open_onnx(std::unique_ptr<InputFile> file) {
  std::vector<PlacedTensor> tensors;
  std::map<std::string, std::string> metadata;
  bool has_graph = false;
  const auto require_few = [&] {
    file->require(tensors.size() + metadata.size() <= max_entries, "holds more than ", max_entries,
                  " entries");
  };
  Message model(*file, {0, file->size()});
  for (Field f; model.next(f);) {
    if (f.number == model_proto::graph && f.has_length) {
      has_graph = true;
      Message graph(*file, f.bytes);
      for (Field g; graph.next(g);) {
        if (g.number != graph_proto::initializer || !g.has_length) continue;
        const Initializer t = read_initializer(*file, g.bytes);
        file->require(!t.name.empty(), "holds a tensor without a name");
        if (const auto type = std::ranges::find(types, t.type, &Type::number); type != std::end(types))
          tensors.push_back(place(*file, t, *type));
        require_few();
      }
    } else if (f.number == model_proto::metadata_props && f.has_length) {
      std::string key, value;
      Message entry(*file, f.bytes);
      for (Field e; entry.next(e);) {
        if (e.number == entry_proto::key) key = text(*file, e);
        if (e.number == entry_proto::value) value = text(*file, e);
      }
      metadata[key] = value;
      require_few();
    }
  }
  file->require(has_graph, "is no ONNX file: it holds no graph");
  return std::make_unique<PlacedTensors>("ONNX", std::move(file), std::move(tensors), std::move(metadata));
}

}  // namespace wavestride::detail
