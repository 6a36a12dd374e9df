// Codecs whose config and tensors contradict each other: a JSON object of "config" and "tensors" (shapes by
// name), of which a file of such tensors is made, both halves of which are loaded and run.
#include <wavestride/checkpoint.h>
#include <wavestride/codec_encoder.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>

#include "fuzz.h"

using namespace wavestride;
using nlohmann::json;

namespace {

constexpr std::size_t most_values = 1 << 16;
constexpr Index most_samples = 4096;

/// Of the tensors' values, which repeat themselves.
float value(std::size_t i) {
  return static_cast<float>(i * 2654435761 % 1000) / 1000 - 0.5f;
}

/// The product of a shape, more than most_values where it is that or no shape.
std::size_t elements(const json& shape) {
  std::size_t all = 1;
  if (!shape.is_array()) return most_values + 1;
  for (const json& size : shape) {
    if (!size.is_number_unsigned() || size > most_values) return most_values + 1;
    all = std::min(all * size.get<std::size_t>(), most_values + 1);
  }
  return all;
}

/// A .safetensors file, empty where there is nothing to make it of.
std::string file_of(const json& seed) {
  if (!seed.is_object() || !seed.contains("config") || !seed.contains("tensors")) return {};
  json header{
      {"__metadata__", {{"config", seed["config"].dump(-1, ' ', true, json::error_handler_t::replace)}}}};
  std::size_t values = 0;
  for (const auto& [name, shape] : seed["tensors"].items()) {
    const std::size_t first = values;
    if ((values += elements(shape)) > most_values) return {};
    header[name] = {{"dtype", "F32"}, {"shape", shape}, {"data_offsets", {4 * first, 4 * values}}};
  }
  const std::string text = header.dump(-1, ' ', true, json::error_handler_t::replace);
  const std::uint64_t size = text.size();
  std::string file(reinterpret_cast<const char*>(&size), sizeof size);
  file += text;
  for (std::size_t i = 0; i < values; ++i) {
    const float v = value(i);
    file.append(reinterpret_cast<const char*>(&v), sizeof v);
  }
  return file;
}

/// What is refused in one half is no reason not to look at the other.
template <class Half>
void attempt(const Half& half) {
  try {
    half();
  } catch (const IoError&) {
  }
}

void encode(const TensorFile& file) {
  const CodecEncoder encoder = load_codec_encoder(file);
  const Signal x = Signal::Random(1, std::min(2 * encoder.hop_length + 1, most_samples)), codes = encoder(x);
  for (const float code : codes.reshaped())
    if (code != std::floor(code) || code < 0 || code >= static_cast<float>(encoder.codes)) std::abort();
}

void decode(const TensorFile& file) {
  const Model model = load_model(file);
  const Signal codes = Signal::Random(model.network.in_channels(), 2);
  if (model.upsampling().num <= most_samples) (void)model(codes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto shallow = [](int depth, json::parse_event_t, json&) { return depth < 50; };
  const std::string file = file_of(json::parse(data, data + size, shallow, false));
  testing::feed(reinterpret_cast<const std::uint8_t*>(file.data()), file.size(), [](const std::string& path) {
    const auto tensors = open_checkpoint(path);
    attempt([&] { encode(*tensors); });
    attempt([&] { decode(*tensors); });
  });
  return 0;
}
