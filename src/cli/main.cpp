#include <fcntl.h>
#include <unistd.h>
#include <wavestride/io.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <numeric>
#include <sstream>

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
    {"encode", "Codes of a sound file (.npy), by the encoder of a neural codec", encode_command},
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
    "Files appear whole or not at all; what goes to standard output goes as it is made, and is not whole\n"
    "unless the exit code is 0. Exit codes: 0 done, 1 a file or its processing failed (the reason is "
    "on\n"
    "stderr), 2 the command line was not understood, 130 interrupted.";

enum Exit { exit_ok = 0, exit_failed = 1, exit_usage = 2, exit_interrupted = 130 };

void on_interrupt(int) {
  announce_end();
  wavestride::remove_unfinished_outputs();
  Progress::end_line();
  _exit(exit_interrupted);
}

// For signals that say by themselves why the process ended.
void on_death(int signal) {
  announce_end();
  wavestride::remove_unfinished_outputs();
  Progress::end_line();
  std::signal(signal, SIG_DFL);
  raise(signal);  // as soon as this returns
}

// Signals that whoever started the tool ignores, as nohup does, stay ignored.
// While one is handled others wait on that thread; on another it is handled, too, which removes what is left.
void handle(int signal, void (*handler)(int)) {
  struct sigaction action {};
  if (sigaction(signal, nullptr, &action) != 0 || action.sa_handler == SIG_IGN) return;
  action = {};
  action.sa_handler = handler;
  sigfillset(&action.sa_mask);
  sigaction(signal, &action, nullptr);
}

void handle_signals() {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) handle(signal, on_interrupt);
  for (const int signal : {SIGPIPE, SIGXCPU, SIGQUIT}) handle(signal, on_death);
  handle(SIGXFSZ, SIG_IGN);  // then a write fails, and the reason is told
}

// Where a standard stream is closed, its number would go to the next file that is opened, and what is said
// would be written there. In its place comes one that refuses what the stream is for.
void fill_standard_streams() {
  for (int stream = STDIN_FILENO; stream <= STDERR_FILENO; ++stream)
    if (fcntl(stream, F_GETFD) < 0) {
      // The lowest number that is free, which is this one.
      [[maybe_unused]] const int filled = open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY);
    }
}

int failed(int code, const std::string& reason) {
  await_end();
  complain(reason);
  return code;
}

int exit_code_of(const std::function<void()>& run) {
  try {
    run();
    // What was printed has arrived only once it is out of the buffer.
    require_printed(std::fflush(stdout) == 0);
  } catch (const UsageError& e) {
    return failed(exit_usage, e.what());
  } catch (const std::bad_alloc&) {
    return failed(exit_failed, "not enough memory");
  } catch (const std::exception& e) {
    return failed(exit_failed, e.what());
  }
  return exit_ok;
}

int print(const std::string& text) {
  return exit_code_of([&] { require_printed(std::fputs(text.c_str(), stdout) >= 0); });
}

// How many letters to put in, take out or change, or neighbours to swap, to make one word the other.
std::size_t edits(const std::string& a, const std::string& b) {
  std::vector<std::size_t> before, last(b.size() + 1), row(b.size() + 1);
  std::iota(last.begin(), last.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      row[j + 1] = std::min({last[j + 1] + 1, row[j] + 1, last[j] + (a[i] != b[j])});
      if (i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j])
        row[j + 1] = std::min(row[j + 1], before[j - 1] + 1);
    }
    before = last;
    last = row;
  }
  return last.back();
}

// The one of `names` that `word` may have been meant for; "" where none is near.
std::string nearest_of(const std::vector<std::string>& names, const std::string& word) {
  std::string nearest;
  std::size_t least = std::max<std::size_t>(1, word.size() / 3) + 1;
  for (const std::string& name : names)
    if (const std::size_t n = edits(word, name); n < least) least = n, nearest = name;
  return nearest;
}

std::string no_command(const CLI::App& app, const std::string& word) {
  const bool of_tool = app.get_parent() == nullptr;
  if (of_tool && word == "help")
    return "help is no command; wavestride --help tells the commands, wavestride COMMAND --help one of them";
  std::string known;
  std::vector<std::string> names;
  for (const CLI::App* sub : app.get_subcommands({})) {
    names.push_back(sub->get_name());
    known += (known.empty() ? "" : ", ") + names.back();
  }
  const std::string nearest = nearest_of(names, word);
  return word + (of_tool ? " is no command" : " is no operator") +
         (nearest.empty() ? "" : "; did you mean " + nearest + "?") +
         (of_tool ? (nearest.empty() ? "; the commands are " : " The commands are ") + known
                  : (nearest.empty() ? "; " : " ") + std::string("wavestride apply --list names them"));
}

// The command that was given, as far as there is one, and how it is called.
std::pair<const CLI::App*, std::string> given_command(const CLI::App& app) {
  const CLI::App* command = &app;
  std::string path = "wavestride";
  while (!command->get_subcommands().empty()) {
    command = command->get_subcommands().front();
    path += ' ' + command->get_name();
  }
  return {command, path};
}

// What else an argument that is no option may have been meant for.
std::string meant(const CLI::App& command, const std::string& word) {
  std::vector<std::string> options;
  for (const CLI::Option* option : command.get_options())
    for (const std::string& name : option->get_lnames()) options.push_back("--" + name);
  if (const std::string nearest = nearest_of(options, word.substr(0, word.find('='))); !nearest.empty())
    return "; did you mean " + nearest + "?";
  return access(word.c_str(), F_OK) == 0 ? "; a file of this name is ./" + word : "";
}

// Why arguments are left over.
std::string left_over(const CLI::App& app) {
  const auto [command, path] = given_command(app);
  const std::vector<std::string> own = command->remaining(), all = app.remaining(true);
  if (!command->get_subcommands({}).empty())
    for (const std::string& word : own)
      if (!word.starts_with('-')) return no_command(*command, word);
  std::string words;
  for (const std::string& word : all) words += ' ' + word;
  return "not understood:" + words + (all.empty() ? "" : meant(*command, all.front())) + " (" + path +
         " --help tells the options)";
}

// The option that was given an empty value, "an argument" for one that is no option's; "" where none was.
// What is empty would else pass for what was not given.
std::string given_empty(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string text = argv[i], before = argv[i - 1];
    if (text.empty()) return i > 1 && before.starts_with("--") ? before : "an argument";
    if (text.starts_with("--") && text.find('=') == text.size() - 1) return text.substr(0, text.size() - 1);
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  fill_standard_streams();
  CLI::App app("Rate-changing operators on streams of audio and speech.", "wavestride");
  app.set_version_flag("--version", "wavestride " WAVESTRIDE_VERSION);
  app.require_subcommand(0, 1);
  app.footer(footer);
  std::function<void()> run;
  for (const auto& command : commands) {
    CLI::App* sub = app.add_subcommand(command.name, command.summary);
    sub->footer(footer);
    sub->final_callback([&run, action = command.setup(*sub)] { run = action; });
    for (CLI::Option* option : sub->get_options({}))
      if (option->get_positional()) option->type_name("");  // its name says what it is
  }
  if (const std::string option = given_empty(argc, argv); !option.empty())
    return failed(exit_usage, option + ": the value must not be empty");
  bool man = false;
  app.add_flag("--man", man, "print the manual page, for man -l -");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ExtrasError&) {
    return failed(exit_usage, left_over(app));
  } catch (const CLI::RequiredError& e) {
    // A name that was mistyped may be that of what is missing.
    if (!app.remaining(true).empty()) return failed(exit_usage, left_over(app));
    return failed(exit_usage, std::string(e.what()) + " (" + given_command(app).second + " --help)");
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) {
      std::ostringstream text;
      app.exit(e, text, text);
      return print(text.str());
    }
    return failed(exit_usage, e.what());
  }
  if (man) return print(manual_page(app, WAVESTRIDE_VERSION));
  if (!run) return failed(exit_usage, "which command? wavestride --help lists them");
  handle_signals();
  return exit_code_of(run);
}
