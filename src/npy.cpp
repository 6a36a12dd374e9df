#include <wavestride/npy.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <utility>

#include "check.h"
#include "dtype.h"
#include "input_file.h"

namespace wavestride {
namespace {

constexpr std::string_view magic{"\x93NUMPY", 6};
constexpr Index max_header = 1 << 16;
constexpr std::size_t max_dimensions = 32;

struct Header {
  const detail::DTypeEntry* type = nullptr;
  bool fortran_order = false;
  std::vector<Index> shape;
  Index elements = 0;
  Index data = 0;  // where the values start
};

// Reads the header's Python literal, {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }: these three
// keys once each, in any order.
class Literal {
 public:
  Literal(std::string_view text, const detail::InputFile& file) : rest_(text), file_(file) {}

  Header parse() {
    Header h;
    bool descr = false, order = false, shape = false;
    expect('{');
    while (!take('}')) {
      const std::string_view key = quoted();
      expect(':');
      if (key == "descr" && !std::exchange(descr, true))
        h.type = type();
      else if (key == "fortran_order" && !std::exchange(order, true))
        h.fortran_order = truth();
      else if (key == "shape" && !std::exchange(shape, true))
        h.shape = tuple();
      else
        fail("has the unknown or repeated key \"", key, "\"");
      if (!take(',')) {
        expect('}');
        break;
      }
    }
    skip_spaces();
    if (!rest_.empty()) fail("goes on after its closing brace");
    if (!descr || !order || !shape) fail("lacks descr, fortran_order or shape");
    return h;
  }

 private:
  template <class... Parts>
  [[noreturn]] void fail(const Parts&... parts) const {
    file_.fail("the header ", parts...);
  }
  void skip_spaces() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\n"), rest_.size())); }
  bool take(char c) {
    skip_spaces();
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void expect(char c) {
    if (!take(c)) fail("lacks ", c, " before \"", rest_.substr(0, 16), "\"");
  }
  bool take_word(std::string_view word) {
    skip_spaces();
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }

  std::string_view quoted() {
    const char quote = take('\'') ? '\'' : '"';
    if (quote == '"') expect('"');
    const std::size_t end = rest_.find(quote);
    if (end == rest_.npos) fail("has text without an end");
    const std::string_view text = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    return text;
  }

  const detail::DTypeEntry* type() {
    if (take('[')) fail("describes records, not an array of numbers");
    const std::string_view descr = quoted();
    if (descr.ends_with('O'))
      fail("has the dtype \"", descr, "\", objects of Python's: save the numbers in them as an array");
    if (descr.starts_with('>'))
      fail("describes big-endian values, ", descr, "; only little-endian ones are read");
    const auto* found = descr.empty() ? nullptr : detail::dtype_by_numpy(descr.substr(1));
    if (!found || !(descr[0] == '<' || (descr[0] == '|' && found->bytes == 1)))
      fail("has the dtype \"", descr, "\"; floats, integers and booleans are read");
    return found;
  }

  bool truth() {
    if (take_word("True")) return true;
    if (!take_word("False")) fail("has a fortran_order that is not True or False");
    return false;
  }

  std::vector<Index> tuple() {
    std::vector<Index> shape;
    expect('(');
    while (!take(')')) {
      skip_spaces();
      Index size = 0;
      const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), size);
      if (error != std::errc() || size < 0) fail("has a shape with \"", rest_.substr(0, 24), "\"");
      rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
      take('L');  // written by Python 2
      shape.push_back(size);
      if (shape.size() > max_dimensions) fail("has a shape of more than ", max_dimensions, " dimensions");
      if (!take(',')) {
        if (shape.size() == 1) fail("has a shape that is no tuple");
        expect(')');
        break;
      }
    }
    return shape;
  }

  std::string_view rest_;
  const detail::InputFile& file_;
};

[[gnu::cold]] Header read_header(const detail::InputFile& file) {
  unsigned char start[12] = {};
  const Index readable = std::min<Index>(file.size(), sizeof start);
  file.read_at(0, std::as_writable_bytes(std::span(start).first(static_cast<std::size_t>(readable))));
  file.require(readable >= 10 && std::memcmp(start, magic.data(), magic.size()) == 0,
               "is no .npy file: it does not start with \\x93NUMPY and a version");
  const int version = start[6];
  file.require(version >= 1 && version <= 3 && start[7] == 0, "is a .npy file of version ", version, ".",
               int{start[7]}, "; 1.0, 2.0 and 3.0 are read");
  Index length = start[8] | start[9] << 8, begin = 10;
  if (version > 1) {
    file.require(readable == 12, "ends within its header");
    length |= Index{start[10]} << 16 | Index{start[11]} << 24;
    begin = 12;
  }
  file.require(length <= std::min(max_header, file.size() - begin), "claims a header of ", length,
               " bytes in a file of ", file.size(), " (at most ", max_header, " are read)");
  std::string text(static_cast<std::size_t>(length), '\0');
  file.read_at(begin, std::as_writable_bytes(std::span(text)));
  Header h = Literal(text, file).parse();
  h.data = begin + length;
  const auto elements = detail::checked_elements(h.shape, h.type->bytes);
  file.require(elements && *elements * h.type->bytes == file.size() - h.data, "holds ", file.size() - h.data,
               " bytes of values, which is not ", h.type->name, " ", shape_string(h.shape));
  h.elements = *elements;
  return h;
}

// Walks an array in C order: calls visit(i, k) for its element i, which is number k in Fortran order.
template <class Visit>
void for_each_fortran(std::span<const Index> shape, Index elements, Visit visit) {
  std::vector<Index> at(shape.size()), step(shape.size());
  for (Index d = 0, s = 1; d < std::ssize(shape); s *= shape[static_cast<std::size_t>(d++)])
    step[static_cast<std::size_t>(d)] = s;
  for (Index i = 0, k = 0; i < elements; ++i) {
    visit(i, k);
    for (std::size_t d = shape.size(); d-- > 0;) {
      k += step[d];
      if (++at[d] < shape[d]) break;
      k -= step[d] * shape[d];
      at[d] = 0;
    }
  }
}

// The values in the order of the file, block by block: take(bytes, first element, count).
template <class Take>
void for_each_block(const detail::InputFile& file, const Header& h, Take take) {
  constexpr Index block = 8192;
  std::vector<std::byte> bytes(static_cast<std::size_t>(std::min(block, h.elements) * h.type->bytes));
  for (Index at = 0; at < h.elements; at += block) {
    const Index count = std::min(block, h.elements - at);
    const auto chunk = std::span(bytes).first(static_cast<std::size_t>(count * h.type->bytes));
    file.read_at(h.data + at * h.type->bytes, chunk);
    take(chunk.data(), at, count);
  }
}

// Little-endian integer of 1 to 8 bytes.
Index integer(const std::byte* at, Index bytes, bool is_signed) {
  std::uint64_t value = 0;
  std::memcpy(&value, at, static_cast<std::size_t>(bytes));
  const int unused = static_cast<int>(64 - 8 * bytes);
  return is_signed ? static_cast<Index>(value << unused) >> unused : static_cast<Index>(value);
}

[[gnu::cold]] void write_header(OutputFile& file, std::string_view numpy, std::span<const Index> shape) {
  std::string dims;
  for (const Index size : shape) dims += std::to_string(size) + ", ";
  if (shape.size() > 1) dims.resize(dims.size() - 2);
  if (shape.size() == 1) dims.pop_back();
  std::string text = message("{'descr': '<", numpy, "', 'fortran_order': False, 'shape': (", dims, "), }");
  text.append(63 - (text.size() + 10) % 64, ' ');  // the values start at a multiple of 64
  text += '\n';
  const auto length = static_cast<std::uint16_t>(text.size());
  file.write(magic.data(), magic.size());
  file.write("\x01\x00", 2);
  file.write(&length, sizeof length);
  file.write(text.data(), text.size());
}

}  // namespace

Tensor read_npy(const std::string& path) {
  const detail::InputFile file(path);
  const Header h = read_header(file);
  Tensor t(h.shape);
  for_each_block(file, h, [&](const std::byte* bytes, Index at, Index count) {
    h.type->load(bytes, t.data.data() + at, count);
  });
  if (!h.fortran_order) return t;
  Tensor c(h.shape);
  for_each_fortran(h.shape, h.elements, [&](Index i, Index k) {
    c.data[static_cast<std::size_t>(i)] = t.data[static_cast<std::size_t>(k)];
  });
  return c;
}

struct NpyReader::File {
  detail::InputFile input;
  Header header;
  Index position = 0;
  std::vector<std::byte> bytes;
  std::vector<float> row;

  explicit File(const std::string& path) : input(path), header(read_header(input)) {
    input.require(header.shape.size() == 2, "holds an array of shape ", shape_string(header.shape),
                  " where [channels, frames] is needed");
  }

  /// `count` values that lie together, from element `at` on.
  void load(Index at, Index count, float* out) {
    bytes.resize(static_cast<std::size_t>(count * header.type->bytes));
    input.read_at(header.data + at * header.type->bytes, bytes);
    header.type->load(bytes.data(), out, count);
  }
};

NpyReader::NpyReader(const std::string& path) : file_(std::make_unique<File>(path)) {}
NpyReader::NpyReader(NpyReader&&) noexcept = default;
NpyReader& NpyReader::operator=(NpyReader&&) noexcept = default;
NpyReader::~NpyReader() = default;

Index NpyReader::channels() const {
  return file_->header.shape[0];
}
Index NpyReader::frames() const {
  return file_->header.shape[1];
}

Signal NpyReader::read(Index count) {
  File& f = *file_;
  Signal y(channels(), std::clamp<Index>(count, 0, frames() - f.position));
  if (f.header.fortran_order) {
    f.load(f.position * channels(), y.size(), y.data());
  } else {
    f.row.resize(static_cast<std::size_t>(y.cols()));
    for (Index c = 0; c < y.rows(); ++c) {
      f.load(c * frames() + f.position, y.cols(), f.row.data());
      y.row(c) = Eigen::Map<const Eigen::RowVectorXf>(f.row.data(), y.cols());
    }
  }
  f.position += y.cols();
  return y;
}

IndexSignal read_npy_indices(const std::string& path) {
  const detail::InputFile file(path);
  const Header h = read_header(file);
  const char kind = h.type->numpy[0];
  file.require(kind == 'i' || kind == 'u', "holds ", h.type->name, " where indices must be integers");
  file.require(h.shape.size() == 1 || h.shape.size() == 2, "holds an array of shape ", shape_string(h.shape),
               " where indices must have [channels, frames] or [frames]");
  IndexSignal y(h.shape.size() == 2 ? h.shape[0] : 1, h.shape.back());
  const Index rows = y.rows(), columns = y.cols();
  for_each_block(file, h, [&](const std::byte* bytes, Index at, Index count) {
    for (Index i = 0; i < count; ++i) {
      const Index value = integer(bytes + i * h.type->bytes, h.type->bytes, kind == 'i'), k = at + i;
      file.require(kind == 'i' || value >= 0, "holds an index beyond 2^63 - 1");
      (h.fortran_order ? y(k % rows, k / rows) : y(k / columns, k % columns)) = value;
    }
  });
  return y;
}

void write_npy(const std::string& path, const Tensor& array, DType dtype) {
  const detail::DTypeEntry& type = detail::entry(dtype);
  require(dtype == DType::i16 || (type.store && !type.numpy.empty()),
          "write_npy: dtype must be F64, F32, F16 or I16, got ", type.name);
  require(detail::checked_elements(array.shape, 1) == array.size() && array.shape.size() <= max_dimensions,
          "write_npy: an array of shape ", shape_string(array.shape), " can't hold ", array.size(),
          " values");
  OutputFile file(path);
  write_header(file, type.numpy, array.shape);
  if (dtype == DType::i16) {
    std::vector<std::int16_t> values;
    values.reserve(array.data.size());
    for (const float v : array.data) {
      const float rounded = std::nearbyint(v);
      if (!(rounded >= -32768.0f && rounded <= 32767.0f))
        throw IoError(path, message("can't hold ", v, " as int16"));
      values.push_back(static_cast<std::int16_t>(rounded));
    }
    file.write(values.data(), values.size() * sizeof values[0]);
  } else {
    detail::store_all(type, array.data, file);
  }
  file.commit();
}

void write_npy(const std::string& path, const IndexSignal& indices) {
  OutputFile file(path);
  write_header(file, "i8", std::array{indices.rows(), indices.cols()});
  const Eigen::Matrix<Index, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> rows = indices;
  file.write(rows.data(), static_cast<std::size_t>(rows.size()) * sizeof(Index));
  file.commit();
}

}  // namespace wavestride
