#include <wavestride/npy.h>

#include <cmath>

#include "golden.h"
#include "hostile.h"

using namespace wavestride;
using namespace wavestride::testing;

namespace {

std::string bytes_of(const Tensor& t) {
  return {t.data.begin(), t.data.end()};
}

// A version 1 file of this header and this many bytes of values.
std::string npy_file(const std::string& header, std::size_t values) {
  const auto n = static_cast<std::uint16_t>(header.size());
  return std::string("\x93NUMPY\x01\x00", 8) + std::string(reinterpret_cast<const char*>(&n), 2) + header +
         std::string(values, '\x01');
}

std::string float_header(const std::string& shape) {
  return "{'descr': '<f4', 'fortran_order': False, 'shape': " + shape + "}";
}

constexpr AllocationBound npy_bound{200'000, 24};

}  // namespace

TEST_CASE("npy reads what numpy writes, of every type, order, version and rank") {
  const TemporaryDirectory dir;
  const std::string path = dir / "x.npy";
  for (const GoldenCase& c : golden_cases("npy")) {
    INFO(c.parameters);
    write_bytes(path, bytes_of(c["file"]));
    if (c.parameters.contains("reason")) {
      CHECK(refusal([&] { read_npy(path); }).find(c.parameters["reason"].get<std::string>()) !=
            std::string::npos);
      continue;
    }
    const Tensor x = read_npy(path), &expected = c["values"];
    CHECK(x.shape == c.parameters["shape"].get<std::vector<Index>>());
    CHECK(x.data == expected.data);
    const std::string dtype = c.parameters["dtype"];
    const bool indices = (dtype[0] == 'i' || dtype[0] == 'u') && (x.shape.size() == 1 || x.shape.size() == 2);
    if (!indices) {
      CHECK_FALSE(refusal([&] { read_npy_indices(path); }).empty());
      continue;
    }
    const IndexSignal y = read_npy_indices(path);
    CHECK(y.cast<float>() == to_signal(x));
  }
}

TEST_CASE("npy arrays of two dimensions are read some frames at a time") {
  const TemporaryDirectory dir;
  const std::string path = dir / "x.npy";
  int read = 0;
  for (const GoldenCase& c : golden_cases("npy")) {
    if (c.parameters.contains("reason")) continue;
    INFO(c.parameters);
    write_bytes(path, bytes_of(c["file"]));
    if (c["values"].shape.size() != 2) {
      CHECK(refusal([&] { NpyReader reader(path); }).find("where [channels, frames] is needed") !=
            std::string::npos);
      continue;
    }
    const Signal expected = to_signal(c["values"]);
    NpyReader reader(path);
    REQUIRE((reader.channels() == expected.rows() && reader.frames() == expected.cols()));
    CHECK(reader.read(0).cols() == 0);
    for (Index n = 0; n < expected.cols(); n += 2)
      CHECK(reader.read(2) == expected.middleCols(n, std::min<Index>(2, expected.cols() - n)));
    CHECK(reader.read(2).cols() == 0);
    ++read;
  }
  CHECK(read > 10);
}

TEST_CASE("npy writes what it reads") {
  Rng rng(3);
  const TemporaryDirectory dir;
  const std::string path = dir / "x.npy";
  for (const std::vector<Index>& shape :
       std::vector<std::vector<Index>>{{}, {0}, {1}, {9000}, {3, 7}, {2, 0, 5}, {4, 3, 2, 1}}) {
    Tensor x(shape);
    for (float& v : x.data) v = static_cast<float>(uniform(rng, -2048, 2047));
    for (const DType dtype : {DType::f32, DType::f64, DType::f16, DType::i16}) {
      write_npy(path, x, dtype);
      const Tensor y = read_npy(path);
      CHECK(y.shape == x.shape);
      CHECK(y.data == x.data);
      CHECK(file_bytes(path).size() % 64 == static_cast<std::size_t>(x.size() * dtype_size(dtype)) % 64);
    }
  }
  const IndexSignal indices{{1, -2, Index{1} << 60}, {std::numeric_limits<Index>::min(), 0, 7}};
  write_npy(path, indices);
  CHECK(read_npy_indices(path) == indices);
  CHECK(read_npy(path).shape == std::vector<Index>{2, 3});
  CHECK(dir.size() == 1);
}

TEST_CASE("npy keeps NaN and infinities in floats and refuses them in int16") {
  const TemporaryDirectory dir;
  const std::string path = dir / "x.npy";
  const Tensor x({3}, {NAN, INFINITY, -INFINITY});
  for (const DType dtype : {DType::f32, DType::f64, DType::f16}) {
    write_npy(path, x, dtype);
    const Tensor y = read_npy(path);
    CHECK(std::isnan(y.data[0]));
    CHECK(y.data[1] == INFINITY);
    CHECK(y.data[2] == -INFINITY);
  }
  const std::string before = file_bytes(path);
  CHECK(refusal([&] { write_npy(path, x, DType::i16); }) == "can't hold nan as int16");
  CHECK(refusal([&] { write_npy(path, Tensor({1}, {32767.5f}), DType::i16); }) ==
        "can't hold 32767.5 as int16");
  CHECK(file_bytes(path) == before);
  write_npy(path, Tensor({3}, {-32768.4f, 0.5f, 1.5f}), DType::i16);
  CHECK(read_npy(path).data == std::vector<float>{-32768, 0, 2});
  CHECK_THROWS_WITH(write_npy(path, x, DType::bf16),
                    "write_npy: dtype must be F64, F32, F16 or I16, got BF16");
  CHECK_THROWS_WITH(write_npy(path, Tensor{}), "write_npy: an array of shape [] can't hold 0 values");
}

TEST_CASE("npy refuses damaged headers, saying why") {
  const TemporaryDirectory dir;
  const std::string path = dir / "x.npy";
  const std::vector<std::pair<std::string, std::string>> cases{
      {"", "is no .npy file: it does not start with \\x93NUMPY and a version"},
      {"RIFF....WAVEfmt ", "is no .npy file: it does not start with \\x93NUMPY and a version"},
      {std::string("\x93NUMPY\x04\x00\x10\x00", 10),
       "is a .npy file of version 4.0; 1.0, 2.0 and 3.0 are read"},
      {std::string("\x93NUMPY\x02\x00\x10\x00", 10), "ends within its header"},
      {std::string("\x93NUMPY\x02\x00\xff\xff\xff\xff", 12),
       "claims a header of 4294967295 bytes in a file of 12 (at most 65536 are read)"},
      {npy_file(float_header("(2, 3)"), 23), "holds 23 bytes of values, which is not F32 [2, 3]"},
      {npy_file(float_header("(2, 3)"), 25), "holds 25 bytes of values, which is not F32 [2, 3]"},
      {npy_file(float_header("(4611686018427387904,)"), 0),
       "holds 0 bytes of values, which is not F32 [4611686018427387904]"},
      {npy_file(float_header("(4294967296, 4294967296, 0)"), 0),
       "holds 0 bytes of values, which is not F32 [4294967296, 4294967296, 0]"},
      {npy_file(float_header("(99999999999999999999,)"), 0),
       "the header has a shape with \"99999999999999999999,)}\""},
      {npy_file(float_header("(-1,)"), 4), "the header has a shape with \"-1,)}\""},
      {npy_file(float_header("(1)"), 4), "the header has a shape that is no tuple"},
      {npy_file(float_header("(1, 2"), 8), "the header lacks ) before \"}\""},
      {npy_file(float_header("1"), 4), "the header lacks ( before \"1}\""},
      {npy_file("{'descr': '<f4', 'shape': (1,)}", 4), "the header lacks descr, fortran_order or shape"},
      {npy_file("{'descr': '<f4', 'descr': '<f4', 'shape': (1,)}", 4),
       "the header has the unknown or repeated key \"descr\""},
      {npy_file("{'descr': '<f4', 'fortran_order': 0, 'shape': (1,)}", 4),
       "the header has a fortran_order that is not True or False"},
      {npy_file(float_header("(1,)") + "{}", 4), "the header goes on after its closing brace"},
      {npy_file("{'descr': '<f4", 4), "the header has text without an end"},
      {npy_file("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", 4),
       "the header has the dtype \"|O\", objects of Python's: save the numbers in them as an array"},
      {npy_file("", 0), "the header lacks { before \"\""},
  };
  for (const auto& [bytes, reason] : cases) {
    write_bytes(path, bytes);
    CHECK(refusal([&] { read_npy(path); }) == reason);
  }
  std::string dims;
  for (int i = 0; i < 33; ++i) dims += "1,";
  write_bytes(path, npy_file(float_header("(" + dims + ")"), 4));
  CHECK(refusal([&] { read_npy(path); }) == "the header has a shape of more than 32 dimensions");
  CHECK(refusal([&] { read_npy(dir / "absent"); }) == "can't be opened: No such file or directory");
  CHECK(refusal([&] { read_npy(dir / "."); }) == "is not a regular file");
  write_bytes(path, npy_file("{\"shape\":(2L,),\"fortran_order\":True,\"descr\":\"<f4\",}", 8));
  CHECK(read_npy(path).shape == std::vector<Index>{2});
}

TEST_CASE("npy withstands mutated files") {
  Rng rng(5);
  const TemporaryDirectory dir;
  const std::string path = dir / "x.npy";
  write_npy(path, noise_tensor(rng, {3, 4}));
  std::vector<std::string> valid{file_bytes(path), npy_file(float_header("(3, 4)"), 48)};
  std::size_t tried = 0, refused = 0;
  for (const std::string& bytes : valid)
    for (const std::string& mutant : mutations(bytes, 90, rng)) {
      ++tried;
      refused += refuses(path, mutant, npy_bound, [](const std::string& p) { read_npy(p); });
      refuses(path, mutant, npy_bound, [](const std::string& p) { read_npy_indices(p); });
    }
  CHECK(tried > 2000);
  CHECK(refused > tried / 2);
}
