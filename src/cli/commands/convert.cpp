#include <wavestride/checkpoint.h>
#include <wavestride/codec_encoder.h>
#include <wavestride/model.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>

#include "cli/model_options.h"
#include "cli/sound.h"

namespace wavestride::cli {
namespace {

namespace fs = std::filesystem;

// The files beside a checkpoint of which one may be its config, where no option names another.
std::vector<std::string> possible_configs(const std::string& checkpoint) {
  const fs::path folder = fs::path(checkpoint).parent_path();
  std::vector<std::string> files;
  std::error_code error;
  for (fs::directory_iterator at(folder.empty() ? "." : folder, error), end; !error && at != end;
       at.increment(error))
    if (const fs::path kind = at->path().extension(); kind == ".json" || kind == ".yml" || kind == ".yaml")
      files.push_back(at->path().string());
  return files;
}

// Why the file that was converted gives no encoder of the codec that it holds, or nothing.
std::string lacking_encoder(const TensorFile& written, const std::string& path, const ModelOptions& options) {
  try {
    (void)load_codec_encoder(written);
    return "";
  } catch (const IoError& e) {
    try {
      (void)load_codec_encoder(path, {.config = options.config,
                                      .bandwidth_kbps = options.bandwidth_kbps,
                                      .codebooks = options.codebooks,
                                      .prefix = options.prefix});
    } catch (const IoError& original) {
      return original.reason();
    }
    return e.reason();
  }
}

}  // namespace

std::function<void()> convert_command(CLI::App& app) {
  static const std::map<std::string, DType> dtypes{
      {"f32", DType::f32}, {"f16", DType::f16}, {"bf16", DType::bf16}};
  struct Arguments {
    std::string in, out, dtype = "f32";
    ModelOptions options;
  };
  auto a = std::make_shared<Arguments>();
  app.add_option("FILE", a->in, "checkpoint: .safetensors, of torch.save, or .onnx")->required();
  app.add_option(
         "OUT", a->out,
         ".safetensors: config, statistics and weights in one file, weight norm folded, nothing that the "
         "network does not use; of a codec its encoder, too, where the file has it")
      ->required();
  add_model_options(app, a->options);
  app.add_option("--preset", a->options.preset, "features, where the config does not describe them")
      ->type_name("NAME");
  app.add_option("--dtype", a->dtype, "of the weights: f32, f16 or bf16, rounded to nearest")
      ->check(CLI::IsMember(dtypes).description(""))
      ->type_name("TYPE")
      ->capture_default_str();
  return [a] {
    require_extension(a->out, ".safetensors");
    std::vector<std::string> inputs = possible_configs(a->in);
    inputs.push_back(a->in);
    for (const std::string* path : {&a->options.config, &a->options.stats})
      if (!path->empty()) inputs.push_back(*path);
    check_output(a->out, inputs);
    convert_model(a->in, a->out, a->options, dtypes.at(a->dtype));
    const auto written = open_checkpoint(a->out);
    Index values = 0;
    for (const TensorInfo& t : written->tensors()) values += t.elements;
    std::string halves, lack;
    const std::string architecture = recognised_architecture(*written);
    if (std::ranges::count(known_codecs(), architecture) > 0) {
      lack = lacking_encoder(*written, a->in, a->options);
      halves = lack.empty() ? ", decoder and encoder" : ", decoder alone";
    }
    say(a->out, ": ", architecture, halves, ", ", written->tensors().size(), " tensors, ", values,
        " values of ", a->dtype);
    if (!lack.empty()) say(a->in, ": ", lack);
  };
}

}  // namespace wavestride::cli
