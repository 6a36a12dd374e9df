#include "cli/command.h"

#include <sys/ioctl.h>
#include <unistd.h>
#include <wavestride/io.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <system_error>

namespace wavestride::cli {

void require_printed(bool printed) {
  if (!printed)
    throw IoError("standard output", "can't be written: " + std::generic_category().message(errno));
}

void print_bytes(const void* data, std::size_t bytes) {
  require_printed(bytes == 0 || (std::fwrite(data, 1, bytes, stdout) == bytes && std::fflush(stdout) == 0));
}

std::string fixed(double v, int decimals) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", decimals, std::isnan(v) ? std::abs(v) : v);  // NaN without a sign
  return text;
}

std::string duration_text(Index samples, Index sample_rate_hz) {
  return message(fixed(static_cast<double>(samples) / static_cast<double>(sample_rate_hz), 3), " s at ",
                 sample_rate_hz, " Hz");
}

std::string work_text(double spent, double seconds) {
  const std::string work = fixed(spent, 3) + " s of work";
  return seconds > 0 ? work + ", real-time factor " + fixed(spent / seconds, 4) : work;
}

std::optional<Index> parse_index(const std::string& text) {
  Index n = 0;
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, n);
  return error == std::errc{} && at == end ? std::optional(n) : std::nullopt;
}

std::string input_name(const std::string& path) {
  return path == "-" ? "standard input" : path;
}

std::string output_name(const std::string& path) {
  return path == "-" ? "standard output" : path;
}

void say_clipped(const std::string& path, Index samples) {
  if (samples > 0) complain(output_name(path), ": ", samples, " samples beyond full scale were clipped");
}

std::string extension_of(const std::filesystem::path& path) {
  std::string ending = path.extension().string();
  for (char& c : ending) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return ending;
}

void require_extension(const std::string& output, const std::string& extension, const std::string& what) {
  if (extension_of(output) != extension)
    throw UsageError("the name of " + what + " must end in " + extension + ", got " + output);
}

void require_used(const CLI::App& app, const std::vector<LimitedOption>& options) {
  for (const auto& [name, used, purpose] : options)
    if (!used && app.count(name) > 0) throw UsageError(name + " is " + purpose);
}

void require_no_terminal(const std::string& input, const std::string& output) {
  if (input == "-" && isatty(STDIN_FILENO) != 0)
    throw UsageError("standard input is a terminal: let a file or a program send to it");
  if (output == "-" && isatty(STDOUT_FILENO) != 0)
    throw UsageError("standard output is a terminal: send it to a file or a program");
}

namespace {

std::atomic<bool> ending{false};
thread_local int silences = 0;
std::atomic<bool> bar_stands{false};
static_assert(std::atomic<bool>::is_always_lock_free);

std::size_t terminal_columns() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

// Characters of UTF-8, and the columns that they take: two from U+1000 on, where the wide ones are.
bool begins_character(char c) {
  return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
}
std::size_t columns_of(char first) {
  return static_cast<unsigned char>(first) >= 0xe1 ? 2 : 1;
}

// As much of a label as fits, with … where something is missing, and the columns that it takes.
std::pair<std::string, std::size_t> fitted(const std::string& label, std::size_t columns) {
  const std::string text = printable(label);
  std::size_t whole = 0;
  for (const char c : text)
    if (begins_character(c)) whole += columns_of(c);
  if (whole <= columns) return {text, whole};
  if (columns == 0) return {"", 0};
  std::size_t end = 0, used = 1;  // by the …
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!begins_character(text[i])) continue;
    end = i;
    if (used + columns_of(text[i]) > columns) break;
    used += columns_of(text[i]);
  }
  return {text.substr(0, end) + "…", used};
}

// "label [###   ]  50 %" in less than so many columns: the last one stays free, lest the line wraps.
std::string bar_line(const std::string& label, double part, std::size_t columns) {
  constexpr std::size_t widest = 40, around = 9, least_label = 10;  // around: " [] 100 %"
  const auto percent = static_cast<int>(100 * part);
  char number[16];
  std::snprintf(number, sizeof number, "%3d %%", percent);
  if (columns < around + 3) return number;
  const std::size_t room = columns - 1 - around;
  const auto [text, taken] =
      fitted(label, std::min(room, std::max(least_label, room - std::min(room, widest))));
  const std::size_t width = std::min(widest, room - taken);
  const auto filled = static_cast<std::size_t>(static_cast<double>(width) * part);
  return text + " [" + std::string(filled, '#') + std::string(width - filled, ' ') + "] " + number;
}

}  // namespace

void announce_end() noexcept {
  ending = true;
}

void await_end() noexcept {
  while (ending) pause();
}

Progress::Silence::Silence() {
  ++silences;
}

Progress::Silence::~Silence() {
  --silences;
}

Progress::Progress(std::string label)
    : label_(std::move(label)), terminal_(silences == 0 && isatty(STDERR_FILENO) != 0) {}

Progress::~Progress() {
  clear();
}

void Progress::clear() {
  if (!visible_) return;
  std::fputs("\r\033[K", stderr);
  visible_ = bar_stands = false;
}

void Progress::end_line() noexcept {
  if (!bar_stands.exchange(false)) return;
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, "\n", 1);
}

void Progress::show(std::optional<double> part) {
  using namespace std::chrono_literals;
  const auto now = Clock::now();
  if (!terminal_ || !part || now - start_ < 1s || (visible_ && now - shown_ < 100ms)) return;
  const std::string line = bar_line(label_, std::clamp(*part, 0.0, 1.0), terminal_columns());
  visible_ = bar_stands = true;
  std::fprintf(stderr, "\r%s\033[K", line.c_str());
  shown_ = now;
}

}  // namespace wavestride::cli
