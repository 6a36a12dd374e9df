// A subcommand of the tool declares its options and gives the function that runs it; what several commands
// need stands here too.
#pragma once

#include <wavestride/geometry.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "check.h"
#include "printable.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace wavestride::cli {

/// Declares a command's options on `app` and returns what runs the command once they are parsed.
using Setup = std::function<void()>(CLI::App& app);

Setup apply_command, compare_command, convert_command, encode_command, extend_command, inspect_command,
    mel_command, plot_command, presets_command, resample_command, vocode_command;

/// Options that contradict each other: exit code 2, as for an unknown option.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Throws IoError, by errno, unless something was printed to standard output.
void require_printed(bool printed);

/// Writes to standard output at once. Throws IoError, by errno.
void print_bytes(const void* data, std::size_t bytes);

/// A line on standard output, printable() as those of the following are.
template <class... Parts>
void say(const Parts&... parts) {
  require_printed(std::puts(printable(message(parts...)).c_str()) >= 0);
}

/// A line on standard error, for commands whose result goes to standard output.
template <class... Parts>
void say_aside(const Parts&... parts) {
  std::fprintf(stderr, "%s\n", printable(message(parts...)).c_str());
}

/// A line on standard error of what went wrong.
template <class... Parts>
void complain(const Parts&... parts) {
  say_aside("wavestride: ", parts...);
}

/// "0.033" for 3 decimals.
std::string fixed(double v, int decimals);

/// "3.020 s at 16000 Hz".
std::string duration_text(Index samples, Index sample_rate_hz);
/// "0.500 s of work, real-time factor 0.1656" for a signal of so many seconds.
std::string work_text(double spent, double seconds);

/// A decimal integer and nothing else.
std::optional<Index> parse_index(const std::string& text);

/// What messages call an input and an output: "standard input" for "-".
std::string input_name(const std::string& path);
std::string output_name(const std::string& path);

/// Says on standard error that samples of a file were clipped, where any were.
void say_clipped(const std::string& path, Index samples);

/// What a name ends in, in small letters: ".npy".
std::string extension_of(const std::filesystem::path& path);

/// Throws UsageError unless the name of an output ends as it must (".npy"), in small letters or capitals: the
/// name of an input that got into its place does not.
void require_extension(const std::string& output, const std::string& extension,
                       const std::string& what = "OUT");

/// An option that has no say in some runs of its command.
struct LimitedOption {
  std::string name;     ///< "--from"
  bool used;            ///< whether it has a say in this run
  std::string purpose;  ///< what it is for: "for --describe"
};

/// Throws UsageError on those that were given and are not used.
void require_used(const CLI::App& app, const std::vector<LimitedOption>& options);

/// Throws UsageError where a path is - and what stands for it is a terminal, which sound and features are
/// nothing for.
void require_no_terminal(const std::string& input, const std::string& output);

/// For handlers of signals that end the process: threads that come to await_end() from now on wait for it.
void announce_end() noexcept;
/// Once the end is announced, waits for it: of what fails by then nobody need be told.
void await_end() noexcept;

/// A bar on stderr, from one second of work on, when stderr is a terminal, on one line of it; gone when the
/// object is.
class Progress {
 public:
  explicit Progress(std::string label);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// `done` of the whole, 0 … 1; nothing is shown where nobody knows.
  void show(std::optional<double> done);
  /// Removes the bar until it is shown again.
  void clear();
  /// Ends the line of a bar that stands on the terminal, for what comes after the process. Async-signal-safe.
  static void end_line() noexcept;

  /// While it lives, bars that the thread makes stay invisible.
  class Silence {
   public:
    Silence();
    ~Silence();
    Silence(const Silence&) = delete;
    Silence& operator=(const Silence&) = delete;
  };

 private:
  using Clock = std::chrono::steady_clock;
  std::string label_;
  Clock::time_point start_ = Clock::now(), shown_ = start_;
  bool terminal_, visible_ = false;
};

/// Measures from when it is made.
class Timer {
 public:
  double seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start_ = Clock::now();
};

}  // namespace wavestride::cli
