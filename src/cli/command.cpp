#include "cli/command.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>

namespace wavestride::cli {

std::string fixed(double v, int decimals) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", decimals, v);
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

std::string not_positive(const std::string& text) {
  double v = 0;
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, v);
  return error == std::errc{} && at == end && v > 0 ? "" : "must be a positive number, got " + text;
}

namespace {

thread_local int silences = 0;

}  // namespace

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
  if (visible_) std::fputs("\r\033[K", stderr);
  visible_ = false;
}

void Progress::show(std::optional<double> part) {
  using namespace std::chrono_literals;
  const auto now = Clock::now();
  if (!terminal_ || !part || now - start_ < 1s || (visible_ && now - shown_ < 100ms)) return;
  constexpr std::size_t width = 40;
  const double done = std::clamp(*part, 0.0, 1.0);
  const auto filled = static_cast<std::size_t>(width * done);
  const std::string bar = std::string(filled, '#') + std::string(width - filled, ' ');
  std::fprintf(stderr, "\r%s [%s] %3d %%\033[K", label_.c_str(), bar.c_str(), static_cast<int>(100 * done));
  shown_ = now;
  visible_ = true;
}

}  // namespace wavestride::cli
