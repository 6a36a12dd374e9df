// Checkpoint files that lie: whatever they hold, they are opened or refused, and nothing in them runs.
#include <wavestride/checkpoint.h>

#include <cstring>
#include <filesystem>

#include "golden.h"
#include "hostile.h"

using namespace wavestride;
using namespace wavestride::testing;
using namespace std::string_literals;
using Catch::Matchers::StartsWith;

namespace {

using Json = nlohmann::json;

// A value costs some 100 bytes and JSON of its own, for one byte of the pickle.
constexpr AllocationBound open_bound{500'000, 600};
// Copies of one storage are loaded as they are asked for, in all at most 16 times the file or 1 MiB, as
// float32.
constexpr AllocationBound load_bound{open_bound.fixed + (4 << 20) + 200'000, open_bound.per_byte + 4 * 16};

void open_only(const std::string& path) {
  open_checkpoint(path);
}

void load_all(const std::string& path) {
  const auto file = open_checkpoint(path);
  for (const TensorInfo& t : file->tensors())
    if (t.dtype != DType::f8_e4m3 && t.dtype != DType::f8_e5m2) file->load(t.name);
}

template <class T>
std::string little(T value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

struct Entry {
  std::string name, bytes;
  std::uint16_t method = 0;
  std::uint32_t claimed = 0;  // 0: what it has
};

std::string local_header(const Entry& e) {
  const auto size = static_cast<std::uint32_t>(e.claimed ? e.claimed : e.bytes.size());
  return "PK\x03\x04"s + little<std::uint16_t>(20) + little<std::uint16_t>(0) + little(e.method) +
         std::string(8, '\0') + little(size) + little(size) +
         little(static_cast<std::uint16_t>(e.name.size())) + little<std::uint16_t>(0) + e.name;
}

std::string central_header(const Entry& e, std::uint32_t offset) {
  const auto size = static_cast<std::uint32_t>(e.claimed ? e.claimed : e.bytes.size());
  return "PK\x01\x02"s + std::string(6, '\0') + little(e.method) + std::string(8, '\0') + little(size) +
         little(size) + little(static_cast<std::uint16_t>(e.name.size())) + std::string(12, '\0') +
         little(offset) + e.name;
}

std::string zip_end(std::size_t entries, std::size_t size, std::size_t begin) {
  return "PK\x05\x06"s + std::string(4, '\0') + little(static_cast<std::uint16_t>(entries)) +
         little(static_cast<std::uint16_t>(entries)) + little(static_cast<std::uint32_t>(size)) +
         little(static_cast<std::uint32_t>(begin)) + little<std::uint16_t>(0);
}

std::string zip(const std::vector<Entry>& entries) {
  std::string file, directory;
  for (const Entry& e : entries) {
    directory += central_header(e, static_cast<std::uint32_t>(file.size()));
    file += local_header(e) + e.bytes;
  }
  return file + directory + zip_end(entries.size(), directory.size(), file.size());
}

// A zip of torch.save with one storage, "0", of 8 bytes.
std::string torch_zip(const std::string& pickle) {
  return zip({{"x/data.pkl", "\x80\x02" + pickle + "."}, {"x/data/0", std::string(8, '\x01')}});
}

std::string text(const std::string& s) {
  return "X" + little(static_cast<std::uint32_t>(s.size())) + s;
}
std::string global(const std::string& module, const std::string& name) {
  return "c" + module + "\n" + name + "\n";
}
std::string number(std::int64_t n) {
  return "\x8a\x08" + little(n);
}
std::string numbers(const std::vector<std::int64_t>& values) {
  std::string all = "(";
  for (const std::int64_t n : values) all += number(n);
  return all + "t";
}
std::string dict(const std::string& key, const std::string& value) {
  return "}" + text(key) + value + "s";
}
std::string storage(std::int64_t elements, const std::string& type = "FloatStorage",
                    const std::string& key = "0") {
  return "(" + text("storage") + global("torch", type) + text(key) + text("cpu") + number(elements) + "tQ";
}
std::string tensor(const std::string& of, std::int64_t offset, const std::vector<std::int64_t>& shape,
                   const std::vector<std::int64_t>& stride) {
  return global("torch._utils", "_rebuild_tensor_v2") + "(" + of + number(offset) + numbers(shape) +
         numbers(stride) + "\x89NtR";
}

struct Case {
  std::string bytes, reason;
};

std::string repeated(const std::string& what, int times) {
  std::string all;
  while (times-- > 0) all += what;
  return all;
}

}  // namespace

TEST_CASE("pickles run nothing, whatever they call") {
  const TemporaryDirectory dir;
  const std::string path = dir / "x", marker = dir / "ran", command = "touch " + marker;
  const std::string system = global("os", "system"), arguments = text(command) + "\x85";
  const std::vector<std::string> calls{
      system + arguments + "R",
      system + arguments + "\x81",
      system + arguments + "}\x92",
      text("os") + text("system") + "\x93" + arguments + "R",
      global("builtins", "exec") + text("import os; os.system('" + command + "')") + "\x85R",
      global("torch._utils", "_rebuild_parameter") + "(" + system + arguments + "R\x89NtR",
      global("torch._tensor", "_rebuild_from_type_v2") + "(" + system + system + arguments + "NtR",
      global("collections", "OrderedDict") + system + arguments + "R\x85R",
      global("argparse", "Namespace") + ")\x81}" + text("__class__") + system + "sb",
      global("copy_reg", "_reconstructor") + "(" + system + system + arguments + "tR",
      system + arguments + "Rr\1\0\0\0"s + text(command) + "a"};
  for (const std::string& call : calls) {
    INFO(call);
    write_bytes(path, torch_zip(dict("w", tensor(storage(2), 0, {2}, {1})) + text("call") + call + "s"));
    const auto file = open_checkpoint(path);
    CHECK(file->tensors().size() == 1);
    CHECK(Json::parse(file->metadata().at("values")).contains("call"));
    CHECK_FALSE(std::filesystem::exists(marker));
  }
}

TEST_CASE("pickles that hold themselves are walked once") {
  const TemporaryDirectory dir;
  const std::string path = dir / "x";
  const auto values = [&](const std::string& pickle) {
    write_bytes(path, torch_zip(pickle));
    return Json::parse(open_checkpoint(path)->metadata().at("values"));
  };
  CHECK(values("]q\x01h\x01"
               "a") == Json::array({"(itself)"}));
  CHECK(values("}q\x01" + text("a") + "h\x01s") == Json{{"a", "(itself)"}});
  CHECK(values(global("a", "B") + ")Rq\x01}" + text("self") + "h\x01sb") ==
        Json{{"__class__", "a.B"}, {"self", "(itself)"}});
  CHECK(values("]q\x01]q\x02h\x01"
               "ah\x02"
               "aa") == Json::array({Json::array({"(itself)", "(itself)"})}));
}

TEST_CASE("pickles that multiply, nest or lie are refused") {
  const TemporaryDirectory dir;
  const std::string path = dir / "x";
  std::string laughs = "]q\0"s;
  for (char i = 1; i < 60; ++i)
    laughs += "]q"s + i + "(h" + static_cast<char>(i - 1) + "h" + static_cast<char>(i - 1) + "e";
  const std::string good = storage(2);
  const std::vector<Case> cases{
      {laughs, "its pickle repeats its values too often"},
      {repeated("]", 200) + repeated("a", 199), "its pickle nests values more than 100 deep"},
      {repeated("(", 100'000), "its pickle takes a value that is not there"},
      {"0", "its pickle takes a value that is not there"},
      {"h\x07", "its pickle recalls number 7, which it never noted"},
      {"\x82\x01", "its pickle has an opcode that is not read"},
      {"S'text'\n",
       "its pickle is of protocol 0, by which PyTorch itself loads no tensors: save it by a later"},
      {"P('storage', 0)\n", "its pickle is of protocol 0, "},
      {"I1", "ends or is damaged: "},
      {"I\n", "its pickle has an integer that is none"},
      {"I1 \n", "its pickle has an integer that is none"},
      {"Lx\n", "its pickle has an integer that is none"},
      {"L\n", "its pickle has an integer that is none"},
      {"X\xff\xff\xff\xff", "ends or is damaged: "},
      {"\x8d\xff\xff\xff\xff\xff\xff\xff\xff", "ends or is damaged: "},
      {"\x8b\xff\xff\xff\xff", "ends or is damaged: "},
      {"cos", "ends or is damaged: "},
      {"}Na", "its pickle adds items to what holds none"},
      {"]NNs", "its pickle adds items to what holds none"},
      {"](NNNe(Nu", "its pickle has a key without a value"},
      {"}(Nu", "its pickle has a key without a value"},
      {"NR", "its pickle takes 2 values where 1 are"},
      {tensor(storage(3), 0, {2}, {1}), "storage \"0\" claims 3 elements of F32, its entry has 8 bytes"},
      {tensor(storage(2, "FloatStorage", "1"), 0, {2}, {1}), "lacks the entry \"x/data/1\""},
      {tensor(storage(std::int64_t{1} << 62), 0, {2}, {1}),
       "its pickle claims a storage of 4611686018427387904 elements"},
      {tensor(storage(-1), 0, {2}, {1}), "its pickle gives tensor \"0\" a number that is none, or negative"},
      {tensor(good, 0, {3}, {1}), "its pickle lets tensor \"tensor\" reach out of its storage of 2 elements"},
      {tensor(good, 1, {2}, {1}), "its pickle lets tensor \"tensor\" reach out of its storage of 2 elements"},
      {tensor(good, 2, {1}, {1}), "its pickle lets tensor \"tensor\" reach out of its storage of 2 elements"},
      {tensor(good, INT64_MAX, {2, 2}, {1, 1}),
       "its pickle lets tensor \"tensor\" reach out of its storage of 2 elements"},
      {tensor(good, 0, {2}, {INT64_MAX}),
       "its pickle lets tensor \"tensor\" reach out of its storage of 2 elements"},
      {tensor(good, 0, {2, 2}, {1, 1}),
       "its pickle lets tensor \"tensor\" reach out of its storage of 2 elements"},
      {tensor(good, -1, {2}, {1}), "its pickle gives tensor \"tensor\" a number that is none, or negative"},
      {tensor(good, 0, {2}, {-1}), "its pickle gives tensor \"tensor\" a number that is none, or negative"},
      {tensor(good, 0, {-2}, {1}), "its pickle gives tensor \"tensor\" a number that is none, or negative"},
      {tensor(good, 0, {2}, {}), "its pickle gives tensor \"tensor\" the shape [2] and strides []"},
      {tensor(good, 0, {INT64_MAX, INT64_MAX}, {0, 0}),
       "its pickle gives tensor \"tensor\" the shape [9223372036854775807, 9223372036854775807] and strides "
       "[0, 0]"},
      {tensor(good, 0, {std::int64_t{1} << 40}, {0}),
       "its tensors add up to more than 16 times the file at \"tensor\" [1099511627776]"},
      {tensor(good, 0, std::vector<std::int64_t>(33, 1), std::vector<std::int64_t>(33, 1)),
       "its pickle gives tensor \"tensor\" more than 32 dimensions"},
      {global("torch._utils", "_rebuild_tensor_v2") + "(" + good + number(0) +
           global("collections", "OrderedDict") + ")R" + numbers({1}) + "\x89NtR",
       "its pickle gives tensor \"tensor\" a shape that is none"},
      {tensor("N", 0, {2}, {1}), "its pickle makes a tensor of no storage"},
      {tensor(text("0") + "\x85Q", 0, {2}, {1}), "its pickle names a storage wrongly"},
      {dict("a", tensor(good, 0, {2}, {1})) + text("b") + tensor(storage(1, "LongStorage"), 0, {1}, {1}) +
           "s",
       "its pickle has storage \"0\" of two types"},
      {dict("a.b", tensor(good, 0, {2}, {1})) + text("a") + dict("b", tensor(good, 0, {2}, {1})) + "s",
       "tensor \"a.b\" appears twice"},
  };
  for (const auto& [pickle, reason] : cases) {
    INFO(pickle.substr(0, 100));
    CHECK(refuses(path, torch_zip(pickle), open_bound, open_only));
    CHECK_THAT(refusal([&] { open_checkpoint(path); }), StartsWith(reason));
  }
}

TEST_CASE("zip archives that lie are refused") {
  const TemporaryDirectory dir;
  const std::string path = dir / "x";
  const Entry pickle{"x/data.pkl", "\x80\x02}."};
  const std::string good = zip({pickle});
  const auto with = [&](std::size_t at, const std::string& bytes) {
    return std::string(good).replace(at, bytes.size(), bytes);
  };
  const std::size_t end = good.size() - 22, central = end - 46 - pickle.name.size();
  const std::string local = local_header(pickle) + pickle.bytes, entry = central_header(pickle, 0);
  std::string many;
  for (int i = 0; i < 1000; ++i) many += entry;
  const Case cases[] = {
      {good.substr(0, end), "is a zip archive without its directory: it was cut off, or not closed"},
      {good + std::string(1 << 16, 'x'), "is a zip archive without its directory"},
      {with(end + 20, "\x01"), "is a zip archive without its directory"},
      {with(end + 10, "\xff\xff"), "its zip directory claims 65535 entries in 56 bytes from byte 44"},
      {with(end + 12, "\xff\xff\xff\x7f"),
       "its zip directory claims 1 entries in 2147483647 bytes from byte 44"},
      {with(end + 16, "\xff\xff\xff\x7f"),
       "its zip directory claims 1 entries in 56 bytes from byte 2147483647"},
      {with(central, "PK\1\3"), "its zip directory is damaged at byte 40"},
      {with(central + 10, "\x08"),
       "entry \"x/data.pkl\" is compressed, which torch.save never does: save it anew"},
      {with(central + 8, "\x01"), "entry \"x/data.pkl\" is compressed"},
      {with(central + 20, "\x05"), "entry \"x/data.pkl\" claims 5 bytes stored, 4 of content"},
      {with(central + 20, "\x05\0\0\0\x05"s), "entry \"x/data.pkl\" reaches out of the file"},
      {with(central + 42, "\x01"), "entry \"x/data.pkl\" is not where the directory says"},
      {with(central + 42, "\xff"),
       "entry \"x/data.pkl\" starts at byte 255, inside another or outside of the file"},
      {with(30, "y"), "entry \"x/data.pkl\" has another name in its own header"},
      {with(28, "\xff"), "ends or is damaged: 255 bytes are claimed"},
      {local + many + zip_end(1000, many.size(), local.size()),
       "entry \"x/data.pkl\" starts at byte 0, inside another"},
      {local + local + entry + central_header(pickle, 44) + zip_end(2, 112, 88),
       "entry \"x/data.pkl\" appears twice"},
      {zip({{"x/data", ""}}), "is a zip archive, but not of torch.save: it holds no data.pkl"},
      {zip({pickle, {"x/byteorder", "big"}}), "was written on a big-endian machine, which is not read"},
      {zip({{"x/data.pkl", std::string("\x78\x9c", 2), 8, 1u << 31}}),
       "entry \"x/data.pkl\" claims 2147483648 bytes stored"},
  };
  for (const auto& [bytes, reason] : cases) {
    INFO(reason);
    CHECK(refuses(path, bytes, open_bound, open_only));
    CHECK_THAT(refusal([&] { open_checkpoint(path); }), StartsWith(reason));
  }
  CHECK_FALSE(refuses(path, good, open_bound, open_only));
  CHECK_FALSE(refuses(path, good + "x", open_bound, open_only));
  CHECK_FALSE(refuses(path, good + std::string(50'000, 'x'), open_bound, open_only));
  CHECK_FALSE(refuses(path, zip({pickle, {"x/byteorder", "little"}}), open_bound, open_only));
}

TEST_CASE("ONNX files that lie are refused") {
  const TemporaryDirectory dir;
  const std::string path = dir / "x";
  const auto field = [](int number, const std::string& bytes) {
    return std::string(1, static_cast<char>(number << 3 | 2)) + static_cast<char>(bytes.size()) + bytes;
  };
  const auto integer = [](int number, const std::string& varint) {
    return std::string(1, static_cast<char>(number << 3)) + varint;
  };
  const auto model = [&](const std::string& tensor) {
    return integer(1, "\x08") + field(7, field(5, tensor));
  };
  const std::string minus = repeated("\xff", 9) + "\x01", f32 = integer(2, "\x01"), name = field(8, "w"),
                    two = integer(1, "\x02");
  std::string deep;
  for (int i = 0; i < 60; ++i) deep = field(7, deep);
  const Case cases[] = {
      {"\x08", "ends or is damaged: 1 bytes are claimed at byte 1, 0 are left"},
      {"\x08\x08", "is no ONNX file: it holds no graph"},
      {"\x08" + repeated("\xff", 20), "is no ONNX file, or damaged: no integer ends at byte 11"},
      {"\x08\x08\x3b", "is no ONNX file, or damaged: no field starts at byte 2"},
      {"\x08\x08\x3a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
       "ends or is damaged: 18446744073709551615 bytes are claimed"},
      {"\x08\x08\x3a\x05\x2a\x04", "ends or is damaged: 5 bytes are claimed at byte 4, 2 are left"},
      {model(f32 + two + field(9, "12345678")), "holds a tensor without a name"},
      {model(f32 + two + name), "tensor \"w\" has 0 bytes of values for F32 [2]"},
      {model(f32 + two + name + field(9, "1234567")), "tensor \"w\" has 7 bytes of values for F32 [2]"},
      {model(f32 + two + name + field(4, "123456789")), "tensor \"w\" has 9 bytes of values for F32 [2]"},
      {model(f32 + two + name + field(7, "12345678")), "tensor \"w\" has 0 bytes of values for F32 [2]"},
      {model(f32 + integer(1, minus) + name), "tensor \"w\" has the shape [-1]"},
      {model(f32 + repeated(integer(1, repeated("\xff", 8) + "\x7f"), 2) + name),
       "tensor \"w\" has the shape [9223372036854775807, 9223372036854775807]"},
      {model(f32 + field(1, repeated("\x01", 33)) + name), "has a tensor of more than 32 dimensions"},
      {model(f32 + two + name + field(13, "")),
       "tensor \"w\" has its values in another file, which is not read: save the model in one file"},
      {model(f32 + two + name + integer(14, "\x01")), "tensor \"w\" has its values in another file"},
      {model(f32 + two + name + field(3, "")), "tensor \"w\" has its values in segments"},
      {integer(1, "\x08") + field(7, field(5, f32 + integer(1, "\x01") + name + field(9, "1234")) +
                                         field(5, f32 + integer(1, "\x01") + name + field(9, "1234"))),
       "tensor \"w\" appears twice"},
  };
  for (const auto& [bytes, reason] : cases) {
    INFO(reason);
    CHECK(refuses(path, bytes, open_bound, open_only));
    CHECK_THAT(refusal([&] { open_checkpoint(path); }), StartsWith(reason));
  }
  CHECK_FALSE(refuses(path, integer(1, "\x08") + deep, open_bound, open_only));
  // More tensors, or metadata, than any model has.
  const auto varint = [](std::size_t v) {
    std::string bytes;
    for (; v > 127; v >>= 7) bytes += static_cast<char>(v | 128);
    return bytes + static_cast<char>(v);
  };
  std::string tensors, metadata = "\x08\x08";
  for (int i = 0; i <= 1 << 18; ++i) {
    tensors += field(5, f32 + integer(1, "\0"s) + field(8, std::to_string(i)));
    metadata += field(14, field(1, std::to_string(i)));
  }
  for (const std::string& many : {"\x08\x08\x3a" + varint(tensors.size()) + tensors, metadata + "\x3a\0"s}) {
    CHECK(refuses(path, many, open_bound, open_only));
    CHECK(refusal([&] { open_checkpoint(path); }) == "holds more than 262144 entries");
  }
  // One list in several parts, each element with its own tag, fields in another order.
  const float one = 1, half = 0.5f;
  const auto element = [](float v) { return "\x25" + little(v); };
  write_bytes(path, model(name + element(one) + field(4, little(half)) + f32 + two));
  CHECK(open_checkpoint(path)->load("w").data == std::vector<float>{1, 0.5f});
  write_bytes(path, model(name + integer(7, minus) + field(7, "\x05") + integer(2, "\x07") + two));
  CHECK(open_checkpoint(path)->load("w").data == std::vector<float>{-1, 5});
}

TEST_CASE("checkpoints withstand mutation") {
  Rng rng(8);
  const TemporaryDirectory dir;
  const std::string path = dir / "x";
  const std::string pickle = dict("a", tensor(storage(2), 0, {2, 1}, {1, 2})) + text("s") + number(3) + "s";
  const std::string zipped = torch_zip(pickle);
  const std::string magic = "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";
  const std::string legacy = magic + "\x80\x02M\xe9\x03.\x80\x02}" + text("little_endian") +
                             "\x88s.\x80\x02" + pickle + ".\x80\x02]" + text("0") + "a." +
                             little<std::int64_t>(2) + "12345678";
  std::string onnx;
  for (const GoldenCase& c : golden_cases("onnx_initializers"))
    if (c.parameters["what"] == "lists") onnx.assign(c["file"].data.begin(), c["file"].data.end());
  for (const std::string& valid : {zipped, legacy, onnx}) {
    REQUIRE_FALSE(refuses(path, valid, load_bound, load_all));
    std::size_t tried = 0, refused = 0;
    for (const std::string& mutant : mutations(valid, std::min<std::size_t>(valid.size(), 450), rng)) {
      ++tried;
      refused += refuses(path, mutant, load_bound, load_all);
    }
    CHECK(tried > 5000);
    CHECK(refused > tried / 3);
    // Fields of a message may be missing, all else is needed.
    std::size_t whole = 0;
    for (std::size_t n = 0; n < valid.size(); ++n)
      whole += !refuses(path, valid.substr(0, n), load_bound, load_all);
    if (valid != onnx) CHECK(whole == 0);
  }
}

TEST_CASE("pickles hold no more values than JSON of them can be made and taken apart") {
  const TemporaryDirectory dir;
  const std::string path = dir / "x";
  CHECK_FALSE(refuses(path, torch_zip("(" + repeated("K\1", 500'000) + "l"), {300 << 20, 0}, open_only));
  CHECK(refuses(path, torch_zip("(" + repeated("K\1", 600'000) + "l"), {300 << 20, 0}, open_only));
  CHECK_THAT(refusal([&] { open_checkpoint(path); }),
             StartsWith("its pickle repeats its values too often, or holds more than a checkpoint does"));
}

TEST_CASE("large pickles cost no more than their bytes warrant") {
  const TemporaryDirectory dir;
  const std::string path = dir / "x";
  for (const std::string& piece :
       {"]"s, "]\x94"s, "2"s, "("s, "K\1"s, "}\x94"s, "h\0"s, "cx\ny\n"s, ")R"s, "]h\0a"s})
    refuses(path, torch_zip("N\x94" + repeated(piece, 100'000)), open_bound, open_only);
  // Values cost some 150 bytes each, places for them eight, whatever the size of the file.
  constexpr AllocationBound places{450 << 20, 0};
  constexpr int many = 5 << 20;
  const std::string word = text(std::string(30, 'a'));
  for (const std::string& pickle :
       {std::string(3 << 20, ']'), std::string(many, '('), "(" + word + std::string(many, '2') + "l",
        "(N" + std::string(many, '2') + "e", "N\x94" + repeated("h\0"s, many), "N" + repeated("2a", many),
        "]q\0(" + repeated("h\0"s, 3 << 20) + "e"s + repeated("0"s, 3 << 20)}) {
    INFO(pickle.substr(0, 40));
    CHECK(refuses(path, torch_zip(pickle), places, open_only));
    CHECK_THAT(refusal([&] { open_checkpoint(path); }), StartsWith("its pickle "));
  }
  // So do values that stand in many places, however many bytes there are to pay for them.
  const std::string padding = "B" + little<std::uint32_t>(30 << 20) + std::string(30 << 20, 'b') + "0";
  CHECK(refuses(path, torch_zip(padding + "(" + word + std::string(3 << 20, '2') + "l"), {700 << 20, 0},
                open_only));
  CHECK_THAT(refusal([&] { open_checkpoint(path); }), StartsWith("its pickle repeats its values too often"));
}
