#include "cli/model_options.h"

#include <wavestride/npy.h>

#include <CLI/CLI.hpp>
#include <cmath>

#include "cli/integers.h"
#include "thread_pool.h"

namespace wavestride::cli {

void add_config_option(CLI::App& app, ModelOptions& options, const std::string& more) {
  app.add_option("--config", options.config,
                 "of the model, JSON or YAML, where it is neither in the file nor beside it" + more)
      ->type_name("FILE");
}

void add_prefix_option(CLI::App& app, ModelOptions& options) {
  app.add_option(
         "--prefix", options.prefix,
         "of the copy to take, where a file holds a network several times, as beside an average of its "
         "weights")
      ->type_name("NAME");
}

void add_model_options(CLI::App& app, ModelOptions& options) {
  std::string known;
  for (const std::string& name : named_configs()) known += (known.empty() ? "" : ", ") + name;
  add_config_option(app, options, "; or one of " + known);
  add_prefix_option(app, options);
  app.add_option("--stats", options.stats, "mean and deviation of the recipe's features (.npy, [2, bands])")
      ->type_name("FILE");
}

void add_speaker_options(CLI::App& app, ModelOptions& options, std::string& embedding) {
  CLI::Option* speaker = app.add_option("--speaker", options.speaker, "voice of a model that has several")
                             ->transform(decimal<Index>(0))
                             ->type_name("NUMBER");
  app.add_option("--speaker-embedding", embedding,
                 "a voice that is not in the file, for a model that takes such: its embedding (.npy)")
      ->excludes(speaker)
      ->type_name("FILE");
}

void read_speaker_embedding(const std::string& path, ModelOptions& options) {
  if (path.empty()) return;
  options.speaker_embedding = read_npy(path).data;
  if (options.speaker_embedding.empty()) throw IoError(path, "holds no values");
  for (const float v : options.speaker_embedding)
    if (!std::isfinite(v)) throw IoError(path, "holds values that are not finite numbers");
}

void add_codes_options(CLI::App& app, ModelOptions& options, const std::string& takes,
                       const std::string& otherwise) {
  app.add_option("--bandwidth", options.bandwidth_kbps,
                 "of the codes that a model " + takes + ", in kilobits per second" + otherwise)
      ->type_name("KBPS");
  app.add_option("--codebooks", options.codebooks,
                 "the same by how many codebooks, the first of the model, there are codes of")
      ->transform(decimal<Index>(1, 1 << 16))
      ->type_name("NUMBER");
}

void add_threads_option(CLI::App& app, StreamOptions& options, const std::string& made) {
  app.add_option("--threads", options.threads,
                 "that run the network, 0: as many as there are cores; the " + made + " stay the same")
      ->transform(decimal<Index>(0, ThreadPool::most_threads))
      ->capture_default_str();
}

}  // namespace wavestride::cli
