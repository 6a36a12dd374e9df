#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <wavestride/io.h>

#include <chrono>
#include <csignal>
#include <cstring>
#include <fstream>
#include <memory>
#include <thread>

#include "hostile.h"
#include "input_file.h"

using namespace wavestride;
using namespace wavestride::testing;

namespace {
std::chrono::milliseconds removal{0};
}

// The system's, after as long as a test has it take.
extern "C" int unlink(const char* name) noexcept {
  std::this_thread::sleep_for(removal);
  return static_cast<int>(syscall(SYS_unlinkat, AT_FDCWD, name, 0));
}

TEST_CASE("an output file appears whole at commit, or not at all") {
  const TemporaryDirectory dir;
  const std::string path = dir / "out";
  {
    OutputFile file(path);
    file.write("abc", 3);
    CHECK_FALSE(std::filesystem::exists(path));
    CHECK(dir.size() == 1);
  }
  CHECK(dir.size() == 0);
  {
    OutputFile file(path);
    file.write("abc", 3);
    file.write("def", 3);
    file.commit();
    CHECK(file_bytes(path) == "abcdef");
  }
  CHECK(file_bytes(path) == "abcdef");
  CHECK(dir.size() == 1);
}

TEST_CASE("what stood at the path stays until commit, and keeps its mode and its links") {
  const TemporaryDirectory dir;
  const std::string path = dir / "out", link = dir / "link";
  write_bytes(path, "old");
  REQUIRE(chmod(path.c_str(), 0640) == 0);
  std::filesystem::create_symlink("out", link);
  { OutputFile(link).write("half", 4); }
  CHECK(file_bytes(path) == "old");
  OutputFile file(link);
  file.write("new", 3);
  CHECK(file_bytes(path) == "old");
  file.commit();
  CHECK(file_bytes(path) == "new");
  CHECK(std::filesystem::is_symlink(link));
  struct stat s;
  REQUIRE(stat(path.c_str(), &s) == 0);
  CHECK((s.st_mode & 07777) == 0640);
}

TEST_CASE("an output file refuses to replace an input, under any name, and what is no file") {
  const TemporaryDirectory dir;
  const std::string in = dir / "in";
  write_bytes(in, "x");
  std::filesystem::create_symlink(in, dir / "soft");
  std::filesystem::create_hard_link(in, dir / "hard");
  const std::vector<std::string> inputs{dir / "absent", in};
  for (const std::string& path : {in, dir / "soft", dir / "hard", dir / "." + "/in"})
    CHECK(refusal([&] { OutputFile(path, inputs); }) == "is an input, it would be overwritten");
  CHECK(same_file(in, dir / "hard"));
  CHECK_FALSE(same_file(dir / "absent", dir / "absent"));
  CHECK(refusal([&] { OutputFile("/dev/null"); }) == "exists and is not a regular file");
  CHECK(refusal([&] { OutputFile(dir / ""); }) == "exists and is not a regular file");
  CHECK(refusal([&] { OutputFile(""); }) == "can't be written: No such file or directory");
  CHECK(refusal([&] { OutputFile(dir / "no/out"); }) == "can't be written: No such file or directory");
  CHECK(refusal([&] { OutputFile(in + "/out"); }) == "can't be written: Not a directory");
  CHECK(dir.size() == 3);
}

namespace {

// Runs `call` in a process of its own, for what changes or ends a whole process; returns its exit status.
template <class Call>
int status_of_child(Call call) {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) _exit(call());
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void on_interrupt(int) {
  remove_unfinished_outputs();
  _exit(130);
}

}  // namespace

TEST_CASE("a full disk is an error with the file's name") {
  const TemporaryDirectory dir;
  const std::string path = dir / "out", much(10000, 'x');
  CHECK(status_of_child([&] {
          std::signal(SIGXFSZ, SIG_IGN);
          const rlimit limit{4096, 4096};
          setrlimit(RLIMIT_FSIZE, &limit);
          return refusal([&] { OutputFile(path).write(much.data(), much.size()); }) !=
                 "writing failed: File too large";
        }) == 0);
  CHECK(dir.size() == 0);
}

TEST_CASE("there are so many output files at once, and one more is refused") {
  const TemporaryDirectory dir;
  std::vector<std::unique_ptr<OutputFile>> files;
  for (std::size_t i = 0; i < most_output_files; ++i)
    files.push_back(std::make_unique<OutputFile>(dir / std::to_string(i)));
  CHECK(refusal([&] { OutputFile(dir / "more"); }) ==
        "256 files are being written already, as many as can be at once");
  files.pop_back();
  OutputFile(dir / "more").commit();
  files.clear();
  CHECK(dir.size() == 1);
}

TEST_CASE("a signal handler leaves no half file") {
  const TemporaryDirectory dir;
  CHECK(status_of_child([&] {
          std::signal(SIGINT, on_interrupt);
          OutputFile whole(dir / "whole"), half(dir / "half"), other(dir / "other");
          whole.write("x", 1);
          whole.commit();
          half.write("x", 1);
          std::raise(SIGINT);
          return 1;
        }) == 130);
  CHECK(dir.size() == 1);
  CHECK(file_bytes(dir / "whole") == "x");
}

TEST_CASE("no signal handler ends the process before another has removed its files") {
  const TemporaryDirectory dir;
  for (int round = 0; round < 3; ++round)
    CHECK(status_of_child([&] {
            removal = std::chrono::milliseconds(5);
            std::vector<std::unique_ptr<OutputFile>> files;
            for (int i = 0; i < 5; ++i)
              files.push_back(std::make_unique<OutputFile>(dir / std::to_string(i)));
            std::atomic<int> there{0};
            const auto end = [&] {
              for (++there; there < 2;) std::this_thread::yield();
              on_interrupt(SIGINT);
            };
            const std::thread other(end);
            end();
            return 1;
          }) == 130);
  CHECK(dir.size() == 0);
}

TEST_CASE("what a signal handler removed is no more committed") {
  const TemporaryDirectory dir;
  CHECK(status_of_child([&] {
          OutputFile file(dir / "out");
          remove_unfinished_outputs();
          return refusal([&] { file.commit(); }) != "can't be given its name: No such file or directory";
        }) == 0);
  CHECK(dir.size() == 0);
}

TEST_CASE("behind a signal handler no further file begins") {
  const TemporaryDirectory dir;
  CHECK(status_of_child([&] {
          remove_unfinished_outputs();
          return refusal([&] { OutputFile(dir / "out"); }) != "can't be written: the process ends";
        }) == 0);
  CHECK(dir.size() == 0);
}

TEST_CASE("an IoError names file and reason, printable and short") {
  const IoError e("a.npy", "has \x1b[2J\n" + std::string(10000, 'x'));
  CHECK(e.path() == "a.npy");
  CHECK(std::string(e.what()) == "a.npy: " + e.reason());
  CHECK(e.reason().starts_with("has \\033[2J\\nxxx"));
  CHECK(e.reason().size() < 600);
  std::string much(498, 'x');
  CHECK(IoError("a.npy", much + "声声").reason() == much.append("…"));
  const IoError of_name("å\x1b[2J.wav", "is lost");
  CHECK(of_name.path() == "å\x1b[2J.wav");
  CHECK(std::string(of_name.what()) == "å\\033[2J.wav: is lost");
}

TEST_CASE("an empty path is called so") {
  const std::string none = "\"\" (an empty path): ";
  CHECK_THROWS_WITH(OutputFile(""), none + "can't be written: No such file or directory");
  CHECK_THROWS_WITH(detail::InputFile(""), none + "can't be opened: No such file or directory");
}

TEST_CASE("bytes in bulk are those of the file, wherever they begin, mapped or copied") {
  const TemporaryDirectory dir;
  const std::string path = dir / "bulk";
  std::string bytes(9'000'000, '\0');
  Rng rng(5);
  for (char& c : bytes) c = static_cast<char>(rng());
  write_bytes(path, bytes);
  const detail::InputFile file(path);
  const auto visited = [&](Index offset, Index size) {
    Index at = offset;
    bool same = true;
    file.visit(offset, size, [&](std::span<const std::byte> piece) {
      same = same && (at + std::ssize(piece) == offset + size || piece.size() % 8 == 0) &&
             std::memcmp(piece.data(), bytes.data() + at, piece.size()) == 0;
      at += std::ssize(piece);
    });
    return same && at == offset + size;
  };
  const auto all_visited = [&] {
    for (const auto& [offset, size] :
         {std::pair<Index, Index>{0, 0}, {7, 1}, {4095, 65'536}, {4097, 65'537}, {1, 8'999'999}})
      CHECK(visited(offset, size));
  };
  all_visited();
  // Without room for a mapping in the address space.
  rlimit before;
  REQUIRE(getrlimit(RLIMIT_AS, &before) == 0);
  Index pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  const rlimit tight{static_cast<rlim_t>(pages * sysconf(_SC_PAGESIZE) + (1 << 20)), before.rlim_max};
  REQUIRE(setrlimit(RLIMIT_AS, &tight) == 0);
  const bool copied = visited(1, 8'999'999);
  REQUIRE(setrlimit(RLIMIT_AS, &before) == 0);
  CHECK(copied);

  REQUIRE(truncate(path.c_str(), 5'000'000) == 0);
  CHECK(visited(0, 5'000'000));
  for (const auto& [offset, size] : {std::pair<Index, Index>{4'000'000, 1'000'001}, {4'999'999, 2}})
    CHECK(refusal([&] { file.visit(offset, size, [](std::span<const std::byte>) {}); }).starts_with("ends "));
}
