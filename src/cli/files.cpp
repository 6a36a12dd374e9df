#include "cli/files.h"

#include <wavestride/io.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <cctype>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

#include "cli/integers.h"
#include "cli/sound_output.h"

namespace fs = std::filesystem;

namespace wavestride::cli {

struct Files::Options {
  CLI::App* app = nullptr;
  std::vector<std::string> given;
  std::string list, out_dir, extension;
  FileKinds kinds;
  Index jobs = 1;
  Index shard = 0, shards = 1;
  bool resume = false;
};

namespace {

struct Item {
  std::string in, out;
};

/// Why no sound file is named so; nothing where one may be.
std::optional<std::string> no_sound_name(const std::string& name) {
  try {
    nearest_sample_format(name, SampleFormat::int16);
    return {};
  } catch (const IoError& e) {
    return e.what();
  }
}

// The sound files in a folder and those in it, and the .npy files where they are wanted.
class Search {
 public:
  Search(const std::string& folder, bool features, const std::string& out_dir)
      : features_(features), out_dir_(out_dir) {
    if (const std::error_code error = look_into(folder))
      throw IoError(folder, "can't be searched: " + error.message());
    std::sort(files_.begin(), files_.end());
  }

  const std::vector<fs::path>& files() const { return files_; }
  /// Folders that could not be searched, of which standard error was told.
  std::size_t failures() const { return failures_; }

 private:
  std::error_code look_into(const fs::path& folder) {
    std::error_code error, ignored;
    above_.push_back(folder);
    for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
      if (at->path().filename().string().front() == '.') continue;
      if (at->is_directory(ignored)) {
        if (fs::equivalent(at->path(), out_dir_, ignored)) continue;
        if (at->is_symlink(ignored) && leads_back(at->path())) continue;
        if (const std::error_code inner = look_into(at->path())) {
          complain(at->path().string(), ": can't be searched: ", inner.message());
          ++failures_;
        }
        continue;
      }
      if (wanted(extension_of(at->path())) && at->is_regular_file(ignored)) files_.push_back(at->path());
    }
    above_.pop_back();
    return error;
  }

  /// Whether a link leads to a folder that is being searched.
  bool leads_back(const fs::path& link) const {
    std::error_code ignored;
    return std::ranges::any_of(above_,
                               [&](const fs::path& folder) { return fs::equivalent(folder, link, ignored); });
  }

  /// Whether files of that name are read, which say themselves what they hold.
  bool wanted(const std::string& extension) {
    const auto [known, fresh] = wanted_.emplace(extension, false);
    if (fresh)
      known->second = extension == ".npy" ? features_ : extension != ".raw" && !no_sound_name(extension);
    return known->second;
  }

  bool features_;
  fs::path out_dir_;
  std::vector<fs::path> above_;         // the folder that is being searched, and those that it was found in
  std::map<std::string, bool> wanted_;  // by extension
  std::vector<fs::path> files_;
  std::size_t failures_ = 0;
};

std::vector<fs::path> listed_files(const std::string& list) {
  std::ifstream file;
  if (list != "-") {
    file.open(list);
    if (!file) throw IoError(list, "can't be opened: " + std::generic_category().message(errno));
  }
  std::istream& lines = list == "-" ? std::cin : file;
  std::vector<fs::path> files;
  constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";  // as some editors put it before UTF-8
  Index number = 1;
  for (std::string line; std::getline(lines, line); ++number) {
    if (number == 1 && line.starts_with(byte_order_mark)) line.erase(0, byte_order_mark.size());
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (std::ranges::any_of(line, [](char c) { return std::iscntrl(static_cast<unsigned char>(c)) != 0; }))
      throw IoError(input_name(list),
                    message("is no list of files: line ", number, " holds control characters"));
    if (!line.empty()) files.emplace_back(line);
  }
  if (lines.bad()) throw IoError(input_name(list), "reading failed");
  return files;
}

// The folder that all files lie below.
fs::path common_folder(const std::vector<fs::path>& files) {
  fs::path common = files.empty() ? fs::path() : fs::absolute(files[0]).lexically_normal().parent_path();
  for (const fs::path& file : files) {
    const fs::path folder = fs::absolute(file).lexically_normal().parent_path();
    const auto differ = std::mismatch(common.begin(), common.end(), folder.begin(), folder.end()).first;
    fs::path shared;
    for (auto part = common.begin(); part != differ; ++part) shared /= *part;
    common = shared;
  }
  return common;
}

// Outputs keep the folders that inputs have below the folder that they share.
std::vector<Item> items_of(const std::vector<fs::path>& files, const fs::path& folder,
                           const fs::path& out_dir, const std::string& extension) {
  const auto plain = [](const fs::path& path) { return fs::absolute(path).lexically_normal(); };
  std::set<fs::path> inputs;
  for (const fs::path& file : files) inputs.insert(plain(file));
  std::vector<Item> items;
  std::map<fs::path, fs::path> made_of;
  for (const fs::path& file : files) {
    fs::path name = plain(file).lexically_relative(folder);
    if (!extension.empty()) name.replace_extension(extension);
    const fs::path out = out_dir / name;
    if (inputs.count(plain(out)) > 0) throw IoError(out.string(), "is an input, it would be overwritten");
    const auto [source, fresh] = made_of.emplace(plain(out), file);
    if (fresh)
      items.push_back({file.string(), out.string()});
    else if (source->second != file)
      throw IoError(out.string(), "would be made of " + source->second.string() + " and of " + file.string());
  }
  return items;
}

// Whether the output is there and no older than its input: it appeared whole, so it is finished.
bool finished(const Item& item) {
  std::error_code in_error, out_error;
  const auto in = fs::last_write_time(item.in, in_error), out = fs::last_write_time(item.out, out_error);
  return !in_error && !out_error && out >= in;
}

void make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw IoError(folder.string(), "can't be made: " + error.message());
}

// Each writes one file at a time.
constexpr auto most_jobs = static_cast<Index>(most_output_files);

// Works through items with several threads; what goes wrong with one is said and counted.
class Batch {
 public:
  Batch(std::vector<Item> items, const MakeFile& make) : items_(std::move(items)), make_(make) {}

  void run(Index jobs) {
    const Index threads = std::min(jobs, static_cast<Index>(items_.size()));
    std::vector<std::thread> workers;
    try {
      for (Index i = 1; i < threads; ++i) workers.emplace_back([this] { work(); });
    } catch (const std::system_error&) {
      // The system allows no more of them: those that there are do the work.
    }
    work();
    for (std::thread& worker : workers) worker.join();
    progress_.clear();
  }

  std::size_t failures() const { return failures_; }
  double seconds() const { return seconds_; }

 private:
  void work() {
    const Progress::Silence silence;
    for (std::size_t i; (i = next_++) < items_.size();) {
      Made made;
      std::string complaint;
      try {
        make_folder(fs::path(items_[i].out).parent_path());
        made = make_(items_[i].in, items_[i].out);
      } catch (const std::bad_alloc&) {
        complaint = "not enough memory";
      } catch (const std::exception& e) {
        complaint = e.what();
      }
      await_end();
      const std::lock_guard lock(mutex_);
      if (!complaint.empty()) {
        // Complaints name the file that they are about, which may be the output.
        const std::string in = printable(items_[i].in);
        if (complaint.find(in) == complaint.npos) complaint = in + ": " + complaint;
        progress_.clear();
        complain(complaint);
        ++failures_;
      }
      if (made.clipped > 0) {
        progress_.clear();
        say_clipped(items_[i].out, made.clipped);
      }
      seconds_ += made.seconds;
      progress_.show(static_cast<double>(++done_) / static_cast<double>(items_.size()));
    }
  }

  const std::vector<Item> items_;
  const MakeFile& make_;
  std::atomic<std::size_t> next_{0};
  std::mutex mutex_;
  std::size_t done_ = 0, failures_ = 0;
  double seconds_ = 0;
  Progress progress_{"files"};
};

}  // namespace

void require_sound_name(const std::string& name, const std::string& bits, const std::string& what) {
  if (const auto reason = no_sound_name(name)) throw UsageError(what + ": " + *reason);
  if (bits.empty()) return;
  const std::string extension = name.substr(name.rfind('.'));
  const SampleFormat wanted = sample_format(bits), nearest = nearest_sample_format(name, wanted);
  if (nearest == SampleFormat::automatic)
    throw UsageError("--bits is for uncompressed sound and .flac, not for " + extension);
  if (nearest != wanted) throw UsageError("--bits of " + extension + " is 16 or 24, got " + bits);
}

Files::Files(CLI::App& app, const std::string& in_help, const std::string& out_help, FileKinds kinds)
    : options_(std::make_shared<Options>()) {
  options_->app = &app;
  options_->extension = kinds.extension;
  options_->kinds = std::move(kinds);
  const auto o = options_;
  app.add_option("FILES", o->given,
                 "IN OUT, or with --out-dir inputs alone; IN: " + in_help + "; OUT: " + out_help);
  const std::string batch = "Batches";
  app.add_option("--out-dir", o->out_dir, "make one file of each input, in this folder")
      ->type_name("DIR")
      ->group(batch);
  app.add_option(
         "--list", o->list,
         "inputs, one path a line (- is standard input), or a folder that is searched, with those in "
         "it and those that links lead to, for files by their extensions: not in --out-dir, and "
         "nothing whose name begins with a dot; outputs keep the folders below the one that all share")
      ->type_name("FILE|DIR")
      ->group(batch);
  app.add_option("--extension", o->extension,
                 "of the outputs" + std::string(o->extension.empty() ? ", if not that of the input" : ""))
      ->capture_default_str()
      ->type_name(".EXT")
      ->group(batch);
  app.add_option("--jobs", o->jobs, "files at a time; 0: as many as the machine has processors")
      ->transform(decimal<Index>(0, most_jobs))
      ->capture_default_str()
      ->type_name("N")
      ->group(batch);
  app.add_option_function<std::string>(
         "--shard",
         [o](const std::string& text) {
           const std::size_t slash = text.find('/');
           const auto shard = parse_index(text.substr(0, slash));
           const auto shards = slash == text.npos ? std::nullopt : parse_index(text.substr(slash + 1));
           if (!shard || !shards || *shard < 0 || *shard >= *shards)
             throw CLI::ValidationError("--shard", "must be I/N with I from 0 to N-1, got " + text);
           o->shard = *shard, o->shards = *shards;
         },
         "only part I of the inputs, divided in N, I from 0 to N-1")
      ->type_name("I/N")
      ->group(batch);
  app.add_flag("--resume", o->resume, "skip outputs that are there and no older than their inputs")
      ->group(batch);
}

void Files::run(const MakeFile& make) const {
  const Options& o = *options_;
  if (o.out_dir.empty()) {
    if (o.given.size() != 2) throw UsageError("give IN and OUT, or any number of inputs and --out-dir");
    if (!o.list.empty() || o.resume || o.shards > 1)
      throw UsageError("--list, --shard and --resume need --out-dir");
    require_used(*o.app, {{"--jobs", false, "for batches, which need --out-dir"},
                          {"--extension", false, "for batches, which need --out-dir"},
                          {"--shard", false, "for batches, which need --out-dir"}});
    if (o.kinds.extension_fixed && o.given[1] != "-") require_extension(o.given[1], o.kinds.extension);
    require_no_terminal(o.given[0], o.given[1]);
    const Made made = make(o.given[0], o.given[1]);
    say_clipped(o.given[1], made.clipped);
    for (const std::string& line : made.lines) o.given[1] == "-" ? say_aside(line) : say(line);
    return;
  }
  if (o.given.empty() == o.list.empty()) throw UsageError("--out-dir needs inputs, or --list");
  if (!o.extension.empty() && o.extension.front() != '.')
    throw UsageError("--extension begins with a dot, got " + o.extension);
  if (o.extension.find('/') != o.extension.npos)
    throw UsageError("--extension is no path, got " + o.extension);
  if (o.kinds.extension_fixed && CLI::detail::to_lower(o.extension) != o.kinds.extension)
    throw UsageError("--extension must be " + o.kinds.extension + ", got " + o.extension);

  std::error_code ignored;
  const bool folder = fs::is_directory(o.list, ignored);
  std::vector<fs::path> files(o.given.begin(), o.given.end());
  std::size_t unsearched = 0;
  if (folder) {
    const Search search(o.list, o.kinds.features, o.out_dir);
    files = search.files();
    if (files.empty() && search.failures() == 0)
      throw IoError(o.list, o.kinds.features ? "holds no sound files and no .npy" : "holds no sound files");
    unsearched = search.failures();
  } else if (!o.list.empty()) {
    files = listed_files(o.list);
  }
  if (std::ranges::count(files, "-") > 0)
    throw UsageError("- can't be in a batch: standard input and output are for IN and OUT alone");
  if (o.kinds.features &&
      std::ranges::all_of(files, [](const fs::path& file) { return is_npy(file.string()); }))
    require_used(*o.app, {{"--channel", files.empty(), "for sound files, and the inputs hold features"}});
  const fs::path root =
      folder ? (fs::absolute(o.list) / "").lexically_normal().parent_path() : common_folder(files);
  std::vector<Item> items;
  Index number = 0, there = 0;
  for (Item& item : items_of(files, root, o.out_dir, o.extension)) {
    if (number++ % o.shards != o.shard) continue;
    if (o.resume && finished(item))
      ++there;
    else
      items.push_back(std::move(item));
  }

  if (!items.empty()) make_folder(o.out_dir);
  const Timer timer;
  const auto made = items.size();
  Batch batch(std::move(items), make);
  batch.run(o.jobs > 0 ? o.jobs : std::clamp<Index>(std::thread::hardware_concurrency(), 1, most_jobs));
  say(made - batch.failures(), " of ", made, " files made",
      there > 0 ? message(", ", there, " were there") : "", ": ", fixed(batch.seconds(), 1),
      " s of audio in ", fixed(timer.seconds(), 1), " s");
  if (batch.failures() > 0)
    throw std::runtime_error(message(batch.failures(), " of ", made, " files failed"));
  if (unsearched > 0) throw std::runtime_error(message(unsearched, " folders could not be searched"));
}

void Files::require_sounds(const std::string& bits) const {
  const Options& o = *options_;
  const bool batch = !o.out_dir.empty();
  const std::string& name = batch ? o.extension : o.given.size() == 2 ? o.given[1] : o.extension;
  if (name.empty() || name == "-" || (batch && (name.front() != '.' || name.find('/') != name.npos))) return;
  require_sound_name(name, bits, batch ? "--extension" : "OUT");
}

std::string Files::only_input() const {
  return options_->out_dir.empty() && !options_->given.empty() ? options_->given[0] : "";
}

void Files::require_none(const std::string& why) const {
  if (!options_->given.empty()) throw UsageError("IN and OUT are " + why);
  std::vector<LimitedOption> all;
  for (const char* name : {"--out-dir", "--list", "--extension", "--jobs", "--shard", "--resume"})
    all.push_back({name, false, why});
  require_used(*options_->app, all);
}

}  // namespace wavestride::cli
