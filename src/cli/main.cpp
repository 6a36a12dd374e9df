#include <unistd.h>
#include <wavestride/io.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>

#include "cli/command.h"
#include "cli/man.h"

namespace {

using namespace wavestride::cli;

constexpr struct {
  const char* name;
  const char* summary;
  Setup* setup;
} commands[] = {
    {"mel", "Mel features of a sound file, as a .npy array [mels, frames]", mel_command},
    {"vocode", "A waveform from mel features (.npy), or from the features of a sound file", vocode_command},
    {"extend", "The missing band of a sound file, by a trained network", extend_command},
    {"apply", "Run one operator of the library on arrays [channels, length]", apply_command},
    {"resample", "Convert sound files to another sample rate", resample_command},
    {"plot", "A picture (PNG) of a sound file or of mel features", plot_command},
    {"compare", "How far two sound files differ: log-spectral, mel and spectral distances", compare_command},
    {"inspect", "What a checkpoint holds: model, layers, settings, tensors", inspect_command},
    {"convert", "A checkpoint and its config as one .safetensors file", convert_command},
    {"presets", "List the mel front ends", presets_command},
};

constexpr const char* footer =
    "Files appear whole or not at all. Exit codes: 0 done, 1 a file or its processing failed (the reason is "
    "on\n"
    "stderr), 2 the command line was not understood, 130 interrupted.";

enum Exit { exit_ok = 0, exit_failed = 1, exit_usage = 2, exit_interrupted = 130 };

void on_interrupt(int) {
  wavestride::remove_unfinished_outputs();
  _exit(exit_interrupted);
}

void catch_interrupts() {
  struct sigaction action {};
  action.sa_handler = on_interrupt;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaction(signal, &action, nullptr);
}

int failed(int code, const std::string& reason) {
  std::fprintf(stderr, "wavestride: %s\n", reason.c_str());
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Rate-changing operators on streams of audio and speech.", "wavestride");
  app.set_version_flag("--version", "wavestride " WAVESTRIDE_VERSION);
  app.require_subcommand(0, 1);
  app.footer(footer);
  std::function<void()> run;
  for (const auto& command : commands) {
    CLI::App* sub = app.add_subcommand(command.name, command.summary);
    sub->footer(footer);
    sub->final_callback([&run, action = command.setup(*sub)] { run = action; });
  }
  bool man = false;
  app.add_flag("--man", man, "print the manual page, for man -l -");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) return app.exit(e);
    return failed(exit_usage, e.what());
  }
  if (man) {
    std::fputs(manual_page(app, WAVESTRIDE_VERSION).c_str(), stdout);
    return exit_ok;
  }
  if (!run) return failed(exit_usage, "which command? wavestride --help lists them");
  catch_interrupts();
  try {
    run();
  } catch (const UsageError& e) {
    return failed(exit_usage, e.what());
  } catch (const std::bad_alloc&) {
    return failed(exit_failed, "not enough memory");
  } catch (const std::exception& e) {
    return failed(exit_failed, e.what());
  }
  return exit_ok;
}
