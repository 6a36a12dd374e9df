#include <wavestride/checkpoint.h>
#include <wavestride/safetensors.h>

#include "golden.h"
#include "hostile.h"

using namespace wavestride;
using namespace wavestride::testing;

namespace {

using Json = nlohmann::json;

// Writes the file of a golden case, opens it, and compares what it holds with what Python says.
std::unique_ptr<TensorFile> open_golden(const GoldenCase& c, const std::string& path) {
  write_bytes(path, {c["file"].data.begin(), c["file"].data.end()});
  auto file = open_checkpoint(path);
  const auto& tensors = c.parameters["tensors"];
  CHECK(file->path() == path);
  CHECK(file->tensors().size() == tensors.size());
  for (const auto& [name, expected] : tensors.items()) {
    INFO(name);
    const TensorInfo* info = file->find(name);
    REQUIRE(info != nullptr);
    CHECK(dtype_name(info->dtype) == expected["dtype"].get<std::string>());
    CHECK(info->shape == expected["shape"].get<std::vector<Index>>());
    const Tensor got = file->load(name);
    CHECK(got.shape == info->shape);
    CHECK(got.data == c["expected/" + name].data);
  }
  return file;
}

/// Its numbers stand on lines of text, and most of its objects go by a function of their own.
void check_first_protocol(const Json& values) {
  CHECK(values.at("h") ==
        Json{{"__class__", "__main__.AttrDict"}, {"rates", {8, 2}}, {"seed", 1234}, {"path", "config.json"}});
  CHECK(values.at("options") == Json{{"__class__", "argparse.Namespace"},
                                     {"lr", 2.5},
                                     {"best", true},
                                     {"last", false},
                                     {"name", "größe"}});
  CHECK(values.at("numbers") == Json{-1, 300, 70000, 1LL << 40, -(1LL << 40), 2.5, -3});
  CHECK(values.at("huge") == "1267650600228229401496703205376");
  CHECK(values.at("set") == Json::array({5}));
  CHECK(values.at("shape") == Json{2, 3});
  CHECK(values.at("bytes") == "(2 bytes)");
  CHECK(values.at("net").at("training") == true);
}

}  // namespace

TEST_CASE("checkpoints of torch.save have PyTorch's names and values") {
  const TemporaryDirectory dir;
  int zips = 0, streams = 0;
  for (const GoldenCase& c : golden_cases("checkpoint")) {
    INFO(c.parameters["what"] << (c.parameters["zip"] ? ", zip" : ", legacy"));
    ++(c.parameters["zip"] ? zips : streams);
    const auto file = open_golden(c, dir / "checkpoint");
    const Json values = Json::parse(file->metadata().at("values"));
    if (const Json& expected = c.parameters["values"]; !expected.is_null()) CHECK(values == expected);
    if (c.parameters["what"] == "protocol 1") check_first_protocol(values);
    CHECK(Json::parse(file->metadata().at("state_dicts")) == c.parameters["state_dicts"]);
  }
  CHECK(zips > 10);
  CHECK(streams == zips);
  CHECK_FALSE(std::filesystem::exists("wavestride-was-here"));  // what the hostile pickles would do
}

TEST_CASE("checkpoints of ONNX have the names and values of their initializers") {
  const TemporaryDirectory dir;
  const auto cases = golden_cases("onnx_initializers");
  CHECK(cases.size() == 3);
  for (const GoldenCase& c : cases) {
    INFO(c.parameters["what"]);
    const auto file = open_golden(c, dir / "model");
    CHECK(file->metadata() == c.parameters["metadata"].get<std::map<std::string, std::string>>());
  }
}

TEST_CASE("checkpoints are opened by what they hold") {
  const TemporaryDirectory dir;
  const std::string path = dir / "x.pth";
  write_safetensors(path, {{"a", Tensor({2}, {1, 2})}}, {.metadata = {{"format", "pt"}}});
  CHECK(open_checkpoint(path)->load("a").data == std::vector<float>{1, 2});
  CHECK(open_checkpoint(path)->metadata().at("format") == "pt");
  const auto reason = [&](const std::string& bytes) {
    write_bytes(path, bytes);
    return refusal([&] { open_checkpoint(path); });
  };
  CHECK(reason("") == "is no checkpoint: neither safetensors, nor of torch.save, nor ONNX");
  CHECK(reason("RIFF....WAVE").find("is no checkpoint: ") == 0);
  CHECK(reason("version https://git-lfs.github.com/spec/v1\n").find("is a pointer of Git LFS") == 0);
  CHECK(reason("<!DOCTYPE html>").find("is a web page") == 0);
  CHECK(reason("\x1f\x8b\x08").find("is compressed by gzip") == 0);
  CHECK(reason(std::string(257, 'x') + "ustar").find("is a tar archive") == 0);
  CHECK(reason("\x80\x03}q.") == "is a pickle, but not of torch.save");
  CHECK(reason("\x93NUMPY\x01").find("is a single array of numpy") == 0);
  CHECK(refusal([&] { open_checkpoint(dir / "absent"); }) == "can't be opened: No such file or directory");
}
