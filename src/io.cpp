#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wavestride/io.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>
#include <vector>

#include "input_file.h"
#include "printable.h"

namespace wavestride {
namespace {

std::string error_text(int error) {
  return std::generic_category().message(error);
}

// The names of temporary files, where a signal handler can take them: whoever exchanges a name for null owns
// it. Names live on the C heap so that the handler's taking them leaks instead of racing with a destructor.
std::array<std::atomic<char*>, most_output_files> temporaries{};
static_assert(std::atomic<char*>::is_always_lock_free);

bool enlist(char* name) {
  for (auto& slot : temporaries) {
    char* empty = nullptr;
    if (slot.compare_exchange_strong(empty, name)) return true;
  }
  return false;
}

// False when a signal handler was first.
bool delist(char* name) {
  for (auto& slot : temporaries) {
    char* expected = name;
    if (slot.compare_exchange_strong(expected, nullptr)) return true;
  }
  return false;
}

// Files come into being and onto the list in one step for remove_unfinished_outputs(), which waits for those
// that are about to, and lets no further thread begin.
std::atomic<bool> closed{false};
std::atomic<int> beginning{0};
static_assert(std::atomic<int>::is_always_lock_free);

// Threads that take names off the list, to remove what they name: nobody may end the process before.
std::atomic<int> removing{0};

// Counts itself in one of these while it lives. No handler runs on this thread: it would wait for the thread
// itself.
class Counted {
 public:
  explicit Counted(std::atomic<int>& count) : count_(count) {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
    ++count_;
  }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  ~Counted() {
    --count_;
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

 private:
  std::atomic<int>& count_;
  sigset_t before_;
};

void wait_for(const std::atomic<int>& count) {
  constexpr int patience_ms = 1000;  // with a file system that does not answer
  for (int i = 0; count > 0 && i < patience_ms; ++i) poll(nullptr, 0, 1);
}

[[gnu::cold]] std::string named(const std::string& path) {
  return path.empty() ? "\"\" (an empty path)" : printable(path);
}

[[gnu::cold]] std::string shortened(std::string text) {
  std::size_t end = 500;  // of whole characters
  if (text.size() <= end) return printable(text);
  while (end > 496 && (text[end] & 0xc0) == 0x80) --end;
  return printable(text.replace(end, text.npos, "…"));
}

}  // namespace

IoError::IoError(const std::string& path, const std::string& reason)
    : std::runtime_error(named(path) + ": " + shortened(reason)), path_(path), reason_(shortened(reason)) {}

bool same_file(const std::string& a, const std::string& b) {
  struct stat s, t;
  return stat(a.c_str(), &s) == 0 && stat(b.c_str(), &t) == 0 && s.st_dev == t.st_dev && s.st_ino == t.st_ino;
}

OutputFile::OutputFile(const std::string& path, std::span<const std::string> inputs)
    : path_(path), target_(path) {
  mode_t mode = 0;  // of the file that is replaced
  if (struct stat s; stat(path.c_str(), &s) == 0) {
    for (const std::string& input : inputs)
      if (same_file(path, input)) throw IoError(path, "is an input, it would be overwritten");
    if (!S_ISREG(s.st_mode)) throw IoError(path, "exists and is not a regular file");
    if (access(path.c_str(), W_OK) != 0) throw IoError(path, "can't be written: " + error_text(errno));
    mode = s.st_mode & 07777;
    std::error_code error;
    target_ = std::filesystem::canonical(path, error).string();
    if (error) throw IoError(path, "can't be resolved: " + error.message());
  } else if (errno != ENOENT || path.empty() || path.back() == '/') {
    throw IoError(path, "can't be written: " + error_text(path.empty() ? ENOENT : errno));
  }

  static std::atomic<unsigned> counter{0};
  const std::string directory = target_.substr(0, target_.find_last_of('/') + 1);
  while (descriptor_ < 0) {
    const std::string name = message(directory, ".wavestride-", getpid(), "-", counter++);
    const Counted begun(beginning);
    if (closed) throw IoError(path, "can't be written: the process ends");
    descriptor_ = open(name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor_ < 0 && errno == EEXIST) continue;
    if (descriptor_ < 0) throw IoError(path, "can't be written: " + error_text(errno));
    temporary_ = strdup(name.c_str());
    if (temporary_ && enlist(temporary_)) continue;
    const std::string reason =
        temporary_ ? message(most_output_files, " files are being written already, as many as can be at once")
                   : "out of memory";
    unlink(name.c_str());
    std::free(temporary_);
    close(descriptor_);
    throw IoError(path, reason);
  }
  if (mode != 0) fchmod(descriptor_, mode);
}

OutputFile::~OutputFile() {
  if (descriptor_ >= 0) close(descriptor_);
  if (!temporary_) return;
  unlink(temporary_);  // before a signal would find it on no list
  if (delist(temporary_)) std::free(temporary_);
}

void OutputFile::write(const void* data, std::size_t bytes) {
  for (const char* at = static_cast<const char*>(data); bytes > 0;) {
    const ssize_t written = ::write(descriptor_, at, bytes);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw IoError(path_, "writing failed: " + error_text(errno));
    at += written;
    bytes -= static_cast<std::size_t>(written);
  }
}

void OutputFile::commit() {
  if (close(std::exchange(descriptor_, -1)) != 0)
    throw IoError(path_, "writing failed: " + error_text(errno));
  if (rename(temporary_, target_.c_str()) != 0)
    throw IoError(path_, "can't be given its name: " + error_text(errno));
  if (delist(temporary_)) std::free(temporary_);
  temporary_ = nullptr;
}

void remove_unfinished_outputs() noexcept {
  const int error = errno;
  closed = true;
  {
    const Counted counted(removing);
    wait_for(beginning);
    for (auto& slot : temporaries)
      if (const char* name = slot.exchange(nullptr)) unlink(name);
  }
  wait_for(removing);  // on another thread
  errno = error;
}

namespace detail {

InputFile::InputFile(std::string path) : path_(std::move(path)) {
  // A pipe without a writer must not block.
  descriptor_ = open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (descriptor_ < 0) fail("can't be opened: ", error_text(errno));
  struct stat s;
  if (fstat(descriptor_, &s) != 0 || !S_ISREG(s.st_mode)) {
    close(descriptor_);
    fail("is not a regular file");
  }
  size_ = s.st_size;
}

InputFile::~InputFile() {
  close(descriptor_);
}

void InputFile::read_at(Index offset, std::span<std::byte> out) const {
  while (!out.empty()) {
    const ssize_t got = pread(descriptor_, out.data(), out.size(), offset);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail("reading failed: ", error_text(errno));
    if (got == 0) fail("ends at byte ", offset, " where ", out.size(), " more were expected");
    offset += got;
    out = out.subspan(static_cast<std::size_t>(got));
  }
}

namespace {

/// Pages of a file that hold some of its bytes.
class Mapping {
 public:
  Mapping(int descriptor, Index offset, Index bytes)
      : before_(offset % sysconf(_SC_PAGESIZE)),
        size_(static_cast<std::size_t>(before_ + bytes)),
        pages_(mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, descriptor, offset - before_)) {}
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping() {
    if (*this) munmap(pages_, size_);
  }

  explicit operator bool() const { return pages_ != MAP_FAILED; }
  std::span<const std::byte> bytes() const {
    return std::span(static_cast<const std::byte*>(pages_), size_).subspan(static_cast<std::size_t>(before_));
  }

 private:
  Index before_;  // between the start of the first page and the first byte
  std::size_t size_;
  void* pages_;
};

}  // namespace

void InputFile::visit(Index offset, Index bytes,
                      const std::function<void(std::span<const std::byte>)>& take) const {
  constexpr Index copied = 64 << 10, mapped = 4 << 20;
  std::vector<std::byte> buffer;
  for (Index piece = 0; bytes > 0; offset += piece, bytes -= piece) {
    if (bytes > copied) {
      piece = std::min(bytes, mapped);
      struct stat s;
      require(fstat(descriptor_, &s) == 0 && s.st_size >= offset + piece, "ends before byte ", offset + piece,
              ", where values were expected");
      if (const Mapping pages(descriptor_, offset, piece); pages) {
        take(pages.bytes());
        continue;
      }
    }
    piece = std::min(bytes, copied);
    buffer.resize(static_cast<std::size_t>(piece));
    read_at(offset, buffer);
    take(buffer);
  }
}

}  // namespace detail
}  // namespace wavestride
