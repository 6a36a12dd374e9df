#include <wavestride/safetensors.h>

#include <cmath>
#include <cstring>

#include "golden.h"
#include "hostile.h"

using namespace wavestride;
using namespace wavestride::testing;

namespace {

std::string with_length(const std::string& header, std::uint64_t length) {
  return std::string(reinterpret_cast<const char*>(&length), 8) + header;
}

std::string file_of(const std::string& header, std::size_t values) {
  return with_length(header, header.size()) + std::string(values, '\x02');
}

// {"a": {dtype, shape, data_offsets}, …} of float32 tensors.
std::string entry(const std::string& name, const std::string& shape, const std::string& offsets,
                  const std::string& dtype = "F32") {
  return "\"" + name + "\":{\"dtype\":\"" + dtype + "\",\"shape\":" + shape + ",\"data_offsets\":" + offsets +
         "}";
}

// A JSON directory costs more than its text: a tensor of no elements takes some 70 bytes of it.
constexpr AllocationBound safetensors_bound{200'000, 64};

void read_all(const std::string& path) {
  const SafetensorsFile file(path);
  for (const TensorInfo& t : file.tensors()) file.load(t.name);
}

}  // namespace

TEST_CASE("safetensors reads every type that it lists") {
  const TemporaryDirectory dir;
  const std::string path = dir / "x.safetensors";
  for (const GoldenCase& c : golden_cases("safetensors")) {
    INFO(c.parameters);
    const Tensor& bytes = c["file"];
    write_bytes(path, {bytes.data.begin(), bytes.data.end()});
    const SafetensorsFile file(path);
    REQUIRE(file.tensors().size() == 2);
    const TensorInfo* info = file.find("one.weight");
    REQUIRE(info != nullptr);
    CHECK(info == &file.tensors()[0]);
    CHECK(dtype_name(info->dtype) == c.parameters["dtype"].get<std::string>());
    CHECK(info->shape == c.parameters["shape"].get<std::vector<Index>>());
    CHECK(file.load("one.weight").shape == info->shape);
    CHECK(file.load("one.weight").data == c["values"].data);
    CHECK(file.load("zwei/größe").data == c["other"].data);
    CHECK(file.find("three") == nullptr);
    CHECK(refusal([&] { file.load("three"); }) == "holds no tensor \"three\"");
    if (info->shape == std::vector<Index>{7})
      CHECK(file.metadata() ==
            std::map<std::string, std::string>{{"format", "pt"}, {"note", "ä \"quoted\""}});
  }
}

TEST_CASE("safetensors reads every float16 and bfloat16") {
  const TemporaryDirectory dir;
  const std::string path = dir / "x.safetensors";
  std::string bits;
  for (int i = 0; i < 1 << 16; ++i) bits += {static_cast<char>(i), static_cast<char>(i >> 8)};
  write_bytes(path, file_of("{" + entry("h", "[65536]", "[0,131072]", "F16") + "," +
                                entry("b", "[65536]", "[131072,262144]", "BF16") + "}",
                            0) +
                        bits + bits);
  const SafetensorsFile file(path);
  const Tensor half = file.load("h"), brain = file.load("b");
  int wrong = 0;
  for (int i = 0; i < 1 << 16; ++i) {
    const float h = half.data[static_cast<std::size_t>(i)], b = brain.data[static_cast<std::size_t>(i)];
    const int exponent = i >> 10 & 31, fraction = i & 1023;
    float expected = exponent == 31 ? (fraction ? NAN : INFINITY)
                     : exponent     ? std::ldexp(1024.0f + static_cast<float>(fraction), exponent - 25)
                                    : std::ldexp(static_cast<float>(fraction), -24);
    if (i >> 15) expected = -expected;
    wrong += std::isnan(expected) ? !std::isnan(h) : h != expected;
    const std::uint32_t wide = static_cast<std::uint32_t>(i) << 16;
    float value;
    std::memcpy(&value, &wide, 4);
    wrong += std::isnan(value) ? !std::isnan(b) : b != value;
  }
  CHECK(wrong == 0);
}

TEST_CASE("safetensors writes what it reads") {
  Rng rng(3);
  const TemporaryDirectory dir;
  const std::string path = dir / "x.safetensors";
  const std::map<std::string, Tensor> tensors{{"a", noise_tensor(rng, {3, 5, 2})},
                                              {"empty", Tensor({0, 4})},
                                              {"scalar", Tensor({}, {2.5f})},
                                              {"long ü \"name\"", noise_tensor(rng, {20000})}};
  struct Precision {
    DType dtype;
    float error;  // half a unit in the last place
  };
  for (const auto& [dtype, error] :
       {Precision{DType::f32, 0}, Precision{DType::f64, 0}, Precision{DType::f16, 1 / 2048.0f},
        Precision{DType::bf16, 1 / 256.0f}}) {
    write_safetensors(path, tensors, {.dtype = dtype, .metadata = {{"format", "pt"}}});
    const SafetensorsFile file(path);
    CHECK(file.tensors().size() == tensors.size());
    CHECK(file.metadata().at("format") == "pt");
    for (const auto& [name, t] : tensors) {
      const Tensor back = file.load(name);
      CHECK(file.find(name)->dtype == dtype);
      CHECK(back.shape == t.shape);
      REQUIRE(back.data.size() == t.data.size());
      int wrong = 0;
      for (std::size_t i = 0; i < t.data.size(); ++i)
        wrong += std::abs(back.data[i] - t.data[i]) > std::abs(t.data[i]) * error + 3e-8f * (error > 0);
      CHECK(wrong == 0);
    }
  }
  write_safetensors(path, {});
  CHECK(SafetensorsFile(path).tensors().empty());
  CHECK(SafetensorsFile(path).metadata().empty());
  CHECK_THROWS_WITH(write_safetensors(path, tensors, {.dtype = DType::i64}),
                    "write_safetensors: dtype must be F64, F32, F16 or BF16, got I64");
  CHECK_THROWS_WITH(write_safetensors(path, {{"__metadata__", Tensor({1})}}),
                    "write_safetensors: a tensor can't be named \"__metadata__\"");
  CHECK_THROWS_WITH(write_safetensors(path, {{"\xff", Tensor({1})}}),
                    "write_safetensors: names and metadata must be UTF-8");
  CHECK_THROWS_WITH(write_safetensors(path, {{"a", Tensor{}}}),
                    "write_safetensors: tensor \"a\" of shape [] holds 0 values");
  CHECK(dir.size() == 1);
}

TEST_CASE("safetensors refuses damaged directories, saying why") {
  const TemporaryDirectory dir;
  const std::string path = dir / "x.safetensors";
  const std::string a = entry("a", "[2]", "[0,8]"), good = "{" + a + "}";
  const std::vector<std::pair<std::string, std::string>> cases{
      {"", "is no safetensors file: 0 bytes"},
      {with_length("{}", 3),
       "is no safetensors file: a header of 3 bytes in a file of 10 (at most 100000000 are read)"},
      {with_length("{}", ~0ull),
       "is no safetensors file: a header of 18446744073709551615 bytes in a file of 10 (at most 100000000 "
       "are "
       "read)"},
      {file_of(" {}", 0), "is no safetensors file: its header does not start with {"},
      {file_of("", 0), "is no safetensors file: its header does not start with {"},
      {file_of("{\"a\"}", 0), "the header is not JSON from byte 5 on"},
      {file_of("{} {}", 0), "the header is not JSON from byte 4 on"},
      {file_of("{\"a\":[]}", 0), "the header holds a list in a wrong place, at \"a\""},
      {file_of("{\"a\":{}}", 0), "the header lacks dtype, shape or data_offsets of tensor \"a\""},
      {file_of("{" + entry("a", "[[2]]", "[0,8]") + "}", 8),
       "the header holds a list in a wrong place, at \"shape\""},
      {file_of("{" + entry("a", "[-2]", "[0,8]") + "}", 8),
       "the header holds a negative number in a wrong place, at \"shape\""},
      {file_of("{" + entry("a", "[2.0]", "[0,8]") + "}", 8),
       "the header holds a fraction or too large a number in a wrong place, at \"shape\""},
      {file_of("{" + entry("a", "[2]", "[0]") + "}", 8),
       "the header holds a list in a wrong place, at \"data_offsets\""},
      {file_of("{" + entry("a", "[2]", "[0,4,8]") + "}", 8),
       "the header gives tensor \"a\" too many numbers in its data_offsets"},
      {file_of("{" + entry("a", "[18446744073709551615]", "[0,8]") + "}", 8),
       "the header gives tensor \"a\" a shape of 18446744073709551615"},
      {file_of("{" + entry("a", "[2]", "[0,8]", "F31") + "}", 8),
       "the header gives tensor \"a\" the unknown dtype \"F31\""},
      {file_of("{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\"}}", 0),
       "the header says \"dtype\" of tensor \"a\" twice"},
      {file_of("{\"a\":{\"size\":1}}", 0), "the header says \"size\" of tensor \"a\""},
      {file_of("{\"__metadata__\":{\"a\":1}}", 0), "the header holds a number in a wrong place, at \"a\""},
      {file_of("{\"__metadata__\":{\"a\":\"b\",\"a\":\"b\"}}", 0), "the header holds metadata \"a\" twice"},
      {file_of("{\"__metadata__\":{},\"__metadata__\":{}}", 0), "the header holds __metadata__ twice"},
      {file_of("{" + a + "," + entry("a", "[1]", "[8,12]") + "}", 12), "tensor \"a\" appears twice"},
      {file_of("{" + entry("a", "[2]", "[0,9]") + "}", 9), "tensor \"a\" claims 9 bytes for F32 [2]"},
      {file_of("{" + entry("a", "[2]", "[8,0]") + "}", 8), "tensor \"a\" claims bytes 8 to 0 of 8"},
      {file_of("{" + entry("a", "[3]", "[0,12]") + "}", 8), "tensor \"a\" claims bytes 0 to 12 of 8"},
      {file_of("{" + entry("a", "[4611686018427387904,4]", "[0,0]") + "}", 0),
       "tensor \"a\" claims 0 bytes for F32 [4611686018427387904, 4]"},
      {file_of("{" + a + "," + entry("b", "[2]", "[4,12]") + "}", 12),
       "tensor \"b\" starts at byte 4, inside the one before, which ends at 8"},
      {file_of("{" + a + "," + entry("b", "[2]", "[12,20]") + "}", 20),
       "tensor \"b\" starts at byte 12, after a gap from byte 8"},
      {file_of(good, 9), "its tensors end at byte 8 of 9"},
  };
  for (const auto& [bytes, reason] : cases) {
    write_bytes(path, bytes);
    CHECK(refusal([&] { SafetensorsFile file(path); }) == reason);
  }
  CHECK(refusal([&] { SafetensorsFile file(dir / "absent"); }) ==
        "can't be opened: No such file or directory");
  write_bytes(path, file_of("{" + entry("a", "[2]", "[0,2]", "F8_E4M3") + "}", 2));
  CHECK(refusal([&] { SafetensorsFile(path).load("a"); }) == "tensor \"a\" is F8_E4M3, which is not read");
  write_bytes(path, file_of(good, 8));
  const SafetensorsFile file(path);
  write_bytes(path, file_of(good, 2));
  CHECK(refusal([&] { file.load("a"); }).find("ends at byte") == 0);
}

TEST_CASE("safetensors holds no more than 2^18 tensors and metadata") {
  const TemporaryDirectory dir;
  const std::string path = dir / "x.safetensors";
  constexpr int most = 1 << 18;
  std::string tensors, metadata;
  for (int i = 0; i < most; ++i) {
    tensors += (i ? "," : "") + entry(std::to_string(i), "[0]", "[0,0]", "U8");
    metadata += (i ? ",\"" : "\"") + std::to_string(i) + "\":\"\"";
  }
  CHECK_FALSE(
      refuses(path, file_of("{\"__metadata__\":{}," + tensors + "}", 0), safetensors_bound, read_all));
  CHECK(SafetensorsFile(path).tensors().size() == most);
  for (const std::string& more : {tensors + ",\"__metadata__\":{\"a\":\"\"}",
                                  "\"__metadata__\":{" + metadata + "}," + entry("a", "[0]", "[0,0]")}) {
    CHECK(refuses(path, file_of("{" + more + "}", 0), safetensors_bound, read_all));
    CHECK(refusal([&] { SafetensorsFile file(path); }) == "the header holds more than 262144 entries");
  }
  std::map<std::string, std::string> many;
  for (int i = 0; i < most; ++i) many.emplace(std::to_string(i), "");
  CHECK_THROWS_WITH(write_safetensors(path, {{"a", Tensor({1}, {1.0f})}}, {.metadata = many}),
                    "write_safetensors: at most 262144 tensors and metadata are allowed, got 262145");
}

TEST_CASE("safetensors spends no memory on nested or endless JSON") {
  const TemporaryDirectory dir;
  const std::string path = dir / "x.safetensors";
  for (const char* text : {"[", "{\"a\":", "{\"a\":{\"shape\":[", "0,", "\"a\":{},", "\\u0000"}) {
    std::string header = "{";
    while (header.size() < 1'000'000) header += text;
    CHECK(refuses(path, file_of(header, 0), safetensors_bound, read_all));
    CHECK(refuses(path, file_of("{\"a\":{\"shape\":[" + header.substr(1), 0), safetensors_bound, read_all));
  }
}

TEST_CASE("safetensors withstands mutated files") {
  Rng rng(5);
  const TemporaryDirectory dir;
  const std::string path = dir / "x.safetensors";
  write_safetensors(path, {{"a", noise_tensor(rng, {2, 3})}, {"b", noise_tensor(rng, {4})}},
                    {.metadata = {{"format", "pt"}}});
  const std::string valid = file_bytes(path);
  std::size_t tried = 0, refused = 0;
  for (const std::string& mutant : mutations(valid, valid.size() - 40, rng)) {
    ++tried;
    refused += refuses(path, mutant, safetensors_bound, read_all);
  }
  CHECK(tried > 2000);
  CHECK(refused > tried / 2);
}
