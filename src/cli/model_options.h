// What a checkpoint does not say about itself, as options of the commands that load one.
#pragma once

#include <wavestride/model.h>
#include <wavestride/stream.h>

#include "cli/command.h"

namespace wavestride::cli {

/// --config, of which `more` may tell more.
void add_config_option(CLI::App& app, ModelOptions& options, const std::string& more = {});
/// --prefix.
void add_prefix_option(CLI::App& app, ModelOptions& options);
/// --config, --prefix and --stats.
void add_model_options(CLI::App& app, ModelOptions& options);
/// --speaker, and --speaker-embedding, the file of which read_speaker_embedding() reads, if there is one.
void add_speaker_options(CLI::App& app, ModelOptions& options, std::string& embedding);
/// Throws IoError.
void read_speaker_embedding(const std::string& path, ModelOptions& options);
/// --bandwidth and --codebooks, of codes that a model `takes`, or makes; what holds where neither is given.
void add_codes_options(
    CLI::App& app, ModelOptions& options, const std::string& takes = "takes",
    const std::string& otherwise =
        "; where nothing says it, as the rows of an only array do, the highest that it was "
        "trained on");
/// --threads, of the network's stream, which makes samples, or what else it is.
void add_threads_option(CLI::App& app, StreamOptions& options, const std::string& made = "samples");

}  // namespace wavestride::cli
