#include <wavestride/checkpoint.h>
#include <wavestride/safetensors.h>

#include "golden.h"
#include "hostile.h"

using namespace wavestride;
using namespace wavestride::testing;

namespace {

using Json = nlohmann::json;

// safetensors' names of PyTorch's element types.
const std::map<std::string, std::string> dtypes{
    {"float64", "F64"}, {"float32", "F32"}, {"float16", "F16"}, {"bfloat16", "BF16"}, {"int64", "I64"},
    {"int32", "I32"},   {"int16", "I16"},   {"int8", "I8"},     {"uint8", "U8"},      {"bool", "BOOL"}};

}  // namespace

TEST_CASE("checkpoints of torch.save have PyTorch's names and values") {
  const TemporaryDirectory dir;
  const std::string path = dir / "checkpoint";
  int zips = 0, streams = 0;
  for (const GoldenCase& c : golden_cases("checkpoint")) {
    const auto& tensors = c.parameters["tensors"];
    INFO(c.parameters["what"] << (c.parameters["zip"] ? ", zip" : ", legacy"));
    ++(c.parameters["zip"] ? zips : streams);
    write_bytes(path, {c["file"].data.begin(), c["file"].data.end()});
    const auto file = open_checkpoint(path);
    CHECK(file->path() == path);
    CHECK(file->tensors().size() == tensors.size());
    CHECK(Json::parse(file->metadata().at("values")) == c.parameters["values"]);
    CHECK(Json::parse(file->metadata().at("state_dicts")) == c.parameters["state_dicts"]);
    for (const auto& [name, expected] : tensors.items()) {
      INFO(name);
      const TensorInfo* info = file->find(name);
      REQUIRE(info != nullptr);
      CHECK(dtype_name(info->dtype) == dtypes.at(expected["dtype"]));
      CHECK(info->shape == expected["shape"].get<std::vector<Index>>());
      const Tensor got = file->load(name);
      CHECK(got.shape == info->shape);
      CHECK(got.data == c["expected/" + name].data);
    }
  }
  CHECK(zips > 10);
  CHECK(streams == zips);
}
